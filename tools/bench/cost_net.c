// SPDX-License-Identifier: GPL-2.0-only
/*
 * A frame from an interface to its peer, and the other way round. The peer's
 * ring of frames is in this program's memory: to wait for one takes no system
 * call, so what is not the loop's is the kernel's for that frame.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cost.h"

/* IEEE's for experiments */
#define PROTOCOL	0x88b5
#define FRAME_BYTES	2048
#define FRAMES		64
/* A frame that has not come after so many is lost. */
#define PATIENCE	400000000ULL
/* After a frame: what its sender's completion takes is no part of the next. */
#define REST		200000ULL

struct end {
	int fd;
	uint8_t mac[ETH_ALEN];
	uint8_t *ring;
	unsigned int next;
};

static void end_open(struct end *end, const char *name)
{
	struct tpacket_req request = {
		.tp_block_size = FRAMES * FRAME_BYTES, .tp_block_nr = 1,
		.tp_frame_size = FRAME_BYTES, .tp_frame_nr = FRAMES,
	};
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET, .sll_protocol = htons(PROTOCOL),
		.sll_ifindex = if_nametoindex(name),
	};
	int version = TPACKET_V2;
	struct ifreq ifreq = {};

	must(address.sll_ifindex, name);
	end->next = 0;
	end->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	must(end->fd >= 0, "packet socket");
	snprintf(ifreq.ifr_name, sizeof(ifreq.ifr_name), "%s", name);
	must(!ioctl(end->fd, SIOCGIFHWADDR, &ifreq), "SIOCGIFHWADDR");
	memcpy(end->mac, ifreq.ifr_hwaddr.sa_data, ETH_ALEN);
	must(!setsockopt(end->fd, SOL_PACKET, PACKET_VERSION, &version,
			 sizeof(version)), "PACKET_VERSION");
	must(!setsockopt(end->fd, SOL_PACKET, PACKET_RX_RING, &request,
			 sizeof(request)), "PACKET_RX_RING");
	end->ring = mmap(NULL, FRAMES * FRAME_BYTES, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_POPULATE, end->fd, 0);
	must(end->ring != MAP_FAILED, "ring");
	must(!bind(end->fd, (struct sockaddr *)&address, sizeof(address)),
	     "bind");
}

static uint32_t *end_status(struct end *end)
{
	struct tpacket2_hdr *header =
		(void *)(end->ring + end->next * FRAME_BYTES);

	return &header->tp_status;
}

/* Returns false if no frame comes. */
static bool end_wait(struct end *end, struct gaps *gaps)
{
	uint64_t until = ticks() + PATIENCE;

	gaps_begin(gaps);
	while (!(__atomic_load_n(end_status(end), __ATOMIC_ACQUIRE) &
		 TP_STATUS_USER)) {
		gaps_look(gaps);
		if (gaps->last > until)
			return false;
	}
	gaps_look(gaps);
	__atomic_store_n(end_status(end), TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	end->next = (end->next + 1) % FRAMES;
	return true;
}

/* With ticks: they are due now. */
static void rest(void)
{
	uint64_t until = ticks() + REST;

	quiet_end();
	while (ticks() < until)
		;
}

static void one_way(struct end *from, struct end *to, unsigned int rounds,
		    struct samples *send_cost, struct samples *receive_cost)
{
	uint8_t frame[ETH_ZLEN] = {};
	struct ethhdr *header = (void *)frame;
	unsigned int lost = 0;
	char more[64];

	memcpy(header->h_dest, to->mac, ETH_ALEN);
	memcpy(header->h_source, from->mac, ETH_ALEN);
	header->h_proto = htons(PROTOCOL);
	while (rounds--) {
		struct gaps gaps;
		uint64_t begin;

		quiet_begin();
		begin = ticks();
		must(write(from->fd, frame, sizeof(frame)) == sizeof(frame),
		     "a frame");
		if (send_cost)
			sample(send_cost, ticks() - begin);
		if (!end_wait(to, &gaps))
			lost++;
		else if (receive_cost && !counting())
			sample(receive_cost, gaps.last - begin);
		else if (receive_cost && gaps.n)
			sample(receive_cost, gaps.latest);
		rest();
	}
	snprintf(more, sizeof(more), ", \"lost\": %u", lost);
	if (send_cost)
		say(send_cost, more);
	if (receive_cost)
		say(receive_cost, more);
}

int cost_net(int argc, char **argv)
{
	struct samples send_cost = { .name = "net.send" };
	struct samples receive_cost = {
		.name = counting() ? "net.receive" : "net.arrival",
	};
	unsigned int rounds = atoi(argv[2]);
	struct end here, there;

	(void)argc;
	end_open(&here, argv[0]);
	end_open(&there, argv[1]);
	one_way(&here, &there, rounds, &send_cost, NULL);
	one_way(&there, &here, rounds, NULL, &receive_cost);
	return 0;
}
