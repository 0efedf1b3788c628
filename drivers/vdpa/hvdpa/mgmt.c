// SPDX-License-Identifier: GPL-2.0-only
/*
 * `vdpa mgmtdev show`, `vdpa dev add`, `vdpa dev set`, `vdpa dev del`.
 *
 * dev_add has an errno and one line of log to explain itself, and runs under
 * the lock of all vdpa commands of the machine: every wait in it is bounded by
 * HVDPA_RESET_TIMEOUT_US and the function level reset that may follow.
 */
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vdpa.h>
#include <uapi/linux/vdpa.h>

#include "hvdpa.h"

static struct hvdpa_function *hvdpa_function_of(struct vdpa_mgmt_dev *mgmt)
{
	return container_of(mgmt, struct hvdpa_function, mgmt);
}

static int hvdpa_device_build(struct hvdpa_device *hv)
{
	struct hvdpa_function *fn = hv->fn;
	int err;
	u32 i;

	hv->nvqs = hvdpa_features_nqueues(hv->features, fn->mdev.id.device,
					  hv->pairs, fn->nqueues);
	hv->vrings = kvcalloc(hv->nvqs, sizeof(*hv->vrings), GFP_KERNEL);
	if (!hv->vrings)
		return -ENOMEM;
	for (i = 0; i < hv->nvqs; i++)
		hvdpa_vring_init(&hv->vrings[i], hv, i);
	hvdpa_doorbells_find(hv);

	err = hvdpa_dma_setup(hv);
	if (err)
		goto err_free_vrings;
	err = hvdpa_control_create(hv);
	if (err)
		goto err_teardown_dma;

	err = hvdpa_irq_setup(hv);
	if (err)
		goto err_destroy_control;

	hvdpa_vdpa_ops_fit(hv);
	return 0;

err_destroy_control:
	hvdpa_control_destroy(hv);
err_teardown_dma:
	hvdpa_dma_teardown(hv);
err_free_vrings:
	kvfree(hv->vrings);
	return err;
}

static void hvdpa_device_dismantle(struct hvdpa_device *hv)
{
	hvdpa_irq_teardown(hv);
	hvdpa_control_destroy(hv);
	hvdpa_dma_teardown(hv);
	kvfree(hv->vrings);
}

/* Nothing of an earlier owner is left on a function that gets a device. */
static int hvdpa_function_prepare(struct hvdpa_function *fn)
{
	int err;

	mutex_lock(&fn->lock);
	err = fn->removing ? -ENODEV : hvdpa_function_reset(fn);
	mutex_unlock(&fn->lock);
	return err;
}

/*
 * The function's one device is complete, and may reach memory from here on:
 * unless the function died or began to go while it was made.
 */
static int hvdpa_function_publish(struct hvdpa_function *fn,
				  struct hvdpa_device *hv)
{
	int err = 0;

	mutex_lock(&fn->lock);
	if (fn->removing || fn->dead) {
		err = -ENODEV;
	} else {
		fn->hv = hv;
		pci_set_master(fn->pdev);
	}
	mutex_unlock(&fn->lock);
	return err;
}

static void hvdpa_function_retract(struct hvdpa_function *fn)
{
	mutex_lock(&fn->lock);
	pci_clear_master(fn->pdev);
	fn->hv = NULL;
	mutex_unlock(&fn->lock);
}

/*
 * The device is a folder of debugfs and a file below /dev/hvdpa, and devtmpfs
 * follows "..". The bus itself takes any name; to the driver core "!" is how a
 * slash is written.
 */
static bool hvdpa_name_is_good(const char *name)
{
	return name[0] && name[0] != '.' && !strpbrk(name, "/!");
}

/* The structure of a device, told apart by its name; it is not built yet. */
static struct hvdpa_device *hvdpa_device_alloc(struct hvdpa_function *fn,
					       const char *name)
{
	struct hvdpa_device *hv;

	hv = hvdpa_alloc_vdpa(struct hvdpa_device, vdpa, &fn->pdev->dev,
			      &hvdpa_vdpa_ops, 1, 1, name);
	if (IS_ERR(hv)) {
		dev_err(&fn->pdev->dev, "%s: cannot allocate a device: %pe\n",
			name, hv);
		return hv;
	}

	hv->fn = fn;
	spin_lock_init(&hv->config_cb_lock);
	spin_lock_init(&hv->mac_lock);
	hv->vdpa.mdev = &fn->mgmt;
	hvdpa_set_dma_dev(&hv->vdpa, &fn->pdev->dev);
	return hv;
}

/* May this function have a device of this name now? */
static int hvdpa_dev_add_check(struct hvdpa_function *fn, const char *name)
{
	int err;

	/* Only dev_add and dev_del change hv; vdpa serialises them. */
	if (READ_ONCE(fn->hv)) {
		dev_err(&fn->pdev->dev,
			"%s: the function has a device already (%s): %pe\n",
			name, dev_name(&fn->hv->vdpa.dev),
			ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}

	if (!hvdpa_name_is_good(name)) {
		dev_err(&fn->pdev->dev,
			"'%s' is no name of a file (a slash, a '!', a dot first): %pe\n",
			name, ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	err = hvdpa_function_prepare(fn);
	if (err)
		dev_err(&fn->pdev->dev, "no device can be added: %pe\n",
			ERR_PTR(err));
	return err;
}

static int hvdpa_dev_add(struct vdpa_mgmt_dev *mgmt, const char *name,
			 const struct vdpa_dev_set_config *config)
{
	struct hvdpa_function *fn = hvdpa_function_of(mgmt);
	struct hvdpa_device *hv;
	int err;

	err = hvdpa_dev_add_check(fn, name);
	if (err)
		return err;

	hv = hvdpa_device_alloc(fn, name);
	if (IS_ERR(hv))
		return PTR_ERR(hv);

	err = hvdpa_provision(hv, name, config);
	if (err)
		goto err_put_device;
	err = hvdpa_device_build(hv);
	if (err)
		goto err_put_device;

	err = hvdpa_function_publish(fn, hv);
	if (err) {
		dev_err(&fn->pdev->dev, "no device can be added: %pe\n",
			ERR_PTR(err));
		goto err_dismantle;
	}

	hvdpa_consumer_watch(hv);
	err = _vdpa_register_device(&hv->vdpa, hv->nvqs);
	if (err) {
		dev_err(&fn->pdev->dev, "%s: cannot register: %pe\n", name,
			ERR_PTR(err));
		goto err_unwatch;
	}

	err = hvdpa_file_create(hv);
	if (err) {
		dev_err(&fn->pdev->dev, "%s: cannot make /dev/hvdpa/%s: %pe\n",
			name, name, ERR_PTR(err));
		goto err_unregister;
	}
	hvdpa_debugfs_add(hv);
	return 0;

err_unregister:
	get_device(&hv->vdpa.dev);
	_vdpa_unregister_device(&hv->vdpa);
err_unwatch:
	hvdpa_consumer_unwatch(hv);
	hvdpa_function_retract(fn);
err_dismantle:
	hvdpa_device_dismantle(hv);
err_put_device:
	put_device(&hv->vdpa.dev);
	return err;
}

static void hvdpa_dev_del(struct vdpa_mgmt_dev *mgmt, struct vdpa_device *vdpa)
{
	struct hvdpa_function *fn = hvdpa_function_of(mgmt);
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	hvdpa_debugfs_remove(hv);
	hvdpa_file_remove(hv);
	get_device(&vdpa->dev);
	_vdpa_unregister_device(vdpa);
	hvdpa_consumer_unwatch(hv);
	hvdpa_function_retract(fn);
	hvdpa_device_dismantle(hv);
	/* A late reference may outlive this; it needs nothing freed above. */
	put_device(&vdpa->dev);
}

/* vdpa asks for an address only. */
static int hvdpa_dev_set_attr(struct vdpa_mgmt_dev *mgmt,
			      struct vdpa_device *vdpa,
			      const struct vdpa_dev_set_config *config)
{
	if (config->mask != BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR))
		return -EOPNOTSUPP;
	return hvdpa_provision_set_mac(hvdpa_of(vdpa), config->net.mac);
}

static const struct vdpa_mgmtdev_ops hvdpa_mgmtdev_ops = {
	.dev_add = hvdpa_dev_add,
	.dev_del = hvdpa_dev_del,
	.dev_set_attr = hvdpa_dev_set_attr,
};

/**
 * hvdpa_mgmt_register - make a function known to `vdpa mgmtdev`
 * @fn: the function
 *
 * Return: 0 or a negative errno.
 */
int hvdpa_mgmt_register(struct hvdpa_function *fn)
{
	fn->id_table[0].device = fn->mdev.id.device;
	fn->id_table[0].vendor = VIRTIO_DEV_ANY_ID;

	fn->mgmt.device = &fn->pdev->dev;
	fn->mgmt.ops = &hvdpa_mgmtdev_ops;
	fn->mgmt.id_table = fn->id_table;
	fn->mgmt.config_attr_mask = hvdpa_provision_mask(fn);
	fn->mgmt.supported_features = fn->supported;
	fn->mgmt.max_supported_vqs = fn->nqueues;
	return vdpa_mgmtdev_register(&fn->mgmt);
}

/**
 * hvdpa_mgmt_unregister - undo hvdpa_mgmt_register()
 * @fn: the function
 *
 * Deletes its device, and waits for the owner to let go of it.
 *
 * Return: nothing.
 */
void hvdpa_mgmt_unregister(struct hvdpa_function *fn)
{
	vdpa_mgmtdev_unregister(&fn->mgmt);
}
