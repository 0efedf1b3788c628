/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The control path: commands in the owner's memory, and what they make of the
 * device. Part of hvdpa.h, which is what to include.
 */
#ifndef HVDPA_CONTROL_H
#define HVDPA_CONTROL_H

#include <linux/if_ether.h>
#include <linux/types.h>

#include "ring.h"

struct hvdpa_device;
struct hvdpa_dma;
struct hvdpa_function;
struct hvdpa_vring;

/*
 * The longest that a device may take over a control command, and the interval
 * of looking. The function's lock is held meanwhile.
 */
#define HVDPA_CONTROL_TIMEOUT_US	(1000 * 1000)
#define HVDPA_CONTROL_POLL_US		20

/* The most bytes of a control command: more than 1,000 filter addresses. */
#define HVDPA_COMMAND_MAX	SZ_8K

/* access.c: the owner's memory as the driver sees it */

void hvdpa_access_init(struct hvdpa_dma *dma);
int hvdpa_access_restrict(struct hvdpa_dma *dma, u64 iova, u64 size, u32 perm);
void hvdpa_access_lift(struct hvdpa_dma *dma, u64 iova, u64 size);
int hvdpa_access_map(struct hvdpa_dma *dma, u64 iova, u64 size, u64 pa,
		     u32 perm);
void hvdpa_access_unmap(struct hvdpa_dma *dma, u64 first, u64 last);
int hvdpa_access_read(struct hvdpa_dma *dma, u32 asid, u64 iova, void *buf,
		      size_t len);
int hvdpa_access_write(struct hvdpa_dma *dma, u32 asid, u64 iova,
		       const void *buf, size_t len);
int hvdpa_access_read16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 *value);
int hvdpa_access_write16(struct hvdpa_dma *dma, u32 asid, u64 iova, u16 value);

/* owner_ring.c: a ring of the owner's that the driver serves */

/**
 * struct hvdpa_owner_ring - such a ring
 * @dma: the owner's memory
 * @asid: which of its address spaces
 * @packed: it is a packed ring
 * @event_idx: VIRTIO_RING_F_EVENT_IDX was agreed on
 * @indirect: VIRTIO_RING_F_INDIRECT_DESC was agreed on
 * @num: entries
 * @desc: IOVA of the descriptor area
 * @driver: IOVA of the driver area
 * @device: IOVA of the device area
 * @state: where it stands
 * @wrote: told of what was written to the owner's memory; may be NULL
 */
struct hvdpa_owner_ring {
	struct hvdpa_dma *dma;
	u32 asid;
	bool packed;
	bool event_idx;
	bool indirect;
	u32 num;
	u64 desc;
	u64 driver;
	u64 device;
	struct hvdpa_ring_state state;
	void (*wrote)(const struct hvdpa_owner_ring *ring, u64 iova, u64 len);
};

/**
 * struct hvdpa_chain - what the owner made available at once
 * @id: what its used entry is to name
 * @slots: entries of a packed ring that it takes
 * @out_len: bytes for the device
 * @unreadable: not all of them could be read
 * @has_in: it has a buffer for the device to write
 * @in_addr: the first of them that has a byte
 * @in_len: their bytes
 */
struct hvdpa_chain {
	u16 id;
	u16 slots;
	u64 out_len;
	bool unreadable;
	bool has_in;
	u64 in_addr;
	u64 in_len;
};

int hvdpa_owner_ring_next(struct hvdpa_owner_ring *ring,
			  struct hvdpa_chain *chain, void *out, size_t room);
int hvdpa_owner_ring_answer(struct hvdpa_owner_ring *ring,
			    const struct hvdpa_chain *chain, u8 answer);

/* command.c: control commands and what they leave behind */

/**
 * struct hvdpa_command_limits - what decides which commands there may be
 * @features: what was agreed on
 * @pairs: queue pairs
 * @rss_key_max: bytes of a hash key
 * @rss_table_max: entries of an indirection table
 * @hash_types: hash types that the device knows
 */
struct hvdpa_command_limits {
	u64 features;
	u16 pairs;
	u8 rss_key_max;
	u16 rss_table_max;
	u32 hash_types;
};

/**
 * struct hvdpa_command_state - what a device was told since its reset
 * @rx_set: bit n: the receive mode with command n was set
 * @rx_modes: bit n: to what
 * @has_mac: @mac was set
 * @mac: its address
 * @unicast: entries of the table of unicast addresses
 * @multicast: entries of the table of multicast addresses
 * @vlans: those that pass
 * @pairs: queue pairs in use
 * @rss_entries: entries of the indirection table, 0 without RSS
 * @hash_types: what is hashed
 * @has_offloads: @offloads was set
 * @offloads: receive offloads, by feature bit
 * @announced: announcements that were acknowledged
 */
struct hvdpa_command_state {
	u8 rx_set;
	u8 rx_modes;
	bool has_mac;
	u8 mac[ETH_ALEN];
	u32 unicast;
	u32 multicast;
	DECLARE_BITMAP(vlans, 4096);
	u16 pairs;
	u32 rss_entries;
	u32 hash_types;
	bool has_offloads;
	u64 offloads;
	u32 announced;
};

int hvdpa_command_check(const struct hvdpa_command_limits *limits,
			const u8 *command, size_t len);
void hvdpa_command_state_reset(struct hvdpa_command_state *state);
void hvdpa_command_accept(struct hvdpa_command_state *state, const u8 *command);

/* control_queue.c: the device's own control queue, driven by this driver */

struct hvdpa_control_memory;

/**
 * struct hvdpa_control_queue - it
 * @fn: the function
 * @memory: what the device sees of it
 * @iova: where the device sees it
 * @idx: its number on the device
 * @packed: it is a packed ring
 * @next: split: the next available index; packed: the next descriptor
 * @wrap: packed: the wrap counter
 *
 * The function's lock protects what changes.
 */
struct hvdpa_control_queue {
	struct hvdpa_function *fn;
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
			       struct hvdpa_function *fn);
void hvdpa_control_queue_give_back(struct hvdpa_control_queue *queue);
int hvdpa_control_queue_start(struct hvdpa_control_queue *queue, u16 idx,
			      bool packed);
int hvdpa_control_execute(struct hvdpa_control_queue *queue,
			  const void *command, size_t len, u8 *ack);

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

int hvdpa_control_setup(void);
void hvdpa_control_cleanup(void);
int hvdpa_control_create(struct hvdpa_device *hv);
void hvdpa_control_destroy(struct hvdpa_device *hv);
int hvdpa_control_attach(struct hvdpa_vring *vring);
int hvdpa_control_can_tell_mac(const struct hvdpa_device *hv);
int hvdpa_control_borrow(struct hvdpa_device *hv);
int hvdpa_control_start(struct hvdpa_device *hv);
int hvdpa_control_tell_mac(struct hvdpa_device *hv);
void hvdpa_control_end(struct hvdpa_device *hv);
bool hvdpa_control_borrows(const struct hvdpa_device *hv, u16 idx);
void hvdpa_control_forget(struct hvdpa_device *hv);
void hvdpa_control_kick(struct hvdpa_device *hv);
int hvdpa_control_set_asid(struct hvdpa_device *hv, u32 asid);
void hvdpa_control_ring_state(struct hvdpa_device *hv,
			      struct hvdpa_ring_state *state);
void hvdpa_control_counters(const struct hvdpa_control *control,
			    struct hvdpa_control_counters *counters);
bool hvdpa_control_is_served(const struct hvdpa_control *control);
const struct hvdpa_command_state *
hvdpa_control_state(const struct hvdpa_control *control);

#endif /* HVDPA_CONTROL_H */
