// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "debugfs.h"
#include "feature_names.h"
#include "links.h"
#include "status.h"

static char *names_of(const char *text, const char *key, uint32_t type)
{
	char *value = debugfs_value(text, key);
	char *names;

	if (!value)
		return NULL;
	names = feature_names(strtoull(value, NULL, 16), type);
	free(value);
	return names;
}

static void read_details(struct function_status *status, const char *name,
			 uint32_t type)
{
	char *state = debugfs_read(name, "state");
	char *migration = debugfs_read(name, "migration");

	status->debugfs = state && migration;
	if (status->debugfs) {
		status->offered = names_of(state, "offered", type);
		status->negotiated = names_of(state, "accepted", type);
		status->hardware = debugfs_value(migration, "hardware");
		status->profile = debugfs_value(migration, "profile");
		status->migrate = debugfs_value(migration, "migrate");
	}
	free(state);
	free(migration);
}

static void read_function(struct status *all, struct function_status *status,
			  const char *function)
{
	uint32_t type = pci_virtio_type(function);

	status->function = function;
	status->class = class_name(type);
	status->device = vdpa_by_function(&all->devices, function);
	if (!status->device)
		return;
	if (*status->device->node && status->class) {
		char *link = must_print(LINKS "/%s/by-name/%s", status->class,
					status->device->name);

		if (access(link, F_OK)) {
			free(link);
			link = NULL;
		}
		status->link = link;
	}
	read_details(status, status->device->name, type);
}

int status_read(struct status *status, double seconds, struct error *error)
{
	size_t i;

	*status = (struct status){};
	if (vdpa_devices_read(&status->devices, error))
		return -1;
	status->functions = pci_functions_of("hvdpa", error);
	if (!status->functions)
		return -1;
	holders_read(&status->holders, &status->devices);
	while (status->functions[status->n])
		status->n++;
	status->list = calloc(status->n + 1, sizeof(*status->list));
	if (!status->list)
		return fail(error, "no memory");
	for (i = 0; i < status->n; i++)
		read_function(status, &status->list[i], status->functions[i]);
	if (seconds)
		status_measure(status, seconds);
	return 0;
}

void status_free(struct status *status)
{
	size_t i;

	for (i = 0; status->list && i < status->n; i++) {
		free(status->list[i].link);
		free(status->list[i].hardware);
		free(status->list[i].profile);
		free(status->list[i].offered);
		free(status->list[i].negotiated);
		free(status->list[i].migrate);
		free(status->list[i].no_rate);
	}
	for (i = 0; status->functions && status->functions[i]; i++)
		free(status->functions[i]);
	free(status->list);
	free(status->functions);
	holders_free(&status->holders);
	vdpa_devices_free(&status->devices);
}
