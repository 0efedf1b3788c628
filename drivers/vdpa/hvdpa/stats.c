// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `vdpa dev vstats show` prints of a queue.
 */
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>

#include "parts.h"

/**
 * hvdpa_put_stat - put one number into a netlink message
 * @msg: the message
 * @name: of the number
 * @value: the number
 *
 * Return: 0, or -EMSGSIZE if the message is full.
 */
int hvdpa_put_stat(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value,
			      VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

/* What the device counts, where it does and answers. */
static int hvdpa_device_stats(struct hvdpa_vring *vring, struct sk_buff *msg)
{
	struct hvdpa_endpoint *ep = vring->hv->ep;
	struct hvdpa_queue_counters counters;
	int err;

	/* The lock is a recovery's as long as the PCI core waits. */
	if (!hvdpa_can(ep, HVDPA_COUNTERS) || hvdpa_endpoint_is_lost(ep))
		return 0;
	mutex_lock(&ep->lock);
	err = hvdpa_endpoint_is_lost(ep) ? -ENODEV :
	      ep->migration->get_counters(ep, vring->hw_idx, &counters);
	mutex_unlock(&ep->lock);
	if (err)
		return 0;

	return hvdpa_put_stat(msg, "device_doorbells", counters.doorbells) ?:
	       hvdpa_put_stat(msg, "device_used", counters.used);
}

/**
 * hvdpa_vq_stats - put a queue's counters into a netlink message
 * @vring: the queue
 * @msg: the message
 *
 * kicks: those that went through the driver, a mapped doorbell's do not;
 * interrupts: those that the host handled, posted ones it does not see;
 * errors: what was refused. Of a virtqueue that the driver serves,
 * interrupts are those that the driver sent, and its commands are counted.
 * These count from dev_add on. device_doorbells and device_used are the
 * device's own, where it has them, and count from its power-up on.
 *
 * Takes the endpoint's lock; may sleep.
 *
 * Return: 0, or -EMSGSIZE if the message is full.
 */
int hvdpa_vq_stats(struct hvdpa_vring *vring, struct sk_buff *msg)
{
	const struct hvdpa_vring_ops *ops;
	int err;

	err = hvdpa_put_stat(msg, "kicks", atomic64_read(&vring->kicks)) ?:
	      hvdpa_put_stat(msg, "interrupts",
			     READ_ONCE(vring->interrupts)) ?:
	      hvdpa_put_stat(msg, "errors", atomic64_read(&vring->errors));
	ops = READ_ONCE(vring->ops);
	if (!err && ops->stats)
		err = ops->stats(vring, msg);
	return err ?: hvdpa_device_stats(vring, msg);
}
