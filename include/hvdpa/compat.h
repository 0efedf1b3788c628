/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where kernels differ. scripts/conftest.sh asks the kernel at hand, with its
 * own compiler, which form an interface has and writes the answers to
 * hvdpa-probes.h; this file turns each into one name. Nothing under drivers/
 * has a conditional of its own.
 */
#ifndef HVDPA_COMPAT_H
#define HVDPA_COMPAT_H

#include <linux/vdpa.h>

#include "hvdpa-probes.h"

#ifdef HVDPA_HAVE_VDPA_ALLOC_MAP_OPS
#define hvdpa_alloc_vdpa(type, member, parent, ops, ngroups, nas, name) \
	vdpa_alloc_device(type, member, parent, ops, NULL, ngroups, nas, \
			  name, false)
#else
#define hvdpa_alloc_vdpa(type, member, parent, ops, ngroups, nas, name) \
	vdpa_alloc_device(type, member, parent, ops, ngroups, nas, name, false)
#endif

/* With a period of 0 every death of a function is worth a recovery. */
#ifdef HVDPA_HAVE_HEALTH_REPORTER_PERIOD
#define hvdpa_health_reporter_create(devlink, ops, priv) \
	devlink_health_reporter_create(devlink, ops, 0, priv)
#else
#define hvdpa_health_reporter_create(devlink, ops, priv) \
	devlink_health_reporter_create(devlink, ops, priv)
#endif

/* What devlink calls to read a parameter. */
#ifdef HVDPA_HAVE_DEVLINK_PARAM_GET_EXTACK
#define HVDPA_DEVLINK_PARAM_GET_ARGS \
	struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx, \
	struct netlink_ext_ack *extack
#else
#define HVDPA_DEVLINK_PARAM_GET_ARGS \
	struct devlink *devlink, u32 id, struct devlink_param_gset_ctx *ctx
#endif

/*
 * Does the kernel survive two queues with one eventfd, whose interrupts it is
 * told of? Where producers are matched by a token it does not, and an owner can
 * bring the host down.
 */
#ifdef HVDPA_HAVE_IRQ_BYPASS_EVENTFD
#define HVDPA_IRQ_BYPASS_IS_SAFE	true
#else
#define HVDPA_IRQ_BYPASS_IS_SAFE	false
#endif

/**
 * hvdpa_set_dma_dev - say which device the DMA API works for
 * @vdpa: the vDPA device, before it is registered
 * @dev: the device whose IOMMU translates its DMA
 */
static inline void hvdpa_set_dma_dev(struct vdpa_device *vdpa,
				     struct device *dev)
{
#ifdef HVDPA_HAVE_VDPA_VMAP
	vdpa->vmap.dma_dev = dev;
#else
	vdpa->dma_dev = dev;
#endif
}

#endif /* HVDPA_COMPAT_H */
