/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions and devices from one driver to another. What takes one away leaves it
 * halfway when it fails; what restores makes it as it was, from wherever it is.
 * All return 0 or a negative errno.
 */
#ifndef HVDPACTL_MOVE_H
#define HVDPACTL_MOVE_H

#include "sysfs.h"

/* What a function or a device had: "" for none. */
struct place_before {
	char driver[DRIVER_SIZE];
	char override[DRIVER_SIZE];
};

/* VFs of a PF. */
struct vfs_before {
	struct place_before *list;
	unsigned int n;
};

void pci_before(const char *function, struct place_before *before);
int pci_bind(const char *function, const char *driver);
/* To nobody. */
int pci_unbind(const char *function);
int pci_restore(const char *function, const struct place_before *before);

void vdpa_before(const char *name, struct place_before *before);
int vdpa_move(const char *name, const char *driver);
int vdpa_restore(const char *name, const struct place_before *before);

void vfs_before(const char *pf, unsigned int n, struct vfs_before *before);
int vfs_make(const char *pf, unsigned int n);
int vfs_restore(const char *pf, const struct vfs_before *before);

#endif /* HVDPACTL_MOVE_H */
