#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# /dev/hvdpa/NAME: what it promises and refuses. And capabilities that lie.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

PATH=/hvdpa/tools/hvdpactl:/hvdpa/tools/hvdpa-dirty:$PATH

cases=$(dirname "$0")/log_cases.py
all=0x730018020

enable() {
	hvdpa-vfs enable 0000:01:00.0 3
	hvdpa-vfs enable 0000:08:00.0 1
}

recover() {
	add nic1 0000:01:00.1 "$all"
	add nic2 0000:01:00.2 "$all"
	add plain 0000:08:00.1
	consume nic1 vhost_vdpa
	consume nic2 vhost_vdpa
	consume plain vhost_vdpa
}

setup() {
	enable
	recover
	[ "$(stat -c %a:%U /dev/hvdpa/nic1)" = 600:root ]
}

case_of() {
	timeout 90 python3 "$cases" "$1" nic1 "$(vhost_of nic1)" "$(vhost_of nic2)" "${@:2}"
}

test_info() { case_of info; }
test_start_refusals() { case_of start_refusals; }
test_report_refusals() { case_of report_refusals; }
test_start_anywhere() {
	traced case_of start_anywhere
	trace_has 'hvdpa_log_start: nic1 err=0' 'hvdpa_log_sync: nic1 err=0' \
		'hvdpa_log_stop: nic1 err=0'
}
test_faulty_bitmap() { case_of faulty_bitmap; }
test_bits_stay() { case_of bits_stay; }
test_memory_added() { case_of memory_added; }
test_exclusive() { case_of exclusive; }
test_killed() { case_of killed; }
test_doorbells() { case_of doorbells; }

test_lost() {
	case_of reset_untrusted
	# What is not believed any more is not asked again.
	lines_are 'log_status is 0x3, expected 0x1: -EIO' 1
	lines_are 'dirty log: .* every page is reported as dirty' 1
}

test_all_that_is_seen() { case_of all_that_is_seen; }

test_too_slow() {
	case_of too_slow
	lines_are 'log_flush is 0x.*, expected 0x.*: -ETIMEDOUT' 3
	lines_are 'dirty log: .* every page is reported as dirty' 1
	lines_are 'log_status is 0x0, expected 0x1: -ETIMEDOUT' 1
}

test_no_log() {
	consume plain virtio_vdpa
	timeout 60 python3 "$cases" no_log plain
	errno_is 'cannot log: its hardware cannot, or virtio_vdpa has' hvdpa-dirty plain
	consume plain vhost_vdpa
	# In the kernel's own domain there is no window.
	consume nic1 virtio_vdpa
	grep '^migrate: no: virtio_vdpa has it' /sys/kernel/debug/hvdpa/nic1/migration
	timeout 60 python3 - <<-'PY'
		import errno, sys
		sys.path[:0] = ["/hvdpa/tools/testing", "/hvdpa/tools/testing/system"]
		from device import Log
		from log_cases import raw_start, refused_kw
		refused_kw(errno.EOPNOTSUPP, raw_start, Log("nic1"))
	PY
	consume nic1 vhost_vdpa
}

# with_traffic COMMAND...: while frames go both ways.
with_traffic() {
	local traffic status=0
	rm -f "$state/ends"
	mkfifo "$state/ends"
	case_of traffic <"$state/ends" >"$state/traffic" 2>&1 &
	traffic=$!
	exec 9>"$state/ends"
	within 30 grep -q ready "$state/traffic" || { cat "$state/traffic"; exec 9>&-; return 1; }
	"$@" || status=1
	exec 9>&-
	wait "$traffic" || { cat "$state/traffic"; return 1; }
	return "$status"
}

fuzz() {
	local seed
	for seed in 1 2 "$RANDOM"; do
		timeout 60 /hvdpa/tools/testing/log_fuzz /dev/hvdpa/nic1 "$seed" \
			"$(rounds 6 3)" 4 >"$state/fuzzed" ||
			{ cat "$state/fuzzed"; return 1; }
		sed 's/^/# /' "$state/fuzzed"
	done
}

test_fuzz() {
	with_traffic fuzz
}

rates() {
	hvdpa-dirty -r 0:64M -i 0.5 -n 4 -o "$state/bitmap" nic1 >"$state/rates"
}

# What hvdpactl measures, and leaves alone where another program has the log.
measure() {
	hvdpactl status --rate 1 >"$state/measured"
	hvdpactl status --rate 0.1 --json >"$state/measured.json"
	exec 8<>/dev/hvdpa/nic1
	hvdpactl status --rate 0.1 >"$state/taken"
	exec 8>&-
}

test_measured() {
	with_traffic measure
	sed -n '/^nic1 on/,/^$/p' "$state/measured" >"$state/nic1"
	sed 's/^/# /' "$state/nic1"
	grep -Eq '^  dirty rate  [0-9]*\.[0-9] MiB/s$' "$state/nic1"
	if grep -q ' 0\.0 MiB' "$state/nic1"; then false; fi
	grep -q '^  negotiated .*VERSION_1' "$state/nic1"
	grep -q '^  migrate  *no: it offers features' "$state/nic1"
	grep -Eq '"dirty_bytes_per_second": ?[1-9]' "$state/measured.json"
	sed -n '/^nic1 on/,/^$/p' "$state/taken" |
		grep -q '^  dirty rate  unknown (another program has its dirty log)'
	sed -n '/^plain on/,/^$/p' "$state/taken" |
		grep -q '^  dirty rate  none (no process has it open)'
}

test_tool() {
	with_traffic rates
	sed 's/^/# /' "$state/rates"
	# Four lines and a sum; the rings and buffers are dirty, little else is.
	[ "$(awk 'NR > 1 && $2 > 0' "$state/rates" | wc -l)" -ge 4 ]
	[ "$(stat -c %s "$state/bitmap")" -eq 2048 ]
	python3 - "$state/bitmap" <<-'PY'
		import sys
		bits = int.from_bytes(open(sys.argv[1], "rb").read(), "little")
		pages = {n for n in range(bits.bit_length()) if bits >> n & 1}
		# Device.IOVA and what the case has mapped there
		assert 50 < len(pages) < 400 and pages <= set(range(256, 1280)), len(pages)
	PY
	errno_is 'there are: ' hvdpa-dirty nosuch
	errno_is 'cannot log by itself' hvdpa-dirty plain
	errno_is 'refuses a log' hvdpa-dirty -r 0:8T nic1
	exec 8<>/dev/hvdpa/nic1
	errno_is 'somebody else has' hvdpa-dirty nic1
	exec 8>&-
}

# begin_case CASE: in the background, until it says that it is ready.
begin_case() {
	: >"$state/said"
	timeout 60 python3 "$cases" "$1" nic1 "$(vhost_of nic1)" "$(vhost_of nic2)" >"$state/said" 2>&1 &
	pid=$!
	within 10 grep -q ready "$state/said"
}

test_removed() {
	local pid
	begin_case removed
	timeout 10 vdpa dev del nic1
	wait "$pid" || { cat "$state/said"; return 1; }
	[ ! -e /dev/hvdpa/nic1 ]
	add nic1 0000:01:00.1 "$all"
	consume nic1 vhost_vdpa
}

test_revoked() {
	local pid
	begin_case revoked
	timeout 20 bash -c 'echo nic1 >/sys/bus/vdpa/drivers/vhost_vdpa/unbind'
	wait "$pid" || { cat "$state/said"; return 1; }
	lines_are 'log' 0
	consume nic1 vhost_vdpa
}

# A report that waits for user space keeps nobody else waiting.
test_stalled() {
	local pid
	begin_case stalled
	timeout 5 vdpa dev del nic1
	timeout 5 vdpa dev show >/dev/null
	kill "$pid"
	wait "$pid" || :
	add nic1 0000:01:00.1 "$all"
	consume nic1 vhost_vdpa
}

test_gone() {
	case_of gone_untrusted
	lines_are 'the function is given up' 1
	del nic1
	hvdpa-vfs unbind 0000:01:00.1
	hvdpa-vfs bind 0000:01:00.1
	add nic1 0000:01:00.1 "$all"
	consume nic1 vhost_vdpa
}

# refuses PROPERTY VALUE LINE: a lie in VF 3's capability is seen at probe.
refuses() {
	local good
	case $1 in
	cap-len) good=20 ;;
	cap-vendor) good=0x1b36 ;;
	cap-bar) good=0 ;;
	cap-offset) good=0x800 ;;
	cap-length) good=0x540 ;;
	*) good=0 ;;
	esac
	hvdpa-vfs unbind 0000:01:00.3
	log_mark "lie-$1-$2"
	fault nic/vf2 "$1" "$2"
	errno_is 'hvdpa refused' hvdpa-vfs bind 0000:01:00.3
	log_since_mark "lie-$1-$2" | grep -Eq -- "$3" || {
		log_since_mark "lie-$1-$2" | sed 's/^/# /'
		fail "no line like $3"
	}
	fault nic/vf2 "$1" "$good"
	hvdpa-vfs bind 0000:01:00.3
}

test_lies() {
	refuses cap-len 16 'migration capability of 16 bytes: .*-EINVAL'
	refuses cap-vendor 0x1af4 'vendor_id is 0x1af4, expected the card vendor.s: -EINVAL'
	refuses cap-bar 7 'migration capability of 20 bytes: .*BAR 7 of 0x0: -EINVAL'
	refuses cap-bar 3 'migration capability .*BAR 3 of 0x0: -EINVAL'
	refuses cap-offset 0x804 'offset 0x804 length 0x540.*-EINVAL'
	refuses cap-offset 0x3ffc8 'offset 0x3ffc8 .*BAR 0 of 0x40000: -EINVAL'
	refuses cap-offset 0xfffffff8 'offset 0xfffffff8 .*-EINVAL'
	refuses cap-length 0x38 'length 0x38, at least 0x40 bytes.*-EINVAL'
	refuses cap-length 0x118 'migration block of 0x118 bytes: 3 queue entries at 0x100 .*-EINVAL'
	refuses num-queues 2 '2 queue entries at 0x100 of 0x20 bytes each, expected at least 3: -EINVAL'
	refuses num-queues 65535 '65535 queue entries .*-EINVAL'
}

test_other_version() {
	hvdpa-vfs unbind 0000:01:00.3
	fault nic/vf2 cap-version 2
	hvdpa-vfs bind 0000:01:00.3
	lines_are 'migration capability has version 2, this driver knows 1: driven without it' 1
	add later 0000:01:00.3
	grep -q '^hardware: virtio$' /sys/kernel/debug/hvdpa/later/migration
	grep -q '^profile: migratable$' /sys/kernel/debug/hvdpa/later/migration
	del later
	fault nic/vf2 cap-version 1
}

test_no_page_size() {
	hvdpa-vfs unbind 0000:01:00.3
	fault nic/vf2 page-shifts 0x800
	hvdpa-vfs bind 0000:01:00.3
	add coarse 0000:01:00.3
	grep '^dirty_log: .*no page size from 4 KiB on' /sys/kernel/debug/hvdpa/coarse/migration
	del coarse
	fault nic/vf2 page-shifts 0
}

begin
t setup "devices; the file is for root"
t test_info "INFO"
t test_start_refusals "STARTs that cannot be, each with its errno"
t test_report_refusals "REPORTs that cannot be, each with its errno"
t test_start_anywhere "a log starts before the device, and goes on over a reset"
t test_faulty_bitmap "what a bad bitmap kept from its owner comes with the next report"
t test_bits_stay "a report clears no bit of its owner's, and parts add up"
t test_memory_added "memory that is mapped later is logged"
t test_exclusive "one opener at a time, and no log without it"
t test_killed "the owner is killed in the midst of it"
t test_doorbells "doorbells mapped for reading and writing"
t test_lost "a log that the hardware does not vouch for makes all dirty"
t test_all_that_is_seen "a report has all that its owner has seen, from a card that gathers bits"
t test_too_slow "a card that is too slow is not believed, and its log is not left on"
t test_no_log "hardware that cannot, and a consumer that has no window"
t test_fuzz "random commands, three seeds"
t test_measured "hvdpactl measures what is written"
t test_tool "hvdpa-dirty shows what is written, and says what is wrong"
t test_removed "the device is deleted while reports are under way"
t test_revoked "the device is taken from its owner while it is logged"
t test_stalled "a report that waits for user space keeps nobody waiting"
t test_gone "a function that is gone makes all dirty"
t test_lies "capabilities that contradict themselves are refused"
t test_no_page_size "a log of no page that is used is none"
t test_other_version "one of another version is left alone"
finish
