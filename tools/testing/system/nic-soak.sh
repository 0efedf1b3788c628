#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# All at once over eight VFs for HVDPA_SOAK_SECONDS: traffic under a log,
# suspend and restart, control commands, functions that die, a container whose
# netdev comes and goes, and somebody who asks after all of them. Each keeps its
# own promises; every minute the machine keeps its. Three minutes, half a one in make check.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

seconds=${HVDPA_SOAK_SECONDS:-$(rounds 180 30)}
here=$(dirname "$0")
all=0x730018020
mortal=0000:03:00.1

setup() {
	local n
	hvdpa-vfs enable 0000:01:00.0 4
	hvdpa-vfs enable 0000:02:00.0 3
	hvdpa-vfs enable "${mortal%.*}.0" 1
	for n in 1 2 3 4; do
		add "nic$n" "0000:01:00.$n" "$all"
		consume "nic$n" vhost_vdpa
	done
	for n in 1 2 3; do
		add "wide$n" "0000:02:00.$n"
	done
	consume wide1 vhost_vdpa
	consume wide2 vhost_vdpa
	add lone "$mortal"
	consume lone vhost_vdpa
}

# worker NAME FUNCTION: again and again until the time is over, or until it
# fails, which stops all.
worker() {
	local name=$1 count=0
	shift
	(
		trap - ERR
		set +e
		until [ -e "$state/over" ]; do
			"$@" "$count" >"$state/$name.log" 2>&1 || {
				[ -e "$state/over" ] && break
				echo "$name: round $count" >>"$state/over"
				sed 's/^/  /' "$state/$name.log" | tail -n 20 >>"$state/over"
				break
			}
			count=$((count + 1))
			echo "$count" >"$state/$name.rounds"
		done
	) &
	workers+=($!)
}

logged() {
	timeout 150 python3 "$here/nic_cases.py" truth_net "$(vhost_of nic1)" "$(vhost_of nic2)" \
		--name nic1 --rounds 60 --seed "$1"
}

restarted() {
	timeout 150 python3 "$here/nic_cases.py" state_net "$(vhost_of nic3)" "$(vhost_of nic4)" \
		--station 1 --rounds 15 --start $((($1 * 4099) % 65536))
}

commanded() {
	timeout 150 python3 "$here/control_cases.py" fuzz "$(vhost_of wide1)" "$(vhost_of wide2)" \
		--pairs 16 --seed "$1" --count 150
}

# An owner goes on after each death of its function.
dying() {
	timeout 150 python3 "$here/vhost_cases.py" dies "$(vhost_of lone)" 20 \
		bash -c "echo ready; read -r; devlink health test pci/$mortal reporter function"
}

contained() {
	consume wide3 virtio_vdpa && within 5 test -n "$(netdev_of wide3)" &&
		into_netns wide3 box 10.7.0.1 &&
		{ ip netns exec box ping -q -c 1 -W 1 10.7.0.9 >/dev/null || :; } &&
		consume wide3 vhost_vdpa
}

# Whoever asks is answered: nobody above holds what all need.
asked() {
	local name
	timeout 5 vdpa dev show >/dev/null || return 1
	for name in nic1 nic3 wide1 wide3 lone; do
		timeout 5 vdpa dev config show "$name" >/dev/null 2>&1
		[ $? -ne 124 ] || { echo "vdpa dev config show $name: no answer within 5 s"; return 1; }
	done
	timeout 5 devlink health show >/dev/null && sleep 0.5
}

pinned() {
	# The counters of each processor are added up first.
	cat /proc/sys/vm/stat_refresh >/dev/null
	awk '/^nr_foll_pin_acquired/ { p += $2 } /^nr_foll_pin_released/ { p -= $2 } END { print p }' /proc/vmstat
}

available() {
	awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo
}

promises() {
	local memory
	memory=$(available)
	echo "# after $((SECONDS - began)) s: $memory MiB available, $(pinned) pages pinned," \
		"$(cat "$state"/*.rounds 2>/dev/null | paste -sd ' ' || :) rounds"
	[ "$memory" -gt $((memory_before - 300)) ] || fail "memory goes: $memory MiB, $memory_before before"
	! log_since_mark "$(cat "$state/mark")" | grep -E "$log_alarms" || fail "the kernel complains"
	[ ! -e "$state/over" ] || fail "$(cat "$state/over")"
	# In hours the log loses its beginning, which has been looked at.
	log_mark "$(cat "$state/mark")"
}

test_soak() {
	local began=$SECONDS memory_before pins_before next=60 pid
	workers=()
	rm -f "$state/over" "$state"/*.rounds
	memory_before=$(available)
	pins_before=$(pinned)
	worker logged logged
	worker restarted restarted
	worker commanded commanded
	worker dying dying
	worker contained contained
	worker asked asked
	# On a slow machine it takes longer than it should.
	while [ ! -e "$state/over" ] && [ $((SECONDS - began)) -lt $((seconds + 240)) ]; do
		[ $((SECONDS - began)) -lt "$seconds" ] || ! all_had_turns || break
		sleep 1
		if [ $((SECONDS - began)) -ge "$next" ]; then
			next=$((next + 60))
			promises
		fi
	done
	promises
	echo over >>"$state/over"
	for pid in "${workers[@]}"; do
		within 90 gone "$pid"
	done
	all_had_turns || fail "not each had two turns: $(cd "$state" && grep . ./*.rounds)"
	[ "$(pinned)" -eq "$pins_before" ] || fail "$(pinned) pages are pinned, $pins_before before"
}

# Each has had two turns at least.
all_had_turns() {
	local name
	for name in logged restarted commanded dying contained asked; do
		[ "$(cat "$state/$name.rounds" 2>/dev/null || echo 0)" -ge 2 ] || return 1
	done
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

# And what was used so is as good as new.
test_after() {
	logged 1
	hvdpa-vfs disable 0000:01:00.0
	hvdpa-vfs disable 0000:02:00.0
	hvdpa-vfs disable "${mortal%.*}.0"
	rmmod hvdpa
	insmod /hvdpa/hvdpa.ko
}

begin
t setup "eight devices"
t test_soak "all at once for $seconds s"
t test_after "and all is as it was"
finish
