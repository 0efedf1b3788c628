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

control() {
	local case=$1 name=$2
	shift 2
	timeout 150 python3 "$cases" "$case" "$(vhost_of "${name}1")" \
		"$(vhost_of "${name}2")" "$@"
}

setup() {
	hvdpa-vfs enable 0000:01:00.0 2
	hvdpa-vfs enable 0000:02:00.0 2
	recover
}

recover() {
	make wide1 0000:02:00.1
	make wide2 0000:02:00.2 device_features "$all"
	consume wide1 vhost_vdpa
	consume wide2 vhost_vdpa
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

test_fuzz() {
	control fuzz wide --pairs 16 --indirect --seed 5 --count 1000
	control fuzz wide --pairs 16 --packed --indirect --seed 6 --count 1000
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

test_shown() {
	remake mac "$given" mtu 1400 max_vqp 4
	vdpa dev config show wide1 | grep "mac $given link up link_announce false"
	vdpa dev config show wide1 | grep 'mtu 1400'
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

begin
t setup "devices"
t test_commands "commands to a card with 16 queue pairs"
t test_fuzz "random rings and commands"
t test_given "mac, mtu and max_vqp are what the owner sees and the card does"
t test_shown "and what vdpa shows"
t test_refused "what a card cannot be is refused"
t test_set "vdpa dev set mac"
t test_own_mac "an address that an owner writes is its own"
t test_netdev "a netdev gets no address that the card cannot be told of"
finish
