// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupt vectors: one for each queue and one for the configuration where
 * the function has as many, else shared, else one for all.
 *
 * A function has its vectors from its probe on: to allocate them takes a third of
 * what dev_add would take with it, under the lock of all vdpa commands. They are
 * requested at dev_add, where an errno can be told. Linux interrupt numbers stay
 * the same until the function is unbound: vhost-vdpa hands them to KVM.
 */
#include <linux/interrupt.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "hvdpa.h"

#define HVDPA_CONFIG_VECTOR	0
#define HVDPA_ISR_CONFIG	BIT(1)

/**
 * hvdpa_vector_plan - share out interrupt vectors
 * @nvqs: queues
 * @granted: vectors that there are
 * @plan: filled here
 *
 * Return: 0, or -ENOSPC if there is no vector at all.
 */
int hvdpa_vector_plan(unsigned int nvqs, unsigned int granted,
		      struct hvdpa_vector_plan *plan)
{
	*plan = (struct hvdpa_vector_plan){ .nvectors = 1, .vq_vectors = 1 };

	if (!granted)
		return -ENOSPC;
	if (granted == 1)
		return 0;

	plan->vq_vectors = min(nvqs, granted - 1);
	plan->nvectors = plan->vq_vectors + 1;
	plan->first_vq = 1;
	plan->private = plan->vq_vectors == nvqs;
	return 0;
}

/**
 * hvdpa_vector_of - a queue's vector
 * @plan: how the vectors are shared out
 * @idx: the queue
 *
 * Return: the vector's number.
 */
unsigned int hvdpa_vector_of(const struct hvdpa_vector_plan *plan, u16 idx)
{
	return plan->first_vq + idx % plan->vq_vectors;
}

/**
 * hvdpa_config_notify - tell the owner that the configuration changed
 * @hv: the device
 *
 * The callback runs under the lock that setting it takes: it is not running once
 * another is set. Any context.
 */
void hvdpa_config_notify(struct hvdpa_device *hv)
{
	unsigned long flags;

	spin_lock_irqsave(&hv->config_cb_lock, flags);
	if (hv->config_cb.callback)
		hv->config_cb.callback(hv->config_cb.private);
	spin_unlock_irqrestore(&hv->config_cb_lock, flags);
}

/**
 * hvdpa_config_set_cb - set whom a change of the configuration tells
 * @hv: the device
 * @cb: the callback
 *
 * The previous callback is not running any more on return. Nothing is set while
 * no consumer is bound: see hvdpa_config_close(). Any context.
 */
void hvdpa_config_set_cb(struct hvdpa_device *hv,
			 const struct vdpa_callback *cb)
{
	unsigned long flags;

	spin_lock_irqsave(&hv->config_cb_lock, flags);
	if (hv->config_open)
		hv->config_cb = *cb;
	spin_unlock_irqrestore(&hv->config_cb_lock, flags);
}

/**
 * hvdpa_config_open - a consumer may set a configuration callback from now on
 * @hv: the device
 */
void hvdpa_config_open(struct hvdpa_device *hv)
{
	spin_lock_irq(&hv->config_cb_lock);
	hv->config_open = true;
	spin_unlock_irq(&hv->config_cb_lock);
}

/**
 * hvdpa_config_close - no configuration callback is called or set any more
 * @hv: the device
 *
 * What the callback is for is freed by its consumer, which does not take the
 * callback back.
 */
void hvdpa_config_close(struct hvdpa_device *hv)
{
	spin_lock_irq(&hv->config_cb_lock);
	hv->config_open = false;
	hv->config_cb = (struct vdpa_callback){};
	spin_unlock_irq(&hv->config_cb_lock);
}

static irqreturn_t hvdpa_vq_interrupt(int irq, void *data)
{
	struct hvdpa_vector *vector = data;
	struct hvdpa_device *hv = vector->hv;
	unsigned int i;

	if (!READ_ONCE(hv->running))
		return IRQ_HANDLED;

	for (i = vector->index - hv->plan.first_vq; i < hv->nvqs;
	     i += hv->plan.vq_vectors)
		if (!READ_ONCE(hv->vrings[i].mediated))
			hvdpa_vring_interrupt(&hv->vrings[i]);
	return IRQ_HANDLED;
}

/**
 * hvdpa_private_interrupt - the handler of a vector that is one queue's own
 * @irq: its Linux interrupt number
 * @data: struct hvdpa_vector
 *
 * A device can send it whenever it likes, and virtio-vdpa completes what the
 * callback is for after it has set the callback: nothing is passed on before
 * DRIVER_OK. A queue that the driver serves was told to no device.
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t hvdpa_private_interrupt(int irq, void *data)
{
	struct hvdpa_vector *vector = data;

	if (READ_ONCE(vector->hv->running))
		hvdpa_vring_interrupt(vector->vring);
	return IRQ_HANDLED;
}

static irqreturn_t hvdpa_config_interrupt(int irq, void *data)
{
	struct hvdpa_vector *vector = data;

	if (READ_ONCE(vector->hv->running))
		hvdpa_config_notify(vector->hv);
	return IRQ_HANDLED;
}

/*
 * With one vector for all, the ISR status tells a change of configuration: a
 * device sets that bit with MSI-X too, virtio 1.4 section 4.1.4.5.1. All-ones
 * has the bit set, and the owner that looks then sees NEEDS_RESET.
 */
static irqreturn_t hvdpa_only_interrupt(int irq, void *data)
{
	struct hvdpa_vector *vector = data;

	if (READ_ONCE(vector->hv->running) &&
	    vp_ioread8(vector->hv->fn->mdev.isr) & HVDPA_ISR_CONFIG)
		hvdpa_config_notify(vector->hv);
	return hvdpa_vq_interrupt(irq, data);
}

static irq_handler_t hvdpa_vector_handler(const struct hvdpa_device *hv,
					  unsigned int index)
{
	if (hv->plan.nvectors == 1)
		return hvdpa_only_interrupt;
	if (index == HVDPA_CONFIG_VECTOR)
		return hvdpa_config_interrupt;
	return hv->plan.private ? hvdpa_private_interrupt : hvdpa_vq_interrupt;
}

static void hvdpa_vector_name(const struct hvdpa_device *hv,
			      struct hvdpa_vector *vector)
{
	const char *name = dev_name(&hv->vdpa.dev);

	if (hv->plan.nvectors == 1)
		snprintf(vector->name, sizeof(vector->name), "%s-all", name);
	else if (vector->index == HVDPA_CONFIG_VECTOR)
		snprintf(vector->name, sizeof(vector->name), "%s-config", name);
	else
		snprintf(vector->name, sizeof(vector->name), "%s-vq%u%s", name,
			 vector->index - hv->plan.first_vq,
			 hv->plan.private ? "" : "+");
}

/**
 * hvdpa_irq_reserve - allocate a function's vectors
 * @fn: the function, identified
 *
 * One for each queue that a device of it may have and one for the
 * configuration, or as many as there are. At probe and in dev_add, which vdpa
 * serialises: no lock of the driver's is needed. May sleep.
 *
 * Return: 0, also if it has them already; -EOPNOTSUPP if it has no MSI-X; or
 * what the interrupt controller says.
 */
int hvdpa_irq_reserve(struct hvdpa_function *fn)
{
	int n;

	if (fn->nvectors)
		return 0;
	n = pci_alloc_irq_vectors(fn->pdev, 1, fn->nqueues + 1, PCI_IRQ_MSIX);
	if (n < 0)
		return pci_msix_vec_count(fn->pdev) <= 0 ? -EOPNOTSUPP : n;
	fn->nvectors = n;
	return 0;
}

/**
 * hvdpa_irq_release - give a function's vectors back
 * @fn: the function; none of them is requested
 *
 * Return: nothing.
 */
void hvdpa_irq_release(struct hvdpa_function *fn)
{
	if (fn->nvectors)
		pci_free_irq_vectors(fn->pdev);
	fn->nvectors = 0;
}

static void hvdpa_irq_free(struct hvdpa_device *hv, unsigned int n)
{
	while (n--) {
		/* free_irq() warns of a hint that points into our memory. */
		if (hv->vectors[n].has_affinity)
			irq_update_affinity_hint(hv->vectors[n].irq, NULL);
		free_irq(hv->vectors[n].irq, &hv->vectors[n]);
	}
}

/**
 * hvdpa_irq_setup - request a device's vectors
 * @hv: the device; its name and @hv->nvqs are known
 *
 * Return: 0 or a negative errno with one line in the log.
 */
int hvdpa_irq_setup(struct hvdpa_device *hv)
{
	struct pci_dev *pdev = hv->fn->pdev;
	unsigned int i;
	int err;

	/* What the probe could not have may be there now. */
	err = hvdpa_irq_reserve(hv->fn);
	if (!err)
		err = hvdpa_vector_plan(hv->nvqs, hv->fn->nvectors, &hv->plan);
	if (err) {
		dev_err_ratelimited(&pdev->dev, "no MSI-X vector, 1 to %u wanted: %pe\n",
				    hv->nvqs + 1, ERR_PTR(err));
		return err;
	}

	hv->vectors = kvcalloc(hv->plan.nvectors, sizeof(*hv->vectors),
			       GFP_KERNEL);
	if (!hv->vectors)
		return -ENOMEM;

	for (i = 0; i < hv->plan.nvectors; i++) {
		struct hvdpa_vector *vector = &hv->vectors[i];

		vector->hv = hv;
		vector->index = i;
		vector->irq = pci_irq_vector(pdev, i);
		if (hv->plan.private && i >= hv->plan.first_vq)
			vector->vring = &hv->vrings[i - hv->plan.first_vq];
		hvdpa_vector_name(hv, vector);
		err = request_irq(vector->irq, hvdpa_vector_handler(hv, i), 0,
				  vector->name, vector);
		if (err) {
			dev_err_ratelimited(&pdev->dev, "vector %u: irq %d: %pe\n", i,
					    vector->irq, ERR_PTR(err));
			goto err_free_irqs;
		}
	}
	return 0;

err_free_irqs:
	hvdpa_irq_free(hv, i);
	kvfree(hv->vectors);
	return err;
}

/**
 * hvdpa_irq_teardown - give a device's vectors back
 * @hv: the device
 *
 * Return: nothing.
 */
void hvdpa_irq_teardown(struct hvdpa_device *hv)
{
	hvdpa_irq_free(hv, hv->plan.nvectors);
	kvfree(hv->vectors);
}

/**
 * hvdpa_irq_program_queue - tell the device which vector a queue is to use
 * @hv: the device; the function's lock is held
 * @idx: the queue
 *
 * Return: 0, or -EBUSY if the device has no room for a vector.
 */
int hvdpa_irq_program_queue(struct hvdpa_device *hv, u16 idx)
{
	u16 hw_idx = hv->vrings[idx].hw_idx;
	u16 want = hvdpa_vector_of(&hv->plan, idx);
	u16 got;

	lockdep_assert_held(&hv->fn->lock);

	got = vp_modern_queue_vector(&hv->fn->mdev, hw_idx, want);
	if (got != want) {
		dev_err_ratelimited(&hv->fn->pdev->dev,
				    "queue %u: queue_msix_vector reads %#x, expected %#x: %pe\n",
				    hw_idx, got, want, ERR_PTR(-EBUSY));
		return -EBUSY;
	}
	return 0;
}

/**
 * hvdpa_irq_program - tell the device which vectors to use
 * @hv: the device; the function's lock is held
 *
 * A reset of the device takes this back.
 *
 * Return: 0, or -EBUSY if the device has no room for a vector.
 */
int hvdpa_irq_program(struct hvdpa_device *hv)
{
	u16 got;
	int err;
	u32 i;

	lockdep_assert_held(&hv->fn->lock);

	got = vp_modern_config_vector(&hv->fn->mdev, HVDPA_CONFIG_VECTOR);
	if (got != HVDPA_CONFIG_VECTOR) {
		dev_err_ratelimited(&hv->fn->pdev->dev,
				    "config_msix_vector reads %#x, expected %#x: %pe\n",
				    got, HVDPA_CONFIG_VECTOR, ERR_PTR(-EBUSY));
		return -EBUSY;
	}

	for (i = 0; i < hv->nvqs; i++) {
		if (!hv->vrings[i].has_address || hv->vrings[i].mediated)
			continue;
		err = hvdpa_irq_program_queue(hv, i);
		if (err)
			return err;
	}
	return 0;
}

/**
 * hvdpa_irq_sync - wait for interrupt handlers that are under way
 * @hv: the device; @hv->running is false
 *
 * Return: nothing.
 */
void hvdpa_irq_sync(struct hvdpa_device *hv)
{
	unsigned int i;

	for (i = 0; i < hv->plan.nvectors; i++)
		synchronize_irq(hv->vectors[i].irq);
}

/**
 * hvdpa_irq_of - a queue's own Linux interrupt
 * @hv: the device
 * @idx: the queue
 *
 * Return: its number, or -EOPNOTSUPP if the queue has none to be handed on: it
 * shares its vector, or the driver serves it.
 */
int hvdpa_irq_of(struct hvdpa_device *hv, u16 idx)
{
	if (!hv->plan.private || READ_ONCE(hv->vrings[idx].mediated))
		return -EOPNOTSUPP;
	return hv->vectors[hvdpa_vector_of(&hv->plan, idx)].irq;
}

/**
 * hvdpa_irq_set_affinity - bind a queue's interrupt to processors
 * @hv: the device
 * @idx: the queue
 * @mask: processors; NULL for no wish
 *
 * Return: 0, -EOPNOTSUPP if the vector is shared, or what the interrupt
 * controller says.
 */
int hvdpa_irq_set_affinity(struct hvdpa_device *hv, u16 idx,
			   const struct cpumask *mask)
{
	struct hvdpa_vector *vector;
	int err;

	if (!hv->plan.private)
		return -EOPNOTSUPP;

	vector = &hv->vectors[hvdpa_vector_of(&hv->plan, idx)];
	if (!mask) {
		vector->has_affinity = false;
		return irq_update_affinity_hint(vector->irq, NULL);
	}

	cpumask_copy(&vector->affinity, mask);
	err = irq_set_affinity_and_hint(vector->irq, &vector->affinity);
	/* The hint is set even if the controller refuses the processors. */
	vector->has_affinity = true;
	return err;
}

/**
 * hvdpa_irq_affinity - the processors a queue's interrupt was bound to
 * @hv: the device
 * @idx: the queue
 *
 * Return: the mask, or NULL if none was set.
 */
const struct cpumask *hvdpa_irq_affinity(struct hvdpa_device *hv, u16 idx)
{
	const struct hvdpa_vector *vector =
		&hv->vectors[hvdpa_vector_of(&hv->plan, idx)];

	return vector->has_affinity ? &vector->affinity : NULL;
}
