#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# nic.sh [PARENT...]: what an owner asks for, on the reference NIC, which counts
# accesses to its registers. Lines of JSON. Not with Intel's layout beside ifcvf: that asks
# for a third BAR, which the reference NIC does not have.
# shellcheck source=tools/bench/lib.sh
. /hvdpa/tools/bench/lib.sh

wide=0000:02:00.1
load
hvdpa-vfs enable 0000:02:00.0 1

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

[ $# -gt 0 ] || set -- hvdpa vp_vdpa
for parent; do
	owner_costs "$parent" "$wide" 1 4 16
	bus_costs "$parent" "$wide" 30 "$wide" |
		sed 's/"figure": "/&nic./'
done
