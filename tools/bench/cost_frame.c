// SPDX-License-Identifier: GPL-2.0-only
/*
 * A frame that an owner sends, or a block that it reads: its kick, and its interrupt. With
 * BASE 0 the ring is the function's; with another a standard function's ring is relayed.
 * And the same frame by vhost-net, and by a write to its tap: the difference is what
 * vhost-net's rings cost.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_config.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <net/if.h>
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
#define TX		1
/* A header of 12 bytes, and the shortest frame. */
#define FRAME_BYTES	72
/* A frame and its interrupt take less. */
#define PATIENCE	2000000ULL

/* Of a request the header, and behind it the status; in the page before, the data. */
#define HEADER_BYTES	16

struct sender {
	int kick, call;
	bool disk;
	unsigned int queue;
	/* The rings of both queues, a page for data, and one for a frame or a header. */
	uint8_t *memory;
	size_t size;
	struct vring_desc *desc;
	struct vring_avail *avail;
	struct vring_used *used;
};

static void sender_open(struct sender *sender, uint16_t base)
{
	uint8_t *ring, *frame;

	sender->queue = sender->disk ? 0 : TX;
	sender->size = 2 * RING_BYTES + 2 * PAGE;
	sender->memory = mmap(NULL, sender->size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(sender->memory != MAP_FAILED, "memory");
	/* Also of a disk not at 0, where QEMU takes a ring for one that is not there. */
	ring = sender->memory + TX * RING_BYTES;
	sender->desc = (void *)ring;
	sender->avail = (void *)(ring + 16 * ENTRIES);
	sender->used = (void *)(ring + 20 * ENTRIES);
	sender->avail->idx = base;
	sender->used->idx = base;
	sender->kick = eventfd(0, EFD_CLOEXEC);
	sender->call = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	must(sender->kick >= 0 && sender->call >= 0, "eventfd");

	if (sender->disk)
		return;
	/* To all, IEEE's type for experiments. */
	frame = sender->memory + sender->size - PAGE;
	memset(frame + 12, 0xff, 6);
	frame[24] = 0x88;
	frame[25] = 0xb5;
}

/* The first sector's page, to be read. */
static void describe_request(struct sender *sender)
{
	uint64_t page = sender->size - PAGE;

	sender->desc[0] = (struct vring_desc){
		.addr = page, .len = HEADER_BYTES,
		.flags = VRING_DESC_F_NEXT, .next = 1,
	};
	sender->desc[1] = (struct vring_desc){
		.addr = page - PAGE, .len = PAGE,
		.flags = VRING_DESC_F_NEXT | VRING_DESC_F_WRITE, .next = 2,
	};
	sender->desc[2] = (struct vring_desc){
		.addr = page + HEADER_BYTES, .len = 1,
		.flags = VRING_DESC_F_WRITE,
	};
	sender->memory[page + HEADER_BYTES] = VIRTIO_BLK_S_UNSUPP;
}

static void make_available(struct sender *sender)
{
	if (sender->disk)
		describe_request(sender);
	else
		*sender->desc = (struct vring_desc){
			.addr = sender->size - PAGE, .len = FRAME_BYTES,
		};
	sender->avail->ring[sender->avail->idx % ENTRIES] = 0;
	__atomic_store_n(&sender->avail->idx, sender->avail->idx + 1,
			 __ATOMIC_RELEASE);
}

static void send_kick(struct sender *sender)
{
	uint64_t one = 1;

	must(write(sender->kick, &one, sizeof(one)) == sizeof(one), "a kick");
}

static bool is_used(struct sender *sender)
{
	return __atomic_load_n(&sender->used->idx, __ATOMIC_ACQUIRE) ==
	       sender->avail->idx;
}

/* One frame; its interrupt alone came by while it was waited for, or it is no sample. */
static void one_frame(struct sender *sender, struct samples *kicks,
		      struct samples *interrupts)
{
	uint64_t begin, took, end, calls;
	struct gaps gaps;

	make_available(sender);
	quiet_begin();
	begin = ticks();
	send_kick(sender);
	took = ticks() - begin;
	gaps_begin(&gaps);
	while (gaps.last < begin + PATIENCE)
		gaps_look(&gaps);
	quiet_end();
	end = ticks() + 1000 * PATIENCE;
	while (!is_used(sender))
		must(ticks() < end, "the frame's used entry");
	if (read(sender->call, &calls, sizeof(calls)) != sizeof(calls) ||
	    gaps.n != 1)
		return;
	sample(kicks, took);
	sample(interrupts, gaps.latest);
}

static void sender_start(struct sender *sender, struct owner *owner,
			 const char *node, uint16_t base)
{
	uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
	struct vhost_vring_file file = { .index = sender->queue };
	struct vhost_vring_state state = { .index = sender->queue, .num = base };
	unsigned int n;

	owner_open(owner, node);
	owner_status(owner, 0);
	owner_status(owner, status);
	owner_features(owner, 1ULL << VIRTIO_F_VERSION_1 |
			      1ULL << VIRTIO_F_ACCESS_PLATFORM);
	status |= VIRTIO_CONFIG_S_FEATURES_OK;
	owner_status(owner, status);
	owner_map(owner, 0, sender->memory, sender->size);
	for (n = 0; n < sender->queue; n++)
		owner_ring(owner, n, ENTRIES, n * RING_BYTES);
	owner_ring(owner, sender->queue, ENTRIES, TX * RING_BYTES);
	must(!ioctl(owner->fd, VHOST_SET_VRING_BASE, &state), "SET_VRING_BASE");
	file.fd = sender->call;
	must(!ioctl(owner->fd, VHOST_SET_VRING_CALL, &file), "SET_VRING_CALL");
	file.fd = sender->kick;
	must(!ioctl(owner->fd, VHOST_SET_VRING_KICK, &file), "SET_VRING_KICK");
	owner_status(owner, status | VIRTIO_CONFIG_S_DRIVER_OK);
}

int cost_frame(int argc, char **argv)
{
	static const char *const names[2][2][2] = {
		{ { "direct.kick", "direct.interrupt" },
		  { "relayed.kick", "relayed.interrupt" } },
		{ { "direct.block.kick", "direct.block.interrupt" },
		  { "relayed.block.kick", "relayed.block.interrupt" } },
	};
	unsigned int rounds = atoi(argv[1]), base = atoi(argv[2]);
	struct sender sender = { .disk = !strcmp(argv[3], "block") };
	struct samples kicks = { .name = names[sender.disk][!!base][0] };
	struct samples interrupts = { .name = names[sender.disk][!!base][1] };
	struct owner owner;

	(void)argc;
	sender_open(&sender, base);
	sender_start(&sender, &owner, argv[0], base);
	while (rounds--)
		one_frame(&sender, &kicks, &interrupts);
	must(!sender.disk ||
	     sender.memory[sender.size - PAGE + HEADER_BYTES] == VIRTIO_BLK_S_OK,
	     "the disk's answer");
	owner_status(&owner, 0);
	owner_close(&owner);
	say(&kicks, "");
	say(&interrupts, "");
	return 0;
}

static int tap_open(const char *name)
{
	struct ifreq ifreq = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), header = 12;

	must(fd >= 0, "/dev/net/tun");
	snprintf(ifreq.ifr_name, IFNAMSIZ, "%s", name);
	must(!ioctl(fd, TUNSETIFF, &ifreq), "TUNSETIFF");
	must(!ioctl(fd, TUNSETVNETHDRSZ, &header), "TUNSETVNETHDRSZ");
	return fd;
}

static int vhost_net_start(struct sender *sender, int tap)
{
	struct {
		struct vhost_memory memory;
		struct vhost_memory_region region;
	} table = {
		.memory.nregions = 1,
		.region = {
			.memory_size = sender->size,
			.userspace_addr = (uintptr_t)sender->memory,
		},
	};
	struct vhost_vring_state state = { .index = TX, .num = ENTRIES };
	struct vhost_vring_addr address = {
		.index = TX,
		.desc_user_addr = (uintptr_t)sender->desc,
		.avail_user_addr = (uintptr_t)sender->avail,
		.used_user_addr = (uintptr_t)sender->used,
	};
	struct vhost_vring_file file = { .index = TX, .fd = sender->call };
	uint64_t features = 1ULL << VIRTIO_F_VERSION_1;
	int fd = open("/dev/vhost-net", O_RDWR | O_CLOEXEC);

	must(fd >= 0, "/dev/vhost-net");
	must(!ioctl(fd, VHOST_SET_OWNER), "SET_OWNER");
	must(!ioctl(fd, VHOST_SET_FEATURES, &features), "SET_FEATURES");
	must(!ioctl(fd, VHOST_SET_MEM_TABLE, &table), "SET_MEM_TABLE");
	must(!ioctl(fd, VHOST_SET_VRING_NUM, &state), "SET_VRING_NUM");
	state.num = 0;
	must(!ioctl(fd, VHOST_SET_VRING_BASE, &state), "SET_VRING_BASE");
	must(!ioctl(fd, VHOST_SET_VRING_ADDR, &address), "SET_VRING_ADDR");
	must(!ioctl(fd, VHOST_SET_VRING_CALL, &file), "SET_VRING_CALL");
	file.fd = sender->kick;
	must(!ioctl(fd, VHOST_SET_VRING_KICK, &file), "SET_VRING_KICK");
	file.fd = tap;
	must(!ioctl(fd, VHOST_NET_SET_BACKEND, &file), "SET_BACKEND");
	return fd;
}

int cost_vhost_net(int argc, char **argv)
{
	struct samples frames = { .name = "vhost_net.frame" };
	struct samples writes = { .name = "tap.frame" };
	unsigned int rounds = atoi(argv[1]), n;
	int tap = tap_open(argv[0]), flags;
	struct sender sender = {};
	uint64_t begin, calls;
	uint8_t *frame;

	(void)argc;
	sender_open(&sender, 0);
	frame = sender.memory + sender.size - PAGE;
	for (n = 0; n < rounds; n++) {
		quiet_begin();
		begin = ticks();
		must(write(tap, frame, FRAME_BYTES) == FRAME_BYTES, "the tap");
		sample(&writes, ticks() - begin);
		quiet_end();
	}

	/* Its thread has the processor while this one waits: no instruction is lost. */
	flags = fcntl(sender.call, F_GETFL);
	must(!fcntl(sender.call, F_SETFL, flags & ~O_NONBLOCK), "F_SETFL");
	vhost_net_start(&sender, tap);
	for (n = 0; n < rounds; n++) {
		make_available(&sender);
		quiet_begin();
		begin = ticks();
		send_kick(&sender);
		must(read(sender.call, &calls, sizeof(calls)) == sizeof(calls),
		     "a call");
		sample(&frames, ticks() - begin);
		quiet_end();
		must(is_used(&sender), "the frame's used entry");
	}
	say(&writes, "");
	say(&frames, "");
	return 0;
}
