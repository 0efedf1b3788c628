/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Control commands of a net device, and what they leave behind.
 */
#ifndef HVDPA_COMMAND_H
#define HVDPA_COMMAND_H

#include <linux/bitops.h>
#include <linux/if_ether.h>
#include <linux/sizes.h>
#include <linux/types.h>

#define HVDPA_VLANS		4096

/* The most bytes of a control command: more than 1,000 filter addresses. */
#define HVDPA_COMMAND_MAX	SZ_8K

/**
 * struct hvdpa_command_limits - what decides which commands there may be
 * @features: what was agreed on
 * @pairs: queue pairs
 * @rss_key_max: bytes of a hash key
 * @rss_table_max: entries of an indirection table
 * @hash_types: hash types that the device knows
 */
struct hvdpa_command_limits {
	u64 features;
	u16 pairs;
	u8 rss_key_max;
	u16 rss_table_max;
	u32 hash_types;
};

/**
 * struct hvdpa_command_state - what a device was told since its reset
 * @rx_set: bit n: the receive mode with command n was set
 * @rx_modes: bit n: to what
 * @has_mac: @mac was set
 * @mac: its address
 * @unicast: entries of the table of unicast addresses
 * @multicast: entries of the table of multicast addresses
 * @vlans: those that pass
 * @pairs: queue pairs in use
 * @rss_entries: entries of the indirection table, 0 without RSS
 * @hash_types: what is hashed
 * @has_offloads: @offloads was set
 * @offloads: receive offloads, by feature bit
 * @announced: announcements that were acknowledged
 */
struct hvdpa_command_state {
	u8 rx_set;
	u8 rx_modes;
	bool has_mac;
	u8 mac[ETH_ALEN];
	u32 unicast;
	u32 multicast;
	DECLARE_BITMAP(vlans, HVDPA_VLANS);
	u16 pairs;
	u32 rss_entries;
	u32 hash_types;
	bool has_offloads;
	u64 offloads;
	u32 announced;
};

int hvdpa_command_check(const struct hvdpa_command_limits *limits,
			const u8 *command, size_t len);
void hvdpa_command_state_reset(struct hvdpa_command_state *state);
void hvdpa_command_accept(struct hvdpa_command_state *state, const u8 *command);

#endif /* HVDPA_COMMAND_H */
