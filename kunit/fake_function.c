// SPDX-License-Identifier: GPL-2.0-only
/*
 * A PCI function made of memory: its configuration space, its virtio
 * structures, and a bus to reach it by.
 */
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <linux/virtio_net.h>
#include <uapi/linux/virtio_pci.h>

#include "fake_function.h"

static int hvdpa_fake_config_read(struct pci_bus *bus, unsigned int devfn,
				  int where, int size, u32 *value)
{
	struct hvdpa_fake *fake = container_of(bus, struct hvdpa_fake, bus);
	const u8 *at = fake->config + where;

	*value = ~0;
	if (devfn || where + size > sizeof(fake->config))
		return PCIBIOS_DEVICE_NOT_FOUND;

	if (size == 1)
		*value = *at;
	else if (size == 2)
		*value = get_unaligned_le16(at);
	else
		*value = get_unaligned_le32(at);
	return PCIBIOS_SUCCESSFUL;
}

static int hvdpa_fake_config_write(struct pci_bus *bus, unsigned int devfn,
				   int where, int size, u32 value)
{
	struct hvdpa_fake *fake = container_of(bus, struct hvdpa_fake, bus);
	u8 *at = fake->config + where;

	if (devfn || where + size > sizeof(fake->config))
		return PCIBIOS_DEVICE_NOT_FOUND;

	/* A function level reset, which clears the command register. */
	if (where == HVDPA_FAKE_PCIE_CAP + PCI_EXP_DEVCTL &&
	    value & PCI_EXP_DEVCTL_BCR_FLR) {
		fake->flrs++;
		put_unaligned_le16(0, fake->config + PCI_COMMAND);
		return PCIBIOS_SUCCESSFUL;
	}

	if (size == 1)
		*at = value;
	else if (size == 2)
		put_unaligned_le16(value, at);
	else
		put_unaligned_le32(value, at);
	return PCIBIOS_SUCCESSFUL;
}

static void hvdpa_fake_free(void *data)
{
	struct hvdpa_fake *fake = data;

	if (fake->pci.notify)
		pci_iounmap(&fake->pdev, fake->pci.notify);
	hvdpa_endpoint_cleanup(&fake->pci.ep);
	hvdpa_function_cleanup(&fake->fn);
}

static void hvdpa_fake_init_pci(struct hvdpa_fake *fake)
{
	struct pci_dev *pdev = &fake->pdev;

	fake->ops.read = hvdpa_fake_config_read;
	fake->ops.write = hvdpa_fake_config_write;
	fake->bus.ops = &fake->ops;

	pdev->bus = &fake->bus;
	pdev->vendor = PCI_VENDOR_ID_REDHAT_QUMRANET;
	pdev->hdr_type = PCI_HEADER_TYPE_NORMAL;
	pdev->cfg_size = PCI_CFG_SPACE_SIZE;
	pdev->error_state = pci_channel_io_normal;
	pdev->dev.init_name = "hvdpa-fake";

	/*
	 * The PCI core has no memory to save this capability in, and says so
	 * in the log at each function level reset; all else it saves.
	 */
	pdev->pcie_cap = HVDPA_FAKE_PCIE_CAP;
	pdev->pcie_flags_reg = 2;
	pdev->devcap = PCI_EXP_DEVCAP_FLR;

	pdev->resource[HVDPA_FAKE_MEM_BAR] = (struct resource)
		DEFINE_RES_MEM(0xfe000000, HVDPA_FAKE_MEM_LENGTH);
	pdev->resource[HVDPA_FAKE_IO_BAR] = (struct resource)
		DEFINE_RES_IO(0x6000, HVDPA_FAKE_IO_LENGTH);

	put_unaligned_le16(PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER,
			   fake->config + PCI_COMMAND);
}

/**
 * hvdpa_fake_create - make a function with nothing wrong about it
 * @test: the test; the function goes with it
 * @device_id: VIRTIO_ID_NET or VIRTIO_ID_BLOCK
 *
 * It offers HVDPA_FAKE_BASE and has three queues of 256 entries. Its doorbells
 * are in the I/O BAR, whose mapping touches nothing.
 *
 * Return: the function; where there is no memory the test ends here.
 */
struct hvdpa_fake *hvdpa_fake_create(struct kunit *test, u32 device_id)
{
	struct virtio_pci_modern_device *mdev;
	struct hvdpa_endpoint *ep;
	struct hvdpa_fake *fake;
	int err;

	fake = kunit_kzalloc(test, sizeof(*fake), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, fake);
	hvdpa_fake_init_pci(fake);
	hvdpa_function_init(&fake->fn, &fake->pdev);
	ep = &fake->pci.ep;
	fake->fn.endpoint = ep;
	fake->transport = hvdpa_transport_pci;
	hvdpa_endpoint_init(ep, &fake->transport, &fake->fn, &fake->pdev.dev);
	err = kunit_add_action_or_reset(test, hvdpa_fake_free, fake);
	KUNIT_ASSERT_EQ(test, err, 0);

	put_unaligned_le16(PCI_COMMAND_MEMORY, fake->config + PCI_COMMAND);
	KUNIT_ASSERT_EQ(test, hvdpa_function_save(&fake->fn), 0);
	pci_set_master(&fake->pdev);
	hvdpa_virtio_detect(ep);
	ep->type = device_id;
	ep->config_len = sizeof(struct virtio_net_config);
	mdev = &fake->pci.mdev;
	mdev->pci_dev = &fake->pdev;
	mdev->common = (void __force __iomem *)&fake->common;
	mdev->common_len = sizeof(fake->common);
	mdev->device = (void __force __iomem *)fake->device;
	mdev->notify_offset_multiplier = 4;
	fake->fn.regions[HVDPA_REGION_NOTIFY] = (struct hvdpa_region){
		.bar = HVDPA_FAKE_IO_BAR,
		.offset = 0x100,
		.length = 0x100,
	};

	hvdpa_fake_offer(fake, HVDPA_FAKE_BASE);
	fake->common.cfg.num_queues = cpu_to_le16(3);
	fake->common.cfg.queue_size = cpu_to_le16(256);
	return fake;
}

/**
 * hvdpa_fake_offer - say which features the function offers
 * @fake: the function
 * @word: bits 0 to 31, and once more as bits 32 to 63
 */
void hvdpa_fake_offer(struct hvdpa_fake *fake, u32 word)
{
	fake->common.cfg.device_feature = cpu_to_le32(word);
}

/**
 * hvdpa_fake_add_cap - append a virtio capability to the function's list
 * @test: the test
 * @fake: the function
 * @type: VIRTIO_PCI_CAP_*
 * @bar: as the capability has it
 * @offset: as the capability has it
 * @length: as the capability has it
 */
void hvdpa_fake_add_cap(struct kunit *test, struct hvdpa_fake *fake, u8 type,
			u8 bar, u32 offset, u32 length)
{
	size_t at = PCI_STD_HEADER_SIZEOF;
	u8 *cap;

	if (fake->last_cap)
		at = fake->last_cap + sizeof(struct virtio_pci_cap);
	KUNIT_ASSERT_LE(test, at + sizeof(struct virtio_pci_cap),
			HVDPA_FAKE_PCIE_CAP);

	if (fake->last_cap)
		fake->config[fake->last_cap + PCI_CAP_LIST_NEXT] = at;
	else
		fake->config[PCI_CAPABILITY_LIST] = at;
	fake->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
	fake->last_cap = at;

	cap = fake->config + at;
	cap[PCI_CAP_LIST_ID] = PCI_CAP_ID_VNDR;
	cap[VIRTIO_PCI_CAP_LEN] = sizeof(struct virtio_pci_cap);
	cap[VIRTIO_PCI_CAP_CFG_TYPE] = type;
	cap[VIRTIO_PCI_CAP_BAR] = bar;
	put_unaligned_le32(offset, cap + VIRTIO_PCI_CAP_OFFSET);
	put_unaligned_le32(length, cap + VIRTIO_PCI_CAP_LENGTH);
}

/**
 * hvdpa_fake_is_master - may the function reach memory?
 * @fake: the function
 *
 * Return: true if its command register says so.
 */
bool hvdpa_fake_is_master(const struct hvdpa_fake *fake)
{
	return get_unaligned_le16(fake->config + PCI_COMMAND) &
	       PCI_COMMAND_MASTER;
}

/**
 * hvdpa_fake_identify - hvdpa_endpoint_identify() with the lock held
 * @fake: the function
 *
 * Return: what that returns.
 */
int hvdpa_fake_identify(struct hvdpa_fake *fake)
{
	int err;

	mutex_lock(&fake->pci.ep.lock);
	err = hvdpa_endpoint_identify(&fake->pci.ep);
	mutex_unlock(&fake->pci.ep.lock);
	return err;
}

/**
 * hvdpa_fake_reset - hvdpa_endpoint_reset() with the lock held
 * @fake: the function
 *
 * Return: what that returns.
 */
int hvdpa_fake_reset(struct hvdpa_fake *fake)
{
	int err;

	mutex_lock(&fake->pci.ep.lock);
	err = hvdpa_endpoint_reset(&fake->pci.ep);
	mutex_unlock(&fake->pci.ep.lock);
	return err;
}

/**
 * hvdpa_fake_agree - hvdpa_endpoint_agree() with the lock held
 * @fake: the function
 * @features: what the driver accepts
 *
 * Return: what that returns.
 */
int hvdpa_fake_agree(struct hvdpa_fake *fake, u64 features)
{
	int err;

	mutex_lock(&fake->pci.ep.lock);
	err = hvdpa_endpoint_agree(&fake->pci.ep, features);
	mutex_unlock(&fake->pci.ep.lock);
	return err;
}

/**
 * hvdpa_fake_revive - hvdpa_endpoint_revive() with the lock held
 * @fake: the function
 *
 * Return: what that returns.
 */
int hvdpa_fake_revive(struct hvdpa_fake *fake)
{
	int err;

	mutex_lock(&fake->pci.ep.lock);
	err = hvdpa_endpoint_revive(&fake->pci.ep);
	mutex_unlock(&fake->pci.ep.lock);
	return err;
}

/**
 * hvdpa_fake_add_device - give the function a device
 * @test: the test, which keeps it
 * @fake: the function
 *
 * Only what a reset and a death look at is in it.
 *
 * Return: the device.
 */
struct hvdpa_device *hvdpa_fake_add_device(struct kunit *test,
					   struct hvdpa_fake *fake)
{
	struct hvdpa_device *hv = kunit_kzalloc(test, sizeof(*hv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hv);
	hvdpa_device_init(hv, &fake->pci.ep);
	mutex_lock(&fake->pci.ep.lock);
	hvdpa_device_publish(hv);
	mutex_unlock(&fake->pci.ep.lock);
	return hv;
}
