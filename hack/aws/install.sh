#!/bin/sh
# Installs what test/cognito runs, in the versions that are pinned here, and prints the folder. It keeps the folder in
# the user's cache, so that later runs find it.
#
#   hack/aws/install.sh python   a virtual environment with moto, boto3 and the AWS CLI
#   hack/aws/install.sh node     AWS's SDK for JavaScript, in node_modules
#
# Where Python or Node.js is missing, it says so in one line, prints no folder, and succeeds.
set -eu
cd "$(dirname "$0")"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/logout-operator

# missing PROGRAM, SCRIPT, LINE: whether the program is missing or the script fails in it, and then prints the line.
missing() {
  command -v "$1" >/dev/null && "$1" "$2" "$3" >/dev/null 2>&1 && return 1
  echo "$4" >&2
}

# key FILE...: a short name for the contents.
key() { cat "$@" | cksum | cut -d ' ' -f 1; }

# keep NAME, FUNCTION: prints the folder of this name. If it does not exist, the function fills it.
keep() {
  if ! [ -d "$cache/$1" ]; then
    mkdir -p "$cache"
    new=$(mktemp -d "$cache/new.XXXXXX")
    trap 'rm -rf "$new"' EXIT
    echo "installing $1 into $cache (the first time only)" >&2
    "$2" "$new" >&2
    [ -d "$cache/$1" ] || mv "$new" "$cache/$1"
  fi
  echo "$cache/$1"
}

fill_python() {
  python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --require-hashes --only-binary :all: \
    -r requirements.txt
}

fill_node() {
  cp package.json package-lock.json "$1"
  npm --prefix "$1" ci --ignore-scripts --no-audit --no-fund --loglevel=error
}

case ${1:-} in
python)
  missing python3 -c 'import ensurepip, sys, venv; assert sys.version_info >= (3, 10)' \
    "make cognito: skipped, because there is no python3 from version 3.10 on with venv and pip" && exit
  keep "moto-$(sed -n 's/^moto==\([0-9.]*\).*/\1/p' requirements.txt)-$(python3 -c \
    'import sys; print("py%d.%d" % sys.version_info[:2])')-$(key requirements.txt)" fill_python
  ;;
node)
  if missing node -e 'process.exit(Number(parseInt(process.versions.node) < 20))' \
      "make cognito: AWS's SDK for JavaScript is skipped, because there is no node from version 20 on" ||
    missing npm --version '' "make cognito: AWS's SDK for JavaScript is skipped, because there is no npm"; then
    exit
  fi
  keep "aws-sdk-js-$(key package-lock.json)" fill_node
  ;;
*)
  echo "usage: hack/aws/install.sh python|node" >&2
  exit 2
  ;;
esac
