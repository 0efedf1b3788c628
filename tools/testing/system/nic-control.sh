#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# The control queue and provisioning on the reference NIC: 16 queue pairs.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

cases=$(dirname "$0")/control_cases.py
given=52:54:00:00:cc:01
# VERSION_1 ACCESS_PLATFORM RING_PACKED EVENT_IDX INDIRECT, the control queue
# and its commands, MQ, MAC, MRG_RXBUF, STATUS
all=0x730df8020

setup() {
	hvdpa-vfs enable 0000:01:00.0 2
	hvdpa-vfs enable 0000:02:00.0 2
	hvdpa-vfs enable 0000:09:00.0 2
	hvdpa-vfs enable 0000:0a:00.0 2
	recover
}

recover() {
	make wide1 0000:02:00.1
	make wide2 0000:02:00.2 device_features "$all"
	make narrow1 0000:09:00.1
	make narrow2 0000:09:00.2
	make single1 0000:0a:00.1
	make single2 0000:0a:00.2
	local name
	for name in wide narrow single; do
		consume "${name}1" vhost_vdpa
		consume "${name}2" vhost_vdpa
	done
}

# make NAME FUNCTION ATTRIBUTE...
make() {
	local name=$1 function=$2
	shift 2
	vdpa dev add name "$name" mgmtdev "pci/$function" "$@"
}

# remake ATTRIBUTE...: wide1 anew
remake() {
	del wide1
	make wide1 0000:02:00.1 "$@"
	consume wide1 vhost_vdpa
}

test_commands() {
	remake device_features "$all"
	timeout 150 python3 "$cases" commands "$(vhost_of wide1)" "$(vhost_of wide2)" --pairs 16
	control commands wide --pairs 16 --packed
	control doorbell wide --pairs 16
}

test_state() {
	traced control state wide --pairs 16
	trace_has 'hvdpa_suspend: wide1 err=0' 'hvdpa_resume: wide1 err=0'
	control state wide --pairs 16 --packed
}

test_fuzz() {
	local count
	count=$(rounds 1000 500)
	control fuzz wide --pairs 16 --indirect --seed 5 --count "$count"
	control fuzz wide --pairs 16 --packed --indirect --seed 6 --count "$count"
}

# A card that hears no doorbell, while an owner waits, and at DRIVER_OK.
test_deaf() {
	remake
	control deaf wide --fault wide/vf0
	lines_are 'control command 0.0 of 3 bytes: no answer within 1000000 us' 1
	remake mac "$given" max_vqp 1
	fault wide/vf0 deaf true
	errno_is 'status' control provisioned wide
	fault wide/vf0 deaf false
	lines_are 'control command 1.1 of 8 bytes: no answer within 1000000 us' 1
	control provisioned wide
}

# A card that answers, and takes its time: others wait for one command.
test_slow() {
	remake
	limit=60 control slow wide --fault wide/vf0
	fault wide/vf0 command-delay 0
}

test_paused() {
	remake
	control paused wide --how suspend --fault wide/vf0
	control paused wide --fault wide/vf0
	remake device_features "$all"
	control paused wide --how suspend --packed --fault wide/vf0
}

# One that goes in the midst of a command is given up, and waits to be asked
# back; others are not kept waiting.
test_vanishes() {
	local function=pci/0000:02:00.1
	remake
	devlink health set "$function" reporter function auto_recover false
	control vanishes wide --fault wide/vf0
	lines_are 'the function is given up' 1
	timeout 5 vdpa dev show wide2 >/dev/null
	fault wide/vf0 vanish false
	fault wide/vf0 all-ones false
	devlink health recover "$function" reporter function
	devlink health set "$function" reporter function auto_recover true
	control commands wide --pairs 16
}

netdev_up() {
	consume wide1 virtio_vdpa
	within 5 test -n "$(netdev_of wide1)"
	net=$(netdev_of wide1)
	ip link set "$net" up
}

# The kernel's own driver has its commands executed with the lock of all network
# devices held, and waits.
answered() {
	timeout 10 ip link show "$net" >/dev/null || fail "ip link waits"
}

# Cards that hear no doorbell, and that are gone: a netdev's command is answered.
test_unanswered_netdev() {
	local net function=pci/0000:02:00.1
	remake
	netdev_up
	fault wide/vf0 deaf true
	timeout 10 ip link set "$net" promisc on
	within 10 lines_are 'queue 32: a control command has no answer after 1000000 us' 1
	answered
	fault wide/vf0 deaf false
	timeout 10 ip link set "$net" promisc off
	timeout 10 ip link show "$net" | grep -q NO-CARRIER
	consume wide1 vhost_vdpa

	netdev_up
	devlink health set "$function" reporter function auto_recover false
	fault wide/vf0 all-ones true
	timeout 10 ip link set "$net" promisc on
	within 10 lines_are 'the function is given up: device_status reads 0xff' 1
	answered
	fault wide/vf0 all-ones false
	devlink health recover "$function" reporter function
	devlink health set "$function" reporter function auto_recover true
	consume wide1 vhost_vdpa
	control commands wide --pairs 16
}

test_given() {
	local pairs
	for pairs in 1 4 16; do
		remake mac "$given" mtu 1400 max_vqp "$pairs"
		control provisioned wide --pairs "$pairs" --mtu 1400
	done
	remake mac "$given" mtu 1400 max_vqp 4 device_features "$(printf '%#x' $((all | 8)))"
	control provisioned wide --pairs 4 --mtu 1400 --packed
}

# The control queue is 8 for its owner and 32 on the card.
test_counters() {
	remake max_vqp 4
	grep -q '^counters: yes' /sys/kernel/debug/hvdpa/wide1/migration
	control counters wide --pairs 4
}

test_shown() {
	remake mac "$given" mtu 1400 max_vqp 4
	vdpa dev config show wide1 | grep "mac $given link up link_announce false"
	vdpa dev config show wide1 | grep 'mtu 1400'
	grep -qx "given: mac $given mtu 1400 max_vqp 4" /sys/kernel/debug/hvdpa/wide1/state
	vdpa mgmtdev show pci/0000:02:00.1 -j | grep -q '"max_supported_vqs": *33'
}

test_refused() {
	del wide1
	errno_is 'Operation not supported' make wide1 0000:02:00.1 max_vqp 17
	lines_are 'wide1: max_vqp is 17, the function has 16' 1
	errno_is 'Operation not supported' make wide1 0000:02:00.1 mtu 1501
	lines_are 'wide1: mtu is 1501, the function.s is 68 to 1500' 1
	errno_is 'Invalid argument' make wide1 0000:02:00.1 mac 01:00:5e:00:00:01
	lines_are 'wide1: mac 01:00:5e:00:00:01 is no address of a station' 1
	errno_is 'Invalid argument' make wide1 0000:02:00.1 max_vqp 0
	make wide1 0000:02:00.1
	consume wide1 vhost_vdpa
}

test_set() {
	remake max_vqp 4
	# An owner keeps the address that it has read.
	consume wide1 virtio_vdpa
	within 5 test -n "$(netdev_of wide1)"
	errno_is 'Device or resource busy' vdpa dev set name wide1 mac "$given"
	consume wide1 vhost_vdpa
	vdpa dev set name wide1 mac "$given"
	vdpa dev config show wide1 | grep -q "mac $given"
	control provisioned wide --pairs 4
	errno_is 'Invalid MAC address' vdpa dev set name wide1 mac 01:00:5e:00:00:01
}

# Each queue its vector; two vectors for all; one.
test_pairs() {
	local pairs name
	for pairs in 1 4 16; do
		for name in wide narrow single; do
			del "${name}1"
			del "${name}2"
			make "${name}1" "$(function_of "$name" 1)" max_vqp "$pairs"
			make "${name}2" "$(function_of "$name" 2)" max_vqp "$pairs"
			consume "${name}1" vhost_vdpa
			consume "${name}2" vhost_vdpa
			control pairs "$name" --pairs "$pairs"
			vectors_are "${name}1" "$pairs" "$name"
		done
	done
}

function_of() {
	case $1 in
	wide) echo "0000:02:00.$2" ;;
	narrow) echo "0000:09:00.$2" ;;
	single) echo "0000:0a:00.$2" ;;
	esac
}

# vectors_are DEVICE PAIRS KIND: as many as the card gives, and no more.
vectors_are() {
	local got want
	got=$(grep -Ec " $1-(vq[0-9]+\+?|config|all)\$" /proc/interrupts)
	case $3 in
	wide) want=$(($2 * 2 + 2)) ;;
	narrow) want=3 ;;
	single) want=1 ;;
	esac
	[ "$got" -eq "$want" ] || fail "$1 has $got vectors, expected $want"
}

test_own_mac() {
	remake
	control own_mac wide
}

test_netdev() {
	remake mac "$given"
	consume wide1 virtio_vdpa
	lines_are "mac $given cannot be given to the card for this consumer: it offers .* without RING_RESET .bit 40.: -EOPNOTSUPP" 1
	[ -z "$(netdev_of wide1 || :)" ]
	consume wide1 vhost_vdpa
}

# And hvdpactl does not say that there is one.
test_netdev_declared() {
	local hvdpactl=/hvdpa/tools/hvdpactl/hvdpactl
	local text="no virtio driver takes wide1; the driver says: mac $given cannot be given"
	printf '[device wide1]\nfunction = 0000:02:00.1\nconsumer = virtio\nmac = %s\n' \
		"$given" >"$state/conf"
	remake mac "$given"
	says 1 "$text" "$hvdpactl" apply "$state/conf"
	[ "$(basename "$(readlink /sys/bus/vdpa/devices/wide1/driver)")" = vhost_vdpa ]
	del wide1
	says 1 "$text" "$hvdpactl" apply "$state/conf"
	[ ! -e /sys/bus/vdpa/devices/wide1 ]
}

begin
t setup "devices"
t test_commands "commands to a card with 16 queue pairs"
t test_state "the control queue stops, stands where it says and goes on"
t test_fuzz "random rings and commands"
t test_deaf "a card that does not answer"
t test_slow "a card that answers slowly keeps nobody waiting for a batch"
t test_paused "what was kicked before a suspend is done after it"
t test_vanishes "a card that goes in the midst of a command"
t test_unanswered_netdev "a netdev of a card that does not answer, or is gone, is answered"
t test_given "mac, mtu and max_vqp are what the owner sees and the card does"
t test_shown "and what vdpa shows"
t test_counters "what the card counts"
t test_refused "what a card cannot be is refused"
t test_set "vdpa dev set mac"
t test_pairs "1, 4 and 16 queue pairs with a vector each, with few, and with one"
t test_own_mac "an address that an owner writes is its own"
t test_netdev "a netdev gets no address that the card cannot be told of"
t test_netdev_declared "hvdpactl says so, and takes the device back"
finish
