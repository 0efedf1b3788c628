// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cost.h"
#include "owner.h"

void owner_open(struct owner *owner, const char *node)
{
	uint64_t wanted = 1ULL << VHOST_BACKEND_F_IOTLB_MSG_V2 |
			  1ULL << VHOST_BACKEND_F_IOTLB_BATCH |
			  1ULL << VHOST_BACKEND_F_SUSPEND |
			  1ULL << VHOST_BACKEND_F_RESUME;

	owner->fd = open(node, O_RDWR | O_CLOEXEC);
	must(owner->fd >= 0, node);
	must(!ioctl(owner->fd, VHOST_SET_OWNER), "SET_OWNER");
	must(!ioctl(owner->fd, VHOST_GET_FEATURES, &owner->features),
	     "GET_FEATURES");
	must(!ioctl(owner->fd, VHOST_GET_BACKEND_FEATURES, &owner->backend),
	     "GET_BACKEND_FEATURES");
	owner->backend &= wanted;
	must(!ioctl(owner->fd, VHOST_SET_BACKEND_FEATURES, &owner->backend),
	     "SET_BACKEND_FEATURES");
}

void owner_close(struct owner *owner)
{
	close(owner->fd);
}

void owner_features(struct owner *owner, uint64_t wanted)
{
	uint64_t features = owner->features & wanted;

	must(!ioctl(owner->fd, VHOST_SET_FEATURES, &features), "SET_FEATURES");
}

void owner_status(struct owner *owner, uint8_t status)
{
	must(!ioctl(owner->fd, VHOST_VDPA_SET_STATUS, &status), "SET_STATUS");
}

/* Descriptors, what the driver writes, and what the device writes, in a row. */
void owner_ring(struct owner *owner, unsigned int index, unsigned int entries,
		uint64_t iova)
{
	struct vhost_vring_state state = { .index = index, .num = entries };
	struct vhost_vring_addr address = {
		.index = index,
		.desc_user_addr = iova,
		.avail_user_addr = iova + 16 * entries,
		.used_user_addr = iova + 20 * entries,
	};

	must(!ioctl(owner->fd, VHOST_SET_VRING_NUM, &state), "SET_VRING_NUM");
	state.num = 0;
	must(!ioctl(owner->fd, VHOST_SET_VRING_BASE, &state), "SET_VRING_BASE");
	must(!ioctl(owner->fd, VHOST_SET_VRING_ADDR, &address),
	     "SET_VRING_ADDR");
	state.num = 1;
	must(!ioctl(owner->fd, VHOST_VDPA_SET_VRING_ENABLE, &state),
	     "SET_VRING_ENABLE");
}

static void owner_tell(struct owner *owner, const struct vhost_iotlb_msg *iotlb)
{
	struct vhost_msg_v2 message = {
		.type = VHOST_IOTLB_MSG_V2, .iotlb = *iotlb,
	};

	must(write(owner->fd, &message, sizeof(message)) == sizeof(message),
	     "a message of the IOTLB");
}

void owner_map(struct owner *owner, uint64_t iova, void *memory, size_t size)
{
	owner_tell(owner, &(struct vhost_iotlb_msg){
		.iova = iova, .size = size, .uaddr = (uintptr_t)memory,
		.perm = VHOST_ACCESS_RW, .type = VHOST_IOTLB_UPDATE,
	});
}

void owner_unmap(struct owner *owner, uint64_t iova, size_t size)
{
	owner_tell(owner, &(struct vhost_iotlb_msg){
		.iova = iova, .size = size, .type = VHOST_IOTLB_INVALIDATE,
	});
}
