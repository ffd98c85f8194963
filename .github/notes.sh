#!/usr/bin/env bash
# notes.sh VERSION: what CHANGELOG.md says of a version. A release without an entry is a mistake.
set -euo pipefail
cd "$(dirname "$0")/.."
awk -v version="${1#v}" '
	/^## / { inside = index($2, "[" version "]") == 1 || $2 == version; next }
	inside { print; if (NF) said = 1 }
	END { if (!said) { print "CHANGELOG.md has no entry for " version > "/dev/stderr"; exit 1 } }
' CHANGELOG.md
