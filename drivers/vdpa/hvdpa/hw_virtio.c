// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function with nothing beyond the standard: its rings cannot be stopped
 * short of a reset, nor asked where they stand.
 */
#include "hvdpa.h"

const struct hvdpa_hw_ops hvdpa_hw_virtio = {
	.name = "virtio",
};
