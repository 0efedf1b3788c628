// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an owner asks of a network device between open and close. FUNCTION is
 * one of the reference NIC's, which counts accesses to its registers, or "-".
 */
#define _GNU_SOURCE
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cost.h"
#include "owner.h"

#define ENTRIES		256
#define RING_BYTES	12288
#define PAGE		4096
/* Queue 1 sends. */
#define TX		1
/* A frame and its interrupt take less. */
#define PATIENCE	2000000ULL

enum {
	OPEN, RINGS, CALLS, DRIVER_OK, KICK, FIRST_DOORBELL, DOORBELL,
	INTERRUPT, SUSPEND, GET_STATES, RESUME, RESET, CLOSE, STEPS
};

static const char *const names[STEPS] = {
	[OPEN] = "owner.open", [RINGS] = "owner.rings",
	[CALLS] = "owner.calls", [DRIVER_OK] = "owner.driver_ok",
	[KICK] = "owner.kick",
	[FIRST_DOORBELL] = "owner.first_doorbell",
	[DOORBELL] = "owner.doorbell",
	[INTERRUPT] = "owner.interrupt",
	[GET_STATES] = "owner.get_states", [SUSPEND] = "owner.suspend",
	[RESUME] = "owner.resume",
	[RESET] = "owner.reset", [CLOSE] = "owner.close",
};

struct bench {
	struct owner owner;
	const char *node;
	unsigned int queues;
	int accesses_fd;
	int kick;
	int *calls;
	/* The rings, and a page for a frame. */
	uint8_t *memory;
	size_t size;
	uint16_t *doorbell;
	struct samples samples[STEPS];
	uint32_t reads[STEPS], writes[STEPS];
};

static uint64_t features_for(unsigned int queues)
{
	uint64_t wanted = 1ULL << VIRTIO_F_VERSION_1 |
			  1ULL << VIRTIO_F_ACCESS_PLATFORM |
			  1ULL << VIRTIO_NET_F_MAC;

	if (queues > 2)
		wanted |= 1ULL << VIRTIO_NET_F_MQ | 1ULL << VIRTIO_NET_F_CTRL_VQ;
	return wanted;
}

static void set_calls(struct bench *bench, bool on)
{
	unsigned int n;

	for (n = 0; n < bench->queues; n++) {
		struct vhost_vring_file file = {
			.index = n, .fd = on ? bench->calls[n] : -1,
		};

		must(!ioctl(bench->owner.fd, VHOST_SET_VRING_CALL, &file),
		     "SET_VRING_CALL");
	}
}

static void step(struct bench *bench, int which)
{
	const uint8_t features_ok = VIRTIO_CONFIG_S_ACKNOWLEDGE |
				    VIRTIO_CONFIG_S_DRIVER |
				    VIRTIO_CONFIG_S_FEATURES_OK;
	uint64_t one = 1;
	unsigned int n;

	switch (which) {
	case OPEN:
		owner_open(&bench->owner, bench->node);
		break;
	case RINGS:
		for (n = 0; n < bench->queues; n++)
			owner_ring(&bench->owner, n, ENTRIES, n * RING_BYTES);
		break;
	case CALLS:
		set_calls(bench, true);
		break;
	case DRIVER_OK:
		owner_status(&bench->owner,
			     features_ok | VIRTIO_CONFIG_S_DRIVER_OK);
		break;
	case KICK:
		must(write(bench->kick, &one, sizeof(one)) == sizeof(one),
		     "a kick");
		break;
	case SUSPEND:
		must(!ioctl(bench->owner.fd, VHOST_VDPA_SUSPEND), "SUSPEND");
		break;
	case GET_STATES:
		for (n = 0; n < bench->queues; n++) {
			struct vhost_vring_state state = { .index = n };

			must(!ioctl(bench->owner.fd, VHOST_GET_VRING_BASE,
				    &state), "GET_VRING_BASE");
		}
		break;
	case RESUME:
		must(!ioctl(bench->owner.fd, VHOST_VDPA_RESUME), "RESUME");
		break;
	case RESET:
		owner_status(&bench->owner, 0);
		break;
	case CLOSE:
		owner_close(&bench->owner);
		break;
	}
}

/*
 * What a guest's own write to its card takes: with the first the page is mapped,
 * later ones have no part of the host in them.
 */
static void doorbell_costs(struct bench *bench)
{
	static const int kinds[] = { FIRST_DOORBELL, DOORBELL };
	uint64_t begin;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		begin = ticks();
		__atomic_store_n(bench->doorbell, TX, __ATOMIC_RELEASE);
		sample(&bench->samples[kinds[i]], ticks() - begin);
	}
}

/* A frame is sent, and its interrupt becomes an event of the owner's. */
static void interrupt_costs(struct bench *bench)
{
	uint8_t *ring = bench->memory + TX * RING_BYTES;
	struct vring_desc *desc = (void *)ring;
	struct vring_avail *avail = (void *)(ring + 16 * ENTRIES);
	uint8_t *frame = bench->memory + bench->size - PAGE;
	uint64_t begin = ticks();
	struct gaps gaps;
	uint64_t calls;

	/* After the header of 12 bytes: to all, IEEE's type for experiments. */
	memset(frame + 12, 0xff, 6);
	frame[24] = 0x88;
	frame[25] = 0xb5;
	*desc = (struct vring_desc){ .addr = bench->size - PAGE, .len = 72 };
	avail->ring[avail->idx % ENTRIES] = 0;
	__atomic_store_n(&avail->idx, avail->idx + 1, __ATOMIC_RELEASE);
	gaps_begin(&gaps);
	__atomic_store_n(bench->doorbell, TX, __ATOMIC_RELEASE);
	while (gaps.last < begin + PATIENCE)
		gaps_look(&gaps);
	if (read(bench->calls[TX], &calls, sizeof(calls)) == sizeof(calls) &&
	    gaps.n == 1)
		sample(&bench->samples[INTERRUPT], gaps.latest);
}

/*
 * A queue that has used something stands elsewhere than at 0, and that decides what it
 * costs to go on. So each round has its frame used before the device is suspended.
 */
static void frame_is_used(struct bench *bench)
{
	uint8_t *ring = bench->memory + TX * RING_BYTES;
	struct vring_avail *avail = (void *)(ring + 16 * ENTRIES);
	struct vring_used *used = (void *)(ring + 20 * ENTRIES);
	uint64_t end = ticks() + 1000 * PATIENCE;

	while (__atomic_load_n(&used->idx, __ATOMIC_ACQUIRE) != avail->idx)
		must(ticks() < end, "the frame's used entry");
}

static void data_path(struct bench *bench)
{
	void *page = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, bench->owner.fd,
			  TX * PAGE);

	if (page == MAP_FAILED)
		return;
	bench->doorbell = page;
	quiet_begin();
	doorbell_costs(bench);
	interrupt_costs(bench);
	quiet_end();
	frame_is_used(bench);
	munmap(page, PAGE);
}

static void measured(struct bench *bench, int which, bool count)
{
	uint32_t before[2], after[2];
	uint64_t begin;

	if (count) {
		accesses_read(bench->accesses_fd, before);
		step(bench, which);
		accesses_read(bench->accesses_fd, after);
		bench->reads[which] = after[0] - before[0];
		bench->writes[which] = after[1] - before[1];
		return;
	}
	/* The reference NIC takes its time, and the driver sleeps meanwhile. */
	if (bench->accesses_fd < 0)
		quiet_begin();
	begin = ticks();
	step(bench, which);
	sample(&bench->samples[which], ticks() - begin);
	quiet_end();
}

static void one_round(struct bench *bench, bool count)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	struct vhost_vring_file file = { .fd = bench->kick };

	measured(bench, OPEN, count);
	owner_status(&bench->owner, 0);
	owner_status(&bench->owner, status);
	owner_features(&bench->owner, features_for(bench->queues));
	owner_status(&bench->owner, status | VIRTIO_CONFIG_S_FEATURES_OK);
	memset(bench->memory, 0, bench->size);
	owner_map(&bench->owner, 0, bench->memory, bench->size);
	measured(bench, RINGS, count);
	measured(bench, CALLS, count);
	must(!ioctl(bench->owner.fd, VHOST_SET_VRING_KICK, &file),
	     "SET_VRING_KICK");
	measured(bench, DRIVER_OK, count);
	measured(bench, KICK, count);
	if (!count)
		data_path(bench);
	if (bench->owner.backend & 1ULL << VHOST_BACKEND_F_SUSPEND) {
		measured(bench, SUSPEND, count);
		measured(bench, GET_STATES, count);
		if (bench->owner.backend & 1ULL << VHOST_BACKEND_F_RESUME)
			measured(bench, RESUME, count);
	}
	measured(bench, RESET, count);
	measured(bench, CLOSE, count);
}

int cost_owner(int argc, char **argv)
{
	unsigned int pairs = atoi(argv[1]), rounds = atoi(argv[2]), n;
	struct bench bench = {
		.node = argv[0], .queues = 2 * pairs,
		.accesses_fd = accesses_open(argv[3]),
	};
	char more[96];

	(void)argc;
	bench.calls = calloc(bench.queues, sizeof(*bench.calls));
	must(bench.calls, "memory");
	for (n = 0; n < bench.queues; n++) {
		bench.calls[n] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		must(bench.calls[n] >= 0, "eventfd");
	}
	bench.kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(bench.kick >= 0, "eventfd");
	bench.size = bench.queues * RING_BYTES + PAGE;
	bench.memory = mmap(NULL, bench.size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(bench.memory != MAP_FAILED, "memory");
	for (n = 0; n < STEPS; n++)
		bench.samples[n].name = names[n];

	one_round(&bench, true);
	while (rounds--)
		one_round(&bench, false);
	for (n = 0; n < STEPS; n++) {
		if (!bench.samples[n].n)
			continue;
		if (bench.accesses_fd >= 0)
			snprintf(more, sizeof(more),
				 ", \"pairs\": %u, \"reads\": %u, \"writes\": %u",
				 pairs, bench.reads[n], bench.writes[n]);
		else
			snprintf(more, sizeof(more), ", \"pairs\": %u", pairs);
		say(&bench.samples[n], more);
	}
	return 0;
}
