#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# The same again and again, and nothing left behind.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

# What may not grow: the driver's allocations come from caches that all share, so
# the whole of slab with a little room; vectors, modules' users, files and domains to the last one.
snapshot() {
	sync
	echo 3 >/proc/sys/vm/drop_caches
	sleep 0.5
	echo 3 >/proc/sys/vm/drop_caches
	grep -c MSI /proc/interrupts
	awk '$1 == "vdpa" || $1 == "hvdpa" || $1 == "vhost_vdpa" || $1 == "virtio_vdpa" {print $1, $3}' /proc/modules | sort
	find /sys/kernel/irq -maxdepth 1 | wc -l
	find /sys/bus/vdpa/devices/ /dev -maxdepth 1 -name '*vdpa*' | wc -l
}

# Shrinking a cache gives back its empty slabs, and what KASAN keeps of it after it
# was freed: 70 MiB in all, which come and go with what the rest of the system does.
slab_kib() {
	local file
	for file in /sys/kernel/slab/*/shrink; do echo 1 >"$file"; done
	awk '/^SUnreclaim/ {print $2}' /proc/meminfo
}

# In make check the lives of kunit and nic-faults are looked through for leaks; here
# it would double the time that each process takes.
has_kmemleak() {
	[ -e /sys/kernel/debug/kmemleak ] && ! grep -q kmemleak=off /proc/cmdline
}

kmemleak_clean() {
	echo scan >/sys/kernel/debug/kmemleak
	sleep 1
	echo scan >/sys/kernel/debug/kmemleak
	! grep -A 20 -i hvdpa /sys/kernel/debug/kmemleak
}

# steady COUNT FUNCTION: the first rounds fill caches, the rest must not grow.
steady() {
	local n before slab after
	for ((n = 0; n < $(rounds 3 2); n++)); do "$2"; done
	before=$(snapshot)
	slab=$(slab_kib)
	for ((n = 0; n < $1; n++)); do "$2"; done
	if [ "$(snapshot)" != "$before" ]; then
		echo "# before: $before"
		echo "# after: $(snapshot)"
		return 1
	fi
	after=$(slab_kib)
	echo "# unreclaimable slab: $slab KiB before, $after after"
	[ "$after" -lt $((slab + 1024)) ]
	! has_kmemleak || kmemleak_clean
}

rebind() {
	consume net vhost_vdpa
	consume net virtio_vdpa
	consume disk vhost_vdpa
	consume disk virtio_vdpa
}

add_del() {
	add net "${VF}1"
	add disk 0000:03:00.0
	del net
	del disk
}

load_unload() {
	rmmod hvdpa
	insmod /hvdpa/hvdpa.ko
}

function_rebind() {
	echo "${VF}1" >/sys/bus/pci/drivers/hvdpa/unbind
	echo "${VF}1" >/sys/bus/pci/drivers/hvdpa/bind
}

vfs() {
	hvdpa-vfs enable "$PF" 7
	hvdpa-vfs disable "$PF"
}

test_rebind() {
	add net "${VF}1"
	add disk 0000:03:00.0
	steady "$many" rebind
	del net
	del disk
}

test_add_del() { steady "$many" add_del; }
test_function_rebind() { steady "$some" function_rebind; }
test_load_unload() { steady "$some" load_unload; }

# Devices that are there when the module goes, go.
test_unload_with_devices() {
	add net "${VF}1"
	add disk 0000:03:00.0
	consume net virtio_vdpa
	rmmod hvdpa
	[ -z "$(vdpa dev show)" ]
	insmod /hvdpa/hvdpa.ko
}

test_vfs() {
	hvdpa-vfs disable "$PF"
	steady "$few" vfs
}

# All at once: nothing hangs, nothing is left.
test_storm() {
	local n
	hvdpa-vfs enable "$PF" 4
	for n in 1 2 3 4; do
		(for ((i = 0; i < $(rounds 15 5); i++)); do
			add "s$n" "$VF$n" && consume "s$n" virtio_vdpa
			vdpa dev config show
			vdpa dev del "s$n"
		done) >/dev/null 2>&1 &
	done
	(for ((i = 0; i < $(rounds 30 10); i++)); do
		vdpa dev show
		vdpa mgmtdev show
		cat /sys/bus/vdpa/devices/*/driver_override
	done) >/dev/null 2>&1 &
	wait
	[ -z "$(vdpa dev show)" ]
	hvdpa-vfs disable "$PF"
}

many=$(rounds 50 3)
some=$(rounds 20 2)
few=$(rounds 10 1)

begin
hvdpa-vfs enable "$PF" 1
hvdpa-vfs bind 0000:03:00.0
t test_rebind "$many times between vhost_vdpa and virtio_vdpa"
t test_add_del "$many times vdpa dev add and del"
t test_function_rebind "$some times the function's driver"
t test_load_unload "$some times the module"
t test_unload_with_devices "the module goes with its devices"
t test_vfs "$few times all VFs"
t test_storm "devices of four functions come and go at once"
hvdpa-vfs unbind 0000:03:00.0
! has_kmemleak || t kmemleak_clean "nothing of it is leaked"
finish
