/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The registers of a virtio PCI function, virtio 1.4 section 4.1.4.
 */
#ifndef HVDPA_TRANSPORT_PCI_H
#define HVDPA_TRANSPORT_PCI_H

#include <linux/container_of.h>
#include <linux/virtio_pci_modern.h>

#include "endpoint.h"
#include "function.h"

/**
 * struct hvdpa_pci_endpoint - the endpoint that is a PCI function's
 * @ep: what others know of it
 * @mdev: the kernel's virtio PCI library's view of it
 * @notify: the notify structure, mapped as far as the queues need it
 */
struct hvdpa_pci_endpoint {
	struct hvdpa_endpoint ep;
	struct virtio_pci_modern_device mdev;
	void __iomem *notify;
};

static inline struct hvdpa_pci_endpoint *
hvdpa_pci_endpoint_of(struct hvdpa_endpoint *ep)
{
	return container_of(ep, struct hvdpa_pci_endpoint, ep);
}

extern const struct hvdpa_transport_ops hvdpa_transport_pci;

struct hvdpa_endpoint *hvdpa_pci_endpoint_create(struct hvdpa_function *fn);
void hvdpa_pci_endpoint_destroy(struct hvdpa_endpoint *ep);
bool hvdpa_doorbell_is_private(const struct hvdpa_pci_endpoint *pci, u16 idx,
			       u64 page_size);

#endif /* HVDPA_TRANSPORT_PCI_H */
