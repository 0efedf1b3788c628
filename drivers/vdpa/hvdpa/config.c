// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device configuration space, virtio 1.4 section 2.5.
 *
 * vdpa's netlink reads a whole net or block configuration, however short the
 * device's is, and any user may ask it to: what is not there reads as zero.
 */
#include <kunit/static_stub.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "hvdpa.h"

/**
 * hvdpa_config_span - how much of a read or write the device has
 * @size: bytes of the device's configuration
 * @offset: first byte asked for
 * @len: bytes asked for
 *
 * Return: how many of them, from the first, exist.
 */
size_t hvdpa_config_span(size_t size, size_t offset, size_t len)
{
	if (offset >= size)
		return 0;
	return min(len, size - offset);
}

/**
 * hvdpa_config_generation - read config_generation, virtio 1.4 section 2.5
 * @fn: the function
 *
 * Return: the register, 0 if the function is dead.
 */
u32 hvdpa_config_generation(struct hvdpa_function *fn)
{
	KUNIT_STATIC_STUB_REDIRECT(hvdpa_config_generation, fn);

	return READ_ONCE(fn->dead) ? 0 : vp_modern_generation(&fn->mdev);
}

/**
 * hvdpa_config_read - read the configuration, of one moment if it can be had
 * @fn: the function
 * @offset: first byte
 * @buf: where to
 * @len: bytes; those that the device does not have read as zero
 *
 * A configuration that changes under the read is read again, at most
 * HVDPA_CONFIG_ROUNDS times; one that never stands still is given as last
 * read, with a line in the log. Takes no lock: the space has no selector.
 *
 * Return: nothing.
 */
void hvdpa_config_read(struct hvdpa_function *fn, unsigned int offset,
		       void *buf, unsigned int len)
{
	size_t span = hvdpa_config_span(fn->mdev.device_len, offset, len);
	unsigned int round;
	u8 *byte = buf;
	u32 before;
	size_t i;

	memset(buf, 0, len);
	if (!fn->mdev.device || READ_ONCE(fn->dead))
		return;

	for (round = 0; round < HVDPA_CONFIG_ROUNDS; round++) {
		before = hvdpa_config_generation(fn);
		for (i = 0; i < span; i++)
			byte[i] = vp_ioread8(fn->mdev.device + offset + i);
		if (hvdpa_config_generation(fn) == before)
			return;
	}
	dev_warn_ratelimited(&fn->pdev->dev,
			     "config_generation changed in each of %u reads, was %u\n",
			     HVDPA_CONFIG_ROUNDS, before);
}

/**
 * hvdpa_config_write - write to the configuration
 * @fn: the function
 * @offset: first byte
 * @buf: where from
 * @len: bytes; those that the device does not have are dropped
 *
 * Return: nothing.
 */
void hvdpa_config_write(struct hvdpa_function *fn, unsigned int offset,
			const void *buf, unsigned int len)
{
	size_t span = hvdpa_config_span(fn->mdev.device_len, offset, len);
	const u8 *byte = buf;
	size_t i;

	if (!fn->mdev.device || READ_ONCE(fn->dead))
		return;
	for (i = 0; i < span; i++)
		vp_iowrite8(byte[i], fn->mdev.device + offset + i);
}
