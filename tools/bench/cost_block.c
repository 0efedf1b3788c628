// SPDX-License-Identifier: GPL-2.0-only
/* A read of 4 KiB: to hand it to the card, and what its completion takes. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cost.h"

#define BYTES		4096
#define PATIENCE	400000000ULL

/* The kernel's ring of completions, which it maps for who asks it. */
struct completions {
	uint32_t id, nr, head, tail, magic, compat, incompat, header_length;
};

static uint32_t tail_of(const struct completions *ring)
{
	return __atomic_load_n(&ring->tail, __ATOMIC_ACQUIRE);
}

int cost_block(int argc, char **argv)
{
	struct samples submit = { .name = "block.submit" };
	struct samples complete = {
		.name = counting() ? "block.complete" : "block.read",
	};
	unsigned int rounds = atoi(argv[1]), lost = 0;
	aio_context_t context = 0;
	struct completions *ring;
	struct iocb block = {}, *blocks[] = { &block };
	char more[64];
	void *data;
	int fd;

	(void)argc;
	fd = open(argv[0], O_RDONLY | O_DIRECT | O_CLOEXEC);
	must(fd >= 0, argv[0]);
	data = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	must(data != MAP_FAILED, "memory");
	must(!syscall(SYS_io_setup, 16, &context), "io_setup");
	ring = (void *)context;
	block.aio_lio_opcode = IOCB_CMD_PREAD;
	block.aio_fildes = fd;
	block.aio_buf = (uintptr_t)data;
	block.aio_nbytes = BYTES;
	while (rounds--) {
		uint32_t tail = tail_of(ring);
		struct io_event event;
		uint64_t begin, until;
		struct gaps gaps;

		quiet_begin();
		begin = ticks();
		until = begin + PATIENCE;
		must(syscall(SYS_io_submit, context, 1, blocks) == 1,
		     "io_submit");
		sample(&submit, ticks() - begin);
		gaps_begin(&gaps);
		while (tail_of(ring) == tail && gaps.last < until)
			gaps_look(&gaps);
		gaps_look(&gaps);
		quiet_end();
		if (tail_of(ring) == tail)
			lost++;
		else if (!counting())
			sample(&complete, gaps.last - begin);
		else if (gaps.n)
			sample(&complete, gaps.latest);
		must(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1,
		     "io_getevents");
		must(event.res == BYTES, "a read");
	}
	snprintf(more, sizeof(more), ", \"lost\": %u", lost);
	say(&submit, more);
	say(&complete, more);
	return 0;
}
