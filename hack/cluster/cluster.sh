#!/usr/bin/env bash
# A Kubernetes cluster of one node in namespaces of its own, for the end-to-end tests: real kubelet, containerd and
# kube-proxy, no Docker and no registry. It needs root on Linux.
#
#   cluster.sh build           installs Debian's containerd and its tools, and builds the rest (minutes, once)
#   cluster.sh up              starts an empty cluster, and prints the path of its kubeconfig
#   cluster.sh image NAME PKG  builds the image cluster.local/NAME:v1 of a program of this module, and loads it into
#                              the node
#   cluster.sh down            ends the cluster, and removes all its files
#   cluster.sh tarball NAME PKG FILE
#                              builds the image into a file, for another cluster (kind load image-archive FILE)
#
# The caller reaches only the API server. Pods reach each other and the caller, and nothing outside, because there is no
# default route. There is no DNS. settings.sh has the settings that you can change, for example to run two clusters.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
. "$here/settings.sh"

fail() {
  echo "cluster: $*" >&2
  exit 1
}

build() {
  mkdir -p "$CLUSTER_CACHE"
  local missing=() program
  for program in containerd:containerd runc:runc nft:nftables ip:iproute2 openssl:openssl unshare:util-linux; do
    command -v "${program%:*}" >/dev/null || missing+=("${program#*:}")
  done
  [ -d /usr/lib/cni ] || missing+=(containernetworking-plugins)
  if [ ${#missing[@]} -gt 0 ]; then
    apt-get update -q && apt-get install -y -q --no-install-recommends "${missing[@]}"
  fi
  # The same version as the tests' kube-apiserver: it refuses newer kubelets.
  local version stamp=
  version=$(go list -C hack/controlplane -m -f '{{.Version}}' k8s.io/kubernetes)
  for variable in k8s.io/component-base/version.gitVersion k8s.io/client-go/pkg/version.gitVersion; do
    stamp+=" -X $variable=$version"
  done
  ln -sfn "$(go run ./hack/assets)" "$CLUSTER_CACHE/controlplane"
  go build -C hack/controlplane -buildvcs=false -ldflags="-s -w$stamp" -o "$CLUSTER_CACHE/" \
    k8s.io/kubernetes/cmd/{kube-controller-manager,kube-scheduler,kubelet,kube-proxy}
  go build -o "$CLUSTER_CACHE/await" ./hack/cluster/await
  tarball pause ./hack/cluster/pause "$CLUSTER_CACHE/pause.tar"
}

# tarball NAME PACKAGE FILE builds an image on the same base as the operator's (hack/ko/image.sh).
tarball() {
  local cache=$PWD/bin/ko base
  mkdir -p "$cache"
  base=$(go run -C hack/ko ./base "$cache/img")
  KOCACHE=$cache KO_DOCKER_REPO=cluster.local/$1 KO_DEFAULTBASEIMAGE=base.invalid/hack/ko/base@$base \
    go tool -modfile=hack/ko/go.mod ko build --bare --push=false --tags v1 --sbom=none \
    --platform="linux/$(go env GOARCH)" --tarball="$3" "$2" >/dev/null
}

image() {
  local file
  file=$(mktemp)
  tarball "$1" "$2" "$file"
  ctr -a "$socket" -n k8s.io images import "$file"
  rm "$file"
}

# join_cgroups creates a child of each of the caller's cgroups. It becomes the node's root cgroup.
join_cgroups() {
  local controllers path root group
  while IFS=: read -r _ controllers path; do
    root=/sys/fs/cgroup/${controllers#name=}
    [ -n "$controllers" ] || [ ! -d /sys/fs/cgroup/unified ] || root=/sys/fs/cgroup/unified
    [ -e "$root$path/cgroup.procs" ] || continue # this file system is not mounted here
    group=$root${path%/}/$(basename "$CLUSTER_STATE")
    mkdir -p "$group"
    echo "$group" >>"$CLUSTER_STATE/cgroups"
    case $controllers in cpuset) # it is empty in a new group
      cat "$root$path/cpuset.cpus" >"$group/cpuset.cpus"
      cat "$root$path/cpuset.mems" >"$group/cpuset.mems"
      echo 1 >"$group/cgroup.clone_children" ;;
    esac
  done </proc/self/cgroup
}

up() {
  [ -x "$CLUSTER_CACHE/kubelet" ] || fail "nothing is built: run $0 build"
  [ ! -e "$CLUSTER_STATE" ] ||
    fail "there is a cluster in $CLUSTER_STATE: set CLUSTER_STATE, CLUSTER_SUBNET and CLUSTER_LINK, or run $0 down"
  mkdir -p "$CLUSTER_STATE/log"
  : >"$CLUSTER_STATE/cgroups"
  "$here/pki.sh" 2>"$CLUSTER_STATE/log/pki.log"
  join_cgroups
  # shellcheck disable=SC2016 # the inner shell expands it
  setsid bash -c 'while read -r group; do echo $$ >"$group/cgroup.procs"; done <"$CLUSTER_STATE/cgroups"
    exec unshare --mount --net --pid --ipc --uts --cgroup --fork --kill-child --mount-proc --propagation private bash "$0"' \
    "$here/node.sh" >"$CLUSTER_STATE/log/node.log" 2>&1 </dev/null &
  local outer=$! node= i
  for ((i = 0; i < 100; i++)); do # until the node is in its own network namespace
    read -r node 2>/dev/null <"/proc/$outer/task/$outer/children" || true
    [ -z "$node" ] || [ "$(readlink "/proc/$node/ns/net")" = "$(readlink /proc/self/ns/net)" ] || break
    kill -0 "$outer" 2>/dev/null || fail "$(cat "$CLUSTER_STATE/log/node.log")"
    sleep 0.1
  done
  [ -n "$node" ] || fail "the node does not start: see $CLUSTER_STATE/log"
  echo "$node" >"$CLUSTER_STATE/pid"
  ip link add "$CLUSTER_LINK" type veth peer name eth0 netns "$node"
  ip addr add "$CLUSTER_SUBNET.1/30" dev "$CLUSTER_LINK"
  ip link set "$CLUSTER_LINK" up
  NO_PROXY=$node_ip "$CLUSTER_CACHE/await" "$CLUSTER_STATE/pki/admin.kubeconfig" || {
    tail -n 5 "$CLUSTER_STATE"/log/*.log >&2
    fail "it does not start: see $CLUSTER_STATE/log"
  }
  echo "$CLUSTER_STATE/pki/admin.kubeconfig"
}

# down kills the node's first process. The kernel then ends all others, their mounts and their network.
down() {
  [ -e "$CLUSTER_STATE" ] || return 0
  local node group i left
  node=$(cat "$CLUSTER_STATE/pid" 2>/dev/null || true)
  if [ -n "$node" ] && [ -d "/proc/$node" ] &&
    [ "$(readlink "/proc/$node/ns/pid")" != "$(readlink /proc/self/ns/pid)" ]; then
    kill -KILL "$node"
  fi
  ip link del "$CLUSTER_LINK" 2>/dev/null || true
  for ((i = 0; i < 100; i++)); do # the last processes leave their cgroups a moment later
    left=
    while read -r group; do
      [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
      [ ! -d "$group" ] || left=$group
    done <"$CLUSTER_STATE/cgroups"
    [ -n "$left" ] || break
    sleep 0.1
  done
  [ -z "$left" ] || fail "$left is still in use"
  ! grep -q " $CLUSTER_STATE/" /proc/self/mountinfo || fail "something is mounted below $CLUSTER_STATE"
  rm -rf --one-file-system "$CLUSTER_STATE"
}

case ${1:-} in
build | up | down) "$1" ;;
image) image "$2" "$3" ;;
tarball) tarball "$2" "$3" "$4" ;;
*) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2 && exit 2 ;;
esac
