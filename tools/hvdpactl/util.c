// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
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

/* Bytes of the character that text begins with; 0: it is no UTF-8. */
static size_t utf8_character(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;
	uint32_t value;
	size_t n, i;

	if (*c < 0x80)
		return 1;
	n = *c >= 0xf0 && *c < 0xf8 ? 4 : *c >= 0xe0 ? 3 : 2;
	if (*c < 0xc2 || *c >= 0xf8)
		return 0;
	value = *c & (0x7f >> n);
	for (i = 1; i < n; i++) {
		if ((c[i] & 0xc0) != 0x80)
			return 0;
		value = value << 6 | (c[i] & 0x3f);
	}
	/* Longer than need be, halves of a pair, beyond the last. */
	if ((n == 3 && value < 0x800) || (n == 4 && value < 0x10000) ||
	    (value >= 0xd800 && value < 0xe000) || value > 0x10ffff)
		return 0;
	return n;
}

/* Also those from 0x80 to 0x9f, which are two bytes of UTF-8. */
static bool is_control(const char *text, size_t n)
{
	unsigned char c = text[0];

	return n == 1 ? c < ' ' || c == 0x7f :
	       n == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0;
}

char *printable(const char *text, const char *keep)
{
	/* Each byte is four at most. */
	char *copy = must_alloc(NULL, 4 * strlen(text) + 1, 1);
	char *to = copy;

	while (*text) {
		size_t n = utf8_character(text);
		bool good = n && !is_control(text, n) && *text != '\\';

		if (good || (n == 1 && strchr(keep, *text))) {
			memcpy(to, text, n);
			to += n;
			text += n;
		} else {
			to += sprintf(to, "\\x%02x", (unsigned char)*text++);
		}
	}
	*to = '\0';
	return copy;
}

char *valid_utf8(const char *text)
{
	char *copy = must_alloc(NULL, 3 * strlen(text) + 1, 1);
	char *to = copy;

	while (*text) {
		size_t n = utf8_character(text);

		if (n) {
			memcpy(to, text, n);
			to += n;
			text += n;
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			text++;
		}
	}
	*to = '\0';
	return copy;
}

size_t utf8_length(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}
