// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an endpoint is: its features, its queues and their doorbells, and what it can
 * do so that a guest can move.
 */
#include <linux/bitmap.h>
#include <linux/device.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>

#include "endpoint.h"
#include "features.h"

static int hvdpa_endpoint_check_features(struct hvdpa_endpoint *ep)
{
	u64 missing = HVDPA_FEATURES_NEEDED & ~ep->offered;

	if (missing) {
		dev_err(ep->dev,
			"device_feature is %#llx and lacks %#llx (VERSION_1, ACCESS_PLATFORM): its DMA could bypass the IOMMU: %pe\n",
			ep->offered, missing, ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}
	return 0;
}

/* What contradicts itself is offered to nobody: a driver would refuse all of it. */
static void hvdpa_endpoint_drop_features(struct hvdpa_endpoint *ep)
{
	u64 complete = hvdpa_features_complete(ep->supported, ep->type);
	u64 dropped = ep->supported & ~complete;

	ep->supported = complete;
	if (dropped)
		dev_info(ep->dev,
			 "device_feature is %#llx: %#llx need bits that it lacks and are not offered\n",
			 ep->offered, dropped);
}

static int hvdpa_endpoint_count_pairs(struct hvdpa_endpoint *ep)
{
	__le16 pairs = cpu_to_le16(1);

	/* Virtio 1.4 section 5.1.4: the field is there with either of them. */
	if (ep->type == VIRTIO_ID_NET &&
	    ep->supported & (BIT_ULL(VIRTIO_NET_F_MQ) |
			     BIT_ULL(VIRTIO_NET_F_RSS)))
		hvdpa_config_read(ep, offsetof(struct virtio_net_config,
					       max_virtqueue_pairs),
				  &pairs, sizeof(pairs));

	ep->max_pairs = le16_to_cpu(pairs);
	if (ep->max_pairs < VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN ||
	    ep->max_pairs > VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX) {
		dev_err(ep->dev,
			"max_virtqueue_pairs is %u, expected %u to %u: %pe\n",
			ep->max_pairs, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MIN,
			VIRTIO_NET_CTRL_MQ_VQ_PAIRS_MAX, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	return 0;
}

static int hvdpa_endpoint_count_queues(struct hvdpa_endpoint *ep)
{
	u16 has = ep->transport->num_queues(ep);
	u32 needs = hvdpa_features_nqueues(ep->supported, ep->type,
					   ep->max_pairs, has);

	if (has == HVDPA_ALL_ONES_16) {
		hvdpa_endpoint_mark_dead(ep, "num_queues reads 0xffff");
		return -ENODEV;
	}
	if (!has || needs > has) {
		dev_err(ep->dev,
			"num_queues is %u, its features need %u: %pe\n", has,
			needs, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	ep->nqueues = needs;
	return 0;
}

static int hvdpa_endpoint_size_queues(struct hvdpa_endpoint *ep)
{
	bool packed = ep->supported & BIT_ULL(VIRTIO_F_RING_PACKED);
	u16 i;
	int err;

	for (i = 0; i < ep->nqueues; i++) {
		err = hvdpa_endpoint_read_queue_size(ep, i, packed,
						     &ep->queues[i].size);
		if (err)
			return err;
		if (!ep->queues[i].size) {
			dev_err(ep->dev,
				"queue %u: queue_size is 0, expected a queue: %pe\n",
				i, ERR_PTR(-EINVAL));
			return -EINVAL;
		}
		ep->queue_size_max = max(ep->queue_size_max,
					 ep->queues[i].size);
	}
	return 0;
}

/* The kind of hardware, the most able first. */
static int hvdpa_endpoint_detect(struct hvdpa_endpoint *ep)
{
	int found;

	hvdpa_virtio_detect(ep);
	found = hvdpa_cap_detect(ep);
	if (!found)
		found = hvdpa_ifc_detect(ep);
	if (found == -ENODEV)
		hvdpa_endpoint_mark_dead(ep, "its migration registers read all-ones");
	return min(found, 0);
}

/**
 * hvdpa_endpoint_identify - find out what an endpoint is
 * @ep: the endpoint, its lock held; its structures are mapped
 *
 * Agrees on all features that the driver can honour and looks: some devices
 * have all of their queues only once the features call for them. What cannot
 * be agreed on is known here and not first when an owner comes. Leaves the
 * endpoint reset. May sleep.
 *
 * Return: 0 or a negative errno with one line in the log;
 * hvdpa_endpoint_cleanup() undoes what was done.
 */
int hvdpa_endpoint_identify(struct hvdpa_endpoint *ep)
{
	int err;

	lockdep_assert_held(&ep->lock);

	err = hvdpa_endpoint_reset(ep);
	if (err)
		return err;

	ep->transport->set_status(ep, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	ep->transport->set_status(ep, VIRTIO_CONFIG_S_ACKNOWLEDGE |
				      VIRTIO_CONFIG_S_DRIVER);
	ep->offered = ep->transport->get_features(ep);
	ep->supported = hvdpa_features_supported(ep->offered);
	err = hvdpa_endpoint_check_features(ep);
	if (err)
		return err;
	hvdpa_endpoint_drop_features(ep);

	err = hvdpa_endpoint_agree(ep, ep->supported);
	if (err)
		return err;
	err = hvdpa_endpoint_count_pairs(ep);
	if (err)
		return err;
	err = hvdpa_endpoint_count_queues(ep);
	if (err)
		return err;

	ep->queues = kvcalloc(ep->nqueues, sizeof(*ep->queues), GFP_KERNEL);
	ep->enabled = bitmap_zalloc(ep->nqueues, GFP_KERNEL);
	if (!ep->queues || !ep->enabled)
		return -ENOMEM;

	err = hvdpa_endpoint_size_queues(ep);
	if (err)
		return err;
	err = ep->transport->find_doorbells(ep);
	if (err)
		return err;
	err = hvdpa_endpoint_detect(ep);
	if (err)
		return err;

	return hvdpa_endpoint_reset(ep);
}
