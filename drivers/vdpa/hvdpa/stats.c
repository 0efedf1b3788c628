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

/**
 * hvdpa_vq_stats - put a queue's counters into a netlink message
 * @vring: the queue
 * @msg: the message
 *
 * kicks: those that went through the driver, a mapped doorbell's do not;
 * interrupts: those that the host handled, posted ones it does not see;
 * errors: what was refused. Of a control queue that the driver serves,
 * interrupts are those that the driver sent, and its commands are counted. All
 * count from dev_add on.
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
	if (err || !READ_ONCE(vring->mediated))
		return err;
	return hvdpa_control_stats(vring->hv->control, msg);
}
