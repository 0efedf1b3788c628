#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# nic.sh [PARENT...]: what an owner asks for, on the reference NIC, which counts
# accesses to its registers. Lines of JSON. Not with Intel's layout beside ifcvf: that asks
# for a third BAR, which the reference NIC does not have.
# shellcheck source=tools/bench/lib.sh
. /hvdpa/tools/bench/lib.sh

# By how many queue pairs they have.
declare -A function_of=([1]=0000:01:00.1 [4]=0000:0b:00.1 [16]=0000:02:00.1)
load
for slot in 01 02 0b; do hvdpa-vfs enable "0000:$slot:00.0" 1; done

# owner_costs PARENT FUNCTION PAIRS...
owner_costs() {
	local parent=$1 function=$2 pairs
	shift 2
	use "$parent" "$function" vhost
	for pairs; do
		"$cost" owner "$parent" "$(vhost_of bench)" "$pairs" 20 "$function" |
			sed 's/"figure": "/&nic./'
	done
	leave "$parent" "$function"
}

with_pairs() {
	sed "s/\"figure\": \"/&nic./; s/}\$/, \"pairs\": $1}/"
}

[ $# -gt 0 ] || set -- hvdpa vp_vdpa
for parent; do
	owner_costs "$parent" "${function_of[16]}" 1 4 16
	for pairs in 1 4 16; do
		bus_costs "$parent" "${function_of[$pairs]}" 30 "${function_of[$pairs]}" |
			with_pairs "$pairs"
	done
done
mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
for parent; do
	for pairs in 1 4 16; do
		locked_costs "$parent" "${function_of[$pairs]}" | with_pairs "$pairs"
	done
done
