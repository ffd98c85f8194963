#!/usr/bin/env bash
# go.sh COMMAND... PACKAGES is `go test`, and a package in which nothing failed but the race detector itself is run once more: its
# runtime trips now and then over an assertion of its own (tsan_rtl.cpp:346, Go 1.26.8, in a package where thousands of goroutines come and go).
# That is no report of a race, which reads "DATA RACE", and says nothing of what was tested.
set -uo pipefail
log=$(mktemp)
trap 'rm -f "$log"' EXIT
"$@" 2>&1 | tee "$log" && exit
died=$(awk '
	/^ThreadSanitizer: CHECK failed/         { died = 1 }
	/^ *--- FAIL|^WARNING: DATA RACE|^panic:/ { bad = 1 }
	/^(ok|FAIL|\?)[ \t]+[^ \t]/ {
		if ($1 == "FAIL" && (bad || !died)) { failed = 1 }
		if ($1 == "FAIL") { print $2 }
		bad = died = 0
	}
	END { exit failed }' "$log") || exit 1
[ -n "$died" ] || exit 1
echo "the race detector itself failed; once more:" $died
command=()
while [ $# -gt 0 ] && [[ $1 != ./* ]]; do command+=("$1") && shift; done
"${command[@]}" $died
