// SPDX-License-Identifier: GPL-2.0-only
/*
 * A device that was reset is told once more what its owner told it by control
 * commands: virtio 1.4 section 5.1.6.5.
 */
#include <linux/device.h>
#include <linux/unaligned.h>
#include <linux/virtio_net.h>

#include "control.h"
#include "endpoint.h"

/**
 * hvdpa_replay_keep - keep a command that cannot be made from what it left behind
 * @replay: where to
 * @command: one that the device took
 * @len: bytes of it
 */
void hvdpa_replay_keep(struct hvdpa_replay *replay, const u8 *command, size_t len)
{
	if (command[0] == VIRTIO_NET_CTRL_MAC &&
	    command[1] == VIRTIO_NET_CTRL_MAC_TABLE_SET) {
		memcpy(replay->table, command, len);
		replay->table_len = len;
	} else if (command[0] == VIRTIO_NET_CTRL_MQ &&
		   command[1] == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET) {
		/* Section 5.1.6.5.6.4: this ends RSS. */
		replay->steering_len = 0;
	} else if (command[0] == VIRTIO_NET_CTRL_MQ) {
		memcpy(replay->steering, command, len);
		replay->steering_len = len;
	}
}

static int hvdpa_replay_one(struct hvdpa_control_queue *queue, const u8 *command,
			    size_t len)
{
	u8 ack;
	int err;

	err = hvdpa_control_execute(queue, command, len, &ack);
	if (err || ack == VIRTIO_NET_OK)
		return err;
	dev_err_ratelimited(queue->ep->dev,
			    "control command %u.%u of %zu bytes, that it took before: the device answers %u, expected %u: %pe\n",
			    command[0], command[1], len, ack, VIRTIO_NET_OK,
			    ERR_PTR(-EIO));
	return -EIO;
}

static int hvdpa_replay_modes(struct hvdpa_control_queue *queue,
			      const struct hvdpa_command_state *state)
{
	unsigned long set = state->rx_set;
	unsigned int mode;
	int err;

	for_each_set_bit(mode, &set, BITS_PER_BYTE) {
		const u8 command[] = {
			VIRTIO_NET_CTRL_RX, mode,
			!!(state->rx_modes & BIT(mode)),
		};

		err = hvdpa_replay_one(queue, command, sizeof(command));
		if (err)
			return err;
	}
	return 0;
}

static int hvdpa_replay_filters(struct hvdpa_control_queue *queue,
				const struct hvdpa_command_state *state,
				const struct hvdpa_replay *replay)
{
	u8 command[2 + ETH_ALEN] = {
		VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
	};
	unsigned int vlan;
	int err = 0;

	memcpy(command + 2, state->mac, ETH_ALEN);
	if (state->has_mac)
		err = hvdpa_replay_one(queue, command, sizeof(command));
	if (!err && replay->table_len)
		err = hvdpa_replay_one(queue, replay->table, replay->table_len);
	if (err)
		return err;

	command[0] = VIRTIO_NET_CTRL_VLAN;
	command[1] = VIRTIO_NET_CTRL_VLAN_ADD;
	for_each_set_bit(vlan, state->vlans, HVDPA_VLANS) {
		put_unaligned_le16(vlan, command + 2);
		err = hvdpa_replay_one(queue, command, 4);
		if (err)
			return err;
	}
	return 0;
}

static int hvdpa_replay_queues(struct hvdpa_control_queue *queue,
			       const struct hvdpa_command_state *state,
			       const struct hvdpa_replay *replay)
{
	u8 command[2 + sizeof(__le64)] = {
		VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET,
	};
	int err = 0;

	put_unaligned_le16(state->pairs, command + 2);
	if (state->pairs > 1 && !state->rss_entries)
		err = hvdpa_replay_one(queue, command, 4);
	if (!err && replay->steering_len)
		err = hvdpa_replay_one(queue, replay->steering,
				       replay->steering_len);
	if (err || !state->has_offloads)
		return err;

	command[0] = VIRTIO_NET_CTRL_GUEST_OFFLOADS;
	command[1] = VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET;
	put_unaligned_le64(state->offloads, command + 2);
	return hvdpa_replay_one(queue, command, sizeof(command));
}

/**
 * hvdpa_replay - tell a device that was reset what it was told before
 * @queue: its control queue; it runs, and the endpoint's lock is held
 * @state: what the commands left behind
 * @replay: those that were kept
 *
 * Each command is waited for as hvdpa_control_execute() does. May sleep.
 *
 * Return: 0; -ETIMEDOUT without an answer; -EIO for what it does not take any more.
 */
int hvdpa_replay(struct hvdpa_control_queue *queue,
		 const struct hvdpa_command_state *state,
		 const struct hvdpa_replay *replay)
{
	return hvdpa_replay_modes(queue, state) ?:
	       hvdpa_replay_filters(queue, state, replay) ?:
	       hvdpa_replay_queues(queue, state, replay);
}
