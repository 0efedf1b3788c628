/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own files about a device, which root can read.
 */
#ifndef HVDPACTL_DEBUGFS_H
#define HVDPACTL_DEBUGFS_H

#include "config.h"

/* A file of a device; NULL where it cannot be read. */
char *debugfs_read(const char *name, const char *file);

/* Of "key: value" on a line of its own; NULL where there is no such line. */
char *debugfs_value(const char *text, const char *key);

/*
 * What a device was given when it was added, and since: with that, and no more,
 * it can be added again as it is. The kernel's own answer (netlink.h) has what it
 * was given and what it has by itself in one.
 */
int given_read(const char *name, struct attributes *given,
	       struct error *error);

#endif /* HVDPACTL_DEBUGFS_H */
