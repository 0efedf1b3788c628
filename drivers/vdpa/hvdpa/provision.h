/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What `vdpa dev add` and `vdpa dev set` say that a device is to be.
 */
#ifndef HVDPA_PROVISION_H
#define HVDPA_PROVISION_H

#include <linux/types.h>

struct hvdpa_device;
struct hvdpa_endpoint;
struct task_struct;
struct vdpa_dev_set_config;

u64 hvdpa_provision_mask(const struct hvdpa_endpoint *ep);
int hvdpa_provision(struct hvdpa_device *hv, const char *name,
		    const struct vdpa_dev_set_config *config);
int hvdpa_provision_set_mac(struct hvdpa_device *hv, const u8 *mac);
const u8 *hvdpa_provision_mac_of(const struct hvdpa_device *hv);
bool hvdpa_provision_owner_mac(struct hvdpa_device *hv, unsigned int offset,
			       const void *buf, unsigned int len);
void hvdpa_provision_forget_owner(struct hvdpa_device *hv,
				  struct task_struct *resetter);
u64 hvdpa_provision_device_features(const struct hvdpa_device *hv);
size_t hvdpa_provision_config_size(const struct hvdpa_device *hv);
void hvdpa_provision_config_read(struct hvdpa_device *hv, unsigned int offset,
				 void *buf, unsigned int len);

#endif /* HVDPA_PROVISION_H */
