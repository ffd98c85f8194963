# syntax=docker/dockerfile:1
# Two stages: the Go toolchain builds one static binary, and an image from scratch holds it with the two things that a static
# binary lacks: certificate authorities, and a folder that belongs to its user. Time zones are in the binary.
ARG GO_IMAGE=docker.io/library/golang:1.26-bookworm
FROM --platform=$BUILDPLATFORM ${GO_IMAGE} AS build
ARG TARGETOS TARGETARCH
ARG VERSION=
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# State goes to the volume, whatever the config folder is mounted as; the log goes to standard error alone.
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false \
      -ldflags "-s -w -buildid= -X main.version=${VERSION} -X freefall/internal/config.dataDir=/data -X freefall/internal/config.logFile=" \
      -o /out/freefall ./cmd/freefall \
 && mkdir -p /out/empty /out/volumes \
 && mkdir -m 0700 /out/volumes/data

FROM scratch
LABEL org.opencontainers.image.title="freefall" \
      org.opencontainers.image.description="One dependable OpenAI-compatible endpoint over a pool of free language models" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/freefall /freefall
COPY --from=build /out/empty /config
COPY --from=build --chown=65532:65532 /out/volumes /
USER 65532:65532
# models.yaml and .env are looked for here. Neither needs to exist: mount a folder, and put them there when you like.
WORKDIR /config
# Above the file, so that a models.yaml written for a laptop cannot make the container unreachable.
ENV FREEFALL_LISTEN=0.0.0.0:8000
EXPOSE 8000
VOLUME /data
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s --retries=3 CMD ["/freefall", "healthcheck"]
ENTRYPOINT ["/freefall"]
CMD ["serve"]
