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
#include <linux/pci.h>

#include "hvdpa.h"

/* The one place where status gains bits; hvdpa_device_reset() takes them all. */
static void hvdpa_device_add_status(struct hvdpa_device *hv, u8 bits)
{
	lockdep_assert_held(&hv->fn->lock);

	WRITE_ONCE(hv->status, hv->status | bits);
}

/**
 * hvdpa_device_check - is a device what its owner made of it?
 * @hv: the device; the function's lock is held
 *
 * Return: 0; -ENODEV if it was taken away or its function is lost; -EIO if it
 * needs a reset before anything else.
 */
int hvdpa_device_check(const struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->fn->lock);

	if (hv->revoked || hv->fn->dead)
		return -ENODEV;
	if (hv->status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED))
		return -EIO;
	return 0;
}

/* The owner finds NEEDS_RESET, and its configuration callback makes it look. */
static void hvdpa_device_tell(struct hvdpa_device *hv)
{
	hvdpa_device_add_status(hv, VIRTIO_CONFIG_S_NEEDS_RESET);
	hvdpa_config_notify(hv);
}

/**
 * hvdpa_device_quiet - nothing of the device reaches its owner any more, and
 * no kick the device
 * @hv: the device; the function's lock is held
 *
 * Interrupt handlers that are under way have ended on return, and later ones
 * see that the device does not run. May sleep.
 */
void hvdpa_device_quiet(struct hvdpa_device *hv)
{
	u32 i;

	lockdep_assert_held(&hv->fn->lock);

	WRITE_ONCE(hv->running, false);
	for (i = 0; i < hv->nvqs; i++)
		hvdpa_vring_hold(&hv->vrings[i]);
	hvdpa_irq_sync(hv);
}

/*
 * The one way to stop a device. After an error of hvdpa_function_reset() it cannot
 * reach memory all the same.
 */
static int hvdpa_device_stop(struct hvdpa_device *hv)
{
	int err;

	hvdpa_device_quiet(hv);
	hvdpa_log_before_reset(hv);
	err = hvdpa_function_reset(hv->fn);
	hvdpa_log_after_reset(hv);
	return err;
}

/**
 * hvdpa_device_reset - back to the state that a new owner expects
 * @hv: the device; the function's lock is held
 *
 * Mappings stay: they have operations of their own. Callbacks of queues are
 * forgotten and not running on return; the configuration's stays.
 *
 * Return: 0, or the errno of hvdpa_function_reset(); the status then is
 * NEEDS_RESET.
 */
int hvdpa_device_reset(struct hvdpa_device *hv)
{
	int err = 0;
	u32 i;

	lockdep_assert_held(&hv->fn->lock);

	/* What was revoked was stopped then, and does not start again. */
	if (!hv->revoked)
		err = hvdpa_device_stop(hv);

	hv->suspended = false;
	hvdpa_control_forget(hv);
	WRITE_ONCE(hv->driver_features, 0);
	for (i = 0; i < hv->nvqs; i++)
		hvdpa_vring_forget(&hv->vrings[i]);

	WRITE_ONCE(hv->status, err || hv->revoked ?
		   VIRTIO_CONFIG_S_NEEDS_RESET : 0);
	return err;
}

/**
 * hvdpa_device_fail - the device did not do what it must: no more of it
 * @hv: the device; the function's lock is held
 *
 * It is reset, and its owner finds NEEDS_RESET. May sleep.
 */
void hvdpa_device_fail(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->fn->lock);

	hvdpa_device_stop(hv);
	if (hv->log)
		hvdpa_log_distrust(hv->log, "the device was not stopped in good order");
	hvdpa_device_tell(hv);
}

/**
 * hvdpa_device_lose - the device's function is lost
 * @hv: the device; the function's lock is held, and it is marked as dead
 *
 * No register is touched. What the function was asked for before is void: its
 * dirty log is not trusted, and its owner finds NEEDS_RESET until it has reset
 * the device. May sleep.
 */
void hvdpa_device_lose(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->fn->lock);

	hvdpa_device_quiet(hv);
	hvdpa_file_keep_doorbells(hv, true);
	hvdpa_log_before_reset(hv);
	hvdpa_device_tell(hv);
}

/**
 * hvdpa_device_revoke - take a device away from an owner that still holds it
 * @hv: the device; the function's lock is held
 *
 * DMA is off first and for sure, then the device is reset, then the owner
 * finds NEEDS_RESET and its configuration callback fires. Nothing that the
 * owner does later reaches the hardware. A consumer in the kernel is not
 * treated so: its own removal resets the device, with commands that need an
 * answer before that. May sleep.
 */
void hvdpa_device_revoke(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->fn->lock);

	if (hv->revoked || hv->dma_api)
		return;

	hv->revoked = true;
	pci_clear_master(hv->fn->pdev);
	hvdpa_file_keep_doorbells(hv, true);
	hvdpa_device_stop(hv);
	hvdpa_device_tell(hv);
}

/**
 * hvdpa_device_serves - will the driver serve a queue itself?
 * @hv: the device; the function's lock is held
 * @idx: the owner's number of the queue
 *
 * Return: true if it will, whatever the hardware can do.
 */
bool hvdpa_device_serves(const struct hvdpa_device *hv, u16 idx)
{
	lockdep_assert_held(&hv->fn->lock);

	return hv->control && !hv->dma_api &&
	       idx == hvdpa_control_index(hv, hv->driver_features);
}

/* The driver serves the control queue of an owner that is not the kernel. */
static void hvdpa_device_mediate(struct hvdpa_device *hv)
{
	int idx = hvdpa_control_index(hv, hv->driver_features);

	if (idx >= 0 && hvdpa_device_serves(hv, idx))
		WRITE_ONCE(hv->vrings[idx].mediated, true);
}

/* All queues that are ready may be kicked. */
static void hvdpa_device_go_live(struct hvdpa_device *hv)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++)
		if (hv->vrings[i].armed && hv->vrings[i].ready)
			hvdpa_vring_go_live(&hv->vrings[i]);
}

/*
 * QEMU says which queues are ready only after DRIVER_OK, and a device need not
 * look at a queue that is enabled so late. So every queue that has its addresses
 * is enabled now; one that is not ready yet gets no kick from here until it is.
 * One that is ready and has no addresses, which QEMU says of queues that its guest
 * left alone, never runs.
 */
static int hvdpa_device_arm(struct hvdpa_device *hv)
{
	int err;
	u32 i;

	for (i = 0; i < hv->nvqs; i++) {
		struct hvdpa_vring *vring = &hv->vrings[i];

		if (!vring->has_address || hvdpa_control_borrows(hv, i))
			continue;
		err = vring->mediated ? hvdpa_control_attach(vring) :
					hvdpa_vring_arm(vring);
		if (err)
			return err;
	}
	return 0;
}

/* Virtio 1.4 section 3.1.1, step 8. */
static int hvdpa_device_driver_ok(struct hvdpa_device *hv)
{
	struct hvdpa_function *fn = hv->fn;
	u8 want = hv->status | VIRTIO_CONFIG_S_DRIVER_OK;
	u8 status;

	WRITE_ONCE(hv->running, true);
	vp_modern_set_status(&fn->mdev, want);
	status = hvdpa_function_read_status(fn);
	if (status & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !(status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED)))
		return 0;

	dev_err_ratelimited(&fn->pdev->dev,
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

/* Virtio 1.4 section 3.1.1, steps 7 and 8. */
static int hvdpa_device_start(struct hvdpa_device *hv)
{
	int err;

	if (!(hv->status & VIRTIO_CONFIG_S_FEATURES_OK))
		return -EINVAL;

	err = hvdpa_device_confine(hv);
	if (err)
		return err;
	hvdpa_device_mediate(hv);
	err = hvdpa_irq_program(hv);
	if (err)
		return err;
	err = hvdpa_control_borrow(hv);
	if (err)
		return err;
	err = hvdpa_device_arm(hv);
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
	err = hvdpa_control_tell_mac(hv);
	if (err)
		return err;

	hvdpa_device_go_live(hv);
	return 0;
}

/* DRIVER_OK, or FAILED and a device that is reset. */
static void hvdpa_device_run(struct hvdpa_device *hv)
{
	int err = hvdpa_device_start(hv);

	if (!err) {
		hvdpa_device_add_status(hv, VIRTIO_CONFIG_S_DRIVER_OK);
		return;
	}

	dev_err_ratelimited(&hv->fn->pdev->dev,
			    "refused DRIVER_OK, status stays %#x: %pe\n",
			    hv->status | VIRTIO_CONFIG_S_FAILED, ERR_PTR(err));
	hvdpa_device_stop(hv);
	hvdpa_control_end(hv);
	hvdpa_device_add_status(hv, VIRTIO_CONFIG_S_FAILED);
}

static int hvdpa_device_agree(struct hvdpa_device *hv)
{
	struct hvdpa_function *fn = hv->fn;
	u64 features = hvdpa_provision_device_features(hv);
	int err;
	u32 i;

	if (!hv->driver_features)
		return -EINVAL;
	err = hvdpa_control_can_tell_mac(hv);
	if (err)
		return err;
	err = hvdpa_function_agree(fn, features);
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
 * @hv: the device; the function's lock is held
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

	lockdep_assert_held(&hv->fn->lock);

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
		vp_modern_set_status(&hv->fn->mdev, hv->status);
}

/**
 * hvdpa_device_suspend - the queues stand still
 * @hv: the device; the function's lock is held; it can be suspended
 *
 * Kicks wait in the driver, those by mapped doorbells in the device. May sleep.
 *
 * Return: 0, also if it does not run or stands still already; the errno of
 * hvdpa_device_check(); what the hardware says, and the device is reset then.
 */
int hvdpa_device_suspend(struct hvdpa_device *hv)
{
	int err;
	u32 i;

	err = hvdpa_device_check(hv);
	if (err || !hv->running || hv->suspended)
		return err;

	for (i = 0; i < hv->nvqs; i++)
		hvdpa_vring_hold(&hv->vrings[i]);
	err = hv->fn->hw->suspend(hv->fn);
	if (err)
		hvdpa_device_fail(hv);
	else
		hv->suspended = true;
	return err;
}

/**
 * hvdpa_device_resume - the queues go on where they stand
 * @hv: the device; the function's lock is held; it can be resumed
 *
 * May sleep.
 *
 * Return: 0, also if it was not suspended; the errno of hvdpa_device_check(); what
 * the hardware says, and the device is reset then.
 */
int hvdpa_device_resume(struct hvdpa_device *hv)
{
	int err;

	err = hvdpa_device_check(hv);
	if (err || !hv->suspended)
		return err;

	err = hv->fn->hw->resume(hv->fn);
	if (err) {
		hvdpa_device_fail(hv);
		return err;
	}
	hv->suspended = false;
	hvdpa_device_go_live(hv);
	return 0;
}
