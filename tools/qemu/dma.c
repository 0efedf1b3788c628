/*
 * All that the device reads and writes in memory, and the dirty log.
 *
 * The device's address space is one I/O region, so every access comes here,
 * of data, rings and event indices alike; what is mapped for longer goes
 * through a bounce buffer and comes here when it is unmapped, which is before
 * the buffer is put into the used ring. Nothing reaches memory another way.
 *
 * The contract wants a page's bit set after the data is written and before
 * the completion that exposes it. Bytes that follow one another within a page
 * are a run: its bit is set before the first byte of the next run is written,
 * and at the latest before an interrupt, and before a suspend is acknowledged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "qemu/units.h"
#include "qemu/guest-random.h"
#include "hw/pci/pci.h"
#include "nic.h"

#define HELD_MS 5

/* A plain read, or, write: nobody but the device sets bits. */
static void log_set(NicVF *vf, uint64_t page)
{
    NicLog *log = &vf->log;
    uint64_t bit = page - (log->first >> log->shift);
    uint8_t byte;

    if (page < log->first >> log->shift || bit / 8 >= log->size) {
        return;
    }
    if (pci_dma_read(&vf->pci, log->base + bit / 8, &byte, 1) != MEMTX_OK) {
        log->lost = true;
        return;
    }
    byte |= 1 << (bit & 7);
    if (pci_dma_write(&vf->pci, log->base + bit / 8, &byte, 1) != MEMTX_OK) {
        log->lost = true;
    }
}

static void log_page(NicVF *vf, uint64_t page)
{
    uint8_t dice;

    if (vf->fault.log_lost) {
        vf->log.lost = true;
        return;
    }
    if (vf->fault.drop_log) {
        qemu_guest_getrandom_nofail(&dice, 1);
        if (dice % 100 < vf->fault.drop_log) {
            return;
        }
    }
    if (vf->fault.delay_log) {
        g_array_append_val(vf->delayed, page);
        if (!timer_pending(vf->delay_timer)) {
            timer_mod(vf->delay_timer, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) +
                      vf->fault.delay_log);
        }
        return;
    }
    log_set(vf, page);
}

static void log_delayed(void *opaque)
{
    NicVF *vf = opaque;

    for (guint i = 0; i < vf->delayed->len; i++) {
        log_set(vf, g_array_index(vf->delayed, uint64_t, i));
    }
    g_array_set_size(vf->delayed, 0);
}

/* The run that is under way ends: its page is dirty. */
void nic_log_flush(NicVF *vf)
{
    if (vf->log.in_run) {
        vf->log.in_run = false;
        log_page(vf, vf->log.run_page);
    }
}

static void log_flush_bh(void *opaque)
{
    nic_log_flush(opaque);
}

/* For the figures: as though the device had written all over its memory. */
static void log_fill(NicVF *vf)
{
    NicLog *log = &vf->log;
    uint8_t bits[4096];
    uint64_t page = 0;

    for (uint64_t at = 0; at < log->size; at += sizeof(bits)) {
        memset(bits, 0, sizeof(bits));
        for (unsigned bit = 0; bit < sizeof(bits) * 8; bit++, page++) {
            if (page % 100 < vf->fault.fill_log) {
                bits[bit / 8] |= 1 << (bit % 8);
            }
        }
        pci_dma_write(&vf->pci, log->base + at, bits,
                      MIN(sizeof(bits), log->size - at));
    }
}

void nic_log_enable(NicVF *vf, bool on)
{
    if (!on) {
        nic_log_flush(vf);
    }
    /* Bits that are late do not come after their log's end. */
    timer_del(vf->delay_timer);
    g_array_set_size(vf->delayed, 0);
    vf->log.enabled = on;
    vf->log.lost = false;
    if (on && vf->fault.fill_log) {
        log_fill(vf);
    }
}

static bool log_continues(NicVF *vf, uint64_t addr)
{
    return vf->log.in_run && addr == vf->log.run_end &&
           addr >> vf->log.shift == vf->log.run_page;
}

static void log_run(NicVF *vf, uint64_t addr, unsigned size)
{
    NicLog *log = &vf->log;
    uint64_t last = (addr + size - 1) >> log->shift;

    if (addr >> log->shift != last) {
        log_page(vf, addr >> log->shift);
    }
    if (!log->in_run) {
        qemu_bh_schedule(vf->run_bh);
    }
    log->in_run = true;
    log->run_page = last;
    log->run_end = addr + size;
}

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

    if (!log_continues(vf, addr)) {
        nic_log_flush(vf);
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
        log_run(vf, addr, size);
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
    vf->run_bh = qemu_bh_new(log_flush_bh, vf);
    vf->held_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, held_late, vf);
    vf->delayed = g_array_new(false, false, sizeof(uint64_t));
    vf->delay_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, log_delayed, vf);
}

void nic_dma_exit(NicVF *vf)
{
    timer_free(vf->delay_timer);
    timer_free(vf->held_timer);
    g_array_free(vf->delayed, true);
    qemu_bh_delete(vf->run_bh);
    address_space_destroy(&vf->dma_as);
}
