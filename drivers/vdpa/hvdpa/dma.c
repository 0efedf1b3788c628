// SPDX-License-Identifier: GPL-2.0-only
/*
 * The owner's memory as the device sees it.
 *
 * Under vhost-vdpa the device has an IOMMU domain of its own: nothing in it
 * but what the owner mapped. It is attached before the device may run, so that
 * a device whose owner mapped nothing reaches nothing, and it stays while the
 * device could still write. Under virtio-vdpa the kernel maps through the DMA
 * API and the default domain stays.
 */
#include <linux/iommu.h>
#include <linux/moduleparam.h>
#include <linux/vhost_types.h>

#include "parts.h"
#include "relay_ring.h"
#include "trace.h"

static bool hvdpa_allow_unsafe_interrupts;
module_param_named(allow_unsafe_interrupts, hvdpa_allow_unsafe_interrupts, bool,
		   0444);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "let vhost-vdpa have functions whose interrupts are not remapped: an owner can then send any interrupt of the machine (default: off)");

static int hvdpa_count_device(struct device *dev, void *data)
{
	unsigned int *n = data;

	(*n)++;
	return 0;
}

/*
 * Without interrupt remapping an owner that names the interrupt window in a
 * descriptor has its device send any interrupt of the machine: the IOMMU does not
 * translate what is written there.
 */
static bool hvdpa_interrupts_isolated(struct device *dev,
				      struct iommu_group *group)
{
	if (iommu_group_has_isolated_msi(group))
		return true;
	if (!hvdpa_allow_unsafe_interrupts)
		return false;
	dev_warn(dev, "no interrupt remapping, and allow_unsafe_interrupts is set: an owner can send any interrupt of this machine\n");
	return true;
}

/* Why the function cannot have a domain of its own; NULL if it can. */
static const char *hvdpa_dma_obstacle(struct device *dev,
				      const struct list_head *reserved)
{
	struct iommu_resv_region *region;
	struct iommu_group *group;
	unsigned int n = 0;
	bool isolated;

	if (!device_iommu_mapped(dev))
		return "no IOMMU translates its DMA";
	if (!device_iommu_capable(dev, IOMMU_CAP_CACHE_COHERENCY))
		return "its IOMMU is not cache coherent";

	group = iommu_group_get(dev);
	iommu_group_for_each_dev(group, &n, hvdpa_count_device);
	isolated = hvdpa_interrupts_isolated(dev, group);
	iommu_group_put(group);
	if (n != 1)
		return "it shares its IOMMU group with another function";
	if (!isolated)
		return "no interrupt remapping keeps it from sending other devices' interrupts";

	list_for_each_entry(region, reserved, list)
		if (region->type == IOMMU_RESV_SW_MSI)
			return "its interrupts go through the IOMMU's page tables";
	return NULL;
}

/**
 * hvdpa_iova_range_trim - cut reserved addresses off the ends of a range
 * @range: in: the IOMMU's aperture; out: what can be mapped
 * @reserved: list of struct iommu_resv_region
 *
 * A region in the midst of the range cannot be told to an owner, whose
 * interface knows one range; hvdpa_iova_ok() refuses it.
 */
void hvdpa_iova_range_trim(struct vdpa_iova_range *range,
			   const struct list_head *reserved)
{
	struct iommu_resv_region *region;
	bool again;

	do {
		again = false;
		list_for_each_entry(region, reserved, list) {
			u64 first = region->start;
			u64 last = region->start + region->length - 1;

			if (region->type == IOMMU_RESV_DIRECT_RELAXABLE)
				continue;
			if (first <= range->first && last >= range->first &&
			    last < range->last) {
				range->first = last + 1;
				again = true;
			}
			if (first <= range->last && last >= range->last &&
			    first > range->first) {
				range->last = first - 1;
				again = true;
			}
		}
	} while (again);
}

/**
 * hvdpa_iova_range_reserve - take a window off the end of a range
 * @range: what can be mapped; shorter on return
 * @reserved: list of struct iommu_resv_region
 * @bytes: of the window, whole pages
 *
 * The end, because owners put their memory at the start.
 *
 * Return: the window's first address; 0 where the range has no room for it, or
 * would have too little left.
 */
u64 hvdpa_iova_range_reserve(struct vdpa_iova_range *range,
			     const struct list_head *reserved, u64 bytes)
{
	struct iommu_resv_region *region;
	u64 base = ALIGN_DOWN(range->last - (bytes - 1), PAGE_SIZE);

	if (range->last < range->first ||
	    range->last - range->first < 2 * bytes)
		return 0;
	list_for_each_entry(region, reserved, list)
		if (region->type != IOMMU_RESV_DIRECT_RELAXABLE &&
		    region->start <= range->last &&
		    region->start + region->length - 1 >= base)
			return 0;
	range->last = base - 1;
	return base;
}

/**
 * hvdpa_iova_ok - may these addresses be mapped?
 * @dma: the device's DMA side
 * @iova: first address
 * @size: bytes
 *
 * Return: true if they are whole pages in range and none is reserved.
 */
bool hvdpa_iova_ok(const struct hvdpa_dma *dma, u64 iova, u64 size)
{
	u64 last = iova + size - 1;
	struct iommu_resv_region *region;

	if (!size || last < iova || !IS_ALIGNED(iova | size, PAGE_SIZE) ||
	    iova < dma->range.first || last > dma->range.last)
		return false;

	list_for_each_entry(region, &dma->reserved, list)
		if (region->type != IOMMU_RESV_DIRECT_RELAXABLE &&
		    iova <= region->start + region->length - 1 &&
		    region->start <= last)
			return false;
	return true;
}

/* A relayed queue has pages of its own for each half of its ring. */
static void hvdpa_dma_reserve_relay(struct hvdpa_device *hv)
{
	struct hvdpa_dma *dma = &hv->dma;
	u32 num = hv->ep->queue_size_max;
	u64 bytes;

	dma->relay_stride = PAGE_ALIGN(hvdpa_relay_avail_bytes(num)) +
			    PAGE_ALIGN(hvdpa_relay_used_bytes(num));
	bytes = dma->relay_stride * hv->nvqs;
	dma->relay_window = hvdpa_iova_range_reserve(&dma->range,
						     &dma->reserved, bytes);
	if (!dma->relay_window)
		dev_warn(hv->ep->dev,
			 "no ring can be relayed: no %#llx bytes are free at the end of %#llx-%#llx\n",
			 bytes, dma->range.first, dma->range.last);
}

/* Where the owner cannot map: the control queue, relayed rings, and a dirty log. */
static void hvdpa_dma_reserve_windows(struct hvdpa_device *hv)
{
	struct hvdpa_dma *dma = &hv->dma;

	/* Also for an address that `vdpa dev set` may bring later. */
	if (hvdpa_control_index(hv, hv->ep->supported) >= 0) {
		dma->control_window =
			hvdpa_iova_range_reserve(&dma->range, &dma->reserved,
						 HVDPA_CONTROL_WINDOW_BYTES);
		if (!dma->control_window)
			dev_warn(hv->ep->dev,
				 "the control queue is not isolated: no %#llx bytes are free at the end of %#llx-%#llx\n",
				 HVDPA_CONTROL_WINDOW_BYTES, dma->range.first,
				 dma->range.last);
	}
	hvdpa_dma_reserve_relay(hv);
	if (!hvdpa_can(hv->ep, HVDPA_LOG))
		return;

	dma->window = hvdpa_iova_range_reserve(&dma->range, &dma->reserved,
					       HVDPA_LOG_BYTES_MAX);
	if (!dma->window)
		dev_warn(hv->ep->dev,
			 "no dirty log: no %#llx bytes are free at the end of %#llx-%#llx\n",
			 HVDPA_LOG_BYTES_MAX, dma->range.first,
			 dma->range.last);
}

/**
 * hvdpa_dma_setup - make a device's domain, where it can have one
 * @hv: the device, before it is registered; its features are known
 *
 * Without one the device works for virtio-vdpa, and vhost-vdpa refuses it; a
 * line in the log says why.
 *
 * Return: 0 or a negative errno.
 */
int hvdpa_dma_setup(struct hvdpa_device *hv)
{
	struct device *dev = hv->ep->dev;
	struct hvdpa_dma *dma = &hv->dma;
	struct iommu_domain *domain;
	const char *obstacle;
	int err;

	mutex_init(&dma->lock);
	dma->dev = dev;
	hvdpa_access_init(dma);
	INIT_LIST_HEAD(&dma->reserved);
	/* The IOMMU core asks the device's IOMMU and does not look for one. */
	if (device_iommu_mapped(dev))
		iommu_get_resv_regions(dev, &dma->reserved);

	obstacle = hvdpa_dma_obstacle(dev, &dma->reserved);
	if (obstacle) {
		dev_warn(dev,
			 "%s: virtio-vdpa can use it, vhost-vdpa cannot\n",
			 obstacle);
		return 0;
	}

	domain = iommu_paging_domain_alloc(dev);
	if (IS_ERR(domain)) {
		dev_err(dev, "cannot allocate an IOMMU domain: %pe\n", domain);
		err = PTR_ERR(domain);
		goto err_teardown;
	}

	/*
	 * Some IOMMUs say only once they translate for the device how many
	 * address bits they have. An obstacle that the kernel knows of shows
	 * here too, and not first at an owner's first map.
	 */
	dma->domain = domain;
	err = hvdpa_dma_attach(hv);
	if (err)
		goto err_teardown;
	hvdpa_dma_detach(hv);

	dma->range.first = domain->geometry.aperture_start;
	dma->range.last = domain->geometry.aperture_end;
	hvdpa_iova_range_trim(&dma->range, &dma->reserved);

	hvdpa_dma_reserve_windows(hv);
	return 0;

err_teardown:
	hvdpa_dma_teardown(hv);
	return err;
}

/**
 * hvdpa_dma_teardown - undo hvdpa_dma_setup()
 * @hv: the device; it cannot reach memory any more
 */
void hvdpa_dma_teardown(struct hvdpa_device *hv)
{
	hvdpa_dma_detach(hv);
	hvdpa_access_unmap(&hv->dma, 0, U64_MAX);
	vhost_iotlb_reset(&hv->dma.restricted);
	if (hv->dma.domain)
		iommu_domain_free(hv->dma.domain);
	iommu_put_resv_regions(hv->ep->dev, &hv->dma.reserved);
	mutex_destroy(&hv->dma.lock);
}

/**
 * hvdpa_dma_attach - confine the device to what its owner mapped
 * @hv: the device
 *
 * Return: 0 (also if it is already), -EOPNOTSUPP without a domain, or what the
 * IOMMU says.
 */
int hvdpa_dma_attach(struct hvdpa_device *hv)
{
	struct hvdpa_dma *dma = &hv->dma;
	int err = 0;

	if (!dma->domain)
		return -EOPNOTSUPP;
	/* Lockless check: the lock is dropped before iommu_map() anyway. */
	if (READ_ONCE(dma->attached))
		return 0;

	mutex_lock(&dma->lock);
	if (!dma->attached) {
		err = iommu_attach_device(dma->domain, hv->ep->dev);
		if (err)
			dev_err_ratelimited(hv->ep->dev,
					    "cannot attach its IOMMU domain: %pe\n",
					    ERR_PTR(err));
		else
			WRITE_ONCE(dma->attached, true);
	}
	mutex_unlock(&dma->lock);
	return err;
}

/**
 * hvdpa_dma_detach - give the device back to the kernel's default domain
 * @hv: the device; reset, or unable to reach memory
 */
void hvdpa_dma_detach(struct hvdpa_device *hv)
{
	struct hvdpa_dma *dma = &hv->dma;

	mutex_lock(&dma->lock);
	if (dma->attached) {
		iommu_detach_device(dma->domain, hv->ep->dev);
		WRITE_ONCE(dma->attached, false);
	}
	mutex_unlock(&dma->lock);
}

/**
 * hvdpa_dma_map_own - let the device reach memory of the driver's
 * @dma: the device's DMA side
 * @iova: where the device sees it, in a window that no owner can map
 * @memory: from vmalloc()
 * @bytes: whole pages
 *
 * Undone by iommu_unmap(). May sleep.
 *
 * Return: 0, or what the IOMMU says.
 */
int hvdpa_dma_map_own(struct hvdpa_dma *dma, u64 iova, void *memory, u64 bytes)
{
	u64 offset;
	int err;

	for (offset = 0; offset < bytes; offset += PAGE_SIZE) {
		err = iommu_map(dma->domain, iova + offset,
				page_to_phys(vmalloc_to_page(memory + offset)),
				PAGE_SIZE,
				IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
				GFP_KERNEL_ACCOUNT);
		if (err)
			goto err_unmap;
	}
	return 0;

err_unmap:
	if (offset)
		iommu_unmap(dma->domain, iova, offset);
	return err;
}

/*
 * What a map that failed left behind. The IOMMU core takes back what a driver
 * said that it mapped; Intel's says nothing of a piece that it has no memory to
 * end, and the device would reach pages that are soon somebody else's. Nor can
 * all be unmapped: where nothing is mapped, Intel's takes what lies beside it.
 */
static void hvdpa_dma_unmap_rest(struct iommu_domain *domain, u64 iova,
				 u64 size)
{
	u64 offset, rest = 0;

	for (offset = 0; offset < size; offset += PAGE_SIZE) {
		if (iommu_iova_to_phys(domain, iova + offset))
			rest += PAGE_SIZE;
		else if (rest)
			break;
		cond_resched();
	}
	if (rest)
		iommu_unmap(domain, iova + offset - rest, rest);
}

/*
 * The owner's first map. While a function is in a reset, a kernel may attach no
 * domain to it (7.3 does not where the function has ATS): the map waits for the end.
 */
static int hvdpa_dma_attach_first(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	int err;

	if (READ_ONCE(hv->dma.attached))
		return 0;

	mutex_lock(&ep->lock);
	err = hvdpa_endpoint_await_reset(ep);
	if (!err)
		err = hvdpa_dma_attach(hv);
	mutex_unlock(&ep->lock);
	return err;
}

static int hvdpa_dma_map_data(struct hvdpa_device *hv, u64 iova, u64 size,
			      u64 pa, u32 perm)
{
	struct hvdpa_dma *dma = &hv->dma;
	int prot = IOMMU_CACHE;
	int err;

	if (!hvdpa_iova_ok(dma, iova, size) ||
	    !IS_ALIGNED(pa, PAGE_SIZE) || !(perm & VHOST_ACCESS_RW)) {
		dev_err_ratelimited(hv->ep->dev,
				    "map of %#llx bytes at %#llx, perm %u: expected pages in %#llx-%#llx that are not reserved: %pe\n",
				    size, iova, perm, dma->range.first,
				    dma->range.last, ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	if (perm & VHOST_ACCESS_RO)
		prot |= IOMMU_READ;
	if (perm & VHOST_ACCESS_WO)
		prot |= IOMMU_WRITE;

	err = hvdpa_dma_attach_first(hv);
	if (err)
		return err;

	/*
	 * In this order and under the lock: the driver finds no page whose
	 * permission it does not know, and looks at no page table that Intel's
	 * map is freeing to put a larger page in its place.
	 */
	mutex_lock(&dma->lock);
	if (perm != VHOST_ACCESS_RW)
		err = hvdpa_access_restrict(dma, iova, size, perm);
	if (err)
		goto out_unlock;
	err = iommu_map(dma->domain, iova, pa, size, prot, GFP_KERNEL_ACCOUNT);
	if (err) {
		hvdpa_dma_unmap_rest(dma->domain, iova, size);
		hvdpa_access_lift(dma, iova, size);
	}
out_unlock:
	mutex_unlock(&dma->lock);
	return err;
}

/**
 * hvdpa_dma_map - the operation of that name: let the device, or the driver in
 * its place, reach a piece of its owner's memory
 * @vdpa: the device
 * @asid: HVDPA_ASID_*
 * @iova: where the device sees it
 * @size: bytes; physically contiguous
 * @pa: where it is
 * @perm: VHOST_ACCESS_*
 * @opaque: vhost-vdpa's, not used
 *
 * vhost-vdpa has pinned it and has seen that it overlaps no other. It calls this
 * for each page of a guest whose pages are no neighbours. May sleep.
 *
 * Return: 0; -EINVAL if the addresses cannot be mapped or there is no such
 * address space; or what the IOMMU says. Nothing stays mapped after an error.
 */
int hvdpa_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		  u64 size, u64 pa, u32 perm, void *opaque)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int err = -EINVAL;

	if (likely(asid == HVDPA_ASID_DATA))
		err = hvdpa_dma_map_data(hv, iova, size, pa, perm);
	else if (asid == HVDPA_ASID_CONTROL && hv->control)
		err = hvdpa_access_map(&hv->dma, iova, size, pa, perm);
	trace_hvdpa_map(vdpa, asid, iova, size, perm, err);
	return err;
}

static int hvdpa_dma_unmap_data(struct hvdpa_device *hv, u64 iova, u64 size)
{
	struct hvdpa_dma *dma = &hv->dma;
	size_t unmapped;

	if (!hvdpa_iova_ok(dma, iova, size))
		return -EINVAL;

	mutex_lock(&dma->lock);
	hvdpa_areas_lose(dma, iova, size);
	unmapped = iommu_unmap(dma->domain, iova, size);
	hvdpa_access_lift(dma, iova, size);
	mutex_unlock(&dma->lock);
	return unmapped == size ? 0 : -EINVAL;
}

/**
 * hvdpa_dma_unmap - the operation of that name: take a piece of memory away
 * @vdpa: the device
 * @asid: HVDPA_ASID_*
 * @iova: where the device saw it
 * @size: bytes
 *
 * Neither the device nor the driver reaches it any more on return. Restricted
 * maps go as a whole: vhost-vdpa takes away what it once mapped. May sleep.
 *
 * Return: 0, or -EINVAL if not all of it was mapped or there is no such address
 * space.
 */
int hvdpa_dma_unmap(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		    u64 size)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int err = -EINVAL;

	if (likely(asid == HVDPA_ASID_DATA)) {
		err = hvdpa_dma_unmap_data(hv, iova, size);
	} else if (asid == HVDPA_ASID_CONTROL && hv->control) {
		hvdpa_access_unmap(&hv->dma, iova, iova + size - 1);
		err = 0;
	}
	trace_hvdpa_unmap(vdpa, asid, iova, size, err);
	return err;
}

/**
 * hvdpa_dma_reset_map - the operation of that name: as before the first map
 * @vdpa: the device
 * @asid: HVDPA_ASID_*
 *
 * May sleep; takes the endpoint's lock.
 *
 * Return: 0, or -EINVAL if there is no such address space.
 */
int hvdpa_dma_reset_map(struct vdpa_device *vdpa, unsigned int asid)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	if (asid == HVDPA_ASID_CONTROL && hv->control) {
		hvdpa_access_unmap(&hv->dma, 0, U64_MAX);
		return 0;
	}
	if (asid != HVDPA_ASID_DATA)
		return -EINVAL;

	/* A device that may still write stays confined to nothing. */
	mutex_lock(&hv->ep->lock);
	if (!hvdpa_device_is_running(hv) && !hvdpa_endpoint_is_lost(hv->ep))
		hvdpa_dma_detach(hv);
	mutex_unlock(&hv->ep->lock);
	return 0;
}
