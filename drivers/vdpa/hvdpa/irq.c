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
#include <linux/moduleparam.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <uapi/linux/virtio_pci.h>

#include "function.h"
#include "parts.h"

#define HVDPA_CONFIG_VECTOR	0

bool hvdpa_irq_bypass = HVDPA_IRQ_BYPASS_IS_SAFE;
module_param_named(irq_bypass, hvdpa_irq_bypass, bool, 0444);
MODULE_PARM_DESC(irq_bypass,
		 "let KVM post queues' interrupts into guests (default: where no owner can crash the kernel with it)");

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

	if (!hvdpa_device_is_running(hv))
		return IRQ_HANDLED;

	for (i = vector->index - hv->plan.first_vq; i < hv->nvqs;
	     i += hv->plan.vq_vectors)
		if (READ_ONCE(hv->vrings[i].ops)->has_vector)
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

	if (hvdpa_device_is_running(vector->hv))
		hvdpa_vring_interrupt(vector->vring);
	return IRQ_HANDLED;
}

static irqreturn_t hvdpa_config_interrupt(int irq, void *data)
{
	struct hvdpa_vector *vector = data;

	if (hvdpa_device_is_running(vector->hv))
		hvdpa_config_notify(vector->hv);
	return IRQ_HANDLED;
}

/* With one vector for all, the ISR status tells a change of configuration. */
static irqreturn_t hvdpa_only_interrupt(int irq, void *data)
{
	struct hvdpa_vector *vector = data;
	struct hvdpa_endpoint *ep = vector->hv->ep;

	if (hvdpa_device_is_running(vector->hv) &&
	    ep->transport->config_changed(ep))
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

static void hvdpa_irq_free(struct hvdpa_device *hv, unsigned int n)
{
	while (n--) {
		/* free_irq() warns of a hint that points into our memory. */
		if (hv->vectors[n].has_affinity)
			irq_update_affinity_hint(hv->vectors[n].irq, NULL);
		free_irq(hv->vectors[n].irq, &hv->vectors[n]);
		kfree(hv->vectors[n].affinity);
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
	struct hvdpa_function *fn = hv->ep->fn;
	unsigned int i;
	int err;

	/* What the probe could not have may be there now. */
	err = hvdpa_function_reserve_vectors(fn, hv->ep->nqueues + 1);
	if (!err)
		err = hvdpa_vector_plan(hv->nvqs, fn->nvectors, &hv->plan);
	if (err) {
		dev_err_ratelimited(hv->ep->dev, "no MSI-X vector, 1 to %u wanted: %pe\n",
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
		vector->irq = pci_irq_vector(fn->pdev, i);
		if (hv->plan.private && i >= hv->plan.first_vq)
			vector->vring = &hv->vrings[i - hv->plan.first_vq];
		hvdpa_vector_name(hv, vector);
		err = request_irq(vector->irq, hvdpa_vector_handler(hv, i), 0,
				  vector->name, vector);
		if (err) {
			dev_err_ratelimited(hv->ep->dev, "vector %u: irq %d: %pe\n", i,
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
 */
void hvdpa_irq_teardown(struct hvdpa_device *hv)
{
	hvdpa_irq_free(hv, hv->plan.nvectors);
	kvfree(hv->vectors);
}

/*
 * An interrupt that its owner was told of may be posted past the driver: a queue that
 * the driver serves then does without, and is looked at from time to time.
 */
static u16 hvdpa_queue_vector(const struct hvdpa_vring *vring)
{
	if (vring->irq_given && !vring->ops->gives_vector)
		return VIRTIO_MSI_NO_VECTOR;
	return hvdpa_vector_of(&vring->hv->plan, vring->idx);
}

/**
 * hvdpa_irq_program_queue - tell the device which vector a queue is to use
 * @hv: the device; the endpoint's lock is held
 * @idx: the queue
 *
 * Return: 0, or -EBUSY if the device has no room for a vector.
 */
int hvdpa_irq_program_queue(struct hvdpa_device *hv, u16 idx)
{
	struct hvdpa_endpoint *ep = hv->ep;
	u16 hw_idx = hv->vrings[idx].hw_idx;
	u16 want = hvdpa_queue_vector(&hv->vrings[idx]);
	u16 got;

	lockdep_assert_held(&hv->ep->lock);

	got = ep->transport->set_queue_vector(ep, hw_idx, want);
	if (got != want) {
		dev_err_ratelimited(hv->ep->dev,
				    "queue %u: queue_msix_vector reads %#x, expected %#x: %pe\n",
				    hw_idx, got, want, ERR_PTR(-EBUSY));
		return -EBUSY;
	}
	return 0;
}

/**
 * hvdpa_irq_program - tell the device which vectors to use
 * @hv: the device; the endpoint's lock is held
 *
 * A reset of the device takes this back.
 *
 * Return: 0, or -EBUSY if the device has no room for a vector.
 */
int hvdpa_irq_program(struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	u16 got;
	int err;
	u32 i;

	lockdep_assert_held(&ep->lock);

	got = ep->transport->set_config_vector(ep, HVDPA_CONFIG_VECTOR);
	if (got != HVDPA_CONFIG_VECTOR) {
		dev_err_ratelimited(hv->ep->dev,
				    "config_msix_vector reads %#x, expected %#x: %pe\n",
				    got, HVDPA_CONFIG_VECTOR, ERR_PTR(-EBUSY));
		return -EBUSY;
	}

	for (i = 0; i < hv->nvqs; i++) {
		if (!hv->vrings[i].has_address || !hv->vrings[i].ops->has_vector)
			continue;
		err = hvdpa_irq_program_queue(hv, i);
		if (err)
			return err;
	}
	return 0;
}

/**
 * hvdpa_irq_sync - wait for interrupt handlers that are under way
 * @hv: the device; it does not run
 */
void hvdpa_irq_sync(struct hvdpa_device *hv)
{
	unsigned int i;

	for (i = 0; i < hv->plan.nvectors; i++)
		synchronize_irq(hv->vectors[i].irq);
}

/**
 * hvdpa_irq_of - a queue's own Linux interrupt
 * @hv: the device; the endpoint's lock is held
 * @idx: the queue
 *
 * Return: its number, or -EOPNOTSUPP if the queue has none to be handed on: it
 * shares its vector, or the driver serves it.
 */
int hvdpa_irq_of(struct hvdpa_device *hv, u16 idx)
{
	struct hvdpa_vring *vring = &hv->vrings[idx];

	lockdep_assert_held(&hv->ep->lock);

	if (!hv->plan.private || !vring->ops->gives_vector)
		return -EOPNOTSUPP;
	vring->irq_given = true;
	return hv->vectors[hvdpa_vector_of(&hv->plan, idx)].irq;
}

/**
 * hvdpa_irq_set_affinity - bind a queue's interrupt to processors
 * @hv: the device
 * @idx: the queue
 * @mask: processors; NULL for no wish
 *
 * Return: 0; -EOPNOTSUPP if the vector is shared; -ENOMEM; or what the interrupt
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

	/* Kept until the vector goes: who asked for it may still look at it. */
	if (!vector->affinity)
		vector->affinity = kzalloc(cpumask_size(), GFP_KERNEL);
	if (!vector->affinity)
		return -ENOMEM;
	cpumask_copy(vector->affinity, mask);
	err = irq_set_affinity_and_hint(vector->irq, vector->affinity);
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

	return vector->has_affinity ? vector->affinity : NULL;
}
