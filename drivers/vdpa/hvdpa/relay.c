// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relayed virtqueues: the endpoint has available and used rings of the driver's, in a
 * window of the device's domain, and the driver passes entries on at kicks and
 * interrupts. The endpoint starts at 0; the owner's ring stands wherever it does.
 *
 * A kick comes where nothing may sleep, and so does an interrupt: the owner's rings
 * are open from the start to the stop of the virtqueue. Documentation/relay.rst has
 * what is relayed when, and what that costs.
 */
#include <linux/device.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "parts.h"
#include "relay.h"
#include "relay_ring.h"

/**
 * struct hvdpa_relay - a virtqueue's relay
 * @vring: the virtqueue
 * @ring: what is passed on
 * @take_lock: see below
 * @give_lock: see below
 * @takes: heads are passed on
 * @gives: used entries are passed on
 * @polls: the owner may have ways past the driver: a doorbell that is mapped, an
 *	   interrupt that is posted; constant while it runs
 * @error: why the device is to fail; 0 for no reason
 * @work: passes on what a kick or an interrupt left, and polls
 * @fail: makes the device fail
 * @shadow: the endpoint's rings; NULL while there are none, nor anything else that needs
 *	    memory
 * @kept: what needs memory outlives a stop
 * @in_use: the endpoint may have the rings: from a start to a stop
 * @log: where what is written is marked, or NULL
 * @marked: bytes of the chain that is being marked; protected by give_lock
 * @desc: the owner's descriptor table, where there is a log
 * @avail: the owner's available ring
 * @used: the owner's used ring
 *
 * The endpoint's lock protects what has no other named.
 */
struct hvdpa_relay {
	struct hvdpa_vring *vring;
	struct hvdpa_relay_ring ring;
	/* Serialises hvdpa_relay_ring_take(). Protects takes, and log for it. */
	spinlock_t take_lock;
	/*
	 * Serialises hvdpa_relay_ring_give(). Protects gives, and log for it.
	 * Taken in take_lock.
	 */
	spinlock_t give_lock;
	bool takes;
	bool gives;
	bool polls;
	int error;
	struct delayed_work work;
	struct work_struct fail;
	void *shadow;
	bool kept;
	bool in_use;
	struct hvdpa_log *log;
	u64 marked;
	struct hvdpa_area desc;
	struct hvdpa_area avail;
	struct hvdpa_area used;
};

/*
 * The device is to fail: not here, where nothing may sleep. Called while entries are
 * passed on, so that a stop finds the error and forgets it.
 */
static void hvdpa_relay_fail(struct hvdpa_relay *relay, int err)
{
	WRITE_ONCE(relay->error, err);
	queue_work(system_unbound_wq, &relay->fail);
}

static void hvdpa_relay_fail_work(struct work_struct *work)
{
	struct hvdpa_relay *relay = container_of(work, struct hvdpa_relay, fail);
	struct hvdpa_vring *vring = relay->vring;
	struct hvdpa_device *hv = vring->hv;
	int err;

	mutex_lock(&hv->ep->lock);
	err = READ_ONCE(relay->error);
	if (err) {
		atomic64_inc(&vring->errors);
		dev_warn_ratelimited(hv->ep->dev,
				     "queue %u: its ring cannot be relayed at available %u, used %u, the device needs a reset: %pe\n",
				     vring->idx, relay->ring.taken,
				     (u16)(relay->ring.base + relay->ring.seen),
				     ERR_PTR(err));
		hv->events->failed(hv);
	}
	mutex_unlock(&hv->ep->lock);
}

/*
 * The owner's memory is not touched through the relay any more on return. With an
 * error the device is to fail, unless nothing was passed on. True if both ways were
 * open until now.
 */
static bool hvdpa_relay_halt(struct hvdpa_relay *relay, int err)
{
	unsigned long flags;
	bool ran;

	spin_lock_irqsave(&relay->take_lock, flags);
	spin_lock(&relay->give_lock);
	if (err && relay->gives)
		hvdpa_relay_fail(relay, err);
	ran = relay->takes && relay->gives;
	relay->takes = false;
	relay->gives = false;
	spin_unlock(&relay->give_lock);
	spin_unlock_irqrestore(&relay->take_lock, flags);
	return ran;
}

static void hvdpa_relay_lost(void *data)
{
	hvdpa_relay_halt(data, -EFAULT);
}

/* The most bytes of a chain: no device writes more, and to mark it would take long. */
#define HVDPA_RELAY_MARK_MAX	SZ_64M

static void hvdpa_relay_wrote(void *data, u64 iova, u32 len)
{
	struct hvdpa_relay *relay = data;

	relay->marked += len;
	if (relay->marked > HVDPA_RELAY_MARK_MAX)
		hvdpa_log_distrust(relay->log, "a buffer is larger than can be marked");
	else
		hvdpa_log_mark(relay->log, iova, len);
}

/*
 * The device wrote, its log says so, and only then does the owner hear of it. Hardware
 * that has a log does so itself.
 */
static void hvdpa_relay_mark(struct hvdpa_relay_ring *ring, u16 head)
{
	struct hvdpa_relay *relay = container_of(ring, struct hvdpa_relay, ring);

	if (!relay->log || READ_ONCE(relay->log->untrusted))
		return;
	relay->marked = 0;
	if (!hvdpa_relay_ring_chain(ring, head, hvdpa_relay_wrote, relay))
		hvdpa_log_distrust(relay->log, "a buffer has more pieces than can be marked");
}

/*
 * The driver wrote to the used ring. After that, not before: who takes the mark and
 * then copies the page has what was written.
 */
static void hvdpa_relay_mark_used(struct hvdpa_relay *relay)
{
	if (relay->log)
		hvdpa_log_mark(relay->log, relay->vring->device,
			       hvdpa_relay_used_bytes(relay->vring->num));
}

/* Pass heads on; true if there may be more. */
static bool hvdpa_relay_take(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;
	struct hvdpa_endpoint *ep = vring->hv->ep;
	bool ring_doorbell = false;
	unsigned long flags;
	u16 asked;
	int n = 0;

	spin_lock_irqsave(&relay->take_lock, flags);
	asked = relay->ring.asked;
	if (relay->takes)
		n = hvdpa_relay_ring_take(&relay->ring, HVDPA_RELAY_BATCH,
					  &ring_doorbell);
	if (n < 0) {
		relay->takes = false;
		hvdpa_relay_fail(relay, n);
	}
	/* Where the owner is asked to kick is in its used ring. */
	if (relay->ring.asked != asked)
		hvdpa_relay_mark_used(relay);
	if (ring_doorbell)
		ep->transport->ring(ep, vring->hw_idx);
	spin_unlock_irqrestore(&relay->take_lock, flags);
	return n == HVDPA_RELAY_BATCH;
}

/* Give used entries back; true if there may be more. */
static bool hvdpa_relay_give(struct hvdpa_relay *relay)
{
	unsigned long flags;
	bool tell = false;
	int n = 0;

	spin_lock_irqsave(&relay->give_lock, flags);
	if (relay->gives)
		n = hvdpa_relay_ring_give(&relay->ring, HVDPA_RELAY_BATCH, &tell);
	if (n)
		hvdpa_relay_mark_used(relay);
	if (n < 0) {
		relay->gives = false;
		hvdpa_relay_fail(relay, n);
	}
	spin_unlock_irqrestore(&relay->give_lock, flags);
	/* Not in the lock: an owner may have it kick another queue at once. */
	if (tell)
		hvdpa_vring_call(relay->vring);
	return n == HVDPA_RELAY_BATCH;
}

static void hvdpa_relay_work(struct work_struct *work)
{
	struct hvdpa_relay *relay = container_of(to_delayed_work(work),
						 struct hvdpa_relay, work);
	bool more;

	more = hvdpa_relay_give(relay);
	if (hvdpa_vring_is_live(relay->vring))
		more |= hvdpa_relay_take(relay);
	if (more || READ_ONCE(relay->polls))
		queue_delayed_work(system_unbound_wq, &relay->work, !more);
}

static irqreturn_t hvdpa_relay_interrupt(void *data)
{
	struct hvdpa_vring *vring = data;

	if (hvdpa_relay_give(vring->relay))
		mod_delayed_work(system_unbound_wq, &vring->relay->work, 0);
	return IRQ_HANDLED;
}

static void hvdpa_relay_kick(struct hvdpa_vring *vring)
{
	if (hvdpa_relay_take(vring->relay))
		mod_delayed_work(system_unbound_wq, &vring->relay->work, 0);
}

static void hvdpa_relay_watch(struct hvdpa_relay *relay, struct hvdpa_area *area)
{
	area->lost = hvdpa_relay_lost;
	area->data = relay;
}

static struct hvdpa_relay *hvdpa_relay_create(struct hvdpa_vring *vring)
{
	struct hvdpa_relay *relay = kzalloc(sizeof(*relay), GFP_KERNEL_ACCOUNT);

	if (!relay)
		return NULL;
	relay->vring = vring;
	spin_lock_init(&relay->take_lock);
	spin_lock_init(&relay->give_lock);
	INIT_DELAYED_WORK(&relay->work, hvdpa_relay_work);
	INIT_WORK(&relay->fail, hvdpa_relay_fail_work);
	hvdpa_relay_watch(relay, &relay->desc);
	hvdpa_relay_watch(relay, &relay->avail);
	hvdpa_relay_watch(relay, &relay->used);
	return relay;
}

/* A virtqueue's relay, which stays as long as the device; NULL without memory. */
static struct hvdpa_relay *hvdpa_relay_of(struct hvdpa_vring *vring)
{
	if (!vring->relay)
		vring->relay = hvdpa_relay_create(vring);
	return vring->relay;
}

static u64 hvdpa_relay_iova(const struct hvdpa_relay *relay)
{
	const struct hvdpa_dma *dma = &relay->vring->hv->dma;

	return dma->relay_window + relay->vring->idx * dma->relay_stride;
}

static size_t hvdpa_relay_avail_part(const struct hvdpa_vring *vring)
{
	return PAGE_ALIGN(hvdpa_relay_avail_bytes(vring->num));
}

static size_t hvdpa_relay_shadow_bytes(const struct hvdpa_vring *vring)
{
	return hvdpa_relay_avail_part(vring) +
	       PAGE_ALIGN(hvdpa_relay_used_bytes(vring->num));
}

static int hvdpa_relay_open_shadow(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;
	size_t bytes = hvdpa_relay_shadow_bytes(vring);
	struct vring *shadow = &relay->ring.shadow;
	int err;

	relay->shadow = __vmalloc(bytes, GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!relay->shadow)
		return -ENOMEM;
	err = hvdpa_dma_map_own(&vring->hv->dma, hvdpa_relay_iova(relay),
				relay->shadow, bytes);
	if (err) {
		vfree(relay->shadow);
		relay->shadow = NULL;
		return err;
	}
	shadow->avail = relay->shadow;
	shadow->used = relay->shadow + hvdpa_relay_avail_part(vring);
	return 0;
}

/* The endpoint sees none of it any more before it is freed. */
static void hvdpa_relay_close_shadow(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;

	if (!relay->shadow)
		return;
	iommu_unmap(vring->hv->dma.domain, hvdpa_relay_iova(relay),
		    hvdpa_relay_shadow_bytes(vring));
	vfree(relay->shadow);
	relay->shadow = NULL;
}

/* The owner's descriptors are at hand where what is written is marked. */
static int hvdpa_relay_open_desc(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;
	const struct hvdpa_log *log = vring->hv->log;

	if (!log || !log->relayed || relay->desc.at)
		return 0;
	return hvdpa_area_open(&relay->desc, &vring->hv->dma, vring->desc,
			       vring->num * sizeof(struct vring_desc), false);
}

static int hvdpa_relay_open_owner(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;
	struct hvdpa_dma *dma = &vring->hv->dma;
	struct vring *owner = &relay->ring.owner;
	int err;

	err = hvdpa_relay_open_desc(relay);
	if (err)
		return err;
	err = hvdpa_area_open(&relay->avail, dma, vring->driver,
			      hvdpa_relay_avail_bytes(vring->num), false);
	if (err)
		return err;
	err = hvdpa_area_open(&relay->used, dma, vring->device,
			      hvdpa_relay_used_bytes(vring->num), true);
	if (err)
		return err;
	owner->avail = relay->avail.at;
	owner->used = relay->used.at;
	return 0;
}

/* Undo hvdpa_relay_hold(), or a part of it. */
static void hvdpa_relay_close(struct hvdpa_relay *relay)
{
	hvdpa_area_close(&relay->used);
	hvdpa_area_close(&relay->avail);
	hvdpa_area_close(&relay->desc);
	hvdpa_relay_close_shadow(relay);
	hvdpa_relay_ring_cleanup(&relay->ring);
}

/* Have all that needs memory, of what its owner said of the ring. */
static int hvdpa_relay_hold(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;
	int err;

	memset(&relay->ring, 0, sizeof(relay->ring));
	relay->desc.gone = false;
	err = hvdpa_relay_ring_init(&relay->ring, vring->num, 0);
	if (err)
		return err;
	err = hvdpa_relay_open_shadow(relay) ?: hvdpa_relay_open_owner(relay);
	if (err)
		hvdpa_relay_close(relay);
	return err;
}

static int hvdpa_relay_open(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;
	struct hvdpa_relay_ring *ring = &relay->ring;
	int err;

	if (!relay->shadow) {
		err = hvdpa_relay_hold(relay);
		if (err)
			return err;
	}
	hvdpa_relay_ring_rewind(ring, vring->base.avail_idx);
	ring->event_idx = vring->hv->driver_features &
			  BIT_ULL(VIRTIO_RING_F_EVENT_IDX);
	relay->polls = hvdpa_vring_has_ways_past(vring);
	relay->log = vring->hv->log;
	ring->owner.desc = relay->desc.at;
	ring->mark = relay->desc.at ? hvdpa_relay_mark : NULL;
	err = hvdpa_relay_ring_begin(ring);
	if (err)
		hvdpa_relay_close(relay);
	relay->in_use = !err;
	return err;
}

static int hvdpa_relay_enable(struct hvdpa_relay *relay)
{
	struct hvdpa_vring *vring = relay->vring;
	u64 iova = hvdpa_relay_iova(relay);
	const struct hvdpa_queue_place place = {
		.num = vring->num,
		.desc = vring->desc,
		.driver = iova,
		.device = iova + hvdpa_relay_avail_part(vring),
	};
	struct hvdpa_ring_state initial;

	hvdpa_ring_state_initial(&initial, false);
	return hvdpa_endpoint_start_queue(vring->hv->ep, vring->hw_idx, &place,
					  &initial);
}

/* Entries are passed on from now on, unless a map went while the ring was opened. */
static int hvdpa_relay_begin(struct hvdpa_relay *relay)
{
	struct hvdpa_dma *dma = &relay->vring->hv->dma;
	int err = 0;

	mutex_lock(&dma->lock);
	if (relay->desc.gone || relay->avail.gone || relay->used.gone) {
		err = -EFAULT;
	} else {
		relay->error = 0;
		relay->takes = true;
		relay->gives = true;
	}
	mutex_unlock(&dma->lock);
	if (!err && relay->polls)
		queue_delayed_work(system_unbound_wq, &relay->work, 1);
	return err;
}

static void hvdpa_relay_complain(const struct hvdpa_vring *vring, int err)
{
	dev_err_ratelimited(vring->hv->ep->dev,
			    "queue %u: its ring of %u entries at driver %#llx, device %#llx cannot be relayed from %u on: %pe\n",
			    vring->idx, vring->num, vring->driver, vring->device,
			    vring->base.avail_idx, ERR_PTR(err));
}

static int hvdpa_relay_start(struct hvdpa_vring *vring)
{
	struct hvdpa_relay *relay;
	int err;

	lockdep_assert_held(&vring->hv->ep->lock);

	err = hvdpa_vring_check(vring, vring->size);
	if (err)
		return err;
	relay = hvdpa_relay_of(vring);
	if (!relay)
		return -ENOMEM;
	err = hvdpa_relay_open(relay);
	if (err) {
		hvdpa_relay_complain(vring, err);
		return err;
	}
	/* After an error a stop closes it, once the endpoint was reset. */
	err = hvdpa_relay_enable(relay);
	if (err)
		return err;
	hvdpa_vring_set_handler(vring, hvdpa_relay_interrupt);
	return hvdpa_relay_begin(relay);
}

static void hvdpa_relay_quiet(struct hvdpa_vring *vring)
{
	if (vring->relay)
		hvdpa_relay_halt(vring->relay, 0);
}

/* Also of a queue that did not start, or stopped. */
static void hvdpa_relay_stop(struct hvdpa_vring *vring)
{
	struct hvdpa_relay *relay = vring->relay;

	lockdep_assert_held(&vring->hv->ep->lock);

	if (!relay)
		return;
	hvdpa_relay_halt(relay, 0);
	relay->error = 0;
	WRITE_ONCE(relay->polls, false);
	cancel_delayed_work_sync(&relay->work);
	if (!relay->shadow)
		return;
	hvdpa_vring_set_handler(vring, NULL);
	relay->in_use = false;
	if (relay->kept)
		memset(relay->shadow, 0, hvdpa_relay_shadow_bytes(vring));
	else
		hvdpa_relay_close(relay);
}

/* Have what a virtqueue needs to be relayed; one that runs goes on as it is. */
static int hvdpa_relay_keep(struct hvdpa_vring *vring)
{
	struct hvdpa_relay *relay = hvdpa_relay_of(vring);
	int err;

	if (!relay)
		return -ENOMEM;
	err = relay->shadow ? hvdpa_relay_open_desc(relay) : hvdpa_relay_hold(relay);
	relay->kept = !err;
	return err;
}

/**
 * hvdpa_relay_keep_all - have what a device needs to be relayed before it is stopped
 * @hv: the device; the endpoint's lock is held
 *
 * A start that fails for want of memory would be the end of what runs. Undone by
 * hvdpa_relay_let_go(), also after an error. May sleep.
 *
 * Return: 0; the errno of hvdpa_area_open(); -ENOMEM.
 */
int hvdpa_relay_keep_all(struct hvdpa_device *hv)
{
	u32 i;

	lockdep_assert_held(&hv->ep->lock);

	for (i = 0; i < hv->nvqs; i++) {
		struct hvdpa_vring *vring = &hv->vrings[i];
		int err;

		if (!hvdpa_vring_is_started(vring) && !hvdpa_vring_is_to_rise(vring))
			continue;
		if (!vring->ops->has_vector || !hvdpa_relay_wanted(vring))
			continue;
		err = hvdpa_relay_keep(vring);
		if (err) {
			hvdpa_relay_complain(vring, err);
			return err;
		}
	}
	return 0;
}

/**
 * hvdpa_relay_let_go - free what is kept and not in use
 * @hv: the device; the endpoint's lock is held
 *
 * May sleep.
 */
void hvdpa_relay_let_go(struct hvdpa_device *hv)
{
	u32 i;

	lockdep_assert_held(&hv->ep->lock);

	for (i = 0; i < hv->nvqs; i++) {
		struct hvdpa_relay *relay = hv->vrings[i].relay;

		if (!relay || !relay->kept)
			continue;
		relay->kept = false;
		if (relay->shadow && !relay->in_use)
			hvdpa_relay_close(relay);
	}
}

static bool hvdpa_relay_can_start_at(const struct hvdpa_vring *vring,
				     const struct hvdpa_ring_state *base)
{
	return true;
}

/* Where it stands is known once it was let settle. */
static int hvdpa_relay_get_base(const struct hvdpa_vring *vring,
				struct hvdpa_ring_state *base)
{
	return -EBUSY;
}

static int hvdpa_relay_settle(struct hvdpa_vring *vring)
{
	struct hvdpa_relay *relay = vring->relay;
	int ret = -EFAULT;
	u16 base;

	lockdep_assert_held(&vring->hv->ep->lock);

	/* A map that went before took the ring with it; one that goes now waits. */
	mutex_lock(&vring->hv->dma.lock);
	if (hvdpa_relay_halt(relay, 0))
		ret = hvdpa_relay_ring_settle(&relay->ring,
					      relay->avail.writable, &base);
	mutex_unlock(&vring->hv->dma.lock);
	if (ret < 0)
		return ret;
	hvdpa_relay_mark_used(relay);
	hvdpa_vring_stands_at(vring, base, ret);
	return 0;
}

/* A log that goes must not be written any more on return. */
static void hvdpa_relay_set_log(struct hvdpa_vring *vring, struct hvdpa_log *log)
{
	struct hvdpa_relay *relay = vring->relay;
	unsigned long flags;

	if (!relay)
		return;
	spin_lock_irqsave(&relay->take_lock, flags);
	spin_lock(&relay->give_lock);
	relay->log = log;
	spin_unlock(&relay->give_lock);
	spin_unlock_irqrestore(&relay->take_lock, flags);
}

/**
 * hvdpa_relay_pending - how many buffers does the endpoint have?
 * @vring: a relayed virtqueue that is started; the endpoint's lock is held
 *
 * Return: the number.
 */
u32 hvdpa_relay_pending(const struct hvdpa_vring *vring)
{
	return hvdpa_relay_ring_pending(&vring->relay->ring);
}

/* The driver passes its entries on. */
const struct hvdpa_vring_ops hvdpa_relay_vring_ops = {
	.name = "relayed",
	.has_vector = true,
	.looks_by_itself = true,
	.start = hvdpa_relay_start,
	.kick = hvdpa_relay_kick,
	.can_start_at = hvdpa_relay_can_start_at,
	.get_base = hvdpa_relay_get_base,
	.settle = hvdpa_relay_settle,
	.quiet = hvdpa_relay_quiet,
	.stop = hvdpa_relay_stop,
	.set_log = hvdpa_relay_set_log,
};

/**
 * hvdpa_relay_destroy - free what relayed a device's virtqueues
 * @hv: the device; it has no consumer, and its interrupts are given back
 *
 * May sleep; takes the endpoint's lock.
 */
void hvdpa_relay_destroy(struct hvdpa_device *hv)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++) {
		struct hvdpa_relay *relay = hv->vrings[i].relay;

		if (!relay)
			continue;
		mutex_lock(&hv->ep->lock);
		hvdpa_relay_stop(&hv->vrings[i]);
		mutex_unlock(&hv->ep->lock);
		cancel_work_sync(&relay->fail);
		kfree(relay);
		hv->vrings[i].relay = NULL;
	}
}
