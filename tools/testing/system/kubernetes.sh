#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# The paths and errors that the SR-IOV device plugin and operator and the library
# govdpa rely on, as Documentation/kubernetes.rst lists them.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

# As the operator names them.
name=vdpa:${VF}1
pci=/sys/bus/pci/devices
vdpa=/sys/bus/vdpa

recover() {
	vdpa dev del "$name"
	hvdpa-vfs disable "$PF"
	hvdpa-vfs enable "$PF" 6
	add "$name" "${VF}1"
}

# The device plugin's filters: vendors, devices, drivers, rootDevices.
test_selectors() {
	hvdpa-vfs enable "$PF" 6
	[ "$(cat "$pci/${VF}1/vendor")" = 0x1af4 ]
	[ "$(cat "$pci/${VF}1/device")" = 0x1041 ]
	[ "$(basename "$(readlink "$pci/${VF}1/driver")")" = hvdpa ]
	[ "$(basename "$(readlink "$pci/${VF}1/physfn")")" = "$PF" ]
	case $(cat "$pci/${VF}1/class") in
	0x02*) ;;
	*) fail "class is $(cat "$pci/${VF}1/class")" ;;
	esac
}

# govdpa: GetMgmtDevice("pci", address), one for each VF, at once.
test_mgmtdev() {
	local n
	for n in 1 2 3 4 5 6; do
		vdpa -j mgmtdev show "pci/$VF$n" | grep -qF "\"pci/$VF$n\""
	done
}

# CreateVDPADevice(): 32 pairs first, without a number if that is not supported.
test_pairs() {
	errno_is 'Operation not supported' \
		vdpa dev add name "$name" mgmtdev "pci/${VF}1" max_vqp 32
	vdpa dev add name "$name" mgmtdev "pci/${VF}1"
	lines_are 'max_vqp is 32, the function has 1: -EOPNOTSUPP' 1
}

test_errors() {
	errno_is 'Operation not supported' add second "${VF}1"
	errno_is 'File exists' add "$name" "${VF}2"
	errno_is 'No such device' vdpa dev del none
	errno_is 'No such device' vdpa dev show none
	errno_is 'No such device' add none "${VF}7"
	errno_is 'Invalid argument' \
		vdpa dev add name other mgmtdev "pci/${VF}2" max_vqp 0
	[ "$(vdpa -j dev show | grep -o '"mgmtdev"' | wc -l)" -eq 1 ]
}

# ParentDevicePath(): the link's parent is the VF.
test_parent() {
	[ "$(readlink -f "$vdpa/devices/$name/..")" = "$(readlink -f "$pci/${VF}1")" ]
	[ -d "$pci/${VF}1/$name" ]
}

# GetVhostVdpaDevInPath(): one folder of that name, one file.
test_vhost() {
	local -a found
	consume "$name" vhost_vdpa
	[ "$(basename "$(readlink "$vdpa/devices/$name/driver")")" = vhost_vdpa ]
	found=("$vdpa/devices/$name"/vhost-vdpa-*)
	[ "${#found[@]}" -eq 1 ]
	[ -c "/dev/$(basename "${found[0]}")" ]
	[ "$(cat "${found[0]}/dev")" = "$(stat -c '%Hr:%Lr' "/dev/$(basename "${found[0]}")")" ]
	[ -z "$(ls -d "$pci/${VF}1"/virtio* 2>/dev/null || :)" ]
}

# GetVirtioNetInPath(): one folder virtioN under the VF, one netdev in it.
test_virtio() {
	local -a found
	consume "$name" virtio_vdpa
	[ "$(basename "$(readlink "$vdpa/devices/$name/driver")")" = virtio_vdpa ]
	within 5 test -n "$(netdev_of "$name")"
	found=("$pci/${VF}1"/virtio*)
	[ "${#found[@]}" -eq 1 ]
	found=("${found[0]}"/net/*)
	[ "${#found[@]}" -eq 1 ]
	ethtool -i "$(basename "${found[0]}")" >"$state/ethtool"
	grep -qx 'driver: virtio_net' "$state/ethtool"
	grep -qx "bus-info: $name" "$state/ethtool"
	[ -z "$(ls -d "$vdpa/devices/$name"/vhost-vdpa-* 2>/dev/null || :)" ]
}

# A pod takes the netdev, ends, and the host has it again.
test_pod() {
	local netdev
	netdev=$(netdev_of "$name")
	ip netns add pod
	ip link set "$netdev" netns pod name net1
	ip -n pod link set net1 up
	[ -z "$(ip -br link show "$netdev" 2>/dev/null || :)" ]
	ip netns del pod
	within 10 test -n "$(netdev_of "$name")"
}

# The bus's own way to say who is to have a device.
test_override() {
	local n
	for n in 1 2 3; do
		for driver in vhost_vdpa virtio_vdpa; do
			echo "$driver" >"$vdpa/devices/$name/driver_override"
			echo "$name" >"$vdpa/devices/$name/driver/unbind"
			echo "$name" >"$vdpa/drivers_probe"
			[ "$(basename "$(readlink "$vdpa/devices/$name/driver")")" = "$driver" ]
		done
	done
	echo >"$vdpa/devices/$name/driver_override"
}

test_gone() {
	vdpa dev del "$name"
	[ ! -e "$vdpa/devices/$name" ]
	[ ! -e "$pci/${VF}1/$name" ]
	errno_is 'No such device' vdpa dev del "$name"
	hvdpa-vfs disable "$PF"
	errno_is 'No such device' vdpa mgmtdev show "pci/${VF}1"
}

begin
t test_selectors "a VF has what the device plugin selects by"
t test_mgmtdev "a management device for each VF"
t test_pairs "32 queue pairs are refused as the operator expects"
t test_errors "each refusal has its errno"
t test_parent "a device is its VF's child"
t test_vhost "one vhost-vdpa, and its file"
t test_virtio "one netdev, whose bus-info is the device"
t test_pod "a pod takes the netdev and gives it back"
t test_override "driver_override moves a device"
t test_gone "what is deleted is not found"
finish
