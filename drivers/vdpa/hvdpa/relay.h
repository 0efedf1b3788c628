/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Virtqueues whose rings the driver relays, so that any function can start one where
 * its owner says, and stop it there.
 */
#ifndef HVDPA_RELAY_H
#define HVDPA_RELAY_H

#include <linux/types.h>

#include "endpoint.h"

struct hvdpa_device;
struct hvdpa_vring;
struct hvdpa_vring_ops;

/* The most heads or used entries of one kick or interrupt; a worker has the rest. */
#define HVDPA_RELAY_BATCH	64

extern const struct hvdpa_vring_ops hvdpa_relay_vring_ops;

int hvdpa_relay_policy_parse(const char *text);
const char *hvdpa_relay_policy_name(enum hvdpa_relay_policy policy);
enum hvdpa_relay_policy hvdpa_relay_policy_default(void);
const char *hvdpa_relay_obstacle(const struct hvdpa_device *hv);
const char *hvdpa_relay_log_obstacle(const struct hvdpa_device *hv);
bool hvdpa_relay_wanted(const struct hvdpa_vring *vring);
u32 hvdpa_relay_pending(const struct hvdpa_vring *vring);
int hvdpa_relay_keep_all(struct hvdpa_device *hv);
void hvdpa_relay_let_go(struct hvdpa_device *hv);
void hvdpa_relay_destroy(struct hvdpa_device *hv);

#endif /* HVDPA_RELAY_H */
