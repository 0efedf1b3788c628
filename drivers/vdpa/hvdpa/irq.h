/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt vectors, and whom they tell.
 */
#ifndef HVDPA_IRQ_H
#define HVDPA_IRQ_H

#include <linux/cpumask_types.h>
#include <linux/irqreturn.h>
#include <linux/types.h>

struct hvdpa_device;
struct hvdpa_vring;
struct vdpa_callback;

/* Is it the administrator's wish that KVM posts interrupts? */
extern bool hvdpa_irq_bypass;

/**
 * struct hvdpa_vector_plan - who uses which interrupt vector
 * @nvectors: vectors in use
 * @first_vq: the vector of queue 0
 * @vq_vectors: queue i has vector first_vq + i % vq_vectors
 * @private: no queue shares its vector
 */
struct hvdpa_vector_plan {
	unsigned int nvectors;
	unsigned int first_vq;
	unsigned int vq_vectors;
	bool private;
};

/**
 * struct hvdpa_vector - one interrupt vector of a device
 * @hv: the device
 * @vring: the queue whose own it is, or NULL
 * @irq: Linux interrupt number, the same until the function is unbound
 * @index: which vector
 * @has_affinity: @affinity was set
 * @affinity: the processors that it was bound to, once there were any
 * @name: as /proc/interrupts shows it
 */
struct hvdpa_vector {
	struct hvdpa_device *hv;
	struct hvdpa_vring *vring;
	int irq;
	unsigned int index;
	bool has_affinity;
	struct cpumask *affinity;
	char name[40];
};

int hvdpa_vector_plan(unsigned int nvqs, unsigned int granted,
		      struct hvdpa_vector_plan *plan);
unsigned int hvdpa_vector_of(const struct hvdpa_vector_plan *plan, u16 idx);
irqreturn_t hvdpa_private_interrupt(int irq, void *data);
int hvdpa_irq_setup(struct hvdpa_device *hv);
void hvdpa_irq_teardown(struct hvdpa_device *hv);
int hvdpa_irq_program(struct hvdpa_device *hv);
int hvdpa_irq_program_queue(struct hvdpa_device *hv, u16 idx);
void hvdpa_irq_sync(struct hvdpa_device *hv);
void hvdpa_config_notify(struct hvdpa_device *hv);
void hvdpa_config_set_cb(struct hvdpa_device *hv,
			 const struct vdpa_callback *cb);
void hvdpa_config_open(struct hvdpa_device *hv);
void hvdpa_config_close(struct hvdpa_device *hv);
int hvdpa_irq_of(struct hvdpa_device *hv, u16 idx);
int hvdpa_irq_set_affinity(struct hvdpa_device *hv, u16 idx,
			   const struct cpumask *mask);
const struct cpumask *hvdpa_irq_affinity(struct hvdpa_device *hv, u16 idx);

#endif /* HVDPA_IRQ_H */
