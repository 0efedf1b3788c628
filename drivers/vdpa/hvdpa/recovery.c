// SPDX-License-Identifier: GPL-2.0-only
/*
 * An endpoint that was lost comes back: after a reset of this driver's, or one of
 * others, which reset.c hears of.
 */
#include <linux/bitmap.h>
#include <linux/device.h>
#include <linux/jiffies.h>
#include <linux/pci.h>

#include "endpoint.h"
#include "function.h"

/* Does it answer as it did before it was lost? */
static int hvdpa_endpoint_recognise(struct hvdpa_endpoint *ep)
{
	u8 status = ep->transport->get_status(ep);
	u64 offered;
	int err;

	if (status) {
		err = status == HVDPA_ALL_ONES_8 ? -ENODEV : -ETIMEDOUT;
		dev_err(ep->dev,
			"revive: device_status is %#x after a function level reset, expected 0: %pe\n",
			status, ERR_PTR(err));
		return err;
	}
	offered = ep->transport->get_features(ep);
	if (offered != ep->offered) {
		dev_err(ep->dev,
			"revive: device_feature is %#llx, it was %#llx: %pe\n",
			offered, ep->offered, ERR_PTR(-EIO));
		return -EIO;
	}
	return 0;
}

/**
 * hvdpa_endpoint_return - an endpoint that was lost was reset
 * @ep: the endpoint, its lock held; its function's configuration space is as it was
 *
 * An owner of its device goes on finding NEEDS_RESET until it has reset it. A reset
 * by others that begins while this looks loses the endpoint again: it says so first,
 * and then waits for the lock.
 *
 * Return: 0, also if it is not lost; -ENODEV if it is leaving; -EBUSY while somebody
 * else resets it; -ENODEV or -ETIMEDOUT if it does not answer as after a reset, -EIO
 * if it is not what it was. After an error it stays lost; for one of the last three
 * one line in the log says why.
 */
int hvdpa_endpoint_return(struct hvdpa_endpoint *ep)
{
	int err;

	lockdep_assert_held(&ep->lock);

	if (!hvdpa_endpoint_is_lost(ep))
		return 0;
	if (ep->state == HVDPA_ENDPOINT_GONE)
		return -ENODEV;
	if (hvdpa_function_is_being_reset(ep->fn))
		return -EBUSY;
	err = hvdpa_endpoint_recognise(ep);
	if (err)
		return err;

	hvdpa_endpoint_set_state(ep, HVDPA_ENDPOINT_LIVE);
	if (ep->enabled)
		bitmap_zero(ep->enabled, ep->nqueues);
	if (ep->device)
		ep->events->back(ep->device);
	dev_info(ep->dev, "the function is back after: %s\n", ep->death);
	return 0;
}

/**
 * hvdpa_endpoint_await_reset - wait until nobody else resets an endpoint
 * @ep: the endpoint, its lock held; it is given up while waiting
 *
 * Bounded by HVDPA_AWAIT_RESET_MS.
 *
 * Return: 0; -EBUSY if it takes longer; -EINTR if the caller is killed.
 */
int hvdpa_endpoint_await_reset(struct hvdpa_endpoint *ep)
{
	struct hvdpa_function *fn = ep->fn;
	long left;

	lockdep_assert_held(&ep->lock);

	while (hvdpa_function_is_being_reset(fn)) {
		mutex_unlock(&ep->lock);
		left = wait_event_killable_timeout(fn->reset_over,
						   !READ_ONCE(fn->resetters),
						   msecs_to_jiffies(HVDPA_AWAIT_RESET_MS));
		mutex_lock(&ep->lock);
		if (left <= 0)
			return left ? -EINTR : -EBUSY;
	}
	return 0;
}

/**
 * hvdpa_endpoint_revive - bring back an endpoint that was given up
 * @ep: the endpoint, its lock held
 *
 * A function level reset, and a look at what answers. An owner of its device
 * goes on finding NEEDS_RESET until it has reset it. May sleep, and as long as
 * the PCI core waits for a function: up to a minute.
 *
 * Return: 0, also where it was not given up; -ENODEV if it is not there or is
 * leaving, -EBUSY while somebody else resets it, -ENOTTY if it has no function level
 * reset, -ETIMEDOUT if that does not end, -EIO if it is not what it was. After an
 * error it stays given up; but for -EBUSY and one that leaves one line in the log says
 * why.
 */
int hvdpa_endpoint_revive(struct hvdpa_endpoint *ep)
{
	u16 command;
	int err;

	lockdep_assert_held(&ep->lock);

	if (ep->state == HVDPA_ENDPOINT_LEAVING ||
	    ep->state == HVDPA_ENDPOINT_GONE)
		return -ENODEV;
	if (hvdpa_function_is_being_reset(ep->fn))
		return -EBUSY;
	if (!hvdpa_endpoint_is_lost(ep))
		return 0;
	/* Else the reset would wait a minute for what cannot come. */
	pci_read_config_word(ep->fn->pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command)) {
		dev_err(ep->dev,
			"revive: the command register reads %#x, the function is not there: %pe\n",
			command, ERR_PTR(-ENODEV));
		return -ENODEV;
	}

	err = ep->transport->flr(ep);
	if (err == -EBUSY)
		return err;
	if (err) {
		dev_err(ep->dev, "revive: function level reset: %pe\n",
			ERR_PTR(err));
		return err;
	}
	return hvdpa_endpoint_return(ep);
}
