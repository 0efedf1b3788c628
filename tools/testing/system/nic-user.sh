#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A hostile user: random calls on all that an owner can reach, alone and while
# the device dies, goes and comes back. No warning, no page stays pinned, and
# the device works afterwards.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

here=$(dirname "$0")
net=0000:01:00.1
disk=0000:03:00.1
# VERSION_1 ACCESS_PLATFORM RING_PACKED EVENT_IDX INDIRECT MAC MRG_RXBUF STATUS
# and CTRL_VQ
control=0x730038020
gate=$state/gate

add_of() {
	case $1 in
	nic1) add nic1 "$net" "$control" ;;
	disk) add disk "$disk" ;;
	esac
}

function_of() {
	case $1 in
	nic1) echo "$net" ;;
	disk) echo "$disk" ;;
	esac
}

fault_of() {
	case $1 in
	nic1) fault nic/vf0 all-ones "$2" ;;
	disk) fault disks/vf0 all-ones "$2" ;;
	esac
}

recover() {
	fault_of nic1 false
	fault_of disk false
	add_of nic1
	add nic2 0000:01:00.2 "$control"
	add_of disk
	for name in nic1 nic2 disk; do
		consume "$name" vhost_vdpa
	done
}

setup() {
	hvdpa-vfs enable 0000:01:00.0 2
	hvdpa-vfs enable 0000:03:00.0 1
	recover
	grep -q '^nr_foll_pin_acquired' /proc/vmstat
	pins >"$state/pins"
}

# Pages that are pinned now, of all processes and of none. The counters are each
# processor's own until they are asked for.
pins() {
	cat /proc/sys/vm/stat_refresh >/dev/null
	awk '/^nr_foll_pin_acquired/ { n += $2 }
		/^nr_foll_pin_released/ { n -= $2 }
		END { print n }' /proc/vmstat
}

pins_are() {
	[ "$(pins)" -eq "$1" ]
}

nothing_pinned() {
	within 5 pins_are "$(cat "$state/pins")" || {
		echo "# $(pins) pages are pinned, $(cat "$state/pins") were"
		return 1
	}
	! grep -H '^VmPin:[[:space:]]*[1-9]' /proc/[0-9]*/status
}

# hold PAGES: an owner with a map, in the background, until its pid is killed.
hold() {
	: >"$state/held"
	python3 - "$(vhost_of nic1)" "$1" >"$state/held" 2>&1 <<-'PY' &
		import sys, time
		sys.path.insert(0, "/hvdpa/tools/testing")
		from vhost import Memory, Owner
		owner, memory = Owner(sys.argv[1]), Memory(int(sys.argv[2]))
		owner.set_owner()
		owner.map(0x100000, memory)
		print("ready", flush=True)
		time.sleep(60)
	PY
	pid=$!
	within 20 grep -q ready "$state/held"
}

# What is to notice a lost page does.
test_pins() {
	local pid before
	before=$(cat "$state/pins")
	hold 300
	pins_are $((before + 300)) || {
		echo "# $(pins) pages are pinned, $before were, 300 are mapped"
		return 1
	}
	grep -q '^VmPin:[[:space:]]*1200 kB' "/proc/$pid/status"
	if nothing_pinned >/dev/null; then fail "not noticed"; fi
	kill "$pid"
	wait "$pid" || :
	nothing_pinned
}

# fuzz SEED LIMIT THREADS NAME...
fuzz() {
	local paths=() name status=0
	local args=("$1" "$2" "$3" "$gate")
	for name in "${@:4}"; do
		paths+=("$(vhost_of "$name")")
	done
	timeout 150 /hvdpa/tools/testing/owner_fuzz "${args[@]}" "${paths[@]}" \
		>"$state/fuzzed.$1" 2>&1 || status=$?
	# Its "ok" is no test's.
	sed 's/^[^#]/# &/' "$state/fuzzed.$1"
	return "$status"
}

faults_may_come() {
	# Rings with random contents point anywhere.
	allow_log 'DMAR: (DRHD: handling fault|\[DMA (Read|Write))'
}

test_repeats() {
	local n
	faults_may_come
	for n in 1 1 2; do
		fuzz "$n" 400 1 nic1 | grep choices >>"$state/choices"
	done
	[ "$(wc -l <"$state/choices")" -eq 3 ]
	[ "$(uniq "$state/choices" | wc -l)" -eq 2 ]
	nothing_pinned
}

alone() {
	local seed
	faults_may_come
	for seed in 1 2 "$RANDOM"; do
		fuzz "$seed" 5s 4 "$1"
	done
	nothing_pinned
}

test_net() { alone nic1; }
test_disk() { alone disk; }

alive() {
	devlink health diagnose "pci/$(function_of "$1")" reporter function |
		grep -q 'state: alive'
}

mend() {
	fault_of "$1" false
	within 10 revived "$1"
}

revived() {
	alive "$1" || devlink health recover "pci/$(function_of "$1")" \
		reporter function >/dev/null 2>&1
	alive "$1"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# bounded COMMAND...: it ends within a minute; if not, where it stands in the
# kernel. No signal ends what waits there.
bounded() {
	local pid
	"$@" &
	pid=$!
	within 60 gone "$pid" || {
		sed 's/^/# /' "/proc/$pid/stack" \
			/sys/kernel/debug/hvdpa/*/state
		grep -E 'nic1|disk' /proc/interrupts | sed 's/^/# /'
		return 1
	}
	wait "$pid"
}

put() {
	echo "$1" >"$2"
}

# A file that is opened while its device is being made loses memory, see
# Documentation/known-kernel-issues.rst: nobody opens one meanwhile.
gated() {
	local status=0
	exec 9>"$gate"
	flock 9
	bounded "$@" 9>&- || status=1
	exec 9>&-
	return "$status"
}

take() { bounded put "$1" /sys/bus/vdpa/drivers/vhost_vdpa/unbind; }
give() { gated put "$1" /sys/bus/vdpa/drivers/vhost_vdpa/bind; }

step_test() {
	devlink health test "pci/$(function_of "$1")" reporter function &&
	sleep 0.5 &&
	mend "$1"
}

step_all_ones() {
	fault_of "$1" true &&
	sleep 1 &&
	mend "$1"
}

step_consumer() {
	take "$1" &&
	give "$1"
}

# The kernel's own drivers wait for ever for a device that dies under them: the
# device has been mended, and nothing breaks it now.
step_kernel() {
	take "$1" &&
	bounded put "$1" /sys/bus/vdpa/drivers/virtio_vdpa/bind &&
	bounded put "$1" /sys/bus/vdpa/drivers/virtio_vdpa/unbind &&
	give "$1"
}

step_delete() {
	bounded vdpa dev del "$1" &&
	gated add_of "$1"
}

step_function() {
	bounded put "$(function_of "$1")" /sys/bus/pci/drivers/hvdpa/unbind &&
	bounded put "$(function_of "$1")" /sys/bus/pci/drivers/hvdpa/bind &&
	gated add_of "$1"
}

# One after the other, until the fuzzer has ended.
steps() {
	local n=0 name what order=(test consumer all_ones delete kernel function)
	while [ ! -e "$state/enough" ]; do
		name=nic1
		[ $((n / ${#order[@]} % 2)) -eq 0 ] || name=disk
		what=${order[n % ${#order[@]}]}
		"step_$what" "$name" || {
			echo "# $what of $name failed"
			touch "$state/enough"
			return 1
		}
		n=$((n + 1))
	done
	echo "# $n deaths, deletions and changes of driver"
	[ "$n" -ge 2 ]
}

# What it says does not count: the device may be gone, or be another's.
talk() {
	local n=0
	while [ ! -e "$state/enough" ]; do
		vdpa dev show || :
		vdpa dev config show || :
		vdpa dev vstats show nic1 qidx $((n % 5)) || :
		vdpa dev set name nic1 mac "52:54:00:00:00:0$((n % 10))" || :
		vdpa dev vstats show disk qidx 0 || :
		vdpa mgmtdev show || :
		n=$((n + 1))
	done >/dev/null 2>&1
	echo "# $n rounds of vdpa commands"
	[ "$n" -ge 1 ]
}

# Its device goes, and that ends it well; then for the next one.
log_user() {
	local n=0
	while [ ! -e "$state/enough" ]; do
		if [ -c /dev/hvdpa/nic1 ]; then
			timeout 90 /hvdpa/tools/testing/log_fuzz /dev/hvdpa/nic1 "$n" 3 1 >"$state/logged" ||
				grep -q 'setup: ' "$state/logged" || {
				cat "$state/logged"
				return 1
			}
			n=$((n + 1))
		fi
		sleep 0.1
	done
	echo "# $n runs of log_fuzz"
}

test_all() {
	local pids=() pid status=0
	faults_may_come
	allow_log 'I/O error|Buffer I/O'
	rm -f "$state/enough"
	steps &
	pids+=($!)
	talk &
	pids+=($!)
	log_user &
	pids+=($!)
	fuzz 7 30s 4 nic1 disk || status=1
	touch "$state/enough"
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	[ "$status" -eq 0 ]
	nothing_pinned
}

test_works() {
	timeout 60 python3 "$here/nic_cases.py" resume_net "$(vhost_of nic1)" \
		"$(vhost_of nic2)" --rounds 20
	timeout 60 python3 "$here/nic_cases.py" truth_net "$(vhost_of nic1)" \
		"$(vhost_of nic2)" --name nic1 --rounds 30
	timeout 60 python3 "$here/nic_cases.py" state_disk "$(vhost_of disk)" --rounds 10
	nothing_pinned
}

begin
t setup "devices and programs"
t test_pins "control: an owner that holds a map is noticed"
t test_repeats "a seed says which calls are made"
t test_net "random calls on a network device, three seeds"
t test_disk "random calls on a disk, three seeds"
t test_all "the same while they die, go, come back and are talked about"
t test_works "and they work, without the module being loaded again"
finish
