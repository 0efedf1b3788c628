// SPDX-License-Identifier: GPL-2.0-only
/*
 * The status as a table for people, and as JSON for programs.
 */
#define _GNU_SOURCE
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define UNKNOWN	"unknown (needs debugfs, root)"
#define COLUMNS	7

static char * const titles[COLUMNS] = {
	"FUNCTION", "DEVICE", "CLASS", "CONSUMER", "USED AS", "OWNER", "MIGRATE",
};

/* What the consumer made of the device. */
static const char *used_as(const struct vdpa_device *device)
{
	if (*device->node)
		return device->node;
	if (*device->netdev)
		return device->netdev;
	return *device->disk ? device->disk : "-";
}

static char *owners(const struct status *status,
		    const struct vdpa_device *device)
{
	char *text = must_copy("");
	size_t i;

	for (i = 0; *device->node && i < status->holders.n; i++) {
		const struct holder *holder = &status->holders.list[i];
		char *command, *longer;

		if (holder->devt != device->devt)
			continue;
		command = printable(holder->command, "");
		longer = must_print("%s%s%d (%s)", text, *text ? ", " : "",
				    holder->pid, command);
		free(command);
		free(text);
		text = longer;
	}
	if (*text)
		return text;
	free(text);
	return must_copy(*device->node && !status->holders.complete ?
			 "unknown (needs root)" : "-");
}

static void fill_row(const struct status *status,
		     const struct function_status *one,
		     char *row[static COLUMNS])
{
	const struct vdpa_device *device = one->device;
	const char *migrate = one->migrate ?: "unknown";

	row[0] = must_copy(one->function);
	row[1] = device ? printable(device->name, "") : must_copy("-");
	row[2] = must_copy(one->class ?: "-");
	row[3] = must_copy(device && *device->driver ? device->driver : "-");
	row[4] = must_copy(device ? used_as(device) : "-");
	row[5] = device ? owners(status, device) : must_copy("-");
	row[6] = device ? must_print("%.*s", (int)strcspn(migrate, ":"),
				     migrate) : must_copy("-");
}

static void print_detail(const char *name, const char *value)
{
	printf("  %-11s %s\n", name, value);
}

static void print_rate(const struct function_status *one)
{
	char text[96];

	if (one->no_rate) {
		print_detail("dirty rate", one->no_rate);
	} else if (!one->has_rate) {
		print_detail("dirty rate", "not measured (--rate SECONDS)");
	} else {
		snprintf(text, sizeof(text), "%.1f MiB/s%s",
			 one->rate / (1024 * 1024),
			 one->untrusted ?
			 ", untrusted: the kernel's log says why" : "");
		print_detail("dirty rate", text);
	}
}

static void print_details(const struct function_status *one)
{
	char *name = printable(one->device->name, "");
	char *link = printable(one->link ?: "", "");

	printf("\n%s on %s\n", name, one->function);
	if (*one->device->node) {
		printf("  %-11s /dev/%s%s%s\n", "node", one->device->node,
		       *link ? ", " : "", link);
		print_rate(one);
	}
	free(link);
	free(name);
	if (!one->debugfs) {
		print_detail("features", UNKNOWN);
		print_detail("profile", UNKNOWN);
		print_detail("migrate", UNKNOWN);
		return;
	}
	print_detail("hardware", one->hardware ?: "unknown");
	print_detail("profile", one->profile ?: "unknown");
	print_detail("offered", one->offered ?: "unknown");
	print_detail("negotiated", one->negotiated && *one->negotiated ?
		     one->negotiated : "nothing yet");
	print_detail("migrate", one->migrate ?: "unknown");
}

static void print_row(char * const *row, const size_t *widths)
{
	size_t c;

	for (c = 0; c < COLUMNS - 1; c++)
		printf("%s%*s  ", row[c],
		       (int)(widths[c] - utf8_length(row[c])), "");
	puts(row[c]);
}

void status_print(const struct status *status)
{
	size_t widths[COLUMNS];
	size_t i, c;
	char **rows;

	if (!status->n) {
		puts("no function is bound to hvdpa");
		return;
	}
	rows = must_alloc(NULL, status->n * COLUMNS, sizeof(*rows));
	for (c = 0; c < COLUMNS; c++)
		widths[c] = strlen(titles[c]);
	for (i = 0; i < status->n; i++) {
		fill_row(status, &status->list[i], &rows[i * COLUMNS]);
		for (c = 0; c < COLUMNS; c++)
			if (utf8_length(rows[i * COLUMNS + c]) > widths[c])
				widths[c] = utf8_length(rows[i * COLUMNS + c]);
	}
	print_row(titles, widths);
	for (i = 0; i < status->n; i++) {
		print_row(&rows[i * COLUMNS], widths);
		for (c = 0; c < COLUMNS; c++)
			free(rows[i * COLUMNS + c]);
	}
	free(rows);
	for (i = 0; i < status->n; i++)
		if (status->list[i].device)
			print_details(&status->list[i]);
}

static void put_text(struct json_object *object, const char *key,
		     const char *text)
{
	char *valid = valid_utf8(text ?: "");

	json_object_object_add(object, key, *valid ?
			       json_object_new_string(valid) : NULL);
	free(valid);
}

/* Words to an array; null where they are not known. */
static void put_words(struct json_object *object, const char *key,
		      const char *text)
{
	struct json_object *array = text ? json_object_new_array() : NULL;

	while (text && *text) {
		size_t n = strcspn(text, " ");

		json_object_array_add(array, json_object_new_string_len(text,
									n));
		text += n + !!text[n];
	}
	json_object_object_add(object, key, array);
}

static struct json_object *owners_json(const struct status *status,
				       const struct vdpa_device *device)
{
	struct json_object *array;
	size_t i;

	if (*device->node && !status->holders.complete)
		return NULL;
	array = json_object_new_array();
	for (i = 0; *device->node && i < status->holders.n; i++) {
		const struct holder *holder = &status->holders.list[i];
		struct json_object *owner;

		if (holder->devt != device->devt)
			continue;
		owner = json_object_new_object();
		json_object_object_add(owner, "pid",
				       json_object_new_int(holder->pid));
		put_text(owner, "command", holder->command);
		json_object_array_add(array, owner);
	}
	return array;
}

static struct json_object *migration_json(const char *migrate)
{
	struct json_object *object;

	if (!migrate)
		return NULL;
	object = json_object_new_object();
	json_object_object_add(object, "possible",
			       json_object_new_boolean(!strcmp(migrate, "yes")));
	put_text(object, "why_not", strncmp(migrate, "no: ", 4) ? NULL :
		 migrate + 4);
	return object;
}

static struct json_object *device_json(const struct status *status,
				       const struct function_status *one)
{
	const struct vdpa_device *device = one->device;
	struct json_object *object = json_object_new_object();
	char *node = *device->node ? must_print("/dev/%s", device->node) : NULL;

	put_text(object, "name", device->name);
	put_text(object, "consumer", device->driver);
	put_text(object, "node", node);
	put_text(object, "link", one->link);
	put_text(object, "netdev", device->netdev);
	put_text(object, "disk", device->disk);
	json_object_object_add(object, "owners", owners_json(status, device));
	/* Of these null says: needs debugfs, root. */
	put_text(object, "hardware", one->hardware);
	put_text(object, "profile", one->profile);
	put_words(object, "offered", one->offered);
	put_words(object, "negotiated", one->negotiated);
	json_object_object_add(object, "migration",
			       migration_json(one->migrate));
	json_object_object_add(object, "dirty_bytes_per_second",
			       one->has_rate && !one->untrusted ?
			       json_object_new_double(one->rate) : NULL);
	free(node);
	return object;
}

void status_print_json(const struct status *status)
{
	struct json_object *top = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t i;

	for (i = 0; i < status->n; i++) {
		const struct function_status *one = &status->list[i];
		struct json_object *object = json_object_new_object();

		put_text(object, "function", one->function);
		put_text(object, "driver", "hvdpa");
		put_text(object, "class", one->class);
		json_object_object_add(object, "device", one->device ?
				       device_json(status, one) : NULL);
		json_object_array_add(list, object);
	}
	json_object_object_add(top, "functions", list);
	puts(json_object_to_json_string_ext(top, JSON_C_TO_STRING_PRETTY |
					    JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(top);
}
