# SPDX-License-Identifier: GPL-2.0-only
# For the system tests: KTAP by kselftest's helpers, and a look at the kernel's log
# after every test.
# shellcheck shell=bash

. /usr/lib/kselftest/ktap_helpers.sh
# shellcheck source=tools/testing/words.sh
. /hvdpa/tools/testing/words.sh

PATH=/hvdpa/tools:/hvdpa/tools/testing:$PATH
export PYTHONDONTWRITEBYTECODE=1
# shellcheck disable=SC2034 # for the tests
PF=0000:01:00.0
# shellcheck disable=SC2034 # for the tests
VF=0000:01:00.
state=$(mktemp -d)

# What no test may leave in the log, and none does unseen.
log_alarms='WARNING|BUG|Oops|DMAR|KASAN|UBSAN|INFO: |general protection|Call Trace|kmemleak|refcount_t|unable to handle'

log_mark() {
	echo "hvdpa-test: $1" >/dev/kmsg
}

# What came after it; fails where the buffer has lost it.
log_since_mark() {
	dmesg | awk -v mark="hvdpa-test: $1\$" 'found; $0 ~ mark { found = 1 } END { exit !found }'
}

# expect_log REGEX: the test announces lines; they must come, and are no alarm.
expect_log() {
	printf '%s\n' "$1" >>"$state/expected"
}

# allow_log REGEX: lines that may come. QEMU reports no second fault of a device
# while the first is being read, so not every one is in the log.
allow_log() {
	printf '%s\n' "$1" >>"$state/allowed"
}

# lines_are REGEX COUNT: the driver's log since the test began has this many
# lines that match. The driver core's own line for a probe is not counted.
lines_are() {
	local got
	got=$(log_since_mark "$(cat "$state/mark")" |
		grep -v 'probe with driver hvdpa failed with error' |
		grep -Ec -- "hvdpa [0-9a-f:.]+: .*($1)" || :)
	[ "$got" -eq "$2" ] || {
		echo "# $got lines of log match '$1', expected $2"
		return 1
	}
}

# Of the lines on standard input those that the test has not announced.
unannounced() {
	if [ -s "$state/expected" ] || [ -s "$state/allowed" ]; then
		cat "$state/expected" "$state/allowed" >"$state/announced"
		grep -Ev -f "$state/announced"
	else
		cat
	fi
}

check_log() {
	local mark=$1 bad=0 pattern
	log_since_mark "$mark" >"$state/log" || {
		echo "# the log's buffer was too small: where the test began is lost"
		bad=1
	}
	while read -r pattern; do
		grep -Eq -- "$pattern" "$state/log" || {
			echo "# announced and not in the log: $pattern"
			bad=1
		}
	done <"$state/expected"
	if grep -E "$log_alarms" "$state/log" >"$state/found" &&
		unannounced <"$state/found" >"$state/alarms"; then
		sed 's/^/# log: /' "$state/alarms" | head -n 20
		bad=1
	fi
	return "$bad"
}

# rounds LONG SHORT: how often; make check has less time than a test by itself.
rounds() {
	if [ -n "${HVDPA_SHORT:-}" ]; then echo "$2"; else echo "$1"; fi
}

skip() {
	echo "$*" >"$state/skip"
	exit 4
}

fail() {
	echo "# $*"
	return 1
}

# t FUNCTION DESCRIPTION: one test. It passes if every command in it does and
# the kernel has nothing to say.
t() {
	local status mark=$KTAP_TESTNO-$1 began=$SECONDS
	: >"$state/expected"
	: >"$state/allowed"
	[ ! -e "$state/skip" ] || rm "$state/skip"
	echo "$mark" >"$state/mark"
	log_mark "$mark"
	(
		set -eEu -o pipefail
		trap 'echo "# line $LINENO: $BASH_COMMAND"' ERR
		"$1"
	)
	status=$?
	if [ "$status" -eq 4 ] && [ -e "$state/skip" ]; then
		ktap_test_skip "$2 ($(cat "$state/skip"))"
		return
	fi
	check_log "$mark" || status=1
	echo "# $((SECONDS - began)) s"
	if [ "$status" -eq 0 ]; then
		ktap_test_pass "$2"
	else
		ktap_test_fail "$2"
		clean_up >/dev/null 2>&1
		[ "$(type -t recover)" != function ] || recover >/dev/null 2>&1
	fi
}

# What a failed test left behind must not fail the next. A file that shares
# devices among its tests makes them again in a function recover.
clean_up() {
	local name
	jobs -p | xargs -r kill 2>/dev/null
	pkill -f qemu-system-x86_64
	umount "$state/mnt" 2>/dev/null
	for name in $(vdpa -j dev show |
		python3 -c 'import json,sys
print(*json.load(sys.stdin).get("dev", {}))'); do
		timeout 20 vdpa dev del "$name"
	done
	ip -all netns del
}

begin() {
	ktap_print_header
	grep -q '^hvdpa ' /proc/modules || insmod /hvdpa/hvdpa.ko || exit 1
}

finish() {
	KSFT_NUM_TESTS=$((KTAP_TESTNO - 1))
	ktap_set_plan "$KSFT_NUM_TESTS"
	ktap_finished
}

# errno_is NAME COMMAND...: the command is refused with this errno's text.
errno_is() {
	local text=$1 output
	shift
	if output=$("$@" 2>&1); then
		fail "not refused: $*"
		return 1
	fi
	case $output in
	*"$text"*) ;;
	*) fail "expected '$text', got: $output" ;;
	esac
}

# relay_of FUNCTION: devlink's parameter
relay_of() {
	devlink dev param show "pci/$1" name relay | sed -n 's/.*value \([a-z]*\).*/\1/p'
}

# transfer FROM-NETNS TO-NETNS ADDRESS MiB: bytes that arrive as they left.
transfer() {
	local file=$state/payload got=$state/arrived
	dd if=/dev/urandom of="$file" bs=1M count="$4" status=none
	rm -f "$got"
	ip netns exec "$2" socat -u TCP-LISTEN:5001,reuseaddr "CREATE:$got" &
	within 5 listening "$2" 5001
	ip netns exec "$1" timeout 60 socat -u "FILE:$file" "TCP:$3:5001"
	wait $!
	cmp "$file" "$got"
}

# control CASE NAME ARGUMENT...: a case of control_cases.py; NAME1 and NAME2 are
# on one wire
control() {
	local case=$1 name=$2
	shift 2
	timeout "${limit:-150}" python3 "$(dirname "$0")/control_cases.py" "$case" \
		"$(vhost_of "${name}1")" "$(vhost_of "${name}2")" "$@"
}

# traced COMMAND...: what the driver's tracepoints say of it is in $state/trace
traced() {
	local tracing=/sys/kernel/tracing
	[ -d "$tracing/events" ] || mount -t tracefs none "$tracing"
	echo >"$tracing/trace"
	echo 1 >"$tracing/events/hvdpa/enable"
	"$@"
	echo 0 >"$tracing/events/hvdpa/enable"
	cp "$tracing/trace" "$state/trace"
}

# trace_has REGEX...: each is in the last trace
trace_has() {
	local line
	for line in "$@"; do
		grep -Eq "$line" "$state/trace" || fail "no '$line' in the trace"
	done
}

# fault NIC/VF PROPERTY VALUE: break the reference NIC, or mend it.
fault() {
	monitor "qom-set /machine/peripheral/$1 $2 $3"
}

# fault_is NIC/VF PROPERTY: what a number of it is by now
fault_is() {
	monitor "qom-get /machine/peripheral/$1 $2"
	[[ $answer =~ \"return\":\ \"([0-9]+) ]]
	echo "${BASH_REMATCH[1]}"
}

# monitor COMMAND: say something to the QEMU that this machine runs in, and wait
# for its answer. What the port has heard of itself until now ends at the 0xff.
monitor() {
	local id=$RANDOM$RANDOM line=
	exec 7<>/dev/ttyS1
	stty raw -echo <&7
	printf '\xff{"execute": "qmp_capabilities"}\n{"execute": "human-monitor-command", "arguments": {"command-line": "%s"}, "id": %u}\n' \
		"$1" "$id" >&7
	while IFS= read -r -t 30 -u 7 line; do
		case $line in *"\"id\": $id"*) break ;; esac
	done
	exec 7>&-
	case $line in
	*'"return": "Error'* | *'"error": '*) ;;
	*"\"id\": $id"*) answer=$line; return ;;
	esac
	fail "the monitor said to '$1': ${line:-nothing within 30 seconds}"
}

# says STATUS TEXT COMMAND...: it ends so, with this on standard error
says() {
	local want=$1 text=$2 status=0
	shift 2
	"$@" >"$state/out" 2>"$state/err" || status=$?
	[ "$status" -eq "$want" ] || {
		fail "status $status, expected $want: $*; $(cat "$state/out" "$state/err")"
		return 1
	}
	grep -qF -- "$text" "$state/err" || fail "expected '$text', got: $(cat "$state/err")"
}

# broken FILE COMMAND...: what the command writes to this file of sysfs is refused
broken() {
	local file=$1 status=0
	shift
	cat "$file" >"$state/unwritable" 2>/dev/null || :
	mount --bind "$state/unwritable" "$file"
	mount -o remount,bind,ro "$file"
	"$@" || status=$?
	umount "$file"
	return "$status"
}
