// SPDX-License-Identifier: GPL-2.0-only
/*
 * The registers of a virtio PCI function, virtio 1.4 section 4.1.4. The kernel's
 * library knows most of them; written here is what it keeps for itself or has
 * without a bound.
 */
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_ids.h>

#include "features.h"
#include "transport_pci.h"

#define HVDPA_ISR_CONFIG	BIT(1)

static struct virtio_pci_modern_device *
hvdpa_pci_mdev(struct hvdpa_endpoint *ep)
{
	return &hvdpa_pci_endpoint_of(ep)->mdev;
}

static u8 hvdpa_pci_get_status(struct hvdpa_endpoint *ep)
{
	return vp_modern_get_status(hvdpa_pci_mdev(ep));
}

static void hvdpa_pci_set_status(struct hvdpa_endpoint *ep, u8 status)
{
	vp_modern_set_status(hvdpa_pci_mdev(ep), status);
}

static u64 hvdpa_pci_get_features(struct hvdpa_endpoint *ep)
{
	return vp_modern_get_features(hvdpa_pci_mdev(ep));
}

static void hvdpa_pci_set_features(struct hvdpa_endpoint *ep, u64 features)
{
	vp_modern_set_features(hvdpa_pci_mdev(ep), features);
}

static u16 hvdpa_pci_num_queues(struct hvdpa_endpoint *ep)
{
	return vp_modern_get_num_queues(hvdpa_pci_mdev(ep));
}

static u16 hvdpa_pci_queue_size(struct hvdpa_endpoint *ep, u16 idx)
{
	return vp_modern_get_queue_size(hvdpa_pci_mdev(ep), idx);
}

static void hvdpa_pci_set_queue(struct hvdpa_endpoint *ep, u16 idx,
				const struct hvdpa_queue_place *place)
{
	struct virtio_pci_modern_device *mdev = hvdpa_pci_mdev(ep);

	vp_modern_set_queue_size(mdev, idx, place->num);
	vp_modern_queue_address(mdev, idx, place->desc, place->driver,
				place->device);
}

static u16 hvdpa_pci_set_queue_vector(struct hvdpa_endpoint *ep, u16 idx,
				      u16 vector)
{
	return vp_modern_queue_vector(hvdpa_pci_mdev(ep), idx, vector);
}

static void hvdpa_pci_set_queue_enable(struct hvdpa_endpoint *ep, u16 idx,
				       bool on)
{
	vp_modern_set_queue_enable(hvdpa_pci_mdev(ep), idx, on);
}

/* As it is: the library makes true of all-ones. */
static u16 hvdpa_pci_queue_enable(struct hvdpa_endpoint *ep, u16 idx)
{
	struct virtio_pci_common_cfg __iomem *common = hvdpa_pci_mdev(ep)->common;

	vp_iowrite16(idx, &common->queue_select);
	return vp_ioread16(&common->queue_enable);
}

static struct virtio_pci_modern_common_cfg __iomem *
hvdpa_pci_common(struct hvdpa_endpoint *ep)
{
	return (void __iomem *)hvdpa_pci_mdev(ep)->common;
}

static int hvdpa_pci_reset_queue(struct hvdpa_endpoint *ep, u16 idx)
{
	struct virtio_pci_modern_common_cfg __iomem *common = hvdpa_pci_common(ep);

	if (hvdpa_pci_mdev(ep)->common_len <
	    offsetofend(struct virtio_pci_modern_common_cfg, queue_reset))
		return -EOPNOTSUPP;

	vp_iowrite16(idx, &common->cfg.queue_select);
	vp_iowrite16(1, &common->queue_reset);
	return 0;
}

static u16 hvdpa_pci_queue_in_reset(struct hvdpa_endpoint *ep)
{
	return vp_ioread16(&hvdpa_pci_common(ep)->queue_reset);
}

static u16 hvdpa_pci_set_config_vector(struct hvdpa_endpoint *ep, u16 vector)
{
	return vp_modern_config_vector(hvdpa_pci_mdev(ep), vector);
}

/*
 * A device sets that bit with MSI-X too, virtio 1.4 section 4.1.4.5.1. All-ones has
 * it set, and the owner that looks then sees NEEDS_RESET.
 */
static bool hvdpa_pci_config_changed(struct hvdpa_endpoint *ep)
{
	return vp_ioread8(hvdpa_pci_mdev(ep)->isr) & HVDPA_ISR_CONFIG;
}

static u32 hvdpa_pci_generation(struct hvdpa_endpoint *ep)
{
	return vp_modern_generation(hvdpa_pci_mdev(ep));
}

static void hvdpa_pci_read_config(struct hvdpa_endpoint *ep, unsigned int offset,
				  u8 *buf, unsigned int len)
{
	void __iomem *at = hvdpa_pci_mdev(ep)->device + offset;
	unsigned int i;

	for (i = 0; i < len; i++)
		buf[i] = vp_ioread8(at + i);
}

static void hvdpa_pci_write_config(struct hvdpa_endpoint *ep,
				   unsigned int offset, const u8 *buf,
				   unsigned int len)
{
	void __iomem *at = hvdpa_pci_mdev(ep)->device + offset;
	unsigned int i;

	for (i = 0; i < len; i++)
		vp_iowrite8(buf[i], at + i);
}

/* The library keeps its own for itself. */
static u16 hvdpa_pci_notify_off(struct hvdpa_endpoint *ep, u16 idx)
{
	struct virtio_pci_common_cfg __iomem *common = hvdpa_pci_mdev(ep)->common;

	vp_iowrite16(idx, &common->queue_select);
	return vp_ioread16(&common->queue_notify_off);
}

static int hvdpa_pci_find_doorbells(struct hvdpa_endpoint *ep)
{
	struct hvdpa_pci_endpoint *pci = hvdpa_pci_endpoint_of(ep);
	const struct hvdpa_region *region =
		&ep->fn->regions[HVDPA_REGION_NOTIFY];
	u32 multiplier = pci->mdev.notify_offset_multiplier;
	struct pci_dev *pdev = ep->fn->pdev;
	u64 offset, extent = 0;
	u16 i;

	for (i = 0; i < ep->nqueues; i++) {
		u16 off = hvdpa_pci_notify_off(ep, i);

		offset = (u64)off * multiplier;
		if (offset + sizeof(__le16) > region->length || offset & 1) {
			dev_err(ep->dev,
				"queue %u: queue_notify_off %u x %u is outside the notify structure of %#x bytes: %pe\n",
				i, off, multiplier, region->length,
				ERR_PTR(-EINVAL));
			return -EINVAL;
		}
		ep->queues[i].notify_off = off;
		extent = max(extent, offset + sizeof(__le16));
	}

	pci->notify = pci_iomap_range(pdev, region->bar, region->offset, extent);
	if (!pci->notify)
		return -ENOMEM;
	ep->doorbells_in_memory = pci_resource_flags(pdev, region->bar) &
				  IORESOURCE_MEM;
	for (i = 0; i < ep->nqueues; i++)
		ep->queues[i].doorbell = pci->notify +
			(u64)ep->queues[i].notify_off * multiplier;
	return 0;
}

/**
 * hvdpa_doorbell_is_private - is a queue's doorbell alone on its page?
 * @pci: the endpoint; its queues are known
 * @idx: the queue
 * @page_size: bytes of a page
 *
 * The BAR itself is aligned to a page, PCI sees to that for memory BARs of at
 * least one; a smaller one holds no page of its own and fails the length test.
 *
 * Return: true if a map of the page shows nothing but that doorbell.
 */
bool hvdpa_doorbell_is_private(const struct hvdpa_pci_endpoint *pci, u16 idx,
			       u64 page_size)
{
	const struct hvdpa_endpoint *ep = &pci->ep;
	const struct hvdpa_region *regions = ep->fn->regions;
	const struct hvdpa_region *notify = &regions[HVDPA_REGION_NOTIFY];
	u64 multiplier = pci->mdev.notify_offset_multiplier;
	u64 at = notify->offset + ep->queues[idx].notify_off * multiplier;
	unsigned int kind;
	u16 i;

	/* Also the doorbells of queues that are not in use have pages. */
	if (!multiplier || multiplier % page_size || at % page_size)
		return false;

	if (at + page_size > (u64)notify->offset + notify->length)
		return false;

	for (kind = 0; kind < HVDPA_REGIONS; kind++)
		if (kind != HVDPA_REGION_NOTIFY &&
		    hvdpa_regions_overlap(&regions[kind], notify->bar, at,
					  page_size))
			return false;

	for (i = 0; i < ep->nqueues; i++)
		if (i != idx &&
		    ep->queues[i].notify_off == ep->queues[idx].notify_off)
			return false;

	return true;
}

static phys_addr_t hvdpa_pci_doorbell_page(struct hvdpa_endpoint *ep, u16 idx,
					   u64 page_size)
{
	struct hvdpa_pci_endpoint *pci = hvdpa_pci_endpoint_of(ep);
	const struct hvdpa_region *notify =
		&ep->fn->regions[HVDPA_REGION_NOTIFY];

	if (!ep->doorbells_in_memory ||
	    !hvdpa_doorbell_is_private(pci, idx, page_size))
		return 0;
	return pci_resource_start(ep->fn->pdev, notify->bar) + notify->offset +
	       (u64)ep->queues[idx].notify_off *
	       pci->mdev.notify_offset_multiplier;
}

static void hvdpa_pci_ring(struct hvdpa_endpoint *ep, u16 idx)
{
	vp_iowrite16(idx, ep->queues[idx].doorbell);
}

static int hvdpa_pci_flr(struct hvdpa_endpoint *ep)
{
	return hvdpa_function_flr(ep->fn);
}

static void hvdpa_pci_enable_dma(struct hvdpa_endpoint *ep, bool on)
{
	hvdpa_function_enable_dma(ep->fn, on);
}

const struct hvdpa_transport_ops hvdpa_transport_pci = {
	.get_status = hvdpa_pci_get_status,
	.set_status = hvdpa_pci_set_status,
	.get_features = hvdpa_pci_get_features,
	.set_features = hvdpa_pci_set_features,
	.num_queues = hvdpa_pci_num_queues,
	.queue_size = hvdpa_pci_queue_size,
	.set_queue = hvdpa_pci_set_queue,
	.set_queue_vector = hvdpa_pci_set_queue_vector,
	.set_queue_enable = hvdpa_pci_set_queue_enable,
	.queue_enable = hvdpa_pci_queue_enable,
	.reset_queue = hvdpa_pci_reset_queue,
	.queue_in_reset = hvdpa_pci_queue_in_reset,
	.set_config_vector = hvdpa_pci_set_config_vector,
	.config_changed = hvdpa_pci_config_changed,
	.generation = hvdpa_pci_generation,
	.read_config = hvdpa_pci_read_config,
	.write_config = hvdpa_pci_write_config,
	.find_doorbells = hvdpa_pci_find_doorbells,
	.doorbell_page = hvdpa_pci_doorbell_page,
	.ring = hvdpa_pci_ring,
	.flr = hvdpa_pci_flr,
	.enable_dma = hvdpa_pci_enable_dma,
};

/* Map the structures, and see that it is a virtio function that can be driven. */
static int hvdpa_pci_endpoint_map(struct hvdpa_pci_endpoint *pci,
				  struct hvdpa_function *fn)
{
	struct pci_dev *pdev = fn->pdev;
	int err;

	/* The library would take any vendor's 0x1000 to 0x107f for virtio. */
	if (pdev->vendor != PCI_VENDOR_ID_REDHAT_QUMRANET) {
		dev_err(&pdev->dev, "vendor is %#x, virtio is %#x: %pe\n",
			pdev->vendor, PCI_VENDOR_ID_REDHAT_QUMRANET,
			ERR_PTR(-ENODEV));
		return -ENODEV;
	}

	err = hvdpa_find_regions(pdev, fn->regions);
	if (err)
		return err;

	pci->mdev.pci_dev = pdev;
	err = vp_modern_probe(&pci->mdev);
	if (err) {
		dev_err(&pdev->dev, "cannot map the virtio structures: %pe\n",
			ERR_PTR(err));
		return err;
	}

	if (pci->mdev.id.device != VIRTIO_ID_NET &&
	    pci->mdev.id.device != VIRTIO_ID_BLOCK) {
		err = -ENODEV;
		dev_err(&pdev->dev,
			"virtio device type is %u, net (%u) and block (%u) can be driven: %pe\n",
			pci->mdev.id.device, VIRTIO_ID_NET, VIRTIO_ID_BLOCK,
			ERR_PTR(err));
		goto err_remove_modern;
	}
	return 0;

err_remove_modern:
	vp_modern_remove(&pci->mdev);
	return err;
}

static void hvdpa_pci_endpoint_free(struct hvdpa_pci_endpoint *pci)
{
	struct hvdpa_endpoint *ep = &pci->ep;

	if (pci->notify)
		pci_iounmap(ep->fn->pdev, pci->notify);
	if (ep->block.regs)
		pci_iounmap(ep->fn->pdev, ep->block.regs);
	hvdpa_endpoint_cleanup(ep);
	kfree(pci);
}

/**
 * hvdpa_pci_endpoint_create - find a function's endpoint
 * @fn: the function, enabled, its configuration space saved
 *
 * May sleep.
 *
 * Return: the endpoint, identified and reset, or an ERR_PTR with one line in the
 * log: -ENODEV if the function is no virtio 1.x net or block function or does not
 * answer, -EINVAL if it contradicts the specification, -EOPNOTSUPP if it lacks what
 * vDPA needs, -ETIMEDOUT if it does not finish a reset, -EBUSY if its BARs are
 * taken, -ENOMEM.
 */
struct hvdpa_endpoint *hvdpa_pci_endpoint_create(struct hvdpa_function *fn)
{
	struct hvdpa_pci_endpoint *pci;
	struct hvdpa_endpoint *ep;
	int err;

	pci = kzalloc(sizeof(*pci), GFP_KERNEL);
	if (!pci)
		return ERR_PTR(-ENOMEM);
	ep = &pci->ep;
	hvdpa_endpoint_init(ep, &hvdpa_transport_pci, fn, &fn->pdev->dev);
	err = hvdpa_pci_endpoint_map(pci, fn);
	if (err)
		goto err_free;
	ep->type = pci->mdev.id.device;
	ep->vendor = pci->mdev.id.vendor;
	ep->config_len = pci->mdev.device ? pci->mdev.device_len : 0;

	mutex_lock(&ep->lock);
	err = hvdpa_endpoint_identify(ep);
	if (err)
		hvdpa_endpoint_reset(ep);
	mutex_unlock(&ep->lock);
	if (err)
		goto err_remove_modern;
	return ep;

err_remove_modern:
	vp_modern_remove(&pci->mdev);
err_free:
	hvdpa_pci_endpoint_free(pci);
	return ERR_PTR(err);
}

/**
 * hvdpa_pci_endpoint_destroy - undo hvdpa_pci_endpoint_create()
 * @ep: the endpoint; it has no device
 */
void hvdpa_pci_endpoint_destroy(struct hvdpa_endpoint *ep)
{
	struct hvdpa_pci_endpoint *pci = hvdpa_pci_endpoint_of(ep);

	vp_modern_remove(&pci->mdev);
	hvdpa_pci_endpoint_free(pci);
}
