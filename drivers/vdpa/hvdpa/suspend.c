// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device stands still, and goes on: by the hardware's own means where it has them.
 * Where not, the endpoint is reset, each ring is left where whoever goes on with it must
 * begin, and going on is a start there, with the driver between the ring and the
 * endpoint: the device is paused.
 *
 * While the device is paused the endpoint reaches no memory at all: what it would
 * still write after its reset goes nowhere.
 */
#include <linux/device.h>
#include <linux/iopoll.h>
#include <linux/ktime.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_ring.h>

#include "device.h"
#include "provision.h"
#include "relay.h"

/* The longest that a disk may take to end what it has begun. */
#define HVDPA_DRAIN_TIMEOUT_MS	1000
#define HVDPA_DRAIN_POLL_US	100

/* 1 once the endpoint has ended all that it has of a disk's queue, 0 until then. */
static int hvdpa_pause_is_drained(struct hvdpa_vring *vring)
{
	struct hvdpa_dma *dma = &vring->hv->dma;
	u16 available, used;
	int err;

	if (vring->ops == &hvdpa_relay_vring_ops)
		return !hvdpa_relay_pending(vring);
	/* In this order: what is used was available. */
	err = hvdpa_access_read16(dma, HVDPA_ASID_DATA, vring->device +
				  offsetof(struct vring_used, idx), &used) ?:
	      hvdpa_access_read16(dma, HVDPA_ASID_DATA, vring->driver +
				  offsetof(struct vring_avail, idx), &available);
	if (err)
		return err;
	vring->drained = used;
	return used == available;
}

/*
 * A disk executes in any order. Where it served its rings itself, what is outstanding
 * can be told only from an instant on at which nothing was: it is told of all that is
 * available, once, and not of what comes then. And what the driver relayed is not
 * executed twice if it is ended first.
 */
static int hvdpa_pause_drain_queue(struct hvdpa_vring *vring, ktime_t end)
{
	s64 left = ktime_us_delta(end, ktime_get());
	int err, drained;

	if (vring->ops->has_doorbell)
		vring->ops->kick(vring);
	err = read_poll_timeout(hvdpa_pause_is_drained, drained, drained,
				HVDPA_DRAIN_POLL_US, max(left, 1), false, vring);
	if (!err)
		err = min(drained, 0);
	/* What is relayed is known, whatever the disk does. */
	else if (vring->ops == &hvdpa_relay_vring_ops)
		err = 0;
	else
		err = -EBUSY;
	if (err)
		dev_err_ratelimited(vring->hv->ep->dev,
				    "suspend: queue %u has requests that did not end within %u ms: %pe\n",
				    vring->idx, HVDPA_DRAIN_TIMEOUT_MS,
				    ERR_PTR(err));
	return err;
}

static ktime_t hvdpa_pause_drain_end(void)
{
	return ktime_add_ms(ktime_get(), HVDPA_DRAIN_TIMEOUT_MS);
}

static int hvdpa_pause_drain(struct hvdpa_device *hv)
{
	ktime_t end = hvdpa_pause_drain_end();
	int err;
	u32 i;

	for (i = 0; i < hv->nvqs; i++) {
		if (!hvdpa_vring_is_started(&hv->vrings[i]))
			continue;
		err = hvdpa_pause_drain_queue(&hv->vrings[i], end);
		if (err)
			return err;
	}
	return 0;
}

static void hvdpa_device_hold(struct hvdpa_device *hv)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++)
		hvdpa_vring_hold(&hv->vrings[i]);
}

static int hvdpa_pause_settle_queue(struct hvdpa_vring *vring)
{
	int err = vring->ops->settle(vring);

	if (err)
		dev_err_ratelimited(vring->hv->ep->dev,
				    "suspend: queue %u cannot be left where it stands: %pe\n",
				    vring->idx, ERR_PTR(err));
	return err;
}

static int hvdpa_pause_settle(struct hvdpa_device *hv)
{
	int err;
	u32 i;

	for (i = 0; i < hv->nvqs; i++) {
		if (!hvdpa_vring_is_started(&hv->vrings[i]))
			continue;
		err = hvdpa_pause_settle_queue(&hv->vrings[i]);
		if (err)
			return err;
	}
	return 0;
}

/* What was used just before the reset may not have been told. */
static void hvdpa_pause_tell(struct hvdpa_device *hv)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++)
		if (hvdpa_vring_is_started(&hv->vrings[i]))
			hvdpa_vring_call(&hv->vrings[i]);
}

/*
 * Stand still by a reset of the endpoint. Bounded by HVDPA_DRAIN_TIMEOUT_MS for a disk,
 * and the reset. -EOPNOTSUPP where its rings could not be gone on with; -EBUSY for a
 * disk that does not end its requests, and goes on; after another errno the device has
 * failed.
 */
static int hvdpa_pause(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	const char *obstacle = hvdpa_relay_obstacle(hv);
	int err = 0;

	lockdep_assert_held(&ep->lock);

	if (obstacle) {
		dev_err_ratelimited(ep->dev, "suspend: %s: %pe\n", obstacle,
				    ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}

	hvdpa_device_hold(hv);
	if (ep->type == VIRTIO_ID_BLOCK)
		err = hvdpa_pause_drain(hv);
	if (err) {
		hvdpa_device_go_live(hv);
		return err;
	}

	hvdpa_log_before_reset(hv);
	err = hvdpa_endpoint_reset(ep);
	hvdpa_log_after_reset(hv);
	if (err)
		goto err_fail;
	ep->transport->enable_dma(ep, false);
	hv->paused = true;
	err = hvdpa_pause_settle(hv);
	if (err)
		goto err_fail;
	hvdpa_device_stop_queues(hv);
	hvdpa_device_set_state(hv, HVDPA_DEVICE_SUSPENDED);
	hvdpa_pause_tell(hv);
	return 0;

err_fail:
	hvdpa_device_failed(hv);
	return err;
}

/*
 * Go on where the rings stand. What the device was told by control commands it is told
 * again. After an error it has failed.
 */
static int hvdpa_unpause(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	int err;
	u32 i;

	lockdep_assert_held(&ep->lock);

	hvdpa_device_end_pause(hv);
	err = hvdpa_endpoint_agree(ep, hvdpa_provision_device_features(hv));
	if (err)
		goto err_fail;
	for (i = 0; i < hv->nvqs; i++) {
		hvdpa_vring_owes_kick(&hv->vrings[i]);
		if (hvdpa_vring_is_started(&hv->vrings[i]))
			hvdpa_vring_set_state(&hv->vrings[i], HVDPA_VRING_OFF);
	}
	err = hvdpa_device_start(hv) ?: hvdpa_control_replay(hv);
	if (err)
		goto err_fail;
	hvdpa_device_go_live(hv);
	return 0;

err_fail:
	hvdpa_device_failed(hv);
	return err;
}

static bool hvdpa_device_relays(const struct hvdpa_device *hv)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++)
		if (hvdpa_vring_is_started(&hv->vrings[i]) &&
		    hv->vrings[i].ops == &hvdpa_relay_vring_ops)
			return true;
	return false;
}

/**
 * hvdpa_device_suspend - the queues stand still
 * @hv: the device; the endpoint's lock is held; it can be suspended
 *
 * Kicks wait in the driver, those by mapped doorbells in the device. Hardware that
 * cannot be suspended, or does not know where relayed rings stand, is reset: see
 * hvdpa_pause(). May sleep.
 *
 * Return: 0, also if it does not run or stands still already; the errno of
 * hvdpa_device_check() and hvdpa_pause(); what the hardware says, and the device is
 * reset then.
 */
int hvdpa_device_suspend(struct hvdpa_device *hv)
{
	int err;

	lockdep_assert_held(&hv->ep->lock);

	err = hvdpa_device_check(hv);
	if (err)
		return err;
	/* What its owner asks for stays until it asks for the contrary. */
	hv->until_ready = false;
	if (hv->state != HVDPA_DEVICE_RUNNING)
		return 0;
	if (!hvdpa_can(hv->ep, HVDPA_SUSPEND) || hvdpa_device_relays(hv))
		return hvdpa_pause(hv);

	hvdpa_device_hold(hv);
	err = hv->ep->migration->suspend(hv->ep);
	if (err)
		hvdpa_device_failed(hv);
	else
		hvdpa_device_set_state(hv, HVDPA_DEVICE_SUSPENDED);
	return err;
}

/**
 * hvdpa_device_relay_all - have a log kept of what a device writes from now on
 * @hv: the device; the endpoint's lock is held; a log is attached that relays keep
 *
 * Rings that run are stopped and go on relayed, with what is in flight; others are
 * relayed when they start. May sleep.
 *
 * Return: 0; -ENOMEM, and the errno of hvdpa_area_open(): it runs on as it did; the
 * errno of hvdpa_device_suspend() or hvdpa_device_resume().
 */
int hvdpa_device_relay_all(struct hvdpa_device *hv)
{
	int err;

	lockdep_assert_held(&hv->ep->lock);

	if (hv->state != HVDPA_DEVICE_RUNNING)
		return 0;
	err = hvdpa_relay_keep_all(hv) ?: hvdpa_pause(hv) ?: hvdpa_unpause(hv);
	hvdpa_relay_let_go(hv);
	return err;
}

/*
 * Let one queue stand, by its own reset; the others run. The errno of
 * hvdpa_pause_drain_queue(), and it runs on, disabled; after another the device has
 * failed.
 */
static int hvdpa_queue_stand(struct hvdpa_vring *vring)
{
	struct hvdpa_device *hv = vring->hv;
	struct hvdpa_endpoint *ep = hv->ep;
	int err;

	lockdep_assert_held(&ep->lock);

	if (ep->type == VIRTIO_ID_BLOCK) {
		err = hvdpa_pause_drain_queue(vring, hvdpa_pause_drain_end());
		if (err)
			return err;
	}
	err = hvdpa_endpoint_reset_queue(ep, vring->hw_idx);
	if (err)
		goto err_fail;
	/* A log marks rings that are started, and no other. */
	if (hv->log && vring->ops->mark_dirty)
		vring->ops->mark_dirty(vring, hv->log);
	err = hvdpa_pause_settle_queue(vring);
	if (err)
		goto err_fail;
	if (vring->ops->stop)
		vring->ops->stop(vring);
	hvdpa_vring_set_state(vring, HVDPA_VRING_OFF);
	vring->stands = true;
	hvdpa_vring_call(vring);
	return 0;

err_fail:
	hvdpa_device_failed(hv);
	return err;
}

/**
 * hvdpa_queue_rise - let a queue run again that stood by its own reset
 * @vring: the virtqueue, ready; the endpoint's lock is held; its device runs
 *
 * Who enables a queue has no answer: after an error the device has failed. May sleep.
 *
 * Return: 0; the errno of hvdpa_irq_program_queue() or hvdpa_vring_start().
 */
int hvdpa_queue_rise(struct hvdpa_vring *vring)
{
	struct hvdpa_device *hv = vring->hv;
	int err;

	lockdep_assert_held(&hv->ep->lock);

	hvdpa_vring_share_out(vring);
	err = hvdpa_irq_program_queue(hv, vring->idx) ?: hvdpa_vring_start(vring);
	if (err) {
		hvdpa_device_failed(hv);
		return err;
	}
	hvdpa_vring_owes_kick(vring);
	hvdpa_vring_go_live(vring);
	return 0;
}

/* Those that became ready while the device was suspended. */
static int hvdpa_queues_rise(struct hvdpa_device *hv)
{
	int err = 0;
	u32 i;

	for (i = 0; !err && i < hv->nvqs; i++)
		if (hvdpa_vring_is_to_rise(&hv->vrings[i]))
			err = hvdpa_queue_rise(&hv->vrings[i]);
	return err;
}

/* Go on by the hardware's own means, and relayed where a log began meanwhile. */
static int hvdpa_device_go_on(struct hvdpa_device *hv)
{
	int err;

	err = hv->ep->migration->resume(hv->ep);
	if (err) {
		hvdpa_device_failed(hv);
		return err;
	}
	hvdpa_device_set_state(hv, HVDPA_DEVICE_RUNNING);
	hvdpa_device_go_live(hv);
	err = hvdpa_queues_rise(hv);
	if (err)
		return err;
	if (!hv->log || !hv->log->relayed)
		return 0;
	err = hvdpa_device_relay_all(hv);
	/* It may run all the same, and then nobody marks what it writes. */
	if (err)
		hvdpa_log_distrust(hv->log, "its rings are not relayed");
	return err;
}

/**
 * hvdpa_device_resume - the queues go on where they stand
 * @hv: the device; the endpoint's lock is held; it can be resumed
 *
 * May sleep.
 *
 * Return: 0, also if it was not suspended; the errno of hvdpa_device_check(); -ENOMEM, and
 * the errno of hvdpa_area_open(): it stays suspended; what the hardware says, and the
 * device is reset then.
 */
int hvdpa_device_resume(struct hvdpa_device *hv)
{
	int err;

	lockdep_assert_held(&hv->ep->lock);

	err = hvdpa_device_check(hv);
	if (err || hv->state != HVDPA_DEVICE_SUSPENDED)
		return err;
	hv->until_ready = false;
	err = hvdpa_relay_keep_all(hv);
	if (!err)
		err = hv->paused ? hvdpa_unpause(hv) : hvdpa_device_go_on(hv);
	hvdpa_relay_let_go(hv);
	return err;
}

/**
 * hvdpa_device_rise - let a queue run whose owner had disabled it
 * @hv: the device; the endpoint's lock is held; hvdpa_device_stand() made it stand
 *
 * Who enables a queue has no answer: a device that cannot go on fails. May sleep.
 */
void hvdpa_device_rise(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	if (hvdpa_device_resume(hv) && hv->state == HVDPA_DEVICE_SUSPENDED)
		hvdpa_device_failed(hv);
}

/* Virtio 1.4 section 2.6.1: with RING_RESET one queue can be stopped. */
static bool hvdpa_queue_can_stand(const struct hvdpa_vring *vring)
{
	const struct hvdpa_device *hv = vring->hv;

	return hvdpa_provision_device_features(hv) & BIT_ULL(VIRTIO_F_RING_RESET) &&
	       vring->ops->has_vector && !hvdpa_relay_obstacle(hv);
}

/**
 * hvdpa_device_stand - let a queue stand whose owner has disabled it
 * @hv: the device; the endpoint's lock is held
 * @vring: the queue, started
 *
 * Where one queue cannot be stopped the whole device stands then, until one of its
 * queues is to run. May sleep.
 *
 * Return: 0, also if it stands already; -EBUSY where this or another queue runs, or a
 * disk does not end its requests; -ETIMEDOUT or -ENODEV if the queue cannot be reset;
 * the errno of the operation settle; or as hvdpa_device_suspend().
 */
int hvdpa_device_stand(struct hvdpa_device *hv, struct hvdpa_vring *vring)
{
	u32 i;
	int err;

	lockdep_assert_held(&hv->ep->lock);

	if (hv->state != HVDPA_DEVICE_RUNNING)
		return 0;
	if (hvdpa_vring_is_live(vring))
		return -EBUSY;
	if (hvdpa_queue_can_stand(vring))
		return hvdpa_queue_stand(vring);
	for (i = 0; i < hv->nvqs; i++)
		if (hvdpa_vring_is_live(&hv->vrings[i]) &&
		    hv->vrings[i].ops != &hvdpa_control_vring_ops)
			return -EBUSY;
	/* What can be suspended and not go on is reset for that. */
	err = hvdpa_can(hv->ep, HVDPA_RESUME) ? hvdpa_device_suspend(hv) :
						hvdpa_pause(hv);
	if (!err)
		hv->until_ready = true;
	return err;
}
