// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue of a consumer in the kernel, which the endpoint serves: somebody
 * looks whether it does. virtio_net waits for the answer to a command without a bound,
 * and holds the lock of all network devices.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/workqueue.h>

#include "parts.h"
#include "owner_ring.h"

/* What cannot be known is taken for an answer; a function that vanished tells by itself. */
static bool hvdpa_watch_waits(const struct hvdpa_vring *vring,
			      struct hvdpa_owner_ring *ring)
{
	hvdpa_control_describe(vring, HVDPA_ASID_KERNEL, ring);
	return !hvdpa_owner_ring_find(ring) && hvdpa_owner_ring_waits(ring) > 0;
}

static void hvdpa_watch_later(struct hvdpa_device *hv)
{
	mod_delayed_work(system_long_wq, &hv->watch.work,
			 usecs_to_jiffies(HVDPA_CONTROL_TIMEOUT_US));
}

/*
 * One look may meet a command that was just posted. So it is the second that decides,
 * and only if the card has answered nothing since the first.
 */
static void hvdpa_watch_look(struct hvdpa_vring *vring)
{
	struct hvdpa_device *hv = vring->hv;
	struct hvdpa_watch *watch = &hv->watch;
	struct hvdpa_endpoint *ep = hv->ep;
	u8 status = ep->transport->get_status(ep);
	struct hvdpa_owner_ring ring;
	bool again;

	if (status == HVDPA_ALL_ONES_8) {
		hvdpa_endpoint_mark_dead(ep, "device_status reads 0xff");
		return;
	}
	again = watch->waits;
	watch->waits = hvdpa_watch_waits(vring, &ring);
	if (!watch->waits)
		return;
	if (!again || ring.state.avail_idx != watch->at) {
		watch->at = ring.state.avail_idx;
		hvdpa_watch_later(hv);
		return;
	}
	dev_err_ratelimited(ep->dev,
			    "queue %u: a control command has no answer after %u us, device_status is %#x: %pe\n",
			    vring->idx, HVDPA_CONTROL_TIMEOUT_US, status,
			    ERR_PTR(-ETIMEDOUT));
	atomic64_inc(&vring->errors);
	hv->events->failed(hv);
}

static void hvdpa_watch_work(struct work_struct *work)
{
	struct hvdpa_device *hv = container_of(to_delayed_work(work),
					       struct hvdpa_device, watch.work);
	struct hvdpa_endpoint *ep = hv->ep;
	int idx;

	mutex_lock(&ep->lock);
	idx = hvdpa_control_index(hv, hv->driver_features);
	if (idx >= 0 && hvdpa_device_is_running(hv) &&
	    !hvdpa_endpoint_is_lost(ep) &&
	    hv->vrings[idx].ops == &hvdpa_watched_vring_ops)
		hvdpa_watch_look(&hv->vrings[idx]);
	mutex_unlock(&ep->lock);
}

static void hvdpa_watch_kick(struct hvdpa_vring *vring)
{
	hvdpa_direct_kick(vring);
	hvdpa_watch_later(vring->hv);
}

/* The endpoint serves it, and is watched. */
const struct hvdpa_vring_ops hvdpa_watched_vring_ops = {
	.has_vector = true,
	.gives_vector = true,
	.start = hvdpa_direct_start,
	.kick = hvdpa_watch_kick,
	.can_start_at = hvdpa_direct_can_start_at,
	.get_base = hvdpa_direct_get_base,
	.settle = hvdpa_direct_settle,
	.mark_dirty = hvdpa_direct_mark_dirty,
};

/**
 * hvdpa_watch_init - nothing is watched yet
 * @hv: the device
 */
void hvdpa_watch_init(struct hvdpa_device *hv)
{
	INIT_DELAYED_WORK(&hv->watch.work, hvdpa_watch_work);
}

/**
 * hvdpa_watch_end - nothing is watched any more
 * @hv: the device; it has no owner, and the endpoint's lock is not held
 *
 * May sleep.
 */
void hvdpa_watch_end(struct hvdpa_device *hv)
{
	cancel_delayed_work_sync(&hv->watch.work);
}
