#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# profile.sh ROUNDS: what a frame and a block cost with, and without, what a device does
# not offer that is to move. Lines of JSON; the parent says which features it has.
# shellcheck source=tools/bench/lib.sh
. /hvdpa/tools/bench/lib.sh

rounds=$1
indirect=$((1 << 28)) packed=$((1 << 34))
load
hvdpa-vfs enable "$PF" 4

# with FUNCTION FEATURES WHAT COMMAND...: the cost of a device that has these
with() {
	local function=$1 features=$2 what=$3
	shift 3
	vdpa dev add name bench mgmtdev "pci/$function" \
		device_features "$(printf %#x "$features")"
	consume bench virtio_vdpa
	"$@" "$function" | sed "s/\"parent\": \"hvdpa\"/\"parent\": \"$what\"/"
	vdpa dev del bench
}

net_costs() {
	local interface peer_interface peer=${1%?}$((${1: -1} + 1))
	give "$peer" virtio-pci
	peer_interface=$(interface_of "$peer")
	interface=$(interface_of "$1")
	ip link set "$peer_interface" up
	ip link set "$interface" up
	sleep 1
	"$cost" net hvdpa "$interface" "$peer_interface" "$rounds"
}

block_costs() {
	within 10 test -e /sys/bus/pci/devices/"$1"/virtio*/block
	"$cost" block hvdpa "/dev/$(child_of "$1" block)" "$rounds"
}

for function in "${VF}1" "${VF}3" 0000:03:00.0 0000:04:00.0; do
	costs=block_costs
	case $function in "$VF"*) costs=net_costs ;; esac
	give "$function" hvdpa
	all=$(all_of "$function")
	with "$function" $((all & ~packed)) all "$costs"
	with "$function" $((all & ~packed & ~indirect)) "without INDIRECT_DESC" "$costs"
	[ $((all & packed)) -eq 0 ] || with "$function" "$all" packed "$costs"
	give "$function" ""
done
