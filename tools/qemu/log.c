/*
 * The dirty log: which pages the device has written.
 *
 * A page's bit is set after the data is written. Bytes that follow one another
 * within a page are a run, which sets one bit at its end. The contract's log
 * lags behind, as a card's does that gathers bits and writes them together: it
 * is whole when a flush, a suspend, the log's end or a reset is acknowledged.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/guest-random.h"
#include "hw/pci/pci.h"
#include "nic.h"

#define GATHER_MS 3

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

static void log_gathered(void *opaque)
{
    NicVF *vf = opaque;
    GArray *pages = vf->log.gathered;

    for (guint i = 0; i < pages->len; i++) {
        log_set(vf, g_array_index(pages, uint64_t, i));
    }
    g_array_set_size(pages, 0);
}

static void log_gather(NicVF *vf, uint64_t page)
{
    NicLog *log = &vf->log;

    if (vf->pf->layout != NIC_LAYOUT_HVDPA) {
        log_set(vf, page);
        return;
    }
    g_array_append_val(log->gathered, page);
    if (!timer_pending(log->gather_timer)) {
        timer_mod(log->gather_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + GATHER_MS);
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
    log_gather(vf, page);
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
void nic_log_end_run(NicVF *vf)
{
    if (vf->log.in_run) {
        vf->log.in_run = false;
        log_page(vf, vf->log.run_page);
    }
}

static void log_end_run_bh(void *opaque)
{
    nic_log_end_run(opaque);
}

/* All that was written is in the log. */
void nic_log_flush(NicVF *vf)
{
    nic_log_end_run(vf);
    log_gathered(vf);
}

bool nic_log_continues(NicVF *vf, uint64_t addr)
{
    return vf->log.in_run && addr == vf->log.run_end &&
           addr >> vf->log.shift == vf->log.run_page;
}

void nic_log_run(NicVF *vf, uint64_t addr, unsigned size)
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
    NicLog *log = &vf->log;

    if (!on) {
        nic_log_flush(vf);
    }
    /* Bits that are late do not come after their log's end. */
    timer_del(vf->delay_timer);
    g_array_set_size(vf->delayed, 0);
    if (on && !log->enabled) {
        log->lost = false;
    }
    log->enabled = on;
    if (on && vf->fault.fill_log) {
        log_fill(vf);
    }
}

static bool log_is_possible(const NicLog *log)
{
    return log->shift < 32 && NIC_LOG_PAGE_SHIFTS & 1u << log->shift &&
           !((log->base | log->size) % 64) &&
           !(log->first & ((1ull << log->shift) - 1));
}

static void log_switch(void *opaque)
{
    NicVF *vf = opaque;
    NicLog *log = &vf->log;

    if (log->wanted != log->enabled && (!log->wanted || log_is_possible(log))) {
        nic_log_enable(vf, log->wanted);
    }
    nic_log_flush(vf);
    log->flushed = log->flush;
}

/* ENABLE or a flush's number was written: the status follows. */
void nic_log_follow(NicVF *vf)
{
    if (!vf->fault.slow_log) {
        log_switch(vf);
    } else if (!timer_pending(vf->log.switch_timer)) {
        timer_mod(vf->log.switch_timer, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) +
                  vf->fault.slow_log);
    }
}

void nic_log_reset(NicVF *vf)
{
    NicLog *log = &vf->log;

    nic_log_enable(vf, false);
    timer_del(log->switch_timer);
    log->wanted = log->lost = false;
    log->flush = log->flushed = 0;
}

void nic_log_init(NicVF *vf)
{
    NicLog *log = &vf->log;

    vf->run_bh = qemu_bh_new(log_end_run_bh, vf);
    vf->delayed = g_array_new(false, false, sizeof(uint64_t));
    vf->delay_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, log_delayed, vf);
    log->gathered = g_array_new(false, false, sizeof(uint64_t));
    log->gather_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, log_gathered, vf);
    log->switch_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, log_switch, vf);
}

void nic_log_exit(NicVF *vf)
{
    timer_free(vf->log.switch_timer);
    timer_free(vf->log.gather_timer);
    g_array_free(vf->log.gathered, true);
    timer_free(vf->delay_timer);
    g_array_free(vf->delayed, true);
    qemu_bh_delete(vf->run_bh);
}
