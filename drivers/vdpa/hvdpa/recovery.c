// SPDX-License-Identifier: GPL-2.0-only
/*
 * A function is lost, and comes back: what is done at its death, at resets of this
 * driver's and at those of others, which reset.c hears of.
 */
#include <linux/jiffies.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_config.h>

#include "hvdpa.h"

/**
 * hvdpa_function_lose - the driver touches a function no more
 * @fn: the function, its lock held
 * @reason: for people
 *
 * Its DMA is cut, no kick reaches it through the driver or by a doorbell that
 * /dev/hvdpa/NAME mapped, its device's owner is told, until hvdpa_function_return()
 * or hvdpa_function_revive(). A doorbell that vhost-vdpa mapped into its owner cannot
 * be taken back: what the owner writes there goes to the function, which has no rings
 * then. May sleep.
 */
void hvdpa_function_lose(struct hvdpa_function *fn, const char *reason)
{
	lockdep_assert_held(&fn->lock);

	if (fn->dead)
		return;
	WRITE_ONCE(fn->dead, true);
	fn->death = reason;
	pci_clear_master(fn->pdev);

	if (fn->hv)
		hvdpa_device_lose(fn->hv);
}

/**
 * hvdpa_function_mark_dead - give a function up
 * @fn: the function, its lock held
 * @reason: for the log
 *
 * It is lost, and devlink is told. It stays so until hvdpa_function_revive(),
 * or until it is bound again.
 *
 * Return: nothing.
 */
void hvdpa_function_mark_dead(struct hvdpa_function *fn, const char *reason)
{
	lockdep_assert_held(&fn->lock);

	if (fn->dead)
		return;
	hvdpa_function_lose(fn, reason);
	dev_err(&fn->pdev->dev, "the function is given up: %s\n", reason);
	hvdpa_health_report(fn);
}

/**
 * hvdpa_function_save - keep the configuration space that resets put back
 * @fn: the function; no reset of it is under way
 *
 * Kept once, at probe, where it is known to be good and DMA is off: a copy made
 * later may be made in the midst of somebody else's reset.
 *
 * Return: 0 or -ENOMEM.
 */
int hvdpa_function_save(struct hvdpa_function *fn)
{
	pci_save_state(fn->pdev);
	fn->saved = pci_store_saved_state(fn->pdev);
	return fn->saved ? 0 : -ENOMEM;
}

/**
 * hvdpa_function_restore - put the configuration space back after a reset
 * @fn: the function
 *
 * DMA is off then.
 */
void hvdpa_function_restore(struct hvdpa_function *fn)
{
	pci_load_saved_state(fn->pdev, fn->saved);
	pci_restore_state(fn->pdev);
}

/**
 * hvdpa_function_flr - a function level reset
 * @fn: the function, its lock held; nobody else resets it
 *
 * DMA is as it was on return, and off after an error. May sleep, as long as the PCI
 * core waits for a function.
 *
 * Return: 0; -ENOTTY if the function has no such reset; -ETIMEDOUT.
 */
int hvdpa_function_flr(struct hvdpa_function *fn)
{
	u16 command;
	int err;

	lockdep_assert_held(&fn->lock);

	pci_read_config_word(fn->pdev, PCI_COMMAND, &command);
	pci_clear_master(fn->pdev);
	err = pcie_reset_flr(fn->pdev, PCI_RESET_DO_RESET);
	hvdpa_function_restore(fn);
	if (!err && (command & PCI_COMMAND_MASTER))
		pci_set_master(fn->pdev);
	return err;
}

/* Does it answer as it did before it was given up? */
static int hvdpa_function_recognise(struct hvdpa_function *fn)
{
	u8 status = hvdpa_function_read_status(fn);
	u64 offered;
	int err;

	if (status) {
		err = status == HVDPA_ALL_ONES_8 ? -ENODEV : -ETIMEDOUT;
		dev_err(&fn->pdev->dev,
			"revive: device_status is %#x after a function level reset, expected 0: %pe\n",
			status, ERR_PTR(err));
		return err;
	}
	offered = vp_modern_get_features(&fn->mdev);
	if (offered != fn->offered) {
		dev_err(&fn->pdev->dev,
			"revive: device_feature is %#llx, it was %#llx: %pe\n",
			offered, fn->offered, ERR_PTR(-EIO));
		return -EIO;
	}
	return 0;
}

/**
 * hvdpa_function_return - a function that was lost was reset
 * @fn: the function, its lock held; its configuration space is as it was
 *
 * An owner of its device goes on finding NEEDS_RESET until it has reset it.
 *
 * Return: 0; -ENODEV or -ETIMEDOUT if it does not answer as after a reset, -EIO
 * if it is not what it was. After an error it stays lost, and one line in the
 * log says why.
 */
int hvdpa_function_return(struct hvdpa_function *fn)
{
	struct hvdpa_device *hv = fn->hv;
	int err;

	lockdep_assert_held(&fn->lock);

	err = hvdpa_function_recognise(fn);
	if (err)
		return err;

	WRITE_ONCE(fn->dead, false);
	if (hv && !hv->revoked) {
		hvdpa_file_keep_doorbells(hv, false);
		pci_set_master(fn->pdev);
	}
	dev_info(&fn->pdev->dev, "the function is back after: %s\n", fn->death);
	return 0;
}

/**
 * hvdpa_function_is_being_reset - does somebody else reset a function?
 * @fn: the function, its lock held
 *
 * A PCI error recovery that another function of its slot makes fail ends without
 * a word: after HVDPA_RECOVERY_TIMEOUT_MS it is taken for over.
 *
 * Return: true if somebody does, and will say when it is over.
 */
bool hvdpa_function_is_being_reset(const struct hvdpa_function *fn)
{
	unsigned long resetters = fn->resetters;

	lockdep_assert_held(&fn->lock);

	if (time_after(jiffies, fn->recovery_began +
		       msecs_to_jiffies(HVDPA_RECOVERY_TIMEOUT_MS)))
		resetters &= ~BIT(HVDPA_RESETTER_RECOVERY);
	return resetters;
}

/**
 * hvdpa_function_await_reset - wait until nobody else resets a function
 * @fn: the function, its lock held; it is given up while waiting
 *
 * Bounded by HVDPA_AWAIT_RESET_MS.
 *
 * Return: 0; -EBUSY if it takes longer; -EINTR if the caller is killed.
 */
int hvdpa_function_await_reset(struct hvdpa_function *fn)
{
	long left;

	lockdep_assert_held(&fn->lock);

	while (hvdpa_function_is_being_reset(fn)) {
		mutex_unlock(&fn->lock);
		left = wait_event_killable_timeout(fn->reset_over,
						   !READ_ONCE(fn->resetters),
						   msecs_to_jiffies(HVDPA_AWAIT_RESET_MS));
		mutex_lock(&fn->lock);
		if (left <= 0)
			return left ? -EINTR : -EBUSY;
	}
	return 0;
}

/**
 * hvdpa_function_revive - bring back a function that was given up
 * @fn: the function, its lock held
 *
 * A function level reset, and a look at what answers. An owner of its device
 * goes on finding NEEDS_RESET until it has reset it. May sleep, and as long as
 * the PCI core waits for a function: up to a minute.
 *
 * Return: 0, also where it was not given up; -ENODEV if it is not there or is
 * being removed, -EBUSY while somebody else resets it, -ENOTTY if it has no
 * function level reset, -ETIMEDOUT if that does not end, -EIO if it is not what
 * it was. After an error it stays given up; but for -EBUSY and a removal one
 * line in the log says why.
 */
int hvdpa_function_revive(struct hvdpa_function *fn)
{
	u16 command;
	int err;

	lockdep_assert_held(&fn->lock);

	if (fn->removing)
		return -ENODEV;
	if (hvdpa_function_is_being_reset(fn))
		return -EBUSY;
	if (!fn->dead)
		return 0;
	/* Else the reset would wait a minute for what cannot come. */
	pci_read_config_word(fn->pdev, PCI_COMMAND, &command);
	if (PCI_POSSIBLE_ERROR(command)) {
		dev_err(&fn->pdev->dev,
			"revive: the command register reads %#x, the function is not there: %pe\n",
			command, ERR_PTR(-ENODEV));
		return -ENODEV;
	}

	err = hvdpa_function_flr(fn);
	if (err) {
		dev_err(&fn->pdev->dev, "revive: function level reset: %pe\n",
			ERR_PTR(err));
		return err;
	}
	return hvdpa_function_return(fn);
}
