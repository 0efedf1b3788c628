/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kernel modules, and why one is not loaded.
 */
#ifndef HVDPACTL_MODULE_H
#define HVDPACTL_MODULE_H

#include <stdbool.h>

#include "util.h"

bool module_is_loaded(const char *name);
int module_load(const char *name, struct error *error);
void module_unload(const char *name);

#endif /* HVDPACTL_MODULE_H */
