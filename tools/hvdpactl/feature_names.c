// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>

#include "feature_names.h"
#include "util.h"

#define BITS	64

/* By number: an older system's headers have fewer of them. Virtio 1.4, 5.1.3. */
static const char *const net_names[BITS] = {
	[0] = "CSUM", [1] = "GUEST_CSUM", [2] = "CTRL_GUEST_OFFLOADS",
	[3] = "MTU", [5] = "MAC", [6] = "GSO", [7] = "GUEST_TSO4",
	[8] = "GUEST_TSO6", [9] = "GUEST_ECN", [10] = "GUEST_UFO",
	[11] = "HOST_TSO4", [12] = "HOST_TSO6", [13] = "HOST_ECN",
	[14] = "HOST_UFO", [15] = "MRG_RXBUF", [16] = "STATUS",
	[17] = "CTRL_VQ", [18] = "CTRL_RX", [19] = "CTRL_VLAN",
	[20] = "CTRL_RX_EXTRA", [21] = "GUEST_ANNOUNCE", [22] = "MQ",
	[23] = "CTRL_MAC_ADDR", [54] = "GUEST_USO4", [55] = "GUEST_USO6",
	[56] = "HOST_USO", [57] = "HASH_REPORT", [59] = "GUEST_HDRLEN",
	[60] = "RSS", [61] = "RSC_EXT", [62] = "STANDBY",
	[63] = "SPEED_DUPLEX",
};

/* 5.2.3 */
static const char *const blk_names[BITS] = {
	[1] = "SIZE_MAX", [2] = "SEG_MAX", [4] = "GEOMETRY", [5] = "RO",
	[6] = "BLK_SIZE", [9] = "FLUSH", [10] = "TOPOLOGY",
	[11] = "CONFIG_WCE", [12] = "MQ", [13] = "DISCARD",
	[14] = "WRITE_ZEROES", [16] = "SECURE_ERASE",
};

/* 6 */
static const char *const common_names[BITS] = {
	[28] = "INDIRECT_DESC", [29] = "EVENT_IDX", [32] = "VERSION_1",
	[33] = "ACCESS_PLATFORM", [34] = "RING_PACKED", [35] = "IN_ORDER",
	[36] = "ORDER_PLATFORM", [37] = "SR_IOV", [38] = "NOTIFICATION_DATA",
	[39] = "NOTIF_CONFIG_DATA", [40] = "RING_RESET", [41] = "ADMIN_VQ",
};

char *feature_names(uint64_t bits, uint32_t type)
{
	const char *const *own = type == VIRTIO_ID_NET ? net_names : blk_names;
	char *names = must_copy("");
	unsigned int bit;

	for (bit = 0; bit < BITS; bit++) {
		const char *name = own[bit] ? own[bit] : common_names[bit];
		const char *space = *names ? " " : "";
		char *longer;

		if (!(bits >> bit & 1))
			continue;
		longer = name ? must_print("%s%s%s", names, space, name) :
				must_print("%s%s%u", names, space, bit);
		free(names);
		names = longer;
	}
	return names;
}
