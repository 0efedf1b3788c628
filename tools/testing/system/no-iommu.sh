#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A machine whose IOMMU is off: scripts/check boots it so for this name.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

test_machine() {
	[ ! -e "/sys/bus/pci/devices/$PF/iommu_group" ]
}

test_owner() {
	hvdpa-vfs enable "$PF" 1
	add v0 "${VF}1"
	consume v0 vhost_vdpa
	lines_are 'no IOMMU translates its DMA' 1
	python3 - "$(vhost_of v0)" <<-'PY'
		import sys
		try:
		    open(sys.argv[1], "rb+", buffering=0)
		except OSError as error:
		    # ENOTSUPP, which is the kernel's own
		    sys.exit(error.errno != 524)
		sys.exit("an owner has it")
	PY
	consume v0 virtio_vdpa
	[ -n "$(netdev_of v0)" ]
	hvdpa-vfs disable "$PF"
}

begin
t test_machine "no IOMMU is on"
t test_owner "a device is a netdev, and refused to owners; the log says why"
finish
