#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# parents.sh counted|timed: what a parent costs beside the kernel's own, on
# QEMU's own functions. Lines of JSON.
# shellcheck source=tools/bench/lib.sh
. /hvdpa/tools/bench/lib.sh

net=${VF}1 peer=${VF}2 disk=0000:03:00.0
load
hvdpa-vfs enable "$PF" 2
give "$peer" virtio-pci
peer_interface=$(interface_of "$peer")
ip link set "$peer_interface" up

net_costs() {
	local interface
	use "$1" "$net" virtio
	interface=$(interface_of "$net")
	ip link set "$interface" up
	sleep 1
	"$cost" net "$1" "$interface" "$peer_interface" "$2"
	leave "$1" "$net"
}

block_costs() {
	local name
	use "$1" "$disk" virtio
	within 10 test -e /sys/bus/pci/devices/"$disk"/virtio*/block
	name=$(child_of "$disk" block)
	"$cost" block "$1" "/dev/$name" "$2"
	leave "$1" "$disk"
}

owner_costs() {
	use "$1" "$net" vhost
	"$cost" owner "$1" "$(vhost_of bench)" 1 "$2" -
	leave "$1" "$net"
}

# map_costs PARENT MIB PAGES BACKED ROUNDS
map_costs() {
	use "$1" "$net" vhost
	"$cost" map "$1" "$(vhost_of bench)" "$2" "$3" "$4" "$5"
	leave "$1" "$net"
}

case $1 in
counted)
	for parent in hvdpa vp_vdpa native; do
		net_costs "$parent" 200
		block_costs "$parent" 200
	done
	# Nobody takes what is sent now, and nothing but its sender is interrupted.
	give "$peer" ""
	for parent in hvdpa vp_vdpa; do
		owner_costs "$parent" 30
		bus_costs "$parent" "$net"
	done
	echo 128 >/proc/sys/vm/nr_hugepages
	for parent in hvdpa vp_vdpa; do
		map_costs "$parent" 1024 ordered 256 3
		map_costs "$parent" 1024 huge 256 3
		map_costs "$parent" 256 scattered 256 3
	done
	;;
timed)
	for _ in 1 2 3 4; do
		for parent in hvdpa vp_vdpa native; do
			net_costs "$parent" 300
			block_costs "$parent" 300
		done
	done
	;;
esac
