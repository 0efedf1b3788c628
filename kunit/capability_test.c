// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities are held to their BARs.
 */
#include <kunit/test.h>

#include "hvdpa.h"

static void fits_to_the_last_byte(struct kunit *test)
{
	struct hvdpa_region region = { .offset = 0x1000, .length = 0x1000 };

	KUNIT_EXPECT_TRUE(test, hvdpa_region_fits(&region, 0x2000));
	KUNIT_EXPECT_FALSE(test, hvdpa_region_fits(&region, 0x1fff));
	KUNIT_EXPECT_FALSE(test, hvdpa_region_fits(&region, 0));
}

static void nothing_does_not_fit(struct kunit *test)
{
	struct hvdpa_region region = { .offset = 0x1000 };

	KUNIT_EXPECT_FALSE(test, hvdpa_region_fits(&region, 0x2000));
}

static void sums_do_not_wrap(struct kunit *test)
{
	struct hvdpa_region region = { .offset = ~0, .length = ~0 };

	KUNIT_EXPECT_FALSE(test, hvdpa_region_fits(&region, 0x1000));
	KUNIT_EXPECT_TRUE(test, hvdpa_region_fits(&region, 1ULL << 33));
	KUNIT_EXPECT_FALSE(test, hvdpa_regions_overlap(&region, 0, 0, 0x1000));
	KUNIT_EXPECT_TRUE(test, hvdpa_regions_overlap(&region, 0, 1ULL << 32,
						      1));
}

static void overlap_is_a_shared_byte(struct kunit *test)
{
	struct hvdpa_region region = {
		.offset = 0x1000, .length = 0x1000, .bar = 4
	};

	KUNIT_EXPECT_TRUE(test, hvdpa_regions_overlap(&region, 4, 0x1fff, 1));
	KUNIT_EXPECT_TRUE(test, hvdpa_regions_overlap(&region, 4, 0, 0x1001));
	KUNIT_EXPECT_TRUE(test, hvdpa_regions_overlap(&region, 4, 0x1800, 4));
	KUNIT_EXPECT_TRUE(test, hvdpa_regions_overlap(&region, 4, 0, 0x9000));
	KUNIT_EXPECT_FALSE(test, hvdpa_regions_overlap(&region, 4, 0x2000, 1));
	KUNIT_EXPECT_FALSE(test, hvdpa_regions_overlap(&region, 4, 0, 0x1000));
	KUNIT_EXPECT_FALSE(test, hvdpa_regions_overlap(&region, 2, 0x1000, 1));
	KUNIT_EXPECT_FALSE(test, hvdpa_regions_overlap(&region, 4, 0x1000, 0));
}

static struct kunit_case capability_cases[] = {
	KUNIT_CASE(fits_to_the_last_byte),
	KUNIT_CASE(nothing_does_not_fit),
	KUNIT_CASE(sums_do_not_wrap),
	KUNIT_CASE(overlap_is_a_shared_byte),
	{}
};

static struct kunit_suite capability_suite = {
	.name = "hvdpa-capability",
	.test_cases = capability_cases,
};

kunit_test_suite(capability_suite);
