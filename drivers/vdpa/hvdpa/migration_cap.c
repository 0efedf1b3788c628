// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function with the migration block of Documentation/device-interface.rst.
 */
#include <linux/bitfield.h>
#include <linux/iopoll.h>
#include <linux/pci.h>
#include <linux/virtio_pci_modern.h>

#include "endpoint.h"
#include "function.h"

/* The most rounds of reading a counter; its high half changes all 2^32. */
#define HVDPA_COUNTER_ROUNDS	4

static struct hvdpa_migration_regs __iomem *
hvdpa_cap_regs(struct hvdpa_endpoint *ep)
{
	return ep->block.regs;
}

static struct hvdpa_migration_queue __iomem *
hvdpa_cap_queue(struct hvdpa_endpoint *ep, u16 idx)
{
	return ep->block.queues + idx * ep->block.stride;
}

static int hvdpa_cap_set_suspend(struct hvdpa_endpoint *ep, bool on)
{
	struct hvdpa_migration_regs __iomem *regs = hvdpa_cap_regs(ep);
	u32 expected = on ? HVDPA_MIGRATION_STATUS_SUSPENDED : 0;
	u32 status;
	int err;

	vp_iowrite32(on ? HVDPA_MIGRATION_CONTROL_SUSPEND : 0, &regs->control);
	err = read_poll_timeout(vp_ioread32, status,
				(status & HVDPA_MIGRATION_STATUS_SUSPENDED) ==
				expected || status == HVDPA_ALL_ONES_32,
				HVDPA_SUSPEND_POLL_US,
				HVDPA_SUSPEND_TIMEOUT_US, false, &regs->status);
	if (!err && status == HVDPA_ALL_ONES_32)
		err = -ENODEV;
	if (err)
		dev_err_ratelimited(ep->dev,
				    "%s: migration status is %#x, expected %#x: %pe\n",
				    on ? "suspend" : "resume", status, expected,
				    ERR_PTR(err));
	return err;
}

static int hvdpa_cap_suspend(struct hvdpa_endpoint *ep)
{
	return hvdpa_cap_set_suspend(ep, true);
}

static int hvdpa_cap_resume(struct hvdpa_endpoint *ep)
{
	return hvdpa_cap_set_suspend(ep, false);
}

static int hvdpa_cap_get_ring_state(struct hvdpa_endpoint *ep, u16 idx,
				    bool packed, u32 num,
				    struct hvdpa_ring_state *ring)
{
	u32 state = vp_ioread32(&hvdpa_cap_queue(ep, idx)->state);

	/* Indices may be all ones, the status may not. */
	if (state == HVDPA_ALL_ONES_32 &&
	    vp_ioread32(&hvdpa_cap_regs(ep)->status) == HVDPA_ALL_ONES_32)
		return -ENODEV;

	hvdpa_ring_state_from_register(state, packed, ring);
	/* A suspended device has ended all that it began. */
	if (!hvdpa_ring_state_sane(ring, packed, num)) {
		dev_err_ratelimited(ep->dev,
				    "queue %u: ring state is %#x, expected equal halves%s: %pe\n",
				    idx, state, packed ? " below the queue's size" : "",
				    ERR_PTR(-EIO));
		return -EIO;
	}
	return 0;
}

/*
 * Write a register that firmware may be behind, until it reads so. What it read last is in
 * @got. A value of all ones is what was written, and no sign of a function that is gone.
 */
static int hvdpa_cap_write(__le32 __iomem *reg, u32 value, u64 timeout_us, u32 *got)
{
	int err;

	vp_iowrite32(value, reg);
	err = read_poll_timeout(vp_ioread32, *got,
				*got == value || *got == HVDPA_ALL_ONES_32,
				HVDPA_REGISTER_POLL_US, timeout_us, false, reg);
	return !err && *got != value ? -ENODEV : err;
}

static int hvdpa_cap_set_ring_state(struct hvdpa_endpoint *ep, u16 idx,
				    const struct hvdpa_ring_state *ring)
{
	u32 state = hvdpa_ring_state_to_register(ring);
	u32 got;
	int err;

	err = hvdpa_cap_write(&hvdpa_cap_queue(ep, idx)->state, state,
			      HVDPA_STATE_TIMEOUT_US, &got);
	if (err)
		dev_err_ratelimited(ep->dev,
				    "queue %u: ring state reads %#x, expected %#x: %pe\n",
				    idx, got, state, ERR_PTR(err));
	return err;
}

/*
 * What the device wrote so far is in the log on return, and what was written to the log's
 * registers has happened. The read that sees it pushes what was posted before. Each flush
 * has a number of its own, as one that timed out may end during the next.
 */
static int hvdpa_cap_flush(struct hvdpa_endpoint *ep)
{
	/* Not 0: so the register reads after a reset. */
	u32 number = ++ep->block.flushes ?: ++ep->block.flushes;
	u32 got;
	int err;

	err = hvdpa_cap_write(&hvdpa_cap_regs(ep)->log_flush, number,
			      HVDPA_LOG_TIMEOUT_US, &got);
	if (err)
		dev_err_ratelimited(ep->dev, "log_flush is %#x, expected %#x: %pe\n",
				    got, number, ERR_PTR(err));
	return err;
}

/* Is the log kept, and whole? Bits of a later contract say nothing of it. */
static int hvdpa_cap_log_check(struct hvdpa_endpoint *ep, u32 expected)
{
	u32 status = vp_ioread32(&hvdpa_cap_regs(ep)->log_status);
	u32 known = HVDPA_MIGRATION_LOG_ENABLED;
	int err = 0;

	if (expected)
		known |= HVDPA_MIGRATION_LOG_LOST;
	if (status == HVDPA_ALL_ONES_32)
		err = -ENODEV;
	else if ((status & known) != expected)
		err = -EIO;
	if (err)
		dev_err_ratelimited(ep->dev, "log_status is %#x, expected %#x: %pe\n",
				    status, expected, ERR_PTR(err));
	return err;
}

static int hvdpa_cap_log_sync(struct hvdpa_endpoint *ep)
{
	return hvdpa_cap_flush(ep) ?:
	       hvdpa_cap_log_check(ep, HVDPA_MIGRATION_LOG_ENABLED);
}

/* ENABLED may read 0 for a start that takes its time: it is off once it was flushed. */
static int hvdpa_cap_log_stop(struct hvdpa_endpoint *ep)
{
	vp_iowrite32(0, &hvdpa_cap_regs(ep)->log_control);
	return hvdpa_cap_flush(ep) ?: hvdpa_cap_log_check(ep, 0);
}

static int hvdpa_cap_log_enable(struct hvdpa_endpoint *ep)
{
	struct hvdpa_migration_regs __iomem *regs = hvdpa_cap_regs(ep);
	u32 status;

	vp_iowrite32(HVDPA_MIGRATION_LOG_ENABLE, &regs->log_control);
	if (read_poll_timeout(vp_ioread32, status,
			      status & HVDPA_MIGRATION_LOG_ENABLED,
			      HVDPA_REGISTER_POLL_US, HVDPA_LOG_TIMEOUT_US,
			      false, &regs->log_status)) {
		dev_err_ratelimited(ep->dev, "log_status is %#x, expected %#x: %pe\n",
				    status, HVDPA_MIGRATION_LOG_ENABLED,
				    ERR_PTR(-ETIMEDOUT));
		return -ETIMEDOUT;
	}
	return hvdpa_cap_log_check(ep, HVDPA_MIGRATION_LOG_ENABLED);
}

/* A device takes these while its log is off, and no later. */
static int hvdpa_cap_log_start(struct hvdpa_endpoint *ep,
			       const struct hvdpa_log_window *window)
{
	struct hvdpa_migration_regs __iomem *regs = hvdpa_cap_regs(ep);

	vp_iowrite32(window->shift, &regs->log_page_shift);
	vp_iowrite32(lower_32_bits(window->base), &regs->log_base_lo);
	vp_iowrite32(upper_32_bits(window->base), &regs->log_base_hi);
	vp_iowrite32(lower_32_bits(window->bytes), &regs->log_size_lo);
	vp_iowrite32(upper_32_bits(window->bytes), &regs->log_size_hi);
	vp_iowrite32(lower_32_bits(window->first), &regs->log_first_lo);
	vp_iowrite32(upper_32_bits(window->first), &regs->log_first_hi);
	return hvdpa_cap_log_enable(ep);
}

/* Two registers that change meanwhile: again until the high half stands still. */
static int hvdpa_cap_read_counter(__le32 __iomem *low, __le32 __iomem *high,
				  u64 *value)
{
	u32 first, second, lower;
	unsigned int i;

	second = vp_ioread32(high);
	for (i = 0; i < HVDPA_COUNTER_ROUNDS; i++) {
		first = second;
		lower = vp_ioread32(low);
		second = vp_ioread32(high);
		if (first == second) {
			*value = (u64)first << 32 | lower;
			return 0;
		}
	}
	return -EIO;
}

static int hvdpa_cap_get_counters(struct hvdpa_endpoint *ep, u16 idx,
				  struct hvdpa_queue_counters *counters)
{
	struct hvdpa_migration_queue __iomem *queue = hvdpa_cap_queue(ep, idx);
	int err;

	err = hvdpa_cap_read_counter(&queue->doorbells_lo, &queue->doorbells_hi,
				     &counters->doorbells) ?:
	      hvdpa_cap_read_counter(&queue->used_lo, &queue->used_hi,
				     &counters->used);
	if (err)
		return err;
	/* A counter may be all ones, the features may not. */
	return vp_ioread32(&hvdpa_cap_regs(ep)->features) == HVDPA_ALL_ONES_32 ?
	       -ENODEV : 0;
}

static const struct hvdpa_migration_ops hvdpa_cap_ops = {
	.name = "migration capability",
	.suspend = hvdpa_cap_suspend,
	.resume = hvdpa_cap_resume,
	.get_ring_state = hvdpa_cap_get_ring_state,
	.set_ring_state = hvdpa_cap_set_ring_state,
	.log_start = hvdpa_cap_log_start,
	.log_stop = hvdpa_cap_log_stop,
	.log_sync = hvdpa_cap_log_sync,
	.get_counters = hvdpa_cap_get_counters,
};

/* The capability's own words, before anything is mapped. */
static int hvdpa_cap_check(struct hvdpa_endpoint *ep, int cap)
{
	struct hvdpa_region *region = &ep->fn->regions[HVDPA_REGION_MIGRATION];
	struct pci_dev *pdev = ep->fn->pdev;
	u64 bar_length = 0;
	u16 vendor_id;
	u8 cap_len;

	pci_read_config_word(pdev, cap + offsetof(struct hvdpa_migration_cap,
						  vendor_id), &vendor_id);
	if (vendor_id == HVDPA_MIGRATION_NOT_VENDOR) {
		dev_err(&pdev->dev,
			"migration capability: vendor_id is %#x, expected the card vendor's: %pe\n",
			vendor_id, ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	pci_read_config_byte(pdev, cap + offsetof(struct hvdpa_migration_cap,
						  cap_len), &cap_len);
	pci_read_config_byte(pdev, cap + offsetof(struct hvdpa_migration_cap,
						  bar), &region->bar);
	pci_read_config_dword(pdev, cap + offsetof(struct hvdpa_migration_cap,
						   offset), &region->offset);
	pci_read_config_dword(pdev, cap + offsetof(struct hvdpa_migration_cap,
						   length), &region->length);
	if (region->bar < PCI_STD_NUM_BARS &&
	    pci_resource_flags(pdev, region->bar) & IORESOURCE_MEM)
		bar_length = pci_resource_len(pdev, region->bar);

	if (cap_len < sizeof(struct hvdpa_migration_cap) ||
	    region->length < sizeof(struct hvdpa_migration_regs) ||
	    !IS_ALIGNED(region->offset, 8) ||
	    !hvdpa_region_fits(region, bar_length)) {
		dev_err(&pdev->dev,
			"migration capability of %u bytes: offset %#x length %#x, at least %#zx bytes needed in memory BAR %u of %#llx: %pe\n",
			cap_len, region->offset, region->length,
			sizeof(struct hvdpa_migration_regs), region->bar,
			bar_length, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	return 0;
}

static const char *hvdpa_cap_lack(u32 features, u32 needed, const char *name)
{
	if (!(features & HVDPA_MIGRATION_F_SUSPEND))
		return "the block has no SUSPEND";
	return (features & needed) == needed ? NULL : name;
}

/* What none can use without the other is not there without it. */
static void hvdpa_cap_abilities(struct hvdpa_endpoint *ep, u32 features)
{
	const char **lacks = ep->lacks;

	lacks[HVDPA_SUSPEND] = hvdpa_cap_lack(features, 0, NULL);
	lacks[HVDPA_RESUME] = hvdpa_cap_lack(features, HVDPA_MIGRATION_F_RESUME,
					     "the block has no RESUME");
	lacks[HVDPA_GET_STATE] = hvdpa_cap_lack(features,
						HVDPA_MIGRATION_F_RING_STATE,
						"the block has no RING_STATE");
	lacks[HVDPA_SET_STATE] = lacks[HVDPA_GET_STATE];
	lacks[HVDPA_LOG] = hvdpa_cap_lack(features,
					  HVDPA_MIGRATION_F_RING_STATE |
					  HVDPA_MIGRATION_F_DIRTY_LOG,
					  "the block has no DIRTY_LOG");
	if (!lacks[HVDPA_LOG] && !ep->block.page_sizes)
		lacks[HVDPA_LOG] = "the block has a log of no page size from 4 KiB on";
	lacks[HVDPA_COUNTERS] = features & HVDPA_MIGRATION_F_COUNTERS ?
				NULL : "the block has no COUNTERS";
}

/* The block's own words. */
static int hvdpa_cap_read(struct hvdpa_endpoint *ep)
{
	struct hvdpa_migration_regs __iomem *regs = hvdpa_cap_regs(ep);
	u32 length = ep->fn->regions[HVDPA_REGION_MIGRATION].length;
	u32 features = vp_ioread32(&regs->features);
	u32 offset = vp_ioread32(&regs->queue_offset);
	u32 layout = vp_ioread32(&regs->queue_layout);
	u16 num = FIELD_GET(HVDPA_MIGRATION_NUM_QUEUES, layout);
	u16 stride = FIELD_GET(HVDPA_MIGRATION_QUEUE_STRIDE, layout);

	if (features == HVDPA_ALL_ONES_32)
		return -ENODEV;

	if (num < ep->nqueues || offset < sizeof(*regs) ||
	    stride < sizeof(struct hvdpa_migration_queue) ||
	    !IS_ALIGNED(offset | stride, 8) ||
	    (u64)offset + (u64)num * stride > length) {
		dev_err(ep->dev,
			"migration block of %#x bytes: %u queue entries at %#x of %#x bytes each, expected at least %u: %pe\n",
			length, num, offset, stride, ep->nqueues,
			ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	ep->block.queues = ep->block.regs + offset;
	ep->block.stride = stride;
	ep->block.page_sizes = vp_ioread32(&regs->log_page_shifts) &
				   GENMASK_ULL(31, 12);

	hvdpa_cap_abilities(ep, features);
	return 0;
}

/**
 * hvdpa_cap_detect - does a function have the migration capability?
 * @ep: the endpoint, its lock held; its queues are counted
 *
 * Return: 1 if it has, and all of it is known; 0 if it has none of a version
 * that is known here; -EINVAL if it contradicts itself, -ENODEV if the function
 * is gone, -ENOMEM. One line in the log says what is wrong.
 */
int hvdpa_cap_detect(struct hvdpa_endpoint *ep)
{
	const struct hvdpa_region *region = &ep->fn->regions[HVDPA_REGION_MIGRATION];
	struct pci_dev *pdev = ep->fn->pdev;
	u8 version;
	int err;
	int cap;

	lockdep_assert_held(&ep->lock);

	cap = hvdpa_find_vendor_cap(pdev, HVDPA_MIGRATION_MAGIC);
	if (!cap)
		return 0;

	pci_read_config_byte(pdev, cap + offsetof(struct hvdpa_migration_cap,
						  version), &version);
	if (version != HVDPA_MIGRATION_VERSION) {
		dev_warn(&pdev->dev,
			 "migration capability has version %u, this driver knows %u: driven without it\n",
			 version, HVDPA_MIGRATION_VERSION);
		return 0;
	}

	err = hvdpa_cap_check(ep, cap);
	if (err)
		return err;

	ep->block.regs = pci_iomap_range(pdev, region->bar, region->offset,
					 region->length);
	if (!ep->block.regs)
		return -ENOMEM;
	err = hvdpa_cap_read(ep);
	if (err)
		return err;

	ep->migration = &hvdpa_cap_ops;
	ep->private_features = 0;
	return 1;
}
