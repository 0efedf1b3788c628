// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control commands of a network device, virtio 1.4 section 5.1.6.5: which are
 * well formed, and what is so once the device has taken one.
 *
 * A command is judged by the driver's own copy. What is not known here is not
 * passed on: state that cannot be told cannot be moved either.
 */
#include <linux/etherdevice.h>
#include <linux/log2.h>
#include <linux/unaligned.h>
#include <linux/virtio_net.h>

#include "command.h"

/* Offloads have the numbers of their feature bits, section 5.1.6.5.6. */
#define HVDPA_GUEST_OFFLOADS				\
	(BIT_ULL(VIRTIO_NET_F_GUEST_CSUM) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO4) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_TSO6) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_ECN) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_UFO) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_USO4) |		\
	 BIT_ULL(VIRTIO_NET_F_GUEST_USO6) |		\
	 BIT_ULL(VIRTIO_NET_F_RSC_EXT))

static_assert(sizeof(struct virtio_net_ctrl_hdr) == 2);
static_assert(sizeof(struct virtio_net_ctrl_mac) == 4);
static_assert(offsetof(struct virtio_net_hash_config, hash_key_length) == 12);

static bool hvdpa_has(const struct hvdpa_command_limits *limits, u8 bit)
{
	return limits->features & BIT_ULL(bit);
}

static int hvdpa_check_rx(const struct hvdpa_command_limits *limits, u8 cmd,
			  const u8 *data, size_t len)
{
	u8 needs = cmd <= VIRTIO_NET_CTRL_RX_ALLMULTI ?
		   VIRTIO_NET_F_CTRL_RX : VIRTIO_NET_F_CTRL_RX_EXTRA;

	if (cmd > VIRTIO_NET_CTRL_RX_NOBCAST || !hvdpa_has(limits, needs))
		return -EOPNOTSUPP;
	return len == 1 && data[0] <= 1 ? 0 : -EINVAL;
}

/* A table of addresses; returns its bytes, or -EINVAL if it has not as many. */
static ssize_t hvdpa_mac_table_bytes(const u8 *data, size_t len)
{
	u64 bytes;

	if (len < sizeof(struct virtio_net_ctrl_mac))
		return -EINVAL;
	bytes = sizeof(struct virtio_net_ctrl_mac) +
		(u64)get_unaligned_le32(data) * ETH_ALEN;
	return bytes <= len ? bytes : -EINVAL;
}

static int hvdpa_check_mac(const struct hvdpa_command_limits *limits, u8 cmd,
			   const u8 *data, size_t len)
{
	ssize_t unicast, multicast;

	if (cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET) {
		if (!hvdpa_has(limits, VIRTIO_NET_F_CTRL_MAC_ADDR))
			return -EOPNOTSUPP;
		return len == ETH_ALEN && is_valid_ether_addr(data) ? 0 :
								      -EINVAL;
	}
	if (cmd != VIRTIO_NET_CTRL_MAC_TABLE_SET ||
	    !hvdpa_has(limits, VIRTIO_NET_F_CTRL_RX))
		return -EOPNOTSUPP;

	unicast = hvdpa_mac_table_bytes(data, len);
	if (unicast < 0)
		return unicast;
	multicast = hvdpa_mac_table_bytes(data + unicast, len - unicast);
	if (multicast < 0)
		return multicast;
	return unicast + multicast == len ? 0 : -EINVAL;
}

static int hvdpa_check_vlan(const struct hvdpa_command_limits *limits, u8 cmd,
			    const u8 *data, size_t len)
{
	if (cmd > VIRTIO_NET_CTRL_VLAN_DEL ||
	    !hvdpa_has(limits, VIRTIO_NET_F_CTRL_VLAN))
		return -EOPNOTSUPP;
	return len == sizeof(__le16) &&
	       get_unaligned_le16(data) < HVDPA_VLANS ? 0 : -EINVAL;
}

static int hvdpa_check_announce(const struct hvdpa_command_limits *limits,
				u8 cmd, const u8 *data, size_t len)
{
	if (cmd != VIRTIO_NET_CTRL_ANNOUNCE_ACK ||
	    !hvdpa_has(limits, VIRTIO_NET_F_GUEST_ANNOUNCE))
		return -EOPNOTSUPP;
	return len ? -EINVAL : 0;
}

/*
 * The end of RSS and hash commands: the key's length and the key. Linux, as of
 * 6.12.117 too, sends one byte more: what pads its own structure of the end. A
 * guest whose first command is refused for that gives up RSS.
 */
static int hvdpa_check_key(const struct hvdpa_command_limits *limits,
			   const u8 *key, const u8 *end)
{
	if (key[0] > limits->rss_key_max || key + 1 + key[0] > end)
		return -EINVAL;
	return end - (key + 1 + key[0]) <= 1 ? 0 : -EINVAL;
}

static int hvdpa_check_hash(const struct hvdpa_command_limits *limits,
			    const u8 *data, size_t len)
{
	size_t head = offsetof(struct virtio_net_hash_config, hash_key_data);

	if (!hvdpa_has(limits, VIRTIO_NET_F_HASH_REPORT))
		return -EOPNOTSUPP;
	if (len < head || get_unaligned_le32(data) & ~limits->hash_types)
		return -EINVAL;
	return hvdpa_check_key(limits, data + head - 1, data + len);
}

static int hvdpa_check_rss(const struct hvdpa_command_limits *limits,
			   const u8 *data, size_t len)
{
	size_t table = offsetof(struct virtio_net_rss_config,
				indirection_table);
	const u8 *tail;
	u32 entries, i;
	u16 tx;

	if (!hvdpa_has(limits, VIRTIO_NET_F_RSS))
		return -EOPNOTSUPP;
	if (len < table || get_unaligned_le32(data) & ~limits->hash_types)
		return -EINVAL;

	entries = get_unaligned_le16(data + 4) + 1;
	if (!is_power_of_2(entries) || entries > limits->rss_table_max ||
	    len < table + entries * sizeof(__le16) + 3 ||
	    get_unaligned_le16(data + 6) >= limits->pairs)
		return -EINVAL;
	for (i = 0; i < entries; i++)
		if (get_unaligned_le16(data + table + i * sizeof(__le16)) >=
		    limits->pairs)
			return -EINVAL;

	tail = data + table + entries * sizeof(__le16);
	tx = get_unaligned_le16(tail);
	if (!tx || tx > limits->pairs)
		return -EINVAL;
	return hvdpa_check_key(limits, tail + 2, data + len);
}

static int hvdpa_check_mq(const struct hvdpa_command_limits *limits, u8 cmd,
			  const u8 *data, size_t len)
{
	u16 pairs;

	switch (cmd) {
	case VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET:
		if (!hvdpa_has(limits, VIRTIO_NET_F_MQ))
			return -EOPNOTSUPP;
		if (len != sizeof(__le16))
			return -EINVAL;
		pairs = get_unaligned_le16(data);
		return pairs && pairs <= limits->pairs ? 0 : -EINVAL;
	case VIRTIO_NET_CTRL_MQ_RSS_CONFIG:
		return hvdpa_check_rss(limits, data, len);
	case VIRTIO_NET_CTRL_MQ_HASH_CONFIG:
		return hvdpa_check_hash(limits, data, len);
	default:
		return -EOPNOTSUPP;
	}
}

static int hvdpa_check_offloads(const struct hvdpa_command_limits *limits,
				u8 cmd, const u8 *data, size_t len)
{
	if (cmd != VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET ||
	    !hvdpa_has(limits, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS))
		return -EOPNOTSUPP;
	if (len != sizeof(__le64))
		return -EINVAL;
	return get_unaligned_le64(data) &
	       ~(limits->features & HVDPA_GUEST_OFFLOADS) ? -EINVAL : 0;
}

/**
 * hvdpa_command_check - may a control command go to the device?
 * @limits: what was agreed
 * @command: class, command, data
 * @len: bytes of it
 *
 * Virtio 1.4 section 5.1.6.5. Any context.
 *
 * Return: 0; -EOPNOTSUPP for a command that was not agreed on or is not known;
 * -EINVAL for one with a length or a value that it cannot have.
 */
int hvdpa_command_check(const struct hvdpa_command_limits *limits,
			const u8 *command, size_t len)
{
	static int (*const checks[])(const struct hvdpa_command_limits *limits,
				     u8 cmd, const u8 *data, size_t len) = {
		[VIRTIO_NET_CTRL_RX] = hvdpa_check_rx,
		[VIRTIO_NET_CTRL_MAC] = hvdpa_check_mac,
		[VIRTIO_NET_CTRL_VLAN] = hvdpa_check_vlan,
		[VIRTIO_NET_CTRL_ANNOUNCE] = hvdpa_check_announce,
		[VIRTIO_NET_CTRL_MQ] = hvdpa_check_mq,
		[VIRTIO_NET_CTRL_GUEST_OFFLOADS] = hvdpa_check_offloads,
	};

	if (len < sizeof(struct virtio_net_ctrl_hdr))
		return -EINVAL;
	if (command[0] >= ARRAY_SIZE(checks))
		return -EOPNOTSUPP;
	return checks[command[0]](limits, command[1],
				  command + sizeof(struct virtio_net_ctrl_hdr),
				  len - sizeof(struct virtio_net_ctrl_hdr));
}

/**
 * hvdpa_command_state_reset - what a device that was reset is set to
 * @state: written
 *
 * Virtio 1.4 section 5.1.6.5: no VLAN passes, the tables are empty, one queue
 * pair is in use and the offloads are those that were agreed on.
 */
void hvdpa_command_state_reset(struct hvdpa_command_state *state)
{
	memset(state, 0, sizeof(*state));
	state->pairs = 1;
}

static void hvdpa_accept_mac(struct hvdpa_command_state *state, u8 cmd,
			     const u8 *data)
{
	if (cmd == VIRTIO_NET_CTRL_MAC_ADDR_SET) {
		ether_addr_copy(state->mac, data);
		state->has_mac = true;
		return;
	}
	state->unicast = get_unaligned_le32(data);
	data += sizeof(struct virtio_net_ctrl_mac) + state->unicast * ETH_ALEN;
	state->multicast = get_unaligned_le32(data);
}

static void hvdpa_accept_mq(struct hvdpa_command_state *state, u8 cmd,
			    const u8 *data)
{
	u32 entries;

	switch (cmd) {
	case VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET:
		state->pairs = get_unaligned_le16(data);
		/* Section 5.1.6.5.6.4: this ends RSS. */
		state->rss_entries = 0;
		state->hash_types = 0;
		break;
	case VIRTIO_NET_CTRL_MQ_RSS_CONFIG:
		entries = get_unaligned_le16(data + 4) + 1;
		state->hash_types = get_unaligned_le32(data);
		state->rss_entries = entries;
		state->pairs = get_unaligned_le16(data + 8 + entries * 2);
		break;
	case VIRTIO_NET_CTRL_MQ_HASH_CONFIG:
		state->hash_types = get_unaligned_le32(data);
		break;
	}
}

/**
 * hvdpa_command_accept - remember what the device was set to
 * @state: changed
 * @command: a command that hvdpa_command_check() let pass and the device took
 */
void hvdpa_command_accept(struct hvdpa_command_state *state, const u8 *command)
{
	const u8 *data = command + sizeof(struct virtio_net_ctrl_hdr);
	u8 cmd = command[1];

	switch (command[0]) {
	case VIRTIO_NET_CTRL_RX:
		state->rx_set |= BIT(cmd);
		state->rx_modes &= ~BIT(cmd);
		state->rx_modes |= data[0] << cmd;
		break;
	case VIRTIO_NET_CTRL_MAC:
		hvdpa_accept_mac(state, cmd, data);
		break;
	case VIRTIO_NET_CTRL_VLAN:
		__assign_bit(get_unaligned_le16(data), state->vlans,
			     cmd == VIRTIO_NET_CTRL_VLAN_ADD);
		break;
	case VIRTIO_NET_CTRL_ANNOUNCE:
		state->announced++;
		break;
	case VIRTIO_NET_CTRL_MQ:
		hvdpa_accept_mq(state, cmd, data);
		break;
	case VIRTIO_NET_CTRL_GUEST_OFFLOADS:
		state->offloads = get_unaligned_le64(data);
		state->has_offloads = true;
		break;
	}
}
