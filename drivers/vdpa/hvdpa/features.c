// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which feature bits a device may offer.
 *
 * Device-type bits (0 to 23 and from 50 on) are between the owner's driver and
 * the device, and pass. Transport bits change what this driver or vhost-vdpa
 * must do, so each is here for a reason or not at all.
 */
#include <linux/bits.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_ring.h>

#include "features.h"

/*
 * Not among them, and never to be offered: NOTIFICATION_DATA and
 * NOTIF_CONFIG_DATA (a kick through vhost-vdpa carries the queue's number and
 * nothing else), SR_IOV and ADMIN_VQ (the function's owner is this driver),
 * RING_RESET (vDPA has no operation for it; this driver agrees to it for itself),
 * SUSPEND (has one of its own).
 */
#define HVDPA_TRANSPORT_FEATURES				\
	(BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC) |			\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |			\
	 BIT_ULL(VIRTIO_F_VERSION_1) |				\
	 BIT_ULL(VIRTIO_F_ACCESS_PLATFORM) |			\
	 BIT_ULL(VIRTIO_F_RING_PACKED) |			\
	 BIT_ULL(VIRTIO_F_IN_ORDER) |				\
	 BIT_ULL(VIRTIO_F_ORDER_PLATFORM))

/*
 * Of the device type's bits these add control commands that command.c does not
 * know: DEVICE_STATS, bit 51 (hash of what is in tunnels), VQ_NOTF_COAL and
 * NOTF_COAL.
 */
#define HVDPA_UNKNOWN_COMMANDS	GENMASK_ULL(53, 50)

#define HVDPA_DEVICE_FEATURES	((GENMASK_ULL(23, 0) | GENMASK_ULL(63, 50)) & \
				 ~HVDPA_UNKNOWN_COMMANDS)

/* Virtio 1.4 section 5.1.3.1: a bit and those of which it needs one. */
static const struct {
	u8 bit;
	u64 needs;
} hvdpa_net_dependencies[] = {
	{ VIRTIO_NET_F_GUEST_TSO4, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_GUEST_TSO6, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_GUEST_ECN, BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |
				  BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) },
	{ VIRTIO_NET_F_GUEST_UFO, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_GUEST_USO4, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_GUEST_USO6, BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) },
	{ VIRTIO_NET_F_HOST_TSO4, BIT_ULL(VIRTIO_NET_F_CSUM) },
	{ VIRTIO_NET_F_HOST_TSO6, BIT_ULL(VIRTIO_NET_F_CSUM) },
	{ VIRTIO_NET_F_HOST_ECN, BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |
				 BIT_ULL(VIRTIO_NET_F_HOST_TSO6) },
	{ VIRTIO_NET_F_HOST_UFO, BIT_ULL(VIRTIO_NET_F_CSUM) },
	{ VIRTIO_NET_F_HOST_USO, BIT_ULL(VIRTIO_NET_F_CSUM) },
	{ VIRTIO_NET_F_CTRL_RX, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_CTRL_RX_EXTRA, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_CTRL_VLAN, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_GUEST_ANNOUNCE, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_MQ, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_CTRL_MAC_ADDR, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_NOTF_COAL, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_RSC_EXT, BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |
				BIT_ULL(VIRTIO_NET_F_HOST_TSO6) },
	{ VIRTIO_NET_F_RSS, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
	{ VIRTIO_NET_F_HASH_REPORT, BIT_ULL(VIRTIO_NET_F_CTRL_VQ) },
};

/**
 * hvdpa_features_supported - which of a device's features can be honoured
 * @offered: what the device offers
 *
 * Return: the bits that an owner may be offered.
 */
u64 hvdpa_features_supported(u64 offered)
{
	return offered & (HVDPA_DEVICE_FEATURES | HVDPA_TRANSPORT_FEATURES);
}

/*
 * What QEMU lets a network device offer that is to migrate. It looks at what
 * the parent offers, not at what the guest takes. Up to 10.2 it refuses
 * INDIRECT_DESC and IN_ORDER too, and in all versions RING_PACKED,
 * ORDER_PLATFORM, GUEST_ANNOUNCE, GSO and what it does not know. The control
 * queue is among them because it is in a group of its own: QEMU then follows
 * its commands and repeats them on the other side.
 */
#define HVDPA_NET_MIGRATABLE				\
	(BIT_ULL(VIRTIO_NET_F_CSUM) |			\
	 BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |		\
	 BIT_ULL(VIRTIO_NET_F_MTU) |			\
	 BIT_ULL(VIRTIO_NET_F_MAC) |			\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_UFO) |		\
	 BIT_ULL(VIRTIO_NET_F_HOST_TSO4) |		\
	 BIT_ULL(VIRTIO_NET_F_HOST_TSO6) |		\
	 BIT_ULL(VIRTIO_NET_F_HOST_ECN) |		\
	 BIT_ULL(VIRTIO_NET_F_HOST_UFO) |		\
	 BIT_ULL(VIRTIO_NET_F_MRG_RXBUF) |		\
	 BIT_ULL(VIRTIO_NET_F_STATUS) |			\
	 BIT_ULL(VIRTIO_NET_F_CTRL_VQ) |		\
	 BIT_ULL(VIRTIO_NET_F_CTRL_RX) |		\
	 BIT_ULL(VIRTIO_NET_F_CTRL_VLAN) |		\
	 BIT_ULL(VIRTIO_NET_F_CTRL_RX_EXTRA) |		\
	 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR) |		\
	 BIT_ULL(VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) |	\
	 BIT_ULL(VIRTIO_NET_F_MQ) |			\
	 BIT_ULL(VIRTIO_NET_F_RSS) |			\
	 BIT_ULL(VIRTIO_NET_F_HASH_REPORT) |		\
	 BIT_ULL(VIRTIO_NET_F_SPEED_DUPLEX) |		\
	 BIT_ULL(VIRTIO_RING_F_EVENT_IDX) |		\
	 HVDPA_FEATURES_NEEDED)

/**
 * hvdpa_features_migratable - what to offer so that an owner can migrate
 * @features: what could be offered
 * @device_id: VIRTIO_ID_NET or VIRTIO_ID_BLOCK
 *
 * No QEMU migrates a disk over vhost-vdpa, whatever it offers, and other owners
 * have no such list, so disks keep all.
 *
 * Return: the bits to offer.
 */
u64 hvdpa_features_migratable(u64 features, u32 device_id)
{
	if (device_id != VIRTIO_ID_NET)
		return features;
	return features & HVDPA_NET_MIGRATABLE;
}

/**
 * hvdpa_features_missing - is a set of features complete in itself?
 * @features: the set
 * @device_id: VIRTIO_ID_NET or VIRTIO_ID_BLOCK
 * @missing: where the set is not complete: bits of which it needs one
 *
 * Return: -1 if the set is complete, else the number of the bit that needs
 * one of @missing (VIRTIO_F_VERSION_1 stands for what every set needs).
 */
int hvdpa_features_missing(u64 features, u32 device_id, u64 *missing)
{
	unsigned int i;

	*missing = HVDPA_FEATURES_NEEDED & ~features;
	if (*missing)
		return VIRTIO_F_VERSION_1;

	if (device_id != VIRTIO_ID_NET)
		return -1;

	for (i = 0; i < ARRAY_SIZE(hvdpa_net_dependencies); i++) {
		u8 bit = hvdpa_net_dependencies[i].bit;

		*missing = hvdpa_net_dependencies[i].needs;
		if (features & BIT_ULL(bit) && !(features & *missing))
			return bit;
	}

	*missing = 0;
	return -1;
}

/**
 * hvdpa_features_complete - what of a set of features can stand by itself
 * @features: the set
 * @device_id: VIRTIO_ID_NET or VIRTIO_ID_BLOCK
 *
 * A bit whose needs are not in the set is dropped, and so is what needs that bit.
 * What every set needs is not looked at.
 *
 * Return: the largest part of the set that hvdpa_features_missing() finds nothing
 * missing in.
 */
u64 hvdpa_features_complete(u64 features, u32 device_id)
{
	u64 missing;
	int bit;

	for (;;) {
		bit = hvdpa_features_missing(features | HVDPA_FEATURES_NEEDED,
					     device_id, &missing);
		if (bit < 0)
			return features;
		features &= ~BIT_ULL(bit);
	}
}

/* Virtio 1.4 section 5.1.2. */
static u32 hvdpa_features_pairs(u64 features, u16 max_pairs)
{
	return features & (BIT_ULL(VIRTIO_NET_F_MQ) |
			   BIT_ULL(VIRTIO_NET_F_RSS)) ? max_pairs : 1;
}

/**
 * hvdpa_features_control_index - which queue is the control queue?
 * @features: a set of features
 * @device_id: VIRTIO_ID_NET or VIRTIO_ID_BLOCK
 * @max_pairs: net: the device's queue pairs
 *
 * Return: its number, or -1 if the set has none.
 */
int hvdpa_features_control_index(u64 features, u32 device_id, u16 max_pairs)
{
	if (device_id != VIRTIO_ID_NET ||
	    !(features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ)))
		return -1;
	return hvdpa_features_pairs(features, max_pairs) * 2;
}

/**
 * hvdpa_features_nqueues - how many queues a set of features has
 * @features: the set
 * @device_id: VIRTIO_ID_NET or VIRTIO_ID_BLOCK
 * @max_pairs: net: the device's queue pairs
 * @nqueues: block: the device's queues
 *
 * Return: the number of queues, the control queue included.
 */
u32 hvdpa_features_nqueues(u64 features, u32 device_id, u16 max_pairs,
			   u16 nqueues)
{
	u32 n;

	if (device_id == VIRTIO_ID_BLOCK)
		return features & BIT_ULL(VIRTIO_BLK_F_MQ) ? nqueues : 1;

	n = hvdpa_features_pairs(features, max_pairs) * 2;
	if (features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ))
		n++;
	return n;
}
