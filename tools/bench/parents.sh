#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# parents.sh quick|counted|timed [PARENT...]: what a parent costs beside the
# kernel's own, on QEMU's own functions. Lines of JSON. quick leaves out the maps
# of 16 GiB.
# shellcheck source=tools/bench/lib.sh
. /hvdpa/tools/bench/lib.sh

net=${VF}1 peer=${VF}2 disk=0000:0b:00.0
what=$1
shift
[ $# -gt 0 ] || set -- hvdpa vp_vdpa native
load
hvdpa-vfs enable "$PF" 2
take_peer() {
	give "$peer" virtio-pci
	peer_interface=$(interface_of "$peer")
	ip link set "$peer_interface" up
}
take_peer

net_costs() {
	local interface
	use "$1" "$net" virtio
	interface=$(interface_of "$net")
	ip link set "$interface" up
	sleep 1
	"$cost" net "$1" "$interface" "$peer_interface" "$2"
	leave "$1" "$net"
}

block_costs() {
	local name
	use "$1" "$disk" virtio
	within 10 test -e /sys/bus/pci/devices/"$disk"/virtio*/block
	name=$(child_of "$disk" block)
	"$cost" block "$1" "/dev/$name" "$2"
	leave "$1" "$disk"
}

owner_costs() {
	use "$1" "$net" vhost
	"$cost" owner "$1" "$(vhost_of bench)" 1 "$2" -
	leave "$1" "$net"
}

# A frame, and a block, on the function's own ring, and on a relayed one.
frame_costs() {
	local base
	for base in 0 5; do
		use hvdpa "$net" vhost
		"$cost" frame hvdpa "$(vhost_of bench)" "$1" "$base" net
		leave hvdpa "$net"
		use hvdpa "$disk" vhost
		"$cost" frame hvdpa "$(vhost_of bench)" "$1" "$base" block
		leave hvdpa "$disk"
	done
}

# What passes rings on in the kernel already, with a thread for each.
vhost_net_costs() {
	modprobe tun
	modprobe vhost_net
	ip tuntap add tap9 mode tap vnet_hdr
	ip link set tap9 up
	"$cost" vhost-net vhost_net tap9 "$1"
	ip link del tap9
}

# The same memory for all of them: pages in the order of their addresses, in none,
# and of 2 MiB.
memory_for_maps() {
	mkdir -p /run/pages /run/huge
	mount -t tmpfs -o size=2g pages /run/pages
	echo 1 >/proc/sys/vm/compact_memory
	"$cost" fill "" /run/pages/ordered 256 ordered
	"$cost" fill "" /run/pages/scattered 256 scattered
	echo 128 >/proc/sys/vm/nr_hugepages
	mount -t hugetlbfs -o pagesize=2M huge /run/huge
	ln -s ../huge/file /run/pages/huge
	"$cost" fill "" /run/pages/huge 256 ordered
}

# map_costs PARENT MIB PAGES ROUNDS
map_costs() {
	use "$1" "$net" vhost
	"$cost" map "$1" "$(vhost_of bench)" "$2" "$3" "/run/pages/$3" "$4"
	leave "$1" "$net"
}

# interrupts_of FUNCTION
interrupts_of() {
	local irq sum=0 n
	for irq in /sys/bus/pci/devices/"$1"/msi_irqs/*; do
		n=$(awk -v irq="$(basename "$irq"):" '$1 == irq { print $2 }' /proc/interrupts)
		sum=$((sum + ${n:-0}))
	done
	echo "$sum"
}

# How many kicks and interrupts a hundred frames take, half of them sent. With the
# native driver both ends are kicked by the same function, and do the same.
event_costs() {
	local parent=$1 tracing=/sys/kernel/tracing interface kicks before share=1 probe
	case $parent in
	native)
		probe=vp_notify
		share=2
		;;
	*) probe=virtio_vdpa_notify ;;
	esac
	take_peer
	use "$parent" "$net" virtio
	interface=$(interface_of "$net")
	ip link set "$interface" up
	sleep 1
	# struct virtqueue has its name behind a list and a callback.
	echo "p:kick $probe name=+0(+24(%di)):string" >"$tracing/kprobe_events"
	before=$(interrupts_of "$net")
	echo 'hist:keys=name' >"$tracing/events/kprobes/kick/trigger"
	"$cost" net "$parent" "$interface" "$peer_interface" 50 >/dev/null
	kicks=$(awk '/ (in|out)put/ { n += $NF } END { print n + 0 }' "$tracing/events/kprobes/kick/hist")
	cp "$tracing/events/kprobes/kick/hist" "/out/kicks.$parent"
	echo '!hist:keys=name' >"$tracing/events/kprobes/kick/trigger"
	echo "{\"figure\": \"net.kicks_of_100_frames\", \"parent\": \"$parent\", \"value\": $((kicks / share))}"
	echo "{\"figure\": \"net.interrupts_of_100_frames\", \"parent\": \"$parent\", \"value\": $(($(interrupts_of "$net") - before))}"
	: >"$tracing/kprobe_events"
	leave "$parent" "$net"
	give "$peer" ""
}

# The deepest stack at the entry of one of the parent's functions.
stack_costs() {
	local parent=$1 tracing=/sys/kernel/tracing
	echo "${parent}_*" >"$tracing/stack_trace_filter"
	echo 0 >"$tracing/stack_max_size"
	echo 1 >/proc/sys/kernel/stack_tracer_enabled
	bus_costs "$parent" "$net" 2 - >/dev/null
	owner_costs "$parent" 3 >/dev/null
	map_costs "$parent" 256 scattered 1 >/dev/null
	take_peer
	net_costs "$parent" 20 >/dev/null
	give "$peer" ""
	echo 0 >/proc/sys/kernel/stack_tracer_enabled
	echo "{\"figure\": \"stack.bytes\", \"parent\": \"$parent\", \"value\": $(cat "$tracing/stack_max_size")}"
	cp "$tracing/stack_trace" "/out/stack.$parent"
	: >"$tracing/stack_trace_filter"
}

# The ioctls and maps from the start of a guest of QEMU's to its DRIVER_OK.
guest_costs() {
	local parent=$1 tracing=/sys/kernel/tracing calls
	use "$parent" "$net" vhost
	calls=$tracing/events/syscalls
	echo 'hist:keys=cmd.hex:size=512' >"$calls/sys_enter_ioctl/trigger"
	echo 'hist:keys=count:size=512' >"$calls/sys_enter_write/trigger"
	guest start bench -M q35 -bios qboot.rom \
		-netdev "vhost-vdpa,id=n,vhostdev=$(vhost_of bench)" \
		-device "virtio-net-pci,netdev=n,page-per-vq=on,disable-legacy=on,romfile="
	guest run bench "ip link set eth0 up; sleep 1" >/dev/null
	# vhost's ioctls are of type 0xaf; a message of its IOTLB has 72 bytes.
	awk -v parent="$parent" '
		/cmd:/ { gsub(/[{},]/, " "); cmd = $2; sub(/^0x/, "", cmd); sub(/^0+/, "", cmd)
			if (substr(cmd, length(cmd) - 3, 2) == "af") n += $NF }
		END { printf "{\"figure\": \"guest.ioctls\", \"parent\": \"%s\", \"value\": %d}\n", parent, n }
	' "$calls/sys_enter_ioctl/hist"
	awk -v parent="$parent" '
		/count:/ { gsub(/[{},]/, " "); if ($2 == 72) n += $NF }
		END { printf "{\"figure\": \"guest.iotlb_messages\", \"parent\": \"%s\", \"value\": %d}\n", parent, n }
	' "$calls/sys_enter_write/hist"
	cp "$calls/sys_enter_ioctl/hist" "/out/ioctls.$parent"
	cp "$calls/sys_enter_write/hist" "/out/writes.$parent"
	echo '!hist:keys=cmd.hex:size=512' >"$calls/sys_enter_ioctl/trigger"
	echo '!hist:keys=count:size=512' >"$calls/sys_enter_write/trigger"
	guest stop bench
	leave "$parent" "$net"
}

# The machine's own functions have no native driver that has an owner.
parents=()
for parent; do
	[ "$parent" = native ] || parents+=("$parent")
done

if [ "$what" = timed ]; then
	disk=0000:03:00.0
	for _ in 1 2 3 4; do
		for parent; do
			net_costs "$parent" 300
			block_costs "$parent" 300
		done
	done
	mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
	for parent in "${parents[@]}"; do guest_costs "$parent"; done
	exit 0
fi

for parent; do
	net_costs "$parent" 200
	block_costs "$parent" 200
done
# Nobody takes what is sent now, and nothing but its sender is interrupted.
give "$peer" ""
frame_costs 200
[ $# -eq 1 ] || vhost_net_costs 200
for parent in "${parents[@]}"; do
	owner_costs "$parent" 60
	bus_costs "$parent" "$net" 100 -
done
memory_for_maps
for parent in "${parents[@]}"; do
	map_costs "$parent" 1024 ordered 2
	map_costs "$parent" 1024 huge 3
	map_costs "$parent" 256 scattered 2
	[ "$what" = counted ] || continue
	map_costs "$parent" 16384 huge 1
	map_costs "$parent" 16384 ordered 1
	# As many pieces as the test machine's vhost-vdpa takes.
	map_costs "$parent" 512 scattered 1
done

mountpoint -q /sys/kernel/tracing || mount -t tracefs tracefs /sys/kernel/tracing
for parent in "${parents[@]}"; do
	locked_costs "$parent" "$net"
	[ "$what" = quick ] || stack_costs "$parent"
done
[ "$what" != quick ] || exit 0
for parent; do event_costs "$parent"; done
