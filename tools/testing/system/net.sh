#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Network functions as netdevs of two namespaces, through virtio-vdpa.
#
#   netns left            netns right
#     vd0 -- virtio-vdpa    vd0 -- virtio-vdpa
#      |                     |
#     VF ------ a wire ---- VF
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

# pair LEFT-FUNCTION RIGHT-FUNCTION [LEFT-FEATURES RIGHT-FEATURES]: devices left and
# right, connected
pair() {
	add left "$1" "${3:-}"
	add right "$2" "${4:-}"
	consume left virtio_vdpa
	consume right virtio_vdpa
	into_netns left left 10.8.0.1
	into_netns right right 10.8.0.2
	within 10 ip netns exec left ping -q -c 1 -W 1 10.8.0.2 >/dev/null
}

unpair() {
	del left
	del right
	ip netns del left
	ip netns del right
}

both_ways() {
	transfer left right 10.8.0.2 "$1"
	transfer right left 10.8.0.1 "$1"
}

test_split() {
	pair "${VF}1" "${VF}2"
	both_ways "$payload"
	[ "$(stat_of left 0 interrupts)" -gt 0 ]
	[ "$(stat_of left 1 kicks)" -gt 0 ]
	[ "$(stat_of left 1 errors)" -eq 0 ]
	unpair
}

test_packed() {
	pair "${VF}3" "${VF}4" "$(all_of "${VF}3")" "$(all_of "${VF}4")"
	vdpa dev config show left | grep -q RING_PACKED
	vdpa dev config show right | grep -q RING_PACKED
	both_ways "$payload"
	unpair
}

test_large_ring() {
	vdpa dev show | grep -q . && return 1
	add big "${VF}4"
	vdpa dev show big | grep -q 'max_vq_size 1024'
	consume big virtio_vdpa
	within 5 test -n "$(netdev_of big)"
	ethtool -g "$(netdev_of big)" >"$state/rings"
	grep -A 5 Current "$state/rings" | grep -qE '^RX:[[:space:]]+1024$'
	grep -A 5 Current "$state/rings" | grep -qE '^TX:[[:space:]]+256$'
	del big
}

test_multiqueue() {
	local queue busy=0
	pair "${VF}5" "${VF}6"
	vdpa dev config show left | grep -q 'max_vq_pairs 4'
	ip netns exec left ethtool -L vd0 combined 4
	both_ways "$payload"
	for n in 0 1 2 3; do
		taskset -c $((n % 2)) ip netns exec left ping -q -f -c 20 10.8.0.2 >/dev/null
	done
	for queue in 1 3 5 7; do
		[ "$(stat_of left "$queue" kicks)" -eq 0 ] || busy=$((busy + 1))
	done
	echo "# $busy of 4 transmit queues were used"
	[ "$busy" -ge 2 ]
}

# The same devices: each queue has its vector, bound to its own processor.
test_affinity() {
	local irq cpus=""
	[ "$(grep -cE 'left-vq[0-8]$' /proc/interrupts)" -eq 9 ]
	grep -q 'left-config$' /proc/interrupts
	ip netns exec left ethtool -L vd0 combined 2
	for vq in 0 2; do
		irq=$(sed -n "s/^ *\([0-9]*\):.* left-vq$vq\$/\1/p" /proc/interrupts)
		cpus="$cpus $(cat "/proc/irq/$irq/affinity_hint")"
		echo "# queue $vq: irq $irq, $(cat "/proc/irq/$irq/smp_affinity")"
	done
	# shellcheck disable=SC2086 # two words
	set -- $cpus
	[ "$1" != "$2" ]
	unpair
}

# left: two vectors, shared by three queues; right: one for everything.
test_few_vectors() {
	pair "${VF}7" 0000:02:00.0
	[ "$(grep -c ' left-' /proc/interrupts)" -eq 2 ]
	grep -q 'left-vq0+$' /proc/interrupts
	[ "$(grep -c ' right-' /proc/interrupts)" -eq 1 ]
	grep -q 'right-all$' /proc/interrupts
	both_ways "$(rounds 4 1)"
}

# The wire of `right` is pulled in the QEMU outside; one vector tells it too.
test_config_interrupt() {
	within 5 ip -n right link show vd0 up
	ip -n right -br link show vd0 | grep -q LOWER_UP
	monitor "set_link v1 off"
	within 5 no_carrier right
	monitor "set_link v0 off"
	within 5 no_carrier left
	monitor "set_link v1 on"
	monitor "set_link v0 on"
	within 5 carrier right
	within 5 carrier left
	both_ways 1
	unpair
}

carrier() {
	ip -n "$1" -br link show vd0 | grep -q LOWER_UP
}

no_carrier() {
	! carrier "$1"
}

test_mapped_doorbells() {
	lines_are 'doorbells have a page of their own' 0
	add own "${VF}1"
	lines_are 'doorbells have a page of their own' 0
	add shared 0000:02:00.0
	lines_are '0 of 2 doorbells have a page of their own' 1
	del own
	del shared
}

# A netdev that is up and busy goes when its device is deleted.
test_del_while_busy() {
	pair "${VF}1" "${VF}2"
	ip netns exec left ping -q -f -w 10 10.8.0.2 >/dev/null &
	sleep 1
	del right
	del left
	wait $! || :
	ip netns del left
	ip netns del right
	pair "${VF}1" "${VF}2"
	both_ways 1
	unpair
}

test_control_queue() {
	pair "${VF}1" "${VF}2"
	ip -n left link set vd0 address 52:54:00:00:aa:01
	ip -n left link set vd0 promisc on
	ip -n left link set vd0 promisc off
	ip -n left link add link vd0 name vd0.5 type vlan id 5 || :
	both_ways 1
	[ "$(stat_of left 2 kicks)" -gt 0 ]
	unpair
}

payload=$(rounds 8 2)

carrier_is() {
	[ "$(cat "/sys/class/net/$1/carrier")" = "$2" ]
}

# A command that is not answered would hold the lock of all network devices.
answered() {
	timeout 10 "$@" || fail "no answer within 10 s: $*"
}

make_bond() {
	ip link add bond9 type bond mode active-backup miimon 100
	ip link add spare9 type dummy
	ip link set "$1" down
	ip link set "$1" master bond9
	ip link set spare9 master bond9
	ip link set bond9 type bond primary "$1"
	ip link set bond9 up
	within 10 uses "$1"
}

# uses NETDEV: the bond does, where the kernel has bonds
uses() {
	[ ! -e /sys/class/net/bond9 ] ||
		[ "$(cat /sys/class/net/bond9/bonding/active_slave)" = "$1" ]
}

unmake_bond() {
	[ ! -e /sys/class/net/bond9 ] || ip link del bond9
	[ ! -e /sys/class/net/spare9 ] || ip link del spare9
}

# The function is dead, or back and not reset by the netdev's driver: the link is down,
# commands are refused, and a bond uses its other half.
test_link_down() {
	local net function=pci/${VF}1
	add net "${VF}1"
	consume net virtio_vdpa
	within 5 test -n "$(netdev_of net)"
	net=$(netdev_of net)
	ip link set "$net" up
	if modprobe bonding max_bonds=0; then make_bond "$net"; else echo "# no bonds"; fi
	within 10 carrier_is "$net" 1
	devlink health set "$function" reporter function auto_recover false
	devlink health test "$function" reporter function
	within 10 carrier_is "$net" 0
	within 10 uses spare9
	lines_are 'the function is given up: devlink health test' 1
	answered ip link set "$net" promisc on
	answered ip link set "$net" promisc off
	answered ip link show "$net" >/dev/null
	grep -Eq '^queue 2:.* mediated' /sys/kernel/debug/hvdpa/net/state
	devlink health recover "$function" reporter function
	lines_are 'the function is back after: devlink health test' 1
	devlink health set "$function" reporter function auto_recover true
	answered ip link set "$net" promisc on
	carrier_is "$net" 0
	uses spare9
	# Whoever resets it has it as it was.
	unmake_bond
	consume net vhost_vdpa
	consume net virtio_vdpa
	within 5 test -n "$(netdev_of net)"
	net=$(netdev_of net)
	ip link set "$net" up
	within 10 carrier_is "$net" 1
	answered ip link set "$net" promisc on
	del net
}

test_packed_death() {
	local function=pci/${VF}3
	add net "${VF}3" "$(all_of "${VF}3")"
	consume net virtio_vdpa
	within 5 test -n "$(netdev_of net)"
	vdpa dev config show net | grep -q RING_PACKED
	ip link set "$(netdev_of net)" up
	# It is looked after 1 s after its last command.
	sleep 1.5
	devlink health test "$function" reporter function
	answered ip link set "$(netdev_of net)" promisc on
	answered ip link show >/dev/null
	within 10 lines_are 'the function is back after: devlink health test' 1
	answered vdpa dev del net
}

begin
hvdpa-vfs enable "$PF" 7
hvdpa-vfs bind 0000:02:00.0
t test_split "split rings carry payloads both ways unchanged"
t test_packed "packed rings carry payloads both ways unchanged"
t test_large_ring "each ring has its function's real size"
if vdpa mgmtdev show "pci/${VF}5" | grep -q 'max_supported_vqs 9'; then
	t test_multiqueue "several queue pairs are used"
	t test_affinity "each queue has a vector on its own processor"
else
	ktap_test_skip "several queue pairs are used (no /dev/net/tun outside)"
	ktap_test_skip "each queue has a vector on its own processor (no /dev/net/tun outside)"
fi
t test_few_vectors "two vectors, and one, serve all queues"
t test_config_interrupt "a pulled wire reaches the owner"
t test_control_queue "the control queue works"
t test_link_down "a netdev whose function died has no link, and a bond uses another"
t test_packed_death "so is one with packed rings answered"
t test_mapped_doorbells "doorbells that cannot be mapped are told once"
t test_del_while_busy "a device is deleted under traffic and added again"
hvdpa-vfs disable "$PF"
hvdpa-vfs unbind 0000:02:00.0
finish
