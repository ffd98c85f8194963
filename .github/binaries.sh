#!/usr/bin/env bash
# binaries.sh VERSION FOLDER: the released binaries and their checksums. The same commit and toolchain give the same bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$1 folder=$2

mkdir -p "$folder"
for os in linux darwin windows; do
	for arch in amd64 arm64; do
		suffix=
		[ $os = windows ] && suffix=.exe
		echo "$os/$arch"
		CGO_ENABLED=0 GOOS=$os GOARCH=$arch ${GO:-go} build -trimpath -buildvcs=false \
			-ldflags "-s -w -buildid= -X main.version=$version" -o "$folder/freefall-$os-$arch$suffix" ./cmd/freefall
	done
done
cd "$folder"
sha256sum freefall-* >SHA256SUMS
