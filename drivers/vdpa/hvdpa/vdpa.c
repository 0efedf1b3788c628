// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device as the vdpa bus sees it: the operations, each as thin as can be.
 */
#include <linux/vdpa.h>
#include <linux/vhost_types.h>

#include "device.h"
#include "provision.h"
#include "relay.h"
#include "trace.h"

static int hvdpa_set_vq_address(struct vdpa_device *vdpa, u16 idx, u64 desc,
				u64 driver, u64 device)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	struct hvdpa_vring *vring;
	int err = 0;

	if (idx >= hv->nvqs)
		return -EINVAL;

	vring = &hv->vrings[idx];
	mutex_lock(&hv->ep->lock);
	if (hvdpa_vring_is_started(vring)) {
		err = -EBUSY;
	} else if (!IS_ALIGNED(desc, VRING_DESC_ALIGN_SIZE) ||
		   !IS_ALIGNED(driver, VRING_AVAIL_ALIGN_SIZE) ||
		   !IS_ALIGNED(device, VRING_USED_ALIGN_SIZE)) {
		err = -EINVAL;
	} else {
		vring->desc = desc;
		vring->driver = driver;
		vring->device = device;
		vring->has_address = true;
	}
	if (err)
		atomic64_inc(&vring->errors);
	mutex_unlock(&hv->ep->lock);
	return err;
}

static void hvdpa_set_vq_num(struct vdpa_device *vdpa, u16 idx, u32 num)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	struct hvdpa_vring *vring;

	if (idx >= hv->nvqs)
		return;

	/* A bad number cannot be told here; DRIVER_OK will not come of it. */
	vring = &hv->vrings[idx];
	mutex_lock(&hv->ep->lock);
	if (!hvdpa_vring_is_started(vring))
		vring->num = num;
	if (num > vring->size)
		atomic64_inc(&vring->errors);
	mutex_unlock(&hv->ep->lock);
}

static void hvdpa_set_vq_cb(struct vdpa_device *vdpa, u16 idx,
			    struct vdpa_callback *cb)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	if (idx >= hv->nvqs)
		return;
	mutex_lock(&hv->ep->lock);
	hvdpa_vring_set_cb(&hv->vrings[idx], cb);
	mutex_unlock(&hv->ep->lock);
}

static void hvdpa_set_vq_ready(struct vdpa_device *vdpa, u16 idx, bool ready)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	struct hvdpa_vring *vring;

	if (idx >= hv->nvqs)
		return;

	vring = &hv->vrings[idx];
	mutex_lock(&hv->ep->lock);
	WRITE_ONCE(vring->ready, ready);
	if (!ready)
		hvdpa_vring_hold(vring);
	else if (hv->until_ready)
		hvdpa_device_rise(hv);
	else if (vring->stands && hv->state == HVDPA_DEVICE_RUNNING)
		hvdpa_queue_rise(vring);
	else if (hvdpa_vring_is_started(vring) &&
		 hv->state == HVDPA_DEVICE_RUNNING)
		hvdpa_vring_go_live(vring);
	else if (hv->status & (VIRTIO_CONFIG_S_NEEDS_RESET |
			       VIRTIO_CONFIG_S_FAILED))
		hvdpa_control_refuse(hv);
	mutex_unlock(&hv->ep->lock);
}

static bool hvdpa_get_vq_ready(struct vdpa_device *vdpa, u16 idx)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	return idx < hv->nvqs && READ_ONCE(hv->vrings[idx].ready);
}

/* Where its server cannot start a ring, the driver may relay it. */
static int hvdpa_can_start_at(const struct hvdpa_vring *vring,
			      const struct hvdpa_ring_state *base)
{
	const char *obstacle = NULL;

	if (!vring->ops->can_start_at(vring, base))
		obstacle = hvdpa_relay_obstacle(vring->hv);
	if (!obstacle)
		return 0;
	dev_err_ratelimited(vring->hv->ep->dev,
			    "queue %u: starts at %#x, and cannot be relayed: %s: %pe\n",
			    vring->idx, hvdpa_ring_state_to_register(base),
			    obstacle, ERR_PTR(-EOPNOTSUPP));
	return -EOPNOTSUPP;
}

static int hvdpa_set_vq_state(struct vdpa_device *vdpa, u16 idx,
			      const struct vdpa_vq_state *state)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	struct hvdpa_ring_state ring;
	struct hvdpa_vring *vring;
	int err = 0;

	if (idx >= hv->nvqs)
		return -EINVAL;

	vring = &hv->vrings[idx];
	mutex_lock(&hv->ep->lock);
	hvdpa_ring_state_decode(state, hvdpa_is_packed(hv), &ring);
	if (hvdpa_is_packed(hv))
		hvdpa_ring_state_mend(&ring);
	if (hvdpa_vring_is_started(vring))
		err = -EBUSY;
	else
		err = hvdpa_can_start_at(vring, &ring);
	if (err) {
		atomic64_inc(&vring->errors);
	} else {
		vring->base = ring;
		vring->has_base = true;
	}
	mutex_unlock(&hv->ep->lock);
	return err;
}

/* A ring is asked for where it stands: of a queue that its owner disabled too. */
static int hvdpa_vq_stands(struct hvdpa_vring *vring)
{
	struct hvdpa_device *hv = vring->hv;

	if (hv->state == HVDPA_DEVICE_SUSPENDED)
		return 0;
	if (!hvdpa_can(hv->ep, HVDPA_GET_STATE) && hvdpa_relay_obstacle(hv))
		return -EOPNOTSUPP;
	return vring->ready ? -EBUSY : hvdpa_device_stand(hv, vring);
}

static int hvdpa_get_vq_state(struct vdpa_device *vdpa, u16 idx,
			      struct vdpa_vq_state *state)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	struct hvdpa_ring_state ring;
	struct hvdpa_vring *vring;
	int err = 0;

	if (idx >= hv->nvqs)
		return -EINVAL;

	vring = &hv->vrings[idx];
	mutex_lock(&hv->ep->lock);
	if (hvdpa_vring_is_started(vring))
		err = hvdpa_device_check(hv) ?: hvdpa_vq_stands(vring);
	/* A ring that never ran stands where it was put. */
	if (!err && hvdpa_vring_is_started(vring) && !hv->paused)
		err = vring->ops->get_base(vring, &ring);
	else
		ring = vring->base;
	if (!err)
		hvdpa_ring_state_encode(&ring, hvdpa_is_packed(hv), state);
	mutex_unlock(&hv->ep->lock);
	return err;
}

static int hvdpa_get_vendor_vq_stats(struct vdpa_device *vdpa, u16 idx,
				     struct sk_buff *msg,
				     struct netlink_ext_ack *extack)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	if (idx >= hv->nvqs) {
		NL_SET_ERR_MSG_FMT_MOD(extack, "queue %u of %u", idx, hv->nvqs);
		return -EINVAL;
	}
	return hvdpa_vq_stats(&hv->vrings[idx], msg);
}

static struct vdpa_notification_area
hvdpa_get_vq_notification(struct vdpa_device *vdpa, u16 idx)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	if (idx >= hv->nvqs)
		return (struct vdpa_notification_area){};
	return hvdpa_doorbell_area(&hv->vrings[idx]);
}

/*
 * vhost-vdpa asks after every DRIVER_OK, also one that was refused, and forgets
 * what it then made of the interrupt: there is none without DRIVER_OK.
 */
static int hvdpa_get_vq_irq(struct vdpa_device *vdpa, u16 idx)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int irq = -EINVAL;

	if (idx >= hv->nvqs)
		return -EINVAL;
	mutex_lock(&hv->ep->lock);
	if (hv->status & VIRTIO_CONFIG_S_DRIVER_OK)
		irq = hvdpa_irq_of(hv, idx);
	mutex_unlock(&hv->ep->lock);
	return irq;
}

static u16 hvdpa_get_vq_size(struct vdpa_device *vdpa, u16 idx)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	if (idx >= hv->nvqs)
		return 0;
	return READ_ONCE(hv->vrings[idx].size);
}

static u32 hvdpa_get_vq_align(struct vdpa_device *vdpa)
{
	return PAGE_SIZE;
}

static u32 hvdpa_get_vq_group(struct vdpa_device *vdpa, u16 idx)
{
	return hvdpa_control_group(hvdpa_of(vdpa), idx);
}

/* The device itself never sees an address space but the first. */
static int hvdpa_set_group_asid(struct vdpa_device *vdpa, unsigned int group,
				unsigned int asid)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int err;

	if (group >= HVDPA_GROUPS || asid >= HVDPA_ASIDS)
		return -EINVAL;
	if (group == HVDPA_GROUP_DATA)
		return asid == HVDPA_ASID_DATA ? 0 : -EOPNOTSUPP;

	mutex_lock(&hv->ep->lock);
	err = hvdpa_control_set_asid(hv, asid);
	mutex_unlock(&hv->ep->lock);
	return err;
}

static u64 hvdpa_get_device_features(struct vdpa_device *vdpa)
{
	return hvdpa_of(vdpa)->features;
}

static u64 hvdpa_get_backend_features(const struct vdpa_device *vdpa)
{
	return BIT_ULL(VHOST_BACKEND_F_ENABLE_AFTER_DRIVER_OK);
}

static int hvdpa_set_driver_features(struct vdpa_device *vdpa, u64 features)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int err = 0;

	/*
	 * vdpa sets none at all, in place of an owner that reads the
	 * configuration first. FEATURES_OK will not come of it.
	 */
	if (features & ~hv->features ||
	    (features && HVDPA_FEATURES_NEEDED & ~features)) {
		dev_err_ratelimited(hv->ep->dev,
				    "driver features are %#llx, expected %#llx and no more than %#llx: %pe\n",
				    features, HVDPA_FEATURES_NEEDED,
				    hv->features,
				    ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	/*
	 * vdpa sets none before it reads a configuration that nobody uses, under
	 * the lock of all its commands, which is not to wait for the hardware.
	 */
	if (READ_ONCE(hv->driver_features) == features)
		return 0;

	mutex_lock(&hv->ep->lock);
	if (hv->status & VIRTIO_CONFIG_S_FEATURES_OK) {
		err = -EBUSY;
	} else {
		WRITE_ONCE(hv->driver_features, features);
		hvdpa_device_share_out(hv);
	}
	mutex_unlock(&hv->ep->lock);
	return err;
}

static u64 hvdpa_get_driver_features(struct vdpa_device *vdpa)
{
	return READ_ONCE(hvdpa_of(vdpa)->driver_features);
}

static void hvdpa_set_config_cb(struct vdpa_device *vdpa,
				struct vdpa_callback *cb)
{
	hvdpa_config_set_cb(hvdpa_of(vdpa), cb);
}

static u16 hvdpa_get_vq_num_max(struct vdpa_device *vdpa)
{
	return hvdpa_of(vdpa)->ep->queue_size_max;
}

static u32 hvdpa_get_device_id(struct vdpa_device *vdpa)
{
	return hvdpa_of(vdpa)->ep->type;
}

static u32 hvdpa_get_vendor_id(struct vdpa_device *vdpa)
{
	return hvdpa_of(vdpa)->ep->vendor;
}

static u8 hvdpa_get_status(struct vdpa_device *vdpa)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	u8 status = READ_ONCE(hv->status);

	/*
	 * The one bit that the device sets by itself. All-ones has it too,
	 * which is what a function that is gone needs most.
	 */
	if (hvdpa_device_is_running(hv))
		status |= hv->ep->transport->get_status(hv->ep) &
			  VIRTIO_CONFIG_S_NEEDS_RESET;
	return status;
}

static void hvdpa_set_status(struct vdpa_device *vdpa, u8 status)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	u8 from;

	mutex_lock(&hv->ep->lock);
	from = hv->status;
	hvdpa_device_set_status(hv, status);
	trace_hvdpa_status(vdpa, from, hv->status);
	mutex_unlock(&hv->ep->lock);
}

static int hvdpa_reset(struct vdpa_device *vdpa)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int err;

	mutex_lock(&hv->ep->lock);
	hvdpa_provision_forget_owner(hv, current);
	err = hvdpa_device_reset(hv) ?: hvdpa_consumer_check(hv);
	mutex_unlock(&hv->ep->lock);
	trace_hvdpa_reset(vdpa, err);
	return err;
}

static int hvdpa_suspend(struct vdpa_device *vdpa)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int err;

	mutex_lock(&hv->ep->lock);
	err = hvdpa_device_suspend(hv);
	mutex_unlock(&hv->ep->lock);
	trace_hvdpa_suspend(vdpa, err);
	return err;
}

static int hvdpa_resume(struct vdpa_device *vdpa)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);
	int err;

	mutex_lock(&hv->ep->lock);
	err = hvdpa_device_resume(hv);
	mutex_unlock(&hv->ep->lock);
	trace_hvdpa_resume(vdpa, err);
	return err;
}

static size_t hvdpa_get_config_size(struct vdpa_device *vdpa)
{
	return hvdpa_provision_config_size(hvdpa_of(vdpa));
}

static void hvdpa_get_config(struct vdpa_device *vdpa, unsigned int offset,
			     void *buf, unsigned int len)
{
	hvdpa_provision_config_read(hvdpa_of(vdpa), offset, buf, len);
}

static void hvdpa_set_config(struct vdpa_device *vdpa, unsigned int offset,
			     const void *buf, unsigned int len)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	mutex_lock(&hv->ep->lock);
	if (!hvdpa_device_check(hv) &&
	    !hvdpa_provision_owner_mac(hv, offset, buf, len))
		hvdpa_config_write(hv->ep, offset, buf, len);
	mutex_unlock(&hv->ep->lock);
}

static u32 hvdpa_get_generation(struct vdpa_device *vdpa)
{
	return hvdpa_config_generation(hvdpa_of(vdpa)->ep);
}

static struct vdpa_iova_range hvdpa_get_iova_range(struct vdpa_device *vdpa)
{
	return hvdpa_of(vdpa)->dma.range;
}

static int hvdpa_set_vq_affinity(struct vdpa_device *vdpa, u16 idx,
				 const struct cpumask *mask)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	if (idx >= hv->nvqs)
		return -EINVAL;
	return hvdpa_irq_set_affinity(hv, idx, mask);
}

static const struct cpumask *hvdpa_get_vq_affinity(struct vdpa_device *vdpa,
						   u16 idx)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	return idx < hv->nvqs ? hvdpa_irq_affinity(hv, idx) : NULL;
}

/* What a device can do at most; hvdpa_vdpa_ops_fit() takes away. */
const struct vdpa_config_ops hvdpa_vdpa_ops = {
	.set_vq_address = hvdpa_set_vq_address,
	.set_vq_num = hvdpa_set_vq_num,
	.kick_vq = hvdpa_kick_vq,
	.set_vq_cb = hvdpa_set_vq_cb,
	.set_vq_ready = hvdpa_set_vq_ready,
	.get_vq_ready = hvdpa_get_vq_ready,
	.set_vq_state = hvdpa_set_vq_state,
	.get_vq_state = hvdpa_get_vq_state,
	.get_vendor_vq_stats = hvdpa_get_vendor_vq_stats,
	.get_vq_notification = hvdpa_get_vq_notification,
	.get_vq_irq = hvdpa_get_vq_irq,
	.get_vq_size = hvdpa_get_vq_size,
	.get_vq_align = hvdpa_get_vq_align,
	.get_vq_group = hvdpa_get_vq_group,
	.set_group_asid = hvdpa_set_group_asid,
	.get_device_features = hvdpa_get_device_features,
	.get_backend_features = hvdpa_get_backend_features,
	.set_driver_features = hvdpa_set_driver_features,
	.get_driver_features = hvdpa_get_driver_features,
	.set_config_cb = hvdpa_set_config_cb,
	.get_vq_num_max = hvdpa_get_vq_num_max,
	.get_device_id = hvdpa_get_device_id,
	.get_vendor_id = hvdpa_get_vendor_id,
	.get_status = hvdpa_get_status,
	.set_status = hvdpa_set_status,
	.reset = hvdpa_reset,
	.suspend = hvdpa_suspend,
	.resume = hvdpa_resume,
	.get_config_size = hvdpa_get_config_size,
	.get_config = hvdpa_get_config,
	.set_config = hvdpa_set_config,
	.get_generation = hvdpa_get_generation,
	.get_iova_range = hvdpa_get_iova_range,
	.set_vq_affinity = hvdpa_set_vq_affinity,
	.get_vq_affinity = hvdpa_get_vq_affinity,
	.dma_map = hvdpa_dma_map,
	.dma_unmap = hvdpa_dma_unmap,
	.reset_map = hvdpa_dma_reset_map,
};

/**
 * hvdpa_vdpa_ops_fit - give a device the operations that it can honour
 * @hv: the device, before it is registered; its vectors and domain are known
 */
void hvdpa_vdpa_ops_fit(struct hvdpa_device *hv)
{
	hv->ops = hvdpa_vdpa_ops;
	if (!hv->dma.domain) {
		hv->ops.get_iova_range = NULL;
		hv->ops.dma_map = NULL;
		hv->ops.dma_unmap = NULL;
		hv->ops.reset_map = NULL;
	}
	if (hv->control && hvdpa_control_index(hv, hv->features) >= 0) {
		hv->vdpa.ngroups = HVDPA_GROUPS;
		hv->vdpa.nas = HVDPA_ASIDS;
	} else {
		hv->ops.set_group_asid = NULL;
	}
	if (!hvdpa_irq_bypass)
		hv->ops.get_vq_irq = NULL;
	if (!hvdpa_can(hv->ep, HVDPA_SUSPEND) && hvdpa_relay_obstacle(hv))
		hv->ops.suspend = NULL;
	if (!hv->ops.suspend || (hvdpa_can(hv->ep, HVDPA_SUSPEND) &&
				 !hvdpa_can(hv->ep, HVDPA_RESUME)))
		hv->ops.resume = NULL;
	if (!hv->plan.private) {
		hv->ops.set_vq_affinity = NULL;
		hv->ops.get_vq_affinity = NULL;
	}
	hv->vdpa.config = &hv->ops;
}
