// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities are found, and held to their BARs.
 */
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/unaligned.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_pci.h>

#include "fake_function.h"

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

#define MEM	HVDPA_FAKE_MEM_BAR
#define COMMON_LENGTH	sizeof(struct virtio_pci_common_cfg)
#define GOOD_COMMON	{ VIRTIO_PCI_CAP_COMMON_CFG, MEM, 0, COMMON_LENGTH }
#define GOOD_NOTIFY	{ VIRTIO_PCI_CAP_NOTIFY_CFG, MEM, 0x3000, 0x1000 }
#define GOOD_ISR	{ VIRTIO_PCI_CAP_ISR_CFG, MEM, 0x1000, 1 }
#define GOOD_DEVICE	{ VIRTIO_PCI_CAP_DEVICE_CFG, MEM, 0x2000, 0x100 }

struct list_case {
	const char *name;
	int err;
	struct {
		u8 type;
		u8 bar;
		u32 offset;
		u32 length;
	} caps[5];
};

static const struct list_case list_cases[] = {
	{ "good", 0, { GOOD_COMMON, GOOD_NOTIFY, GOOD_ISR, GOOD_DEVICE } },
	{ "good, in another order", 0,
	  { GOOD_DEVICE, GOOD_ISR, GOOD_NOTIFY, GOOD_COMMON } },
	{ "no list", -ENODEV, {} },
	{ "no common", -ENODEV, { GOOD_NOTIFY, GOOD_ISR, GOOD_DEVICE } },
	{ "no notify", -EINVAL, { GOOD_COMMON, GOOD_ISR, GOOD_DEVICE } },
	{ "no ISR", -EINVAL, { GOOD_COMMON, GOOD_NOTIFY, GOOD_DEVICE } },
	{ "no device", -EINVAL, { GOOD_COMMON, GOOD_NOTIFY, GOOD_ISR } },
	{ "common one byte short", -EINVAL,
	  { { VIRTIO_PCI_CAP_COMMON_CFG, MEM, 0, COMMON_LENGTH - 1 },
	    GOOD_NOTIFY, GOOD_ISR, GOOD_DEVICE } },
	{ "common across the end of its BAR", -EINVAL,
	  { { VIRTIO_PCI_CAP_COMMON_CFG, MEM,
	      HVDPA_FAKE_MEM_LENGTH - COMMON_LENGTH + 4, COMMON_LENGTH },
	    GOOD_NOTIFY, GOOD_ISR, GOOD_DEVICE } },
	{ "notify wraps at 32 bits", -EINVAL,
	  { GOOD_COMMON, { VIRTIO_PCI_CAP_NOTIFY_CFG, MEM, 0xfffff000, 0x2000 },
	    GOOD_ISR, GOOD_DEVICE } },
	{ "notify of one byte", -EINVAL,
	  { GOOD_COMMON, { VIRTIO_PCI_CAP_NOTIFY_CFG, MEM, 0x3000, 1 },
	    GOOD_ISR, GOOD_DEVICE } },
	{ "ISR of no length", -EINVAL,
	  { GOOD_COMMON, GOOD_NOTIFY, { VIRTIO_PCI_CAP_ISR_CFG, MEM, 0, 0 },
	    GOOD_DEVICE } },
	{ "device longer than its BAR", -EINVAL,
	  { GOOD_COMMON, GOOD_NOTIFY, GOOD_ISR,
	    { VIRTIO_PCI_CAP_DEVICE_CFG, MEM, 0, U32_MAX } } },
	{ "common in a BAR that is reserved", -ENODEV,
	  { { VIRTIO_PCI_CAP_COMMON_CFG, 6, 0, COMMON_LENGTH }, GOOD_NOTIFY,
	    GOOD_ISR, GOOD_DEVICE } },
	{ "common in a BAR that is not there", -ENODEV,
	  { { VIRTIO_PCI_CAP_COMMON_CFG, 3, 0, COMMON_LENGTH }, GOOD_NOTIFY,
	    GOOD_ISR, GOOD_DEVICE } },
	{ "a common without a BAR before the one", 0,
	  { { VIRTIO_PCI_CAP_COMMON_CFG, 255, 0, 1 }, GOOD_COMMON, GOOD_NOTIFY,
	    GOOD_ISR, GOOD_DEVICE } },
	{ "a bad common before a good one", -EINVAL,
	  { { VIRTIO_PCI_CAP_COMMON_CFG, MEM, 0, 1 }, GOOD_COMMON, GOOD_NOTIFY,
	    GOOD_ISR, GOOD_DEVICE } },
};

KUNIT_ARRAY_PARAM_DESC(list, list_cases, name);

static struct hvdpa_fake *make_list(struct kunit *test,
				    const struct list_case *c)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(c->caps) && c->caps[i].type; i++)
		hvdpa_fake_add_cap(test, fake, c->caps[i].type, c->caps[i].bar,
				   c->caps[i].offset, c->caps[i].length);
	return fake;
}

static void structures_are_believed_if_their_bars_hold_them(struct kunit *test)
{
	const struct list_case *c = test->param_value;
	struct hvdpa_region regions[HVDPA_REGIONS] = {};
	struct hvdpa_fake *fake = make_list(test, c);

	KUNIT_ASSERT_EQ(test, hvdpa_find_regions(&fake->pdev, regions), c->err);
	if (c->err)
		return;

	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_COMMON].bar, MEM);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_COMMON].length,
			COMMON_LENGTH);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_NOTIFY].offset, 0x3000);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_ISR].offset, 0x1000);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_DEVICE].offset, 0x2000);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_DEVICE].length, 0x100);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_TABLE].length, 0);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_PBA].length, 0);
}

static void structures_of_a_function_that_is_gone(struct kunit *test)
{
	struct hvdpa_region regions[HVDPA_REGIONS] = {};
	struct hvdpa_fake *fake = make_list(test, &list_cases[0]);

	memset(fake->config, 0xff, sizeof(fake->config));
	KUNIT_EXPECT_EQ(test, hvdpa_find_regions(&fake->pdev, regions),
			-ENODEV);
}

/* The last capability leads back to the first; what is wanted is in none. */
static void structures_in_a_circle_are_not_sought_for_ever(struct kunit *test)
{
	struct hvdpa_region regions[HVDPA_REGIONS] = {};
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	hvdpa_fake_add_cap(test, fake, VIRTIO_PCI_CAP_ISR_CFG, MEM, 0, 4);
	hvdpa_fake_add_cap(test, fake, VIRTIO_PCI_CAP_PCI_CFG, MEM, 0, 4);
	fake->config[fake->last_cap + PCI_CAP_LIST_NEXT] =
		fake->config[PCI_CAPABILITY_LIST];
	KUNIT_EXPECT_EQ(test, hvdpa_find_regions(&fake->pdev, regions),
			-ENODEV);
}

static void structures_of_msix_are_found(struct kunit *test)
{
	struct hvdpa_region regions[HVDPA_REGIONS] = {};
	struct hvdpa_fake *fake = make_list(test, &list_cases[0]);
	u8 *cap;

	/* 65 vectors, their table in BAR 2, their pending bits in BAR 4. */
	fake->pdev.msix_cap = 0xa0;
	cap = fake->config + fake->pdev.msix_cap;
	put_unaligned_le16(64, cap + PCI_MSIX_FLAGS);
	put_unaligned_le32(0x2000 | 2, cap + PCI_MSIX_TABLE);
	put_unaligned_le32(0x4008 | 4, cap + PCI_MSIX_PBA);

	KUNIT_ASSERT_EQ(test, hvdpa_find_regions(&fake->pdev, regions), 0);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_TABLE].bar, 2);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_TABLE].offset, 0x2000);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_TABLE].length, 65 * 16);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_PBA].bar, 4);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_PBA].offset, 0x4008);
	KUNIT_EXPECT_EQ(test, regions[HVDPA_REGION_MSIX_PBA].length, 16);
}

static struct kunit_case capability_cases[] = {
	KUNIT_CASE(fits_to_the_last_byte),
	KUNIT_CASE(nothing_does_not_fit),
	KUNIT_CASE(sums_do_not_wrap),
	KUNIT_CASE(overlap_is_a_shared_byte),
	KUNIT_CASE_PARAM(structures_are_believed_if_their_bars_hold_them,
			 list_gen_params),
	KUNIT_CASE(structures_of_a_function_that_is_gone),
	KUNIT_CASE(structures_in_a_circle_are_not_sought_for_ever),
	KUNIT_CASE(structures_of_msix_are_found),
	{}
};

static struct kunit_suite capability_suite = {
	.name = "hvdpa-capability",
	.test_cases = capability_cases,
};

kunit_test_suite(capability_suite);
