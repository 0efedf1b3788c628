// SPDX-License-Identifier: GPL-2.0-only
/*
 * log_fuzz /dev/hvdpa/NAME SEED SECONDS THREADS: random commands and maps of a
 * device's file, from several threads, with values at the edges.
 *
 * What must hold: only documented errnos come back; what cannot be right is
 * refused; a REPORT clears no bit of its caller's and writes nothing but its
 * bitmap; a second open is refused. The device may be deleted meanwhile. A
 * doorbell is read and never written.
 *
 * Ends with "ok SEED: N calls" and 0, or a line that says what broke and 1.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include <linux/hvdpa.h>

#define THREADS_MAX	64
#define PAGE		4096ULL
/* What bitmaps are put in, before addresses that nobody may touch. */
#define ARENA		(64 * 1024ULL)
#define ARENA_WORDS	(ARENA / 8)
/* Words before and after a bitmap that no REPORT may touch. */
#define CANARY		8ULL
#define RANGES		1024
#define DOORBELLS	8
#define HINTS		8
/* No map of ours is below this, so a bitmap there is at no valid address. */
#define LOW_WORDS	4096ULL
#define ARRAY_LEN(x)	(sizeof(x) / sizeof((x)[0]))

/* Where an argument is. */
enum place {
	PLACE_GOOD,
	PLACE_READONLY,
	PLACE_STRADDLING,
	PLACE_BAD,
};

struct doorbell {
	void *at;
	bool readable;
};

struct fuzz {
	pthread_t thread;
	__u64 random;
	__u64 calls;
	/* ARENA bytes, guard, ARENA bytes for reading only, guard. */
	char *arena;
	char *readonly;
	/* One page each, then a guard. */
	char *args;
	char *readonly_args;
	struct hvdpa_range *ranges;
	__u64 before[ARENA_WORDS];
	__u64 reports;
	struct doorbell doorbells[DOORBELLS];
};

/* What was started last, so that many a REPORT is right. */
struct hint {
	__u64 page_size;
	__u32 nranges;
	struct hvdpa_range ranges[HINTS];
};

static const char *path;
static const char *seed;
static int fd;
static struct hvdpa_info first_info;
static __u64 guard_bytes;
static struct timespec deadline;
static bool gone;
static pthread_mutex_t hint_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hint hint;
static pthread_mutex_t broken_lock = PTHREAD_MUTEX_INITIALIZER;
static struct fuzz *fuzzers[THREADS_MAX];

static thread_local sigjmp_buf trap;
static thread_local bool trap_is_set;

static noreturn void fail(const char *format, ...)
{
	va_list args;

	/* The first one speaks; nobody unlocks. */
	pthread_mutex_lock(&broken_lock);
	printf("broken %s: ", seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	_exit(EXIT_FAILURE);
}

static noreturn void setup_failed(const char *what)
{
	fail("setup: %s: %s", what, strerror(errno));
}

static void on_signal(int number)
{
	if (number == SIGBUS && trap_is_set)
		siglongjmp(trap, 1);
	/* Again, without this handler. */
	signal(number, SIG_DFL);
}

static __u64 next(struct fuzz *fuzz)
{
	__u64 z;

	fuzz->random += 0x9e3779b97f4a7c15ULL;
	z = fuzz->random;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static __u64 below(struct fuzz *fuzz, __u64 limit)
{
	return next(fuzz) % limit;
}

static bool one_in(struct fuzz *fuzz, __u64 n)
{
	return !below(fuzz, n);
}

static __u64 edge(struct fuzz *fuzz)
{
	static const __u64 edges[] = {
		0, 1, 2, 7, 8, 31, 32, 39, 40, 55, 56, 63, 64,
		PAGE - 1, PAGE, PAGE + 1, 2 * PAGE, 3 * PAGE, 64 * PAGE,
		1ULL << 21, 1ULL << 30, (1ULL << 31) - 1, 1ULL << 31,
		(1ULL << 32) - 1, 1ULL << 32, 0xfee00000ULL, 1ULL << 39,
		1ULL << 41, 1ULL << 46, 1ULL << 47, 1ULL << 48, 1ULL << 52,
		(1ULL << 63) - 1, 1ULL << 63, (1ULL << 63) + PAGE,
		0 - PAGE, 0 - PAGE - 1, 1 - PAGE, ~0ULL - 1, ~0ULL,
	};

	switch (below(fuzz, 4)) {
	case 0:
		return next(fuzz) >> below(fuzz, 64);
	case 1:
		return next(fuzz) >> below(fuzz, 52) & ~(PAGE - 1);
	default:
		return edges[below(fuzz, ARRAY_LEN(edges))];
	}
}

static bool is_power_of_2(__u64 value)
{
	return value && !(value & (value - 1));
}

static enum place any_place(struct fuzz *fuzz)
{
	if (!one_in(fuzz, 8))
		return PLACE_GOOD;
	return PLACE_READONLY + below(fuzz, 3);
}

static __u64 bad_address(struct fuzz *fuzz)
{
	static const __u64 addresses[] = {
		0, 1, 8, PAGE - 8, PAGE - 1, 1ULL << 63, (1ULL << 63) - 8,
		0x7ffffffff000ULL, 0xffff800000000000ULL,
		0xffff888000001000ULL, 0xffffc90000000000ULL,
		0xffffffff81000000ULL, ~0ULL, ~0ULL - 7, ~0ULL - 4095,
	};

	if (one_in(fuzz, 3))
		return (uintptr_t)fuzz->arena + ARENA + 8 * below(fuzz, 512);
	return addresses[below(fuzz, ARRAY_LEN(addresses))];
}

/* Put a command's struct where the kernel is to find it. */
static __u64 put_args(struct fuzz *fuzz, enum place place, const void *args,
		      size_t size)
{
	char *at;

	switch (place) {
	case PLACE_BAD:
		return bad_address(fuzz);
	case PLACE_READONLY:
		at = fuzz->readonly_args;
		if (mprotect(at, PAGE, PROT_READ | PROT_WRITE))
			setup_failed("mprotect");
		memcpy(at, args, size);
		if (mprotect(at, PAGE, PROT_READ))
			setup_failed("mprotect");
		return (uintptr_t)at;
	case PLACE_STRADDLING: {
		size_t inside = below(fuzz, size);

		at = fuzz->args + PAGE - inside;
		memcpy(at, args, inside);
		return (uintptr_t)at;
	}
	default:
		at = fuzz->args + 8 * below(fuzz, (PAGE - size - 64) / 8);
		memset(at + size, 0xc5, 64);
		memcpy(at, args, size);
		return (uintptr_t)at;
	}
}

static void check_after_args(const char *what, const char *at, size_t size)
{
	size_t i;

	for (i = 0; i < 64; i++)
		if ((unsigned char)at[size + i] != 0xc5)
			fail("%s wrote behind its argument", what);
}

/* Do a command. Returns 0 or its errno. */
static int command(struct fuzz *fuzz, unsigned int cmd, __u64 arg)
{
	fuzz->calls++;
	return ioctl(fd, cmd, (unsigned long)arg) ? errno : 0;
}

static void expect(const char *what, int err, bool impossible, const int *errnos)
{
	if (!err && impossible)
		fail("%s that cannot be right was accepted", what);
	if (!err)
		return;
	for (; *errnos; errnos++)
		if (*errnos == err)
			return;
	fail("%s: %s, which is not documented", what, strerror(err));
}

static bool is_gone(void)
{
	return __atomic_load_n(&gone, __ATOMIC_ACQUIRE);
}

/* Ask the open file whether its device was deleted; that is for good. */
static bool ask_gone(struct fuzz *fuzz)
{
	struct hvdpa_info info = { .argsz = sizeof(info) };

	if (command(fuzz, HVDPA_INFO, (uintptr_t)&info) != ENODEV)
		return false;
	__atomic_store_n(&gone, true, __ATOMIC_RELEASE);
	return true;
}

static void check_info(struct fuzz *fuzz, const struct hvdpa_info *info)
{
	const __u32 flags = HVDPA_INFO_LOG | HVDPA_INFO_DOORBELLS |
			    HVDPA_INFO_RUNNING;
	const __u32 fixed = HVDPA_INFO_LOG | HVDPA_INFO_DOORBELLS;

	if (info->argsz != sizeof(*info) || info->reserved ||
	    info->flags & ~flags)
		fail("INFO: argsz %u, flags %#x, reserved %u", info->argsz,
		     info->flags, info->reserved);
	if (info->version != first_info.version ||
	    info->max_ranges != first_info.max_ranges ||
	    info->page_sizes != first_info.page_sizes ||
	    info->max_log_bytes != first_info.max_log_bytes ||
	    info->nqueues != first_info.nqueues ||
	    (info->flags & fixed) != (first_info.flags & fixed))
		fail("INFO changed what a device can do");
	if (info->untrusted > info->reports || info->reports < fuzz->reports)
		fail("INFO: %llu reports, %llu untrusted; %llu reports before",
		     info->reports, info->untrusted, fuzz->reports);
	fuzz->reports = info->reports;
}

static void do_info(struct fuzz *fuzz)
{
	static const int errnos[] = { EINVAL, EFAULT, ENODEV, 0 };
	struct hvdpa_info info = { .argsz = sizeof(info) };
	enum place place = any_place(fuzz);
	bool was_gone = is_gone();
	bool impossible;
	__u64 at;
	int err;

	memset(&info.flags, 0x5a, sizeof(info) - sizeof(info.argsz));
	if (one_in(fuzz, 4))
		info.argsz = (__u32)edge(fuzz);
	at = put_args(fuzz, place, &info, sizeof(info));
	impossible = place != PLACE_GOOD || info.argsz < sizeof(info) ||
		     was_gone;
	err = command(fuzz, HVDPA_INFO, at);
	expect("INFO", err, impossible, errnos);
	if (!impossible && err && err != ENODEV)
		fail("INFO of a good struct: %s", strerror(err));
	if (!impossible && err == ENODEV)
		__atomic_store_n(&gone, true, __ATOMIC_RELEASE);
	if (place != PLACE_GOOD)
		return;
	check_after_args("INFO", (char *)(uintptr_t)at, sizeof(info));
	if (!err)
		check_info(fuzz, (struct hvdpa_info *)(uintptr_t)at);
	else if (memcmp((void *)(uintptr_t)at, &info, sizeof(info)))
		fail("INFO failed (%s) and wrote", strerror(err));
}

static __u64 good_page_size(struct fuzz *fuzz)
{
	__u64 sizes = first_info.page_sizes;
	unsigned int n;

	if (!sizes)
		return PAGE;
	/* Small ones more often: they have the larger logs. */
	for (n = below(fuzz, 4); n && sizes & (sizes - 1); n--)
		sizes &= sizes - 1;
	return sizes & -sizes;
}

static void good_start(struct fuzz *fuzz, struct hvdpa_log_start *start)
{
	__u64 page = good_page_size(fuzz);
	__u64 at = page * below(fuzz, 300);
	__u32 i;

	*start = (struct hvdpa_log_start) {
		.argsz = sizeof(*start),
		.page_size = page,
		.num_ranges = 1 + below(fuzz, 6),
	};
	if (one_in(fuzz, 16))
		start->num_ranges = first_info.max_ranges < RANGES ?
				    first_info.max_ranges : RANGES;
	for (i = 0; i < start->num_ranges; i++) {
		__u64 pages = 1 + below(fuzz, 300);

		if (one_in(fuzz, 16))
			pages = 1ULL << below(fuzz, 21);
		fuzz->ranges[i].iova = at;
		fuzz->ranges[i].length = pages * page;
		at += (pages + below(fuzz, 100)) * page;
	}
	/* They need no order. */
	for (i = 1; i < start->num_ranges; i++) {
		__u32 other = below(fuzz, i + 1);
		struct hvdpa_range range = fuzz->ranges[i];

		fuzz->ranges[i] = fuzz->ranges[other];
		fuzz->ranges[other] = range;
	}
}

static void spoil_start(struct fuzz *fuzz, struct hvdpa_log_start *start)
{
	__u32 nranges = start->num_ranges < RANGES ? start->num_ranges : RANGES;
	struct hvdpa_range *range = &fuzz->ranges[below(fuzz, nranges ?: 1)];

	switch (below(fuzz, 9)) {
	case 0:
		start->argsz = (__u32)edge(fuzz);
		break;
	case 1:
		start->flags = (__u32)edge(fuzz);
		break;
	case 2:
		start->reserved = (__u32)edge(fuzz);
		break;
	case 3:
		start->page_size = edge(fuzz);
		break;
	case 4:
		start->num_ranges = (__u32)edge(fuzz);
		break;
	case 5:
		start->num_ranges = first_info.max_ranges + below(fuzz, 2);
		break;
	case 6:
		range->iova = edge(fuzz);
		break;
	case 7:
		range->length = edge(fuzz);
		break;
	default:
		*range = fuzz->ranges[below(fuzz, RANGES)];
	}
}

/* What no device may accept. How far one reaches is not known here. */
static bool start_is_impossible(const struct hvdpa_log_start *start,
				const struct hvdpa_range *ranges)
{
	__u64 first = ~0ULL, last = 0;
	__u32 i, j;

	if (start->argsz < sizeof(*start) || start->flags || start->reserved ||
	    !start->num_ranges || start->num_ranges > first_info.max_ranges ||
	    !is_power_of_2(start->page_size) ||
	    !(start->page_size & first_info.page_sizes))
		return true;
	for (i = 0; i < start->num_ranges; i++) {
		__u64 end = ranges[i].iova + ranges[i].length - 1;

		if (!ranges[i].length || end < ranges[i].iova ||
		    (ranges[i].iova | ranges[i].length) &
		    (start->page_size - 1))
			return true;
		for (j = 0; j < i; j++)
			if (ranges[i].iova <= ranges[j].iova +
			    ranges[j].length - 1 && ranges[j].iova <= end)
				return true;
		if (ranges[i].iova < first)
			first = ranges[i].iova;
		if (end > last)
			last = end;
	}
	return (last - first) / start->page_size >=
	       first_info.max_log_bytes * 8;
}

static void do_start(struct fuzz *fuzz)
{
	static const int errnos[] = {
		EINVAL, E2BIG, EBUSY, EFAULT, EOPNOTSUPP, ENOMEM, EIO, ENODEV,
		0
	};
	enum place place = any_place(fuzz);
	enum place where = any_place(fuzz);
	struct hvdpa_log_start start;
	bool impossible = is_gone();
	__u64 at;
	int err;

	good_start(fuzz, &start);
	start.ranges = (uintptr_t)fuzz->ranges;
	if (one_in(fuzz, 3))
		spoil_start(fuzz, &start);
	if (one_in(fuzz, 12))
		spoil_start(fuzz, &start);

	if (where == PLACE_BAD) {
		start.ranges = bad_address(fuzz);
		impossible = true;
	} else if (where == PLACE_STRADDLING && start.num_ranges) {
		/* The last range's end is behind the end of the memory. */
		start.ranges = (uintptr_t)(fuzz->ranges + RANGES) -
			       sizeof(*fuzz->ranges) * start.num_ranges + 8;
		impossible = true;
	} else if (start.num_ranges > RANGES) {
		impossible = true;
	} else {
		impossible |= start_is_impossible(&start, fuzz->ranges);
	}
	if (place == PLACE_STRADDLING || place == PLACE_BAD)
		impossible = true;

	at = put_args(fuzz, place, &start, sizeof(start));
	err = command(fuzz, HVDPA_LOG_START, at);
	expect("START", err, impossible, errnos);
	if (place == PLACE_GOOD &&
	    memcmp((void *)(uintptr_t)at, &start, sizeof(start)))
		fail("START wrote to its argument");
	if (err)
		return;

	pthread_mutex_lock(&hint_lock);
	hint.page_size = start.page_size;
	hint.nranges = start.num_ranges < HINTS ? start.num_ranges : HINTS;
	memcpy(hint.ranges, fuzz->ranges, hint.nranges * sizeof(*hint.ranges));
	pthread_mutex_unlock(&hint_lock);
}

static void do_stop(struct fuzz *fuzz)
{
	static const int errnos[] = { EINVAL, ENODEV, 0 };
	bool impossible = is_gone();

	expect("STOP", command(fuzz, HVDPA_LOG_STOP, edge(fuzz)), impossible,
	       errnos);
}

static void good_report(struct fuzz *fuzz, struct hvdpa_log_report *report)
{
	struct hvdpa_range range;
	__u64 smallest, page, skipped, pages;

	*report = (struct hvdpa_log_report) { .argsz = sizeof(*report) };
	pthread_mutex_lock(&hint_lock);
	smallest = hint.page_size;
	range = hint.ranges[below(fuzz, hint.nranges)];
	pthread_mutex_unlock(&hint_lock);

	/* Larger pages than the log's, where they fit. */
	page = smallest;
	if (one_in(fuzz, 3))
		page <<= below(fuzz, 8);
	skipped = -range.iova & (page - 1);
	if (skipped >= range.length || range.length - skipped < page)
		page = smallest;
	else
		range = (struct hvdpa_range) { range.iova + skipped,
					       range.length - skipped };
	pages = range.length / page ?: 1;
	if (one_in(fuzz, 2)) {
		skipped = below(fuzz, pages);
		range.iova += skipped * page;
		pages = 1 + below(fuzz, pages - skipped);
	}
	report->iova = range.iova;
	report->length = pages * page;
	report->page_size = page;
}

static void spoil_report(struct fuzz *fuzz, struct hvdpa_log_report *report)
{
	switch (below(fuzz, 7)) {
	case 0:
		report->argsz = (__u32)edge(fuzz);
		break;
	case 1:
		report->flags = (__u32)edge(fuzz);
		break;
	case 2:
		report->iova = edge(fuzz);
		break;
	case 3:
		report->length = edge(fuzz);
		break;
	case 4:
		report->page_size = edge(fuzz);
		break;
	case 5:
		report->length += report->page_size;
		break;
	default:
		report->iova -= report->page_size;
	}
}

static bool report_is_impossible(const struct hvdpa_log_report *report)
{
	__u64 smallest = first_info.page_sizes & -first_info.page_sizes;

	return report->argsz < sizeof(*report) || report->flags ||
	       !report->length || !is_power_of_2(report->page_size) ||
	       report->page_size < smallest || !smallest ||
	       (report->iova | report->length) & (report->page_size - 1) ||
	       report->iova + report->length - 1 < report->iova;
}

/* Choose where the bitmap is. Returns false if no REPORT can succeed there. */
static bool put_bitmap(struct fuzz *fuzz, struct hvdpa_log_report *report,
		       __u64 words)
{
	enum place place = any_place(fuzz);
	__u64 room = ARENA_WORDS - 2 * CANARY;
	__u64 at;

	switch (place) {
	case PLACE_BAD:
		report->bitmap = bad_address(fuzz);
		/* What is above the first pages is somebody's memory. */
		if (words > LOW_WORDS)
			report->bitmap = (uintptr_t)fuzz->arena + ARENA;
		return false;
	case PLACE_READONLY:
		report->bitmap = (uintptr_t)fuzz->readonly +
				 8 * below(fuzz, ARENA_WORDS);
		return false;
	case PLACE_STRADDLING:
		/* Its last bytes are not there; words need no alignment. */
		at = ARENA - below(fuzz, (words < room ? words : room) * 8);
		if (one_in(fuzz, 2))
			at &= ~7ULL;
		report->bitmap = (uintptr_t)fuzz->arena + at;
		return true;
	default:
		at = words >= room ? CANARY : CANARY + below(fuzz, room - words);
		/* Or its end is the last byte that is there. */
		if (words < room && one_in(fuzz, 4))
			at = ARENA_WORDS - words;
		report->bitmap = (uintptr_t)fuzz->arena + 8 * at;
		return true;
	}
}

static void fill_arena(struct fuzz *fuzz, __u64 from, __u64 to)
{
	__u64 *arena = (__u64 *)fuzz->arena;
	unsigned int kind = below(fuzz, 4);
	__u64 i;

	for (i = from; i < to; i++) {
		__u64 word = 0;

		if (kind == 1)
			word = ~0ULL;
		else if (kind > 1)
			word = next(fuzz);
		fuzz->before[i] = word;
		arena[i] = word;
	}
}

/* Nothing is cleared, and nothing but @words words at @bitmap is written. */
static void check_arena(struct fuzz *fuzz, __u64 bitmap, __u64 words,
			__u64 from, __u64 to, bool untouched)
{
	const char *was = (char *)fuzz->before;
	__u64 base = (uintptr_t)fuzz->arena;
	__u64 begin = 0, end = 0, i;

	if (!untouched && bitmap >= base && bitmap < base + ARENA) {
		begin = bitmap - base;
		end = words > ARENA_WORDS ? ARENA : begin + words * 8;
	}
	for (i = from * 8; i < to * 8; i++) {
		if (fuzz->arena[i] == was[i])
			continue;
		if (i < begin || i >= end)
			fail("REPORT wrote %lld bytes from its bitmap of %llu words",
			     (long long)(base + i - bitmap), words);
		if (was[i] & ~fuzz->arena[i])
			fail("REPORT cleared a bit of its caller's");
	}
}

/* The last word has bits of no page; an untrusted report sets all others. */
static void check_bits(struct fuzz *fuzz, __u64 bitmap, __u64 pages,
		       bool untrusted)
{
	__u64 at = bitmap - (uintptr_t)fuzz->arena;
	__u64 i, word, was;

	for (i = 0; i < pages; i += 64) {
		__u64 mask = pages - i < 64 ? (1ULL << (pages - i)) - 1 : ~0ULL;

		memcpy(&word, fuzz->arena + at + i / 8, 8);
		memcpy(&was, (char *)fuzz->before + at + i / 8, 8);
		if ((word ^ was) & ~mask)
			fail("REPORT of %llu pages set a bit of no page",
			     pages);
		if (untrusted && (word & mask) != mask)
			fail("an untrusted REPORT left a page out");
	}
}

static void do_report(struct fuzz *fuzz)
{
	static const int errnos[] = { EINVAL, EFAULT, ENODEV, 0 };
	const __u64 base = (uintptr_t)fuzz->arena;
	enum place place = any_place(fuzz);
	struct hvdpa_log_report report, after;
	__u64 pages, words, at, from = 0, to = ARENA_WORDS;
	bool impossible = is_gone();
	int err;

	good_report(fuzz, &report);
	if (one_in(fuzz, 4))
		spoil_report(fuzz, &report);
	impossible |= report_is_impossible(&report);

	pages = report.page_size ? report.length / report.page_size : 0;
	words = pages / 64 + !!(pages % 64) ?: 1;
	impossible |= !put_bitmap(fuzz, &report, words);
	if (place != PLACE_GOOD)
		impossible = true;

	/* A small bitmap needs no look at the whole arena. */
	if (words < ARENA_WORDS && report.bitmap >= base &&
	    report.bitmap < base + ARENA) {
		from = (report.bitmap - base) / 8;
		to = from + words + CANARY;
		from = from > CANARY ? from - CANARY : 0;
		to = to < ARENA_WORDS ? to : ARENA_WORDS;
	}
	fill_arena(fuzz, from, to);

	at = put_args(fuzz, place, &report, sizeof(report));
	err = command(fuzz, HVDPA_LOG_REPORT, at);
	expect("REPORT", err, impossible, errnos);
	check_arena(fuzz, report.bitmap, words, from, to, err && err != EFAULT);
	if (place != PLACE_GOOD)
		return;

	check_after_args("REPORT", (char *)(uintptr_t)at, sizeof(report));
	memcpy(&after, (void *)(uintptr_t)at, sizeof(after));
	if (!err) {
		bool untrusted = after.flags == HVDPA_REPORT_UNTRUSTED;

		if (after.flags & ~HVDPA_REPORT_UNTRUSTED)
			fail("REPORT: flags %#x", after.flags);
		after.flags = 0;
		if (report.bitmap + words * 8 <= base + ARENA)
			check_bits(fuzz, report.bitmap, pages, untrusted);
	}
	if (memcmp(&after, &report, sizeof(after)))
		fail("REPORT wrote to its argument (%s)", strerror(err));
}

static void do_unknown(struct fuzz *fuzz)
{
	static const int errnos[] = { ENOTTY, 0 };
	static const unsigned int types[] = {
		HVDPA_IOCTL_TYPE, HVDPA_IOCTL_TYPE, HVDPA_IOCTL_TYPE, 0xAF, ';'
	};
	unsigned int cmd;

	/* Only of types that the kernel itself has no commands of. */
	cmd = _IOC(below(fuzz, 4), types[below(fuzz, ARRAY_LEN(types))],
		   below(fuzz, one_in(fuzz, 2) ? 8 : 256), 0);
	cmd |= (edge(fuzz) & _IOC_SIZEMASK) << _IOC_SIZESHIFT;
	switch (cmd) {
	case HVDPA_INFO:
	case HVDPA_LOG_START:
	case HVDPA_LOG_STOP:
	case HVDPA_LOG_REPORT:
		return;
	}
	expect("an unknown command",
	       command(fuzz, cmd, one_in(fuzz, 2) ? bad_address(fuzz) :
						    (uintptr_t)fuzz->args),
	       true, errnos);
}

static void do_mmap(struct fuzz *fuzz)
{
	static const int errnos[] = {
		EINVAL, EOPNOTSUPP, ENODEV, EOVERFLOW, ENOMEM, EPERM, 0
	};
	struct doorbell *slot = &fuzz->doorbells[below(fuzz, DOORBELLS)];
	__u64 index = below(fuzz, first_info.nqueues + 2);
	int protection = PROT_READ | PROT_WRITE;
	bool impossible = is_gone();
	__u64 length = PAGE;
	int flags = MAP_SHARED;
	int err;
	void *at;

	if (slot->at)
		return;
	if (one_in(fuzz, 3))
		protection = below(fuzz, 8);
	if (one_in(fuzz, 8))
		flags = MAP_PRIVATE;
	if (one_in(fuzz, 4))
		length = edge(fuzz);
	if (one_in(fuzz, 6))
		index = edge(fuzz) >> 12;

	impossible |= index >= first_info.nqueues || flags != MAP_SHARED ||
		      protection & PROT_EXEC || !length || length > PAGE ||
		      !(first_info.flags & HVDPA_INFO_DOORBELLS);
	fuzz->calls++;
	at = mmap(NULL, length, protection, flags, fd, index * PAGE);
	err = at == MAP_FAILED ? errno : 0;
	expect("mmap", err, impossible, errnos);
	/* These are the kernel's, and of such maps only. */
	if ((err == ENOMEM && length <= PAGE) ||
	    (err == EOVERFLOW && index < 1ULL << 32 && length <= PAGE) ||
	    (err == EPERM && !(protection & PROT_EXEC)))
		fail("mmap: %s, which is not documented", strerror(err));
	if (!err) {
		slot->at = at;
		slot->readable = protection & PROT_READ;
	}
}

static void do_munmap(struct fuzz *fuzz)
{
	struct doorbell *slot = &fuzz->doorbells[below(fuzz, DOORBELLS)];

	if (!slot->at)
		return;
	fuzz->calls++;
	if (munmap(slot->at, PAGE))
		fail("munmap: %s", strerror(errno));
	slot->at = NULL;
}

/* A map does not become what it could not have been made as. */
static void do_remap(struct fuzz *fuzz)
{
	struct doorbell *slot = &fuzz->doorbells[below(fuzz, DOORBELLS)];

	if (!slot->at)
		return;
	fuzz->calls += 2;
	if (!mprotect(slot->at, PAGE, PROT_READ | PROT_EXEC))
		fail("a doorbell became executable");
	if (mremap(slot->at, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED)
		fail("a doorbell's map became longer");
}

static void do_read(struct fuzz *fuzz)
{
	struct doorbell *slot = &fuzz->doorbells[below(fuzz, DOORBELLS)];

	if (!slot->at || !slot->readable)
		return;
	fuzz->calls++;
	if (!sigsetjmp(trap, 1)) {
		trap_is_set = true;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		__atomic_load_n((__u16 *)slot->at + below(fuzz, PAGE / 2),
				__ATOMIC_SEQ_CST);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		trap_is_set = false;
		return;
	}
	trap_is_set = false;
	if (!ask_gone(fuzz))
		fail("SIGBUS of a doorbell whose device is there");
}

static void do_open(struct fuzz *fuzz)
{
	static const int flags[] = {
		O_RDWR, O_RDONLY, O_WRONLY, O_RDWR | O_NONBLOCK
	};
	unsigned int tries;
	int other, err;

	fuzz->calls++;
	other = open(path, flags[below(fuzz, ARRAY_LEN(flags))] | O_CLOEXEC);
	err = other < 0 ? errno : 0;
	if (!err)
		close(other);
	if (err == EBUSY)
		return;
	if (err && err != ENODEV && err != ENOENT)
		fail("open: %s, which is not documented", strerror(err));

	/* The file goes first and its device a moment later. */
	for (tries = 0; !ask_gone(fuzz); tries++) {
		if (!err)
			fail("the file was opened twice");
		if (tries == 1000)
			fail("open: %s, and the device is there",
			     strerror(err));
		usleep(10000);
	}
}

static void one_call(struct fuzz *fuzz)
{
	switch (below(fuzz, 32)) {
	case 0 ... 8:
		do_start(fuzz);
		break;
	case 9 ... 19:
		do_report(fuzz);
		break;
	case 20 ... 21:
		do_stop(fuzz);
		break;
	case 22 ... 23:
		do_info(fuzz);
		break;
	case 24:
		do_unknown(fuzz);
		break;
	case 25 ... 26:
		do_mmap(fuzz);
		break;
	case 27:
		do_munmap(fuzz);
		break;
	case 28 ... 29:
		do_read(fuzz);
		break;
	case 30:
		do_remap(fuzz);
		break;
	default:
		do_open(fuzz);
	}
}

static bool time_is_up(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec > deadline.tv_sec ||
	       (time.tv_sec == deadline.tv_sec &&
		time.tv_nsec >= deadline.tv_nsec);
}

static void *run(void *arg)
{
	struct fuzz *fuzz = arg;

	while (!time_is_up())
		one_call(fuzz);
	return NULL;
}

static char *map(__u64 length)
{
	void *at = mmap(NULL, length, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		setup_failed("mmap");
	return at;
}

static void allow(void *at, __u64 length, int protection)
{
	if (mprotect(at, length, protection))
		setup_failed("mprotect");
}

static struct fuzz *new_fuzzer(__u64 number)
{
	const __u64 ranges = RANGES * sizeof(struct hvdpa_range);
	struct fuzz *fuzz = calloc(1, sizeof(*fuzz));

	if (!fuzz)
		setup_failed("memory");
	fuzz->random = number;
	fuzz->reports = first_info.reports;

	fuzz->arena = map(2 * (ARENA + guard_bytes));
	fuzz->readonly = fuzz->arena + ARENA + guard_bytes;
	allow(fuzz->arena, ARENA, PROT_READ | PROT_WRITE);
	allow(fuzz->readonly, ARENA, PROT_READ);

	fuzz->args = map(4 * PAGE);
	fuzz->readonly_args = fuzz->args + 2 * PAGE;
	allow(fuzz->args, PAGE, PROT_READ | PROT_WRITE);
	allow(fuzz->readonly_args, PAGE, PROT_READ);

	fuzz->ranges = (struct hvdpa_range *)map(ranges + PAGE);
	allow(fuzz->ranges, ranges, PROT_READ | PROT_WRITE);
	return fuzz;
}

static unsigned long parse_number(const char *text, unsigned long most)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (errno || end == text || *end || value > most) {
		fprintf(stderr, "log_fuzz: '%s' is no number up to %lu\n", text,
			most);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	unsigned long nthreads, seconds, i;
	struct timespec patience;
	__u64 calls = 0;
	__u64 start;

	if (argc != 5) {
		fputs("usage: log_fuzz /dev/hvdpa/NAME SEED SECONDS THREADS\n",
		      stderr);
		return 2;
	}
	path = argv[1];
	seed = argv[2];
	start = parse_number(seed, ~0UL);
	seconds = parse_number(argv[3], 86400);
	nthreads = parse_number(argv[4], THREADS_MAX);
	if (!nthreads)
		nthreads = 1;

	if (sysconf(_SC_PAGESIZE) != (long)PAGE)
		fail("setup: pages here do not have %llu bytes", PAGE);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		setup_failed(path);
	first_info.argsz = sizeof(first_info);
	if (ioctl(fd, HVDPA_INFO, &first_info))
		setup_failed("INFO");
	if (first_info.version != HVDPA_API_VERSION)
		fail("INFO: version %u", first_info.version);
	if (first_info.max_log_bytes > 1ULL << 32)
		fail("setup: logs of %llu bytes are too large to be fenced in",
		     first_info.max_log_bytes);
	guard_bytes = (first_info.max_log_bytes + 256 * PAGE) & ~(PAGE - 1);

	hint.page_size = first_info.page_sizes & -first_info.page_sizes ?: PAGE;
	hint.nranges = 1;
	hint.ranges[0].length = 64 * hint.page_size;

	sigaction(SIGBUS, &action, NULL);
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += seconds;
	for (i = 0; i < nthreads; i++)
		fuzzers[i] = new_fuzzer(start * THREADS_MAX + i);
	for (i = 0; i < nthreads; i++)
		if (pthread_create(&fuzzers[i]->thread, NULL, run, fuzzers[i]))
			fail("setup: no thread");

	/* Commands are one after the other, and the largest take a while. */
	patience = deadline;
	patience.tv_sec += 60;
	for (i = 0; i < nthreads; i++) {
		if (pthread_timedjoin_np(fuzzers[i]->thread, NULL, &patience))
			fail("a command does not end");
		calls += fuzzers[i]->calls;
	}
	printf("ok %s: %llu calls\n", seed, calls);
	return EXIT_SUCCESS;
}
