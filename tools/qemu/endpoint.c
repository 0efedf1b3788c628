/*
 * The virtio transport of a VF: QEMU's own virtio device on a bus of ours.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bitops.h"
#include "qapi/error.h"
#include "hw/pci/pci.h"
#include "hw/qdev-properties.h"
#include "hw/virtio/virtio-net.h"
#include "standard-headers/linux/virtio_pci.h"
#include "nic.h"

int nic_num_queues(NicVF *vf)
{
    return vf->pf->queue_pairs * (vf->pf->blk ? 1 : 2) + !vf->pf->blk;
}

bool nic_running(NicVF *vf)
{
    return nic_vdev(vf)->status & VIRTIO_CONFIG_S_DRIVER_OK;
}

void nic_endpoint_reset(NicVF *vf)
{
    vf->dfselect = vf->gfselect = 0;
    vf->guest_features[0] = vf->guest_features[1] = 0;
    virtio_bus_reset(&vf->bus);
    nic_suspend_forget(vf);
    nic_log_reset(vf);
    vf->held.q = NULL;
    vf->latched = 0;
    for (int i = 0; i < NIC_QUEUES; i++) {
        NicQueue *q = &vf->q[i];

        *q = (NicQueue) {
            .doorbells = q->doorbells,
            .used_count = q->used_count,
        };
    }
}

static void queue_enable(NicVF *vf, int n)
{
    VirtIODevice *vdev = nic_vdev(vf);
    NicQueue *q = &vf->q[n];

    if (q->enabled || !virtio_queue_get_num(vdev, n)) {
        return;
    }
    if (!q->num) {
        q->num = virtio_queue_get_num(vdev, n);
    }
    virtio_queue_set_num(vdev, n, q->num);
    virtio_queue_set_rings(vdev, n, q->desc, q->avail, q->used_ring);
    if (q->has_state) {
        bool packed = nic_packed(vf);

        virtio_queue_set_last_avail_idx(vdev, n, packed ? q->state :
                                        q->state & HVDPA_RING_STATE_AVAIL);
        if (!packed) {
            uint8_t used[2] = { };

            virtio_queue_update_used_idx(vdev, n);
            q->used = q->fetched = q->state >> 16;
            dma_memory_read(&vf->dma_as, q->used_ring + 2, used, sizeof(used),
                            MEMTXATTRS_UNSPECIFIED);
            if (lduw_le_p(used) != q->used) {
                virtio_error(vdev, "queue %d: state says used %u, memory %u",
                             n, q->used, lduw_le_p(used));
            }
        }
        virtio_queue_invalidate_signalled_used(vdev, n);
    }
    q->enabled = true;
}

static uint8_t status_read(NicVF *vf)
{
    uint8_t status = nic_vdev(vf)->status;

    if (vf->fault.stuck_status) {
        return vf->fault.stuck_status;
    }
    if (vf->fault.stuck_reset && !status) {
        return VIRTIO_CONFIG_S_ACKNOWLEDGE;
    }
    if (vf->suspended && vf->pf->layout == NIC_LAYOUT_VIRTIO14) {
        status = (status & ~VIRTIO_CONFIG_S_DRIVER_OK) | NIC_STATUS_SUSPEND;
    }
    return status;
}

static void status_write(NicVF *vf, uint8_t value)
{
    VirtIODevice *vdev = nic_vdev(vf);

    if (!value) {
        nic_endpoint_reset(vf);
        return;
    }
    if (vf->pf->layout == NIC_LAYOUT_VIRTIO14 &&
        virtio_vdev_has_feature(vdev, NIC_F_SUSPEND)) {
        if (value & NIC_STATUS_SUSPEND) {
            nic_suspend(vf);
            return;
        }
        if (value & VIRTIO_CONFIG_S_DRIVER_OK) {
            nic_resume(vf);
        }
    }
    virtio_set_status(vdev, value);
}

uint64_t nic_common_read(NicVF *vf, hwaddr addr)
{
    VirtIODevice *vdev = nic_vdev(vf);
    int n = vdev->queue_sel;
    NicQueue *q = &vf->q[n];
    uint64_t offered = vdev->host_features;

    switch (addr) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        return vf->dfselect;
    case VIRTIO_PCI_COMMON_DF:
        return vf->dfselect > 1 ? 0 : (uint32_t)(offered >> 32 * vf->dfselect);
    case VIRTIO_PCI_COMMON_GFSELECT:
        return vf->gfselect;
    case VIRTIO_PCI_COMMON_GF:
        return vf->gfselect > 1 ? 0 : vf->guest_features[vf->gfselect];
    case VIRTIO_PCI_COMMON_MSIX:
        return vdev->config_vector;
    case VIRTIO_PCI_COMMON_NUMQ:
        return nic_num_queues(vf);
    case VIRTIO_PCI_COMMON_STATUS:
        return status_read(vf);
    case VIRTIO_PCI_COMMON_CFGGENERATION:
        return vdev->generation;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        return n;
    case VIRTIO_PCI_COMMON_Q_SIZE:
        return q->num ?: virtio_queue_get_num(vdev, n);
    case VIRTIO_PCI_COMMON_Q_MSIX:
        return virtio_queue_vector(vdev, n);
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        return q->enabled;
    case VIRTIO_PCI_COMMON_Q_NOFF:
        return n;
    case VIRTIO_PCI_COMMON_Q_DESCLO:
        return (uint32_t)q->desc;
    case VIRTIO_PCI_COMMON_Q_DESCHI:
        return q->desc >> 32;
    case VIRTIO_PCI_COMMON_Q_AVAILLO:
        return (uint32_t)q->avail;
    case VIRTIO_PCI_COMMON_Q_AVAILHI:
        return q->avail >> 32;
    case VIRTIO_PCI_COMMON_Q_USEDLO:
        return (uint32_t)q->used_ring;
    case VIRTIO_PCI_COMMON_Q_USEDHI:
        return q->used_ring >> 32;
    }
    return 0;
}

static uint16_t vector_of(NicVF *vf, uint64_t value)
{
    return value < vf->pf->vectors ? value : VIRTIO_NO_VECTOR;
}

void nic_common_write(NicVF *vf, hwaddr addr, uint64_t value)
{
    VirtIODevice *vdev = nic_vdev(vf);
    int n = vdev->queue_sel;
    NicQueue *q = &vf->q[n];

    switch (addr) {
    case VIRTIO_PCI_COMMON_DFSELECT:
        vf->dfselect = value;
        break;
    case VIRTIO_PCI_COMMON_GFSELECT:
        vf->gfselect = value;
        break;
    case VIRTIO_PCI_COMMON_GF:
        if (vf->gfselect < 2) {
            vf->guest_features[vf->gfselect] = value;
            virtio_set_features(vdev, (uint64_t)vf->guest_features[1] << 32 |
                                vf->guest_features[0]);
        }
        break;
    case VIRTIO_PCI_COMMON_MSIX:
        vdev->config_vector = vector_of(vf, value);
        break;
    case VIRTIO_PCI_COMMON_STATUS:
        status_write(vf, value);
        break;
    case VIRTIO_PCI_COMMON_Q_SELECT:
        vdev->queue_sel = value < NIC_QUEUES ? value : NIC_QUEUES - 1;
        break;
    case VIRTIO_PCI_COMMON_Q_SIZE:
        q->num = value;
        break;
    case VIRTIO_PCI_COMMON_Q_MSIX:
        virtio_queue_set_vector(vdev, n, vector_of(vf, value));
        break;
    case VIRTIO_PCI_COMMON_Q_ENABLE:
        if (value == 1) {
            queue_enable(vf, n);
        } else if (value == 0 && (vf->pf->layout == NIC_LAYOUT_IFC ||
                                  vf->pf->layout == NIC_LAYOUT_IFC_DENSE)) {
            /* Intel IFC stops a queue so, and then its state can be read. */
            q->stopping = q->enabled;
            nic_suspend(vf);
        }
        break;
    case VIRTIO_PCI_COMMON_Q_DESCLO:
        q->desc = deposit64(q->desc, 0, 32, value);
        break;
    case VIRTIO_PCI_COMMON_Q_DESCHI:
        q->desc = deposit64(q->desc, 32, 32, value);
        break;
    case VIRTIO_PCI_COMMON_Q_AVAILLO:
        q->avail = deposit64(q->avail, 0, 32, value);
        break;
    case VIRTIO_PCI_COMMON_Q_AVAILHI:
        q->avail = deposit64(q->avail, 32, 32, value);
        break;
    case VIRTIO_PCI_COMMON_Q_USEDLO:
        q->used_ring = deposit64(q->used_ring, 0, 32, value);
        break;
    case VIRTIO_PCI_COMMON_Q_USEDHI:
        q->used_ring = deposit64(q->used_ring, 32, 32, value);
        break;
    }
}

/* A doorbell of a suspended device is remembered: resume looks everywhere. */
void nic_doorbell(NicVF *vf, unsigned n)
{
    if (n >= NIC_QUEUES || !vf->q[n].enabled) {
        return;
    }
    vf->q[n].doorbells++;
    if (vf->fault.vanish) {
        vf->fault.all_ones = true;
        return;
    }
    if (!vf->suspending && !vf->suspended && !vf->fault.deaf &&
        !nic_hears_late(vf, n)) {
        nic_fetch_ahead(vf, n);
        virtio_queue_notify(nic_vdev(vf), n);
    }
}

static NicVF *vf_of(DeviceState *dev)
{
    return NIC_VF(dev);
}

static void bus_notify(DeviceState *dev, uint16_t vector)
{
    NicVF *vf = vf_of(dev);

    nic_log_end_run(vf);
    nic_interrupt(vf, vector);
}

static AddressSpace *bus_get_dma_as(DeviceState *dev)
{
    return &vf_of(dev)->dma_as;
}

static bool bus_iommu_enabled(DeviceState *dev)
{
    return true;
}

static int bus_query_nvectors(DeviceState *dev)
{
    return NIC_VECTORS;
}

static bool bus_queue_enabled(DeviceState *dev, int n)
{
    return n < NIC_QUEUES && vf_of(dev)->q[n].enabled;
}

static void bus_pre_plugged(DeviceState *dev, Error **errp)
{
    NicVF *vf = vf_of(dev);

    virtio_add_feature(&nic_vdev(vf)->host_features, VIRTIO_F_VERSION_1);
    if (vf->pf->layout == NIC_LAYOUT_VIRTIO14) {
        virtio_add_feature(&nic_vdev(vf)->host_features, NIC_F_SUSPEND);
    }
}

static void bus_class_init(ObjectClass *class, void *data)
{
    VirtioBusClass *bus = VIRTIO_BUS_CLASS(class);

    BUS_CLASS(class)->max_dev = 1;
    bus->notify = bus_notify;
    bus->get_dma_as = bus_get_dma_as;
    bus->iommu_enabled = bus_iommu_enabled;
    bus->query_nvectors = bus_query_nvectors;
    bus->queue_enabled = bus_queue_enabled;
    bus->pre_plugged = bus_pre_plugged;
}

static const TypeInfo bus_info = {
    .name = TYPE_NIC_BUS,
    .parent = TYPE_VIRTIO_BUS,
    .instance_size = sizeof(VirtioBusState),
    .class_size = sizeof(VirtioBusClass),
    .class_init = bus_class_init,
};

static bool plug_net(NicVF *vf, DeviceState *vdev, Error **errp)
{
    const char *nic = vf->pf->pci.qdev.id ?: "nic";
    g_autofree char *name = g_strdup_printf("%s.%d", nic, vf->number);
    g_autofree char *mac = g_strdup_printf("%s:%02x",
                                           vf->pf->mac ?: "52:54:00:00:02",
                                           vf->number + 1);

    qdev_prop_set_bit(vdev, "mq", vf->pf->queue_pairs > 1);
    qdev_prop_set_bit(vdev, "rss", vf->pf->rss);
    if (vf->pf->guest_tso) {
        /* Nothing on the wire fills in checksums or cuts segments. */
        qdev_prop_set_bit(vdev, "csum", false);
        qdev_prop_set_bit(vdev, "host_tso4", false);
        qdev_prop_set_bit(vdev, "host_tso6", false);
        qdev_prop_set_bit(vdev, "host_ecn", false);
    }
    return nic_wire_plug(vf, name) &&
           object_property_set_str(OBJECT(vdev), "netdev", name, errp) &&
           object_property_set_str(OBJECT(vdev), "mac", mac, errp);
}

static bool plug_blk(NicVF *vf, DeviceState *vdev, Error **errp)
{
    g_autofree char *drive = g_strdup_printf("%s%d", vf->pf->drive ?: "drive",
                                             vf->number);

    qdev_prop_set_uint16(vdev, "num-queues", vf->pf->queue_pairs);
    return object_property_set_str(OBJECT(vdev), "drive", drive, errp);
}

bool nic_endpoint_realize(NicVF *vf, Error **errp)
{
    DeviceState *vdev;

    nic_dma_init(vf);
    nic_suspend_init(vf);
    nic_hostile_init(vf);
    qbus_init(&vf->bus, sizeof(vf->bus), TYPE_NIC_BUS, DEVICE(vf), NULL);
    vdev = qdev_new(vf->pf->blk ? "virtio-blk-device" : "virtio-net-device");
    object_property_add_child(OBJECT(vf), "virtio", OBJECT(vdev));
    object_unref(OBJECT(vdev));
    qdev_prop_set_bit(vdev, "iommu_platform", true);
    qdev_prop_set_bit(vdev, "packed", vf->pf->packed);
    qdev_prop_set_bit(vdev, "queue_reset", false);
    if (!(vf->pf->blk ? plug_blk : plug_net)(vf, vdev, errp)) {
        return false;
    }
    return qdev_realize(vdev, BUS(&vf->bus), errp);
}

void nic_endpoint_exit(NicVF *vf)
{
    NicPF *pf = vf->pf;
    NICPeers peers = { };

    if (!pf->blk) {
        peers = VIRTIO_NET(nic_vdev(vf))->nic_conf.peers;
        g_hash_table_remove_all(pf->fdb);
    }
    object_unparent(OBJECT(nic_vdev(vf)));
    if (peers.queues) {
        qemu_del_net_client(peers.ncs[0]);
    }
    nic_hostile_exit(vf);
    nic_suspend_exit(vf);
    nic_dma_exit(vf);
}

static void register_types(void)
{
    type_register_static(&bus_info);
}

type_init(register_types)
