// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pieces of the owner's memory that the driver has open: rings that it relays, also
 * where nothing may sleep.
 *
 * An area holds its pages. It is closed to the driver when its map goes, before that
 * is said to be gone: see hvdpa_areas_lose().
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vhost_types.h>
#include <linux/vmalloc.h>

#include "dma.h"

static unsigned int hvdpa_area_npages(const struct hvdpa_area *area)
{
	return PFN_UP(offset_in_page(area->iova) + area->len);
}

static void hvdpa_area_put_pages(struct hvdpa_area *area, unsigned int n)
{
	while (n--) {
		if (area->writable)
			set_page_dirty_lock(area->pages[n]);
		put_page(area->pages[n]);
	}
	kvfree(area->pages);
}

/* The area's pages, held; writable unless one of them is not. */
static int hvdpa_area_get_pages(struct hvdpa_area *area, bool write)
{
	struct hvdpa_dma *dma = area->dma;
	unsigned int i, n = hvdpa_area_npages(area);
	u64 iova = ALIGN_DOWN(area->iova, PAGE_SIZE);
	u64 pa;
	int err;

	lockdep_assert_held(&dma->lock);

	area->writable = true;
	for (i = 0; i < n; i++, iova += PAGE_SIZE) {
		err = hvdpa_access_find(dma, 0, iova, VHOST_ACCESS_RO, &pa);
		if (!err && hvdpa_access_find(dma, 0, iova, VHOST_ACCESS_WO, &pa))
			area->writable = false;
		if (!err && write && !area->writable)
			err = -EACCES;
		area->pages[i] = err ? NULL : pfn_to_page(PHYS_PFN(pa));
		/* Who unmaps it may have let go of it already. */
		if (!err && !try_get_page(area->pages[i]))
			err = -EFAULT;
		if (err)
			goto err_put_pages;
	}
	return 0;

err_put_pages:
	area->writable = false;
	hvdpa_area_put_pages(area, i);
	return err;
}

/**
 * hvdpa_area_open - have a piece of the owner's memory at hand
 * @area: zeroed, but for @area->lost and @area->data
 * @dma: the device's DMA side
 * @iova: its first address in ASID 0
 * @len: its bytes, not 0
 * @write: it must be writable
 *
 * May sleep.
 *
 * Return: 0; -EFAULT where not all of it is mapped; -EACCES where it is not as
 * readable and writable as is asked for; -ENOMEM.
 */
int hvdpa_area_open(struct hvdpa_area *area, struct hvdpa_dma *dma, u64 iova,
		    size_t len, bool write)
{
	unsigned int n;
	void *at;
	int err;

	area->dma = dma;
	area->iova = iova;
	area->len = len;
	area->gone = false;
	if (iova + len < iova)
		return -EFAULT;
	n = hvdpa_area_npages(area);
	area->pages = kvcalloc(n, sizeof(*area->pages), GFP_KERNEL_ACCOUNT);
	if (!area->pages)
		return -ENOMEM;

	mutex_lock(&dma->lock);
	err = hvdpa_area_get_pages(area, write);
	if (err)
		goto out_unlock;
	at = vmap(area->pages, n, VM_MAP, PAGE_KERNEL);
	if (!at) {
		hvdpa_area_put_pages(area, n);
		err = -ENOMEM;
		goto out_unlock;
	}
	area->at = at + offset_in_page(iova);
	list_add(&area->node, &dma->areas);
out_unlock:
	mutex_unlock(&dma->lock);
	return err;
}

/**
 * hvdpa_area_close - undo hvdpa_area_open()
 * @area: the area, or one that is not open; nothing touches it any more
 *
 * May sleep.
 */
void hvdpa_area_close(struct hvdpa_area *area)
{
	struct hvdpa_dma *dma = area->dma;

	if (!area->at)
		return;
	mutex_lock(&dma->lock);
	list_del(&area->node);
	mutex_unlock(&dma->lock);
	vunmap((void *)ALIGN_DOWN((unsigned long)area->at, PAGE_SIZE));
	hvdpa_area_put_pages(area, hvdpa_area_npages(area));
	area->at = NULL;
}

/**
 * hvdpa_areas_lose - no byte of these addresses is touched any more on return
 * @dma: the device's DMA side, its lock held
 * @iova: first address in ASID 0
 * @size: bytes
 */
void hvdpa_areas_lose(struct hvdpa_dma *dma, u64 iova, u64 size)
{
	struct hvdpa_area *area;

	lockdep_assert_held(&dma->lock);

	list_for_each_entry(area, &dma->areas, node)
		if (area->iova <= iova + (size - 1) &&
		    iova <= area->iova + (area->len - 1)) {
			area->gone = true;
			if (area->lost)
				area->lost(area->data);
		}
}
