// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver's accesses to an owner's memory, against what changes that memory:
 * each pair with its window held open by the domain's own callbacks.
 */
#include <kunit/test.h>
#include <linux/completion.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/vhost_types.h>
#include <linux/workqueue.h>
#include <uapi/linux/virtio_ids.h>

#include "fake_function.h"

#define IOVA	((u64)SZ_1M)
#define WRITTEN	0x5a5a
#define BEFORE	0x1111

/* How long an access that must wait is watched. */
#define HELD_MS	30

/**
 * struct race - one page of an owner's, and an access that meets its map
 * @hv: the device
 * @domain: its domain, of one page
 * @ops: the domain's
 * @page: the page
 * @mapped: the domain has it
 * @map_err: what mapping it ends with, once the page is there
 * @hold_map: the access comes while the page is being mapped
 * @hold_unmap: the access comes while it is being unmapped
 * @write: the access writes; else it reads
 * @asid: the access's address space
 * @work: the access, in another thread
 * @began: the thread runs
 * @ended: the access is over
 * @err: what became of it
 * @value: what it read
 * @intruded: it was over before the map or unmap was
 */
struct race {
	struct hvdpa_device *hv;
	struct iommu_domain domain;
	struct iommu_domain_ops ops;
	struct page *page;
	bool mapped;
	int map_err;
	bool hold_map;
	bool hold_unmap;
	bool write;
	u32 asid;
	struct work_struct work;
	struct completion began;
	struct completion ended;
	int err;
	u16 value;
	bool intruded;
};

static struct race *race_of(struct iommu_domain *domain)
{
	return container_of(domain, struct race, domain);
}

static void access(struct work_struct *work)
{
	struct race *race = container_of(work, struct race, work);
	struct hvdpa_dma *dma = &race->hv->dma;

	complete(&race->began);
	if (race->write)
		race->err = hvdpa_access_write16(dma, race->asid, IOVA,
						 WRITTEN);
	else
		race->err = hvdpa_access_read16(dma, race->asid, IOVA,
						&race->value);
	complete(&race->ended);
}

/* The other thread gets all the time that it needs to do what it must not. */
static void hold(struct race *race)
{
	queue_work(system_unbound_wq, &race->work);
	wait_for_completion(&race->began);
	race->intruded = wait_for_completion_timeout(&race->ended,
						     msecs_to_jiffies(HELD_MS));
}

static int domain_map(struct iommu_domain *domain, unsigned long iova,
		      phys_addr_t phys, size_t size, size_t count, int prot,
		      gfp_t gfp, size_t *mapped)
{
	struct race *race = race_of(domain);

	race->mapped = true;
	if (race->hold_map)
		hold(race);
	*mapped = size * count;
	return race->map_err;
}

static size_t domain_unmap(struct iommu_domain *domain, unsigned long iova,
			   size_t size, size_t count,
			   struct iommu_iotlb_gather *gather)
{
	struct race *race = race_of(domain);

	if (!race->mapped)
		return 0;
	if (race->hold_unmap)
		hold(race);
	race->mapped = false;
	return size * count;
}

static phys_addr_t domain_find(struct iommu_domain *domain, dma_addr_t iova)
{
	struct race *race = race_of(domain);

	return race->mapped ? page_to_phys(race->page) + offset_in_page(iova) :
			      0;
}

static u16 *content(struct race *race)
{
	return page_address(race->page);
}

static void give_back(void *data)
{
	struct race *race = data;

	flush_work(&race->work);
	hvdpa_access_unmap(&race->hv->dma, 0, U64_MAX);
	vhost_iotlb_reset(&race->hv->dma.restricted);
	put_page(race->page);
}

static struct race *make_race(struct kunit *test)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);
	struct hvdpa_dma *dma;

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->hv = hvdpa_fake_add_device(test, fake);
	race->ops.map_pages = domain_map;
	race->ops.unmap_pages = domain_unmap;
	race->ops.iova_to_phys = domain_find;
	race->domain.type = IOMMU_DOMAIN_UNMANAGED;
	race->domain.ops = &race->ops;
	race->domain.pgsize_bitmap = PAGE_SIZE;
	INIT_WORK(&race->work, access);
	init_completion(&race->began);
	init_completion(&race->ended);
	race->write = true;

	dma = &race->hv->dma;
	mutex_init(&dma->lock);
	INIT_LIST_HEAD(&dma->reserved);
	hvdpa_access_init(dma);
	dma->domain = &race->domain;
	dma->range = (struct vdpa_iova_range){ 0, SZ_1G - 1 };
	dma->attached = true;

	race->page = alloc_page(GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, race->page);
	*content(race) = BEFORE;
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, give_back, race));
	return race;
}

static int map(struct race *race, u32 perm)
{
	return hvdpa_dma_map(&race->hv->vdpa, race->asid, IOVA, PAGE_SIZE,
			     page_to_phys(race->page), perm, NULL);
}

static int unmap(struct race *race)
{
	return hvdpa_dma_unmap(&race->hv->vdpa, race->asid, IOVA, PAGE_SIZE);
}

static void expect_refused(struct kunit *test, struct race *race, int err)
{
	flush_work(&race->work);
	KUNIT_EXPECT_FALSE(test, race->intruded);
	KUNIT_EXPECT_EQ(test, err, race->err);
	KUNIT_EXPECT_EQ(test, BEFORE, *content(race));
	KUNIT_EXPECT_EQ(test, 0, race->value);
}

static void no_write_where_a_map_for_reading_begins(struct kunit *test)
{
	struct race *race = make_race(test);

	race->hold_map = true;
	KUNIT_EXPECT_EQ(test, 0, map(race, VHOST_ACCESS_RO));
	expect_refused(test, race, -EACCES);
}

static void no_read_where_a_map_for_writing_begins(struct kunit *test)
{
	struct race *race = make_race(test);

	race->hold_map = true;
	race->write = false;
	KUNIT_EXPECT_EQ(test, 0, map(race, VHOST_ACCESS_WO));
	expect_refused(test, race, -EACCES);
}

static void a_map_for_both_is_waited_for(struct kunit *test)
{
	struct race *race = make_race(test);

	race->hold_map = true;
	KUNIT_EXPECT_EQ(test, 0, map(race, VHOST_ACCESS_RW));
	flush_work(&race->work);
	KUNIT_EXPECT_FALSE(test, race->intruded);
	KUNIT_EXPECT_EQ(test, 0, race->err);
	KUNIT_EXPECT_EQ(test, WRITTEN, *content(race));
}

static void no_write_into_a_map_that_fails(struct kunit *test)
{
	struct race *race = make_race(test);
	static const u32 perms[] = { VHOST_ACCESS_RO, VHOST_ACCESS_RW };
	unsigned int i;

	race->hold_map = true;
	race->map_err = -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(perms); i++) {
		reinit_completion(&race->began);
		reinit_completion(&race->ended);
		KUNIT_EXPECT_EQ(test, -ENOMEM, map(race, perms[i]));
		KUNIT_EXPECT_FALSE(test, race->mapped);
		expect_refused(test, race, -EFAULT);
	}
	KUNIT_EXPECT_EQ(test, 0, race->hv->dma.restricted.nmaps);
}

/* The pages are the owner's alone once the unmap has returned. */
static void no_access_after_an_unmap(struct kunit *test)
{
	struct race *race = make_race(test);

	KUNIT_ASSERT_EQ(test, 0, map(race, VHOST_ACCESS_RW));
	race->hold_unmap = true;
	KUNIT_EXPECT_EQ(test, 0, unmap(race));
	expect_refused(test, race, -EFAULT);
}

/* For reading, then for both, then for reading: no write but between. */
static void a_permission_that_changes_is_kept(struct kunit *test)
{
	struct race *race = make_race(test);

	KUNIT_ASSERT_EQ(test, 0, map(race, VHOST_ACCESS_RO));
	race->hold_unmap = true;
	KUNIT_EXPECT_EQ(test, 0, unmap(race));
	expect_refused(test, race, -EFAULT);
	KUNIT_EXPECT_EQ(test, 0, race->hv->dma.restricted.nmaps);

	race->hold_unmap = false;
	KUNIT_EXPECT_EQ(test, 0, map(race, VHOST_ACCESS_RW));
	KUNIT_EXPECT_EQ(test, 0, unmap(race));

	race->hold_map = true;
	reinit_completion(&race->began);
	reinit_completion(&race->ended);
	KUNIT_EXPECT_EQ(test, 0, map(race, VHOST_ACCESS_RO));
	expect_refused(test, race, -EACCES);
}

/* ASID 1 has no domain: who takes a map away is held up by the access. */
static void pages_of_asid_1_are_held_while_mapped(struct kunit *test)
{
	struct race *race = make_race(test);
	int count = page_count(race->page);

	race->asid = HVDPA_ASID_CONTROL;
	KUNIT_EXPECT_EQ(test, 0, hvdpa_access_map(&race->hv->dma, IOVA,
						  PAGE_SIZE,
						  page_to_phys(race->page),
						  VHOST_ACCESS_RO));
	KUNIT_EXPECT_EQ(test, count + 1, page_count(race->page));
	access(&race->work);
	KUNIT_EXPECT_EQ(test, -EACCES, race->err);
	hvdpa_access_unmap(&race->hv->dma, IOVA, IOVA);
	KUNIT_EXPECT_EQ(test, count, page_count(race->page));
	access(&race->work);
	KUNIT_EXPECT_EQ(test, -EFAULT, race->err);
	KUNIT_EXPECT_EQ(test, BEFORE, *content(race));
}

/* What any access is under, and what each that takes memory away takes. */
static void nothing_is_taken_away_under_an_access(struct kunit *test)
{
	struct race *race = make_race(test);
	struct hvdpa_dma *dma = &race->hv->dma;
	unsigned int asid;

	for (asid = 0; asid < HVDPA_ASIDS; asid++) {
		race->asid = asid;
		reinit_completion(&race->began);
		reinit_completion(&race->ended);
		mutex_lock(&dma->lock);
		hold(race);
		mutex_unlock(&dma->lock);
		expect_refused(test, race, -EFAULT);
	}
}

static struct kunit_case access_cases[] = {
	KUNIT_CASE(no_write_where_a_map_for_reading_begins),
	KUNIT_CASE(no_read_where_a_map_for_writing_begins),
	KUNIT_CASE(a_map_for_both_is_waited_for),
	KUNIT_CASE(no_write_into_a_map_that_fails),
	KUNIT_CASE(no_access_after_an_unmap),
	KUNIT_CASE(a_permission_that_changes_is_kept),
	KUNIT_CASE(pages_of_asid_1_are_held_while_mapped),
	KUNIT_CASE(nothing_is_taken_away_under_an_access),
	{}
};

static struct kunit_suite access_suite = {
	.name = "hvdpa-access",
	.test_cases = access_cases,
};

kunit_test_suite(access_suite);
