// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvdpa: a vDPA parent for PCI functions whose data path speaks virtio.
 */
#include <linux/module.h>

#include "device.h"
#include "mgmt.h"

static int __init hvdpa_init(void)
{
	int err;

	err = hvdpa_control_setup();
	if (err)
		return err;
	err = hvdpa_file_setup();
	if (err)
		goto err_cleanup_control;
	hvdpa_debugfs_register();
	err = hvdpa_pci_register();
	if (err)
		goto err_unregister_debugfs;
	return 0;

err_unregister_debugfs:
	hvdpa_debugfs_unregister();
	hvdpa_file_cleanup();
err_cleanup_control:
	hvdpa_control_cleanup();
	return err;
}

static void __exit hvdpa_exit(void)
{
	hvdpa_pci_unregister();
	hvdpa_debugfs_unregister();
	hvdpa_file_cleanup();
	hvdpa_control_cleanup();
}

module_init(hvdpa_init);
module_exit(hvdpa_exit);

MODULE_DESCRIPTION("vDPA parent for virtio data-path hardware");
MODULE_AUTHOR("The hvdpa authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
