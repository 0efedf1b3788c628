// SPDX-License-Identifier: GPL-2.0-only
/*
 * How interrupt vectors are shared out, and whom they tell.
 */
#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/iopoll.h>
#include <linux/irq.h>
#include <linux/workqueue.h>

#include "fake_function.h"
#include "relay.h"

static void no_vector_is_refused(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_EXPECT_EQ(test, -ENOSPC, hvdpa_vector_plan(3, 0, &plan));
}

static void one_vector_serves_all(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(3, 1, &plan));
	KUNIT_EXPECT_EQ(test, 1, plan.nvectors);
	KUNIT_EXPECT_FALSE(test, plan.private);
	KUNIT_EXPECT_EQ(test, 0, hvdpa_vector_of(&plan, 0));
	KUNIT_EXPECT_EQ(test, 0, hvdpa_vector_of(&plan, 2));
}

static void few_vectors_are_shared(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(5, 3, &plan));
	KUNIT_EXPECT_EQ(test, 3, plan.nvectors);
	KUNIT_EXPECT_FALSE(test, plan.private);
	KUNIT_EXPECT_EQ(test, 1, hvdpa_vector_of(&plan, 0));
	KUNIT_EXPECT_EQ(test, 2, hvdpa_vector_of(&plan, 1));
	KUNIT_EXPECT_EQ(test, 1, hvdpa_vector_of(&plan, 4));
}

static void enough_vectors_are_private(struct kunit *test)
{
	struct hvdpa_vector_plan plan;
	u16 i;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(5, 6, &plan));
	KUNIT_EXPECT_EQ(test, 6, plan.nvectors);
	KUNIT_EXPECT_TRUE(test, plan.private);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_EQ(test, i + 1, hvdpa_vector_of(&plan, i));
}

static void spare_vectors_are_left(struct kunit *test)
{
	struct hvdpa_vector_plan plan;

	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(1, 64, &plan));
	KUNIT_EXPECT_EQ(test, 2, plan.nvectors);
	KUNIT_EXPECT_TRUE(test, plan.private);
}

/* A handler walks from its own index on, in steps of vq_vectors. */
static void every_queue_is_served_once(struct kunit *test)
{
	struct hvdpa_vector_plan plan;
	unsigned int nvqs, granted, vector, i;

	for (nvqs = 1; nvqs < 20; nvqs++) {
		for (granted = 1; granted < 24; granted++) {
			u8 served[20] = {};

			KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(nvqs, granted,
								   &plan));
			KUNIT_ASSERT_LE(test, plan.nvectors, granted);
			for (vector = plan.first_vq; vector < plan.nvectors;
			     vector++) {
				for (i = vector - plan.first_vq; i < nvqs;
				     i += plan.vq_vectors) {
					served[i]++;
					KUNIT_EXPECT_EQ(test, vector,
							hvdpa_vector_of(&plan,
									i));
				}
			}
			for (i = 0; i < nvqs; i++)
				KUNIT_EXPECT_EQ(test, 1, served[i]);
		}
	}
}

/**
 * struct handling - an interrupt whose handler takes its time
 * @hv: the device
 * @vector: its only vector
 * @vring: its only queue
 * @cb: the callback that the handler calls, in @hv or in @vring
 * @send: sends it, on another processor
 * @entered: the callback runs
 * @after: what @cb was when it had changed, and a while later
 * @left: the callback does not run any more
 */
struct handling {
	struct hvdpa_device *hv;
	struct hvdpa_vector vector;
	struct hvdpa_vring vring;
	struct vdpa_callback *cb;
	struct work_struct send;
	bool entered;
	struct vdpa_callback after;
	bool left;
};

static irqreturn_t linger(void *data)
{
	struct handling *handling = data;
	unsigned int ms;

	WRITE_ONCE(handling->entered, true);
	for (ms = 0; ms < 1000; ms++) {
		handling->after.callback = READ_ONCE(handling->cb->callback);
		if (handling->after.callback != linger)
			break;
		mdelay(1);
	}
	/* Who does not wait for this has returned, and gone on, by then. */
	mdelay(20);
	handling->after.private = READ_ONCE(handling->cb->private);
	WRITE_ONCE(handling->left, true);
	return IRQ_HANDLED;
}

static irqreturn_t not_called(void *data)
{
	return IRQ_HANDLED;
}

static void send(struct work_struct *work)
{
	struct handling *handling = container_of(work, struct handling, send);

	generic_handle_irq_safe(handling->vector.irq);
}

static irqreturn_t config_interrupt(int irq, void *data)
{
	struct hvdpa_vector *vector = data;

	hvdpa_config_notify(vector->hv);
	return IRQ_HANDLED;
}

static void give_back(void *data)
{
	struct hvdpa_vector *vector = data;

	free_irq(vector->irq, vector);
	irq_free_desc(vector->irq);
}

static struct handling *make_handling(struct kunit *test,
				      irq_handler_t handler)
{
	struct hvdpa_fake *fake = hvdpa_fake_create(test, VIRTIO_ID_NET);
	struct handling *handling;
	struct hvdpa_vector *vector;

	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two processors");
	KUNIT_ASSERT_EQ(test, 0, hvdpa_fake_identify(fake));
	handling = kunit_kzalloc(test, sizeof(*handling), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, handling);
	INIT_WORK(&handling->send, send);
	handling->hv = hvdpa_fake_add_device(test, fake);
	handling->hv->state = HVDPA_DEVICE_RUNNING;
	handling->hv->vectors = &handling->vector;
	KUNIT_ASSERT_EQ(test, 0,
			hvdpa_vector_plan(1, 1, &handling->hv->plan));
	hvdpa_vring_init(&handling->vring, handling->hv, 0);

	vector = &handling->vector;
	vector->hv = handling->hv;
	vector->vring = &handling->vring;
	vector->irq = irq_alloc_desc(NUMA_NO_NODE);
	KUNIT_ASSERT_GT(test, vector->irq, 0);
	irq_set_chip_and_handler(vector->irq, &dummy_irq_chip,
				 handle_simple_irq);
	KUNIT_ASSERT_EQ(test, 0, request_irq(vector->irq, handler, 0,
					     "hvdpa-kunit", vector));
	KUNIT_ASSERT_EQ(test, 0, kunit_add_action_or_reset(test, give_back,
							   vector));
	return handling;
}

/* No ASSERT in here: it would end the thread as one that cannot migrate. */
static void change_while_handled(struct kunit *test, struct handling *handling,
				 void (*set)(struct handling *handling,
					     const struct vdpa_callback *cb))
{
	struct vdpa_callback old = { .callback = linger, .private = handling };
	struct vdpa_callback new = { .callback = not_called };
	bool entered;

	set(handling, &old);
	migrate_disable();
	queue_work_on(cpumask_any_but(cpu_online_mask, smp_processor_id()),
		      system_wq, &handling->send);
	KUNIT_EXPECT_EQ(test, 0,
			read_poll_timeout(READ_ONCE, entered, entered, 1000,
					  1000000, false,
					  handling->entered));
	set(handling, &new);
	KUNIT_EXPECT_TRUE(test, READ_ONCE(handling->left));
	migrate_enable();
	flush_work(&handling->send);
}

/* The handler finds the one's callback, or none; never with the other's data. */
static void set_vring(struct handling *handling, const struct vdpa_callback *cb)
{
	mutex_lock(&handling->hv->ep->lock);
	hvdpa_vring_set_cb(&handling->vring, cb);
	mutex_unlock(&handling->hv->ep->lock);
}

static void a_queue_is_changed_between_two_interrupts(struct kunit *test)
{
	struct handling *handling = make_handling(test,
						  hvdpa_private_interrupt);

	handling->cb = &handling->vring.handler;
	change_while_handled(test, handling, set_vring);
	KUNIT_EXPECT_NULL(test, handling->after.callback);
	KUNIT_EXPECT_PTR_EQ(test, (void *)handling, handling->after.private);
	KUNIT_EXPECT_PTR_EQ(test, &not_called, handling->cb->callback);
	KUNIT_EXPECT_NULL(test, handling->cb->private);
}

static void set_config(struct handling *handling,
		       const struct vdpa_callback *cb)
{
	hvdpa_config_set_cb(handling->hv, cb);
}

/* Whoever sets another waits: the one that runs is not changed under way. */
static void config_is_changed_between_two_interrupts(struct kunit *test)
{
	struct handling *handling = make_handling(test, config_interrupt);

	hvdpa_config_open(handling->hv);
	handling->cb = &handling->hv->config_cb;
	change_while_handled(test, handling, set_config);
	KUNIT_EXPECT_PTR_EQ(test, &linger, handling->after.callback);
	KUNIT_EXPECT_PTR_EQ(test, &not_called, handling->cb->callback);
}

static void close_config(struct handling *handling,
			 const struct vdpa_callback *cb)
{
	if (cb->callback == linger)
		hvdpa_config_set_cb(handling->hv, cb);
	else
		hvdpa_config_close(handling->hv);
}

/* A consumer that is unbound frees what its callback is for. */
static void config_is_not_called_once_its_consumer_goes(struct kunit *test)
{
	struct handling *handling = make_handling(test, config_interrupt);
	const struct vdpa_callback late = { .callback = not_called };

	hvdpa_config_set_cb(handling->hv, &late);
	KUNIT_EXPECT_NULL(test, handling->hv->config_cb.callback);

	hvdpa_config_open(handling->hv);
	handling->cb = &handling->hv->config_cb;
	change_while_handled(test, handling, close_config);
	KUNIT_EXPECT_NULL(test, handling->cb->callback);
	hvdpa_config_set_cb(handling->hv, &late);
	KUNIT_EXPECT_NULL(test, handling->cb->callback);
}

/*
 * KVM posts an interrupt past the driver that was given to it. A relayed queue has one
 * that never was, or none, and gives none.
 */
static void vector_of_a_relay_was_never_given(struct kunit *test)
{
	struct handling *handling = make_handling(test, hvdpa_private_interrupt);
	struct hvdpa_vring *vring = &handling->vring;
	struct hvdpa_device *hv = handling->hv;
	struct hvdpa_endpoint *ep = hv->ep;
	__le16 *vector = &hvdpa_fake_of(ep)->common.cfg.queue_msix_vector;
	struct hvdpa_vector vectors[2] = {};
	u16 own;

	vectors[1].irq = handling->vector.irq;
	hv->vectors = vectors;
	hv->vrings = vring;
	KUNIT_ASSERT_EQ(test, 0, hvdpa_vector_plan(1, 2, &hv->plan));
	own = hvdpa_vector_of(&hv->plan, 0);

	mutex_lock(&ep->lock);
	vring->ops = &hvdpa_relay_vring_ops;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hvdpa_irq_of(hv, 0));
	KUNIT_EXPECT_EQ(test, 0, hvdpa_irq_program_queue(hv, 0));
	KUNIT_EXPECT_EQ(test, own, le16_to_cpu(*vector));

	vring->ops = &hvdpa_direct_vring_ops;
	KUNIT_EXPECT_EQ(test, vectors[own].irq, hvdpa_irq_of(hv, 0));
	KUNIT_EXPECT_EQ(test, 0, hvdpa_irq_program_queue(hv, 0));
	KUNIT_EXPECT_EQ(test, own, le16_to_cpu(*vector));

	vring->ops = &hvdpa_relay_vring_ops;
	KUNIT_EXPECT_EQ(test, -EOPNOTSUPP, hvdpa_irq_of(hv, 0));
	KUNIT_EXPECT_EQ(test, 0, hvdpa_irq_program_queue(hv, 0));
	KUNIT_EXPECT_EQ(test, VIRTIO_MSI_NO_VECTOR, le16_to_cpu(*vector));
	mutex_unlock(&ep->lock);
	hv->vectors = &handling->vector;
	hv->vrings = NULL;
}

static struct kunit_case irq_cases[] = {
	KUNIT_CASE(no_vector_is_refused),
	KUNIT_CASE(one_vector_serves_all),
	KUNIT_CASE(few_vectors_are_shared),
	KUNIT_CASE(enough_vectors_are_private),
	KUNIT_CASE(spare_vectors_are_left),
	KUNIT_CASE(every_queue_is_served_once),
	KUNIT_CASE(a_queue_is_changed_between_two_interrupts),
	KUNIT_CASE(config_is_changed_between_two_interrupts),
	KUNIT_CASE(config_is_not_called_once_its_consumer_goes),
	KUNIT_CASE(vector_of_a_relay_was_never_given),
	{}
};

static struct kunit_suite irq_suite = {
	.name = "hvdpa-irq",
	.test_cases = irq_cases,
};

kunit_test_suite(irq_suite);
