// SPDX-License-Identifier: GPL-2.0-only
/*
 * The card's control queue is a kernel consumer's, but for the moment in which the
 * driver gives the card the address of `vdpa dev add`.
 */
#include <linux/device.h>
#include <linux/err.h>

#include "parts.h"
#include "provision.h"

/**
 * hvdpa_control_hw_index - the card's number of its control queue
 * @hv: the device; features are agreed on
 *
 * Return: the number.
 */
u16 hvdpa_control_hw_index(const struct hvdpa_device *hv)
{
	return hvdpa_features_control_index(hvdpa_provision_device_features(hv),
					    hv->ep->type,
					    hv->ep->max_pairs);
}

/**
 * hvdpa_control_can_tell_mac - can the card be given an address?
 * @hv: the device; the endpoint's lock is held
 *
 * A kernel consumer's control queue must be given back, which takes
 * VIRTIO_F_RING_RESET. Asked before FEATURES_OK: a driver of the kernel that is
 * refused then goes away. One that is refused DRIVER_OK does not notice.
 *
 * Return: 0 if it can, or need not; -EOPNOTSUPP with one line in the log.
 */
int hvdpa_control_can_tell_mac(const struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	if (!hvdpa_provision_mac_of(hv) || (hv->control && !hv->dma_api) ||
	    (hv->dma_api && hv->ep->offered & BIT_ULL(VIRTIO_F_RING_RESET)))
		return 0;

	dev_err_ratelimited(hv->ep->dev,
			    "mac %pM cannot be given to the card for this consumer: it offers %#llx without RING_RESET (bit %u): %pe\n",
			    hv->mac, hv->ep->offered, VIRTIO_F_RING_RESET,
			    ERR_PTR(-EOPNOTSUPP));
	return -EOPNOTSUPP;
}

/**
 * hvdpa_control_borrow - have the queue of a kernel consumer for a moment
 * @hv: the device; the endpoint's lock is held; FEATURES_OK, not DRIVER_OK
 *
 * A kernel consumer has the card's control queue for itself. To give the card
 * an address before that, the driver takes it until hvdpa_control_tell_mac().
 * Nothing is done where there is no need.
 *
 * Return: 0 or -ENOMEM.
 */
int hvdpa_control_borrow(struct hvdpa_device *hv)
{
	int err;

	lockdep_assert_held(&hv->ep->lock);

	if (!hvdpa_provision_mac_of(hv) || (hv->control && !hv->dma_api))
		return 0;

	err = hvdpa_control_queue_borrow(&hv->borrowed, hv->ep);
	if (err)
		return err;
	hv->borrowed.idx = hvdpa_control_hw_index(hv);
	return 0;
}

/**
 * hvdpa_control_borrows - does the driver have this queue of the owner's?
 * @hv: the device; the endpoint's lock is held
 * @idx: the owner's number of the queue
 *
 * Return: true until hvdpa_control_tell_mac() has given it back.
 */
bool hvdpa_control_borrows(const struct hvdpa_device *hv, u16 idx)
{
	lockdep_assert_held(&hv->ep->lock);

	return hv->borrowed.memory &&
	       hv->vrings[idx].hw_idx == hv->borrowed.idx;
}

/**
 * hvdpa_control_unborrow - give the queue back to the owner, if it has one there
 * @hv: the device; the endpoint's lock is held; the card has DRIVER_OK
 *
 * Return: 0, or the errno of hvdpa_endpoint_reset_queue(), hvdpa_irq_program_queue() or
 * hvdpa_vring_start().
 */
int hvdpa_control_unborrow(struct hvdpa_device *hv)
{
	u16 hw_idx = hv->borrowed.idx;
	int err;
	u32 i;

	lockdep_assert_held(&hv->ep->lock);

	err = hvdpa_endpoint_reset_queue(hv->ep, hw_idx);
	if (err)
		return err;
	hvdpa_control_queue_give_back(&hv->borrowed);

	for (i = 0; i < hv->nvqs; i++) {
		if (hv->vrings[i].hw_idx != hw_idx ||
		    !hv->vrings[i].has_address)
			continue;
		return hvdpa_irq_program_queue(hv, i) ?:
		       hvdpa_vring_start(&hv->vrings[i]);
	}
	return 0;
}

/**
 * hvdpa_control_end - the card was reset: a borrowed queue is no more
 * @hv: the device; the endpoint's lock is held
 */
void hvdpa_control_end(struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	hvdpa_control_queue_give_back(&hv->borrowed);
}
