// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `vdpa dev vstats show` prints of a queue.
 */
#include <net/netlink.h>
#include <uapi/linux/vdpa.h>

#include "hvdpa.h"

static int hvdpa_put_stat(struct sk_buff *msg, const char *name, u64 value)
{
	if (nla_put_string(msg, VDPA_ATTR_DEV_VENDOR_ATTR_NAME, name) ||
	    nla_put_u64_64bit(msg, VDPA_ATTR_DEV_VENDOR_ATTR_VALUE, value,
			      VDPA_ATTR_PAD))
		return -EMSGSIZE;
	return 0;
}

static int hvdpa_control_stats(const struct hvdpa_control *control,
			       struct sk_buff *msg)
{
	struct hvdpa_control_counters counters;

	hvdpa_control_counters(control, &counters);
	return hvdpa_put_stat(msg, "commands", counters.received) ?:
	       hvdpa_put_stat(msg, "commands_accepted", counters.accepted) ?:
	       hvdpa_put_stat(msg, "commands_refused", counters.refused);
}

/* What the device counts, where it does and answers. */
static int hvdpa_device_stats(struct hvdpa_vring *vring, struct sk_buff *msg)
{
	struct hvdpa_function *fn = vring->hv->fn;
	struct hvdpa_queue_counters counters;
	int err;

	/* The lock is a recovery's as long as the PCI core waits. */
	if (!hvdpa_can(fn, HVDPA_COUNTERS) || READ_ONCE(fn->dead))
		return 0;
	mutex_lock(&fn->lock);
	err = fn->dead ? -ENODEV :
	      fn->hw->get_counters(fn, vring->hw_idx, &counters);
	mutex_unlock(&fn->lock);
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
 * errors: what was refused. Of a control queue that the driver serves,
 * interrupts are those that the driver sent, and its commands are counted.
 * These count from dev_add on. device_doorbells and device_used are the
 * device's own, where it has them, and count from its power-up on.
 *
 * Takes the function's lock; may sleep.
 *
 * Return: 0, or -EMSGSIZE if the message is full.
 */
int hvdpa_vq_stats(struct hvdpa_vring *vring, struct sk_buff *msg)
{
	int err;

	err = hvdpa_put_stat(msg, "kicks", atomic64_read(&vring->kicks)) ?:
	      hvdpa_put_stat(msg, "interrupts",
			     READ_ONCE(vring->interrupts)) ?:
	      hvdpa_put_stat(msg, "errors", atomic64_read(&vring->errors));
	if (!err && READ_ONCE(vring->mediated))
		err = hvdpa_control_stats(vring->hv->control, msg);
	return err ?: hvdpa_device_stats(vring, msg);
}
