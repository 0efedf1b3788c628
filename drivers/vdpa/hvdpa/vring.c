// SPDX-License-Identifier: GPL-2.0-only
/*
 * One virtqueue: what its owner said of it, its kicks, its interrupts.
 */
#include <linux/device.h>
#include <linux/io.h>
#include <uapi/linux/virtio_ring.h>

#include "parts.h"
#include "trace.h"

#define HVDPA_KICK_PENDING	0

/**
 * hvdpa_vring_set_state - the one way from state to state
 * @vring: the virtqueue; the endpoint's lock is held
 * @state: the next
 *
 * Return: true if it may go there.
 */
bool hvdpa_vring_set_state(struct hvdpa_vring *vring,
			   enum hvdpa_vring_state state)
{
	static const u8 next[] = {
		[HVDPA_VRING_OFF] = BIT(HVDPA_VRING_HELD),
		[HVDPA_VRING_HELD] = BIT(HVDPA_VRING_LIVE) |
				     BIT(HVDPA_VRING_OFF),
		[HVDPA_VRING_LIVE] = BIT(HVDPA_VRING_HELD),
	};

	lockdep_assert_held(&vring->hv->ep->lock);

	if (!(next[vring->state] & BIT(state)))
		return false;
	WRITE_ONCE(vring->state, state);
	return true;
}

/**
 * hvdpa_vring_init - make a virtqueue
 * @vring: zeroed memory
 * @hv: its device
 * @idx: its number
 */
void hvdpa_vring_init(struct hvdpa_vring *vring, struct hvdpa_device *hv,
		      u16 idx)
{
	vring->hv = hv;
	vring->idx = idx;
	spin_lock_init(&vring->cb_lock);
	mutex_lock(&hv->ep->lock);
	hvdpa_vring_forget(vring);
	mutex_unlock(&hv->ep->lock);
}

/**
 * hvdpa_vring_number - find the device's number of a virtqueue
 * @vring: the virtqueue; not live
 * @features: those that decide which queue is the control queue
 */
void hvdpa_vring_number(struct hvdpa_vring *vring, u64 features)
{
	const struct hvdpa_device *hv = vring->hv;
	const struct hvdpa_endpoint *ep = hv->ep;

	vring->hw_idx = vring->idx;
	if (vring->idx == hvdpa_control_index(hv, features))
		vring->hw_idx =
			hvdpa_features_control_index(features,
						     ep->type,
						     ep->max_pairs);
}

/**
 * hvdpa_vring_forget - forget what the owner said, as a reset does
 * @vring: the virtqueue; not live
 *
 * The counters stay: they belong to the device. The endpoint's lock is held, and
 * no interrupt's handler is under way.
 */
void hvdpa_vring_forget(struct hvdpa_vring *vring)
{
	unsigned long flags;

	lockdep_assert_held(&vring->hv->ep->lock);

	vring->desc = 0;
	vring->driver = 0;
	vring->device = 0;
	hvdpa_vring_number(vring, vring->hv->features);
	WRITE_ONCE(vring->size, vring->hv->ep->queues[vring->hw_idx].size);
	vring->num = vring->size;
	vring->has_address = false;
	WRITE_ONCE(vring->ready, false);
	hvdpa_vring_set_state(vring, HVDPA_VRING_OFF);
	WRITE_ONCE(vring->ops, &hvdpa_direct_vring_ops);
	vring->has_base = false;
	vring->irq_given = false;
	vring->stands = false;
	hvdpa_ring_state_initial(&vring->base, false);
	clear_bit(HVDPA_KICK_PENDING, &vring->kick_pending);

	/* What the callback is for stays: see hvdpa_vring_set_cb(). */
	spin_lock_irqsave(&vring->cb_lock, flags);
	vring->cb.callback = NULL;
	WRITE_ONCE(vring->handler.callback, NULL);
	spin_unlock_irqrestore(&vring->cb_lock, flags);
}

/**
 * hvdpa_vring_agree - find what the owner's features make of a virtqueue
 * @vring: the virtqueue; not live, and the endpoint's lock is held; the features
 *	   are agreed on with the device
 *
 * Its number on the device, the most entries that it can have, and where it starts
 * if the owner does not say: a packed ring's wrap counters start at 1.
 *
 * Return: 0; -EINVAL for a size that no queue can have; -ENODEV if the function is
 * gone.
 */
int hvdpa_vring_agree(struct hvdpa_vring *vring)
{
	struct hvdpa_device *hv = vring->hv;
	bool packed = hvdpa_is_packed(hv);
	u16 size;
	int err;

	lockdep_assert_held(&hv->ep->lock);

	hvdpa_vring_number(vring, hv->driver_features);
	err = hvdpa_endpoint_read_queue_size(hv->ep, vring->hw_idx, packed,
					     &size);
	if (err)
		return err;
	WRITE_ONCE(vring->size, size);
	if (!vring->has_base)
		hvdpa_ring_state_initial(&vring->base, packed);
	return 0;
}

/**
 * hvdpa_vring_check - can a virtqueue be what its owner said?
 * @vring: the virtqueue
 * @most: entries that it can have
 *
 * Where it stands is checked first here: the owner may say that before it says
 * how many entries there are and of which kind they are. A device that was made
 * to look behind its ring is not known to survive that.
 *
 * Return: 0 or -EINVAL with one line in the log.
 */
int hvdpa_vring_check(const struct hvdpa_vring *vring, u32 most)
{
	bool packed = hvdpa_is_packed(vring->hv);
	const struct hvdpa_ring_state *base = &vring->base;

	if (vring->num > most || !hvdpa_queue_size_ok(vring->num, packed)) {
		dev_err_ratelimited(vring->hv->ep->dev,
				    "queue %u: %u entries, expected %s up to %u: %pe\n",
				    vring->idx, vring->num,
				    packed ? "a number" : "a power of two",
				    most, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	if (!hvdpa_ring_state_sane(base, packed, vring->num)) {
		dev_err_ratelimited(vring->hv->ep->dev,
				    "queue %u: starts at %#x, expected equal halves below %u entries: %pe\n",
				    vring->idx,
				    hvdpa_ring_state_to_register(base),
				    vring->num, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	return 0;
}

/**
 * hvdpa_vring_start - let a virtqueue run from DRIVER_OK on
 * @vring: the virtqueue; it has its addresses, and the endpoint's lock is held
 *
 * Return: 0; -EINVAL if the queue cannot have as many entries or start where it
 * is to; -EIO if the endpoint does not enable it.
 */
int hvdpa_vring_start(struct hvdpa_vring *vring)
{
	int err = vring->ops->start(vring);

	if (err)
		return err;
	vring->stands = false;
	hvdpa_vring_set_state(vring, HVDPA_VRING_HELD);
	return 0;
}

/**
 * hvdpa_vring_owes_kick - have the endpoint look at a virtqueue once it goes live
 * @vring: the virtqueue, not live; the endpoint's lock is held
 *
 * For what its owner may have kicked before, of which the endpoint does not know any
 * more.
 */
void hvdpa_vring_owes_kick(struct hvdpa_vring *vring)
{
	lockdep_assert_held(&vring->hv->ep->lock);

	set_bit(HVDPA_KICK_PENDING, &vring->kick_pending);
}

/**
 * hvdpa_direct_can_start_at - can the endpoint start a virtqueue there?
 * @vring: the virtqueue
 * @base: where
 *
 * Return: true if it can.
 */
bool hvdpa_direct_can_start_at(const struct hvdpa_vring *vring,
			       const struct hvdpa_ring_state *base)
{
	return hvdpa_can(vring->hv->ep, HVDPA_SET_STATE) ||
	       hvdpa_ring_state_is_initial(base, hvdpa_is_packed(vring->hv));
}

/**
 * hvdpa_direct_start - have the endpoint serve a virtqueue
 * @vring: the virtqueue; the endpoint's lock is held
 *
 * Return: 0; -EINVAL for a ring that cannot be; -EOPNOTSUPP for one that the endpoint
 * cannot start where it stands; -EIO if it is not enabled.
 */
int hvdpa_direct_start(struct hvdpa_vring *vring)
{
	struct hvdpa_endpoint *ep = vring->hv->ep;
	const struct hvdpa_queue_place place = {
		.num = vring->num,
		.desc = vring->desc,
		.driver = vring->driver,
		.device = vring->device,
	};
	int err;

	lockdep_assert_held(&ep->lock);

	err = hvdpa_vring_check(vring, vring->size);
	if (err)
		return err;
	if (!hvdpa_direct_can_start_at(vring, &vring->base)) {
		dev_err_ratelimited(ep->dev,
				    "queue %u: starts at %#x, the function starts every ring at 0: %pe\n",
				    vring->idx,
				    hvdpa_ring_state_to_register(&vring->base),
				    ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}

	err = hvdpa_endpoint_start_queue(ep, vring->hw_idx, &place, &vring->base);
	if (err)
		return err;
	/* What was there before the move is rung for by nobody else. */
	if (hvdpa_can(ep, HVDPA_SET_STATE))
		hvdpa_vring_owes_kick(vring);
	return 0;
}

/**
 * hvdpa_direct_kick - ring the endpoint's doorbell
 * @vring: the virtqueue
 *
 * Any context.
 */
void hvdpa_direct_kick(struct hvdpa_vring *vring)
{
	struct hvdpa_endpoint *ep = vring->hv->ep;

	ep->transport->ring(ep, vring->hw_idx);
}

/*
 * The used index, as the endpoint left it in its owner's memory. A consumer in the
 * kernel asks for no base, and its memory is not in the device's own domain.
 */
static int hvdpa_direct_read_used(const struct hvdpa_vring *vring,
				  struct hvdpa_ring_state *base)
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
	hvdpa_ring_state_initial(base, false);
	base->avail_idx = used;
	base->used_idx = used;
	return 0;
}

/**
 * hvdpa_direct_get_base - ask a suspended endpoint where a virtqueue stands
 * @vring: the virtqueue; the endpoint's lock is held
 * @base: filled here
 *
 * Return: 0; -EOPNOTSUPP if the endpoint cannot say it; its own error.
 */
int hvdpa_direct_get_base(const struct hvdpa_vring *vring,
			  struct hvdpa_ring_state *base)
{
	struct hvdpa_endpoint *ep = vring->hv->ep;

	lockdep_assert_held(&ep->lock);

	if (!hvdpa_can(ep, HVDPA_GET_STATE))
		return -EOPNOTSUPP;
	if (ep->migration->stands_where_used)
		return hvdpa_direct_read_used(vring, base);
	return ep->migration->get_ring_state(ep, vring->hw_idx,
					     hvdpa_is_packed(vring->hv),
					     vring->num, base);
}

/**
 * hvdpa_direct_mark_dirty - mark what an endpoint wrote of a ring itself
 * @vring: the virtqueue
 * @log: where
 */
void hvdpa_direct_mark_dirty(const struct hvdpa_vring *vring,
			     struct hvdpa_log *log)
{
	if (hvdpa_is_packed(vring->hv)) {
		hvdpa_log_mark(log, vring->desc,
			       vring->num * sizeof(struct vring_packed_desc));
		hvdpa_log_mark(log, vring->device,
			       sizeof(struct vring_packed_desc_event));
	} else {
		hvdpa_log_mark(log, vring->device,
			       sizeof(struct vring_used) + vring->num *
			       sizeof(struct vring_used_elem) +
			       sizeof(__virtio16));
	}
}

/* The endpoint serves it. */
const struct hvdpa_vring_ops hvdpa_direct_vring_ops = {
	.has_vector = true,
	.gives_vector = true,
	.has_doorbell = true,
	.start = hvdpa_direct_start,
	.kick = hvdpa_direct_kick,
	.can_start_at = hvdpa_direct_can_start_at,
	.get_base = hvdpa_direct_get_base,
	.settle = hvdpa_direct_settle,
	.mark_dirty = hvdpa_direct_mark_dirty,
};

/**
 * hvdpa_vring_go_live - let kicks through, the one that came early first
 * @vring: the virtqueue; started, the device has DRIVER_OK, and the endpoint's
 *	   lock is held
 *
 * A queue that the driver serves is looked at without a kick: the one that it
 * had may have been for more than the driver did before the queue was held, and
 * on a migration's destination no kick comes for what is there already.
 */
void hvdpa_vring_go_live(struct hvdpa_vring *vring)
{
	const struct hvdpa_endpoint *ep = vring->hv->ep;

	lockdep_assert_held(&ep->lock);

	if (vring->ops->has_doorbell && ep->doorbells_in_memory)
		WRITE_ONCE(vring->doorbell,
			   ep->queues[vring->hw_idx].doorbell);
	hvdpa_vring_set_state(vring, HVDPA_VRING_LIVE);
	/* Pairs with the one in hvdpa_vring_remember(): one sees the other. */
	smp_mb();
	if (test_and_clear_bit(HVDPA_KICK_PENDING, &vring->kick_pending) ||
	    vring->ops->looks_by_itself)
		vring->ops->kick(vring);
}

/**
 * hvdpa_vring_hold - let no more kicks through
 * @vring: the virtqueue
 *
 * One that is under way may still reach the endpoint, whose lock is held.
 */
void hvdpa_vring_hold(struct hvdpa_vring *vring)
{
	lockdep_assert_held(&vring->hv->ep->lock);

	WRITE_ONCE(vring->doorbell, NULL);
	if (vring->state == HVDPA_VRING_LIVE)
		hvdpa_vring_set_state(vring, HVDPA_VRING_HELD);
}

static noinline void hvdpa_vring_remember(struct hvdpa_vring *vring)
{
	if (!hvdpa_vring_is_live(vring)) {
		set_bit(HVDPA_KICK_PENDING, &vring->kick_pending);
		/* Pairs with the one in hvdpa_vring_go_live(). */
		smp_mb();
		if (!hvdpa_vring_is_live(vring) ||
		    !test_and_clear_bit(HVDPA_KICK_PENDING,
					&vring->kick_pending))
			return;
	}
	READ_ONCE(vring->ops)->kick(vring);
}

/* Inline, and a tracepoint's registers elsewhere: each frame comes by. */
static __always_inline void hvdpa_vring_pass_on(struct hvdpa_vring *vring)
{
	__le16 __iomem *doorbell = READ_ONCE(vring->doorbell);

	atomic64_inc(&vring->kicks);
	if (likely(doorbell))
		writew(vring->hw_idx, doorbell);
	else
		hvdpa_vring_remember(vring);
}

static noinline void hvdpa_vring_pass_on_traced(struct hvdpa_vring *vring)
{
	trace_hvdpa_kick(&vring->hv->vdpa, vring->idx, hvdpa_vring_is_live(vring));
	hvdpa_vring_pass_on(vring);
}

/**
 * hvdpa_kick_vq - the operation of that name: the owner has something for the
 * device
 * @vdpa: the device
 * @idx: the queue
 *
 * A kick that comes before the queue runs is remembered, not lost: eventfds
 * fire when they like. Any context; takes no lock.
 */
void hvdpa_kick_vq(struct vdpa_device *vdpa, u16 idx)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	if (unlikely(idx >= hv->nvqs))
		return;
	if (trace_hvdpa_kick_enabled())
		hvdpa_vring_pass_on_traced(&hv->vrings[idx]);
	else
		hvdpa_vring_pass_on(&hv->vrings[idx]);
}

/**
 * hvdpa_vring_call - tell the owner that something was used
 * @vring: the virtqueue
 *
 * The callback runs under the lock that setting it takes: there is no interrupt
 * to wait for. Any context.
 */
void hvdpa_vring_call(struct hvdpa_vring *vring)
{
	unsigned long flags;

	spin_lock_irqsave(&vring->cb_lock, flags);
	if (vring->cb.callback)
		vring->cb.callback(vring->cb.private);
	spin_unlock_irqrestore(&vring->cb_lock, flags);
}

/**
 * hvdpa_vring_notify - the driver has something for the owner
 * @vring: the virtqueue; the driver serves it, and no interrupt is counted
 *
 * Any context.
 */
void hvdpa_vring_notify(struct hvdpa_vring *vring)
{
	WRITE_ONCE(vring->interrupts, vring->interrupts + 1);
	hvdpa_vring_call(vring);
}

/* No interrupt has the one's callback and the other's private data. */
static void hvdpa_vring_set_interrupt(struct hvdpa_vring *vring,
				      const struct vdpa_callback *cb)
{
	struct hvdpa_device *hv = vring->hv;
	bool had_one;

	spin_lock_irq(&vring->cb_lock);
	had_one = vring->handler.callback;
	WRITE_ONCE(vring->handler.callback, NULL);
	spin_unlock_irq(&vring->cb_lock);

	if (had_one)
		synchronize_irq(hv->vectors[hvdpa_vector_of(&hv->plan,
							    vring->idx)].irq);

	spin_lock_irq(&vring->cb_lock);
	WRITE_ONCE(vring->handler.private, cb->private);
	/* Pairs with the one in hvdpa_vring_interrupt(). */
	smp_store_release(&vring->handler.callback, cb->callback);
	spin_unlock_irq(&vring->cb_lock);
}

/**
 * hvdpa_vring_set_handler - let the driver have a queue's interrupts
 * @vring: the virtqueue; the endpoint's lock is held, and the queue uses nothing: the
 *	   endpoint does not run, or the queue was reset or has nothing available
 * @handler: what is called with @vring in place of the owner's callback; NULL for
 *	     that again
 */
void hvdpa_vring_set_handler(struct hvdpa_vring *vring,
			     irqreturn_t (*handler)(void *data))
{
	const struct vdpa_callback ours = {
		.callback = handler,
		.private = vring,
	};

	lockdep_assert_held(&vring->hv->ep->lock);

	hvdpa_vring_set_interrupt(vring, handler ? &ours : &vring->cb);
}

/**
 * hvdpa_vring_set_cb - set whom an interrupt tells
 * @vring: the virtqueue; the endpoint's lock is held
 * @cb: the callback
 *
 * The previous callback is not running any more on return. May sleep.
 */
void hvdpa_vring_set_cb(struct hvdpa_vring *vring,
			const struct vdpa_callback *cb)
{
	bool relayed;

	lockdep_assert_held(&vring->hv->ep->lock);

	spin_lock_irq(&vring->cb_lock);
	vring->cb = *cb;
	relayed = vring->handler.callback && vring->handler.private == vring;
	spin_unlock_irq(&vring->cb_lock);

	if (!relayed)
		hvdpa_vring_set_interrupt(vring, cb);
}
