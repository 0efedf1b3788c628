// SPDX-License-Identifier: GPL-2.0-only
/*
 * Relayed rings between a guest and devices of several kinds, stopped at any instant
 * and gone on with by another device: every buffer is used once, none is lost.
 */
#include <kunit/test.h>
#include <linux/bitmap.h>
#include <linux/kthread.h>
#include <linux/prandom.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "relay_ring.h"

#define NUM	16
#define STEPS	3000
#define SEEDS	24

/* A ring in memory; its descriptors are nobody's business here. */
struct memory {
	struct {
		__le16 flags;
		__le16 idx;
		__le16 ring[NUM];
		__le16 used_event;
	} avail;
	struct {
		__le16 flags;
		__le16 idx;
		struct vring_used_elem ring[NUM];
		__le16 avail_event;
	} used;
};

/* What a guest's driver knows of its ring: the last head that came free goes first. */
struct guest {
	struct memory *memory;
	u16 free[NUM];
	unsigned int nfree;
	DECLARE_BITMAP(mine, NUM);
	u16 seen;
	u64 order[NUM];
	u64 sent;
	u64 done;
	const char *error;
};

enum kind { IN_ORDER, ANY_ORDER, STRAGGLERS };

/* A device on a ring: what it fetched and did not use yet. */
struct device_model {
	struct memory *memory;
	enum kind kind;
	u16 avail;
	u16 used;
	u16 heads[NUM];
	unsigned int n;
};

/* What a test breaks to see that it would notice. */
enum breakage { NOTHING, NO_REWRITE, BASE_OFF_BY_ONE };

struct world {
	struct rnd_state rnd;
	struct memory owner;
	struct memory shadow;
	struct guest guest;
	struct device_model device;
	struct hvdpa_relay_ring ring;
	unsigned int stops;
	unsigned int rewritten;
	unsigned int marked;
	unsigned int late;
};

static u32 draw(struct world *world, u32 below)
{
	return prandom_u32_state(&world->rnd) % below;
}

static void guest_send(struct guest *guest)
{
	u16 idx = le16_to_cpu(guest->memory->avail.idx);
	u16 head;

	if (!guest->nfree)
		return;
	head = guest->free[--guest->nfree];
	__clear_bit(head, guest->mine);
	guest->order[head] = guest->sent++;
	guest->memory->avail.ring[idx % NUM] = cpu_to_le16(head);
	/* The head before the index that exposes it, to who runs beside. */
	smp_store_release(&guest->memory->avail.idx, cpu_to_le16(idx + 1));
}

static u16 guest_used(const struct guest *guest)
{
	/* The index before the entries that it exposes. */
	return le16_to_cpu(smp_load_acquire(&guest->memory->used.idx));
}

static void guest_receive(struct guest *guest)
{
	while (guest->seen != guest_used(guest)) {
		u32 head = le32_to_cpu((__force __le32)
				guest->memory->used.ring[guest->seen % NUM].id);

		guest->seen++;
		if (head >= NUM || test_bit(head, guest->mine)) {
			guest->error = "a head that is not outstanding was used";
			return;
		}
		__set_bit(head, guest->mine);
		guest->free[guest->nfree++] = head;
		guest->done++;
	}
}

static void device_fetch(struct device_model *device, unsigned int most)
{
	while (most-- && device->n < NUM &&
	       device->avail != le16_to_cpu(device->memory->avail.idx))
		device->heads[device->n++] =
			le16_to_cpu(device->memory->avail.ring[device->avail++ % NUM]);
}

static void device_use(struct world *world, unsigned int most)
{
	struct device_model *device = &world->device;

	while (most-- && device->n) {
		unsigned int i = 0;
		u16 head;

		if (device->kind != IN_ORDER)
			i = draw(world, device->n);
		/* The oldest is held back as long as it may be. */
		if (device->kind == STRAGGLERS && !i && device->n > 1 &&
		    draw(world, 50))
			i = 1 + draw(world, device->n - 1);
		head = device->heads[i];
		memmove(&device->heads[i], &device->heads[i + 1],
			(--device->n - i) * sizeof(device->heads[0]));
		device->memory->used.ring[device->used % NUM] =
			(struct vring_used_elem){
			.id = (__force __virtio32)cpu_to_le32(head),
		};
		device->memory->used.idx = cpu_to_le16(++device->used);
	}
}

static void world_start(struct kunit *test, struct world *world, u16 base)
{
	struct hvdpa_relay_ring *ring = &world->ring;
	enum kind kind = world->device.kind;

	memset(&world->shadow, 0, sizeof(world->shadow));
	memset(ring, 0, sizeof(*ring));
	KUNIT_ASSERT_EQ(test, hvdpa_relay_ring_init(ring, NUM, base), 0);
	ring->owner.avail = (void *)&world->owner.avail;
	ring->owner.used = (void *)&world->owner.used;
	ring->shadow.avail = (void *)&world->shadow.avail;
	ring->shadow.used = (void *)&world->shadow.used;
	world->device = (struct device_model){
		.memory = &world->shadow,
		.kind = kind,
	};
}

static int world_take(struct world *world)
{
	bool doorbell;
	int n;

	do
		n = hvdpa_relay_ring_take(&world->ring, 3, &doorbell);
	while (n == 3);
	return n;
}

static int world_give(struct world *world)
{
	bool tell;
	int n;

	do
		n = hvdpa_relay_ring_give(&world->ring, 3, &tell);
	while (n == 3);
	return n;
}

/* The device is reset, whatever it had; the guest does not know. */
static int world_move(struct kunit *test, struct world *world,
		      enum breakage breakage)
{
	struct memory before = world->owner;
	u16 base;
	int ret;

	ret = hvdpa_relay_ring_settle(&world->ring, true, &base);
	hvdpa_relay_ring_cleanup(&world->ring);
	if (ret < 0)
		return ret;
	world->stops++;
	world->rewritten += ret;
	if (breakage == NO_REWRITE)
		world->owner.avail = before.avail;
	if (breakage == BASE_OFF_BY_ONE)
		base++;
	world_start(test, world, base);
	return 0;
}

static struct world *world_create(struct kunit *test, u32 seed, enum kind kind,
				  u16 start, bool event_idx)
{
	struct world *world = kunit_kzalloc(test, sizeof(*world), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, world);
	prandom_seed_state(&world->rnd, seed);
	world->owner.avail.idx = cpu_to_le16(start);
	world->owner.used.idx = cpu_to_le16(start);
	world->guest.memory = &world->owner;
	world->guest.seen = start;
	for (i = 0; i < NUM; i++)
		world->guest.free[world->guest.nfree++] = i;
	bitmap_fill(world->guest.mine, NUM);
	world->device.kind = kind;
	world_start(test, world, start);
	world->ring.event_idx = event_idx;
	return world;
}

static int world_step(struct kunit *test, struct world *world,
		      enum breakage breakage)
{
	unsigned int i, sent = draw(world, 4);
	int err;

	for (i = 0; i < sent; i++)
		guest_send(&world->guest);
	err = world_take(world);
	device_fetch(&world->device, draw(world, 6));
	device_use(world, draw(world, 6));
	if (err >= 0)
		err = world_give(world);
	if (draw(world, 10) < 7)
		guest_receive(&world->guest);
	if (err < 0 || draw(world, 100))
		return min(err, 0);

	/* The guest goes on while it is stopped: its kick is lost. */
	sent = draw(world, 3);
	for (i = 0; i < sent; i++)
		guest_send(&world->guest);
	device_use(world, draw(world, 3));
	return world_move(test, world, breakage);
}

/* What went wrong, or NULL. */
static const char *world_run(struct kunit *test, struct world *world,
			     enum breakage breakage)
{
	bool event_idx = world->ring.event_idx;
	unsigned int i;
	int err = 0;

	for (i = 0; i < STEPS && !err && !world->guest.error; i++) {
		err = world_step(test, world, breakage);
		world->ring.event_idx = event_idx;
	}
	for (i = 0; i < NUM && !err && !world->guest.error; i++) {
		err = min(world_take(world), 0);
		device_fetch(&world->device, NUM);
		device_use(world, NUM);
		err = err ?: min(world_give(world), 0);
		guest_receive(&world->guest);
	}
	hvdpa_relay_ring_cleanup(&world->ring);
	if (world->guest.error)
		return world->guest.error;
	if (err)
		return "the relay met what cannot be";
	return world->guest.done == world->guest.sent ? NULL :
	       "a buffer was never used";
}

struct way {
	const char *name;
	enum kind kind;
	u16 start;
};

static const struct way ways[] = {
	{ "in order from 0", IN_ORDER, 0 },
	{ "in order over the wrap", IN_ORDER, 0xfff0 },
	{ "any order from 0", ANY_ORDER, 0 },
	{ "any order from 0x7fff", ANY_ORDER, 0x7fff },
	{ "any order from 0xffff", ANY_ORDER, 0xffff },
	{ "stragglers from 0xfff0", STRAGGLERS, 0xfff0 },
};

static void way_name(const struct way *way, char *name)
{
	strscpy(name, way->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(way, ways, way_name);

static void nothing_is_lost_or_used_twice(struct kunit *test)
{
	const struct way *way = test->param_value;
	unsigned int stops = 0, rewritten = 0;
	u32 seed;

	for (seed = 0; seed < SEEDS; seed++) {
		struct world *world = world_create(test, seed, way->kind,
						   way->start, seed & 1);
		const char *error = world_run(test, world, NOTHING);

		KUNIT_EXPECT_NULL_MSG(test, error, "seed %u: %s", seed, error);
		stops += world->stops;
		rewritten += world->rewritten;
		kunit_kfree(test, world);
	}
	kunit_info(test, "%u stops, %u slots rewritten", stops, rewritten);
	KUNIT_EXPECT_GT(test, stops, SEEDS * STEPS / 200);
	if (way->kind == IN_ORDER)
		KUNIT_EXPECT_EQ(test, rewritten, 0);
	else
		KUNIT_EXPECT_GT(test, rewritten, 0);
}

/* Seeds of which a breakage is noticed. */
static unsigned int noticed(struct kunit *test, enum kind kind,
			    enum breakage breakage)
{
	unsigned int n = 0;
	u32 seed;

	for (seed = 0; seed < SEEDS; seed++) {
		struct world *world = world_create(test, seed, kind, 0, false);

		n += !!world_run(test, world, breakage);
		kunit_kfree(test, world);
	}
	return n;
}

static void what_is_broken_is_noticed(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, noticed(test, ANY_ORDER, NO_REWRITE), SEEDS);
	KUNIT_EXPECT_EQ(test, noticed(test, IN_ORDER, BASE_OFF_BY_ONE), SEEDS);
	KUNIT_EXPECT_EQ(test, noticed(test, IN_ORDER, NO_REWRITE), 0);
}

static struct world *one_sent(struct kunit *test)
{
	struct world *world = world_create(test, 1, IN_ORDER, 5, false);

	guest_send(&world->guest);
	return world;
}

static void owner_that_lies_is_an_error(struct kunit *test)
{
	struct world *world = one_sent(test);

	world->owner.avail.ring[5 % NUM] = cpu_to_le16(NUM);
	KUNIT_EXPECT_EQ(test, world_take(world), -EPROTO);
	hvdpa_relay_ring_cleanup(&world->ring);

	/* A head twice. */
	world = one_sent(test);
	KUNIT_EXPECT_EQ(test, world_take(world), 1);
	world->owner.avail.ring[6 % NUM] = world->owner.avail.ring[5 % NUM];
	world->owner.avail.idx = cpu_to_le16(7);
	KUNIT_EXPECT_EQ(test, world_take(world), -EPROTO);
	hvdpa_relay_ring_cleanup(&world->ring);

	world = one_sent(test);
	world->owner.avail.idx = cpu_to_le16(5 + NUM + 1);
	KUNIT_EXPECT_EQ(test, world_take(world), -EPROTO);
	world->owner.avail.idx = cpu_to_le16(4);
	KUNIT_EXPECT_EQ(test, world_take(world), -EPROTO);
	hvdpa_relay_ring_cleanup(&world->ring);

	/* A ring that stands elsewhere. */
	world = one_sent(test);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_begin(&world->ring), 0);
	world->owner.used.idx = cpu_to_le16(4);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_begin(&world->ring), -EINVAL);
	hvdpa_relay_ring_cleanup(&world->ring);
}

static void device_that_lies_is_an_error(struct kunit *test)
{
	struct world *world = one_sent(test);

	KUNIT_EXPECT_EQ(test, world_take(world), 1);
	world->shadow.used.idx = cpu_to_le16(NUM + 1);
	KUNIT_EXPECT_EQ(test, world_give(world), -EPROTO);
	/* An entry that names what is not outstanding. */
	world->shadow.used.idx = cpu_to_le16(1);
	world->shadow.used.ring[0].id = (__force __virtio32)cpu_to_le32(3);
	KUNIT_EXPECT_EQ(test, world_give(world), -EPROTO);
	world->shadow.used.ring[0].id = (__force __virtio32)cpu_to_le32(~0U);
	KUNIT_EXPECT_EQ(test, world_give(world), -EPROTO);
	/* Nothing of that reached the owner. */
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->owner.used.idx), 5);
	hvdpa_relay_ring_cleanup(&world->ring);
}

static void ring_that_must_not_be_written_is_not(struct kunit *test)
{
	struct world *world = world_create(test, 1, ANY_ORDER, 0, false);
	struct memory before;
	u16 base;

	guest_send(&world->guest);
	guest_send(&world->guest);
	KUNIT_EXPECT_EQ(test, world_take(world), 2);
	device_fetch(&world->device, 2);
	/* The second is used, the first is outstanding. */
	swap(world->device.heads[0], world->device.heads[1]);
	world->device.kind = IN_ORDER;
	device_use(world, 1);
	before = world->owner;
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_settle(&world->ring, false, &base),
			-EACCES);
	KUNIT_EXPECT_MEMEQ(test, &before.avail, &world->owner.avail,
			   sizeof(before.avail));
	hvdpa_relay_ring_cleanup(&world->ring);
}

/* With used_event and avail_event a side is told when it asked for that. */
static void sides_are_told_when_they_ask(struct kunit *test)
{
	struct world *world = world_create(test, 1, IN_ORDER, 0xffff, true);
	struct hvdpa_relay_ring *ring = &world->ring;
	bool doorbell = false, tell = false;

	guest_send(&world->guest);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_take(ring, 8, &doorbell), 1);
	KUNIT_EXPECT_TRUE(test, doorbell);
	/* The owner is to kick at the next. */
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->owner.used.avail_event), 0);

	/* The device wants to hear of its third only. */
	world->shadow.used.avail_event = cpu_to_le16(2);
	guest_send(&world->guest);
	doorbell = false;
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_take(ring, 8, &doorbell), 1);
	KUNIT_EXPECT_FALSE(test, doorbell);

	device_fetch(&world->device, 2);
	device_use(world, 1);
	world->owner.avail.used_event = cpu_to_le16(0);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_give(ring, 8, &tell), 1);
	KUNIT_EXPECT_FALSE(test, tell);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->shadow.avail.used_event), 1);
	device_use(world, 1);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_give(ring, 8, &tell), 1);
	KUNIT_EXPECT_TRUE(test, tell);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_pending(ring), 0);
	hvdpa_relay_ring_cleanup(ring);
}

/*
 * Whoever takes as many heads as it may asks for no kick: it comes again. Then it finds
 * none, asks, and says that it wrote that to the owner's ring.
 */
static void asking_for_a_kick_shows(struct kunit *test)
{
	struct world *world = world_create(test, 1, IN_ORDER, 0xffff, true);
	struct hvdpa_relay_ring *ring = &world->ring;
	u16 asked = ring->asked;
	bool doorbell;

	guest_send(&world->guest);
	guest_send(&world->guest);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_take(ring, 2, &doorbell), 2);
	KUNIT_EXPECT_EQ(test, ring->asked, asked);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_take(ring, 2, &doorbell), 0);
	KUNIT_EXPECT_EQ(test, ring->asked, 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->owner.used.avail_event), 1);

	/* Nothing has changed, and nothing is written. */
	world->owner.used.avail_event = cpu_to_le16(7);
	KUNIT_EXPECT_EQ(test, hvdpa_relay_ring_take(ring, 2, &doorbell), 0);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->owner.used.avail_event), 7);
	hvdpa_relay_ring_cleanup(ring);
}

#define SENT	20000

/* An owner on another processor that kicks only where it was asked to. */
struct running_owner {
	struct world *world;
	struct task_struct *task;
	atomic_t kicked;
	unsigned int kicks;
};

static void owner_sends(struct running_owner *owner)
{
	struct memory *memory = owner->world->guest.memory;
	u16 idx = le16_to_cpu(memory->avail.idx), asked;

	guest_send(&owner->world->guest);
	/* An index that the other side did not see is one after which it asked. */
	smp_mb();
	asked = le16_to_cpu(READ_ONCE(memory->used.avail_event));
	if (vring_need_event(asked, idx + 1, idx)) {
		owner->kicks++;
		atomic_set(&owner->kicked, 1);
	}
}

static int owner_runs(void *data)
{
	struct running_owner *owner = data;
	struct guest *guest = &owner->world->guest;
	struct rnd_state rnd;
	u32 wait;

	prandom_seed_state(&rnd, 1);
	while (!kthread_should_stop()) {
		guest_receive(guest);
		if (guest->nfree && guest->sent < SENT)
			owner_sends(owner);
		for (wait = prandom_u32_state(&rnd) % 64; wait; wait--)
			cpu_relax();
		cond_resched();
	}
	return 0;
}

/* Pass on what there is at each kick, and only then. */
static void serve_kicks(struct kunit *test, struct running_owner *owner)
{
	struct world *world = owner->world;
	unsigned long latest = jiffies + 10 * HZ;
	u64 given = 0;

	while (given < SENT && time_before(jiffies, latest)) {
		cond_resched();
		if (!atomic_xchg(&owner->kicked, 0))
			continue;
		latest = jiffies + 10 * HZ;
		if (world_take(world) < 0)
			break;
		device_fetch(&world->device, NUM);
		device_use(world, NUM);
		if (world_give(world) < 0)
			break;
		given = world->ring.ngiven;
	}
	KUNIT_EXPECT_EQ(test, given, SENT);
}

static void owner_that_runs_beside_never_waits(struct kunit *test)
{
	struct running_owner owner = {
		.world = world_create(test, 1, IN_ORDER, 0xfff0, true),
		/* A ring that goes live is looked at without a kick. */
		.kicked = ATOMIC_INIT(1),
	};

	owner.task = kthread_run(owner_runs, &owner, "hvdpa-owner");
	KUNIT_ASSERT_FALSE(test, IS_ERR(owner.task));
	serve_kicks(test, &owner);
	kthread_stop(owner.task);
	kunit_info(test, "%u kicks for %u heads", owner.kicks, SENT);
	KUNIT_EXPECT_NULL(test, owner.world->guest.error);
	KUNIT_EXPECT_LT(test, owner.kicks, SENT);
	hvdpa_relay_ring_cleanup(&owner.world->ring);
}

/* A disk of its own rings, drained at 3: what came since is told from what it used. */
static void direct_ring_is_settled_from_where_it_was_drained(struct kunit *test)
{
	static const u16 sent[] = { 7, 1, 2, 1, 4 };
	static const u16 used[] = { 1, 2 };
	struct world *world = world_create(test, 1, ANY_ORDER, 3, false);
	const struct vring *owner = &world->ring.owner;
	__virtio16 heads[NUM] = {};
	u16 counts[NUM] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sent); i++)
		world->owner.avail.ring[(3 + i) % NUM] = cpu_to_le16(sent[i]);
	for (i = 0; i < ARRAY_SIZE(used); i++)
		world->owner.used.ring[(3 + i) % NUM].id =
			(__force __virtio32)cpu_to_le32(used[i]);
	world->owner.avail.idx = cpu_to_le16(3 + ARRAY_SIZE(sent));
	world->owner.used.idx = cpu_to_le16(3 + ARRAY_SIZE(used));

	KUNIT_EXPECT_EQ(test, -EACCES, hvdpa_direct_ring_settle(owner, 3, counts,
								heads, false));
	memset(counts, 0, sizeof(counts));
	KUNIT_EXPECT_EQ(test, 1, hvdpa_direct_ring_settle(owner, 3, counts, heads,
							  true));
	/* 7, the second 1, 4. */
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->owner.avail.ring[5]), 7);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->owner.avail.ring[6]), 1);
	KUNIT_EXPECT_EQ(test, le16_to_cpu(world->owner.avail.ring[7]), 4);

	memset(counts, 0, sizeof(counts));
	world->owner.avail.idx = cpu_to_le16(3 + NUM + 1);
	KUNIT_EXPECT_EQ(test, -EBUSY, hvdpa_direct_ring_settle(owner, 3, counts,
							       heads, true));
	hvdpa_relay_ring_cleanup(&world->ring);
}

static void order_of_a_direct_ring_shows(struct kunit *test)
{
	struct world *world = world_create(test, 1, IN_ORDER, 0, false);
	const struct vring *owner = &world->ring.owner;
	unsigned int i;

	world->device.memory = &world->owner;
	for (i = 0; i < 100; i++) {
		guest_send(&world->guest);
		guest_send(&world->guest);
		device_fetch(&world->device, 2);
		device_use(world, 2);
		guest_receive(&world->guest);
		KUNIT_EXPECT_TRUE(test, hvdpa_direct_ring_in_order(owner));
	}
	guest_send(&world->guest);
	guest_send(&world->guest);
	device_fetch(&world->device, 2);
	swap(world->device.heads[0], world->device.heads[1]);
	device_use(world, 2);
	KUNIT_EXPECT_FALSE(test, hvdpa_direct_ring_in_order(owner));
	hvdpa_relay_ring_cleanup(&world->ring);
}

/* A head is marked while its owner does not know that it is used. */
static void count_mark(struct hvdpa_relay_ring *ring, u16 head)
{
	struct world *world = container_of(ring, struct world, ring);

	world->marked++;
	if (le16_to_cpu(world->owner.used.idx) != world->guest.seen)
		world->late++;
}

static void heads_are_marked_before_they_are_given(struct kunit *test)
{
	struct world *world = world_create(test, 1, ANY_ORDER, 0xfffe, false);
	unsigned int i;

	world->ring.mark = count_mark;
	for (i = 0; i < 100; i++) {
		bool tell;

		guest_send(&world->guest);
		guest_send(&world->guest);
		KUNIT_EXPECT_EQ(test, world_take(world), 2);
		device_fetch(&world->device, 2);
		device_use(world, 2);
		KUNIT_EXPECT_EQ(test, 2, hvdpa_relay_ring_give(&world->ring, 8,
							       &tell));
		guest_receive(&world->guest);
	}
	KUNIT_EXPECT_NULL(test, world->guest.error);
	KUNIT_EXPECT_EQ(test, world->marked, 200);
	KUNIT_EXPECT_EQ(test, world->late, 0);
	hvdpa_relay_ring_cleanup(&world->ring);
}

struct pieces {
	unsigned int n;
	u64 bytes;
	u64 last;
};

static void count_piece(void *data, u64 iova, u32 len)
{
	struct pieces *pieces = data;

	pieces->n++;
	pieces->bytes += len;
	pieces->last = iova;
}

static struct vring_desc make_desc(u64 addr, u32 len, u16 flags, u16 next)
{
	return (struct vring_desc){
		.addr = (__force __virtio64)cpu_to_le64(addr),
		.len = (__force __virtio32)cpu_to_le32(len),
		.flags = (__force __virtio16)cpu_to_le16(flags),
		.next = (__force __virtio16)cpu_to_le16(next),
	};
}

static void what_a_chain_has_for_writing_is_found(struct kunit *test)
{
	struct world *world = world_create(test, 1, IN_ORDER, 0, false);
	struct vring_desc *desc;
	struct pieces pieces = {};

	desc = kunit_kcalloc(test, NUM, sizeof(*desc), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, desc);
	world->ring.owner.desc = desc;
	desc[3] = make_desc(0x1000, 16, VRING_DESC_F_NEXT, 0);
	desc[0] = make_desc(0x2000, 4096, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 7);
	desc[7] = make_desc(0x5000, 1, VRING_DESC_F_WRITE, 9);
	KUNIT_EXPECT_TRUE(test, hvdpa_relay_ring_chain(&world->ring, 3, count_piece,
						       &pieces));
	KUNIT_EXPECT_EQ(test, pieces.n, 2);
	KUNIT_EXPECT_EQ(test, pieces.bytes, 4097);
	KUNIT_EXPECT_EQ(test, pieces.last, 0x5000);

	/* One without an end, in a large ring and in a small one, and one that leads out. */
	pieces.n = 0;
	desc[7] = make_desc(0x5000, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, 7);
	world->ring.owner.num = 2 * HVDPA_RELAY_PIECES_MAX;
	KUNIT_EXPECT_FALSE(test, hvdpa_relay_ring_chain(&world->ring, 7, count_piece,
							&pieces));
	KUNIT_EXPECT_EQ(test, pieces.n, HVDPA_RELAY_PIECES_MAX);
	world->ring.owner.num = NUM;
	pieces.n = 0;
	KUNIT_EXPECT_FALSE(test, hvdpa_relay_ring_chain(&world->ring, 7, count_piece,
							&pieces));
	KUNIT_EXPECT_EQ(test, pieces.n, NUM);
	pieces.n = 0;
	desc[7] = make_desc(0x5000, 1, VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, NUM);
	KUNIT_EXPECT_FALSE(test, hvdpa_relay_ring_chain(&world->ring, 7, count_piece,
							&pieces));
	KUNIT_EXPECT_EQ(test, pieces.n, 1);
	hvdpa_relay_ring_cleanup(&world->ring);
}

static struct kunit_case relay_ring_cases[] = {
	KUNIT_CASE_PARAM(nothing_is_lost_or_used_twice, way_gen_params),
	KUNIT_CASE(what_is_broken_is_noticed),
	KUNIT_CASE(owner_that_lies_is_an_error),
	KUNIT_CASE(device_that_lies_is_an_error),
	KUNIT_CASE(ring_that_must_not_be_written_is_not),
	KUNIT_CASE(sides_are_told_when_they_ask),
	KUNIT_CASE(asking_for_a_kick_shows),
	KUNIT_CASE(owner_that_runs_beside_never_waits),
	KUNIT_CASE(direct_ring_is_settled_from_where_it_was_drained),
	KUNIT_CASE(order_of_a_direct_ring_shows),
	KUNIT_CASE(heads_are_marked_before_they_are_given),
	KUNIT_CASE(what_a_chain_has_for_writing_is_found),
	{}
};

static struct kunit_suite relay_ring_suite = {
	.name = "hvdpa-relay-ring",
	.test_cases = relay_ring_cases,
};

kunit_test_suite(relay_ring_suite);
