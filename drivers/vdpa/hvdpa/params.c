// SPDX-License-Identifier: GPL-2.0-only
/*
 * `devlink dev param`: what an administrator chooses for one function.
 */
#include <linux/pci.h>
#include <linux/string.h>
#include <net/devlink.h>

#include <hvdpa/compat.h>

#include "function.h"
#include "mgmt.h"
#include "relay.h"

enum {
	HVDPA_PARAM_RELAY = DEVLINK_PARAM_GENERIC_ID_MAX + 1,
};

static struct hvdpa_endpoint *hvdpa_params_endpoint(struct devlink *devlink)
{
	struct hvdpa_function *fn = dev_get_drvdata(devlink_to_dev(devlink));

	return fn->endpoint;
}

static int hvdpa_relay_param_get(HVDPA_DEVLINK_PARAM_GET_ARGS)
{
	struct hvdpa_endpoint *ep = hvdpa_params_endpoint(devlink);

	strscpy(ctx->val.vstr, hvdpa_relay_policy_name(READ_ONCE(ep->relay)),
		sizeof(ctx->val.vstr));
	return 0;
}

/* The operations of a device that is there depend on it: the next one has it. */
static int hvdpa_relay_param_set(struct devlink *devlink, u32 id,
				 struct devlink_param_gset_ctx *ctx,
				 struct netlink_ext_ack *extack)
{
	struct hvdpa_endpoint *ep = hvdpa_params_endpoint(devlink);
	int policy = hvdpa_relay_policy_parse(ctx->val.vstr);

	if (policy < 0) {
		NL_SET_ERR_MSG_MOD(extack, "relay is auto, always or never");
		return policy;
	}
	WRITE_ONCE(ep->relay, policy);
	return 0;
}

static const struct devlink_param hvdpa_params[] = {
	{
		.id = HVDPA_PARAM_RELAY,
		.name = "relay",
		.type = DEVLINK_PARAM_TYPE_STRING,
		.supported_cmodes = BIT(DEVLINK_PARAM_CMODE_RUNTIME),
		.get = hvdpa_relay_param_get,
		.set = hvdpa_relay_param_set,
	},
};

/**
 * hvdpa_params_register - let a function be asked and told
 * @ep: its endpoint, which devlink knows
 *
 * Return: 0 or a negative errno with one line in the log.
 */
int hvdpa_params_register(struct hvdpa_endpoint *ep)
{
	int err;

	ep->relay = hvdpa_relay_policy_default();
	err = devlink_params_register(priv_to_devlink(ep->health), hvdpa_params,
				      ARRAY_SIZE(hvdpa_params));
	if (err)
		dev_err(ep->dev, "cannot register parameters with devlink: %pe\n",
			ERR_PTR(err));
	return err;
}

/**
 * hvdpa_params_unregister - undo hvdpa_params_register()
 * @ep: the endpoint
 *
 * Nobody asks or tells any more on return.
 */
void hvdpa_params_unregister(struct hvdpa_endpoint *ep)
{
	devlink_params_unregister(priv_to_devlink(ep->health), hvdpa_params,
				  ARRAY_SIZE(hvdpa_params));
}
