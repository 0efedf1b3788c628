# SPDX-License-Identifier: GPL-2.0-only
# The test machine: what hvdpa drives, and what it must refuse. Of QEMU's own
# functions, or with the reference NIC. Sets MACHINE (QEMU arguments).
# shellcheck shell=bash disable=SC2034 # MACHINE is for the file that reads this

# Two functions on one wire: datagrams between two sockets.
machine_wire() {
	local dir=$1 a=$2 b=$3
	MACHINE+=(
		-netdev "dgram,id=$a,local.type=unix,local.path=$dir/$a,remote.type=unix,remote.path=$dir/$b"
		-netdev "dgram,id=$b,local.type=unix,local.path=$dir/$b,remote.type=unix,remote.path=$dir/$a"
	)
}

machine_vf() {
	local function=$1 netdev=$2 mac=$3 more=$4
	MACHINE+=(-device "virtio-net-pci,bus=rp1,addr=0.$function,sriov-pf=pf,netdev=$netdev,mac=52:54:00:00:01:$mac,iommu_platform=on,ats=on,disable-legacy=on,romfile=,$more")
}

machine_port() {
	local n=$1
	MACHINE+=(-device "pcie-root-port,id=rp$n,chassis=$n,slot=$n,x-speed=5")
}

machine_has_tun() {
	[ -c /dev/net/tun ]
}

# Shell commands that make the network outside the machine, where it has one:
# only tap has several queues.
machine_network() {
	machine_has_tun || return 0
	cat <<-'SH'
		ip link add wire type bridge
		ip link set wire up
		for tap in mq0 mq1; do
			ip tuntap add "$tap" mode tap multi_queue
			ip link set "$tap" master wire up
		done
	SH
}

machine_base() {
	local dir=$1 n
	MACHINE=(
		# A serial port of the machine is QEMU's own monitor: tests unplug
		# the wire with it, and break the reference NIC.
		-chardev "socket,id=port,path=$dir/monitor,server=on,wait=off"
		-chardev "socket,id=monitor,path=$dir/monitor"
		-device "isa-serial,chardev=port,index=1" -mon "chardev=monitor,mode=control"
		-M "q35,kernel-irqchip=split"
		-device "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"
	)
	for n in 1 2 3 4 5 6 7 8 9 10 11; do machine_port "$n"; done
}

# machine_drive N DIR [NAME]: a storage, for a function or for several
machine_drive() {
	MACHINE+=(-drive "if=none,id=${3:-d$1},format=raw,cache=unsafe,file=$2/disk$1,file.locking=off")
}

# For figures: what comes from outside comes when nothing else runs, some time
# after what asked for it.
machine_late() {
	local netdev
	for netdev in a0 a1; do
		MACHINE+=(-object "filter-buffer,id=late-$netdev,netdev=$netdev,queue=rx,interval=500")
	done
	MACHINE+=(-blockdev "null-co,node-name=late,size=67108864,read-zeroes=on,latency-ns=2000000"
		-device "virtio-blk-pci,bus=rp11,drive=late,num-queues=2,iommu_platform=on,disable-legacy=on,page-per-vq=on,ioeventfd=off")
}

# 01 net, 02 net with many queues, 03 disks; the same with Intel IFC's layout:
# 04 net, 05 net, dense, 06 disks; 07 net with virtio 1.4's SUSPEND; 08 net
# with nothing beyond virtio 1.3; 09 and 0a as 02, with three vectors and one;
# 0b net with 4 queue pairs, RSS and receive offloads; 0c disks and
# 0d net with 4 queue pairs, both with nothing beyond virtio 1.3
machine_nic() {
	local n
	machine_base "$1"
	for n in 0 1; do machine_drive "$n" "$1"; done
	machine_drive 2 "$1" i0
	# The second disks of 03, 06 and 0c are one storage.
	machine_drive 1 "$1" i1
	machine_drive 2 "$1" p0
	machine_drive 1 "$1" p1
	machine_port 12
	machine_port 13
	MACHINE+=(
		-device "hvdpa-nic,id=nic,bus=rp1,vfs=4,mac=52:54:00:00:11"
		-device "hvdpa-nic,id=wide,bus=rp2,vfs=3,queue-pairs=16,vectors=34,mac=52:54:00:00:12"
		-device "hvdpa-nic,id=disks,bus=rp3,vfs=2,kind=blk,queue-pairs=2,drive=d"
		-device "hvdpa-nic,id=ifc,bus=rp4,vfs=2,layout=ifc,queue-pairs=2,vectors=6,mac=52:54:00:00:14"
		-device "hvdpa-nic,id=dense,bus=rp5,vfs=2,layout=ifc-dense,queue-pairs=2,vectors=6,mac=52:54:00:00:15"
		-device "hvdpa-nic,id=ifcdisk,bus=rp6,vfs=2,layout=ifc,kind=blk,queue-pairs=2,drive=i"
		-device "hvdpa-nic,id=v14,bus=rp7,vfs=2,layout=virtio14,mac=52:54:00:00:17"
		-device "hvdpa-nic,id=plain,bus=rp8,vfs=2,layout=plain,mac=52:54:00:00:18"
		-device "hvdpa-nic,id=narrow,bus=rp9,vfs=2,queue-pairs=16,vectors=3,mac=52:54:00:00:19"
		-device "hvdpa-nic,id=single,bus=rp10,vfs=2,queue-pairs=16,vectors=1,mac=52:54:00:00:1a"
		-device "hvdpa-nic,id=steer,bus=rp11,vfs=3,queue-pairs=4,vectors=10,rss=on,guest-tso=on,mac=52:54:00:00:1b"
		-device "hvdpa-nic,id=plaindisks,bus=rp12,vfs=2,layout=plain,kind=blk,queue-pairs=2,drive=p"
		-device "hvdpa-nic,id=plainwide,bus=rp13,vfs=3,layout=plain,queue-pairs=4,vectors=10,mac=52:54:00:00:1d"
	)
}

# One card with 64 VFs, for what many devices cost: with a vector each, as one
# processor has two hundred.
machine_many() {
	machine_base "$1"
	MACHINE+=(-device "hvdpa-nic,id=nic,bus=rp1,vfs=64,vectors=1,mac=52:54:00:00:11")
}

machine_stock() {
	local dir=$1 mq
	machine_base "$dir"

	machine_drive 0 "$dir"
	machine_drive 1 "$dir"
	machine_wire "$dir" a0 a1
	machine_wire "$dir" p0 p1
	machine_wire "$dir" v0 v1
	MACHINE+=(-netdev "user,id=u0,restrict=on" -netdev "user,id=u1,restrict=on"
		-netdev "user,id=u2,restrict=on" -netdev "user,id=u3,restrict=on"
		-netdev "user,id=u4,restrict=on")
	mq=mq=on,vectors=10
	if machine_has_tun; then
		MACHINE+=(-netdev "tap,id=m0,ifname=mq0,script=no,downscript=no,queues=4"
			-netdev "tap,id=m1,ifname=mq1,script=no,downscript=no,queues=4")
	else
		machine_wire "$dir" m0 m1
		mq=vectors=10
	fi

	# 01:00.1 .2 split; .3 .4 packed; .5 .6 multiqueue; .7 few vectors
	machine_vf 1 a0 01 page-per-vq=on,vectors=4
	machine_vf 2 a1 02 page-per-vq=on,vectors=4
	machine_vf 3 p0 03 page-per-vq=on,packed=on,vectors=4
	machine_vf 4 p1 04 page-per-vq=on,packed=on,vectors=4,rx_queue_size=1024
	machine_vf 5 m0 05 "page-per-vq=on,$mq"
	machine_vf 6 m1 06 "page-per-vq=on,$mq"
	machine_vf 7 v0 07 page-per-vq=on,vectors=2
	MACHINE+=(
		-device "virtio-net-pci,id=pf,bus=rp1,addr=0.0,multifunction=on,netdev=u0,mac=52:54:00:00:01:00,iommu_platform=on,ats=on,disable-legacy=on,romfile="
		# 02:00.0 a plain function with one vector
		-device "virtio-net-pci,bus=rp2,netdev=v1,mac=52:54:00:00:01:08,iommu_platform=on,disable-legacy=on,romfile=,vectors=1"
		# 03:00.0 and 04:00.0 block; with ioeventfd QEMU would look into
		# 03's queues at DRIVER_OK by itself, at a time of its own
		-device "virtio-blk-pci,id=disk,aer=on,bus=rp3,drive=d0,num-queues=2,iommu_platform=on,disable-legacy=on,page-per-vq=on,ioeventfd=off"
		# 0a:00.0 is empty; what may be plugged there reads as zeros
		-blockdev "null-co,node-name=spare,size=1048576,read-zeroes=on"
		-device "virtio-blk-pci,bus=rp4,drive=d1,packed=on,iommu_platform=on,disable-legacy=on"
		# What must be refused: 05 another type, 06 DMA past the IOMMU,
		# 07 no vector, 08 legacy, 09 not virtio
		-device "virtio-rng-pci,bus=rp5,iommu_platform=on,disable-legacy=on"
		-device "virtio-net-pci,bus=rp6,netdev=u1,disable-legacy=on,romfile="
		-device "virtio-net-pci,bus=rp7,netdev=u2,iommu_platform=on,disable-legacy=on,romfile=,vectors=0"
		-device "virtio-net-pci,bus=rp8,netdev=u3,disable-modern=on,disable-legacy=off,romfile="
		-device "e1000e,bus=rp9,netdev=u4,romfile="
	)
}
