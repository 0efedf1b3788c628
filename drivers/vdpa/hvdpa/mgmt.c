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

#include "device.h"
#include "function.h"
#include "mgmt.h"
#include "provision.h"
#include "relay.h"

/**
 * struct hvdpa_mgmt - a function as `vdpa mgmtdev` sees it
 * @mdev: vdpa's part
 * @id_table: the one virtio type that its endpoint is
 * @ep: the endpoint that gets the device
 */
struct hvdpa_mgmt {
	struct vdpa_mgmt_dev mdev;
	struct virtio_device_id id_table[2];
	struct hvdpa_endpoint *ep;
};

static struct hvdpa_endpoint *hvdpa_mgmt_endpoint(struct vdpa_mgmt_dev *mdev)
{
	return container_of(mdev, struct hvdpa_mgmt, mdev)->ep;
}

static int hvdpa_device_build(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	int err;
	u32 i;

	hv->nvqs = hvdpa_features_nqueues(hv->features, ep->type,
					  hv->pairs, ep->nqueues);
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
	hvdpa_relay_destroy(hv);
	hvdpa_watch_end(hv);
	hvdpa_control_destroy(hv);
	hvdpa_dma_teardown(hv);
	kvfree(hv->vrings);
}

/* Nothing of an earlier owner is left on an endpoint that gets a device. */
static int hvdpa_mgmt_prepare(struct hvdpa_endpoint *ep)
{
	int err = -ENODEV;

	mutex_lock(&ep->lock);
	if (ep->state == HVDPA_ENDPOINT_LIVE)
		err = hvdpa_endpoint_reset(ep);
	mutex_unlock(&ep->lock);
	return err;
}

/*
 * The endpoint's one device is complete, and may reach memory from here on:
 * unless the endpoint was lost or began to go while it was made.
 */
static int hvdpa_mgmt_publish(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	int err = -ENODEV;

	mutex_lock(&ep->lock);
	if (ep->state == HVDPA_ENDPOINT_LIVE) {
		hvdpa_device_publish(hv);
		err = 0;
	}
	mutex_unlock(&ep->lock);
	if (err)
		dev_err(ep->dev, "no device can be added: %pe\n", ERR_PTR(err));
	return err;
}

static void hvdpa_mgmt_retract(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;

	mutex_lock(&ep->lock);
	hvdpa_device_retract(hv);
	mutex_unlock(&ep->lock);
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
static struct hvdpa_device *hvdpa_device_alloc(struct vdpa_mgmt_dev *mgmt,
					       const char *name)
{
	struct hvdpa_endpoint *ep = hvdpa_mgmt_endpoint(mgmt);
	struct hvdpa_device *hv;

	hv = hvdpa_alloc_vdpa(struct hvdpa_device, vdpa, ep->dev,
			      &hvdpa_vdpa_ops, 1, 1, name);
	if (IS_ERR(hv)) {
		dev_err(ep->dev, "%s: cannot allocate a device: %pe\n", name,
			hv);
		return hv;
	}

	hvdpa_device_init(hv, ep);
	hv->vdpa.mdev = mgmt;
	hvdpa_set_dma_dev(&hv->vdpa, ep->dev);
	return hv;
}

/* May this endpoint have a device of this name now? */
static int hvdpa_dev_add_check(struct hvdpa_endpoint *ep, const char *name)
{
	int err;

	/* Only dev_add and dev_del change it; vdpa serialises them. */
	if (READ_ONCE(ep->device)) {
		dev_err(ep->dev,
			"%s: the function has a device already (%s): %pe\n",
			name, ep->events->name(ep->device),
			ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}

	if (!hvdpa_name_is_good(name)) {
		dev_err(ep->dev,
			"'%s' is no name of a file (a slash, a '!', a dot first): %pe\n",
			name, ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	err = hvdpa_mgmt_prepare(ep);
	if (err)
		dev_err(ep->dev, "no device can be added: %pe\n", ERR_PTR(err));
	return err;
}

/* Before anything gets the name: a folder of sysfs that is there twice is a dump. */
static int hvdpa_dev_add_name(struct hvdpa_device *hv, const char *name)
{
	struct device *other = bus_find_device_by_name(hv->vdpa.dev.bus, NULL,
						       name);

	if (!other)
		return 0;
	put_device(other);
	dev_err(hv->ep->dev, "%s: there is a device of this name: %pe\n", name,
		ERR_PTR(-EEXIST));
	return -EEXIST;
}

static int hvdpa_dev_add(struct vdpa_mgmt_dev *mgmt, const char *name,
			 const struct vdpa_dev_set_config *config)
{
	struct hvdpa_endpoint *ep = hvdpa_mgmt_endpoint(mgmt);
	struct hvdpa_device *hv;
	int err;

	err = hvdpa_dev_add_check(ep, name);
	if (err)
		return err;

	hv = hvdpa_device_alloc(mgmt, name);
	if (IS_ERR(hv))
		return PTR_ERR(hv);

	err = hvdpa_dev_add_name(hv, name);
	if (err)
		goto err_put_device;
	err = hvdpa_provision(hv, name, config);
	if (err)
		goto err_put_device;
	err = hvdpa_device_build(hv);
	if (err)
		goto err_put_device;
	err = hvdpa_file_create(hv);
	if (err) {
		dev_err(ep->dev, "%s: cannot make /dev/hvdpa/%s: %pe\n", name,
			name, ERR_PTR(err));
		goto err_dismantle;
	}
	err = hvdpa_mgmt_publish(hv);
	if (err)
		goto err_remove_file;
	err = hvdpa_consumer_watch(hv);
	if (err)
		goto err_retract;

	err = _vdpa_register_device(&hv->vdpa, hv->nvqs);
	if (err) {
		dev_err(ep->dev, "%s: cannot register: %pe\n", name,
			ERR_PTR(err));
		goto err_unwatch;
	}
	hvdpa_debugfs_add(hv);
	return 0;

err_unwatch:
	hvdpa_consumer_unwatch(hv);
err_retract:
	hvdpa_mgmt_retract(hv);
err_remove_file:
	hvdpa_file_remove(hv);
err_dismantle:
	hvdpa_device_dismantle(hv);
err_put_device:
	put_device(&hv->vdpa.dev);
	return err;
}

static void hvdpa_dev_del(struct vdpa_mgmt_dev *mgmt, struct vdpa_device *vdpa)
{
	struct hvdpa_device *hv = hvdpa_of(vdpa);

	hvdpa_debugfs_remove(hv);
	hvdpa_file_remove(hv);
	get_device(&vdpa->dev);
	_vdpa_unregister_device(vdpa);
	hvdpa_consumer_unwatch(hv);
	hvdpa_mgmt_retract(hv);
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
	struct hvdpa_endpoint *ep = fn->endpoint;
	struct hvdpa_mgmt *mgmt;
	int err;

	mgmt = kzalloc(sizeof(*mgmt), GFP_KERNEL);
	if (!mgmt)
		return -ENOMEM;
	mgmt->ep = ep;
	mgmt->id_table[0].device = ep->type;
	mgmt->id_table[0].vendor = VIRTIO_DEV_ANY_ID;
	mgmt->mdev.device = ep->dev;
	mgmt->mdev.ops = &hvdpa_mgmtdev_ops;
	mgmt->mdev.id_table = mgmt->id_table;
	mgmt->mdev.config_attr_mask = hvdpa_provision_mask(ep);
	mgmt->mdev.supported_features = ep->supported;
	mgmt->mdev.max_supported_vqs = ep->nqueues;
	fn->mgmt = mgmt;
	err = vdpa_mgmtdev_register(&mgmt->mdev);
	if (err)
		kfree(mgmt);
	return err;
}

/**
 * hvdpa_mgmt_unregister - undo hvdpa_mgmt_register()
 * @fn: the function
 *
 * Deletes its device, and waits for the owner to let go of it.
 */
void hvdpa_mgmt_unregister(struct hvdpa_function *fn)
{
	vdpa_mgmtdev_unregister(&fn->mgmt->mdev);
	kfree(fn->mgmt);
}
