// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which doorbells may be mapped into an owner.
 *
 * vhost-vdpa maps whole pages and asks again at every fault without checking
 * the answer, so the answer is found once and never changes. A page is given
 * only if all that it holds is one queue's doorbell, and the driver never has to see
 * that queue's kicks.
 */
#include <linux/device.h>

#include "parts.h"

/**
 * hvdpa_doorbell_area - tell an owner where a queue's doorbell is
 * @vring: the virtqueue
 *
 * Of a queue that the driver serves nothing is to be mapped from now on. An owner that
 * has it mapped already, and whose page comes back by a fault, finds what it had:
 * vhost-vdpa inserts whatever address it is told. Any context.
 *
 * Return: the area; its size is 0 where there is nothing to map.
 */
struct vdpa_notification_area hvdpa_doorbell_area(struct hvdpa_vring *vring)
{
	struct vdpa_notification_area area = vring->area;

	if (area.size && READ_ONCE(vring->ops)->has_doorbell) {
		WRITE_ONCE(vring->doorbell_given, true);
		/* Pairs with the one in hvdpa_vring_has_ways_past(): one sees the other. */
		smp_mb();
	}
	if (!READ_ONCE(vring->ops)->has_doorbell)
		area.size = 0;
	return area;
}

/**
 * hvdpa_vring_has_ways_past - may an owner reach the endpoint past the driver?
 * @vring: the virtqueue; its operations are those of a relay
 *
 * By a doorbell that it may have mapped, or map just now, or an interrupt that may be
 * posted.
 *
 * Return: true if it may: who relays the virtqueue must look by itself.
 */
bool hvdpa_vring_has_ways_past(const struct hvdpa_vring *vring)
{
	/* Pairs with the one in hvdpa_doorbell_area(): one sees the other. */
	smp_mb();
	return READ_ONCE(vring->doorbell_given) || READ_ONCE(vring->irq_given);
}

/**
 * hvdpa_doorbells_find - find which of a device's doorbells may be mapped
 * @hv: the device, before it is registered
 */
void hvdpa_doorbells_find(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	u32 i, wanted = 0, mapped = 0;

	for (i = 0; i < hv->nvqs; i++) {
		phys_addr_t page;

		if (hvdpa_control_may_serve(hv, i))
			continue;
		wanted++;
		page = ep->transport->doorbell_page(ep, i, PAGE_SIZE);
		if (!page)
			continue;
		hv->vrings[i].area = (struct vdpa_notification_area) {
			.addr = page,
			.size = PAGE_SIZE,
		};
		mapped++;
	}

	if (mapped < wanted)
		dev_info(ep->dev,
			 "%u of %u doorbells have a page of their own: kicks of the others go through the driver\n",
			 mapped, wanted);
}
