#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Hardware that lies at random: nothing crashes, hangs or reaches what is not
# its own, others do not notice, and once it is mended it works again.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

cases=$(dirname "$0")/hostile_cases.py
# VERSION_1 ACCESS_PLATFORM RING_PACKED EVENT_IDX INDIRECT MAC MRG_RXBUF STATUS
all=0x730018020
function=0000:01:00.1
third=0000:01:00.3
# us between two interrupts of a storm; one takes a kernel that watches itself
# longer than 100, and nothing else would run.
period=100
[ ! -d /sys/kernel/debug/failslab ] || period=2000

setup() {
	hvdpa-vfs enable 0000:01:00.0 3
	hvdpa-vfs enable 0000:02:00.0 2
	hvdpa-vfs enable 0000:0a:00.0 2
	recover
}

mend() {
	local fault
	for fault in storm noise noise-from nth-read stuck-status jump stray; do
		fault nic/vf0 "$fault" 0
	done
	fault nic/vf0 mute false
	fault nic/vf0 nth-zero false
	fault nic/vf2 noise 0
	fault nic/vf2 nth-read 0
	fault wide/vf0 jump 0
	fault single/vf0 storm 0
	devlink health recover "pci/$function" reporter function
	auto_recover true
}

recover() {
	mend
	[ -e "/sys/bus/pci/devices/$third/driver" ] || hvdpa-vfs bind "$third"
	make nic1 "$function" "$all"
	make nic2 0000:01:00.2 "$all"
	make wide1 0000:02:00.1
	make wide2 0000:02:00.2
	make single1 0000:0a:00.1
	make single2 0000:0a:00.2
}

make() {
	add "$@"
	consume "$1" vhost_vdpa
}

# hostile_on DEVICE OTHER VF CASE ARGUMENT...: the device's VF is broken, the
# other on its wire is not. Left as it is after a failure, it would hold up all.
hostile_on() {
	local device=$1 other=$2 vf=$3 case=$4
	shift 4
	timeout "${limit:-120}" python3 "$cases" "$case" "$device" "$other" \
		--fault "$vf" "$@" || { mend; return 1; }
}

hostile() {
	local case=$1
	shift
	hostile_on nic1 nic2 nic/vf0 "$case" --function "$function" "$@"
}

auto_recover() {
	devlink health set "pci/$function" reporter function auto_recover "$1"
}

test_storm() {
	hostile storm --period "$period"
	# It comes and goes as it likes while there is a storm.
	fault nic/vf0 storm "$period"
	for _ in 1 2 3; do
		timeout 5 vdpa dev del nic1
		timeout 5 vdpa dev add name nic1 mgmtdev "pci/$function" device_features "$all"
	done
	consume nic1 vhost_vdpa
	timeout 10 hvdpa-vfs unbind "$function"
	timeout 10 hvdpa-vfs bind "$function"
	make nic1 "$function" "$all"
	fault nic/vf0 storm 0
	hostile works
}

# One vector for all: each interrupt reads a register, to know what it is for.
test_storm_shared() {
	hostile_on single1 single2 single/vf0 storm --period "$period"
}

test_mute() { hostile mute; }

# devlink's own recovery would make it another count each time.
test_lives() {
	auto_recover false
	limit=500 hostile lives --share "$(rounds 100 50)"
	auto_recover true
	local line
	log_since_mark "$(cat "$state/mark")" >"$state/lines"
	for line in 'refused DRIVER_OK' 'the function is given up' 'the function is back' \
		'ring state' 'log_status'; do
		grep -q "hvdpa $function: .*$line" "$state/lines" || fail "no line: $line"
	done
	hostile works
}

probe() {
	echo hvdpa >"/sys/bus/pci/devices/$third/driver_override"
	echo "$third" >/sys/bus/pci/drivers_probe
	[ -e "/sys/bus/pci/devices/$third/driver" ]
}

unprobe() {
	echo "$third" >/sys/bus/pci/drivers/hvdpa/unbind
}

# probes PERCENT TIMES: the function is found, added and forgotten with noise.
probes() {
	local n began bound=0 added=0 slowest=0
	fault nic/vf2 noise "$1"
	for ((n = 0; n < $2; n++)); do
		began=$SECONDS
		if probe 2>/dev/null; then
			bound=$((bound + 1))
			if timeout 5 vdpa dev add name third mgmtdev "pci/$third" 2>/dev/null; then
				added=$((added + 1))
				timeout 5 vdpa -j dev config show third >/dev/null || :
				timeout 5 vdpa dev del third
			fi
			unprobe
		fi
		[ $((SECONDS - began)) -le "$slowest" ] || slowest=$((SECONDS - began))
		vdpa dev show nic2 >/dev/null
	done
	echo "# $1 %: $2 probes, $bound bound, $added added, the slowest $slowest s"
	[ "$slowest" -lt 5 ]
	refused=$(($2 - added))
}

test_probes() {
	local refused
	[ ! -e "/sys/bus/pci/devices/$third/driver" ] || unprobe
	probes 0 2
	[ "$refused" -eq 0 ]
	probes 3 "$(rounds 30 15)"
	probes 30 "$(rounds 20 10)"
	[ "$refused" -gt 0 ]
	probes 100 5
	[ "$refused" -eq 5 ]
	fault nic/vf2 noise 0
	probe
	add third "$third"
	del third
}

# Each read fails once. A vector's that reads as all-ones is one that the
# function has no room for.
test_steps() {
	local line
	auto_recover false
	limit=900 hostile steps --stride "$(rounds 1 25)"
	auto_recover true
	log_since_mark "$(cat "$state/mark")" >"$state/lines"
	for line in queue_msix_vector config_msix_vector; do
		grep -q "hvdpa $function: .*$line reads 0xffff, expected .*EBUSY" "$state/lines" ||
			fail "no line: $line"
	done
	hostile works
}

# So is the function found, and a device added: each read fails once.
test_probe_steps() {
	local n left bound=0 added=0 errno
	[ ! -e "/sys/bus/pci/devices/$third/driver" ] || unprobe
	for ((n = 1; ; n++)); do
		errno=
		fault nic/vf2 nth-read "$n"
		if probe 2>/dev/null; then
			bound=$((bound + 1))
			if errno=$(timeout 5 vdpa dev add name third mgmtdev "pci/$third" 2>&1); then
				added=$((added + 1))
				vdpa dev del third
			fi
			unprobe
		fi
		left=$(fault_is nic/vf2 nth-read)
		fault nic/vf2 nth-read 0
		[ "$left" -eq 0 ] || break
		[[ -z $errno || $errno =~ (No such device|timed out|Input/output error|Device or resource busy) ]] ||
			fail "read $n: $errno"
		probe || fail "not bound after read $n failed"
		vdpa dev add name third mgmtdev "pci/$third" || fail "not added after read $n failed"
		vdpa dev del third
		unprobe
	done
	echo "# $((n - 1)) reads, $bound times bound, $added added"
	[ "$n" -gt 10 ]
	[ "$bound" -lt "$n" ]
	probe
}

test_stuck() {
	auto_recover false
	hostile stuck_running
	lines_are 'reset: device_status is still 0x4f after 1000000 us' 1
	lines_are 'the function is given up: it does not finish a reset' 1
	lines_are 'revive: device_status is 0x4f after a function level reset, expected 0: -ETIMEDOUT' 1
	lines_are 'the function is back after: it does not finish a reset' 1
	hostile stuck_agreeing
	lines_are 'device_status is 0x3, the device does not keep FEATURES_OK: -EOPNOTSUPP' 1
	lines_are 'device_status reads 0xb, expected 0xf: -EIO' 1
	lines_are 'reset: device_status is still 0x(3|b) after 1000000 us' 2
	auto_recover true
	hostile works
}

test_jump() {
	hostile jump
	hostile works
}

test_jump_control() {
	hostile_on wide1 wide2 wide/vf0 jump_control
	lines_are 'control command 0.0 of 3 bytes: no answer within 1000000 us' 1
}

# Not the hardware, but what an owner does to it, and leaves to the next one.
test_next_owner() {
	hvdpa-vfs enable 0000:03:00.0 1
	make disk 0000:03:00.1
	timeout 60 python3 "$(dirname "$0")/nic_cases.py" disk_after_hostile "$(vhost_of disk)" --queues 2
	del disk
	hvdpa-vfs disable 0000:03:00.0
}

test_stray() {
	expect_log 'DMAR: .*01:00.1'
	allow_log DMAR
	hostile stray
	hostile works
}

begin
t setup "devices"
t test_storm "a storm of interrupts: counted, and nothing else"
t test_storm_shared "the same where one vector is for all"
t test_mute "no interrupt ever comes: who polls does not notice"
t test_lives "lives of an owner while registers read as anything"
t test_probes "so are functions found and refused"
t test_steps "each read of a register in an owner's life fails once"
t test_probe_steps "each read of a probe fails once"
t test_stuck "a status that sticks: told in time, given up, brought back"
t test_jump "used indices that jump are their reader's affair"
t test_jump_control "in the driver's own ring they are no answer"
t test_next_owner "a disk whose owner's rings were hostile works for the next one"
t test_stray "writes to anywhere: the IOMMU stops and reports them"
finish
