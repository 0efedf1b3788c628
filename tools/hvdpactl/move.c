// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "move.h"

static void read_override(char override[static DRIVER_SIZE], const char *folder,
			  const char *name)
{
	/* What was never set reads so. */
	if (sysfs_read(override, DRIVER_SIZE, "%s/devices/%s/driver_override",
		       folder, name) || !strcmp(override, "(null)"))
		override[0] = '\0';
}

static int write_override(const char *folder, const char *name,
			  const char *driver)
{
	return sysfs_write(driver, "%s/devices/%s/driver_override", folder,
			   name);
}

static void read_driver(char driver[static DRIVER_SIZE], const char *folder,
			const char *name)
{
	sysfs_link(driver, DRIVER_SIZE, "%s/devices/%s/driver", folder, name);
}

static void read_before(const char *folder, const char *name,
			struct place_before *before)
{
	read_driver(before->driver, folder, name);
	read_override(before->override, folder, name);
}

static int restore(const char *folder, const char *name,
		   const struct place_before *before)
{
	char now[DRIVER_SIZE], override[DRIVER_SIZE];
	int err = 0, override_err = 0;

	read_driver(now, folder, name);
	if (*now && strcmp(now, before->driver))
		err = sysfs_write(name, "%s/drivers/%s/unbind", folder, now);
	if (!err && *before->driver && strcmp(now, before->driver)) {
		/* It may have had it by an override that is another by now. */
		err = write_override(folder, name, before->driver);
		if (!err)
			err = sysfs_write(name, "%s/drivers/%s/bind", folder,
					  before->driver);
	}
	read_override(override, folder, name);
	if (strcmp(override, before->override))
		override_err = write_override(folder, name, before->override);
	return err ?: override_err;
}

void pci_before(const char *function, struct place_before *before)
{
	read_before(SYS_PCI, function, before);
}

int pci_bind(const char *function, const char *driver)
{
	char now[DRIVER_SIZE];
	int err;

	pci_driver(function, now);
	err = write_override(SYS_PCI, function, driver);
	if (!err && *now)
		err = sysfs_write(function, SYS_PCI "/drivers/%s/unbind", now);
	if (err)
		return err;
	/* The bus has no errno for a driver that refuses: look. */
	sysfs_write(function, SYS_PCI "/drivers_probe");
	pci_driver(function, now);
	return strcmp(now, driver) ? -ENODEV : 0;
}

int pci_unbind(const char *function)
{
	char now[DRIVER_SIZE];
	int err;

	pci_driver(function, now);
	err = write_override(SYS_PCI, function, "");
	if (!err && *now)
		err = sysfs_write(function, SYS_PCI "/drivers/%s/unbind", now);
	return err;
}

int pci_restore(const char *function, const struct place_before *before)
{
	return restore(SYS_PCI, function, before);
}

void vdpa_before(const char *name, struct place_before *before)
{
	read_before(SYS_VDPA, name, before);
}

int vdpa_move(const char *name, const char *driver)
{
	char now[DRIVER_SIZE];
	int err;

	err = write_override(SYS_VDPA, name, driver);
	if (err)
		return err;
	read_driver(now, SYS_VDPA, name);
	if (!strcmp(now, driver))
		return 0;
	if (*now)
		err = sysfs_write(name, SYS_VDPA "/drivers/%s/unbind", now);
	return err ?: sysfs_write(name, SYS_VDPA "/drivers/%s/bind", driver);
}

int vdpa_restore(const char *name, const struct place_before *before)
{
	return restore(SYS_VDPA, name, before);
}

void vfs_before(const char *pf, unsigned int n, struct vfs_before *before)
{
	unsigned int i;

	before->list = must_alloc(NULL, n + 1, sizeof(*before->list));
	before->n = n;
	for (i = 0; i < n; i++) {
		char vf[ADDRESS_SIZE];

		before->list[i] = (struct place_before){};
		if (!pci_vf(pf, i, vf))
			pci_before(vf, &before->list[i]);
	}
}

/* Without it the kernel's own virtio driver takes each VF first. */
int vfs_make(const char *pf, unsigned int n)
{
	char number[16];
	unsigned int autoprobe = 1;
	int err;

	sysfs_read_number(&autoprobe,
			  SYS_PCI "/devices/%s/sriov_drivers_autoprobe", pf);
	err = sysfs_write("0", SYS_PCI "/devices/%s/sriov_drivers_autoprobe",
			  pf);
	if (err)
		return err;
	snprintf(number, sizeof(number), "%u", n);
	err = sysfs_write("0", SYS_PCI "/devices/%s/sriov_numvfs", pf);
	if (!err && n)
		err = sysfs_write(number, SYS_PCI "/devices/%s/sriov_numvfs",
				  pf);
	sysfs_write(autoprobe ? "1" : "0",
		    SYS_PCI "/devices/%s/sriov_drivers_autoprobe", pf);
	return err;
}

int vfs_restore(const char *pf, const struct vfs_before *before)
{
	unsigned int i;
	int err;

	err = vfs_make(pf, before->n);
	if (err)
		return err;
	for (i = 0; i < before->n; i++) {
		char vf[ADDRESS_SIZE];
		int vf_err = pci_vf(pf, i, vf);

		if (!vf_err)
			vf_err = pci_restore(vf, &before->list[i]);
		err = err ?: vf_err;
	}
	return err;
}
