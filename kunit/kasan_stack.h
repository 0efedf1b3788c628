/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is put before mm/kasan/common.c of the debug kernel. KASAN records who
 * allocated and who freed, 64 frames each, and to walk them takes a quarter of all
 * that the kernel does under a test. The innermost say whose it was; four are KASAN's
 * and the allocator's own.
 */
#ifndef KUNIT_KASAN_STACK_H
#define KUNIT_KASAN_STACK_H

#include <linux/minmax.h>
#include <linux/stacktrace.h>

#define stack_trace_save(entries, size, skip) \
	stack_trace_save(entries, min_t(unsigned int, size, 12), skip)

#endif /* KUNIT_KASAN_STACK_H */
