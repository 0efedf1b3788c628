# SPDX-License-Identifier: GPL-2.0-only
# Shared by the scripts here: where things are cached, how progress is shown.
# shellcheck shell=bash

set -euo pipefail
HVDPA_SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HVDPA_CACHE=${HVDPA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hvdpa}
export HVDPA_SRC HVDPA_CACHE
mkdir -p "$HVDPA_CACHE"

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# step TEXT COMMAND...: run a long command, its output in a log, a line that
# says that it goes on (twice a minute without a terminal), and the log's tail
# when it fails.
step() {
	local text=$1 log start pid
	shift
	log=$(mktemp "$HVDPA_CACHE/step.XXXXXX")
	start=$SECONDS
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r%s ... %d s ' "$text" $((SECONDS - start)) >&2
		elif [ $(((SECONDS - start) % 30)) -eq 29 ]; then
			say "$text ... $((SECONDS - start)) s"
			sleep 1
		fi
		sleep 0.3
	done
	[ ! -t 2 ] || printf '\r' >&2
	if wait "$pid"; then
		say "$text: done in $((SECONDS - start)) s"
		rm -f "$log"
		return 0
	fi
	say "$text: FAILED after $((SECONDS - start)) s; the end of $log:"
	tail -n 40 "$log" >&2
	return 1
}

# content_key FILE|TEXT...: a short hash of files' contents and of words.
content_key() {
	local item
	for item in "$@"; do
		if [ -f "$item" ]; then cat "$item"; else printf '%s\n' "$item"; fi
	done | sha256sum | cut -c1-16
}

# The sysroot that this checkout's scripts call for. scripts/sysroot makes it.
sysroot_key() {
	content_key "$HVDPA_SRC/scripts/sysroot"
}
SYSROOT=$HVDPA_CACHE/sysroot-$(sysroot_key)
export SYSROOT

# in_sysroot COMMAND...: run in the sysroot with /proc, /dev and the sources
# and the cache at the paths that they have outside.
in_sysroot() {
	"$HVDPA_SRC/scripts/in-sysroot" "$SYSROOT" "$@"
}
