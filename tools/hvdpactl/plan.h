/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From what is to what the files say, in steps. A plan is made whole, and all
 * that can be refused is refused, before its first step is taken (act.c).
 */
#ifndef HVDPACTL_PLAN_H
#define HVDPACTL_PLAN_H

#include "netlink.h"
#include "sysfs.h"

enum step_kind {
	STEP_MODULE,	/* load a module */
	STEP_STUB,	/* a PF that nobody drives to pci-pf-stub */
	STEP_UNSTUB,	/* and away from it */
	STEP_VFS,	/* change the number of VFs */
	STEP_BIND,	/* a function to hvdpa */
	STEP_UNBIND,	/* and back to the kernel's choice */
	STEP_ADD,	/* a device, with its consumer */
	STEP_DEL,
	STEP_CONSUMER,	/* from one consumer to the other */
};

struct step {
	enum step_kind kind;
	struct source at;
	/* a module or a device */
	const char *name;
	/* of a PF, a function, a device */
	char function[ADDRESS_SIZE];
	/* what was there before: a driver or a consumer */
	char before[DRIVER_SIZE];
	unsigned int vfs, vfs_before;
	/* leave VFs without a step of their own to the kernel's choice */
	bool probe_others;
	/* of STEP_ADD: what is wanted; of STEP_DEL: what it was given */
	struct attributes attributes;
	const char *consumer;
	/* why a device is removed that comes again; "" otherwise */
	char why[128];
};

struct plan {
	struct step *steps;
	size_t n;
};

int plan_apply(struct plan *plan, const struct config *config,
	       struct error *error);
int plan_remove(struct plan *plan, const struct config *config,
		struct error *error);
void plan_free(struct plan *plan);

/* plan_text.c. One line for people: what the step changes. */
char *step_text(const struct step *step);

/* Returns the text, which is the driver's name on the vdpa bus. */
const char *consumer_driver(enum consumer consumer);

#endif /* HVDPACTL_PLAN_H */
