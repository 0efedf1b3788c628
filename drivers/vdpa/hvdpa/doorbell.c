// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which doorbells may be mapped into an owner.
 *
 * vhost-vdpa maps whole pages and asks again at every fault without checking
 * the answer, so the answer is found once and never changes. A page is given
 * only if all that it holds is one queue's doorbell.
 */
#include <linux/pci.h>
#include <linux/virtio_net.h>

#include "hvdpa.h"

/**
 * hvdpa_doorbell_is_private - is a queue's doorbell alone on its page?
 * @fn: the function; of it only the queues, the multiplier and the regions
 * @idx: the queue
 * @page_size: bytes of a page
 *
 * The BAR itself is aligned to a page, PCI sees to that for memory BARs of at
 * least one; a smaller one holds no page of its own and fails the length test.
 *
 * Return: true if a map of the page shows nothing but that doorbell.
 */
bool hvdpa_doorbell_is_private(const struct hvdpa_function *fn, u16 idx,
			       u64 page_size)
{
	const struct hvdpa_region *notify = &fn->regions[HVDPA_REGION_NOTIFY];
	u64 multiplier = fn->mdev.notify_offset_multiplier;
	u64 at = notify->offset + fn->queues[idx].notify_off * multiplier;
	unsigned int kind;
	u16 i;

	/* Also the doorbells of queues that are not in use have pages. */
	if (!multiplier || multiplier % page_size || at % page_size)
		return false;

	if (at + page_size > (u64)notify->offset + notify->length)
		return false;

	for (kind = 0; kind < HVDPA_REGIONS; kind++)
		if (kind != HVDPA_REGION_NOTIFY &&
		    hvdpa_regions_overlap(&fn->regions[kind], notify->bar, at,
					  page_size))
			return false;

	for (i = 0; i < fn->nqueues; i++)
		if (i != idx &&
		    fn->queues[i].notify_off == fn->queues[idx].notify_off)
			return false;

	return true;
}

/*
 * The driver serves the control queue and must see its kicks. Which one it is
 * depends on whether the owner takes several queue pairs, and this answer must
 * not: so neither has a doorbell to be mapped.
 */
static bool hvdpa_may_be_control(const struct hvdpa_device *hv, u16 idx)
{
	u64 single = hv->features & ~(BIT_ULL(VIRTIO_NET_F_MQ) |
				      BIT_ULL(VIRTIO_NET_F_RSS));

	return idx == hvdpa_control_index(hv, hv->features) ||
	       idx == hvdpa_control_index(hv, single);
}

/**
 * hvdpa_doorbells_find - find which of a device's doorbells may be mapped
 * @hv: the device, before it is registered
 *
 * Return: nothing.
 */
void hvdpa_doorbells_find(struct hvdpa_device *hv)
{
	struct hvdpa_function *fn = hv->fn;
	const struct hvdpa_region *notify = &fn->regions[HVDPA_REGION_NOTIFY];
	resource_size_t base = pci_resource_start(fn->pdev, notify->bar) +
			       notify->offset;
	u32 i, wanted = 0, mapped = 0;

	for (i = 0; i < hv->nvqs; i++) {
		if (hvdpa_may_be_control(hv, i))
			continue;
		wanted++;
		if (!fn->notify_in_memory ||
		    !hvdpa_doorbell_is_private(fn, i, PAGE_SIZE))
			continue;
		hv->vrings[i].area = (struct vdpa_notification_area) {
			.addr = base + (u64)fn->queues[i].notify_off *
				fn->mdev.notify_offset_multiplier,
			.size = PAGE_SIZE,
		};
		mapped++;
	}

	if (mapped < wanted)
		dev_info(&hv->fn->pdev->dev,
			 "%u of %u doorbells have a page of their own (notify_off_multiplier %u): kicks of the others go through the driver\n",
			 mapped, wanted, fn->mdev.notify_offset_multiplier);
}
