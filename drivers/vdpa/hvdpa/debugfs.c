// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device can do to be migrated, and why it cannot do the rest:
 * /sys/kernel/debug/hvdpa/NAME/migration.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "hvdpa.h"

static struct dentry *hvdpa_debugfs_root;

static const char * const hvdpa_ability_names[HVDPA_ABILITIES] = {
	[HVDPA_SUSPEND] = "suspend",
	[HVDPA_RESUME] = "resume",
	[HVDPA_GET_STATE] = "get_vq_state",
	[HVDPA_SET_STATE] = "set_vq_state",
	[HVDPA_LOG] = "dirty_log",
};

static int migration_show(struct seq_file *seq, void *data)
{
	struct hvdpa_device *hv = seq->private;
	struct hvdpa_function *fn = hv->fn;
	unsigned int i;

	seq_printf(seq, "hardware: %s\n", fn->hw->name);
	seq_printf(seq, "profile: %s\n", hv->profile);
	seq_printf(seq, "features: %#llx of %#llx\n", hv->features,
		   fn->supported);
	for (i = 0; i < HVDPA_ABILITIES; i++) {
		const char *lacks = fn->lacks[i];

		if (i == HVDPA_LOG && !lacks && !hv->dma.window)
			lacks = "the IOMMU leaves no room for it";
		seq_printf(seq, "%s: %s%s\n", hvdpa_ability_names[i],
			   lacks ? "no: " : "yes", lacks ?: "");
	}

	mutex_lock(&fn->lock);
	if (!hv->log)
		seq_puts(seq, "log: off\n");
	else
		seq_printf(seq, "log: %s, %llu bytes at %#llx for %#llx on, pages of %llu%s\n",
			   hv->log->on ? "on" : "waits for the device to run",
			   hv->log->window.bytes, hv->log->window.base,
			   hv->log->window.first, BIT_ULL(hv->log->window.shift),
			   hv->log->untrusted ? ", untrusted" : "");
	mutex_unlock(&fn->lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(migration);

/**
 * hvdpa_debugfs_register - make the folder of all devices
 *
 * Return: nothing; without debugfs there is none.
 */
void hvdpa_debugfs_register(void)
{
	hvdpa_debugfs_root = debugfs_create_dir("hvdpa", NULL);
}

/**
 * hvdpa_debugfs_unregister - remove the folder of all devices
 *
 * Return: nothing.
 */
void hvdpa_debugfs_unregister(void)
{
	debugfs_remove(hvdpa_debugfs_root);
}

/**
 * hvdpa_debugfs_add - make a device's folder
 * @hv: the device
 *
 * Return: nothing.
 */
void hvdpa_debugfs_add(struct hvdpa_device *hv)
{
	hv->debugfs = debugfs_create_dir(dev_name(&hv->vdpa.dev),
					 hvdpa_debugfs_root);
	debugfs_create_file("migration", 0444, hv->debugfs, hv,
			    &migration_fops);
}

/**
 * hvdpa_debugfs_remove - remove a device's folder
 * @hv: the device; nobody reads the folder's files on return
 *
 * Return: nothing.
 */
void hvdpa_debugfs_remove(struct hvdpa_device *hv)
{
	debugfs_remove(hv->debugfs);
}
