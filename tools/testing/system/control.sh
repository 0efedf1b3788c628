#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# The mediated control queue on QEMU's own functions.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

cases=$(dirname "$0")/control_cases.py

# control CASE NAME ARGUMENT...: NAME1 and NAME2 are on one wire
control() {
	local case=$1 name=$2
	shift 2
	timeout 150 python3 "$cases" "$case" "$(vhost_of "${name}1")" \
		"$(vhost_of "${name}2")" "$@"
}

setup() {
	hvdpa-vfs enable 0000:01:00.0 6
	recover
}

recover() {
	add split1 "${VF}1"
	add split2 "${VF}2"
	add packed1 "${VF}3"
	add packed2 "${VF}4"
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

test_fuzz() {
	local seed
	for seed in 1 2; do
		control fuzz split --indirect --seed "$seed"
		control fuzz packed --packed --indirect --event-idx --seed "$seed"
	done
}

test_seen() {
	control commands split
	grep -q '^isolated: yes' /sys/kernel/debug/hvdpa/split1/control
	cat /sys/kernel/debug/hvdpa/split1/control
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
t test_doorbell "the control queue's doorbell cannot be mapped"
t test_fuzz "random rings and commands"
t test_seen "debugfs tells of it"
finish
