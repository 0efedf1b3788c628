// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which addresses an owner may map.
 */
#include <kunit/test.h>
#include <linux/iommu.h>
#include <linux/limits.h>
#include <linux/sizes.h>

#include "dma.h"

#define MOST_REGIONS	4
#define LAST_39		((1ULL << 39) - 1)
#define MSI_FIRST	0xfee00000ULL
#define MSI_LENGTH	0x100000ULL

struct reserved {
	u64 start;
	u64 length;
	enum iommu_resv_type type;
};

struct trim_case {
	const char *name;
	struct vdpa_iova_range range;
	struct reserved reserved[MOST_REGIONS];
	struct vdpa_iova_range expected;
};

static const struct trim_case trim_cases[] = {
	{ "none", { 0, LAST_39 }, {}, { 0, LAST_39 } },
	{ "at the start", { 0, LAST_39 },
	  { { 0, 0x10000, IOMMU_RESV_RESERVED } }, { 0x10000, LAST_39 } },
	{ "at the end", { 0, LAST_39 },
	  { { LAST_39 - 0xffff, 0x10000, IOMMU_RESV_RESERVED } },
	  { 0, LAST_39 - 0x10000 } },
	{ "at both ends", { 0, LAST_39 },
	  { { 0, 0x1000, IOMMU_RESV_DIRECT },
	    { LAST_39 - 0xfff, 0x1000, IOMMU_RESV_RESERVED } },
	  { 0x1000, LAST_39 - 0x1000 } },
	{ "in the midst", { 0, LAST_39 },
	  { { MSI_FIRST, MSI_LENGTH, IOMMU_RESV_MSI } }, { 0, LAST_39 } },
	{ "relaxable at the start", { 0, LAST_39 },
	  { { 0, 0x10000, IOMMU_RESV_DIRECT_RELAXABLE } }, { 0, LAST_39 } },
	{ "relaxable between", { 0, LAST_39 },
	  { { 0, 0x1000, IOMMU_RESV_RESERVED },
	    { 0x1000, 0x1000, IOMMU_RESV_DIRECT_RELAXABLE },
	    { 0x2000, 0x1000, IOMMU_RESV_RESERVED } },
	  { 0x1000, LAST_39 } },
	{ "adjacent at the start", { 0, LAST_39 },
	  { { 0, 0x1000, IOMMU_RESV_RESERVED },
	    { 0x1000, 0x1000, IOMMU_RESV_RESERVED } },
	  { 0x2000, LAST_39 } },
	{ "adjacent at the start, in any order", { 0, LAST_39 },
	  { { 0x2000, 0x1000, IOMMU_RESV_RESERVED },
	    { 0x1000, 0x1000, IOMMU_RESV_MSI },
	    { 0, 0x1000, IOMMU_RESV_DIRECT } },
	  { 0x3000, LAST_39 } },
	{ "adjacent at the end, in any order", { 0, LAST_39 },
	  { { LAST_39 - 0x1fff, 0x1000, IOMMU_RESV_RESERVED },
	    { LAST_39 - 0xfff, 0x1000, IOMMU_RESV_RESERVED } },
	  { 0, LAST_39 - 0x2000 } },
	{ "not quite adjacent", { 0, LAST_39 },
	  { { 0, 0x1000, IOMMU_RESV_RESERVED },
	    { 0x2000, 0x1000, IOMMU_RESV_RESERVED } },
	  { 0x1000, LAST_39 } },
	{ "overlapping each other", { 0, LAST_39 },
	  { { 0, 0x3000, IOMMU_RESV_RESERVED },
	    { 0x1000, 0x4000, IOMMU_RESV_RESERVED } },
	  { 0x5000, LAST_39 } },
	{ "across the range's start", { 0x8000, LAST_39 },
	  { { 0x4000, 0x8000, IOMMU_RESV_RESERVED } }, { 0xc000, LAST_39 } },
	{ "across the range's end", { 0, 0xffff },
	  { { 0x8000, 0x10000, IOMMU_RESV_RESERVED } }, { 0, 0x7fff } },
	{ "below the range", { 0x8000, LAST_39 },
	  { { 0, 0x8000, IOMMU_RESV_RESERVED } }, { 0x8000, LAST_39 } },
	{ "beyond the range", { 0, 0xffff },
	  { { 0x10000, 0x1000, IOMMU_RESV_RESERVED } }, { 0, 0xffff } },
	{ "all but the last page", { 0, 0xffff },
	  { { 0, 0xf000, IOMMU_RESV_RESERVED } }, { 0xf000, 0xffff } },
	/* Nothing is left to cut from; hvdpa_iova_ok() refuses it all. */
	{ "all of it", { 0, LAST_39 },
	  { { 0, LAST_39 + 1, IOMMU_RESV_RESERVED } }, { 0, LAST_39 } },
	{ "more than all of it", { 0x1000, 0xffff },
	  { { 0, 0x100000, IOMMU_RESV_RESERVED } }, { 0x1000, 0xffff } },
	{ "all of it in two pieces", { 0, 0xffff },
	  { { 0, 0x8000, IOMMU_RESV_RESERVED },
	    { 0x8000, 0x8000, IOMMU_RESV_RESERVED } },
	  { 0x8000, 0xffff } },
	{ "all of it in two pieces, last first", { 0, 0xffff },
	  { { 0x8000, 0x8000, IOMMU_RESV_RESERVED },
	    { 0, 0x8000, IOMMU_RESV_RESERVED } },
	  { 0, 0x7fff } },
	{ "the end of all addresses", { 0, U64_MAX },
	  { { U64_MAX - 0xfff, 0x1000, IOMMU_RESV_RESERVED } },
	  { 0, U64_MAX - 0x1000 } },
};

KUNIT_ARRAY_PARAM_DESC(trim, trim_cases, name);

static void make_list(struct kunit *test, struct list_head *list,
		      const struct reserved *reserved)
{
	unsigned int i;

	INIT_LIST_HEAD(list);
	for (i = 0; i < MOST_REGIONS && reserved[i].length; i++) {
		struct iommu_resv_region *region;

		region = kunit_kzalloc(test, sizeof(*region), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, region);
		region->start = reserved[i].start;
		region->length = reserved[i].length;
		region->type = reserved[i].type;
		list_add_tail(&region->list, list);
	}
}

static void trim_cuts_the_ends_only(struct kunit *test)
{
	const struct trim_case *c = test->param_value;
	struct vdpa_iova_range range = c->range;
	struct list_head list;

	make_list(test, &list, c->reserved);
	hvdpa_iova_range_trim(&range, &list);
	KUNIT_EXPECT_EQ(test, range.first, c->expected.first);
	KUNIT_EXPECT_EQ(test, range.last, c->expected.last);
	KUNIT_EXPECT_LE(test, range.first, range.last);
}

/* The range that remains may be reserved still, but then it is no use. */
static void what_is_all_reserved_cannot_be_mapped(struct kunit *test)
{
	static const struct reserved reserved[MOST_REGIONS] = {
		{ 0, 0x8000, IOMMU_RESV_RESERVED },
		{ 0x8000, 0x8000, IOMMU_RESV_RESERVED },
	};
	struct hvdpa_dma dma = { .range = { 0, 0xffff } };
	u64 iova;

	make_list(test, &dma.reserved, reserved);
	hvdpa_iova_range_trim(&dma.range, &dma.reserved);
	for (iova = 0; iova < 0x10000; iova += PAGE_SIZE)
		KUNIT_EXPECT_FALSE(test, hvdpa_iova_ok(&dma, iova, PAGE_SIZE));
}

struct iova_case {
	const char *name;
	u64 iova;
	u64 size;
	bool ok;
};

/* In a range of 0x10000 to LAST_39 with the MSI window, in pages of 4 KiB. */
static const struct iova_case iova_cases[] = {
	{ "a page", 0x20000, 0x1000, true },
	{ "the first page", 0x10000, 0x1000, true },
	{ "the last page", LAST_39 - 0xfff, 0x1000, true },
	{ "zero size", 0x20000, 0, false },
	{ "zero size at zero", 0, 0, false },
	{ "below the range", 0xf000, 0x1000, false },
	{ "across the range's start", 0xf000, 0x2000, false },
	{ "beyond the range", LAST_39 + 1, 0x1000, false },
	{ "across the range's end", LAST_39 - 0xfff, 0x2000, false },
	{ "around all addresses", U64_MAX - 0xfff, 0x2000, false },
	{ "to the end of all addresses", U64_MAX - 0xfff, 0x1000, false },
	{ "the largest size", 0x20000, U64_MAX - 0xfff, false },
	{ "a size that wraps into the range", 0x20000, U64_MAX - 0x1f000 + 1,
	  false },
	{ "unaligned start", 0x20800, 0x1000, false },
	{ "unaligned size", 0x20000, 0x1800, false },
	{ "one byte", 0x20000, 1, false },
	{ "up to the MSI window", MSI_FIRST - 0x1000, 0x1000, true },
	{ "a page into the MSI window", MSI_FIRST - 0x1000, 0x2000, false },
	{ "the MSI window's first page", MSI_FIRST, 0x1000, false },
	{ "in the MSI window", MSI_FIRST + 0x8000, 0x1000, false },
	{ "the MSI window's last page", MSI_FIRST + MSI_LENGTH - 0x1000, 0x1000,
	  false },
	{ "all of the MSI window", MSI_FIRST, MSI_LENGTH, false },
	{ "around the MSI window", 0x20000, 0x100000000ULL, false },
	{ "from the MSI window on", MSI_FIRST + MSI_LENGTH, 0x1000, true },
	{ "the MSI window's last page and on",
	  MSI_FIRST + MSI_LENGTH - 0x1000, 0x2000, false },
	{ "in a relaxable region", 0x200000000ULL, 0x1000, true },
	{ "around a relaxable region", 0x1fffff000ULL, 0x4000, true },
	{ "in a region that stays mapped", 0x300000000ULL, 0x1000, false },
};

KUNIT_ARRAY_PARAM_DESC(iova, iova_cases, name);

static void only_free_pages_in_range_can_be_mapped(struct kunit *test)
{
	static const struct reserved reserved[MOST_REGIONS] = {
		{ MSI_FIRST, MSI_LENGTH, IOMMU_RESV_MSI },
		{ 0x200000000ULL, 0x1000, IOMMU_RESV_DIRECT_RELAXABLE },
		{ 0x300000000ULL, 0x1000, IOMMU_RESV_DIRECT },
	};
	const struct iova_case *c = test->param_value;
	struct hvdpa_dma dma = { .range = { 0x10000, LAST_39 } };

	if (PAGE_SIZE != 0x1000)
		kunit_skip(test, "the table is in pages of 4 KiB");
	make_list(test, &dma.reserved, reserved);
	KUNIT_EXPECT_EQ(test, hvdpa_iova_ok(&dma, c->iova, c->size), c->ok);
}

static void window_is_the_end_of_the_range(struct kunit *test)
{
	static const struct reserved none[MOST_REGIONS] = {};
	static const struct reserved near_end[MOST_REGIONS] = {
		{ LAST_39 - SZ_4M, SZ_4K, IOMMU_RESV_RESERVED },
	};
	struct vdpa_iova_range range = { 0, LAST_39 };
	struct list_head list;

	make_list(test, &list, none);
	KUNIT_EXPECT_EQ(test, LAST_39 + 1 - SZ_64M,
			hvdpa_iova_range_reserve(&range, &list, SZ_64M));
	KUNIT_EXPECT_EQ(test, 0, range.first);
	KUNIT_EXPECT_EQ(test, LAST_39 - SZ_64M, range.last);

	/* All 64 bits. */
	range = (struct vdpa_iova_range){ 0, U64_MAX };
	KUNIT_EXPECT_EQ(test, U64_MAX - SZ_64M + 1,
			hvdpa_iova_range_reserve(&range, &list, SZ_64M));

	/* Too little would be left. */
	range = (struct vdpa_iova_range){ 0, 2 * SZ_64M - 1 };
	KUNIT_EXPECT_EQ(test, 0,
			hvdpa_iova_range_reserve(&range, &list, SZ_64M));
	KUNIT_EXPECT_EQ(test, 2 * SZ_64M - 1, range.last);

	/* Something is in the way. */
	range = (struct vdpa_iova_range){ 0, LAST_39 };
	make_list(test, &list, near_end);
	KUNIT_EXPECT_EQ(test, 0,
			hvdpa_iova_range_reserve(&range, &list, SZ_64M));
	KUNIT_EXPECT_EQ(test, LAST_39, range.last);
}

static struct kunit_case hvdpa_dma_cases[] = {
	KUNIT_CASE_PARAM(trim_cuts_the_ends_only, trim_gen_params),
	KUNIT_CASE(what_is_all_reserved_cannot_be_mapped),
	KUNIT_CASE_PARAM(only_free_pages_in_range_can_be_mapped,
			 iova_gen_params),
	KUNIT_CASE(window_is_the_end_of_the_range),
	{}
};

static struct kunit_suite hvdpa_dma_suite = {
	.name = "hvdpa-dma",
	.test_cases = hvdpa_dma_cases,
};

kunit_test_suite(hvdpa_dma_suite);
