#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Standard functions beside others: guests that move from one kind to the other, what a
# relay does on a card that lies, and what commands set is there after a pause.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh
# shellcheck source=tools/testing/moves.sh
. /hvdpa/tools/testing/moves.sh

cases=$(dirname "$0")/nic_cases.py
moves=$(rounds 10 1)

setup() {
	hvdpa-vfs enable 0000:01:00.0 3
	hvdpa-vfs enable 0000:03:00.0 2
	hvdpa-vfs enable 0000:02:00.0 3
	hvdpa-vfs enable 0000:04:00.0 2
	hvdpa-vfs enable 0000:06:00.0 2
	hvdpa-vfs enable 0000:08:00.0 2
	hvdpa-vfs enable 0000:0c:00.0 2
	hvdpa-vfs enable 0000:0d:00.0 3
	recover
}

# The peer of the guest is a bridge of a netdev on each card's wire.
recover() {
	local name
	make contract 0000:01:00.1
	make plain 0000:08:00.1
	# As many vectors as the others have: a guest's NIC has as many.
	make ifc 0000:04:00.1 max_vqp 1
	# With four queue pairs, the control queue of each served by the driver.
	make wide 0000:02:00.1 max_vqp 4
	make plainwide1 0000:0d:00.1
	make plainwide2 0000:0d:00.2
	for name in contract plain ifc wide plainwide1 plainwide2; do
		consume "$name" vhost_vdpa
	done
	ip netns add left
	ip -n left link add vd0 type bridge
	peer p0 0000:01:00.3
	peer p1 0000:08:00.2
	peer p2 0000:04:00.2
	peer p3 0000:02:00.3
	peer p4 0000:0d:00.3
	ip -n left addr add 10.8.0.1/24 dev vd0
	ip -n left link set vd0 up
	add disk 0000:03:00.1
	consume disk vhost_vdpa
}

test_shows() {
	grep -q '^migrate: yes' /sys/kernel/debug/hvdpa/plain/migration
	grep -q '^suspend: by the driver' /sys/kernel/debug/hvdpa/plain/migration
	# So no end of a move needs device_features.
	[ "$(offered_by plain)" = "$(offered_by contract)" ]
	[ "$(offered_by plain)" = "$(offered_by ifc)" ]
}

offered_by() {
	sed -n 's/^features: \(0x[0-9a-f]*\) of .*/\1/p' "/sys/kernel/debug/hvdpa/$1/migration"
}

test_plain_contract() { move_under_load plain contract "$moves"; }
test_pairs() {
	local pairs=4
	move_under_load plainwide1 plainwide2 "$moves"
	move_under_load plainwide2 wide "$moves"
}

test_plain_ifc() { move_under_load ifc plain "$moves"; }

state_disk() {
	timeout 120 python3 "$cases" state_disk "$(vhost_of disk)" "$@"
}

# As a guest that QEMU could move, were it to move disks: on one storage, from the contract's
# layout to a standard function, to Intel's and on.
carried=(contractdisk plaindisk ifcdisk)

carry() {
	local name
	add contractdisk 0000:03:00.2
	add ifcdisk 0000:06:00.2
	add plaindisk 0000:0c:00.2
	for name in "${carried[@]}"; do consume "$name" vhost_vdpa; done
	timeout 300 python3 "$cases" "$@" "$(vhost_of contractdisk)" "$(vhost_of plaindisk)" \
		"$(vhost_of ifcdisk)"
	for name in "${carried[@]}"; do del "$name"; done
}

test_carried() { carry carry_disk --queues 2 --rounds "$(rounds 30 6)"; }
test_killed() { carry killed_disk --rounds "$(rounds 20 4)"; }

test_control_state() {
	del p1
	add other 0000:08:00.2
	consume other vhost_vdpa
	timeout 120 python3 "$cases" keeps_control_state "$(vhost_of plain)" "$(vhost_of other)" \
		--control --rounds "$(rounds 20 5)"
	del other
}

test_late() {
	add other 0000:08:00.2
	consume other vhost_vdpa
	timeout 120 python3 "$cases" late_while_paused "$(vhost_of plain)" "$(vhost_of other)" \
		--fault plain/vf0 --rounds "$(rounds 10 2)"
	del other
}

# With every ring relayed: a disk that executes in any order.
test_always() {
	clean_up || :
	rmmod hvdpa
	insmod /hvdpa/hvdpa.ko relay=always
	hvdpa-vfs bind 0000:03:00.1
	add disk 0000:03:00.1
	consume disk vhost_vdpa
	fault disks/vf0 reorder true
	state_disk --rounds 200 --queues 2
	# Not with event indices: the card then interrupts for what it holds back.
	state_disk --rounds 200 --start 0xfff0
	fault disks/vf0 reorder false
	del disk
	rmmod hvdpa
}

begin
t setup "a standard function, one with the migration capability, one of Intel's"
t test_shows "debugfs says that the driver does it"
t test_plain_contract "a guest moves between a standard function and the capability's ($moves)"
t test_plain_ifc "a guest moves between Intel's layout and a standard function ($moves)"
t test_pairs "with four queue pairs, between standard functions and to the capability's ($moves)"
t test_carried "a disk is carried from function to function, with requests on their way"
t test_killed "one whose owner is killed has all that had ended"
t test_control_state "what commands set is there after suspend and resume"
t test_late "what a function writes after it was paused goes nowhere"
t test_always "relay=always: a disk that reorders"
finish
