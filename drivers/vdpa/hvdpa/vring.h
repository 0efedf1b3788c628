/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One virtqueue: what its owner said of it, its kicks, its interrupts.
 */
#ifndef HVDPA_VRING_H
#define HVDPA_VRING_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/interrupt.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vdpa.h>

#include "ring.h"

struct hvdpa_device;
struct hvdpa_log;
struct hvdpa_relay;
struct hvdpa_vring;
struct sk_buff;

/**
 * struct hvdpa_vring_ops - who serves a virtqueue
 * @name: for people; NULL where the endpoint does
 * @has_vector: the endpoint interrupts for it
 * @gives_vector: the owner may have that vector for itself
 * @has_doorbell: a kick is a write to the endpoint's doorbell
 * @looks_by_itself: when it goes live it is looked at without a kick
 * @start: let it run from DRIVER_OK on; it has its addresses
 * @kick: there may be something in it; any context
 * @can_start_at: can it start where @base says?
 * @get_base: where it stands; the endpoint is suspended
 * @settle: let it stand where @base then says; the endpoint was reset and reaches no
 *	    memory, or the queue was
 * @quiet: the driver touches the owner's memory no more, and tells it nothing; NULL
 *	   where it does not
 * @stop: the endpoint was reset, or the queue: give back what @start took; NULL for
 *	  nothing
 * @set_log: mark what is written in this log, or in none; NULL for who cannot
 * @mark_dirty: mark what was written of the ring itself, where the endpoint's log
 *		lacks that; NULL for a ring whose writes are marked as they are made
 * @stats: put what is counted besides into a netlink message, or NULL
 *
 * Called with the endpoint's lock held, but for @kick and @stats.
 */
struct hvdpa_vring_ops {
	const char *name;
	bool has_vector;
	bool gives_vector;
	bool has_doorbell;
	bool looks_by_itself;
	int (*start)(struct hvdpa_vring *vring);
	void (*kick)(struct hvdpa_vring *vring);
	bool (*can_start_at)(const struct hvdpa_vring *vring,
			     const struct hvdpa_ring_state *base);
	int (*get_base)(const struct hvdpa_vring *vring,
			struct hvdpa_ring_state *base);
	int (*settle)(struct hvdpa_vring *vring);
	void (*quiet)(struct hvdpa_vring *vring);
	void (*stop)(struct hvdpa_vring *vring);
	void (*set_log)(struct hvdpa_vring *vring, struct hvdpa_log *log);
	void (*mark_dirty)(const struct hvdpa_vring *vring,
			   struct hvdpa_log *log);
	int (*stats)(const struct hvdpa_vring *vring, struct sk_buff *msg);
};

enum hvdpa_vring_state {
	HVDPA_VRING_OFF,	/* not started */
	HVDPA_VRING_HELD,	/* started, and gets no kick */
	HVDPA_VRING_LIVE,	/* started, and gets kicks */
};

/**
 * struct hvdpa_vring - what the owner has said of a virtqueue
 * @hv: its device
 * @idx: its number for the owner
 * @hw_idx: its number on the device; fewer queue pairs make it another one for
 *	    the control queue. Changes only while the queue is not live
 * @desc: IOVA of the descriptor area
 * @driver: IOVA of the driver area
 * @device: IOVA of the device area
 * @size: the most entries that the device takes with the owner's features;
 *	  read without a lock
 * @num: entries; 0 after a bad set_vq_num
 * @has_address: the areas were given since the last reset
 * @ready: the owner wants it to run
 * @ops: who serves it; changes only while it is off; read without a lock
 * @state: does it run? Read without a lock
 * @has_base: the owner said where it starts since the last reset
 * @base: where it starts
 * @doorbell: where a kick goes, while the queue is live and its doorbell in memory
 *	space; else NULL; read without a lock
 * @kick_pending: bit 0: a kick came while it was not live, or none may come for what is
 *		  available where it starts
 * @cb_lock: see below
 * @cb: the owner's callback
 * @handler: what the endpoint's interrupt calls: the owner's callback, or what relays
 *	     the queue
 * @relay: what relays it, once something did; freed with the device
 * @irq_given: the owner was told which interrupt it is, since the last reset
 * @doorbell_given: an owner was told where its doorbell is
 * @drained: where it stood when all was used that was available
 * @stands: it was stopped by its own reset, and starts where it stands once it is ready
 * @area: its doorbell's page, or nothing; constant
 * @kicks: kicks that went through the driver
 * @errors: what was refused for this queue
 * @interrupts: interrupts seen; written by its one vector's handler only, or
 *	by the driver where it serves the queue
 */
struct hvdpa_vring {
	struct hvdpa_device *hv;
	u16 idx;
	u16 hw_idx;
	u64 desc;
	u64 driver;
	u64 device;
	u16 size;
	u32 num;
	bool has_address;
	bool ready;
	const struct hvdpa_vring_ops *ops;
	enum hvdpa_vring_state state;
	bool has_base;
	struct hvdpa_ring_state base;
	__le16 __iomem *doorbell;
	unsigned long kick_pending;
	/*
	 * Protects cb against hvdpa_vring_call(), and handler; taken with
	 * interrupts off. The device's interrupt reads handler without: see
	 * hvdpa_vring_set_cb().
	 */
	spinlock_t cb_lock;
	struct vdpa_callback cb;
	struct vdpa_callback handler;
	struct hvdpa_relay *relay;
	bool irq_given;
	bool doorbell_given;
	u16 drained;
	bool stands;
	struct vdpa_notification_area area;
	atomic64_t kicks;
	atomic64_t errors;
	u64 interrupts;
} ____cacheline_aligned; /* Two queues' kicks and interrupts share no line. */

static inline bool hvdpa_vring_is_started(const struct hvdpa_vring *vring)
{
	return READ_ONCE(vring->state) != HVDPA_VRING_OFF;
}

static inline bool hvdpa_vring_is_live(const struct hvdpa_vring *vring)
{
	return READ_ONCE(vring->state) == HVDPA_VRING_LIVE;
}

static inline bool hvdpa_vring_is_to_rise(const struct hvdpa_vring *vring)
{
	return vring->stands && vring->ready;
}

extern const struct hvdpa_vring_ops hvdpa_direct_vring_ops;

bool hvdpa_direct_can_start_at(const struct hvdpa_vring *vring,
			       const struct hvdpa_ring_state *base);
int hvdpa_direct_start(struct hvdpa_vring *vring);
void hvdpa_direct_kick(struct hvdpa_vring *vring);
int hvdpa_direct_get_base(const struct hvdpa_vring *vring,
			  struct hvdpa_ring_state *base);
void hvdpa_direct_mark_dirty(const struct hvdpa_vring *vring,
			     struct hvdpa_log *log);

bool hvdpa_vring_set_state(struct hvdpa_vring *vring,
			   enum hvdpa_vring_state state);
void hvdpa_vring_init(struct hvdpa_vring *vring, struct hvdpa_device *hv,
		      u16 idx);
void hvdpa_vring_forget(struct hvdpa_vring *vring);
void hvdpa_vring_number(struct hvdpa_vring *vring, u64 features);
int hvdpa_vring_agree(struct hvdpa_vring *vring);
int hvdpa_vring_check(const struct hvdpa_vring *vring, u32 most);
int hvdpa_vring_start(struct hvdpa_vring *vring);
void hvdpa_vring_owes_kick(struct hvdpa_vring *vring);
void hvdpa_vring_go_live(struct hvdpa_vring *vring);
void hvdpa_vring_hold(struct hvdpa_vring *vring);
void hvdpa_kick_vq(struct vdpa_device *vdpa, u16 idx);
void hvdpa_vring_call(struct hvdpa_vring *vring);
void hvdpa_vring_notify(struct hvdpa_vring *vring);
void hvdpa_vring_set_handler(struct hvdpa_vring *vring,
			     irqreturn_t (*handler)(void *data));
void hvdpa_vring_set_cb(struct hvdpa_vring *vring,
			const struct vdpa_callback *cb);

/* settle.c: where a ring stands that is stopped */

void hvdpa_vring_stands_at(struct hvdpa_vring *vring, u16 idx, bool rewritten);
int hvdpa_direct_settle(struct hvdpa_vring *vring);

/* doorbell.c: which doorbells may be mapped */

void hvdpa_doorbells_find(struct hvdpa_device *hv);
struct vdpa_notification_area hvdpa_doorbell_area(struct hvdpa_vring *vring);
bool hvdpa_vring_has_ways_past(const struct hvdpa_vring *vring);

/* stats.c: what `vdpa dev vstats show` prints of a virtqueue */

int hvdpa_put_stat(struct sk_buff *msg, const char *name, u64 value);
int hvdpa_vq_stats(struct hvdpa_vring *vring, struct sk_buff *msg);

/**
 * hvdpa_vring_interrupt - the device has something for the owner
 * @vring: the virtqueue
 *
 * Called by the one vector that serves the queue, in hard interrupt context.
 */
static inline void hvdpa_vring_interrupt(struct hvdpa_vring *vring)
{
	irqreturn_t (*callback)(void *data);

	/* Who prints it takes what there is. */
	data_race(vring->interrupts++);
	/* Pairs with the one in hvdpa_vring_set_cb(). */
	callback = smp_load_acquire(&vring->handler.callback);
	if (callback)
		callback(READ_ONCE(vring->handler.private));
}

#endif /* HVDPA_VRING_H */
