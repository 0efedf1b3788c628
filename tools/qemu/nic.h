/*
 * The reference NIC: a PF with SR-IOV VFs, each a virtio net or block function
 * that can be migrated by hardware, to hvdpa's contract.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#ifndef HVDPA_NIC_H
#define HVDPA_NIC_H

#include "hw/pci/pci_device.h"
#include "hw/virtio/virtio.h"
#include "hw/virtio/virtio-bus.h"
#include "net/net.h"
#include "hvdpa/migration_regs.h"

#define NIC_QUEUES      34
#define NIC_VECTORS     40
/* The vendor ID of the capability: QEMU's own, as virtio's is forbidden. */
#define NIC_CARD_VENDOR PCI_VENDOR_ID_REDHAT

/* BAR 0 of a VF */
#define NIC_BAR_SIZE    0x40000
#define NIC_COMMON      0x0000
#define NIC_ISR         0x0100
#define NIC_CONFIG      0x0200
#define NIC_CONFIG_SIZE 0x0200
#define NIC_BLOCK       0x0800
#define NIC_BLOCK_QUEUES 0x100
#define NIC_BLOCK_SIZE  (NIC_BLOCK_QUEUES + \
                         NIC_QUEUES * sizeof(struct hvdpa_migration_queue))
#define NIC_REGS_SIZE   0x1000
#define NIC_MSIX        0x2000
#define NIC_PBA         0x3000
#define NIC_DOORBELLS   0x10000
#define NIC_IFC_SIZE    0x1000

/* Powers of two that a log's page may have: 4 KiB to 1 GiB. */
#define NIC_LOG_PAGE_SHIFTS 0x7ffff000

/* Virtio 1.4, which this QEMU does not know. */
#define NIC_F_SUSPEND           43
#define NIC_STATUS_SUSPEND      0x10

#define TYPE_NIC_PF     "hvdpa-nic"
#define TYPE_NIC_VF     "hvdpa-nic-vf"
#define TYPE_NIC_BUS    "hvdpa-nic-bus"
OBJECT_DECLARE_SIMPLE_TYPE(NicPF, NIC_PF)
OBJECT_DECLARE_SIMPLE_TYPE(NicVF, NIC_VF)

typedef enum NicLayout {
    NIC_LAYOUT_HVDPA,       /* the contract's capability */
    NIC_LAYOUT_IFC,         /* Intel IFC, a register block for each pair */
    NIC_LAYOUT_IFC_DENSE,   /* Intel IFC, ring states side by side */
    NIC_LAYOUT_VIRTIO14,    /* the SUSPEND feature of virtio 1.4 and no more */
    NIC_LAYOUT_PLAIN,       /* nothing beyond virtio 1.3 */
} NicLayout;

/* What can go wrong with hardware; all off unless a test sets a property. */
typedef struct NicFaults {
    bool stuck_reset;       /* status never reads 0 */
    bool stuck_suspend;     /* a suspend is never acknowledged */
    bool all_ones;          /* as if unplugged */
    bool late_dma;          /* one more write after a suspend's acknowledge */
    uint32_t drop_log;      /* of 100 bits, so many are lost */
    uint32_t delay_log;     /* ms that a bit comes late, flushed or not */
    uint32_t page_shifts;   /* what log_page_shifts reads as, if not 0 */
    uint32_t slow_log;      /* ms that ENABLED and a flush take */
    bool log_lost;          /* the log reports a loss */
    bool reorder;           /* a disk's requests end in another order */
    uint32_t state_garbage; /* what ring states read as, if not 0 */
    bool forget_state;      /* ring states that are written are not taken */
    bool deaf;              /* doorbells are counted and not heard */
    bool vanish;            /* the next doorbell is the last: all-ones */
    uint32_t fill_log;      /* of 100 bits, so many are set at the start */
    uint32_t storm;         /* us from one needless interrupt to the next */
    bool mute;              /* no interrupt is ever sent */
    uint32_t noise;         /* of 100 reads of registers, so many lie */
    uint32_t noise_from;    /* of registers from this offset of BAR 0 on */
    uint32_t nth_read;      /* so many reads from now, one lies: all-ones */
    bool nth_zero;          /* or zero */
    uint32_t stuck_status;  /* what status reads as, if not 0 */
    uint32_t jump;          /* of 100 used indices, so many are too far on */
    uint64_t stray;         /* where it writes, ever again, if not 0 */
    uint32_t command_delay; /* ms that each control command is heard late */
} NicFaults;

typedef struct NicQueue {
    uint16_t num;
    bool enabled;
    bool stopping;          /* Intel IFC: disabled once it is drained */
    bool has_state;
    uint32_t state;
    uint16_t used;          /* what was last written to used->idx */
    uint16_t fetched;       /* split rings: descriptors were read up to here */
    uint64_t desc, avail, used_ring;
    uint64_t doorbells, used_count;
} NicQueue;

typedef struct NicLog {
    bool wanted, enabled, lost;
    bool skip_used_rings;   /* as Intel IFC does */
    uint32_t flush, flushed;    /* as log_flush was written, and reads */
    uint32_t shift;
    uint64_t base, size, first;
    /* Writes of one run touch the log once: the run's page, its end. */
    bool in_run;
    uint64_t run_page, run_end;
    GArray *gathered;       /* pages whose bits are not written yet */
    QEMUTimer *gather_timer, *switch_timer;
} NicLog;

/* A used element that is held back until the next one has overtaken it. */
typedef struct NicHeld {
    NicQueue *q;            /* NULL: none */
    uint64_t addr;
    uint8_t element[8];
} NicHeld;

typedef struct NicPort {
    NetClientState nc;
    NicVF *vf;
} NicPort;

struct NicVF {
    PCIDevice pci;
    NicPF *pf;
    int number;
    int cap;                /* place of the contract's capability */
    MemoryRegion bar, regs, doorbells, ifc;
    VirtioBusState bus;
    MemoryRegion dma;
    AddressSpace dma_as;
    uint32_t dfselect, gfselect, guest_features[2];
    bool suspending, suspended;
    uint64_t latched;       /* vectors that wait for a resume */
    uint64_t last_data;     /* where DMA wrote data last, since the reset */
    uint64_t late_at;       /* where it writes once more */
    NicLog log;
    NicQueue q[NIC_QUEUES];
    QEMUTimer *drain_timer, *late_timer, *delay_timer, *held_timer;
    QEMUTimer *storm_timer, *stray_timer, *command_timer;
    uint32_t storm_vector;
    QEMUBH *run_bh;
    NicHeld held;
    GArray *delayed;
    NicFaults fault;
    uint64_t dma_writes;    /* bytes */
    uint32_t reads, writes; /* of registers */
};

struct NicPF {
    PCIDevice pci;
    uint32_t vfs, queue_pairs, vectors, num_queues;
    char *kind, *layout_name, *drive, *mac;
    bool packed;
    bool rss, guest_tso;
    NicLayout layout;
    bool blk;
    GHashTable *fdb;
};

static inline VirtIODevice *nic_vdev(NicVF *vf)
{
    return virtio_bus_get_device(&vf->bus);
}

static inline bool nic_packed(NicVF *vf)
{
    return virtio_vdev_has_feature(nic_vdev(vf), VIRTIO_F_RING_PACKED);
}

/* endpoint.c: the virtio transport of a VF */
bool nic_endpoint_realize(NicVF *vf, Error **errp);
void nic_endpoint_exit(NicVF *vf);
void nic_endpoint_reset(NicVF *vf);
uint64_t nic_common_read(NicVF *vf, hwaddr addr);
void nic_common_write(NicVF *vf, hwaddr addr, uint64_t value);
void nic_doorbell(NicVF *vf, unsigned n);
int nic_num_queues(NicVF *vf);
bool nic_running(NicVF *vf);

/* suspend.c */
void nic_suspend(NicVF *vf);
void nic_resume(NicVF *vf);
void nic_suspend_forget(NicVF *vf);
bool nic_suspend_init(NicVF *vf);
void nic_suspend_exit(NicVF *vf);

/* registers.c: what the standard lacks */
uint64_t nic_block_read(NicVF *vf, hwaddr addr);
void nic_block_write(NicVF *vf, hwaddr addr, uint64_t value);
extern const MemoryRegionOps nic_ifc_ops;
uint32_t nic_ring_state(NicVF *vf, unsigned n);

/* dma.c: all that the device reads and writes in memory */
void nic_dma_init(NicVF *vf);
void nic_dma_exit(NicVF *vf);
void nic_held_release(NicVF *vf);
void nic_fetch_ahead(NicVF *vf, unsigned n);

/* log.c: the dirty log */
void nic_log_init(NicVF *vf);
void nic_log_exit(NicVF *vf);
bool nic_log_continues(NicVF *vf, uint64_t addr);
void nic_log_run(NicVF *vf, uint64_t addr, unsigned size);
void nic_log_end_run(NicVF *vf);
void nic_log_flush(NicVF *vf);
void nic_log_enable(NicVF *vf, bool on);
void nic_log_follow(NicVF *vf);
void nic_log_reset(NicVF *vf);

/* hostile.c: what has no limits but those that others set */
uint64_t nic_noise(NicVF *vf, hwaddr addr, uint64_t value);
void nic_interrupt(NicVF *vf, uint16_t vector);
uint16_t nic_jump(NicVF *vf, uint16_t index);
bool nic_hears_late(NicVF *vf, unsigned n);
void nic_hostile_update(NicVF *vf);
void nic_hostile_init(NicVF *vf);
void nic_hostile_exit(NicVF *vf);

/* wire.c: the wire that all net VFs of a PF are on */
bool nic_wire_plug(NicVF *vf, const char *name);

#endif
