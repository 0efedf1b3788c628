// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a function's structures are, virtio 1.4 section 4.1.4.
 *
 * The kernel's library maps what a capability promises and believes its
 * length. A capability that promises more than its BAR holds is refused here,
 * before anything is mapped.
 */
#include <linux/pci.h>
#include <linux/virtio_pci.h>

#include <hvdpa/migration_regs.h>

#include "function.h"

static const struct {
	const char *name;
	u8 cfg_type;
	u32 min_length;
} hvdpa_structures[] = {
	[HVDPA_REGION_COMMON] = {
		"common", VIRTIO_PCI_CAP_COMMON_CFG,
		sizeof(struct virtio_pci_common_cfg)
	},
	[HVDPA_REGION_NOTIFY] = { "notify", VIRTIO_PCI_CAP_NOTIFY_CFG, 2 },
	[HVDPA_REGION_ISR] = { "ISR", VIRTIO_PCI_CAP_ISR_CFG, 1 },
	[HVDPA_REGION_DEVICE] = { "device", VIRTIO_PCI_CAP_DEVICE_CFG, 1 },
};

/**
 * hvdpa_region_fits - does a BAR hold all of a region?
 * @region: the region
 * @bar_length: bytes in that BAR
 *
 * Return: true if it does.
 */
bool hvdpa_region_fits(const struct hvdpa_region *region, u64 bar_length)
{
	return region->length &&
	       (u64)region->offset + region->length <= bar_length;
}

/**
 * hvdpa_regions_overlap - does a region share a byte with a range?
 * @a: the region; one without length overlaps nothing
 * @bar: the range's BAR
 * @offset: the range's first byte in that BAR
 * @length: the range's bytes
 *
 * Return: true if they share a byte.
 */
bool hvdpa_regions_overlap(const struct hvdpa_region *a, u8 bar, u64 offset,
			   u64 length)
{
	return a->bar == bar && a->length && length &&
	       a->offset < offset + length &&
	       offset < (u64)a->offset + a->length;
}

static void hvdpa_read_region(struct pci_dev *pdev, int cap,
			      struct hvdpa_region *region)
{
	pci_read_config_byte(pdev, cap + offsetof(struct virtio_pci_cap, bar),
			     &region->bar);
	pci_read_config_dword(pdev,
			      cap + offsetof(struct virtio_pci_cap, offset),
			      &region->offset);
	pci_read_config_dword(pdev,
			      cap + offsetof(struct virtio_pci_cap, length),
			      &region->length);
}

/* More capabilities than fit into configuration space are a circle. */
#define HVDPA_CAPABILITIES_MAX	((PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF) / 4)

/*
 * The first capability of its type whose BAR is there, as the kernel's library
 * chooses, so that both speak of the same one. The library walks a list that
 * leads back into itself for ever, unless it finds what is found here first.
 */
static int hvdpa_find_region(struct pci_dev *pdev, u8 cfg_type,
			     struct hvdpa_region *region)
{
	unsigned int left = HVDPA_CAPABILITIES_MAX;
	int cap;

	for (cap = pci_find_capability(pdev, PCI_CAP_ID_VNDR); cap > 0 && left;
	     cap = pci_find_next_capability(pdev, cap, PCI_CAP_ID_VNDR)) {
		u8 type;

		left--;
		pci_read_config_byte(pdev,
				     cap + offsetof(struct virtio_pci_cap,
						    cfg_type), &type);
		if (type != cfg_type)
			continue;
		hvdpa_read_region(pdev, cap, region);
		if (region->bar < PCI_STD_NUM_BARS &&
		    pci_resource_len(pdev, region->bar))
			return 0;
	}
	return -ENOENT;
}

/**
 * hvdpa_find_vendor_cap - find a vendor's own capability, virtio 1.4 section 4.1.4.10
 * @pdev: the function
 * @magic: the word at offset 8 that tells it from others, whoever the vendor is
 *
 * Return: its place in configuration space, or 0.
 */
int hvdpa_find_vendor_cap(struct pci_dev *pdev, u32 magic)
{
	unsigned int left = HVDPA_CAPABILITIES_MAX;
	int cap;

	for (cap = pci_find_capability(pdev, PCI_CAP_ID_VNDR); cap > 0 && left;
	     cap = pci_find_next_capability(pdev, cap, PCI_CAP_ID_VNDR)) {
		u32 word;
		u8 type;

		left--;
		pci_read_config_byte(pdev,
				     cap + offsetof(struct hvdpa_migration_cap,
						    cfg_type), &type);
		pci_read_config_dword(pdev,
				      cap + offsetof(struct hvdpa_migration_cap,
						     magic), &word);
		if (type == HVDPA_MIGRATION_CFG_TYPE && word == magic)
			return cap;
	}
	return 0;
}

static void hvdpa_find_msix(struct pci_dev *pdev, struct hvdpa_region *table,
			    struct hvdpa_region *pba)
{
	u32 word;
	int n;

	n = pci_msix_vec_count(pdev);
	if (n <= 0)
		return;

	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_TABLE, &word);
	table->bar = word & PCI_MSIX_TABLE_BIR;
	table->offset = word & PCI_MSIX_TABLE_OFFSET;
	table->length = n * PCI_MSIX_ENTRY_SIZE;

	pci_read_config_dword(pdev, pdev->msix_cap + PCI_MSIX_PBA, &word);
	pba->bar = word & PCI_MSIX_PBA_BIR;
	pba->offset = word & PCI_MSIX_PBA_OFFSET;
	pba->length = DIV_ROUND_UP(n, 64) * 8;
}

/**
 * hvdpa_find_regions - find a function's structures and check that they fit
 * @pdev: an enabled PCI function
 * @regions: HVDPA_REGIONS of them, zeroed; filled here
 *
 * Return: 0; -ENODEV if the function has no common structure, and so is no
 * modern virtio; -EINVAL if a structure is missing or its BAR does not hold
 * it. One line in the log says which.
 */
int hvdpa_find_regions(struct pci_dev *pdev, struct hvdpa_region *regions)
{
	unsigned int kind;

	for (kind = 0; kind < ARRAY_SIZE(hvdpa_structures); kind++) {
		struct hvdpa_region *region = &regions[kind];
		const char *name = hvdpa_structures[kind].name;
		u64 bar_length;

		if (hvdpa_find_region(pdev, hvdpa_structures[kind].cfg_type,
				      region)) {
			int err = kind == HVDPA_REGION_COMMON ? -ENODEV : -EINVAL;

			dev_err(&pdev->dev,
				"no %s capability: not a virtio 1.x function that can be driven: %pe\n",
				name, ERR_PTR(err));
			return err;
		}

		bar_length = pci_resource_len(pdev, region->bar);
		if (region->length < hvdpa_structures[kind].min_length ||
		    !hvdpa_region_fits(region, bar_length)) {
			dev_err(&pdev->dev,
				"%s capability: offset %#x length %#x, at least %#x bytes needed in BAR %u of %#llx: %pe\n",
				name, region->offset, region->length,
				hvdpa_structures[kind].min_length, region->bar,
				bar_length, ERR_PTR(-EINVAL));
			return -EINVAL;
		}
	}

	hvdpa_find_msix(pdev, &regions[HVDPA_REGION_MSIX_TABLE],
			&regions[HVDPA_REGION_MSIX_PBA]);
	return 0;
}
