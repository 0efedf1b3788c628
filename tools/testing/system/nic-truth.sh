#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Is every page in the log that the device wrote? A copy of its memory that
# only the log keeps true must be the memory in the end. And the same copy must
# come out wrong where the log is.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

cases=$(dirname "$0")/nic_cases.py
all=0x730018020
wide=0x730438020

enable() {
	hvdpa-vfs enable 0000:01:00.0 2
	hvdpa-vfs enable 0000:02:00.0 2
	hvdpa-vfs enable 0000:03:00.0 1
	hvdpa-vfs enable 0000:04:00.0 2
	hvdpa-vfs enable 0000:06:00.0 1
}

recover() {
	local f name
	fault nic/vf0 drop-log 0
	fault nic/vf0 delay-log 0
	fault nic/vf0 late-dma false
	for f in 1 2; do
		add "nic$f" "0000:01:00.$f" "$all"
		add "wide$f" "0000:02:00.$f" "$wide"
		add "ifc$f" "0000:04:00.$f" "$all"
		for name in nic wide ifc; do
			consume "$name$f" vhost_vdpa
		done
	done
	add disk 0000:03:00.1
	add ifcdisk 0000:06:00.1
	consume disk vhost_vdpa
	consume ifcdisk vhost_vdpa
}

setup() {
	enable
	recover
}

net() {
	local name=$1
	shift
	timeout 120 python3 "$cases" truth_net "$(vhost_of "${name}1")" "$(vhost_of "${name}2")" \
		--name "${name}1" "$@"
}

disk() {
	local name=$1
	shift
	timeout 120 python3 "$cases" truth_disk "$(vhost_of "$name")" --name "$name" "$@"
}

# must_miss COMMAND...: the test that passes on good hardware fails on this.
must_miss() {
	local output
	if output=$("$@" 2>&1); then
		echo "$output"
		fail "not noticed: $*"
		return 1
	fi
	case $output in
	*'AssertionError: missed pages'*) ;;
	*)
		echo "$output"
		fail "failed for another reason: $*"
		;;
	esac
}

test_split() { net nic --rounds 200; }
test_packed() { net nic --rounds 200 --packed; }
test_event_idx() { net nic --rounds 100 --event-idx; }
test_mq() {
	net wide --rounds 60 --pairs 4 --total-pairs 16
	net wide --rounds 60 --pairs 4 --total-pairs 16 --packed
}
test_disk() { disk disk --rounds 100 --queues 2; }
test_disk_packed() { disk disk --rounds 100 --packed; }
# ENABLED and what a flush asks for take their time.
test_slow() {
	fault nic/vf0 slow-log 20
	net nic --rounds 60
	fault nic/vf0 slow-log 0
}

test_large_pages() { net nic --rounds 300 --page-size 16384; }
test_ifc() {
	net ifc --rounds 100
	net ifc --rounds 60 --packed
}
test_ifc_disk() { disk ifcdisk --rounds 60 --queues 2; }

# What a START that failed told the device is not what the next one gets.
test_failed_start() {
	net nic --rounds 100 --fail-first nic/vf0
	net ifc --rounds 60 --fail-first ifc/vf0
	lines_are '(log_status|logging control) is 0xffffffff, expected 0x1: -ENODEV' 2
}

# A device that does not say that its log is off is reset before the log is freed.
test_failed_stop() {
	local name
	for name in nic ifc; do
		timeout 60 python3 "$cases" failed_stop "$(vhost_of "${name}1")" --name "${name}1" \
			--fail-first "$name/vf0"
	done
	lines_are 'log_flush is 0xffffffff, expected 0x[0-9a-f]*: -ENODEV' 1
	lines_are 'logging control is 0xffffffff, expected 0x0: -ENODEV' 1
}

test_dropped() {
	fault nic/vf0 drop-log 5
	must_miss net nic --rounds 200
	fault nic/vf0 drop-log 0
}

test_delayed() {
	# Longer than all of it takes: bits that come in the midst of it could be just in time.
	fault nic/vf0 delay-log 60000
	must_miss net nic --rounds 100
	fault nic/vf0 delay-log 0
}

test_late() {
	fault nic/vf0 late-dma true
	must_miss net nic --rounds 100 --settle 3
	fault nic/vf0 late-dma false
}

test_mended() { net nic --rounds 100; }

begin
t setup "devices"
t test_split "a network device with split rings"
t test_packed "a network device with packed rings"
t test_event_idx "a network device with event indices"
t test_mq "four queue pairs and a control queue"
t test_disk "a disk"
t test_disk_packed "a disk with packed rings"
t test_slow "a log that starts and flushes slowly"
t test_large_pages "pages of 16 KiB"
t test_ifc "Intel IFC, whose used rings software must add"
t test_ifc_disk "Intel IFC, a disk"
t test_failed_start "after a START that failed in the device"
t test_failed_stop "a STOP that the device does not confirm"
t test_dropped "control: a log that loses bits is noticed"
t test_delayed "control: a log whose bits come late is noticed"
t test_late "control: a write after the stop is noticed"
t test_mended "and hardware that is mended passes again"
finish
