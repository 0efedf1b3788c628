/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A PCI function made of memory, for the suites that need hardware to lie.
 *
 * Registers are plain memory: what is written is what is read. There are no
 * selectors, so both halves of the features read the same word and all queues
 * have the same size and the same notify_off.
 */
#ifndef HVDPA_FAKE_FUNCTION_H
#define HVDPA_FAKE_FUNCTION_H

#include <kunit/test.h>

#include "device.h"
#include "mgmt.h"
#include "transport_pci.h"

/* Where the fake's PCI Express capability is; it is in no list. */
#define HVDPA_FAKE_PCIE_CAP	0xc0

/* The BARs: memory that must not be mapped, and ports that can be. */
#define HVDPA_FAKE_MEM_BAR	0
#define HVDPA_FAKE_MEM_LENGTH	0x4000
#define HVDPA_FAKE_IO_BAR	1
#define HVDPA_FAKE_IO_LENGTH	0x1000

/* Words of features that it may offer; each bit n stands for n + 32 too. */
#define HVDPA_FAKE_BASE		0x3		/* VERSION_1, ACCESS_PLATFORM */
#define HVDPA_FAKE_PACKED	BIT(2)		/* RING_PACKED */
#define HVDPA_FAKE_BLK_MQ	BIT(VIRTIO_BLK_F_MQ)
#define HVDPA_FAKE_CTRL_VQ	BIT(VIRTIO_NET_F_CTRL_VQ)
#define HVDPA_FAKE_NET_MQ	BIT(VIRTIO_NET_F_MQ)

/**
 * struct hvdpa_fake - a function in memory
 * @fn: the function under test
 * @pci: its endpoint
 * @transport: hvdpa_transport_pci, of which a test may replace what is to lie
 * @pdev: its PCI device, on @bus
 * @bus: a root bus with nothing else on it
 * @ops: accesses to @config
 * @common: the common configuration structure
 * @device: the device configuration; it ends at pci.ep.config_len
 * @config: PCI configuration space
 * @last_cap: the last capability in the list, 0 for none
 * @flrs: function level resets seen
 * @status_reads: reads of the status register, where a test counts them
 */
struct hvdpa_fake {
	struct hvdpa_function fn;
	struct hvdpa_pci_endpoint pci;
	struct hvdpa_transport_ops transport;
	struct pci_dev pdev;
	struct pci_bus bus;
	struct pci_ops ops;
	struct virtio_pci_modern_common_cfg common;
	u8 device[512];
	u8 config[PCI_CFG_SPACE_SIZE];
	u8 last_cap;
	unsigned int flrs;
	unsigned int status_reads;
};

struct hvdpa_fake *hvdpa_fake_create(struct kunit *test, u32 device_id);
void hvdpa_fake_offer(struct hvdpa_fake *fake, u32 word);
void hvdpa_fake_add_cap(struct kunit *test, struct hvdpa_fake *fake, u8 type,
			u8 bar, u32 offset, u32 length);
bool hvdpa_fake_is_master(const struct hvdpa_fake *fake);
int hvdpa_fake_identify(struct hvdpa_fake *fake);
int hvdpa_fake_reset(struct hvdpa_fake *fake);
int hvdpa_fake_agree(struct hvdpa_fake *fake, u64 features);
int hvdpa_fake_revive(struct hvdpa_fake *fake);
struct hvdpa_device *hvdpa_fake_add_device(struct kunit *test,
					   struct hvdpa_fake *fake);

static inline struct hvdpa_fake *hvdpa_fake_of(struct hvdpa_endpoint *ep)
{
	return container_of(ep, struct hvdpa_fake, pci.ep);
}

#endif /* HVDPA_FAKE_FUNCTION_H */
