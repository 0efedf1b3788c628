// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is mapped and unmapped. A machine has less than a guest of 16 GiB:
 * the memory of one file comes again and again, at other addresses. All parents
 * are given the same file, as what neighbours each page is matters.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cost.h"
#include "owner.h"

#define MIB	1048576UL
#define PAGE	4096UL
/* Above what a PC has below 4 GiB: interrupts are there. */
#define IOVA	(4096 * MIB)

/* The file's pages are had one after the other, or all over it. */
int cost_fill(int argc, char **argv)
{
	size_t size = atol(argv[1]) * MIB, pages = size / PAGE, i, at = 0;
	/* An odd step visits each page of a power of two once. */
	size_t step = strcmp(argv[2], "scattered") ? 1 : 40503;
	char *memory;
	int fd;

	(void)argc;
	fd = open(argv[0], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(fd >= 0 && !ftruncate(fd, size), argv[0]);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	must(memory != MAP_FAILED, argv[0]);
	for (i = 0; i < pages; i++) {
		memory[at * PAGE] = 1;
		at = (at + step) % pages;
	}
	return 0;
}

int cost_map(int argc, char **argv)
{
	size_t size = atol(argv[1]) * MIB, at;
	struct samples map = { .name = "map" }, unmap = { .name = "unmap" };
	unsigned int rounds = atoi(argv[4]);
	struct owner owner;
	struct stat stat;
	char *memory, more[64];
	int fd;

	(void)argc;
	fd = open(argv[3], O_RDWR | O_CLOEXEC);
	must(fd >= 0 && !fstat(fd, &stat), argv[3]);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(memory != MAP_FAILED, "addresses");
	for (at = 0; at < size; at += stat.st_size)
		must(mmap(memory + at, stat.st_size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED,
		     "addresses");
	must(!madvise(memory, size, MADV_POPULATE_WRITE), "MADV_POPULATE_WRITE");

	owner_open(&owner, argv[0]);
	while (rounds--) {
		uint64_t begin;

		quiet_begin();
		begin = ticks();
		owner_map(&owner, IOVA, memory, size);
		sample(&map, ticks() - begin);
		begin = ticks();
		owner_unmap(&owner, IOVA, size);
		sample(&unmap, ticks() - begin);
		quiet_end();
	}
	owner_close(&owner);
	snprintf(more, sizeof(more), ", \"mib\": %zu, \"pages\": \"%s\"",
		 size / MIB, argv[2]);
	say(&map, more);
	say(&unmap, more);
	return 0;
}
