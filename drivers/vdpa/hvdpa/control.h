/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control queue of an owner: what it asks for is executed on the endpoint's own.
 */
#ifndef HVDPA_CONTROL_H
#define HVDPA_CONTROL_H

#include <linux/types.h>
#include <linux/workqueue.h>

#include "command.h"

struct hvdpa_device;
struct hvdpa_endpoint;
struct hvdpa_owner_ring;
struct hvdpa_vring;
struct hvdpa_vring_ops;

/*
 * The longest that a device may take over a control command, and the interval
 * of looking. The endpoint's lock is held meanwhile.
 */
#define HVDPA_CONTROL_TIMEOUT_US	(1000 * 1000)
#define HVDPA_CONTROL_POLL_US		20

/* control_queue.c: the device's own control queue, driven by this driver */

struct hvdpa_control_memory;

/**
 * struct hvdpa_control_queue - it
 * @ep: the endpoint
 * @memory: what the device sees of it
 * @iova: where the device sees it
 * @idx: its number on the device
 * @packed: it is a packed ring
 * @next: split: the next available index; packed: the next descriptor
 * @wrap: packed: the wrap counter
 *
 * The endpoint's lock protects what changes.
 */
struct hvdpa_control_queue {
	struct hvdpa_endpoint *ep;
	struct hvdpa_control_memory *memory;
	u64 iova;
	u16 idx;
	bool packed;
	u16 next;
	bool wrap;
};

int hvdpa_control_queue_create(struct hvdpa_control_queue *queue,
			       struct hvdpa_device *hv);
void hvdpa_control_queue_destroy(struct hvdpa_control_queue *queue,
				 struct hvdpa_device *hv);
int hvdpa_control_queue_borrow(struct hvdpa_control_queue *queue,
			       struct hvdpa_endpoint *ep);
void hvdpa_control_queue_give_back(struct hvdpa_control_queue *queue);
int hvdpa_control_queue_start(struct hvdpa_control_queue *queue, u16 idx,
			      bool packed);
int hvdpa_control_execute(struct hvdpa_control_queue *queue,
			  const void *command, size_t len, u8 *ack);

/* replay.c: what a device was told is told once more */

/**
 * struct hvdpa_replay - commands as they were, of which more than a state is needed
 * @table: the last table of addresses, HVDPA_COMMAND_MAX bytes
 * @table_len: its bytes; 0 for none
 * @steering: the last command about RSS or hashes; likewise
 * @steering_len: its bytes; 0 for none
 */
struct hvdpa_replay {
	u8 *table;
	size_t table_len;
	u8 *steering;
	size_t steering_len;
};

void hvdpa_replay_keep(struct hvdpa_replay *replay, const u8 *command, size_t len);
int hvdpa_replay(struct hvdpa_control_queue *queue,
		 const struct hvdpa_command_state *state,
		 const struct hvdpa_replay *replay);

/* borrow.c: the card's control queue, which a consumer in the kernel has itself */

u16 hvdpa_control_hw_index(const struct hvdpa_device *hv);
int hvdpa_control_can_tell_mac(const struct hvdpa_device *hv);
int hvdpa_control_borrow(struct hvdpa_device *hv);
bool hvdpa_control_borrows(const struct hvdpa_device *hv, u16 idx);
int hvdpa_control_unborrow(struct hvdpa_device *hv);
void hvdpa_control_end(struct hvdpa_device *hv);

/* control.c: the control queue of an owner behind vhost-vdpa */

struct hvdpa_control;

/**
 * struct hvdpa_control_counters - commands since dev_add
 * @received: taken from the owner's ring
 * @accepted: acknowledged by the device
 * @refused: answered with an error, by the device or by the driver
 */
struct hvdpa_control_counters {
	u64 received;
	u64 accepted;
	u64 refused;
};

extern const struct hvdpa_vring_ops hvdpa_control_vring_ops;

void hvdpa_control_describe(const struct hvdpa_vring *vring, u32 asid,
			    struct hvdpa_owner_ring *ring);
int hvdpa_control_setup(void);
void hvdpa_control_cleanup(void);
int hvdpa_control_create(struct hvdpa_device *hv);
void hvdpa_control_destroy(struct hvdpa_device *hv);
int hvdpa_control_start(struct hvdpa_device *hv);
int hvdpa_control_tell_mac(struct hvdpa_device *hv);
int hvdpa_control_replay(struct hvdpa_device *hv);
void hvdpa_control_refuse(struct hvdpa_device *hv);
void hvdpa_control_forget(struct hvdpa_device *hv);
bool hvdpa_control_may_serve(const struct hvdpa_device *hv, u16 idx);
u32 hvdpa_control_group(const struct hvdpa_device *hv, u16 idx);
int hvdpa_control_set_asid(struct hvdpa_device *hv, u32 asid);
void hvdpa_control_counters(const struct hvdpa_control *control,
			    struct hvdpa_control_counters *counters);
bool hvdpa_control_is_served(const struct hvdpa_control *control);
const struct hvdpa_command_state *
hvdpa_control_state(const struct hvdpa_control *control);

/* watch.c: the control queue of a consumer in the kernel */

/**
 * struct hvdpa_watch - is it answered?
 * @work: looks
 * @waits: at the last look since the reset a command waited
 * @at: where the ring stood then
 *
 * The endpoint's lock protects @waits and @at.
 */
struct hvdpa_watch {
	struct delayed_work work;
	bool waits;
	u16 at;
};

extern const struct hvdpa_vring_ops hvdpa_watched_vring_ops;

void hvdpa_watch_init(struct hvdpa_device *hv);
void hvdpa_watch_end(struct hvdpa_device *hv);

#endif /* HVDPA_CONTROL_H */
