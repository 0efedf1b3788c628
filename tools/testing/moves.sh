# SPDX-License-Identifier: GPL-2.0-only
# A nested guest of stock QEMU that moves from function to function under load.
# shellcheck shell=bash

suite=/opt/qemu-suite/usr/bin/qemu-system-x86_64

# with_suite COMMAND...: guests run on the suite's QEMU. Only that one has traces
# that go to its log.
with_suite() {
	GUEST_QEMU="$suite -L /opt/qemu-suite/usr/share/qemu -msg timestamp=on -trace vhost_vdpa_*" "$@"
}

# with_qemu NAME COMMAND...: NAME is backports or suite
with_qemu() {
	if [ "$1" = suite ]; then
		with_suite "${@:2}"
	else
		"${@:2}"
	fi
}

# QEMU gives the card its own mac= and its guest the device's, so the device has
# the guest's, wherever the guest is.
mac=52:54:00:00:02:02

# make NAME FUNCTION ATTRIBUTE...
make() {
	local name=$1 function=$2
	shift 2
	vdpa dev add name "$name" mgmtdev "pci/$function" mac "$mac" "$@"
}

# Under load a guest's doorbells are not mapped: QEMU, 11.1.3 too, unmaps them at a
# migration before the guest's memory map is without them, and a guest that rings
# in between is at its end (Documentation/known-kernel-issues.rst).
mapped=off

# Queue pairs that a guest has; with several it takes them all before it is loaded.
pairs=1

several_pairs() {
	[ "$pairs" -eq 1 ] || printf 'mq=on,vectors=%d,' $((2 * pairs + 2))
}

# guest_on start|receive NAME DEVICE [QEMU-ARGUMENT...]
guest_on() {
	guest "$1" "$2" "${@:4}" -M q35 -bios qboot.rom \
		-netdev "vhost-vdpa,id=n,vhostdev=$(vhost_of "$3"),queues=$pairs" \
		-device "virtio-net-pci,netdev=n,$(several_pairs)page-per-vq=$mapped,disable-legacy=on,romfile=,mac=$mac"
}

# peer NAME FUNCTION: its netdev is a port of the bridge vd0 in the namespace left
peer() {
	local netdev
	add "$1" "$2"
	consume "$1" virtio_vdpa
	within 5 test -n "$(netdev_of "$1")"
	netdev=$(netdev_of "$1")
	ip link set "$netdev" netns left name "$1"
	ip -n left link set "$1" master vd0
	ip -n left link set "$1" up
}

# The same random bytes again and again, both ways, until they are told to end.
# What goes to the guest has pauses: on an emulated processor the guest would have
# no time to send, and the test would wait for that most of its time.
begin_transfers() {
	rm -f "$state/end" "$state/sent"
	: >"$state/got"
	ip netns exec left socat -u TCP-LISTEN:5001,reuseaddr "CREATE:$state/got" &
	receiver=$!
	within 5 listening left 5001
	guest run "$1" "dd if=/dev/urandom of=/tmp/piece bs=32k count=1 2>/dev/null
		(until [ -e /tmp/end ]; do cat /tmp/piece; usleep 100000; done |
			nc 10.8.0.1 5001) </dev/null >/dev/null 2>&1 &
		(nc -l -p 5002 >/tmp/in) </dev/null >/dev/null 2>&1 &
		true" >/dev/null
	guest run "$1" "sha256sum </tmp/piece" >"$state/piece.sum"
	dd if=/dev/urandom of="$state/piece" bs=8k count=1 status=none
	until [ -e "$state/end" ]; do
		cat "$state/piece"
		echo >>"$state/sent"
		sleep 0.2
	done | ip netns exec left socat -u - TCP:10.8.0.2:5002 &
	sender=$!
}

got_more_than() {
	[ "$(stat -c %s "$state/got")" -gt "$1" ]
}

# The guest's bytes still arrive.
flows() {
	within 240 got_more_than $(($(stat -c %s "$state/got") + 50000))
}

has_ended() {
	! kill -0 "$1" 2>/dev/null
}

guest_has() {
	[ "$(guest run "$1" "sha256sum </tmp/in")" = "$2" ]
}

# end_transfers GUEST: what came is what was sent, in each direction.
end_transfers() {
	local part sum pieces
	guest run "$1" "touch /tmp/end" >/dev/null
	touch "$state/end"
	within 240 has_ended "$receiver"
	within 240 has_ended "$sender"
	pieces=0
	split -b 32768 "$state/got" "$state/part."
	for part in "$state"/part.*; do
		[ "$(sha256sum <"$part")" = "$(cat "$state/piece.sum")" ]
		rm "$part"
		pieces=$((pieces + 1))
	done
	echo "# $pieces pieces of 32 KiB from the guest, $(wc -l <"$state/sent") of 8 KiB to it"
	sum=$(for _ in $(seq "$(wc -l <"$state/sent")"); do cat "$state/piece"; done | sha256sum)
	within 240 guest_has "$1" "$sum"
}

# What the two QEMUs had to say at the last migration.
what_happened() {
	local n
	for n in "$(($1 - 1))" "$1"; do
		echo "# QEMU of g$n:"
		grep -Ev 'skipped_memory|get_vq_index|dump_' "/run/guest-g$n.log" | cut -c1-150 | tail -n 45 |
			sed 's/^/#   /' || true
	done
	dmesg | grep -E 'fault addr|segfault|traps:' | head -n 3 | sed 's/^/# /' || true
	echo "# now $(date +%s.%N), up $(cat /proc/uptime)"
}

# move_under_load A B MOVES: A to B and back and so on, each time another process.
move_under_load() {
	local n from=$1 to=$2 moves=$3 swap
	guest_on start g0 "$1"
	guest run g0 "ip addr add 10.8.0.2/24 dev eth0; ip link set eth0 up" >/dev/null
	[ "$pairs" -eq 1 ] || guest run g0 "ethtool -L eth0 combined $pairs" >/dev/null
	within 120 ip netns exec left ping -q -c 1 -W 1 10.8.0.2 >/dev/null
	begin_transfers g0
	flows
	for n in $(seq "$moves"); do
		guest_on receive "g$n" "$to"
		guest migrate "g$((n - 1))" "g$n" >"$state/took" ||
			{ what_happened "$n"; return 1; }
		echo "# $from to $to: $(cat "$state/took")"
		guest wait "g$n"
		flows || { what_happened "$n"; return 1; }
		swap=$from from=$to to=$swap
	done
	end_transfers "g$moves"
	guest run "g$moves" "ping -q -c 3 -W 2 10.8.0.1" >/dev/null
	guest stop "g$moves"
}
