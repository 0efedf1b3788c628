// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function with nothing beyond the standard. Virtio 1.4 can suspend a device
 * (section 2.1.3, VIRTIO_F_SUSPEND) and ends what it began before it does, so
 * a split ring then stands where its used index says. No standard function
 * can be told where to start.
 */
#include <linux/device.h>
#include <linux/iopoll.h>
#include <uapi/linux/virtio_config.h>

#include "endpoint.h"

#define HVDPA_F_SUSPEND		BIT_ULL(43)
#define HVDPA_S_SUSPEND		0x10

static int hvdpa_virtio_suspend(struct hvdpa_endpoint *ep)
{
	u8 status;
	int err;

	ep->transport->set_status(ep, ep->transport->get_status(ep) |
				      HVDPA_S_SUSPEND);
	err = read_poll_timeout(ep->transport->get_status, status,
				(status & HVDPA_S_SUSPEND &&
				 !(status & VIRTIO_CONFIG_S_DRIVER_OK)) ||
				status & VIRTIO_CONFIG_S_NEEDS_RESET,
				HVDPA_SUSPEND_POLL_US,
				HVDPA_SUSPEND_TIMEOUT_US, false, ep);
	if (!err && status == HVDPA_ALL_ONES_8)
		err = -ENODEV;
	else if (!err && status & VIRTIO_CONFIG_S_NEEDS_RESET)
		err = -EIO;
	if (err)
		dev_err_ratelimited(ep->dev,
				    "suspend: device_status is %#x, expected %#x set and %#x not: %pe\n",
				    status, HVDPA_S_SUSPEND, VIRTIO_CONFIG_S_DRIVER_OK,
				    ERR_PTR(err));
	return err;
}

static int hvdpa_virtio_resume(struct hvdpa_endpoint *ep)
{
	u8 status = ep->transport->get_status(ep) & ~HVDPA_S_SUSPEND;
	int err;

	ep->transport->set_status(ep, status | VIRTIO_CONFIG_S_DRIVER_OK);
	err = read_poll_timeout(ep->transport->get_status, status,
				!(status & HVDPA_S_SUSPEND) ||
				status == HVDPA_ALL_ONES_8,
				HVDPA_SUSPEND_POLL_US,
				HVDPA_SUSPEND_TIMEOUT_US, false, ep);
	if (!err && status == HVDPA_ALL_ONES_8)
		err = -ENODEV;
	if (err)
		dev_err_ratelimited(ep->dev,
				    "resume: device_status is %#x, expected %#x not set: %pe\n",
				    status, HVDPA_S_SUSPEND, ERR_PTR(err));
	return err;
}

static const struct hvdpa_migration_ops hvdpa_virtio_ops = {
	.name = "virtio",
};

static const struct hvdpa_migration_ops hvdpa_virtio_ops_suspend = {
	.name = "virtio with SUSPEND",
	.suspend = hvdpa_virtio_suspend,
	.resume = hvdpa_virtio_resume,
	.stands_where_used = true,
};

/**
 * hvdpa_virtio_detect - what an endpoint can do by the standard alone
 * @ep: the endpoint; what it offers is known
 */
void hvdpa_virtio_detect(struct hvdpa_endpoint *ep)
{
	static const char no_suspend[] =
		"no SUSPEND feature (virtio 1.4) and no migration capability";

	ep->migration = &hvdpa_virtio_ops;
	ep->lacks[HVDPA_SUSPEND] = no_suspend;
	ep->lacks[HVDPA_RESUME] = no_suspend;
	ep->lacks[HVDPA_GET_STATE] = no_suspend;
	ep->lacks[HVDPA_SET_STATE] =
		"a standard function starts every ring at 0";
	ep->lacks[HVDPA_LOG] = "the standard has no dirty log";
	ep->lacks[HVDPA_COUNTERS] = "the standard has none per queue";

	if (ep->offered & HVDPA_F_SUSPEND) {
		ep->migration = &hvdpa_virtio_ops_suspend;
		ep->private_features = HVDPA_F_SUSPEND;
		ep->lacks[HVDPA_SUSPEND] = NULL;
		ep->lacks[HVDPA_RESUME] = NULL;
		ep->lacks[HVDPA_GET_STATE] = NULL;
	}
}
