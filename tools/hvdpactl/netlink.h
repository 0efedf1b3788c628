/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The vdpa family of generic netlink: what iproute2's vdpa does.
 *
 * The kernel answers under one lock for all devices, and who deletes a device
 * that its owner does not close holds that lock as long. So whatever can be
 * known from sysfs is asked there.
 */
#ifndef HVDPACTL_NETLINK_H
#define HVDPACTL_NETLINK_H

#include "config.h"

struct netlink;

struct vdpa_state {
	uint32_t type;
	struct attributes attributes;
	bool has_negotiated;
	uint64_t negotiated;
};

struct vdpa_limits {
	uint64_t features;
	unsigned int queues;
};

/* NULL where the kernel has no vdpa, or does not let us. */
struct netlink *netlink_open(struct error *error);
void netlink_close(struct netlink *netlink);

int netlink_add(struct netlink *netlink, const char *name,
		const char *function, const struct attributes *attributes,
		struct error *error);
int netlink_del(struct netlink *netlink, const char *name,
		struct error *error);
int netlink_get(struct netlink *netlink, const char *name,
		struct vdpa_state *state, struct error *error);
/* What the parent of devices, a PCI function, has. */
int netlink_limits(struct netlink *netlink, const char *function,
		   struct vdpa_limits *limits, struct error *error);
/* Whether the rings of a function's next device are relayed, devlink's parameter. */
int netlink_relay_get(struct netlink *netlink, const char *function,
		      char relay[static RELAY_SIZE], struct error *error);
int netlink_relay_set(struct netlink *netlink, const char *function,
		      const char *relay, struct error *error);
/* A virtio type; 0 where there is no answer. */
uint32_t netlink_type(struct netlink *netlink, const char *name);

#endif /* HVDPACTL_NETLINK_H */
