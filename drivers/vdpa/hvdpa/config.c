// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device configuration space, virtio 1.4 section 2.5.
 *
 * vdpa's netlink reads a whole net or block configuration, however short the
 * device's is, and any user may ask it to: what is not there reads as zero.
 */
#include <linux/device.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "endpoint.h"

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
 * @ep: the endpoint
 *
 * Return: the register, 0 if the endpoint is lost.
 */
u32 hvdpa_config_generation(struct hvdpa_endpoint *ep)
{
	return hvdpa_endpoint_is_lost(ep) ? 0 : ep->transport->generation(ep);
}

/**
 * hvdpa_config_read - read the configuration, of one moment if it can be had
 * @ep: the endpoint
 * @offset: first byte
 * @buf: where to
 * @len: bytes; those that the device does not have read as zero
 *
 * A configuration that changes under the read is read again, at most
 * HVDPA_CONFIG_ROUNDS times; one that never stands still is given as last
 * read, with a line in the log. Takes no lock: the space has no selector.
 */
void hvdpa_config_read(struct hvdpa_endpoint *ep, unsigned int offset,
		       void *buf, unsigned int len)
{
	size_t span = hvdpa_config_span(ep->config_len, offset, len);
	unsigned int round;
	u32 before;

	memset(buf, 0, len);
	if (!span || hvdpa_endpoint_is_lost(ep))
		return;

	for (round = 0; round < HVDPA_CONFIG_ROUNDS; round++) {
		before = hvdpa_config_generation(ep);
		ep->transport->read_config(ep, offset, buf, span);
		if (hvdpa_config_generation(ep) == before)
			return;
	}
	dev_warn_ratelimited(ep->dev,
			     "config_generation changed in each of %u reads, was %u\n",
			     HVDPA_CONFIG_ROUNDS, before);
}

/**
 * hvdpa_config_write - write to the configuration
 * @ep: the endpoint
 * @offset: first byte
 * @buf: where from
 * @len: bytes; those that the device does not have are dropped
 */
void hvdpa_config_write(struct hvdpa_endpoint *ep, unsigned int offset,
			const void *buf, unsigned int len)
{
	size_t span = hvdpa_config_span(ep->config_len, offset, len);

	if (span && !hvdpa_endpoint_is_lost(ep))
		ep->transport->write_config(ep, offset, buf, span);
}
