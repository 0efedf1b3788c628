// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvdpa-dirty: how fast does a device write its owner's memory, and where?
 *
 * Starts the device's dirty log, reads it at every interval, and says how many
 * pages were written. Documentation/dirty-log.rst has the commands it uses.
 */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L

#include <ctype.h>
#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdnoreturn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/hvdpa.h>

#ifndef VERSION
#define VERSION		"unknown"
#endif

#define DIRECTORY	"/dev/hvdpa"
#define MIB		(1024.0 * 1024.0)
#define NSEC		1000000000LL

struct range {
	__u64 iova;
	__u64 length;
	__u64 words;
	/* Of the last report; of all of them. */
	__u64 *now;
	__u64 *all;
};

struct dirty {
	const char *name;
	const char *output;
	__u64 page_size;
	__s64 interval;
	__u64 count;
	struct range *ranges;
	__u32 nranges;
	struct hvdpa_info info;
	FILE *file;
	int fd;
	bool default_range;
	bool untrusted;
	__u64 pages;
};

static const char usage_text[] =
"usage: hvdpa-dirty [-p PAGE_SIZE] [-r IOVA:LENGTH]... [-i SECONDS] [-n COUNT]\n"
"                   [-o FILE] NAME\n"
"\n"
"Shows how many pages the device NAME writes. 'vdpa dev show' lists names.\n"
"\n"
"  -p PAGE_SIZE     bytes of a page (4K)\n"
"  -r IOVA:LENGTH   addresses to log, may be repeated (0:64G)\n"
"  -i SECONDS       from one line to the next (1)\n"
"  -n COUNT         lines; without it, until Ctrl-C\n"
"  -o FILE          at the end, write there which pages were written: one bit\n"
"                   for each, in little-endian words of 64, each range from a\n"
"                   word of its own on\n"
"  -h, --help       this text\n"
"  -V, --version    the version\n"
"\n"
"Sizes may begin with 0x and end with K, M, G or T.\n";

static noreturn void die(const char *format, ...)
{
	va_list args;

	fputs("hvdpa-dirty: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static noreturn void misused(const char *format, ...)
{
	va_list args;

	fputs("hvdpa-dirty: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; 'hvdpa-dirty --help' says more\n", stderr);
	exit(2);
}

/* What could not be written was not said: that is no success. */
static void finish_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		die("standard output cannot be written: %s", strerror(errno));
}

/* Parse a size that ends at @end_char. Returns what follows it, or NULL. */
static const char *parse_size(const char *text, char end_char, __u64 *size)
{
	static const char suffixes[] = "KMGT";
	unsigned long long value;
	const char *suffix;
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	/* A zero at the beginning makes nothing octal. */
	value = strtoull(text, &end, text[1] == 'x' || text[1] == 'X' ? 16 : 10);
	if (errno)
		return NULL;
	suffix = *end ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
	if (suffix) {
		unsigned int shift = 10 * (suffix - suffixes + 1);

		if (value > ~0ULL >> shift)
			return NULL;
		value <<= shift;
		end++;
	}
	if (*end != end_char)
		return NULL;
	*size = value;
	return end + (end_char != '\0');
}

static void add_range(struct dirty *dirty, const char *text)
{
	struct range *ranges;
	struct range range = {};
	const char *rest;

	rest = parse_size(text, ':', &range.iova);
	if (!rest || !parse_size(rest, '\0', &range.length))
		misused("'%s' is no range; one is IOVA:LENGTH, as in 4G:512M",
			text);
	ranges = realloc(dirty->ranges, (dirty->nranges + 1) * sizeof(range));
	if (!ranges)
		die("no memory for %u ranges; give fewer",
		    dirty->nranges + 1);
	ranges[dirty->nranges++] = range;
	dirty->ranges = ranges;
}

static __s64 parse_interval(const char *text)
{
	double seconds;
	char *end;

	seconds = strtod(text, &end);
	if (end == text || *end || !isfinite(seconds) || seconds < 0.001 ||
	    seconds > 86400)
		misused("'%s' is no interval; one is 0.001 to 86400 seconds",
			text);
	return (__s64)(seconds * NSEC);
}

static void parse_options(struct dirty *dirty, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ }
	};
	int option;

	while ((option = getopt_long(argc, argv, "p:r:i:n:o:hV", options,
				     NULL)) != -1) {
		switch (option) {
		case 'p':
			if (!parse_size(optarg, '\0', &dirty->page_size) ||
			    !dirty->page_size ||
			    dirty->page_size & (dirty->page_size - 1))
				misused("'%s' is no page size; one is a power of two, as in 4K",
					optarg);
			break;
		case 'r':
			add_range(dirty, optarg);
			break;
		case 'i':
			dirty->interval = parse_interval(optarg);
			break;
		case 'n':
			if (!parse_size(optarg, '\0', &dirty->count) ||
			    !dirty->count)
				misused("'%s' is no count; one is 1 or more",
					optarg);
			break;
		case 'o':
			dirty->output = optarg;
			break;
		case 'h':
			fputs(usage_text, stdout);
			finish_output();
			exit(EXIT_SUCCESS);
		case 'V':
			puts("hvdpa-dirty " VERSION);
			finish_output();
			exit(EXIT_SUCCESS);
		default:
			fputs(usage_text, stderr);
			exit(2);
		}
	}
	if (optind + 1 != argc)
		misused("one NAME of a device is needed");
	dirty->name = argv[optind];
	if (!*dirty->name || strchr(dirty->name, '/'))
		misused("'%s' is no name of a device; 'vdpa dev show' lists them",
			dirty->name);
	if (!dirty->nranges) {
		dirty->default_range = true;
		add_range(dirty, "0:64G");
	}
}

/* For a terminal: the kernel's names can have any bytes. */
static void print_name(const char *name)
{
	for (; *name; name++)
		if (isprint((unsigned char)*name) && *name != '\\')
			fputc(*name, stderr);
		else
			fprintf(stderr, "\\x%02x", (unsigned char)*name);
}

static noreturn void die_no_device(const char *name)
{
	DIR *directory = opendir(DIRECTORY);
	struct dirent *entry;
	bool any = false;

	fprintf(stderr, "hvdpa-dirty: there is no %s/%s", DIRECTORY, name);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] == '.')
			continue;
		fputs(any ? ", " : "; there are: ", stderr);
		print_name(entry->d_name);
		any = true;
	}
	if (directory)
		closedir(directory);
	if (!any)
		fputs(", nor any other; 'vdpa dev add' adds a device of hvdpa",
		      stderr);
	fputc('\n', stderr);
	exit(EXIT_FAILURE);
}

static noreturn void die_deleted(const char *name)
{
	die("%s was deleted; add it again with 'vdpa dev add' and start anew",
	    name);
}

static void open_device(struct dirty *dirty)
{
	char path[4096];
	int length;

	length = snprintf(path, sizeof(path), "%s/%s", DIRECTORY, dirty->name);
	if (length < 0 || (size_t)length >= sizeof(path))
		misused("the name is too long");
	dirty->fd = open(path, O_RDWR | O_CLOEXEC);
	if (dirty->fd < 0) {
		switch (errno) {
		case ENOENT:
			die_no_device(dirty->name);
		case ENODEV:
		case ENXIO:
			die_deleted(dirty->name);
		case EBUSY:
			die("somebody else has %s open; 'fuser %s' says who, stop that first",
			    path, path);
		case EACCES:
		case EPERM:
			die("this user may not open %s; run as root, or change its mode by udev",
			    path);
		default:
			die("cannot open %s: %s; 'ls -l %s' should show a character device",
			    path, strerror(errno), path);
		}
	}

	dirty->info.argsz = sizeof(dirty->info);
	if (!ioctl(dirty->fd, HVDPA_INFO, &dirty->info))
		return;
	if (errno == ENODEV)
		die_deleted(dirty->name);
	die("%s does not answer HVDPA_INFO: %s; is it of another version of the module?",
	    path, strerror(errno));
}

static noreturn void die_cannot_log(const char *name)
{
	fprintf(stderr,
		"hvdpa-dirty: %s cannot log: its hardware cannot, or virtio_vdpa has the device;\n"
		"  see Documentation/admin-guide.rst and /sys/kernel/debug/hvdpa/%s/migration\n",
		name, name);
	exit(EXIT_FAILURE);
}

static void print_limits(const struct dirty *dirty)
{
	__u64 span;
	unsigned int shift;

	fprintf(stderr, "  page sizes (-p):");
	for (shift = 0; shift < 64; shift++)
		if (dirty->info.page_sizes >> shift & 1)
			fprintf(stderr, " %llu%c",
				1ULL << shift % 10, "BKMGTPE"[shift / 10]);
	fprintf(stderr,
		"\n  ranges (-r): %u at most, none overlaps another\n",
		dirty->info.max_ranges);
	fputs("  addresses: multiples of the page size in VHOST_VDPA_GET_IOVA_RANGE\n",
	      stderr);
	if (__builtin_mul_overflow((__u64)dirty->info.max_log_bytes * 8,
				   dirty->page_size, &span))
		return;
	fprintf(stderr,
		"  from the first range's start to the last one's end: %llu MiB at most with pages of %llu; larger pages reach farther\n",
		span >> 20, dirty->page_size);
}

static noreturn void die_of_start(const struct dirty *dirty, int error)
{
	switch (error) {
	case EINVAL:
	case E2BIG:
		fprintf(stderr, "hvdpa-dirty: %s refuses a log of %s%s. Its limits:\n",
			dirty->name, error == E2BIG ? "this size (E2BIG)" :
			"these pages and ranges (EINVAL)", dirty->default_range ?
			"; the range is the default 0:64G, -r gives another" :
			"");
		print_limits(dirty);
		exit(EXIT_FAILURE);
	case EBUSY:
		die("%s logs already; 'fuser %s/%s' says for whom, stop that first",
		    dirty->name, DIRECTORY, dirty->name);
	case EOPNOTSUPP:
		die_cannot_log(dirty->name);
	case ENOMEM:
		die("no memory for the log; give shorter ranges (-r) or larger pages (-p)");
	case EIO:
		die("%s did not start its log; the kernel's log says what it answered",
		    dirty->name);
	case ENODEV:
		die("%s was deleted or is dead; the kernel's log says which, add it again",
		    dirty->name);
	default:
		die("cannot start the log of %s: %s; the kernel's log may say more",
		    dirty->name, strerror(error));
	}
}

static void start(struct dirty *dirty)
{
	struct hvdpa_log_start start = {
		.argsz = sizeof(start),
		.page_size = dirty->page_size,
		.num_ranges = dirty->nranges,
	};
	struct hvdpa_range *ranges;
	__u32 i;
	int err;

	if (!(dirty->info.flags & HVDPA_INFO_LOG))
		die_cannot_log(dirty->name);
	/* Nobody wants a look to slow a guest down until it reboots. */
	if (dirty->info.flags & HVDPA_INFO_RELAYED)
		die("%s cannot log by itself; hvdpa-dirty does not relay rings for a look",
		    dirty->name);
	ranges = calloc(dirty->nranges, sizeof(*ranges));
	if (!ranges)
		die("no memory for %u ranges; give fewer",
		    dirty->nranges);
	for (i = 0; i < dirty->nranges; i++) {
		ranges[i].iova = dirty->ranges[i].iova;
		ranges[i].length = dirty->ranges[i].length;
	}
	start.ranges = (uintptr_t)ranges;
	err = ioctl(dirty->fd, HVDPA_LOG_START, &start) ? errno : 0;
	free(ranges);
	if (err)
		die_of_start(dirty, err);
}

/* After the START: what it accepted has bitmaps of a size that is bounded. */
static void prepare(struct dirty *dirty)
{
	__u32 i;

	for (i = 0; i < dirty->nranges; i++) {
		struct range *range = &dirty->ranges[i];
		__u64 pages = range->length / dirty->page_size;

		range->words = pages / 64 + !!(pages % 64);
		range->now = calloc(range->words, sizeof(*range->now));
		range->all = calloc(range->words, sizeof(*range->all));
		if (!range->now || !range->all)
			die("no memory for bitmaps; give shorter ranges (-r) or larger pages (-p)");
	}
	if (!dirty->output)
		return;
	dirty->file = fopen(dirty->output, "wb");
	if (!dirty->file)
		die("cannot write %s: %s; give another file with -o",
		    dirty->output, strerror(errno));
}

/* Returns how many pages were written since the last one. */
static __u64 report_range(struct dirty *dirty, struct range *range,
			  bool *untrusted)
{
	struct hvdpa_log_report report = {
		.argsz = sizeof(report),
		.iova = range->iova,
		.length = range->length,
		.page_size = dirty->page_size,
		.bitmap = (uintptr_t)range->now,
	};
	__u64 pages = 0;
	__u64 i;

	memset(range->now, 0, range->words * sizeof(*range->now));
	if (ioctl(dirty->fd, HVDPA_LOG_REPORT, &report)) {
		if (errno == ENODEV)
			die_deleted(dirty->name);
		die("cannot read the log of %s: %s; the kernel's log may say more",
		    dirty->name, strerror(errno));
	}
	if (report.flags & HVDPA_REPORT_UNTRUSTED)
		*untrusted = true;
	for (i = 0; i < range->words; i++) {
		pages += __builtin_popcountll(range->now[i]);
		range->all[i] |= range->now[i];
	}
	return pages;
}

static __s64 now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * NSEC + time.tv_nsec;
}

/* One line. @since: of the last one; @began: of the START. */
static __s64 print_line(struct dirty *dirty, __s64 began, __s64 since)
{
	bool untrusted = false;
	__u64 pages = 0;
	double seconds;
	__s64 at;
	__u32 i;

	for (i = 0; i < dirty->nranges; i++)
		pages += report_range(dirty, &dirty->ranges[i], &untrusted);
	at = now();
	seconds = at > since ? (double)(at - since) / NSEC : 0.000000001;
	printf("%10.1f %12llu %14.1f %12.1f%s\n",
	       (double)(at - began) / NSEC, pages, pages / seconds,
	       pages / seconds * dirty->page_size / MIB,
	       untrusted ? " untrusted" : "");
	finish_output();
	dirty->pages += pages;
	dirty->untrusted |= untrusted;
	return at;
}

/* Returns true if Ctrl-C came before this time did. */
static bool stopped_before(__s64 deadline, const sigset_t *signals)
{
	for (;;) {
		__s64 rest = deadline - now();
		struct timespec timeout;

		if (rest < 0)
			rest = 0;
		timeout.tv_sec = rest / NSEC;
		timeout.tv_nsec = rest % NSEC;
		if (sigtimedwait(signals, NULL, &timeout) > 0)
			return true;
		if (errno != EINTR)
			return false;
	}
}

static void watch(struct dirty *dirty, const sigset_t *signals)
{
	__s64 began = now();
	__s64 since = began;
	__s64 next = began;
	__u64 lines = 0;
	bool stop = false;

	printf("%10s %12s %14s %12s\n", "seconds", "pages", "pages/s", "MiB/s");
	while (!stop && (!dirty->count || lines < dirty->count)) {
		next += dirty->interval;
		if (next < since)
			next = since;
		/* Also what the device wrote before Ctrl-C is reported. */
		stop = stopped_before(next, signals);
		since = print_line(dirty, began, since);
		lines++;
	}
}

static void write_file(struct dirty *dirty)
{
	bool failed = false;
	__u64 i;
	__u32 r;

	if (!dirty->file)
		return;
	for (r = 0; r < dirty->nranges; r++) {
		const struct range *range = &dirty->ranges[r];

		for (i = 0; i < range->words && !failed; i++) {
			__u64 word = htole64(range->all[i]);

			failed = fwrite(&word, sizeof(word), 1,
					dirty->file) != 1;
		}
	}
	if (fclose(dirty->file) || failed)
		die("cannot write all of %s: %s; give a file with -o where there is room",
		    dirty->output, strerror(errno));
}

static void print_summary(const struct dirty *dirty)
{
	__u64 distinct = 0;
	__u64 i;
	__u32 r;

	for (r = 0; r < dirty->nranges; r++)
		for (i = 0; i < dirty->ranges[r].words; i++)
			distinct += __builtin_popcountll(dirty->ranges[r].all[i]);
	printf("%s: %llu pages of %llu bytes reported, %llu different ones, %.1f MiB%s%s\n",
	       dirty->name, dirty->pages, dirty->page_size, distinct,
	       distinct * (double)dirty->page_size / MIB,
	       dirty->output ? "; bitmap in " : "",
	       dirty->output ? dirty->output : "");
	if (dirty->untrusted)
		printf("%s: untrusted: not all of these were written; the kernel's log says why\n",
		       dirty->name);
}

int main(int argc, char **argv)
{
	struct dirty dirty = {
		.page_size = 4096,
		.interval = NSEC,
		.fd = -1,
	};
	sigset_t signals;
	__u32 i;

	parse_options(&dirty, argc, argv);
	setvbuf(stdout, NULL, _IOLBF, 0);

	/* They are waited for, so that none comes at a bad time. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);

	open_device(&dirty);
	start(&dirty);
	prepare(&dirty);
	watch(&dirty, &signals);
	if (ioctl(dirty.fd, HVDPA_LOG_STOP)) {
		if (errno == ENODEV)
			die_deleted(dirty.name);
		die("cannot stop the log of %s: %s; the kernel's log may say more",
		    dirty.name, strerror(errno));
	}
	write_file(&dirty);
	print_summary(&dirty);
	finish_output();

	for (i = 0; i < dirty.nranges; i++) {
		free(dirty.ranges[i].now);
		free(dirty.ranges[i].all);
	}
	free(dirty.ranges);
	close(dirty.fd);
	return EXIT_SUCCESS;
}
