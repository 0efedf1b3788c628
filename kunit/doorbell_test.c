// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which doorbells may be mapped into an owner: those alone on their page.
 */
#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/sizes.h>

#include "parts.h"
#include "relay.h"
#include "transport_pci.h"

#define NQUEUES	3
#define NOTIFY_BAR	4
#define NOTIFY_OFFSET	0x10000

struct doorbell_case {
	const char *name;
	u32 multiplier;
	u32 offset;
	u32 length;
	u16 notify_off[NQUEUES];
	/* Something else that the function has. */
	enum hvdpa_region_kind kind;
	struct hvdpa_region other;
	bool private[NQUEUES];
};

#define OFFS	{ 0, 1, 2 }

static const struct doorbell_case doorbell_cases[] = {
	{ .name = "a page for each queue", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .private = { true, true, true } },
	{ .name = "two pages for each queue", .multiplier = SZ_8K,
	  .offset = NOTIFY_OFFSET, .length = 6 * SZ_4K, .notify_off = OFFS,
	  .private = { true, true, true } },
	{ .name = "offsets in another order", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K,
	  .notify_off = { 2, 0, 1 }, .private = { true, true, true } },
	{ .name = "multiplier 0", .multiplier = 0, .offset = NOTIFY_OFFSET,
	  .length = 3 * SZ_4K, .notify_off = OFFS },
	{ .name = "multiplier 4", .multiplier = 4, .offset = NOTIFY_OFFSET,
	  .length = 3 * SZ_4K, .notify_off = OFFS },
	{ .name = "multiplier 2048", .multiplier = SZ_2K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS },
	/* Each on a page of its own, but others' pages may not be. */
	{ .name = "multiplier 2048, every other offset", .multiplier = SZ_2K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K,
	  .notify_off = { 0, 2, 4 } },
	{ .name = "multiplier 6144", .multiplier = SZ_4K + SZ_2K,
	  .offset = NOTIFY_OFFSET, .length = 8 * SZ_4K,
	  .notify_off = { 0, 2, 4 } },
	{ .name = "base in the middle of a page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET + SZ_2K, .length = 4 * SZ_4K,
	  .notify_off = OFFS },
	{ .name = "base two bytes off", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET + 2, .length = 4 * SZ_4K,
	  .notify_off = OFFS },
	{ .name = "last page one byte short", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K - 1, .notify_off = OFFS,
	  .private = { true, true, false } },
	{ .name = "last page is two bytes", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 2 * SZ_4K + 2, .notify_off = OFFS,
	  .private = { true, true, false } },
	{ .name = "not one whole page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = SZ_2K, .notify_off = { 0, 0, 0 } },
	{ .name = "MSI-X table in a page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_MSIX_TABLE,
	  .other = { NOTIFY_OFFSET + SZ_4K + 0x800, 64, NOTIFY_BAR },
	  .private = { true, false, true } },
	{ .name = "MSI-X table across pages", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_MSIX_TABLE,
	  .other = { NOTIFY_OFFSET + SZ_4K - 16, 32, NOTIFY_BAR },
	  .private = { false, false, true } },
	{ .name = "MSI-X table in another BAR", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_MSIX_TABLE,
	  .other = { NOTIFY_OFFSET + SZ_4K, 64, NOTIFY_BAR - 2 },
	  .private = { true, true, true } },
	{ .name = "MSI-X table right after", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_MSIX_TABLE,
	  .other = { NOTIFY_OFFSET + 3 * SZ_4K, 64, NOTIFY_BAR },
	  .private = { true, true, true } },
	{ .name = "pending bits in a page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_MSIX_PBA,
	  .other = { NOTIFY_OFFSET + 2 * SZ_4K + 8, 8, NOTIFY_BAR },
	  .private = { true, true, false } },
	{ .name = "device configuration in a page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_DEVICE,
	  .other = { NOTIFY_OFFSET + 0xfff, 1, NOTIFY_BAR },
	  .private = { false, true, true } },
	{ .name = "common configuration in a page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_COMMON,
	  .other = { NOTIFY_OFFSET + 4, 56, NOTIFY_BAR },
	  .private = { false, true, true } },
	{ .name = "ISR in a page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_ISR,
	  .other = { NOTIFY_OFFSET + SZ_4K, 1, NOTIFY_BAR },
	  .private = { true, false, true } },
	{ .name = "everything in the page", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K, .notify_off = OFFS,
	  .kind = HVDPA_REGION_DEVICE,
	  .other = { 0, 0x100000, NOTIFY_BAR } },
	{ .name = "two queues with one offset", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K,
	  .notify_off = { 1, 0, 1 }, .private = { false, true, false } },
	{ .name = "all queues with one offset", .multiplier = SZ_4K,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K,
	  .notify_off = { 1, 1, 1 } },
	{ .name = "offset times multiplier is 2 to the 32", .multiplier = SZ_1G,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K,
	  .notify_off = { 0, 1, 4 }, .private = { true, false, false } },
	{ .name = "largest offset and multiplier", .multiplier = 0xfffff000,
	  .offset = NOTIFY_OFFSET, .length = 3 * SZ_4K,
	  .notify_off = { 0, 1, 0xffff }, .private = { true, false, false } },
};

KUNIT_ARRAY_PARAM_DESC(doorbell, doorbell_cases, name);

static struct hvdpa_pci_endpoint *make_endpoint(struct kunit *test,
						struct hvdpa_queue *queues,
						const struct doorbell_case *c)
{
	struct hvdpa_pci_endpoint *pci;
	struct hvdpa_function *fn;
	u16 i;

	pci = kunit_kzalloc(test, sizeof(*pci), GFP_KERNEL);
	fn = kunit_kzalloc(test, sizeof(*fn), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, pci);
	KUNIT_ASSERT_NOT_NULL(test, fn);
	pci->ep.fn = fn;
	pci->ep.nqueues = NQUEUES;
	pci->ep.queues = queues;
	for (i = 0; i < NQUEUES; i++)
		queues[i].notify_off = c->notify_off[i];
	pci->mdev.notify_offset_multiplier = c->multiplier;
	/* HVDPA_REGION_COMMON is 0: a case without other leaves it empty. */
	fn->regions[c->kind] = c->other;
	fn->regions[HVDPA_REGION_NOTIFY] = (struct hvdpa_region){
		.offset = c->offset,
		.length = c->length,
		.bar = NOTIFY_BAR,
	};
	return pci;
}

static void a_doorbell_is_private_if_alone_on_its_page(struct kunit *test)
{
	const struct doorbell_case *c = test->param_value;
	struct hvdpa_queue queues[NQUEUES] = {};
	struct hvdpa_pci_endpoint *pci = make_endpoint(test, queues, c);
	u16 i;

	for (i = 0; i < NQUEUES; i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    hvdpa_doorbell_is_private(pci, i, SZ_4K),
				    c->private[i], "queue %u", i);
}

static void larger_pages_need_larger_steps(struct kunit *test)
{
	static const struct doorbell_case c = {
		.multiplier = SZ_4K, .offset = NOTIFY_OFFSET,
		.length = 64 * SZ_4K, .notify_off = { 0, 16, 32 },
	};
	struct hvdpa_queue queues[NQUEUES] = {};
	struct hvdpa_pci_endpoint *pci = make_endpoint(test, queues, &c);

	KUNIT_EXPECT_TRUE(test, hvdpa_doorbell_is_private(pci, 1, SZ_4K));
	KUNIT_EXPECT_FALSE(test, hvdpa_doorbell_is_private(pci, 1, SZ_64K));
	pci->mdev.notify_offset_multiplier = SZ_64K;
	queues[1].notify_off = 1;
	queues[2].notify_off = 2;
	KUNIT_EXPECT_TRUE(test, hvdpa_doorbell_is_private(pci, 1, SZ_64K));
}

#define ROUNDS	50000

/* An owner asks for a doorbell on another processor, while its ring is relayed. */
struct asking_owner {
	struct hvdpa_vring *vring;
	struct task_struct *task;
	int asks;
	int asked;
	bool may_map;
};

static int owner_asks(void *data)
{
	struct asking_owner *owner = data;
	int round = 0;

	while (!kthread_should_stop()) {
		/* Pairs with the one in relays_while_it_asks(). */
		if (smp_load_acquire(&owner->asks) == round) {
			cond_resched();
			continue;
		}
		owner->may_map = hvdpa_doorbell_area(owner->vring).size;
		/* Pairs with the one in relays_while_it_asks(). */
		smp_store_release(&owner->asked, ++round);
	}
	return 0;
}

static bool relays_while_it_asks(struct asking_owner *owner, u32 pause)
{
	struct hvdpa_vring *vring = owner->vring;
	int round = owner->asks + 1;
	bool looks;

	vring->ops = &hvdpa_direct_vring_ops;
	vring->doorbell_given = false;
	/* Pairs with the one in owner_asks(). */
	smp_store_release(&owner->asks, round);
	for (; pause; pause--)
		cpu_relax();
	WRITE_ONCE(vring->ops, &hvdpa_relay_vring_ops);
	looks = hvdpa_vring_has_ways_past(vring);
	/* Pairs with the one in owner_asks(). */
	while (smp_load_acquire(&owner->asked) != round)
		cond_resched();
	return looks;
}

static void who_may_map_a_doorbell_is_looked_after(struct kunit *test)
{
	struct hvdpa_vring vring = { .area.size = SZ_4K };
	struct asking_owner owner = { .vring = &vring };
	unsigned int maps = 0, looks = 0, lost = 0;
	int round;

	owner.task = kthread_run(owner_asks, &owner, "hvdpa-owner");
	KUNIT_ASSERT_FALSE(test, IS_ERR(owner.task));
	for (round = 0; round < ROUNDS; round++) {
		bool looks_by_itself = relays_while_it_asks(&owner, round % 64);

		maps += owner.may_map;
		looks += looks_by_itself;
		lost += owner.may_map && !looks_by_itself;
	}
	kthread_stop(owner.task);
	kunit_info(test, "%u of %u doorbells may be mapped, %u rings are looked at\n",
		   maps, ROUNDS, looks);
	KUNIT_EXPECT_EQ(test, lost, 0);
}

static struct kunit_case hvdpa_doorbell_cases[] = {
	KUNIT_CASE_PARAM(a_doorbell_is_private_if_alone_on_its_page,
			 doorbell_gen_params),
	KUNIT_CASE(larger_pages_need_larger_steps),
	KUNIT_CASE(who_may_map_a_doorbell_is_looked_after),
	{}
};

static struct kunit_suite hvdpa_doorbell_suite = {
	.name = "hvdpa-doorbell",
	.test_cases = hvdpa_doorbell_cases,
};

kunit_test_suite(hvdpa_doorbell_suite);
