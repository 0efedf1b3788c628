#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Another kernel is started over this one, as `kexec -e` does it, while an owner
# has requests on one disk and a consumer in the kernel has some on another. That
# kernel has no driver for either: its first process looks at them, and starts a
# third kernel, which has all and is told what was seen by its command line. This
# file runs in the first and in the third.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

here=$(dirname "$0")
owned=0000:03:00.0
consumed=0000:04:00.0

# What the second kernel looks at: the command register, and device_status, at
# 0x14 of the common configuration, where QEMU's fourth BAR begins.
make_second() {
	local dir=$state/second
	mkdir -p "$dir"/{bin,proc,sys,dev}
	cp /usr/bin/busybox "$dir/bin/"
	cp /hvdpa/tools/testing/kexec "$dir/"
	cp /hvdpa/boot/kernel /hvdpa/boot/initramfs "$dir/"
	cp /proc/cmdline "$dir/cmdline"
	cat >"$dir/init" <<-INIT
		#!/bin/busybox sh
		busybox mount -t sysfs sysfs /sys
		busybox mount -t devtmpfs devtmpfs /dev
		line=\$(busybox cat /cmdline)
		for at in $owned $consumed; do
			dir=/sys/bus/pci/devices/\$at
			bar=\$(busybox sed -n '5s/ .*//p' \$dir/resource)
			line="\$line left=\$at,\$(busybox hexdump -s 4 -n 2 -e '1/2 "%04x"' \$dir/config)"
			line="\$line,\$(busybox devmem \$((bar + 0x14)) 8)"
		done
		exec /kexec /kernel /initramfs "\$line"
	INIT
	chmod +x "$dir/init"
	(cd "$dir" && find . | busybox cpio -o -H newc) >"$state/second.cpio"
}

first_kernel() {
	set -e
	grep -q '^hvdpa ' /proc/modules || insmod /hvdpa/hvdpa.ko
	make_second
	hvdpa-vfs bind "$owned"
	hvdpa-vfs bind "$consumed"
	add owned "$owned"
	consume owned vhost_vdpa
	python3 "$here/vhost_cases.py" endless "$(vhost_of owned)" >"$state/endless" &
	within 20 grep -q running "$state/endless"
	add consumed "$consumed"
	consume consumed virtio_vdpa
	within 5 test -n "$(disk_of consumed)"
	while dd if="/dev/$(disk_of consumed)" of=/dev/null bs=64k iflag=direct status=none; do :; done &
	sleep 0.5
	kill -0 %1 %2
	/hvdpa/tools/testing/counts
	"$state/second/kexec" /hvdpa/boot/kernel "$state/second.cpio" \
		"$(cat /proc/cmdline) initcall_blacklist=virtio_pci_driver_init"
}

# quiet ADDRESS: memory space on, bus master off; reset
quiet() {
	local left
	left=$(tr ' ' '\n' </proc/cmdline | sed -n "s/^left=$1,//p")
	echo "# $1: command 0x${left%,*}, status ${left#*,}"
	[ $((0x${left%,*} & 6)) -eq 2 ] && [ "${left#*,}" = 0x00 ]
}

test_owned() { quiet "$owned"; }
test_consumed() { quiet "$consumed"; }

test_works() {
	dd if=/dev/urandom of=/run/sector bs=512 count=1 status=none
	dd if=/run/sector of="/dev/$(cd /sys/bus/pci/devices/"$owned"/virtio*/block && ls)" bs=512 conv=fsync status=none
	hvdpa-vfs bind "$owned"
	add owned "$owned"
	consume owned vhost_vdpa
	timeout 30 python3 "$here/vhost_cases.py" works "$(vhost_of owned)"
	del owned
	hvdpa-vfs unbind "$owned"
}

if ! grep -q ' left=' /proc/cmdline; then
	first_kernel
	exit 1
fi
begin
t test_owned "what an owner was busy with is quiet when the next kernel starts"
t test_consumed "so is what virtio-vdpa was busy with"
t test_works "and the next driver finds it as new"
finish
