/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What an endpoint can do so that a guest can move: stop, say where its rings stand,
 * start them there, log what it writes. Queues are the endpoint's own numbers.
 */
#ifndef HVDPA_MIGRATION_H
#define HVDPA_MIGRATION_H

#include <linux/types.h>

#include <hvdpa/migration_regs.h>

#include "ring.h"

struct hvdpa_endpoint;

/*
 * The longest that an endpoint may take to end what its queues began, and the
 * interval of looking. A stop is part of a guest's downtime.
 */
#define HVDPA_SUSPEND_TIMEOUT_US	(1000 * 1000)
#define HVDPA_SUSPEND_POLL_US		20

/*
 * The longest that an endpoint may take to begin or end its dirty log or to flush it, and to
 * take a ring's state, of which a start has one for each queue. Firmware may do it.
 */
#define HVDPA_LOG_TIMEOUT_US		(100 * 1000)
#define HVDPA_STATE_TIMEOUT_US		(10 * 1000)
#define HVDPA_REGISTER_POLL_US		20

/**
 * struct hvdpa_log_window - where an endpoint writes its dirty log
 * @base: IOVA of the bitmap, a multiple of the page size
 * @bytes: of the bitmap, a multiple of 64
 * @first: IOVA that the first bit stands for
 * @shift: a bit stands for 1 << this bytes
 */
struct hvdpa_log_window {
	u64 base;
	u64 bytes;
	u64 first;
	u8 shift;
};

/**
 * struct hvdpa_queue_counters - what an endpoint counts of a queue
 * @doorbells: doorbells that it received
 * @used: buffers that it used
 */
struct hvdpa_queue_counters {
	u64 doorbells;
	u64 used;
};

/**
 * struct hvdpa_migration_ops - what differs between kinds of hardware
 * @name: for people
 * @log_from_zero: the first bit of a log always stands for IOVA 0
 * @log_lacks_rings: writes to used rings are not logged
 * @stands_where_used: a split ring stands where its used index in memory says
 * @suspend: stop all queues, wait until what they began is ended; bounded
 * @resume: undo @suspend
 * @get_ring_state: read where a ring of @num entries stands; suspended
 * @set_ring_state: say where a ring starts, before it is enabled
 * @log_start: log what is written from now on; the log is off before
 * @log_stop: log no more, also what @log_start failed to start; an error means
 *	      that the endpoint may go on writing its log
 * @log_sync: what the endpoint wrote so far is in the log on return
 * @get_counters: read what it counts of a queue
 *
 * A callback may sleep and is called with the endpoint's lock held. It is
 * called only where struct hvdpa_endpoint.lacks says that it may be.
 */
struct hvdpa_migration_ops {
	const char *name;
	bool log_from_zero;
	bool log_lacks_rings;
	bool stands_where_used;
	int (*suspend)(struct hvdpa_endpoint *ep);
	int (*resume)(struct hvdpa_endpoint *ep);
	int (*get_ring_state)(struct hvdpa_endpoint *ep, u16 idx, bool packed,
			      u32 num, struct hvdpa_ring_state *ring);
	int (*set_ring_state)(struct hvdpa_endpoint *ep, u16 idx,
			      const struct hvdpa_ring_state *ring);
	int (*log_start)(struct hvdpa_endpoint *ep,
			 const struct hvdpa_log_window *window);
	int (*log_stop)(struct hvdpa_endpoint *ep);
	int (*log_sync)(struct hvdpa_endpoint *ep);
	int (*get_counters)(struct hvdpa_endpoint *ep, u16 idx,
			    struct hvdpa_queue_counters *counters);
};

/**
 * struct hvdpa_migration_block - the registers that help to migrate
 * @regs: the block, mapped; NULL where there is none
 * @queues: the first queue's entry in it
 * @stride: bytes from one queue's entry to the next
 * @paired: Intel IFC: rings are in pairs
 * @page_sizes: bit n is set where a log's pages may have 1 << n bytes
 * @flushes: flushes of the log so far, the last one's number
 */
struct hvdpa_migration_block {
	void __iomem *regs;
	void __iomem *queues;
	u32 stride;
	bool paired;
	u64 page_sizes;
	u16 flushes;
};

/* migration_cap.c, migration_ifc.c, migration_virtio.c: the kinds of hardware */

int hvdpa_cap_detect(struct hvdpa_endpoint *ep);
int hvdpa_ifc_detect(struct hvdpa_endpoint *ep);
void hvdpa_virtio_detect(struct hvdpa_endpoint *ep);
u32 hvdpa_ifc_ring_offset(const struct hvdpa_migration_block *block, u16 idx);

#endif /* HVDPA_MIGRATION_H */
