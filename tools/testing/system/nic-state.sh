#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# Suspend under load, read where the rings stand, reset, start them there.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

cases=$(dirname "$0")/nic_cases.py
# VERSION_1 ACCESS_PLATFORM RING_PACKED EVENT_IDX INDIRECT MAC MRG_RXBUF STATUS
all=0x730018020
# and CTRL_VQ MQ
wide=0x730438020

enable() {
	hvdpa-vfs enable 0000:01:00.0 4
	hvdpa-vfs enable 0000:02:00.0 2
	hvdpa-vfs enable 0000:03:00.0 2
	hvdpa-vfs enable 0000:04:00.0 2
	hvdpa-vfs enable 0000:05:00.0 2
	hvdpa-vfs enable 0000:06:00.0 1
	hvdpa-vfs enable 0000:07:00.0 2
	hvdpa-vfs enable 0000:08:00.0 2
}

recover() {
	local f name
	for f in 1 2; do
		add "nic$f" "0000:01:00.$f" "$all"
		add "wide$f" "0000:02:00.$f" "$wide"
		add "ifc$f" "0000:04:00.$f" "$all"
		add "dense$f" "0000:05:00.$f" "$all"
		add "v14$f" "0000:07:00.$f" "$all"
		add "plain$f" "0000:08:00.$f"
		for name in nic wide ifc dense v14 plain; do
			consume "$name$f" vhost_vdpa
		done
	done
	add disk 0000:03:00.1
	add ifcdisk 0000:06:00.1
	consume disk vhost_vdpa
	consume ifcdisk vhost_vdpa
}

# net NAME ARGUMENT...: NAME1 and NAME2 on one wire
net() {
	local name=$1
	shift
	timeout 120 python3 "$cases" state_net "$(vhost_of "${name}1")" "$(vhost_of "${name}2")" "$@"
}

disk() {
	local name=$1
	shift
	timeout 120 python3 "$cases" state_disk "$(vhost_of "$name")" "$@"
}

test_split() { net nic --rounds 200; }
test_packed() { net nic --rounds 200 --packed; }
test_event_idx() { net nic --rounds 50 --event-idx; }

test_any_split() {
	net nic --rounds 20 --start 0xfff0
	net nic --rounds 20 --start 0x7fff
	net nic --rounds 5 --start 0xffff
}

test_any_packed() {
	net nic --rounds 20 --packed --start 0x3f
	net nic --rounds 20 --packed --start 0x8020
	net nic --rounds 20 --packed --start 0x8000
}

test_mq() {
	net wide --rounds 50 --pairs 4 --total-pairs 16
	net wide --rounds 20 --pairs 4 --total-pairs 16 --packed
}

test_disk() { disk disk --rounds 200 --queues 2; }
test_disk_packed() { disk disk --rounds 200 --packed; }
test_disk_any() { disk disk --rounds 20 --start 0xfff8; }

test_disk_reorder() {
	fault disks/vf0 reorder true
	disk disk --rounds 50 --queues 2
	fault disks/vf0 reorder false
}

test_ifc() {
	net ifc --rounds 100
	net ifc --rounds 50 --start 0xfff0
	net ifc --rounds 20 --packed
}

test_dense() {
	net dense --rounds 100 --start 0xfff0
}

test_ifc_disk() { disk ifcdisk --rounds 100 --queues 2; }

# Resume, where the hardware has it, goes on without a reset.
test_resume() {
	timeout 60 python3 "$cases" resume_net "$(vhost_of nic1)" "$(vhost_of nic2)" --rounds 100
	timeout 60 python3 "$cases" resume_net "$(vhost_of nic1)" "$(vhost_of nic2)" --rounds 50 --packed
}

test_link() { timeout 60 python3 "$cases" link_while_suspended "$(vhost_of nic1)"; }

# Hardware that can be told where its rings stand, with and without RESUME, and a
# standard function. None of them can reset one queue.
test_disabled_base() {
	local name
	for name in nic ifc plain; do
		timeout 60 python3 "${cases%/*}/stand_cases.py" disabled_base \
			"$(vhost_of "${name}1")" "$(vhost_of "${name}2")" \
			--rounds "$(rounds 20 5)"
	done
}

test_rises_nowhere() {
	timeout 60 python3 "${cases%/*}/stand_cases.py" rises_nowhere "$(vhost_of plain1)" \
		"$(vhost_of plain2)"
	lines_are 'queue 1: its ring of 64 entries .* cannot be relayed from [0-9]* on: -EFAULT' 1
}

test_kicked_before() {
	timeout 60 python3 "${cases%/*}/stand_cases.py" kicked_before_pause \
		"$(vhost_of plain1)" "$(vhost_of plain2)" --fault plain/vf0
}

test_virtio14() {
	timeout 60 python3 "$cases" resume_net "$(vhost_of v141)" "$(vhost_of v142)" --rounds 100
	timeout 60 python3 "$cases" stands_at_used "$(vhost_of v141)" "$(vhost_of v142)"
}

test_absent() {
	timeout 60 python3 "$cases" no_resume "$(vhost_of ifc1)"
	grep -q '^suspend: by the driver: no SUSPEND feature' /sys/kernel/debug/hvdpa/plain1/migration
	grep -q '^set_vq_state: by the driver: a standard function' /sys/kernel/debug/hvdpa/v141/migration
	grep -q "^resume: no: a queue of Intel" /sys/kernel/debug/hvdpa/ifc1/migration
	grep -q '^dirty_log: yes' /sys/kernel/debug/hvdpa/nic1/migration
	grep -q '^migrate: no: QEMU migrates no disk' /sys/kernel/debug/hvdpa/disk/migration
}

test_refusals() {
	timeout 60 python3 "$cases" state_refusals "$(vhost_of nic1)"
	timeout 60 python3 "$cases" start_refusals "$(vhost_of nic1)"
	lines_are 'starts at 0x.*, expected equal halves below 64 entries: -EINVAL' 4
}

test_garbage() {
	timeout 60 python3 "$cases" state_garbage "$(vhost_of nic1)"
	fault nic/vf0 state-garbage 0
	lines_are 'ring state is 0x12345678, expected equal halves.*EIO' 1
}

test_forgets() {
	fault nic/vf0 forget-state true
	timeout 60 python3 "$cases" forgets_state "$(vhost_of nic1)"
	fault nic/vf0 forget-state false
	lines_are 'ring state reads 0x0, expected 0x50005: -ETIMEDOUT' 1
}

test_foreign_reset() {
	timeout 60 python3 "$cases" foreign_reset "$(vhost_of nic1)" --name 0000:01:00.1
	lines_are 'the function is back after: a reset from outside' 1
	net nic --rounds 5
}

test_stuck() {
	fault nic/vf0 stuck-suspend true
	timeout 60 python3 "$cases" stuck_suspend "$(vhost_of nic1)"
	fault nic/vf0 stuck-suspend false
	lines_are 'suspend: migration status is 0x0, expected 0x1: -ETIMEDOUT' 1
	# It was reset, and works for the next owner.
	net nic --rounds 5
}

test_stuck_reset() {
	local function=pci/0000:01:00.3
	devlink health set "$function" reporter function auto_recover false
	fault nic/vf2 stuck-reset true
	errno_is 'timed out' add stuck 0000:01:00.3
	lines_are 'reset: device_status is still 0x1 after 1000000 us' 1
	lines_are 'the function is given up: it does not finish a reset' 1
	errno_is 'timed out' devlink health recover "$function" reporter function
	lines_are 'revive: device_status is 0x1 after a function level reset, expected 0: -ETIMEDOUT' 1
	errno_is 'No such device' add stuck 0000:01:00.3
	fault nic/vf2 stuck-reset false
	devlink health recover "$function" reporter function
	lines_are 'the function is back after: it does not finish a reset' 1
	add mended 0000:01:00.3
	del mended
}

test_gone() {
	timeout 60 python3 "$cases" gone "$(vhost_of nic2)"
	fault nic/vf1 all-ones false
	lines_are 'the function is given up' 1
	# Binding it again revives it.
	del nic2
	hvdpa-vfs unbind 0000:01:00.2
	hvdpa-vfs bind 0000:01:00.2
	add nic2 0000:01:00.2 "$all"
	consume nic2 vhost_vdpa
	net nic --rounds 5
}

setup() {
	enable
	recover
}

begin
t setup "devices on every kind of hardware"
t test_split "split rings go on where they stood, 200 times"
t test_packed "packed rings go on where they stood, 200 times"
t test_event_idx "the same with event indices"
t test_any_split "split rings start anywhere"
t test_any_packed "packed rings start anywhere, with either wrap counter"
t test_mq "four queue pairs and a control queue"
t test_disk "a disk loses and repeats no request, 200 times"
t test_disk_packed "the same with packed rings"
t test_disk_any "a disk's rings start anywhere"
t test_disk_reorder "a disk that ends requests out of order"
t test_ifc "Intel IFC, rings in pairs"
t test_dense "Intel IFC, rings side by side"
t test_ifc_disk "Intel IFC, a disk"
t test_resume "resume goes on without a reset"
t test_link "a link that changes while a device stands still is told when it goes on"
t test_disabled_base "queues that are disabled say where they stand, and go on"
t test_rises_nowhere "a device that cannot go on when a queue is enabled"
t test_kicked_before "what was kicked before a pause, and not heard, is done after it"
t test_virtio14 "virtio 1.4's SUSPEND: stop, state, resume"
t test_absent "what hardware cannot do is absent, and debugfs says why"
t test_refusals "states that cannot be are refused, and those of running queues"
t test_garbage "a state that cannot be is not believed"
t test_forgets "a device that does not take a state is not started"
t test_foreign_reset "a suspended device that somebody else resets"
t test_stuck "a suspend that is never acknowledged ends, and the device is reset"
t test_stuck_reset "a reset that never ends, nor a function level reset"
t test_gone "a function that is gone at a suspend is given up"
finish
