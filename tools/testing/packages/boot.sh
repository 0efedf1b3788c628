#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# In a Debian that has the packages installed and was booted as its user boots
# it: is the driver there, and does a VF become a device?
PF=0000:01:00.0
VF=0000:01:00.1
# shellcheck source=tools/testing/packages/lib.sh
. /hvdpa/tools/testing/packages/lib.sh

loaded_at_boot() {
	systemctl is-active systemd-modules-load.service
	for module in vdpa vhost_vdpa virtio_vdpa hvdpa; do
		grep -q "^$module " /proc/modules
	done
}

the_packages_module() {
	modinfo -n hvdpa | grep "^/lib/modules/$(uname -r)/updates/dkms/"
	[ "$(cat /sys/module/hvdpa/srcversion)" = "$(modinfo -F srcversion hvdpa)" ]
}

binds() {
	hvdpa-vfs enable "$PF" 2
	[ "$(hvdpa-vfs list | wc -l)" -eq 2 ]
	vdpa mgmtdev show "pci/$VF" | grep supported_classes
}

adds() {
	vdpa dev add name installed mgmtdev "pci/$VF"
	vdpa dev show installed | grep "mgmtdev pci/$VF"
	[ -c "/dev/$(basename /sys/bus/vdpa/devices/installed/vhost-vdpa-*)" ]
}

becomes_a_netdev() {
	echo installed >/sys/bus/vdpa/drivers/vhost_vdpa/unbind
	echo installed >/sys/bus/vdpa/drivers/virtio_vdpa/bind
	# udev gives it another name meanwhile.
	[ -n "$(ls /sys/bus/vdpa/devices/installed/../virtio*/net)" ]
}

goes() {
	vdpa dev del installed
	hvdpa-vfs disable "$PF"
	modprobe -r hvdpa
	if grep '^hvdpa ' /proc/modules; then false; fi
	modprobe hvdpa
}

t loaded_at_boot "the modules are loaded at boot"
t the_packages_module "it is the module that DKMS built from the package"
t binds "hvdpa-vfs gives it VFs"
t adds "a device is added, and vhost-vdpa has it"
t becomes_a_netdev "it is given to the kernel and is a netdev"
t goes "device, VFs and module go and come"
t quiet "the kernel has nothing to say"
echo "1..$number"
