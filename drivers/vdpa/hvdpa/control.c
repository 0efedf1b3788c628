// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue of an owner behind vhost-vdpa: served by the driver in an
 * address space of its own, so that the owner may hide its ring from its guest,
 * and executed on the device's control queue.
 *
 * Every step is under the function's lock: a command is done, or was never
 * begun, when the device is suspended or reset.
 */
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>

#include "hvdpa.h"

static struct workqueue_struct *hvdpa_control_wq;

/* Commands in a row before others may have the function's lock. */
#define HVDPA_CONTROL_BATCH	16

/**
 * struct hvdpa_control - a device's mediated control queue
 * @hv: the device
 * @queue: the device's own control queue
 * @ring: the owner's ring, while @vring is mediated
 * @vring: the virtqueue that it is, while one is mediated
 * @asid: where the owner's ring is; forgotten by a reset
 * @limits: what commands there may be
 * @state: what the device was told; forgotten by a reset
 * @work: serves the ring
 * @command: the driver's copy of a command
 * @received: commands taken from the ring
 * @accepted: those that the device acknowledged
 * @refused: those that it, or the driver, answered with an error
 *
 * The function's lock protects all of it; the counters are read without.
 */
struct hvdpa_control {
	struct hvdpa_device *hv;
	struct hvdpa_control_queue queue;
	struct hvdpa_owner_ring ring;
	struct hvdpa_vring *vring;
	u32 asid;
	struct hvdpa_command_limits limits;
	struct hvdpa_command_state state;
	struct work_struct work;
	u8 *command;
	u64 received;
	u64 accepted;
	u64 refused;
};

/**
 * hvdpa_control_setup - make what serves all devices' control queues
 *
 * Return: 0 or -ENOMEM.
 */
int hvdpa_control_setup(void)
{
	hvdpa_control_wq = alloc_workqueue("hvdpa-control", WQ_UNBOUND, 0);
	return hvdpa_control_wq ? 0 : -ENOMEM;
}

/**
 * hvdpa_control_cleanup - undo hvdpa_control_setup()
 *
 * Return: nothing.
 */
void hvdpa_control_cleanup(void)
{
	destroy_workqueue(hvdpa_control_wq);
}

/* What the driver writes in the device's place is dirty like the device's. */
static void hvdpa_control_wrote(const struct hvdpa_owner_ring *ring, u64 iova,
				u64 len)
{
	struct hvdpa_device *hv = container_of(ring->dma, struct hvdpa_device,
					       dma);

	lockdep_assert_held(&hv->fn->lock);

	/* A log is of what the device sees. */
	if (!ring->asid && hv->log && hv->log->on)
		hvdpa_log_mark(hv->log, iova, len);
}

static u8 hvdpa_control_command(struct hvdpa_control *control,
				const struct hvdpa_chain *chain, int *err)
{
	u8 ack = VIRTIO_NET_ERR;

	control->received++;
	*err = 0;
	if (!chain->unreadable && chain->out_len <= HVDPA_COMMAND_MAX &&
	    !hvdpa_command_check(&control->limits, control->command,
				 chain->out_len))
		*err = hvdpa_control_execute(&control->queue, control->command,
					     chain->out_len, &ack);
	if (ack == VIRTIO_NET_OK) {
		hvdpa_command_accept(&control->state, control->command);
		control->accepted++;
	} else {
		ack = VIRTIO_NET_ERR;
		control->refused++;
	}
	return ack;
}

/* One command; 1 if there was one, 0 if none. */
static int hvdpa_control_serve(struct hvdpa_control *control)
{
	struct hvdpa_chain chain;
	int ret, err;
	u8 ack;

	ret = hvdpa_owner_ring_next(&control->ring, &chain, control->command,
				    HVDPA_COMMAND_MAX);
	if (ret <= 0)
		return ret;
	/* Without room for an answer the owner could not know what is so. */
	if (!chain.in_len)
		return -EPROTO;

	ack = hvdpa_control_command(control, &chain, &err);
	if (err)
		return err;
	ret = hvdpa_owner_ring_answer(&control->ring, &chain, ack);
	if (ret < 0)
		return ret;
	if (ret)
		hvdpa_vring_notify(control->vring);
	return 1;
}

static void hvdpa_control_work(struct work_struct *work)
{
	struct hvdpa_control *control = container_of(work, struct hvdpa_control,
						     work);
	struct hvdpa_device *hv = control->hv;
	unsigned int n;
	int ret = 0;

	mutex_lock(&hv->fn->lock);
	for (n = 0; n < HVDPA_CONTROL_BATCH; n++) {
		if (!control->vring || !control->vring->live)
			break;
		ret = hvdpa_control_serve(control);
		if (ret <= 0)
			break;
	}
	if (ret < 0) {
		dev_warn_ratelimited(&hv->fn->pdev->dev,
				     "control queue: entry %u cannot be served, the device needs a reset: %pe\n",
				     control->ring.state.avail_idx,
				     ERR_PTR(ret));
		atomic64_inc(&control->vring->errors);
		hvdpa_device_fail(hv);
	}
	mutex_unlock(&hv->fn->lock);

	if (n == HVDPA_CONTROL_BATCH)
		queue_work(hvdpa_control_wq, &control->work);
}

/**
 * hvdpa_control_create - give a device a mediated control queue
 * @hv: the device; its domain and its features are known
 *
 * Nothing is done for a device without a control queue, or without a domain:
 * such a device has no owner but the kernel.
 *
 * Return: 0 or a negative errno.
 */
int hvdpa_control_create(struct hvdpa_device *hv)
{
	struct hvdpa_control *control;
	int err = -ENOMEM;

	if (!hv->dma.control_window)
		return 0;

	control = kzalloc(sizeof(*control), GFP_KERNEL);
	if (!control)
		return -ENOMEM;
	control->command = kvmalloc(HVDPA_COMMAND_MAX, GFP_KERNEL);
	if (!control->command)
		goto err_free_control;

	err = hvdpa_control_queue_create(&control->queue, hv);
	if (err)
		goto err_free_command;

	control->hv = hv;
	INIT_WORK(&control->work, hvdpa_control_work);
	hvdpa_command_state_reset(&control->state);
	hv->control = control;
	return 0;

err_free_command:
	kvfree(control->command);
err_free_control:
	kfree(control);
	return err;
}

/**
 * hvdpa_control_destroy - undo hvdpa_control_create()
 * @hv: the device; it has no owner and is reset
 *
 * Waits for a command that is under way. May sleep.
 *
 * Return: nothing.
 */
void hvdpa_control_destroy(struct hvdpa_device *hv)
{
	struct hvdpa_control *control = hv->control;

	if (!control)
		return;
	cancel_work_sync(&control->work);
	hvdpa_control_queue_destroy(&control->queue, hv);
	kvfree(control->command);
	kfree(control);
	hv->control = NULL;
}

static void hvdpa_control_limits(struct hvdpa_control *control)
{
	struct hvdpa_command_limits *limits = &control->limits;
	struct hvdpa_function *fn = control->hv->fn;
	struct virtio_net_config config;

	hvdpa_config_read(fn, 0, &config, sizeof(config));
	limits->features = control->hv->driver_features;
	limits->pairs = fn->max_pairs;
	limits->rss_key_max = config.rss_max_key_size;
	limits->rss_table_max =
		le16_to_cpu(config.rss_max_indirection_table_length);
	limits->hash_types = le32_to_cpu(config.supported_hash_types);
}

/**
 * hvdpa_control_start - serve a virtqueue from now on
 * @vring: the owner's control queue; it has its addresses
 *
 * The function's lock is held, the device has FEATURES_OK and not DRIVER_OK.
 *
 * Return: 0 or the errno of hvdpa_control_queue_start(); -EINVAL for a number
 * of entries that a ring cannot have.
 */
int hvdpa_control_start(struct hvdpa_vring *vring)
{
	struct hvdpa_device *hv = vring->hv;
	struct hvdpa_control *control = hv->control;
	bool packed = hvdpa_is_packed(hv);
	int err;

	lockdep_assert_held(&hv->fn->lock);

	if (!hvdpa_queue_size_ok(vring->num, packed)) {
		dev_err_ratelimited(&hv->fn->pdev->dev,
				    "queue %u: %u entries, expected %s up to %u: %pe\n",
				    vring->idx, vring->num,
				    packed ? "a number" : "a power of two",
				    HVDPA_VRING_NUM_MAX, ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	err = hvdpa_control_queue_start(&control->queue, vring->idx, packed);
	if (err)
		return err;

	control->ring = (struct hvdpa_owner_ring){
		.dma = &hv->dma,
		.asid = control->asid,
		.packed = packed,
		.event_idx = hv->driver_features &
			     BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		.indirect = hv->driver_features &
			    BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		.num = vring->num,
		.desc = vring->desc,
		.driver = vring->driver,
		.device = vring->device,
		.state = vring->state,
		.wrote = hvdpa_control_wrote,
	};
	hvdpa_control_limits(control);
	control->vring = vring;
	vring->armed = true;
	return 0;
}

/**
 * hvdpa_control_forget - a reset: no ring, no state, address space 0
 * @hv: the device; the function's lock is held
 *
 * Return: nothing.
 */
void hvdpa_control_forget(struct hvdpa_device *hv)
{
	struct hvdpa_control *control = hv->control;

	lockdep_assert_held(&hv->fn->lock);

	if (!control)
		return;
	control->vring = NULL;
	control->asid = 0;
	hvdpa_command_state_reset(&control->state);
}

/**
 * hvdpa_control_kick - there may be a command
 * @hv: the device; it has a control queue
 *
 * Any context.
 *
 * Return: nothing.
 */
void hvdpa_control_kick(struct hvdpa_device *hv)
{
	queue_work(hvdpa_control_wq, &hv->control->work);
}

/**
 * hvdpa_control_ring_state - where the owner's ring stands
 * @hv: the device; its control queue is mediated; the function's lock is held
 * @state: filled here
 *
 * Return: nothing.
 */
void hvdpa_control_ring_state(struct hvdpa_device *hv,
			      struct hvdpa_ring_state *state)
{
	lockdep_assert_held(&hv->fn->lock);

	*state = hv->control->ring.state;
}

/**
 * hvdpa_control_set_asid - say in which address space the owner's ring is
 * @hv: the device; it has a control queue; the function's lock is held
 * @asid: the address space, below HVDPA_ASIDS
 *
 * Return: 0, or -EBUSY while the device runs.
 */
int hvdpa_control_set_asid(struct hvdpa_device *hv, u32 asid)
{
	lockdep_assert_held(&hv->fn->lock);

	if (hv->status & VIRTIO_CONFIG_S_DRIVER_OK)
		return -EBUSY;
	hv->control->asid = asid;
	return 0;
}

/**
 * hvdpa_control_counters - how many commands there were
 * @control: the control queue
 * @counters: filled here
 *
 * Any context.
 *
 * Return: nothing.
 */
void hvdpa_control_counters(const struct hvdpa_control *control,
			    struct hvdpa_control_counters *counters)
{
	counters->received = READ_ONCE(control->received);
	counters->accepted = READ_ONCE(control->accepted);
	counters->refused = READ_ONCE(control->refused);
}

/**
 * hvdpa_control_is_served - does the driver serve the owner's ring now?
 * @control: the control queue; the function's lock is held
 *
 * Return: true if it does.
 */
bool hvdpa_control_is_served(const struct hvdpa_control *control)
{
	lockdep_assert_held(&control->hv->fn->lock);

	return control->vring;
}

/**
 * hvdpa_control_state - what the device was told
 * @control: the control queue; the function's lock is held
 *
 * Return: the state.
 */
const struct hvdpa_command_state *
hvdpa_control_state(const struct hvdpa_control *control)
{
	lockdep_assert_held(&control->hv->fn->lock);

	return &control->state;
}
