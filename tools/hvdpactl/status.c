// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "links.h"
#include "status.h"

#define DEBUGFS		"/sys/kernel/debug/hvdpa"

/* Of "key: value" on a line of its own; NULL where there is no such line. */
static char *value_of(const char *text, const char *key)
{
	size_t n = strlen(key);
	const char *line = text;

	while (line && *line) {
		if (!strncmp(line, key, n) && !strncmp(line + n, ": ", 2))
			return strndup(line + n + 2,
				       strcspn(line + n + 2, "\n"));
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

static char *read_debugfs(const char *name, const char *file)
{
	char *path = must_print(DEBUGFS "/%s/%s", name, file);
	FILE *stream = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	free(path);
	if (!stream)
		return NULL;
	if (getdelim(&text, &size, '\0', stream) < 0) {
		free(text);
		text = NULL;
	}
	fclose(stream);
	return text;
}

/* Of "0x123 NAME NAME" the names. */
static char *names_of(const char *text, const char *key)
{
	char *value = value_of(text, key);
	char *names;

	if (!value)
		return NULL;
	names = strchr(value, ' ');
	names = must_copy(names ? names + 1 : "");
	free(value);
	return names;
}

static void read_details(struct function_status *status, const char *name)
{
	char *state = read_debugfs(name, "state");
	char *migration = read_debugfs(name, "migration");

	status->debugfs = state && migration;
	if (status->debugfs) {
		status->offered = names_of(state, "offered");
		status->negotiated = names_of(state, "accepted");
		status->hardware = value_of(migration, "hardware");
		status->profile = value_of(migration, "profile");
		status->migrate = value_of(migration, "migrate");
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
	read_details(status, status->device->name);
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
