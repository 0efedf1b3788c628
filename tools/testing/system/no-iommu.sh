#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A machine whose IOMMU is off: scripts/check boots it so for this name.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

PATH=/hvdpa/tools/hvdpactl:$PATH
conf=$state/hvdpa.conf

test_machine() {
	[ ! -e "/sys/bus/pci/devices/$PF/iommu_group" ]
}

test_owner() {
	hvdpa-vfs enable "$PF" 1
	add v0 "${VF}1"
	consume v0 vhost_vdpa
	lines_are 'no IOMMU translates its DMA' 1
	python3 - "$(vhost_of v0)" <<-'PY'
		import errno, sys
		try:
		    open(sys.argv[1], "rb+", buffering=0)
		except OSError as error:
		    sys.exit(error.errno != errno.EOPNOTSUPP)
		sys.exit("an owner has it")
	PY
	consume v0 virtio_vdpa
	[ -n "$(netdev_of v0)" ]
	hvdpa-vfs disable "$PF"
}

# refused FUNCTION-OF-DEVICE FUNCTION-SAID
refused() {
	printf '[pf %s]\nvfs = 1\n[device v0]\nfunction = %s\nconsumer = vhost\n' "$PF" "$1" >"$conf"
	errno_is "hvdpactl: $conf:5: no IOMMU translates the DMA of $2, and vhost, which v0 is for, needs that; boot with intel_iommu=on (Intel), switch the IOMMU on in the firmware's setup (AMD, " \
		hvdpactl apply "$conf"
	[ "$(cat "/sys/bus/pci/devices/$PF/sriov_numvfs")" = 0 ]
}

test_apply() {
	# A VF that is yet to come has its card's IOMMU.
	refused "${VF}1" "$PF"
	refused 0000:03:00.0 0000:03:00.0
	sed -i 's/vhost/virtio/' "$conf"
	hvdpactl apply "$conf" >/dev/null
	[ "$(hvdpactl apply "$conf")" = "nothing to change" ]
	hvdpactl status | grep '^0000:03:00.0 .* virtio_vdpa ' >/dev/null
	hvdpactl remove "$conf" >/dev/null
}

begin
t test_machine "no IOMMU is on"
t test_owner "a device is a netdev, and refused to owners; the log says why"
t test_apply "hvdpactl says what to do, and changes nothing"
finish
