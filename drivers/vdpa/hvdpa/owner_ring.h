/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A ring of the owner's that the driver serves.
 */
#ifndef HVDPA_OWNER_RING_H
#define HVDPA_OWNER_RING_H

#include <linux/types.h>

#include "ring.h"

struct hvdpa_dma;

/**
 * struct hvdpa_owner_ring - such a ring
 * @dma: the owner's memory
 * @asid: which of its address spaces
 * @packed: it is a packed ring
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was agreed on
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC was agreed on
 * @num: entries
 * @desc: IOVA of the descriptor area
 * @driver: IOVA of the driver area
 * @device: IOVA of the device area
 * @state: where it stands
 * @wrote: told of what was written to the owner's memory; may be NULL
 */
struct hvdpa_owner_ring {
	struct hvdpa_dma *dma;
	u32 asid;
	bool packed;
	bool event_idx;
	bool indirect;
	u32 num;
	u64 desc;
	u64 driver;
	u64 device;
	struct hvdpa_ring_state state;
	void (*wrote)(const struct hvdpa_owner_ring *ring, u64 iova, u64 len);
};

/**
 * struct hvdpa_chain - what the owner made available at once
 * @id: what its used entry is to name
 * @slots: entries of a packed ring that it takes
 * @out_len: bytes for the device
 * @unreadable: not all of them could be read
 * @has_in: it has a buffer for the device to write
 * @in_addr: the first of them that has a byte
 * @in_len: their bytes
 */
struct hvdpa_chain {
	u16 id;
	u16 slots;
	u64 out_len;
	bool unreadable;
	bool has_in;
	u64 in_addr;
	u64 in_len;
};

int hvdpa_owner_ring_find(struct hvdpa_owner_ring *ring);
int hvdpa_owner_ring_waits(const struct hvdpa_owner_ring *ring);
int hvdpa_owner_ring_next(struct hvdpa_owner_ring *ring,
			  struct hvdpa_chain *chain, void *out, size_t room);
int hvdpa_owner_ring_answer(struct hvdpa_owner_ring *ring,
			    const struct hvdpa_chain *chain, u8 answer);

#endif /* HVDPA_OWNER_RING_H */
