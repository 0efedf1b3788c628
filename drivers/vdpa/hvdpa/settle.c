// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a split ring stands once the endpoint, or its queue, was reset.
 */
#include <linux/device.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_ids.h>

#include "parts.h"
#include "relay_ring.h"

/**
 * hvdpa_vring_stands_at - remember where a split ring was left
 * @vring: the virtqueue; the endpoint's lock is held
 * @idx: its next available index, and its next used one
 * @rewritten: slots of its available ring were written
 */
void hvdpa_vring_stands_at(struct hvdpa_vring *vring, u16 idx, bool rewritten)
{
	struct hvdpa_log *log = vring->hv->log;

	lockdep_assert_held(&vring->hv->ep->lock);

	if (rewritten && log)
		hvdpa_log_mark(log, vring->driver,
			       hvdpa_relay_avail_bytes(vring->num));
	vring->base.avail_idx = idx;
	vring->base.used_idx = idx;
}

/* The ring of a disk; how many slots were written. */
static int hvdpa_settle_disk(struct hvdpa_vring *vring,
			     const struct vring *owner, bool writable)
{
	__virtio16 *heads;
	u16 *counts;
	int ret = -ENOMEM;

	counts = kvcalloc(vring->num, sizeof(*counts), GFP_KERNEL);
	heads = kvcalloc(vring->num, sizeof(*heads), GFP_KERNEL);
	if (counts && heads)
		ret = hvdpa_direct_ring_settle(owner, vring->drained, counts,
					       heads, writable);
	kvfree(heads);
	kvfree(counts);
	return ret;
}

static int hvdpa_settle_ring(struct hvdpa_vring *vring, struct hvdpa_area *avail,
			     struct hvdpa_area *used)
{
	struct hvdpa_device *hv = vring->hv;
	struct vring owner = {
		.num = vring->num,
		.avail = avail->at,
		.used = used->at,
	};
	int ret = 0;
	u16 idx;

	lockdep_assert_held(&hv->dma.lock);

	if (avail->gone || used->gone)
		return -EFAULT;
	idx = le16_to_cpu((__force __le16)READ_ONCE(owner.used->idx));
	if (hv->ep->type == VIRTIO_ID_BLOCK)
		ret = hvdpa_settle_disk(vring, &owner, avail->writable);
	else if (!hvdpa_direct_ring_in_order(&owner))
		dev_warn_ratelimited(hv->ep->dev,
				     "suspend: queue %u: the device does not use buffers in the order in which they came: frames may be lost\n",
				     vring->idx);
	if (ret < 0)
		return ret;
	hvdpa_vring_stands_at(vring, idx, ret);
	return 0;
}

/**
 * hvdpa_direct_settle - leave a ring where whoever goes on with it must begin
 * @vring: the virtqueue, a split ring; the endpoint's lock is held; the endpoint was
 *	   reset and reaches no memory, or the queue was reset; of a disk
 *	   @vring->drained is known
 *
 * That is its used index. A network device completes in order, so all that it had
 * begun is behind that; what a disk had begun is put there. May sleep.
 *
 * Return: 0; -EFAULT or -EACCES for a ring that cannot be read, or had to be written
 * and cannot; -EBUSY and -EPROTO as hvdpa_direct_ring_settle(); -ENOMEM.
 */
int hvdpa_direct_settle(struct hvdpa_vring *vring)
{
	struct hvdpa_dma *dma = &vring->hv->dma;
	struct hvdpa_area avail = {}, used = {};
	int err;

	lockdep_assert_held(&vring->hv->ep->lock);

	err = hvdpa_area_open(&avail, dma, vring->driver,
			      hvdpa_relay_avail_bytes(vring->num), false);
	if (err)
		return err;
	err = hvdpa_area_open(&used, dma, vring->device,
			      hvdpa_relay_used_bytes(vring->num), false);
	if (err)
		goto out_close_avail;
	mutex_lock(&dma->lock);
	err = hvdpa_settle_ring(vring, &avail, &used);
	mutex_unlock(&dma->lock);
	hvdpa_area_close(&used);
out_close_avail:
	hvdpa_area_close(&avail);
	return err;
}
