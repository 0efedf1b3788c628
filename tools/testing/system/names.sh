#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Names under /dev/vdpa that stay when numbers do not, with the real udevd.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

disk=0000:03:00.0
rules=/etc/udev/rules.d/70-hvdpa-group.rules

settle() {
	udevadm settle --timeout=30
}

# One line for each link: where it is, where it leads.
links() {
	[ ! -d /dev/vdpa ] || find /dev/vdpa ! -type d -printf '%P %l\n' | sort
}

# class/name/function...: what must be there, by what sysfs says now.
links_of() {
	local item class name function node
	for item; do
		IFS=/ read -r class name function <<<"$item"
		node=$(vhost_of "$name")
		echo "$class/by-name/$name ../../../${node#/dev/}"
		[ -z "$function" ] || echo "$class/by-path/pci-$function ../../../${node#/dev/}"
	done | sort
}

# The links are those of the devices, all of them, and no other.
links_are() {
	links_of "$@" >"$state/links.expected"
	settle
	links >"$state/links"
	diff "$state/links.expected" "$state/links" || return 1
	while read -r link _; do
		[ -c "/dev/vdpa/$link" ] || fail "/dev/vdpa/$link leads nowhere"
	done <"$state/links"
}

no_links() {
	settle
	[ -z "$(links)" ] || fail "$(links)"
}

# Where nobody has set drivers_autoprobe a new device is vhost_vdpa's.
add_vhost() {
	add "$1" "$2"
	consume "$1" vhost_vdpa
}

setup() {
	make -s -C /hvdpa/tools/hvdpactl install DESTDIR= PREFIX=/usr SYSCONFDIR=/etc
	udevadm verify /usr/lib/udev/rules.d/60-hvdpa.rules \
		/usr/share/doc/hvdpa-tools/examples/70-hvdpa-group.rules
	# Rules for other devices cost processes and say nothing of these.
	mkdir "$state/rules"
	cp /usr/lib/udev/rules.d/{50-udev-default,60-hvdpa}.rules "$state/rules/"
	mount --bind "$state/rules" /usr/lib/udev/rules.d
	/usr/lib/systemd/systemd-udevd --daemon
	hvdpa-vfs enable "$PF" 4
	hvdpa-vfs bind "$disk"
	no_links
}

test_first() {
	add_vhost v0 "${VF}1"
	add_vhost d0 "$disk"
	links_are "net/v0/${VF}1" "blk/d0/$disk"
}

# Numbers go round among the names.
test_orders() {
	local one two
	add_vhost v1 "${VF}2"
	add_vhost v2 "${VF}3"
	links_are "net/v0/${VF}1" "net/v1/${VF}2" "net/v2/${VF}3" "blk/d0/$disk"
	one=$(vhost_of v1)
	two=$(vhost_of v2)
	del v1
	del v2
	links_are "net/v0/${VF}1" "blk/d0/$disk"
	add_vhost v2 "${VF}3"
	add_vhost v1 "${VF}2"
	links_are "net/v0/${VF}1" "net/v1/${VF}2" "net/v2/${VF}3" "blk/d0/$disk"
	[ "$(vhost_of v1)" = "$two" ]
	[ "$(vhost_of v2)" = "$one" ]
	del d0
	del v0
	add_vhost d0 "$disk"
	links_are "net/v1/${VF}2" "net/v2/${VF}3" "blk/d0/$disk"
}

test_rebind() {
	consume v1 virtio_vdpa
	links_are "net/v2/${VF}3" "blk/d0/$disk"
	consume v2 virtio_vdpa
	consume v1 vhost_vdpa
	links_are "net/v1/${VF}2" "blk/d0/$disk"
	consume v2 vhost_vdpa
	links_are "net/v1/${VF}2" "net/v2/${VF}3" "blk/d0/$disk"
}

# The event of the old device may come after that of the new one.
test_elsewhere() {
	del v1
	add_vhost v1 "${VF}4"
	links_are "net/v1/${VF}4" "net/v2/${VF}3" "blk/d0/$disk"
	del v1
	del d0
	add_vhost v1 "$disk"
	links_are "net/v2/${VF}3" "blk/v1/$disk"
	del v1
	add_vhost v1 "${VF}1"
	links_are "net/v1/${VF}1" "net/v2/${VF}3"
}

test_fast() {
	local round
	for round in $(seq "$(rounds 6 2)"); do
		del v1
		del v2
		add_vhost v1 "${VF}$((1 + round % 2))"
		consume v1 virtio_vdpa
		add_vhost v2 "${VF}$((3 + round % 2))"
		consume v1 vhost_vdpa
	done
	links_are "net/v1/${VF}1" "net/v2/${VF}3"
}

# What would be wrong without udev is seen.
test_control() {
	udevadm control --stop-exec-queue
	consume v1 virtio_vdpa
	links_of "net/v2/${VF}3" >"$state/expected.links"
	if diff "$state/expected.links" <(links) >/dev/null; then false; fi
	udevadm control --start-exec-queue
	links_are "net/v2/${VF}3"
	del v1
	del v2
	no_links
}

test_colons() {
	add_vhost vdpa:0000:01:00.4 "${VF}4"
	links_are "net/vdpa:0000:01:00.4/${VF}4"
	del vdpa:0000:01:00.4
}

# All but what udev makes by number for every device, and what is expected.
elsewhere() {
	find /dev -xdev ! -path '/dev/vdpa/*' ! -path '/dev/hvdpa*' ! -path '/dev/char*' \
		! -name 'vhost-vdpa-*' | sort
}

# None of them may reach beyond its folder, nor stop others' links.
test_escapes() {
	local name
	elsewhere >"$state/elsewhere"
	add_vhost good "${VF}1"
	# The driver has files of its own by that name.
	for name in '../../x' 'a/b' . .. .new; do
		errno_is 'Invalid argument' add "$name" "${VF}2"
	done
	lines_are 'is no name of a file' 5
	for name in 'a b' $'a\nb'; do
		add "$name" "${VF}2"
		consume "$name" vhost_vdpa
		settle
		[ "$(links | grep -c "/by-name/")" = 1 ]
		hvdpa-vfs unbind "${VF}2"
		hvdpa-vfs bind "${VF}2"
	done
	elsewhere | diff "$state/elsewhere" -
	links_are "net/good/${VF}1"
	del good
}

# A parent whose number says nothing: its class is asked for by netlink.
test_other_parent() {
	modprobe vduse
	python3 - <<-'PY' &
		import fcntl, struct, sys, time
		control = open("/dev/vduse/control", "rb+", buffering=0)
		# features: VERSION_1, ACCESS_PLATFORM; a disk with one queue
		config = struct.pack("<256sIIQII13II60s", b"user0", 0, 2, 3 << 32, 1,
		                     4096, *[0] * 13, 60, b"")
		size = struct.calcsize("<256sIIQII13II")
		size += -size % 8
		fcntl.ioctl(control, 0x40000000 | size << 16 | 0x8102, config)
		device = open("/dev/vduse/user0", "rb+", buffering=0)
		fcntl.ioctl(device, 0x40000000 | 32 << 16 | 0x8114,
		            struct.pack("<IH13H", 0, 256, *[0] * 13))
		open("/run/vduse-is-there", "w").close()
		time.sleep(60)
	PY
	within 10 test -e /run/vduse-is-there
	vdpa dev add name user0 mgmtdev vduse
	links_are "blk/user0/"
	vdpa dev del user0
	no_links
	kill %1
}

permissions() {
	stat -L -c '%U %G %a' "$1"
}

test_group() {
	add_vhost v0 "${VF}1"
	links_are "net/v0/${VF}1"
	[ "$(permissions /dev/vdpa/net/by-name/v0)" = 'root root 600' ]
	mkdir -p "${rules%/*}"
	cp /usr/share/doc/hvdpa-tools/examples/70-hvdpa-group.rules "$rules"
	udevadm control --reload
	del v0
	add_vhost v0 "${VF}1"
	settle
	[ "$(permissions /dev/vdpa/net/by-name/v0)" = 'root kvm 660' ]
	[ "$(permissions /dev/hvdpa/v0)" = 'root kvm 660' ]
	# Those that are there already.
	add_vhost v1 "${VF}2"
	settle
	rm "$rules"
	udevadm control --reload
	consume v1 virtio_vdpa
	consume v1 vhost_vdpa
	links_are "net/v0/${VF}1" "net/v1/${VF}2"
	[ "$(permissions /dev/vdpa/net/by-name/v1)" = 'root root 600' ]
	cp /usr/share/doc/hvdpa-tools/examples/70-hvdpa-group.rules "$rules"
	udevadm control --reload
	udevadm trigger --subsystem-match=vdpa
	settle
	[ "$(permissions /dev/vdpa/net/by-name/v1)" = 'root kvm 660' ]
}

test_removed() {
	hvdpa-vfs disable "$PF"
	no_links
	hvdpa-vfs unbind "$disk"
	errno_is 'this is for udev' hvdpactl udev links
	errno_is 'usage:' hvdpactl udev
}

begin
t setup "rules are right, and devices"
t test_first "a net device and a disk have links by name and by path"
t test_orders "links follow when devices come and go in other orders"
t test_rebind "links go and come with vhost_vdpa"
t test_elsewhere "a name that moves to another function"
t test_fast "many events at once end in the right links"
t test_control "control: a link that does not follow is noticed"
t test_colons "a name with colons"
t test_escapes "names that are no names make no links elsewhere"
if modprobe -qn vduse; then
	t test_other_parent "a device of another parent"
else
	ktap_test_skip "a device of another parent (this kernel has no vduse)"
fi
t test_group "a rule gives nodes to a group"
t test_removed "no link stays behind"
finish
