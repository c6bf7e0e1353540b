#!/bin/sh
# Makes every file of a release and publishes nothing: the image in bin/image, and the downloads in bin/release. The
# release workflow publishes exactly these files.
set -eu
cd "$(dirname "$0")/.."

version=${1:-}
case $version in
v[0-9]*.[0-9]*.[0-9]*) ;;
*) echo "which version? For example v0.1.0" >&2; exit 2 ;;
esac
out=bin/release
work=bin/release.tmp
rm -rf "$out" "$work"
mkdir -p "$out" "$work"

VERSION=$version hack/ko/image.sh >"$out/image.txt"
cp bin/sbom/*.spdx.json "$out"

# Refer to the image by its digest, because a tag can be moved to another image.
image=$(cat "$out/image.txt")
cat >"$work/kustomization.yaml" <<END
resources: [../../config/default]
images: [{name: ${image%%:*}, newTag: $version, digest: "${image#*@}"}]
END
go run ./hack/render "$work" >"$out/install.yaml"
grep -q "image: $image\$" "$out/install.yaml" || { echo "config/default does not run ${image%%:*}" >&2; exit 1; }

SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) go tool -modfile=hack/helm/go.mod helm package charts/logout-operator \
  --version "${version#v}" --app-version "$version" --destination "$out" >&2

(cd "$out" && { sha256sum -- * || shasum -a 256 -- *; } >../SHA256SUMS && mv ../SHA256SUMS .)
rm -r "$work"
echo "$image"
