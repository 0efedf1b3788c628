#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# What a program that owns a device can do, and cannot.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

disk=0000:03:00.0
packed_disk=0000:04:00.0
cases=$(dirname "$0")/vhost_cases.py

setup() {
	dd if=/dev/urandom of="$state/content" bs=1M count=4 status=none
	dd if="$state/content" of="/dev/$(cd /sys/bus/pci/devices/$disk/virtio*/block && ls)" bs=1M conv=fsync status=none
	dd if="$state/content" of=/run/sector bs=512 count=1 status=none
	hvdpa-vfs bind "$disk" "$packed_disk"
	hvdpa-vfs enable "$PF" 4
	recover
}

recover() {
	add net "${VF}4"
	consume net vhost_vdpa
	add disk "$disk"
	add packed "$packed_disk"
	consume disk vhost_vdpa
	consume packed vhost_vdpa
}

teardown() {
	del disk
	del packed
	hvdpa-vfs disable "$PF"
	hvdpa-vfs unbind "$disk" "$packed_disk"
}

on_disk() {
	timeout 60 python3 "$cases" "$1" "$(vhost_of disk)"
}

on_packed() {
	timeout 60 python3 "$cases" "$1" "$(vhost_of packed)"
}

test_works() { on_disk works; }
test_enabled_late() { on_disk enabled_late; }
test_early_kick() { on_disk early_kick; }
test_late_call() { on_disk late_call; }
test_changing_call() { on_disk changing_call; }
test_disabled() { on_disk disabled; }
test_second_owner() { on_disk second_owner; }
test_reset_forgets() { on_disk reset_forgets; }
test_device_error() { on_disk device_error; }
test_queue_sizes() { on_disk queue_sizes; }
test_sizes_stay() { on_disk sizes_stay; }
test_config_bounds() { on_disk config_bounds; }
test_doorbell_refusals() { on_disk doorbell_refusals; }
test_doorbell_rings() { on_disk doorbell_rings; }
test_doorbell_shared_page() { on_packed doorbell_shared_page; }

test_bad_features() {
	on_disk bad_features
	lines_are 'driver features are .*EINVAL' 8
}

test_no_features() {
	on_disk no_features
	lines_are 'refused DRIVER_OK.*EINVAL' 1
}

# Is KVM told of interrupts? Not where two queues with one eventfd end the kernel.
case $(uname -r) in
6.12.*) told=N ;;
*) told=Y ;;
esac

test_refused_interrupt() {
	timeout 60 python3 "$cases" refused_interrupt "$(vhost_of disk)" "$told"
	lines_are 'refused DRIVER_OK.*EINVAL' 1
}

test_one_eventfd() { on_disk one_eventfd; }

# The other answer, for those who know their kernel or their owners.
test_bypass_chosen() {
	local other=Y
	[ "$told" = N ] || other=N
	teardown
	rmmod hvdpa
	insmod /hvdpa/hvdpa.ko "irq_bypass=$other"
	hvdpa-vfs bind "$disk"
	add disk "$disk"
	consume disk vhost_vdpa
	timeout 60 python3 "$cases" refused_interrupt "$(vhost_of disk)" "$other"
	del disk
	hvdpa-vfs unbind "$disk"
	rmmod hvdpa
}

# 300 rounds take a while; each line may come ten times in five seconds. Comes
# late: whoever counts lines within those seconds finds none.
test_flood() {
	local began=$SECONDS lines
	on_disk flood
	lines=$(log_since_mark "$(cat "$state/mark")" | grep -c 'hvdpa 0000:03:00.0: ' || :)
	echo "# $lines lines in $((SECONDS - began)) s"
	[ "$lines" -ge 3 ]
	[ "$lines" -le $((3 * 10 * ((SECONDS - began) / 5 + 2))) ]
}

test_bad_rings() {
	on_disk bad_rings
	lines_are '' 0
}

test_too_large() {
	timeout 60 python3 "$cases" too_large "$(vhost_of net)"
	lines_are 'queue 1: 1024 entries, expected a power of two up to 256: -EINVAL' 1
	lines_are 'refused DRIVER_OK.*EINVAL' 1
}

test_bad_maps() {
	on_disk bad_maps
	lines_are 'map of .*EINVAL' 3
}

test_running_state() { on_disk running_state; }
test_packed_state() { on_packed packed_state; }

test_outside() {
	expect_log 'DMAR: .*03:00'
	expect_log 'DMAR: DRHD'
	on_disk outside
}

test_unmap_cuts() {
	allow_log DMAR
	on_disk unmap_cuts
}

test_read_only_map() {
	allow_log DMAR
	on_disk read_only_map
}

test_nothing_mapped() {
	allow_log DMAR
	on_disk nothing_mapped
}

test_works_after() { on_disk works; }

begin
setup
t test_works "an owner reads a disk through its own virtqueue"
t test_enabled_late "queues enabled after DRIVER_OK work, as QEMU does it"
t test_early_kick "kicks before DRIVER_OK and before enabling are remembered"
t test_late_call "an eventfd that comes after DRIVER_OK gets the interrupts"
t test_changing_call "an eventfd that changes under interrupts loses none for good"
t test_disabled "a queue that is disabled gets no kick until it is enabled"
t test_second_owner "a second owner is refused with EBUSY"
t test_reset_forgets "a reset forgets rings and keeps mappings"
t test_device_error "a device that gives up shows NEEDS_RESET and recovers"
t test_queue_sizes "queue sizes, groups and backend features are as they should"
t test_sizes_stay "a small ring makes no queue smaller"
t test_config_bounds "configuration reads past the end are refused"
t test_bad_features "features not offered, or without ACCESS_PLATFORM, are refused"
t test_no_features "FEATURES_OK without features and DRIVER_OK without it fail"
t test_refused_interrupt "a refused DRIVER_OK leaves no interrupt to bypass"
t test_bad_rings "rings out of range, order or alignment are refused"
t test_too_large "more entries than a queue has are refused at DRIVER_OK"
t test_bad_maps "maps of reserved, outside and overlapping addresses are refused"
t test_running_state "a running ring's state is refused with EBUSY"
t test_packed_state "packed rings take their initial state and no other"
t test_doorbell_refusals "doorbell maps of other sizes, offsets, permissions are refused"
t test_doorbell_rings "a mapped doorbell kicks its queue"
t test_doorbell_shared_page "doorbells that share a page are not mapped"
t test_outside "a descriptor outside the mapping faults and changes no memory"
t test_nothing_mapped "an owner that maps nothing reaches nothing"
t test_unmap_cuts "unmapped memory is out of reach at once"
t test_read_only_map "memory mapped for reading is not written to"
t test_one_eventfd "two queues with one eventfd"
t test_flood "what is refused again and again does not fill the log"
t test_works_after "the device works after all that"
t test_bypass_chosen "irq_bypass is as the administrator says"
finish
