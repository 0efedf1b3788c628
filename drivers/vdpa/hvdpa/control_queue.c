// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's own control queue, driven by this driver: one command at a
 * time, each waited for.
 *
 * Its memory is in a window of the device's domain above the owner's range. The
 * owner's queues are in the same domain, so a device that is told to may write
 * here: nothing that is read back is trusted for more than an answer.
 */
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iopoll.h>
#include <linux/mm.h>
#include <linux/virtio_net.h>
#include <linux/virtio_ring.h>
#include <uapi/linux/virtio_pci.h>

#include "parts.h"

/* A command and its answer take two descriptors. */
#define HVDPA_CONTROL_RING_NUM	4

/**
 * struct hvdpa_control_memory - what the device sees of the control queue
 * @desc: the descriptors, of either kind of ring
 * @driver: split: the available ring; packed: the driver's event suppression
 * @device: split: the used ring; packed: the device's event suppression
 * @ack: the answer
 * @command: the command
 */
struct hvdpa_control_memory {
	union {
		struct vring_desc split[HVDPA_CONTROL_RING_NUM];
		struct vring_packed_desc packed[HVDPA_CONTROL_RING_NUM];
	} desc;
	union {
		struct {
			__le16 flags;
			__le16 idx;
			__le16 ring[HVDPA_CONTROL_RING_NUM];
			__le16 used_event;
		} avail;
		struct vring_packed_desc_event event;
	} driver;
	union {
		struct {
			__le16 flags;
			__le16 idx;
			struct {
				__le32 id;
				__le32 len;
			} ring[HVDPA_CONTROL_RING_NUM];
			__le16 avail_event;
		} used;
		struct vring_packed_desc_event event;
	} device __aligned(64);
	u8 ack __aligned(64);
	u8 command[HVDPA_COMMAND_MAX] __aligned(64);
};

static_assert(offsetof(struct hvdpa_control_memory, desc) == 0);
static_assert(offsetof(struct hvdpa_control_memory, driver) == 64);
static_assert(offsetof(struct hvdpa_control_memory, device) == 128);
static_assert(sizeof(struct hvdpa_control_memory) <=
	      HVDPA_CONTROL_WINDOW_BYTES);

#define HVDPA_CONTROL_AT(queue, member) \
	((queue)->iova + offsetof(struct hvdpa_control_memory, member))

/**
 * hvdpa_control_queue_create - make the memory of a control queue
 * @queue: zeroed
 * @hv: the device; it has a domain with a window for this
 *
 * May sleep.
 *
 * Return: 0, -ENOMEM, or what the IOMMU says.
 */
int hvdpa_control_queue_create(struct hvdpa_control_queue *queue,
			       struct hvdpa_device *hv)
{
	int err;

	queue->ep = hv->ep;
	queue->iova = hv->dma.control_window;
	queue->memory = alloc_pages_exact(HVDPA_CONTROL_WINDOW_BYTES,
					  GFP_KERNEL_ACCOUNT | __GFP_ZERO);
	if (!queue->memory)
		return -ENOMEM;

	err = iommu_map(hv->dma.domain, queue->iova,
			virt_to_phys(queue->memory),
			HVDPA_CONTROL_WINDOW_BYTES,
			IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE,
			GFP_KERNEL_ACCOUNT);
	if (err)
		free_pages_exact(queue->memory, HVDPA_CONTROL_WINDOW_BYTES);
	return err;
}

/**
 * hvdpa_control_queue_destroy - undo hvdpa_control_queue_create()
 * @queue: the queue; the device is reset
 * @hv: the device
 */
void hvdpa_control_queue_destroy(struct hvdpa_control_queue *queue,
				 struct hvdpa_device *hv)
{
	iommu_unmap(hv->dma.domain, queue->iova, HVDPA_CONTROL_WINDOW_BYTES);
	free_pages_exact(queue->memory, HVDPA_CONTROL_WINDOW_BYTES);
}

/**
 * hvdpa_control_queue_borrow - make the memory of a control queue for a moment
 * @queue: zeroed
 * @ep: the function; its DMA goes through the kernel's default domain
 *
 * May sleep.
 *
 * Return: 0 or -ENOMEM.
 */
int hvdpa_control_queue_borrow(struct hvdpa_control_queue *queue,
			       struct hvdpa_endpoint *ep)
{
	dma_addr_t address;

	queue->ep = ep;
	queue->memory = dma_alloc_coherent(ep->dev,
					   HVDPA_CONTROL_WINDOW_BYTES, &address,
					   GFP_KERNEL);
	queue->iova = address;
	return queue->memory ? 0 : -ENOMEM;
}

/**
 * hvdpa_control_queue_give_back - undo hvdpa_control_queue_borrow()
 * @queue: the queue; the device or the queue is reset
 */
void hvdpa_control_queue_give_back(struct hvdpa_control_queue *queue)
{
	if (queue->memory)
		dma_free_coherent(queue->ep->dev,
				  HVDPA_CONTROL_WINDOW_BYTES, queue->memory,
				  queue->iova);
	queue->memory = NULL;
}

/**
 * hvdpa_control_queue_start - tell the device of its control queue
 * @queue: the queue
 * @idx: its number on the device
 * @packed: packed rings were agreed on
 *
 * The endpoint's lock is held, the device has FEATURES_OK and not DRIVER_OK.
 *
 * Return: 0; -EINVAL if the device's queue is too small; -EIO if the device
 * does not enable it; -EBUSY if it does not do without a vector.
 */
int hvdpa_control_queue_start(struct hvdpa_control_queue *queue, u16 idx,
			      bool packed)
{
	struct hvdpa_control_memory *memory = queue->memory;
	struct hvdpa_endpoint *ep = queue->ep;
	const struct hvdpa_queue_place place = {
		.num = HVDPA_CONTROL_RING_NUM,
		.desc = HVDPA_CONTROL_AT(queue, desc),
		.driver = HVDPA_CONTROL_AT(queue, driver),
		.device = HVDPA_CONTROL_AT(queue, device),
	};
	struct hvdpa_ring_state initial;
	u16 vector;
	u16 size;

	lockdep_assert_held(&ep->lock);

	/* It may be a queue that the owner knows nothing of. */
	size = ep->transport->queue_size(ep, idx);
	if (size < HVDPA_CONTROL_RING_NUM) {
		dev_err_ratelimited(ep->dev,
				    "queue %u: queue_size is %u, a control queue needs %u: %pe\n",
				    idx, size, HVDPA_CONTROL_RING_NUM, ERR_PTR(-EINVAL));
		return -EINVAL;
	}

	memset(memory, 0, offsetof(struct hvdpa_control_memory, command));
	queue->idx = idx;
	queue->packed = packed;
	queue->next = 0;
	queue->wrap = true;
	if (packed)
		memory->driver.event.flags =
			cpu_to_le16(VRING_PACKED_EVENT_FLAG_DISABLE);

	vector = ep->transport->set_queue_vector(ep, idx, VIRTIO_MSI_NO_VECTOR);
	if (vector != VIRTIO_MSI_NO_VECTOR) {
		dev_err_ratelimited(ep->dev,
				    "queue %u: queue_msix_vector reads %#x, expected %#x: %pe\n",
				    idx, vector, VIRTIO_MSI_NO_VECTOR, ERR_PTR(-EBUSY));
		return -EBUSY;
	}
	hvdpa_ring_state_initial(&initial, packed);
	return hvdpa_endpoint_start_queue(ep, idx, &place, &initial);
}

static void hvdpa_control_post_split(struct hvdpa_control_queue *queue,
				     size_t len)
{
	struct hvdpa_control_memory *memory = queue->memory;

	memory->desc.split[0] = (struct vring_desc){
		.addr = (__force __virtio64)
			cpu_to_le64(HVDPA_CONTROL_AT(queue, command)),
		.len = (__force __virtio32)cpu_to_le32(len),
		.flags = (__force __virtio16)cpu_to_le16(VRING_DESC_F_NEXT),
		.next = (__force __virtio16)cpu_to_le16(1),
	};
	memory->desc.split[1] = (struct vring_desc){
		.addr = (__force __virtio64)
			cpu_to_le64(HVDPA_CONTROL_AT(queue, ack)),
		.len = (__force __virtio32)cpu_to_le32(sizeof(memory->ack)),
		.flags = (__force __virtio16)cpu_to_le16(VRING_DESC_F_WRITE),
	};
	memory->driver.avail.flags =
		cpu_to_le16(VRING_AVAIL_F_NO_INTERRUPT);
	memory->driver.avail.ring[queue->next % HVDPA_CONTROL_RING_NUM] = 0;
	/* The chain before the index that exposes it. */
	dma_wmb();
	queue->next++;
	WRITE_ONCE(memory->driver.avail.idx, cpu_to_le16(queue->next));
}

static void hvdpa_control_post_packed(struct hvdpa_control_queue *queue,
				      size_t len)
{
	struct hvdpa_control_memory *memory = queue->memory;
	struct vring_packed_desc *desc = &memory->desc.packed[queue->next];
	u16 available = queue->wrap ? BIT(VRING_PACKED_DESC_F_AVAIL) :
				      BIT(VRING_PACKED_DESC_F_USED);

	static_assert(HVDPA_CONTROL_RING_NUM % 2 == 0);

	desc[1] = (struct vring_packed_desc){
		.addr = cpu_to_le64(HVDPA_CONTROL_AT(queue, ack)),
		.len = cpu_to_le32(sizeof(memory->ack)),
		.flags = cpu_to_le16(available | VRING_DESC_F_WRITE),
	};
	desc[0].addr = cpu_to_le64(HVDPA_CONTROL_AT(queue, command));
	desc[0].len = cpu_to_le32(len);
	desc[0].id = 0;
	/* The chain before the flags that expose it. */
	dma_wmb();
	WRITE_ONCE(desc[0].flags, cpu_to_le16(available | VRING_DESC_F_NEXT));
}

static bool hvdpa_control_answered(struct hvdpa_control_queue *queue)
{
	struct hvdpa_control_memory *memory = queue->memory;
	u16 flags;

	if (!queue->packed)
		return le16_to_cpu(READ_ONCE(memory->device.used.idx)) ==
		       queue->next;
	flags = le16_to_cpu(READ_ONCE(memory->desc.packed[queue->next].flags));
	return !!(flags & BIT(VRING_PACKED_DESC_F_AVAIL)) == queue->wrap &&
	       !!(flags & BIT(VRING_PACKED_DESC_F_USED)) == queue->wrap;
}

/**
 * hvdpa_control_execute - have the device execute a command
 * @queue: the queue; the device runs, and the endpoint's lock is held
 * @command: class, command, data
 * @len: bytes of it, HVDPA_COMMAND_MAX at most
 * @ack: the device's answer
 *
 * Waits for HVDPA_CONTROL_TIMEOUT_US at most; sleeps.
 *
 * Return: 0, or -ETIMEDOUT with one line in the log: the device may answer at
 * any time then, and must be reset before another command.
 */
int hvdpa_control_execute(struct hvdpa_control_queue *queue,
			  const void *command, size_t len, u8 *ack)
{
	struct hvdpa_control_memory *memory = queue->memory;
	struct hvdpa_endpoint *ep = queue->ep;
	bool answered;
	int err;

	lockdep_assert_held(&ep->lock);

	memcpy(memory->command, command, len);
	WRITE_ONCE(memory->ack, VIRTIO_NET_ERR);
	if (queue->packed)
		hvdpa_control_post_packed(queue, len);
	else
		hvdpa_control_post_split(queue, len);
	/* Also orders the memory before the doorbell. */
	ep->transport->ring(ep, queue->idx);

	err = read_poll_timeout(hvdpa_control_answered, answered, answered,
				HVDPA_CONTROL_POLL_US,
				HVDPA_CONTROL_TIMEOUT_US, false, queue);
	if (err) {
		dev_err_ratelimited(ep->dev,
				    "control command %u.%u of %zu bytes: no answer within %u us, device_status is %#x: %pe\n",
				    memory->command[0], memory->command[1], len,
				    HVDPA_CONTROL_TIMEOUT_US,
				    ep->transport->get_status(ep), ERR_PTR(err));
		return err;
	}
	/* The answer was written before what says that it is there. */
	dma_rmb();
	*ack = READ_ONCE(memory->ack);

	if (queue->packed) {
		queue->next = (queue->next + 2) % HVDPA_CONTROL_RING_NUM;
		queue->wrap ^= !queue->next;
	}
	return 0;
}
