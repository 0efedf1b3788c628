// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/hvdpa/NAME: what a device can do to be migrated, and why it
 * cannot do the rest (migration); what its owner's control commands set
 * (control); what it is at this moment (state, in state_show.c).
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_ids.h>

#include "device.h"
#include "mgmt.h"
#include "relay.h"

static struct dentry *hvdpa_debugfs_root;

static const char * const hvdpa_ability_names[HVDPA_ABILITIES] = {
	[HVDPA_SUSPEND] = "suspend",
	[HVDPA_RESUME] = "resume",
	[HVDPA_GET_STATE] = "get_vq_state",
	[HVDPA_SET_STATE] = "set_vq_state",
	[HVDPA_LOG] = "dirty_log",
	[HVDPA_COUNTERS] = "counters",
};

/* Why QEMU does not migrate a guest with the device; NULL if it does. */
static const char *hvdpa_migration_obstacle(const struct hvdpa_device *hv)
{
	static const enum hvdpa_ability needed[] = {
		HVDPA_SUSPEND, HVDPA_GET_STATE, HVDPA_SET_STATE,
	};
	const struct hvdpa_endpoint *ep = hv->ep;
	unsigned int i;

	lockdep_assert_held(&ep->lock);

	if (ep->type != VIRTIO_ID_NET)
		return "QEMU migrates no disk over vhost-vdpa";
	if (hv->dma_api)
		return "virtio_vdpa has it, for this kernel";
	for (i = 0; i < ARRAY_SIZE(needed); i++)
		if (ep->lacks[needed[i]] && hvdpa_relay_obstacle(hv))
			return ep->lacks[needed[i]];
	if (hv->features & ~hvdpa_features_migratable(hv->features,
						      VIRTIO_ID_NET))
		return "it offers features that QEMU does not migrate";
	if (hv->features & BIT_ULL(VIRTIO_NET_F_CTRL_VQ) && !hv->control)
		return "its control queue is not isolated";
	return NULL;
}

static bool hvdpa_does_in_its_place(const struct hvdpa_device *hv,
				    enum hvdpa_ability ability)
{
	if (ability == HVDPA_LOG)
		return !hvdpa_relay_log_obstacle(hv);
	if (ability == HVDPA_RESUME && !hv->ops.resume)
		return false;
	return ability != HVDPA_COUNTERS && !hvdpa_relay_obstacle(hv);
}

/* What the hardware lacks the driver may do in its place. */
static void hvdpa_show_ability(struct seq_file *seq,
			       const struct hvdpa_device *hv,
			       enum hvdpa_ability ability)
{
	const char *lacks = hv->ep->lacks[ability];
	const char *how = "yes";

	lockdep_assert_held(&hv->ep->lock);

	if (ability == HVDPA_LOG && !lacks && !hv->dma.window)
		lacks = "the IOMMU leaves no room for it";
	if (lacks && hvdpa_does_in_its_place(hv, ability))
		how = "by the driver: ";
	else if (lacks)
		how = "no: ";
	seq_printf(seq, "%s: %s%s\n", hvdpa_ability_names[ability], how,
		   lacks ?: "");
}

static int migration_show(struct seq_file *seq, void *data)
{
	struct hvdpa_device *hv = seq->private;
	struct hvdpa_endpoint *ep = hv->ep;
	const char *obstacle;
	unsigned int i;

	seq_printf(seq, "hardware: %s\n", ep->migration->name);
	seq_printf(seq, "profile: %s\n", hv->profile);
	seq_printf(seq, "features: %#llx of %#llx\n", hv->features,
		   ep->supported);
	mutex_lock(&ep->lock);
	for (i = 0; i < HVDPA_ABILITIES; i++)
		hvdpa_show_ability(seq, hv, i);
	if (!hv->log)
		seq_puts(seq, "log: off\n");
	else
		seq_printf(seq, "log: %s, %llu bytes at %#llx for %#llx on, pages of %llu%s\n",
			   hv->log->on ? "on" : "waits for the device to run",
			   hv->log->window.bytes, hv->log->window.base,
			   hv->log->window.first, BIT_ULL(hv->log->window.shift),
			   hv->log->untrusted ? ", untrusted" : "");
	obstacle = hvdpa_migration_obstacle(hv);
	seq_printf(seq, "migrate: %s%s\n", obstacle ? "no: " : "yes",
		   obstacle ?: "");
	mutex_unlock(&ep->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(migration);

static const char * const hvdpa_rx_modes[] = {
	[VIRTIO_NET_CTRL_RX_PROMISC] = "promisc",
	[VIRTIO_NET_CTRL_RX_ALLMULTI] = "allmulti",
	[VIRTIO_NET_CTRL_RX_ALLUNI] = "alluni",
	[VIRTIO_NET_CTRL_RX_NOMULTI] = "nomulti",
	[VIRTIO_NET_CTRL_RX_NOUNI] = "nouni",
	[VIRTIO_NET_CTRL_RX_NOBCAST] = "nobcast",
};

/* What was never set is what the device's reset makes it. */
static void hvdpa_show_command_state(struct seq_file *seq,
				     const struct hvdpa_command_state *state)
{
	unsigned int i;

	if (state->has_mac)
		seq_printf(seq, "mac: %pM\n", state->mac);
	for (i = 0; i < ARRAY_SIZE(hvdpa_rx_modes); i++)
		if (state->rx_set & BIT(i))
			seq_printf(seq, "%s: %s\n", hvdpa_rx_modes[i],
				   state->rx_modes & BIT(i) ? "on" : "off");
	seq_printf(seq, "unicast: %u\nmulticast: %u\n", state->unicast,
		   state->multicast);
	seq_printf(seq, "vlans: %*pbl\n", HVDPA_VLANS, state->vlans);
	seq_printf(seq, "pairs: %u\n", state->pairs);
	if (state->hash_types)
		seq_printf(seq, "hash_types: %#x\nrss_entries: %u\n",
			   state->hash_types, state->rss_entries);
	if (state->has_offloads)
		seq_printf(seq, "offloads: %#llx\n", state->offloads);
	if (state->announced)
		seq_printf(seq, "announced: %u\n", state->announced);
}

static int control_show(struct seq_file *seq, void *data)
{
	struct hvdpa_device *hv = seq->private;
	struct hvdpa_control_counters counters;

	if (!hv->control) {
		seq_puts(seq, "isolated: no\n");
		return 0;
	}

	hvdpa_control_counters(hv->control, &counters);
	seq_puts(seq, "isolated: yes\n");
	seq_printf(seq, "commands: %llu, %llu accepted, %llu refused\n",
		   counters.received, counters.accepted, counters.refused);
	mutex_lock(&hv->ep->lock);
	seq_printf(seq, "served: %s\n",
		   hvdpa_control_is_served(hv->control) ? "yes" : "no");
	hvdpa_show_command_state(seq, hvdpa_control_state(hv->control));
	mutex_unlock(&hv->ep->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(control);
DEFINE_SHOW_ATTRIBUTE(hvdpa_state);

/**
 * hvdpa_debugfs_register - make the folder of all devices
 *
 * Without debugfs there is none.
 */
void hvdpa_debugfs_register(void)
{
	hvdpa_debugfs_root = debugfs_create_dir("hvdpa", NULL);
}

/**
 * hvdpa_debugfs_unregister - remove the folder of all devices
 */
void hvdpa_debugfs_unregister(void)
{
	debugfs_remove(hvdpa_debugfs_root);
}

/**
 * hvdpa_debugfs_add - make a device's folder
 * @hv: the device
 */
void hvdpa_debugfs_add(struct hvdpa_device *hv)
{
	hv->debugfs = debugfs_create_dir(dev_name(&hv->vdpa.dev),
					 hvdpa_debugfs_root);
	debugfs_create_file("migration", 0444, hv->debugfs, hv,
			    &migration_fops);
	debugfs_create_file("state", 0444, hv->debugfs, hv, &hvdpa_state_fops);
	if (hv->ep->type == VIRTIO_ID_NET)
		debugfs_create_file("control", 0444, hv->debugfs, hv,
				    &control_fops);
}

/**
 * hvdpa_debugfs_remove - remove a device's folder
 * @hv: the device; nobody reads the folder's files on return
 */
void hvdpa_debugfs_remove(struct hvdpa_device *hv)
{
	debugfs_remove(hv->debugfs);
}
