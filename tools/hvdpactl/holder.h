/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Who uses a device: processes that have its file open, a netdev that is up, a
 * disk that somebody claimed.
 */
#ifndef HVDPACTL_HOLDER_H
#define HVDPACTL_HOLDER_H

#include <sys/types.h>

#include "sysfs.h"

struct holder {
	dev_t devt;
	pid_t pid;
	char command[64];
};

struct holders {
	struct holder *list;
	size_t n;
	/* Other users' files were seen too. */
	bool complete;
};

/*
 * Those of any of the devices' nodes, in one walk over all processes.
 */
void holders_read(struct holders *holders, const struct vdpa_devices *devices);
void holders_free(struct holders *holders);
const struct holder *holder_of(const struct holders *holders, dev_t devt);

/*
 * Into text: who uses it, and what to do first, in one sentence. A function by
 * what its virtio driver made of it; a device by that or by its node's holder.
 */
bool function_is_used(const char *function, char *by, size_t size);
bool device_is_used(const struct vdpa_device *device,
		    const struct holders *holders, char *by, size_t size);

#endif /* HVDPACTL_HOLDER_H */
