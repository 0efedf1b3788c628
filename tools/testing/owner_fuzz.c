// SPDX-License-Identifier: GPL-2.0-only
/*
 * owner_fuzz SEED LIMIT THREADS GATE DEVICE...: random calls of owners of
 * vhost-vdpa devices, from several threads, with values near and far from valid:
 * ioctls, IOTLB messages, maps of doorbells and writes to them, rings with
 * random contents, close and open. LIMIT is a number of calls for each thread,
 * or of seconds: 10s. The devices may die, go and come back meanwhile; whoever
 * makes one come holds GATE's flock for that long, and nothing is opened then.
 *
 * With one thread and a number of calls a seed says which calls are made: what
 * a call returns has no influence on what is chosen after it. "choices" is equal
 * where they were, with one compiler.
 *
 * Ends with counts in lines that begin with '#', and 0; or a line that says what
 * broke, and another number. The kernel's log is for others to look at, and so are the pages
 * that stay pinned; that the kernel counts none of them for us is seen to here.
 *
 * What is known to be wrong in the kernel is left alone, each place says so.
 */
#define _GNU_SOURCE

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <linux/vhost.h>
#include <linux/virtio_config.h>

#define PAGE		4096ULL
/* What vhost-vdpa pins with one call of the memory manager. */
#define BATCH_PAGES	512ULL
#define BATCH		(BATCH_PAGES * PAGE)
/* Memory that is mapped for the device, then an end that nobody may touch. */
#define ARENA_PAGES	(3 * BATCH_PAGES)
#define ARENA		(ARENA_PAGES * PAGE)
#define READONLY	(64 * PAGE)
#define GUARD		(BATCH + 64 * PAGE)
/* Where the device mostly sees the arena. */
#define HOME		0x100000ULL
#define LOCKED_MOST	(48ULL << 20)
/* Interrupts' addresses; no map may have them. */
#define MSI_FIRST	0xfee00000ULL
#define MSI_END		0xfef00000ULL

#define THREADS_MAX	32
#define DEVICES_MAX	8
#define QUEUES_MAX	64
#define KICKS		8
#define DOORBELLS	4
#define ERRNOS		600
#define ARRAY_LEN(x)	(sizeof(x) / sizeof((x)[0]))

enum kind { KIND_IOCTL, KIND_IOTLB, KIND_MMAP, KIND_OPEN, KINDS };

static const char *const kind_names[] = { "ioctl", "iotlb", "mmap", "open" };

struct device {
	const char *path;
	/* The same number from beginning to end, open or not. */
	int fd;
	bool closed;
	/* Grows with each close. Maps of an older one are to go. */
	unsigned int generation;
	__u64 features;
	__u32 nvqs;
	/* Each queue's own two; now and then it has another's. */
	int calls[QUEUES_MAX][2];
};

struct doorbell {
	void *at;
	int protection;
	const struct device *device;
	unsigned int generation;
};

struct fuzz {
	pthread_t thread;
	__u64 random;
	__u64 calls;
	char *scratch;
	int gate;
	struct doorbell doorbells[DOORBELLS];
};

static const char *seed;
static struct device devices[DEVICES_MAX];
static unsigned int ndevices;
static char *arena;
static char *readonly;
static int null_fd;
/*
 * Known: an interrupt's eventfd can be freed under the interrupt when it is
 * replaced. These and the calls' stay open to the end.
 */
static int kicks[KICKS];
static time_t deadline;
static __u64 limit;
static struct fuzz *fuzzers[THREADS_MAX];
/* Of all threads; no errno is what succeeded. */
static __u64 errors[KINDS][ERRNOS];
static __u64 started;
static __u64 rung;

static __u64 next(struct fuzz *fuzz)
{
	__u64 z;

	fuzz->random += 0x9e3779b97f4a7c15ULL;
	z = fuzz->random;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static __u64 below(struct fuzz *fuzz, __u64 end)
{
	return next(fuzz) % end;
}

static bool one_in(struct fuzz *fuzz, __u64 n)
{
	return !below(fuzz, n);
}

/* The bad one, one time in n. Both are drawn, whatever comes of it. */
static __u64 mostly(struct fuzz *fuzz, __u64 n, __u64 good, __u64 bad)
{
	return one_in(fuzz, n) ? bad : good;
}

static __u64 edge(struct fuzz *fuzz)
{
	static const __u64 edges[] = {
		0, 1, 2, 3, 7, 8, 15, 16, 63, 64, 255, 256, 257, 1024,
		PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 64 * PAGE, 0x7fff, 0x8000,
		0xffff, 0x10000, BATCH - PAGE, BATCH, BATCH + PAGE, 1ULL << 30,
		0x7fffffff, 1ULL << 31, ~0U, 1ULL << 32, MSI_FIRST,
		MSI_END - PAGE, MSI_END, 1ULL << 38, (1ULL << 39) - PAGE,
		1ULL << 39, 1ULL << 46, 1ULL << 47, 1ULL << 48,
		(1ULL << 57) - PAGE, (1ULL << 63) - 1, 1ULL << 63, 0 - PAGE,
		1 - PAGE, ~0ULL - 1, ~0ULL,
	};
	__u64 known = edges[below(fuzz, ARRAY_LEN(edges))];
	__u64 any = next(fuzz) >> below(fuzz, 64);

	return mostly(fuzz, 2, known, mostly(fuzz, 2, any, any & -PAGE));
}

static void count(__u64 *number)
{
	__atomic_add_fetch(number, 1, __ATOMIC_RELAXED);
}

static bool came(struct fuzz *fuzz, enum kind kind, bool failed)
{
	fuzz->calls++;
	count(&errors[kind][failed ? errno : 0]);
	return !failed;
}

static __u32 any_queue(struct fuzz *fuzz, const struct device *device)
{
	__u32 bad = mostly(fuzz, 2, device->nvqs, edge(fuzz));

	return mostly(fuzz, 12, below(fuzz, device->nvqs), bad);
}

/* An argument that the kernel cannot read or write. */
static void *bad_address(struct fuzz *fuzz)
{
	static const __u64 addresses[] = {
		0, 1, PAGE - 1, 0x7ffffffff000ULL, 0x7fffffffeffcULL,
		0xffff800000000000ULL, 0xffff888000001000ULL,
		0xffffffff81000000ULL, 1ULL << 63, ~0ULL, ~0ULL - 7,
	};
	__u64 known = addresses[below(fuzz, ARRAY_LEN(addresses))];
	__u64 end = (uintptr_t)arena + ARENA - below(fuzz, 16);

	return (void *)(uintptr_t)mostly(fuzz, 3, known, end);
}

static bool command(struct fuzz *fuzz, struct device *device, unsigned long cmd,
		    void *arg)
{
	return came(fuzz, KIND_IOCTL, ioctl(device->fd, cmd, arg));
}

/* For struct vhost_vring_state, and vhost_vring_file, which looks the same. */
static void vring(struct fuzz *fuzz, struct device *device, unsigned long cmd,
		  __u32 index, __u32 num)
{
	struct vhost_vring_state state = { .index = index, .num = num };

	command(fuzz, device, cmd, &state);
}

static void set_status(struct fuzz *fuzz, struct device *device, __u8 status)
{
	command(fuzz, device, VHOST_VDPA_SET_STATUS, &status);
}

static int bad_fd(struct fuzz *fuzz, const struct device *device)
{
	const int fds[] = { -1, -1, 1 << 20, null_fd, device->fd };

	return fds[below(fuzz, ARRAY_LEN(fds))];
}

static int any_kick(struct fuzz *fuzz, const struct device *device)
{
	return mostly(fuzz, 4, kicks[below(fuzz, KICKS)], bad_fd(fuzz, device));
}

static int any_call(struct fuzz *fuzz, const struct device *device, __u32 index)
{
	__u32 whose = mostly(fuzz, 4, index % QUEUES_MAX, below(fuzz, QUEUES_MAX));
	int good = device->calls[whose][below(fuzz, 2)];

	return mostly(fuzz, 4, good, bad_fd(fuzz, device));
}

static __u64 any_features(struct fuzz *fuzz, const struct device *device)
{
	const __u64 needed = 1ULL << VIRTIO_F_VERSION_1 |
			     1ULL << VIRTIO_F_ACCESS_PLATFORM;
	__u64 fewer = (device->features & (next(fuzz) | next(fuzz))) | needed;
	__u64 bad = mostly(fuzz, 2, fewer ^ 1ULL << below(fuzz, 64), edge(fuzz));

	return mostly(fuzz, 10, mostly(fuzz, 2, fewer, device->features), bad);
}

static __u64 any_backend_features(struct fuzz *fuzz)
{
	/* All but a descriptor group, which the device has not. */
	const __u64 all = 0xfe & ~(1ULL << VHOST_BACKEND_F_DESC_ASID);

	return mostly(fuzz, 3, all, mostly(fuzz, 4, next(fuzz) & 0xfe,
					   next(fuzz)));
}

/*
 * The kernel checks no address of a ring: here, elsewhere, nowhere. The device
 * finds in it what somebody has scribbled there.
 */
static void set_address(struct fuzz *fuzz, struct device *device, __u32 index)
{
	__u64 at = HOME + PAGE * below(fuzz, ARENA_PAGES - 16);
	struct vhost_vring_addr address = {
		.index = index,
		.flags = mostly(fuzz, 16, 0, edge(fuzz)),
		.desc_user_addr = mostly(fuzz, 20, at, edge(fuzz)),
		.avail_user_addr = mostly(fuzz, 20, at + 4 * PAGE, edge(fuzz)),
		.used_user_addr = mostly(fuzz, 20, at + 8 * PAGE, edge(fuzz)),
		.log_guest_addr = mostly(fuzz, 20, 0, edge(fuzz)),
	};

	command(fuzz, device, VHOST_SET_VRING_ADDR, &address);
}

static __u32 any_num(struct fuzz *fuzz)
{
	return mostly(fuzz, 12, 1 << below(fuzz, 9), edge(fuzz));
}

static __u32 any_base(struct fuzz *fuzz)
{
	__u32 half = below(fuzz, 1 << 16);
	__u32 any = mostly(fuzz, 2, mostly(fuzz, 2, half, half | half << 16),
			   edge(fuzz));

	return mostly(fuzz, 8, mostly(fuzz, 3, 0, 0x80008000), any);
}

/* struct vhost_msg looks the same, and has a hole for the address space. */
static void message(struct fuzz *fuzz, struct device *device, __u32 version,
		    __u32 asid, const struct vhost_iotlb_msg *iotlb,
		    size_t length)
{
	struct vhost_msg_v2 msg = {
		.type = version, .asid = asid, .iotlb = *iotlb,
	};

	came(fuzz, KIND_IOTLB, write(device->fd, &msg, length) < 0);
}

/*
 * Known: vhost-vdpa loses pages that it has pinned where a map fails behind
 * its first contiguous piece: at interrupts' addresses, or in the second batch
 * of pages. So a map that can fail does so at its first piece, or where it is
 * all in one batch.
 */
static void avoid_leaks(struct vhost_iotlb_msg *iotlb)
{
	__u64 first = iotlb->iova & ~(PAGE - 1);

	if (iotlb->type != VHOST_IOTLB_UPDATE || first >= MSI_FIRST)
		return;
	if (iotlb->size > MSI_FIRST - iotlb->iova)
		iotlb->size = MSI_FIRST - iotlb->iova;
}

static void map_good(struct fuzz *fuzz, struct vhost_iotlb_msg *iotlb)
{
	static const __u64 places[] = {
		HOME, HOME, HOME, 0, 0x40000000, MSI_FIRST - ARENA, MSI_END,
		1ULL << 32, 1ULL << 36,
	};
	__u64 page = below(fuzz, ARENA_PAGES - 8);
	__u64 pages = mostly(fuzz, 4, 1 + below(fuzz, 8),
			     1 + below(fuzz, ARENA_PAGES - page));

	iotlb->iova = places[below(fuzz, ARRAY_LEN(places))] + page * PAGE;
	iotlb->uaddr = (uintptr_t)arena + page * PAGE;
	iotlb->size = pages * PAGE;
}

static void map_bad(struct fuzz *fuzz, struct vhost_iotlb_msg *iotlb)
{
	/* The last batch: beyond the arena nothing can be pinned. */
	__u64 last = (uintptr_t)arena + ARENA - 1 - below(fuzz, BATCH - PAGE);
	const __u64 others[] = {
		(uintptr_t)readonly + below(fuzz, READONLY),
		(uintptr_t)bad_address(fuzz),
		(uintptr_t)fuzz->doorbells[below(fuzz, DOORBELLS)].at,
	};
	__u64 window = MSI_FIRST + below(fuzz, MSI_END - MSI_FIRST);

	iotlb->uaddr = mostly(fuzz, 2, last,
			      others[below(fuzz, ARRAY_LEN(others))]);
	iotlb->iova = mostly(fuzz, 8, edge(fuzz), window);
	iotlb->size = edge(fuzz);
}

static void do_iotlb(struct fuzz *fuzz, struct device *device)
{
	static const __u8 types[] = {
		VHOST_IOTLB_UPDATE, VHOST_IOTLB_UPDATE, VHOST_IOTLB_UPDATE,
		VHOST_IOTLB_UPDATE, VHOST_IOTLB_UPDATE, VHOST_IOTLB_UPDATE,
		VHOST_IOTLB_INVALIDATE, VHOST_IOTLB_INVALIDATE,
		VHOST_IOTLB_INVALIDATE, VHOST_IOTLB_BATCH_BEGIN,
		VHOST_IOTLB_BATCH_END, VHOST_IOTLB_BATCH_END,
		VHOST_IOTLB_MISS, VHOST_IOTLB_ACCESS_FAIL, 0, 7, 0xff,
	};
	size_t length = sizeof(struct vhost_msg_v2);
	struct vhost_iotlb_msg iotlb = {
		.type = types[below(fuzz, ARRAY_LEN(types))],
		.perm = mostly(fuzz, 2, VHOST_ACCESS_RW,
			       mostly(fuzz, 12, 1 + below(fuzz, 3),
				      next(fuzz))),
	};
	__u32 version = mostly(fuzz, 8, VHOST_IOTLB_MSG_V2, VHOST_IOTLB_MSG);
	/* For each odd one vhost-vdpa writes a line into the kernel's log. */
	__u32 asid = mostly(fuzz, 200, one_in(fuzz, 8), edge(fuzz));
	void *nowhere = bad_address(fuzz);

	version = mostly(fuzz, 40, version, edge(fuzz));
	length = mostly(fuzz, 40, length, below(fuzz, length));
	if (one_in(fuzz, 3))
		map_bad(fuzz, &iotlb);
	else
		map_good(fuzz, &iotlb);
	avoid_leaks(&iotlb);

	if (one_in(fuzz, 60))
		came(fuzz, KIND_IOTLB, write(device->fd, nowhere, length) < 0);
	else
		message(fuzz, device, version, asid, &iotlb, length);
}

/*
 * Where rings may be: descriptors, with lengths, flags and next ones; an
 * available ring, with flags, an index and heads; or anything. But no length is
 * above 8 KiB: QEMU gives a broken chain's bounce buffers back to the wrong
 * address space, and a function that has lost 64 MiB of them works no more.
 */
static void do_scribble(struct fuzz *fuzz)
{
	__u64 *page = (__u64 *)(arena + PAGE * below(fuzz, ARENA_PAGES));
	__u64 kind = below(fuzz, 3);
	unsigned int i;

	for (i = 0; i < PAGE / 8; i++) {
		page[i] = next(fuzz);
		if (kind == 1)
			page[i] &= 0x00ff00ff00ff00ffULL;
		if (kind == 0)
			page[i] = i % 2 ? page[i] & 0xff8087ffffffffULL :
					  HOME + page[i] % ARENA;
		if (i % 2)
			page[i] &= ~0xffffe000ULL;
	}
}

static void do_kick(struct fuzz *fuzz)
{
	static const __u64 counts[] = { 1, 1, 1, 7, ~0ULL - 1, ~0ULL };
	int fd = kicks[below(fuzz, KICKS)];
	__u64 count = counts[below(fuzz, ARRAY_LEN(counts))];
	bool drain = one_in(fuzz, 4);

	/* Neither waits: the one may be full, the other empty. */
	if ((drain ? read(fd, &count, sizeof(count)) :
		     write(fd, &count, sizeof(count))) < 0 &&
	    errno != EAGAIN && errno != EINVAL)
		err(1, "eventfd");
}

/* All that an owner does before its device runs, almost right. */
static void do_start(struct fuzz *fuzz, struct device *device)
{
	const __u8 agreed = VIRTIO_CONFIG_S_ACKNOWLEDGE |
			    VIRTIO_CONFIG_S_DRIVER |
			    VIRTIO_CONFIG_S_FEATURES_OK;
	const struct vhost_iotlb_msg home = {
		.iova = HOME, .size = ARENA, .uaddr = (uintptr_t)arena,
		.perm = VHOST_ACCESS_RW, .type = VHOST_IOTLB_UPDATE,
	}, all = { .size = ~0ULL, .type = VHOST_IOTLB_INVALIDATE };
	__u64 backend = any_backend_features(fuzz);
	__u64 features = any_features(fuzz, device);
	bool renew = one_in(fuzz, 4);
	__u8 status = 0;
	__u32 i;

	command(fuzz, device, VHOST_SET_OWNER, NULL);
	command(fuzz, device, VHOST_SET_BACKEND_FEATURES, &backend);
	set_status(fuzz, device, 0);
	if (renew)
		message(fuzz, device, VHOST_IOTLB_MSG_V2, 0, &all,
			sizeof(struct vhost_msg_v2));
	message(fuzz, device, VHOST_IOTLB_MSG_V2, 0, &home,
		sizeof(struct vhost_msg_v2));
	set_status(fuzz, device, agreed & VIRTIO_CONFIG_S_ACKNOWLEDGE);
	set_status(fuzz, device, agreed & ~VIRTIO_CONFIG_S_FEATURES_OK);
	command(fuzz, device, VHOST_SET_FEATURES, &features);
	set_status(fuzz, device, agreed);
	for (i = 0; i < device->nvqs; i++) {
		if (one_in(fuzz, 16))
			continue;
		vring(fuzz, device, VHOST_SET_VRING_NUM, i, any_num(fuzz));
		set_address(fuzz, device, i);
		vring(fuzz, device, VHOST_SET_VRING_BASE, i, any_base(fuzz));
		vring(fuzz, device, VHOST_SET_VRING_KICK, i,
		      any_kick(fuzz, device));
		vring(fuzz, device, VHOST_SET_VRING_CALL, i,
		      any_call(fuzz, device, i));
		vring(fuzz, device, VHOST_VDPA_SET_VRING_ENABLE, i, 1);
	}
	set_status(fuzz, device, agreed | VIRTIO_CONFIG_S_DRIVER_OK);
	if (command(fuzz, device, VHOST_VDPA_GET_STATUS, &status) &&
	    status & VIRTIO_CONFIG_S_DRIVER_OK &&
	    !(status & VIRTIO_CONFIG_S_FAILED))
		count(&started);
}

static void do_config(struct fuzz *fuzz, struct device *device)
{
	struct vhost_vdpa_config *config = (void *)fuzz->scratch;
	bool get = one_in(fuzz, 2);
	__u64 i;

	config->off = mostly(fuzz, 4, below(fuzz, 64), edge(fuzz));
	config->len = mostly(fuzz, 4, 1 + below(fuzz, 32), edge(fuzz));
	for (i = 0; i < 64; i++)
		config->buf[i] = next(fuzz);
	command(fuzz, device, get ? VHOST_VDPA_GET_CONFIG :
		VHOST_VDPA_SET_CONFIG, config);
}

static void do_status(struct fuzz *fuzz, struct device *device)
{
	__u8 any = mostly(fuzz, 3, 0, next(fuzz));
	__u8 more = 1 << below(fuzz, 8);
	bool add = !one_in(fuzz, 3);
	__u8 status = 0;

	command(fuzz, device, VHOST_VDPA_GET_STATUS, &status);
	set_status(fuzz, device, add ? status | more : any);
}

/* What is in the argument of a command. */
enum argument {
	ANY, NUM, BASE, KICK, CALL, FLAG, GROUP, FEATURES, BACKEND, FILE_ALONE,
};

static const struct {
	unsigned long cmd;
	unsigned int weight;
	enum argument argument;
} commands[] = {
	{ VHOST_SET_VRING_NUM, 4, NUM },
	{ VHOST_SET_VRING_BASE, 4, BASE },
	{ VHOST_GET_VRING_BASE, 5, BASE },
	{ VHOST_SET_VRING_KICK, 4, KICK },
	{ VHOST_SET_VRING_CALL, 6, CALL },
	{ VHOST_SET_VRING_ERR, 2, KICK },
	{ VHOST_VDPA_SET_VRING_ENABLE, 4, FLAG },
	{ VHOST_VDPA_GET_VRING_GROUP, 1, BASE },
	{ VHOST_VDPA_GET_VRING_SIZE, 1, BASE },
	{ VHOST_VDPA_GET_VRING_DESC_GROUP, 1, BASE },
	{ VHOST_VDPA_SET_GROUP_ASID, 3, GROUP },
	{ VHOST_SET_OWNER, 3, ANY },
	{ VHOST_RESET_OWNER, 1, ANY },
	{ VHOST_GET_FEATURES, 1, ANY },
	{ VHOST_SET_FEATURES, 2, FEATURES },
	{ VHOST_GET_BACKEND_FEATURES, 1, ANY },
	{ VHOST_SET_BACKEND_FEATURES, 2, BACKEND },
	{ VHOST_SET_MEM_TABLE, 1, ANY },
	{ VHOST_SET_LOG_BASE, 1, ANY },
	{ VHOST_SET_LOG_FD, 1, FILE_ALONE },
	{ VHOST_SET_VRING_ENDIAN, 1, FLAG },
	{ VHOST_VDPA_GET_DEVICE_ID, 1, ANY },
	{ VHOST_VDPA_GET_VRING_NUM, 1, ANY },
	{ VHOST_VDPA_SET_CONFIG_CALL, 3, FILE_ALONE },
	{ VHOST_VDPA_GET_IOVA_RANGE, 1, ANY },
	{ VHOST_VDPA_GET_CONFIG_SIZE, 1, ANY },
	{ VHOST_VDPA_GET_CONFIG, 1, ANY },
	{ VHOST_VDPA_GET_AS_NUM, 1, ANY },
	{ VHOST_VDPA_GET_VQS_COUNT, 1, ANY },
	{ VHOST_VDPA_GET_GROUP_NUM, 1, ANY },
	{ VHOST_VDPA_SUSPEND, 5, ANY },
	{ VHOST_VDPA_RESUME, 5, ANY },
};

/* The first one is a queue's or a group's number. */
static __u64 pair(__u32 index, __u32 value)
{
	return index | (__u64)value << 32;
}

static void do_command(struct fuzz *fuzz, struct device *device)
{
	__u64 *words = (void *)(fuzz->scratch + 64 * below(fuzz, 64));
	__u32 index = any_queue(fuzz, device);
	__u32 group = mostly(fuzz, 6, below(fuzz, 2), edge(fuzz));
	__u32 asid = mostly(fuzz, 6, below(fuzz, 2), edge(fuzz));
	__u32 flag = mostly(fuzz, 4, below(fuzz, 2), edge(fuzz));
	__u32 kick = any_kick(fuzz, device);
	const __u64 first[] = {
		[ANY] = edge(fuzz),
		[NUM] = pair(index, any_num(fuzz)),
		[BASE] = pair(index, any_base(fuzz)),
		[KICK] = pair(index, kick),
		[CALL] = pair(index, any_call(fuzz, device, index)),
		[FLAG] = pair(index, flag),
		[GROUP] = pair(group, asid),
		[FEATURES] = any_features(fuzz, device),
		[BACKEND] = any_backend_features(fuzz),
		[FILE_ALONE] = kick,
	};
	void *nowhere = bad_address(fuzz);
	unsigned long odd = edge(fuzz);
	unsigned int what = 0;
	__u64 i, total = 0;

	for (i = 0; i < ARRAY_LEN(commands); i++)
		total += commands[i].weight;
	for (i = below(fuzz, total); i >= commands[what].weight; what++)
		i -= commands[what].weight;
	words[0] = first[commands[what].argument];
	for (i = 1; i < 16; i++)
		words[i] = edge(fuzz);
	if (one_in(fuzz, 16))
		command(fuzz, device, commands[what].cmd, nowhere);
	else
		command(fuzz, device, mostly(fuzz, 60, commands[what].cmd, odd),
			words);
}

static void unmap(struct doorbell *slot)
{
	if (slot->at && munmap(slot->at, PAGE))
		err(1, "munmap");
	slot->at = NULL;
}

/* A map keeps its file open: it goes when others have closed that. */
static void drop_old_maps(struct fuzz *fuzz)
{
	unsigned int i;

	for (i = 0; i < DOORBELLS; i++) {
		struct doorbell *slot = &fuzz->doorbells[i];

		if (slot->at && slot->generation !=
		    __atomic_load_n(&slot->device->generation,
				    __ATOMIC_ACQUIRE))
			unmap(slot);
	}
}

static void do_mmap(struct fuzz *fuzz, struct device *device)
{
	static const int many_flags[] = {
		MAP_PRIVATE, MAP_SHARED_VALIDATE, MAP_SHARED | MAP_LOCKED,
	};
	struct doorbell *slot = &fuzz->doorbells[below(fuzz, DOORBELLS)];
	int protection = mostly(fuzz, 3, PROT_WRITE, below(fuzz, 8));
	int flags = mostly(fuzz, 4, MAP_SHARED,
			   many_flags[below(fuzz, ARRAY_LEN(many_flags))]);
	__u64 index = mostly(fuzz, 12, any_queue(fuzz, device),
			     edge(fuzz) >> 12);
	__u64 length = mostly(fuzz, 12, PAGE, edge(fuzz) % (64 * PAGE));
	unsigned int generation;
	void *at;

	unmap(slot);
	generation = __atomic_load_n(&device->generation, __ATOMIC_ACQUIRE);
	at = mmap(NULL, length, protection, flags, device->fd, index * PAGE);
	if (!came(fuzz, KIND_MMAP, at == MAP_FAILED))
		return;
	/* /dev/null stands in for a device that is closed, and has no mmap. */
	if (length > PAGE)
		errx(1, "a doorbell's map of %llu bytes was accepted", length);
	if (protection & PROT_READ)
		errx(1, "a doorbell's map for reading was accepted");
	*slot = (struct doorbell){
		.at = at,
		.protection = protection,
		.device = device,
		.generation = generation,
	};
}

static void do_doorbell(struct fuzz *fuzz)
{
	struct doorbell *slot = &fuzz->doorbells[below(fuzz, DOORBELLS)];
	__u64 what = below(fuzz, 12);
	__u32 *at = (__u32 *)slot->at + below(fuzz, PAGE / 4);
	__u32 value = edge(fuzz);
	int protection = below(fuzz, 8);

	if (!slot->at)
		return;
	if (!what) {
		if (!mprotect(slot->at, PAGE, protection))
			slot->protection = protection;
	} else if (what == 1) {
		if (mremap(slot->at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) !=
		    MAP_FAILED)
			errx(1, "a doorbell's map became longer");
	} else if (slot->protection & PROT_WRITE) {
		count(&rung);
		if (what < 6)
			__atomic_store_n((__u16 *)slot->at, value,
					 __ATOMIC_RELAXED);
		else if (what < 9)
			__atomic_store_n((__u8 *)at, value, __ATOMIC_RELAXED);
		else
			__atomic_store_n(at, value, __ATOMIC_RELAXED);
	} else if (slot->protection & PROT_READ) {
		__atomic_load_n(at, __ATOMIC_RELAXED);
	}
}

static void close_device(struct device *device)
{
	/* In one step: no other file gets this number in between. */
	if (dup2(null_fd, device->fd) < 0)
		err(1, "dup2");
	__atomic_add_fetch(&device->generation, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&device->closed, true, __ATOMIC_RELEASE);
}

/*
 * Known: a file that is opened while its device is being made can lose its
 * pages. So whoever makes one has the gate for itself.
 */
static void open_device(struct fuzz *fuzz, struct device *device)
{
	int fd;

	flock(fuzz->gate, LOCK_SH);
	fd = open(device->path, O_RDWR | O_CLOEXEC);
	if (came(fuzz, KIND_OPEN, fd < 0)) {
		if (dup2(fd, device->fd) < 0)
			err(1, "dup2");
		close(fd);
		__atomic_store_n(&device->closed, false, __ATOMIC_RELEASE);
	}
	flock(fuzz->gate, LOCK_UN);
}

static void do_reopen(struct fuzz *fuzz, struct device *device)
{
	/* Somebody else has it: no more than one may. */
	open_device(fuzz, device);
	close_device(device);
	drop_old_maps(fuzz);
	open_device(fuzz, device);
	command(fuzz, device, VHOST_SET_OWNER, NULL);
}

static void one_turn(struct fuzz *fuzz)
{
	struct device *device = &devices[below(fuzz, ndevices)];

	drop_old_maps(fuzz);
	/* Others' calls and maps keep a file open, or the device is not there. */
	if (__atomic_load_n(&device->closed, __ATOMIC_ACQUIRE)) {
		usleep(5000);
		open_device(fuzz, device);
	}
	switch (below(fuzz, 64)) {
	case 0 ... 4:
		return do_start(fuzz, device);
	case 5 ... 24:
		return do_iotlb(fuzz, device);
	case 25 ... 27:
		return set_address(fuzz, device, any_queue(fuzz, device));
	case 28 ... 43:
		return do_command(fuzz, device);
	case 44 ... 46:
		return do_status(fuzz, device);
	case 47 ... 49:
		return do_config(fuzz, device);
	case 50 ... 52:
		return do_mmap(fuzz, device);
	case 53 ... 57:
		return do_doorbell(fuzz);
	case 58:
		return do_scribble(fuzz);
	case 59 ... 62:
		return do_kick(fuzz);
	default:
		do_reopen(fuzz, device);
	}
}

static void *run(void *arg)
{
	struct fuzz *fuzz = arg;
	unsigned int i;

	while (limit ? fuzz->calls < limit : time(NULL) < deadline)
		one_turn(fuzz);
	for (i = 0; i < DOORBELLS; i++)
		unmap(&fuzz->doorbells[i]);
	return NULL;
}

static char *map(__u64 length, __u64 guard)
{
	char *at = mmap(NULL, length + guard, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		err(1, "mmap");
	/* Pieces, as the memory of a guest is in after a while. */
	madvise(at, length, MADV_NOHUGEPAGE);
	if (mprotect(at, length, PROT_READ | PROT_WRITE))
		err(1, "mprotect");
	return at;
}

static void setup_device(struct device *device, const char *path)
{
	unsigned int i;

	device->path = path;
	/* It may just be dead. */
	for (i = 0; i < 300 && device->fd <= 0; i++) {
		device->fd = open(path, O_RDWR | O_CLOEXEC);
		usleep(device->fd < 0 ? 100000 : 0);
	}
	if (ioctl(device->fd, VHOST_GET_FEATURES, &device->features) ||
	    ioctl(device->fd, VHOST_VDPA_GET_VQS_COUNT, &device->nvqs))
		err(1, "%s", path);
	if (device->nvqs > QUEUES_MAX)
		errx(1, "%u queues", device->nvqs);
	for (i = 0; i < QUEUES_MAX; i++) {
		device->calls[i][0] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		device->calls[i][1] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	}
}

static struct fuzz *new_fuzzer(__u64 number, const char *gate)
{
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));

	if (!fuzz)
		err(1, "memory");
	fuzz->random = number;
	fuzz->scratch = map(16 * PAGE, PAGE);
	/* Of its own: a lock belongs to who has opened the file. */
	fuzz->gate = open(gate, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fuzz->gate < 0)
		err(1, "%s", gate);
	return fuzz;
}

/* What the kernel still counts as pinned for this process, in KiB. */
static long pinned(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kib = -1;

	if (!file)
		err(1, "/proc/self/status");
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "VmPin: %ld", &kib) == 1)
			break;
	fclose(file);
	return kib;
}

static void report(void)
{
	__u64 calls = 0;
	unsigned int i, kind;

	for (i = 0; i < KINDS * ERRNOS; i++)
		calls += errors[i / ERRNOS][i % ERRNOS];
	printf("# seed %s: %llu calls, %llu times DRIVER_OK, %llu doorbells rung\n",
	       seed, calls, started, rung);
	for (kind = 0; kind < KINDS; kind++) {
		printf("# %s: %llu succeeded", kind_names[kind],
		       errors[kind][0]);
		for (i = 1; i < ERRNOS; i++)
			if (errors[kind][i])
				printf(", %s %llu", strerrorname_np(i) ?:
				       "ENOTSUPP", errors[kind][i]);
		putchar('\n');
	}
	printf("# choices: %llx\n", fuzzers[0]->random);
}

int main(int argc, char **argv)
{
	const struct rlimit locked = { LOCKED_MOST, LOCKED_MOST };
	unsigned long nthreads, i;
	struct timespec patience = {};
	__u64 start;

	if (argc < 6 || argc > 5 + DEVICES_MAX)
		errx(2, "usage: owner_fuzz SEED LIMIT THREADS GATE DEVICE...");
	seed = argv[1];
	start = strtoull(seed, NULL, 0);
	deadline = time(NULL);
	if (strchr(argv[2], 's'))
		deadline += strtoul(argv[2], NULL, 0);
	else
		limit = strtoull(argv[2], NULL, 0);
	nthreads = strtoul(argv[3], NULL, 0);
	if (!nthreads || nthreads > THREADS_MAX)
		errx(2, "1 to %u threads", THREADS_MAX);

	/* vhost-vdpa refuses what is more, also of root. */
	if (setrlimit(RLIMIT_MEMLOCK, &locked))
		err(1, "RLIMIT_MEMLOCK");
	arena = map(ARENA, GUARD);
	readonly = map(READONLY, GUARD);
	memset(readonly, 0x5a, READONLY);
	if (mprotect(readonly, READONLY, PROT_READ))
		err(1, "mprotect");
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		err(1, "/dev/null");
	for (i = 0; i < KICKS; i++)
		kicks[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ndevices = argc - 5;
	for (i = 0; i < ndevices; i++)
		setup_device(&devices[i], argv[5 + i]);

	for (i = 0; i < nthreads; i++)
		fuzzers[i] = new_fuzzer(start * THREADS_MAX + i, argv[4]);
	for (i = 0; i < nthreads; i++)
		if (pthread_create(&fuzzers[i]->thread, NULL, run, fuzzers[i]))
			errx(1, "no thread");

	/* A function that is reset may take its time, each one a second. */
	patience.tv_sec = deadline + 90;
	for (i = 0; i < nthreads; i++)
		if (pthread_timedjoin_np(fuzzers[i]->thread, NULL, &patience))
			errx(1, "a call does not end");
	for (i = 0; i < ndevices; i++)
		close_device(&devices[i]);
	report();
	if (pinned())
		errx(1, "%ld KiB are still counted as pinned", pinned());
	printf("ok %s: nothing is counted as pinned\n", seed);
	return EXIT_SUCCESS;
}
