#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Standard functions that the driver stops, and starts anywhere, by relayed rings.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

disk=0000:03:00.0
cases=$(dirname "$0")/nic_cases.py

setup() {
	hvdpa-vfs bind "$disk"
	hvdpa-vfs enable "$PF" 4
	recover
}

recover() {
	# Any kind of ring, for what cannot be relayed.
	add packed "${VF}4" 0x700000020
	add net1 "${VF}1"
	add net2 "${VF}2"
	add disk "$disk"
	for name in packed net1 net2 disk; do consume "$name" vhost_vdpa; done
}

teardown() {
	local name
	for name in packed net1 net2 disk; do del "$name"; done
	hvdpa-vfs disable "$PF"
	hvdpa-vfs unbind "$disk"
}

# reload POLICY: the driver with another answer to what is relayed
reload() {
	teardown
	rmmod hvdpa
	insmod /hvdpa/hvdpa.ko "relay=$1"
	setup
}

net() {
	local case=$1
	shift
	timeout 120 python3 "$cases" "$case" "$(vhost_of net1)" "$(vhost_of net2)" "$@"
}

on_disk() {
	timeout 120 python3 "$cases" state_disk "$(vhost_of disk)" "$@"
}

test_net() {
	net state_net --rounds 200
	net state_net --rounds 40 --event-idx
}

# Two hundred stops at each, without HVDPA_SHORT; of disks with several seeds.
test_net_any() {
	local start
	for start in 0 0x7fff 0xfff0 0xffff; do
		net state_net --rounds "$(rounds 200 40)" --start "$start"
		net state_net --rounds "$(rounds 200 40)" --start "$start" --event-idx
	done
}

test_disk() {
	on_disk --rounds 200 --queues 2
	on_disk --rounds 40 --event-idx
}

test_disk_any() {
	local start seed
	for seed in $(seq "$(rounds 3 1)"); do
		for start in 0 0x7fff 0xfff0 0xffff; do
			on_disk --rounds "$(rounds 200 40)" --start "$start" --queues 2 --seed "$seed"
		done
	done
	on_disk --rounds "$(rounds 200 40)" --start 0xffff --event-idx
}

test_resume() {
	net resume_net --rounds "$(rounds 50 10)"
	net resume_net --rounds "$(rounds 50 10)" --start 0xfff0 --event-idx
}

test_control_state() { net keeps_control_state --control --rounds "$(rounds 20 5)"; }

# stand CASE ARGUMENT...
stand() {
	local case=$1
	shift
	timeout 120 python3 "${cases%/*}/stand_cases.py" "$case" "$(vhost_of net1)" \
		"$(vhost_of net2)" "$@"
}

# These functions have RING_RESET.
test_disabled_base() {
	stand disabled_alone --rounds "$(rounds 80 16)"
	stand disabled_alone --rounds "$(rounds 80 16)" --event-idx --start 0xfff0
	stand disabled_alone --rounds "$(rounds 80 16)" --name net1
	timeout 120 python3 "${cases%/*}/stand_cases.py" disabled_disk "$(vhost_of disk)" \
		--rounds "$(rounds 80 16)"
	timeout 120 python3 "${cases%/*}/stand_cases.py" disabled_disk "$(vhost_of disk)" \
		--rounds "$(rounds 80 16)" --start 0xfff0
}

test_rises_nowhere() {
	allow_log DMAR
	stand asked_unmapped
	lines_are 'suspend: queue 1 cannot be left where it stands: -EFAULT' 1
	stand rises_nowhere
	lines_are 'queue 1: its ring of 64 entries .* cannot be relayed from [0-9]* on: -EFAULT' 1
}

test_state_shows() {
	local dir=/sys/kernel/debug/hvdpa/net1
	grep -q '^suspend: by the driver: no SUSPEND feature' "$dir/migration"
	grep -q '^set_vq_state: by the driver: a standard function' "$dir/migration"
	# Where the driver can let a guest move, the device offers what moves.
	grep -q '^profile: migratable' "$dir/migration"
	grep -q '^migrate: yes' "$dir/migration"
	grep -q '^dirty_log: by the driver: the standard has no dirty log' "$dir/migration"
	timeout 60 python3 "$cases" relayed_shows "$(vhost_of net1)" --start 5 --name net1
}

# Is every page in the log that was written? Rings that run are relayed from START on.
test_log() {
	net truth_net --name net1 --rounds "$(rounds 300 100)"
	net truth_net --name net1 --rounds "$(rounds 300 100)" --event-idx --start 0xfff0
	net truth_net --name net1 --rounds 300 --page-size 65536
}

test_log_disk() {
	timeout 120 python3 "$cases" truth_disk "$(vhost_of disk)" --name disk --queues 2 \
		--rounds "$(rounds 300 100)"
}

test_log_refused() {
	timeout 60 python3 "$cases" log_refused "$(vhost_of disk)" --name disk
	lines_are 'dirty log: INDIRECT_DESC .bit 28. is agreed on: -EOPNOTSUPP' 1
	lines_are 'dirty log: INDIRECT_DESC .bit 28. is agreed on: every page is reported as dirty' 1
}

test_packed() {
	timeout 60 python3 "$cases" no_suspend "$(vhost_of packed)" --packed
	lines_are 'suspend: RING_PACKED .bit 34. is agreed on: -EOPNOTSUPP' 1
	lines_are 'queue 0: starts at 0x.*, and cannot be relayed: RING_PACKED .bit 34. is agreed on: -EOPNOTSUPP' 1
}

test_hostile() {
	timeout 60 python3 "$cases" hostile_ring "$(vhost_of net1)" --start 5
	lines_are 'queue 0: its ring cannot be relayed at available .*, the device needs a reset: -EPROTO' 3
}

test_unmapped() {
	allow_log DMAR
	net unmapped_ring --rounds "$(rounds 30 6)" --start 5
	lines_are 'queue [01]: its ring cannot be relayed at .*EFAULT' "$(rounds 30 6)"
}

test_bad_rings() {
	timeout 60 python3 "$cases" read_only_ring "$(vhost_of net1)" --start 5
	lines_are 'queue 0: its ring of 64 entries .* cannot be relayed from 5 on: -EACCES' 1
	timeout 60 python3 "$cases" stands_elsewhere "$(vhost_of net1)" --start 5
	lines_are 'queue 0: its ring of 64 entries .* cannot be relayed from 5 on: -EINVAL' 1
}

set_relay() {
	devlink dev param set "pci/$1" name relay value "$2" cmode runtime
}

# One function, and from its next device on; the others are as the module has it.
test_function() {
	local state=/sys/kernel/debug/hvdpa
	[ "$(relay_of "${VF}1")" = auto ]
	errno_is 'relay is auto, always or never' set_relay "${VF}1" sometimes
	[ "$(relay_of "${VF}1")" = auto ]
	set_relay "${VF}1" never
	[ "$(relay_of "${VF}1")" = never ]
	[ "$(relay_of "${VF}2")" = auto ]
	grep -q '^suspend: by the driver' "$state/net1/migration"
	del net1
	add net1 "${VF}1"
	consume net1 vhost_vdpa
	grep -q '^suspend: no: no SUSPEND feature' "$state/net1/migration"
	grep -q '^suspend: by the driver' "$state/net2/migration"
	timeout 60 python3 "$cases" no_suspend "$(vhost_of net1)"
	set_relay "${VF}1" auto
	del net1
	add net1 "${VF}1"
	consume net1 vhost_vdpa
	net state_net --rounds 20
}

test_never() {
	reload never
	grep -q '^suspend: no: no SUSPEND feature' /sys/kernel/debug/hvdpa/net1/migration
	grep -q '^migrate: no: no SUSPEND feature' /sys/kernel/debug/hvdpa/net1/migration
	grep -q '^profile: all' /sys/kernel/debug/hvdpa/net1/migration
	timeout 60 python3 "$cases" no_suspend "$(vhost_of net1)"
	lines_are 'queue 0: starts at 0x50005, and cannot be relayed: relay=never: -EOPNOTSUPP' 1
}

test_always() {
	reload always
	[ "$(cat /sys/module/hvdpa/parameters/relay)" = always ]
	timeout 60 python3 "$cases" relayed_shows "$(vhost_of net1)" --name net1
	net state_net --rounds 40
	on_disk --rounds 40 --queues 2
	teardown
	rmmod hvdpa
}

begin
t setup "functions with nothing beyond the standard"
t test_net "a network device goes on where it stood"
t test_net_any "and anywhere"
t test_disk "a disk loses and repeats no request"
t test_disk_any "and its rings start anywhere"
t test_resume "suspend and resume"
t test_control_state "what commands set is there after suspend and resume"
t test_disabled_base "a queue that is disabled says where it stands, and the others run"
t test_rises_nowhere "a queue that stands nowhere, and one that cannot go on"
t test_state_shows "what is relayed is seen"
t test_log "the dirty log of a network device"
t test_log_disk "the dirty log of a disk"
t test_log_refused "no log is kept of indirect tables"
t test_packed "what cannot be relayed is refused by name"
t test_hostile "a ring with what cannot be makes the device fail"
t test_unmapped "a ring that is unmapped is not touched any more"
t test_bad_rings "rings that cannot be relayed are refused"
t test_function "one function, by devlink"
t test_never "relay=never"
t test_always "relay=always"
finish
