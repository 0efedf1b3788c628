#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In a Debian with the packages, libvirt and the files of
# Documentation/consumers.rst, booted by systemd: the guest, the host and the
# container each have their devices, and bytes go between them.
# shellcheck source=tools/testing/packages/lib.sh
. /hvdpa/tools/testing/packages/lib.sh

guest=/hvdpa/tools/testing/guest
web=52:54:00:00:02:01

began_at() {
	systemctl show -P "$2" "$1"
}

# Nobody called hvdpactl: the unit did, before the network was made.
made_at_boot() {
	within 120 systemctl is-active --quiet hvdpa.service
	within 120 systemctl is-active --quiet systemd-networkd.service
	journalctl -b -u hvdpa.service --no-pager
	[ "$(began_at hvdpa.service ActiveEnterTimestampMonotonic)" -lt \
		"$(began_at systemd-networkd.service ExecMainStartTimestampMonotonic)" ]
	hvdpactl status
	hvdpactl apply --dry-run | grep -x 'nothing to change'
	for name in web store; do
		readlink -e /dev/vdpa/*/by-name/$name
	done
}

configured() {
	networkctl --no-pager status "$1" | grep -E 'State: routable \(configured\)'
}

addressed() {
	udevadm info -q property /sys/class/net/lan0
	within 60 configured lan0
	ip -4 addr show lan0 | grep 'inet 10.8.0.1/24'
}

# It has its own name and address inside, speaks with the host over the card's
# wire, and is the host's again.
# shellcheck disable=SC2016 # expanded in it
contained() {
	mkdir -p /var/lib/machines/box/usr/bin /var/lib/machines/box/etc
	cp /usr/bin/busybox /var/lib/machines/box/usr/bin/
	ln -sf usr/bin /var/lib/machines/box/bin
	touch /var/lib/machines/box/etc/os-release
	systemd-nspawn --quiet --register=no --keep-unit -D /var/lib/machines/box \
		--network-interface=box0:eth0 --as-pid2 /bin/busybox sh -euc '
			ip=/bin/busybox
			$ip ip link
			$ip ip addr add 10.8.0.2/24 dev eth0
			$ip ip link set eth0 up
			$ip ping -c 3 -w 30 10.8.0.1'
	ip link show box0
}

# What is on the page.
defined() {
	mkdir -p /var/lib/libvirt/boot
	cp /hvdpa/guest/kernel /hvdpa/guest/initrd /var/lib/libvirt/boot/
	virsh define --validate /root/web.xml
}

guest_run() {
	GUEST_TIMEOUT=120 "$guest" run web "$1"
}

started() {
	timeout 200 virsh start web || {
		tail -n 20 /var/log/libvirt/qemu/web.log
		for pid in $(pgrep qemu-system) $(pgrep libvirtd) $(pgrep virsh); do
			echo "$pid $(cat "/proc/$pid/comm")"
			cat "/proc/$pid"/task/*/{wchan,stack} || :
		done
		return 1
	}
	virsh domiflist web
	virsh domblklist web
	ln -s /var/lib/libvirt/qemu/web.serial /run/guest-web.serial
	pgrep -o qemu-system >/run/guest-web.pid
	GUEST_TIMEOUT=300 "$guest" wait web
	hvdpactl status | tee /tmp/status
	grep -E ' web .*qemu-system' /tmp/status
	# QEMU is nobody in particular.
	[ "$(stat -c %U "/proc/$(cat /run/guest-web.pid)")" = libvirt-qemu ]
}

# 2 MiB through the network, and through the disk and back; the card has them.
bytes_go() {
	local sum
	guest_run "cat /sys/class/net/eth0/address" | grep -x "$web"
	guest_run "ip addr add 10.8.0.3/24 dev eth0; ip link set eth0 up"
	within 60 ping -q -c 1 -W 1 10.8.0.3
	dd if=/dev/urandom of=/tmp/bytes bs=1M count=2 status=none
	sum=$(sha256sum </tmp/bytes)
	guest_run "nc -l -p 5002 >/tmp/in & true"
	sleep 2
	timeout 120 python3 -c '
import socket
with socket.create_connection(("10.8.0.3", 5002)) as peer:
    peer.sendall(open("/tmp/bytes", "rb").read())'
	[ "$(guest_run "wait; sha256sum </tmp/in")" = "$sum" ]
	guest_run "dd if=/tmp/in of=/dev/vda bs=1M seek=5 2>/dev/null && sync"
	[ "$(guest_run "dd if=/dev/vda bs=1M skip=5 count=2 2>/dev/null | sha256sum")" = "$sum" ]
}

disk_is_there() {
	[ -e "$(echo /sys/bus/pci/devices/0000:03:00.1/virtio*/block/vd*)" ]
}

# The device is as it was: for the kernel, and what the guest wrote is on it.
ended() {
	local disk
	virsh destroy web
	virsh undefine web
	echo store >/sys/bus/vdpa/drivers/vhost_vdpa/unbind
	echo virtio_vdpa >/sys/bus/vdpa/devices/store/driver_override
	echo store >/sys/bus/vdpa/drivers/virtio_vdpa/bind
	within 20 disk_is_there
	disk=$(basename /sys/bus/pci/devices/0000:03:00.1/virtio*/block/vd*)
	[ "$(dd if="/dev/$disk" bs=1M skip=5 count=2 iflag=direct status=none | sha256sum)" = \
		"$(sha256sum </tmp/bytes)" ]
}

# hvdpactl leaves alone what is used, takes back what the unit made, and the unit
# makes it again.
taken_back() {
	if hvdpactl remove 2>/tmp/said; then return 1; fi
	grep "lan is in use and stays as it is: its netdev lan0 is up" /tmp/said
	ip link set lan0 down
	hvdpactl remove
	[ "$(vdpa dev show | wc -l)" -eq 0 ]
	[ "$(cat /sys/bus/pci/devices/0000:01:00.0/sriov_numvfs)" -eq 0 ]
	systemctl restart hvdpa.service
	[ "$(vdpa dev show | wc -l)" -eq 4 ]
	within 60 configured lan0 2>/dev/null
}

t made_at_boot "the unit made what hvdpa.conf says, before the network"
t addressed "systemd-networkd names and addresses an interface"
t contained "systemd-nspawn has one, and gives it back"
t defined "libvirt takes the page's domain"
t started "libvirt starts it, with the page's network and disk"
t bytes_go "what goes over its network and its disk is whole"
t ended "what it wrote is the kernel's to read"
t taken_back "all is taken back, and made again"
t quiet "the kernel has nothing to say"
echo "1..$number"
