/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvdpa.conf: what the administrator wants to be there.
 */
#ifndef HVDPACTL_CONFIG_H
#define HVDPACTL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

/* A PCI address as sysfs writes it. */
#define ADDRESS_SIZE	24

/* auto, always, never */
#define RELAY_SIZE	8

#define NAME_MOST	200
#define VFS_MOST	65535

enum consumer { CONSUMER_VHOST, CONSUMER_VIRTIO };

/* Attributes of `vdpa dev add`; those that are named are given. */
struct attributes {
	bool has_mac, has_mtu, has_max_vqp, has_features;
	uint8_t mac[6];
	uint16_t mtu;
	uint16_t max_vqp;
	uint64_t features;
	/* not of `vdpa dev add`: of its function, by devlink; "" where it is not given */
	char relay[RELAY_SIZE];
};

struct pf_config {
	struct source at, vfs_at;
	char address[ADDRESS_SIZE];
	unsigned int vfs;
	bool bind_all;
};

struct device_config {
	struct source at, function_at, consumer_at;
	char *name;
	/* One of the two: an address, or the PF and the number of its VF. */
	char function[ADDRESS_SIZE];
	char pf[ADDRESS_SIZE];
	unsigned int vf;
	enum consumer consumer;
	struct attributes attributes;
};

struct config {
	struct pf_config *pfs;
	size_t npfs;
	struct device_config *devices;
	size_t ndevices;
	char **files;
	size_t nfiles;
};

/*
 * Add what a file says to what others said. On failure the configuration is
 * good for nothing but config_free().
 */
int config_parse(struct config *config, const char *file, const char *text,
		 size_t length, struct error *error);
int config_read(struct config *config, const char *file, struct error *error);
void config_free(struct config *config);

/* Into the form that sysfs has: 0000:01:00.0, in lower case. */
bool parse_address(const char *text, char address[static ADDRESS_SIZE]);

/* A name that the kernel, a folder of links, and a file can have as it is. */
bool name_is_good(const char *name);

/* "mac 52:54:00:12:34:56 mtu 1450", as the driver says it; or "nothing". */
bool parse_given(const char *text, struct attributes *given);

#endif /* HVDPACTL_CONFIG_H */
