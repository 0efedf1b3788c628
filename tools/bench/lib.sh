# SPDX-License-Identifier: GPL-2.0-only
# For the figures: functions go from one parent to another.
# shellcheck shell=bash
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh
set -eE -o pipefail
trap 'echo "line $LINENO: $BASH_COMMAND" >&2' ERR

# shellcheck disable=SC2034 # for the figures
cost=/hvdpa/tools/bench/cost
declare -A driver_of=([hvdpa]=hvdpa [vp_vdpa]=vp-vdpa [ifcvf]=ifcvf [native]=virtio-pci)

load() {
	insmod /hvdpa/hvdpa.ko
	insmod /hvdpa/tools/bench/vp_vdpa.ko
	insmod /hvdpa/tools/bench/ifcvf.ko
	# Nobody but the program speaks.
	sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	sysctl -qw kernel.randomize_va_space=0
}

# give FUNCTION DRIVER: "" for none
give() {
	local device=/sys/bus/pci/devices/$1
	[ ! -e "$device/driver" ] || echo "$1" >"$device/driver/unbind"
	[ -n "$2" ] || return 0
	echo "$2" >"$device/driver_override"
	echo "$1" >"/sys/bus/pci/drivers/$2/bind"
}

# use PARENT FUNCTION vhost|virtio: as the device "bench"; with all that the
# function offers, as the others have it
use() {
	give "$2" "${driver_of[$1]}"
	[ "$1" != native ] || return 0
	if [ "$1" = hvdpa ]; then
		add bench "$2" "$(all_of "$2")"
	else
		add bench "$2"
	fi
	consume bench "${3}_vdpa"
}

# leave PARENT FUNCTION
leave() {
	[ "$1" = native ] || vdpa dev del bench
	give "$2" ""
}

# bus_costs PARENT FUNCTION ROUNDS FUNCTION-OR--
bus_costs() {
	give "$2" ""
	echo "${driver_of[$1]}" >/sys/bus/pci/devices/"$2"/driver_override
	"$cost" bus "$1" "${driver_of[$1]}" "$2" "$3" "$4"
}

# locked_costs PARENT FUNCTION: what a parent does while vdpa holds the lock of all its
# commands. Traced, which is some hundred instructions of it, and after all that is
# counted.
locked_costs() {
	local parent=$1 function=$2 tracing=/sys/kernel/tracing operation
	printf '%s\n' "${parent}_dev_add" "${parent}_dev_del" >"$tracing/set_ftrace_filter"
	echo function_graph >"$tracing/current_tracer"
	bus_costs "$parent" "$function" 20 - >/dev/null
	for operation in dev_add dev_del; do
		awk -v name="${parent}_$operation" -v what="locked.$operation" -v parent="$parent" '
			index($0, name) {
				for (i = 1; i <= NF; i++)
					if ($(i + 1) == "us" && (!least || $i < least))
						least = $i
				n++
			}
			END {
				printf "{\"figure\": \"%s\", \"parent\": \"%s\", \"least\": %d, \"median\": 0, \"most\": 0, \"rounds\": %d}\n",
					what, parent, least * 1000, n
				exit !n
			}' "$tracing/trace"
	done
	echo nop >"$tracing/current_tracer"
	: >"$tracing/set_ftrace_filter"
}

# Under any of them the virtio device is the function's child.
child_of() {
	local path
	for path in /sys/bus/pci/devices/"$1"/virtio*/"$2"/*; do basename "$path"; done
}

interface_of() {
	within 10 test -e /sys/bus/pci/devices/"$1"/virtio*/net >&2
	child_of "$1" net
}
