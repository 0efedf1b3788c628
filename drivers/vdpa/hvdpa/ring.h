/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where a ring stands.
 */
#ifndef HVDPA_RING_H
#define HVDPA_RING_H

#include <linux/types.h>

struct vdpa_vq_state;

/* state.c: where a ring stands */

/**
 * struct hvdpa_ring_state - the next entries of a ring that a device will use
 * @avail_idx: next available index (packed: 15 bits)
 * @used_idx: next used index (packed only: 15 bits)
 * @avail_wrap: available wrap counter (packed only)
 * @used_wrap: used wrap counter (packed only)
 */
struct hvdpa_ring_state {
	u16 avail_idx;
	u16 used_idx;
	bool avail_wrap;
	bool used_wrap;
};

void hvdpa_ring_state_initial(struct hvdpa_ring_state *ring, bool packed);
bool hvdpa_ring_state_is_initial(const struct hvdpa_ring_state *ring,
				 bool packed);
void hvdpa_ring_state_decode(const struct vdpa_vq_state *vq, bool packed,
			     struct hvdpa_ring_state *ring);
void hvdpa_ring_state_mend(struct hvdpa_ring_state *ring);
void hvdpa_ring_state_encode(const struct hvdpa_ring_state *ring, bool packed,
			     struct vdpa_vq_state *vq);
u32 hvdpa_ring_state_to_register(const struct hvdpa_ring_state *ring);
void hvdpa_ring_state_from_register(u32 value, bool packed,
				    struct hvdpa_ring_state *ring);
bool hvdpa_ring_state_sane(const struct hvdpa_ring_state *ring, bool packed,
			   u32 num);

#endif /* HVDPA_RING_H */
