// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvdpa: a vDPA parent for PCI functions whose data path speaks virtio.
 */
#include <linux/module.h>

#include "hvdpa.h"

static int __init hvdpa_init(void)
{
	int err;

	hvdpa_debugfs_register();
	err = hvdpa_pci_register();
	if (err)
		hvdpa_debugfs_unregister();
	return err;
}

static void __exit hvdpa_exit(void)
{
	hvdpa_pci_unregister();
	hvdpa_debugfs_unregister();
}

module_init(hvdpa_init);
module_exit(hvdpa_exit);

MODULE_DESCRIPTION("vDPA parent for virtio data-path hardware");
MODULE_AUTHOR("The hvdpa authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
