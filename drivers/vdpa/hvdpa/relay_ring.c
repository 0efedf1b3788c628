// SPDX-License-Identifier: GPL-2.0-only
/*
 * A relayed ring: heads go from the owner's available ring to the endpoint's, used
 * entries back. The endpoint starts at 0 whatever the owner's index is, so the two
 * differ by a constant. Descriptors and buffers are the owner's and stay where they
 * are.
 *
 * Both neighbours write their halves while these functions run, and neither is
 * trusted: a head is below the ring's size and not the endpoint's already, a used
 * entry names one that is. So no more than the ring's size is ever outstanding.
 *
 * What is outstanding is what was taken and not given back, in any order. At a stop
 * the owner's available ring is made to name it, in the order in which it was
 * submitted, from the used index on: whoever starts there executes each of it once.
 */
#include <linux/bitmap.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <asm/barrier.h>

#include "relay_ring.h"

/* All rings are little endian: VIRTIO_F_VERSION_1 is always agreed on. */
static u16 hvdpa_load16(const __virtio16 *at)
{
	return le16_to_cpu((__force __le16)READ_ONCE(*at));
}

static void hvdpa_store16(__virtio16 *at, u16 value)
{
	WRITE_ONCE(*at, (__force __virtio16)cpu_to_le16(value));
}

static __virtio16 *hvdpa_avail_slot(const struct vring *vring, u16 idx)
{
	return &vring->avail->ring[idx & (vring->num - 1)];
}

static struct vring_used_elem *hvdpa_used_slot(const struct vring *vring,
					       u16 idx)
{
	return &vring->used->ring[idx & (vring->num - 1)];
}

/**
 * hvdpa_relay_avail_bytes - how large an available ring is
 * @num: its entries
 *
 * Virtio 1.4 section 2.7.
 *
 * Return: bytes, the used_event field included.
 */
size_t hvdpa_relay_avail_bytes(u32 num)
{
	return (3 + (size_t)num) * sizeof(__virtio16);
}

/**
 * hvdpa_relay_used_bytes - how large a used ring is
 * @num: its entries
 *
 * Virtio 1.4 section 2.7.
 *
 * Return: bytes, the avail_event field included.
 */
size_t hvdpa_relay_used_bytes(u32 num)
{
	return 3 * sizeof(__virtio16) + num * sizeof(struct vring_used_elem);
}

/**
 * hvdpa_relay_ring_rewind - begin with a ring of which nothing is outstanding
 * @ring: the ring, of which nothing is passed on
 * @base: where the owner's ring stands
 */
void hvdpa_relay_ring_rewind(struct hvdpa_relay_ring *ring, u16 base)
{
	bitmap_zero(ring->outstanding, ring->owner.num);
	ring->base = base;
	ring->taken = base;
	ring->ntaken = 0;
	/* Not yet, whatever the owner's ring says. */
	ring->asked = base - 1;
	ring->seen = 0;
	ring->ngiven = 0;
}

/**
 * hvdpa_relay_ring_init - make a ring of which nothing is outstanding
 * @ring: zeroed
 * @num: entries, a power of two
 * @base: where the owner's ring stands
 *
 * Where the rings are in memory is the caller's to fill in.
 *
 * Return: 0 or -ENOMEM.
 */
int hvdpa_relay_ring_init(struct hvdpa_relay_ring *ring, u32 num, u16 base)
{
	ring->owner.num = num;
	ring->shadow.num = num;
	ring->outstanding = bitmap_zalloc(num, GFP_KERNEL_ACCOUNT);
	if (!ring->outstanding)
		return -ENOMEM;
	ring->order = kvcalloc(num, sizeof(*ring->order), GFP_KERNEL_ACCOUNT);
	if (!ring->order) {
		bitmap_free(ring->outstanding);
		ring->outstanding = NULL;
		return -ENOMEM;
	}
	hvdpa_relay_ring_rewind(ring, base);
	return 0;
}

/**
 * hvdpa_relay_ring_cleanup - undo hvdpa_relay_ring_init()
 * @ring: the ring
 */
void hvdpa_relay_ring_cleanup(struct hvdpa_relay_ring *ring)
{
	kvfree(ring->order);
	bitmap_free(ring->outstanding);
	ring->order = NULL;
	ring->outstanding = NULL;
}

/**
 * hvdpa_relay_ring_begin - can the owner's ring be gone on with?
 * @ring: the ring; its memory is there
 *
 * Its used index is where the ring stands: the kernel has one index for both halves.
 *
 * Return: 0, or -EINVAL if its used index is another.
 */
int hvdpa_relay_ring_begin(struct hvdpa_relay_ring *ring)
{
	return hvdpa_load16(&ring->owner.used->idx) == ring->base ? 0 : -EINVAL;
}

/* Heads that the owner made available, @most of them; how many. */
static int hvdpa_relay_copy_heads(struct hvdpa_relay_ring *ring, u16 available,
				  unsigned int most)
{
	unsigned int n;

	for (n = 0; n < most && ring->taken != available; n++) {
		u16 head = hvdpa_load16(hvdpa_avail_slot(&ring->owner,
							 ring->taken));

		if (head >= ring->owner.num ||
		    test_and_set_bit(head, ring->outstanding))
			return -EPROTO;
		ring->order[head] = ring->ntaken;
		hvdpa_store16(hvdpa_avail_slot(&ring->shadow,
					       ring->taken - ring->base), head);
		ring->taken++;
		WRITE_ONCE(ring->ntaken, ring->ntaken + 1);
	}
	return n;
}

/**
 * hvdpa_relay_ring_take - pass on what the owner made available
 * @ring: the ring
 * @most: so many heads at most
 * @ring_doorbell: set where the endpoint wants to be told
 *
 * Writes to the owner's used ring only where it changes @asked. Any context.
 *
 * Return: how many heads; @most if there may be more; -EPROTO for an index or a head
 * that cannot be.
 */
int hvdpa_relay_ring_take(struct hvdpa_relay_ring *ring, unsigned int most,
			  bool *ring_doorbell)
{
	u16 old = ring->taken - ring->base, now;
	unsigned int n = 0;

	for (;;) {
		u16 available = hvdpa_load16(&ring->owner.avail->idx);
		int got;

		if ((u16)(available - ring->taken) > ring->owner.num)
			return -EPROTO;
		/* The index before the heads that it exposes. */
		virt_rmb();
		got = hvdpa_relay_copy_heads(ring, available, most - n);
		if (got < 0)
			return got;
		n += got;
		if (n == most || !ring->event_idx)
			break;
		if (ring->asked != ring->taken) {
			ring->asked = ring->taken;
			hvdpa_store16(&vring_avail_event(&ring->owner),
				      ring->asked);
		}
		/* An owner that did not see that one made more available. */
		virt_mb();
		if (hvdpa_load16(&ring->owner.avail->idx) == ring->taken)
			break;
	}
	if (!n)
		return 0;

	now = ring->taken - ring->base;
	/* The heads before the index that exposes them. */
	dma_wmb();
	hvdpa_store16(&ring->shadow.avail->idx, now);
	/* An endpoint that did not see the index asks for its doorbell. */
	mb();
	if (ring->event_idx)
		*ring_doorbell = vring_need_event(hvdpa_load16(&vring_avail_event(&ring->shadow)),
						  now, old);
	else
		*ring_doorbell = !(hvdpa_load16(&ring->shadow.used->flags) &
				   VRING_USED_F_NO_NOTIFY);
	return n;
}

/**
 * hvdpa_relay_ring_pending - how many heads are the endpoint's
 * @ring: the ring
 *
 * Return: the number; it may change meanwhile.
 */
u32 hvdpa_relay_ring_pending(const struct hvdpa_relay_ring *ring)
{
	return READ_ONCE(ring->ntaken) - READ_ONCE(ring->ngiven);
}

/* Used entries, @most of them; how many. */
static int hvdpa_relay_copy_used(struct hvdpa_relay_ring *ring, u16 used,
				 unsigned int most)
{
	unsigned int n;

	for (n = 0; n < most && ring->seen != used; n++) {
		struct vring_used_elem elem =
			READ_ONCE(*hvdpa_used_slot(&ring->shadow, ring->seen));
		u32 head = le32_to_cpu((__force __le32)elem.id);

		if (head >= ring->owner.num ||
		    !test_and_clear_bit(head, ring->outstanding))
			return -EPROTO;
		if (ring->mark)
			ring->mark(ring, head);
		*hvdpa_used_slot(&ring->owner, ring->base + ring->seen) = elem;
		ring->seen++;
		WRITE_ONCE(ring->ngiven, ring->ngiven + 1);
	}
	return n;
}

/**
 * hvdpa_relay_ring_give - give back what the endpoint used
 * @ring: the ring
 * @most: so many entries at most
 * @tell: set where the owner wants to be told
 *
 * Any context.
 *
 * Return: how many entries; @most if there may be more; -EPROTO for an index or an
 * entry that cannot be.
 */
int hvdpa_relay_ring_give(struct hvdpa_relay_ring *ring, unsigned int most,
			  bool *tell)
{
	u16 old = ring->base + ring->seen, now;
	unsigned int n = 0;

	for (;;) {
		u16 used = hvdpa_load16(&ring->shadow.used->idx);
		int got;

		if ((u16)(used - ring->seen) > ring->owner.num)
			return -EPROTO;
		/* The index before the entries, and the buffers, that it exposes. */
		dma_rmb();
		got = hvdpa_relay_copy_used(ring, used, most - n);
		if (got < 0)
			return got;
		n += got;
		if (n == most || !ring->event_idx)
			break;
		/* The next one interrupts, whenever that comes. */
		hvdpa_store16(&vring_used_event(&ring->shadow), ring->seen);
		/* An endpoint that did not see that used more. */
		mb();
		if (hvdpa_load16(&ring->shadow.used->idx) == ring->seen)
			break;
	}
	if (!n)
		return 0;

	now = ring->base + ring->seen;
	/* The entries before the index that exposes them. */
	virt_wmb();
	hvdpa_store16(&ring->owner.used->idx, now);
	/* An owner that did not see the index asks to be told. */
	virt_mb();
	if (ring->event_idx)
		*tell = vring_need_event(hvdpa_load16(&vring_used_event(&ring->owner)),
					 now, old);
	else
		*tell = !(hvdpa_load16(&ring->owner.avail->flags) &
			  VRING_AVAIL_F_NO_INTERRUPT);
	return n;
}

/**
 * hvdpa_relay_ring_chain - what the endpoint may have written of a chain
 * @ring: the ring; its descriptors are there
 * @head: the chain's first descriptor, below the ring's size
 * @wrote: called with each piece, all of its bytes
 * @data: for that
 *
 * The owner may have changed descriptors since, to its own loss. Any context, for no
 * longer than HVDPA_RELAY_PIECES_MAX descriptors take.
 *
 * Return: true if the chain's end was found.
 */
bool hvdpa_relay_ring_chain(const struct hvdpa_relay_ring *ring, u16 head,
			    void (*wrote)(void *data, u64 iova, u32 len),
			    void *data)
{
	u32 left = min(ring->owner.num, HVDPA_RELAY_PIECES_MAX);

	while (left-- && head < ring->owner.num) {
		const struct vring_desc *desc = &ring->owner.desc[head];
		u16 flags = hvdpa_load16(&desc->flags);

		if (flags & VRING_DESC_F_WRITE)
			wrote(data,
			      le64_to_cpu((__force __le64)READ_ONCE(desc->addr)),
			      le32_to_cpu((__force __le32)READ_ONCE(desc->len)));
		if (!(flags & VRING_DESC_F_NEXT))
			return true;
		head = hvdpa_load16(&desc->next);
	}
	return false;
}

static int hvdpa_relay_older(const void *a, const void *b, const void *priv)
{
	const struct hvdpa_relay_ring *ring = priv;
	u64 first = ring->order[hvdpa_load16(a)];
	u64 second = ring->order[hvdpa_load16(b)];

	return first < second ? -1 : first > second;
}

/*
 * Name what is outstanding in the owner's available ring, from its used index on.
 * Linux and DPDK never read slots back that they wrote. The owner may run: it writes
 * slots from its available index on, and as no more than the ring's size is
 * outstanding, that is none of these. How many slots were written.
 */
static int hvdpa_rewrite_slots(const struct vring *owner, u16 used,
			       const __virtio16 *heads, u32 n, bool writable)
{
	int written = 0;
	u32 i;

	for (i = 0; i < n; i++) {
		__virtio16 *slot = hvdpa_avail_slot(owner, used + i);

		if (READ_ONCE(*slot) == heads[i])
			continue;
		if (!writable)
			return -EACCES;
		WRITE_ONCE(*slot, heads[i]);
		written++;
	}
	return written;
}

/**
 * hvdpa_relay_ring_settle - let the ring stand, so that anyone can go on with it
 * @ring: the ring; the endpoint reaches no memory any more, and nobody else calls
 *	  anything of the ring
 * @writable: the owner's available ring may be written
 * @base: where it stands
 *
 * Return: how many slots of the available ring were written; -EACCES if that had to
 * be and may not; -EPROTO as hvdpa_relay_ring_give().
 */
int hvdpa_relay_ring_settle(struct hvdpa_relay_ring *ring, bool writable,
			    u16 *base)
{
	/* The endpoint is done with it, and it has room for a ring of heads. */
	__virtio16 *heads = ring->shadow.avail->ring;
	unsigned int head;
	bool tell;
	u32 n = 0;
	int err;

	err = hvdpa_relay_ring_give(ring, UINT_MAX, &tell);
	if (err < 0)
		return err;

	for_each_set_bit(head, ring->outstanding, ring->owner.num)
		hvdpa_store16(&heads[n++], head);
	sort_r(heads, n, sizeof(*heads), hvdpa_relay_older, NULL, ring);
	*base = ring->base + ring->seen;
	return hvdpa_rewrite_slots(&ring->owner, *base, heads, n, writable);
}

/**
 * hvdpa_direct_ring_settle - the same for a ring that the endpoint served itself
 * @owner: the ring; the endpoint reaches no memory any more
 * @drained: an index at which all was used that was available
 * @counts: a number for each head, 0
 * @heads: room for as many as the ring has
 * @writable: the owner's available ring may be written
 *
 * What was available since then and not used is outstanding. A head that is there
 * twice was used in between.
 *
 * Return: how many slots of the available ring were written; -EBUSY if the ring does
 * not show any more what was available since; -EACCES and -EPROTO as
 * hvdpa_relay_ring_settle().
 */
int hvdpa_direct_ring_settle(const struct vring *owner, u16 drained,
			     u16 *counts, __virtio16 *heads, bool writable)
{
	u16 available = hvdpa_load16(&owner->avail->idx);
	u16 used = hvdpa_load16(&owner->used->idx);
	u16 idx;
	u32 n = 0;

	if ((u16)(available - drained) > owner->num ||
	    (u16)(used - drained) > (u16)(available - drained))
		return -EBUSY;
	/* The indices before what they expose. */
	virt_rmb();
	for (idx = drained; idx != used; idx++) {
		u32 head = le32_to_cpu((__force __le32)
				       READ_ONCE(hvdpa_used_slot(owner, idx)->id));

		if (head >= owner->num)
			return -EPROTO;
		counts[head]++;
	}
	for (idx = drained; idx != available; idx++) {
		u16 head = hvdpa_load16(hvdpa_avail_slot(owner, idx));

		if (head >= owner->num)
			return -EPROTO;
		if (counts[head])
			counts[head]--;
		else
			hvdpa_store16(&heads[n++], head);
	}
	if (n != (u16)(available - used))
		return -EPROTO;
	return hvdpa_rewrite_slots(owner, used, heads, n, writable);
}

/**
 * hvdpa_direct_ring_in_order - were the last buffers used as they were available?
 * @owner: a ring that the endpoint served itself
 *
 * Looks at as much as both halves still show. Network devices complete in order; one
 * that does not would lose frames that it has begun.
 *
 * Return: true if nothing speaks against it.
 */
bool hvdpa_direct_ring_in_order(const struct vring *owner)
{
	u16 available = hvdpa_load16(&owner->avail->idx);
	u16 used = hvdpa_load16(&owner->used->idx);
	u16 outstanding = available - used, idx;
	u32 n;

	if (outstanding > owner->num)
		return false;
	/* The indices before what they expose. */
	virt_rmb();
	n = min_t(u32, owner->num - outstanding, used);
	for (idx = used - n; idx != used; idx++)
		if (le32_to_cpu((__force __le32)
				READ_ONCE(hvdpa_used_slot(owner, idx)->id)) !=
		    hvdpa_load16(hvdpa_avail_slot(owner, idx)))
			return false;
	return true;
}
