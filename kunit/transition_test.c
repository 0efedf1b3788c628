// SPDX-License-Identifier: GPL-2.0-only
/*
 * From which state an endpoint, a device and a virtqueue may go to which: every pair.
 */
#include <kunit/test.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_ids.h>

#include "fake_function.h"

struct pair {
	u8 from;
	u8 to;
};

static bool is_legal(const struct pair *pairs, size_t n, u8 from, u8 to)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (pairs[i].from == from && pairs[i].to == to)
			return true;
	return false;
}

static void endpoint_goes_only_where_it_may(struct kunit *test)
{
	static const struct pair legal[] = {
		{ HVDPA_ENDPOINT_LIVE, HVDPA_ENDPOINT_LOST },
		{ HVDPA_ENDPOINT_LIVE, HVDPA_ENDPOINT_LEAVING },
		{ HVDPA_ENDPOINT_LEAVING, HVDPA_ENDPOINT_GONE },
		{ HVDPA_ENDPOINT_LOST, HVDPA_ENDPOINT_LIVE },
		{ HVDPA_ENDPOINT_LOST, HVDPA_ENDPOINT_GONE },
	};
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_endpoint *ep = &fake->pci.ep;
	u8 from, to;

	mutex_lock(&ep->lock);
	for (from = 0; from <= HVDPA_ENDPOINT_GONE; from++)
		for (to = 0; to <= HVDPA_ENDPOINT_GONE; to++) {
			bool may = is_legal(legal, ARRAY_SIZE(legal), from, to);

			ep->state = from;
			KUNIT_EXPECT_EQ(test, hvdpa_endpoint_set_state(ep, to), may);
			KUNIT_EXPECT_EQ(test, ep->state, may ? to : from);
		}
	mutex_unlock(&ep->lock);
}

static void device_goes_only_where_it_may(struct kunit *test)
{
	static const struct pair legal[] = {
		{ HVDPA_DEVICE_STOPPED, HVDPA_DEVICE_RUNNING },
		{ HVDPA_DEVICE_STOPPED, HVDPA_DEVICE_REVOKED },
		{ HVDPA_DEVICE_RUNNING, HVDPA_DEVICE_SUSPENDED },
		{ HVDPA_DEVICE_RUNNING, HVDPA_DEVICE_STOPPED },
		{ HVDPA_DEVICE_RUNNING, HVDPA_DEVICE_REVOKED },
		{ HVDPA_DEVICE_SUSPENDED, HVDPA_DEVICE_RUNNING },
		{ HVDPA_DEVICE_SUSPENDED, HVDPA_DEVICE_STOPPED },
		{ HVDPA_DEVICE_SUSPENDED, HVDPA_DEVICE_REVOKED },
		{ HVDPA_DEVICE_REVOKED, HVDPA_DEVICE_STOPPED },
	};
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_device *hv = hvdpa_fake_add_device(test, fake);
	u8 from, to;

	mutex_lock(&hv->ep->lock);
	for (from = 0; from <= HVDPA_DEVICE_SUSPENDED; from++)
		for (to = 0; to <= HVDPA_DEVICE_SUSPENDED; to++) {
			bool may = is_legal(legal, ARRAY_SIZE(legal), from, to);

			hv->state = from;
			KUNIT_EXPECT_EQ(test, hvdpa_device_set_state(hv, to), may);
			KUNIT_EXPECT_EQ(test, hv->state, may ? to : from);
		}
	mutex_unlock(&hv->ep->lock);
}

static void virtqueue_goes_only_where_it_may(struct kunit *test)
{
	static const struct pair legal[] = {
		{ HVDPA_VRING_OFF, HVDPA_VRING_HELD },
		{ HVDPA_VRING_HELD, HVDPA_VRING_OFF },
		{ HVDPA_VRING_HELD, HVDPA_VRING_LIVE },
		{ HVDPA_VRING_LIVE, HVDPA_VRING_HELD },
	};
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_device *hv = hvdpa_fake_add_device(test, fake);
	struct hvdpa_vring vring = { .hv = hv };
	u8 from, to;

	mutex_lock(&hv->ep->lock);
	for (from = 0; from <= HVDPA_VRING_LIVE; from++)
		for (to = 0; to <= HVDPA_VRING_LIVE; to++) {
			bool may = is_legal(legal, ARRAY_SIZE(legal), from, to);

			vring.state = from;
			KUNIT_EXPECT_EQ(test, hvdpa_vring_set_state(&vring, to), may);
			KUNIT_EXPECT_EQ(test, vring.state, may ? to : from);
		}
	mutex_unlock(&hv->ep->lock);
}

/* A reset from outside must not bring back what is about to go. */
static void endpoint_that_leaves_does_not_come_back(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_endpoint *ep = &fake->pci.ep;

	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), 0);
	hvdpa_fake_add_device(test, fake);
	pci_set_drvdata(&fake->pdev, &fake->fn);
	mutex_lock(&ep->lock);
	hvdpa_endpoint_leave(ep);
	mutex_unlock(&ep->lock);
	/* It can be reset yet: its device is stopped in good order. */
	KUNIT_EXPECT_EQ(test, hvdpa_fake_reset(fake), 0);

	hvdpa_error_handlers.reset_prepare(&fake->pdev);
	fake->common.cfg.device_status = 0;
	hvdpa_error_handlers.reset_done(&fake->pdev);
	KUNIT_EXPECT_TRUE(test, hvdpa_endpoint_is_lost(ep));
	KUNIT_EXPECT_FALSE(test, hvdpa_fake_is_master(fake));
	KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(fake), -ENODEV);
}

static struct kunit_case transition_cases[] = {
	KUNIT_CASE(endpoint_goes_only_where_it_may),
	KUNIT_CASE(device_goes_only_where_it_may),
	KUNIT_CASE(virtqueue_goes_only_where_it_may),
	KUNIT_CASE(endpoint_that_leaves_does_not_come_back),
	{}
};

static struct kunit_suite transition_suite = {
	.name = "hvdpa-transition",
	.test_cases = transition_cases,
};

kunit_test_suite(transition_suite);
