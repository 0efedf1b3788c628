#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A nested guest of stock QEMU on one VF through vhost-vdpa, a namespace on
# another through virtio-vdpa, and a wire between them.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

boot() {
	guest start g -M q35 -bios qboot.rom \
		-netdev "vhost-vdpa,id=n,vhostdev=$(vhost_of owned)" \
		-device "virtio-net-pci,netdev=n,id=nic,page-per-vq=on,disable-legacy=on,romfile=,mac=52:54:00:00:01:02${1:-}"
}

# cut_off SECONDS: the guest does not answer for so long.
cut_off() {
	if ip netns exec left ping -q -c "$1" -W 1 10.8.0.2 >/dev/null; then
		fail "the guest answers: known-kernel-issues.rst says that it is cut off"
	fi
}

# told GUEST COMMAND...: what QEMU answers in its monitor is kept with what it prints.
told() {
	guest monitor "$@" >>"/run/guest-$1.log"
}

# qemu_said GUEST REGEX
qemu_said() {
	grep -Eq -- "$2" "/run/guest-$1.log" || {
		sed 's/^/# QEMU: /' "/run/guest-$1.log" | tail -n 10
		fail "QEMU did not say '$2'"
	}
}

# guest_logged GUEST REGEX: its kernel did
guest_logged() {
	guest run "$1" dmesg >"$state/guest.log"
	grep -Eq -- "$2" "$state/guest.log" || {
		tail -n 20 "$state/guest.log" | sed 's/^/# guest: /'
		fail "the guest's kernel did not say '$2'"
	}
}

# Its files are in memory: one that is gone says that this is another boot.
has_rebooted() {
	GUEST_TIMEOUT=5 guest run g "[ ! -e /tmp/before ]" >/dev/null 2>&1
}

restart_guest() {
	guest run g "touch /tmp/before"
	GUEST_TIMEOUT=2 guest run g "reboot -f" >/dev/null 2>&1 || :
	within 120 has_rebooted
	guest_up
}

guest_up() {
	guest run g "ip addr add 10.8.0.2/24 dev eth0; ip link set eth0 up" >/dev/null
	within 60 ip netns exec left ping -q -c 1 -W 1 10.8.0.2 >/dev/null
}

# payload_both_ways MIB: random bytes from the guest to the namespace and back,
# sums compared. A quarter of them among all tests.
payload_both_ways() {
	local sum pieces
	pieces=$(($1 * $(rounds 16 4)))
	rm -f "$state/got"
	ip netns exec left timeout 240 socat -u TCP-LISTEN:5001,reuseaddr "CREATE:$state/got" &
	within 60 listening left 5001
	sum=$(guest run g "dd if=/dev/urandom of=/tmp/out bs=64k count=$pieces 2>/dev/null
		nc 10.8.0.1 5001 </tmp/out; sha256sum </tmp/out")
	wait $!
	[ "$(sha256sum <"$state/got")" = "$sum" ]

	dd if=/dev/urandom of="$state/payload" bs=64k count="$pieces" status=none
	guest run g "nc -l -p 5002 >/tmp/in & true" >/dev/null
	sleep 1
	ip netns exec left timeout 240 socat -u "FILE:$state/payload" TCP:10.8.0.2:5002
	sum=$(guest run g "wait; sha256sum </tmp/in")
	[ "$(sha256sum <"$state/payload")" = "$sum" ]
}

kicks_of_all() {
	local n sum=0
	for n in 0 1 2; do sum=$((sum + $(stat_of owned "$n" kicks))); done
	echo "$sum"
}

interrupts_of_all() {
	local n sum=0
	for n in 0 1; do sum=$((sum + $(stat_of owned "$n" interrupts))); done
	echo "$sum"
}

setup_pair() {
	add left "$1"
	consume left virtio_vdpa
	into_netns left left 10.8.0.1
	add owned "$2" "${3:-}"
	consume owned vhost_vdpa
}

test_boot() {
	setup_pair "${VF}1" "${VF}2"
	boot
	guest_up
	guest run g "cat /sys/class/net/eth0/address" | grep -q 52:54:00:00:01:02
}

test_payload() {
	payload_both_ways 2
}

frames_of_guest() {
	guest run g "cd /sys/class/net/eth0/statistics; cat rx_packets tx_packets" |
		awk '{ n += $1 } END { print n }'
}

# One MiB both ways; sets kicks and interrupts, how many the driver had of them.
count_events() {
	local frames
	frames=$(frames_of_guest)
	kicks=$(kicks_of_all)
	interrupts=$(interrupts_of_all)
	payload_both_ways 1
	kicks=$(($(kicks_of_all) - kicks))
	interrupts=$(($(interrupts_of_all) - interrupts))
	frames=$(($(frames_of_guest) - frames))
	echo "# $1: $((1000 * kicks / frames)) kicks and $((1000 * interrupts / frames)) interrupts per 1,000 of $frames frames"
}

# With its doorbell mapped, a guest's traffic costs the driver no kick.
test_no_kicks() {
	local kicks interrupts
	count_events direct
	[ "$kicks" -eq 0 ]
	[ "$interrupts" -gt 0 ]
}

# The device's whole life starts anew at each, the process stays.
test_reboots() {
	local n
	for n in $(seq "$reboots"); do
		restart_guest
		echo "# reboot $n"
	done
	payload_both_ways 1
}

is_relayed() {
	grep -q '^queue [01]:.* relayed ' /sys/kernel/debug/hvdpa/owned/state
}

# These functions cannot be told where their rings stand: the driver relays them.
test_stop_cont() {
	local n transfer kicks interrupts
	payload_both_ways 4 &
	transfer=$!
	for n in $(seq "$stops"); do
		told g stop cont
		sleep 0.3
	done
	wait "$transfer"
	is_relayed
	count_events relayed
}

# At set_link, of the netdev and of the device, QEMU stops the hardware and starts it
# again, as at stop and cont.
test_set_link() {
	local n
	for n in 1 2 3; do
		told g "set_link nic off" "set_link nic on"
		within 10 ip netns exec left ping -q -c 1 -W 1 10.8.0.2 >/dev/null
	done
	payload_both_ways 1
	if grep -E 'vhost_set_vring_base failed|falling back on userspace' /run/guest-g.log; then
		fail "QEMU gave the hardware up"
	fi
}

# The guest's driver begins anew, at 0: nothing is relayed any more.
test_direct_again() {
	restart_guest
	! is_relayed || fail "the rings are still relayed"
	test_no_kicks
}

carrier_is() {
	[ "$(guest run g "cat /sys/class/net/eth0/carrier")" = "$1" ]
}

# The guest sees that its link is down, and its driver's commands are answered: it would
# wait for an answer for ever. A reboot gets the device back.
test_death() {
	local function=pci/${VF}2
	carrier_is 1
	devlink health set "$function" reporter function auto_recover false
	devlink health test "$function" reporter function
	within 10 carrier_is 0
	GUEST_TIMEOUT=60 guest run g "ip link set eth0 promisc on; ip link set eth0 promisc off
		ip link set eth0 down; ip link set eth0 up; ip link show eth0" >/dev/null
	devlink health recover "$function" reporter function
	devlink health set "$function" reporter function auto_recover true
	carrier_is 0
	restart_guest
	carrier_is 1
	payload_both_ways 1
}

test_sigkill() {
	guest run g "ping -q 10.8.0.1 >/dev/null & true" >/dev/null
	ip netns exec left ping -q -f -w 20 10.8.0.2 >/dev/null &
	sleep 1
	guest kill g
	kill %% 2>/dev/null || :
	wait || :
	boot
	guest_up
	payload_both_ways 1
	guest stop g
}

# vhost-vdpa refuses memory beyond the limit, and QEMU goes on without it. The first
# command of a guest with a control queue would end its device before a frame is lost, so
# this one has none, and nothing that virtio_net refuses without it.
test_memlock() {
	expect_log 'DMAR: \[DMA (Read|Write) NO_PASID\] Request device \[01:00\.2\] fault addr'
	allow_log 'DMAR'
	(ulimit -l 1024 && boot ,ctrl_vq=off,ctrl_rx=off,ctrl_vlan=off,ctrl_mac_addr=off,guest_announce=off)
	qemu_said g 'vhost vdpa map fail!'
	guest run g "ip addr add 10.8.0.2/24 dev eth0; ip link set eth0 up" >/dev/null
	cut_off 3
	guest stop g
}

# With a page for each doorbell QEMU's NIC has a BAR of 8 MiB. The firmware leaves
# 2 MiB below a port that nothing is plugged into.
test_plug() {
	local nic=virtio-net-pci,page-per-vq=on,disable-legacy=on,romfile=
	add spare "${VF}3"
	consume spare vhost_vdpa
	guest start g -M q35 -device pcie-root-port,id=small,chassis=1,slot=1 \
		-device pcie-root-port,id=large,chassis=2,slot=2,pref64-reserve=16M \
		-netdev "vhost-vdpa,id=n,vhostdev=$(vhost_of owned)" \
		-netdev "vhost-vdpa,id=m,vhostdev=$(vhost_of spare)"
	told g "device_add $nic,netdev=m,bus=small,mac=52:54:00:00:01:03" \
		"device_add $nic,netdev=n,bus=large,mac=52:54:00:00:01:02"
	guest run g "echo 1 >/sys/bus/pci/rescan"
	guest_logged g 'BAR 4 .*size 0x00800000 64bit pref\]: can.t assign; no space'
	[ "$(guest run g "cat /sys/class/net/eth*/address")" = 52:54:00:00:01:02 ]
	guest_up
	guest stop g
	del spare
}

test_late_reuse() {
	consume owned virtio_vdpa
	into_netns owned right 10.8.0.2
	within 60 ip netns exec left ping -q -c 1 -W 1 10.8.0.2 >/dev/null
	transfer left right 10.8.0.2 1
	del owned
	del left
	ip netns del left
	ip netns del right
}

test_packed() {
	setup_pair "${VF}3" "${VF}4" "$(all_of "${VF}4")"
	boot ",packed=on"
	guest_up
	vdpa dev config show owned | grep -q 'negotiated_features .*RING_PACKED'
	payload_both_ways 1
	guest stop g
	del owned
	del left
	ip netns del left
}

# A guest with two processors takes two queue pairs of a multiqueue function.
test_multiqueue() {
	setup_pair "${VF}5" "${VF}6"
	guest start g -M q35 -bios qboot.rom -smp 2 \
		-netdev "vhost-vdpa,id=n,vhostdev=$(vhost_of owned),queues=4" \
		-device "virtio-net-pci,netdev=n,mq=on,vectors=10,page-per-vq=on,disable-legacy=on,romfile=,mac=52:54:00:00:01:06"
	guest_up
	vdpa dev config show owned | grep -q 'negotiated_features .* MQ '
	payload_both_ways 1
	guest stop g
	del owned
	del left
	ip netns del left
}

reboots=$(rounds 5 1)
stops=$(rounds 50 5)

begin
hvdpa-vfs enable "$PF" 7
t test_boot "a stock QEMU guest boots on a VF and reaches the namespace"
t test_payload "payloads arrive unchanged both ways"
t test_no_kicks "traffic with mapped doorbells costs no kick; interrupts are counted"
t test_reboots "the guest reboots ($reboots)"
t test_stop_cont "stop and cont under a transfer ($stops)"
t test_set_link "set_link off and on"
t test_direct_again "the next boot has its doorbells again"
t test_death "a guest whose function dies has no link, and is answered"
t test_sigkill "QEMU is killed under traffic and the device used again"
# What is QEMU's own doing takes its time, and finds no fault of the driver's.
if [ -z "${HVDPA_SHORT:-}" ]; then
	t test_memlock "a memory lock limit that is too small cuts a guest off, and QEMU goes on"
	t test_plug "a NIC that is plugged later needs a port with room for its doorbells"
fi
t test_late_reuse "the device goes from the guest to a namespace"
t test_packed "a guest with packed rings"
if vdpa mgmtdev show "pci/${VF}6" | grep -q 'max_supported_vqs 9'; then
	t test_multiqueue "a guest with several queue pairs"
else
	ktap_test_skip "a guest with several queue pairs (no /dev/net/tun outside)"
fi
hvdpa-vfs disable "$PF"
finish
