#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A device is taken away from an owner that holds it: whatever the way, the
# owner is told, memory is out of reach at once, nobody crashes, and all
# completes when the owner lets go.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

disk=0000:03:00.0
cases=$(dirname "$0")/vhost_cases.py

# revoked_by COMMAND...: with a running owner, this takes its device away.
revoked_by() {
	rm -f "$state/told" "$state/hold"
	timeout 60 python3 "$cases" hold "$(vhost_of disk)" "$state/told" 30 >"$state/hold" 2>&1 &
	local owner=$! taker
	within 10 grep -qs holding "$state/hold"
	"$@" &
	taker=$!
	within 20 test -e "$state/told" || {
		sed 's/^/# /' "$state/hold"
		return 1
	}
	# The owner still holds it, and whoever takes it away still waits.
	kill -0 "$taker"
	wait "$owner"
	within 10 gone "$taker"
	wait "$taker"
}

gone() {
	! kill -0 "$1" 2>/dev/null
}

works_again() {
	add disk "$disk"
	consume disk vhost_vdpa
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
}

test_dev_del() {
	works_again
	revoked_by vdpa dev del disk
	[ ! -e /sys/bus/vdpa/devices/disk ]
}

unbind_function() { echo "$disk" >/sys/bus/pci/drivers/hvdpa/unbind; }
bind_function() { echo "$disk" >/sys/bus/pci/drivers/hvdpa/bind; }

test_function_unbind() {
	works_again
	revoked_by unbind_function
	[ ! -e "/sys/bus/pci/devices/$disk/driver" ]
	bind_function
}

unbind_consumer() { echo disk >/sys/bus/vdpa/drivers/vhost_vdpa/unbind; }

# The device stays, and the next consumer finds it as new.
test_consumer_unbind() {
	works_again
	revoked_by unbind_consumer
	vdpa dev show disk >/dev/null
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	dd if="/dev/$(disk_of disk)" of=/dev/null bs=1M count=1 iflag=direct status=none
	consume disk vhost_vdpa
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
	del disk
}

hot_unplug() { echo 1 >"/sys/bus/pci/devices/$disk/remove"; }

test_pci_remove() {
	works_again
	revoked_by hot_unplug
	[ ! -e "/sys/bus/pci/devices/$disk" ]
	echo 1 >/sys/bus/pci/rescan
	hvdpa-vfs bind "$disk"
	works_again
	del disk
}

# What is in a slot comes and goes as it does by hand.
plug() {
	monitor "device_add virtio-blk-pci,id=spare,bus=rp10,drive=spare,num-queues=1,iommu_platform=on,disable-legacy=on,page-per-vq=on,ioeventfd=off"
	within 20 test -e "/sys/bus/pci/devices/$disk"
	hvdpa-vfs bind "$disk"
	add disk "$disk"
	consume disk vhost_vdpa
}

unplug() {
	monitor "device_del spare"
	within 40 is_gone
}

is_gone() {
	[ ! -e "/sys/bus/pci/devices/$disk" ]
}

test_unplug() {
	local disk=0000:0a:00.0
	plug
	revoked_by unplug
	is_gone
	plug
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	allow_log 'I/O error|Buffer I/O'
	unplug
	[ ! -e /sys/bus/vdpa/devices/disk ]
}

remove_port() {
	echo 1 >"$port/remove"
}

test_port_remove() {
	local port
	port=$(dirname "$(readlink -f "/sys/bus/pci/devices/$disk")")
	works_again
	revoked_by remove_port
	is_gone
	[ ! -e "$port" ]
	echo 1 >/sys/bus/pci/rescan
	hvdpa-vfs bind "$disk"
	works_again
	del disk
}

remove_vfs() { hvdpa-vfs disable "$PF"; }

# net_held COMMAND: it waits for net's owner
net_held() {
	exec 8<>"$(vhost_of net)"
	"$1" 8>&- &
	local taker=$!
	sleep 1
	kill -0 "$taker"
	exec 8>&-
	within 10 gone "$taker"
	wait "$taker"
}

test_numvfs() {
	hvdpa-vfs enable "$PF" 2
	add net "${VF}1"
	consume net vhost_vdpa
	net_held remove_vfs
	[ ! -e "/sys/bus/pci/devices/${VF}1" ]
	hvdpa-vfs enable "$PF" 2
	add net "${VF}1"
	consume net virtio_vdpa
	within 5 test -n "$(netdev_of net)"
	hvdpa-vfs disable "$PF"
}

unbind_pf() {
	basename "$(readlink -f "/sys/bus/pci/devices/$PF/driver")" >"$state/pf"
	echo "$PF" >"/sys/bus/pci/devices/$PF/driver/unbind"
}

# Whoever drives the PF goes; its VFs, and who owns one, may not be in the way.
test_pf_unbind() {
	hvdpa-vfs enable "$PF" 2
	add net "${VF}1"
	consume net vhost_vdpa
	net_held unbind_pf
	[ ! -e "/sys/bus/pci/devices/$PF/driver" ]
	echo "$PF" >"/sys/bus/pci/drivers/$(cat "$state/pf")/bind"
	hvdpa-vfs enable "$PF" 2
	add net "${VF}1"
	consume net virtio_vdpa
	within 5 test -n "$(netdev_of net)"
	hvdpa-vfs disable "$PF"
}

# A disk with a mounted file system under load: nothing crashes.
test_busy_disk() {
	add disk "$disk"
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	allow_log 'I/O error|EXT4-fs|Buffer I/O|JBD2|lost async page write'
	dd if="/dev/$(disk_of disk)" of=/dev/null bs=4k iflag=direct status=none 2>/dev/null &
	sleep 0.5
	del disk
	wait $! || :
	works_again
	del disk
}

# health WORD: what devlink says of the disk's function
health() {
	devlink -j health show "pci/$disk" reporter function |
		python3 -c "import json,sys
print(next(iter(json.load(sys.stdin)['health'].values()))[0]['$1'])"
}

health_is() {
	[ "$(health "$1")" = "$2" ]
}

auto_recover() {
	devlink health set "pci/$disk" reporter function auto_recover "$1"
}

health_test() {
	devlink health test "pci/$disk" reporter function
}

# owner_loses SECONDS COMMAND...: it loses the disk to the command for that long
# at most, and goes on.
owner_loses() {
	local seconds=$1
	shift
	export -f "${1?}" monitor
	export disk
	timeout 60 python3 "$cases" dies "$(vhost_of disk)" "$seconds" bash -c "echo ready; read -r; $*"
}

# A function that dies comes back by itself, for the owner that it had.
test_death() {
	add disk "$disk"
	consume disk vhost_vdpa
	health_is state healthy
	owner_loses 10 health_test
	within 5 health_is state healthy
	health_is error 1
	health_is recover 1
	lines_are 'the function is given up: devlink health test' 1
	lines_are 'the function is back after: devlink health test' 1
	devlink health diagnose "pci/$disk" reporter function >"$state/diagnose"
	grep -q 'state: alive' "$state/diagnose"
	grep -q 'last reason: devlink health test' "$state/diagnose"
	grep -q 'device: disk' "$state/diagnose"
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
}

# Or once somebody wants it to; until then there is no device to be had.
test_death_asked() {
	local owner
	auto_recover false
	owner_loses 20 health_test >"$state/dies" &
	owner=$!
	within 10 grep -q dead "$state/dies"
	sleep 1
	kill -0 "$owner"
	health_is state error
	grep -q 'dead$' /sys/kernel/debug/hvdpa/disk/state
	devlink health recover "pci/$disk" reporter function
	wait "$owner"
	health_is state healthy
	devlink health test "pci/$disk" reporter function
	within 5 health_is state error
	del disk
	errno_is 'No such device' add disk "$disk"
	devlink health recover "pci/$disk" reporter function
	auto_recover true
	works_again
	del disk
}

# masters COMMAND...: how often a function is made a bus master by the command.
masters() {
	local tracing=/sys/kernel/tracing
	[ -d "$tracing/events" ] || mount -t tracefs none "$tracing"
	echo 'p:master pci_set_master' >"$tracing/kprobe_events"
	echo >"$tracing/trace"
	echo 1 >"$tracing/events/kprobes/master/enable"
	"$@" || :
	echo 0 >"$tracing/events/kprobes/master/enable"
	masters=$(grep -c ' master: ' "$tracing/trace" || :)
	echo >"$tracing/kprobe_events"
}

# May the function reach memory, as its own command register has it?
is_master() {
	[ $((0x$(setpci -s "$disk" COMMAND) & 4)) -ne 0 ]
}

# The rings of a function that was given up may have its last owner's addresses.
test_dead_add() {
	local masters
	auto_recover false
	health_test
	masters errno_is 'No such device' add disk "$disk"
	[ "$masters" -eq 0 ]
	devlink health recover "pci/$disk" reporter function
	# The other way round, to see that it is seen.
	masters add disk "$disk"
	[ "$masters" -ge 1 ]
	is_master
	del disk
	! is_master
}

# It dies, or is unbound, at any moment of dev add.
test_die_in_add() {
	local n added=0
	for ((n = 0; n < $(rounds 40 4); n++)); do
		(sleep "0.0$((n % 6))$n"; health_test) &
		! add disk "$disk" 2>/dev/null || added=$((added + 1))
		wait $!
		! is_master || fail "round $n: a dead function reaches memory"
		[ ! -e /sys/bus/vdpa/devices/disk ] || del disk
		! is_master || fail "round $n: a function without a device reaches memory"
		devlink health recover "pci/$disk" reporter function
	done
	echo "# added in $added of $n rounds"
	for ((n = 0; n < $(rounds 20 2); n++)); do
		(sleep "0.0$n"; unbind_function) &
		add disk "$disk" 2>/dev/null || :
		wait $!
		! is_master || fail "round $n: an unbound function reaches memory"
		bind_function
	done
	auto_recover true
	works_again
	del disk
}

has_ended() { ! kill -0 "$1" 2>/dev/null; }

# An owner leaves a dead function, which stays confined to what it mapped; a
# consumer in the kernel that comes once it is back is not.
test_domain() {
	local owner
	add disk "$disk"
	consume disk vhost_vdpa
	auto_recover false
	timeout 60 python3 "$cases" endless "$(vhost_of disk)" >"$state/endless" 2>/dev/null &
	owner=$!
	within 10 grep -q running "$state/endless"
	health_test
	kill "$owner"
	wait "$owner" || :
	echo disk >/sys/bus/vdpa/drivers/vhost_vdpa/unbind
	grep -q "^memory: the owner's" /sys/kernel/debug/hvdpa/disk/state
	devlink health recover "pci/$disk" reporter function
	auto_recover true
	# It reads the disk before it returns, and nothing ends it where that does not.
	echo disk >/sys/bus/vdpa/drivers/virtio_vdpa/bind &
	within 10 has_ended $!
	[ -n "$(disk_of disk)" ]
	grep -q '^memory: not attached' /sys/kernel/debug/hvdpa/disk/state
	dd if="/dev/$(disk_of disk)" of="$state/sector" bs=512 count=1 iflag=direct status=none
	cmp "$state/sector" /run/sector
	consume disk vhost_vdpa
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
	del disk
}

sysfs_reset() {
	echo 1 >"/sys/bus/pci/devices/$disk/reset"
}

# Resets that others do: the owner is told, and goes on.
test_sysfs_reset() {
	works_again
	owner_loses 10 sysfs_reset
	health_is state healthy
	lines_are 'the function is back after: a reset from outside' 1
	del disk
}

# While a function is in a reset some kernels attach no domain to it.
test_map_in_reset() {
	add disk "$disk"
	consume disk vhost_vdpa
	timeout 60 python3 "$cases" map_in_reset "$(vhost_of disk)" "$disk"
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
	del disk
}

inject() {
	monitor "pcie_aer_inject_error disk $1"
}

# An error that is not fatal leaves the link as it is; the function is reset.
test_pci_error() {
	works_again
	owner_loses 20 inject COMP_ABORT
	within 10 health_is state healthy
	lines_are 'PCI error, channel state 1' 1
	lines_are 'the function is back after: PCI error' 1
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
	del disk
}

# One that is takes the link down, and all behind it is reset with it.
test_fatal_error() {
	works_again
	owner_loses 30 inject DLP
	within 10 health_is state healthy
	lines_are 'PCI error, channel state 2' 1
	lines_are 'the function is back after: PCI error' 1
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
	del disk
}

# Without the kernel's own test of it nobody would wake the machine.
system_sleep() {
	grep -qF '[platform]' /sys/power/pm_test && echo freeze >/sys/power/state
}

# All devices sleep, and wake after a second.
may_sleep() {
	insmod /hvdpa/tools/testing/keep_awake.ko
	echo 1 >/sys/module/suspend/parameters/pm_test_delay
	echo platform >/sys/power/pm_test
}

has_slept() {
	[ "$(cat /sys/power/suspend_stats/success)" -eq "$1" ]
}

# Who owns a function that slept is told, and goes on.
test_sleep() {
	may_sleep
	works_again
	owner_loses 20 system_sleep
	has_slept 1
	health_is state healthy
	lines_are 'the function is back after: system sleep' 1
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
	del disk
}

# A consumer in the kernel does not look at NEEDS_RESET, and is bound again.
test_sleep_consumed() {
	hvdpa-vfs enable "$PF" 2
	add net "${VF}1"
	consume net virtio_vdpa
	add disk "$disk"
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	within 5 test -n "$(netdev_of net)"
	system_sleep
	has_slept 2
	lines_are 'the function is back after: system sleep' 3
	health_is state healthy
	consume disk vhost_vdpa
	timeout 30 python3 "$cases" works "$(vhost_of disk)"
	consume disk virtio_vdpa
	within 5 test -n "$(disk_of disk)"
	dd if="/dev/$(disk_of disk)" of="$state/sector" bs=512 count=1 iflag=direct status=none
	cmp "$state/sector" /run/sector
	consume net vhost_vdpa
	consume net virtio_vdpa
	within 5 test -n "$(netdev_of net)"
	del disk
	hvdpa-vfs disable "$PF"
	echo none >/sys/power/pm_test
	rmmod keep_awake
}

begin
dd if=/dev/urandom of=/run/sector bs=512 count=1 status=none
dd if=/run/sector of="/dev/$(cd /sys/bus/pci/devices/$disk/virtio*/block && ls)" bs=512 conv=fsync status=none
hvdpa-vfs bind "$disk"
t test_dev_del "vdpa dev del with an owner"
t test_function_unbind "unbinding the function with an owner"
t test_consumer_unbind "unbinding the consumer with an owner"
t test_pci_remove "removing the PCI device with an owner"
t test_unplug "unplugging the card, with an owner and with a consumer in the kernel"
t test_port_remove "removing the port and all behind it with an owner"
t test_numvfs "removing the VFs with an owner"
t test_pf_unbind "unbinding the PF with an owner of a VF"
t test_busy_disk "deleting a disk under load"
t test_death "a function that dies comes back for its owner"
t test_death_asked "or when it is asked to, with auto_recover off"
t test_dead_add "a function that is dead gets no DMA from vdpa dev add"
t test_die_in_add "nor one that dies or goes in the midst of it"
t test_domain "the domain of an owner that left a dead function is not the next one's"
t test_sysfs_reset "a reset through sysfs with an owner"
t test_map_in_reset "an owner's first map in the midst of a reset"
t test_pci_error "a PCI error that is not fatal, with an owner"
t test_fatal_error "a PCI error that is fatal, with an owner"
t test_sleep "system sleep with an owner"
t test_sleep_consumed "system sleep with consumers in the kernel"
hvdpa-vfs unbind "$disk"
finish
