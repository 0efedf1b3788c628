// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who owns a device, and what happens when it must let go.
 *
 * vhost-vdpa's removal waits for its open file, without a bound and with
 * locks held. So its owner is told before that wait begins, whatever began
 * it: `vdpa dev del`, unbinding the function, removing the VFs, or unbinding
 * the consumer on the vdpa bus. The bus tells of all of them.
 */
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/string.h>

#include "hvdpa.h"

/* A consumer's driver is about to be bound. */
static void hvdpa_consumer_comes(struct hvdpa_device *hv)
{
	const char *name = hv->vdpa.dev.driver->name;

	/*
	 * Only virtio-vdpa hands the device addresses of the DMA API. Anyone
	 * else's are an untrusted owner's and need the domain of their own.
	 */
	WRITE_ONCE(hv->dma_api, !strcmp(name, "virtio_vdpa"));
	hvdpa_config_open(hv);
}

/*
 * A consumer's driver is about to be unbound. Once it is, what its callback is
 * for may be freed before the bus says so: it is told for the last time here.
 */
static void hvdpa_consumer_goes(struct hvdpa_device *hv)
{
	hvdpa_device_revoke(hv);
	hvdpa_config_close(hv);
}

/* A consumer's driver is gone, and with it whoever held the device. */
static void hvdpa_consumer_gone(struct hvdpa_device *hv)
{
	hvdpa_config_close(hv);
	hvdpa_provision_forget_owner(hv, NULL);
	WRITE_ONCE(hv->dma_api, false);
	hv->revoked = false;
	/* A device that may still write stays confined to nothing. */
	if (hvdpa_device_reset(hv))
		return;
	hvdpa_dma_detach(hv);
	hvdpa_file_keep_doorbells(hv, false);
	if (!hv->fn->removing)
		pci_set_master(hv->fn->pdev);
}

static int hvdpa_consumer_event(struct notifier_block *nb,
				unsigned long action, void *data)
{
	struct hvdpa_device *hv = container_of(nb, struct hvdpa_device,
					       consumer_nb);

	if (data != &hv->vdpa.dev)
		return NOTIFY_DONE;

	mutex_lock(&hv->fn->lock);
	switch (action) {
	case BUS_NOTIFY_BIND_DRIVER:
		hvdpa_consumer_comes(hv);
		break;
	case BUS_NOTIFY_UNBIND_DRIVER:
		hvdpa_consumer_goes(hv);
		break;
	case BUS_NOTIFY_UNBOUND_DRIVER:
	case BUS_NOTIFY_DRIVER_NOT_BOUND:
		hvdpa_consumer_gone(hv);
		break;
	}
	mutex_unlock(&hv->fn->lock);
	return NOTIFY_OK;
}

/**
 * hvdpa_consumer_check - may the consumer that is bound have the device?
 * @hv: the device; the function's lock is held
 *
 * vhost-vdpa begins each open with a reset, and this is where it can be refused:
 * for a device without map operations it next attaches a domain of its own, also
 * where hvdpa_dma_setup() found that the device must not have one.
 *
 * Return: 0; -EOPNOTSUPP for an owner of a device without a domain.
 */
int hvdpa_consumer_check(const struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->fn->lock);

	return hv->dma_api || hv->dma.domain ? 0 : -EOPNOTSUPP;
}

/**
 * hvdpa_consumer_watch - hear of a device's consumers from now on
 * @hv: the device, before it is registered
 *
 * Return: nothing.
 */
void hvdpa_consumer_watch(struct hvdpa_device *hv)
{
	hv->consumer_nb.notifier_call = hvdpa_consumer_event;
	bus_register_notifier(hv->vdpa.dev.bus, &hv->consumer_nb);
}

/**
 * hvdpa_consumer_unwatch - hear no more of a device's consumers
 * @hv: the device; it is not registered any more
 *
 * Return: nothing.
 */
void hvdpa_consumer_unwatch(struct hvdpa_device *hv)
{
	bus_unregister_notifier(hv->vdpa.dev.bus, &hv->consumer_nb);
}
