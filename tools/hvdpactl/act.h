/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HVDPACTL_ACT_H
#define HVDPACTL_ACT_H

#include "plan.h"

/* One at a time, from the plan on: -1, or a file that holds the lock. */
int act_lock(struct error *error);

/*
 * Take the steps of a plan, all or none: when one fails, those before it are
 * taken back. What could not be taken back is said in the error too.
 */
int act(const struct plan *plan, struct error *error);

#endif /* HVDPACTL_ACT_H */
