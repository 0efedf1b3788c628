// SPDX-License-Identifier: GPL-2.0-only
/*
 * A ring of the owner's that the driver serves in the device's place, virtio
 * 1.4 sections 2.7 and 2.8.
 *
 * The owner may write all of it at any time and put anything there. So every
 * descriptor is copied once and judged by the copy, every walk has an end that
 * the owner does not choose, and an address is nothing until a map was found.
 */
#include <linux/virtio_ring.h>
#include <linux/vhost_types.h>

#include "dma.h"
#include "owner_ring.h"

/* The most descriptors of one chain; a driver of sense uses a handful. */
#define HVDPA_CHAIN_MAX		1024

static_assert(sizeof(struct vring_desc) == 16);
static_assert(sizeof(struct vring_packed_desc) == 16);

/* A descriptor of either kind of ring. */
struct hvdpa_desc {
	u64 addr;
	u32 len;
	u16 flags;
	u16 next_or_id;
};

static int hvdpa_desc_read(const struct hvdpa_owner_ring *ring, u64 table,
			   u32 idx, struct hvdpa_desc *desc)
{
	int err;

	if (ring->packed) {
		struct vring_packed_desc raw;

		err = hvdpa_access_read(ring->dma, ring->asid,
					table + idx * sizeof(raw), &raw,
					sizeof(raw));
		desc->addr = le64_to_cpu(raw.addr);
		desc->len = le32_to_cpu(raw.len);
		desc->flags = le16_to_cpu(raw.flags);
		desc->next_or_id = le16_to_cpu(raw.id);
	} else {
		struct vring_desc raw;

		err = hvdpa_access_read(ring->dma, ring->asid,
					table + idx * sizeof(raw), &raw,
					sizeof(raw));
		desc->addr = le64_to_cpu((__force __le64)raw.addr);
		desc->len = le32_to_cpu((__force __le32)raw.len);
		desc->flags = le16_to_cpu((__force __le16)raw.flags);
		desc->next_or_id = le16_to_cpu((__force __le16)raw.next);
	}
	return err;
}

/* One buffer of a chain: bytes for the driver, or room for its answer. */
static int hvdpa_chain_add(const struct hvdpa_owner_ring *ring,
			   struct hvdpa_chain *chain,
			   const struct hvdpa_desc *desc, void *out,
			   size_t room)
{
	size_t part;
	int err;

	if (desc->flags & VRING_DESC_F_WRITE) {
		if (!chain->in_len)
			chain->in_addr = desc->addr;
		chain->in_len += desc->len;
		chain->has_in = true;
		return 0;
	}
	/* What is to be read comes first, section 2.7.4.2. */
	if (chain->has_in)
		return -EPROTO;

	part = min_t(u64, desc->len, room - min_t(u64, room, chain->out_len));
	if (part) {
		err = hvdpa_access_read(ring->dma, ring->asid, desc->addr,
					out + chain->out_len, part);
		/* Its answer may be reachable all the same. */
		if (err)
			chain->unreadable = true;
	}
	chain->out_len += desc->len;
	return 0;
}

/*
 * hvdpa_table_walk - follow a table of descriptors
 *
 * Fills in how many of the ring's own slots the chain takes.
 */
static int hvdpa_table_walk(const struct hvdpa_owner_ring *ring,
			    struct hvdpa_chain *chain, u64 table, u32 entries,
			    u32 idx, bool nested, void *out, size_t room)
{
	struct hvdpa_desc desc;
	u32 n;
	int err;

	for (n = 0; n < min_t(u32, entries, HVDPA_CHAIN_MAX); n++) {
		err = hvdpa_desc_read(ring, table, idx, &desc);
		if (err)
			return err;

		if (desc.flags & VRING_DESC_F_INDIRECT) {
			u32 inner = desc.len / sizeof(struct vring_desc);

			/* Split rings allow buffers before it, 2.7.5.3.2. */
			if (!ring->indirect || nested || (n && ring->packed) ||
			    desc.flags & VRING_DESC_F_NEXT || !inner ||
			    desc.len % sizeof(struct vring_desc))
				return -EPROTO;
			chain->slots = 1;
			chain->id = desc.next_or_id;
			return hvdpa_table_walk(ring, chain, desc.addr, inner,
						0, true, out, room);
		}

		err = hvdpa_chain_add(ring, chain, &desc, out, room);
		if (err)
			return err;
		if (!nested) {
			chain->slots = n + 1;
			chain->id = desc.next_or_id;
		}

		/* A packed table has an end in place of a flag. */
		if (ring->packed && nested) {
			if (++idx == entries)
				return 0;
			continue;
		}
		if (!(desc.flags & VRING_DESC_F_NEXT))
			return 0;
		if (ring->packed)
			idx = (idx + 1) % entries;
		else
			idx = desc.next_or_id;
		if (idx >= entries)
			return -EPROTO;
	}
	/* It has a loop, or is none that anybody needs. */
	return -ELOOP;
}

/* Write a half word of the ring. */
static int hvdpa_owner_ring_store(struct hvdpa_owner_ring *ring, u64 iova,
				  u16 value)
{
	int err = hvdpa_access_write16(ring->dma, ring->asid, iova, value);

	if (!err && ring->wrote)
		ring->wrote(ring, iova, sizeof(value));
	return err;
}

static int hvdpa_owner_ring_put(struct hvdpa_owner_ring *ring, u64 iova,
				const void *buf, size_t len)
{
	int err = hvdpa_access_write(ring->dma, ring->asid, iova, buf, len);

	if (!err && ring->wrote)
		ring->wrote(ring, iova, len);
	return err;
}

static int hvdpa_split_available(struct hvdpa_owner_ring *ring)
{
	u64 event = ring->device + sizeof(struct vring_used) +
		    ring->num * sizeof(struct vring_used_elem);
	u16 avail;
	int err;

	err = hvdpa_access_read16(ring->dma, ring->asid,
				  ring->driver +
				  offsetof(struct vring_avail, idx), &avail);
	if (err)
		return err;
	if (avail == ring->state.avail_idx && ring->event_idx) {
		/* Kick me again at the next one; then look if it has come. */
		err = hvdpa_owner_ring_store(ring, event, avail);
		if (err)
			return err;
		/* Pairs with the owner's, between its index and its look. */
		smp_mb();
		err = hvdpa_access_read16(ring->dma, ring->asid, ring->driver +
					  offsetof(struct vring_avail, idx),
					  &avail);
		if (err)
			return err;
	}
	avail -= ring->state.avail_idx;
	if (avail > ring->num)
		return -EPROTO;
	return avail;
}

static int hvdpa_split_next(struct hvdpa_owner_ring *ring,
			    struct hvdpa_chain *chain, void *out, size_t room)
{
	u16 head;
	int n, err;

	n = hvdpa_split_available(ring);
	if (n <= 0)
		return n;
	/* The entry was written before the index. */
	smp_rmb();
	err = hvdpa_access_read16(ring->dma, ring->asid, ring->driver +
				  sizeof(struct vring_avail) +
				  ring->state.avail_idx % ring->num * 2ULL,
				  &head);
	if (err)
		return err;
	if (head >= ring->num)
		return -EPROTO;
	err = hvdpa_table_walk(ring, chain, ring->desc, ring->num, head, false,
			       out, room);
	if (err)
		return err;
	chain->id = head;
	ring->state.avail_idx++;
	return 1;
}

static u64 hvdpa_packed_flags_at(const struct hvdpa_owner_ring *ring, u16 idx)
{
	return ring->desc + (u64)idx * sizeof(struct vring_packed_desc) +
	       offsetof(struct vring_packed_desc, flags);
}

static void hvdpa_packed_advance(const struct hvdpa_owner_ring *ring, u16 *idx,
				 bool *wrap, u32 slots)
{
	u32 next = *idx + slots;

	if (next >= ring->num) {
		next -= ring->num;
		*wrap = !*wrap;
	}
	*idx = next;
}

static int hvdpa_packed_next(struct hvdpa_owner_ring *ring,
			     struct hvdpa_chain *chain, void *out, size_t room)
{
	struct hvdpa_ring_state *state = &ring->state;
	bool avail, used;
	u16 flags;
	int err;

	err = hvdpa_access_read16(ring->dma, ring->asid,
				  hvdpa_packed_flags_at(ring, state->avail_idx),
				  &flags);
	if (err)
		return err;
	avail = flags & BIT(VRING_PACKED_DESC_F_AVAIL);
	used = flags & BIT(VRING_PACKED_DESC_F_USED);
	if (avail != state->avail_wrap || used == state->avail_wrap)
		return 0;
	/* The flags were written last. */
	smp_rmb();
	err = hvdpa_table_walk(ring, chain, ring->desc, ring->num,
			       state->avail_idx, false, out, room);
	if (err)
		return err;
	hvdpa_packed_advance(ring, &state->avail_idx, &state->avail_wrap,
			     chain->slots);
	return 1;
}

/*
 * Each chain has one entry. Those before the next are used in this lap: both bits are
 * the wrap counter. The next is available, and its bits differ, or it has both bits of
 * the lap before, or it was never written, as if there had been a lap with 0.
 */
static int hvdpa_packed_find(struct hvdpa_owner_ring *ring)
{
	bool wrap = true;
	u16 idx, flags;
	int err;

	for (idx = 0; idx < ring->num; idx++) {
		bool avail, used;

		err = hvdpa_access_read16(ring->dma, ring->asid,
					  hvdpa_packed_flags_at(ring, idx),
					  &flags);
		if (err)
			return err;
		avail = flags & BIT(VRING_PACKED_DESC_F_AVAIL);
		used = flags & BIT(VRING_PACKED_DESC_F_USED);
		if (!idx)
			wrap = avail;
		if (avail != used || avail != wrap)
			break;
	}
	/* A lap that is over, or none yet: the next begins. */
	if (idx == ring->num) {
		idx = 0;
		wrap = !wrap;
	}
	ring->state = (struct hvdpa_ring_state){
		.avail_idx = idx, .used_idx = idx,
		.avail_wrap = wrap, .used_wrap = wrap,
	};
	return 0;
}

/**
 * hvdpa_owner_ring_find - find where a ring stands that somebody else served
 * @ring: the ring; who served it writes to it no more, took one chain at a time, and
 *	  used each before the next
 *
 * What was made available and not used is next. A packed ring tells only if each chain
 * is an indirect table: of a chain that was used the first entry says so, and not how
 * many there were. May sleep.
 *
 * Return: 0; -EOPNOTSUPP for a packed ring without INDIRECT_DESC; -EFAULT or -EACCES.
 */
int hvdpa_owner_ring_find(struct hvdpa_owner_ring *ring)
{
	u16 used;
	int err;

	if (ring->packed && !ring->indirect)
		return -EOPNOTSUPP;
	if (ring->packed)
		return hvdpa_packed_find(ring);
	err = hvdpa_access_read16(ring->dma, ring->asid, ring->device +
				  offsetof(struct vring_used, idx), &used);
	if (err)
		return err;
	ring->state.avail_idx = used;
	ring->state.used_idx = used;
	return 0;
}

/**
 * hvdpa_owner_ring_waits - is something available that was not used?
 * @ring: the ring; hvdpa_owner_ring_find() has found where it stands
 *
 * May sleep.
 *
 * Return: 1 or 0; -EFAULT or -EACCES.
 */
int hvdpa_owner_ring_waits(const struct hvdpa_owner_ring *ring)
{
	u16 value;
	int err;

	if (!ring->packed) {
		err = hvdpa_access_read16(ring->dma, ring->asid, ring->driver +
					  offsetof(struct vring_avail, idx),
					  &value);
		return err ?: value != ring->state.avail_idx;
	}
	err = hvdpa_access_read16(ring->dma, ring->asid,
				  hvdpa_packed_flags_at(ring,
							ring->state.avail_idx),
				  &value);
	return err ?: !(value & BIT(VRING_PACKED_DESC_F_AVAIL)) !=
		      !(value & BIT(VRING_PACKED_DESC_F_USED));
}

/**
 * hvdpa_owner_ring_next - take the next chain that the owner made available
 * @ring: the ring
 * @chain: filled here
 * @out: what the chain holds for the device is copied here
 * @room: bytes at @out; what is beyond is only counted
 *
 * May sleep.
 *
 * Return: 1 with a chain; 0 if there is none; a negative errno if the ring
 * cannot be followed: -EPROTO against the specification, -ELOOP a chain
 * without an end, -EFAULT and -EACCES for memory that is not the owner's.
 */
int hvdpa_owner_ring_next(struct hvdpa_owner_ring *ring,
			  struct hvdpa_chain *chain, void *out, size_t room)
{
	*chain = (struct hvdpa_chain){};
	return ring->packed ? hvdpa_packed_next(ring, chain, out, room) :
			      hvdpa_split_next(ring, chain, out, room);
}

static int hvdpa_split_done(struct hvdpa_owner_ring *ring,
			    const struct hvdpa_chain *chain, u32 written)
{
	struct vring_used_elem elem = {
		.id = (__force __virtio32)cpu_to_le32(chain->id),
		.len = (__force __virtio32)cpu_to_le32(written),
	};
	u16 old = ring->state.used_idx;
	u16 event, flags;
	int err;

	err = hvdpa_owner_ring_put(ring, ring->device +
				   sizeof(struct vring_used) +
				   (u64)(old % ring->num) * sizeof(elem),
				   &elem, sizeof(elem));
	if (err)
		return err;
	/* The answer and the entry before the index. */
	smp_wmb();
	ring->state.used_idx++;
	err = hvdpa_owner_ring_store(ring, ring->device +
				     offsetof(struct vring_used, idx),
				     ring->state.used_idx);
	if (err)
		return err;
	/* The index before the owner's wish to hear of it. */
	smp_mb();

	if (ring->event_idx) {
		err = hvdpa_access_read16(ring->dma, ring->asid, ring->driver +
					  sizeof(struct vring_avail) +
					  ring->num * 2ULL, &event);
		return err ?: vring_need_event(event, ring->state.used_idx,
					       old);
	}
	err = hvdpa_access_read16(ring->dma, ring->asid, ring->driver, &flags);
	return err ?: !(flags & VRING_AVAIL_F_NO_INTERRUPT);
}

static int hvdpa_packed_wants(const struct hvdpa_owner_ring *ring, u16 old,
			      u16 idx, bool wrap)
{
	u16 off_wrap, flags, event;
	int err;

	err = hvdpa_access_read16(ring->dma, ring->asid, ring->driver,
				  &off_wrap) ?:
	      hvdpa_access_read16(ring->dma, ring->asid,
				  ring->driver + sizeof(off_wrap), &flags);
	if (err)
		return err;
	if (flags != VRING_PACKED_EVENT_FLAG_DESC || !ring->event_idx)
		return flags != VRING_PACKED_EVENT_FLAG_DISABLE;

	event = off_wrap & ~BIT(VRING_PACKED_EVENT_F_WRAP_CTR);
	if (wrap != off_wrap >> VRING_PACKED_EVENT_F_WRAP_CTR)
		event -= ring->num;
	return vring_need_event(event, idx, old);
}

static int hvdpa_packed_done(struct hvdpa_owner_ring *ring,
			     const struct hvdpa_chain *chain, u32 written)
{
	struct hvdpa_ring_state *state = &ring->state;
	u64 at = hvdpa_packed_flags_at(ring, state->used_idx);
	struct {
		__le32 len;
		__le16 id;
	} __packed head = {
		.len = cpu_to_le32(written),
		.id = cpu_to_le16(chain->id),
	};
	u16 flags = chain->has_in ? VRING_DESC_F_WRITE : 0;
	u16 old;
	int err;

	static_assert(sizeof(head) ==
		      offsetof(struct vring_packed_desc, flags) -
		      offsetof(struct vring_packed_desc, len));

	err = hvdpa_owner_ring_put(ring, at - sizeof(head), &head,
				   sizeof(head));
	if (err)
		return err;
	if (state->used_wrap)
		flags |= BIT(VRING_PACKED_DESC_F_AVAIL) |
			 BIT(VRING_PACKED_DESC_F_USED);
	/* The answer, the length and the id before the flags. */
	smp_wmb();
	err = hvdpa_owner_ring_store(ring, at, flags);
	if (err)
		return err;

	hvdpa_packed_advance(ring, &state->used_idx, &state->used_wrap,
			     chain->slots);
	/* As if the ring had no end: section 2.8.10. */
	old = state->used_idx - chain->slots;
	/* The flags before the owner's wish to hear of them. */
	smp_mb();
	return hvdpa_packed_wants(ring, old, state->used_idx,
				  state->used_wrap);
}

/**
 * hvdpa_owner_ring_answer - answer a chain and give it back
 * @ring: the ring
 * @chain: as hvdpa_owner_ring_next() found it
 * @answer: one byte, put at the start of what the chain has for the answer
 *
 * May sleep.
 *
 * Return: 1 if the owner wants to be interrupted; 0 if not; -EFAULT or -EACCES
 * if the answer or the ring cannot be written; -EPROTO if the chain has no
 * room for an answer.
 */
int hvdpa_owner_ring_answer(struct hvdpa_owner_ring *ring,
			    const struct hvdpa_chain *chain, u8 answer)
{
	int err;

	if (!chain->in_len)
		return -EPROTO;
	err = hvdpa_owner_ring_put(ring, chain->in_addr, &answer,
				   sizeof(answer));
	if (err)
		return err;
	return ring->packed ? hvdpa_packed_done(ring, chain, sizeof(answer)) :
			      hvdpa_split_done(ring, chain, sizeof(answer));
}
