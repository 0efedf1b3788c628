// SPDX-License-Identifier: GPL-2.0-only
/*
 * hvdpa: a vDPA parent for PCI functions whose data path speaks virtio.
 */
#include <linux/module.h>
#include <linux/moduleparam.h>

#include "hvdpa.h"

bool hvdpa_irq_bypass = HVDPA_IRQ_BYPASS_IS_SAFE;
module_param_named(irq_bypass, hvdpa_irq_bypass, bool, 0444);
MODULE_PARM_DESC(irq_bypass,
		 "let KVM post queues' interrupts into guests (default: where no owner can crash the kernel with it)");

bool hvdpa_allow_unsafe_interrupts;
module_param_named(allow_unsafe_interrupts, hvdpa_allow_unsafe_interrupts, bool,
		   0444);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "let vhost-vdpa have functions whose interrupts are not remapped: an owner can then send any interrupt of the machine (default: off)");

static int __init hvdpa_init(void)
{
	int err;

	err = hvdpa_control_setup();
	if (err)
		return err;
	hvdpa_debugfs_register();
	err = hvdpa_pci_register();
	if (err)
		goto err_unregister_debugfs;
	return 0;

err_unregister_debugfs:
	hvdpa_debugfs_unregister();
	hvdpa_control_cleanup();
	return err;
}

static void __exit hvdpa_exit(void)
{
	hvdpa_pci_unregister();
	hvdpa_debugfs_unregister();
	hvdpa_control_cleanup();
}

module_init(hvdpa_init);
module_exit(hvdpa_exit);

MODULE_DESCRIPTION("vDPA parent for virtio data-path hardware");
MODULE_AUTHOR("The hvdpa authors");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
