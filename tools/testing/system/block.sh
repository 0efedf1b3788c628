#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A block function as a disk, and under a guest.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

disk=0000:03:00.0
packed_disk=0000:04:00.0

with_filesystem() {
	local dev
	add "$1" "$2"
	consume "$1" virtio_vdpa
	within 5 test -n "$(disk_of "$1")"
	dev=/dev/$(disk_of "$1")
	mkdir -p "$state/mnt"
	mkfs.ext4 -q "$dev"
	mount "$dev" "$state/mnt"
	dd if=/dev/urandom of="$state/mnt/file" bs=1M count=16 status=none
	sha256sum <"$state/mnt/file" >"$state/sum"
	umount "$state/mnt"
	del "$1"
	[ ! -e "$dev" ]

	add "$1" "$2"
	consume "$1" virtio_vdpa
	within 5 test -n "$(disk_of "$1")"
	mount "/dev/$(disk_of "$1")" "$state/mnt"
	sha256sum <"$state/mnt/file" | cmp - "$state/sum"
	umount "$state/mnt"
	e2fsck -fn "/dev/$(disk_of "$1")" >"$state/fsck" 2>&1
	del "$1"
}

test_filesystem() { with_filesystem disk "$disk"; }
test_filesystem_packed() { with_filesystem packed "$packed_disk"; }

# The same function under a guest: what it wrote, the kernel reads, and back.
# Not by libblkio: it puts the ring at address 0, and QEMU's own functions take
# a ring there for one that is not set up. See Documentation/testing.rst.
test_guest() {
	local sum
	add disk "$disk"
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	dd if=/dev/urandom of="$state/content" bs=1M count=8 status=none
	dd if="$state/content" of="/dev/$(disk_of disk)" bs=1M conv=fsync status=none
	consume disk vhost_vdpa
	guest start blk -M q35 -bios qboot.rom -device \
		"vhost-vdpa-device-pci,vhostdev=$(vhost_of disk),page-per-vq=on,disable-legacy=on"
	sum=$(guest run blk "dd if=/dev/vda bs=1M count=8 2>/dev/null | sha256sum")
	[ "$sum" = "$(sha256sum <"$state/content")" ]
	sum=$(guest run blk "dd if=/dev/urandom of=/tmp/new bs=1M count=4 2>/dev/null
		dd if=/tmp/new of=/dev/vda bs=1M seek=20 2>/dev/null; sync
		sha256sum </tmp/new")
	guest stop blk
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	[ "$(dd if="/dev/$(disk_of disk)" bs=1M skip=20 count=4 iflag=direct status=none | sha256sum)" = "$sum" ]
	del disk
}

test_queues() {
	add disk "$disk"
	vdpa dev show disk | grep -q 'type block .*max_vqs 2 '
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	[ "$(find "/sys/block/$(disk_of disk)/mq" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
	del disk
}

# A block device's features know no network dependencies.
test_provisioned() {
	add one "$disk" 0x300000000
	vdpa dev show one | grep -q 'max_vqs 1 '
	consume one virtio_vdpa
	within 5 test -n "$(disk_of one)"
	dd if="/dev/$(disk_of one)" of=/dev/null bs=1M count=4 iflag=direct status=none
	del one
}

begin
hvdpa-vfs bind "$disk" "$packed_disk"
t test_queues "a disk has its function's queues"
t test_filesystem "a file system holds its content over a new device"
t test_filesystem_packed "the same on packed rings"
t test_guest "a guest reads and writes the same function through vhost-vdpa"
t test_provisioned "a disk with the fewest features works"
hvdpa-vfs unbind "$disk" "$packed_disk"
finish
