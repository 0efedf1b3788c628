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
/* Not for owners: where a consumer in the kernel has its memory. */
#define HVDPA_ASID_KERNEL	2
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
 * @dev: whose DMA it is
 * @relay_window: where the relay's rings can be; likewise
 * @relay_stride: bytes of it for each queue
 * @areas: pieces of the owner's memory that the driver has open
 * @restricted: maps of @domain that are not both readable and writable
 * @control: all maps of the control queue's address space
 */
struct hvdpa_dma {
	/*
	 * Serialises attaching, detaching, maps and unmaps of the owner's
	 * memory, and each access of the driver to it. Protects attached,
	 * areas, restricted and control. Taken within the endpoint's lock,
	 * never around it.
	 */
	struct mutex lock;
	struct iommu_domain *domain;
	struct list_head reserved;
	struct vdpa_iova_range range;
	u64 window;
	u64 control_window;
	u64 relay_window;
	u64 relay_stride;
	bool attached;
	struct device *dev;
	struct list_head areas;
	struct vhost_iotlb restricted;
	struct vhost_iotlb control;
};

/* What the device sees of its control queue, whole pages. */
#define HVDPA_CONTROL_WINDOW_BYTES	((u64)PAGE_ALIGN(SZ_16K))

/* The most bytes that a dirty log may have: 2 TiB in pages of 4 KiB. */
#define HVDPA_LOG_BYTES_MAX	((u64)SZ_64M)

/**
 * struct hvdpa_area - a piece of the owner's memory that the driver has open
 * @dma: of the device
 * @iova: its first address in ASID 0
 * @len: its bytes
 * @lost: its map is about to go: it is not touched any more on return; the lock is
 *	  held, may not sleep; NULL for what is touched with that lock held only
 * @data: for @lost
 * @gone: its map went
 * @at: where the driver sees it
 * @writable: it may be written
 * @pages: its pages, held
 * @node: its place in the list of areas
 */
struct hvdpa_area {
	struct hvdpa_dma *dma;
	u64 iova;
	size_t len;
	void (*lost)(void *data);
	void *data;
	bool gone;
	void *at;
	bool writable;
	struct page **pages;
	struct list_head node;
};

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

int hvdpa_dma_map_own(struct hvdpa_dma *dma, u64 iova, void *memory, u64 bytes);

/* access.c: the owner's memory as the driver sees it */

void hvdpa_access_init(struct hvdpa_dma *dma);
int hvdpa_access_restrict(struct hvdpa_dma *dma, u64 iova, u64 size, u32 perm);
void hvdpa_access_lift(struct hvdpa_dma *dma, u64 iova, u64 size);
int hvdpa_access_map(struct hvdpa_dma *dma, u64 iova, u64 size, u64 pa,
		     u32 perm);
void hvdpa_access_unmap(struct hvdpa_dma *dma, u64 first, u64 last);
int hvdpa_access_find(struct hvdpa_dma *dma, u32 asid, u64 iova, u32 perm,
		      u64 *pa);
int hvdpa_access_read(struct hvdpa_dma *dma, u32 asid, u64 iova, void *buf,
		      size_t len);
int hvdpa_access_write(struct hvdpa_dma *dma, u32 asid, u64 iova,
		       const void *buf, size_t len);
int hvdpa_access_read16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 *value);
int hvdpa_access_write16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 value);

/* area.c: pieces of it that are open for long */

int hvdpa_area_open(struct hvdpa_area *area, struct hvdpa_dma *dma, u64 iova,
		    size_t len, bool write);
void hvdpa_area_close(struct hvdpa_area *area);
void hvdpa_areas_lose(struct hvdpa_dma *dma, u64 iova, u64 size);

#endif /* HVDPA_DMA_H */
