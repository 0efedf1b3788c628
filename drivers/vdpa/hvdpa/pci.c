// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function appears, a function goes.
 *
 * There is no id table: most virtio functions in a machine are somebody's
 * boot NIC or root disk. driver_override is the only way here, and probe
 * looks for itself whether the function is one that it can drive.
 */
#include <linux/pci.h>
#include <linux/slab.h>

#include "device.h"
#include "mgmt.h"
#include "transport_pci.h"

static struct hvdpa_function *hvdpa_function_create(struct pci_dev *pdev)
{
	struct hvdpa_function *fn;
	int err;

	fn = kzalloc(sizeof(*fn), GFP_KERNEL);
	if (!fn)
		return ERR_PTR(-ENOMEM);
	hvdpa_function_init(fn, pdev);
	/* Nothing reaches memory before there is a device. */
	hvdpa_function_enable_dma(fn, false);
	err = hvdpa_function_save(fn);
	if (err)
		goto err_free;
	fn->endpoint = hvdpa_pci_endpoint_create(fn);
	if (IS_ERR(fn->endpoint)) {
		err = PTR_ERR(fn->endpoint);
		goto err_free;
	}

	/*
	 * To allocate them takes a third of what dev_add would take with it, under
	 * the lock of all vdpa commands. Where this fails dev_add tries it again,
	 * and says so.
	 */
	hvdpa_function_reserve_vectors(fn, fn->endpoint->nqueues + 1);
	return fn;

err_free:
	hvdpa_function_cleanup(fn);
	kfree(fn);
	return ERR_PTR(err);
}

static void hvdpa_function_destroy(struct hvdpa_function *fn)
{
	hvdpa_pci_endpoint_destroy(fn->endpoint);
	hvdpa_function_cleanup(fn);
	kfree(fn);
}

static int hvdpa_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct hvdpa_function *fn;
	int err;

	err = pci_enable_device(pdev);
	if (err) {
		dev_err(&pdev->dev, "cannot enable the function: %pe\n",
			ERR_PTR(err));
		return err;
	}

	fn = hvdpa_function_create(pdev);
	if (IS_ERR(fn)) {
		err = PTR_ERR(fn);
		goto err_disable_device;
	}

	pci_set_drvdata(pdev, fn);
	err = hvdpa_health_register(fn->endpoint);
	if (err)
		goto err_destroy_function;
	err = hvdpa_params_register(fn->endpoint);
	if (err)
		goto err_unregister_health;
	err = hvdpa_mgmt_register(fn);
	if (err)
		goto err_unregister_params;

	return 0;

err_unregister_params:
	hvdpa_params_unregister(fn->endpoint);
err_unregister_health:
	hvdpa_health_unregister(fn->endpoint);
err_destroy_function:
	pci_set_drvdata(pdev, NULL);
	hvdpa_function_destroy(fn);
err_disable_device:
	pci_disable_device(pdev);
	return err;
}

static void hvdpa_remove(struct pci_dev *pdev)
{
	struct hvdpa_function *fn = pci_get_drvdata(pdev);
	struct hvdpa_endpoint *ep = fn->endpoint;

	if (pci_num_vf(pdev))
		pci_disable_sriov(pdev);

	/*
	 * The owner is told first: the next line waits for it to let go, with
	 * the lock held that every vdpa command on the machine needs.
	 */
	mutex_lock(&ep->lock);
	hvdpa_endpoint_leave(ep);
	if (ep->device)
		hvdpa_device_revoke(ep->device);
	mutex_unlock(&ep->lock);

	hvdpa_mgmt_unregister(fn);
	hvdpa_params_unregister(ep);
	hvdpa_health_unregister(ep);
	pci_set_drvdata(pdev, NULL);
	hvdpa_function_destroy(fn);
	pci_disable_device(pdev);
}

/*
 * Nothing may write to memory while the next kernel starts in it. Whoever owns
 * the device may still run, and must not start it again.
 */
static void hvdpa_shutdown(struct pci_dev *pdev)
{
	struct hvdpa_function *fn = pci_get_drvdata(pdev);
	struct hvdpa_endpoint *ep = fn->endpoint;

	mutex_lock(&ep->lock);
	hvdpa_endpoint_leave(ep);
	hvdpa_function_enable_dma(fn, false);
	hvdpa_endpoint_reset(ep);
	hvdpa_endpoint_lose(ep, "shutdown");
	mutex_unlock(&ep->lock);
}

static struct pci_driver hvdpa_pci_driver = {
	.name = "hvdpa",
	.id_table = NULL,
	.probe = hvdpa_probe,
	.remove = hvdpa_remove,
	.shutdown = hvdpa_shutdown,
	.sriov_configure = pci_sriov_configure_simple,
	.err_handler = &hvdpa_error_handlers,
	.driver.pm = pm_sleep_ptr(&hvdpa_pm_ops),
};

/**
 * hvdpa_pci_register - make the driver known to PCI
 *
 * Return: 0 or a negative errno.
 */
int hvdpa_pci_register(void)
{
	return pci_register_driver(&hvdpa_pci_driver);
}

/**
 * hvdpa_pci_unregister - let go of every function
 *
 * Waits for owners of devices to close them.
 */
void hvdpa_pci_unregister(void)
{
	pci_unregister_driver(&hvdpa_pci_driver);
}
