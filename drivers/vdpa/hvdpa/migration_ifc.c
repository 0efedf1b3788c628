// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions with Intel's IFC layout: BAR 4 has the state of each ring and the
 * place of a dirty log. No capability says so, so only functions whose IDs are
 * known are taken for one. Their log starts at IOVA 0, has pages of 4 KiB, and
 * has no writes to used rings. Their queues are stopped one by one, for good.
 */
#include <linux/bitops.h>
#include <linux/device.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <linux/pci.h>
#include <linux/virtio_pci_modern.h>
#include <uapi/linux/virtio_ids.h>

#include "endpoint.h"
#include "function.h"

#define HVDPA_PCI_VENDOR_INTEL	0x8086

/*
 * Two public drivers disagree about the stride of 1000/8086:0001. DPDK's has
 * the pairs of the first cards, the kernel's since 6.5 rings side by side, "the
 * better layout of the live migration BAR" of the newer ones with these IDs.
 */
static const struct {
	u16 device;
	u16 subsystem;
	u32 stride;
	bool paired;
} hvdpa_ifc_layouts[] = {
	{ 0x1041, 0x001a, HVDPA_IFC_PAIR_STRIDE, true },
	{ 0x1000, 0x0001, HVDPA_IFC_DENSE_STRIDE, false },
	{ 0x1001, 0x0002, HVDPA_IFC_PAIR_STRIDE, false },
	{ 0x1042, 0x0002, HVDPA_IFC_PAIR_STRIDE, false },
	{ 0x1042, 0x0000, HVDPA_IFC_PAIR_STRIDE, false },
};

/**
 * hvdpa_ifc_ring_offset - where in BAR 4 a ring's state is
 * @block: the layout
 * @idx: the queue
 *
 * Return: offset in bytes.
 */
u32 hvdpa_ifc_ring_offset(const struct hvdpa_migration_block *block, u16 idx)
{
	if (!block->paired)
		return HVDPA_IFC_RINGS + idx * block->stride;
	return HVDPA_IFC_RINGS + idx / 2 * block->stride + idx % 2 * 4;
}

static struct hvdpa_ifc_regs __iomem *hvdpa_ifc_regs(struct hvdpa_endpoint *ep)
{
	return ep->block.regs;
}

static __le32 __iomem *hvdpa_ifc_ring(struct hvdpa_endpoint *ep, u16 idx)
{
	return ep->block.regs + hvdpa_ifc_ring_offset(&ep->block, idx);
}

/* Wait for one queue to stop, until @end at the latest. */
static int hvdpa_ifc_await_stop(struct hvdpa_endpoint *ep, u16 idx, ktime_t end)
{
	s64 left = ktime_us_delta(end, ktime_get());
	u16 enable;
	int err;

	err = read_poll_timeout(ep->transport->queue_enable, enable,
				!enable || enable == HVDPA_ALL_ONES_16,
				HVDPA_SUSPEND_POLL_US, max(left, 1LL), false,
				ep, idx);
	if (!err && enable)
		err = -ENODEV;
	if (err)
		dev_err_ratelimited(ep->dev,
				    "suspend: queue %u: queue_enable is %#x, expected 0: %pe\n",
				    idx, enable, ERR_PTR(err));
	return err;
}

/* All queues together have HVDPA_SUSPEND_TIMEOUT_US. */
static int hvdpa_ifc_suspend(struct hvdpa_endpoint *ep)
{
	ktime_t end = ktime_add_us(ktime_get(), HVDPA_SUSPEND_TIMEOUT_US);
	unsigned int idx;
	int err;

	lockdep_assert_held(&ep->lock);

	for_each_set_bit(idx, ep->enabled, ep->nqueues)
		ep->transport->set_queue_enable(ep, idx, false);

	for_each_set_bit(idx, ep->enabled, ep->nqueues) {
		err = hvdpa_ifc_await_stop(ep, idx, end);
		if (err)
			return err;
	}
	return 0;
}

static int hvdpa_ifc_get_ring_state(struct hvdpa_endpoint *ep, u16 idx,
				    bool packed, u32 num,
				    struct hvdpa_ring_state *ring)
{
	u32 state = vp_ioread32(hvdpa_ifc_ring(ep, idx));

	/* Indices may be all ones, the control register may not. */
	if (state == HVDPA_ALL_ONES_32 &&
	    vp_ioread32(&hvdpa_ifc_regs(ep)->log_control) == HVDPA_ALL_ONES_32)
		return -ENODEV;

	hvdpa_ring_state_from_register(state, packed, ring);
	/*
	 * What a net function has fetched and not used is to be done again: a
	 * buffer that was not filled, a packet that may be sent twice.
	 */
	if (ep->type == VIRTIO_ID_NET) {
		ring->avail_idx = ring->used_idx;
		ring->avail_wrap = ring->used_wrap;
	}
	if (!hvdpa_ring_state_sane(ring, packed, num)) {
		dev_err_ratelimited(ep->dev,
				    "queue %u: ring state is %#x, expected all used that was available: %pe\n",
				    idx, state, ERR_PTR(-EIO));
		return -EIO;
	}
	return 0;
}

static int hvdpa_ifc_set_ring_state(struct hvdpa_endpoint *ep, u16 idx,
				    const struct hvdpa_ring_state *ring)
{
	vp_iowrite32(hvdpa_ring_state_to_register(ring),
		     hvdpa_ifc_ring(ep, idx));
	return 0;
}

static int hvdpa_ifc_log_sync(struct hvdpa_endpoint *ep)
{
	u32 control = vp_ioread32(&hvdpa_ifc_regs(ep)->log_control);

	if (control == HVDPA_IFC_LOG_ENABLE)
		return 0;
	dev_err_ratelimited(ep->dev, "logging control is %#x, expected %#x: %pe\n",
			    control, HVDPA_IFC_LOG_ENABLE,
			    ERR_PTR(control == HVDPA_ALL_ONES_32 ? -ENODEV : -EIO));
	return control == HVDPA_ALL_ONES_32 ? -ENODEV : -EIO;
}

static int hvdpa_ifc_log_start(struct hvdpa_endpoint *ep,
			       const struct hvdpa_log_window *window)
{
	struct hvdpa_ifc_regs __iomem *regs = hvdpa_ifc_regs(ep);
	u64 end = window->base + window->bytes;

	vp_iowrite32(lower_32_bits(window->base), &regs->log_base_lo);
	vp_iowrite32(upper_32_bits(window->base), &regs->log_base_hi);
	vp_iowrite32(lower_32_bits(end), &regs->log_end_lo);
	vp_iowrite32(upper_32_bits(end), &regs->log_end_hi);
	vp_iowrite32(HVDPA_IFC_LOG_ENABLE, &regs->log_control);
	return hvdpa_ifc_log_sync(ep);
}

static int hvdpa_ifc_log_stop(struct hvdpa_endpoint *ep)
{
	struct hvdpa_ifc_regs __iomem *regs = hvdpa_ifc_regs(ep);
	u32 control;
	int err;

	vp_iowrite32(HVDPA_IFC_LOG_DISABLE, &regs->log_control);
	control = vp_ioread32(&regs->log_control);
	if (control == HVDPA_IFC_LOG_DISABLE)
		return 0;
	err = control == HVDPA_ALL_ONES_32 ? -ENODEV : -EIO;
	dev_err_ratelimited(ep->dev, "logging control is %#x, expected %#x: %pe\n",
			    control, HVDPA_IFC_LOG_DISABLE, ERR_PTR(err));
	return err;
}

static const struct hvdpa_migration_ops hvdpa_ifc_ops = {
	.name = "Intel IFC",
	.log_from_zero = true,
	.log_lacks_rings = true,
	.suspend = hvdpa_ifc_suspend,
	.get_ring_state = hvdpa_ifc_get_ring_state,
	.set_ring_state = hvdpa_ifc_set_ring_state,
	.log_start = hvdpa_ifc_log_start,
	.log_stop = hvdpa_ifc_log_stop,
	.log_sync = hvdpa_ifc_log_sync,
};

/**
 * hvdpa_ifc_detect - does a function have Intel's IFC layout?
 * @ep: the endpoint, its lock held; its queues are counted
 *
 * Return: 1 if it has; 0 if its IDs are others; -EINVAL if BAR 4 is too small
 * for its queues, -ENODEV if the function is gone, -ENOMEM.
 */
int hvdpa_ifc_detect(struct hvdpa_endpoint *ep)
{
	struct hvdpa_region *region = &ep->fn->regions[HVDPA_REGION_MIGRATION];
	struct hvdpa_migration_block *block = &ep->block;
	struct pci_dev *pdev = ep->fn->pdev;
	unsigned int i;

	lockdep_assert_held(&ep->lock);

	if (pdev->subsystem_vendor != HVDPA_PCI_VENDOR_INTEL)
		return 0;
	for (i = 0; i < ARRAY_SIZE(hvdpa_ifc_layouts); i++)
		if (pdev->device == hvdpa_ifc_layouts[i].device &&
		    pdev->subsystem_device == hvdpa_ifc_layouts[i].subsystem)
			break;
	if (i == ARRAY_SIZE(hvdpa_ifc_layouts))
		return 0;

	block->stride = hvdpa_ifc_layouts[i].stride;
	block->paired = hvdpa_ifc_layouts[i].paired;
	block->page_sizes = BIT_ULL(HVDPA_IFC_LOG_PAGE_SHIFT);
	region->bar = HVDPA_IFC_BAR;
	region->offset = 0;
	region->length = hvdpa_ifc_ring_offset(block, ep->nqueues - 1) +
			 sizeof(__le32);
	if (!(pci_resource_flags(pdev, region->bar) & IORESOURCE_MEM) ||
	    !hvdpa_region_fits(region, pci_resource_len(pdev, region->bar))) {
		dev_err(&pdev->dev,
			"BAR 4 has %#llx bytes, %u rings of Intel's layout need %#x: %pe\n",
			pci_resource_len(pdev, region->bar), ep->nqueues,
			region->length, ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	block->regs = pci_iomap_range(pdev, region->bar, 0, region->length);
	if (!block->regs)
		return -ENOMEM;
	if (vp_ioread32(&hvdpa_ifc_regs(ep)->log_control) == HVDPA_ALL_ONES_32)
		return -ENODEV;

	ep->migration = &hvdpa_ifc_ops;
	ep->private_features = 0;
	memset(ep->lacks, 0, sizeof(ep->lacks));
	ep->lacks[HVDPA_COUNTERS] = "Intel's layout has none";
	ep->lacks[HVDPA_RESUME] =
		"a queue of Intel's layout that was stopped starts by a reset only";
	return 1;
}
