#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The main job, in the test machine: one VF for a guest, one for a namespace,
# a disk for the kernel. Every step is shown as it is typed.
# shellcheck source=tools/testing/words.sh
. /hvdpa/tools/testing/words.sh
PATH=/hvdpa/tools:/hvdpa/tools/testing:$PATH
set -euo pipefail
trap 'echo "demo: line $LINENO failed: $BASH_COMMAND"' ERR

title() {
	printf '\n# %s\n' "$*"
}

show() {
	printf '$ %s\n' "$*"
	eval "$*"
}

title "The module, and two VFs bound to it"
show "insmod hvdpa.ko"
show "hvdpa-vfs enable 0000:01:00.0 2"
show "vdpa mgmtdev show pci/0000:01:00.1"

title "Each VF becomes a vDPA device"
show "vdpa dev add name v0 mgmtdev pci/0000:01:00.1"
show "vdpa dev add name v1 mgmtdev pci/0000:01:00.2"
show "vdpa dev show"

title "v0 as a netdev of a container's namespace, through virtio-vdpa"
show "echo v0 >/sys/bus/vdpa/drivers/vhost_vdpa/unbind"
show "echo v0 >/sys/bus/vdpa/drivers/virtio_vdpa/bind"
within 5 test -n "$(netdev_of v0)"
show "ip netns add box"
show "ip link set $(netdev_of v0) netns box name net0"
show "ip -n box addr add 10.0.0.1/24 dev net0"
show "ip -n box link set net0 up"

title "v1 to a stock QEMU guest, through vhost-vdpa (KVM on an emulated processor: 10 s)"
path=$(vhost_of v1)
echo "\$ qemu-system-x86_64 ... -netdev vhost-vdpa,id=n,vhostdev=$path \\"
echo "      -device virtio-net-pci,netdev=n,page-per-vq=on"
guest start g -M q35 -bios qboot.rom -netdev "vhost-vdpa,id=n,vhostdev=$path" \
	-device "virtio-net-pci,netdev=n,page-per-vq=on,disable-legacy=on,romfile=,mac=52:54:00:00:01:02"
echo "guest# ip addr add 10.0.0.2/24 dev eth0; ip link set eth0 up"
guest run g "ip addr add 10.0.0.2/24 dev eth0; ip link set eth0 up"
show "ip netns exec box ping -c 2 10.0.0.2"

title "1 MiB of random bytes from the guest to the namespace"
before=$(stat_of v1 1 kicks)
ip netns exec box timeout 60 socat -u TCP-LISTEN:5001,reuseaddr CREATE:/tmp/got &
within 5 listening box 5001
echo "guest# nc 10.0.0.1 5001 <bytes; sha256sum <bytes"
sent=$(guest run g "dd if=/dev/urandom of=/tmp/out bs=64k count=16 2>/dev/null
	nc 10.0.0.1 5001 </tmp/out; sha256sum </tmp/out")
wait $!
echo "$sent"
show "sha256sum </tmp/got"
[ "$(sha256sum </tmp/got)" = "$sent" ]
show "vdpa dev vstats show v1 qidx 1"
after=$(stat_of v1 1 kicks)
echo "The guest rang its own doorbell: $((after - before)) of those kicks were traffic."
guest stop g

title "A block function as a disk"
show "hvdpa-vfs bind 0000:03:00.0"
show "vdpa dev add name d0 mgmtdev pci/0000:03:00.0"
consume d0 virtio_vdpa
within 5 test -n "$(disk_of d0)"
show "lsblk -o NAME,SIZE /dev/$(disk_of d0)"
show "mkfs.ext4 -q /dev/$(disk_of d0)"

title "All of it goes as it came"
show "rmmod hvdpa"
show "vdpa dev show"
