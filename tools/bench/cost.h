/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is measured is a clock that counts instructions, in the machine that
 * scripts/bench makes (-icount, one processor), and time elsewhere. Each figure
 * is the least of many rounds: what a round has beside it is a slab that was
 * empty, or somebody else's work.
 */
#ifndef COST_H
#define COST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

static inline uint64_t ticks(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

struct samples {
	const char *name;
	uint64_t *values;
	size_t n, size;
};

void sample(struct samples *samples, uint64_t value);
/* One line of JSON, and forgets them. more is further members, or "". */
void say(struct samples *samples, const char *more);

/*
 * No tick of the timer between these, where the machine has one processor:
 * each is some thousand instructions of its own, at times of its own. What
 * sleeps in between never wakes up.
 */
void quiet_begin(void);
void quiet_end(void);

/*
 * Is that so? Elsewhere the interrupt may be another processor's, and what is
 * measured is the time until somebody sees what it brought.
 */
bool counting(void);

/*
 * What the machine did beside the loop that waits: interrupts and their work.
 * What was waited for came with the latest.
 */
struct gaps {
	uint64_t last, latest;
	unsigned int n;
};

/* More than a turn of the loop takes, less than any interrupt. */
#define GAP_LEAST	400

static inline void gaps_begin(struct gaps *gaps)
{
	*gaps = (struct gaps){ .last = ticks() };
}

static inline void gaps_look(struct gaps *gaps)
{
	uint64_t now = ticks();

	if (now - gaps->last > GAP_LEAST) {
		gaps->latest = now - gaps->last;
		gaps->n++;
	}
	gaps->last = now;
}

/*
 * How often registers of a function of the reference NIC were read and written:
 * it counts that itself. "-" is any other, and always 0.
 */
int accesses_open(const char *function);
void accesses_read(int fd, uint32_t values[2]);

/* Ends the program with what failed and errno. */
void must(bool ok, const char *what);

int cost_net(int argc, char **argv);
int cost_block(int argc, char **argv);
int cost_owner(int argc, char **argv);
int cost_frame(int argc, char **argv);
int cost_vhost_net(int argc, char **argv);
int cost_fill(int argc, char **argv);
int cost_map(int argc, char **argv);
int cost_bus(int argc, char **argv);
int cost_provision(int argc, char **argv);

#endif /* COST_H */
