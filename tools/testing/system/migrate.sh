#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A guest of stock QEMU moves between functions of stock QEMU, which cannot be told where
# a ring stands: its rings are relayed after each move.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh
# shellcheck source=tools/testing/moves.sh
. /hvdpa/tools/testing/moves.sh

moves=$(rounds 10 2)
ended=$(rounds 10 2)

setup() {
	hvdpa-vfs enable "$PF" 4
	recover
}

# The guest is on one wire or the other; its peer is a bridge of both. On the other wire
# nobody listens: QEMU tries to send a frame there without an end, which takes one of two
# processors. So none is sent there, but to a guest that has spoken.
recover() {
	local port
	make a "${VF}2"
	make b "${VF}4"
	consume a vhost_vdpa
	consume b vhost_vdpa
	ip netns add left
	ip netns exec left sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	ip -n left link add vd0 type bridge
	peer p0 "${VF}1"
	peer p1 "${VF}3"
	for port in p0 p1; do
		bridge -n left link set dev "$port" flood off bcast_flood off mcast_flood off
	done
	ip -n left addr add 10.8.0.1/24 dev vd0
	ip -n left link set vd0 up
	ip -n left neigh add 10.8.0.2 lladdr "$mac" dev vd0 nud permanent
}

test_moves() { move_under_load a b "$moves"; }

# until_it_ends cancel|fail: what a guest sends and gets meanwhile, and after it, is whole.
until_it_ends() {
	local n
	guest_on start g0 a
	guest run g0 "ip addr add 10.8.0.2/24 dev eth0; ip link set eth0 up" >/dev/null
	within 120 ip netns exec left ping -q -c 1 -W 1 10.8.0.2 >/dev/null
	begin_transfers g0
	flows
	for n in $(seq "$ended"); do
		guest_on receive g1 b
		guest "$1" g0 g1
		flows || { what_happened 1; return 1; }
		echo "# $n"
	done
	end_transfers g0
	guest stop g0
}

test_cancelled() { until_it_ends cancel; }
test_failed() { until_it_ends fail; }

begin
t setup "two standard functions, each on a wire of its own"
t test_moves "a guest moves from one to the other and back ($moves)"
t test_cancelled "a migration that is cancelled changes nothing ($ended)"
t test_failed "nor does one whose target is killed ($ended)"
finish
