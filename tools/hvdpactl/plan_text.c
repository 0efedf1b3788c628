// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

static char *attributes_text(const struct attributes *a)
{
	char mac[32] = "", mtu[32] = "", pairs[32] = "", features[48] = "";
	char relay[32] = "";

	if (a->has_mac)
		snprintf(mac, sizeof(mac),
			 " mac %02x:%02x:%02x:%02x:%02x:%02x", a->mac[0],
			 a->mac[1], a->mac[2], a->mac[3], a->mac[4], a->mac[5]);
	if (a->has_mtu)
		snprintf(mtu, sizeof(mtu), " mtu %u", a->mtu);
	if (a->has_max_vqp)
		snprintf(pairs, sizeof(pairs), " max_vqp %u", a->max_vqp);
	if (a->has_features)
		snprintf(features, sizeof(features),
			 " device_features %#llx",
			 (unsigned long long)a->features);
	if (*a->relay)
		snprintf(relay, sizeof(relay), " relay %s", a->relay);
	return must_print("%s%s%s%s%s", mac, mtu, pairs, features, relay);
}

char *step_text(const struct step *step)
{
	char *attributes, *text;

	switch (step->kind) {
	case STEP_MODULE:
		return must_print("module %s: loaded", step->name);
	case STEP_STUB:
		return must_print("%s: bound to pci-pf-stub", step->function);
	case STEP_UNSTUB:
		return must_print("%s: unbound from pci-pf-stub",
				  step->function);
	case STEP_VFS:
		return must_print("%s: %u VFs, there were %u", step->function,
				  step->vfs, step->vfs_before);
	case STEP_BIND:
		return must_print("%s: bound to hvdpa%s%s", step->function,
				  *step->before ? ", was bound to " : "",
				  step->before);
	case STEP_UNBIND:
		return must_print("%s: unbound from hvdpa", step->function);
	case STEP_ADD:
		attributes = attributes_text(&step->attributes);
		text = must_print("%s: added on %s for %s%s", step->name,
				  step->function, step->consumer, attributes);
		free(attributes);
		return text;
	case STEP_DEL:
		return must_print("%s: removed from %s%s%s", step->name,
				  step->function, *step->why ? ", " : "",
				  step->why);
	case STEP_CONSUMER:
		return must_print("%s: moved to %s%s%s", step->name,
				  step->consumer, *step->before ? " from " : "",
				  step->before);
	}
	return must_copy("");
}
