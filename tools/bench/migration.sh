#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# migration.sh counted|timed: the figures of migration, as lines of JSON on
# standard output. Counted: the machine's clock counts instructions.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh
set -e

grep -q '^hvdpa ' /proc/modules || insmod /hvdpa/hvdpa.ko
bench=$(dirname "$0")/migration.py
hvdpa-vfs enable 0000:01:00.0 4
hvdpa-vfs enable 0000:02:00.0 1
for n in 1 2 3 4; do
	add "nic$n" "0000:01:00.$n"
	consume "nic$n" vhost_vdpa
done
add wide 0000:02:00.1 0x730438020
consume wide vhost_vdpa

python3 "$bench" report "$(vhost_of nic1)" nic1
python3 "$bench" stop "$(vhost_of wide)" 0000:02:00.1
[ "$1" = timed ] || exit 0
python3 "$bench" frames "$(vhost_of nic1)" "$(vhost_of nic2)" nic1

# Bytes into a guest of stock QEMU: as it is, with the log on, and through
# QEMU's shadow virtqueues, by turns.
consume nic4 virtio_vdpa
into_netns nic4 left 10.8.0.1

guest_on() {
	guest start "$1" -M q35 -bios qboot.rom \
		-netdev "vhost-vdpa,id=n,vhostdev=$(vhost_of "$2")${4:-}" \
		-device "virtio-net-pci,netdev=n,page-per-vq=on,disable-legacy=on,romfile=,mac=52:54:00:00:02:0$3"
	guest run "$1" "ip addr add 10.8.0.$3/24 dev eth0; ip link set eth0 up" >/dev/null
	within 20 ip netns exec left ping -q -c 1 -W 1 "10.8.0.$3" >/dev/null
}

# seconds_into GUEST HOST: of 1 MiB
seconds_into() {
	local began
	guest run "$1" "nc -l -p 5002 </dev/null >/dev/null" >/dev/null &
	# Its shell says nothing while nc runs, and nc nothing at all.
	sleep 3
	began=$(date +%s%N)
	ip netns exec left timeout 60 socat -u "FILE:$state/payload" \
		"TCP:10.8.0.$2:5002,retry=100,interval=0.05"
	wait $!
	echo "$((($(date +%s%N) - began) / 1000000))"
}

guest_on plain nic1 2
guest_on shadow nic2 3 ,x-svq=on
dd if=/dev/urandom of="$state/payload" bs=1M count=1 status=none
declare -A took
for _ in 1 2 3 4; do
	took[off]+=" $(seconds_into plain 2)"
	/hvdpa/tools/hvdpa-dirty/hvdpa-dirty -r 0:128M -i 0.1 nic1 >"$state/rates" &
	took[on]+=" $(seconds_into plain 2)"
	kill -INT $!
	wait $! || :
	took[shadow]+=" $(seconds_into shadow 3)"
done
for kind in off on shadow; do
	echo "{\"figure\": \"guest\", \"kind\": \"$kind\", \"ms_per_mib\": [$(echo "${took[$kind]# }" | tr ' ' ',')]}"
done
guest stop plain
guest stop shadow
