// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resets of a function that are not this driver's: PCI error recovery, sysfs,
 * system sleep. Each takes the device's state; the owner finds NEEDS_RESET and,
 * once the function is back, may reset the device and go on. Documentation/
 * PCI/pci-error-recovery.rst of the kernel has the order of the calls.
 */
#include <linux/pci.h>
#include <linux/pm.h>

#include "endpoint.h"
#include "function.h"
#include "mgmt.h"

/*
 * Who resets is written down first: a revival that is under way finds it, or has
 * ended when the endpoint is lost.
 */
static void hvdpa_reset_begin(struct hvdpa_function *fn,
			      enum hvdpa_resetter who, const char *reason)
{
	struct hvdpa_endpoint *ep = fn->endpoint;

	hvdpa_function_reset_begins(fn, who);
	mutex_lock(&ep->lock);
	hvdpa_endpoint_lose(ep, reason);
	mutex_unlock(&ep->lock);
}

/*
 * @bring_back: hvdpa_endpoint_return(), or _revive() if it needs a reset yet. Of
 * several resets at once the last one brings the endpoint back.
 */
static int hvdpa_reset_end(struct hvdpa_function *fn, enum hvdpa_resetter who,
			   int (*bring_back)(struct hvdpa_endpoint *ep))
{
	struct hvdpa_endpoint *ep = fn->endpoint;
	int err;

	hvdpa_function_reset_ends(fn, who);
	mutex_lock(&ep->lock);
	err = bring_back(ep);
	hvdpa_health_show(ep, !err);
	mutex_unlock(&ep->lock);
	return err;
}

/*
 * Until hvdpa_error_resume() nobody else may reset the function: its configuration
 * space reads as anything then. An error that is the end has no recovery.
 */
static pci_ers_result_t hvdpa_error_detected(struct pci_dev *pdev,
					     pci_channel_state_t state)
{
	struct hvdpa_function *fn = pci_get_drvdata(pdev);
	struct hvdpa_endpoint *ep = fn->endpoint;

	hvdpa_reset_begin(fn, HVDPA_RESETTER_RECOVERY, "PCI error");
	if (state == pci_channel_io_perm_failure)
		hvdpa_function_reset_ends(fn, HVDPA_RESETTER_RECOVERY);
	/* If nobody recovers it, an administrator can: not before, not twice. */
	mutex_lock(&ep->lock);
	hvdpa_health_show(ep, false);
	mutex_unlock(&ep->lock);

	dev_warn(&pdev->dev, "PCI error, channel state %u: waiting for the recovery\n",
		 state);
	switch (state) {
	case pci_channel_io_normal:
		/* The link is as it was; the function gets its reset later. */
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

static pci_ers_result_t hvdpa_slot_reset(struct pci_dev *pdev)
{
	struct hvdpa_function *fn = pci_get_drvdata(pdev);

	mutex_lock(&fn->lock);
	hvdpa_function_restore(fn);
	mutex_unlock(&fn->lock);
	return PCI_ERS_RESULT_RECOVERED;
}

/*
 * A reset of the link was one of the function too, and an error that is not
 * fatal came without any: one more of the function alone is right for both.
 */
static void hvdpa_error_resume(struct pci_dev *pdev)
{
	hvdpa_reset_end(pci_get_drvdata(pdev), HVDPA_RESETTER_RECOVERY,
			hvdpa_endpoint_revive);
}

static void hvdpa_reset_prepare(struct pci_dev *pdev)
{
	hvdpa_reset_begin(pci_get_drvdata(pdev), HVDPA_RESETTER_PCI,
			  "a reset from outside");
}

static void hvdpa_reset_done(struct pci_dev *pdev)
{
	hvdpa_reset_end(pci_get_drvdata(pdev), HVDPA_RESETTER_PCI,
			hvdpa_endpoint_return);
}

const struct pci_error_handlers hvdpa_error_handlers = {
	.error_detected = hvdpa_error_detected,
	.slot_reset = hvdpa_slot_reset,
	.resume = hvdpa_error_resume,
	.reset_prepare = hvdpa_reset_prepare,
	.reset_done = hvdpa_reset_done,
};

/* The PCI core saves the function's configuration and takes its power. */
static int hvdpa_sleep(struct device *dev)
{
	hvdpa_reset_begin(dev_get_drvdata(dev), HVDPA_RESETTER_SLEEP,
			  "system sleep");
	return 0;
}

/* A sleep that was called off took no power: the state is still there. */
static int hvdpa_wake(struct device *dev)
{
	return hvdpa_reset_end(dev_get_drvdata(dev), HVDPA_RESETTER_SLEEP,
			       hvdpa_endpoint_revive);
}

const struct dev_pm_ops hvdpa_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(hvdpa_sleep, hvdpa_wake)
};
