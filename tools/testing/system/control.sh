#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# The mediated control queue on QEMU's own functions.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

setup() {
	hvdpa-vfs enable 0000:01:00.0 6
	recover
}

recover() {
	add split1 "${VF}1" "$(all_of "${VF}1")"
	add split2 "${VF}2" "$(all_of "${VF}2")"
	add packed1 "${VF}3" "$(all_of "${VF}3")"
	add packed2 "${VF}4" "$(all_of "${VF}4")"
	local name
	for name in split1 split2 packed1 packed2; do
		consume "$name" vhost_vdpa
	done
}

test_commands() {
	control commands split
	control commands split --event-idx --indirect
}
test_commands_packed() {
	control commands packed --packed
	control commands packed --packed --event-idx
}
test_commands_asid0() { control commands split --asid 0; }

test_indirect() {
	control indirect split --indirect
	control indirect packed --packed --indirect
}

test_refused() {
	control refused split
	control refused packed --packed
}

test_broken() {
	allow_log 'control queue: entry'
	control broken split --indirect
	control broken packed --packed --indirect
}

test_unmapped() {
	allow_log 'control queue: entry'
	control unmapped split
	control unmapped split --asid 0
}

test_changing() { control changing split; }
test_asid() { control asid split; }
test_doorbell() { control doorbell split; }

test_paused() {
	control paused split
	control paused packed --packed
	control paused split --asid 0
}

test_memory_races() {
	local count
	count=$(rounds 200 5)
	allow_log 'control queue: entry'
	control memory_races split --asid 0 --seed 1 --count "$count"
	control memory_races split --seed 2 --count "$count"
	control memory_races packed --packed --asid 0 --seed 3 --count "$count"
}

test_no_base() { control no_base packed --packed; }
test_sizes() {
	add many1 "${VF}5"
	add many2 "${VF}6"
	consume many1 vhost_vdpa
	consume many2 vhost_vdpa
	control sizes many
	del many1
	del many2
}

# Shortened, unless somebody asks for more.
commands=${HVDPA_FUZZ_COMMANDS:-$(rounds 6000 800)}

test_fuzz() {
	local seed count=$((commands / 4)) limit=$((150 + commands / 40))
	for seed in 1 2; do
		control fuzz split --indirect --seed "$seed" --count "$count"
		control fuzz packed --packed --indirect --event-idx --seed "$seed" --count "$count"
	done
}

# What debugfs and the tracepoints say of an owner's work.
test_seen() {
	local show=/sys/kernel/debug/hvdpa/split1
	traced control commands split
	trace_has 'hvdpa_kick: split1 queue=2 rung' \
		'hvdpa_command: split1 class=1 command=1 bytes=8 ack=0' \
		'hvdpa_map: split1 asid=1 iova=0x100000 size=0x[0-9a-f]+ perm=3 err=0' \
		'hvdpa_unmap: split1 asid=1 .*err=0' \
		'hvdpa_status: split1 from=0xb to=0xf' 'hvdpa_reset: split1 err=0'
	grep -q '^isolated: yes' "$show/control"
	grep -Eq '^commands: [1-9][0-9]*, [1-9][0-9]* accepted, [0-9]+ refused' "$show/control"
	grep -q '^consumer: vhost_vdpa$' "$show/state"
	grep -q '^accepted: 0x0$' "$show/state"
	grep -Eq '^offered: 0x[0-9a-f]+$' "$show/state"
	grep -Eq '^queue 2: 64 of 64 entries .*doorbell through the driver' "$show/state"
	# What cannot be read has no class, nor that of the command before.
	traced control refused split
	[ "$(grep -c 'class=0 command=0 bytes=0 ack=1' "$state/trace")" -eq 6 ]
}

given=52:54:00:00:cc:01

test_given() {
	del split1
	vdpa dev add name split1 mgmtdev "pci/${VF}1" mac "$given" mtu 1400
	consume split1 vhost_vdpa
	control provisioned split --mtu 1400
	control provisioned split --mtu 1400 --asid 0
}

ping_from() {
	ip netns exec "$1" ping -q -c 2 -W 2 "$2" >/dev/null
}

# Two netdevs, one with an address that is not the card's.
test_own_mac() { control own_mac split; }

test_netdev() {
	del split1
	vdpa dev add name split1 mgmtdev "pci/${VF}1" mac "$given" mtu 1400
	consume split1 virtio_vdpa
	consume split2 virtio_vdpa
	into_netns split1 left 10.8.0.1
	into_netns split2 right 10.8.0.2
	[ "$(ip netns exec left cat /sys/class/net/vd0/address)" = "$given" ]
	[ "$(ip netns exec left cat /sys/class/net/vd0/mtu)" = 1400 ]
	within 10 ping_from left 10.8.0.2
	within 10 ping_from right 10.8.0.1
	# The netdev has the card's control queue: its own commands work.
	ip -n left link add link vd0 name vd0.7 type vlan id 7
	ip -n left link set vd0 address 52:54:00:00:cc:03
	within 10 ping_from right 10.8.0.1
	[ "$(ip -n right neigh show 10.8.0.1 | grep -c 52:54:00:00:cc:03)" = 1 ] ||
		{ ip -n right neigh flush all; within 10 ping_from right 10.8.0.1; }
	ip netns del left
	ip netns del right
	del split1
	add split1 "${VF}1"
	consume split1 vhost_vdpa
	consume split2 vhost_vdpa
}

begin
t setup "devices"
t test_commands "commands from an address space of their own, split rings"
t test_commands_packed "the same with packed rings"
t test_commands_asid0 "commands from the data's address space"
t test_indirect "commands in tables, and cut anywhere"
t test_refused "commands that are none are answered with ERR"
t test_broken "rings that cannot be followed end in NEEDS_RESET"
t test_unmapped "so does a ring that is taken away"
t test_changing "a command that changes while it is read"
t test_asid "address spaces: when, which, and what a reset does"
t test_paused "what was kicked before a pause is done after it"
t test_memory_races "nothing is written to memory that is being taken away"
t test_no_base "a packed ring that is told nothing starts at its beginning"
t test_sizes "what one owner's features make of queues is not the next one's"
t test_doorbell "the control queue's doorbell cannot be mapped"
t test_fuzz "random rings and commands"
t test_given "mac and mtu are what the owner sees and the card does"
t test_own_mac "an address that an owner writes is its own"
t test_netdev "a netdev with an address that was given"
t test_seen "debugfs and tracepoints tell of it"
finish
