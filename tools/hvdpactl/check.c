// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "check.h"
#include "holder.h"
#include "module.h"

#define BIT(n)			(1ULL << (n))
/* The driver tells a card its address by this command. */
#define MAC_COMMAND		(BIT(VIRTIO_NET_F_CTRL_VQ) | \
				 BIT(VIRTIO_NET_F_CTRL_MAC_ADDR))

int check_free(const char *function, const struct source *at,
	       struct error *error)
{
	char driver[DRIVER_SIZE], by[256];

	pci_driver(function, driver);
	if (*driver && strcmp(driver, "hvdpa") && strcmp(driver, "virtio-pci"))
		return fail_at(error, at,
			       "%s is %s's; 'echo %s > %s/drivers/%s/unbind' if nobody needs it there",
			       function, driver, function, SYS_PCI, driver);
	if (function_is_used(function, by, sizeof(by)))
		return fail_at(error, at, "%s is in use: %s", function, by);
	return 0;
}

int check_stub(const char *pf, const struct source *at, struct error *error)
{
	struct error why;

	if (sysfs_exists(SYS_PCI "/drivers/pci-pf-stub") ||
	    !module_exists("pci-pf-stub", &why))
		return 0;
	return fail_at(error, at,
		       "%s has no driver, and the kernel no pci-pf-stub; bind it to a driver that makes VFs",
		       pf);
}

static int check_iommu(const char *function, const char *pf,
		       const struct device_config *device, struct error *error)
{
	unsigned int n = pci_iommu_group_size(*pf ? pf : function);

	if (device->consumer != CONSUMER_VHOST)
		return 0;
	if (!n)
		return fail_at(error, &device->consumer_at,
			       "no IOMMU translates the DMA of %s, and vhost, which %s is for, needs that; boot with intel_iommu=on (Intel), switch the IOMMU on in the firmware's setup (AMD, and Intel's VT-d), or write consumer = virtio",
			       *pf ? pf : function, device->name);
	/* How a VF will be grouped is known when it is there. */
	if (n == 1 || *pf)
		return 0;
	return fail_at(error, &device->consumer_at,
		       "%s shares its IOMMU group with %u others, and vhost, which %s is for, needs one of its own; put the card into another slot, or write consumer = virtio",
		       function, n - 1, device->name);
}

int check_function(const char *function, const char *pf,
		   const struct device_config *device, struct error *error)
{
	const struct attributes *a = &device->attributes;
	/* A VF that is yet to come has no files. The driver will look. */
	uint32_t type = *pf ? 0 : pci_virtio_type(function);

	if (!*pf && type != VIRTIO_ID_NET && type != VIRTIO_ID_BLOCK)
		return fail_at(error, &device->function_at,
			       "%s is neither a virtio network nor a virtio block function; 'lspci -Dd 1af4:' lists those",
			       function);
	if (type == VIRTIO_ID_BLOCK && (a->has_mac || a->has_mtu ||
					a->has_max_vqp))
		return fail_at(error, &device->function_at,
			       "%s is a disk, and %s is of a network device; remove that line",
			       function, a->has_mac ? "mac" :
			       a->has_mtu ? "mtu" : "max_vqp");
	return check_iommu(function, pf, device, error);
}

int check_limits(struct netlink *netlink, const char *function,
		 const struct device_config *device, struct error *error)
{
	const struct attributes *a = &device->attributes;
	struct vdpa_limits limits;
	uint64_t most;

	if (netlink_limits(netlink, function, &limits, error))
		return -1;
	if (a->has_mac && (limits.features & MAC_COMMAND) != MAC_COMMAND)
		return fail_at(error, &device->at,
			       "%s takes no mac: %s offers no command for one; remove that line",
			       device->name, function);
	if (a->has_max_vqp && a->max_vqp > 1 &&
	    a->max_vqp * 2U > limits.queues)
		return fail_at(error, &device->at,
			       "%s cannot have max_vqp %u: %s has %u queues, and a pair is two; write less",
			       device->name, a->max_vqp, function,
			       limits.queues);
	/* The driver itself shows an address and an MTU that were given. */
	most = limits.features;
	if (a->has_mac)
		most |= BIT(VIRTIO_NET_F_MAC);
	if (a->has_mtu)
		most |= BIT(VIRTIO_NET_F_MTU);
	if (!a->has_features || !(a->features & ~most))
		return 0;
	return fail_at(error, &device->at,
		       "%s cannot have device_features %#llx: %s has not %#llx of them; 'vdpa mgmtdev show pci/%s' lists its own",
		       device->name, (unsigned long long)a->features, function,
		       (unsigned long long)(a->features & ~most), function);
}
