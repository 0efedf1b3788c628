// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets that are not the driver's: what the PCI core and the power management
 * call, in their order.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>

#include "fake_function.h"

static u8 status_stuck(struct hvdpa_endpoint *ep)
{
	return 0x0f;
}

/* A function with a device whose owner runs it. */
static struct hvdpa_fake *make_running(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_device *hv;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), 0);
	hv = hvdpa_fake_add_device(test, fake);
	hv->status = 0x0f;
	hv->state = HVDPA_DEVICE_RUNNING;
	pci_set_drvdata(&fake->pdev, &fake->fn);
	return fake;
}

static void expect_lost(struct kunit *test, struct hvdpa_fake *fake)
{
	KUNIT_EXPECT_TRUE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
	KUNIT_EXPECT_EQ(test, fake->pci.ep.device->status,
			0x0f | VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void expect_back(struct kunit *test, struct hvdpa_fake *fake)
{
	KUNIT_EXPECT_FALSE(test, hvdpa_endpoint_is_lost(&fake->pci.ep));
	KUNIT_EXPECT_FALSE(test, hvdpa_device_is_running(fake->pci.ep.device));
	KUNIT_EXPECT_TRUE(test, hvdpa_fake_is_master(fake));
	/* Until its owner has reset it. */
	KUNIT_EXPECT_EQ(test, fake->pci.ep.device->status,
			0x0f | VIRTIO_CONFIG_S_NEEDS_RESET);
}

static void reset_from_outside(struct kunit *test)
{
	struct hvdpa_fake *fake = make_running(test);

	hvdpa_error_handlers.reset_prepare(&fake->pdev);
	expect_lost(test, fake);
	KUNIT_EXPECT_STREQ(test, fake->pci.ep.death, "a reset from outside");
	/* Not two resets at once. */
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), -EBUSY);
	fake->common.cfg.device_status = 0;
	hvdpa_error_handlers.reset_done(&fake->pdev);
	expect_back(test, fake);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
}

static void reset_from_outside_that_does_not_help(struct kunit *test)
{
	struct hvdpa_fake *fake = make_running(test);

	hvdpa_error_handlers.reset_prepare(&fake->pdev);
	fake->transport.get_status = status_stuck;
	hvdpa_error_handlers.reset_done(&fake->pdev);
	expect_lost(test, fake);
	/* Somebody may try again. */
	fake->transport.get_status = hvdpa_transport_pci.get_status;
	fake->common.cfg.device_status = 0;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), 0);
	expect_back(test, fake);
}

static void error_that_is_not_fatal_gets_a_reset(struct kunit *test)
{
	struct hvdpa_fake *fake = make_running(test);

	KUNIT_EXPECT_EQ(test, PCI_ERS_RESULT_CAN_RECOVER,
			hvdpa_error_handlers.error_detected(&fake->pdev,
							    pci_channel_io_normal));
	expect_lost(test, fake);
	fake->common.cfg.device_status = 0;
	hvdpa_error_handlers.resume(&fake->pdev);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	expect_back(test, fake);
}

static void error_that_is_fatal_waits_for_the_link(struct kunit *test)
{
	struct hvdpa_fake *fake = make_running(test);

	KUNIT_EXPECT_EQ(test, PCI_ERS_RESULT_NEED_RESET,
			hvdpa_error_handlers.error_detected(&fake->pdev,
							    pci_channel_io_frozen));
	expect_lost(test, fake);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	fake->common.cfg.device_status = 0;
	KUNIT_EXPECT_EQ(test, PCI_ERS_RESULT_RECOVERED,
			hvdpa_error_handlers.slot_reset(&fake->pdev));
	hvdpa_error_handlers.resume(&fake->pdev);
	expect_back(test, fake);
}

/* The slot is being reset: configuration space reads as zeros until it is over. */
static void nobody_else_resets_in_an_error_recovery(struct kunit *test)
{
	struct hvdpa_fake *fake = make_running(test);
	u8 *bar = fake->config + PCI_BASE_ADDRESS_2;

	put_unaligned_le32(0xfe000000, bar);
	kfree(fake->fn.saved);
	pci_clear_master(&fake->pdev);
	KUNIT_ASSERT_EQ(test, hvdpa_function_save(&fake->fn), 0);
	pci_set_master(&fake->pdev);

	hvdpa_error_handlers.error_detected(&fake->pdev, pci_channel_io_frozen);
	put_unaligned_le32(0, bar);
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), -EBUSY);
	KUNIT_EXPECT_EQ(test, fake->flrs, 0);
	/* A reset by sysfs begins and ends in the midst of it. */
	hvdpa_error_handlers.reset_prepare(&fake->pdev);
	hvdpa_error_handlers.reset_done(&fake->pdev);
	expect_lost(test, fake);
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), -EBUSY);

	hvdpa_error_handlers.slot_reset(&fake->pdev);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(bar), 0xfe000000);
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
	fake->common.cfg.device_status = 0;
	hvdpa_error_handlers.resume(&fake->pdev);
	KUNIT_EXPECT_EQ(test, fake->flrs, 1);
	expect_back(test, fake);
	KUNIT_EXPECT_EQ(test, get_unaligned_le32(bar), 0xfe000000);
}

/* Nobody says that a recovery has failed. */
static void recovery_that_never_ends_leaves_the_function_to_others(struct kunit *t)
{
	struct hvdpa_fake *fake = make_running(t);

	hvdpa_error_handlers.error_detected(&fake->pdev, pci_channel_io_frozen);
	KUNIT_EXPECT_EQ(t, hvdpa_fake_revive(fake), -EBUSY);
	fake->fn.recovery_began -= msecs_to_jiffies(HVDPA_RECOVERY_TIMEOUT_MS) + 1;
	fake->common.cfg.device_status = 0;
	KUNIT_EXPECT_EQ(t, hvdpa_fake_revive(fake), 0);
	expect_back(t, fake);
}

static void error_that_is_the_end(struct kunit *test)
{
	struct hvdpa_fake *fake = make_running(test);

	KUNIT_EXPECT_EQ(test, PCI_ERS_RESULT_DISCONNECT,
			hvdpa_error_handlers.error_detected(&fake->pdev,
							    pci_channel_io_perm_failure));
	expect_lost(test, fake);
	/* An administrator may try. */
	fake->common.cfg.device_status = 0;
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), 0);
	expect_back(test, fake);
}

/* With power taken, and called off before it was. */
static void sleep_and_wake(struct kunit *test)
{
	struct hvdpa_fake *fake = make_running(test);
	struct device *dev = &fake->pdev.dev;

	KUNIT_EXPECT_EQ(test, hvdpa_pm_ops.suspend(dev), 0);
	expect_lost(test, fake);
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), -EBUSY);
	fake->common.cfg.device_status = 0;
	KUNIT_EXPECT_EQ(test, hvdpa_pm_ops.resume(dev), 0);
	expect_back(test, fake);
}

static struct kunit_case reset_cases[] = {
	KUNIT_CASE(reset_from_outside),
	KUNIT_CASE(reset_from_outside_that_does_not_help),
	KUNIT_CASE(error_that_is_not_fatal_gets_a_reset),
	KUNIT_CASE(error_that_is_fatal_waits_for_the_link),
	KUNIT_CASE(nobody_else_resets_in_an_error_recovery),
	KUNIT_CASE(recovery_that_never_ends_leaves_the_function_to_others),
	KUNIT_CASE(error_that_is_the_end),
	KUNIT_CASE(sleep_and_wake),
	{}
};

static struct kunit_suite reset_suite = {
	.name = "hvdpa-reset",
	.test_cases = reset_cases,
};

kunit_test_suite(reset_suite);
