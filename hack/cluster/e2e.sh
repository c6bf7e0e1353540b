#!/usr/bin/env bash
# make e2e runs this without a KUBECONFIG: it starts a cluster (see cluster.sh) and runs the end-to-end tests on it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. hack/cluster/settings.sh
started=$SECONDS
step() { echo "== e2e: $* (after $((SECONDS - started)) s)"; }

step "building the cluster's parts"
log=$(mktemp)
hack/cluster/cluster.sh build >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm "$log"

step "starting the cluster"
[ ! -e "$CLUSTER_STATE" ] || {
  echo "there is a cluster in $CLUSTER_STATE already: hack/cluster/cluster.sh down ends it" >&2
  exit 1
}
trap 'hack/cluster/cluster.sh down || echo "the cluster is not wholly removed" >&2' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
KUBECONFIG=$(hack/cluster/cluster.sh up)

step "building the images"
hack/cluster/cluster.sh image e2e-operator ./cmd/logout-operator
hack/cluster/cluster.sh image e2e-fake ./cmd/fake-logout-service

step "running the tests"
export KUBECONFIG E2E_IMAGE=cluster.local/e2e-operator:v1 E2E_FAKE_IMAGE=cluster.local/e2e-fake:v1
export NO_PROXY="$node_ip${NO_PROXY:+,$NO_PROXY}"
export no_proxy=$NO_PROXY
make --no-print-directory e2e
step "passed"
