// SPDX-License-Identifier: GPL-2.0-only
/*
 * The walk of a ring that its owner may fill with anything.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/unaligned.h>
#include <linux/virtio_ring.h>

#include "dma.h"
#include "owner_ring.h"

#define BASE	0x10000ULL
#define BYTES	0x4000
#define NUM	8
#define DESC	0x0
#define DRIVER	0x400
#define DEVICE	0x800
#define TABLE	0xc00
#define DATA	0x1000
#define ACK	0x2000
#define RING	(BASE + DRIVER + sizeof(struct vring_avail))

/* The owner's memory: everything at BASE can be reached, nothing else. */
struct owner {
	struct hvdpa_owner_ring ring;
	unsigned int reads;
	u64 wrote;
	u8 memory[BYTES];
};

static struct owner *owner_here;

static u8 *owner_at(u64 iova, size_t len)
{
	if (iova < BASE || iova - BASE > BYTES || len > BYTES - (iova - BASE))
		return NULL;
	return owner_here->memory + (iova - BASE);
}

static int stub_read(struct hvdpa_dma *dma, u32 asid, u64 iova, void *buf,
		     size_t len)
{
	const u8 *at = owner_at(iova, len);

	owner_here->reads++;
	if (!at)
		return -EFAULT;
	memcpy(buf, at, len);
	return 0;
}

static int stub_write(struct hvdpa_dma *dma, u32 asid, u64 iova,
		      const void *buf, size_t len)
{
	u8 *at = owner_at(iova, len);

	if (!at)
		return -EFAULT;
	memcpy(at, buf, len);
	return 0;
}

static int stub_read16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 *value)
{
	const u8 *at = owner_at(iova, sizeof(*value));

	if (!at)
		return -EFAULT;
	*value = get_unaligned_le16(at);
	return 0;
}

static int stub_write16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 value)
{
	u8 *at = owner_at(iova, sizeof(value));

	if (!at)
		return -EFAULT;
	put_unaligned_le16(value, at);
	return 0;
}

static void owner_wrote(const struct hvdpa_owner_ring *ring, u64 iova, u64 len)
{
	owner_here->wrote += len;
}

static struct owner *owner_create(struct kunit *test, bool packed)
{
	struct owner *owner = kunit_kzalloc(test, sizeof(*owner), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, owner);
	owner_here = owner;
	kunit_activate_static_stub(test, hvdpa_access_read, stub_read);
	kunit_activate_static_stub(test, hvdpa_access_write, stub_write);
	kunit_activate_static_stub(test, hvdpa_access_read16, stub_read16);
	kunit_activate_static_stub(test, hvdpa_access_write16, stub_write16);
	owner->ring = (struct hvdpa_owner_ring){
		.packed = packed,
		.indirect = true,
		.num = NUM,
		.desc = BASE + DESC,
		.driver = BASE + DRIVER,
		.device = BASE + DEVICE,
		.wrote = owner_wrote,
	};
	hvdpa_ring_state_initial(&owner->ring.state, packed);
	return owner;
}

static void put_desc(u64 table, u32 idx, u64 addr, u32 len, u16 flags, u16 next)
{
	u8 *at = owner_at(table + idx * 16, 16);

	put_unaligned_le64(addr, at);
	put_unaligned_le32(len, at + 8);
	if (owner_here->ring.packed) {
		put_unaligned_le16(next, at + 12);
		put_unaligned_le16(flags, at + 14);
	} else {
		put_unaligned_le16(flags, at + 12);
		put_unaligned_le16(next, at + 14);
	}
}

static void make_available(u16 head)
{
	u16 idx = get_unaligned_le16(owner_at(BASE + DRIVER + 2, 2));

	put_unaligned_le16(head, owner_at(RING + idx % NUM * 2, 2));
	put_unaligned_le16(idx + 1, owner_at(BASE + DRIVER + 2, 2));
}

static int next(struct owner *owner, struct hvdpa_chain *chain)
{
	static u8 out[64];

	return hvdpa_owner_ring_next(&owner->ring, chain, out, sizeof(out));
}

static void split_chain_is_taken_and_answered(struct kunit *test)
{
	struct owner *owner = owner_create(test, false);
	struct hvdpa_chain chain;
	u16 i;

	for (i = 0; i < 3 * NUM; i++) {
		KUNIT_ASSERT_EQ(test, 0, next(owner, &chain));
		put_desc(BASE + DESC, 5, BASE + DATA, 2, 1, 2);
		put_desc(BASE + DESC, 2, BASE + DATA + 2, 7, 1, 1);
		put_desc(BASE + DESC, 1, BASE + ACK, 1, 2, 0);
		make_available(5);
		KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
		KUNIT_EXPECT_EQ(test, chain.id, 5);
		KUNIT_EXPECT_EQ(test, chain.out_len, 9);
		KUNIT_EXPECT_EQ(test, chain.in_addr, BASE + ACK);
		KUNIT_EXPECT_FALSE(test, chain.unreadable);

		owner->wrote = 0;
		*owner_at(BASE + ACK, 1) = 0xee;
		KUNIT_EXPECT_EQ(test, 1, hvdpa_owner_ring_answer(&owner->ring,
								 &chain, 0));
		KUNIT_EXPECT_EQ(test, 0, *owner_at(BASE + ACK, 1));
		KUNIT_EXPECT_EQ(test, i + 1,
				get_unaligned_le16(owner_at(BASE + DEVICE + 2,
							    2)));
		KUNIT_EXPECT_EQ(test, 5,
				get_unaligned_le32(owner_at(BASE + DEVICE + 4 +
							    i % NUM * 8, 4)));
		/* Answer, used entry, used index: all are in the dirty log. */
		KUNIT_EXPECT_EQ(test, owner->wrote, 1 + 8 + 2);
	}
}

static void split_owner_that_wants_no_interrupt_gets_none(struct kunit *test)
{
	struct owner *owner = owner_create(test, false);
	struct hvdpa_chain chain;

	put_desc(BASE + DESC, 0, BASE + ACK, 1, 2, 0);
	put_unaligned_le16(VRING_AVAIL_F_NO_INTERRUPT,
			   owner_at(BASE + DRIVER, 2));
	make_available(0);
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, 0, hvdpa_owner_ring_answer(&owner->ring, &chain,
							 0));

	owner->ring.event_idx = true;
	put_unaligned_le16(2, owner_at(RING + NUM * 2, 2));
	make_available(0);
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, 0, hvdpa_owner_ring_answer(&owner->ring, &chain,
							 0));
	make_available(0);
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, 1, hvdpa_owner_ring_answer(&owner->ring, &chain,
							 0));
	/* Found nothing: the owner is asked to kick at the next one. */
	KUNIT_EXPECT_EQ(test, 0, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, 3, get_unaligned_le16(owner_at(BASE + DEVICE + 4 +
							     NUM * 8, 2)));
}

static void split_tables_are_followed_once(struct kunit *test)
{
	struct owner *owner = owner_create(test, false);
	struct hvdpa_chain chain;

	put_desc(BASE + DESC, 0, BASE + DATA, 2, 1, 1);
	put_desc(BASE + DESC, 1, BASE + TABLE, 32, 4, 0);
	put_desc(BASE + TABLE, 0, BASE + DATA + 2, 6, 1, 1);
	put_desc(BASE + TABLE, 1, BASE + ACK, 1, 2, 0);
	make_available(0);
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, chain.out_len, 8);
	KUNIT_EXPECT_EQ(test, chain.id, 0);

	/* A table in a table. */
	put_desc(BASE + TABLE, 0, BASE + TABLE, 32, 4, 0);
	make_available(0);
	KUNIT_EXPECT_EQ(test, -EPROTO, next(owner, &chain));
}

struct broken_case {
	const char *name;
	int err;
	void (*make)(struct owner *owner);
};

static void make_loop(struct owner *owner)
{
	put_desc(BASE + DESC, 0, BASE + DATA, 1, 1, 1);
	put_desc(BASE + DESC, 1, BASE + DATA, 1, 1, 0);
	make_available(0);
}

static void make_long_table(struct owner *owner)
{
	put_desc(BASE + DESC, 0, BASE + TABLE, U32_MAX & ~15, 4, 0);
	put_desc(BASE + TABLE, 0, BASE + DATA, 1, 1, 0);
	make_available(0);
}

static void make_jump(struct owner *owner)
{
	put_unaligned_le16(NUM + 1, owner_at(BASE + DRIVER + 2, 2));
}

static void make_bad_head(struct owner *owner)
{
	make_available(NUM);
}

static void make_bad_next(struct owner *owner)
{
	put_desc(BASE + DESC, 0, BASE + DATA, 1, 1, NUM);
	make_available(0);
}

static void make_read_after_write(struct owner *owner)
{
	put_desc(BASE + DESC, 0, BASE + ACK, 1, 3, 1);
	put_desc(BASE + DESC, 1, BASE + DATA, 1, 0, 0);
	make_available(0);
}

static void make_no_table(struct owner *owner)
{
	put_desc(BASE + DESC, 0, BASE + TABLE, 0, 4, 0);
	make_available(0);
}

static void make_chained_table(struct owner *owner)
{
	put_desc(BASE + DESC, 0, BASE + TABLE, 16, 5, 1);
	make_available(0);
}

static void make_table_not_agreed(struct owner *owner)
{
	owner->ring.indirect = false;
	put_desc(BASE + DESC, 0, BASE + TABLE, 16, 4, 0);
	make_available(0);
}

static void make_table_elsewhere(struct owner *owner)
{
	put_desc(BASE + DESC, 0, U64_MAX - 15, 16, 4, 0);
	make_available(0);
}

static void make_ring_elsewhere(struct owner *owner)
{
	owner->ring.driver = U64_MAX - 1;
}

static const struct broken_case broken_cases[] = {
	{ "a loop", -ELOOP, make_loop },
	{ "a loop in a table", -ELOOP, make_long_table },
	{ "an index that jumps", -EPROTO, make_jump },
	{ "a head that is none", -EPROTO, make_bad_head },
	{ "a next that is none", -EPROTO, make_bad_next },
	{ "to be read after to be written", -EPROTO, make_read_after_write },
	{ "a table of no bytes", -EPROTO, make_no_table },
	{ "a table with a next", -EPROTO, make_chained_table },
	{ "a table that was not agreed on", -EPROTO, make_table_not_agreed },
	{ "a table elsewhere", -EFAULT, make_table_elsewhere },
	{ "a ring elsewhere", -EFAULT, make_ring_elsewhere },
};

KUNIT_ARRAY_PARAM_DESC(broken, broken_cases, name);

static void broken_ring_is_an_error(struct kunit *test)
{
	const struct broken_case *c = test->param_value;
	struct owner *owner = owner_create(test, false);
	struct hvdpa_chain chain;

	c->make(owner);
	KUNIT_EXPECT_EQ(test, c->err, next(owner, &chain));
	/* However long it says that it is. */
	KUNIT_EXPECT_LE(test, owner->reads, 2100);
}

static void lengths_are_only_counted_beyond_the_room(struct kunit *test)
{
	struct owner *owner = owner_create(test, false);
	struct hvdpa_chain chain;

	put_desc(BASE + DESC, 0, BASE + DATA, U32_MAX, 1, 1);
	put_desc(BASE + DESC, 1, BASE + DATA, U32_MAX, 1, 2);
	put_desc(BASE + DESC, 2, BASE + ACK, U32_MAX, 2, 0);
	make_available(0);
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, chain.out_len, 2ULL * U32_MAX);
	KUNIT_EXPECT_FALSE(test, chain.unreadable);

	/* Bytes that are nowhere are no reason to leave it unanswered. */
	put_desc(BASE + DESC, 0, 0, 8, 1, 2);
	make_available(0);
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_TRUE(test, chain.unreadable);
	KUNIT_EXPECT_EQ(test, 1, hvdpa_owner_ring_answer(&owner->ring, &chain,
							 1));
}

static void answer_needs_room(struct kunit *test)
{
	struct owner *owner = owner_create(test, false);
	struct hvdpa_chain chain = { .has_in = true };

	KUNIT_EXPECT_EQ(test, -EPROTO,
			hvdpa_owner_ring_answer(&owner->ring, &chain, 0));
	chain.in_len = 1;
	chain.in_addr = 0;
	KUNIT_EXPECT_EQ(test, -EFAULT,
			hvdpa_owner_ring_answer(&owner->ring, &chain, 0));
}

static void packed_chain_is_taken_and_answered(struct kunit *test)
{
	struct owner *owner = owner_create(test, true);
	struct hvdpa_chain chain;
	unsigned int i, at = 0;
	bool wrap = true;

	/* Odd, so that chains cross the ring's end. */
	owner->ring.num = NUM - 1;

	for (i = 0; i < 3 * NUM; i++) {
		u16 avail = wrap ? BIT(7) : BIT(15);
		u16 later;
		unsigned int second = (at + 1) % (NUM - 1);

		KUNIT_ASSERT_EQ(test, 0, next(owner, &chain));
		later = second ? avail : wrap ? BIT(15) : BIT(7);
		/* What an owner writes last is the first one's flags. */
		put_desc(BASE + DESC, second, BASE + ACK, 1, later | 2, 9);
		put_desc(BASE + DESC, at, BASE + DATA, 3, avail | 1, 9);
		KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
		KUNIT_EXPECT_EQ(test, chain.id, 9);
		KUNIT_EXPECT_EQ(test, chain.slots, 2);
		KUNIT_EXPECT_EQ(test, chain.out_len, 3);
		KUNIT_EXPECT_EQ(test, 1, hvdpa_owner_ring_answer(&owner->ring,
								 &chain, 0));
		KUNIT_EXPECT_EQ(test, wrap ? 0x8082 : 2,
				get_unaligned_le16(owner_at(BASE + DESC +
							    at * 16 + 14, 2)));
		at += 2;
		if (at >= NUM - 1) {
			at -= NUM - 1;
			wrap = !wrap;
		}
	}
}

static void packed_table_has_an_end(struct kunit *test)
{
	struct owner *owner = owner_create(test, true);
	struct hvdpa_chain chain;

	put_desc(BASE + TABLE, 0, BASE + DATA, 3, 0, 0);
	put_desc(BASE + TABLE, 1, BASE + ACK, 1, 2, 0);
	put_desc(BASE + DESC, 0, BASE + TABLE, 32, BIT(7) | 4, 3);
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, chain.slots, 1);
	KUNIT_EXPECT_EQ(test, chain.id, 3);
	KUNIT_EXPECT_EQ(test, chain.out_len, 3);
}

static void packed_chain_without_an_end_is_an_error(struct kunit *test)
{
	struct owner *owner = owner_create(test, true);
	struct hvdpa_chain chain;
	u32 i;

	for (i = 0; i < NUM; i++)
		put_desc(BASE + DESC, i, BASE + DATA, 1, BIT(7) | 1, 0);
	KUNIT_EXPECT_EQ(test, -ELOOP, next(owner, &chain));
}

/* Who served it took two chains, and used both; the third it left. */
static void ring_of_somebody_else_is_gone_on_with(struct kunit *test)
{
	struct owner *owner = owner_create(test, false);
	struct hvdpa_chain chain;
	u16 head;

	for (head = 0; head < 3; head++) {
		put_desc(BASE + DESC, head, BASE + ACK, 1, VRING_DESC_F_WRITE, 0);
		make_available(head);
	}
	put_unaligned_le16(2, owner_at(BASE + DEVICE + 2, 2));

	KUNIT_ASSERT_EQ(test, 0, hvdpa_owner_ring_find(&owner->ring));
	KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
	KUNIT_EXPECT_EQ(test, chain.id, 2);
	KUNIT_EXPECT_GE(test, hvdpa_owner_ring_answer(&owner->ring, &chain, 1), 0);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(owner_at(BASE + DEVICE + 2, 2)), 3);
	KUNIT_EXPECT_EQ(test, 0, next(owner, &chain));
}

/* One entry a chain, at each place of three laps, with the next there or not. */
static void packed_ring_of_tables_is_gone_on_with(struct kunit *test)
{
	struct owner *owner = owner_create(test, true);
	struct hvdpa_ring_state at = owner->ring.state;
	struct hvdpa_owner_ring found = owner->ring;
	struct hvdpa_chain chain;
	unsigned int n;

	for (n = 0; n < 3 * NUM; n++) {
		u16 avail = at.avail_wrap ? BIT(VRING_PACKED_DESC_F_AVAIL) :
					    BIT(VRING_PACKED_DESC_F_USED);

		KUNIT_ASSERT_EQ(test, 0, hvdpa_owner_ring_find(&found));
		KUNIT_ASSERT_MEMEQ(test, &found.state, &at, sizeof(at));
		KUNIT_EXPECT_EQ(test, 0, hvdpa_owner_ring_waits(&found));

		put_desc(BASE + DESC, at.avail_idx, BASE + ACK, 1,
			 VRING_DESC_F_WRITE | avail, 7);
		KUNIT_ASSERT_EQ(test, 0, hvdpa_owner_ring_find(&found));
		KUNIT_ASSERT_MEMEQ(test, &found.state, &at, sizeof(at));
		KUNIT_EXPECT_EQ(test, 1, hvdpa_owner_ring_waits(&found));

		KUNIT_ASSERT_EQ(test, 1, next(owner, &chain));
		KUNIT_EXPECT_GE(test, hvdpa_owner_ring_answer(&owner->ring, &chain, 1), 0);
		at = owner->ring.state;
	}
	found.indirect = false;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hvdpa_owner_ring_find(&found));
}

static struct kunit_case owner_ring_cases[] = {
	KUNIT_CASE(split_chain_is_taken_and_answered),
	KUNIT_CASE(split_owner_that_wants_no_interrupt_gets_none),
	KUNIT_CASE(split_tables_are_followed_once),
	KUNIT_CASE_PARAM(broken_ring_is_an_error, broken_gen_params),
	KUNIT_CASE(lengths_are_only_counted_beyond_the_room),
	KUNIT_CASE(answer_needs_room),
	KUNIT_CASE(packed_chain_is_taken_and_answered),
	KUNIT_CASE(packed_table_has_an_end),
	KUNIT_CASE(packed_chain_without_an_end_is_an_error),
	KUNIT_CASE(ring_of_somebody_else_is_gone_on_with),
	KUNIT_CASE(packed_ring_of_tables_is_gone_on_with),
	{}
};

static struct kunit_suite owner_ring_suite = {
	.name = "hvdpa-owner-ring",
	.test_cases = owner_ring_cases,
};

kunit_test_suite(owner_ring_suite);
