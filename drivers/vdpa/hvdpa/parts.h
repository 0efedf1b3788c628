/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a vDPA device is made of: the structure that its parts share.
 */
#ifndef HVDPA_PARTS_H
#define HVDPA_PARTS_H

#include <linux/if_ether.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vdpa.h>

#include <hvdpa/compat.h>

#include "control.h"
#include "dma.h"
#include "endpoint.h"
#include "features.h"
#include "irq.h"
#include "log.h"
#include "vring.h"

struct dentry;
struct hvdpa_device;
struct hvdpa_file;
struct pid;

/* Those that may interrupt come last: see hvdpa_device_is_running(). */
enum hvdpa_device_state {
	HVDPA_DEVICE_STOPPED,
	HVDPA_DEVICE_REVOKED,	/* its owner was told to let go; nothing reaches it */
	HVDPA_DEVICE_RUNNING,
	HVDPA_DEVICE_SUSPENDED,	/* its queues stand still; status keeps DRIVER_OK */
};

/**
 * struct hvdpa_device_events - what a device hears of its parts
 * @failed: the endpoint did not do what it must
 *
 * Called with the endpoint's lock held; may sleep.
 */
struct hvdpa_device_events {
	void (*failed)(struct hvdpa_device *hv);
};

/**
 * struct hvdpa_device - what `vdpa dev add` made
 * @vdpa: the bus's part; its release frees this structure
 * @ops: this device's own operations: one that the hardware cannot honour is
 *	 NULL, and a late release needs nothing outside this structure
 * @ep: its endpoint; not to be followed once dev_del has returned
 * @relay: what its rings are relayed for; constant
 * @events: what the parts tell of themselves
 * @features: what it offers to its owner
 * @own_features: those of them that the endpoint does not know of
 * @pairs: net: queue pairs that it offers
 * @mtu: the MTU that it was given, or 0
 * @mac_lock: see below
 * @has_mac: @mac was given
 * @mac: the address that it was given
 * @mac_owner: the process that wrote @owner_mac, or NULL
 * @owner_mac: the address that the owner wrote to the configuration
 * @driver_features: what its owner accepted
 * @status: its status as the owner sees it; read without a lock
 * @state: does it run? Read without a lock
 * @paused: it is suspended, and its endpoint was reset for that
 * @until_ready: it is suspended until a queue is to run
 * @dma_api: the consumer is in the kernel and maps through the DMA API
 * @consumers: its place in the table of consumer.c
 * @nvqs: number of @vrings
 * @vrings: its virtqueues
 * @plan: how @vectors are shared out
 * @vectors: its interrupt vectors
 * @config_cb_lock: see below
 * @config_open: a consumer is bound, and may set @config_cb
 * @config_cb: the owner's configuration callback
 * @dma: the owner's memory
 * @control: what serves an owner's control queue, or NULL
 * @borrowed: the endpoint's control queue while the driver has it for itself and it
 *	      is a kernel consumer's otherwise
 * @watch: looks whether the endpoint answers a kernel consumer's control commands
 * @file: /dev/hvdpa/NAME
 * @log: the dirty log that is kept, or NULL
 * @profile: which features it offers, for people
 * @debugfs: its folder
 *
 * The endpoint's lock protects all that changes and has no lock named.
 */
struct hvdpa_device {
	struct vdpa_device vdpa;
	struct vdpa_config_ops ops;
	struct hvdpa_endpoint *ep;
	enum hvdpa_relay_policy relay;
	const struct hvdpa_device_events *events;
	u64 features;
	u64 own_features;
	u16 pairs;
	u16 mtu;
	/*
	 * Protects has_mac, mac, mac_owner and owner_mac for who reads the
	 * configuration without the endpoint's lock; who changes them has both.
	 */
	spinlock_t mac_lock;
	bool has_mac;
	u8 mac[ETH_ALEN];
	struct pid *mac_owner;
	u8 owner_mac[ETH_ALEN];
	u64 driver_features;
	u8 status;
	enum hvdpa_device_state state;
	bool paused;
	bool until_ready;
	bool dma_api;
	struct hlist_node consumers;
	u32 nvqs;
	struct hvdpa_vring *vrings;
	struct hvdpa_vector_plan plan;
	struct hvdpa_vector *vectors;
	/*
	 * Protects config_open and config_cb, which is called under it, also by
	 * an interrupt; interrupts off.
	 */
	spinlock_t config_cb_lock;
	bool config_open;
	struct vdpa_callback config_cb;
	struct hvdpa_dma dma;
	struct hvdpa_control *control;
	struct hvdpa_control_queue borrowed;
	struct hvdpa_watch watch;
	struct hvdpa_file *file;
	struct hvdpa_log *log;
	const char *profile;
	struct dentry *debugfs;
};

static inline struct hvdpa_device *hvdpa_of(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct hvdpa_device, vdpa);
}

/* Handlers of interrupts ask without a lock. */
static inline bool hvdpa_device_is_running(const struct hvdpa_device *hv)
{
	return READ_ONCE(hv->state) >= HVDPA_DEVICE_RUNNING;
}

static inline bool hvdpa_is_packed(const struct hvdpa_device *hv)
{
	return hv->driver_features & BIT_ULL(VIRTIO_F_RING_PACKED);
}

/* Which virtqueue is the owner's control queue; -1 for none. */
static inline int hvdpa_control_index(const struct hvdpa_device *hv,
				      u64 features)
{
	return hvdpa_features_control_index(features, hv->ep->type,
					    hv->pairs);
}

#endif /* HVDPA_PARTS_H */
