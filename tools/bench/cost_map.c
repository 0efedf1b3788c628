// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is mapped and unmapped. A machine has less than a guest of 16 GiB:
 * the same BACKED-MIB of it come again and again, at other addresses.
 */
#define _GNU_SOURCE
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cost.h"
#include "owner.h"

#define MIB	1048576UL
#define PAGE	4096UL

/* Pages that are neighbours here are none in memory. */
static void touch_scattered(char *memory, size_t pages)
{
	size_t i, at = 0;

	/* An odd step visits each page of a power of two once. */
	for (i = 0; i < pages; i++) {
		memory[at * PAGE] = 1;
		at = (at + 40503) % pages;
	}
}

int cost_map(int argc, char **argv)
{
	size_t size = atol(argv[1]) * MIB, backed = atol(argv[3]) * MIB, at;
	struct samples map = { .name = "map" }, unmap = { .name = "unmap" };
	unsigned int rounds = atoi(argv[4]);
	const char *kind = argv[2];
	struct owner owner;
	char *memory, more[64];
	int fd;

	(void)argc;
	fd = memfd_create("cost", strcmp(kind, "huge") ? 0 :
			  MFD_HUGETLB | MFD_HUGE_2MB);
	must(fd >= 0 && !ftruncate(fd, backed), "memory");
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(memory != MAP_FAILED, "addresses");
	for (at = 0; at < size; at += backed)
		must(mmap(memory + at, backed, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED,
		     "addresses");
	if (!strcmp(kind, "scattered"))
		touch_scattered(memory, backed / PAGE);
	must(!madvise(memory, size, MADV_POPULATE_WRITE), "MADV_POPULATE_WRITE");

	owner_open(&owner, argv[0]);
	while (rounds--) {
		uint64_t begin = ticks();

		owner_map(&owner, 0, memory, size);
		sample(&map, ticks() - begin);
		begin = ticks();
		owner_unmap(&owner, 0, size);
		sample(&unmap, ticks() - begin);
	}
	owner_close(&owner);
	snprintf(more, sizeof(more), ", \"mib\": %zu, \"pages\": \"%s\"",
		 size / MIB, kind);
	say(&map, more);
	say(&unmap, more);
	return 0;
}
