/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The owner's memory: as the endpoint sees it, and as the driver does in its place.
 */
#ifndef HVDPA_DMA_H
#define HVDPA_DMA_H

#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/vhost_iotlb.h>

struct hvdpa_device;

/* Address spaces of a device with a mediated control queue, and its groups. */
#define HVDPA_ASID_DATA		0
#define HVDPA_ASID_CONTROL	1
#define HVDPA_ASIDS		2
#define HVDPA_GROUP_DATA	0
#define HVDPA_GROUP_CONTROL	1
#define HVDPA_GROUPS		2

/**
 * struct hvdpa_dma - a device's own IOMMU domain
 * @lock: see below
 * @domain: the owner's address space; NULL where there is no usable IOMMU
 * @reserved: address ranges that cannot be mapped
 * @range: the addresses that can
 * @window: where a dirty log can be; above @range; 0 where there is none
 * @control_window: where the device's control queue can be; likewise
 * @attached: the function's DMA goes through @domain
 * @restricted: maps of @domain that are not both readable and writable
 * @control: all maps of the control queue's address space
 */
struct hvdpa_dma {
	/*
	 * Serialises attaching, detaching, maps and unmaps of the owner's
	 * memory, and each access of the driver to it. Protects attached,
	 * restricted and control. Taken within the endpoint's lock, never
	 * around it.
	 */
	struct mutex lock;
	struct iommu_domain *domain;
	struct list_head reserved;
	struct vdpa_iova_range range;
	u64 window;
	u64 control_window;
	bool attached;
	struct vhost_iotlb restricted;
	struct vhost_iotlb control;
};

/* What the device sees of its control queue, whole pages. */
#define HVDPA_CONTROL_WINDOW_BYTES	((u64)PAGE_ALIGN(SZ_16K))

/* The most bytes that a dirty log may have: 2 TiB in pages of 4 KiB. */
#define HVDPA_LOG_BYTES_MAX	((u64)SZ_64M)

u64 hvdpa_iova_range_reserve(struct vdpa_iova_range *range,
			     const struct list_head *reserved, u64 bytes);
void hvdpa_iova_range_trim(struct vdpa_iova_range *range,
			   const struct list_head *reserved);
bool hvdpa_iova_ok(const struct hvdpa_dma *dma, u64 iova, u64 size);
int hvdpa_dma_setup(struct hvdpa_device *hv);
void hvdpa_dma_teardown(struct hvdpa_device *hv);
int hvdpa_dma_attach(struct hvdpa_device *hv);
void hvdpa_dma_detach(struct hvdpa_device *hv);
int hvdpa_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		  u64 size, u64 pa, u32 perm, void *opaque);
int hvdpa_dma_unmap(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		    u64 size);
int hvdpa_dma_reset_map(struct vdpa_device *vdpa, unsigned int asid);

/* access.c: the owner's memory as the driver sees it */

void hvdpa_access_init(struct hvdpa_dma *dma);
int hvdpa_access_restrict(struct hvdpa_dma *dma, u64 iova, u64 size, u32 perm);
void hvdpa_access_lift(struct hvdpa_dma *dma, u64 iova, u64 size);
int hvdpa_access_map(struct hvdpa_dma *dma, u64 iova, u64 size, u64 pa,
		     u32 perm);
void hvdpa_access_unmap(struct hvdpa_dma *dma, u64 first, u64 last);
int hvdpa_access_read(struct hvdpa_dma *dma, u32 asid, u64 iova, void *buf,
		      size_t len);
int hvdpa_access_write(struct hvdpa_dma *dma, u32 asid, u64 iova,
		       const void *buf, size_t len);
int hvdpa_access_read16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 *value);
int hvdpa_access_write16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 value);

#endif /* HVDPA_DMA_H */
