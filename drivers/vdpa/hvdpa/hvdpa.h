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

#include <linux/debugfs.h>
#include <linux/if_ether.h>
#include <linux/interrupt.h>
#include <linux/iommu.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/vdpa.h>
#include <linux/vhost_iotlb.h>
#include <linux/virtio_pci_modern.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <hvdpa/compat.h>
#include <hvdpa/migration_regs.h>
#include <linux/hvdpa.h>

#include "control.h"
#include "ring.h"

struct hvdpa_device;
struct hvdpa_function;
struct hvdpa_health;
struct hvdpa_vring;

/* What a register of a function that is gone reads as. */
#define HVDPA_ALL_ONES_8	0xff
#define HVDPA_ALL_ONES_16	0xffff
#define HVDPA_ALL_ONES_32	0xffffffff

/* The longest that a reset may take before the function is given an FLR. */
#define HVDPA_RESET_TIMEOUT_US	(1000 * 1000)
#define HVDPA_RESET_POLL_US	100

/*
 * The longest that a PCI error recovery may take: the PCI core waits a minute for
 * a function, and a slot may have several.
 */
#define HVDPA_RECOVERY_TIMEOUT_MS	(3 * 60 * 1000)

/* The longest that an owner's first map waits for a reset that is not ours. */
#define HVDPA_AWAIT_RESET_MS		(70 * 1000)

/* The most rounds of reading a configuration that changes meanwhile. */
#define HVDPA_CONFIG_ROUNDS	16

/*
 * The longest that a device may take to end what its queues began, and the
 * interval of looking. A stop is part of a guest's downtime.
 */
#define HVDPA_SUSPEND_TIMEOUT_US	(1000 * 1000)
#define HVDPA_SUSPEND_POLL_US		20

/* The longest that a device may take to begin or end its dirty log. */
#define HVDPA_LOG_TIMEOUT_US		(100 * 1000)
#define HVDPA_LOG_POLL_US		20

/* The longest that the reset of one queue may take. */
#define HVDPA_QUEUE_RESET_TIMEOUT_US	(1000 * 1000)
#define HVDPA_QUEUE_RESET_POLL_US	20

/* Address spaces of a device with a mediated control queue, and its groups. */
#define HVDPA_ASID_DATA		0
#define HVDPA_ASID_CONTROL	1
#define HVDPA_ASIDS		2
#define HVDPA_GROUP_DATA	0
#define HVDPA_GROUP_CONTROL	1
#define HVDPA_GROUPS		2

/* A queue's most entries, virtio 1.4 section 2.7 and 2.8. */
#define HVDPA_VRING_NUM_MAX	32768

/* What hardware may be able to do beyond moving bytes. */
enum hvdpa_ability {
	HVDPA_SUSPEND,
	HVDPA_RESUME,
	HVDPA_GET_STATE,
	HVDPA_SET_STATE,
	HVDPA_LOG,
	HVDPA_COUNTERS,
	HVDPA_ABILITIES,
};

/**
 * struct hvdpa_log_window - where a device writes its dirty log
 * @base: IOVA of the bitmap, a multiple of the page size
 * @bytes: of the bitmap, a multiple of 8
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
 * struct hvdpa_queue_counters - what a device counts of a queue
 * @doorbells: doorbells that it received
 * @used: buffers that it used
 */
struct hvdpa_queue_counters {
	u64 doorbells;
	u64 used;
};

/**
 * struct hvdpa_hw_ops - what differs between kinds of hardware
 * @name: for people
 * @log_from_zero: the first bit of a log always stands for IOVA 0
 * @log_lacks_rings: writes to used rings are not logged
 * @suspend: stop all queues, wait until what they began is ended; bounded
 * @resume: undo @suspend
 * @get_ring_state: read where a ring of a suspended device stands
 * @set_ring_state: say where a ring starts, before it is enabled
 * @log_start: log what is written from now on; the log is off before
 * @log_stop: log no more, also what @log_start failed to start; an error means
 *	      that the device may go on writing its log
 * @log_sync: what the device wrote so far is in the log on return
 * @get_counters: read what it counts of a queue, by the device's number of it
 *
 * A callback may sleep and is called with the function's lock held. It is
 * called only where struct hvdpa_function.lacks says that it may be.
 */
struct hvdpa_hw_ops {
	const char *name;
	bool log_from_zero;
	bool log_lacks_rings;
	int (*suspend)(struct hvdpa_function *fn);
	int (*resume)(struct hvdpa_function *fn);
	int (*get_ring_state)(const struct hvdpa_vring *vring,
			      struct hvdpa_ring_state *ring);
	int (*set_ring_state)(struct hvdpa_function *fn, u16 idx,
			      const struct hvdpa_ring_state *ring);
	int (*log_start)(struct hvdpa_function *fn,
			 const struct hvdpa_log_window *window);
	int (*log_stop)(struct hvdpa_function *fn);
	int (*log_sync)(struct hvdpa_function *fn);
	int (*get_counters)(struct hvdpa_function *fn, u16 hw_idx,
			    struct hvdpa_queue_counters *counters);
};

/* hw_virtio.c, hw_cap.c, hw_ifc.c: the kinds of hardware */

/**
 * struct hvdpa_migration - the registers that help to migrate, where there are
 * @regs: the block, mapped; NULL where there is none
 * @queues: the first queue's entry in it
 * @stride: bytes from one queue's entry to the next
 * @paired: Intel IFC: rings are in pairs
 * @page_sizes: bit n is set where a log's pages may have 1 << n bytes
 */
struct hvdpa_migration {
	void __iomem *regs;
	void __iomem *queues;
	u32 stride;
	bool paired;
	u64 page_sizes;
};

int hvdpa_cap_detect(struct hvdpa_function *fn);
int hvdpa_ifc_detect(struct hvdpa_function *fn);
void hvdpa_virtio_detect(struct hvdpa_function *fn);
u32 hvdpa_ifc_ring_offset(const struct hvdpa_migration *migration, u16 idx);
u32 hvdpa_ring_state_to_register(const struct hvdpa_ring_state *ring);
void hvdpa_ring_state_from_register(u32 value, bool packed,
				    struct hvdpa_ring_state *ring);
bool hvdpa_ring_state_sane(const struct hvdpa_ring_state *ring, bool packed,
			   u32 num);

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
	HVDPA_REGION_MIGRATION,
	HVDPA_REGIONS,
};

bool hvdpa_region_fits(const struct hvdpa_region *region, u64 bar_length);
bool hvdpa_regions_overlap(const struct hvdpa_region *a, u8 bar, u64 offset,
			   u64 length);
int hvdpa_find_regions(struct pci_dev *pdev, struct hvdpa_region *regions);
int hvdpa_find_vendor_cap(struct pci_dev *pdev, u16 vendor_id, u32 magic);

/* function.c: the hardware life of a PCI function */

/**
 * struct hvdpa_queue - what a function says of one of its queues
 * @size: the most entries it takes, with all that is supported agreed
 * @notify_off: queue_notify_off
 * @doorbell: where its index is written to ring it
 */
struct hvdpa_queue {
	u16 size;
	u16 notify_off;
	__le16 __iomem *doorbell;
};

/* Who resets a function beside this driver, and says when it is over. */
enum hvdpa_resetter {
	HVDPA_RESETTER_PCI,		/* reset_prepare() to reset_done() */
	HVDPA_RESETTER_SLEEP,
	HVDPA_RESETTER_RECOVERY,	/* of a PCI error */
};

/**
 * struct hvdpa_function - a PCI function that speaks virtio
 * @pdev: the PCI device
 * @mdev: the kernel's virtio PCI library's view of it
 * @hw: what this kind of hardware can do beyond the standard
 * @lacks: why it cannot do what it cannot; NULL for what it can
 * @migration: its registers for that
 * @private_features: feature bits that the driver agrees to for itself
 * @regions: where its structures are
 * @notify: the notify structure, mapped as far as the queues need it
 * @notify_in_memory: it is in a memory BAR, and none of ports
 * @lock: see below
 * @offered: the feature bits that the device offers
 * @supported: those of them that this driver can honour
 * @max_pairs: net: queue pairs; 1 without VIRTIO_NET_F_MQ
 * @nqueues: number of @queues, with all of @supported agreed
 * @queue_size_max: the largest of their sizes
 * @queues: per-queue facts
 * @nvectors: interrupt vectors that it has; 0 if it could not have any
 * @dead: nothing may reach it; hvdpa_function_lose() to _return()
 * @death: why, the last time, for people; NULL where it never was
 * @health: what devlink knows of it
 * @saved: its configuration space as it was at probe
 * @resetters: who else resets it now, bits of enum hvdpa_resetter
 * @reset_over: woken when one of them has ended
 * @recovery_began: when the last PCI error recovery began, in jiffies
 * @removing: remove() or shutdown() has begun: no new device, no revival
 * @hv: the device that dev_add made, or NULL
 * @mgmt: how `vdpa` sees this function
 * @id_table: the one virtio type it is
 */
struct hvdpa_function {
	struct pci_dev *pdev;
	struct virtio_pci_modern_device mdev;
	const struct hvdpa_hw_ops *hw;
	const char *lacks[HVDPA_ABILITIES];
	struct hvdpa_migration migration;
	u64 private_features;
	struct hvdpa_region regions[HVDPA_REGIONS];
	void __iomem *notify;
	bool notify_in_memory;
	/*
	 * Serialises every register behind a selector (features, queues), the
	 * status register, and what the device's owner has set up so far. Also
	 * protects death, health, resetters, removing and hv. Taken under
	 * vdpa's own locks, never around.
	 */
	struct mutex lock;
	u64 offered;
	u64 supported;
	u16 max_pairs;
	u16 nqueues;
	u16 queue_size_max;
	struct hvdpa_queue *queues;
	unsigned int nvectors;
	bool dead;
	const char *death;
	struct hvdpa_health *health;
	struct pci_saved_state *saved;
	unsigned long resetters;
	wait_queue_head_t reset_over;
	unsigned long recovery_began;
	bool removing;
	struct hvdpa_device *hv;
	struct vdpa_mgmt_dev mgmt;
	struct virtio_device_id id_table[2];
};

static inline bool hvdpa_can(const struct hvdpa_function *fn,
			     enum hvdpa_ability ability)
{
	return !fn->lacks[ability];
}

struct hvdpa_function *hvdpa_function_create(struct pci_dev *pdev);
void hvdpa_function_destroy(struct hvdpa_function *fn);
int hvdpa_function_identify(struct hvdpa_function *fn);
u8 hvdpa_function_read_status(struct hvdpa_function *fn);
int hvdpa_function_reset(struct hvdpa_function *fn);
int hvdpa_function_agree(struct hvdpa_function *fn, u64 features);
int hvdpa_function_read_queue_size(struct hvdpa_function *fn, u16 idx,
				   bool packed, u16 *size);
bool hvdpa_queue_size_ok(u32 size, bool packed);
int hvdpa_function_reset_queue(struct hvdpa_function *fn, u16 idx);
int hvdpa_function_enable_queue(struct hvdpa_function *fn, u16 idx);

/* recovery.c: a function is lost, and comes back */

void hvdpa_function_lose(struct hvdpa_function *fn, const char *reason);
void hvdpa_function_mark_dead(struct hvdpa_function *fn, const char *reason);
int hvdpa_function_save(struct hvdpa_function *fn);
void hvdpa_function_restore(struct hvdpa_function *fn);
int hvdpa_function_flr(struct hvdpa_function *fn);
bool hvdpa_function_is_being_reset(const struct hvdpa_function *fn);
int hvdpa_function_await_reset(struct hvdpa_function *fn);
int hvdpa_function_return(struct hvdpa_function *fn);
int hvdpa_function_revive(struct hvdpa_function *fn);

/* health.c: a function's death, as devlink sees it */

void hvdpa_health_report(struct hvdpa_function *fn);
void hvdpa_health_show(struct hvdpa_function *fn, bool healthy);
int hvdpa_health_register(struct hvdpa_function *fn);
void hvdpa_health_unregister(struct hvdpa_function *fn);

/* main.c */

extern bool hvdpa_irq_bypass;
extern bool hvdpa_allow_unsafe_interrupts;

/* reset.c: resets that are not this driver's */

extern const struct pci_error_handlers hvdpa_error_handlers;
extern const struct dev_pm_ops hvdpa_pm_ops;

/* features.c: which feature bits may be offered */

/* Without these a device is no virtio 1.x, or its DMA may bypass the IOMMU. */
#define HVDPA_FEATURES_NEEDED	(BIT_ULL(VIRTIO_F_VERSION_1) | \
				 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM))

u64 hvdpa_features_supported(u64 offered);
u64 hvdpa_features_migratable(u64 features, u32 device_id);
int hvdpa_features_missing(u64 features, u32 device_id, u64 *missing);
u64 hvdpa_features_complete(u64 features, u32 device_id);
u32 hvdpa_features_nqueues(u64 features, u32 device_id, u16 max_pairs,
			   u16 nqueues);
int hvdpa_features_control_index(u64 features, u32 device_id, u16 max_pairs);

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
 * @idx: its number for the owner
 * @hw_idx: its number on the device; fewer queue pairs make it another one for
 *	    the control queue. Changes only while the queue is not live
 * @desc: IOVA of the descriptor area
 * @driver: IOVA of the driver area
 * @device: IOVA of the device area
 * @size: the most entries that the device takes with the owner's features;
 *	  read without a lock
 * @num: entries; 0 after a bad set_vq_num
 * @has_address: the areas were given since the last reset
 * @ready: the owner wants it to run
 * @armed: the device was told of it
 * @mediated: the driver serves it; changes only while it is not live
 * @has_state: the owner said where it starts since the last reset
 * @state: where it starts
 * @live: a kick may go to the device; read without a lock
 * @doorbell: where it goes, while @live, not @mediated, and in memory space;
 *	else NULL; read without a lock
 * @kick_pending: bit 0: a kick came while it was not live
 * @cb_lock: see below
 * @cb: the owner's callback
 * @area: its doorbell's page, or nothing; constant
 * @kicks: kicks that went through the driver
 * @errors: what was refused for this queue
 * @interrupts: interrupts seen; written by its one vector's handler only, or
 *	by the driver where it serves the queue
 */
struct hvdpa_vring {
	struct hvdpa_device *hv;
	u16 idx;
	u16 hw_idx;
	u64 desc;
	u64 driver;
	u64 device;
	u16 size;
	u32 num;
	bool has_address;
	bool ready;
	bool armed;
	bool mediated;
	bool has_state;
	struct hvdpa_ring_state state;
	bool live;
	__le16 __iomem *doorbell;
	unsigned long kick_pending;
	/*
	 * Protects cb against hvdpa_vring_notify(); taken with interrupts off.
	 * The device's interrupt reads it without: see hvdpa_vring_set_cb().
	 */
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
void hvdpa_vring_number(struct hvdpa_vring *vring, u64 features);
int hvdpa_vring_agree(struct hvdpa_vring *vring);
int hvdpa_vring_check(const struct hvdpa_vring *vring, u32 most);
int hvdpa_vring_arm(struct hvdpa_vring *vring);
void hvdpa_vring_go_live(struct hvdpa_vring *vring);
void hvdpa_vring_hold(struct hvdpa_vring *vring);
void hvdpa_kick_vq(struct vdpa_device *vdpa, u16 idx);
void hvdpa_vring_notify(struct hvdpa_vring *vring);
void hvdpa_vring_set_cb(struct hvdpa_vring *vring,
			const struct vdpa_callback *cb);

/**
 * hvdpa_vring_interrupt - the device has something for the owner
 * @vring: the virtqueue
 *
 * Called by the one vector that serves the queue, in hard interrupt context.
 *
 * Return: nothing.
 */
static inline void hvdpa_vring_interrupt(struct hvdpa_vring *vring)
{
	irqreturn_t (*callback)(void *data);

	/* Who prints it takes what there is. */
	data_race(vring->interrupts++);
	/* Pairs with the one in hvdpa_vring_set_cb(). */
	callback = smp_load_acquire(&vring->cb.callback);
	if (callback)
		callback(READ_ONCE(vring->cb.private));
}

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
 * @vring: the queue whose own it is, or NULL
 * @irq: Linux interrupt number, the same until the function is unbound
 * @index: which vector
 * @has_affinity: @affinity was set
 * @affinity: the processors that it was bound to
 * @name: as /proc/interrupts shows it
 */
struct hvdpa_vector {
	struct hvdpa_device *hv;
	struct hvdpa_vring *vring;
	int irq;
	unsigned int index;
	bool has_affinity;
	struct cpumask affinity;
	char name[40];
};

int hvdpa_vector_plan(unsigned int nvqs, unsigned int granted,
		      struct hvdpa_vector_plan *plan);
unsigned int hvdpa_vector_of(const struct hvdpa_vector_plan *plan, u16 idx);
irqreturn_t hvdpa_private_interrupt(int irq, void *data);
int hvdpa_irq_reserve(struct hvdpa_function *fn);
void hvdpa_irq_release(struct hvdpa_function *fn);
int hvdpa_irq_setup(struct hvdpa_device *hv);
void hvdpa_irq_teardown(struct hvdpa_device *hv);
int hvdpa_irq_program(struct hvdpa_device *hv);
int hvdpa_irq_program_queue(struct hvdpa_device *hv, u16 idx);
void hvdpa_irq_sync(struct hvdpa_device *hv);
void hvdpa_config_notify(struct hvdpa_device *hv);
void hvdpa_config_set_cb(struct hvdpa_device *hv,
			 const struct vdpa_callback *cb);
void hvdpa_config_open(struct hvdpa_device *hv);
void hvdpa_config_close(struct hvdpa_device *hv);
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
 * @window: where a dirty log can be; above @range; 0 where there is none
 * @control_window: where the device's control queue can be; likewise
 * @attached: the function's DMA goes through @domain
 * @restricted: maps of @domain that are not both readable and writable
 * @control: all maps of the control queue's address space
 */
struct hvdpa_dma {
	/*
	 * Serialises attaching, detaching, maps and unmaps of the owner's
	 * memory, and each access of the driver to it. Protects attached,
	 * restricted and control. Taken within the function's lock, never
	 * around it.
	 */
	struct mutex lock;
	struct iommu_domain *domain;
	struct list_head reserved;
	struct vdpa_iova_range range;
	u64 window;
	u64 control_window;
	bool attached;
	struct vhost_iotlb restricted;
	struct vhost_iotlb control;
};

/* What the device sees of its control queue, whole pages. */
#define HVDPA_CONTROL_WINDOW_BYTES	((u64)PAGE_ALIGN(SZ_16K))

/* The most bytes that a dirty log may have: 2 TiB in pages of 4 KiB. */
#define HVDPA_LOG_BYTES_MAX	((u64)SZ_64M)

u64 hvdpa_iova_range_reserve(struct vdpa_iova_range *range,
			     const struct list_head *reserved, u64 bytes);
void hvdpa_iova_range_trim(struct vdpa_iova_range *range,
			   const struct list_head *reserved);
bool hvdpa_iova_ok(const struct hvdpa_dma *dma, u64 iova, u64 size);
int hvdpa_dma_setup(struct hvdpa_device *hv);
void hvdpa_dma_teardown(struct hvdpa_device *hv);
int hvdpa_dma_attach(struct hvdpa_device *hv);
void hvdpa_dma_detach(struct hvdpa_device *hv);
int hvdpa_dma_map(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		  u64 size, u64 pa, u32 perm, void *opaque);
int hvdpa_dma_unmap(struct vdpa_device *vdpa, unsigned int asid, u64 iova,
		    u64 size);
int hvdpa_dma_reset_map(struct vdpa_device *vdpa, unsigned int asid);

/* log.c: which pages the device has written */

/**
 * struct hvdpa_log - a dirty log, from its START to its STOP
 * @hv: the device that writes it; NULL once it is gone
 * @window: where and how it writes it
 * @written: the bitmap that the device sets bits in, little endian
 * @kept: bits taken from there and not reported yet
 * @chunk: a page for what goes to user space
 * @ranges: the addresses that were asked for
 * @nranges: how many
 * @on: the device logs; protected by the function's lock
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

/* file.c: /dev/hvdpa/NAME */

struct hvdpa_file;

int hvdpa_file_create(struct hvdpa_device *hv);
void hvdpa_file_remove(struct hvdpa_device *hv);
void hvdpa_file_keep_doorbells(struct hvdpa_device *hv, bool away);

/* debugfs.c */

void hvdpa_debugfs_register(void);
void hvdpa_debugfs_unregister(void);
void hvdpa_debugfs_add(struct hvdpa_device *hv);
void hvdpa_debugfs_remove(struct hvdpa_device *hv);

/* state_show.c */

struct seq_file;

int hvdpa_state_show(struct seq_file *seq, void *data);

/* consumer.c: who owns a device, and what happens when it must let go */

int hvdpa_consumer_check(const struct hvdpa_device *hv);
void hvdpa_consumer_watch(struct hvdpa_device *hv);
void hvdpa_consumer_unwatch(struct hvdpa_device *hv);

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
 * @own_features: those of them that the card does not know of
 * @pairs: net: queue pairs that it offers
 * @mtu: the MTU that it was given, or 0
 * @mac_lock: see below
 * @has_mac: @mac was given
 * @mac: the address that it was given
 * @mac_owner: the process that wrote @owner_mac, or NULL
 * @owner_mac: the address that the owner wrote to the configuration
 * @driver_features: what its owner accepted
 * @status: its status as the owner sees it; read without a lock
 * @running: the device may interrupt; read without a lock
 * @suspended: its queues stand still; status keeps DRIVER_OK
 * @revoked: the owner was told to let go; nothing reaches the hardware
 * @dma_api: the consumer is in the kernel and maps through the DMA API
 * @consumer_nb: hears of consumers that bind and unbind
 * @nvqs: number of @vrings
 * @vrings: its virtqueues
 * @plan: how @vectors are shared out
 * @vectors: its interrupt vectors
 * @config_cb_lock: see below
 * @config_open: a consumer is bound, and may set @config_cb
 * @config_cb: the owner's configuration callback
 * @dma: the owner's memory
 * @control: the mediated control queue, or NULL
 * @borrowed: the card's control queue while the driver has it for itself and it
 *	      is a kernel consumer's otherwise
 * @file: /dev/hvdpa/NAME
 * @log: the dirty log that is kept, or NULL
 * @profile: which features it offers, for people
 * @debugfs: its folder
 *
 * The function's lock protects all that changes and has no lock named.
 */
struct hvdpa_device {
	struct vdpa_device vdpa;
	struct vdpa_config_ops ops;
	struct hvdpa_function *fn;
	u64 features;
	u64 own_features;
	u16 pairs;
	u16 mtu;
	/*
	 * Protects has_mac, mac, mac_owner and owner_mac for who reads the
	 * configuration without the function's lock; who changes them has both.
	 */
	spinlock_t mac_lock;
	bool has_mac;
	u8 mac[ETH_ALEN];
	struct pid *mac_owner;
	u8 owner_mac[ETH_ALEN];
	u64 driver_features;
	u8 status;
	bool running;
	bool suspended;
	bool revoked;
	bool dma_api;
	struct notifier_block consumer_nb;
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
	struct hvdpa_file *file;
	struct hvdpa_log *log;
	const char *profile;
	struct dentry *debugfs;
};

static inline struct hvdpa_device *hvdpa_of(struct vdpa_device *vdpa)
{
	return container_of(vdpa, struct hvdpa_device, vdpa);
}

static inline bool hvdpa_is_packed(const struct hvdpa_device *hv)
{
	return hv->driver_features & BIT_ULL(VIRTIO_F_RING_PACKED);
}

/* Which virtqueue is the owner's control queue; -1 for none. */
static inline int hvdpa_control_index(const struct hvdpa_device *hv,
				      u64 features)
{
	return hvdpa_features_control_index(features, hv->fn->mdev.id.device,
					    hv->pairs);
}

extern const struct vdpa_config_ops hvdpa_vdpa_ops;
void hvdpa_vdpa_ops_fit(struct hvdpa_device *hv);

/* device.c: the life of a device */

int hvdpa_device_check(const struct hvdpa_device *hv);
void hvdpa_device_quiet(struct hvdpa_device *hv);
int hvdpa_device_reset(struct hvdpa_device *hv);
void hvdpa_device_fail(struct hvdpa_device *hv);
void hvdpa_device_lose(struct hvdpa_device *hv);
void hvdpa_device_revoke(struct hvdpa_device *hv);
bool hvdpa_device_serves(const struct hvdpa_device *hv, u16 idx);
void hvdpa_device_set_status(struct hvdpa_device *hv, u8 status);
int hvdpa_device_suspend(struct hvdpa_device *hv);
int hvdpa_device_resume(struct hvdpa_device *hv);

/* provision.c: what a device was told to be */

u64 hvdpa_provision_mask(const struct hvdpa_function *fn);
int hvdpa_provision(struct hvdpa_device *hv, const char *name,
		    const struct vdpa_dev_set_config *config);
int hvdpa_provision_set_mac(struct hvdpa_device *hv, const u8 *mac);
const u8 *hvdpa_provision_mac_of(const struct hvdpa_device *hv);
bool hvdpa_provision_owner_mac(struct hvdpa_device *hv, unsigned int offset,
			       const void *buf, unsigned int len);
void hvdpa_provision_forget_owner(struct hvdpa_device *hv,
				  struct task_struct *resetter);
u64 hvdpa_provision_device_features(const struct hvdpa_device *hv);
size_t hvdpa_provision_config_size(const struct hvdpa_device *hv);
void hvdpa_provision_config_read(struct hvdpa_device *hv, unsigned int offset,
				 void *buf, unsigned int len);

/* mgmt.c: `vdpa mgmtdev` and `vdpa dev` */

int hvdpa_mgmt_register(struct hvdpa_function *fn);
void hvdpa_mgmt_unregister(struct hvdpa_function *fn);

/* pci.c */

int hvdpa_pci_register(void);
void hvdpa_pci_unregister(void);

#endif /* HVDPA_H */
