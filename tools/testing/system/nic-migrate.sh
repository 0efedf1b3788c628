#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A nested guest of stock QEMU moves from one VF to another and back, with a
# bulk transfer each way that must arrive whole. Nothing asks for shadow
# virtqueues: QEMU switches to them by itself.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh
# shellcheck source=tools/testing/moves.sh
. /hvdpa/tools/testing/moves.sh

setup() {
	hvdpa-vfs enable 0000:01:00.0 3
	hvdpa-vfs enable 0000:02:00.0 3
	hvdpa-vfs enable 0000:0b:00.0 3
	recover
}

# several NAME SLOT ATTRIBUTE...: NAME1 and NAME2, with several queue pairs,
# and on their wire a peer that learns from who speaks unasked.
several() {
	local name=$1 slot=$2 n
	shift 2
	for n in 1 2; do
		make "$name$n" "$slot.$n" "$@"
		consume "$name$n" vhost_vdpa
	done
	add "$name" "$slot.3"
	consume "$name" virtio_vdpa
	into_netns "$name" "$name" 10.8.0.1
	ip netns exec "$name" sysctl -qw net.ipv4.conf.vd0.arp_accept=1
}

recover() {
	make a 0000:01:00.1
	make b 0000:01:00.2
	add peer 0000:01:00.3
	consume a vhost_vdpa
	consume b vhost_vdpa
	consume peer virtio_vdpa
	into_netns peer left 10.8.0.1
	several wide 0000:02:00 max_vqp 4
	several steer 0000:0b:00
}

test_moves() {
	# shellcheck disable=SC2016 # GUEST_QEMU is set for the command
	with_qemu "$qemu" bash -c 'set -- ${GUEST_QEMU:-qemu-system-x86_64}; "$1" --version' | sed -n 's/^/# /;1p'
	with_qemu "$qemu" move_under_load a b "$moves"
}

# downtime_parts SOURCE-LOG TARGET-LOG: from the last suspend to DRIVER_OK.
downtime_parts() {
	sed 's/^[0-9]*@/SOURCE /' "$1" | awk '
		/vhost_vdpa_suspend/ { suspend = $2 }
		/vhost_vdpa_get_vring_base/ { base = $2 }
		/vhost_vdpa_reset_device/ { reset = $2 }
		/vhost_vdpa_listener_commit/ { unmapped = $2 }
		END {
			printf "# source: suspend to states %.1f ms, to reset %.1f ms, to unmapped %.1f ms\n",
				1e3 * (base - suspend), 1e3 * (reset - suspend), 1e3 * (unmapped - suspend)
			printf "%s", suspend >"/run/suspended-at"
		}'
	sed 's/^[0-9]*@/TARGET /' "$2" | awk -v suspend="$(cat /run/suspended-at)" '
		/vhost_vdpa_set_features/ { begin = $2 }
		/vhost_vdpa_listener_region_add/ && !map { map = $2 }
		/vhost_vdpa_listener_commit/ { mapped = $2 }
		/vhost_vdpa_add_status.*status: 0x4/ { ok = $2 }
		/vhost_vdpa_set_config_call/ { started = $2 }
		END {
			printf "# target: begins %.1f ms after the suspend, maps for %.1f ms, DRIVER_OK takes %.1f ms, runs %.1f ms after the suspend\n",
				1e3 * (begin - suspend), 1e3 * (mapped - map), 1e3 * (started - ok), 1e3 * (started - suspend)
		}'
}

# The hardware was stopped and asked, and QEMU came back from shadow queues.
# The guest is idle, and its doorbells are mapped.
move_traced() {
	local log mapped=on
	guest_on start t0 a
	guest run t0 "ip addr add 10.8.0.2/24 dev eth0; ip link set eth0 up" >/dev/null
	within 120 ip netns exec left ping -q -c 1 -W 1 10.8.0.2 >/dev/null
	guest_on receive t1 b
	guest migrate t0 t1
	guest wait t1
	log=/run/guest-t0.log
	echo "# the source suspended the device $(grep -c vhost_vdpa_suspend "$log") times"
	[ "$(grep -c vhost_vdpa_suspend "$log")" -ge 2 ]
	downtime_parts "$log" /run/guest-t1.log
	grep -q 'vhost_vdpa_get_vring_base .*num: [1-9].*svq: 0' "$log"
	grep -q 'vhost_vdpa_set_dev_vring_base .*num: [1-9].*svq: 0' /run/guest-t1.log
	guest stop t1
}

# control_says DEVICE LINE...: what the card was told, by the driver's account
control_says() {
	local device=$1 line
	shift
	for line in "$@"; do
		grep -qx "$line" "/sys/kernel/debug/hvdpa/$device/control" || {
			sed "s/^/# $device: /" "/sys/kernel/debug/hvdpa/$device/control"
			return 1
		}
	done
}

answers() {
	ip netns exec left ping -q -c 1 -W 1 "$1" >/dev/null
}

received() {
	guest run "$1" "cat /sys/class/net/eth0/statistics/rx_packets"
}

# filters GUEST: frames for the address that the guest had first do not reach it.
filters() {
	local before
	ip -n left neigh replace 10.8.0.3 lladdr "$mac" dev vd0
	before=$(received "$1")
	ip netns exec left ping -q -f -c 200 -w 2 10.8.0.3 >/dev/null || :
	[ "$(received "$1")" -lt "$((before + 50))" ]
}

# What a guest told its control queue goes with it, to the card.
move_control_state() {
	local own=52:54:00:00:02:99
	guest_on start c0 a
	guest run c0 "ip link set eth0 address $own
		ip addr add 10.8.0.2/24 dev eth0
		ip link set eth0 up
		ip link add link eth0 name eth0.7 type vlan id 7
		ip addr add 10.9.0.2/24 dev eth0.7
		ip link set eth0.7 up" >/dev/null
	ip -n left link add link vd0 name vd0.7 type vlan id 7
	ip -n left addr add 10.9.0.1/24 dev vd0.7
	ip -n left link set vd0.7 up
	ip -n left neigh flush all
	within 120 answers 10.8.0.2
	within 120 answers 10.9.0.2
	control_says a 'isolated: yes' 'served: yes' "mac: $own" 'promisc: off'
	grep '^vlans: .*7' /sys/kernel/debug/hvdpa/a/control
	filters c0
	guest_on receive c1 b
	guest migrate c0 c1
	guest wait c1
	grep -q 'set_address_space_id .*vq_group: 1 asid: 1' /run/guest-c0.log
	control_says a 'served: no'
	control_says b 'served: yes' "mac: $own" 'promisc: off'
	grep '^vlans: .*7' /sys/kernel/debug/hvdpa/b/control
	within 120 answers 10.8.0.2
	within 120 answers 10.9.0.2
	filters c1
	# A new address of IPv6 is a new multicast group: neighbours find it.
	guest run c1 "ip -6 addr add fd00::99:2/64 dev eth0" >/dev/null
	ip -n left -6 addr add fd00::99:1/64 dev vd0 nodad
	within 120 answers fd00::99:2
	ip -n left link del vd0.7
	ip -n left -6 addr del fd00::99:1/64 dev vd0
	guest stop c1
}

# pairs_on start|receive NAME DEVICE [PROPERTIES]: a guest with 4 queue pairs
pairs_on() {
	guest "$1" "$2" -M q35 -bios qboot.rom \
		-netdev "vhost-vdpa,id=n,vhostdev=$(vhost_of "$3"),queues=4" \
		-device "virtio-net-pci,netdev=n,mq=on,vectors=10,disable-legacy=on,romfile=,mac=$mac${4:+,$4}"
}

# speaks GUEST PEER
speaks() {
	guest run "$1" "ip addr add 10.8.0.2/24 dev eth0; ip link set eth0 up" >/dev/null
	within 120 ip netns exec "$2" ping -q -c 1 -W 1 10.8.0.2 >/dev/null
}

# counts DEVICE: what came through each receive queue, by the card's
# interrupts, and what went through each transmit queue, by the guest's kicks.
counts() {
	local n
	for n in 0 2 4 6; do
		stat_of "$1" "$n" interrupts
		stat_of "$1" "$((n + 1))" kicks
	done
}

# carry GUEST DEVICE PEER QUEUES: 20 connections, and since counts were taken no
# other queues of the device than these have carried any.
carry() {
	local listener
	ip netns exec "$3" socat -u TCP-LISTEN:5001,fork,reuseaddr OPEN:/dev/null 2>/dev/null &
	listener=$!
	within 5 listening "$3" 5001
	guest run "$1" "for i in 0 1 2 3 4 5 6 7 8 9; do
			echo | nc 10.8.0.1 5001 & echo | nc 10.8.0.1 5001 & wait
		done" >/dev/null
	kill "$listener"
	counts "$2" | paste "$state/counts" - |
		awk '$2 > $1 { printf "%s%d", n++ ? " " : "", NR - 1 }' >"$state/carried"
	echo "# $2: queues $(cat "$state/carried") carried frames"
	grep -Eqx "$4" "$state/carried"
}

# unasked GUEST PEER: neither has a reason to ask where the other is.
unasked() {
	guest run "$1" "ip neigh flush dev eth0" >/dev/null
	ip -n "$2" neigh flush all
}

knows() {
	ip -n "$1" neigh show 10.8.0.2 | grep -q "lladdr $mac"
}

# A guest with one processor begins with one pair and sets four. They are in
# use on the other side, each way; and the peer is told where the guest is,
# which QEMU has its guest do: the card offers no GUEST_ANNOUNCE.
move_pairs() {
	local features
	pairs_on start p0 wide1
	speaks p0 wide
	features=$(guest run p0 "cat /sys/bus/virtio/devices/virtio0/features")
	[ "${features:21:1}" = 1 ]
	# Bit 21.
	[ $(("$(sed -n 's/^offered: //p' /sys/kernel/debug/hvdpa/wide1/state)" >> 21 & 1)) = 0 ]
	control_says wide1 'isolated: yes' 'pairs: 1'
	counts wide1 >"$state/counts"
	carry p0 wide1 wide '0 1'
	guest run p0 "ethtool -L eth0 combined 4" >/dev/null
	control_says wide1 'pairs: 4'
	within 300 carry p0 wide1 wide '0 1 2 3 4 5 6 7'
	pairs_on receive p1 wide2
	unasked p0 wide
	guest migrate p0 p1
	within 60 knows wide
	guest wait p1
	control_says wide1 'served: no'
	control_says wide2 'served: yes' 'pairs: 4'
	counts wide2 >"$state/counts"
	within 300 carry p1 wide2 wide '0 1 2 3 4 5 6 7'
	guest stop p1
}

test_pairs() { with_qemu "$qemu" move_pairs; }

# What the peer is told is the guest's doing: without it the peer knows nothing.
test_unannounced() {
	pairs_on start u0 wide1 guest_announce=off
	speaks u0 wide
	pairs_on receive u1 wide2 guest_announce=off
	unasked u0 wide
	guest migrate u0 u1
	guest wait u1
	sleep 3
	[ -z "$(ip -n wide neigh show 10.8.0.2)" ]
	within 120 ip netns exec wide ping -q -c 1 -W 1 10.8.0.2 >/dev/null
	guest stop u1
}

# steered DEVICE: what the card was told of RSS and of offloads
steered() {
	grep -E '^(pairs|hash_types|rss_entries|offloads): ' "/sys/kernel/debug/hvdpa/$1/control"
}

# The table has the second pair and the fourth, so the third receives nothing;
# the first has what is not IP. Of offloads only checksums (0x2) stay on.
move_steered() {
	local table='(0 )?1 2 3 5 6 7'
	pairs_on start s0 steer1 rss=on
	speaks s0 steer
	guest run s0 "ethtool -L eth0 combined 4 &&
		ethtool -X eth0 weight 0 1 0 1 &&
		ethtool -K eth0 rx-gro-hw off" >/dev/null
	steered steer1 | tee "$state/steered"
	control_says steer1 'pairs: 4' 'rss_entries: 128' 'offloads: 0x2'
	counts steer1 >"$state/counts"
	within 300 carry s0 steer1 steer "$table"
	pairs_on receive s1 steer2 rss=on
	guest migrate s0 s1
	guest wait s1
	steered steer2 | diff "$state/steered" -
	counts steer2 >"$state/counts"
	within 300 carry s1 steer2 steer "$table"
	guest stop s1
}

test_steered() { with_qemu "$qemu" move_steered; }

has_moved() {
	guest monitor "$1" "info migrate" | grep -q 'completed'
}

# The target of a migration that is over never runs and its host dies, so management
# says cont to the source. QEMU then has no interrupts for the guest's first two queues
# (Documentation/known-kernel-issues.rst); stop and cont once more give it some. The
# next migration may end such a QEMU, so there is none.
cont_after_move() {
	guest_on start k0 a
	speaks k0 left
	guest_on receive k1 b -S
	guest monitor k0 "migrate -d unix:/run/guest-k1.migrate"
	within 60 has_moved k0
	guest kill k1
	guest monitor k0 cont
	ip -n left neigh flush all
	if ip netns exec left ping -q -c 4 -W 1 10.8.0.2 >/dev/null; then
		fail "the guest answers: this QEMU is mended, known-kernel-issues.rst says it is not"
	fi
	guest monitor k0 stop cont
	within 20 answers 10.8.0.2
	guest kill k0
}

test_cont_after_move() { with_qemu "$qemu" cont_after_move; }

# With all features offered QEMU refuses, and says which: the profile decides.
test_blocked() {
	del a
	add a 0000:01:00.1 "$(all_of 0000:01:00.1)"
	consume a vhost_vdpa
	grep -q '^profile: device_features' /sys/kernel/debug/hvdpa/a/migration
	grep -q '^migrate: no: it offers features' /sys/kernel/debug/hvdpa/a/migration
	guest_on start t0 a
	guest_on receive t1 b
	errno_is 'migration is blocked' guest migrate t0 t1
	guest kill t0
	guest kill t1
	del a
	make a 0000:01:00.1
	consume a vhost_vdpa
	grep -q '^profile: migratable' /sys/kernel/debug/hvdpa/a/migration
	grep -q '^migrate: yes' /sys/kernel/debug/hvdpa/a/migration
}

test_trace() { with_suite move_traced; }
test_control_state() { with_suite move_control_state; }

# Each of the two, or those that HVDPA_QEMUS names.
read -ra qemus <<<"${HVDPA_QEMUS:-backports suite}"
moves=${HVDPA_MOVES:-$(rounds 10 2)}

begin
t setup "devices"
for qemu in "${qemus[@]}"; do
	t test_moves "QEMU of $qemu migrates there and back under load, $moves times in all"
done
t test_control_state "address, filters and VLANs go with the guest, to the card"
for qemu in "${qemus[@]}"; do
	t test_pairs "queue pairs go with the guest, and the peer is told: QEMU of $qemu"
	if [ "$qemu" = suite ] || [ -z "${HVDPA_SHORT:-}" ]; then
		t test_steered "RSS and receive offloads go with the guest: QEMU of $qemu"
	fi
	if [ -z "${HVDPA_SHORT:-}" ]; then
		t test_cont_after_move "a source that goes on after its target is lost: QEMU of $qemu"
	fi
done
# What is QEMU's own doing is looked at where its suite's kernel is.
case " ${qemus[*]} " in
*' suite '*)
	t test_trace "it suspends the device and reads its rings, and nothing blocks it"
	t test_unannounced "a guest that does not announce itself is not known"
	t test_blocked "with all features offered QEMU's refusal is there"
	;;
esac
finish
