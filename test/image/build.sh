#!/usr/bin/env bash
# build.sh [TAG]: the image by its Dockerfile, with buildah: without an engine, without a registry.
#
# The build stage starts from a base that is made here: busybox for its shell, and this machine's certificate authorities. The Go
# toolchain and its caches are lent to it, not copied. BUILDAH, GO, PLATFORM, VERSION and SOURCE_DATE_EPOCH say
# otherwise where set.
set -euo pipefail
cd "$(dirname "$0")/../.."

tag=${1:-freefall}
base=localhost/freefall-go
go=${GO:-go}
read -ra buildah <<<"${BUILDAH:-buildah --storage-driver=vfs}"
authorities=/etc/ssl/certs/ca-certificates.crt

for tool in buildah busybox "$go"; do
	command -v "$tool" >/dev/null || {
		echo "$tool is missing: apt-get install buildah busybox-static; Go from go.dev" >&2
		exit 1
	}
done
[ -r "$authorities" ] || {
	echo "$authorities is missing: apt-get install ca-certificates" >&2
	exit 1
}

make_base() {
	local container root
	container=$("${buildah[@]}" from scratch)
	root=$("${buildah[@]}" mount "$container")
	mkdir -p "$root"/{bin,etc/ssl/certs,go/pkg/mod,root/.cache/go-build,tmp,usr/local/go}
	install -m 0755 "$(command -v busybox)" "$root/bin/busybox"
	chroot "$root" /bin/busybox --install -s /bin
	install -m 0644 "$authorities" "$root$authorities"
	"${buildah[@]}" umount "$container" >/dev/null
	"${buildah[@]}" config --env PATH=/usr/local/go/bin:/bin --env GOPATH=/go --env GOCACHE=/gocache --env HOME=/tmp "$container"
	"${buildah[@]}" commit --quiet --format docker --rm "$container" "$base" >/dev/null
}

trap '"${buildah[@]}" rmi "$base" >/dev/null' EXIT
make_base
# The commit's own time on every file: two builds of one commit are one image.
"${buildah[@]}" bud --isolation=chroot --format docker --pull-never --platform "${PLATFORM:-linux/$("$go" env GOARCH)}" \
	--timestamp "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct || echo 0)}" \
	--volume "$("$go" env GOROOT):/usr/local/go:ro" \
	--volume "$("$go" env GOMODCACHE):/go/pkg/mod" \
	--volume "${GOCACHE:-$("$go" env GOCACHE)}:/gocache" \
	--build-arg GO_IMAGE="$base" \
	--build-arg VERSION="${VERSION:-$(git describe --always --dirty || true)}" \
	--tag "$tag" .
