#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t and walk run functions by name
# Every allocation under the driver fails once. It fails with the right errno, and
# what is tried again without a fault works. Needs a kernel with failslab. In make
# check of the probe's and dev add's calls only the first two fail: more are the kernel's
# own, below the same call and so the same way out of the driver.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

debugfs=/sys/kernel/debug
drivers=/sys/bus/vdpa/drivers
cases=$(dirname "$0")/fault_cases.py
# Three vectors for its queues: interrupts are most of what dev add allocates.
vf=0000:09:00.1

first_of_text() { sed -n 1p "$state/text"; }
last_of_text() { sed -n '$p' "$state/text"; }

# Only what the driver's own functions lead to: the range of its text.
setup() {
	local kind
	[ -d "$debugfs/failslab" ] || skip "this kernel has no failslab"
	hvdpa-vfs enable 0000:09:00.0 1
	hvdpa-vfs enable 0000:03:00.0 1
	hvdpa-vfs enable 0000:0c:00.0 1
	awk '$4 == "[hvdpa]" && tolower($2) == "t" { print $1 }' /proc/kallsyms | sort >"$state/text"
	for kind in failslab fail_page_alloc; do
		echo 32 >"$debugfs/$kind/stacktrace-depth"
		echo N >"$debugfs/$kind/ignore-gfp-wait"
		echo 0 >"$debugfs/$kind/verbose"
		echo 1000000 >"$debugfs/$kind/times"
	done
	only_from "$(first_of_text)" "$(last_of_text)"
	echo 0 >"$debugfs/fail_page_alloc/min-order"
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	hvdpa-vfs list
}

# How many may still fail, in $left: one less for each that did.
count_left() {
	local slab pages
	read -r slab <"$debugfs/failslab/times"
	read -r pages <"$debugfs/fail_page_alloc/times"
	left=$((slab + pages))
}

# only_from FIRST END: what is called from between these addresses may fail.
only_from() {
	local kind
	for kind in failslab fail_page_alloc; do
		echo "0x$1" >"$debugfs/$kind/require-start"
		echo "0x$2" >"$debugfs/$kind/require-end"
	done
}

# sites_of COMMAND FIRST END: the calls from between these addresses, the driver's,
# that it allocates something in, each as an only_from of its own: the address that it
# returns to, and the next.
sites_of() {
	local event site tracing=/sys/kernel/tracing
	echo 0 >"$tracing/tracing_on"
	: >"$tracing/trace"
	echo 16384 >"$tracing/buffer_size_kb"
	for event in sym-addr stacktrace; do echo 1 >"$tracing/options/$event"; done
	for event in kmalloc kmem_cache_alloc mm_page_alloc; do
		echo 1 >"$tracing/events/kmem/$event/enable"
	done
	(
		echo "$BASHPID" >"$tracing/set_event_pid"
		echo 1 >"$tracing/tracing_on"
		"$1"
	) >"$state/clean" || fail "$1, traced: $(cat "$state/clean")" >&2
	echo 0 >"$tracing/tracing_on"
	echo 0 >"$tracing/events/kmem/enable"
	echo 0 >"$tracing/options/stacktrace"
	: >"$tracing/set_event_pid"
	awk -F '[:/ ]+' '/^#.*entries-in-buffer/ { seen = $(NF - 3) == $(NF - 2) } END { exit !seen }' \
		"$tracing/trace" || fail "$1, traced: $(grep -m 1 entries-in "$tracing/trace")" >&2
	# Of each stack the innermost of them.
	awk -v first="x$2" -v last="x$3" '
		/<stack trace>/ { open = 1; next }
		!/^ *=> / { open = 0 }
		open {
			gsub(/[<>]/, "", $NF)
			if ("x" $NF >= first && "x" $NF < last) { print $NF; open = 0 }
		}' "$tracing/trace" | sort -u | while read -r site; do
		printf '%s %x\n' "$site" $((0x$site + 1))
	done
}

# walk REGEX COMMAND UNDO: the command, a function that is one process, fails at
# each allocation in turn: of each of the driver's calls the first, the second, and
# so on. What earlier failures left, page tables for one, can make a call allocate
# less, and so none of another's is skipped. REGEX is the errno's text that it must
# say, or "nothing" for a command that must not fail. It may also do without.
# Set by the caller: first and last, where the calls are if not in the driver's text,
# and least, allocations that there must be.
walk() {
	local text=$1 command=$2 undo=$3 nth failed=0 total=0 before said status site next
	sites_of "$command" "${first:-$(first_of_text)}" "${last:-$(last_of_text)}" >"$state/sites"
	"$undo"
	while read -r site next; do
		only_from "$site" "$next"
		nth=0
		while [ "$nth" -lt "$most" ]; do
			nth=$((nth + 1))
			count_left
			before=$left
			status=0
			said=$( (echo "$nth" >/proc/self/fail-nth; "$command") 2>&1) || status=$?
			count_left
			[ "$left" -ne "$before" ] || break
			total=$((total + 1))
			if [ "$status" -ne 0 ]; then
				failed=$((failed + 1))
				[[ $said =~ $text ]] ||
					fail "$command, allocation $nth of $site: expected '$text', got: $said"
				("$command") || fail "$command: not after allocation $nth of $site failed"
			fi
			"$undo" || fail "$undo: not after allocation $nth of $site of $command failed"
		done
		if [ "$left" -ne "$before" ]; then
			said=$("$command" 2>&1) || fail "$command without a fault: $said"
		elif [ "$status" -ne 0 ]; then
			fail "$command without a fault: $said"
		fi
		"$undo"
	done <"$state/sites"
	[ "$total" -ge "${least:-1}" ] || fail "$command allocates nothing: this test is empty"
	echo "# $command: $total allocations in $(wc -l <"$state/sites") calls, without $failed it fails"
	only_from "$(first_of_text)" "$(last_of_text)"
}

bind() { echo "$vf" >/sys/bus/pci/drivers/hvdpa/bind; }
unbind() { echo "$vf" >/sys/bus/pci/drivers/hvdpa/unbind; }

# A probe that did without its vectors leaves them to dev add.
use_and_unbind() {
	if [ -n "${nth:-}" ] && [ "$status" -eq 0 ]; then
		(dev_add) || return 1
		(dev_del) || return 1
	fi
	unbind
}

# What others say where they get no memory, and do without.
allow_others() {
	allow_log 'kmemleak: Cannot allocate'
	allow_log "DMAR: (Can't allocate|Domain initialization failed)"
	# A domain is detached by attaching another; the IOMMU core has nobody
	# to tell that there is no memory for that.
	allow_log 'WARNING: .* at drivers/iommu/iommu.c:.* (__iommu_group_set_core_domain|iommu_detach_device)'
	# Nor has procfs for an interrupt that it could not show.
	allow_log 'WARNING: .* at fs/proc/generic.c:.* remove_proc_entry'
	allow_log 'Call Trace:'
}

test_probe() {
	allow_others
	unbind
	# For the PCI core a BAR that it has no memory to claim is busy, and for
	# the virtio library one that it has no memory to map is wrong.
	walk 'Cannot allocate memory|Device or resource busy|Invalid argument' bind use_and_unbind
	bind
}

dev_add() { exec vdpa dev add name f mgmtdev "pci/$vf" mac 52:54:00:00:dd:01; }
dev_del() { exec vdpa dev del f; }
dev_del_quietly() { (dev_del); }
dev_add_again() { (dev_add); }

test_add() {
	allow_others
	# Vectors that there is no memory for are none that the function has.
	walk 'Cannot allocate memory|No space left on device' dev_add dev_del_quietly
}

dev_set() { exec vdpa dev set name f mac 52:54:00:00:dd:02; }

test_set() {
	allow_others
	add f "$vf"
	least=0 walk 'Cannot allocate memory' dev_set true
	del f
}

test_del() {
	allow_others
	add f "$vf"
	least=0 walk nothing dev_del dev_add_again
	del f
}

to_vhost() { echo f >"$drivers"/vhost_vdpa/bind; }
from_vhost() { echo f >"$drivers"/vhost_vdpa/unbind; }
to_virtio() { echo f >"$drivers"/virtio_vdpa/bind; }
from_virtio() { echo f >"$drivers"/virtio_vdpa/unbind; }

has_netdev() {
	[ -n "$(netdev_of f)" ]
}

# The driver itself needs nothing more for that.
test_consumers() {
	allow_others
	add f "$vf"
	[ ! -e /sys/bus/vdpa/devices/f/driver ] || echo f >/sys/bus/vdpa/devices/f/driver/unbind
	least=0 walk 'Cannot allocate memory' to_vhost from_vhost
	least=0 walk 'Cannot allocate memory' to_virtio from_virtio
	to_virtio
	within 5 has_netdev
	from_virtio
	del f
}

live() { exec python3 "$cases" life "$(vhost_of disk)" disk; }
live_relayed() { exec python3 "$cases" relayed "$(vhost_of disk)" disk; }

# An owner's whole life, in one process: each step in turn. Page tables stay as long
# as the device, so it is another than that of the life in which calls are looked for,
# and all of them together come first.
test_owner() { owner_lives 0000:03:00.1 live life; }

# On a standard function.
test_relayed() { owner_lives 0000:0c:00.1 live_relayed relayed; }

# owner_lives FUNCTION COMMAND CASE
owner_lives() {
	local calls
	allow_others
	add disk "$1"
	consume disk vhost_vdpa
	sites_of "$2" "$(first_of_text)" "$(last_of_text)" >"$state/sites"
	del disk
	add disk "$1"
	consume disk vhost_vdpa
	mapfile -t calls <"$state/sites"
	echo "# an owner's life allocates in ${#calls[@]} calls"
	python3 "$cases" "$3" "$(vhost_of disk)" disk "$(first_of_text) $(last_of_text)" \
		"${calls[@]}"
	only_from "$(first_of_text)" "$(last_of_text)"
	del disk
}

load() { exec insmod /hvdpa/hvdpa.ko; }
unload() { rmmod hvdpa; }

# Nobody knows where the module will be: what calls its init is in the kernel.
test_init() {
	# One call of the kernel's has all of the driver's in it.
	local first last most=100000
	allow_others
	hvdpa-vfs disable 0000:09:00.0
	hvdpa-vfs disable 0000:03:00.0
	hvdpa-vfs disable 0000:0c:00.0
	unload
	read -r first last < <(awk '$3 == "do_one_initcall" { first = $1; next }
		first && $1 != first { print first, $1; exit }' /proc/kallsyms)
	# For the driver core a folder that it has no memory for is a wrong argument.
	walk 'Cannot allocate memory|Invalid parameters' load unload
	(load)
}

# The walks above have made and undone what there is one by one; here the module goes
# with all of it.
test_leaks() {
	hvdpa-vfs enable 0000:09:00.0 1
	add f "$vf"
	consume f virtio_vdpa
	rmmod hvdpa
	(load)
	hvdpa-vfs disable 0000:09:00.0
	for _ in 1 2; do
		echo scan >"$debugfs/kmemleak"
		sleep 6
	done
	sed 's/^/# /' "$debugfs/kmemleak" | head -n 60
	[ ! -s "$debugfs/kmemleak" ] || [ -z "$(cat "$debugfs/kmemleak")" ]
}

most=$(rounds 100000 2)

begin
t setup "allocations can be made to fail"
t test_probe "probe"
t test_add "vdpa dev add"
t test_set "vdpa dev set"
t test_del "vdpa dev del fails for no want of memory"
t test_consumers "binding a consumer"
t test_owner "open, maps, DRIVER_OK, log, suspend, resume, reset, close"
t test_relayed "START and RESUME where rings are relayed leave a device as it was"
t test_init "insmod"
t test_leaks "nothing is leaked"
finish
