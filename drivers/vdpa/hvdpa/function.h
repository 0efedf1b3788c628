/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The PCI function: its structures in BARs, its interrupt vectors, its resets.
 */
#ifndef HVDPA_FUNCTION_H
#define HVDPA_FUNCTION_H

#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/wait.h>

struct hvdpa_endpoint;
struct hvdpa_mgmt;

/* capability.c: where a function's structures are */

/**
 * struct hvdpa_region - a part of a BAR
 * @offset: first byte
 * @length: bytes; 0 where there is no such part
 * @bar: which BAR
 */
struct hvdpa_region {
	u32 offset;
	u32 length;
	u8 bar;
};

enum hvdpa_region_kind {
	HVDPA_REGION_COMMON,
	HVDPA_REGION_NOTIFY,
	HVDPA_REGION_ISR,
	HVDPA_REGION_DEVICE,
	HVDPA_REGION_MSIX_TABLE,
	HVDPA_REGION_MSIX_PBA,
	HVDPA_REGION_MIGRATION,
	HVDPA_REGIONS,
};

bool hvdpa_region_fits(const struct hvdpa_region *region, u64 bar_length);
bool hvdpa_regions_overlap(const struct hvdpa_region *a, u8 bar, u64 offset,
			   u64 length);
int hvdpa_find_regions(struct pci_dev *pdev, struct hvdpa_region *regions);
int hvdpa_find_vendor_cap(struct pci_dev *pdev, u32 magic);

/* function.c */

/*
 * The longest that a PCI error recovery may take: the PCI core waits a minute for
 * a function, and a slot may have several.
 */
#define HVDPA_RECOVERY_TIMEOUT_MS	(3 * 60 * 1000)

/* Who resets a function beside this driver, and says when it is over. */
enum hvdpa_resetter {
	HVDPA_RESETTER_PCI,		/* reset_prepare() to reset_done() */
	HVDPA_RESETTER_SLEEP,
	HVDPA_RESETTER_RECOVERY,	/* of a PCI error */
};

/**
 * struct hvdpa_function - a PCI function
 * @pdev: the PCI device
 * @regions: where its structures are
 * @nvectors: interrupt vectors that it has; 0 if it could not have any
 * @saved: its configuration space as it was at probe
 * @lock: see below
 * @resetters: who else resets it now, bits of enum hvdpa_resetter
 * @reset_over: woken when one of them has ended
 * @recovery_began: when the last PCI error recovery began, in jiffies
 * @endpoint: the endpoint that it has
 * @mgmt: how `vdpa` sees it
 */
struct hvdpa_function {
	struct pci_dev *pdev;
	struct hvdpa_region regions[HVDPA_REGIONS];
	unsigned int nvectors;
	struct pci_saved_state *saved;
	/*
	 * One reset at a time: held over a function level reset of ours. Protects
	 * resetters and recovery_began. Taken within an endpoint's lock.
	 */
	struct mutex lock;
	unsigned long resetters;
	wait_queue_head_t reset_over;
	unsigned long recovery_began;
	struct hvdpa_endpoint *endpoint;
	struct hvdpa_mgmt *mgmt;
};

void hvdpa_function_init(struct hvdpa_function *fn, struct pci_dev *pdev);
void hvdpa_function_cleanup(struct hvdpa_function *fn);
int hvdpa_function_save(struct hvdpa_function *fn);
void hvdpa_function_restore(struct hvdpa_function *fn);
void hvdpa_function_enable_dma(struct hvdpa_function *fn, bool on);
int hvdpa_function_flr(struct hvdpa_function *fn);
void hvdpa_function_reset_begins(struct hvdpa_function *fn,
				 enum hvdpa_resetter who);
void hvdpa_function_reset_ends(struct hvdpa_function *fn,
			       enum hvdpa_resetter who);
bool hvdpa_function_is_being_reset(struct hvdpa_function *fn);
int hvdpa_function_reserve_vectors(struct hvdpa_function *fn, unsigned int n);
void hvdpa_function_release_vectors(struct hvdpa_function *fn);

#endif /* HVDPA_FUNCTION_H */
