// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that was given up comes back if it is what it was, and stays
 * given up if it is not.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/unaligned.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>

#include "fake_function.h"

static u8 status_stuck(struct hvdpa_endpoint *ep)
{
	return 0x0f;
}

/* A function with a device whose owner ran it, given up. */
static struct hvdpa_fake *make_dead(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_endpoint *ep = &fake->pci.ep;
	struct hvdpa_device *hv;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), 0);
	hv = hvdpa_fake_add_device(test, fake);
	hv->status = 0x0f;
	hv->state = HVDPA_DEVICE_RUNNING;

	mutex_lock(&ep->lock);
	hvdpa_endpoint_mark_dead(ep, "a test wants it");
	mutex_unlock(&ep->lock);
	KUNIT_EXPECT_STREQ(test, ep->death, "a test wants it");
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
	return fake;
}

static void revived_function_works_once_its_owner_resets(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);
	struct hvdpa_device *hv = fake->pci.ep.device;

	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_TRUE(test, hvdpa_fake_is_master(fake));
	KUNIT_EXPECT_FALSE(test, hvdpa_device_is_running(hv));
	KUNIT_EXPECT_EQ(test, hv->status, 0x0f | VIRTIO_CONFIG_S_NEEDS_RESET);

	mutex_lock(&fake->pci.ep.lock);
	KUNIT_EXPECT_EQ(test, hvdpa_device_reset(hv), 0);
	mutex_unlock(&fake->pci.ep.lock);
	KUNIT_EXPECT_EQ(test, hv->status, 0);
}

static void revoked_device_gets_no_dma_back(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);

	fake->pci.ep.device->state = HVDPA_DEVICE_REVOKED;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), 0);
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
}

static void function_without_a_device_gets_no_dma(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);

	fake->pci.ep.device = NULL;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), 0);
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
}

static void function_that_is_alive_is_left_alone(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);

	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), 0);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
}

static void expect_still_dead(struct kunit *test, struct hvdpa_fake *fake,
			      int err, unsigned int flrs)
{
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), err);
	KUNIT_EXPECT_EQ(test, fake->flrs, flrs);
	KUNIT_EXPECT_TRUE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
}

static void function_that_hangs_stays_given_up(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);

	fake->transport.get_status = status_stuck;
	expect_still_dead(test, fake, -ETIMEDOUT, 1);
}

static void function_that_is_another_stays_given_up(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);

	hvdpa_fake_offer(fake, HVDPA_FAKE_BASE | HVDPA_FAKE_PACKED);
	expect_still_dead(test, fake, -EIO, 1);
}

static void function_without_flr_stays_given_up(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);

	fake->pdev.devcap = 0;
	expect_still_dead(test, fake, -ENOTTY, 0);
}

static void function_that_is_not_there_stays_given_up(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);

	put_unaligned_le16(0xffff, fake->config + PCI_COMMAND);
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), -ENODEV);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	KUNIT_EXPECT_TRUE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
}

static void function_that_is_removed_stays_given_up(struct kunit *test)
{
	struct hvdpa_fake *fake = make_dead(test);

	fake->pci.ep.state = HVDPA_ENDPOINT_GONE;
	expect_still_dead(test, fake, -ENODEV, 0);
}

static struct kunit_case hvdpa_health_cases[] = {
	KUNIT_CASE(revived_function_works_once_its_owner_resets),
	KUNIT_CASE(revoked_device_gets_no_dma_back),
	KUNIT_CASE(function_without_a_device_gets_no_dma),
	KUNIT_CASE(function_that_is_alive_is_left_alone),
	KUNIT_CASE(function_that_hangs_stays_given_up),
	KUNIT_CASE(function_that_is_another_stays_given_up),
	KUNIT_CASE(function_without_flr_stays_given_up),
	KUNIT_CASE(function_that_is_not_there_stays_given_up),
	KUNIT_CASE(function_that_is_removed_stays_given_up),
	{}
};

static struct kunit_suite hvdpa_health_suite = {
	.name = "hvdpa-health",
	.test_cases = hvdpa_health_cases,
};

kunit_test_suites(&hvdpa_health_suite);
