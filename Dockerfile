# The operator for who has Docker and no Go:
#
#   docker build -t logout-operator .
#   docker buildx build --platform=linux/amd64,linux/arm64 -t REGISTRY/logout-operator --push .
#
# Releases are built by make image, which is reproducible to the bit: docs/release.md.
FROM --platform=$BUILDPLATFORM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# With .git, from which the program has its version.
COPY . .
ARG TARGETOS TARGETARCH
RUN CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags="-s -w" -o /out/ko-app/logout-operator ./cmd/logout-operator
RUN install -D -m 0444 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt && \
    printf 'root:x:0:0::/:/sbin/nologin\nnonroot:x:65532:65532::/:/sbin/nologin\n' >/out/etc/passwd && \
    printf 'root:x:0:\nnonroot:x:65532:\n' >/out/etc/group

FROM scratch
COPY --from=build /out /
USER 65532:65532
ENTRYPOINT ["/ko-app/logout-operator"]
