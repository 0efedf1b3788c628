// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/hvdpa/NAME/state: what a device is at this moment, in the
 * specification's words.
 */
#include <linux/seq_file.h>
#include <linux/string.h>

#include "device.h"
#include "function.h"
#include "mgmt.h"

struct hvdpa_bit_name {
	u8 bit;
	const char *name;
};

static const struct hvdpa_bit_name hvdpa_status_names[] = {
	{ 0, "ACKNOWLEDGE" }, { 1, "DRIVER" }, { 2, "DRIVER_OK" },
	{ 3, "FEATURES_OK" }, { 6, "NEEDS_RESET" }, { 7, "FAILED" },
};

static void hvdpa_show_status(struct seq_file *seq, u8 status)
{
	size_t i;

	seq_printf(seq, "status: %#x", status);
	for (i = 0; i < ARRAY_SIZE(hvdpa_status_names); i++)
		if (status & BIT(hvdpa_status_names[i].bit))
			seq_printf(seq, " %s", hvdpa_status_names[i].name);
	seq_putc(seq, '\n');
}

static void hvdpa_show_ring(struct seq_file *seq,
			    const struct hvdpa_vring *vring)
{
	const struct hvdpa_device *hv = vring->hv;

	seq_printf(seq, "queue %u:", vring->idx);
	if (vring->hw_idx != vring->idx)
		seq_printf(seq, " card's %u", vring->hw_idx);
	seq_printf(seq, " %u of %u entries", vring->num, vring->size);
	if (vring->has_address)
		seq_printf(seq, " desc %#llx driver %#llx device %#llx",
			   vring->desc, vring->driver, vring->device);
	seq_printf(seq, "%s%s%s%s%s%s vector %u doorbell %s\n",
		   vring->ready ? " ready" : "",
		   hvdpa_vring_is_started(vring) ? " armed" : "",
		   vring->state == HVDPA_VRING_LIVE ? " live" : "",
		   vring->stands ? " stands" : "",
		   vring->ops->name ? " " : "", vring->ops->name ?: "",
		   hvdpa_vector_of(&hv->plan, vring->idx),
		   vring->area.size ? "mapped" : "through the driver");
}

/*
 * A driver is not unloaded before it let go of the device, and of that consumer.c
 * hears under the endpoint's lock.
 */
static const char *hvdpa_consumer_name(const struct hvdpa_device *hv)
{
	const struct device_driver *driver;

	lockdep_assert_held(&hv->ep->lock);

	driver = READ_ONCE(hv->vdpa.dev.driver);
	return driver ? driver->name : "none";
}

static void hvdpa_show_memory(struct seq_file *seq, struct hvdpa_device *hv)
{
	struct hvdpa_dma *dma = &hv->dma;

	if (!dma->domain) {
		seq_puts(seq, "memory: the kernel's, no domain of its own\n");
		return;
	}
	mutex_lock(&dma->lock);
	seq_printf(seq, "memory: %s, IOVA %#llx-%#llx\n",
		   dma->attached ? "the owner's" : "not attached",
		   dma->range.first, dma->range.last);
	seq_printf(seq, "restricted maps: %u\ncontrol maps: %u\n",
		   dma->restricted.nmaps, dma->control.nmaps);
	mutex_unlock(&dma->lock);
}

/*
 * What it was given by `vdpa dev add` and `vdpa dev set`, in their words: who has
 * that can make the device again as it was. As many queue pairs as the card has
 * are what a device has without a word.
 */
static void hvdpa_show_given(struct seq_file *seq,
			     const struct hvdpa_device *hv)
{
	bool pairs = hv->pairs != hv->ep->max_pairs;
	bool features = !strcmp(hv->profile, "device_features");

	lockdep_assert_held(&hv->ep->lock);

	seq_puts(seq, "given:");
	if (hv->has_mac)
		seq_printf(seq, " mac %pM", hv->mac);
	if (hv->mtu)
		seq_printf(seq, " mtu %u", hv->mtu);
	if (pairs)
		seq_printf(seq, " max_vqp %u", hv->pairs);
	if (features)
		seq_printf(seq, " device_features %#llx", hv->features);
	seq_puts(seq, hv->has_mac || hv->mtu || pairs || features ? "\n" :
		 " nothing\n");
}

/**
 * hvdpa_state_show - print what a device is at this moment
 * @seq: where to
 * @data: not used
 *
 * Takes the endpoint's lock; may sleep.
 *
 * Return: 0.
 */
int hvdpa_state_show(struct seq_file *seq, void *data)
{
	struct hvdpa_device *hv = seq->private;
	struct hvdpa_endpoint *ep = hv->ep;
	u32 i;

	mutex_lock(&ep->lock);
	seq_printf(seq, "function: %s%s\n", pci_name(ep->fn->pdev),
		   hvdpa_endpoint_is_lost(ep) ? ", dead" :
		   hv->state == HVDPA_DEVICE_REVOKED ? ", revoked" : "");
	seq_printf(seq, "consumer: %s\n", hvdpa_consumer_name(hv));
	hvdpa_show_status(seq, hv->status);
	seq_printf(seq, "running: %s%s\n",
		   hvdpa_device_is_running(hv) ? "yes" : "no",
		   hv->state == HVDPA_DEVICE_SUSPENDED ? ", suspended" : "");
	seq_printf(seq, "card offers: %#llx\noffered: %#llx\naccepted: %#llx\n",
		   ep->offered, hv->features, hv->driver_features);
	hvdpa_show_memory(seq, hv);
	for (i = 0; i < hv->nvqs; i++)
		hvdpa_show_ring(seq, &hv->vrings[i]);
	hvdpa_show_given(seq, hv);
	mutex_unlock(&ep->lock);
	return 0;
}
