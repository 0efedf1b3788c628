// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ring states, split and packed, in the kernel's words and in ours.
 */
#include <kunit/test.h>

#include <linux/vdpa.h>

#include "migration.h"
#include "ring.h"

static void split_round_trip(struct kunit *test)
{
	static const u16 indices[] = { 0, 1, 0x7fff, 0x8000, 0xffff };
	struct hvdpa_ring_state ring;
	struct vdpa_vq_state in, out;
	int i;

	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		memset(&in, 0, sizeof(in));
		in.split.avail_index = indices[i];
		hvdpa_ring_state_decode(&in, false, &ring);
		KUNIT_EXPECT_EQ(test, indices[i], ring.avail_idx);
		KUNIT_EXPECT_EQ(test, indices[i], ring.used_idx);
		KUNIT_EXPECT_EQ(test, !indices[i],
				hvdpa_ring_state_is_initial(&ring, false));
		hvdpa_ring_state_encode(&ring, false, &out);
		KUNIT_EXPECT_EQ(test, indices[i], out.split.avail_index);
	}
}

static void packed_round_trip(struct kunit *test)
{
	static const u16 indices[] = { 0, 1, 0x1234, 0x7fff };
	struct hvdpa_ring_state ring;
	struct vdpa_vq_state in, out;
	int i, j, wraps;

	for (i = 0; i < ARRAY_SIZE(indices); i++) {
		for (j = 0; j < ARRAY_SIZE(indices); j++) {
			for (wraps = 0; wraps < 4; wraps++) {
				memset(&in, 0, sizeof(in));
				in.packed.last_avail_idx = indices[i];
				in.packed.last_avail_counter = wraps & 1;
				in.packed.last_used_idx = indices[j];
				in.packed.last_used_counter = wraps >> 1;
				hvdpa_ring_state_decode(&in, true, &ring);
				KUNIT_EXPECT_EQ(test, indices[i],
						ring.avail_idx);
				KUNIT_EXPECT_EQ(test, wraps & 1,
						ring.avail_wrap);
				KUNIT_EXPECT_EQ(test, indices[j],
						ring.used_idx);
				KUNIT_EXPECT_EQ(test, wraps >> 1,
						ring.used_wrap);
				hvdpa_ring_state_encode(&ring, true, &out);
				KUNIT_EXPECT_MEMEQ(test, &in.packed,
						   &out.packed,
						   sizeof(in.packed));
			}
		}
	}
}

static void initial_is_what_the_specification_says(struct kunit *test)
{
	struct hvdpa_ring_state ring;
	struct vdpa_vq_state vq;

	hvdpa_ring_state_initial(&ring, true);
	hvdpa_ring_state_encode(&ring, true, &vq);
	KUNIT_EXPECT_EQ(test, 0, (u16)vq.packed.last_avail_idx);
	KUNIT_EXPECT_EQ(test, 1, (u16)vq.packed.last_avail_counter);
	KUNIT_EXPECT_EQ(test, 0, (u16)vq.packed.last_used_idx);
	KUNIT_EXPECT_EQ(test, 1, (u16)vq.packed.last_used_counter);
	KUNIT_EXPECT_TRUE(test, hvdpa_ring_state_is_initial(&ring, true));

	hvdpa_ring_state_initial(&ring, false);
	hvdpa_ring_state_encode(&ring, false, &vq);
	KUNIT_EXPECT_EQ(test, 0, vq.split.avail_index);
	KUNIT_EXPECT_TRUE(test, hvdpa_ring_state_is_initial(&ring, false));
}

static void one_difference_is_not_initial(struct kunit *test)
{
	struct hvdpa_ring_state ring;

	hvdpa_ring_state_initial(&ring, true);
	ring.used_idx = 1;
	KUNIT_EXPECT_FALSE(test, hvdpa_ring_state_is_initial(&ring, true));

	hvdpa_ring_state_initial(&ring, true);
	ring.avail_wrap = false;
	KUNIT_EXPECT_FALSE(test, hvdpa_ring_state_is_initial(&ring, true));

	hvdpa_ring_state_initial(&ring, true);
	ring.used_wrap = false;
	KUNIT_EXPECT_FALSE(test, hvdpa_ring_state_is_initial(&ring, true));
}

/* Written out by hand from Documentation/device-interface.rst. */
static const struct register_case {
	const char *name;
	u32 value;
	bool packed;
	struct hvdpa_ring_state ring;
} register_cases[] = {
	{ "split, fresh", 0x00000000, false, { 0, 0 } },
	{ "split", 0x12341234, false, { 0x1234, 0x1234 } },
	{ "split, halves differ", 0xfffe8001, false, { 0x8001, 0xfffe } },
	{ "split, all ones", 0xffffffff, false, { 0xffff, 0xffff } },
	{ "packed, fresh", 0x80008000, true, { 0, 0, true, true } },
	{ "packed, wrapped", 0x00050005, true, { 5, 5, false, false } },
	{ "packed, not wrapped", 0x80058005, true, { 5, 5, true, true } },
	{ "packed, used behind", 0xffff0000, true, { 0, 0x7fff, false, true } },
};

KUNIT_ARRAY_PARAM_DESC(reg, register_cases, name);

static void register_vectors(struct kunit *test)
{
	const struct register_case *c = test->param_value;
	struct hvdpa_ring_state ring;

	KUNIT_EXPECT_EQ(test, c->value, hvdpa_ring_state_to_register(&c->ring));
	hvdpa_ring_state_from_register(c->value, c->packed, &ring);
	KUNIT_EXPECT_EQ(test, c->ring.avail_idx, ring.avail_idx);
	KUNIT_EXPECT_EQ(test, c->ring.used_idx, ring.used_idx);
	KUNIT_EXPECT_EQ(test, c->ring.avail_wrap, ring.avail_wrap);
	KUNIT_EXPECT_EQ(test, c->ring.used_wrap, ring.used_wrap);
}

static void only_a_drained_ring_is_sane(struct kunit *test)
{
	struct hvdpa_ring_state ring = { 9, 9 };

	KUNIT_EXPECT_TRUE(test, hvdpa_ring_state_sane(&ring, false, 8));
	KUNIT_EXPECT_FALSE(test, hvdpa_ring_state_sane(&ring, true, 9));
	KUNIT_EXPECT_TRUE(test, hvdpa_ring_state_sane(&ring, true, 10));
	ring.used_wrap = true;
	KUNIT_EXPECT_FALSE(test, hvdpa_ring_state_sane(&ring, true, 10));
	ring = (struct hvdpa_ring_state){ 9, 8 };
	KUNIT_EXPECT_FALSE(test, hvdpa_ring_state_sane(&ring, false, 8));
}

static void ifc_strides(struct kunit *test)
{
	const struct hvdpa_migration_block pairs = { .stride = 0x40, .paired = true };
	const struct hvdpa_migration_block dense = { .stride = 4 };
	const struct hvdpa_migration_block disk = { .stride = 0x40 };

	KUNIT_EXPECT_EQ(test, 0x20, hvdpa_ifc_ring_offset(&pairs, 0));
	KUNIT_EXPECT_EQ(test, 0x24, hvdpa_ifc_ring_offset(&pairs, 1));
	KUNIT_EXPECT_EQ(test, 0x60, hvdpa_ifc_ring_offset(&pairs, 2));
	KUNIT_EXPECT_EQ(test, 0xa4, hvdpa_ifc_ring_offset(&pairs, 5));
	KUNIT_EXPECT_EQ(test, 0x20, hvdpa_ifc_ring_offset(&dense, 0));
	KUNIT_EXPECT_EQ(test, 0x24, hvdpa_ifc_ring_offset(&dense, 1));
	KUNIT_EXPECT_EQ(test, 0x28, hvdpa_ifc_ring_offset(&dense, 2));
	KUNIT_EXPECT_EQ(test, 0x20, hvdpa_ifc_ring_offset(&disk, 0));
	KUNIT_EXPECT_EQ(test, 0x60, hvdpa_ifc_ring_offset(&disk, 1));
	KUNIT_EXPECT_EQ(test, 0xa0, hvdpa_ifc_ring_offset(&disk, 2));
}

static struct kunit_case state_cases[] = {
	KUNIT_CASE(split_round_trip),
	KUNIT_CASE(packed_round_trip),
	KUNIT_CASE(initial_is_what_the_specification_says),
	KUNIT_CASE(one_difference_is_not_initial),
	KUNIT_CASE_PARAM(register_vectors, reg_gen_params),
	KUNIT_CASE(only_a_drained_ring_is_sane),
	KUNIT_CASE(ifc_strides),
	{}
};

static struct kunit_suite state_suite = {
	.name = "hvdpa-state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
