/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The endpoint: one virtio register file. How its registers are reached is the
 * transport's; what it can do beyond the standard, so that a guest can move, is the
 * migration operations'. What uses it hears of it by events.
 */
#ifndef HVDPA_ENDPOINT_H
#define HVDPA_ENDPOINT_H

#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "migration.h"

struct device;
struct hvdpa_device;
struct hvdpa_endpoint;
struct hvdpa_function;
struct hvdpa_health;

/* What a register of an endpoint that is gone reads as. */
#define HVDPA_ALL_ONES_8	0xff
#define HVDPA_ALL_ONES_16	0xffff
#define HVDPA_ALL_ONES_32	0xffffffff

/* The longest that a reset may take before the function is given an FLR. */
#define HVDPA_RESET_TIMEOUT_US	(1000 * 1000)
#define HVDPA_RESET_POLL_US	100

/* The longest that an owner's first map waits for a reset that is not ours. */
#define HVDPA_AWAIT_RESET_MS	(70 * 1000)

/* The longest that the reset of one queue may take. */
#define HVDPA_QUEUE_RESET_TIMEOUT_US	(1000 * 1000)
#define HVDPA_QUEUE_RESET_POLL_US	20

/* A queue's most entries, virtio 1.4 section 2.7 and 2.8. */
#define HVDPA_VRING_NUM_MAX	32768

/**
 * struct hvdpa_queue_place - what an endpoint is told of a queue
 * @num: entries
 * @desc: IOVA of the descriptor area
 * @driver: IOVA of the driver area
 * @device: IOVA of the device area
 */
struct hvdpa_queue_place {
	u16 num;
	u64 desc;
	u64 driver;
	u64 device;
};

/**
 * struct hvdpa_transport_ops - how an endpoint's registers are reached
 * @get_status: device_status; all-ones if it is gone
 * @set_status: write device_status
 * @get_features: the feature bits that it offers
 * @set_features: those that are accepted
 * @num_queues: how many queues it has
 * @queue_size: the most entries of a queue; 0 for none
 * @set_queue: tell it where a queue is; it is not enabled
 * @set_queue_vector: which vector a queue is to use; what the register then reads
 * @set_queue_enable: write a queue's queue_enable
 * @queue_enable: read it
 * @reset_queue: begin the reset of one queue; -EOPNOTSUPP if it has no such
 *		 register, virtio 1.4 section 4.1.4.3.1
 * @queue_in_reset: read queue_reset
 * @set_config_vector: as @set_queue_vector, of the configuration
 * @config_changed: read and clear the ISR status; has the configuration changed?
 * @generation: config_generation
 * @read_config: bytes of the configuration, that are there
 * @write_config: likewise
 * @find_doorbells: find the doorbells of @nqueues queues; a line in the log where
 *		    they are nowhere
 * @doorbell_page: the page of a queue's doorbell, if that is alone on it; else 0
 * @ring: write a queue's number to its doorbell
 * @flr: reset all of it, where a reset by status does not help; bounded
 * @enable_dma: may it reach memory?
 *
 * A callback is called with the endpoint's lock held, but for @get_status,
 * @config_changed, @generation, @read_config and @ring, which select nothing and may
 * be called in any context. @flr may sleep.
 */
struct hvdpa_transport_ops {
	u8 (*get_status)(struct hvdpa_endpoint *ep);
	void (*set_status)(struct hvdpa_endpoint *ep, u8 status);
	u64 (*get_features)(struct hvdpa_endpoint *ep);
	void (*set_features)(struct hvdpa_endpoint *ep, u64 features);
	u16 (*num_queues)(struct hvdpa_endpoint *ep);
	u16 (*queue_size)(struct hvdpa_endpoint *ep, u16 idx);
	void (*set_queue)(struct hvdpa_endpoint *ep, u16 idx,
			  const struct hvdpa_queue_place *place);
	u16 (*set_queue_vector)(struct hvdpa_endpoint *ep, u16 idx, u16 vector);
	void (*set_queue_enable)(struct hvdpa_endpoint *ep, u16 idx, bool on);
	u16 (*queue_enable)(struct hvdpa_endpoint *ep, u16 idx);
	int (*reset_queue)(struct hvdpa_endpoint *ep, u16 idx);
	u16 (*queue_in_reset)(struct hvdpa_endpoint *ep);
	u16 (*set_config_vector)(struct hvdpa_endpoint *ep, u16 vector);
	bool (*config_changed)(struct hvdpa_endpoint *ep);
	u32 (*generation)(struct hvdpa_endpoint *ep);
	void (*read_config)(struct hvdpa_endpoint *ep, unsigned int offset,
			    u8 *buf, unsigned int len);
	void (*write_config)(struct hvdpa_endpoint *ep, unsigned int offset,
			     const u8 *buf, unsigned int len);
	int (*find_doorbells)(struct hvdpa_endpoint *ep);
	phys_addr_t (*doorbell_page)(struct hvdpa_endpoint *ep, u16 idx,
				     u64 page_size);
	void (*ring)(struct hvdpa_endpoint *ep, u16 idx);
	int (*flr)(struct hvdpa_endpoint *ep);
	void (*enable_dma)(struct hvdpa_endpoint *ep, bool on);
};

/**
 * struct hvdpa_endpoint_events - what the vDPA device hears of its endpoint
 * @lost: nothing reaches the endpoint any more
 * @back: it was reset, and can be reached again
 * @name: of the device, for people
 *
 * Called with the endpoint's lock held; may sleep.
 */
struct hvdpa_endpoint_events {
	void (*lost)(struct hvdpa_device *hv);
	void (*back)(struct hvdpa_device *hv);
	const char *(*name)(const struct hvdpa_device *hv);
};

/**
 * struct hvdpa_queue - what an endpoint says of one of its queues
 * @size: the most entries it takes, with all that is supported agreed
 * @notify_off: queue_notify_off
 * @doorbell: where its index is written to ring it
 */
struct hvdpa_queue {
	u16 size;
	u16 notify_off;
	__le16 __iomem *doorbell;
};

/* What an endpoint may be able to do beyond moving bytes. */
enum hvdpa_ability {
	HVDPA_SUSPEND,
	HVDPA_RESUME,
	HVDPA_GET_STATE,
	HVDPA_SET_STATE,
	HVDPA_LOG,
	HVDPA_COUNTERS,
	HVDPA_ABILITIES,
};

/*
 * Whether an endpoint can be reached. Those that cannot be come last: see
 * hvdpa_endpoint_is_lost().
 */
enum hvdpa_endpoint_state {
	HVDPA_ENDPOINT_LIVE,
	HVDPA_ENDPOINT_LEAVING,	/* remove() or shutdown() has begun */
	HVDPA_ENDPOINT_LOST,	/* hvdpa_endpoint_lose() to _return() */
	HVDPA_ENDPOINT_GONE,	/* leaving, and lost for good */
};

/* What a function's rings are relayed for, relay.rst. */
enum hvdpa_relay_policy {
	HVDPA_RELAY_AUTO,
	HVDPA_RELAY_ALWAYS,
	HVDPA_RELAY_NEVER,
};

/**
 * struct hvdpa_endpoint - one virtio register file
 * @dev: the device whose DMA is its DMA, for the log too
 * @fn: the PCI function that it is a part of
 * @transport: how its registers are reached
 * @migration: what it can do beyond the standard
 * @block: its registers for that
 * @lacks: why it cannot do what it cannot; NULL for what it can
 * @relay: its next device's policy: the module's, or what an administrator chose;
 *	   read without a lock
 * @private_features: feature bits that the driver agrees to for itself
 * @type: virtio device ID
 * @vendor: virtio vendor ID
 * @config_len: bytes of its configuration
 * @lock: see below
 * @state: can it be reached? Read without a lock
 * @death: why it could not the last time, for people; NULL where it always could
 * @health: what devlink knows of it
 * @report_death: told when it is given up; NULL where nobody is
 * @offered: the feature bits that it offers
 * @supported: those of them that this driver can honour
 * @max_pairs: net: queue pairs; 1 without VIRTIO_NET_F_MQ
 * @nqueues: number of @queues, with all of @supported agreed
 * @queue_size_max: the largest of their sizes
 * @queues: per-queue facts
 * @enabled: bit n: queue n was enabled since the last reset
 * @doorbells_in_memory: they are no ports
 * @device: the vDPA device that it has, or NULL
 * @events: what that hears
 */
struct hvdpa_endpoint {
	struct device *dev;
	struct hvdpa_function *fn;
	const struct hvdpa_transport_ops *transport;
	const struct hvdpa_migration_ops *migration;
	struct hvdpa_migration_block block;
	const char *lacks[HVDPA_ABILITIES];
	enum hvdpa_relay_policy relay;
	u64 private_features;
	u32 type;
	u32 vendor;
	size_t config_len;
	/*
	 * Serialises every register behind a selector (features, queues), the
	 * status register, and what the vDPA device's owner has set up so far. Also
	 * protects state, death, health, enabled and device. Taken under vdpa's own
	 * locks, never around.
	 */
	struct mutex lock;
	enum hvdpa_endpoint_state state;
	const char *death;
	struct hvdpa_health *health;
	void (*report_death)(struct hvdpa_endpoint *ep);
	u64 offered;
	u64 supported;
	u16 max_pairs;
	u16 nqueues;
	u16 queue_size_max;
	struct hvdpa_queue *queues;
	unsigned long *enabled;
	bool doorbells_in_memory;
	struct hvdpa_device *device;
	const struct hvdpa_endpoint_events *events;
};

static inline bool hvdpa_can(const struct hvdpa_endpoint *ep,
			     enum hvdpa_ability ability)
{
	return !ep->lacks[ability];
}

/* Also without the lock, by who checks again or does no harm. */
static inline bool hvdpa_endpoint_is_lost(const struct hvdpa_endpoint *ep)
{
	return READ_ONCE(ep->state) >= HVDPA_ENDPOINT_LOST;
}

/* endpoint.c */

void hvdpa_endpoint_init(struct hvdpa_endpoint *ep,
			 const struct hvdpa_transport_ops *transport,
			 struct hvdpa_function *fn, struct device *dev);
void hvdpa_endpoint_cleanup(struct hvdpa_endpoint *ep);
bool hvdpa_endpoint_set_state(struct hvdpa_endpoint *ep,
			      enum hvdpa_endpoint_state state);
void hvdpa_endpoint_leave(struct hvdpa_endpoint *ep);
void hvdpa_endpoint_lose(struct hvdpa_endpoint *ep, const char *reason);
void hvdpa_endpoint_mark_dead(struct hvdpa_endpoint *ep, const char *reason);
int hvdpa_endpoint_reset(struct hvdpa_endpoint *ep);
int hvdpa_endpoint_agree(struct hvdpa_endpoint *ep, u64 features);
int hvdpa_endpoint_read_queue_size(struct hvdpa_endpoint *ep, u16 idx,
				   bool packed, u16 *size);
bool hvdpa_queue_size_ok(u32 size, bool packed);
int hvdpa_endpoint_reset_queue(struct hvdpa_endpoint *ep, u16 idx);
int hvdpa_endpoint_start_queue(struct hvdpa_endpoint *ep, u16 idx,
			       const struct hvdpa_queue_place *place,
			       const struct hvdpa_ring_state *base);

/* identify.c: what an endpoint is */

int hvdpa_endpoint_identify(struct hvdpa_endpoint *ep);

/* recovery.c: an endpoint that was lost comes back */

int hvdpa_endpoint_await_reset(struct hvdpa_endpoint *ep);
int hvdpa_endpoint_return(struct hvdpa_endpoint *ep);
int hvdpa_endpoint_revive(struct hvdpa_endpoint *ep);

/* config.c: the device configuration space */

/* The most rounds of reading a configuration that changes meanwhile. */
#define HVDPA_CONFIG_ROUNDS	16

size_t hvdpa_config_span(size_t size, size_t offset, size_t len);
u32 hvdpa_config_generation(struct hvdpa_endpoint *ep);
void hvdpa_config_read(struct hvdpa_endpoint *ep, unsigned int offset,
		       void *buf, unsigned int len);
void hvdpa_config_write(struct hvdpa_endpoint *ep, unsigned int offset,
			const void *buf, unsigned int len);

#endif /* HVDPA_ENDPOINT_H */
