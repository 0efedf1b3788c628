// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `vdpa dev add` and `vdpa dev set` say that a device is to be, and the
 * configuration space that its owner sees of it.
 *
 * The card is the same for all: an address is given to it by a control command
 * before the owner's first packet, fewer queue pairs are offered and move the
 * control queue in the owner's numbers only, an MTU is advice to the owner.
 */
#include <linux/etherdevice.h>
#include <linux/pci.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/virtio_net.h>
#include <uapi/linux/vdpa.h>
#include <uapi/linux/virtio_ids.h>

#include "parts.h"
#include "provision.h"

#define HVDPA_MQ	(BIT_ULL(VIRTIO_NET_F_MQ) | BIT_ULL(VIRTIO_NET_F_RSS))

/* What the driver must agree on to give a card an address. */
#define HVDPA_MAC_COMMAND	(BIT_ULL(VIRTIO_NET_F_CTRL_VQ) | \
				 BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR))

static bool hvdpa_given(const struct vdpa_dev_set_config *config,
			unsigned int attribute)
{
	return config->mask & BIT_ULL(attribute);
}

/**
 * hvdpa_provision_mask - which attributes a function's devices can be given
 * @ep: the function, identified
 *
 * Return: bits of enum vdpa_attr.
 */
u64 hvdpa_provision_mask(const struct hvdpa_endpoint *ep)
{
	u64 mask = BIT_ULL(VDPA_ATTR_DEV_FEATURES);

	if (ep->type != VIRTIO_ID_NET)
		return mask;
	mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MTU) |
		BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MAX_VQP);
	if ((ep->supported & HVDPA_MAC_COMMAND) == HVDPA_MAC_COMMAND)
		mask |= BIT_ULL(VDPA_ATTR_DEV_NET_CFG_MACADDR);
	return mask;
}

static int hvdpa_provision_mac(struct hvdpa_device *hv, const char *name,
			       const struct vdpa_dev_set_config *config)
{
	if (!is_valid_ether_addr(config->net.mac)) {
		dev_err(hv->ep->dev,
			"%s: mac %pM is no address of a station: %pe\n", name,
			config->net.mac, ERR_PTR(-EINVAL));
		return -EINVAL;
	}
	hv->has_mac = true;
	ether_addr_copy(hv->mac, config->net.mac);
	if (!(hv->ep->supported & BIT_ULL(VIRTIO_NET_F_MAC)))
		hv->own_features |= BIT_ULL(VIRTIO_NET_F_MAC);
	return 0;
}

/* A card that says nothing of its MTU carries what every Ethernet does. */
static int hvdpa_provision_mtu(struct hvdpa_device *hv, const char *name,
			       const struct vdpa_dev_set_config *config)
{
	struct hvdpa_endpoint *ep = hv->ep;
	__le16 raw = cpu_to_le16(ETH_DATA_LEN);
	u16 mtu = config->net.mtu;
	u16 most;

	if (ep->supported & BIT_ULL(VIRTIO_NET_F_MTU))
		hvdpa_config_read(ep, offsetof(struct virtio_net_config, mtu),
				  &raw, sizeof(raw));
	else
		hv->own_features |= BIT_ULL(VIRTIO_NET_F_MTU);
	most = le16_to_cpu(raw);

	if (mtu < ETH_MIN_MTU || mtu > most) {
		int err = mtu < ETH_MIN_MTU ? -EINVAL : -EOPNOTSUPP;

		dev_err(ep->dev,
			"%s: mtu is %u, the function's is %u to %u: %pe\n",
			name, mtu, ETH_MIN_MTU, most, ERR_PTR(err));
		return err;
	}
	hv->mtu = mtu;
	return 0;
}

static int hvdpa_provision_pairs(struct hvdpa_device *hv, const char *name,
				 const struct vdpa_dev_set_config *config)
{
	struct hvdpa_endpoint *ep = hv->ep;
	u16 pairs = config->net.max_vq_pairs;

	if (!pairs || pairs > ep->max_pairs) {
		int err = pairs ? -EOPNOTSUPP : -EINVAL;

		dev_err(ep->dev,
			"%s: max_vqp is %u, the function has %u: %pe\n", name,
			pairs, ep->max_pairs, ERR_PTR(err));
		return err;
	}
	hv->pairs = pairs;
	return 0;
}

/* Can an owner move away with the device, by the hardware's means or the driver's? */
static bool hvdpa_provision_moves(const struct hvdpa_device *hv)
{
	return (hvdpa_can(hv->ep, HVDPA_SUSPEND) &&
		hvdpa_can(hv->ep, HVDPA_SET_STATE)) ||
	       (hv->ep->type == VIRTIO_ID_NET && hv->relay != HVDPA_RELAY_NEVER);
}

static int hvdpa_provision_features(struct hvdpa_device *hv, const char *name,
				    const struct vdpa_dev_set_config *config)
{
	struct hvdpa_endpoint *ep = hv->ep;
	u64 most = ep->supported | hv->own_features;
	u64 missing;
	int bit;

	/* One pair is what a device without either bit has. */
	if (hv->pairs == 1)
		most &= ~HVDPA_MQ;
	hv->features = most;
	hv->profile = "all";
	if (!hvdpa_given(config, VDPA_ATTR_DEV_FEATURES)) {
		if (hvdpa_provision_moves(hv)) {
			hv->features = hvdpa_features_migratable(most, ep->type);
			hv->profile = "migratable";
		}
		return 0;
	}

	if (config->device_features & ~most) {
		dev_err(ep->dev,
			"%s: device_features %#llx has %#llx beyond the function's %#llx: %pe\n",
			name, config->device_features,
			config->device_features & ~most, most,
			ERR_PTR(-EOPNOTSUPP));
		return -EOPNOTSUPP;
	}

	bit = hvdpa_features_missing(config->device_features,
				     ep->type, &missing);
	if (bit >= 0) {
		dev_err(ep->dev,
			"%s: device_features %#llx: bit %d needs %#llx: %pe\n",
			name, config->device_features, bit, missing,
			ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	hv->features = config->device_features;
	hv->profile = "device_features";
	return 0;
}

/**
 * hvdpa_provision - decide what a new device is to be
 * @hv: the device; its function is known
 * @name: its name
 * @config: what was asked for
 *
 * Return: 0; -EOPNOTSUPP for what this function cannot be; -EINVAL for what no
 * device can be. One line in the log names the attribute and both values.
 */
int hvdpa_provision(struct hvdpa_device *hv, const char *name,
		    const struct vdpa_dev_set_config *config)
{
	int err = 0;

	hv->pairs = hv->ep->max_pairs;
	if (hvdpa_given(config, VDPA_ATTR_DEV_NET_CFG_MACADDR))
		err = hvdpa_provision_mac(hv, name, config);
	if (!err && hvdpa_given(config, VDPA_ATTR_DEV_NET_CFG_MTU))
		err = hvdpa_provision_mtu(hv, name, config);
	if (!err && hvdpa_given(config, VDPA_ATTR_DEV_NET_CFG_MAX_VQP))
		err = hvdpa_provision_pairs(hv, name, config);
	return err ?: hvdpa_provision_features(hv, name, config);
}

/**
 * hvdpa_provision_set_mac - `vdpa dev set NAME mac`
 * @hv: the device
 * @mac: the address
 *
 * Its next owner finds it. May sleep.
 *
 * Return: 0; -EINVAL if that is no address of a station; -EOPNOTSUPP if the
 * card takes none, or the device was made so that it cannot be told; -EBUSY
 * while an owner uses the device.
 */
int hvdpa_provision_set_mac(struct hvdpa_device *hv, const u8 *mac)
{
	struct hvdpa_endpoint *ep = hv->ep;
	int err = 0;

	mutex_lock(&ep->lock);
	if (!is_valid_ether_addr(mac))
		err = -EINVAL;
	else if ((ep->supported & HVDPA_MAC_COMMAND) != HVDPA_MAC_COMMAND ||
		 !(hv->features & BIT_ULL(VIRTIO_NET_F_MAC)))
		err = -EOPNOTSUPP;
	else if (hv->status & VIRTIO_CONFIG_S_FEATURES_OK)
		err = -EBUSY;
	if (err) {
		dev_err(ep->dev,
			"%s: mac %pM cannot be set, features %#llx, status %#x: %pe\n",
			dev_name(&hv->vdpa.dev), mac, hv->features, hv->status,
			ERR_PTR(err));
	} else {
		spin_lock(&hv->mac_lock);
		ether_addr_copy(hv->mac, mac);
		hv->has_mac = true;
		spin_unlock(&hv->mac_lock);
	}
	mutex_unlock(&ep->lock);
	return err;
}

/* Its lock or the function's is held. */
static const u8 *hvdpa_provision_find_mac(const struct hvdpa_device *hv)
{
	if (hv->has_mac)
		return hv->mac;
	return hv->mac_owner && !READ_ONCE(hv->dma_api) ? hv->owner_mac : NULL;
}

/**
 * hvdpa_provision_mac_of - the address that is not the card's own
 * @hv: the device; the endpoint's lock is held
 *
 * Return: what was provisioned, else what the owner behind vhost-vdpa wrote,
 * else NULL.
 */
const u8 *hvdpa_provision_mac_of(const struct hvdpa_device *hv)
{
	lockdep_assert_held(&hv->ep->lock);

	return hvdpa_provision_find_mac(hv);
}

/**
 * hvdpa_provision_owner_mac - the owner writes an address to the configuration
 * @hv: the device; the endpoint's lock is held
 * @offset: first byte of the write
 * @buf: what is written
 * @len: bytes
 *
 * QEMU does so with its mac= before the guest starts, gives its guest what it
 * then reads, and the card what it wrote: without this the two would differ.
 * Taken only from an owner that may as well send the command, for a device that
 * was given no other address.
 *
 * Return: true if the write was that.
 */
bool hvdpa_provision_owner_mac(struct hvdpa_device *hv, unsigned int offset,
			       const void *buf, unsigned int len)
{
	lockdep_assert_held(&hv->ep->lock);

	if (hv->ep->type != VIRTIO_ID_NET || !hv->control ||
	    hv->dma_api || hv->has_mac ||
	    offset != offsetof(struct virtio_net_config, mac) ||
	    len != ETH_ALEN || !is_valid_ether_addr(buf) ||
	    !(hv->features & BIT_ULL(VIRTIO_NET_F_CTRL_MAC_ADDR)) ||
	    hv->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return false;

	spin_lock(&hv->mac_lock);
	put_pid(hv->mac_owner);
	hv->mac_owner = get_pid(task_tgid(current));
	ether_addr_copy(hv->owner_mac, buf);
	spin_unlock(&hv->mac_lock);
	return true;
}

/**
 * hvdpa_provision_forget_owner - an owner's address is not the next one's
 * @hv: the device; the endpoint's lock is held
 * @resetter: who resets the device; NULL: nobody owns it any more
 *
 * QEMU resets the device between the write and the start, and vhost-vdpa does
 * when it is opened and closed: the process tells one owner from the next.
 */
void hvdpa_provision_forget_owner(struct hvdpa_device *hv,
				  struct task_struct *resetter)
{
	lockdep_assert_held(&hv->ep->lock);

	if (resetter && !(resetter->flags & PF_EXITING) &&
	    task_tgid(resetter) == hv->mac_owner)
		return;
	spin_lock(&hv->mac_lock);
	put_pid(hv->mac_owner);
	hv->mac_owner = NULL;
	spin_unlock(&hv->mac_lock);
}

/**
 * hvdpa_provision_device_features - what to agree on with the card
 * @hv: the device; the endpoint's lock is held
 *
 * Return: what the owner accepted, without what the driver honours by itself,
 * with what it needs for itself.
 */
u64 hvdpa_provision_device_features(const struct hvdpa_device *hv)
{
	u64 features = hv->driver_features & ~hv->own_features;

	lockdep_assert_held(&hv->ep->lock);

	if (hvdpa_provision_mac_of(hv))
		features |= HVDPA_MAC_COMMAND;
	/* An owner's queue is stopped by it, a kernel consumer's is given back. */
	if (!hv->dma_api || hvdpa_provision_mac_of(hv))
		features |= hv->ep->offered & BIT_ULL(VIRTIO_F_RING_RESET);
	return features;
}

/* Put a field over what the card says, where the two meet. */
static void hvdpa_config_overlay(void *buf, unsigned int offset,
				 unsigned int len, unsigned int at,
				 const void *field, unsigned int size)
{
	unsigned int first = max(offset, at);
	unsigned int end = min(offset + len, at + size);

	if (first < end)
		memcpy(buf + (first - offset), field + (first - at),
		       end - first);
}

/**
 * hvdpa_provision_config_size - bytes of the configuration that an owner sees
 * @hv: the device
 *
 * Return: the card's, or more where a field was provisioned that it lacks.
 */
size_t hvdpa_provision_config_size(const struct hvdpa_device *hv)
{
	size_t size = hv->ep->config_len;

	if (hv->mtu)
		size = max(size, offsetofend(struct virtio_net_config, mtu));
	if (hv->own_features & BIT_ULL(VIRTIO_NET_F_MAC))
		size = max(size, offsetofend(struct virtio_net_config, mac));
	return size;
}

/*
 * What needs a reset carries nothing, whatever the endpoint says of its wire: it may be
 * back already, and its owner has not reset it yet. A bond takes the other way.
 */
static bool hvdpa_link_is_down(const struct hvdpa_device *hv)
{
	return hv->features & BIT_ULL(VIRTIO_NET_F_STATUS) &&
	       hv->ep->type == VIRTIO_ID_NET &&
	       READ_ONCE(hv->status) & VIRTIO_CONFIG_S_NEEDS_RESET;
}

/**
 * hvdpa_provision_config_read - read the configuration that an owner sees
 * @hv: the device
 * @offset: first byte
 * @buf: where to
 * @len: bytes
 *
 * The link of a net device that needs a reset is down.
 *
 * Waits for nothing that the hardware may take its time for: `vdpa dev config show`
 * asks under the lock of all vdpa commands.
 */
void hvdpa_provision_config_read(struct hvdpa_device *hv, unsigned int offset,
				 void *buf, unsigned int len)
{
	__le16 pairs = cpu_to_le16(hv->pairs);
	__le16 mtu = cpu_to_le16(hv->mtu);
	const __le16 link_down = 0;
	const u8 *mac;

	hvdpa_config_read(hv->ep, offset, buf, len);
	spin_lock(&hv->mac_lock);
	mac = hvdpa_provision_find_mac(hv);
	if (mac)
		hvdpa_config_overlay(buf, offset, len,
				     offsetof(struct virtio_net_config, mac),
				     mac, ETH_ALEN);
	spin_unlock(&hv->mac_lock);
	if (hvdpa_link_is_down(hv))
		hvdpa_config_overlay(buf, offset, len,
				     offsetof(struct virtio_net_config, status),
				     &link_down, sizeof(link_down));
	if (hv->mtu)
		hvdpa_config_overlay(buf, offset, len,
				     offsetof(struct virtio_net_config, mtu),
				     &mtu, sizeof(mtu));
	if (hv->pairs != hv->ep->max_pairs)
		hvdpa_config_overlay(buf, offset, len,
				     offsetof(struct virtio_net_config,
					      max_virtqueue_pairs),
				     &pairs, sizeof(pairs));
}
