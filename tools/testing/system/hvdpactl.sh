#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Devices as a file says: applied, shown, refused, taken back.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

disk=0000:03:00.0
net=0000:02:00.0
sys=/sys/bus/pci/devices
conf=$state/hvdpa.conf
modules=/lib/modules/$(uname -r)
PATH=/hvdpa/tools/hvdpa-dirty:$PATH

# refused TEXT: by apply, with status 1 and this text after the file's name; all is
# as it was, and the dry run says the same.
refused() {
	says 1 "hvdpactl: $conf:$1" hvdpactl apply --dry-run "$conf"
	refused_late "$1"
}

# refused_late TEXT: the dry run cannot know it. What was done before is undone.
refused_late() {
	snapshot >"$state/before"
	says 1 "hvdpactl: $conf:$1" hvdpactl apply "$conf"
	snapshot | diff "$state/before" -
}

# What apply and remove may change.
snapshot() {
	grep -sH '' "$sys"/*/{driver_override,sriov_numvfs,sriov_drivers_autoprobe} || :
	grep -sH '' /sys/bus/vdpa/devices/*/driver_override || :
	find "$sys"/*/driver /sys/bus/vdpa/devices/*/driver -maxdepth 0 -printf '%p %l\n' 2>/dev/null || :
	{ vdpa dev show && vdpa dev config show; } 2>/dev/null | sort || :
	# What a device was given, and what it has by itself, are not the same.
	grep -sH '^given\|^profile' /sys/kernel/debug/hvdpa/*/{state,migration} || :
	# Netdevs and disks; numbers of their virtio devices go round.
	find "$sys"/*/virtio*/{net,block}/* -maxdepth 0 2>/dev/null |
		sed 's,/virtio[0-9]*/,/,; s,/[^/]*$,,' || :
	awk '{ print $1 }' /proc/modules | sort
}

# changed LINE...: apply prints these lines, and the next one that there are none
changed() {
	hvdpactl apply --dry-run "$conf" >"$state/dry"
	printf 'dry run: %s\n' "$@" | diff - "$state/dry"
	hvdpactl apply "$conf" >"$state/out"
	printf '%s\n' "$@" | diff - "$state/out"
	[ "$(hvdpactl apply "$conf")" = "nothing to change" ]
}

config() {
	cat >"$conf"
}

driver_of() {
	[ ! -e "$sys/$1/driver" ] || basename "$(readlink "$sys/$1/driver")"
}

consumer_of() {
	basename "$(readlink "/sys/bus/vdpa/devices/$1/driver")"
}

# A process with a name, that has a node open until it is killed.
hold() {
	cp /usr/bin/sleep "$state/guestd"
	"$state/guestd" 600 9<>"$1" &
	holder=$!
	within 5 test -e "/proc/$holder/fd/9"
	within 5 grep -q guestd "/proc/$holder/comm"
}

recover() {
	hvdpa-vfs disable "$PF"
	hvdpa-vfs unbind "$PF"
	hvdpa-vfs unbind "$disk"
	hvdpa-vfs unbind "$net"
}

# hold_as NAME NODE: a process that calls itself so
hold_as() {
	local named
	named=$(mktemp -u "$state/named.XXXXXX")
	python3 -c 'import ctypes, os, sys, time
file = os.open(sys.argv[2], os.O_RDWR)
ctypes.CDLL(None).prctl(15, os.fsencode(sys.argv[1]), 0, 0, 0)
open(sys.argv[3], "w")
time.sleep(60)' "$1" "$2" "$named" &
	holder=$!
	within 10 test -e "$named"
}

# module_tree MODULE...: what modprobe finds is these, and hvdpa.
module_tree() {
	local module file root
	root=$(mktemp -d "$state/tree.XXXXXX")
	mkdir -p "$root$modules"
	for module; do
		for file in $(modprobe --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
			cp -u "$file" "$root$modules/"
		done
	done
	cp /hvdpa/hvdpa.ko "$root$modules/"
	touch "$root$modules"/modules.{order,builtin,builtin.modinfo}
	depmod -b "$root" "$(uname -r)"
	mount --bind "$root$modules" "$modules"
}

setup() {
	make -s -C /hvdpa/tools/hvdpactl install DESTDIR= PREFIX=/usr SYSCONFDIR=/etc
	make -s -C /hvdpa/tools/hvdpa-dirty
	module_tree vdpa vhost_vdpa virtio_vdpa pci-pf-stub
}

test_usage() {
	local words
	for words in '' applyy 'bogus --help' 'bogus --version' 'status --rate 0' \
		'status --dry-run' 'status more' 'apply --json' 'apply --rate 1' \
		'apply --colour' 'apply -x' 'status --rate'; do
		# shellcheck disable=SC2086 # words
		says 2 'usage:' hvdpactl $words
		grep -q '^hvdpactl: ' "$state/err"
	done
	says 2 "hvdpactl: there is no command 'applyy'" hvdpactl applyy
	for words in '' '-n 08x v' '-r 0:1M:2 v' '-i 0 v' 'v w'; do
		# shellcheck disable=SC2086 # words
		says 2 'hvdpa-dirty: ' hvdpa-dirty $words
	done
	# 010 is ten, and no device stands in its way.
	says 1 'hvdpa-dirty: there is no /dev/hvdpa/v' hvdpa-dirty -n 010 -r 08:1M v
	says 1 'there is neither /etc/hvdpa.conf nor' hvdpactl apply
	says 1 'cannot read /none: No such file' hvdpactl apply /none
	hvdpactl --help | grep 'usage:' >/dev/null
	hvdpactl apply --help | grep 'usage:' >/dev/null
	[ "$(hvdpactl status)" = 'no function is bound to hvdpa' ]
}

# Whoever packs and reports knows which it is.
test_version() {
	local version
	version=$(modinfo -F version /hvdpa/hvdpa.ko)
	[ "$(hvdpactl --version)" = "hvdpactl $version" ]
	[ "$(hvdpactl apply -V)" = "hvdpactl $version" ]
	[ "$(hvdpa-dirty --version)" = "hvdpa-dirty $version" ]
	[ "$(hvdpa-dirty -V)" = "hvdpa-dirty $version" ]
}

# What nobody could read was not said.
test_unwritten() {
	local command
	printf '[pf %s]\nvfs = 0\n' "$PF" | config
	for command in 'hvdpactl --help' 'hvdpactl --version' 'hvdpactl status' \
		'hvdpactl status --json' "hvdpactl apply --dry-run $conf" \
		"hvdpactl apply $conf" "hvdpactl remove $conf" \
		'hvdpa-dirty --help' 'hvdpa-dirty --version'; do
		says 1 "${command%% *}: standard output cannot be written: No space left" \
			sh -c "$command >/dev/full"
	done
}

test_refused() {
	printf '[pf %s]\nvfs = 1\ncolour = red\n' "$PF" | config
	refused "3: there is no key 'colour' in [pf]"
	printf '[pf 0000:77:00.0]\nvfs = 1\n' | config
	refused "1: there is no PCI function 0000:77:00.0; 'lspci -D' lists"
	printf '[pf %s]\nvfs = 8\n' "$PF" | config
	refused "2: $PF has 7 VFs at most, not 8; write fewer"
	printf '[pf %s]\nvfs = 1\n' "$disk" | config
	refused "1: $disk has no SR-IOV"
	# The first is good; nothing of it is done.
	printf '[pf %s]\nvfs = 2\n[device v0]\nfunction = %s\n' "$PF" "${VF}3" | config
	refused "4: there is no PCI function ${VF}3"
	printf '[pf %s]\nvfs = 2\n[device v0]\npf = %s\nvf = 2\n' "$PF" "$PF" | config
	refused "4: $PF has 2 VFs, v0 is to be on number 2 of them"
	printf '[pf %s]\nvfs = 2\n[device v0]\npf = %s\nvf = 0\n[device v1]\nfunction = %s\n' \
		"$PF" "$PF" "${VF}1" | config
	refused "7: ${VF}1 is the function of [device v0] ($conf:3) already"
	printf '[device v0]\nfunction = 0000:05:00.0\n' | config
	refused "2: 0000:05:00.0 is neither a virtio network nor a virtio block function"
	printf '[device v0]\nfunction = 0000:09:00.0\n' | config
	refused "2: 0000:09:00.0 is neither"
	# A name that hvdpa refuses, and an attribute that no disk has.
	printf '[pf %s]\nvfs = 1\n[device a!b]\npf = %s\nvf = 0\n' "$PF" "$PF" | config
	refused "3: 'a!b' cannot be a name; one has no space, no slash, no '!'"
	printf '[device d0]\nfunction = %s\nmtu = 1400\n' "$disk" | config
	refused "2: $disk is a disk, and mtu is of a network device"
	# Others do not see what is in use.
	printf '[pf %s]\nvfs = 1\n' "$PF" | config
	says 1 'hvdpactl: only root sees what is in use' \
		setpriv --reuid=65534 --clear-groups hvdpactl apply --dry-run "$conf"
}

# As a mount claims it.
test_disk_in_use() {
	local name
	name=$(cd "$sys/$disk"/virtio*/block && ls)
	python3 -c 'import os, sys, time
os.open(sys.argv[1], os.O_RDWR | os.O_EXCL)
open(sys.argv[2], "w")
time.sleep(60)' "/dev/$name" "$state/claimed" &
	within 10 test -e "$state/claimed"
	printf '[device d0]\nfunction = %s\n' "$disk" | config
	refused "2: $disk is in use: its disk $name is in use; 'lsblk /dev/$name'"
	kill %1
}

# The driver has the last word, and what was done before it is undone.
test_undone() {
	rmmod hvdpa
	printf '[pf %s]\nvfs = 3\n[device v0]\npf = %s\nvf = 0\n[device v1]\npf = %s\nvf = 1\nmax_vqp = 32\n' \
		"$PF" "$PF" "$PF" | config
	refused_late "6: v1 cannot be added to ${VF}2: Operation not supported; the driver says: v1: max_vqp is 32, the function has 1"
	# Bound by virtio-pci until then, and again.
	printf '[device v0]\nfunction = 0000:06:00.0\n' | config
	refused_late "2: hvdpa refuses 0000:06:00.0; the driver says: "
	grep -q 'could bypass the IOMMU\|lacks 0x200000000' "$state/err"
	insmod /hvdpa/hvdpa.ko
}

test_apply() {
	rmmod hvdpa
	cat <<-CONF | config
		[pf $PF]
		vfs = 4
		bind = devices

		[device v0]
		function = ${VF}1
		mac = 52:54:00:12:34:56
		mtu = 1450
		[device vdpa:0000:01:00.2]
		pf = $PF
		vf = 1
		consumer = virtio
		[device d0]
		function = $disk
	CONF
	changed 'module hvdpa: loaded' \
		"$PF: 4 VFs, there were 0" \
		"${VF}1: bound to hvdpa" \
		"${VF}2: bound to hvdpa" \
		"$disk: bound to hvdpa, was bound to virtio-pci" \
		"v0: added on ${VF}1 for vhost_vdpa mac 52:54:00:12:34:56 mtu 1450" \
		"vdpa:0000:01:00.2: added on ${VF}2 for virtio_vdpa" \
		"d0: added on $disk for vhost_vdpa"
	[ "$(cat "$sys/$PF/sriov_drivers_autoprobe")" = 1 ]
	[ "$(driver_of "${VF}3")" = virtio-pci ]
	vdpa dev config show v0 | grep -q 'mac 52:54:00:12:34:56 .*mtu 1450'
	[ "$(consumer_of v0)" = vhost_vdpa ]
	[ "$(consumer_of vdpa:0000:01:00.2)" = virtio_vdpa ]
}

test_status() {
	local node
	node=$(vhost_of v0)
	hold "$node"
	hvdpactl status >"$state/out"
	sed 's/^/# /' "$state/out"
	grep -Eq "^${VF}1 +v0 +net +vhost_vdpa +${node#/dev/} +$holder \(guestd\) +yes$" "$state/out"
	grep -Eq "^${VF}2 +vdpa:0000:01:00.2 +net +virtio_vdpa +[a-z0-9]+ +- +no$" "$state/out"
	grep -Eq "^$disk +d0 +blk +vhost_vdpa +vhost-vdpa-[0-9]+ +- +no$" "$state/out"
	sed -n "/^v0 on/,/^$/p" "$state/out" >"$state/v0"
	grep -q '^  profile  *migratable$' "$state/v0"
	grep -q '^  offered .* MAC .*VERSION_1 ACCESS_PLATFORM' "$state/v0"
	grep -q '^  migrate  *yes$' "$state/v0"
	grep -q '^  negotiated  *nothing yet' "$state/v0"
	hvdpactl status --rate 0.1 | grep '^  dirty rate  unknown (a log would relay its rings)' >/dev/null
	hvdpactl status --json >"$state/json"
	python3 - "$state/json" "$node" "$holder" <<-'PY'
		import json, sys
		functions = {f["function"]: f for f in json.load(open(sys.argv[1]))["functions"]}
		assert len(functions) == 3, functions
		one = functions["0000:01:00.1"]
		device = one["device"]
		assert one["class"] == "net" and one["driver"] == "hvdpa"
		assert device["name"] == "v0" and device["consumer"] == "vhost_vdpa"
		assert device["node"] == sys.argv[2]
		assert device["owners"] == [{"pid": int(sys.argv[3]), "command": "guestd"}]
		assert "VERSION_1" in device["offered"] and device["negotiated"] == []
		assert device["migration"]["possible"] is True
		assert device["dirty_bytes_per_second"] is None
		two = functions["0000:01:00.2"]["device"]
		assert two["netdev"] and not two["node"] and "MAC" in two["negotiated"]
		assert functions["0000:03:00.0"]["class"] == "blk"
	PY
	setpriv --reuid=65534 --clear-groups hvdpactl status >"$state/out"
	grep -q " ${node#/dev/} *unknown (needs root) *unknown$" "$state/out"
	grep -q '^  profile  *unknown (needs debugfs, root)' "$state/out"
	umount /sys/kernel/debug
	hvdpactl status | grep '^  migrate  *unknown (needs debugfs, root)' >/dev/null
	hvdpactl status --json | grep '"migration": *null' >/dev/null
	mount -t debugfs debugfs /sys/kernel/debug
	kill "$holder"
}

# Names can be any bytes: for JSON, for a terminal, in messages.
test_bytes() {
	local name=$'b\xff\xfe\e[31m\nr'
	hvdpa-vfs bind "$net"
	add "$name" "$net"
	consume "$name" vhost_vdpa
	hold_as $'\e[31mx\xff\ny' "$(vhost_of "$name")"
	hvdpactl status --json >"$state/json"
	python3 - "$state/json" "$net" <<-'PY'
		import json, sys
		functions = json.load(open(sys.argv[1], encoding="utf-8"))["functions"]
		device = {f["function"]: f for f in functions}[sys.argv[2]]["device"]
		assert device["name"] == "b\ufffd\ufffd\x1b[31m\nr", device
		assert [o["command"] for o in device["owners"]] == ["\x1b[31mx\ufffd\ny"], device
	PY
	hvdpactl status >"$state/out"
	grep -Eq "^$net +b\\\\xff\\\\xfe\\\\x1b\[31m\\\\x0ar +net .* $holder \(\\\\x1b\[31mx\\\\xff\\\\x0ay\)" "$state/out"
	printf '[device n0]\nfunction = %s\n' "$net" >"$state/n0.conf"
	says 1 "has the device b\\xff\\xfe\\x1b[31m" hvdpactl apply "$state/n0.conf"
	cat "$state/err" >>"$state/out"
	hvdpa-vfs list >>"$state/out"
	says 1 '; there are: ' hvdpa-dirty nosuch
	cat "$state/err" >>"$state/out"
	if LC_ALL=C grep -n $'[\e\xff]' "$state/out"; then false; fi
	kill "$holder"
	wait "$holder" || :
	hvdpa-vfs unbind "$net"
}

# What says who has it open is for a terminal too.
test_held_by_bytes() {
	hold_as $'\e[31mx' "$(vhost_of v0)"
	says 1 "v0 is in use and stays as it is: process $holder (\\x1b[31mx) has" \
		hvdpactl remove "$conf"
	kill "$holder"
	wait "$holder" || :
}

test_held() {
	hold "$(vhost_of v0)"
	cp "$conf" "$state/good.conf"
	sed -i 's/mtu = 1450/mtu = 1400/' "$conf"
	refused "5: v0 is in use and stays as it is: process $holder (guestd) has $(vhost_of v0) open; stop it first"
	sed 's/^mac/consumer = virtio\nmac/' "$state/good.conf" | config
	refused "7: v0 is in use and stays vhost_vdpa's: process $holder (guestd)"
	sed 's/vfs = 4/vfs = 5/' "$state/good.conf" | config
	refused "2: $PF has VFs in use, their number stays: v0 of ${VF}1: process $holder (guestd)"
	cp "$state/good.conf" "$conf"
	snapshot >"$state/before"
	says 1 "$conf:5: v0 is in use and stays as it is: process $holder (guestd)" \
		hvdpactl remove "$conf"
	snapshot | diff "$state/before" -
	kill "$holder"
}

test_in_use() {
	local netdev
	netdev=$(netdev_of vdpa:0000:01:00.2)
	sed 's/vf = 1/vf = 1\nmtu = 1400/' "$state/good.conf" | config
	ip link set "$netdev" up
	refused "9: vdpa:0000:01:00.2 is in use and stays as it is: its netdev $netdev is up"
	ip link set "$netdev" down
	ip netns add box
	ip link set "$netdev" netns box
	refused "9: vdpa:0000:01:00.2 is in use and stays as it is: its netdev is in another network namespace"
	ip -n box link set "$netdev" netns 1
	ip netns del box
	# Nobody's device, but a VF's.
	sed 's/vfs = 4/vfs = 5/' "$state/good.conf" | config
	refused "2: $PF has VFs in use, their number stays: ${VF}1 has the device v0; 'vdpa dev del v0'"
	cp "$state/good.conf" "$conf"
}

test_names() {
	sed 's/^\[device d0\]/[device v0x]/' "$state/good.conf" | config
	refused "13: $disk has the device d0 already"
	sed "s/function = $disk/function = ${VF}3/" "$state/good.conf" | config
	refused "13: d0 is the name of a device of $disk already"
	cp "$state/good.conf" "$conf"
}

test_change() {
	sed -e 's/mtu = 1450/mtu = 1400/' -e 's/consumer = virtio/consumer = vhost/' \
		"$state/good.conf" | config
	changed "v0: removed from ${VF}1, its mtu was 1450" \
		"v0: added on ${VF}1 for vhost_vdpa mac 52:54:00:12:34:56 mtu 1400" \
		"vdpa:0000:01:00.2: moved to vhost_vdpa from virtio_vdpa"
	[ "$(consumer_of vdpa:0000:01:00.2)" = vhost_vdpa ]
	cp "$state/good.conf" "$conf"
	hvdpactl apply "$conf" >/dev/null
	[ "$(consumer_of vdpa:0000:01:00.2)" = virtio_vdpa ]
}

# It is the function's, so it is set before the device is added, and put back after
# one that is refused.
test_relay() {
	sed 's/mtu = 1450/mtu = 1450\nrelay = never/' "$state/good.conf" | config
	changed "v0: removed from ${VF}1, its relay was auto" \
		"v0: added on ${VF}1 for vhost_vdpa mac 52:54:00:12:34:56 mtu 1450 relay never"
	[ "$(relay_of "${VF}1")" = never ]
	grep -q '^suspend: no: ' /sys/kernel/debug/hvdpa/v0/migration
	sed 's/mtu = 1450/mtu = 9000\nrelay = always/' "$state/good.conf" | config
	refused_late "5: v0 cannot be added to ${VF}1: Operation not supported"
	[ "$(relay_of "${VF}1")" = never ]
	grep -q '^suspend: no: ' /sys/kernel/debug/hvdpa/v0/migration
	sed 's/mtu = 1450/mtu = 1450\nrelay = auto/' "$state/good.conf" | config
	changed "v0: removed from ${VF}1, its relay was never" \
		"v0: added on ${VF}1 for vhost_vdpa mac 52:54:00:12:34:56 mtu 1450 relay auto"
	grep -q '^suspend: by the driver' /sys/kernel/debug/hvdpa/v0/migration
	cp "$state/good.conf" "$conf"
}

# What the function says beforehand is looked at beforehand.
test_limits() {
	sed 's/mtu = 1450/max_vqp = 4/' "$state/good.conf" | config
	refused "5: v0 cannot have max_vqp 4: ${VF}1 has 3 queues"
	# RING_PACKED, and MRG_RXBUF's neighbour that is none
	sed 's/mtu = 1450/device_features = 0x704010020/' "$state/good.conf" | config
	refused "5: v0 cannot have device_features 0x704010020: ${VF}1 has not 0x404000000 of them"
	cp "$state/good.conf" "$conf"
}

# What was removed to be added otherwise is there again, with what it was given and
# nothing else.
test_change_undone() {
	sed 's/mtu = 1450/mtu = 9000/' "$state/good.conf" | config
	refused_late "5: v0 cannot be added to ${VF}1: Operation not supported; the driver says: v0: mtu is 9000, the function's is 68 to 1500"
	grep -q '^given: mac 52:54:00:12:34:56 mtu 1450$' /sys/kernel/debug/hvdpa/v0/state
	# Three that are changed before the fourth is refused.
	cat <<-CONF | config
		[device vdpa:0000:01:00.2]
		function = ${VF}2
		consumer = virtio
		mtu = 1400
		[device d0]
		function = $disk
		consumer = virtio
		[device n0]
		function = $net
		device_features = 0x300010020
		[device v0]
		function = ${VF}1
		mtu = 9000
	CONF
	hvdpa-vfs bind "$net"
	add n0 "$net"
	echo n0 >"/sys/bus/vdpa/devices/n0/driver/unbind"
	refused_late "11: v0 cannot be added to ${VF}1: "
	grep -qx '  vdpa:0000:01:00.2 has its netdev again, made anew: what was set on it by hand is not' "$state/err"
	grep -q '^given: nothing$' /sys/kernel/debug/hvdpa/vdpa:0000:01:00.2/state
	grep -q '^given: nothing$' /sys/kernel/debug/hvdpa/n0/state
	grep -q '^profile: migratable$' /sys/kernel/debug/hvdpa/n0/migration
	del n0
	add n0 "$net" 0x300010020
	sed -i 's/^device_features.*/device_features = 0x300000020/' "$conf"
	refused_late "11: v0 cannot be added to ${VF}1: "
	grep -q '^given: device_features 0x300010020$' /sys/kernel/debug/hvdpa/n0/state
	hvdpa-vfs unbind "$net"
	cp "$state/good.conf" "$conf"
}

# One that could not be made again is not taken away.
test_not_known() {
	sed 's/mtu = 1450/mtu = 1400/' "$state/good.conf" | config
	snapshot >"$state/before"
	umount /sys/kernel/debug
	says 1 "$conf:5: v0 stays as it is: what v0 was given is in debugfs, which cannot be read" \
		hvdpactl apply "$conf"
	says 1 "$conf:5: v0 stays as it is: what v0 was given is in debugfs" \
		hvdpactl remove "$conf"
	mount -t debugfs debugfs /sys/kernel/debug
	snapshot | diff "$state/before" -
	cp "$state/good.conf" "$conf"
}

# What cannot be taken back is said.
test_not_undone() {
	local name=vdpa:0000:01:00.2
	sed 's/vf = 1/vf = 1\nmtu = 1400/' "$state/good.conf" | config
	broken /sys/bus/vdpa/drivers/virtio_vdpa/bind \
		says 1 "virtio_vdpa does not take $name" hvdpactl apply "$conf"
	grep -qx "  and this could not be taken back: $name: removed from ${VF}2, it had no mtu" "$state/err"
	cp "$state/good.conf" "$conf"
	[ "$(hvdpactl apply "$conf" | cut -d, -f1)" = "$name: moved to virtio_vdpa" ]
}

# The last step of remove fails, and all before it is undone: devices, VFs (two of
# them hvdpa's, two virtio-pci's), the first function's binding.
test_remove_undone() {
	hvdpa-vfs bind "$net"
	printf '[device n0]\nfunction = %s\n' "$net" >>"$conf"
	hvdpactl apply "$conf" >/dev/null
	snapshot >"$state/before"
	broken "$sys/$net/driver_override" \
		says 1 "$net cannot be unbound from hvdpa: Read-only file system" hvdpactl remove "$conf"
	snapshot | diff "$state/before" -
	grep -q "^  $PF has its 4 VFs again, made anew" "$state/err"
	hvdpa-vfs unbind "$net"
	cp "$state/good.conf" "$conf"
}

test_lock() {
	exec 8>/run/hvdpactl.lock
	flock 8
	says 1 'another hvdpactl is at work' hvdpactl apply "$conf"
	exec 8>&-
}

test_remove() {
	cat >"$state/expected.lines" <<-LINES
		v0: removed from ${VF}1
		vdpa:0000:01:00.2: removed from ${VF}2
		d0: removed from $disk
		$PF: 0 VFs, there were 4
		$disk: unbound from hvdpa
	LINES
	hvdpactl remove "$conf" | diff "$state/expected.lines" -
	[ "$(hvdpactl remove "$conf")" = "nothing to change" ]
	[ "$(driver_of "$disk")" = virtio-pci ]
	[ "$(cat "$sys/$PF/sriov_numvfs")" = 0 ]
	[ -z "$(vdpa dev show)" ]
	[ "$(hvdpactl status)" = 'no function is bound to hvdpa' ]
}

# A PF without a driver, all VFs bound, and what /etc has.
test_stub() {
	echo "$PF" >"$sys/$PF/driver/unbind"
	# What was written there, and is not used, is there again.
	echo nobody >"$sys/$PF/driver_override"
	printf '[pf %s]\nvfs = 2\n[device v1]\npf = %s\nvf = 1\nmax_vqp = 32\n' "$PF" "$PF" | config
	refused_late "3: v1 cannot be added to ${VF}2: "
	echo >"$sys/$PF/driver_override"
	printf '[pf %s]\nvfs = 2\n' "$PF" >/etc/hvdpa.conf.d/pf.conf
	printf '[device v1]\npf = %s\nvf = 1\n' "$PF" >/etc/hvdpa.conf
	hvdpactl apply >"$state/out"
	cat >"$state/expected.lines" <<-LINES
		$PF: bound to pci-pf-stub
		$PF: 2 VFs, there were 0
		${VF}2: bound to hvdpa
		${VF}1: bound to hvdpa
		v1: added on ${VF}2 for vhost_vdpa
	LINES
	diff "$state/expected.lines" "$state/out"
	[ "$(hvdpactl apply)" = "nothing to change" ]
	# Taken back, and its taking back undone.
	printf '[device n0]\nfunction = %s\n' "$net" >>/etc/hvdpa.conf
	hvdpactl apply >/dev/null
	snapshot >"$state/before"
	broken "$sys/$net/driver_override" \
		says 1 "$net cannot be unbound from hvdpa" hvdpactl remove
	snapshot | diff "$state/before" -
	hvdpactl remove | grep "^$PF: unbound from pci-pf-stub$" >/dev/null
	[ -z "$(driver_of "$PF")" ]
	rm /etc/hvdpa.conf /etc/hvdpa.conf.d/pf.conf
	echo "$PF" >/sys/bus/pci/drivers_probe
	[ "$(driver_of "$PF")" = virtio-pci ]
}

# A PF that is a device: it is hvdpa's first, and lets go last.
test_pf() {
	printf '[device vf]\npf = %s\nvf = 0\n[pf %s]\nvfs = 1\n[device pf]\nfunction = %s\nconsumer = virtio\n' \
		"$PF" "$PF" "$PF" | config
	hvdpa-vfs enable "$PF" 1
	refused "7: $PF has VFs, which are gone when it is taken from virtio-pci; 'hvdpa-vfs disable $PF'"
	hvdpa-vfs disable "$PF"
	changed "$PF: bound to hvdpa, was bound to virtio-pci" \
		"$PF: 1 VFs, there were 0" \
		"${VF}1: bound to hvdpa" \
		"vf: added on ${VF}1 for vhost_vdpa" \
		"pf: added on $PF for virtio_vdpa"
	hvdpactl remove "$conf" | tail -n 2 | diff - <(
		echo "$PF: 0 VFs, there were 1"
		echo "$PF: unbound from hvdpa")
	[ "$(driver_of "$PF")" = virtio-pci ]
}

test_unit() {
	systemd-analyze verify --man=no /usr/lib/systemd/system/hvdpa.service >"$state/out" 2>&1
	if grep hvdpa "$state/out"; then false; fi
}

# offered LINE: what bash offers at its end
offered() {
	# shellcheck disable=SC2034 # for the functions of the completion
	COMP_LINE=$1 COMP_POINT=${#1}
	read -r -a COMP_WORDS <<<"$1"
	[[ $1 != *' ' ]] || COMP_WORDS+=('')
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	"_${COMP_WORDS[0]}"
	echo "${COMPREPLY[*]}"
}

completes() {
	local got
	got=$(offered "$1" 2>&1)
	[ "$got" = "$2" ] || fail "'$1' gives '$got', expected '$2'"
}

test_completion() {
	# shellcheck source=tools/hvdpactl/completion/vdpa
	. /usr/share/bash-completion/completions/vdpa
	# shellcheck source=tools/hvdpactl/completion/hvdpactl
	. /usr/share/bash-completion/completions/hvdpactl
	hvdpa-vfs enable "$PF" 2
	add v0 "${VF}1"
	add vdpa:x "${VF}2"
	completes 'vdpa ' 'mgmtdev dev help'
	completes 'vdpa -j dev ' 'show add del set config vstats help'
	completes 'vdpa dev sh' 'show'
	completes 'vdpa dev show ' 'v0 vdpa:x'
	completes 'vdpa dev del v0' 'v0'
	completes 'vdpa dev show vdpa:' 'x'
	completes 'vdpa dev add ' 'name mgmtdev mac mtu max_vqp device_features'
	completes 'vdpa dev add name v1 mgmtdev ' "pci/${VF}1 pci/${VF}2"
	completes "vdpa dev add name v1 mgmtdev pci/${VF}2 ma" 'mac max_vqp'
	completes 'vdpa dev set name ' 'v0 vdpa:x'
	completes 'vdpa dev set name v0 ' 'mac'
	completes 'vdpa dev config show ' 'v0 vdpa:x'
	completes 'vdpa dev vstats show v0 ' 'qidx'
	completes 'vdpa mgmtdev show ' "pci/${VF}1 pci/${VF}2"
	completes 'hvdpactl ' 'apply remove status --help --version'
	completes 'hvdpactl status --' '--json --rate --help'
	# What a shell would run is not put on its line.
	hvdpa-vfs bind "$net"
	add 'a;b*' "$net"
	completes 'vdpa dev show ' 'v0 vdpa:x'
	hvdpa-vfs unbind "$net"
	hvdpa-vfs disable "$PF"
}

test_no_vdpa() {
	printf '[pf %s]\nvfs = 1\n' "$PF" | config
	umount "$modules"
	module_tree
	rmmod hvdpa vhost_vdpa virtio_vdpa vdpa
	snapshot >"$state/before"
	says 1 'this kernel has no vdpa: there is no module vdpa; boot one with CONFIG_VDPA' \
		hvdpactl apply "$conf"
	says 1 'this kernel has no vdpa: there is no module vdpa' hvdpactl apply --dry-run "$conf"
	umount "$modules"
	snapshot | diff "$state/before" -
	# What Debian has, and no hvdpa.
	modprobe -a vhost_vdpa virtio_vdpa
	snapshot >"$state/before"
	says 1 'this kernel has no module hvdpa; install hvdpa-dkms' hvdpactl apply "$conf"
	says 1 'this kernel has no module hvdpa' hvdpactl apply --dry-run "$conf"
	snapshot | diff "$state/before" -
	insmod /hvdpa/hvdpa.ko
}

# As under Secure Boot, twice: lockdown says EPERM, a kernel that demands
# signatures EKEYREJECTED. There is no way back from either.
test_signatures() {
	module_tree
	rmmod hvdpa
	printf '[pf %s]\nvfs = 1\n' "$PF" | config
	mount -t securityfs none /sys/kernel/security
	echo integrity >/sys/kernel/security/lockdown
	snapshot >"$state/before"
	says 1 'mokutil --import /var/lib/dkms/mok.pub' hvdpactl apply "$conf"
	grep -q '^hvdpactl: the kernel refuses the module hvdpa: nobody that it trusts' "$state/err"
	echo Y >/sys/module/module/parameters/sig_enforce
	umount /sys/kernel/security
	says 1 'mokutil --import /var/lib/dkms/mok.pub' hvdpactl apply "$conf"
	snapshot | diff "$state/before" -
}

begin
t setup "installed"
t test_usage "what is no command is status 2, no file status 1"
t test_version "each program says the version of the module"
t test_unwritten "output that cannot be written is status 1"
t test_refused "files that cannot be are refused by line, and nothing is changed"
t test_disk_in_use "a disk that is claimed stays where it is"
t test_undone "what the driver refuses undoes what came before it"
t test_apply "a file is made true, and a second run has nothing to change"
t test_status "status for people and as JSON"
t test_bytes "names that are no text, for JSON and for terminals"
t test_held_by_bytes "and in messages"
t test_held "a device that a process holds stays; the process is named"
t test_in_use "netdevs that are used stay, and VFs that have devices"
t test_names "names and functions that are taken are refused"
t test_change "what differs is changed, and nothing else"
t test_relay "what is relayed is the file's choice"
t test_limits "what the function cannot be is refused before anything is changed"
t test_change_undone "a change that the driver refuses is undone exactly"
t test_not_known "a device that could not be made again stays"
t test_not_undone "what could not be taken back is said"
t test_remove_undone "a removal that is refused is undone exactly"
t test_lock "two at a time are one too many"
t test_remove "what the file names is taken back"
t test_stub "a PF without a driver, from the files in /etc"
t test_pf "a PF that is a device itself"
t test_unit "systemd takes the unit"
t test_completion "completion of vdpa and hvdpactl"
t test_no_vdpa "a kernel without vdpa, or without hvdpa"
if [ -e /sys/module/module/parameters/sig_enforce ]; then
	t test_signatures "Secure Boot without the key enrolled"
else
	ktap_test_skip "Secure Boot without the key enrolled (this kernel knows no signatures)"
fi
finish
