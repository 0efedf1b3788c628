// SPDX-License-Identifier: GPL-2.0-only
/*
 * The control queue of an owner behind vhost-vdpa: served by the driver in an
 * address space of its own, so that the owner may hide its ring from its guest,
 * and executed on the device's control queue.
 *
 * Every step is under the endpoint's lock: a command is done, or was never
 * begun, when the device is suspended or reset.
 */
#include <linux/etherdevice.h>
#include <linux/slab.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <linux/workqueue.h>

#include "parts.h"
#include "owner_ring.h"
#include "provision.h"
#include "trace.h"

static struct workqueue_struct *hvdpa_control_wq;

/* What others may have the endpoint's lock after: commands, and a time. */
#define HVDPA_CONTROL_BATCH	16
#define HVDPA_CONTROL_HOLD_MS	10

/**
 * struct hvdpa_control - a device's mediated control queue
 * @hv: the device
 * @queue: the device's own control queue
 * @ring: the owner's ring, while @vring is mediated
 * @vring: the virtqueue that it is, while one is mediated
 * @asid: where the owner's ring is; forgotten by a reset
 * @limits: what commands there may be
 * @state: what the device was told; forgotten by a reset
 * @replay: commands that are kept as they were; forgotten likewise
 * @refuses: the device does not run any more: each command is answered with an error
 * @broken: the owner's ring could not be followed, and is left alone until a reset
 * @work: serves the ring
 * @command: the driver's copy of a command
 * @received: commands taken from the ring
 * @accepted: those that the device acknowledged
 * @refused: those that it, or the driver, answered with an error
 *
 * The endpoint's lock protects all of it; the counters are read without.
 */
struct hvdpa_control {
	struct hvdpa_device *hv;
	struct hvdpa_control_queue queue;
	struct hvdpa_owner_ring ring;
	struct hvdpa_vring *vring;
	u32 asid;
	struct hvdpa_command_limits limits;
	struct hvdpa_command_state state;
	struct hvdpa_replay replay;
	bool refuses;
	bool broken;
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
 */
void hvdpa_control_cleanup(void)
{
	destroy_workqueue(hvdpa_control_wq);
}

/* What the driver writes in the device's place is dirty like the device's. */
static void hvdpa_control_wrote(const struct hvdpa_owner_ring *ring, u64 iova,
				u64 len)
{
	struct hvdpa_device *hv = container_of(ring, struct hvdpa_control,
					       ring)->hv;

	lockdep_assert_held(&hv->ep->lock);

	/* A log is of what the device sees. */
	if (!ring->asid && hv->log && hv->log->on)
		hvdpa_log_mark(hv->log, iova, len);
}

static u8 hvdpa_control_command(struct hvdpa_control *control,
				const struct hvdpa_chain *chain, int *err)
{
	u8 ack = VIRTIO_NET_ERR;

	WRITE_ONCE(control->received, control->received + 1);
	*err = 0;
	if (!control->refuses && !chain->unreadable &&
	    chain->out_len <= HVDPA_COMMAND_MAX &&
	    !hvdpa_command_check(&control->limits, control->command,
				 chain->out_len))
		*err = hvdpa_control_execute(&control->queue, control->command,
					     chain->out_len, &ack);
	if (ack == VIRTIO_NET_OK) {
		hvdpa_command_accept(&control->state, control->command);
		hvdpa_replay_keep(&control->replay, control->command,
				  chain->out_len);
		WRITE_ONCE(control->accepted, control->accepted + 1);
	} else {
		ack = VIRTIO_NET_ERR;
		WRITE_ONCE(control->refused, control->refused + 1);
	}
	trace_hvdpa_command(&control->hv->vdpa, control->command,
			    chain->unreadable ? 0 : chain->out_len, ack);
	return ack;
}

/*
 * One command; 1 if there was one, 0 if none. One that the device did not answer has an
 * answer all the same: who waits for it holds locks of its own.
 */
static int hvdpa_control_serve(struct hvdpa_control *control)
{
	struct hvdpa_chain chain;
	int err = 0;
	int ret;
	u8 ack;

	ret = hvdpa_owner_ring_next(&control->ring, &chain, control->command,
				    HVDPA_COMMAND_MAX);
	if (!ret)
		return 0;
	/* Without room for an answer the owner could not know what is so. */
	if (ret > 0 && !chain.in_len)
		ret = -EPROTO;
	if (ret > 0) {
		ack = hvdpa_control_command(control, &chain, &err);
		ret = hvdpa_owner_ring_answer(&control->ring, &chain, ack);
	}
	if (ret < 0) {
		control->broken = true;
		return ret;
	}
	if (ret)
		hvdpa_vring_notify(control->vring);
	return err ?: 1;
}

/*
 * Commands in a row; true if there may be more. Others get the endpoint's lock
 * sooner where the device is slow: they wait for one command, not for a batch.
 */
static bool hvdpa_control_batch(struct hvdpa_control *control, int *err)
{
	unsigned long end = jiffies +
			    msecs_to_jiffies(HVDPA_CONTROL_HOLD_MS);
	unsigned int n;
	int ret;

	for (n = 0; n < HVDPA_CONTROL_BATCH; n++) {
		ret = hvdpa_control_serve(control);
		if (ret <= 0) {
			*err = ret;
			return false;
		}
		if (time_after(jiffies, end))
			break;
	}
	return true;
}

static void hvdpa_control_work(struct work_struct *work)
{
	struct hvdpa_control *control = container_of(work, struct hvdpa_control,
						     work);
	struct hvdpa_device *hv = control->hv;
	bool more = false;
	int err = 0;

	mutex_lock(&hv->ep->lock);
	/* hvdpa_vring_go_live() has a queue that is held now looked at again. */
	if (control->vring && control->vring->state == HVDPA_VRING_LIVE)
		more = hvdpa_control_batch(control, &err);
	if (err) {
		dev_warn_ratelimited(hv->ep->dev,
				     "control queue: entry %u cannot be served, the device needs a reset: %pe\n",
				     control->ring.state.avail_idx,
				     ERR_PTR(err));
		atomic64_inc(&control->vring->errors);
		if (control->refuses)
			hvdpa_vring_hold(control->vring);
		else
			hv->events->failed(hv);
	}
	mutex_unlock(&hv->ep->lock);

	if (more)
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
	/* The command that is executed, and two that are kept. */
	control->command = kvmalloc(3 * HVDPA_COMMAND_MAX, GFP_KERNEL);
	if (!control->command)
		goto err_free_control;
	control->replay.table = control->command + HVDPA_COMMAND_MAX;
	control->replay.steering = control->command + 2 * HVDPA_COMMAND_MAX;

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
	struct hvdpa_endpoint *ep = control->hv->ep;
	struct virtio_net_config config;

	hvdpa_config_read(ep, 0, &config, sizeof(config));
	limits->features = control->hv->driver_features;
	limits->pairs = control->hv->pairs;
	limits->rss_key_max = config.rss_max_key_size;
	limits->rss_table_max =
		le16_to_cpu(config.rss_max_indirection_table_length);
	limits->hash_types = le32_to_cpu(config.supported_hash_types);
}

/**
 * hvdpa_control_describe - a control queue as a ring that the driver serves
 * @vring: the virtqueue
 * @asid: HVDPA_ASID_*, where it is
 * @ring: filled here
 */
void hvdpa_control_describe(const struct hvdpa_vring *vring, u32 asid,
			    struct hvdpa_owner_ring *ring)
{
	struct hvdpa_device *hv = vring->hv;

	*ring = (struct hvdpa_owner_ring){
		.dma = &hv->dma,
		.asid = asid,
		.packed = hvdpa_is_packed(hv),
		.event_idx = hv->driver_features &
			     BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		.indirect = hv->driver_features &
			    BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
		.num = vring->num,
		.desc = vring->desc,
		.driver = vring->driver,
		.device = vring->device,
		.state = vring->base,
		.wrote = hvdpa_control_wrote,
	};
}

/* The owner's control queue is served from DRIVER_OK on; FEATURES_OK is there. */
static int hvdpa_control_attach(struct hvdpa_vring *vring)
{
	struct hvdpa_control *control = vring->hv->control;
	int err;

	lockdep_assert_held(&vring->hv->ep->lock);

	err = hvdpa_vring_check(vring, HVDPA_VRING_NUM_MAX);
	if (err)
		return err;
	hvdpa_control_describe(vring, control->asid, &control->ring);
	hvdpa_control_limits(control);
	control->vring = vring;
	return 0;
}

/*
 * The control queue of a consumer in the kernel is the card's own, until the card
 * answers no more. The driver goes on where the card stopped.
 */
static bool hvdpa_control_take_over(struct hvdpa_device *hv)
{
	int idx = hvdpa_control_index(hv, hv->driver_features);
	struct hvdpa_control *control = hv->control;
	struct hvdpa_vring *vring;
	int err;

	if (idx < 0 || !hv->vrings[idx].has_address)
		return false;
	vring = &hv->vrings[idx];
	hvdpa_control_describe(vring, HVDPA_ASID_KERNEL, &control->ring);
	err = hvdpa_owner_ring_find(&control->ring);
	if (err) {
		dev_warn_ratelimited(hv->ep->dev,
				     "queue %d: a command waits for an answer until the consumer is bound anew, %s ring: %pe\n",
				     idx, control->ring.packed ? "packed" : "split",
				     ERR_PTR(err));
		return false;
	}
	control->vring = vring;
	hvdpa_vring_set_state(vring, HVDPA_VRING_HELD);
	WRITE_ONCE(vring->ops, &hvdpa_control_vring_ops);
	return true;
}

/**
 * hvdpa_control_refuse - answer each command with an error from now on
 * @hv: the device; the endpoint's lock is held; the device does not run
 *
 * A driver of virtio_net waits for the answer to a command without a bound, and holds
 * the lock of all network devices. Until the reset that a device needs, its commands
 * are refused. Nothing is done for a device without a control queue, or without an IOMMU.
 */
void hvdpa_control_refuse(struct hvdpa_device *hv)
{
	struct hvdpa_control *control = hv->control;

	lockdep_assert_held(&hv->ep->lock);

	if (!control || control->broken)
		return;
	if (hv->dma_api && !control->refuses && !hvdpa_control_take_over(hv))
		return;
	control->refuses = true;
	if (control->vring && control->vring->state == HVDPA_VRING_HELD &&
	    control->vring->ready)
		hvdpa_vring_go_live(control->vring);
}

/**
 * hvdpa_control_start - start the card's control queue, where it is needed
 * @hv: the device; the endpoint's lock is held; FEATURES_OK, not DRIVER_OK
 *
 * It is needed to serve an owner's, and to give the card an address.
 *
 * Return: 0 or the errno of hvdpa_control_queue_start().
 */
int hvdpa_control_start(struct hvdpa_device *hv)
{
	struct hvdpa_control_queue *queue = NULL;

	lockdep_assert_held(&hv->ep->lock);

	if (hv->borrowed.memory)
		queue = &hv->borrowed;
	else if (hv->control &&
		 (hv->control->vring || hvdpa_provision_mac_of(hv)))
		queue = &hv->control->queue;
	if (!queue)
		return 0;
	return hvdpa_control_queue_start(queue, hvdpa_control_hw_index(hv),
					 hvdpa_is_packed(hv));
}

/**
 * hvdpa_control_tell_mac - give the card the address that the device has
 * @hv: the device; the endpoint's lock is held; the card has DRIVER_OK, and
 *	no queue is live yet
 *
 * Return: 0; -EIO if the card does not take it; -ETIMEDOUT if it does not
 * answer.
 */
int hvdpa_control_tell_mac(struct hvdpa_device *hv)
{
	u8 command[2 + ETH_ALEN] = {
		VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET,
	};
	const u8 *mac = hvdpa_provision_mac_of(hv);
	u8 ack;
	int err;

	lockdep_assert_held(&hv->ep->lock);

	/* An owner's own address comes back with its other commands. */
	if (!mac || (hv->control && hv->control->state.has_mac))
		return 0;

	ether_addr_copy(command + 2, mac);
	err = hvdpa_control_execute(hv->borrowed.memory ? &hv->borrowed :
				    &hv->control->queue, command,
				    sizeof(command), &ack);
	if (err)
		return err;
	if (ack != VIRTIO_NET_OK) {
		dev_err_ratelimited(hv->ep->dev,
				    "mac %pM: the card answers %u, expected %u: %pe\n",
				    mac, ack, VIRTIO_NET_OK, ERR_PTR(-EIO));
		return -EIO;
	}
	if (hv->borrowed.memory)
		return hvdpa_control_unborrow(hv);
	hvdpa_command_accept(&hv->control->state, command);
	return 0;
}

/**
 * hvdpa_control_replay - a device that goes on is told again what its owner told it
 * @hv: the device; the endpoint's lock is held; the endpoint has DRIVER_OK, and no
 *	queue is live yet
 *
 * Nothing is done where it was told nothing. May sleep.
 *
 * Return: 0 or the errno of hvdpa_replay().
 */
int hvdpa_control_replay(struct hvdpa_device *hv)
{
	struct hvdpa_control *control = hv->control;

	lockdep_assert_held(&hv->ep->lock);

	if (!control || !(control->vring || control->state.has_mac))
		return 0;
	return hvdpa_replay(&control->queue, &control->state, &control->replay);
}

/**
 * hvdpa_control_forget - a reset: no ring, no state, address space 0
 * @hv: the device; the endpoint's lock is held
 */
void hvdpa_control_forget(struct hvdpa_device *hv)
{
	struct hvdpa_control *control = hv->control;

	lockdep_assert_held(&hv->ep->lock);

	hvdpa_control_end(hv);
	hv->watch.waits = false;
	if (!control)
		return;
	/* One that refuses is live, also of a device that was revoked. */
	if (control->vring)
		hvdpa_vring_hold(control->vring);
	control->vring = NULL;
	control->refuses = false;
	control->broken = false;
	control->asid = 0;
	hvdpa_command_state_reset(&control->state);
	control->replay.table_len = 0;
	control->replay.steering_len = 0;
}

static void hvdpa_control_kick(struct hvdpa_vring *vring)
{
	queue_work(hvdpa_control_wq, &vring->hv->control->work);
}

/* The driver keeps where it stands, and needs nothing of the hardware for it. */
static bool hvdpa_control_can_start_at(const struct hvdpa_vring *vring,
				       const struct hvdpa_ring_state *base)
{
	return true;
}

static int hvdpa_control_get_base(const struct hvdpa_vring *vring,
				  struct hvdpa_ring_state *base)
{
	struct hvdpa_device *hv = vring->hv;

	lockdep_assert_held(&hv->ep->lock);

	*base = hv->control->ring.state;
	return 0;
}

static int hvdpa_control_settle(struct hvdpa_vring *vring)
{
	return hvdpa_control_get_base(vring, &vring->base);
}

static int hvdpa_control_stats(const struct hvdpa_vring *vring,
			       struct sk_buff *msg)
{
	struct hvdpa_control_counters counters;

	hvdpa_control_counters(vring->hv->control, &counters);
	return hvdpa_put_stat(msg, "commands", counters.received) ?:
	       hvdpa_put_stat(msg, "commands_accepted", counters.accepted) ?:
	       hvdpa_put_stat(msg, "commands_refused", counters.refused);
}

/* The driver serves it, with commands. */
const struct hvdpa_vring_ops hvdpa_control_vring_ops = {
	.name = "mediated",
	.looks_by_itself = true,
	.start = hvdpa_control_attach,
	.kick = hvdpa_control_kick,
	.can_start_at = hvdpa_control_can_start_at,
	.get_base = hvdpa_control_get_base,
	.settle = hvdpa_control_settle,
	.stats = hvdpa_control_stats,
};

/**
 * hvdpa_control_may_serve - may the driver ever serve a virtqueue?
 * @hv: the device; what it offers is known
 * @idx: the owner's number of the queue
 *
 * Which one it is depends on whether the owner takes several queue pairs, and this
 * answer does not.
 *
 * Return: true if it may.
 */
bool hvdpa_control_may_serve(const struct hvdpa_device *hv, u16 idx)
{
	u64 single = hv->features & ~(BIT_ULL(VIRTIO_NET_F_MQ) |
				      BIT_ULL(VIRTIO_NET_F_RSS));

	return idx == hvdpa_control_index(hv, hv->features) ||
	       idx == hvdpa_control_index(hv, single);
}

/**
 * hvdpa_control_group - in which group is a virtqueue?
 * @hv: the device
 * @idx: the owner's number of the queue
 *
 * Features decide which queue is the control queue. Before there are any, it
 * is the one that all that is offered makes it. Any context.
 *
 * Return: HVDPA_GROUP_*.
 */
u32 hvdpa_control_group(const struct hvdpa_device *hv, u16 idx)
{
	u64 features = READ_ONCE(hv->driver_features) ?: hv->features;

	return hv->control && idx == hvdpa_control_index(hv, features) ?
	       HVDPA_GROUP_CONTROL : HVDPA_GROUP_DATA;
}

/**
 * hvdpa_control_set_asid - say in which address space the owner's ring is
 * @hv: the device; it has a control queue; the endpoint's lock is held
 * @asid: the address space, below HVDPA_ASIDS
 *
 * Return: 0, or -EBUSY while the device runs.
 */
int hvdpa_control_set_asid(struct hvdpa_device *hv, u32 asid)
{
	lockdep_assert_held(&hv->ep->lock);

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
 * @control: the control queue; the endpoint's lock is held
 *
 * Return: true if it does.
 */
bool hvdpa_control_is_served(const struct hvdpa_control *control)
{
	lockdep_assert_held(&control->hv->ep->lock);

	return control->vring;
}

/**
 * hvdpa_control_state - what the device was told
 * @control: the control queue; the endpoint's lock is held
 *
 * Return: the state.
 */
const struct hvdpa_command_state *
hvdpa_control_state(const struct hvdpa_control *control)
{
	lockdep_assert_held(&control->hv->ep->lock);

	return &control->state;
}
