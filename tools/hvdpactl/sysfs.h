/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * PCI functions and the vdpa bus as sysfs has them.
 */
#ifndef HVDPACTL_SYSFS_H
#define HVDPACTL_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config.h"

#define SYS_PCI		"/sys/bus/pci"
#define SYS_VDPA	"/sys/bus/vdpa"
#define DRIVER_SIZE	64

/* Of an attribute, without its newline. Returns 0 or a negative errno. */
__printf(3, 4)
int sysfs_read(char *value, size_t size, const char *format, ...);
__printf(2, 3)
int sysfs_read_number(unsigned int *value, const char *format, ...);
__printf(2, 3)
int sysfs_write(const char *value, const char *format, ...);
/* The last part of where a link leads. */
__printf(3, 4)
int sysfs_link(char *name, size_t size, const char *format, ...);
__printf(1, 2)
bool sysfs_exists(const char *format, ...);

bool pci_exists(const char *function);
/* The function's driver; "" without one. */
void pci_driver(const char *function, char driver[static DRIVER_SIZE]);
/* Where the function's VF n is. */
int pci_vf(const char *pf, unsigned int n, char vf[static ADDRESS_SIZE]);
/* Where it will be: the PF says so before it has any. */
int pci_vf_expected(const char *pf, unsigned int n,
		    char vf[static ADDRESS_SIZE]);
/* Which of its VFs, there or to come, has this address; -1: none. */
int pci_vf_number(const char *pf, const char *vf);
/* How many functions are in its IOMMU group; 0 without an IOMMU. */
unsigned int pci_iommu_group_size(const char *function);

/* The numbers of a virtio device type in the IDs of its function; 0: none. */
uint32_t pci_virtio_type(const char *function);

struct vdpa_device {
	char *name;
	/* "" where the parent is no PCI function */
	char function[ADDRESS_SIZE];
	/* "" without a consumer */
	char driver[DRIVER_SIZE];
	/* of vhost-vdpa: "vhost-vdpa-3"; "" without one */
	char node[DRIVER_SIZE];
	dev_t devt;
	/* of virtio-vdpa: a netdev's or a disk's name; "" without one */
	char netdev[DRIVER_SIZE];
	char disk[DRIVER_SIZE];
};

struct vdpa_devices {
	struct vdpa_device *list;
	size_t n;
};

/* All of the bus, in the order of their functions. */
int vdpa_devices_read(struct vdpa_devices *devices, struct error *error);
void vdpa_devices_free(struct vdpa_devices *devices);
const struct vdpa_device *vdpa_by_name(const struct vdpa_devices *devices,
				       const char *name);
const struct vdpa_device *vdpa_by_function(const struct vdpa_devices *devices,
					   const char *function);

/* Functions that have a driver, in order; NULL ends them. */
char **pci_functions_of(const char *driver, struct error *error);

/* The driver of what virtio-vdpa made of a function's device; "" without one. */
void virtio_driver(const char *function, char driver[static DRIVER_SIZE]);

/* What vhost-vdpa made of the device in this folder of sysfs. */
int vhost_node(const char *folder, char node[static DRIVER_SIZE], dev_t *devt);

#endif /* HVDPACTL_SYSFS_H */
