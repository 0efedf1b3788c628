// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's memory as the driver sees it, for rings that the driver serves
 * itself.
 *
 * ASID 0 is what the device sees: the IOMMU's own tables say where its pages
 * are, and only maps that are not both readable and writable are kept here,
 * for the tables do not tell. ASID 1 is for the control queue alone; the device
 * never sees it, so its maps are kept here, and each holds its pages.
 *
 * vhost-vdpa lets go of pages before it takes a map away. For ASID 0 that
 * leaves the driver the moment that it leaves every device; for ASID 1 the
 * pages held here close it.
 */
#include <kunit/static_stub.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/vhost_iotlb.h>
#include <linux/vhost_types.h>

#include "dma.h"

static void hvdpa_hold_pages(u64 pa, u64 size, bool hold)
{
	u64 at;

	for (at = pa; at - pa < size; at += PAGE_SIZE) {
		struct page *page = pfn_to_page(PHYS_PFN(at));

		if (hold)
			get_page(page);
		else
			put_page(page);
	}
}

/**
 * hvdpa_access_init - know no maps yet
 * @dma: the device's DMA side
 */
void hvdpa_access_init(struct hvdpa_dma *dma)
{
	/* vhost-vdpa has a limit (max_iotlb_entries); here is no other. */
	vhost_iotlb_init(&dma->restricted, UINT_MAX, 0);
	vhost_iotlb_init(&dma->control, UINT_MAX, 0);
	INIT_LIST_HEAD(&dma->areas);
}

/**
 * hvdpa_access_restrict - record that a map of ASID 0 is not for reading and
 * writing both
 * @dma: the device's DMA side, its lock held
 * @iova: first address
 * @size: bytes
 * @perm: VHOST_ACCESS_RO or VHOST_ACCESS_WO
 *
 * Called before the map is there: hvdpa_access_find() takes a page that has no
 * record for one that may be read and written.
 *
 * Return: 0 or -ENOMEM.
 */
int hvdpa_access_restrict(struct hvdpa_dma *dma, u64 iova, u64 size, u32 perm)
{
	lockdep_assert_held(&dma->lock);

	return vhost_iotlb_add_range(&dma->restricted, iova, iova + size - 1,
				     0, perm);
}

/**
 * hvdpa_access_lift - forget what hvdpa_access_restrict() recorded
 * @dma: the device's DMA side, its lock held
 * @iova: first address
 * @size: bytes
 *
 * Called once the map is gone. Records go as a whole: vhost-vdpa takes away what
 * it once mapped.
 */
void hvdpa_access_lift(struct hvdpa_dma *dma, u64 iova, u64 size)
{
	lockdep_assert_held(&dma->lock);

	vhost_iotlb_del_range(&dma->restricted, iova, iova + size - 1);
}

/**
 * hvdpa_access_map - let the driver reach memory for the control queue
 * @dma: the device's DMA side
 * @iova: first address in ASID 1, at a page's start
 * @size: bytes, whole pages
 * @pa: where it is, physically contiguous and pinned by the caller
 * @perm: VHOST_ACCESS_*
 *
 * May sleep.
 *
 * Return: 0; -EINVAL for what are no pages; -ENOMEM.
 */
int hvdpa_access_map(struct hvdpa_dma *dma, u64 iova, u64 size, u64 pa,
		     u32 perm)
{
	int err;

	if (!size || iova + size - 1 < iova ||
	    !IS_ALIGNED(iova | size | pa, PAGE_SIZE) ||
	    !(perm & VHOST_ACCESS_RW) || !pfn_valid(PHYS_PFN(pa)) ||
	    !pfn_valid(PHYS_PFN(pa + size - 1)))
		return -EINVAL;

	mutex_lock(&dma->lock);
	err = vhost_iotlb_add_range(&dma->control, iova, iova + size - 1, pa,
				    perm);
	if (!err)
		hvdpa_hold_pages(pa, size, true);
	mutex_unlock(&dma->lock);
	return err;
}

/**
 * hvdpa_access_unmap - take memory of the control queue away
 * @dma: the device's DMA side
 * @first: first address in ASID 1
 * @last: last address
 *
 * Maps go as a whole. The driver does not touch them any more on return. May
 * sleep.
 */
void hvdpa_access_unmap(struct hvdpa_dma *dma, u64 first, u64 last)
{
	struct vhost_iotlb_map *map;

	mutex_lock(&dma->lock);
	while ((map = vhost_iotlb_itree_first(&dma->control, first, last))) {
		hvdpa_hold_pages(map->addr, map->size, false);
		vhost_iotlb_map_free(&dma->control, map);
	}
	mutex_unlock(&dma->lock);
}

/* Without an IOMMU an address is that of memory. */
static int hvdpa_access_translate(struct iommu_domain *domain, u64 iova, u64 *pa)
{
	*pa = domain ? iommu_iova_to_phys(domain, iova) : iova;
	return *pa && pfn_valid(PHYS_PFN(*pa)) ? 0 : -EFAULT;
}

/**
 * hvdpa_access_find - find where a byte of the owner's memory is
 * @dma: the device's DMA side, its lock held: the page is there until it is given up
 * @asid: address space
 * @iova: the byte
 * @perm: VHOST_ACCESS_*, what is to be done with it
 * @pa: filled here
 *
 * Return: 0; -EFAULT where nothing is mapped; -EACCES where @perm is not allowed.
 */
int hvdpa_access_find(struct hvdpa_dma *dma, u32 asid, u64 iova, u32 perm,
		      u64 *pa)
{
	struct vhost_iotlb *maps = asid ? &dma->control : &dma->restricted;
	struct vhost_iotlb_map *map;

	lockdep_assert_held(&dma->lock);

	/* A consumer in the kernel got it from the DMA API for the function. */
	if (asid == HVDPA_ASID_KERNEL)
		return hvdpa_access_translate(iommu_get_domain_for_dev(dma->dev),
					      iova, pa);
	map = vhost_iotlb_itree_first(maps, iova, iova);
	if (map && (map->perm & perm) != perm)
		return -EACCES;

	if (asid) {
		if (!map)
			return -EFAULT;
		*pa = map->addr + (iova - map->start);
		return 0;
	}

	/* The windows above the owner's range are in the domain too. */
	if (iova < dma->range.first || iova > dma->range.last)
		return -EFAULT;
	return hvdpa_access_translate(dma->domain, iova, pa);
}

static int hvdpa_access_copy(struct hvdpa_dma *dma, u32 asid, u64 iova,
			     void *buf, size_t len, bool write)
{
	u32 perm = write ? VHOST_ACCESS_WO : VHOST_ACCESS_RO;
	size_t part;
	u64 pa;
	int err = 0;

	mutex_lock(&dma->lock);
	for (; len; len -= part, buf += part, iova += part) {
		struct page *page;
		void *at;

		part = min(len, PAGE_SIZE - offset_in_page(iova));
		err = hvdpa_access_find(dma, asid, iova, perm, &pa);
		if (err)
			break;
		page = pfn_to_page(PHYS_PFN(pa));
		at = kmap_local_page(page) + offset_in_page(pa);
		if (write)
			memcpy(at, buf, part);
		else
			memcpy(buf, at, part);
		kunmap_local(at);
	}
	mutex_unlock(&dma->lock);
	return err;
}

/**
 * hvdpa_access_read - copy from the owner's memory
 * @dma: the device's DMA side
 * @asid: address space
 * @iova: where from
 * @buf: where to
 * @len: bytes
 *
 * May sleep.
 *
 * Return: 0; -EFAULT where nothing is mapped; -EACCES where it may not be
 * read. Some bytes may have been copied.
 */
int hvdpa_access_read(struct hvdpa_dma *dma, u32 asid, u64 iova, void *buf,
		      size_t len)
{
	KUNIT_STATIC_STUB_REDIRECT(hvdpa_access_read, dma, asid, iova, buf,
				   len);

	return hvdpa_access_copy(dma, asid, iova, buf, len, false);
}

/**
 * hvdpa_access_write - copy to the owner's memory
 * @dma: the device's DMA side
 * @asid: address space
 * @iova: where to
 * @buf: where from
 * @len: bytes
 *
 * May sleep. The dirty log is the caller's.
 *
 * Return: 0; -EFAULT where nothing is mapped; -EACCES where it may not be
 * written. Some bytes may have been copied.
 */
int hvdpa_access_write(struct hvdpa_dma *dma, u32 asid, u64 iova,
		       const void *buf, size_t len)
{
	KUNIT_STATIC_STUB_REDIRECT(hvdpa_access_write, dma, asid, iova, buf,
				   len);

	return hvdpa_access_copy(dma, asid, iova, (void *)buf, len, true);
}

/* A half word that the owner writes or reads meanwhile is one access. */
static int hvdpa_access_half(struct hvdpa_dma *dma, u32 asid, u64 iova,
			     __le16 *value, bool write)
{
	u32 perm = write ? VHOST_ACCESS_WO : VHOST_ACCESS_RO;
	__le16 *at;
	u64 pa;
	int err;

	if (!IS_ALIGNED(iova, sizeof(*value)))
		return -EINVAL;

	mutex_lock(&dma->lock);
	err = hvdpa_access_find(dma, asid, iova, perm, &pa);
	if (!err) {
		at = kmap_local_page(pfn_to_page(PHYS_PFN(pa))) +
		     offset_in_page(pa);
		if (write)
			WRITE_ONCE(*at, *value);
		else
			*value = READ_ONCE(*at);
		kunmap_local(at);
	}
	mutex_unlock(&dma->lock);
	return err;
}

/**
 * hvdpa_access_read16 - read a half word of a ring
 * @dma: the device's DMA side
 * @asid: address space
 * @iova: where, a multiple of 2
 * @value: written here
 *
 * One access; orders nothing by itself. May sleep.
 *
 * Return: as hvdpa_access_read(), or -EINVAL if @iova is odd.
 */
int hvdpa_access_read16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 *value)
{
	__le16 half = 0;
	int err;

	KUNIT_STATIC_STUB_REDIRECT(hvdpa_access_read16, dma, asid, iova,
				   value);

	err = hvdpa_access_half(dma, asid, iova, &half, false);
	*value = le16_to_cpu(half);
	return err;
}

/**
 * hvdpa_access_write16 - write a half word of a ring
 * @dma: the device's DMA side
 * @asid: address space
 * @iova: where, a multiple of 2
 * @value: what
 *
 * One access; orders nothing by itself. May sleep.
 *
 * Return: as hvdpa_access_write(), or -EINVAL if @iova is odd.
 */
int hvdpa_access_write16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 value)
{
	__le16 half = cpu_to_le16(value);

	KUNIT_STATIC_STUB_REDIRECT(hvdpa_access_write16, dma, asid, iova,
				   value);

	return hvdpa_access_half(dma, asid, iova, &half, true);
}
