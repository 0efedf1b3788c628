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

static uint64_t took(struct samples *samples, uint64_t begin)
{
	uint64_t now = ticks();

	sample(samples, now - begin);
	return ticks();
}

int cost_bus(int argc, char **argv)
{
	struct samples probe = { .name = "bus.probe" };
	struct samples add = { .name = "bus.dev_add" };
	struct samples del = { .name = "bus.dev_del" };
	struct samples gone = { .name = "bus.remove" };
	const char *driver = argv[0], *function = argv[1];
	unsigned int rounds = atoi(argv[2]);
	const struct attributes none = {};
	struct netlink *netlink;
	struct error error = {};

	(void)argc;
	netlink = netlink_open(&error);
	must(netlink, error.text);
	while (rounds--) {
		uint64_t at = ticks();

		write_attribute(driver, "bind", function);
		took(&probe, at);
		/* These two wait for no time to pass. */
		quiet_begin();
		at = ticks();
		must(!netlink_add(netlink, "cost", function, &none, &error),
		     error.text);
		at = took(&add, at);
		must(!netlink_del(netlink, "cost", &error), error.text);
		took(&del, at);
		quiet_end();
		at = ticks();
		write_attribute(driver, "unbind", function);
		took(&gone, at);
		/* The events of the devices are sent by somebody else. */
		usleep(20000);
	}
	netlink_close(netlink);
	say(&probe, "");
	say(&add, "");
	say(&del, "");
	say(&gone, "");
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
