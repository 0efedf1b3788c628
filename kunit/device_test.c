// SPDX-License-Identifier: GPL-2.0-only
/*
 * What may come to a device in each of its states, cell by cell, as
 * Documentation/internals.rst has the table.
 */
#include <kunit/static_stub.h>
#include <kunit/test.h>
#include <linux/pci.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>

#include "fake_function.h"

#define BASE	(BIT_ULL(VIRTIO_F_VERSION_1) | BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))
#define SILENT	0xffff

#define ACKNOWLEDGED	VIRTIO_CONFIG_S_ACKNOWLEDGE
#define DRIVEN		(ACKNOWLEDGED | VIRTIO_CONFIG_S_DRIVER)
#define AGREED		(DRIVEN | VIRTIO_CONFIG_S_FEATURES_OK)
#define RUNS		(AGREED | VIRTIO_CONFIG_S_DRIVER_OK)

/* Hardware that can do all and does what it is told. */

static int can_suspend(struct hvdpa_endpoint *ep)
{
	return 0;
}

static int cannot_resume(struct hvdpa_endpoint *ep)
{
	return -EIO;
}

static int stands_at_0(struct hvdpa_endpoint *ep, u16 idx, bool packed, u32 num,
		       struct hvdpa_ring_state *ring)
{
	hvdpa_ring_state_initial(ring, false);
	return 0;
}

static int takes_any_state(struct hvdpa_endpoint *ep, u16 idx,
			   const struct hvdpa_ring_state *ring)
{
	return 0;
}

static const struct hvdpa_migration_ops able = {
	.name = "able",
	.suspend = can_suspend,
	.resume = can_suspend,
	.get_ring_state = stands_at_0,
	.set_ring_state = takes_any_state,
	.log_sync = can_suspend,
};

static const struct hvdpa_migration_ops lacks_rings = {
	.name = "its log lacks used rings",
	.suspend = can_suspend,
	.resume = can_suspend,
	.get_ring_state = stands_at_0,
	.set_ring_state = takes_any_state,
	.log_sync = can_suspend,
	.log_lacks_rings = true,
};

static const struct hvdpa_migration_ops fails_to_resume = {
	.name = "fails to resume",
	.suspend = can_suspend,
	.resume = cannot_resume,
	.get_ring_state = stands_at_0,
	.set_ring_state = takes_any_state,
};

/**
 * struct life - a device with one queue, and its owner
 * @fake: its function
 * @hv: the device
 * @vring: its queue
 * @doorbell: what was written there last, or SILENT
 * @log: its dirty log, in the state LOGGING
 * @told: configuration callbacks
 */
struct life {
	struct hvdpa_fake *fake;
	struct hvdpa_device *hv;
	struct hvdpa_vring *vring;
	__le16 doorbell;
	struct hvdpa_log *log;
	unsigned int told;
};

static const struct vdpa_config_ops *ops = &hvdpa_vdpa_ops;

static irqreturn_t is_told(void *data)
{
	struct life *life = data;

	life->told++;
	return IRQ_HANDLED;
}

static void end_log(void *data)
{
	struct life *life = data;

	life->log->hv = NULL;
	hvdpa_log_destroy(life->log);
}

static struct life *make_life(struct kunit *test, const struct hvdpa_migration_ops *hw)
{
	struct life *life = kunit_kzalloc(test, sizeof(*life), GFP_KERNEL);
	struct hvdpa_endpoint *ep;
	struct hvdpa_device *hv;

	KUNIT_ASSERT_NOT_NULL(test, life);
	life->fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	ep = &life->fake->pci.ep;
	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(life->fake), 0);
	pci_set_drvdata(ep->fn->pdev, ep->fn);
	ep->migration = hw;
	memset(ep->lacks, 0, sizeof(ep->lacks));
	ep->queues[0].doorbell = (void __force __iomem *)&life->doorbell;
	ep->doorbells_in_memory = true;
	life->doorbell = cpu_to_le16(SILENT);

	hv = hvdpa_fake_add_device(test, life->fake);
	life->hv = hv;
	hv->features = BASE;
	hv->pairs = 1;
	hv->plan.vq_vectors = 1;
	/* As if the owner had mapped something. */
	mutex_init(&hv->dma.lock);
	hv->dma.domain = ERR_PTR(-EINVAL);
	hv->dma.attached = true;
	hv->nvqs = 1;
	hv->vrings = kunit_kzalloc(test, sizeof(*hv->vrings), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, hv->vrings);
	life->vring = &hv->vrings[0];
	hvdpa_vring_init(life->vring, hv, 0);
	hvdpa_config_open(hv);
	ops->set_config_cb(&hv->vdpa, &(struct vdpa_callback){
		.callback = is_told, .private = life,
	});
	return life;
}

/* From a reset to DRIVER_OK; @num is refused where it is no ring's. */
static void drive(struct kunit *test, struct life *life, u32 num)
{
	struct vdpa_device *vdpa = &life->hv->vdpa;

	ops->set_status(vdpa, ACKNOWLEDGED);
	ops->set_status(vdpa, DRIVEN);
	KUNIT_EXPECT_EQ(test, ops->set_driver_features(vdpa, BASE), 0);
	ops->set_status(vdpa, AGREED);
	KUNIT_ASSERT_EQ(test, ops->get_status(vdpa), AGREED);
	ops->set_vq_num(vdpa, 0, num);
	KUNIT_EXPECT_EQ(test, ops->set_vq_address(vdpa, 0, 0x1000, 0x2000,
						  0x3000), 0);
	ops->set_vq_ready(vdpa, 0, true);
	ops->set_status(vdpa, RUNS);
}

static bool rings(struct life *life)
{
	WRITE_ONCE(life->doorbell, cpu_to_le16(SILENT));
	ops->kick_vq(&life->hv->vdpa, 0);
	return READ_ONCE(life->doorbell) != cpu_to_le16(SILENT);
}

enum state { RUNNING, SUSPENDED, LOGGING, REFUSED, STATES };

static const char * const state_names[STATES] = {
	"running", "suspended", "logging", "refused",
};

static void enter(struct kunit *test, struct life *life, enum state state)
{
	const struct hvdpa_log_window window = { .bytes = 8, .shift = 12 };

	drive(test, life, state == REFUSED ? 3 : 64);
	switch (state) {
	case SUSPENDED:
		KUNIT_ASSERT_EQ(test, ops->suspend(&life->hv->vdpa), 0);
		break;
	case LOGGING:
		life->log = hvdpa_log_create(&window, NULL, 0);
		KUNIT_ASSERT_NOT_NULL(test, life->log);
		life->log->hv = life->hv;
		life->log->on = true;
		life->hv->log = life->log;
		KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, end_log,
								   life));
		break;
	case REFUSED:
		KUNIT_ASSERT_EQ(test, life->hv->status,
				AGREED | VIRTIO_CONFIG_S_FAILED);
		break;
	default:
		KUNIT_ASSERT_EQ(test, life->hv->status, RUNS);
		KUNIT_ASSERT_TRUE(test, rings(life));
	}
}

enum event { RESET_BEGINS, RESET_ENDS, DEATH, RECOVERY, REVOKE, EVENTS };

static const char * const event_names[EVENTS] = {
	"somebody else's reset begins", "somebody else's reset is over",
	"the function dies", "the function dies and comes back", "revoke",
};

static void happen(struct kunit *test, struct life *life, enum event event)
{
	struct hvdpa_endpoint *ep = &life->fake->pci.ep;

	switch (event) {
	case RESET_BEGINS:
	case RESET_ENDS:
		hvdpa_error_handlers.reset_prepare(ep->fn->pdev);
		life->fake->common.cfg.device_status = 0;
		if (event == RESET_ENDS)
			hvdpa_error_handlers.reset_done(ep->fn->pdev);
		break;
	case DEATH:
	case RECOVERY:
		mutex_lock(&ep->lock);
		hvdpa_endpoint_mark_dead(ep, "a test wants it");
		mutex_unlock(&ep->lock);
		life->fake->common.cfg.device_status = 0;
		if (event == RECOVERY)
			KUNIT_EXPECT_EQ(test, hvdpa_fake_revive(life->fake), 0);
		break;
	default:
		mutex_lock(&ep->lock);
		hvdpa_device_revoke(life->hv);
		mutex_unlock(&ep->lock);
	}
}

/* Nothing that the owner asks for now is answered as if it were what it was. */
static void expect_void(struct kunit *test, struct life *life, int err)
{
	struct virtio_pci_modern_common_cfg before = life->fake->common;
	struct vdpa_device *vdpa = &life->hv->vdpa;
	u8 status = life->hv->status;
	struct vdpa_vq_state state;

	KUNIT_EXPECT_TRUE(test, status & VIRTIO_CONFIG_S_NEEDS_RESET);
	KUNIT_EXPECT_EQ(test, ops->get_status(vdpa), status);
	KUNIT_EXPECT_FALSE(test, hvdpa_device_is_running(life->hv));
	KUNIT_EXPECT_FALSE(test, rings(life));
	/* A ring that never ran stands where it was put. */
	KUNIT_EXPECT_EQ(test, ops->get_vq_state(vdpa, 0, &state),
			hvdpa_vring_is_started(life->vring) ? err : 0);
	KUNIT_EXPECT_EQ(test, ops->suspend(vdpa), err);
	KUNIT_EXPECT_EQ(test, ops->resume(vdpa), err);
	ops->set_vq_ready(vdpa, 0, false);
	ops->set_vq_ready(vdpa, 0, true);
	ops->set_status(vdpa, status | VIRTIO_CONFIG_S_DRIVER_OK);
	ops->set_status(vdpa, status | VIRTIO_CONFIG_S_FAILED);
	KUNIT_EXPECT_EQ(test, life->hv->status, status);
	KUNIT_EXPECT_FALSE(test, rings(life));
	/* And none of it was a register's. */
	KUNIT_EXPECT_MEMEQ(test, &life->fake->common, &before, sizeof(before));
}

static void cell(struct kunit *test, enum state state, enum event event)
{
	struct life *life = make_life(test, &able);
	bool back = event == RESET_ENDS || event == RECOVERY;
	struct vdpa_device *vdpa = &life->hv->vdpa;
	unsigned int told;

	kunit_info(test, "%s: %s", state_names[state], event_names[event]);
	enter(test, life, state);
	told = life->told;
	happen(test, life, event);
	KUNIT_EXPECT_GT(test, life->told, told);
	expect_void(test, life, back ? -EIO : -ENODEV);
	if (life->log) {
		KUNIT_EXPECT_FALSE(test, life->log->on);
		/* A revoke asks the function before it resets it. */
		KUNIT_EXPECT_EQ(test, life->log->untrusted, event != REVOKE);
		life->hv->log = NULL;
	}

	KUNIT_EXPECT_EQ(test, ops->reset(vdpa),
			back || event == REVOKE ? 0 : -ENODEV);
	if (!back) {
		KUNIT_EXPECT_EQ(test, ops->get_status(vdpa),
				VIRTIO_CONFIG_S_NEEDS_RESET);
		return;
	}
	KUNIT_EXPECT_EQ(test, ops->get_status(vdpa), 0);
	drive(test, life, 64);
	KUNIT_EXPECT_EQ(test, ops->get_status(vdpa), RUNS);
	KUNIT_EXPECT_TRUE(test, rings(life));
}

static void nothing_survives_what_the_owner_did_not_do(struct kunit *test)
{
	enum state state;
	enum event event;

	for (state = 0; state < STATES; state++)
		for (event = 0; event < EVENTS; event++)
			cell(test, state, event);
}

/* A reset takes its time: the device writes, and a REPORT takes what is marked. */
static u8 reports_in_a_reset(struct hvdpa_endpoint *ep)
{
	u64 words;

	hvdpa_log_take(ep->device->log, 0, 12, 64, &words);
	return 0;
}

static void used_rings_are_marked_once_the_device_is_reset(struct kunit *test)
{
	struct life *life = make_life(test, &lacks_rings);
	const u64 used = BIT_ULL(0x3000 / SZ_4K);

	enter(test, life, LOGGING);
	life->fake->transport.get_status = reports_in_a_reset;
	KUNIT_EXPECT_EQ(test, ops->reset(&life->hv->vdpa), 0);
	KUNIT_EXPECT_EQ(test, life->log->kept[0], used);
	life->hv->log = NULL;
}

static void a_resume_that_fails_ends_what_was_suspended(struct kunit *test)
{
	struct life *life = make_life(test, &fails_to_resume);
	struct vdpa_vq_state state;

	enter(test, life, SUSPENDED);
	KUNIT_EXPECT_EQ(test, ops->get_vq_state(&life->hv->vdpa, 0, &state), 0);
	KUNIT_EXPECT_EQ(test, ops->resume(&life->hv->vdpa), -EIO);
	expect_void(test, life, -EIO);
}

/* A driver that gave up, or was refused, is not taken back without a reset. */
static void driver_ok_is_not_asked_for_twice(struct kunit *test)
{
	struct life *life = make_life(test, &able);
	struct vdpa_device *vdpa = &life->hv->vdpa;
	u8 failed = AGREED | VIRTIO_CONFIG_S_FAILED;

	enter(test, life, REFUSED);
	ops->set_vq_num(vdpa, 0, 64);
	life->fake->common.cfg.device_status = 0;
	ops->set_status(vdpa, failed | VIRTIO_CONFIG_S_DRIVER_OK);
	KUNIT_EXPECT_EQ(test, ops->get_status(vdpa), failed);
	KUNIT_EXPECT_EQ(test, life->fake->common.cfg.device_status, 0);

	/* NEEDS_RESET is not the owner's to set. */
	KUNIT_EXPECT_EQ(test, ops->reset(vdpa), 0);
	ops->set_status(vdpa, ACKNOWLEDGED | VIRTIO_CONFIG_S_NEEDS_RESET);
	KUNIT_EXPECT_EQ(test, ops->get_status(vdpa), ACKNOWLEDGED);
	ops->set_status(vdpa, ACKNOWLEDGED | VIRTIO_CONFIG_S_FAILED);
	KUNIT_EXPECT_EQ(test, life->fake->common.cfg.device_status,
			ACKNOWLEDGED | VIRTIO_CONFIG_S_FAILED);
}

/*
 * Two of four pairs: the owner's control queue is its 4, and the endpoint's 8. What
 * stops an endpoint's queues one by one asks for the endpoint's numbers.
 */
static void queues_are_enabled_by_the_endpoints_numbers(struct kunit *test)
{
	const u64 features = BASE | BIT_ULL(VIRTIO_NET_F_CTRL_VQ) |
			     BIT_ULL(VIRTIO_NET_F_MQ);
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct hvdpa_endpoint *ep = &fake->pci.ep;
	struct hvdpa_vring vring = {};
	struct hvdpa_device *hv;

	hvdpa_fake_offer(fake, HVDPA_FAKE_BASE | HVDPA_FAKE_NET_MQ |
			 HVDPA_FAKE_CTRL_VQ);
	fake->common.cfg.num_queues = cpu_to_le16(9);
	put_unaligned_le16(4, fake->device + offsetof(struct virtio_net_config,
						      max_virtqueue_pairs));
	KUNIT_ASSERT_EQ(test, hvdpa_fake_identify(fake), 0);
	KUNIT_ASSERT_EQ(test, ep->nqueues, 9);
	hv = hvdpa_fake_add_device(test, fake);
	hv->features = features;
	hv->driver_features = features;
	hv->pairs = 2;
	hvdpa_vring_init(&vring, hv, 4);

	mutex_lock(&ep->lock);
	KUNIT_EXPECT_EQ(test, hvdpa_vring_agree(&vring), 0);
	KUNIT_EXPECT_EQ(test, hvdpa_vring_start(&vring), 0);
	KUNIT_EXPECT_EQ(test, ep->enabled[0], BIT(8));
	KUNIT_EXPECT_EQ(test, hvdpa_endpoint_reset(ep), 0);
	KUNIT_EXPECT_EQ(test, ep->enabled[0], 0);
	mutex_unlock(&ep->lock);
}

/* The log began while the device was suspended, and there is no room for its relays. */
static void a_log_whose_rings_are_not_relayed_is_not_trusted(struct kunit *test)
{
	struct life *life = make_life(test, &able);

	enter(test, life, LOGGING);
	KUNIT_ASSERT_EQ(test, ops->suspend(&life->hv->vdpa), 0);
	life->log->relayed = true;
	KUNIT_EXPECT_EQ(test, ops->resume(&life->hv->vdpa), -EOPNOTSUPP);
	KUNIT_EXPECT_TRUE(test, rings(life));
	KUNIT_EXPECT_TRUE(test, life->log->untrusted);
}

/* A guest that moved does not kick again for what it kicked before. */
static void a_ring_that_may_start_anywhere_is_rung_for_at_its_start(struct kunit *test)
{
	struct life *moved = make_life(test, &able);
	struct life *fresh = make_life(test, &able);

	moved->vring->base.avail_idx = 5;
	moved->vring->base.used_idx = 5;
	moved->vring->has_base = true;
	drive(test, moved, 64);
	KUNIT_EXPECT_NE(test, le16_to_cpu(READ_ONCE(moved->doorbell)), SILENT);

	fresh->fake->pci.ep.lacks[HVDPA_SET_STATE] = "no means";
	drive(test, fresh, 64);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(READ_ONCE(fresh->doorbell)), SILENT);
}

/* The queue was reset, and its owner does not kick again for what it had kicked for. */
static void a_queue_that_stood_alone_is_rung_for_when_it_rises(struct kunit *test)
{
	struct life *life = make_life(test, &able);
	struct hvdpa_vring *vring = life->vring;
	struct hvdpa_endpoint *ep = life->hv->ep;
	struct vdpa_device *vdpa = &life->hv->vdpa;

	ep->lacks[HVDPA_SET_STATE] = "no means";
	drive(test, life, 64);
	ops->set_vq_ready(vdpa, 0, false);
	mutex_lock(&ep->lock);
	hvdpa_vring_set_state(vring, HVDPA_VRING_OFF);
	vring->stands = true;
	mutex_unlock(&ep->lock);
	WRITE_ONCE(life->doorbell, cpu_to_le16(SILENT));

	/* While its device is suspended it does not run. */
	KUNIT_EXPECT_EQ(test, ops->suspend(vdpa), 0);
	ops->set_vq_ready(vdpa, 0, true);
	KUNIT_EXPECT_FALSE(test, hvdpa_vring_is_started(vring));
	KUNIT_EXPECT_EQ(test, ops->resume(vdpa), 0);
	KUNIT_EXPECT_FALSE(test, vring->stands);
	KUNIT_EXPECT_NE(test, le16_to_cpu(READ_ONCE(life->doorbell)), SILENT);
}

static struct kunit_case device_cases[] = {
	KUNIT_CASE(nothing_survives_what_the_owner_did_not_do),
	KUNIT_CASE(used_rings_are_marked_once_the_device_is_reset),
	KUNIT_CASE(a_resume_that_fails_ends_what_was_suspended),
	KUNIT_CASE(driver_ok_is_not_asked_for_twice),
	KUNIT_CASE(queues_are_enabled_by_the_endpoints_numbers),
	KUNIT_CASE(a_log_whose_rings_are_not_relayed_is_not_trusted),
	KUNIT_CASE(a_ring_that_may_start_anywhere_is_rung_for_at_its_start),
	KUNIT_CASE(a_queue_that_stood_alone_is_rung_for_when_it_rises),
	{}
};

static struct kunit_suite device_suite = {
	.name = "hvdpa-device",
	.test_cases = device_cases,
};

kunit_test_suite(device_suite);
