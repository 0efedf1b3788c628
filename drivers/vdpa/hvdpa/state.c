// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a ring stands, in the kernel's words and in ours.
 *
 * The kernel's packed state is made of bitfields, whose place in memory is
 * the compiler's choice. It is taken apart by name here and never copied.
 */
#include <linux/bitfield.h>
#include <linux/string.h>
#include <linux/vdpa.h>

#include <hvdpa/migration_regs.h>

#include "ring.h"

/**
 * hvdpa_ring_state_initial - where a ring stands after a reset
 * @ring: filled here
 * @packed: a packed ring's wrap counters start at 1, virtio 1.4 section 2.8.1
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
 * @ring: filled here; a split ring's owner says that all is used that was
 *	  available, for the kernel has one index for both
 */
void hvdpa_ring_state_decode(const struct vdpa_vq_state *vq, bool packed,
			     struct hvdpa_ring_state *ring)
{
	hvdpa_ring_state_initial(ring, packed);
	if (!packed) {
		ring->avail_idx = vq->split.avail_index;
		ring->used_idx = vq->split.avail_index;
		return;
	}
	ring->avail_idx = vq->packed.last_avail_idx;
	ring->avail_wrap = vq->packed.last_avail_counter;
	ring->used_idx = vq->packed.last_used_idx;
	ring->used_wrap = vq->packed.last_used_counter;
}

/**
 * hvdpa_ring_state_mend - what an owner means that says where no packed ring can stand
 * @ring: a packed ring's state
 *
 * DPDK gives a ring that never ran index 0 with the available wrap counter at 1 and
 * the used one at 0.
 */
void hvdpa_ring_state_mend(struct hvdpa_ring_state *ring)
{
	if (!ring->avail_idx && !ring->used_idx && ring->avail_wrap)
		ring->used_wrap = true;
}

/**
 * hvdpa_ring_state_encode - put the kernel's state together
 * @ring: ours
 * @packed: which half of the union is meant
 * @vq: filled here
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

static u16 hvdpa_ring_half(u16 idx, bool wrap)
{
	return idx | (wrap ? HVDPA_RING_STATE_WRAP : 0);
}

/**
 * hvdpa_ring_state_to_register - as a migration block's state register has it
 * @ring: the state; a split ring's wrap counters are not set
 *
 * Documentation/device-interface.rst, "Ring state".
 *
 * Return: the register's value.
 */
u32 hvdpa_ring_state_to_register(const struct hvdpa_ring_state *ring)
{
	return FIELD_PREP(HVDPA_RING_STATE_AVAIL,
			  hvdpa_ring_half(ring->avail_idx, ring->avail_wrap)) |
	       FIELD_PREP(HVDPA_RING_STATE_USED,
			  hvdpa_ring_half(ring->used_idx, ring->used_wrap));
}

/**
 * hvdpa_ring_state_from_register - take a state register apart
 * @value: the register's value
 * @packed: of a packed ring
 * @ring: filled here
 */
void hvdpa_ring_state_from_register(u32 value, bool packed,
				    struct hvdpa_ring_state *ring)
{
	u16 avail = FIELD_GET(HVDPA_RING_STATE_AVAIL, value);
	u16 used = FIELD_GET(HVDPA_RING_STATE_USED, value);

	hvdpa_ring_state_initial(ring, packed);
	if (!packed) {
		ring->avail_idx = avail;
		ring->used_idx = used;
		return;
	}
	ring->avail_idx = avail & HVDPA_RING_STATE_INDEX;
	ring->avail_wrap = avail & HVDPA_RING_STATE_WRAP;
	ring->used_idx = used & HVDPA_RING_STATE_INDEX;
	ring->used_wrap = used & HVDPA_RING_STATE_WRAP;
}

/**
 * hvdpa_ring_state_sane - can a stopped ring stand here?
 * @ring: the state
 * @packed: of a packed ring
 * @num: entries of the ring
 *
 * Return: true if all is used that was available, and a packed ring's indices
 * are in it.
 */
bool hvdpa_ring_state_sane(const struct hvdpa_ring_state *ring, bool packed,
			   u32 num)
{
	return ring->avail_idx == ring->used_idx &&
	       ring->avail_wrap == ring->used_wrap &&
	       (!packed || ring->avail_idx < num);
}
