/*
 * The wire that all net VFs of a PF are on: a switch that learns. A port whose
 * device does not run hears nothing and is not waited for.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "net/eth.h"
#include "hw/virtio/virtio-net.h"
#include "hw/pci/pcie_sriov.h"
#include "nic.h"

/* Packets of one flow stay in order: they are on one queue. */
static uint32_t flow_of(const uint8_t *frame, size_t len)
{
    uint32_t hash = frame[5] * 31 + frame[11];

    if (len >= 38 && lduw_be_p(frame + 12) == ETH_P_IP &&
        (frame[23] == IP_PROTO_TCP || frame[23] == IP_PROTO_UDP)) {
        hash = hash * 31 + ldl_be_p(frame + 34);
    }
    hash *= 0x9e3779b1;
    return hash >> 16;
}

/*
 * A card with offloads has a header before each frame. What it says is nothing:
 * to merge segments is allowed to a card, not asked of it.
 */
static size_t header_len(NicVF *vf)
{
    return vf->pf->guest_tso ? sizeof(struct virtio_net_hdr) : 0;
}

static bool port_has_vnet_hdr(NetClientState *nc)
{
    return header_len(DO_UPCAST(NicPort, nc, nc)->vf);
}

static void deliver(NicVF *vf, const uint8_t *frame, size_t len)
{
    VirtIONet *net = VIRTIO_NET(nic_vdev(vf));
    unsigned queue = flow_of(frame, len) % net->curr_queue_pairs;
    NetClientState *nc = net->nic_conf.peers.ncs[queue];
    struct virtio_net_hdr none = { };
    struct iovec iov[] = {
        { &none, sizeof(none) }, { (void *)frame, len },
    };

    if (header_len(vf)) {
        qemu_sendv_packet(nc, iov, ARRAY_SIZE(iov));
    } else {
        qemu_send_packet(nc, frame, len);
    }
}

static uint64_t address(const uint8_t *bytes)
{
    return ldl_be_p(bytes) | (uint64_t)lduw_be_p(bytes + 4) << 32;
}

static ssize_t port_receive(NetClientState *nc, const uint8_t *buf,
                            size_t size)
{
    NicVF *from = DO_UPCAST(NicPort, nc, nc)->vf, *to;
    NicPF *pf = from->pf;
    const uint8_t *frame = buf + header_len(from);
    size_t len = size - header_len(from);

    if (size < header_len(from) + ETH_HLEN) {
        return size;
    }
    if (!(frame[6] & 1)) {
        g_hash_table_insert(pf->fdb, (gpointer)(uintptr_t)address(frame + 6),
                            from);
    }
    to = frame[0] & 1 ? NULL :
         g_hash_table_lookup(pf->fdb, (gpointer)(uintptr_t)address(frame));
    if (to && nic_running(to)) {
        if (to != from) {
            deliver(to, frame, len);
        }
        return size;
    }
    for (uint32_t i = 0; i < pf->vfs; i++) {
        PCIDevice *pci = pcie_sriov_get_vf_at_index(&pf->pci, i);

        if (!pci) {
            continue;
        }
        to = NIC_VF(pci);
        if (to != from && nic_running(to)) {
            deliver(to, frame, len);
        }
    }
    return size;
}

static NetClientInfo port_info = {
    .type = NET_CLIENT_DRIVER_SOCKET,
    .size = sizeof(NicPort),
    .receive = port_receive,
    .has_vnet_hdr = port_has_vnet_hdr,
};

/* One port for each pair of queues, found by its name. */
bool nic_wire_plug(NicVF *vf, const char *name)
{
    for (uint32_t i = 0; i < vf->pf->queue_pairs; i++) {
        NetClientState *nc = qemu_new_net_client(&port_info, NULL, "hvdpa-nic",
                                                 name);

        DO_UPCAST(NicPort, nc, nc)->vf = vf;
    }
    return true;
}
