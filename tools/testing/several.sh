#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# several.sh LIMIT NAME=SCRIPT...: system tests one after the other in one boot,
# each for LIMIT seconds at most; what NAME says is in /out/NAME.log, its exit
# status in /out/NAME.status, how long it took in /out/NAME.seconds. A test that
# fails, or leaves behind what cannot be taken away, is the last of its boot: the
# next starts on a machine as new.

limit=$1
shift

# The machine as it came up: no device, no VF, no module, and each function with
# the driver that the kernel chooses.
as_new() {
	local file name
	pkill -f qemu-system-x86_64
	ip -all netns del
	for name in $(cd /sys/bus/vdpa/devices && ls); do
		timeout 20 vdpa dev del "$name"
	done
	for file in /sys/bus/pci/devices/*/sriov_numvfs; do
		[ "$(cat "$file")" = 0 ] || echo 0 >"$file"
	done
	for file in /sys/bus/pci/drivers/hvdpa/0000:*; do
		[ ! -e "$file" ] || tools/hvdpa-vfs unbind "${file##*/}"
	done
	! grep -q '^hvdpa ' /proc/modules || timeout 20 rmmod hvdpa || return 1
	for file in /sys/bus/pci/devices/*; do
		[ -e "$file/driver" ] || echo "${file##*/}" >/sys/bus/pci/drivers_probe
	done
	# Whoever asks for signatures cannot take that back.
	[ "$(cat /sys/module/module/parameters/sig_enforce || echo N)" = N ] || return 1
	find /tmp /run -mindepth 1 -maxdepth 1 ! -name netns -exec rm -rf {} +
	dmesg --clear
} >/dev/null 2>&1

for test; do
	name=${test%%=*}
	# One of them starts the kernel anew, and this with it.
	[ ! -e "/out/$name.status" ] || continue
	began=$SECONDS
	timeout -k 5 "$limit" "${test#*=}" >"/out/$name.log" 2>&1 </dev/null
	status=$?
	echo "$((SECONDS - began))" >"/out/$name.seconds"
	! grep -q '^not ok' "/out/$name.log" || status=1
	[ "$status" -ne 0 ] || as_new || status=1
	echo "$status" >"/out/$name.status"
	[ "$status" -eq 0 ] || break
done
