// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which control commands pass, and what is remembered of them.
 */
#include <kunit/test.h>
#include <linux/unaligned.h>
#include <linux/virtio_net.h>

#include "command.h"

#define ALL	(BIT_ULL(VIRTIO_NET_F_CTRL_RX) |		\
		 BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) |		\
		 BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |		\
		 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) |		\
		 BIT_ULL(VIRTIO_NET_F_GUEST_ANNOUNCE) |		\
		 BIT_ULL(VIRTIO_NET_F_MQ) |			\
		 BIT_ULL(VIRTIO_NET_F_RSS) |			\
		 BIT_ULL(VIRTIO_NET_F_HASH_REPORT) |		\
		 BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) |	\
		 BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |		\
		 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4))

static const struct hvdpa_command_limits limits_all = {
	.features = ALL,
	.pairs = 4,
	.rss_key_max = 40,
	.rss_table_max = 8,
	.hash_types = 0x7,
};

static const struct command_case {
	const char *name;
	u8 bytes[64];
	size_t len;
	int err;
	u8 needs;
} command_cases[] = {
	{ "nothing", { }, 0, -EINVAL },
	{ "half a header", { 0 }, 1, -EINVAL },
	{ "promisc", { 0, 0, 1 }, 3, 0, VIRTIO_NET_F_CTRL_RX },
	{ "promisc of 2", { 0, 0, 2 }, 3, -EINVAL },
	{ "promisc of nothing", { 0, 0 }, 2, -EINVAL },
	{ "promisc and more", { 0, 0, 1, 0 }, 4, -EINVAL },
	{ "nobcast", { 0, 5, 1 }, 3, 0, VIRTIO_NET_F_CTRL_RX_EXTRA },
	{ "rx mode 6", { 0, 6, 1 }, 3, -EOPNOTSUPP },
	{ "mac", { 1, 1, 2, 0, 0, 0, 0, 1 }, 8, 0,
	  VIRTIO_NET_F_CTRL_MAC_ADDR },
	{ "short mac", { 1, 1, 2, 0, 0, 0, 0 }, 7, -EINVAL },
	{ "multicast mac", { 1, 1, 3, 0, 0, 0, 0, 1 }, 8, -EINVAL },
	{ "empty tables", { 1, 0 }, 10, 0, VIRTIO_NET_F_CTRL_RX },
	{ "tables cut", { 1, 0 }, 9, -EINVAL },
	{ "tables and more", { 1, 0 }, 11, -EINVAL },
	{ "one of each", { 1, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 1,
			   1, 0, 0, 0, 1, 0, 94, 0, 0, 1 }, 22, 0,
	  VIRTIO_NET_F_CTRL_RX },
	{ "a table of 2^32 - 1", { 1, 0, 255, 255, 255, 255 }, 30, -EINVAL },
	/* Its bytes are 2 modulo 2^32. */
	{ "a table that wraps", { 1, 0, 0xab, 0xaa, 0xaa, 0x2a }, 30, -EINVAL },
	{ "mac command 2", { 1, 2 }, 2, -EOPNOTSUPP },
	{ "vlan", { 2, 0, 0xff, 0x0f }, 4, 0, VIRTIO_NET_F_CTRL_VLAN },
	{ "vlan 4096", { 2, 0, 0x00, 0x10 }, 4, -EINVAL },
	{ "vlan command 2", { 2, 2, 1, 0 }, 4, -EOPNOTSUPP },
	{ "announce", { 3, 0 }, 2, 0, VIRTIO_NET_F_GUEST_ANNOUNCE },
	{ "announce and more", { 3, 0, 0 }, 3, -EINVAL },
	{ "pairs", { 4, 0, 4, 0 }, 4, 0, VIRTIO_NET_F_MQ },
	{ "no pairs", { 4, 0, 0, 0 }, 4, -EINVAL },
	{ "too many pairs", { 4, 0, 5, 0 }, 4, -EINVAL },
	{ "pairs in one byte", { 4, 0, 4 }, 3, -EINVAL },
	{ "rss", { 4, 1, 7, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 4, 0, 1, 9 }, 18,
	  0, VIRTIO_NET_F_RSS },
	{ "rss with a byte of padding", { 4, 1, 7, 0, 0, 0, 1, 0, 0, 0, 3, 0,
					  0, 0, 4, 0, 1, 9, 0 }, 19, 0,
	  VIRTIO_NET_F_RSS },
	{ "rss with two bytes too many", { 4, 1, 7, 0, 0, 0, 1, 0, 0, 0, 3, 0,
					   0, 0, 4, 0, 1, 9, 0, 0 }, 20,
	  -EINVAL },
	{ "rss to a queue that is none", { 4, 1, 7, 0, 0, 0, 1, 0, 0, 0, 4, 0,
					   0, 0, 4, 0, 0 }, 17, -EINVAL },
	{ "rss of 3 entries", { 4, 1, 7, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				4, 0, 0 }, 19, -EINVAL },
	{ "rss of too many", { 4, 1, 7, 0, 0, 0, 15, 0 }, 43, -EINVAL },
	{ "rss of 65536", { 4, 1, 7, 0, 0, 0, 255, 255 }, 43, -EINVAL },
	{ "rss without pairs", { 4, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
	  15, -EINVAL },
	{ "rss with an unknown hash", { 4, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4,
					0, 0 }, 15, -EINVAL },
	{ "rss with half a key", { 4, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 2,
				   9 }, 16, -EINVAL },
	{ "rss with a long key", { 4, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 41
				   }, 15 + 41, -EINVAL },
	{ "hash", { 4, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9 }, 16, 0,
	  VIRTIO_NET_F_HASH_REPORT },
	{ "hash with a byte of padding", { 4, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0,
					   0, 0, 1, 9, 0 }, 17, 0,
	  VIRTIO_NET_F_HASH_REPORT },
	{ "hash with half a key", { 4, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
				    2, 9 }, 16, -EINVAL },
	{ "hash cut", { 4, 2, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 14,
	  -EINVAL },
	{ "an unknown hash", { 4, 2, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
	  15, -EINVAL },
	{ "mq command 3", { 4, 3, 1, 0 }, 4, -EOPNOTSUPP },
	{ "offloads", { 5, 0, 0x82, 0 }, 10, 0,
	  VIRTIO_NET_F_CTRL_GUEST_OFFLOADS },
	{ "offloads not agreed", { 5, 0, 0, 1 }, 10, -EINVAL },
	{ "offloads in 4 bytes", { 5, 0, 2 }, 6, -EINVAL },
	{ "coalescing", { 6, 0 }, 10, -EOPNOTSUPP },
	{ "class 255", { 255, 255 }, 64, -EOPNOTSUPP },
};

KUNIT_ARRAY_PARAM_DESC(command, command_cases, name);

static void commands_pass_or_not(struct kunit *test)
{
	const struct command_case *c = test->param_value;
	struct hvdpa_command_limits limits = limits_all;

	KUNIT_EXPECT_EQ(test, c->err,
			hvdpa_command_check(&limits, c->bytes, c->len));
	if (c->err)
		return;
	/* What was not agreed on is not known. */
	limits.features &= ~BIT_ULL(c->needs);
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP,
			hvdpa_command_check(&limits, c->bytes, c->len));
}

static void accepted_commands_are_remembered(struct kunit *test)
{
	static const u8 mac[] = { 2, 0, 0, 0, 0, 1 };
	struct hvdpa_command_state *state;
	size_t i;

	state = kunit_kzalloc(test, sizeof(*state), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, state);
	hvdpa_command_state_reset(state);
	KUNIT_EXPECT_EQ(test, state->pairs, 1);
	KUNIT_EXPECT_FALSE(test, state->has_mac);

	for (i = 0; i < ARRAY_SIZE(command_cases); i++)
		if (!command_cases[i].err)
			hvdpa_command_accept(state, command_cases[i].bytes);

	KUNIT_EXPECT_TRUE(test, state->has_mac);
	KUNIT_EXPECT_MEMEQ(test, state->mac, mac, sizeof(mac));
	KUNIT_EXPECT_EQ(test, state->rx_set, BIT(0) | BIT(5));
	KUNIT_EXPECT_EQ(test, state->rx_modes, BIT(0) | BIT(5));
	KUNIT_EXPECT_EQ(test, state->unicast, 1);
	KUNIT_EXPECT_EQ(test, state->multicast, 1);
	KUNIT_EXPECT_EQ(test, bitmap_weight(state->vlans, 4096), 1);
	KUNIT_EXPECT_TRUE(test, test_bit(4095, state->vlans));
	KUNIT_EXPECT_EQ(test, state->announced, 1);
	KUNIT_EXPECT_EQ(test, state->pairs, 4);
	KUNIT_EXPECT_EQ(test, state->rss_entries, 2);
	KUNIT_EXPECT_EQ(test, state->hash_types, 7);
	KUNIT_EXPECT_EQ(test, state->offloads, 0x82);

	hvdpa_command_accept(state, (const u8[]){ 0, 0, 0 });
	KUNIT_EXPECT_EQ(test, state->rx_modes, BIT(5));
	hvdpa_command_accept(state, (const u8[]){ 2, 1, 0xff, 0x0f });
	KUNIT_EXPECT_TRUE(test, bitmap_empty(state->vlans, 4096));
	hvdpa_command_accept(state, (const u8[]){ 4, 0, 2, 0 });
	KUNIT_EXPECT_EQ(test, state->pairs, 2);
	KUNIT_EXPECT_EQ(test, state->rss_entries, 0);
}

static struct kunit_case command_test_cases[] = {
	KUNIT_CASE_PARAM(commands_pass_or_not, command_gen_params),
	KUNIT_CASE(accepted_commands_are_remembered),
	{}
};

static struct kunit_suite command_suite = {
	.name = "hvdpa-command",
	.test_cases = command_test_cases,
};

kunit_test_suite(command_suite);
