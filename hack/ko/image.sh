#!/bin/sh
# Builds the image without reading or writing any registry, and prints its digest. In bin/:
#   image/       all platforms, as an OCI layout
#   image.tar    this machine's platform, for docker load, kind load image-archive or ctr images import
#   sbom/        their contents, as SPDX
set -eu
cd "$(dirname "$0")/../.."

version=${VERSION:-dev}
repository=ghcr.io/logout-operator/logout-operator
revision=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) # every build of a commit gets the same creation time
TZ=UTC # ko writes that time in the local zone
KOCACHE=$PWD/bin/ko
KO_DOCKER_REPO=$repository
mkdir -p "$KOCACHE"
# ko looks into its cache before it asks the registry, so the registry need not exist.
KO_DEFAULTBASEIMAGE=base.invalid/hack/ko/base@$(go run -C hack/ko ./base "$KOCACHE/img")
export SOURCE_DATE_EPOCH TZ KOCACHE KO_DOCKER_REPO KO_DEFAULTBASEIMAGE

set -- --bare --push=false --tags "$version"
for fact in "title=logout-operator" "description=Log a user out of every device by applying a Kubernetes object" \
  "source=https://github.com/logout-operator/logout-operator" "licenses=Apache-2.0" "version=$version" \
  "revision=$revision"; do
  set -- "$@" --image-label "org.opencontainers.image.$fact" --image-annotation "org.opencontainers.image.$fact"
done
ko() { go tool -modfile=hack/ko/go.mod ko build "$@" ./cmd/logout-operator; }

rm -rf bin/image bin/image.tar bin/sbom
image=$(ko "$@" --sbom-dir=bin/sbom --oci-layout-path=bin/image)
ko "$@" --sbom=none --platform="linux/$(go env GOARCH)" --tarball=bin/image.tar >/dev/null
echo "$repository:$version@${image#*@}"
