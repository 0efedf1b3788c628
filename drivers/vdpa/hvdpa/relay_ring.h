/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A split ring between its owner's memory and a ring of the driver's, which is what
 * the endpoint sees.
 */
#ifndef HVDPA_RELAY_RING_H
#define HVDPA_RELAY_RING_H

#include <linux/types.h>
#include <uapi/linux/virtio_ring.h>

/**
 * struct hvdpa_relay_ring - such a ring
 * @owner: the owner's ring; constant. Its descriptors are there where @mark is
 * @shadow: the endpoint's: its descriptors are the owner's; constant
 * @mark: told of each head before its owner sees that it is used; NULL for nobody
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was agreed on; constant
 * @base: the owner's index that is the endpoint's 0; constant
 * @outstanding: bit n: head n is the endpoint's
 * @order: of head n: how many were taken before it
 * @taken: the owner's next available index
 * @ntaken: heads taken since the start
 * @asked: the index at which the owner was last asked to kick, with @event_idx
 * @seen: the endpoint's used index, as far as it was given to the owner
 * @ngiven: heads given back since the start
 *
 * hvdpa_relay_ring_take() and hvdpa_relay_ring_give() may run at the same time, each
 * of them once. The first writes @order, @taken, @ntaken and @asked, the other @seen
 * and @ngiven.
 */
struct hvdpa_relay_ring {
	struct vring owner;
	struct vring shadow;
	void (*mark)(struct hvdpa_relay_ring *ring, u16 head);
	bool event_idx;
	u16 base;
	unsigned long *outstanding;
	u64 *order;
	u16 taken;
	u64 ntaken;
	u16 asked;
	u16 seen;
	u64 ngiven;
};

/* The most pieces of a chain that are looked at, with interrupts off. */
#define HVDPA_RELAY_PIECES_MAX	1024U

size_t hvdpa_relay_avail_bytes(u32 num);
size_t hvdpa_relay_used_bytes(u32 num);
int hvdpa_relay_ring_init(struct hvdpa_relay_ring *ring, u32 num, u16 base);
void hvdpa_relay_ring_rewind(struct hvdpa_relay_ring *ring, u16 base);
void hvdpa_relay_ring_cleanup(struct hvdpa_relay_ring *ring);
int hvdpa_relay_ring_begin(struct hvdpa_relay_ring *ring);
int hvdpa_relay_ring_take(struct hvdpa_relay_ring *ring, unsigned int most,
			  bool *ring_doorbell);
u32 hvdpa_relay_ring_pending(const struct hvdpa_relay_ring *ring);
int hvdpa_relay_ring_give(struct hvdpa_relay_ring *ring, unsigned int most,
			  bool *tell);
int hvdpa_relay_ring_settle(struct hvdpa_relay_ring *ring, bool writable,
			    u16 *base);
bool hvdpa_relay_ring_chain(const struct hvdpa_relay_ring *ring, u16 head,
			    void (*wrote)(void *data, u64 iova, u32 len),
			    void *data);
int hvdpa_direct_ring_settle(const struct vring *owner, u16 drained,
			     u16 *counts, __virtio16 *heads, bool writable);
bool hvdpa_direct_ring_in_order(const struct vring *owner);

#endif /* HVDPA_RELAY_RING_H */
