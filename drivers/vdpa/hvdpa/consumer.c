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
#include <linux/hashtable.h>
#include <linux/notifier.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "device.h"

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

/*
 * Who is watched, by its struct device: the bus has devices of other drivers too. One
 * notifier serves them all.
 */
static DEFINE_HASHTABLE(hvdpa_consumers, 10);
/* Protects hvdpa_consumers; nothing is taken in it. */
static DEFINE_SPINLOCK(hvdpa_consumers_lock);

/*
 * An event of a device comes while it is registered, and hvdpa_consumer_unwatch()
 * after that: what is found stays.
 */
static struct hvdpa_device *hvdpa_consumer_find(const struct device *dev)
{
	struct hvdpa_device *hv, *found = NULL;

	spin_lock(&hvdpa_consumers_lock);
	hash_for_each_possible(hvdpa_consumers, hv, consumers,
			       (unsigned long)dev) {
		if (&hv->vdpa.dev == dev) {
			found = hv;
			break;
		}
	}
	spin_unlock(&hvdpa_consumers_lock);
	return found;
}

static int hvdpa_consumer_event(struct notifier_block *nb,
				unsigned long action, void *data)
{
	struct hvdpa_device *hv = hvdpa_consumer_find(data);

	if (!hv)
		return NOTIFY_DONE;

	mutex_lock(&hv->ep->lock);
	switch (action) {
	case BUS_NOTIFY_BIND_DRIVER:
		hvdpa_consumer_comes(hv);
		break;
	case BUS_NOTIFY_UNBIND_DRIVER:
		hvdpa_consumer_goes(hv);
		break;
	/* The driver is gone, and with it whoever held the device. */
	case BUS_NOTIFY_UNBOUND_DRIVER:
	case BUS_NOTIFY_DRIVER_NOT_BOUND:
		hvdpa_device_release(hv);
		break;
	}
	mutex_unlock(&hv->ep->lock);
	return NOTIFY_OK;
}

static struct notifier_block hvdpa_consumer_nb = {
	.notifier_call = hvdpa_consumer_event,
};

/* Devices that are watched; vdpa's lock is held by who adds and deletes them. */
static unsigned int hvdpa_consumers_watched;

/**
 * hvdpa_consumer_check - may the consumer that is bound have the device?
 * @hv: the device; the endpoint's lock is held
 *
 * vhost-vdpa begins each open with a reset, and this is where it can be refused:
 * for a device without map operations it next attaches a domain of its own, also
 * where hvdpa_dma_setup() found that the device must not have one.
 *
 * Return: 0; -EOPNOTSUPP for an owner of a device without a domain.
 */
int hvdpa_consumer_check(const struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	return hv->dma_api || hv->dma.domain ? 0 : -EOPNOTSUPP;
}

/**
 * hvdpa_consumer_watch - hear of a device's consumers from now on
 * @hv: the device, before it is registered
 *
 * vdpa's bus is not exported: the first device knows it.
 *
 * Return: 0 or a negative errno.
 */
int hvdpa_consumer_watch(struct hvdpa_device *hv)
{
	int err;

	if (!hvdpa_consumers_watched) {
		err = bus_register_notifier(hv->vdpa.dev.bus,
					    &hvdpa_consumer_nb);
		if (err)
			return err;
	}
	hvdpa_consumers_watched++;
	spin_lock(&hvdpa_consumers_lock);
	hash_add(hvdpa_consumers, &hv->consumers, (unsigned long)&hv->vdpa.dev);
	spin_unlock(&hvdpa_consumers_lock);
	return 0;
}

/**
 * hvdpa_consumer_unwatch - hear no more of a device's consumers
 * @hv: the device; it is not registered any more
 */
void hvdpa_consumer_unwatch(struct hvdpa_device *hv)
{
	spin_lock(&hvdpa_consumers_lock);
	hash_del(&hv->consumers);
	spin_unlock(&hvdpa_consumers_lock);
	if (!--hvdpa_consumers_watched)
		bus_unregister_notifier(hv->vdpa.dev.bus, &hvdpa_consumer_nb);
}
