#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# provision.sh: 64 functions of one reference NIC become devices, and wait.
# Lines of JSON. The last devices are left, and what they hold is said.
# shellcheck source=tools/bench/lib.sh
. /hvdpa/tools/bench/lib.sh

load
devices=64
hvdpa-vfs enable "$PF" "$devices"
mapfile -t functions < <(hvdpa-vfs list | awk '{ print $1 }')
[ "${#functions[@]}" -eq "$devices" ]

available_kib() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 1
	awk '/^MemAvailable/ { print $2 }' /proc/meminfo
}

# held PARENT BEFORE
held() {
	echo "{\"figure\": \"idle.kib\", \"parent\": \"$1\", \"value\": $((($2 - $(available_kib)) / devices))}"
	echo "{\"figure\": \"idle.vectors\", \"parent\": \"$1\", \"value\": $(grep -cE 'cost[0-9]|vp-vdpa' /proc/interrupts || :)}"
}

before=$(available_kib)
"$cost" provision hvdpa 3 "${functions[@]}"
held hvdpa "$before"
for ((n = 0; n < devices; n++)); do vdpa dev del "cost$n"; done
for function in "${functions[@]}"; do give "$function" vp-vdpa; done
before=$(available_kib)
"$cost" provision vp_vdpa 3 "${functions[@]}"
held vp_vdpa "$before"
