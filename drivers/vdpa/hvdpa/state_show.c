// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/hvdpa/NAME/state: what a device is at this moment, in the
 * specification's words.
 */
#include <linux/seq_file.h>
#include <linux/string.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_blk.h>
#include <uapi/linux/virtio_config.h>
#include <uapi/linux/virtio_ids.h>
#include <uapi/linux/virtio_ring.h>

#include "hvdpa.h"

struct hvdpa_bit_name {
	u8 bit;
	const char *name;
};

static const struct hvdpa_bit_name hvdpa_status_names[] = {
	{ 0, "ACKNOWLEDGE" }, { 1, "DRIVER" }, { 2, "DRIVER_OK" },
	{ 3, "FEATURES_OK" }, { 6, "NEEDS_RESET" }, { 7, "FAILED" },
};

#define F(prefix, bit) { prefix##_F_##bit, #bit }

static const struct hvdpa_bit_name hvdpa_net_names[] = {
	F(VIRTIO_NET, CSUM), F(VIRTIO_NET, GUEST_CSUM),
	F(VIRTIO_NET, CTRL_GUEST_OFFLOADS), F(VIRTIO_NET, MTU),
	F(VIRTIO_NET, MAC), F(VIRTIO_NET, GSO), F(VIRTIO_NET, GUEST_TSO4),
	F(VIRTIO_NET, GUEST_TSO6), F(VIRTIO_NET, GUEST_ECN),
	F(VIRTIO_NET, GUEST_UFO), F(VIRTIO_NET, HOST_TSO4),
	F(VIRTIO_NET, HOST_TSO6), F(VIRTIO_NET, HOST_ECN),
	F(VIRTIO_NET, HOST_UFO), F(VIRTIO_NET, MRG_RXBUF),
	F(VIRTIO_NET, STATUS), F(VIRTIO_NET, CTRL_VQ), F(VIRTIO_NET, CTRL_RX),
	F(VIRTIO_NET, CTRL_VLAN), F(VIRTIO_NET, CTRL_RX_EXTRA),
	F(VIRTIO_NET, GUEST_ANNOUNCE), F(VIRTIO_NET, MQ),
	F(VIRTIO_NET, CTRL_MAC_ADDR), F(VIRTIO_NET, GUEST_USO4),
	F(VIRTIO_NET, GUEST_USO6), F(VIRTIO_NET, HOST_USO),
	F(VIRTIO_NET, HASH_REPORT), F(VIRTIO_NET, GUEST_HDRLEN),
	F(VIRTIO_NET, RSS), F(VIRTIO_NET, RSC_EXT), F(VIRTIO_NET, STANDBY),
	F(VIRTIO_NET, SPEED_DUPLEX),
};

static const struct hvdpa_bit_name hvdpa_blk_names[] = {
	F(VIRTIO_BLK, SIZE_MAX), F(VIRTIO_BLK, SEG_MAX),
	F(VIRTIO_BLK, GEOMETRY), F(VIRTIO_BLK, RO), F(VIRTIO_BLK, BLK_SIZE),
	F(VIRTIO_BLK, FLUSH), F(VIRTIO_BLK, TOPOLOGY),
	F(VIRTIO_BLK, CONFIG_WCE), F(VIRTIO_BLK, MQ), F(VIRTIO_BLK, DISCARD),
	F(VIRTIO_BLK, WRITE_ZEROES), F(VIRTIO_BLK, SECURE_ERASE),
};

static const struct hvdpa_bit_name hvdpa_transport_names[] = {
	F(VIRTIO_RING, INDIRECT_DESC), F(VIRTIO_RING, EVENT_IDX),
	F(VIRTIO, VERSION_1), F(VIRTIO, ACCESS_PLATFORM),
	F(VIRTIO, RING_PACKED), F(VIRTIO, IN_ORDER),
	F(VIRTIO, ORDER_PLATFORM), F(VIRTIO, SR_IOV),
	F(VIRTIO, NOTIFICATION_DATA), F(VIRTIO, NOTIF_CONFIG_DATA),
	F(VIRTIO, RING_RESET), F(VIRTIO, ADMIN_VQ),
};

/* Prints the names and returns the bits that have none. */
static u64 hvdpa_show_names(struct seq_file *seq, u64 bits,
			    const struct hvdpa_bit_name *names, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!(bits & BIT_ULL(names[i].bit)))
			continue;
		seq_printf(seq, " %s", names[i].name);
		bits &= ~BIT_ULL(names[i].bit);
	}
	return bits;
}

static void hvdpa_show_rest(struct seq_file *seq, u64 bits)
{
	unsigned int bit;

	for (bit = 0; bit < 64; bit++)
		if (bits & BIT_ULL(bit))
			seq_printf(seq, " %u", bit);
	seq_putc(seq, '\n');
}

static void hvdpa_show_features(struct seq_file *seq, const char *what,
				u64 bits, u32 device_id)
{
	seq_printf(seq, "%s: %#llx", what, bits);
	if (device_id == VIRTIO_ID_NET)
		bits = hvdpa_show_names(seq, bits, hvdpa_net_names,
					ARRAY_SIZE(hvdpa_net_names));
	else
		bits = hvdpa_show_names(seq, bits, hvdpa_blk_names,
					ARRAY_SIZE(hvdpa_blk_names));
	bits = hvdpa_show_names(seq, bits, hvdpa_transport_names,
				ARRAY_SIZE(hvdpa_transport_names));
	hvdpa_show_rest(seq, bits);
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
	seq_printf(seq, "%s%s%s%s vector %u doorbell %s\n",
		   vring->ready ? " ready" : "", vring->armed ? " armed" : "",
		   READ_ONCE(vring->live) ? " live" : "",
		   vring->mediated ? " mediated" : "",
		   hvdpa_vector_of(&hv->plan, vring->idx),
		   vring->area.size ? "mapped" : "through the driver");
}

/*
 * A driver is not unloaded before it let go of the device, and of that consumer.c
 * hears under the function's lock.
 */
static const char *hvdpa_consumer_name(const struct hvdpa_device *hv)
{
	const struct device_driver *driver;

	lockdep_assert_held(&hv->fn->lock);

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
	bool pairs = hv->pairs != hv->fn->max_pairs;
	bool features = !strcmp(hv->profile, "device_features");

	lockdep_assert_held(&hv->fn->lock);

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
 * Takes the function's lock; may sleep.
 *
 * Return: 0.
 */
int hvdpa_state_show(struct seq_file *seq, void *data)
{
	struct hvdpa_device *hv = seq->private;
	struct hvdpa_function *fn = hv->fn;
	u32 id = fn->mdev.id.device;
	u32 i;

	mutex_lock(&fn->lock);
	seq_printf(seq, "function: %s%s\n", pci_name(fn->pdev),
		   fn->dead ? ", dead" : hv->revoked ? ", revoked" : "");
	seq_printf(seq, "consumer: %s\n", hvdpa_consumer_name(hv));
	seq_printf(seq, "status: %#x", hv->status);
	hvdpa_show_rest(seq, hvdpa_show_names(seq, hv->status,
					      hvdpa_status_names,
					      ARRAY_SIZE(hvdpa_status_names)));
	seq_printf(seq, "running: %s%s\n", hv->running ? "yes" : "no",
		   hv->suspended ? ", suspended" : "");
	hvdpa_show_features(seq, "card offers", fn->offered, id);
	hvdpa_show_features(seq, "offered", hv->features, id);
	hvdpa_show_features(seq, "accepted", hv->driver_features, id);
	hvdpa_show_memory(seq, hv);
	for (i = 0; i < hv->nvqs; i++)
		hvdpa_show_ring(seq, &hv->vrings[i]);
	hvdpa_show_given(seq, hv);
	mutex_unlock(&fn->lock);
	return 0;
}
