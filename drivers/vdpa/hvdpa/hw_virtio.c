// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function with nothing beyond the standard. Virtio 1.4 can suspend a device
 * (section 2.1.3, VIRTIO_F_SUSPEND) and ends what it began before it does, so
 * a split ring then stands where its used index says. No standard function
 * can be told where to start.
 */
#include <linux/iopoll.h>
#include <uapi/linux/virtio_ring.h>

#include "hvdpa.h"

#define HVDPA_F_SUSPEND		BIT_ULL(43)
#define HVDPA_S_SUSPEND		0x10

static int hvdpa_virtio_suspend(struct hvdpa_function *fn)
{
	u8 status;
	int err;

	vp_modern_set_status(&fn->mdev, hvdpa_function_read_status(fn) |
					HVDPA_S_SUSPEND);
	err = read_poll_timeout(hvdpa_function_read_status, status,
				(status & HVDPA_S_SUSPEND &&
				 !(status & VIRTIO_CONFIG_S_DRIVER_OK)) ||
				status & VIRTIO_CONFIG_S_NEEDS_RESET,
				HVDPA_SUSPEND_POLL_US,
				HVDPA_SUSPEND_TIMEOUT_US, false, fn);
	if (!err && status == HVDPA_ALL_ONES_8)
		err = -ENODEV;
	else if (!err && status & VIRTIO_CONFIG_S_NEEDS_RESET)
		err = -EIO;
	if (err)
		dev_err_ratelimited(&fn->pdev->dev,
				    "suspend: device_status is %#x, expected %#x set and %#x not: %pe\n",
				    status, HVDPA_S_SUSPEND, VIRTIO_CONFIG_S_DRIVER_OK,
				    ERR_PTR(err));
	return err;
}

static int hvdpa_virtio_resume(struct hvdpa_function *fn)
{
	u8 status = hvdpa_function_read_status(fn) & ~HVDPA_S_SUSPEND;
	int err;

	vp_modern_set_status(&fn->mdev, status | VIRTIO_CONFIG_S_DRIVER_OK);
	err = read_poll_timeout(hvdpa_function_read_status, status,
				!(status & HVDPA_S_SUSPEND) ||
				status == HVDPA_ALL_ONES_8,
				HVDPA_SUSPEND_POLL_US,
				HVDPA_SUSPEND_TIMEOUT_US, false, fn);
	if (!err && status == HVDPA_ALL_ONES_8)
		err = -ENODEV;
	if (err)
		dev_err_ratelimited(&fn->pdev->dev,
				    "resume: device_status is %#x, expected %#x not set: %pe\n",
				    status, HVDPA_S_SUSPEND, ERR_PTR(err));
	return err;
}

/*
 * The used index, as the device left it in its owner's memory. A consumer in the
 * kernel asks for no state, and its memory is not in the device's own domain.
 */
static int hvdpa_virtio_get_ring_state(const struct hvdpa_vring *vring,
				       struct hvdpa_ring_state *ring)
{
	struct hvdpa_device *hv = vring->hv;
	u16 used;
	int err;

	if (hvdpa_is_packed(hv) || hv->dma_api || !hv->dma.domain)
		return -EOPNOTSUPP;

	err = hvdpa_access_read16(&hv->dma, HVDPA_ASID_DATA, vring->device +
				  offsetof(struct vring_used, idx), &used);
	if (err)
		return err;
	hvdpa_ring_state_initial(ring, false);
	ring->avail_idx = used;
	ring->used_idx = used;
	return 0;
}

static const struct hvdpa_hw_ops hvdpa_hw_virtio = {
	.name = "virtio",
};

static const struct hvdpa_hw_ops hvdpa_hw_virtio_suspend = {
	.name = "virtio with SUSPEND",
	.suspend = hvdpa_virtio_suspend,
	.resume = hvdpa_virtio_resume,
	.get_ring_state = hvdpa_virtio_get_ring_state,
};

/**
 * hvdpa_virtio_detect - what a function can do by the standard alone
 * @fn: the function; what it offers is known
 *
 * Return: nothing.
 */
void hvdpa_virtio_detect(struct hvdpa_function *fn)
{
	static const char no_suspend[] =
		"no SUSPEND feature (virtio 1.4) and no migration capability";

	fn->hw = &hvdpa_hw_virtio;
	fn->lacks[HVDPA_SUSPEND] = no_suspend;
	fn->lacks[HVDPA_RESUME] = no_suspend;
	fn->lacks[HVDPA_GET_STATE] = no_suspend;
	fn->lacks[HVDPA_SET_STATE] =
		"a standard function starts every ring at 0";
	fn->lacks[HVDPA_LOG] = "the standard has no dirty log";
	fn->lacks[HVDPA_COUNTERS] = "the standard has none per queue";

	if (fn->offered & HVDPA_F_SUSPEND) {
		fn->hw = &hvdpa_hw_virtio_suspend;
		fn->private_features = HVDPA_F_SUSPEND;
		fn->lacks[HVDPA_SUSPEND] = NULL;
		fn->lacks[HVDPA_RESUME] = NULL;
		fn->lacks[HVDPA_GET_STATE] = NULL;
	}
}
