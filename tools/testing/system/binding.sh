#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# What hvdpa binds and adds, what it refuses, and how it says so.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

driver_of() {
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] ||
		basename "$(readlink "/sys/bus/pci/devices/$1/driver")"
}

# refused FUNCTION REGEX: not bound, one line says why, the old driver is back.
refused() {
	local before
	before=$(driver_of "$1")
	errno_is "hvdpa refused $1" hvdpa-vfs bind "$1"
	[ "$(driver_of "$1")" = "$before" ] || fail "$1 is left with '$(driver_of "$1")'"
	lines_are "$2" 1
	lines_are "" 1
}

override_of() {
	cat "/sys/bus/pci/devices/$1/driver_override"
}

# Whatever is in the machine: only who is named by driver_override is taken.
test_takes_nothing() {
	local nobodys=0000:03:00.0
	[ -z "$(modinfo -F alias /hvdpa/hvdpa.ko)" ]
	[ -z "$(hvdpa-vfs list)" ]
	echo "$nobodys" >"/sys/bus/pci/devices/$nobodys/driver/unbind"
	rmmod hvdpa
	insmod /hvdpa/hvdpa.ko
	[ -z "$(driver_of "$nobodys")" ]
	echo "$nobodys" >/sys/bus/pci/drivers_probe
	[ "$(driver_of "$nobodys")" = virtio-pci ]
}

test_refuse_type() { refused 0000:05:00.0 'virtio device type is 4, .*ENODEV'; }
test_refuse_bypass() { refused 0000:06:00.0 'lacks 0x200000000 .*EOPNOTSUPP'; }
test_refuse_legacy() { refused 0000:08:00.0 'no common capability.*ENODEV'; }
test_refuse_vendor() { refused 0000:09:00.0 'vendor is 0x8086, .*ENODEV'; }

test_no_vector() {
	hvdpa-vfs bind 0000:07:00.0
	errno_is 'Operation not supported' add novec 0000:07:00.0
	lines_are 'no MSI-X vector.*EOPNOTSUPP' 1
	hvdpa-vfs unbind 0000:07:00.0
}

test_tool_refusals() {
	errno_is 'no PCI function' hvdpa-vfs bind 0000:77:00.0
	errno_is 'no PCI function' hvdpa-vfs bind "../devices/$PF"
	errno_is 'no PCI function' hvdpa-vfs enable 0000:77:00.0 1
	errno_is 'has no SR-IOV' hvdpa-vfs enable 0000:03:00.0 1
	# 08 and 010 are decimal, the kernel's are octal.
	for n in 8 08 010 0 00 999999999999999999999; do
		says 1 "hvdpa-vfs: $PF has 1 to 7 VFs, not $n" hvdpa-vfs enable "$PF" "$n"
	done
	for n in many -1 0x2 '1 2' ''; do
		says 1 "hvdpa-vfs: '$n' is no number" hvdpa-vfs enable "$PF" "$n"
	done
	[ "$(cat /sys/bus/pci/devices/"$PF"/sriov_numvfs)" = 0 ]
}

test_tool_usage() {
	local words
	for words in '' bogus 'bogus --help' "enable $PF" disable bind unbind 'list all'; do
		# shellcheck disable=SC2086 # words
		says 2 'usage:' hvdpa-vfs $words
		grep -q '^hvdpa-vfs: ' "$state/err"
	done
	hvdpa-vfs --help | grep '^usage: hvdpa-vfs' >/dev/null
	hvdpa-vfs enable --help | grep '^usage: hvdpa-vfs' >/dev/null
	[ "$(hvdpa-vfs --version)" = "hvdpa-vfs $(modinfo -F version /hvdpa/hvdpa.ko)" ]
	hvdpa-vfs bind 0000:03:00.0
	for words in --help --version list; do
		says 1 'hvdpa-vfs: standard output cannot be written' \
			sh -c "hvdpa-vfs $words >/dev/full"
	done
	hvdpa-vfs unbind 0000:03:00.0
}

test_privilege() {
	local words
	hvdpa-vfs bind 0000:03:00.0
	for words in "enable $PF 1" "disable $PF" 'bind 0000:02:00.0' 'unbind 0000:03:00.0'; do
		# shellcheck disable=SC2086 # words
		says 1 'Permission denied; run as root' \
			setpriv --reuid=65534 --clear-groups hvdpa-vfs $words
		[ "$(grep -c '^hvdpa-vfs: ' "$state/err")" = "$(wc -l <"$state/err")" ]
	done
	hvdpa-vfs unbind 0000:03:00.0
}

# What is another driver's is left alone, and goes back to it.
test_vfio() {
	local others=0000:05:00.0 dir=/sys/bus/pci/devices
	modprobe -qn vfio-pci || skip "this kernel has no vfio-pci"
	modprobe vfio-pci
	echo "$others" >"$dir/$others/driver/unbind"
	echo vfio-pci >"$dir/$others/driver_override"
	echo "$others" >/sys/bus/pci/drivers_probe
	hvdpa-vfs bind 0000:03:00.0
	says 1 "hvdpa-vfs: $others is vfio-pci's and not hvdpa's; it is left alone" \
		hvdpa-vfs unbind 0000:03:00.0 "$others"
	[ "$(driver_of 0000:03:00.0)" = hvdpa ]
	[ "$(driver_of "$others") $(override_of "$others")" = 'vfio-pci vfio-pci' ]
	# With it goes back what was bound before it.
	says 1 "hvdpa-vfs: hvdpa refused $others" hvdpa-vfs bind 0000:02:00.0 "$others"
	[ "$(driver_of "$others") $(override_of "$others")" = 'vfio-pci vfio-pci' ]
	[ "$(driver_of 0000:02:00.0) $(override_of 0000:02:00.0)" = 'virtio-pci (null)' ]
	lines_are 'virtio device type is 4' 1
	# Nobody's, and what waits for hvdpa.
	echo "$others" >"$dir/$others/driver/unbind"
	says 1 "hvdpa-vfs: $others is nobody's and not hvdpa's" hvdpa-vfs unbind "$others"
	[ "$(override_of "$others")" = vfio-pci ]
	echo hvdpa >"$dir/$others/driver_override"
	hvdpa-vfs unbind 0000:03:00.0 "$others"
	[ "$(driver_of "$others") $(override_of "$others")" = 'virtio-pci (null)' ]
	[ "$(driver_of 0000:03:00.0) $(override_of 0000:03:00.0)" = 'virtio-pci (null)' ]
	modprobe -r vfio-pci
}

test_enable() {
	hvdpa-vfs enable "$PF" 03
	[ "$(cat /sys/bus/pci/devices/"$PF"/sriov_drivers_autoprobe)" = 1 ]
	for n in 1 2 3; do [ "$(driver_of "$VF$n")" = hvdpa ]; done
	[ "$(hvdpa-vfs list | grep -c "^$VF")" = 3 ]
	errno_is 'has VFs already' hvdpa-vfs enable "$PF" 2
	errno_is "$PF has VFs, which are gone when it is taken from virtio-pci" hvdpa-vfs bind "$PF"
	hvdpa-vfs disable "$PF"
	[ ! -e "/sys/bus/pci/devices/${VF}1" ]
	[ -z "$(hvdpa-vfs list)" ]
}

# What was there: of the PF, and whether there are VFs.
pf_is() {
	local dir=/sys/bus/pci/devices/$PF
	[ "$(driver_of "$PF") $(override_of "$PF") $(cat "$dir"/sriov_{numvfs,drivers_autoprobe} | paste -sd ' ')" = "$1" ] ||
		fail "$(driver_of "$PF") $(override_of "$PF") $(cat "$dir"/sriov_{numvfs,drivers_autoprobe})"
}

# All or nothing: a VF that is refused, a PF that makes none.
test_enable_undone() {
	local dir=/sys/bus/pci/devices/$PF
	broken /sys/bus/pci/drivers_probe \
		says 1 "hvdpa-vfs: hvdpa refused ${VF}1" hvdpa-vfs enable "$PF" 3
	pf_is 'virtio-pci (null) 0 1'
	echo "$PF" >"$dir/driver/unbind"
	broken "$dir/sriov_numvfs" \
		says 1 "hvdpa-vfs: $PF did not enable 3 VFs: Read-only file system" hvdpa-vfs enable "$PF" 3
	pf_is ' (null) 0 1'
	grep -q '^pci_pf_stub ' /proc/modules && fail 'pci-pf-stub stays loaded'
	echo "$PF" >/sys/bus/pci/drivers_probe
	pf_is 'virtio-pci (null) 0 1'
}

# The PF too can be ours, and makes its VFs then.
test_pf() {
	hvdpa-vfs bind "$PF"
	[ "$(driver_of "$PF")" = hvdpa ]
	hvdpa-vfs enable "$PF" 2
	[ "$(driver_of "${VF}2")" = hvdpa ]
	add pf "$PF"
	add vf "${VF}1"
	hvdpa-vfs unbind "$PF"
	[ "$(driver_of "$PF")" = virtio-pci ]
	[ ! -e "/sys/bus/pci/devices/${VF}1" ]
	[ -z "$(vdpa dev show)" ]
}

test_mgmtdev() {
	hvdpa-vfs enable "$PF" 5
	vdpa mgmtdev show "pci/${VF}1" >"$state/show"
	grep -q 'supported_classes net' "$state/show"
	grep -q 'max_supported_vqs 3' "$state/show"
	grep -q 'dev_features .*CTRL_VQ.*VERSION_1 ACCESS_PLATFORM' "$state/show"
	if grep -E 'RING_RESET|NOTIFICATION_DATA|SR_IOV' "$state/show"; then false; fi
	errno_is 'No such device' add none "${VF}6"
}

test_add_show() {
	add v0 "${VF}1"
	vdpa dev show v0 | grep -q 'type network mgmtdev pci/0000:01:00.1 .*max_vqs 3 max_vq_size 256'
	vdpa dev config show v0 | grep -q 'mac 52:54:00:00:01:01 link up'
	# The device is a child of its function.
	case $(readlink -f /sys/bus/vdpa/devices/v0) in
	*/0000:01:00.1/v0) ;;
	*) fail "v0 is at $(readlink -f /sys/bus/vdpa/devices/v0)" ;;
	esac
}

test_second() {
	errno_is 'Operation not supported' add v1 "${VF}1"
	lines_are 'v1: the function has a device already \(v0\).*EOPNOTSUPP' 1
	lines_are '' 1
}

test_same_name() {
	errno_is 'File exists' add v0 "${VF}2"
	lines_are 'v0: there is a device of this name: -EEXIST' 1
	add v0b "${VF}2"
	del v0b
}

# The driver has files by that name, and "/dev/hvdpa/../../x" is not below there.
test_no_file() {
	local name
	for name in ../../x a/b . .. .x 'a!..!..!x' 'a!b'; do
		errno_is 'Invalid argument' add "$name" "${VF}2"
	done
	lines_are "is no name of a file .*-EINVAL" 7
	[ ! -e /dev/x ]
}

test_unsupported_feature() {
	# RING_PACKED (34) on a function without packed rings; RING_RESET (40)
	errno_is 'Operation not supported' add f "${VF}2" 0x700000020
	lines_are 'f: device_features 0x700000020 has 0x400000000 beyond .*EOPNOTSUPP' 1
	errno_is 'Operation not supported' add f "${VF}2" 0x10300000020
	lines_are 'has 0x10000000000 beyond' 1
	lines_are '' 2
}

test_incomplete_features() {
	errno_is 'Invalid argument' add f "${VF}2" 0x200000020
	lines_are 'bit 32 needs 0x100000000: -EINVAL' 1
	errno_is 'Invalid argument' add f "${VF}2" 0x100000020
	lines_are 'bit 32 needs 0x200000000: -EINVAL' 1
	# CTRL_RX (18) without CTRL_VQ (17)
	errno_is 'Invalid argument' add f "${VF}2" 0x300040020
	lines_are 'bit 18 needs 0x20000: -EINVAL' 1
	lines_are '' 3
}

test_unsupported_attributes() {
	errno_is 'Operation not supported' vdpa dev add name a mgmtdev "pci/${VF}2" mtu 1501
	lines_are 'a: mtu is 1501, the function.s is 68 to 1500: -EOPNOTSUPP' 1
	errno_is 'Operation not supported' vdpa dev add name a mgmtdev "pci/${VF}2" max_vqp 32
	lines_are 'a: max_vqp is 32, the function has 1: -EOPNOTSUPP' 1
	hvdpa-vfs bind 0000:03:00.0
	errno_is 'Operation not supported' vdpa dev add name a mgmtdev pci/0000:03:00.0 mac 52:54:00:00:99:99
	errno_is 'Operation not supported' vdpa dev add name a mgmtdev pci/0000:03:00.0 mtu 1400
	errno_is 'Operation not supported' vdpa dev add name a mgmtdev pci/0000:03:00.0 max_vqp 1
	hvdpa-vfs unbind 0000:03:00.0
}

# MAC STATUS VERSION_1 ACCESS_PLATFORM and nothing else: no control queue.
test_provisioned() {
	add few "${VF}2" 0x300010020
	vdpa dev show few | grep -q 'max_vqs 2 '
	consume few virtio_vdpa
	within 5 test -n "$(netdev_of few)"
	vdpa dev config show few >"$state/show"
	grep -q 'negotiated_features MAC STATUS VERSION_1 ACCESS_PLATFORM$' "$state/show"
	del few
	# What was provisioned does not stay behind.
	add all "${VF}2"
	vdpa dev show all | grep -q 'max_vqs 3 '
	del all
}

test_colons() {
	add "vdpa:0000:01:00.3" "${VF}3"
	consume "vdpa:0000:01:00.3" virtio_vdpa
	within 5 test -n "$(netdev_of vdpa:0000:01:00.3)"
	ethtool -i "$(netdev_of vdpa:0000:01:00.3)" >"$state/show"
	grep -q '^driver: virtio_net$' "$state/show"
	grep -q '^bus-info: vdpa:0000:01:00.3$' "$state/show"
	del "vdpa:0000:01:00.3"
}

# QEMU's ctrl_vq=off offers commands of a control queue that is not there. What can
# stand by itself is offered, and virtio_net takes it.
test_contradiction() {
	local function=0000:0a:00.0
	monitor "netdev_add user,id=contradiction,restrict=on"
	monitor "device_add virtio-net-pci,id=contradiction,bus=rp10,netdev=contradiction,ctrl_vq=off,mq=off,rss=on,iommu_platform=on,disable-legacy=on,romfile="
	within 20 test -e "/sys/bus/pci/devices/$function"
	hvdpa-vfs bind "$function"
	lines_are 'device_feature is 0x[0-9a-f]+: 0x[0-9a-f]+ need bits that it lacks and are not offered' 1
	add odd "$function"
	consume odd virtio_vdpa
	within 5 test -n "$(netdev_of odd)"
	ip link set "$(netdev_of odd)" up
	del odd
	monitor "device_del contradiction"
	within 40 test ! -e "/sys/bus/pci/devices/$function"
	monitor "netdev_del contradiction"
}

test_in_use() {
	errno_is 'in use' rmmod vdpa
}

test_disable_with_devices() {
	hvdpa-vfs disable "$PF"
	[ -z "$(vdpa dev show)" ]
	[ -z "$(vdpa mgmtdev show)" ]
}

begin
t test_takes_nothing "no function is taken that was not named"
t test_refuse_type "a virtio function that is neither net nor block is refused"
t test_refuse_bypass "a function whose DMA could bypass the IOMMU is refused"
t test_refuse_legacy "a legacy function is refused"
t test_refuse_vendor "a function of another vendor is refused"
t test_no_vector "a function without MSI-X gets no device"
t test_tool_refusals "hvdpa-vfs refuses what cannot be, and says why"
t test_tool_usage "what is no command is status 2, output that is not written 1"
t test_privilege "who may not is told so, with status 1"
t test_vfio "what is vfio-pci's is left alone, or goes back to it"
t test_enable_undone "VFs that cannot all be had are taken back"
t test_enable "VFs are enabled, bound, listed and removed"
t test_pf "a PF is bound, makes VFs, and takes them along"
t test_mgmtdev "vdpa mgmtdev shows what a function can"
t test_add_show "a device is added and shown, a child of its function"
t test_second "a second device on a function is refused with EOPNOTSUPP"
t test_same_name "a name that is taken is refused with EEXIST"
t test_no_file "a name that is no file's is refused with EINVAL"
t test_unsupported_feature "features that the function lacks are EOPNOTSUPP"
t test_incomplete_features "feature sets that contradict themselves are EINVAL"
t test_unsupported_attributes "mac, mtu and max_vqp that a function cannot have are EOPNOTSUPP"
t test_provisioned "provisioned features are what the consumer gets"
t test_colons "names with colons work, as operators use them"
t test_contradiction "features that contradict each other are not offered"
t test_in_use "the vdpa bus cannot be unloaded under the driver"
t test_disable_with_devices "removing VFs removes their devices"
finish
