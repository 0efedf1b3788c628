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

# A standard function's suspend, by its queues. Not beside the baseline: the function is
# waited for.
plain_costs() {
	local pairs function=0000:0d:00.1
	hvdpa-vfs enable 0000:0d:00.0 1
	use hvdpa "$function" vhost
	for pairs in 1 2 4; do
		"$cost" owner hvdpa "$(vhost_of bench)" "$pairs" 20 - |
			sed -n 's/"figure": "owner\.\(suspend\|get_states\|resume\|reset\)/"figure": "plain.\1/p'
	done
	leave hvdpa "$function"
}

[ $# -gt 0 ] || set -- hvdpa vp_vdpa
[ $# -eq 1 ] || plain_costs
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
