// SPDX-License-Identifier: GPL-2.0-only
/*
 * One virtqueue: what its owner said of it, its kicks, its interrupts.
 */
#include "hvdpa.h"
#include "trace.h"

#define HVDPA_KICK_PENDING	0

/**
 * hvdpa_vring_init - make a virtqueue
 * @vring: zeroed memory
 * @hv: its device
 * @idx: its number
 *
 * Return: nothing.
 */
void hvdpa_vring_init(struct hvdpa_vring *vring, struct hvdpa_device *hv,
		      u16 idx)
{
	vring->hv = hv;
	vring->idx = idx;
	spin_lock_init(&vring->cb_lock);
	hvdpa_vring_forget(vring);
}

/**
 * hvdpa_vring_number - find the device's number of a virtqueue
 * @vring: the virtqueue; not live
 * @features: those that decide which queue is the control queue
 *
 * Return: nothing.
 */
void hvdpa_vring_number(struct hvdpa_vring *vring, u64 features)
{
	const struct hvdpa_device *hv = vring->hv;
	const struct hvdpa_function *fn = hv->fn;

	vring->hw_idx = vring->idx;
	if (vring->idx == hvdpa_control_index(hv, features))
		vring->hw_idx =
			hvdpa_features_control_index(features,
						     fn->mdev.id.device,
						     fn->max_pairs);
}

/**
 * hvdpa_vring_forget - forget what the owner said, as a reset does
 * @vring: the virtqueue; not live
 *
 * The counters stay: they belong to the device. The caller holds the
 * function's lock, and the device is quiet: see hvdpa_device_quiet().
 *
 * Return: nothing.
 */
void hvdpa_vring_forget(struct hvdpa_vring *vring)
{
	unsigned long flags;

	vring->desc = 0;
	vring->driver = 0;
	vring->device = 0;
	hvdpa_vring_number(vring, vring->hv->features);
	WRITE_ONCE(vring->size, vring->hv->fn->queues[vring->hw_idx].size);
	vring->num = vring->size;
	vring->has_address = false;
	WRITE_ONCE(vring->ready, false);
	vring->armed = false;
	WRITE_ONCE(vring->mediated, false);
	vring->has_state = false;
	hvdpa_ring_state_initial(&vring->state, false);
	clear_bit(HVDPA_KICK_PENDING, &vring->kick_pending);

	/* What the callback is for stays: see hvdpa_vring_set_cb(). */
	spin_lock_irqsave(&vring->cb_lock, flags);
	WRITE_ONCE(vring->cb.callback, NULL);
	spin_unlock_irqrestore(&vring->cb_lock, flags);
}

/**
 * hvdpa_vring_agree - find what the owner's features make of a virtqueue
 * @vring: the virtqueue; not live, and the function's lock is held; the features
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

	lockdep_assert_held(&hv->fn->lock);

	hvdpa_vring_number(vring, hv->driver_features);
	err = hvdpa_function_read_queue_size(hv->fn, vring->hw_idx, packed,
					     &size);
	if (err)
		return err;
	WRITE_ONCE(vring->size, size);
	if (!vring->has_state)
		hvdpa_ring_state_initial(&vring->state, packed);
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
	const struct hvdpa_ring_state *state = &vring->state;

	if (vring->num > most || !hvdpa_queue_size_ok(vring->num, packed)) {
		dev_err_ratelimited(&vring->hv->fn->pdev->dev,
				    "queue %u: %u entries, expected %s up to %u: %pe\n",
				    vring->idx, vring->num,
				    packed ? "a number" : "a power of two",
				    most, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	if (!hvdpa_ring_state_sane(state, packed, vring->num)) {
		dev_err_ratelimited(&vring->hv->fn->pdev->dev,
				    "queue %u: starts at %#x, expected equal halves below %u entries: %pe\n",
				    vring->idx,
				    hvdpa_ring_state_to_register(state),
				    vring->num, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	return 0;
}

/**
 * hvdpa_vring_arm - tell the device of a virtqueue and enable it there
 * @vring: the virtqueue; it has its addresses and its vector, and the
 *	   function's lock is held
 *
 * Virtio 1.4 section 4.1.5.1.3.
 *
 * Return: 0; -EINVAL if the queue cannot have as many entries or start where it
 * is to; -EIO if the device does not enable it.
 */
int hvdpa_vring_arm(struct hvdpa_vring *vring)
{
	struct hvdpa_function *fn = vring->hv->fn;
	u16 idx = vring->hw_idx;
	int err;

	lockdep_assert_held(&fn->lock);

	err = hvdpa_vring_check(vring, vring->size);
	if (err)
		return err;

	vp_modern_set_queue_size(&fn->mdev, idx, vring->num);
	vp_modern_queue_address(&fn->mdev, idx, vring->desc, vring->driver,
				vring->device);
	if (hvdpa_can(fn, HVDPA_SET_STATE)) {
		err = fn->hw->set_ring_state(fn, idx, &vring->state);
		if (err)
			return err;
	}
	err = hvdpa_function_enable_queue(fn, idx);
	if (err)
		return err;
	vring->armed = true;
	return 0;
}

static void hvdpa_vring_ring(struct hvdpa_vring *vring)
{
	if (READ_ONCE(vring->mediated))
		hvdpa_control_kick(vring->hv);
	else
		vp_iowrite16(vring->hw_idx,
			     vring->hv->fn->queues[vring->hw_idx].doorbell);
}

/**
 * hvdpa_vring_go_live - let kicks through, the one that came early first
 * @vring: the virtqueue; armed, the device has DRIVER_OK, and the function's
 *	   lock is held
 *
 * A queue that the driver serves is looked at without a kick: the one that it
 * had may have been for more than the driver did before the queue was held, and
 * on a migration's destination no kick comes for what is there already.
 */
void hvdpa_vring_go_live(struct hvdpa_vring *vring)
{
	const struct hvdpa_function *fn = vring->hv->fn;

	lockdep_assert_held(&fn->lock);

	if (!vring->mediated && fn->notify_in_memory)
		WRITE_ONCE(vring->doorbell,
			   fn->queues[vring->hw_idx].doorbell);
	WRITE_ONCE(vring->live, true);
	/* Pairs with the one in hvdpa_vring_remember(): one sees the other. */
	smp_mb();
	if (test_and_clear_bit(HVDPA_KICK_PENDING, &vring->kick_pending) ||
	    vring->mediated)
		hvdpa_vring_ring(vring);
}

/**
 * hvdpa_vring_hold - let no more kicks through
 * @vring: the virtqueue
 *
 * One that is under way may still reach the device. The function's lock is held.
 */
void hvdpa_vring_hold(struct hvdpa_vring *vring)
{
	lockdep_assert_held(&vring->hv->fn->lock);

	WRITE_ONCE(vring->doorbell, NULL);
	WRITE_ONCE(vring->live, false);
}

static noinline void hvdpa_vring_remember(struct hvdpa_vring *vring)
{
	if (!READ_ONCE(vring->live)) {
		set_bit(HVDPA_KICK_PENDING, &vring->kick_pending);
		/* Pairs with the one in hvdpa_vring_go_live(). */
		smp_mb();
		if (!READ_ONCE(vring->live) ||
		    !test_and_clear_bit(HVDPA_KICK_PENDING,
					&vring->kick_pending))
			return;
	}
	hvdpa_vring_ring(vring);
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
	trace_hvdpa_kick(&vring->hv->vdpa, vring->idx, READ_ONCE(vring->live));
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
 *
 * Return: nothing.
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
 * hvdpa_vring_notify - the driver has something for the owner
 * @vring: the virtqueue; mediated
 *
 * The callback runs under the lock that setting it takes: there is no interrupt
 * to wait for. Any context.
 *
 * Return: nothing.
 */
void hvdpa_vring_notify(struct hvdpa_vring *vring)
{
	unsigned long flags;

	WRITE_ONCE(vring->interrupts, vring->interrupts + 1);

	spin_lock_irqsave(&vring->cb_lock, flags);
	if (vring->cb.callback)
		vring->cb.callback(vring->cb.private);
	spin_unlock_irqrestore(&vring->cb_lock, flags);
}

/**
 * hvdpa_vring_set_cb - set whom an interrupt tells
 * @vring: the virtqueue
 * @cb: the callback
 *
 * The previous callback is not running any more on return. May sleep. vhost-vdpa
 * and virtio-vdpa set one callback of a queue after the other.
 *
 * Return: nothing.
 */
void hvdpa_vring_set_cb(struct hvdpa_vring *vring,
			const struct vdpa_callback *cb)
{
	struct hvdpa_device *hv = vring->hv;
	bool had_one;

	spin_lock_irq(&vring->cb_lock);
	had_one = vring->cb.callback;
	WRITE_ONCE(vring->cb.callback, NULL);
	spin_unlock_irq(&vring->cb_lock);

	/* No interrupt has the one's callback and the other's private data. */
	if (had_one)
		synchronize_irq(hv->vectors[hvdpa_vector_of(&hv->plan,
							    vring->idx)].irq);

	spin_lock_irq(&vring->cb_lock);
	WRITE_ONCE(vring->cb.private, cb->private);
	/* Pairs with the one in hvdpa_vring_interrupt(). */
	smp_store_release(&vring->cb.callback, cb->callback);
	spin_unlock_irq(&vring->cb_lock);
}
