// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which rings are relayed: a parameter of the module, and of each function by devlink; and
 * what cannot be.
 */
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <uapi/linux/virtio_ring.h>

#include "parts.h"
#include "relay.h"

static const char * const hvdpa_relay_policies[] = {
	[HVDPA_RELAY_AUTO] = "auto",
	[HVDPA_RELAY_ALWAYS] = "always",
	[HVDPA_RELAY_NEVER] = "never",
};

static enum hvdpa_relay_policy hvdpa_relay_module;

/**
 * hvdpa_relay_policy_parse - find a policy by its name
 * @text: the name; a line's end is no part of it
 *
 * Return: HVDPA_RELAY_*, or -EINVAL.
 */
int hvdpa_relay_policy_parse(const char *text)
{
	return sysfs_match_string(hvdpa_relay_policies, text);
}

/**
 * hvdpa_relay_policy_name - what people call a policy
 * @policy: the policy
 *
 * Return: the name.
 */
const char *hvdpa_relay_policy_name(enum hvdpa_relay_policy policy)
{
	return hvdpa_relay_policies[policy];
}

/**
 * hvdpa_relay_policy_default - what rings are relayed for where nobody chose
 *
 * Return: HVDPA_RELAY_*, the module's parameter.
 */
enum hvdpa_relay_policy hvdpa_relay_policy_default(void)
{
	return hvdpa_relay_module;
}

static int hvdpa_relay_module_set(const char *text,
				  const struct kernel_param *param)
{
	int policy = hvdpa_relay_policy_parse(text);

	if (policy < 0)
		return policy;
	hvdpa_relay_module = policy;
	return 0;
}

static int hvdpa_relay_module_get(char *text, const struct kernel_param *param)
{
	return sysfs_emit(text, "%s\n",
			  hvdpa_relay_policy_name(hvdpa_relay_module));
}

static const struct kernel_param_ops hvdpa_relay_module_ops = {
	.set = hvdpa_relay_module_set,
	.get = hvdpa_relay_module_get,
};

module_param_cb(relay, &hvdpa_relay_module_ops, NULL, 0444);
MODULE_PARM_DESC(relay,
		 "pass rings on through the driver: auto (where the hardware cannot start them where they stand), always, never (default: auto)");

/**
 * hvdpa_relay_obstacle - why can a device's rings not be relayed?
 * @hv: the device; the features are its owner's
 *
 * Return: the reason, or NULL.
 */
const char *hvdpa_relay_obstacle(const struct hvdpa_device *hv)
{
	if (hv->relay == HVDPA_RELAY_NEVER)
		return "relay=never";
	if (hv->dma_api)
		return "its consumer is in the kernel";
	if (!hv->dma.relay_window)
		return "there is no room for rings of the driver's";
	if (hv->driver_features & BIT_ULL(VIRTIO_F_RING_PACKED))
		return "RING_PACKED (bit 34) is agreed on";
	if (hv->driver_features & BIT_ULL(VIRTIO_F_IN_ORDER))
		return "IN_ORDER (bit 35) is agreed on";
	return NULL;
}

/**
 * hvdpa_relay_log_obstacle - why can no dirty log be kept by relayed rings?
 * @hv: the device; the features are its owner's
 *
 * Where an indirect table is the device would have to be followed from where nothing
 * may sleep, to memory that may be anywhere.
 *
 * Return: the reason, or NULL.
 */
const char *hvdpa_relay_log_obstacle(const struct hvdpa_device *hv)
{
	if (hv->driver_features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC))
		return "INDIRECT_DESC (bit 28) is agreed on";
	return hvdpa_relay_obstacle(hv);
}

/**
 * hvdpa_relay_wanted - is a virtqueue to be relayed when it starts?
 * @vring: the virtqueue; the endpoint's lock is held
 *
 * Return: true if it is.
 */
bool hvdpa_relay_wanted(const struct hvdpa_vring *vring)
{
	const struct hvdpa_device *hv = vring->hv;

	if (hvdpa_relay_obstacle(hv))
		return false;
	return hv->relay == HVDPA_RELAY_ALWAYS ||
	       (hv->log && hv->log->relayed) ||
	       (!hvdpa_can(hv->ep, HVDPA_SET_STATE) &&
		!hvdpa_ring_state_is_initial(&vring->base, false));
}
