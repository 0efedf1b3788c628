// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hardware life of a function: what it is, its reset, its death.
 *
 * Written here rather than called from the kernel's library is only what the
 * library has without a bound: the reset, virtio 1.4 section 4.1.4.3.2.
 */
#include <kunit/static_stub.h>
#include <linux/iopoll.h>
#include <linux/log2.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>

#include "hvdpa.h"

/**
 * hvdpa_function_read_status - read the device status register
 * @fn: the function
 *
 * Return: the register; all-ones if the function is gone.
 */
u8 hvdpa_function_read_status(struct hvdpa_function *fn)
{
	KUNIT_STATIC_STUB_REDIRECT(hvdpa_function_read_status, fn);

	return vp_modern_get_status(&fn->mdev);
}

/**
 * hvdpa_function_reset - reset the device and wait until it says so
 * @fn: the function, its lock held
 *
 * Bounded by HVDPA_RESET_TIMEOUT_US; a device that does not finish by then
 * gets a function level reset. May sleep.
 *
 * Return: 0; -ENODEV if the function is gone; -ETIMEDOUT if neither reset
 * helped. After an error the function is dead and cannot reach memory.
 */
int hvdpa_function_reset(struct hvdpa_function *fn)
{
	u8 status;
	int err;

	lockdep_assert_held(&fn->lock);

	if (fn->dead)
		return -ENODEV;

	vp_modern_set_status(&fn->mdev, 0);
	err = read_poll_timeout(hvdpa_function_read_status, status,
				status == 0 || status == HVDPA_ALL_ONES_8,
				HVDPA_RESET_POLL_US, HVDPA_RESET_TIMEOUT_US,
				false, fn);
	if (!err && status == 0)
		return 0;

	if (status == HVDPA_ALL_ONES_8) {
		hvdpa_function_mark_dead(fn, "device_status reads 0xff");
		return -ENODEV;
	}

	dev_err_ratelimited(&fn->pdev->dev,
			    "reset: device_status is still %#x after %u us, expected 0; trying a function level reset\n",
			    status, HVDPA_RESET_TIMEOUT_US);
	err = hvdpa_function_flr(fn);
	if (!err && hvdpa_function_read_status(fn) == 0)
		return 0;

	hvdpa_function_mark_dead(fn, "it does not finish a reset");
	return -ETIMEDOUT;
}

/**
 * hvdpa_function_agree - agree on a set of features with the device
 * @fn: the function, its lock held; just reset
 * @features: what the driver accepts
 *
 * Virtio 1.4 section 3.1.1, steps 2 to 6.
 *
 * Return: 0; -EOPNOTSUPP if the device does not keep FEATURES_OK; -ENODEV if
 * it is gone.
 */
int hvdpa_function_agree(struct hvdpa_function *fn, u64 features)
{
	u8 status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	lockdep_assert_held(&fn->lock);

	if (fn->dead)
		return -ENODEV;

	vp_modern_set_status(&fn->mdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vp_modern_set_status(&fn->mdev, status);
	vp_modern_set_features(&fn->mdev, features | fn->private_features);
	vp_modern_set_status(&fn->mdev, status | VIRTIO_CONFIG_S_FEATURES_OK);

	status = hvdpa_function_read_status(fn);
	if (status == HVDPA_ALL_ONES_8) {
		hvdpa_function_mark_dead(fn, "device_status reads 0xff");
		return -ENODEV;
	}
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		dev_err_ratelimited(&fn->pdev->dev,
				    "features %#llx: device_status is %#x, the device does not keep FEATURES_OK: %pe\n",
				    features, status, ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * hvdpa_queue_size_ok - may a queue have this many entries?
 * @size: entries
 * @packed: packed rings need no power of two
 *
 * Return: true if it may, virtio 1.4 sections 2.7 and 2.8.
 */
bool hvdpa_queue_size_ok(u32 size, bool packed)
{
	return size && size <= HVDPA_VRING_NUM_MAX &&
	       (packed || is_power_of_2(size));
}

/**
 * hvdpa_function_read_queue_size - read how many entries a queue takes
 * @fn: the function, its lock held; features are agreed
 * @idx: the queue
 * @packed: packed rings are agreed
 * @size: filled here; 0 for a queue that these features do not have
 *
 * A queue's size may depend on the features: with fewer of them its number
 * may belong to another kind of queue.
 *
 * Return: 0; -EINVAL if the size is none that a queue may have; -ENODEV if the
 * function is gone.
 */
int hvdpa_function_read_queue_size(struct hvdpa_function *fn, u16 idx,
				   bool packed, u16 *size)
{
	u16 got;

	lockdep_assert_held(&fn->lock);

	got = vp_modern_get_queue_size(&fn->mdev, idx);
	if (got == HVDPA_ALL_ONES_16) {
		hvdpa_function_mark_dead(fn, "queue_size reads 0xffff");
		return -ENODEV;
	}
	if (got && !hvdpa_queue_size_ok(got, packed)) {
		dev_err(&fn->pdev->dev,
			"queue %u: queue_size is %u, expected %s up to %u: %pe\n",
			idx, got, packed ? "a number" : "a power of two",
			HVDPA_VRING_NUM_MAX, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	*size = got;
	return 0;
}

static u16 hvdpa_function_read_queue_reset(struct hvdpa_function *fn)
{
	struct virtio_pci_modern_common_cfg __iomem *common =
		(void __iomem *)fn->mdev.common;

	return vp_ioread16(&common->queue_reset);
}

/**
 * hvdpa_function_reset_queue - reset one queue
 * @fn: the function, its lock held; VIRTIO_F_RING_RESET was agreed on
 * @idx: the queue
 *
 * Virtio 1.4 section 4.1.4.3.1. Bounded by HVDPA_QUEUE_RESET_TIMEOUT_US; may
 * sleep.
 *
 * Return: 0; -EOPNOTSUPP if the function has no such register; -ETIMEDOUT.
 */
int hvdpa_function_reset_queue(struct hvdpa_function *fn, u16 idx)
{
	struct virtio_pci_modern_common_cfg __iomem *common =
		(void __iomem *)fn->mdev.common;
	u16 value;
	int err;

	lockdep_assert_held(&fn->lock);

	if (fn->mdev.common_len <
	    offsetofend(struct virtio_pci_modern_common_cfg, queue_reset))
		return -EOPNOTSUPP;

	vp_iowrite16(idx, &common->cfg.queue_select);
	vp_iowrite16(1, &common->queue_reset);
	err = read_poll_timeout(hvdpa_function_read_queue_reset, value, !value,
				HVDPA_QUEUE_RESET_POLL_US,
				HVDPA_QUEUE_RESET_TIMEOUT_US, false, fn);
	if (err)
		dev_err_ratelimited(&fn->pdev->dev,
				    "queue %u: queue_reset is still %#x after %u us, expected 0: %pe\n",
				    idx, value, HVDPA_QUEUE_RESET_TIMEOUT_US, ERR_PTR(err));
	return err;
}

/**
 * hvdpa_function_enable_queue - enable a queue
 * @fn: the function, its lock held; the queue's registers are written
 * @idx: the queue
 *
 * Return: 0, or -EIO if the device does not enable it.
 */
int hvdpa_function_enable_queue(struct hvdpa_function *fn, u16 idx)
{
	lockdep_assert_held(&fn->lock);

	vp_modern_set_queue_enable(&fn->mdev, idx, true);
	if (vp_modern_get_queue_enable(&fn->mdev, idx))
		return 0;
	dev_err_ratelimited(&fn->pdev->dev,
			    "queue %u: queue_enable reads 0, expected 1: %pe\n", idx,
			    ERR_PTR(-EIO));
	return -EIO;
}

/* The library keeps its own for itself. */
static u16 hvdpa_function_notify_off(struct hvdpa_function *fn, u16 idx)
{
	struct virtio_pci_common_cfg __iomem *common = fn->mdev.common;

	lockdep_assert_held(&fn->lock);
	vp_iowrite16(idx, &common->queue_select);
	return vp_ioread16(&common->queue_notify_off);
}

static int hvdpa_function_map_doorbells(struct hvdpa_function *fn)
{
	const struct hvdpa_region *region = &fn->regions[HVDPA_REGION_NOTIFY];
	u32 multiplier = fn->mdev.notify_offset_multiplier;
	u64 offset, extent = 0;
	u16 i;

	for (i = 0; i < fn->nqueues; i++) {
		u16 off = hvdpa_function_notify_off(fn, i);

		offset = (u64)off * multiplier;
		if (offset + sizeof(__le16) > region->length || offset & 1) {
			dev_err(&fn->pdev->dev,
				"queue %u: queue_notify_off %u x %u is outside the notify structure of %#x bytes: %pe\n",
				i, off, multiplier, region->length,
				ERR_PTR(-EINVAL));
			return -EINVAL;
		}
		fn->queues[i].notify_off = off;
		extent = max(extent, offset + sizeof(__le16));
	}

	fn->notify = pci_iomap_range(fn->pdev, region->bar, region->offset,
				     extent);
	if (!fn->notify)
		return -ENOMEM;
	fn->notify_in_memory = pci_resource_flags(fn->pdev, region->bar) &
			       IORESOURCE_MEM;
	for (i = 0; i < fn->nqueues; i++)
		fn->queues[i].doorbell = fn->notify +
			(u64)fn->queues[i].notify_off * multiplier;
	return 0;
}

static int hvdpa_function_check_features(struct hvdpa_function *fn)
{
	u64 missing = HVDPA_FEATURES_NEEDED & ~fn->offered;

	if (missing) {
		dev_err(&fn->pdev->dev,
			"device_feature is %#llx and lacks %#llx (VERSION_1, ACCESS_PLATFORM): its DMA could bypass the IOMMU: %pe\n",
			fn->offered, missing, ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}
	return 0;
}

/* What contradicts itself is offered to nobody: a driver would refuse all of it. */
static void hvdpa_function_drop_features(struct hvdpa_function *fn)
{
	u64 complete = hvdpa_features_complete(fn->supported,
					       fn->mdev.id.device);
	u64 dropped = fn->supported & ~complete;

	fn->supported = complete;
	if (dropped)
		dev_info(&fn->pdev->dev,
			 "device_feature is %#llx: %#llx need bits that it lacks and are not offered\n",
			 fn->offered, dropped);
}

static int hvdpa_function_count_pairs(struct hvdpa_function *fn)
{
	__le16 pairs = cpu_to_le16(1);

	/* Virtio 1.4 section 5.1.4: the field is there with either of them. */
	if (fn->mdev.id.device == VIRTIO_ID_NET &&
	    fn->supported & (BIT_ULL(VIRTIO_NET_F_MQ) |
			     BIT_ULL(VIRTIO_NET_F_RSS)))
		hvdpa_config_read(fn, offsetof(struct virtio_net_config,
					       max_virtqueue_pairs),
				  &pairs, sizeof(pairs));

	fn->max_pairs = le16_to_cpu(pairs);
	if (fn->max_pairs < VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN ||
	    fn->max_pairs > VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX) {
		dev_err(&fn->pdev->dev,
			"max_virtqueue_pairs is %u, expected %u to %u: %pe\n",
			fn->max_pairs, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN,
			VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	return 0;
}

static int hvdpa_function_count_queues(struct hvdpa_function *fn)
{
	u16 has = vp_modern_get_num_queues(&fn->mdev);
	u32 needs = hvdpa_features_nqueues(fn->supported, fn->mdev.id.device,
					   fn->max_pairs, has);

	if (has == HVDPA_ALL_ONES_16) {
		hvdpa_function_mark_dead(fn, "num_queues reads 0xffff");
		return -ENODEV;
	}
	if (!has || needs > has) {
		dev_err(&fn->pdev->dev,
			"num_queues is %u, its features need %u: %pe\n", has,
			needs, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	fn->nqueues = needs;
	return 0;
}

static int hvdpa_function_size_queues(struct hvdpa_function *fn)
{
	bool packed = fn->supported & BIT_ULL(VIRTIO_F_RING_PACKED);
	u16 i;
	int err;

	for (i = 0; i < fn->nqueues; i++) {
		err = hvdpa_function_read_queue_size(fn, i, packed,
						     &fn->queues[i].size);
		if (err)
			return err;
		if (!fn->queues[i].size) {
			dev_err(&fn->pdev->dev,
				"queue %u: queue_size is 0, expected a queue: %pe\n",
				i, ERR_PTR(-EINVAL));
			return -EINVAL;
		}
		fn->queue_size_max = max(fn->queue_size_max,
					 fn->queues[i].size);
	}
	return 0;
}

/* The kind of hardware, the most able first. */
static int hvdpa_function_detect(struct hvdpa_function *fn)
{
	int found;

	hvdpa_virtio_detect(fn);
	found = hvdpa_cap_detect(fn);
	if (!found)
		found = hvdpa_ifc_detect(fn);
	return min(found, 0);
}

/**
 * hvdpa_function_identify - find out what the device is
 * @fn: the function, its lock held; its structures are mapped
 *
 * Agrees on all features that the driver can honour and looks: some devices
 * have all of their queues only once the features call for them. What cannot
 * be agreed on is known here and not first when an owner comes. Leaves the
 * device reset. May sleep.
 *
 * Return: 0 or a negative errno with one line in the log; hvdpa_function_free
 * undoes what was done.
 */
int hvdpa_function_identify(struct hvdpa_function *fn)
{
	int err;

	lockdep_assert_held(&fn->lock);

	err = hvdpa_function_reset(fn);
	if (err)
		return err;

	vp_modern_set_status(&fn->mdev, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	vp_modern_set_status(&fn->mdev, VIRTIO_CONFIG_S_ACKNOWLEDGE |
			     VIRTIO_CONFIG_S_DRIVER);
	fn->offered = vp_modern_get_features(&fn->mdev);
	fn->supported = hvdpa_features_supported(fn->offered);
	err = hvdpa_function_check_features(fn);
	if (err)
		return err;
	hvdpa_function_drop_features(fn);

	err = hvdpa_function_agree(fn, fn->supported);
	if (err)
		return err;
	err = hvdpa_function_count_pairs(fn);
	if (err)
		return err;
	err = hvdpa_function_count_queues(fn);
	if (err)
		return err;

	fn->queues = kvcalloc(fn->nqueues, sizeof(*fn->queues), GFP_KERNEL);
	if (!fn->queues)
		return -ENOMEM;

	err = hvdpa_function_size_queues(fn);
	if (err)
		return err;
	err = hvdpa_function_map_doorbells(fn);
	if (err)
		return err;
	err = hvdpa_function_detect(fn);
	if (err)
		return err;

	return hvdpa_function_reset(fn);
}

static void hvdpa_function_free(struct hvdpa_function *fn)
{
	if (fn->notify)
		pci_iounmap(fn->pdev, fn->notify);
	if (fn->migration.regs)
		pci_iounmap(fn->pdev, fn->migration.regs);
	kvfree(fn->queues);
	kfree(fn->saved);
	mutex_destroy(&fn->lock);
	kfree(fn);
}

/**
 * hvdpa_function_create - take charge of a PCI function
 * @pdev: the function, enabled
 *
 * Return: the function, or an ERR_PTR with one line in the log: -ENODEV if it
 * is no virtio 1.x net or block function or does not answer, -EINVAL if it
 * contradicts the specification, -EOPNOTSUPP if it lacks what vDPA needs,
 * -ETIMEDOUT if it does not finish a reset, -EBUSY if its BARs are taken,
 * -ENOMEM.
 */
struct hvdpa_function *hvdpa_function_create(struct pci_dev *pdev)
{
	struct hvdpa_function *fn;
	int err;

	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return ERR_PTR(-ENOMEM);
	mutex_init(&fn->lock);
	init_waitqueue_head(&fn->reset_over);
	fn->pdev = pdev;
	fn->mdev.pci_dev = pdev;

	/* The library would take any vendor's 0x1000 to 0x107f for virtio. */
	if (pdev->vendor != PCI_VENDOR_ID_REDHAT_QUMRANET) {
		err = -ENODEV;
		dev_err(&pdev->dev, "vendor is %#x, virtio is %#x: %pe\n",
			pdev->vendor, PCI_VENDOR_ID_REDHAT_QUMRANET,
			ERR_PTR(err));
		goto err_free_function;
	}

	err = hvdpa_find_regions(pdev, fn->regions);
	if (err)
		goto err_free_function;

	err = vp_modern_probe(&fn->mdev);
	if (err) {
		dev_err(&pdev->dev, "cannot map the virtio structures: %pe\n",
			ERR_PTR(err));
		goto err_free_function;
	}

	if (fn->mdev.id.device != VIRTIO_ID_NET &&
	    fn->mdev.id.device != VIRTIO_ID_BLOCK) {
		err = -ENODEV;
		dev_err(&pdev->dev,
			"virtio device type is %u, net (%u) and block (%u) can be driven: %pe\n",
			fn->mdev.id.device, VIRTIO_ID_NET, VIRTIO_ID_BLOCK,
			ERR_PTR(err));
		goto err_remove_modern;
	}

	mutex_lock(&fn->lock);
	err = hvdpa_function_identify(fn);
	if (err)
		hvdpa_function_reset(fn);
	mutex_unlock(&fn->lock);
	if (err)
		goto err_remove_modern;

	/* Where this fails dev_add tries it again, and says so. */
	hvdpa_irq_reserve(fn);
	return fn;

err_remove_modern:
	vp_modern_remove(&fn->mdev);
err_free_function:
	hvdpa_function_free(fn);
	return ERR_PTR(err);
}

/**
 * hvdpa_function_destroy - let go of a PCI function
 * @fn: the function; it has no device and its management device is gone
 *
 * Return: nothing.
 */
void hvdpa_function_destroy(struct hvdpa_function *fn)
{
	hvdpa_irq_release(fn);
	vp_modern_remove(&fn->mdev);
	hvdpa_function_free(fn);
}
