#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # t runs the tests by name
# A machine whose IOMMU translates DMA and remaps no interrupts: scripts/check boots
# it so for this name.
# shellcheck source=tools/testing/lib.sh
. /hvdpa/tools/testing/lib.sh

# owned DEVICE: may an owner have it? Says why not.
owned() {
	python3 - "$(vhost_of "$1")" <<-'PY'
		import sys
		try:
		    open(sys.argv[1], "rb+", buffering=0)
		except OSError as error:
		    sys.exit(error.strerror)
	PY
}

test_machine() {
	[ -e "/sys/bus/pci/devices/$PF/iommu_group" ]
	! grep -q 'IR-' /proc/interrupts
}

test_refused() {
	hvdpa-vfs enable "$PF" 1
	add v0 "${VF}1"
	consume v0 vhost_vdpa
	lines_are "no interrupt remapping keeps it from sending other devices' interrupts: virtio-vdpa can use it, vhost-vdpa cannot" 1
	errno_is 'Operation not supported' owned v0
	consume v0 virtio_vdpa
	within 5 test -n "$(netdev_of v0)"
	hvdpa-vfs disable "$PF"
}

test_allowed() {
	rmmod hvdpa
	insmod /hvdpa/hvdpa.ko allow_unsafe_interrupts=1
	hvdpa-vfs enable "$PF" 1
	add v0 "${VF}1"
	consume v0 vhost_vdpa
	lines_are 'no interrupt remapping, and allow_unsafe_interrupts is set' 1
	owned v0
	hvdpa-vfs disable "$PF"
}

begin
t test_machine "DMA is translated and interrupts are not remapped"
t test_refused "a device is a netdev, and refused to owners; the log says why"
t test_allowed "or allowed, where the administrator says so"
finish
