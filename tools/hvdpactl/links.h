/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Names under /dev/vdpa that stay when numbers do not.
 */
#ifndef HVDPACTL_LINKS_H
#define HVDPACTL_LINKS_H

#include <stdint.h>

#include "util.h"

#define LINKS	"/dev/vdpa"

/* "net" or "blk"; NULL for what has no folder. */
const char *class_name(uint32_t type);

/*
 * For udev, which runs this at each event of the vdpa bus with the event in the
 * environment: print the device's class as a property; make its links lead to
 * where it is by now.
 */
int udev_class(struct error *error);
int udev_links(struct error *error);

#endif /* HVDPACTL_LINKS_H */
