/* SPDX-License-Identifier: GPL-2.0-only */
/* What the feature bits of a virtio device are called. */
#ifndef HVDPACTL_FEATURE_NAMES_H
#define HVDPACTL_FEATURE_NAMES_H

#include <stdint.h>

/* The names, or numbers, with spaces between; of a virtio type; the caller frees. */
char *feature_names(uint64_t bits, uint32_t type);

#endif /* HVDPACTL_FEATURE_NAMES_H */
