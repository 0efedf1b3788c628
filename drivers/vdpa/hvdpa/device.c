// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a vDPA device: its owner starts, suspends and resets it, and it may
 * fail, be lost with its function, or be taken away meanwhile.
 *
 * A device whose status has NEEDS_RESET or FAILED is not what its owner made of it
 * any more: hvdpa_device_check() is asked before anything that relies on that,
 * and only a reset takes those bits back. Documentation/internals.rst has the table
 * of what may come in which state.
 */
#include <linux/device.h>
#include <linux/err.h>

#include "device.h"
#include "provision.h"
#include "relay.h"

/* The one place where status gains bits; hvdpa_device_reset() takes them all. */
static void hvdpa_device_add_status(struct hvdpa_device *hv, u8 bits)
{
	lockdep_assert_held(&hv->ep->lock);

	WRITE_ONCE(hv->status, hv->status | bits);
}

/**
 * hvdpa_device_set_state - the one way from state to state
 * @hv: the device; the endpoint's lock is held
 * @state: the next
 *
 * Return: true if the device may go there.
 */
bool hvdpa_device_set_state(struct hvdpa_device *hv,
			    enum hvdpa_device_state state)
{
	static const u8 next[] = {
		[HVDPA_DEVICE_STOPPED] = BIT(HVDPA_DEVICE_RUNNING) |
					 BIT(HVDPA_DEVICE_REVOKED),
		[HVDPA_DEVICE_RUNNING] = BIT(HVDPA_DEVICE_SUSPENDED) |
					 BIT(HVDPA_DEVICE_STOPPED) |
					 BIT(HVDPA_DEVICE_REVOKED),
		[HVDPA_DEVICE_SUSPENDED] = BIT(HVDPA_DEVICE_RUNNING) |
					   BIT(HVDPA_DEVICE_STOPPED) |
					   BIT(HVDPA_DEVICE_REVOKED),
		/* Only hvdpa_device_release() asks for it there. */
		[HVDPA_DEVICE_REVOKED] = BIT(HVDPA_DEVICE_STOPPED),
	};

	lockdep_assert_held(&hv->ep->lock);

	if (!(next[hv->state] & BIT(state)))
		return false;
	WRITE_ONCE(hv->state, state);
	return true;
}

static bool hvdpa_device_is_revoked(const struct hvdpa_device *hv)
{
	return hv->state == HVDPA_DEVICE_REVOKED;
}

/**
 * hvdpa_device_check - is a device what its owner made of it?
 * @hv: the device; the endpoint's lock is held
 *
 * Return: 0; -ENODEV if it was taken away or its function is lost; -EIO if it
 * needs a reset before anything else.
 */
int hvdpa_device_check(const struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	if (hvdpa_device_is_revoked(hv) || hvdpa_endpoint_is_lost(hv->ep))
		return -ENODEV;
	if (hv->status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED))
		return -EIO;
	return 0;
}

/* The owner finds NEEDS_RESET, and its configuration callback makes it look. */
static void hvdpa_device_tell(struct hvdpa_device *hv)
{
	hvdpa_device_add_status(hv, VIRTIO_CONFIG_S_NEEDS_RESET);
	hvdpa_control_refuse(hv);
	hvdpa_config_notify(hv);
}

/*
 * Nothing of the device reaches its owner any more, and no kick the device. Interrupt
 * handlers that are under way have ended on return, and later ones see that it does
 * not run.
 */
static void hvdpa_device_quiet(struct hvdpa_device *hv)
{
	u32 i;

	if (!hvdpa_device_is_revoked(hv))
		hvdpa_device_set_state(hv, HVDPA_DEVICE_STOPPED);
	for (i = 0; i < hv->nvqs; i++) {
		struct hvdpa_vring *vring = &hv->vrings[i];

		hvdpa_vring_hold(vring);
		if (vring->ops->quiet)
			vring->ops->quiet(vring);
	}
	hvdpa_irq_sync(hv);
}

/**
 * hvdpa_device_stop_queues - give back what the queues took to run
 * @hv: the device; the endpoint's lock is held, and the endpoint was reset or reaches
 *	no memory
 */
void hvdpa_device_stop_queues(struct hvdpa_device *hv)
{
	u32 i;

	lockdep_assert_held(&hv->ep->lock);

	for (i = 0; i < hv->nvqs; i++)
		if (hv->vrings[i].ops->stop)
			hv->vrings[i].ops->stop(&hv->vrings[i]);
}

/*
 * The one way to stop a device. After an error of hvdpa_endpoint_reset() it cannot
 * reach memory all the same.
 */
static int hvdpa_device_stop(struct hvdpa_device *hv)
{
	int err;

	hvdpa_device_quiet(hv);
	hvdpa_log_before_reset(hv);
	err = hvdpa_endpoint_reset(hv->ep);
	hvdpa_log_after_reset(hv);
	hvdpa_device_stop_queues(hv);
	return err;
}

/**
 * hvdpa_device_end_pause - a device stands still no more
 * @hv: the device; the endpoint's lock is held
 *
 * The endpoint of a paused one reaches memory again.
 */
void hvdpa_device_end_pause(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;

	lockdep_assert_held(&ep->lock);

	hv->until_ready = false;
	if (!hv->paused)
		return;
	hv->paused = false;
	if (!hvdpa_endpoint_is_lost(ep))
		ep->transport->enable_dma(ep, true);
}

/**
 * hvdpa_device_reset - back to the state that a new owner expects
 * @hv: the device; the endpoint's lock is held
 *
 * Mappings stay: they have operations of their own. Callbacks of queues are
 * forgotten and not running on return; the configuration's stays.
 *
 * Return: 0, or the errno of hvdpa_endpoint_reset(); the status then is
 * NEEDS_RESET.
 */
int hvdpa_device_reset(struct hvdpa_device *hv)
{
	int err = 0;
	u32 i;

	lockdep_assert_held(&hv->ep->lock);

	/* What was revoked was stopped then, and does not start again. */
	if (!hvdpa_device_is_revoked(hv)) {
		err = hvdpa_device_stop(hv);
		hvdpa_device_end_pause(hv);
	}

	hvdpa_control_forget(hv);
	WRITE_ONCE(hv->driver_features, 0);
	for (i = 0; i < hv->nvqs; i++)
		hvdpa_vring_forget(&hv->vrings[i]);

	WRITE_ONCE(hv->status, err || hvdpa_device_is_revoked(hv) ?
		   VIRTIO_CONFIG_S_NEEDS_RESET : 0);
	return err;
}

/**
 * hvdpa_device_failed - the endpoint, or an owner's ring, is not what it must be
 * @hv: the device; the endpoint's lock is held
 *
 * It is reset, and the owner is told.
 */
void hvdpa_device_failed(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	hvdpa_device_stop(hv);
	if (hv->log)
		hvdpa_log_distrust(hv->log, "the device was not stopped in good order");
	hvdpa_device_tell(hv);
}

static const struct hvdpa_device_events hvdpa_device_events = {
	.failed = hvdpa_device_failed,
};

/*
 * The endpoint is lost: no register is touched. What it was asked for before is void:
 * its dirty log is not trusted, and its owner finds NEEDS_RESET until it has reset
 * the device.
 */
static void hvdpa_device_lost(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	hvdpa_device_quiet(hv);
	hvdpa_file_keep_doorbells(hv, true);
	hvdpa_log_before_reset(hv);
	hvdpa_device_tell(hv);
}

/* An owner that must let go gets no DMA back. */
static void hvdpa_device_back(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	if (hvdpa_device_is_revoked(hv))
		return;
	hvdpa_file_keep_doorbells(hv, false);
	hv->ep->transport->enable_dma(hv->ep, true);
}

static const char *hvdpa_device_name(const struct hvdpa_device *hv)
{
	return dev_name(&hv->vdpa.dev);
}

static const struct hvdpa_endpoint_events hvdpa_device_endpoint_events = {
	.lost = hvdpa_device_lost,
	.back = hvdpa_device_back,
	.name = hvdpa_device_name,
};

/**
 * hvdpa_device_init - a device that nobody knows yet
 * @hv: the device, zeroed but for what vdpa has of it
 * @ep: its endpoint
 */
void hvdpa_device_init(struct hvdpa_device *hv, struct hvdpa_endpoint *ep)
{
	hv->ep = ep;
	hv->relay = READ_ONCE(ep->relay);
	hv->events = &hvdpa_device_events;
	spin_lock_init(&hv->config_cb_lock);
	spin_lock_init(&hv->mac_lock);
	hvdpa_watch_init(hv);
}

/**
 * hvdpa_device_publish - an endpoint has a device from now on
 * @hv: the device; the endpoint's lock is held
 */
void hvdpa_device_publish(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;

	lockdep_assert_held(&ep->lock);

	ep->events = &hvdpa_device_endpoint_events;
	WRITE_ONCE(ep->device, hv);
	ep->transport->enable_dma(ep, true);
}

/**
 * hvdpa_device_retract - an endpoint has no device any more
 * @hv: the device; the endpoint's lock is held
 */
void hvdpa_device_retract(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;

	lockdep_assert_held(&ep->lock);

	ep->transport->enable_dma(ep, false);
	WRITE_ONCE(ep->device, NULL);
}

/**
 * hvdpa_device_revoke - take a device away from an owner that still holds it
 * @hv: the device; the endpoint's lock is held
 *
 * DMA is off first and for sure, then the device is reset, then the owner
 * finds NEEDS_RESET and its configuration callback fires. Nothing that the
 * owner does later reaches the hardware. A consumer in the kernel is not
 * treated so: its own removal resets the device, with commands that need an
 * answer before that. May sleep.
 */
void hvdpa_device_revoke(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	if (hv->dma_api || !hvdpa_device_set_state(hv, HVDPA_DEVICE_REVOKED))
		return;

	hv->ep->transport->enable_dma(hv->ep, false);
	hvdpa_file_keep_doorbells(hv, true);
	hvdpa_device_stop(hv);
	hvdpa_device_tell(hv);
}

/**
 * hvdpa_device_release - nobody has the device any more
 * @hv: the device; the endpoint's lock is held
 *
 * It is as it was made, for the next consumer. May sleep.
 */
void hvdpa_device_release(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;

	lockdep_assert_held(&ep->lock);

	hvdpa_config_close(hv);
	hvdpa_provision_forget_owner(hv, NULL);
	WRITE_ONCE(hv->dma_api, false);
	hvdpa_device_set_state(hv, HVDPA_DEVICE_STOPPED);
	/* A device that may still write stays confined to nothing. */
	if (hvdpa_device_reset(hv))
		return;
	hvdpa_dma_detach(hv);
	hvdpa_file_keep_doorbells(hv, false);
	if (ep->state == HVDPA_ENDPOINT_LIVE)
		ep->transport->enable_dma(ep, true);
}

/*
 * The driver serves the control queue of an owner that is not the kernel, whatever the
 * hardware can do, and watches that of one that is.
 */
static void hvdpa_vring_set_ops(struct hvdpa_vring *vring, int control)
{
	const struct hvdpa_vring_ops *ops = &hvdpa_direct_vring_ops;

	if (vring->idx == control)
		ops = vring->hv->dma_api ? &hvdpa_watched_vring_ops :
					   &hvdpa_control_vring_ops;
	else if (hvdpa_relay_wanted(vring))
		ops = &hvdpa_relay_vring_ops;
	WRITE_ONCE(vring->ops, ops);
}

static int hvdpa_device_control(const struct hvdpa_device *hv)
{
	return hv->control ? hvdpa_control_index(hv, hv->driver_features) : -1;
}

/**
 * hvdpa_vring_share_out - who serves a virtqueue
 * @vring: the virtqueue, not started; the endpoint's lock is held; the owner's features
 *	   are known
 */
void hvdpa_vring_share_out(struct hvdpa_vring *vring)
{
	lockdep_assert_held(&vring->hv->ep->lock);

	hvdpa_vring_set_ops(vring, hvdpa_device_control(vring->hv));
}

/**
 * hvdpa_device_share_out - who serves which virtqueue
 * @hv: the device; the endpoint's lock is held; the owner's features are known
 *
 * Called when the owner accepts features, and once more when the device starts: by
 * then it has said where its rings stand.
 */
void hvdpa_device_share_out(struct hvdpa_device *hv)
{
	int control = hvdpa_device_control(hv);
	u32 i;

	lockdep_assert_held(&hv->ep->lock);

	for (i = 0; i < hv->nvqs; i++)
		hvdpa_vring_set_ops(&hv->vrings[i], control);
}

/**
 * hvdpa_device_go_live - all queues that are ready may be kicked
 * @hv: the device; it runs, and the endpoint's lock is held
 */
void hvdpa_device_go_live(struct hvdpa_device *hv)
{
	u32 i;

	lockdep_assert_held(&hv->ep->lock);

	for (i = 0; i < hv->nvqs; i++)
		if (hvdpa_vring_is_started(&hv->vrings[i]) && hv->vrings[i].ready)
			hvdpa_vring_go_live(&hv->vrings[i]);
}

/*
 * QEMU says which queues are ready only after DRIVER_OK, and a device need not
 * look at a queue that is enabled so late. So every queue that has its addresses
 * is enabled now; one that is not ready yet gets no kick from here until it is.
 * One that is ready and has no addresses, which QEMU says of queues that its guest
 * left alone, never runs.
 */
static int hvdpa_device_start_queues(struct hvdpa_device *hv)
{
	int err;
	u32 i;

	for (i = 0; i < hv->nvqs; i++) {
		struct hvdpa_vring *vring = &hv->vrings[i];

		if (!vring->has_address || hvdpa_control_borrows(hv, i))
			continue;
		/* It stands by its own reset, and its owner has it disabled. */
		if (vring->stands && !vring->ready)
			continue;
		err = hvdpa_vring_start(vring);
		if (err)
			return err;
	}
	return 0;
}

/* Virtio 1.4 section 3.1.1, step 8. */
static int hvdpa_device_driver_ok(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	u8 want = hv->status | VIRTIO_CONFIG_S_DRIVER_OK;
	u8 status;

	hvdpa_device_set_state(hv, HVDPA_DEVICE_RUNNING);
	ep->transport->set_status(ep, want);
	status = ep->transport->get_status(ep);
	if (status & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !(status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)))
		return 0;

	dev_err_ratelimited(ep->dev,
			    "device_status reads %#x, expected %#x: %pe\n", status,
			    want, ERR_PTR(-EIO));
	return -EIO;
}

/*
 * The device's DMA goes where its consumer's addresses do. An owner that left a
 * function that could not be reset left it in its own domain.
 */
static int hvdpa_device_confine(struct hvdpa_device *hv)
{
	if (!hv->dma_api)
		return hvdpa_dma_attach(hv);
	hvdpa_dma_detach(hv);
	return 0;
}

/* A log that relays keep, and features with which they cannot. */
static void hvdpa_device_doubt_log(struct hvdpa_device *hv)
{
	const char *obstacle;

	if (!hv->log || !hv->log->relayed)
		return;
	obstacle = hvdpa_relay_log_obstacle(hv);
	if (obstacle)
		hvdpa_log_distrust(hv->log, obstacle);
}

/**
 * hvdpa_device_start - let a device run whose queues were described
 * @hv: the device; the endpoint's lock is held; features are agreed on
 *
 * Virtio 1.4 section 3.1.1, steps 7 and 8. No queue is live yet. May sleep.
 *
 * Return: 0 or a negative errno; the endpoint must be reset then.
 */
int hvdpa_device_start(struct hvdpa_device *hv)
{
	int err;

	lockdep_assert_held(&hv->ep->lock);

	if (!(hv->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return -EINVAL;

	err = hvdpa_device_confine(hv);
	if (err)
		return err;
	hvdpa_device_share_out(hv);
	hvdpa_device_doubt_log(hv);
	err = hvdpa_irq_program(hv);
	if (err)
		return err;
	err = hvdpa_control_borrow(hv);
	if (err)
		return err;
	err = hvdpa_device_start_queues(hv);
	if (err)
		return err;
	err = hvdpa_control_start(hv);
	if (err)
		return err;
	err = hvdpa_log_run(hv);
	if (err)
		return err;
	err = hvdpa_device_driver_ok(hv);
	if (err)
		return err;
	return hvdpa_control_tell_mac(hv);
}

/* DRIVER_OK, or FAILED and a device that is reset. */
static void hvdpa_device_run(struct hvdpa_device *hv)
{
	int err = hvdpa_device_start(hv);

	if (!err) {
		hvdpa_device_go_live(hv);
		hvdpa_device_add_status(hv, VIRTIO_CONFIG_S_DRIVER_OK);
		return;
	}

	dev_err_ratelimited(hv->ep->dev,
			    "refused DRIVER_OK, status stays %#x: %pe\n",
			    hv->status | VIRTIO_CONFIG_S_FAILED, ERR_PTR(err));
	hvdpa_device_stop(hv);
	hvdpa_control_end(hv);
	hvdpa_device_add_status(hv, VIRTIO_CONFIG_S_FAILED);
	hvdpa_control_refuse(hv);
}

static int hvdpa_device_agree(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	u64 features = hvdpa_provision_device_features(hv);
	int err;
	u32 i;

	if (!hv->driver_features)
		return -EINVAL;
	err = hvdpa_control_can_tell_mac(hv);
	if (err)
		return err;
	err = hvdpa_endpoint_agree(ep, features);
	if (err)
		return err;
	for (i = 0; i < hv->nvqs; i++) {
		err = hvdpa_vring_agree(&hv->vrings[i]);
		if (err)
			return err;
	}
	return 0;
}

/**
 * hvdpa_device_set_status - the owner goes a step further
 * @hv: the device; the endpoint's lock is held
 * @status: the bits that it wants set; never 0, which is a reset
 *
 * What cannot be is not set: FEATURES_OK that the device does not keep, DRIVER_OK
 * that is refused (FAILED is set in its place), and anything while the device
 * needs a reset. NEEDS_RESET is the device's and not the owner's to set. May
 * sleep.
 */
void hvdpa_device_set_status(struct hvdpa_device *hv, u8 status)
{
	u8 set = status & ~(hv->status | VIRTIO_CONFIG_S_NEEDS_RESET);

	lockdep_assert_held(&hv->ep->lock);

	if (hvdpa_device_check(hv))
		return;
	if (set & VIRTIO_CONFIG_S_FEATURES_OK && hvdpa_device_agree(hv)) {
		set &= ~(VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK);
		if (hvdpa_device_check(hv))
			return;
	}

	hvdpa_device_add_status(hv, set & ~VIRTIO_CONFIG_S_DRIVER_OK);
	if (set & VIRTIO_CONFIG_S_DRIVER_OK && !(set & VIRTIO_CONFIG_S_FAILED))
		hvdpa_device_run(hv);
	else
		hv->ep->transport->set_status(hv->ep, hv->status);
}
