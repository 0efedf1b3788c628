// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI function: its vectors, its configuration space over resets, and who
 * resets it.
 */
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "function.h"

/**
 * hvdpa_function_init - a function without anything
 * @fn: zeroed memory
 * @pdev: the PCI device
 */
void hvdpa_function_init(struct hvdpa_function *fn, struct pci_dev *pdev)
{
	fn->pdev = pdev;
	mutex_init(&fn->lock);
	init_waitqueue_head(&fn->reset_over);
}

/**
 * hvdpa_function_cleanup - give back what a function has
 * @fn: the function; no vector of it is requested
 */
void hvdpa_function_cleanup(struct hvdpa_function *fn)
{
	hvdpa_function_release_vectors(fn);
	kfree(fn->saved);
	mutex_destroy(&fn->lock);
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
 * @fn: the function, its lock held
 *
 * DMA is off then.
 */
void hvdpa_function_restore(struct hvdpa_function *fn)
{
	lockdep_assert_held(&fn->lock);

	pci_load_saved_state(fn->pdev, fn->saved);
	pci_restore_state(fn->pdev);
}

/**
 * hvdpa_function_enable_dma - may a function reach memory?
 * @fn: the function
 * @on: it may
 *
 * The one place that switches bus mastering.
 */
void hvdpa_function_enable_dma(struct hvdpa_function *fn, bool on)
{
	if (on)
		pci_set_master(fn->pdev);
	else
		pci_clear_master(fn->pdev);
}

static bool hvdpa_function_has_resetter(const struct hvdpa_function *fn)
{
	unsigned long resetters = fn->resetters;

	lockdep_assert_held(&fn->lock);

	if (time_after(jiffies, fn->recovery_began +
		       msecs_to_jiffies(HVDPA_RECOVERY_TIMEOUT_MS)))
		resetters &= ~BIT(HVDPA_RESETTER_RECOVERY);
	return resetters;
}

/**
 * hvdpa_function_is_being_reset - does somebody else reset a function?
 * @fn: the function
 *
 * A PCI error recovery that another function of its slot makes fail ends without
 * a word: after HVDPA_RECOVERY_TIMEOUT_MS it is taken for over. May sleep.
 *
 * Return: true if somebody does, and will say when it is over.
 */
bool hvdpa_function_is_being_reset(struct hvdpa_function *fn)
{
	bool is;

	mutex_lock(&fn->lock);
	is = hvdpa_function_has_resetter(fn);
	mutex_unlock(&fn->lock);
	return is;
}

/**
 * hvdpa_function_reset_begins - somebody else resets a function from now on
 * @fn: the function
 * @who: which kind of reset
 *
 * Waits for a reset of ours that is under way; none begins until the end of this.
 */
void hvdpa_function_reset_begins(struct hvdpa_function *fn,
				 enum hvdpa_resetter who)
{
	mutex_lock(&fn->lock);
	WRITE_ONCE(fn->resetters, fn->resetters | BIT(who));
	if (who == HVDPA_RESETTER_RECOVERY)
		fn->recovery_began = jiffies;
	mutex_unlock(&fn->lock);
}

/**
 * hvdpa_function_reset_ends - somebody else's reset is over
 * @fn: the function
 * @who: which kind of reset
 */
void hvdpa_function_reset_ends(struct hvdpa_function *fn,
			       enum hvdpa_resetter who)
{
	mutex_lock(&fn->lock);
	WRITE_ONCE(fn->resetters, fn->resetters & ~BIT(who));
	mutex_unlock(&fn->lock);
	wake_up_all(&fn->reset_over);
}

/**
 * hvdpa_function_flr - a function level reset
 * @fn: the function
 *
 * DMA is as it was on return, and off after an error. May sleep, as long as the PCI
 * core waits for a function.
 *
 * Return: 0; -EBUSY while somebody else resets it; -ENOTTY if the function has no
 * such reset; -ETIMEDOUT.
 */
int hvdpa_function_flr(struct hvdpa_function *fn)
{
	u16 command;
	int err = -EBUSY;

	mutex_lock(&fn->lock);
	if (hvdpa_function_has_resetter(fn))
		goto out_unlock;
	pci_read_config_word(fn->pdev, PCI_COMMAND, &command);
	hvdpa_function_enable_dma(fn, false);
	err = pcie_reset_flr(fn->pdev, PCI_RESET_DO_RESET);
	hvdpa_function_restore(fn);
	if (!err && (command & PCI_COMMAND_MASTER))
		hvdpa_function_enable_dma(fn, true);
out_unlock:
	mutex_unlock(&fn->lock);
	return err;
}

/**
 * hvdpa_function_reserve_vectors - allocate a function's vectors
 * @fn: the function
 * @n: how many it can use; it gets one to as many
 *
 * At probe and in dev_add, which vdpa serialises: no lock of the driver's is
 * needed. May sleep.
 *
 * Return: 0, also if it has them already; -EOPNOTSUPP if it has no MSI-X; or
 * what the interrupt controller says.
 */
int hvdpa_function_reserve_vectors(struct hvdpa_function *fn, unsigned int n)
{
	int got;

	if (fn->nvectors)
		return 0;
	got = pci_alloc_irq_vectors(fn->pdev, 1, n, PCI_IRQ_MSIX);
	if (got < 0)
		return pci_msix_vec_count(fn->pdev) <= 0 ? -EOPNOTSUPP : got;
	fn->nvectors = got;
	return 0;
}

/**
 * hvdpa_function_release_vectors - give a function's vectors back
 * @fn: the function; none of them is requested
 */
void hvdpa_function_release_vectors(struct hvdpa_function *fn)
{
	if (fn->nvectors)
		pci_free_irq_vectors(fn->pdev);
	fn->nvectors = 0;
}
