// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function that is bound, has a device added and deleted, and is unbound; and
 * many of them, one after the other.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../hvdpactl/netlink.h"
#include "cost.h"

static void write_attribute(const char *driver, const char *attribute,
			    const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s/%s", driver,
		 attribute);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	must(fd >= 0, path);
	must(write(fd, value, strlen(value)) > 0, path);
	close(fd);
}

enum {
	PROBE, ADD, DEL, REMOVE, STEPS
};

struct bus {
	const char *driver, *function;
	struct netlink *netlink;
	struct error error;
};

static void bus_step(struct bus *bus, int which)
{
	const struct attributes none = {};

	switch (which) {
	case PROBE:
		write_attribute(bus->driver, "bind", bus->function);
		break;
	case ADD:
		must(!netlink_add(bus->netlink, "cost", bus->function, &none,
				  &bus->error), bus->error.text);
		break;
	case DEL:
		must(!netlink_del(bus->netlink, "cost", &bus->error),
		     bus->error.text);
		break;
	case REMOVE:
		write_attribute(bus->driver, "unbind", bus->function);
		break;
	}
}

int cost_bus(int argc, char **argv)
{
	struct samples samples[STEPS] = {
		[PROBE] = { .name = "bus.probe" },
		[ADD] = { .name = "bus.dev_add" },
		[DEL] = { .name = "bus.dev_del" },
		[REMOVE] = { .name = "bus.remove" },
	};
	struct bus bus = { .driver = argv[0], .function = argv[1] };
	uint32_t count[STEPS][2], before[2], after[2];
	unsigned int rounds = atoi(argv[2]), i;
	int fd = accesses_open(argv[3]);
	char more[64] = "";

	(void)argc;
	bus.netlink = netlink_open(&bus.error);
	must(bus.netlink, bus.error.text);
	for (i = 0; i < STEPS; i++) {
		accesses_read(fd, before);
		bus_step(&bus, i);
		accesses_read(fd, after);
		count[i][0] = after[0] - before[0];
		count[i][1] = after[1] - before[1];
	}
	while (rounds--) {
		/* The events of the devices are sent by somebody else. */
		usleep(20000);
		for (i = 0; i < STEPS; i++) {
			uint64_t begin;

			/* Those of vdpa wait for no time to pass. */
			if (i == ADD)
				quiet_begin();
			begin = ticks();
			bus_step(&bus, i);
			sample(&samples[i], ticks() - begin);
			if (i == DEL)
				quiet_end();
		}
	}
	netlink_close(bus.netlink);
	for (i = 0; i < STEPS; i++) {
		if (fd >= 0)
			snprintf(more, sizeof(more),
				 ", \"reads\": %u, \"writes\": %u",
				 count[i][0], count[i][1]);
		say(&samples[i], more);
	}
	return 0;
}

/* Does the next one cost more, the more there are? Each is the least of rounds. */
int cost_provision(int argc, char **argv)
{
	unsigned int rounds = atoi(argv[0]), round, devices, n;
	const struct attributes none = {};
	struct netlink *netlink;
	struct error error = {};
	uint64_t *least, sum = 0;
	char name[16];

	devices = argc - 1;
	netlink = netlink_open(&error);
	must(netlink, error.text);
	least = calloc(devices, sizeof(*least));
	must(least && devices, "functions");
	for (round = 0; round < rounds; round++) {
		for (n = 0; n < devices; n++) {
			uint64_t begin = ticks();

			snprintf(name, sizeof(name), "cost%u", n);
			must(!netlink_add(netlink, name, argv[1 + n], &none,
					  &error), error.text);
			begin = ticks() - begin;
			if (!round || begin < least[n])
				least[n] = begin;
			usleep(20000);
		}
		for (n = 0; n < devices && round < rounds - 1; n++) {
			snprintf(name, sizeof(name), "cost%u", n);
			must(!netlink_del(netlink, name, &error), error.text);
		}
	}
	netlink_close(netlink);
	for (n = 1; n <= devices; n++) {
		struct samples add = { .name = "provision" };
		char more[32];

		sum += least[n - 1];
		if (n != 1 && n != 8 && n != devices)
			continue;
		sample(&add, sum);
		snprintf(more, sizeof(more), ", \"devices\": %u", n);
		say(&add, more);
	}
	return 0;
}
