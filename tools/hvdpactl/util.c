// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

int fail(struct error *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return -1;
}

int fail_at(struct error *error, const struct source *at,
	    const char *format, ...)
{
	va_list args;
	int n;

	n = snprintf(error->text, sizeof(error->text), "%s:%u: ", at->file,
		     at->line);
	if (n < 0 || (size_t)n >= sizeof(error->text))
		return -1;
	va_start(args, format);
	vsnprintf(error->text + n, sizeof(error->text) - n, format, args);
	va_end(args);
	return -1;
}

static void no_memory(void)
{
	fputs("hvdpactl: no memory\n", stderr);
	exit(EXIT_FAILURE);
}

void *must_alloc(void *old, size_t n, size_t size)
{
	void *new = reallocarray(old, n, size);

	if (!new && n)
		no_memory();
	return new;
}

char *must_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		no_memory();
	return copy;
}

char *must_print(const char *format, ...)
{
	va_list args;
	char *text;
	int n;

	va_start(args, format);
	n = vasprintf(&text, format, args);
	va_end(args);
	if (n < 0)
		no_memory();
	return text;
}
