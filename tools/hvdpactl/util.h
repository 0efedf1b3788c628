/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is wrong and what to do, in one sentence, on its way to whoever called;
 * and memory.
 */
#ifndef HVDPACTL_UTIL_H
#define HVDPACTL_UTIL_H

#include <stddef.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define __printf(format, first)	\
	__attribute__((__format__(printf, format, \
				  first)))

struct error {
	char text[4096];
};

/* A line of a file; no file: line 0. */
struct source {
	const char *file;
	unsigned int line;
};

/* Both return -1, so that a function can fail and say why in one statement. */
__printf(2, 3)
int fail(struct error *error, const char *format, ...);

__printf(3, 4)
int fail_at(struct error *error, const struct source *at,
	    const char *format, ...);

/* Memory that is not there ends the program; nothing here needs much of it. */
void *must_alloc(void *old, size_t n, size_t size);
char *must_copy(const char *text);

__printf(1, 2)
char *must_print(const char *format, ...);

/*
 * A copy for a terminal: control characters but those of @keep, a backslash, and
 * what is no UTF-8 are \\xNN.
 */
char *printable(const char *text, const char *keep);
/* A copy for JSON, which is UTF-8: each byte that is none is U+FFFD. */
char *valid_utf8(const char *text);
/* How many characters of a terminal it is, roughly. */
size_t utf8_length(const char *text);

#endif /* HVDPACTL_UTIL_H */
