/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvdpa: the contract between the driver's files.
 *
 * A function (struct hvdpa_function) is the PCI side and lives from probe to
 * remove. A device (struct hvdpa_device) is what `vdpa dev add` makes of it
 * and lives from dev_add to dev_del; the memory may live on until a late
 * reference goes, and needs neither the function nor this module for that.
 */
#ifndef HVDPA_H
#define HVDPA_H

#include <linux/interrupt.h>
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/vdpa.h>
#include <linux/virtio_pci_modern.h>

#include <hvdpa/compat.h>

struct hvdpa_device;
struct hvdpa_function;

/* The longest that a reset may take before the function is given an FLR. */
#define HVDPA_RESET_TIMEOUT_US	(1000 * 1000)
#define HVDPA_RESET_POLL_US	100

/* The most rounds of reading a configuration that changes meanwhile. */
#define HVDPA_CONFIG_ROUNDS	16

/* A queue's most entries, virtio 1.4 section 2.7 and 2.8. */
#define HVDPA_VRING_NUM_MAX	32768

/* state.c: where a ring stands */

/**
 * struct hvdpa_ring_state - the next entries of a ring that a device will use
 * @avail_idx: next available index (packed: 15 bits)
 * @used_idx: next used index (packed only: 15 bits)
 * @avail_wrap: available wrap counter (packed only)
 * @used_wrap: used wrap counter (packed only)
 */
struct hvdpa_ring_state {
	u16 avail_idx;
	u16 used_idx;
	bool avail_wrap;
	bool used_wrap;
};

void hvdpa_ring_state_initial(struct hvdpa_ring_state *ring, bool packed);
bool hvdpa_ring_state_is_initial(const struct hvdpa_ring_state *ring,
				 bool packed);
void hvdpa_ring_state_decode(const struct vdpa_vq_state *vq, bool packed,
			     struct hvdpa_ring_state *ring);
void hvdpa_ring_state_encode(const struct hvdpa_ring_state *ring, bool packed,
			     struct vdpa_vq_state *vq);

/**
 * struct hvdpa_hw_ops - what differs between kinds of hardware
 * @name: for people
 * @get_ring_state: read where a stopped ring stands
 * @set_ring_state: say where a ring starts, before it is enabled
 *
 * Every callback is optional, may sleep, and is called with the function's
 * lock held.
 */
struct hvdpa_hw_ops {
	const char *name;
	int (*get_ring_state)(struct hvdpa_function *fn, u16 idx,
			      struct hvdpa_ring_state *ring);
	int (*set_ring_state)(struct hvdpa_function *fn, u16 idx,
			      const struct hvdpa_ring_state *ring);
};

extern const struct hvdpa_hw_ops hvdpa_hw_virtio;

/* capability.c: where a function's structures are */

/**
 * struct hvdpa_region - a part of a BAR
 * @offset: first byte
 * @length: bytes; 0 where there is no such part
 * @bar: which BAR
 */
struct hvdpa_region {
	u32 offset;
	u32 length;
	u8 bar;
};

enum hvdpa_region_kind {
	HVDPA_REGION_COMMON,
	HVDPA_REGION_NOTIFY,
	HVDPA_REGION_ISR,
	HVDPA_REGION_DEVICE,
	HVDPA_REGION_MSIX_TABLE,
	HVDPA_REGION_MSIX_PBA,
	HVDPA_REGIONS,
};

bool hvdpa_region_fits(const struct hvdpa_region *region, u64 bar_length);
bool hvdpa_regions_overlap(const struct hvdpa_region *a, u8 bar, u64 offset,
			   u64 length);
int hvdpa_find_regions(struct pci_dev *pdev, struct hvdpa_region *regions);

/* function.c: the hardware life of a PCI function */

/**
 * struct hvdpa_queue - what a function says of one of its queues
 * @size: the most entries it takes; read again once features are agreed
 * @notify_off: queue_notify_off
 * @doorbell: where its index is written to ring it
 */
struct hvdpa_queue {
	u16 size;
	u16 notify_off;
	__le16 __iomem *doorbell;
};

/**
 * struct hvdpa_function - a PCI function that speaks virtio
 * @pdev: the PCI device
 * @mdev: the kernel's virtio PCI library's view of it
 * @hw: what this kind of hardware can do beyond the standard
 * @regions: where its structures are
 * @notify: the notify structure, mapped as far as the queues need it
 * @lock: see below
 * @offered: the feature bits that the device offers
 * @supported: those of them that this driver can honour
 * @max_pairs: net: queue pairs; 1 without VIRTIO_NET_F_MQ
 * @nqueues: number of @queues, with all of @supported agreed
 * @queue_size_max: the largest of their sizes
 * @queues: per-queue facts
 * @dead: it no longer answers; set once, never cleared
 * @removing: remove() has begun: no new device
 * @hv: the device that dev_add made, or NULL
 * @mgmt: how `vdpa` sees this function
 * @id_table: the one virtio type it is
 */
struct hvdpa_function {
	struct pci_dev *pdev;
	struct virtio_pci_modern_device mdev;
	const struct hvdpa_hw_ops *hw;
	struct hvdpa_region regions[HVDPA_REGIONS];
	void __iomem *notify;
	/*
	 * Serialises every register behind a selector (features, queues), the
	 * status register, and what the device's owner has set up so far. Also
	 * protects removing and hv. Taken under vdpa's own locks, never around.
	 */
	struct mutex lock;
	u64 offered;
	u64 supported;
	u16 max_pairs;
	u16 nqueues;
	u16 queue_size_max;
	struct hvdpa_queue *queues;
	bool dead;
	bool removing;
	struct hvdpa_device *hv;
	struct vdpa_mgmt_dev mgmt;
	struct virtio_device_id id_table[2];
};

struct hvdpa_function *hvdpa_function_create(struct pci_dev *pdev);
void hvdpa_function_destroy(struct hvdpa_function *fn);
int hvdpa_function_identify(struct hvdpa_function *fn);
u8 hvdpa_function_read_status(struct hvdpa_function *fn);
int hvdpa_function_reset(struct hvdpa_function *fn);
void hvdpa_function_mark_dead(struct hvdpa_function *fn, const char *reason);
int hvdpa_function_agree(struct hvdpa_function *fn, u64 features);
int hvdpa_function_read_queue_sizes(struct hvdpa_function *fn, u16 nqueues,
				    bool packed);
bool hvdpa_queue_size_ok(u32 size, bool packed);

/* features.c: which feature bits may be offered */

/* Without these a device is no virtio 1.x, or its DMA may bypass the IOMMU. */
#define HVDPA_FEATURES_NEEDED	(BIT_ULL(VIRTIO_F_VERSION_1) | \
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

u64 hvdpa_features_supported(u64 offered);
int hvdpa_features_missing(u64 features, u32 device_id, u64 *missing);
u32 hvdpa_features_nqueues(u64 features, u32 device_id, u16 max_pairs,
			   u16 nqueues);

/* config.c: the device configuration space */

size_t hvdpa_config_span(size_t size, size_t offset, size_t len);
u32 hvdpa_config_generation(struct hvdpa_function *fn);
void hvdpa_config_read(struct hvdpa_function *fn, unsigned int offset,
		       void *buf, unsigned int len);
void hvdpa_config_write(struct hvdpa_function *fn, unsigned int offset,
			const void *buf, unsigned int len);

/* vring.c: one virtqueue of a device */

/**
 * struct hvdpa_vring - what the owner has said of a virtqueue
 * @hv: its device
 * @idx: its number, on the device as for the owner
 * @desc: IOVA of the descriptor area
 * @driver: IOVA of the driver area
 * @device: IOVA of the device area
 * @num: entries; 0 after a bad set_vq_num
 * @has_address: the areas were given since the last reset
 * @ready: the owner wants it to run
 * @armed: the device was told of it
 * @state: where it starts
 * @live: a kick may go to the device; read without a lock
 * @kick_pending: bit 0: a kick came while it was not live
 * @cb_lock: see below
 * @cb: the owner's callback
 * @area: its doorbell's page, or nothing; constant
 * @kicks: kicks that went through the driver
 * @errors: what was refused for this queue
 * @interrupts: interrupts seen; written by its one vector's handler only
 */
struct hvdpa_vring {
	struct hvdpa_device *hv;
	u16 idx;
	u64 desc;
	u64 driver;
	u64 device;
	u32 num;
	bool has_address;
	bool ready;
	bool armed;
	struct hvdpa_ring_state state;
	bool live;
	unsigned long kick_pending;
	/* Protects cb, which its interrupt reads; taken with interrupts off. */
	spinlock_t cb_lock;
	struct vdpa_callback cb;
	struct vdpa_notification_area area;
	atomic64_t kicks;
	atomic64_t errors;
	u64 interrupts;
};

void hvdpa_vring_init(struct hvdpa_vring *vring, struct hvdpa_device *hv,
		      u16 idx);
void hvdpa_vring_forget(struct hvdpa_vring *vring);
int hvdpa_vring_arm(struct hvdpa_vring *vring);
void hvdpa_vring_go_live(struct hvdpa_vring *vring);
void hvdpa_vring_kick(struct hvdpa_vring *vring);
void hvdpa_vring_interrupt(struct hvdpa_vring *vring);
void hvdpa_vring_set_cb(struct hvdpa_vring *vring,
			const struct vdpa_callback *cb);

/* irq.c: vectors */

/**
 * struct hvdpa_vector_plan - who uses which interrupt vector
 * @nvectors: vectors in use
 * @first_vq: the vector of queue 0
 * @vq_vectors: queue i has vector first_vq + i % vq_vectors
 * @private: no queue shares its vector
 */
struct hvdpa_vector_plan {
	unsigned int nvectors;
	unsigned int first_vq;
	unsigned int vq_vectors;
	bool private;
};

/**
 * struct hvdpa_vector - one interrupt vector of a device
 * @hv: the device
 * @irq: Linux interrupt number, the same until dev_del
 * @index: which vector
 * @has_affinity: @affinity was set
 * @affinity: the processors that it was bound to
 * @name: as /proc/interrupts shows it
 */
struct hvdpa_vector {
	struct hvdpa_device *hv;
	int irq;
	unsigned int index;
	bool has_affinity;
	struct cpumask affinity;
	char name[40];
};

int hvdpa_vector_plan(unsigned int nvqs, unsigned int granted,
		      struct hvdpa_vector_plan *plan);
unsigned int hvdpa_vector_of(const struct hvdpa_vector_plan *plan, u16 idx);
int hvdpa_irq_setup(struct hvdpa_device *hv);
void hvdpa_irq_teardown(struct hvdpa_device *hv);
int hvdpa_irq_program(struct hvdpa_device *hv);
void hvdpa_irq_sync(struct hvdpa_device *hv);
void hvdpa_config_notify(struct hvdpa_device *hv);
void hvdpa_config_set_cb(struct hvdpa_device *hv,
			 const struct vdpa_callback *cb);
int hvdpa_irq_of(struct hvdpa_device *hv, u16 idx);
int hvdpa_irq_set_affinity(struct hvdpa_device *hv, u16 idx,
			   const struct cpumask *mask);
const struct cpumask *hvdpa_irq_affinity(struct hvdpa_device *hv, u16 idx);

/* doorbell.c: which doorbells may be mapped */

bool hvdpa_doorbell_is_private(const struct hvdpa_function *fn, u16 idx,
			       u64 page_size);
void hvdpa_doorbells_find(struct hvdpa_device *hv);

/* dma.c: the owner's memory as the device sees it */

/**
 * struct hvdpa_dma - a device's own IOMMU domain
 * @lock: see below
 * @domain: the owner's address space; NULL where there is no usable IOMMU
 * @reserved: address ranges that cannot be mapped
 * @range: the addresses that can
 * @attached: the function's DMA goes through @domain
 */
struct hvdpa_dma {
	/* Serialises attaching and detaching; protects attached. */
	struct mutex lock;
	struct iommu_domain *domain;
	struct list_head reserved;
	struct vdpa_iova_range range;
	bool attached;
};

void hvdpa_iova_range_trim(struct vdpa_iova_range *range,
			   const struct list_head *reserved);
bool hvdpa_iova_ok(const struct hvdpa_dma *dma, u64 iova, u64 size);
int hvdpa_dma_setup(struct hvdpa_device *hv);
void hvdpa_dma_teardown(struct hvdpa_device *hv);
int hvdpa_dma_attach(struct hvdpa_device *hv);
void hvdpa_dma_detach(struct hvdpa_device *hv);
int hvdpa_dma_map(struct hvdpa_device *hv, u64 iova, u64 size, u64 pa,
		  u32 perm);
int hvdpa_dma_unmap(struct hvdpa_device *hv, u64 iova, u64 size);

/* consumer.c: who owns a device, and what happens when it must let go */

void hvdpa_consumer_watch(struct hvdpa_device *hv);
void hvdpa_consumer_unwatch(struct hvdpa_device *hv);
void hvdpa_device_revoke(struct hvdpa_device *hv);

/* stats.c */

int hvdpa_vq_stats(struct hvdpa_vring *vring, struct sk_buff *msg);

/* vdpa.c: the device as the vdpa bus sees it */

/**
 * struct hvdpa_device - what `vdpa dev add` made of a function
 * @vdpa: the bus's part; its release frees this structure
 * @ops: this device's own operations: one that the hardware cannot honour is
 *	 NULL, and a late release needs nothing outside this structure
 * @fn: its function; not to be followed once dev_del has returned
 * @features: what it offers to its owner
 * @driver_features: what its owner accepted
 * @status: its status as the owner sees it; read without a lock
 * @running: the device may interrupt; read without a lock
 * @revoked: the owner was told to let go; nothing reaches the hardware
 * @dma_api: the consumer is in the kernel and maps through the DMA API
 * @consumer_nb: hears of consumers that bind and unbind
 * @nvqs: number of @vrings
 * @vrings: its virtqueues
 * @plan: how @vectors are shared out
 * @vectors: its interrupt vectors
 * @config_cb_lock: see below
 * @config_cb: the owner's configuration callback
 * @dma: the owner's memory
 *
 * The function's lock protects all that changes and has no lock named.
 */
struct hvdpa_device {
	struct vdpa_device vdpa;
	struct vdpa_config_ops ops;
	struct hvdpa_function *fn;
	u64 features;
	u64 driver_features;
	u8 status;
	bool running;
	bool revoked;
	bool dma_api;
	struct notifier_block consumer_nb;
	u32 nvqs;
	struct hvdpa_vring *vrings;
	struct hvdpa_vector_plan plan;
	struct hvdpa_vector *vectors;
	/* Protects config_cb, which an interrupt reads; interrupts off. */
	spinlock_t config_cb_lock;
	struct vdpa_callback config_cb;
	struct hvdpa_dma dma;
};

static inline struct hvdpa_device *hvdpa_of(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct hvdpa_device, vdpa);
}

static inline bool hvdpa_is_packed(const struct hvdpa_device *hv)
{
	return hv->driver_features & BIT_ULL(VIRTIO_F_RING_PACKED);
}

extern const struct vdpa_config_ops hvdpa_vdpa_ops;
void hvdpa_vdpa_ops_fit(struct hvdpa_device *hv);
int hvdpa_device_reset(struct hvdpa_device *hv);
void hvdpa_device_quiet(struct hvdpa_device *hv);

/* mgmt.c: `vdpa mgmtdev` and `vdpa dev` */

int hvdpa_mgmt_register(struct hvdpa_function *fn);
void hvdpa_mgmt_unregister(struct hvdpa_function *fn);

/* pci.c */

int hvdpa_pci_register(void);
void hvdpa_pci_unregister(void);

#endif /* HVDPA_H */
