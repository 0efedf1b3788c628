/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which pages an endpoint has written.
 */
#ifndef HVDPA_LOG_H
#define HVDPA_LOG_H

#include <linux/types.h>
#include <linux/hvdpa.h>

#include "migration.h"

struct hvdpa_device;
struct vdpa_iova_range;

/**
 * struct hvdpa_log - a dirty log, from its START to its STOP
 * @hv: the device that writes it; NULL once it is gone
 * @window: where and how it writes it
 * @written: the bitmap that the device sets bits in, little endian
 * @kept: bits taken from there and not reported yet
 * @chunk: a page for what goes to user space
 * @ranges: the addresses that were asked for
 * @nranges: how many
 * @relayed: relays set the bits, at @kept, as the hardware has no log; constant
 * @on: the device logs; protected by the endpoint's lock
 * @rings_due: used rings are to be marked once the device is reset; likewise
 * @untrusted: bits were lost; all is dirty from now on
 *
 * The commands of its file are one after the other and own all but @hv, @on
 * and @untrusted.
 */
struct hvdpa_log {
	struct hvdpa_device *hv;
	struct hvdpa_log_window window;
	__le64 *written;
	unsigned long *kept;
	u64 *chunk;
	struct hvdpa_range *ranges;
	u32 nranges;
	bool relayed;
	bool on;
	bool rings_due;
	bool untrusted;
};

int hvdpa_log_plan(const struct hvdpa_range *ranges, u32 nranges,
		   u64 page_size, const struct vdpa_iova_range *reach,
		   bool from_zero, struct hvdpa_log_window *window);
struct hvdpa_log *hvdpa_log_create(const struct hvdpa_log_window *window,
				   struct hvdpa_range *ranges, u32 nranges);
void hvdpa_log_destroy(struct hvdpa_log *log);
int hvdpa_log_attach(struct hvdpa_log *log, struct hvdpa_device *hv);
void hvdpa_log_detach(struct hvdpa_log *log);
int hvdpa_log_run(struct hvdpa_device *hv);
void hvdpa_log_before_reset(struct hvdpa_device *hv);
void hvdpa_log_after_reset(struct hvdpa_device *hv);
void hvdpa_log_distrust(struct hvdpa_log *log, const char *reason);
bool hvdpa_log_covers(const struct hvdpa_log *log, u64 iova, u64 length);
void hvdpa_log_mark(struct hvdpa_log *log, u64 iova, u64 length);
void hvdpa_log_harvest(struct hvdpa_log *log, u64 iova, u64 length);
bool hvdpa_log_take(struct hvdpa_log *log, u64 iova, u8 shift, u64 npages,
		    u64 *words);
void hvdpa_log_put_back(struct hvdpa_log *log, u64 iova, u8 shift, u64 npages,
			const u64 *words);
int hvdpa_log_sync(struct hvdpa_log *log);

#endif /* HVDPA_LOG_H */
