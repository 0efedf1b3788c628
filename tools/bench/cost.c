// SPDX-License-Identifier: GPL-2.0-only
/* cost WHAT PARENT ...: what a parent costs, as lines of JSON. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cost.h"

/* Where a PC has its local interrupt controller, and its registers. */
#define APIC		0xfee00000
#define APIC_BYTES	4096
#define APIC_TIMER	(0x320 / 4)
#define APIC_MASKED	0x10000
#define APIC_INITIAL	(0x380 / 4)
#define APIC_CURRENT	(0x390 / 4)

static const char *parent;
static uint32_t *apic;

void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "cost: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void quiet_open(void)
{
	int fd;

	if (sysconf(_SC_NPROCESSORS_ONLN) != 1)
		return;
	fd = open("/dev/mem", O_RDWR | O_SYNC | O_CLOEXEC);
	must(fd >= 0, "/dev/mem");
	apic = mmap(NULL, APIC_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    APIC);
	must(apic != MAP_FAILED, "the interrupt controller");
	close(fd);
	atexit(quiet_end);
}

/* Two counters of the configuration space. */
#define ACCESSES_AT	0xf0

int accesses_open(const char *function)
{
	char path[128];
	int fd;

	if (!strcmp(function, "-"))
		return -1;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config",
		 function);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	must(fd >= 0, path);
	return fd;
}

void accesses_read(int fd, uint32_t values[2])
{
	memset(values, 0, 8);
	if (fd >= 0)
		must(pread(fd, values, 8, ACCESSES_AT) == 8,
		     "the card's counters");
}

static uint32_t apic_read(unsigned int at)
{
	return __atomic_load_n(&apic[at], __ATOMIC_RELAXED);
}

static void apic_write(unsigned int at, uint32_t value)
{
	__atomic_store_n(&apic[at], value, __ATOMIC_RELAXED);
}

bool counting(void)
{
	return apic;
}

void quiet_begin(void)
{
	if (apic)
		apic_write(APIC_TIMER, apic_read(APIC_TIMER) | APIC_MASKED);
}

void quiet_end(void)
{
	if (!apic)
		return;
	apic_write(APIC_TIMER, apic_read(APIC_TIMER) & ~APIC_MASKED);
	/* A tick that was due is lost: the next one is now. */
	if (!apic_read(APIC_CURRENT))
		apic_write(APIC_INITIAL, 1);
}

void sample(struct samples *samples, uint64_t value)
{
	if (samples->n == samples->size) {
		samples->size = samples->size ? 2 * samples->size : 64;
		samples->values = realloc(samples->values,
					  samples->size * sizeof(value));
		must(samples->values, "memory");
	}
	samples->values[samples->n++] = value;
}

static int compare(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void say(struct samples *samples, const char *more)
{
	const uint64_t *v = samples->values;
	size_t n = samples->n;

	must(n, samples->name);
	qsort(samples->values, n, sizeof(*v), compare);
	printf("{\"figure\": \"%s\", \"parent\": \"%s\", ", samples->name,
	       parent);
	printf("\"least\": %llu, \"median\": %llu, \"most\": %llu, ",
	       (unsigned long long)v[0], (unsigned long long)v[n / 2],
	       (unsigned long long)v[n - 1]);
	printf("\"rounds\": %zu%s}\n", n, more);
	fflush(stdout);
	samples->n = 0;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	/* -1 is any number */
	int arguments;
	const char *usage;
} kinds[] = {
	{ "net", cost_net, 3, "IFACE PEER ROUNDS" },
	{ "block", cost_block, 2, "DISK ROUNDS" },
	{ "owner", cost_owner, 4, "NODE PAIRS ROUNDS FUNCTION" },
	{ "frame", cost_frame, 4, "NODE ROUNDS BASE net|block" },
	{ "vhost-net", cost_vhost_net, 2, "TAP ROUNDS" },
	{ "fill", cost_fill, 3, "FILE MIB ordered|scattered" },
	{ "map", cost_map, 5, "NODE MIB PAGES FILE ROUNDS" },
	{ "bus", cost_bus, 4, "DRIVER FUNCTION ROUNDS FUNCTION-OR--" },
	{ "provision", cost_provision, -1, "ROUNDS FUNCTION..." },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc > 2 && i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(argv[1], kinds[i].name) &&
		    (argc - 3 == kinds[i].arguments ||
		     kinds[i].arguments < 0)) {
			parent = argv[2];
			/* No page of this program is fetched meanwhile. */
			must(!mlockall(MCL_CURRENT), "mlockall");
			quiet_open();
			return kinds[i].run(argc - 3, argv + 3);
		}
	for (i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		fprintf(stderr, "cost %s PARENT %s\n", kinds[i].name,
			kinds[i].usage);
	return 2;
}
