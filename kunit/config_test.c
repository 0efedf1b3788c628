// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device configuration space: what is there, and zero where nothing is.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/limits.h>
#include <uapi/linux/virtio_ids.h>

#include "fake_function.h"

struct span_case {
	const char *name;
	size_t size;
	size_t offset;
	size_t len;
	size_t expected;
};

static const struct span_case span_cases[] = {
	{ "all of it", 24, 0, 24, 24 },
	{ "the start", 24, 0, 6, 6 },
	{ "the end", 24, 18, 6, 6 },
	{ "the last byte", 24, 23, 1, 1 },
	{ "across the end", 24, 20, 10, 4 },
	{ "from the end", 24, 24, 1, 0 },
	{ "beyond the end", 24, 100, 1, 0 },
	{ "nothing asked for", 24, 4, 0, 0 },
	{ "nothing there", 0, 0, 8, 0 },
	{ "nothing there, nothing asked for", 0, 0, 0, 0 },
	{ "the largest offset", 24, SIZE_MAX, 8, 0 },
	{ "an offset just short of wrapping", 24, SIZE_MAX - 7, 16, 0 },
	{ "the largest length", 24, 8, SIZE_MAX, 16 },
	{ "offset and length wrap", 24, 8, SIZE_MAX - 7, 16 },
	{ "everything at its largest", SIZE_MAX, SIZE_MAX - 1, SIZE_MAX, 1 },
};

KUNIT_ARRAY_PARAM_DESC(span, span_cases, name);

static void span_is_what_exists(struct kunit *test)
{
	const struct span_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, hvdpa_config_span(c->size, c->offset, c->len),
			c->expected);
}

/* A function whose configuration is @size bytes 1, 2, 3, ... and then 0xee. */
static struct hvdpa_fake *make_config(struct kunit *test, size_t size)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	size_t i;

	memset(fake->device, 0xee, sizeof(fake->device));
	for (i = 0; i < size; i++)
		fake->device[i] = i + 1;
	fake->pci.ep.config_len = size;
	return fake;
}

static void expect_read(struct kunit *test, struct hvdpa_fake *fake,
			unsigned int offset, unsigned int len,
			const u8 *expected)
{
	u8 buf[18];

	KUNIT_ASSERT_LE(test, len + 2, sizeof(buf));
	memset(buf, 0xcc, sizeof(buf));
	hvdpa_config_read(&fake->pci.ep, offset, buf + 1, len);
	KUNIT_EXPECT_MEMEQ(test, buf + 1, expected, len);
	/* And not a byte more is written. */
	KUNIT_EXPECT_EQ(test, buf[0], 0xcc);
	KUNIT_EXPECT_EQ(test, buf[len + 1], 0xcc);
}

static void read_gives_the_bytes_of_the_device(struct kunit *test)
{
	static const u8 all[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct hvdpa_fake *fake = make_config(test, 8);

	expect_read(test, fake, 0, 8, all);
	expect_read(test, fake, 3, 4, all + 3);
	expect_read(test, fake, 7, 1, all + 7);
}

static void read_past_the_end_is_zero(struct kunit *test)
{
	static const u8 across[] = { 7, 8, 0, 0, 0, 0 };
	static const u8 zero[16] = {};
	struct hvdpa_fake *fake = make_config(test, 8);

	expect_read(test, fake, 6, sizeof(across), across);
	expect_read(test, fake, 8, 16, zero);
	expect_read(test, fake, 400, 16, zero);
	expect_read(test, fake, UINT_MAX, 16, zero);
	expect_read(test, fake, UINT_MAX - 4, 16, zero);
}

static void read_of_no_configuration_is_zero(struct kunit *test)
{
	static const u8 zero[8] = {};
	struct hvdpa_fake *fake = make_config(test, 8);

	/* A length without a structure must not be believed. */
	fake->pci.ep.config_len = 0;
	expect_read(test, fake, 0, 8, zero);

	fake = make_config(test, 0);
	expect_read(test, fake, 0, 8, zero);
}

static void read_of_a_dead_function_is_zero(struct kunit *test)
{
	static const u8 zero[8] = {};
	struct hvdpa_fake *fake = make_config(test, 8);

	fake->pci.ep.state = HVDPA_ENDPOINT_LOST;
	expect_read(test, fake, 0, 8, zero);
}

static u32 generation_never_the_same(struct hvdpa_endpoint *ep)
{
	struct hvdpa_fake *fake = hvdpa_fake_of(ep);

	return fake->status_reads++;
}

static void read_of_a_restless_configuration_ends(struct kunit *test)
{
	static const u8 expected[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct hvdpa_fake *fake = make_config(test, 8);

	fake->transport.generation = generation_never_the_same;
	expect_read(test, fake, 0, 8, expected);
	KUNIT_EXPECT_EQ(test, fake->status_reads, 2 * HVDPA_CONFIG_ROUNDS);
}

static void write_changes_no_more_than_the_configuration(struct kunit *test)
{
	static const u8 bytes[] = { 0xa0, 0xa1, 0xa2, 0xa3 };
	static const u8 inside[] = { 1, 2, 0xa0, 0xa1, 0xa2, 0xa3, 7, 8 };
	static const u8 across[] = {
		1, 2, 0xa0, 0xa1, 0xa2, 0xa3, 0xa0, 0xa1, 0xee, 0xee, 0xee
	};
	struct hvdpa_fake *fake = make_config(test, 8);

	hvdpa_config_write(&fake->pci.ep, 2, bytes, sizeof(bytes));
	KUNIT_EXPECT_MEMEQ(test, fake->device, inside, sizeof(inside));

	hvdpa_config_write(&fake->pci.ep, 6, bytes, sizeof(bytes));
	hvdpa_config_write(&fake->pci.ep, 8, bytes, sizeof(bytes));
	hvdpa_config_write(&fake->pci.ep, UINT_MAX, bytes, sizeof(bytes));
	KUNIT_EXPECT_MEMEQ(test, fake->device, across, sizeof(across));
}

static void write_to_a_function_without_it_goes_nowhere(struct kunit *test)
{
	static const u8 bytes[] = { 0xa0, 0xa1, 0xa2, 0xa3 };
	static const u8 expected[] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	struct hvdpa_fake *fake = make_config(test, 8);

	fake->pci.ep.state = HVDPA_ENDPOINT_LOST;
	hvdpa_config_write(&fake->pci.ep, 0, bytes, sizeof(bytes));
	KUNIT_EXPECT_MEMEQ(test, fake->device, expected, sizeof(expected));

	fake->pci.ep.state = HVDPA_ENDPOINT_LIVE;
	fake->pci.ep.config_len = 0;
	hvdpa_config_write(&fake->pci.ep, 0, bytes, sizeof(bytes));
	KUNIT_EXPECT_MEMEQ(test, fake->device, expected, sizeof(expected));
}

static struct kunit_case hvdpa_config_cases[] = {
	KUNIT_CASE_PARAM(span_is_what_exists, span_gen_params),
	KUNIT_CASE(read_gives_the_bytes_of_the_device),
	KUNIT_CASE(read_past_the_end_is_zero),
	KUNIT_CASE(read_of_no_configuration_is_zero),
	KUNIT_CASE(read_of_a_dead_function_is_zero),
	KUNIT_CASE(read_of_a_restless_configuration_ends),
	KUNIT_CASE(write_changes_no_more_than_the_configuration),
	KUNIT_CASE(write_to_a_function_without_it_goes_nowhere),
	{}
};

static struct kunit_suite hvdpa_config_suite = {
	.name = "hvdpa-config",
	.test_cases = hvdpa_config_cases,
};

kunit_test_suite(hvdpa_config_suite);
