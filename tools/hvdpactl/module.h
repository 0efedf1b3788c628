/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel modules, and why one is not loaded.
 */
#ifndef HVDPACTL_MODULE_H
#define HVDPACTL_MODULE_H

#include <stdbool.h>

#include "util.h"

bool module_is_loaded(const char *name);
/* Without loading it: does this kernel have it? */
int module_exists(const char *name, struct error *error);
int module_load(const char *name, struct error *error);

/* Names of all that are loaded, a line for each. */
char *modules_loaded(void);
/* The module, and what it needs, but none of @before. */
void module_unload(const char *name, const char *before);

#endif /* HVDPACTL_MODULE_H */
