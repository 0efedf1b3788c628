// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ring states, split and packed, in the kernel's words and in ours.
 */
#include <kunit/test.h>

#include "hvdpa.h"

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

static struct kunit_case state_cases[] = {
	KUNIT_CASE(split_round_trip),
	KUNIT_CASE(packed_round_trip),
	KUNIT_CASE(initial_is_what_the_specification_says),
	KUNIT_CASE(one_difference_is_not_initial),
	{}
};

static struct kunit_suite state_suite = {
	.name = "hvdpa-state",
	.test_cases = state_cases,
};

kunit_test_suite(state_suite);
