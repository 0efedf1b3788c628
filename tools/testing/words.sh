# SPDX-License-Identifier: GPL-2.0-only
# The words that the tests and the demonstration are written in.
# shellcheck shell=bash

# within SECONDS COMMAND...: the command succeeds before long.
within() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || {
			echo "# not within the time: $*"
			return 1
		}
		sleep 0.1
	done
}

add() {
	vdpa dev add name "$1" mgmtdev "pci/$2" ${3:+device_features "$3"}
}

# all_of FUNCTION: every feature that its device can have
all_of() {
	add all-of-it "$1"
	sed -n 's/^features: .* of //p' /sys/kernel/debug/hvdpa/all-of-it/migration
	del all-of-it
}

del() {
	vdpa dev del "$1"
}

# consume DEVICE vhost_vdpa|virtio_vdpa
consume() {
	local dir=/sys/bus/vdpa
	if [ -e "$dir/devices/$1/driver" ]; then
		case $(readlink "$dir/devices/$1/driver") in
		*/"$2") return 0 ;;
		esac
		echo "$1" >"$dir/devices/$1/driver/unbind"
	fi
	echo "$1" >"$dir/drivers/$2/bind"
}

vhost_of() {
	local dir
	for dir in /sys/bus/vdpa/devices/"$1"/vhost-vdpa-*; do
		[ -d "$dir" ] || return 1
		echo "/dev/$(basename "$dir")"
	done
}

netdev_of() {
	local dir
	for dir in /sys/bus/vdpa/devices/"$1"/../virtio*/net/*; do
		[ -d "$dir" ] && basename "$dir"
	done
}

disk_of() {
	local dir
	for dir in /sys/bus/vdpa/devices/"$1"/../virtio*/block/*; do
		[ -d "$dir" ] && basename "$dir"
	done
}

# into_netns DEVICE NETNS ADDRESS: a virtio-vdpa netdev into a namespace.
into_netns() {
	local netdev
	within 5 test -n "$(netdev_of "$1")"
	netdev=$(netdev_of "$1")
	ip netns list | grep -qw "$2" || ip netns add "$2"
	ip link set "$netdev" netns "$2" name vd0
	ip -n "$2" addr add "$3/24" dev vd0
	ip -n "$2" link set vd0 up
}

stat_of() {
	vdpa -j dev vstats show "$1" qidx "$2" |
		python3 -c "import json,sys
print(next(iter(json.load(sys.stdin)['vstats'].values()))['$3'])"
}

listening() {
	ip netns exec "$1" ss -ltn 2>/dev/null | grep -q ":$2 "
}
