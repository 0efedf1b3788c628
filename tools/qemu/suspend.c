/*
 * Suspend: the device stops fetching, ends what it has fetched, and only then
 * says that it is suspended.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "hw/virtio/virtio-net.h"
#include "hw/virtio/virtio-blk.h"
#include "hw/pci/pci.h"
#include "system/block-backend.h"
#include "system/runstate.h"
#include "nic.h"

/* Longer than a driver's first look, so that drivers do poll. */
#define DRAIN_US        50
/* Long after a driver has taken its last look. */
#define LATE_MS         1000

static void set_running(NicVF *vf, bool running)
{
    VirtIODevice *vdev = nic_vdev(vf);
    VirtioDeviceClass *class = VIRTIO_DEVICE_GET_CLASS(vdev);

    /* What QEMU does to a device when the machine stops. */
    vdev->vm_running = running;
    if (class->set_status) {
        class->set_status(vdev, vdev->status);
    }
}

static bool drained(NicVF *vf)
{
    for (int i = 0; i < NIC_QUEUES; i++) {
        uint32_t state = nic_ring_state(vf, i);

        if (vf->q[i].enabled && (state & 0xffff) != state >> 16) {
            return false;
        }
    }
    return true;
}

static void stop_queues(NicVF *vf)
{
    for (int i = 0; i < NIC_QUEUES; i++) {
        NicQueue *q = &vf->q[i];

        if (q->stopping) {
            q->state = nic_ring_state(vf, i);
            q->stopping = q->enabled = false;
        }
    }
}

static void late_write(void *opaque)
{
    NicVF *vf = opaque;
    static const uint8_t bytes[8] = { 'l', 'a', 't', 'e', ' ', 'd', 'm', 'a' };

    if (vf->fault.late_dma) {
        pci_dma_write(&vf->pci, vf->late_at & ~7ull, bytes, sizeof(bytes));
    }
}

static void write_late(NicVF *vf)
{
    if (vf->fault.late_dma && vf->last_data) {
        vf->late_at = vf->last_data;
        timer_mod(vf->late_timer,
                  qemu_clock_get_ms(QEMU_CLOCK_VIRTUAL) + LATE_MS);
    }
}

static void drain(void *opaque)
{
    NicVF *vf = opaque;

    if (!vf->suspending || vf->fault.stuck_suspend) {
        return;
    }
    if (vf->pf->blk) {
        blk_drain(VIRTIO_BLK(nic_vdev(vf))->blk);
    }
    nic_held_release(vf);
    if (!drained(vf)) {
        timer_mod(vf->drain_timer,
                  qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + DRAIN_US);
        return;
    }
    nic_log_flush(vf);
    vf->suspending = false;
    vf->suspended = true;
    stop_queues(vf);
    write_late(vf);
}

void nic_suspend(NicVF *vf)
{
    if (vf->suspended) {
        stop_queues(vf);
    }
    if (vf->suspending || vf->suspended) {
        return;
    }
    set_running(vf, false);
    vf->suspending = true;
    timer_mod(vf->drain_timer,
              qemu_clock_get_us(QEMU_CLOCK_VIRTUAL) + DRAIN_US);
}

/* As though every doorbell had rung. */
void nic_resume(NicVF *vf)
{
    VirtIODevice *vdev = nic_vdev(vf);

    if (!vf->suspending && !vf->suspended) {
        return;
    }
    vf->suspending = vf->suspended = false;
    set_running(vf, true);
    for (int i = 0; i < NIC_QUEUES; i++) {
        if (vf->q[i].enabled) {
            virtio_queue_notify(vdev, i);
        }
    }
    for (unsigned i = 0; i < NIC_VECTORS; i++) {
        if (vf->latched & 1ull << i) {
            nic_interrupt(vf, i);
        }
    }
    vf->latched = 0;
}

void nic_suspend_forget(NicVF *vf)
{
    vf->suspending = vf->suspended = false;
    nic_vdev(vf)->vm_running = runstate_is_running();
    write_late(vf);
    vf->last_data = 0;
}

bool nic_suspend_init(NicVF *vf)
{
    vf->drain_timer = timer_new_us(QEMU_CLOCK_VIRTUAL, drain, vf);
    vf->late_timer = timer_new_ms(QEMU_CLOCK_VIRTUAL, late_write, vf);
    return true;
}

void nic_suspend_exit(NicVF *vf)
{
    timer_free(vf->drain_timer);
    timer_free(vf->late_timer);
}
