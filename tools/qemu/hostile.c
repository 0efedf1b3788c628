/*
 * A device that lies at random: registers that read as anything, interrupts
 * without end or none, a used index that jumps, writes to where nothing of its
 * is. What is broken stays broken over every reset, as it would in hardware.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/guest-random.h"
#include "hw/pci/msix.h"
#include "hw/pci/pci.h"
#include "hw/virtio/virtio-net.h"
#include "nic.h"

#define STRAY_MS    1
#define JUMP        1000

static uint32_t dice(uint32_t sides)
{
    uint32_t number;

    qemu_guest_getrandom_nofail(&number, sizeof(number));
    return number % sides;
}

/*
 * What a register reads as. Noise is all-ones, zero, the truth but for a bit,
 * and anything, each as often: a driver looks for the first two, and what is
 * nearly right gets furthest.
 */
uint64_t nic_noise(NicVF *vf, hwaddr addr, uint64_t value)
{
    if (vf->fault.nth_read && !--vf->fault.nth_read) {
        return vf->fault.nth_zero ? 0 : UINT64_MAX;
    }
    if (!vf->fault.noise || addr < vf->fault.noise_from ||
        dice(100) >= vf->fault.noise) {
        return value;
    }
    switch (dice(4)) {
    case 0:
        return UINT64_MAX;
    case 1:
        return 0;
    case 2:
        return value ^ 1ull << dice(16);
    default:
        return (uint64_t)dice(UINT32_MAX) << 32 | dice(UINT32_MAX);
    }
}

/*
 * All interrupts but those of a storm go this way. A suspended device sends
 * none: what its resume is to tell is remembered.
 */
void nic_interrupt(NicVF *vf, uint16_t vector)
{
    if (vf->suspended && vector < NIC_VECTORS) {
        vf->latched |= 1ull << vector;
        return;
    }
    if (vector != VIRTIO_NO_VECTOR && !vf->fault.all_ones && !vf->fault.mute) {
        msix_notify(&vf->pci, vector);
    }
}

/* What is written to a split ring's used index. */
uint16_t nic_jump(NicVF *vf, uint16_t index)
{
    return vf->fault.jump && dice(100) < vf->fault.jump ? index + JUMP : index;
}

/* One vector after the other, those of queues that do not run too. */
static void storm(void *opaque)
{
    NicVF *vf = opaque;

    if (!vf->fault.storm) {
        return;
    }
    vf->storm_vector = (vf->storm_vector + 1) % vf->pf->vectors;
    msix_notify(&vf->pci, vf->storm_vector);
    timer_mod(vf->storm_timer, qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) +
              vf->fault.storm);
}

static void stray(void *opaque)
{
    NicVF *vf = opaque;
    static const uint8_t bytes[8] = { 's', 't', 'r', 'a', 'y', 'd', 'm', 'a' };

    if (!vf->fault.stray) {
        return;
    }
    pci_dma_write(&vf->pci, vf->fault.stray, bytes, sizeof(bytes));
    timer_mod(vf->stray_timer, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) +
              STRAY_MS);
}

static unsigned control_queue(NicVF *vf)
{
    return virtio_get_queue_index(VIRTIO_NET(nic_vdev(vf))->ctrl_vq);
}

static void hear(void *opaque)
{
    NicVF *vf = opaque;

    if (!vf->suspending && !vf->suspended && nic_running(vf)) {
        virtio_queue_notify(nic_vdev(vf), control_queue(vf));
    }
}

/* A doorbell of the control queue that takes its time; false: heard at once. */
bool nic_hears_late(NicVF *vf, unsigned n)
{
    if (!vf->fault.command_delay || vf->pf->blk || n != control_queue(vf)) {
        return false;
    }
    timer_mod(vf->command_timer, qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) +
              vf->fault.command_delay);
    return true;
}

/* A fault was set: what goes by a clock begins. It ends by itself. */
void nic_hostile_update(NicVF *vf)
{
    storm(vf);
    stray(vf);
}

void nic_hostile_init(NicVF *vf)
{
    vf->storm_timer = timer_new_us(QEMU_CLOCK_VIRTUAL, storm, vf);
    vf->stray_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, stray, vf);
    vf->command_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, hear, vf);
}

void nic_hostile_exit(NicVF *vf)
{
    timer_free(vf->storm_timer);
    timer_free(vf->stray_timer);
    timer_free(vf->command_timer);
}
