// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device can be told to be, and the configuration that its owner sees.
 */
#include <kunit/test.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/unaligned.h>
#include <linux/virtio_net.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_ring.h>

#include "fake_function.h"
#include "provision.h"

#define MAC	BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR)
#define MTU	BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU)
#define PAIRS	BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP)
#define FEATURES BIT_ULL(VDPA_ATTR_DEV_FEATURES)

#define OFFERED	(HVDPA_FEATURES_NEEDED | BIT_ULL(VIRTIO_NET_F_CTRL_VQ) | \
		 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) |			 \
		 BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_MAC))

static const u8 mac[ETH_ALEN] = { 2, 0, 0, 0, 0, 1 };

static struct hvdpa_device *fake_device(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_device *hv;
	u16 i;

	hv = kunit_kzalloc(test, sizeof(*hv), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, hv);
	hv->ep = &fake->pci.ep;
	spin_lock_init(&hv->mac_lock);
	fake->pci.ep.supported = OFFERED;
	fake->pci.ep.max_pairs = 4;
	for (i = 0; i < sizeof(fake->device); i++)
		fake->device[i] = 0xa0 + i % 16;
	return hv;
}

static const struct provision_case {
	const char *name;
	struct vdpa_dev_set_config config;
	int err;
} provision_cases[] = {
	{ "nothing", { }, 0 },
	{ "mac", { .mask = MAC, .net.mac = { 2, 0, 0, 0, 0, 1 } }, 0 },
	{ "multicast mac", { .mask = MAC, .net.mac = { 3 } }, -EINVAL },
	{ "no mac", { .mask = MAC }, -EINVAL },
	{ "mtu 68", { .mask = MTU, .net.mtu = 68 }, 0 },
	{ "mtu 1500", { .mask = MTU, .net.mtu = 1500 }, 0 },
	{ "mtu 67", { .mask = MTU, .net.mtu = 67 }, -EINVAL },
	{ "mtu 1501", { .mask = MTU, .net.mtu = 1501 }, -EOPNOTSUPP },
	{ "4 pairs", { .mask = PAIRS, .net.max_vq_pairs = 4 }, 0 },
	{ "5 pairs", { .mask = PAIRS, .net.max_vq_pairs = 5 }, -EOPNOTSUPP },
	{ "no pairs", { .mask = PAIRS }, -EINVAL },
	{ "features", { .mask = FEATURES, .device_features = OFFERED }, 0 },
	{ "features beyond", { .mask = FEATURES,
			       .device_features = OFFERED | 1 }, -EOPNOTSUPP },
	{ "features incomplete", { .mask = FEATURES,
				   .device_features = OFFERED &
				   ~HVDPA_FEATURES_NEEDED }, -EINVAL },
	{ "MQ with one pair", { .mask = FEATURES | PAIRS,
				.device_features = OFFERED,
				.net.max_vq_pairs = 1 }, -EOPNOTSUPP },
	{ "MTU that is the driver's", { .mask = FEATURES | MTU,
					.device_features = OFFERED |
					BIT_ULL(VIRTIO_NET_F_MTU),
					.net.mtu = 1400 }, 0 },
};

KUNIT_ARRAY_PARAM_DESC(provision, provision_cases, name);

static void attributes_are_taken_or_refused(struct kunit *test)
{
	const struct provision_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, c->err, hvdpa_provision(fake_device(test),
						      "name", &c->config));
}

/* Whose owner can move offers no more than moves; a disk's owner is no QEMU that does. */
static void default_is_what_can_move(struct kunit *test)
{
	static const struct vdpa_dev_set_config config = { };
	const u64 more = BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |
			 BIT_ULL(VIRTIO_F_RING_PACKED);
	struct hvdpa_device *hv = fake_device(test);

	hv->ep->lacks[HVDPA_SUSPEND] = "it cannot";
	hv->ep->lacks[HVDPA_SET_STATE] = "it cannot";
	hv->ep->supported = OFFERED | more;
	KUNIT_EXPECT_EQ(test, hvdpa_provision(hv, "name", &config), 0);
	KUNIT_EXPECT_EQ(test, hv->features, OFFERED);
	KUNIT_EXPECT_STREQ(test, hv->profile, "migratable");

	hv->relay = HVDPA_RELAY_NEVER;
	KUNIT_EXPECT_EQ(test, hvdpa_provision(hv, "name", &config), 0);
	KUNIT_EXPECT_EQ(test, hv->features, OFFERED | more);
	KUNIT_EXPECT_STREQ(test, hv->profile, "all");

	hv->ep->lacks[HVDPA_SUSPEND] = NULL;
	hv->ep->lacks[HVDPA_SET_STATE] = NULL;
	KUNIT_EXPECT_EQ(test, hvdpa_provision(hv, "name", &config), 0);
	KUNIT_EXPECT_EQ(test, hv->features, OFFERED);

	hv = fake_device(test);
	hv->ep->type = VIRTIO_ID_BLOCK;
	hv->ep->supported = HVDPA_FEATURES_NEEDED | more;
	KUNIT_EXPECT_EQ(test, hvdpa_provision(hv, "name", &config), 0);
	KUNIT_EXPECT_EQ(test, hv->features, HVDPA_FEATURES_NEEDED | more);
}

static void mask_is_honest(struct kunit *test)
{
	struct hvdpa_device *hv = fake_device(test);

	KUNIT_EXPECT_EQ(test, hvdpa_provision_mask(hv->ep),
			MAC | MTU | PAIRS | FEATURES);
	hv->ep->supported &= ~BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR);
	KUNIT_EXPECT_EQ(test, hvdpa_provision_mask(hv->ep),
			MTU | PAIRS | FEATURES);
	hv->ep->type = VIRTIO_ID_BLOCK;
	KUNIT_EXPECT_EQ(test, hvdpa_provision_mask(hv->ep), FEATURES);
}

static void configuration_says_what_was_given(struct kunit *test)
{
	static const struct vdpa_dev_set_config config = {
		.mask = MAC | MTU | PAIRS,
		.net.mac = { 2, 0, 0, 0, 0, 1 },
		.net.mtu = 1400,
		.net.max_vq_pairs = 2,
	};
	struct hvdpa_device *hv = fake_device(test);
	u8 whole[24], part[24];
	unsigned int offset, len;

	hv->ep->config_len = 10;
	KUNIT_ASSERT_EQ(test, 0, hvdpa_provision(hv, "name", &config));
	/* A field that the card's configuration is too short for. */
	KUNIT_EXPECT_EQ(test, hvdpa_provision_config_size(hv), 12);

	hvdpa_provision_config_read(hv, 0, whole, sizeof(whole));
	KUNIT_EXPECT_MEMEQ(test, whole, mac, sizeof(mac));
	KUNIT_EXPECT_EQ(test, whole[6], 0xa6);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(whole + 8), 2);
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(whole + 10), 1400);
	KUNIT_EXPECT_EQ(test, whole[12], 0);

	for (offset = 0; offset < sizeof(whole); offset++) {
		for (len = 0; len <= sizeof(whole) - offset; len++) {
			hvdpa_provision_config_read(hv, offset, part, len);
			KUNIT_EXPECT_MEMEQ(test, part, whole + offset, len);
		}
	}
}

/* Of a device that needs a reset, where there is a link to be told of. */
static void device_that_needs_a_reset_has_no_link(struct kunit *test)
{
	const size_t at = offsetof(struct virtio_net_config, status);
	struct hvdpa_device *hv = fake_device(test);
	__le16 up = cpu_to_le16(VIRTIO_NET_S_LINK_UP), status;

	hvdpa_config_write(hv->ep, at, &up, sizeof(up));
	hv->features = BIT_ULL(VIRTIO_NET_F_STATUS);
	hvdpa_provision_config_read(hv, at, &status, sizeof(status));
	KUNIT_EXPECT_EQ(test, status, up);

	hv->status = VIRTIO_CONFIG_S_DRIVER_OK | VIRTIO_CONFIG_S_NEEDS_RESET;
	hvdpa_provision_config_read(hv, at, &status, sizeof(status));
	KUNIT_EXPECT_EQ(test, status, 0);

	hv->features = 0;
	hvdpa_provision_config_read(hv, at, &status, sizeof(status));
	KUNIT_EXPECT_EQ(test, status, up);

	hv->features = BIT_ULL(VIRTIO_NET_F_STATUS);
	hv->ep->type = VIRTIO_ID_BLOCK;
	hvdpa_provision_config_read(hv, at, &status, sizeof(status));
	KUNIT_EXPECT_EQ(test, status, up);
}

static void card_is_told_of_what_it_knows(struct kunit *test)
{
	static const struct vdpa_dev_set_config config = {
		.mask = MAC | MTU,
		.net.mac = { 2, 0, 0, 0, 0, 1 },
		.net.mtu = 1400,
	};
	struct hvdpa_device *hv = fake_device(test);

	KUNIT_ASSERT_EQ(test, 0, hvdpa_provision(hv, "name", &config));
	KUNIT_EXPECT_TRUE(test, hv->features & BIT_ULL(VIRTIO_NET_F_MTU));

	/* An owner that takes the MTU, which the card has none of. */
	hv->driver_features = HVDPA_FEATURES_NEEDED | BIT_ULL(VIRTIO_NET_F_MTU);
	mutex_lock(&hv->ep->lock);
	KUNIT_EXPECT_EQ(test, hvdpa_provision_device_features(hv),
			HVDPA_FEATURES_NEEDED | BIT_ULL(VIRTIO_NET_F_CTRL_VQ) |
			BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR));
	/* A netdev's queue is borrowed, where the card can give it back. */
	hv->dma_api = true;
	KUNIT_EXPECT_FALSE(test, hvdpa_provision_device_features(hv) &
			   BIT_ULL(VIRTIO_F_RING_RESET));
	hv->ep->offered = BIT_ULL(VIRTIO_F_RING_RESET);
	KUNIT_EXPECT_TRUE(test, hvdpa_provision_device_features(hv) &
			  BIT_ULL(VIRTIO_F_RING_RESET));
	/* An owner's queue is stopped alone where the card can. */
	hv->dma_api = false;
	KUNIT_EXPECT_TRUE(test, hvdpa_provision_device_features(hv) &
			  BIT_ULL(VIRTIO_F_RING_RESET));
	mutex_unlock(&hv->ep->lock);
}

static void one_pair_has_no_mq(struct kunit *test)
{
	static const struct vdpa_dev_set_config config = {
		.mask = PAIRS,
		.net.max_vq_pairs = 1,
	};
	struct hvdpa_device *hv = fake_device(test);

	KUNIT_ASSERT_EQ(test, 0, hvdpa_provision(hv, "name", &config));
	KUNIT_EXPECT_FALSE(test, hv->features & BIT_ULL(VIRTIO_NET_F_MQ));
	KUNIT_EXPECT_EQ(test, 2, hvdpa_control_index(hv, hv->features));
}

static void control_queue_has_two_numbers(struct kunit *test)
{
	static const struct vdpa_dev_set_config config = {
		.mask = PAIRS,
		.net.max_vq_pairs = 2,
	};
	struct hvdpa_device *hv = fake_device(test);
	struct hvdpa_vring vring = { .hv = hv };
	u64 single = OFFERED & ~BIT_ULL(VIRTIO_NET_F_MQ);
	u16 i;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_provision(hv, "name", &config));
	for (i = 0; i < 5; i++) {
		vring.idx = i;
		hvdpa_vring_number(&vring, OFFERED);
		KUNIT_EXPECT_EQ(test, vring.hw_idx, i == 4 ? 8 : i);
		hvdpa_vring_number(&vring, single);
		KUNIT_EXPECT_EQ(test, vring.hw_idx, i);
	}
}

static void owner_may_write_its_address(struct kunit *test)
{
	static const struct vdpa_dev_set_config none;
	static const u8 group[ETH_ALEN] = { 3 };
	struct hvdpa_device *hv = fake_device(test);

	KUNIT_ASSERT_EQ(test, 0, hvdpa_provision(hv, "name", &none));
	/* Not followed here: that there is one is what counts. */
	hv->control = (struct hvdpa_control *)hv;

	mutex_lock(&hv->ep->lock);
	KUNIT_EXPECT_FALSE(test, hvdpa_provision_owner_mac(hv, 0, group, 6));
	KUNIT_EXPECT_FALSE(test, hvdpa_provision_owner_mac(hv, 0, mac, 5));
	KUNIT_EXPECT_FALSE(test, hvdpa_provision_owner_mac(hv, 1, mac, 6));
	KUNIT_EXPECT_NULL(test, hvdpa_provision_mac_of(hv));
	KUNIT_EXPECT_TRUE(test, hvdpa_provision_owner_mac(hv, 0, mac, 6));
	KUNIT_EXPECT_PTR_EQ(test, hvdpa_provision_mac_of(hv),
			    (const u8 *)hv->owner_mac);
	/* Its own reset, another's, and that of a card without an owner. */
	hvdpa_provision_forget_owner(hv, current);
	KUNIT_EXPECT_NOT_NULL(test, hvdpa_provision_mac_of(hv));
	hvdpa_provision_forget_owner(hv, &init_task);
	KUNIT_EXPECT_NULL(test, hvdpa_provision_mac_of(hv));
	KUNIT_EXPECT_TRUE(test, hvdpa_provision_owner_mac(hv, 0, mac, 6));
	hvdpa_provision_forget_owner(hv, NULL);
	KUNIT_EXPECT_NULL(test, hvdpa_provision_mac_of(hv));

	hv->features &= ~BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR);
	KUNIT_EXPECT_FALSE(test, hvdpa_provision_owner_mac(hv, 0, mac, 6));
	hv->features |= BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR);
	hv->has_mac = true;
	KUNIT_EXPECT_FALSE(test, hvdpa_provision_owner_mac(hv, 0, mac, 6));
	mutex_unlock(&hv->ep->lock);
}

static struct kunit_case provision_test_cases[] = {
	KUNIT_CASE_PARAM(attributes_are_taken_or_refused,
			 provision_gen_params),
	KUNIT_CASE(default_is_what_can_move),
	KUNIT_CASE(mask_is_honest),
	KUNIT_CASE(configuration_says_what_was_given),
	KUNIT_CASE(device_that_needs_a_reset_has_no_link),
	KUNIT_CASE(card_is_told_of_what_it_knows),
	KUNIT_CASE(one_pair_has_no_mq),
	KUNIT_CASE(control_queue_has_two_numbers),
	KUNIT_CASE(owner_may_write_its_address),
	{}
};

static struct kunit_suite provision_suite = {
	.name = "hvdpa-provision",
	.test_cases = provision_test_cases,
};

kunit_test_suite(provision_suite);
