/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a step will be refused for is known before the first one changes anything,
 * as far as it can be known.
 */
#ifndef HVDPACTL_CHECK_H
#define HVDPACTL_CHECK_H

#include "netlink.h"
#include "plan.h"

/* May the function be taken from its driver? */
int check_free(const char *function, const struct source *at,
	       struct error *error);

/* Can a PF that has no driver be given to pci-pf-stub? */
int check_stub(const char *pf, const struct source *at, struct error *error);

/* Can a device be on the function? @pf: whose VF it will be, "" if it is there. */
int check_function(const char *function, const char *pf,
		   const struct device_config *device, struct error *error);

/* Can a function that hvdpa has be what the file says? */
int check_limits(struct netlink *netlink, const char *function,
		 const struct device_config *device, struct error *error);

#endif /* HVDPACTL_CHECK_H */
