// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which features are offered, which sets are refused, how many queues they
 * make.
 */
#include <kunit/test.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_ids.h>

#include "features.h"

#define NEEDED	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

static void supported_keeps_what_can_be_honoured(struct kunit *test)
{
	u64 kept = GENMASK_ULL(23, 0) | BIT_ULL(28) | BIT_ULL(29) |
		   GENMASK_ULL(36, 32) | GENMASK_ULL(63, 54);

	KUNIT_EXPECT_EQ(test, hvdpa_features_supported(~0ULL), kept);
	KUNIT_EXPECT_EQ(test, hvdpa_features_supported(0), 0);
}

static void supported_never_adds(struct kunit *test)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		KUNIT_EXPECT_EQ(test, 0, hvdpa_features_supported(BIT_ULL(bit)) &
				~BIT_ULL(bit));
}

static const struct missing_case {
	const char *name;
	u64 features;
	u32 device_id;
	int bit;
	u64 missing;
} missing_cases[] = {
	{ "nothing", 0, VIRTIO_ID_NET, 32, NEEDED },
	{ "no VERSION_1", BIT_ULL(33), VIRTIO_ID_NET, 32, BIT_ULL(32) },
	{ "no ACCESS_PLATFORM", BIT_ULL(32), VIRTIO_ID_BLOCK, 32, BIT_ULL(33) },
	{ "the least, net", NEEDED, VIRTIO_ID_NET, -1, 0 },
	{ "the least, block", NEEDED, VIRTIO_ID_BLOCK, -1, 0 },
	{ "MQ alone", NEEDED | BIT_ULL(22), VIRTIO_ID_NET, 22, BIT_ULL(17) },
	{ "MQ and CTRL_VQ", NEEDED | BIT_ULL(22) | BIT_ULL(17), VIRTIO_ID_NET,
	  -1, 0 },
	{ "RSS alone", NEEDED | BIT_ULL(60), VIRTIO_ID_NET, 60, BIT_ULL(17) },
	{ "HOST_TSO4 alone", NEEDED | BIT_ULL(11), VIRTIO_ID_NET, 11,
	  BIT_ULL(0) },
	{ "HOST_ECN alone", NEEDED | BIT_ULL(13), VIRTIO_ID_NET, 13,
	  BIT_ULL(11) | BIT_ULL(12) },
	{ "HOST_ECN and HOST_TSO6", NEEDED | BIT_ULL(13) | BIT_ULL(12) |
	  BIT_ULL(0), VIRTIO_ID_NET, -1, 0 },
	{ "a block device knows no MQ of a network's", NEEDED | BIT_ULL(22),
	  VIRTIO_ID_BLOCK, -1, 0 },
};

static void missing_desc(const struct missing_case *c, char *desc)
{
	strscpy(desc, c->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(missing, missing_cases, missing_desc);

static void missing_names_the_bit_and_its_needs(struct kunit *test)
{
	const struct missing_case *c = test->param_value;
	u64 missing = ~0ULL;

	KUNIT_EXPECT_EQ(test, c->bit,
			hvdpa_features_missing(c->features, c->device_id,
					       &missing));
	KUNIT_EXPECT_EQ(test, c->missing, missing);
}

/* QEMU's ctrl_vq=off, and sets that need one another. */
static void what_cannot_stand_alone_is_dropped(struct kunit *test)
{
	u64 csum = BIT_ULL(VIRTIO_NET_F_CSUM);
	u64 rest = NEEDED | csum | BIT_ULL(VIRTIO_NET_F_MAC);
	u64 control = BIT_ULL(VIRTIO_NET_F_CTRL_RX) |
		      BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) |
		      BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |
		      BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) |
		      BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS);
	u64 chain = BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |
		    BIT_ULL(VIRTIO_NET_F_HOST_ECN) |
		    BIT_ULL(VIRTIO_NET_F_RSC_EXT);
	u32 id = VIRTIO_ID_NET;
	u64 control_vq = BIT_ULL(VIRTIO_NET_F_CTRL_VQ);
	u64 missing;
	u64 any;

	KUNIT_EXPECT_EQ(test, rest, hvdpa_features_complete(rest | control, id));
	KUNIT_EXPECT_EQ(test, rest | control | control_vq,
			hvdpa_features_complete(rest | control | control_vq, id));
	KUNIT_EXPECT_EQ(test, rest | chain,
			hvdpa_features_complete(rest | chain, id));
	/* What needs what needs it goes too. */
	KUNIT_EXPECT_EQ(test, rest & ~csum,
			hvdpa_features_complete((rest | chain) & ~csum, id));
	KUNIT_EXPECT_EQ(test, rest | control,
			hvdpa_features_complete(rest | control, VIRTIO_ID_BLOCK));
	for (any = 1; any; any *= 2)
		KUNIT_EXPECT_EQ(test, -1,
				hvdpa_features_missing(hvdpa_features_complete(~any, id) |
						       NEEDED, id, &missing));
}

static void nqueues_of_net(struct kunit *test)
{
	u64 ctrl = BIT_ULL(VIRTIO_NET_F_CTRL_VQ);
	u64 mq = BIT_ULL(VIRTIO_NET_F_MQ);
	u32 id = VIRTIO_ID_NET;

	KUNIT_EXPECT_EQ(test, 2, hvdpa_features_nqueues(0, id, 8, 99));
	KUNIT_EXPECT_EQ(test, 3, hvdpa_features_nqueues(ctrl, id, 8, 99));
	KUNIT_EXPECT_EQ(test, 17, hvdpa_features_nqueues(ctrl | mq, id, 8, 99));
	KUNIT_EXPECT_EQ(test, 3, hvdpa_features_nqueues(ctrl | mq, id, 1, 99));
	/* 0x8000 pairs are more than 16 bits of queues. */
	KUNIT_EXPECT_EQ(test, 0x10001,
			hvdpa_features_nqueues(ctrl | mq, id, 0x8000, 99));
}

static void control_queue_is_after_the_pairs(struct kunit *test)
{
	u64 control = BIT_ULL(VIRTIO_NET_F_CTRL_VQ);
	u64 mq = control | BIT_ULL(VIRTIO_NET_F_MQ);
	u64 rss = control | BIT_ULL(VIRTIO_NET_F_RSS);

	KUNIT_EXPECT_EQ(test, -1,
			hvdpa_features_control_index(0, VIRTIO_ID_NET, 4));
	KUNIT_EXPECT_EQ(test, -1,
			hvdpa_features_control_index(mq, VIRTIO_ID_BLOCK, 4));
	KUNIT_EXPECT_EQ(test, 2,
			hvdpa_features_control_index(control, VIRTIO_ID_NET, 4));
	KUNIT_EXPECT_EQ(test, 8,
			hvdpa_features_control_index(mq, VIRTIO_ID_NET, 4));
	KUNIT_EXPECT_EQ(test, 8,
			hvdpa_features_control_index(rss, VIRTIO_ID_NET, 4));
}

static void nqueues_of_block(struct kunit *test)
{
	u64 mq = BIT_ULL(VIRTIO_BLK_F_MQ);
	u32 id = VIRTIO_ID_BLOCK;

	KUNIT_EXPECT_EQ(test, 1, hvdpa_features_nqueues(0, id, 1, 4));
	KUNIT_EXPECT_EQ(test, 4, hvdpa_features_nqueues(mq, id, 1, 4));
}

static struct kunit_case features_cases[] = {
	KUNIT_CASE(supported_keeps_what_can_be_honoured),
	KUNIT_CASE(supported_never_adds),
	KUNIT_CASE_PARAM(missing_names_the_bit_and_its_needs,
			 missing_gen_params),
	KUNIT_CASE(what_cannot_stand_alone_is_dropped),
	KUNIT_CASE(nqueues_of_net),
	KUNIT_CASE(control_queue_is_after_the_pairs),
	KUNIT_CASE(nqueues_of_block),
	{}
};

static struct kunit_suite features_suite = {
	.name = "hvdpa-features",
	.test_cases = features_cases,
};

kunit_test_suite(features_suite);
