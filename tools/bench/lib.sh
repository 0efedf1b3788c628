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
	vdpa dev add name bench mgmtdev "pci/$2"
	if [ "$1" = hvdpa ]; then
		set -- "$@" "$(sed -n 's/^features: .* of //p' /sys/kernel/debug/hvdpa/bench/migration)"
		vdpa dev del bench
		vdpa dev add name bench mgmtdev "pci/$2" device_features "$4"
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

# Under any of them the virtio device is the function's child.
child_of() {
	local path
	for path in /sys/bus/pci/devices/"$1"/virtio*/"$2"/*; do basename "$path"; done
}

interface_of() {
	within 10 test -e /sys/bus/pci/devices/"$1"/virtio*/net >&2
	child_of "$1" net
}
