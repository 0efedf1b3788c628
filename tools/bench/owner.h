/* SPDX-License-Identifier: GPL-2.0-only */
/* An owner of a vhost-vdpa node. */
#ifndef OWNER_H
#define OWNER_H

#include <linux/vhost.h>
#include <stddef.h>
#include <stdint.h>

struct owner {
	int fd;
	uint64_t features;
	uint64_t backend;
};

/* Opened, owned, features read; what the backend can do is agreed on. */
void owner_open(struct owner *owner, const char *node);
void owner_close(struct owner *owner);
void owner_features(struct owner *owner, uint64_t wanted);
void owner_status(struct owner *owner, uint8_t status);
void owner_ring(struct owner *owner, unsigned int index, unsigned int entries,
		uint64_t iova);
void owner_map(struct owner *owner, uint64_t iova, void *memory, size_t size);
void owner_unmap(struct owner *owner, uint64_t iova, size_t size);

#endif /* OWNER_H */
