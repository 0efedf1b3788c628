// SPDX-License-Identifier: GPL-2.0-only
/*
 * How interrupt vectors are shared out.
 */
#include <kunit/test.h>

#include "hvdpa.h"

static void no_vector_is_refused(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_EXPECT_EQ(test, -ENOSPC, hvdpa_vector_plan(3, 0, &plan));
}

static void one_vector_serves_all(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(3, 1, &plan));
	KUNIT_EXPECT_EQ(test, 1, plan.nvectors);
	KUNIT_EXPECT_FALSE(test, plan.private);
	KUNIT_EXPECT_EQ(test, 0, hvdpa_vector_of(&plan, 0));
	KUNIT_EXPECT_EQ(test, 0, hvdpa_vector_of(&plan, 2));
}

static void few_vectors_are_shared(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(5, 3, &plan));
	KUNIT_EXPECT_EQ(test, 3, plan.nvectors);
	KUNIT_EXPECT_FALSE(test, plan.private);
	KUNIT_EXPECT_EQ(test, 1, hvdpa_vector_of(&plan, 0));
	KUNIT_EXPECT_EQ(test, 2, hvdpa_vector_of(&plan, 1));
	KUNIT_EXPECT_EQ(test, 1, hvdpa_vector_of(&plan, 4));
}

static void enough_vectors_are_private(struct kunit *test)
{
	struct hvdpa_vector_plan plan;
	u16 i;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(5, 6, &plan));
	KUNIT_EXPECT_EQ(test, 6, plan.nvectors);
	KUNIT_EXPECT_TRUE(test, plan.private);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, i + 1, hvdpa_vector_of(&plan, i));
}

static void spare_vectors_are_left(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(1, 64, &plan));
	KUNIT_EXPECT_EQ(test, 2, plan.nvectors);
	KUNIT_EXPECT_TRUE(test, plan.private);
}

/* A handler walks from its own index on, in steps of vq_vectors. */
static void every_queue_is_served_once(struct kunit *test)
{
	struct hvdpa_vector_plan plan;
	unsigned int nvqs, granted, vector, i;

	for (nvqs = 1; nvqs < 20; nvqs++) {
		for (granted = 1; granted < 24; granted++) {
			u8 served[20] = {};

			KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(nvqs, granted,
								   &plan));
			KUNIT_ASSERT_LE(test, plan.nvectors, granted);
			for (vector = plan.first_vq; vector < plan.nvectors;
			     vector++) {
				for (i = vector - plan.first_vq; i < nvqs;
				     i += plan.vq_vectors) {
					served[i]++;
					KUNIT_EXPECT_EQ(test, vector,
							hvdpa_vector_of(&plan,
									i));
				}
			}
			for (i = 0; i < nvqs; i++)
				KUNIT_EXPECT_EQ(test, 1, served[i]);
		}
	}
}

static struct kunit_case irq_cases[] = {
	KUNIT_CASE(no_vector_is_refused),
	KUNIT_CASE(one_vector_serves_all),
	KUNIT_CASE(few_vectors_are_shared),
	KUNIT_CASE(enough_vectors_are_private),
	KUNIT_CASE(spare_vectors_are_left),
	KUNIT_CASE(every_queue_is_served_once),
	{}
};

static struct kunit_suite irq_suite = {
	.name = "hvdpa-irq",
	.test_cases = irq_cases,
};

kunit_test_suite(irq_suite);
