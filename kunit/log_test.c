// SPDX-License-Identifier: GPL-2.0-only
/*
 * The dirty log's arithmetic: ranges at the edges, harvests, reports of larger
 * pages, what is put back.
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "log.h"
#include "parts.h"

#define REACH_LAST	GENMASK_ULL(47, 0)
#define TWO_TIB		BIT_ULL(41)

struct plan_case {
	const char *name;
	struct hvdpa_range ranges[3];
	u32 n;
	u64 page_size;
	bool from_zero;
	int err;
	u64 first;
	u64 bytes;
};

static const struct plan_case plan_cases[] = {
	{ "one page", { { 0x1000, 0x1000 } }, 1, SZ_4K, false, 0, 0x1000, 64 },
	{ "512 pages", { { 0, 512 * SZ_4K } }, 1, SZ_4K, false, 0, 0, 64 },
	{ "513 pages", { { 0, 513 * SZ_4K } }, 1, SZ_4K, false, 0, 0, 128 },
	{ "from 0", { { 512 * SZ_4K, SZ_4K } }, 1, SZ_4K, true, 0, 0, 128 },
	{ "the hole counts", { { 0, SZ_4K }, { 1024 * SZ_4K, SZ_4K } }, 2,
	  SZ_4K, false, 0, 0, 192 },
	{ "in any order", { { 1024 * SZ_4K, SZ_4K }, { 0, SZ_4K } }, 2,
	  SZ_4K, false, 0, 0, 192 },
	{ "the last page", { { REACH_LAST - 0xfff, SZ_4K } }, 1,
	  SZ_4K, false, 0, REACH_LAST - 0xfff, 64 },
	{ "2 TiB", { { 0, TWO_TIB } }, 1, SZ_4K, false, 0, 0, SZ_64M },
	{ "a page more", { { 0, TWO_TIB + SZ_4K } }, 1, SZ_4K, false, -E2BIG },
	{ "far apart", { { 0, SZ_4K }, { TWO_TIB, SZ_4K } }, 2, SZ_4K, false,
	  -E2BIG },
	{ "far apart in larger pages", { { 0, SZ_2M }, { TWO_TIB, SZ_2M } }, 2,
	  SZ_2M, false, 0, 0, SZ_128K + 64 },
	{ "from 0 is too far", { { TWO_TIB, SZ_4K } }, 1, SZ_4K, true, -E2BIG },
	{ "empty", { { 0, 0 } }, 1, SZ_4K, false, -EINVAL },
	{ "no whole page", { { 0, SZ_4K - 1 } }, 1, SZ_4K, false, -EINVAL },
	{ "unaligned", { { 1, SZ_4K } }, 1, SZ_4K, false, -EINVAL },
	{ "unaligned for larger pages", { { SZ_4K, SZ_8K } }, 1, SZ_8K, false,
	  -EINVAL },
	{ "out of reach", { { REACH_LAST + 1, SZ_4K } }, 1, SZ_4K, false,
	  -EINVAL },
	{ "half out of reach", { { REACH_LAST - 0xfff, SZ_8K } }, 1, SZ_4K,
	  false, -EINVAL },
	{ "wraps", { { U64_MAX - 0xfff, SZ_8K } }, 1, SZ_4K, false, -EINVAL },
	{ "up to the end of all", { { U64_MAX - 0xfff, SZ_4K } }, 1, SZ_4K,
	  false, -EINVAL },
	{ "overlap", { { 0, SZ_8K }, { SZ_4K, SZ_4K } }, 2, SZ_4K, false,
	  -EINVAL },
	{ "within", { { SZ_4K, SZ_4K }, { 0, SZ_64K } }, 2, SZ_4K, false,
	  -EINVAL },
	{ "twice", { { 0, SZ_4K }, { SZ_64K, SZ_4K }, { 0, SZ_4K } }, 3, SZ_4K,
	  false, -EINVAL },
	{ "adjacent", { { 0, SZ_4K }, { SZ_4K, SZ_4K } }, 2, SZ_4K, false, 0,
	  0, 64 },
};

KUNIT_ARRAY_PARAM_DESC(plan, plan_cases, name);

static void ranges_make_a_window(struct kunit *test)
{
	const struct plan_case *c = test->param_value;
	const struct vdpa_iova_range reach = { 0, REACH_LAST };
	struct hvdpa_log_window window = {};

	KUNIT_ASSERT_EQ(test, c->err,
			hvdpa_log_plan(c->ranges, c->n, c->page_size, &reach,
				       c->from_zero, &window));
	if (c->err)
		return;
	KUNIT_EXPECT_EQ(test, c->first, window.first);
	KUNIT_EXPECT_EQ(test, c->bytes, window.bytes);
	KUNIT_EXPECT_EQ(test, c->page_size, BIT_ULL(window.shift));
}

static void log_gone(void *log)
{
	hvdpa_log_destroy(log);
}

/* A log of 256 pages of 4 KiB from 1 MiB on. */
static struct hvdpa_log *a_log(struct kunit *test)
{
	const struct hvdpa_log_window window = {
		.bytes = 32, .first = SZ_1M, .shift = 12,
	};
	struct hvdpa_range *ranges = kcalloc(2, sizeof(*ranges), GFP_KERNEL);
	struct hvdpa_log *log;

	KUNIT_ASSERT_NOT_NULL(test, ranges);
	ranges[0] = (struct hvdpa_range){ SZ_1M, 100 * SZ_4K };
	ranges[1] = (struct hvdpa_range){ SZ_1M + 128 * SZ_4K, 128 * SZ_4K };
	log = hvdpa_log_create(&window, ranges, 2);
	if (!log)
		kfree(ranges);
	KUNIT_ASSERT_NOT_NULL(test, log);
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, log_gone, log));
	return log;
}

static u64 at(u64 page)
{
	return SZ_1M + page * SZ_4K;
}

static void harvest_takes_words(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);

	log->written[0] = cpu_to_le64(0x8000000000000001);
	log->written[1] = cpu_to_le64(0x2);
	log->written[3] = cpu_to_le64(U64_MAX);
	hvdpa_log_harvest(log, at(63), 2 * SZ_4K);
	KUNIT_EXPECT_EQ(test, 0, log->written[0]);
	KUNIT_EXPECT_EQ(test, 0, log->written[1]);
	KUNIT_EXPECT_EQ(test, U64_MAX, le64_to_cpu(log->written[3]));
	KUNIT_EXPECT_EQ(test, 0x8000000000000001, log->kept[0]);
	KUNIT_EXPECT_EQ(test, 0x2, log->kept[1]);
	KUNIT_EXPECT_EQ(test, 0, log->kept[3]);

	/* A second harvest adds to the first. */
	log->written[0] = cpu_to_le64(0x10);
	hvdpa_log_harvest(log, at(0), SZ_4K);
	KUNIT_EXPECT_EQ(test, 0x8000000000000011, log->kept[0]);
}

static void take_takes_what_it_reports(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);
	u64 words[4];

	log->kept[0] = 0xf00000000000000f;
	log->kept[1] = 0x3;
	KUNIT_EXPECT_TRUE(test, hvdpa_log_take(log, at(60), 12, 5, words));
	KUNIT_EXPECT_EQ(test, 0x1f, words[0]);
	KUNIT_EXPECT_EQ(test, 0xf, log->kept[0]);
	KUNIT_EXPECT_EQ(test, 0x2, log->kept[1]);
	KUNIT_EXPECT_FALSE(test, hvdpa_log_take(log, at(60), 12, 5, words));
	KUNIT_EXPECT_EQ(test, 0, words[0]);
}

static void take_is_right_at_every_offset(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);
	u64 words[4], n, page;

	for (page = 0; page < 130; page++) {
		for (n = 1; n <= 126; n += 5) {
			u64 first = page + n / 2;

			memset(log->kept, 0, 32);
			hvdpa_log_mark(log, at(first), SZ_4K);
			KUNIT_ASSERT_TRUE(test, hvdpa_log_take(log, at(page), 12,
							       n, words));
			KUNIT_ASSERT_EQ(test, BIT_ULL((n / 2) % 64),
					words[n / 2 / 64]);
			KUNIT_ASSERT_NULL(test, memchr_inv(log->kept, 0, 32));
		}
	}
}

static void pages_beside_stay(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);
	u64 words[4];

	memset(log->kept, 0xff, 32);
	hvdpa_log_take(log, at(3), 12, 70, words);
	KUNIT_EXPECT_EQ(test, U64_MAX, words[0]);
	KUNIT_EXPECT_EQ(test, 0x3f, words[1]);
	KUNIT_EXPECT_EQ(test, 0x7, log->kept[0]);
	KUNIT_EXPECT_EQ(test, ~0x1ffULL, log->kept[1]);
	KUNIT_EXPECT_EQ(test, U64_MAX, log->kept[2]);
}

static void larger_pages_are_sums(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);
	u64 words[4];

	log->kept[0] = 0x0000000100000010;
	log->kept[2] = 0x1;
	/* 16 KiB: four of the log's pages. */
	KUNIT_EXPECT_TRUE(test, hvdpa_log_take(log, at(0), 14, 64, words));
	KUNIT_EXPECT_EQ(test, 0x0000000100000102, words[0]);
	KUNIT_EXPECT_NULL(test, memchr_inv(log->kept, 0, 32));

	/* 512 KiB: two of the log's words. */
	log->kept[3] = 0x8000000000000000;
	KUNIT_EXPECT_TRUE(test, hvdpa_log_take(log, at(0), 19, 2, words));
	KUNIT_EXPECT_EQ(test, 0x2, words[0]);
}

static void what_is_put_back_comes_again(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);
	u64 words[4], again[4];

	log->kept[0] = 0x123456789abcdef0;
	log->kept[1] = 0x5;
	hvdpa_log_take(log, at(4), 12, 70, words);
	hvdpa_log_put_back(log, at(4), 12, 70, words);
	KUNIT_EXPECT_EQ(test, 0x123456789abcdef0, log->kept[0]);
	KUNIT_EXPECT_EQ(test, 0x5, log->kept[1]);
	hvdpa_log_take(log, at(4), 12, 70, again);
	KUNIT_EXPECT_MEMEQ(test, words, again, sizeof(u64) * 2);
}

static void marks_stay_in_the_log(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);

	hvdpa_log_mark(log, 0, SZ_1M);
	hvdpa_log_mark(log, at(256), SZ_4K);
	hvdpa_log_mark(log, U64_MAX - 0xfff, SZ_4K);
	hvdpa_log_mark(log, at(5), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(log->kept, 0, 32));

	/* A byte of a page is the page; what sticks out is left out. */
	hvdpa_log_mark(log, at(1) - 1, 2);
	KUNIT_EXPECT_EQ(test, 0x3, log->kept[0]);
	hvdpa_log_mark(log, at(255), SZ_1M);
	KUNIT_EXPECT_EQ(test, BIT_ULL(63), log->kept[3]);
	hvdpa_log_mark(log, 0, SZ_1M + 1);
	KUNIT_EXPECT_EQ(test, 0x3, log->kept[0]);
}

static void many_marks_are_as_many_as_one_by_one(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);
	unsigned long one_by_one[4];
	unsigned int first, n;

	for (first = 0; first < 130; first += 3) {
		for (n = 1; n < 200; n += 7) {
			memset(log->kept, 0, sizeof(one_by_one));
			memset(one_by_one, 0, sizeof(one_by_one));
			bitmap_set(one_by_one, first, min(n, 256 - first));
			hvdpa_log_mark(log, at(first), n * (u64)SZ_4K);
			KUNIT_ASSERT_MEMEQ(test, log->kept, one_by_one,
					   sizeof(one_by_one));
		}
	}
}

static void reports_are_within_a_range(struct kunit *test)
{
	struct hvdpa_log *log = a_log(test);

	KUNIT_EXPECT_TRUE(test, hvdpa_log_covers(log, at(0), 100 * SZ_4K));
	KUNIT_EXPECT_TRUE(test, hvdpa_log_covers(log, at(99), SZ_4K));
	KUNIT_EXPECT_TRUE(test, hvdpa_log_covers(log, at(128), 128 * SZ_4K));
	KUNIT_EXPECT_FALSE(test, hvdpa_log_covers(log, at(99), 2 * SZ_4K));
	KUNIT_EXPECT_FALSE(test, hvdpa_log_covers(log, at(100), SZ_4K));
	KUNIT_EXPECT_FALSE(test, hvdpa_log_covers(log, at(0), 256 * SZ_4K));
	KUNIT_EXPECT_FALSE(test, hvdpa_log_covers(log, 0, SZ_4K));
	KUNIT_EXPECT_FALSE(test, hvdpa_log_covers(log, at(128), U64_MAX));
	KUNIT_EXPECT_FALSE(test, hvdpa_log_covers(log, U64_MAX, 1));
}

static struct kunit_case hvdpa_log_cases[] = {
	KUNIT_CASE_PARAM(ranges_make_a_window, plan_gen_params),
	KUNIT_CASE(harvest_takes_words),
	KUNIT_CASE(take_takes_what_it_reports),
	KUNIT_CASE(take_is_right_at_every_offset),
	KUNIT_CASE(pages_beside_stay),
	KUNIT_CASE(larger_pages_are_sums),
	KUNIT_CASE(what_is_put_back_comes_again),
	KUNIT_CASE(marks_stay_in_the_log),
	KUNIT_CASE(many_marks_are_as_many_as_one_by_one),
	KUNIT_CASE(reports_are_within_a_range),
	{}
};

static struct kunit_suite hvdpa_log_suite = {
	.name = "hvdpa-log",
	.test_cases = hvdpa_log_cases,
};

kunit_test_suite(hvdpa_log_suite);
