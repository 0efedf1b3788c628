/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which feature bits may be offered, and what they say of the queues.
 */
#ifndef HVDPA_FEATURES_H
#define HVDPA_FEATURES_H

#include <linux/bits.h>
#include <linux/types.h>
#include <uapi/linux/virtio_config.h>

/* Without these a device is no virtio 1.x, or its DMA may bypass the IOMMU. */
#define HVDPA_FEATURES_NEEDED	(BIT_ULL(VIRTIO_F_VERSION_1) | \
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

u64 hvdpa_features_supported(u64 offered);
u64 hvdpa_features_migratable(u64 features, u32 device_id);
int hvdpa_features_missing(u64 features, u32 device_id, u64 *missing);
u64 hvdpa_features_complete(u64 features, u32 device_id);
u32 hvdpa_features_nqueues(u64 features, u32 device_id, u16 max_pairs,
			   u16 nqueues);
int hvdpa_features_control_index(u64 features, u32 device_id, u16 max_pairs);

#endif /* HVDPA_FEATURES_H */
