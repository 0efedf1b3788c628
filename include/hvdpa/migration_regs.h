/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The register block that a virtio function needs beyond the standard to be
 * migrated: suspend, ring state, dirty log. The contract that goes with it is
 * Documentation/device-interface.rst. The driver and the reference NIC compile
 * this one file, so it needs nothing but the types of <linux/types.h>.
 */
#ifndef HVDPA_MIGRATION_REGS_H
#define HVDPA_MIGRATION_REGS_H

#include <linux/types.h>
#ifdef __KERNEL__
#include <linux/build_bug.h>
#else
#include <assert.h>
#endif

/* Where the block is: a vendor capability, virtio 1.4 section 4.1.4.10. */

#define HVDPA_MIGRATION_CFG_TYPE	9	/* VIRTIO_PCI_CAP_VENDOR_CFG */
#define HVDPA_MIGRATION_NOT_VENDOR	0x1af4	/* virtio's own ID is forbidden there */
#define HVDPA_MIGRATION_MAGIC		0x4d445648	/* "HVDM" */
#define HVDPA_MIGRATION_VERSION		1

/**
 * struct hvdpa_migration_cap - PCI capability that leads to the block
 * @cap_vndr: PCI_CAP_ID_VNDR
 * @cap_next: next capability
 * @cap_len: bytes of this one; more than the size of this struct is allowed
 * @cfg_type: HVDPA_MIGRATION_CFG_TYPE
 * @vendor_id: the card vendor's own PCI-SIG ID
 * @version: HVDPA_MIGRATION_VERSION; another one is another layout
 * @bar: BAR that the block is in, 0 to 5
 * @magic: HVDPA_MIGRATION_MAGIC
 * @offset: the block's first byte in that BAR, a multiple of 8
 * @length: bytes of the block, its queue entries included
 */
struct hvdpa_migration_cap {
	__u8 cap_vndr;
	__u8 cap_next;
	__u8 cap_len;
	__u8 cfg_type;
	__le16 vendor_id;
	__u8 version;
	__u8 bar;
	__le32 magic;
	__le32 offset;
	__le32 length;
};

/* @features: what the block can do */
#define HVDPA_MIGRATION_F_SUSPEND	0x00000001
#define HVDPA_MIGRATION_F_RESUME	0x00000002
#define HVDPA_MIGRATION_F_RING_STATE	0x00000004
#define HVDPA_MIGRATION_F_DIRTY_LOG	0x00000008
#define HVDPA_MIGRATION_F_COUNTERS	0x00000010

/* @control */
#define HVDPA_MIGRATION_CONTROL_SUSPEND	0x00000001

/* @status */
#define HVDPA_MIGRATION_STATUS_SUSPENDED	0x00000001

/* @queue_layout: how many queue entries there are, at least the function's queues;
 * bytes from one to the next, a multiple of 8
 */
#define HVDPA_MIGRATION_NUM_QUEUES	0x0000ffff
#define HVDPA_MIGRATION_QUEUE_STRIDE	0xffff0000

/* @log_control */
#define HVDPA_MIGRATION_LOG_ENABLE	0x00000001

/* @log_status */
#define HVDPA_MIGRATION_LOG_ENABLED	0x00000001
#define HVDPA_MIGRATION_LOG_LOST	0x00000002

/**
 * struct hvdpa_migration_regs - the block
 * @features: RO; HVDPA_MIGRATION_F_*
 * @control: RW, 0 after reset; HVDPA_MIGRATION_CONTROL_*
 * @status: RO, 0 after reset; HVDPA_MIGRATION_STATUS_*
 * @queue_offset: RO; of the queue entries from the block's first byte
 * @queue_layout: RO; HVDPA_MIGRATION_NUM_QUEUES, HVDPA_MIGRATION_QUEUE_STRIDE
 * @log_page_shifts: RO; bit n is set where log pages may have 1 << n bytes
 * @log_control: RW, 0 after reset; HVDPA_MIGRATION_LOG_ENABLE
 * @log_status: RO, 0 after reset; HVDPA_MIGRATION_LOG_ENABLED, _LOST
 * @log_page_shift: RW; log pages have 1 << this bytes
 * @log_flush: RW, 0 after reset; reads as the number of the last flush that ended
 * @log_base_lo: RW; IOVA of the bitmap, low half; a multiple of 64
 * @log_base_hi: RW; high half
 * @log_size_lo: RW; bytes of the bitmap, low half; a multiple of 64
 * @log_size_hi: RW; high half
 * @log_first_lo: RW; IOVA that bit 0 stands for, low half
 * @log_first_hi: RW; high half
 */
struct hvdpa_migration_regs {
	__le32 features;
	__le32 control;
	__le32 status;
	__le32 queue_offset;
	__le32 queue_layout;
	__le32 log_page_shifts;
	__le32 log_control;
	__le32 log_status;
	__le32 log_page_shift;
	__le32 log_flush;
	__le32 log_base_lo;
	__le32 log_base_hi;
	__le32 log_size_lo;
	__le32 log_size_hi;
	__le32 log_first_lo;
	__le32 log_first_hi;
};

/* @state: a split ring's indices have 16 bits, a packed ring's 15 and a wrap */
#define HVDPA_RING_STATE_AVAIL		0x0000ffff
#define HVDPA_RING_STATE_USED		0xffff0000
#define HVDPA_RING_STATE_INDEX		0x7fff
#define HVDPA_RING_STATE_WRAP		0x8000

/**
 * struct hvdpa_migration_queue - one queue's entry
 * @state: RO while queue_enable is 1, else RW: HVDPA_RING_STATE_*
 * @reserved: reads as 0
 * @doorbells_lo: RO; doorbells received since power-up, low half
 * @doorbells_hi: RO; high half
 * @used_lo: RO; buffers used since power-up, low half
 * @used_hi: RO; high half
 * @reserved2: reads as 0
 */
struct hvdpa_migration_queue {
	__le32 state;
	__le32 reserved;
	__le32 doorbells_lo;
	__le32 doorbells_hi;
	__le32 used_lo;
	__le32 used_hi;
	__le32 reserved2[2];
};

/*
 * The layout of Intel's IFC functions, which fill all of BAR 4 with it and
 * have no capability that says so. Two strides exist; the function's IDs are
 * all that tells them apart.
 */

#define HVDPA_IFC_BAR			4
#define HVDPA_IFC_LOG_DISABLE		0
#define HVDPA_IFC_LOG_ENABLE		1
#define HVDPA_IFC_RINGS			0x20	/* first ring state */
#define HVDPA_IFC_PAIR_STRIDE		0x40	/* of a pair of rings, or a disk's ring */
#define HVDPA_IFC_DENSE_STRIDE		4	/* of a ring */
#define HVDPA_IFC_LOG_PAGE_SHIFT	12

/**
 * struct hvdpa_ifc_regs - the first bytes of BAR 4
 * @log_control: HVDPA_IFC_LOG_ENABLE or HVDPA_IFC_LOG_DISABLE
 * @reserved: not used
 * @status: not used here
 * @log_base_lo: IOVA of the bitmap, low half; bit 0 stands for IOVA 0
 * @log_base_hi: high half
 * @log_end_lo: IOVA of the first byte after the bitmap, low half
 * @log_end_hi: high half
 *
 * A ring's state is one 32-bit register: avail index in the low half, used
 * index in the high one.
 */
struct hvdpa_ifc_regs {
	__le32 log_control;
	__le32 reserved;
	__le64 status;
	__le32 log_base_lo;
	__le32 log_base_hi;
	__le32 log_end_lo;
	__le32 log_end_hi;
};

#define HVDPA_LAYOUT(type, member, offset) \
	static_assert(__builtin_offsetof(struct type, member) == (offset), \
		       #type "." #member)
#define HVDPA_LAYOUT_SIZE(type, size) \
	static_assert(sizeof(struct type) == (size), #type)

HVDPA_LAYOUT(hvdpa_migration_cap, vendor_id, 0x04);
HVDPA_LAYOUT(hvdpa_migration_cap, version, 0x06);
HVDPA_LAYOUT(hvdpa_migration_cap, bar, 0x07);
HVDPA_LAYOUT(hvdpa_migration_cap, magic, 0x08);
HVDPA_LAYOUT(hvdpa_migration_cap, offset, 0x0c);
HVDPA_LAYOUT(hvdpa_migration_cap, length, 0x10);
HVDPA_LAYOUT_SIZE(hvdpa_migration_cap, 0x14);

HVDPA_LAYOUT(hvdpa_migration_regs, features, 0x00);
HVDPA_LAYOUT(hvdpa_migration_regs, control, 0x04);
HVDPA_LAYOUT(hvdpa_migration_regs, status, 0x08);
HVDPA_LAYOUT(hvdpa_migration_regs, queue_offset, 0x0c);
HVDPA_LAYOUT(hvdpa_migration_regs, queue_layout, 0x10);
HVDPA_LAYOUT(hvdpa_migration_regs, log_page_shifts, 0x14);
HVDPA_LAYOUT(hvdpa_migration_regs, log_control, 0x18);
HVDPA_LAYOUT(hvdpa_migration_regs, log_status, 0x1c);
HVDPA_LAYOUT(hvdpa_migration_regs, log_page_shift, 0x20);
HVDPA_LAYOUT(hvdpa_migration_regs, log_flush, 0x24);
HVDPA_LAYOUT(hvdpa_migration_regs, log_base_lo, 0x28);
HVDPA_LAYOUT(hvdpa_migration_regs, log_size_lo, 0x30);
HVDPA_LAYOUT(hvdpa_migration_regs, log_first_lo, 0x38);
HVDPA_LAYOUT_SIZE(hvdpa_migration_regs, 0x40);

HVDPA_LAYOUT(hvdpa_migration_queue, state, 0x00);
HVDPA_LAYOUT(hvdpa_migration_queue, doorbells_lo, 0x08);
HVDPA_LAYOUT(hvdpa_migration_queue, used_lo, 0x10);
HVDPA_LAYOUT_SIZE(hvdpa_migration_queue, 0x20);

HVDPA_LAYOUT(hvdpa_ifc_regs, log_base_lo, 0x10);
HVDPA_LAYOUT(hvdpa_ifc_regs, log_end_lo, 0x18);
HVDPA_LAYOUT_SIZE(hvdpa_ifc_regs, HVDPA_IFC_RINGS);

#endif /* HVDPA_MIGRATION_REGS_H */
