// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test machine's root is 9p, whose functions lose their rings in a system
 * sleep: these are left out of it, so that all others can be seen to sleep.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/pci.h>

#define TRANSITIONAL_9P	0x1009

static void leave_out_9p(bool leave_out)
{
	struct pci_dev *pdev = NULL;

	while ((pdev = pci_get_device(PCI_VENDOR_ID_REDHAT_QUMRANET,
				      TRANSITIONAL_9P, pdev)))
		dev_pm_syscore_device(&pdev->dev, leave_out);
}

static int __init keep_awake_init(void)
{
	leave_out_9p(true);
	return 0;
}

static void __exit keep_awake_exit(void)
{
	leave_out_9p(false);
}

module_init(keep_awake_init);
module_exit(keep_awake_exit);

MODULE_DESCRIPTION("Keeps 9p from system sleep");
MODULE_AUTHOR("The hvdpa authors");
MODULE_LICENSE("GPL");
