// SPDX-License-Identifier: GPL-2.0-only
/*
 * `devlink health`: a function's death is reported, and it can be brought back
 * without binding it again. devlink tries so by itself, once for each death,
 * unless an administrator told it not to.
 */
#include <linux/pci.h>
#include <linux/workqueue.h>
#include <net/devlink.h>

#include <hvdpa/compat.h>

#include "endpoint.h"
#include "mgmt.h"

/**
 * struct hvdpa_health - what devlink knows of an endpoint
 * @ep: the endpoint
 * @reporter: devlink's reporter
 * @work: reports a death; a report must not be made under the endpoint's lock,
 *	  which a recovery takes under devlink's
 */
struct hvdpa_health {
	struct hvdpa_endpoint *ep;
	struct devlink_health_reporter *reporter;
	struct work_struct work;
};

static int hvdpa_health_recover(struct devlink_health_reporter *reporter,
				void *context, struct netlink_ext_ack *extack)
{
	struct hvdpa_health *health = devlink_health_reporter_priv(reporter);
	struct hvdpa_endpoint *ep = health->ep;
	int err;

	mutex_lock(&ep->lock);
	err = hvdpa_endpoint_revive(ep);
	mutex_unlock(&ep->lock);
	if (err)
		NL_SET_ERR_MSG_FMT(extack, "the function stays given up: error %d",
				   err);
	return err;
}

static int hvdpa_health_diagnose(struct devlink_health_reporter *reporter,
				 struct devlink_fmsg *fmsg,
				 struct netlink_ext_ack *extack)
{
	struct hvdpa_health *health = devlink_health_reporter_priv(reporter);
	struct hvdpa_endpoint *ep = health->ep;

	mutex_lock(&ep->lock);
	devlink_fmsg_string_pair_put(fmsg, "state",
				     hvdpa_endpoint_is_lost(ep) ? "given up" :
				     "alive");
	if (ep->death)
		devlink_fmsg_string_pair_put(fmsg, "last reason", ep->death);
	devlink_fmsg_string_pair_put(fmsg, "device", ep->device ?
				     ep->events->name(ep->device) : "none");
	mutex_unlock(&ep->lock);
	return 0;
}

/* `devlink health test`: an administrator sees what a death looks like. */
static int hvdpa_health_test(struct devlink_health_reporter *reporter,
			     struct netlink_ext_ack *extack)
{
	struct hvdpa_health *health = devlink_health_reporter_priv(reporter);
	struct hvdpa_endpoint *ep = health->ep;

	mutex_lock(&ep->lock);
	hvdpa_endpoint_mark_dead(ep, "devlink health test");
	mutex_unlock(&ep->lock);
	return 0;
}

static const struct devlink_health_reporter_ops hvdpa_health_ops = {
	.name = "function",
	.recover = hvdpa_health_recover,
	.diagnose = hvdpa_health_diagnose,
	.test = hvdpa_health_test,
};

static const struct devlink_ops hvdpa_devlink_ops = {};

static void hvdpa_health_work(struct work_struct *work)
{
	struct hvdpa_health *health = container_of(work, struct hvdpa_health,
						   work);
	struct hvdpa_endpoint *ep = health->ep;
	const char *death;

	mutex_lock(&ep->lock);
	death = ep->death;
	mutex_unlock(&ep->lock);
	devlink_health_report(health->reporter, death, NULL);
}

/* A recovery waits for the function as long as the PCI core does. */
static void hvdpa_health_report(struct hvdpa_endpoint *ep)
{
	lockdep_assert_held(&ep->lock);

	queue_work(system_long_wq, &ep->health->work);
}

/**
 * hvdpa_health_show - somebody else sees to a function's life
 * @ep: the endpoint, its lock held
 * @healthy: it answers
 *
 * Nothing is recovered for that.
 */
void hvdpa_health_show(struct hvdpa_endpoint *ep, bool healthy)
{
	enum devlink_health_reporter_state state =
		healthy ? DEVLINK_HEALTH_REPORTER_STATE_HEALTHY :
			  DEVLINK_HEALTH_REPORTER_STATE_ERROR;

	lockdep_assert_held(&ep->lock);

	if (ep->health)
		devlink_health_reporter_state_update(ep->health->reporter,
						     state);
}

/**
 * hvdpa_health_register - make a function known to devlink
 * @ep: the endpoint, alive
 *
 * Return: 0 or a negative errno with one line in the log.
 */
int hvdpa_health_register(struct hvdpa_endpoint *ep)
{
	struct hvdpa_health *health;
	struct devlink *devlink;
	int err;

	devlink = devlink_alloc(&hvdpa_devlink_ops, sizeof(*health),
				ep->dev);
	if (!devlink) {
		err = -ENOMEM;
		goto err_say;
	}
	health = devlink_priv(devlink);
	health->ep = ep;
	INIT_WORK(&health->work, hvdpa_health_work);
	health->reporter = hvdpa_health_reporter_create(devlink,
							&hvdpa_health_ops,
							health);
	if (IS_ERR(health->reporter)) {
		err = PTR_ERR(health->reporter);
		goto err_free_devlink;
	}
	/* Before anybody can ask for a test, whose death is to be reported. */
	mutex_lock(&ep->lock);
	ep->health = health;
	ep->report_death = hvdpa_health_report;
	mutex_unlock(&ep->lock);
	devlink_register(devlink);
	return 0;

err_free_devlink:
	devlink_free(devlink);
err_say:
	dev_err(ep->dev, "cannot register with devlink: %pe\n",
		ERR_PTR(err));
	return err;
}

/**
 * hvdpa_health_unregister - undo hvdpa_health_register()
 * @ep: the endpoint; its lock is not held
 *
 * Waits for a recovery that has begun.
 */
void hvdpa_health_unregister(struct hvdpa_endpoint *ep)
{
	struct hvdpa_health *health = ep->health;
	struct devlink *devlink = priv_to_devlink(health);

	mutex_lock(&ep->lock);
	ep->report_death = NULL;
	ep->health = NULL;
	mutex_unlock(&ep->lock);
	cancel_work_sync(&health->work);

	devlink_unregister(devlink);
	devlink_health_reporter_destroy(health->reporter);
	devlink_free(devlink);
}
