// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of an endpoint: its reset, the agreement on features, its queues, its
 * death. Virtio 1.4 sections 3.1.1 and 4.1.4.3.
 */
#include <linux/bitmap.h>
#include <linux/device.h>
#include <linux/iopoll.h>
#include <linux/log2.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_config.h>

#include "endpoint.h"

/**
 * hvdpa_endpoint_init - an endpoint of which nothing is known
 * @ep: zeroed memory
 * @transport: how its registers are reached
 * @fn: the PCI function that it is a part of
 * @dev: the device whose DMA is its DMA
 */
void hvdpa_endpoint_init(struct hvdpa_endpoint *ep,
			 const struct hvdpa_transport_ops *transport,
			 struct hvdpa_function *fn, struct device *dev)
{
	ep->transport = transport;
	ep->fn = fn;
	ep->dev = dev;
	mutex_init(&ep->lock);
}

/**
 * hvdpa_endpoint_cleanup - give back what hvdpa_endpoint_identify() allocated
 * @ep: the endpoint; it has no device
 */
void hvdpa_endpoint_cleanup(struct hvdpa_endpoint *ep)
{
	bitmap_free(ep->enabled);
	kvfree(ep->queues);
	mutex_destroy(&ep->lock);
}

/**
 * hvdpa_endpoint_set_state - the one way from state to state
 * @ep: the endpoint, its lock held
 * @state: the next
 *
 * Return: true if the endpoint may go there.
 */
bool hvdpa_endpoint_set_state(struct hvdpa_endpoint *ep,
			      enum hvdpa_endpoint_state state)
{
	static const u8 next[] = {
		[HVDPA_ENDPOINT_LIVE] = BIT(HVDPA_ENDPOINT_LOST) |
					BIT(HVDPA_ENDPOINT_LEAVING),
		[HVDPA_ENDPOINT_LEAVING] = BIT(HVDPA_ENDPOINT_GONE),
		[HVDPA_ENDPOINT_LOST] = BIT(HVDPA_ENDPOINT_LIVE) |
					BIT(HVDPA_ENDPOINT_GONE),
		[HVDPA_ENDPOINT_GONE] = 0,
	};

	lockdep_assert_held(&ep->lock);

	if (!(next[ep->state] & BIT(state)))
		return false;
	WRITE_ONCE(ep->state, state);
	return true;
}

/**
 * hvdpa_endpoint_leave - an endpoint is about to go: no new device, no revival
 * @ep: the endpoint, its lock held
 */
void hvdpa_endpoint_leave(struct hvdpa_endpoint *ep)
{
	lockdep_assert_held(&ep->lock);

	hvdpa_endpoint_set_state(ep, hvdpa_endpoint_is_lost(ep) ?
				 HVDPA_ENDPOINT_GONE : HVDPA_ENDPOINT_LEAVING);
}

/**
 * hvdpa_endpoint_lose - the driver touches an endpoint no more
 * @ep: the endpoint, its lock held
 * @reason: for people
 *
 * Its DMA is cut, no kick reaches it through the driver or by a doorbell that
 * /dev/hvdpa/NAME mapped, its device's owner is told, until hvdpa_endpoint_return()
 * or hvdpa_endpoint_revive(). A doorbell that vhost-vdpa mapped into its owner cannot
 * be taken back: what the owner writes there goes to the endpoint, which has no rings
 * then. May sleep.
 */
void hvdpa_endpoint_lose(struct hvdpa_endpoint *ep, const char *reason)
{
	lockdep_assert_held(&ep->lock);

	if (!hvdpa_endpoint_set_state(ep, ep->state == HVDPA_ENDPOINT_LEAVING ?
				      HVDPA_ENDPOINT_GONE : HVDPA_ENDPOINT_LOST))
		return;
	ep->death = reason;
	ep->transport->enable_dma(ep, false);
	if (ep->device)
		ep->events->lost(ep->device);
}

/**
 * hvdpa_endpoint_mark_dead - give an endpoint up
 * @ep: the endpoint, its lock held
 * @reason: for the log
 *
 * It is lost, and devlink is told. It stays so until hvdpa_endpoint_revive(),
 * or until it is bound again.
 */
void hvdpa_endpoint_mark_dead(struct hvdpa_endpoint *ep, const char *reason)
{
	lockdep_assert_held(&ep->lock);

	if (hvdpa_endpoint_is_lost(ep))
		return;
	hvdpa_endpoint_lose(ep, reason);
	dev_err(ep->dev, "the function is given up: %s\n", reason);
	if (ep->report_death)
		ep->report_death(ep);
}

/**
 * hvdpa_endpoint_reset - reset the endpoint and wait until it says so
 * @ep: the endpoint, its lock held
 *
 * Bounded by HVDPA_RESET_TIMEOUT_US; one that does not finish by then gets a
 * function level reset. May sleep.
 *
 * Return: 0; -ENODEV if it is gone; -ETIMEDOUT if neither reset helped. After an
 * error it is lost and cannot reach memory.
 */
int hvdpa_endpoint_reset(struct hvdpa_endpoint *ep)
{
	u8 status;
	int err;

	lockdep_assert_held(&ep->lock);

	if (hvdpa_endpoint_is_lost(ep))
		return -ENODEV;

	if (ep->enabled)
		bitmap_zero(ep->enabled, ep->nqueues);
	ep->transport->set_status(ep, 0);
	err = read_poll_timeout(ep->transport->get_status, status,
				status == 0 || status == HVDPA_ALL_ONES_8,
				HVDPA_RESET_POLL_US, HVDPA_RESET_TIMEOUT_US,
				false, ep);
	if (!err && status == 0)
		return 0;

	if (status == HVDPA_ALL_ONES_8) {
		hvdpa_endpoint_mark_dead(ep, "device_status reads 0xff");
		return -ENODEV;
	}

	dev_err_ratelimited(ep->dev,
			    "reset: device_status is still %#x after %u us, expected 0; trying a function level reset\n",
			    status, HVDPA_RESET_TIMEOUT_US);
	err = ep->transport->flr(ep);
	if (!err && ep->transport->get_status(ep) == 0)
		return 0;

	hvdpa_endpoint_mark_dead(ep, "it does not finish a reset");
	return -ETIMEDOUT;
}

/**
 * hvdpa_endpoint_agree - agree on a set of features with the endpoint
 * @ep: the endpoint, its lock held; just reset
 * @features: what the driver accepts
 *
 * Virtio 1.4 section 3.1.1, steps 2 to 6.
 *
 * Return: 0; -EOPNOTSUPP if it does not keep FEATURES_OK; -ENODEV if it is gone.
 */
int hvdpa_endpoint_agree(struct hvdpa_endpoint *ep, u64 features)
{
	const struct hvdpa_transport_ops *transport = ep->transport;
	u8 status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;

	lockdep_assert_held(&ep->lock);

	if (hvdpa_endpoint_is_lost(ep))
		return -ENODEV;

	transport->set_status(ep, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	transport->set_status(ep, status);
	transport->set_features(ep, features | ep->private_features);
	transport->set_status(ep, status | VIRTIO_CONFIG_S_FEATURES_OK);

	status = transport->get_status(ep);
	if (status == HVDPA_ALL_ONES_8) {
		hvdpa_endpoint_mark_dead(ep, "device_status reads 0xff");
		return -ENODEV;
	}
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK)) {
		dev_err_ratelimited(ep->dev,
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
 * hvdpa_endpoint_read_queue_size - read how many entries a queue takes
 * @ep: the endpoint, its lock held; features are agreed
 * @idx: the queue
 * @packed: packed rings are agreed
 * @size: filled here; 0 for a queue that these features do not have
 *
 * A queue's size may depend on the features: with fewer of them its number
 * may belong to another kind of queue.
 *
 * Return: 0; -EINVAL if the size is none that a queue may have; -ENODEV if the
 * endpoint is gone.
 */
int hvdpa_endpoint_read_queue_size(struct hvdpa_endpoint *ep, u16 idx,
				   bool packed, u16 *size)
{
	u16 got;

	lockdep_assert_held(&ep->lock);

	got = ep->transport->queue_size(ep, idx);
	if (got == HVDPA_ALL_ONES_16) {
		hvdpa_endpoint_mark_dead(ep, "queue_size reads 0xffff");
		return -ENODEV;
	}
	if (got && !hvdpa_queue_size_ok(got, packed)) {
		dev_err(ep->dev,
			"queue %u: queue_size is %u, expected %s up to %u: %pe\n",
			idx, got, packed ? "a number" : "a power of two",
			HVDPA_VRING_NUM_MAX, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	*size = got;
	return 0;
}

/**
 * hvdpa_endpoint_reset_queue - reset one queue
 * @ep: the endpoint, its lock held; VIRTIO_F_RING_RESET was agreed on
 * @idx: the queue
 *
 * Virtio 1.4 section 4.1.4.3.1. Bounded by HVDPA_QUEUE_RESET_TIMEOUT_US; may
 * sleep.
 *
 * Return: 0; -EOPNOTSUPP if there is no such register; -ETIMEDOUT; -ENODEV if the
 * endpoint is gone.
 */
int hvdpa_endpoint_reset_queue(struct hvdpa_endpoint *ep, u16 idx)
{
	u16 value;
	int err;

	lockdep_assert_held(&ep->lock);

	err = ep->transport->reset_queue(ep, idx);
	if (err)
		return err;
	err = read_poll_timeout(ep->transport->queue_in_reset, value,
				!value || value == HVDPA_ALL_ONES_16,
				HVDPA_QUEUE_RESET_POLL_US,
				HVDPA_QUEUE_RESET_TIMEOUT_US, false, ep);
	if (err) {
		dev_err_ratelimited(ep->dev,
				    "queue %u: queue_reset is still %#x after %u us, expected 0: %pe\n",
				    idx, value, HVDPA_QUEUE_RESET_TIMEOUT_US, ERR_PTR(err));
		return err;
	}
	if (value) {
		hvdpa_endpoint_mark_dead(ep, "queue_reset reads 0xffff");
		return -ENODEV;
	}
	__clear_bit(idx, ep->enabled);
	return 0;
}

/* Its registers are written. */
static int hvdpa_endpoint_enable_queue(struct hvdpa_endpoint *ep, u16 idx)
{
	lockdep_assert_held(&ep->lock);

	ep->transport->set_queue_enable(ep, idx, true);
	if (!ep->transport->queue_enable(ep, idx)) {
		dev_err_ratelimited(ep->dev,
				    "queue %u: queue_enable reads 0, expected 1: %pe\n",
				    idx, ERR_PTR(-EIO));
		return -EIO;
	}
	__set_bit(idx, ep->enabled);
	return 0;
}

/**
 * hvdpa_endpoint_start_queue - tell an endpoint where a queue is, and enable it
 * @ep: the endpoint, its lock held
 * @idx: the queue
 * @place: where it is
 * @base: where it starts; an endpoint that cannot be told starts it at its beginning
 *
 * Virtio 1.4 section 4.1.5.1.3.
 *
 * Return: 0; -EIO if the endpoint does not enable it, or does not start it there.
 */
int hvdpa_endpoint_start_queue(struct hvdpa_endpoint *ep, u16 idx,
			       const struct hvdpa_queue_place *place,
			       const struct hvdpa_ring_state *base)
{
	int err;

	lockdep_assert_held(&ep->lock);

	ep->transport->set_queue(ep, idx, place);
	if (hvdpa_can(ep, HVDPA_SET_STATE)) {
		err = ep->migration->set_ring_state(ep, idx, base);
		if (err)
			return err;
	}
	return hvdpa_endpoint_enable_queue(ep, idx);
}
