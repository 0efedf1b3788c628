/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's way in: `vdpa mgmtdev`, `vdpa dev`, and the PCI driver.
 */
#ifndef HVDPA_MGMT_H
#define HVDPA_MGMT_H

#include <linux/pci.h>
#include <linux/pm.h>

struct hvdpa_device;
struct hvdpa_endpoint;
struct hvdpa_function;
struct seq_file;

int hvdpa_mgmt_register(struct hvdpa_function *fn);
void hvdpa_mgmt_unregister(struct hvdpa_function *fn);

/* reset.c: resets that are not this driver's */

extern const struct pci_error_handlers hvdpa_error_handlers;
extern const struct dev_pm_ops hvdpa_pm_ops;

/* health.c: an endpoint's death, as devlink sees it */

void hvdpa_health_show(struct hvdpa_endpoint *ep, bool healthy);
int hvdpa_health_register(struct hvdpa_endpoint *ep);
void hvdpa_health_unregister(struct hvdpa_endpoint *ep);

/* params.c: what is chosen for a function by devlink */

int hvdpa_params_register(struct hvdpa_endpoint *ep);
void hvdpa_params_unregister(struct hvdpa_endpoint *ep);

/* debugfs.c */

void hvdpa_debugfs_register(void);
void hvdpa_debugfs_unregister(void);
void hvdpa_debugfs_add(struct hvdpa_device *hv);
void hvdpa_debugfs_remove(struct hvdpa_device *hv);

/* state_show.c */

int hvdpa_state_show(struct seq_file *seq, void *data);

/* pci.c */

int hvdpa_pci_register(void);
void hvdpa_pci_unregister(void);

#endif /* HVDPA_MGMT_H */
