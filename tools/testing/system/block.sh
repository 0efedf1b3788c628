#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# A block function as a disk, and under a user-space owner that is not ours.
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

# The file system of the first test, read by QEMU's own vhost-vdpa client.
test_libblkio() {
	local image
	add disk "$disk"
	consume disk vhost_vdpa
	image="driver=virtio-blk-vhost-vdpa,path=$(vhost_of disk),cache.direct=on"
	timeout 60 qemu-img convert --image-opts "$image" -O raw "$state/copy"
	mount -o ro,loop "$state/copy" "$state/mnt"
	dd if="$state/mnt/file" status=none bs=1M | sha256sum | cmp - <(sha256sum <"$state/mnt/file")
	umount "$state/mnt"
	e2fsck -fn "$state/copy" >"$state/fsck" 2>&1

	# What it writes, the kernel reads on the same function.
	dd if=/dev/urandom of="$state/new" bs=1M count=64 status=none
	timeout 60 qemu-img convert -n -f raw "$state/new" --target-image-opts "$image"
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	cmp "$state/new" "/dev/$(disk_of disk)"
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
modprobe loop 2>/dev/null
t test_queues "a disk has its function's queues"
t test_filesystem "a file system holds its content over a new device"
t test_filesystem_packed "the same on packed rings"
t test_libblkio "qemu-img owns the same function through vhost-vdpa"
t test_provisioned "a disk with the fewest features works"
hvdpa-vfs unbind "$disk" "$packed_disk"
finish
