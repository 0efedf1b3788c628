/*
 * What the standard lacks: the contract's block, and Intel IFC's.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "nic.h"

#define REG(name)       offsetof(struct hvdpa_migration_regs, name)
#define QUEUE_REG(name) offsetof(struct hvdpa_migration_queue, name)
#define IFC_REG(name)   offsetof(struct hvdpa_ifc_regs, name)

uint32_t nic_ring_state(NicVF *vf, unsigned n)
{
    NicQueue *q = &vf->q[n];
    uint32_t avail;

    if (!q->enabled) {
        return q->state;
    }
    avail = virtio_queue_get_last_avail_idx(nic_vdev(vf), n);
    /* While it runs: what was fetched ahead. */
    if (!vf->suspending && !vf->suspended && !nic_packed(vf) &&
        (uint16_t)(q->fetched - avail) < 0x8000) {
        avail = q->fetched;
    }
    return nic_packed(vf) ? avail : (avail & 0xffff) | (uint32_t)q->used << 16;
}

static uint32_t ring_state_read(NicVF *vf, unsigned n)
{
    bool garbage = vf->fault.state_garbage && vf->q[n].enabled;

    return garbage ? vf->fault.state_garbage : nic_ring_state(vf, n);
}

static void ring_state_write(NicVF *vf, unsigned n, uint32_t value)
{
    NicQueue *q = &vf->q[n];

    if (!q->enabled && !vf->fault.forget_state) {
        q->state = value;
        q->has_state = true;
    }
}

static uint64_t queue_read(NicVF *vf, hwaddr addr)
{
    unsigned n = addr / sizeof(struct hvdpa_migration_queue);
    NicQueue *q = &vf->q[n];

    switch (addr % sizeof(struct hvdpa_migration_queue)) {
    case QUEUE_REG(state):
        return ring_state_read(vf, n);
    case QUEUE_REG(doorbells_lo):
        return (uint32_t)q->doorbells;
    case QUEUE_REG(doorbells_hi):
        return q->doorbells >> 32;
    case QUEUE_REG(used_lo):
        return (uint32_t)q->used_count;
    case QUEUE_REG(used_hi):
        return q->used_count >> 32;
    }
    return 0;
}

uint64_t nic_block_read(NicVF *vf, hwaddr addr)
{
    NicLog *log = &vf->log;

    if (addr >= NIC_BLOCK_QUEUES) {
        return queue_read(vf, addr - NIC_BLOCK_QUEUES);
    }
    switch (addr) {
    case REG(features):
        return HVDPA_MIGRATION_F_SUSPEND | HVDPA_MIGRATION_F_RESUME |
               HVDPA_MIGRATION_F_RING_STATE | HVDPA_MIGRATION_F_DIRTY_LOG |
               HVDPA_MIGRATION_F_COUNTERS;
    case REG(control):
        return vf->suspending || vf->suspended ?
               HVDPA_MIGRATION_CONTROL_SUSPEND : 0;
    case REG(status):
        return vf->suspended ? HVDPA_MIGRATION_STATUS_SUSPENDED : 0;
    case REG(queue_offset):
        return NIC_BLOCK_QUEUES;
    case REG(queue_layout):
        return (vf->pf->num_queues ?: nic_num_queues(vf)) |
               sizeof(struct hvdpa_migration_queue) << 16;
    case REG(log_page_shifts):
        return vf->fault.page_shifts ?: NIC_LOG_PAGE_SHIFTS;
    case REG(log_control):
        return log->wanted ? HVDPA_MIGRATION_LOG_ENABLE : 0;
    case REG(log_flush):
        return log->flushed;
    case REG(log_status):
        return (log->enabled ? HVDPA_MIGRATION_LOG_ENABLED : 0) |
               (log->lost ? HVDPA_MIGRATION_LOG_LOST : 0);
    case REG(log_page_shift):
        return log->shift;
    case REG(log_base_lo):
        return (uint32_t)log->base;
    case REG(log_base_hi):
        return log->base >> 32;
    case REG(log_size_lo):
        return (uint32_t)log->size;
    case REG(log_size_hi):
        return log->size >> 32;
    case REG(log_first_lo):
        return (uint32_t)log->first;
    case REG(log_first_hi):
        return log->first >> 32;
    }
    return 0;
}

static void log_write(NicVF *vf, hwaddr addr, uint64_t value)
{
    NicLog *log = &vf->log;

    switch (addr) {
    case REG(log_page_shift):
        log->shift = value;
        break;
    case REG(log_base_lo):
        log->base = deposit64(log->base, 0, 32, value);
        break;
    case REG(log_base_hi):
        log->base = deposit64(log->base, 32, 32, value);
        break;
    case REG(log_size_lo):
        log->size = deposit64(log->size, 0, 32, value);
        break;
    case REG(log_size_hi):
        log->size = deposit64(log->size, 32, 32, value);
        break;
    case REG(log_first_lo):
        log->first = deposit64(log->first, 0, 32, value);
        break;
    case REG(log_first_hi):
        log->first = deposit64(log->first, 32, 32, value);
        break;
    }
}

void nic_block_write(NicVF *vf, hwaddr addr, uint64_t value)
{
    if (addr >= NIC_BLOCK_QUEUES) {
        addr -= NIC_BLOCK_QUEUES;
        if (addr % sizeof(struct hvdpa_migration_queue) == QUEUE_REG(state)) {
            ring_state_write(vf, addr / sizeof(struct hvdpa_migration_queue),
                             value);
        }
        return;
    }
    switch (addr) {
    case REG(control):
        if (value & HVDPA_MIGRATION_CONTROL_SUSPEND) {
            nic_suspend(vf);
        } else {
            nic_resume(vf);
        }
        break;
    case REG(log_control):
        vf->log.wanted = value & HVDPA_MIGRATION_LOG_ENABLE;
        nic_log_follow(vf);
        break;
    case REG(log_flush):
        vf->log.flush = value;
        nic_log_follow(vf);
        break;
    default:
        /* The log's place does not change while it runs. */
        if (!vf->log.wanted && !vf->log.enabled) {
            log_write(vf, addr, value);
        }
    }
}

/* Which ring's state is at this offset of BAR 4; -1 if none is. */
static int ifc_ring(NicVF *vf, hwaddr addr)
{
    hwaddr offset = addr - HVDPA_IFC_RINGS;
    int n;

    if (addr < HVDPA_IFC_RINGS) {
        return -1;
    }
    if (vf->pf->layout == NIC_LAYOUT_IFC_DENSE) {
        n = offset / HVDPA_IFC_DENSE_STRIDE;
    } else if (vf->pf->blk) {
        n = offset % HVDPA_IFC_PAIR_STRIDE ? NIC_QUEUES :
            offset / HVDPA_IFC_PAIR_STRIDE;
    } else {
        n = offset % HVDPA_IFC_PAIR_STRIDE > 4 ? NIC_QUEUES :
            offset / HVDPA_IFC_PAIR_STRIDE * 2 +
            offset % HVDPA_IFC_PAIR_STRIDE / 4;
    }
    return n < NIC_QUEUES ? n : -1;
}

static uint64_t ifc_value(NicVF *vf, hwaddr addr)
{
    int n = ifc_ring(vf, addr);

    if (n >= 0) {
        return ring_state_read(vf, n);
    }
    switch (addr) {
    case IFC_REG(log_control):
        return vf->log.enabled ? HVDPA_IFC_LOG_ENABLE : HVDPA_IFC_LOG_DISABLE;
    case IFC_REG(log_base_lo):
        return (uint32_t)vf->log.base;
    case IFC_REG(log_base_hi):
        return vf->log.base >> 32;
    case IFC_REG(log_end_lo):
        return (uint32_t)(vf->log.base + vf->log.size);
    case IFC_REG(log_end_hi):
        return (vf->log.base + vf->log.size) >> 32;
    }
    return 0;
}

static uint64_t ifc_read(void *opaque, hwaddr addr, unsigned size)
{
    NicVF *vf = opaque;

    if (vf->fault.all_ones) {
        return UINT64_MAX;
    }
    return nic_noise(vf, NIC_BLOCK + addr, ifc_value(vf, addr));
}

static void ifc_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    NicVF *vf = opaque;
    NicLog *log = &vf->log;
    uint64_t end = log->base + log->size;
    int n = ifc_ring(vf, addr);

    if (vf->fault.all_ones) {
        return;
    }
    if (n >= 0) {
        ring_state_write(vf, n, value);
        return;
    }
    switch (addr) {
    case IFC_REG(log_control):
        log->shift = HVDPA_IFC_LOG_PAGE_SHIFT;
        log->first = 0;
        log->skip_used_rings = true;
        nic_log_enable(vf, value == HVDPA_IFC_LOG_ENABLE);
        break;
    case IFC_REG(log_base_lo):
        log->base = deposit64(log->base, 0, 32, value);
        log->size = end - log->base;
        break;
    case IFC_REG(log_base_hi):
        log->base = deposit64(log->base, 32, 32, value);
        log->size = end - log->base;
        break;
    case IFC_REG(log_end_lo):
        log->size = deposit64(end, 0, 32, value) - log->base;
        break;
    case IFC_REG(log_end_hi):
        log->size = deposit64(end, 32, 32, value) - log->base;
        break;
    }
}

const MemoryRegionOps nic_ifc_ops = {
    .read = ifc_read,
    .write = ifc_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 2, .max_access_size = 8 },
    .impl = { .min_access_size = 4, .max_access_size = 4 },
};
