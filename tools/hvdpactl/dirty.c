// SPDX-License-Identifier: GPL-2.0-only
/*
 * How fast do devices write their owners' memory? Their dirty logs say so,
 * which one program at a time can have: it is not taken from another.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/hvdpa.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "status.h"

#define PAGE_BYTES	4096ULL
/* Of an owner's memory, from its first address on. */
#define SPAN_MOST	(64ULL << 30)

struct log {
	int fd;
	__u64 span;
	struct timespec since;
};

static const char *begin_log(struct log *log, const char *name)
{
	struct hvdpa_range range = {};
	struct hvdpa_log_start start = {
		.argsz = sizeof(start),
		.page_size = PAGE_BYTES,
		.num_ranges = 1,
		.ranges = (uintptr_t)&range,
	};
	struct hvdpa_info info = { .argsz = sizeof(info) };
	char *path = must_print("/dev/hvdpa/%s", name);

	log->fd = open(path, O_RDWR | O_CLOEXEC);
	free(path);
	if (log->fd < 0)
		return errno == EBUSY ?
		       "unknown (another program has its dirty log)" :
		       "unknown (needs root)";
	if (ioctl(log->fd, HVDPA_INFO, &info))
		return "unknown (its log does not answer)";
	if (!(info.flags & HVDPA_INFO_LOG))
		return "unknown (no dirty log, see dirty_log in debugfs)";
	if (info.flags & HVDPA_INFO_RELAYED)
		return "unknown (a log would relay its rings)";
	log->span = SPAN_MOST;
	if (log->span / PAGE_BYTES / 8 > info.max_log_bytes)
		log->span = info.max_log_bytes * 8 * PAGE_BYTES;
	range.length = log->span;
	clock_gettime(CLOCK_MONOTONIC, &log->since);
	return ioctl(log->fd, HVDPA_LOG_START, &start) ?
	       "unknown (its log does not start, the kernel's log says why)" :
	       NULL;
}

static const char *end_log(struct log *log, struct function_status *status)
{
	struct hvdpa_log_report report = {
		.argsz = sizeof(report),
		.length = log->span,
		.page_size = PAGE_BYTES,
	};
	__u64 words = log->span / PAGE_BYTES / 64, pages = 0, i;
	struct timespec now;
	__u64 *bitmap;
	int err;

	bitmap = calloc(words, sizeof(*bitmap));
	if (!bitmap)
		return "unknown (no memory for a bitmap)";
	report.bitmap = (uintptr_t)bitmap;
	err = ioctl(log->fd, HVDPA_LOG_REPORT, &report);
	clock_gettime(CLOCK_MONOTONIC, &now);
	for (i = 0; i < words; i++)
		pages += __builtin_popcountll(bitmap[i]);
	free(bitmap);
	if (err)
		return "unknown (its log does not answer)";
	status->has_rate = true;
	status->untrusted = report.flags & HVDPA_REPORT_UNTRUSTED;
	status->rate = pages * PAGE_BYTES /
		       (now.tv_sec - log->since.tv_sec +
			(now.tv_nsec - log->since.tv_nsec) / 1e9);
	return NULL;
}

void status_measure(struct status *status, double seconds)
{
	struct timespec wait = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - floor(seconds)) * 1e9,
	};
	struct log *logs = calloc(status->n + 1, sizeof(*logs));
	size_t i;

	if (!logs)
		return;
	for (i = 0; i < status->n; i++) {
		struct function_status *one = &status->list[i];
		const char *why;

		logs[i].fd = -1;
		if (!one->device)
			continue;
		why = !*one->device->node ||
		      !holder_of(&status->holders, one->device->devt) ?
		      "none (no process has it open)" :
		      begin_log(&logs[i], one->device->name);
		if (!why)
			continue;
		one->no_rate = must_copy(why);
		if (logs[i].fd >= 0)
			close(logs[i].fd);
		logs[i].fd = -1;
	}
	while (nanosleep(&wait, &wait) && errno == EINTR)
		;
	for (i = 0; i < status->n; i++) {
		const char *why;

		if (logs[i].fd < 0)
			continue;
		why = end_log(&logs[i], &status->list[i]);
		if (why)
			status->list[i].no_rate = must_copy(why);
		/* The log ends with its file. */
		close(logs[i].fd);
	}
	free(logs);
}
