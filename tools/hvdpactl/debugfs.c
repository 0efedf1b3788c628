// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "debugfs.h"
#include "sysfs.h"

#define DEBUGFS		"/sys/kernel/debug"

char *debugfs_read(const char *name, const char *file)
{
	char *path = must_print(DEBUGFS "/hvdpa/%s/%s", name, file);
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

char *debugfs_value(const char *text, const char *key)
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

int given_read(const char *name, struct attributes *given,
	       struct error *error)
{
	char *state = debugfs_read(name, "state");
	char *text = debugfs_value(state, "given");
	bool understood = text && parse_given(text, given);
	bool there = state;

	free(text);
	free(state);
	if (understood)
		return 0;
	if (there)
		return fail(error,
			    "the module that is loaded does not say what %s was given, so it could not be made again as it is; load the module that these tools are of, or 'vdpa dev del %s'",
			    name, name);
	if (sysfs_exists(DEBUGFS "/hvdpa"))
		return fail(error,
			    "%s is no device of hvdpa, and could not be made again as it is; 'vdpa dev del %s' if it is to go",
			    name, name);
	return fail(error,
		    "what %s was given is in debugfs, which cannot be read, so it could not be made again as it is; 'mount -t debugfs none %s', or 'vdpa dev del %s'",
		    name, DEBUGFS, name);
}
