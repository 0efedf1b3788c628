/*
 * All that the device reads and writes in memory.
 *
 * The device's address space is one I/O region, so every access comes here,
 * of data, rings and event indices alike; what is mapped for longer goes
 * through a bounce buffer and comes here when it is unmapped, which is before
 * the buffer is put into the used ring. Nothing reaches memory another way.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "hw/pci/pci.h"
#include "nic.h"

#define HELD_MS         5
#define FETCHED_AHEAD   16

/* The queue whose used ring has this address, or NULL. */
static NicQueue *used_ring_of(NicVF *vf, uint64_t addr)
{
    bool packed = nic_packed(vf);

    for (int i = 0; i < NIC_QUEUES; i++) {
        NicQueue *q = &vf->q[i];
        uint64_t start = packed ? q->desc : q->used_ring;
        uint64_t bytes = packed ? 16ull * q->num : 6 + 8ull * q->num;

        if (q->enabled && addr >= start && addr < start + bytes) {
            return q;
        }
    }
    return NULL;
}

/* @q: whose used ring is written, or NULL */
static bool is_used_index(NicVF *vf, NicQueue *q, uint64_t addr, unsigned size)
{
    return q && !nic_packed(vf) && addr == q->used_ring + 2 && size == 2;
}

static void used_ring_written(NicVF *vf, NicQueue *q, uint64_t addr,
                              uint64_t data, unsigned size)
{
    if (nic_packed(vf)) {
        /* A used descriptor's flags are written last and alone. */
        q->used_count += size == 2 && (addr - q->desc) % 16 == 14;
    } else if (is_used_index(vf, q, addr, size)) {
        q->used_count += (uint16_t)(data - q->used);
        q->used = data;
    }
}

static MemTxResult dma_read(void *opaque, hwaddr addr, uint64_t *data,
                            unsigned size, MemTxAttrs attrs)
{
    NicVF *vf = opaque;
    uint8_t bytes[8] = { };
    MemTxResult result;

    result = pci_dma_read(&vf->pci, addr, bytes, size);
    *data = ldq_le_p(bytes);
    return result;
}

static MemTxResult write_logged(NicVF *vf, NicQueue *used, uint64_t addr,
                                uint64_t data, unsigned size)
{
    MemTxResult result;
    uint8_t bytes[8];

    if (!nic_log_continues(vf, addr)) {
        nic_log_end_run(vf);
    }
    stq_le_p(bytes, is_used_index(vf, used, addr, size) ? nic_jump(vf, data) :
                                                          data);
    result = pci_dma_write(&vf->pci, addr, bytes, size);
    if (result != MEMTX_OK) {
        return result;
    }
    vf->dma_writes += size;
    if (used) {
        used_ring_written(vf, used, addr, data, size);
    } else {
        vf->last_data = addr;
    }
    if (vf->log.enabled && !(used && vf->log.skip_used_rings)) {
        nic_log_run(vf, addr, size);
    }
    return MEMTX_OK;
}

/*
 * The fault: a used element waits for the next one and goes behind it, which
 * is what a device that ends requests in any order does. Split rings only.
 * Returns whether the write is dealt with.
 */
static bool reorder(NicVF *vf, NicQueue *q, uint64_t addr, uint64_t data,
                    unsigned size)
{
    NicHeld *held = &vf->held;

    if (nic_packed(vf)) {
        return false;
    }
    if (size == 8 && addr >= q->used_ring + 4) {
        if (!held->q) {
            held->q = q;
            held->addr = addr;
            stq_le_p(held->element, data);
            timer_mod(vf->held_timer,
                      qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + HELD_MS);
            return true;
        }
        if (held->q == q) {
            write_logged(vf, q, held->addr, data, 8);
            write_logged(vf, q, addr, ldq_le_p(held->element), 8);
            held->q = NULL;
            return true;
        }
    }
    return held->q == q && addr == q->used_ring + 2 && size == 2 &&
           (uint16_t)data == (uint16_t)(q->used + 1);
}

/* Nothing overtook it: it ends now. */
void nic_held_release(NicVF *vf)
{
    NicQueue *q = vf->held.q;

    if (q) {
        vf->held.q = NULL;
        write_logged(vf, q, vf->held.addr, ldq_le_p(vf->held.element), 8);
        write_logged(vf, q, q->used_ring + 2, (uint16_t)(q->used + 1), 2);
        nic_interrupt(vf, virtio_queue_vector(nic_vdev(vf), q - vf->q));
    }
}

static void held_late(void *opaque)
{
    nic_held_release(opaque);
}

static MemTxResult dma_write(void *opaque, hwaddr addr, uint64_t data,
                             unsigned size, MemTxAttrs attrs)
{
    NicVF *vf = opaque;
    NicQueue *used = used_ring_of(vf, addr);

    if (used && (vf->fault.reorder || vf->held.q) &&
        reorder(vf, used, addr, data, size)) {
        return MEMTX_OK;
    }
    return write_logged(vf, used, addr, data, size);
}

/*
 * As cards do, it reads descriptors before it has anything for them. A suspend
 * gives them back: where the ring stands then is what was used.
 */
void nic_fetch_ahead(NicVF *vf, unsigned n)
{
    NicQueue *q = &vf->q[n];
    uint16_t next = virtio_queue_get_last_avail_idx(nic_vdev(vf), n);
    uint8_t bytes[16];

    if (nic_packed(vf) ||
        pci_dma_read(&vf->pci, q->avail + 2, bytes, 2) != MEMTX_OK) {
        return;
    }
    q->fetched = next + MIN((uint16_t)(lduw_le_p(bytes) - next), FETCHED_AHEAD);
    for (; next != q->fetched; next++) {
        if (pci_dma_read(&vf->pci, q->avail + 4 + 2 * (next % q->num), bytes,
                         2) != MEMTX_OK) {
            return;
        }
        pci_dma_read(&vf->pci, q->desc + 16 * (lduw_le_p(bytes) % q->num),
                     bytes, 16);
    }
}

static const MemoryRegionOps dma_ops = {
    .read_with_attrs = dma_read,
    .write_with_attrs = dma_write,
    .endianness = DEVICE_LITTLE_ENDIAN,
    .valid = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
    .impl = { .min_access_size = 1, .max_access_size = 8, .unaligned = true },
};

void nic_dma_init(NicVF *vf)
{
    memory_region_init_io(&vf->dma, OBJECT(vf), &dma_ops, vf, "hvdpa-nic-dma",
                          UINT64_MAX);
    /* A doorbell's handler is where most of it happens. */
    vf->dma.disable_reentrancy_guard = true;
    address_space_init(&vf->dma_as, &vf->dma, "hvdpa-nic-dma");
    vf->dma_as.max_bounce_buffer_size = 64 * MiB;
    nic_log_init(vf);
    vf->held_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, held_late, vf);
}

void nic_dma_exit(NicVF *vf)
{
    timer_free(vf->held_timer);
    nic_log_exit(vf);
    address_space_destroy(&vf->dma_as);
}
