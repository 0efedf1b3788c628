// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hardware that lies, hangs or is gone, and what the driver makes of it; and
 * what becomes of a kick that comes before its queue runs.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/limits.h>
#include <linux/unaligned.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_pci.h>

#include "fake_function.h"

#define BASE	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

/* Status registers that are no memory. */

static u8 status_all_ones(struct hvdpa_endpoint *ep)
{
	return 0xff;
}

static u8 status_stuck(struct hvdpa_endpoint *ep)
{
	return 0x0f;
}

static u8 status_stuck_until_flr(struct hvdpa_endpoint *ep)
{
	return hvdpa_fake_of(ep)->flrs ? 0 : 0x0f;
}

static u8 status_gone_after_flr(struct hvdpa_endpoint *ep)
{
	return hvdpa_fake_of(ep)->flrs ? 0xff : 0x0f;
}

/* A device may take a while. */
static u8 status_slow(struct hvdpa_endpoint *ep)
{
	return ++hvdpa_fake_of(ep)->status_reads < 20 ? 0x0f : 0;
}

static u8 status_drops_features_ok(struct hvdpa_endpoint *ep)
{
	return hvdpa_transport_pci.get_status(ep) & ~VIRTIO_CONFIG_S_FEATURES_OK;
}

/* Unplugged once the driver has seen the features. */
static u8 status_gone_at_features_ok(struct hvdpa_endpoint *ep)
{
	u8 status = hvdpa_transport_pci.get_status(ep);

	return status & VIRTIO_CONFIG_S_FEATURES_OK ? 0xff : status;
}

/* After an error that takes a function's life. */
static void expect_dead(struct kunit *test, struct hvdpa_fake *fake)
{
	KUNIT_EXPECT_TRUE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
}

/* Reset */

static void reset_clears_the_status(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->common.cfg.device_status = 0x0f;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->common.cfg.device_status, 0);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_TRUE(test, hvdpa_fake_is_master(fake));
}

static void reset_waits_for_a_slow_device(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_slow;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->status_reads, 20);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
}

static void reset_of_a_function_that_is_gone_gives_it_up(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_all_ones;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	expect_dead(test, fake);
}

static void reset_that_hangs_gets_an_flr_and_then_up(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_stuck;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	expect_dead(test, fake);
}

static void reset_that_hangs_without_flr_gives_up(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->pdev.devcap = 0;
	fake->transport.get_status = status_stuck;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	expect_dead(test, fake);
}

static void flr_saves_a_function_and_its_dma(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_stuck_until_flr;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_TRUE(test, hvdpa_fake_is_master(fake));
	/* What an FLR forgets is back too. */
	KUNIT_EXPECT_EQ(test, get_unaligned_le16(fake->config + PCI_COMMAND),
			PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
}

static void flr_turns_on_no_dma_that_was_off(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	put_unaligned_le16(PCI_COMMAND_MEMORY, fake->config + PCI_COMMAND);
	fake->transport.get_status = status_stuck_until_flr;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
}

static void function_that_an_flr_loses_is_given_up(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_gone_after_flr;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	expect_dead(test, fake);
}

static void dead_function_is_not_touched(struct kunit *test)
{
	struct virtio_pci_modern_common_cfg before;
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	/* All writes show, and a read would find it alive. */
	memset(&fake->common, 0x5a, sizeof(fake->common));
	before = fake->common;
	fake->pci.ep.state = HVDPA_ENDPOINT_LOST;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), -ENODEV);
	KUNIT_EXPECT_EQ(test, hvdpa_fake_agree(fake, BASE), -ENODEV);
	KUNIT_EXPECT_EQ(test, hvdpa_fake_identify(fake), -ENODEV);
	KUNIT_EXPECT_MEMEQ(test, &fake->common, &before, sizeof(before));
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	KUNIT_EXPECT_TRUE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));

	/* Not even the status: this would bring it to life. */
	fake->transport.get_status = status_slow;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), -ENODEV);
	KUNIT_EXPECT_EQ(test, hvdpa_fake_agree(fake, BASE), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->status_reads, 0);
}

struct owner {
	unsigned int told;
	u8 status;
	struct hvdpa_device *hv;
};

static irqreturn_t owner_hears(void *data)
{
	struct owner *owner = data;

	owner->told++;
	owner->status = READ_ONCE(owner->hv->status);
	return IRQ_HANDLED;
}

static void owner_is_told_once_of_a_death(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_device *hv = hvdpa_fake_add_device(test, fake);
	struct owner owner = { .hv = hv };

	hv->config_cb.callback = owner_hears;
	hv->config_cb.private = &owner;
	hv->status = 0x0f;
	mutex_lock(&fake->pci.ep.lock);
	hvdpa_endpoint_mark_dead(&fake->pci.ep, "a test wants it");
	hvdpa_endpoint_mark_dead(&fake->pci.ep, "a test wants it twice");
	mutex_unlock(&fake->pci.ep.lock);
	KUNIT_EXPECT_EQ(test, owner.told, 1);
	/* It is there already when the callback looks. */
	KUNIT_EXPECT_EQ(test, owner.status, 0x0f | VIRTIO_CONFIG_S_NEEDS_RESET);
	expect_dead(test, fake);
}

/* Features */

static void agree_writes_what_was_accepted(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	KUNIT_EXPECT_EQ(test, hvdpa_fake_agree(fake, BASE), 0);
	KUNIT_EXPECT_EQ(test, fake->common.cfg.device_status,
			VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER |
			VIRTIO_CONFIG_S_FEATURES_OK);
	/* The upper half is written last. */
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fake->common.cfg.guest_feature),
			BASE >> 32);
}

static void agree_believes_no_features_ok_that_is_not_kept(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_drops_features_ok;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_agree(fake, BASE), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_EQ(test, hvdpa_fake_identify(fake), -EOPNOTSUPP);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
}

static void agree_sees_that_a_function_is_gone(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_gone_at_features_ok;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_identify(fake), -ENODEV);
	expect_dead(test, fake);
}

/* Identify */

struct identify_case {
	const char *name;
	u32 device_id;
	u32 features;
	u16 num_queues;
	u16 queue_size;
	u16 max_pairs;
	int err;
	bool dead;
	u16 nqueues;
};

#define NET_MQ	(HVDPA_FAKE_BASE | HVDPA_FAKE_NET_MQ | HVDPA_FAKE_CTRL_VQ)
#define NET_CTRL	(HVDPA_FAKE_BASE | HVDPA_FAKE_CTRL_VQ)
/* Bit 28 of the word is bit 60 too: RSS, and no MQ. */
#define NET_RSS	(HVDPA_FAKE_BASE | BIT(28) | HVDPA_FAKE_CTRL_VQ)
#define BLK_MQ	(HVDPA_FAKE_BASE | HVDPA_FAKE_BLK_MQ)

static const struct identify_case identify_cases[] = {
	{ "net", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 3, 256, 1, 0, false, 2 },
	{ "net, control queue", VIRTIO_ID_NET, NET_CTRL, 3, 256, 1, 0, false,
	  3 },
	{ "net, eight pairs", VIRTIO_ID_NET, NET_MQ, 17, 256, 8, 0, false,
	  17 },
	{ "net, eight pairs by RSS alone", VIRTIO_ID_NET, NET_RSS, 17, 256, 8,
	  0, false, 17 },
	{ "net, MQ that lacks a control queue", VIRTIO_ID_NET,
	  HVDPA_FAKE_BASE | HVDPA_FAKE_NET_MQ, 2, 256, 8, 0, false, 2 },
	{ "net, pairs are not read without MQ", VIRTIO_ID_NET, NET_CTRL, 3, 256,
	  0, 0, false, 3 },
	{ "net, more queues than needed", VIRTIO_ID_NET, NET_CTRL, 0xfffe, 256,
	  1, 0, false, 3 },
	{ "block", VIRTIO_ID_BLOCK, HVDPA_FAKE_BASE, 1, 128, 0, 0, false, 1 },
	{ "block, four queues", VIRTIO_ID_BLOCK, BLK_MQ, 4, 128, 0, 0, false,
	  4 },
	{ "block, queues without MQ", VIRTIO_ID_BLOCK, HVDPA_FAKE_BASE, 4, 128,
	  0, 0, false, 1 },

	{ "no feature", VIRTIO_ID_NET, 0, 3, 256, 1, -EOPNOTSUPP, false, 0 },
	{ "no VERSION_1", VIRTIO_ID_NET, BIT(1), 3, 256, 1, -EOPNOTSUPP, false,
	  0 },
	{ "no ACCESS_PLATFORM", VIRTIO_ID_NET, BIT(0), 3, 256, 1, -EOPNOTSUPP,
	  false, 0 },
	{ "block, no ACCESS_PLATFORM", VIRTIO_ID_BLOCK, BIT(0), 1, 256, 1,
	  -EOPNOTSUPP, false, 0 },

	{ "no queue", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 0, 256, 1, -EINVAL,
	  false, 0 },
	{ "one queue", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 1, 256, 1, -EINVAL,
	  false, 0 },
	{ "no control queue", VIRTIO_ID_NET, NET_CTRL, 2, 256, 1, -EINVAL,
	  false, 0 },
	{ "one queue less than pairs", VIRTIO_ID_NET, NET_MQ, 16, 256, 8,
	  -EINVAL, false, 0 },
	{ "num_queues all-ones", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 0xffff, 256, 1,
	  -ENODEV, true, 0 },
	{ "num_queues all-ones, most pairs", VIRTIO_ID_NET, NET_MQ, 0xffff, 256,
	  0x8000, -ENODEV, true, 0 },
	{ "more pairs than 16 bits of queues", VIRTIO_ID_NET, NET_MQ, 1, 256,
	  0x8000, -EINVAL, false, 0 },
	{ "block, no queue", VIRTIO_ID_BLOCK, HVDPA_FAKE_BASE, 0, 256, 1,
	  -EINVAL, false, 0 },
	{ "block, MQ, no queue", VIRTIO_ID_BLOCK, BLK_MQ, 0, 256, 1, -EINVAL,
	  false, 0 },
	{ "block, MQ, num_queues all-ones", VIRTIO_ID_BLOCK, BLK_MQ, 0xffff,
	  256, 1, -ENODEV, true, 0 },

	{ "no pair", VIRTIO_ID_NET, NET_MQ, 17, 256, 0, -EINVAL, false, 0 },
	{ "too many pairs", VIRTIO_ID_NET, NET_MQ, 17, 256, 0x8001, -EINVAL,
	  false, 0 },
	{ "pairs all-ones", VIRTIO_ID_NET, NET_MQ, 17, 256, 0xffff, -EINVAL,
	  false, 0 },

	{ "queue of no entry", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 3, 0, 1, -EINVAL,
	  false, 0 },
	{ "queue_size all-ones", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 3, 0xffff, 1,
	  -ENODEV, true, 0 },
	{ "packed, queue_size all-ones", VIRTIO_ID_NET,
	  HVDPA_FAKE_BASE | HVDPA_FAKE_PACKED, 3, 0xffff, 1, -ENODEV, true,
	  0 },
	{ "queue of 40000", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 3, 40000, 1,
	  -EINVAL, false, 0 },
	{ "packed, queue of 40000", VIRTIO_ID_NET,
	  HVDPA_FAKE_BASE | HVDPA_FAKE_PACKED, 3, 40000, 1, -EINVAL, false,
	  0 },
	{ "split, queue of 300", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 3, 300, 1,
	  -EINVAL, false, 0 },
	{ "packed, queue of 300", VIRTIO_ID_NET,
	  HVDPA_FAKE_BASE | HVDPA_FAKE_PACKED, 3, 300, 1, 0, false, 2 },
	{ "queue of one entry", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 3, 1, 1, 0,
	  false, 2 },
	{ "queue of 32768", VIRTIO_ID_NET, HVDPA_FAKE_BASE, 3, 32768, 1, 0,
	  false, 2 },
	{ "packed, queue of 32768", VIRTIO_ID_NET,
	  HVDPA_FAKE_BASE | HVDPA_FAKE_PACKED, 3, 32768, 1, 0, false, 2 },
};

KUNIT_ARRAY_PARAM_DESC(identify, identify_cases, name);

static struct hvdpa_fake *make_case(struct kunit *test,
				    const struct identify_case *c)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, c->device_id);

	hvdpa_fake_offer(fake, c->features);
	fake->common.cfg.num_queues = cpu_to_le16(c->num_queues);
	fake->common.cfg.queue_size = cpu_to_le16(c->queue_size);
	put_unaligned_le16(c->max_pairs, fake->device +
			   offsetof(struct virtio_net_config,
				    max_virtqueue_pairs));
	return fake;
}

static void identify_refuses_what_contradicts_itself(struct kunit *test)
{
	const struct identify_case *c = test->param_value;
	struct hvdpa_fake *fake = make_case(test, c);
	struct hvdpa_endpoint *ep = &fake->pci.ep;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), c->err);
	KUNIT_EXPECT_EQ(test, hvdpa_endpoint_is_lost(ep), c->dead);
	KUNIT_EXPECT_EQ(test, ep->offered,
			(u64)c->features << 32 | c->features);
	if (c->dead)
		expect_dead(test, fake);
	if (c->err)
		return;

	KUNIT_EXPECT_EQ(test, ep->nqueues, c->nqueues);
	KUNIT_EXPECT_EQ(test, ep->supported,
			hvdpa_features_complete(hvdpa_features_supported(ep->offered),
						c->device_id));
	KUNIT_EXPECT_EQ(test, ep->queue_size_max, c->queue_size);
	/* It is left reset. */
	KUNIT_EXPECT_EQ(test, fake->common.cfg.device_status, 0);
	KUNIT_EXPECT_TRUE(test, hvdpa_fake_is_master(fake));
}

static void identify_believes_no_pairs_beyond_the_configuration(struct kunit *t)
{
	static const struct identify_case c = {
		"", VIRTIO_ID_NET, NET_MQ, 17, 256, 8, 0, false, 17
	};
	struct hvdpa_fake *fake = make_case(t, &c);

	fake->pci.ep.config_len = offsetof(struct virtio_net_config,
					   max_virtqueue_pairs);
	KUNIT_EXPECT_EQ(t, hvdpa_fake_identify(fake), -EINVAL);

	/* Of two bytes only the lower is there. */
	fake = make_case(t, &c);
	put_unaligned_le16(0x100, fake->device +
			   offsetof(struct virtio_net_config,
				    max_virtqueue_pairs));
	fake->pci.ep.config_len = offsetof(struct virtio_net_config,
					   max_virtqueue_pairs) + 1;
	KUNIT_EXPECT_EQ(t, hvdpa_fake_identify(fake), -EINVAL);

	fake = make_case(t, &c);
	fake->pci.ep.config_len = 0;
	KUNIT_EXPECT_EQ(t, hvdpa_fake_identify(fake), -EINVAL);
}

static void identify_of_a_function_that_is_gone_gives_it_up(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_all_ones;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_identify(fake), -ENODEV);
	expect_dead(test, fake);
	KUNIT_EXPECT_NULL(test, fake->pci.ep.queues);
}

static void identify_of_a_function_that_hangs_gives_it_up(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	fake->transport.get_status = status_stuck;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_identify(fake), -ETIMEDOUT);
	expect_dead(test, fake);
	KUNIT_EXPECT_NULL(test, fake->pci.ep.queues);
}

struct notify_case {
	const char *name;
	u16 notify_off;
	u32 multiplier;
	u32 length;
	int err;
};

static const struct notify_case notify_cases[] = {
	{ "at the start", 0, 4, 0x100, 0 },
	{ "just large enough", 0, 4, 2, 0 },
	{ "all at one place", 0xffff, 0, 2, 0 },
	{ "the last place", 63, 4, 0x100, 0 },
	{ "the last two bytes", 127, 2, 0x100, 0 },
	{ "one place too far", 64, 4, 0x100, -EINVAL },
	{ "one byte too far", 1, 4, 5, -EINVAL },
	{ "exactly to the end", 1, 4, 6, 0 },
	{ "far outside", 0xffff, 4, 0x100, -EINVAL },
	{ "product beyond 32 bits is in range again", 4, 0x40000000, 0x100,
	  -EINVAL },
	{ "largest product", 0xffff, 0xffffffff, 0xffffffff, -EINVAL },
	{ "odd", 1, 3, 0x100, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(notify, notify_cases, name);

static void identify_refuses_doorbells_outside_notify(struct kunit *test)
{
	const struct notify_case *c = test->param_value;
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_endpoint *ep = &fake->pci.ep;
	u16 i;

	fake->common.cfg.queue_notify_off = cpu_to_le16(c->notify_off);
	fake->pci.mdev.notify_offset_multiplier = c->multiplier;
	fake->fn.regions[HVDPA_REGION_NOTIFY].length = c->length;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), c->err);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(ep));
	if (c->err) {
		KUNIT_EXPECT_NULL(test, (void __force *)fake->pci.notify);
		return;
	}
	for (i = 0; i < ep->nqueues; i++) {
		KUNIT_EXPECT_EQ(test, ep->queues[i].notify_off, c->notify_off);
		KUNIT_EXPECT_PTR_EQ(test,
				    (void __force *)ep->queues[i].doorbell,
				    (void __force *)(fake->pci.notify +
						     c->notify_off *
						     c->multiplier));
	}
}

static int read_size(struct hvdpa_fake *fake, u16 says, u16 *size)
{
	int err;

	fake->common.cfg.queue_size = cpu_to_le16(says);
	mutex_lock(&fake->pci.ep.lock);
	err = hvdpa_endpoint_read_queue_size(&fake->pci.ep, 1, false, size);
	mutex_unlock(&fake->pci.ep.lock);
	return err;
}

/* Once a queue may have no entries: these features do not have it. */
static void sizes_are_read_again_for_the_features(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_endpoint *ep = &fake->pci.ep;
	u16 size;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), 0);
	KUNIT_EXPECT_EQ(test, ep->queues[1].size, 256);

	KUNIT_EXPECT_EQ(test, read_size(fake, 64, &size), 0);
	KUNIT_EXPECT_EQ(test, size, 64);
	KUNIT_EXPECT_EQ(test, read_size(fake, 0, &size), 0);
	KUNIT_EXPECT_EQ(test, size, 0);
	KUNIT_EXPECT_EQ(test, read_size(fake, 100, &size), -EINVAL);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(ep));
	/* What the next owner may have is not changed by this one's features. */
	KUNIT_EXPECT_EQ(test, ep->queues[1].size, 256);
}

struct size_case {
	const char *name;
	u32 size;
	bool split;
	bool packed;
};

static const struct size_case size_cases[] = {
	{ "0", 0, false, false },
	{ "1", 1, true, true },
	{ "2", 2, true, true },
	{ "3", 3, false, true },
	{ "256", 256, true, true },
	{ "32767", 32767, false, true },
	{ "32768", 32768, true, true },
	{ "32769", 32769, false, false },
	{ "65536", 65536, false, false },
	{ "2 to the 31", 1U << 31, false, false },
};

KUNIT_ARRAY_PARAM_DESC(size, size_cases, name);

static void queue_sizes_that_are_ok(struct kunit *test)
{
	const struct size_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, hvdpa_queue_size_ok(c->size, false), c->split);
	KUNIT_EXPECT_EQ(test, hvdpa_queue_size_ok(c->size, true), c->packed);
}

/* A device that ends before queue_reset has something else there. */
static void reset_of_a_queue_needs_its_register(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct virtio_pci_modern_common_cfg before = fake->common;
	size_t end = offsetofend(struct virtio_pci_modern_common_cfg,
				 queue_reset);

	mutex_lock(&fake->pci.ep.lock);
	fake->pci.mdev.common_len = sizeof(struct virtio_pci_common_cfg);
	KUNIT_EXPECT_EQ(test, hvdpa_endpoint_reset_queue(&fake->pci.ep, 0),
			-EOPNOTSUPP);
	fake->pci.mdev.common_len = end - 1;
	KUNIT_EXPECT_EQ(test, hvdpa_endpoint_reset_queue(&fake->pci.ep, 0),
			-EOPNOTSUPP);
	mutex_unlock(&fake->pci.ep.lock);
	KUNIT_EXPECT_MEMEQ(test, &fake->common, &before, sizeof(before));
}

static u16 is_gone(struct hvdpa_endpoint *ep)
{
	return HVDPA_ALL_ONES_16;
}

static u16 never_ends(struct hvdpa_endpoint *ep)
{
	return 1;
}

static void reset_of_a_queue_ends(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_endpoint *ep = &fake->pci.ep;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), 0);
	fake->pci.mdev.common_len = sizeof(struct virtio_pci_modern_common_cfg);
	mutex_lock(&ep->lock);
	fake->transport.queue_in_reset = never_ends;
	KUNIT_EXPECT_EQ(test, hvdpa_endpoint_reset_queue(ep, 0), -ETIMEDOUT);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(ep));
	fake->transport.queue_in_reset = is_gone;
	KUNIT_EXPECT_EQ(test, hvdpa_endpoint_reset_queue(ep, 0), -ENODEV);
	KUNIT_EXPECT_TRUE(test, hvdpa_endpoint_is_lost(ep));
	mutex_unlock(&ep->lock);
}

/*
 * The last reference to a device may be put when the module is gone: what vdpa
 * looks at then must be in the device, and nothing of ours be called.
 */
static void operations_go_with_the_device(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_device *hv = hvdpa_fake_add_device(test, fake);

	hvdpa_vdpa_ops_fit(hv);
	KUNIT_EXPECT_PTR_EQ(test, hv->vdpa.config,
			    (const struct vdpa_config_ops *)&hv->ops);
	KUNIT_EXPECT_NULL(test, hv->ops.free);
}

/* What vhost refuses before it asks, another consumer may not. */
static void queue_beyond_the_device_is_refused(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_device *hv = hvdpa_fake_add_device(test, fake);
	const struct vdpa_config_ops *ops = &hvdpa_vdpa_ops;
	struct vdpa_device *vdpa = &hv->vdpa;
	struct netlink_ext_ack extack = {};
	struct vdpa_vq_state state = {};
	struct vdpa_callback cb = {};

	KUNIT_ASSERT_EQ(test, hv->nvqs, 0);
	ops->set_vq_num(vdpa, 0, 16);
	ops->kick_vq(vdpa, 0);
	ops->set_vq_cb(vdpa, 0, &cb);
	ops->set_vq_ready(vdpa, 0, true);
	KUNIT_EXPECT_FALSE(test, ops->get_vq_ready(vdpa, 0));
	KUNIT_EXPECT_EQ(test, ops->set_vq_address(vdpa, 0, 0, 0, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->set_vq_state(vdpa, 0, &state), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->get_vq_state(vdpa, 0, &state), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->get_vendor_vq_stats(vdpa, 0, NULL, &extack),
			-EINVAL);
	KUNIT_EXPECT_EQ(test, ops->get_vq_notification(vdpa, 0).size, 0);
	KUNIT_EXPECT_EQ(test, ops->get_vq_irq(vdpa, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, ops->get_vq_size(vdpa, 0), 0);
	KUNIT_EXPECT_EQ(test, ops->set_vq_affinity(vdpa, 0, cpu_online_mask),
			-EINVAL);
	KUNIT_EXPECT_NULL(test, ops->get_vq_affinity(vdpa, 0));
}

static struct kunit_case hvdpa_endpoint_cases[] = {
	KUNIT_CASE(reset_clears_the_status),
	KUNIT_CASE(reset_waits_for_a_slow_device),
	KUNIT_CASE(reset_of_a_function_that_is_gone_gives_it_up),
	KUNIT_CASE_SLOW(reset_that_hangs_gets_an_flr_and_then_up),
	KUNIT_CASE_SLOW(reset_that_hangs_without_flr_gives_up),
	KUNIT_CASE_SLOW(flr_saves_a_function_and_its_dma),
	KUNIT_CASE_SLOW(flr_turns_on_no_dma_that_was_off),
	KUNIT_CASE_SLOW(function_that_an_flr_loses_is_given_up),
	KUNIT_CASE(dead_function_is_not_touched),
	KUNIT_CASE(owner_is_told_once_of_a_death),
	KUNIT_CASE(agree_writes_what_was_accepted),
	KUNIT_CASE(agree_believes_no_features_ok_that_is_not_kept),
	KUNIT_CASE(agree_sees_that_a_function_is_gone),
	KUNIT_CASE_PARAM(identify_refuses_what_contradicts_itself,
			 identify_gen_params),
	KUNIT_CASE(identify_believes_no_pairs_beyond_the_configuration),
	KUNIT_CASE(identify_of_a_function_that_is_gone_gives_it_up),
	KUNIT_CASE_SLOW(identify_of_a_function_that_hangs_gives_it_up),
	KUNIT_CASE_PARAM(identify_refuses_doorbells_outside_notify,
			 notify_gen_params),
	KUNIT_CASE(sizes_are_read_again_for_the_features),
	KUNIT_CASE_PARAM(queue_sizes_that_are_ok, size_gen_params),
	KUNIT_CASE(reset_of_a_queue_needs_its_register),
	KUNIT_CASE(reset_of_a_queue_ends),
	KUNIT_CASE(operations_go_with_the_device),
	KUNIT_CASE(queue_beyond_the_device_is_refused),
	{}
};

static struct kunit_suite hvdpa_endpoint_suite = {
	.name = "hvdpa-function",
	.test_cases = hvdpa_endpoint_cases,
};

/* Kicks */

#define QUEUE	2
#define SILENT	0xffff

/**
 * struct bell - a virtqueue and its doorbell
 * @hv: its device
 * @vring: the virtqueue
 * @doorbell: what was written last, or SILENT
 */
struct bell {
	struct hvdpa_device *hv;
	struct hvdpa_vring *vring;
	__le16 doorbell;
};

static struct bell *make_bell(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct bell *bell;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), 0);
	KUNIT_ASSERT_EQ(test, fake->pci.ep.nqueues, QUEUE);
	/* One more than the function has: all that it is asked for is here. */
	kfree(fake->pci.ep.queues);
	fake->pci.ep.queues = kcalloc(QUEUE + 1,
				      sizeof(*fake->pci.ep.queues), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake->pci.ep.queues);

	bell = kunit_kzalloc(test, sizeof(*bell), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bell);
	fake->pci.ep.queues[QUEUE].size = 256;
	fake->pci.ep.queues[QUEUE].doorbell = (void __force __iomem *)
					  &bell->doorbell;
	fake->pci.ep.doorbells_in_memory = true;
	bell->hv = hvdpa_fake_add_device(test, fake);
	bell->hv->nvqs = QUEUE + 1;
	bell->hv->vrings = kunit_kcalloc(test, QUEUE + 1,
					 sizeof(*bell->hv->vrings), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, bell->hv->vrings);
	bell->vring = &bell->hv->vrings[QUEUE];
	hvdpa_vring_init(bell->vring, bell->hv, QUEUE);
	bell->vring->state = HVDPA_VRING_HELD;
	bell->doorbell = cpu_to_le16(SILENT);
	return bell;
}

static void go_live(struct bell *bell)
{
	mutex_lock(&bell->hv->ep->lock);
	hvdpa_vring_go_live(bell->vring);
	mutex_unlock(&bell->hv->ep->lock);
}

static void hold(struct bell *bell)
{
	mutex_lock(&bell->hv->ep->lock);
	hvdpa_vring_hold(bell->vring);
	mutex_unlock(&bell->hv->ep->lock);
}

static void forget(struct bell *bell)
{
	mutex_lock(&bell->hv->ep->lock);
	hvdpa_vring_hold(bell->vring);
	hvdpa_vring_forget(bell->vring);
	mutex_unlock(&bell->hv->ep->lock);
}

/* Was it rung since the last time? */
static bool rung(struct kunit *test, struct bell *bell)
{
	u16 value = le16_to_cpu(READ_ONCE(bell->doorbell));

	WRITE_ONCE(bell->doorbell, cpu_to_le16(SILENT));
	if (value == SILENT)
		return false;
	KUNIT_EXPECT_EQ(test, value, QUEUE);
	return true;
}

static void kick_of_a_live_queue_rings(struct kunit *test)
{
	struct bell *bell = make_bell(test);

	go_live(bell);
	KUNIT_EXPECT_FALSE(test, rung(test, bell));
	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	KUNIT_EXPECT_TRUE(test, rung(test, bell));
	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	KUNIT_EXPECT_TRUE(test, rung(test, bell));
	KUNIT_EXPECT_EQ(test, atomic64_read(&bell->vring->kicks), 2);
}

static void kick_of_a_queue_that_is_told_by_a_port_rings(struct kunit *test)
{
	struct bell *bell = make_bell(test);

	bell->hv->ep->doorbells_in_memory = false;
	go_live(bell);
	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	KUNIT_EXPECT_TRUE(test, rung(test, bell));
	hold(bell);
	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	KUNIT_EXPECT_FALSE(test, rung(test, bell));
	go_live(bell);
	KUNIT_EXPECT_TRUE(test, rung(test, bell));
	KUNIT_EXPECT_EQ(test, atomic64_read(&bell->vring->kicks), 2);
}

static void early_kick_rings_once_when_the_queue_goes_live(struct kunit *test)
{
	struct bell *bell = make_bell(test);

	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	KUNIT_EXPECT_FALSE(test, rung(test, bell));
	go_live(bell);
	KUNIT_EXPECT_TRUE(test, rung(test, bell));
	/* It is not remembered any longer. */
	hold(bell);
	go_live(bell);
	KUNIT_EXPECT_FALSE(test, rung(test, bell));
	KUNIT_EXPECT_EQ(test, atomic64_read(&bell->vring->kicks), 2);
}

static void kick_while_a_queue_pauses_is_remembered(struct kunit *test)
{
	struct bell *bell = make_bell(test);

	go_live(bell);
	hold(bell);
	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	KUNIT_EXPECT_FALSE(test, rung(test, bell));
	go_live(bell);
	KUNIT_EXPECT_TRUE(test, rung(test, bell));
}

static void forget_drops_a_pending_kick(struct kunit *test)
{
	struct bell *bell = make_bell(test);

	hvdpa_kick_vq(&bell->hv->vdpa, QUEUE);
	forget(bell);
	bell->vring->state = HVDPA_VRING_HELD;
	go_live(bell);
	KUNIT_EXPECT_FALSE(test, rung(test, bell));
	/* The counters belong to the device. */
	KUNIT_EXPECT_EQ(test, atomic64_read(&bell->vring->kicks), 1);
}

static irqreturn_t count_call(void *data)
{
	unsigned int *calls = data;

	(*calls)++;
	return IRQ_HANDLED;
}

static void interrupt_before_driver_ok_is_not_passed_on(struct kunit *test)
{
	struct bell *bell = make_bell(test);
	struct hvdpa_vector vector = { .hv = bell->hv, .vring = bell->vring };
	unsigned int calls = 0;

	bell->vring->handler.callback = count_call;
	bell->vring->handler.private = &calls;
	local_irq_disable();
	KUNIT_EXPECT_EQ(test, hvdpa_private_interrupt(1, &vector), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, calls, 0);
	bell->hv->state = HVDPA_DEVICE_RUNNING;
	KUNIT_EXPECT_EQ(test, hvdpa_private_interrupt(1, &vector), IRQ_HANDLED);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, calls, 1);

	/* What it is for stays: a handler may be between the two. */
	bell->hv->state = HVDPA_DEVICE_STOPPED;
	forget(bell);
	KUNIT_EXPECT_NULL(test, bell->vring->handler.callback);
	KUNIT_EXPECT_PTR_EQ(test, bell->vring->handler.private, (void *)&calls);
}

/* One owner's features: fewer entries, packed rings; then the next owner. */
static void features_end_with_their_owner(struct kunit *test)
{
	struct bell *bell = make_bell(test);
	struct hvdpa_vring *vring = bell->vring;
	struct hvdpa_fake *fake = hvdpa_fake_of(vring->hv->ep);

	KUNIT_EXPECT_EQ(test, vring->size, 256);
	KUNIT_EXPECT_FALSE(test, vring->base.avail_wrap);

	vring->hv->driver_features = BIT_ULL(VIRTIO_F_RING_PACKED);
	fake->common.cfg.queue_size = cpu_to_le16(100);
	mutex_lock(&fake->pci.ep.lock);
	KUNIT_EXPECT_EQ(test, hvdpa_vring_agree(vring), 0);
	mutex_unlock(&fake->pci.ep.lock);
	KUNIT_EXPECT_EQ(test, hvdpa_vdpa_ops.get_vq_size(&vring->hv->vdpa, QUEUE),
			100);
	/* An owner that says nothing starts at the beginning. */
	KUNIT_EXPECT_TRUE(test, hvdpa_ring_state_is_initial(&vring->base, true));

	/* One that says something starts there. */
	vring->has_base = true;
	vring->base.avail_idx = 7;
	vring->base.used_idx = 7;
	mutex_lock(&fake->pci.ep.lock);
	KUNIT_EXPECT_EQ(test, hvdpa_vring_agree(vring), 0);
	mutex_unlock(&fake->pci.ep.lock);
	KUNIT_EXPECT_EQ(test, vring->base.avail_idx, 7);

	vring->hv->driver_features = 0;
	forget(bell);
	KUNIT_EXPECT_EQ(test, hvdpa_vdpa_ops.get_vq_size(&vring->hv->vdpa, QUEUE),
			256);
	KUNIT_EXPECT_FALSE(test, vring->has_base);
	KUNIT_EXPECT_TRUE(test,
			  hvdpa_ring_state_is_initial(&vring->base, false));
}

static void forget_forgets_all_that_the_owner_said(struct kunit *test)
{
	struct bell *bell = make_bell(test);
	struct hvdpa_vring *vring = bell->vring;
	unsigned int calls = 0;

	vring->handler.callback = count_call;
	vring->handler.private = &calls;
	vring->desc = 0x1000;
	vring->driver = 0x2000;
	vring->device = 0x3000;
	vring->num = 16;
	vring->has_address = true;
	vring->ready = true;
	vring->state = HVDPA_VRING_HELD;
	vring->base.avail_idx = 5;

	local_irq_disable();
	hvdpa_vring_interrupt(vring);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, calls, 1);

	forget(bell);
	local_irq_disable();
	hvdpa_vring_interrupt(vring);
	local_irq_enable();
	KUNIT_EXPECT_EQ(test, calls, 1);
	KUNIT_EXPECT_EQ(test, vring->interrupts, 2);
	KUNIT_EXPECT_EQ(test, vring->desc, 0);
	KUNIT_EXPECT_EQ(test, vring->driver, 0);
	KUNIT_EXPECT_EQ(test, vring->device, 0);
	KUNIT_EXPECT_EQ(test, vring->num, 256);
	KUNIT_EXPECT_FALSE(test, vring->has_address);
	KUNIT_EXPECT_FALSE(test, vring->ready);
	KUNIT_EXPECT_FALSE(test, hvdpa_vring_is_started(vring));
	KUNIT_EXPECT_TRUE(test,
			  hvdpa_ring_state_is_initial(&vring->base, false));
}

struct arm_case {
	const char *name;
	u32 num;
	bool packed;
	int err;
};

static const struct arm_case arm_cases[] = {
	{ "all entries", 256, false, 0 },
	{ "fewer entries", 64, false, 0 },
	{ "packed, any number", 100, true, 0 },
	{ "split, no power of two", 100, false, -EINVAL },
	{ "no entry", 0, false, -EINVAL },
	{ "more than the device takes", 512, false, -EINVAL },
	{ "more than 16 bits", 0x10000 + 64, false, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(arm, arm_cases, name);

static void arm_tells_the_device_what_it_can_be(struct kunit *test)
{
	const struct arm_case *c = test->param_value;
	struct bell *bell = make_bell(test);
	struct hvdpa_vring *vring = bell->vring;
	struct hvdpa_fake *fake = hvdpa_fake_of(vring->hv->ep);
	int err;

	vring->hv->driver_features = c->packed ?
				     BIT_ULL(VIRTIO_F_RING_PACKED) : 0;
	vring->state = HVDPA_VRING_OFF;
	vring->num = c->num;
	vring->has_address = true;
	vring->desc = 0x123456789000ULL;
	hvdpa_ring_state_initial(&vring->base, c->packed);
	mutex_lock(&fake->pci.ep.lock);
	err = hvdpa_vring_start(vring);
	mutex_unlock(&fake->pci.ep.lock);

	KUNIT_EXPECT_EQ(test, err, c->err);
	KUNIT_EXPECT_EQ(test, hvdpa_vring_is_started(vring), !c->err);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(fake->common.cfg.queue_enable),
			!c->err);
	if (c->err)
		return;
	KUNIT_EXPECT_EQ(test, le16_to_cpu(fake->common.cfg.queue_size), c->num);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(fake->common.cfg.queue_select),
			QUEUE);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fake->common.cfg.queue_desc_lo),
			0x56789000);
	KUNIT_EXPECT_EQ(test, le32_to_cpu(fake->common.cfg.queue_desc_hi),
			0x1234);
}

static struct kunit_case hvdpa_vring_cases[] = {
	KUNIT_CASE(kick_of_a_live_queue_rings),
	KUNIT_CASE(kick_of_a_queue_that_is_told_by_a_port_rings),
	KUNIT_CASE(early_kick_rings_once_when_the_queue_goes_live),
	KUNIT_CASE(kick_while_a_queue_pauses_is_remembered),
	KUNIT_CASE(forget_drops_a_pending_kick),
	KUNIT_CASE(interrupt_before_driver_ok_is_not_passed_on),
	KUNIT_CASE(features_end_with_their_owner),
	KUNIT_CASE(forget_forgets_all_that_the_owner_said),
	KUNIT_CASE_PARAM(arm_tells_the_device_what_it_can_be, arm_gen_params),
	{}
};

static struct kunit_suite hvdpa_vring_suite = {
	.name = "hvdpa-vring",
	.test_cases = hvdpa_vring_cases,
};

kunit_test_suites(&hvdpa_endpoint_suite, &hvdpa_vring_suite);
