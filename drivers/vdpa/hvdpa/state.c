// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a ring stands, in the kernel's words and in ours.
 *
 * The kernel's packed state is made of bitfields, whose place in memory is
 * the compiler's choice. It is taken apart by name here and never copied.
 */
#include "hvdpa.h"

/**
 * hvdpa_ring_state_initial - where a ring stands after a reset
 * @ring: filled here
 * @packed: a packed ring's wrap counters start at 1, virtio 1.4 section 2.8.1
 *
 * Return: nothing.
 */
void hvdpa_ring_state_initial(struct hvdpa_ring_state *ring, bool packed)
{
	*ring = (struct hvdpa_ring_state){
		.avail_wrap = packed,
		.used_wrap = packed,
	};
}

/**
 * hvdpa_ring_state_is_initial - is this where a ring stands after a reset?
 * @ring: the state
 * @packed: of a packed ring
 *
 * Return: true if it is.
 */
bool hvdpa_ring_state_is_initial(const struct hvdpa_ring_state *ring,
				 bool packed)
{
	return !ring->avail_idx && !ring->used_idx &&
	       ring->avail_wrap == packed && ring->used_wrap == packed;
}

/**
 * hvdpa_ring_state_decode - take the kernel's state apart
 * @vq: the kernel's
 * @packed: which half of the union is meant
 * @ring: filled here; split rings have no used index and no counters
 *
 * Return: nothing.
 */
void hvdpa_ring_state_decode(const struct vdpa_vq_state *vq, bool packed,
			     struct hvdpa_ring_state *ring)
{
	hvdpa_ring_state_initial(ring, packed);
	if (!packed) {
		ring->avail_idx = vq->split.avail_index;
		return;
	}
	ring->avail_idx = vq->packed.last_avail_idx;
	ring->avail_wrap = vq->packed.last_avail_counter;
	ring->used_idx = vq->packed.last_used_idx;
	ring->used_wrap = vq->packed.last_used_counter;
}

/**
 * hvdpa_ring_state_encode - put the kernel's state together
 * @ring: ours
 * @packed: which half of the union is meant
 * @vq: filled here
 *
 * Return: nothing.
 */
void hvdpa_ring_state_encode(const struct hvdpa_ring_state *ring, bool packed,
			     struct vdpa_vq_state *vq)
{
	memset(vq, 0, sizeof(*vq));
	if (!packed) {
		vq->split.avail_index = ring->avail_idx;
		return;
	}
	vq->packed.last_avail_idx = ring->avail_idx;
	vq->packed.last_avail_counter = ring->avail_wrap;
	vq->packed.last_used_idx = ring->used_idx;
	vq->packed.last_used_counter = ring->used_wrap;
}
