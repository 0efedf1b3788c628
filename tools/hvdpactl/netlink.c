// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/devlink.h>
#include <linux/genetlink.h>
#include <linux/vdpa.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netlink.h"

struct netlink {
	struct mnl_socket *socket;
	uint16_t family;
	/* devlink's; 0 until it is asked for */
	uint16_t devlink;
	uint32_t sequence;
	/* What the kernel adds to an errno; "" where it says nothing. */
	char said[256];
	char buffer[32768];
};

/* Attributes of a reply, by number. */
struct reply {
	const struct nlattr **attributes;
	size_t n;
};

static int take_attribute(const struct nlattr *attribute, void *data)
{
	struct reply *reply = data;

	if (mnl_attr_get_type(attribute) < reply->n)
		reply->attributes[mnl_attr_get_type(attribute)] = attribute;
	return MNL_CB_OK;
}

static int take_said(const struct nlattr *attribute, void *data)
{
	struct netlink *netlink = data;

	if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG &&
	    mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0)
		snprintf(netlink->said, sizeof(netlink->said), "%s",
			 mnl_attr_get_str(attribute));
	return MNL_CB_OK;
}

/* The errno of an answer, and what comes after it. */
static int take_error(const struct nlmsghdr *header, void *data)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(header);
	unsigned int offset = sizeof(*answer);

	if (header->nlmsg_len < mnl_nlmsg_size(sizeof(*answer))) {
		errno = EBADMSG;
		return MNL_CB_ERROR;
	}
	if (header->nlmsg_flags & NLM_F_ACK_TLVS) {
		if (!(header->nlmsg_flags & NLM_F_CAPPED))
			offset += mnl_nlmsg_get_payload_len(&answer->msg);
		mnl_attr_parse(header, offset, take_said, data);
	}
	if (!answer->error)
		return MNL_CB_STOP;
	errno = -answer->error;
	return MNL_CB_ERROR;
}

/* What a reply's callback gets, and what an error's. */
struct exchange {
	struct netlink *netlink;
	struct reply *reply;
};

static int take_reply(const struct nlmsghdr *header, void *data)
{
	struct exchange *exchange = data;

	if (exchange->reply)
		mnl_attr_parse(header, sizeof(struct genlmsghdr),
			       take_attribute, exchange->reply);
	return MNL_CB_OK;
}

static int take_control(const struct nlmsghdr *header, void *data)
{
	struct exchange *exchange = data;

	return take_error(header, exchange->netlink);
}

static struct nlmsghdr *begin_command(struct netlink *netlink,
				      uint16_t family, uint8_t command)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(netlink->buffer);
	struct genlmsghdr *generic;

	header->nlmsg_type = family;
	header->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	header->nlmsg_seq = ++netlink->sequence;
	generic = mnl_nlmsg_put_extra_header(header, sizeof(*generic));
	generic->cmd = command;
	generic->version = 1;
	return header;
}

/*
 * Returns 0 or a negative errno. The reply's attributes are in the buffer, and
 * are there until the next command.
 */
static int end_command(struct netlink *netlink, struct nlmsghdr *header,
		       struct reply *reply)
{
	static const mnl_cb_t controls[NLMSG_MIN_TYPE] = {
		[NLMSG_ERROR] = take_control,
	};
	struct exchange exchange = { .netlink = netlink, .reply = reply };
	unsigned int port = mnl_socket_get_portid(netlink->socket);
	size_t used = 0;
	int result;

	netlink->said[0] = '\0';
	if (mnl_socket_sendto(netlink->socket, header, header->nlmsg_len) < 0)
		return -errno;
	do {
		/* The reply is kept: an errno comes after it. */
		char *end = netlink->buffer + used;
		ssize_t n;

		n = mnl_socket_recvfrom(netlink->socket, end,
					sizeof(netlink->buffer) - used);
		if (n < 0)
			return -errno;
		result = mnl_cb_run2(end, n, netlink->sequence, port,
				     take_reply, &exchange, controls,
				     NLMSG_MIN_TYPE);
		used += MNL_ALIGN(n);
	} while (result > MNL_CB_STOP);
	return result < 0 ? -errno : 0;
}

static int find_family(struct netlink *netlink, const char *name,
		       uint16_t *family)
{
	const struct nlattr *attributes[CTRL_ATTR_FAMILY_ID + 1] = {};
	struct reply reply = { attributes, CTRL_ATTR_FAMILY_ID + 1 };
	struct nlmsghdr *header;
	int err;

	header = begin_command(netlink, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, name);
	err = end_command(netlink, header, &reply);
	if (err)
		return err;
	if (!attributes[CTRL_ATTR_FAMILY_ID])
		return -EBADMSG;
	*family = mnl_attr_get_u16(attributes[CTRL_ATTR_FAMILY_ID]);
	return 0;
}

struct netlink *netlink_open(struct error *error)
{
	struct netlink *netlink = must_alloc(NULL, 1, sizeof(*netlink));
	int one = 1;
	int err = 0;

	*netlink = (struct netlink){ .sequence = time(NULL) };
	netlink->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!netlink->socket ||
	    mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		err = -errno;
	} else {
		/* Without them errnos have no words. */
		mnl_socket_setsockopt(netlink->socket, NETLINK_EXT_ACK, &one,
				      sizeof(one));
		err = find_family(netlink, VDPA_GENL_NAME, &netlink->family);
	}
	if (!err)
		return netlink;
	netlink_close(netlink);
	if (err == -ENOENT)
		fail(error,
		     "this kernel has no vdpa: its netlink family is not there; 'modprobe vdpa', boot a kernel with CONFIG_VDPA, or leave this network namespace");
	else
		fail(error, "cannot ask the kernel for its vdpa devices: %s; are you root?",
		     strerror(-err));
	return NULL;
}

void netlink_close(struct netlink *netlink)
{
	if (!netlink)
		return;
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	free(netlink);
}

static const char *said(const struct netlink *netlink, int err)
{
	return *netlink->said ? netlink->said : strerror(-err);
}

int netlink_add(struct netlink *netlink, const char *name,
		const char *function, const struct attributes *attributes,
		struct error *error)
{
	struct nlmsghdr *header;
	int err;

	header = begin_command(netlink, netlink->family, VDPA_CMD_DEV_NEW);
	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_BUS_NAME, "pci");
	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_DEV_NAME, function);
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, name);
	if (attributes->has_mac)
		mnl_attr_put(header, VDPA_ATTR_DEV_NET_CFG_MACADDR,
			     sizeof(attributes->mac), attributes->mac);
	if (attributes->has_mtu)
		mnl_attr_put_u16(header, VDPA_ATTR_DEV_NET_CFG_MTU,
				 attributes->mtu);
	if (attributes->has_max_vqp)
		mnl_attr_put_u16(header, VDPA_ATTR_DEV_NET_CFG_MAX_VQP,
				 attributes->max_vqp);
	if (attributes->has_features)
		mnl_attr_put_u64(header, VDPA_ATTR_DEV_FEATURES,
				 attributes->features);
	err = end_command(netlink, header, NULL);
	if (!err)
		return 0;
	return fail(error, "%s cannot be added to %s: %s", name, function,
		    said(netlink, err));
}

int netlink_del(struct netlink *netlink, const char *name, struct error *error)
{
	struct nlmsghdr *header;
	int err;

	header = begin_command(netlink, netlink->family, VDPA_CMD_DEV_DEL);
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, name);
	err = end_command(netlink, header, NULL);
	if (!err)
		return 0;
	return fail(error, "%s cannot be removed: %s", name,
		    said(netlink, err));
}

/* Numbers that an attribute is too short for are not there. */
static bool get_number(const struct nlattr *attribute, size_t size,
		       uint64_t *value)
{
	*value = 0;
	if (!attribute || mnl_attr_get_payload_len(attribute) < size)
		return false;
	switch (size) {
	case sizeof(uint16_t):
		*value = mnl_attr_get_u16(attribute);
		break;
	case sizeof(uint32_t):
		*value = mnl_attr_get_u32(attribute);
		break;
	default:
		*value = mnl_attr_get_u64(attribute);
	}
	return true;
}

int netlink_get(struct netlink *netlink, const char *name,
		struct vdpa_state *state, struct error *error)
{
	const struct nlattr *a[VDPA_ATTR_MAX] = {};
	struct reply reply = { a, VDPA_ATTR_MAX };
	struct attributes *attributes = &state->attributes;
	struct nlmsghdr *header;
	uint64_t number;
	int err;

	*state = (struct vdpa_state){};
	header = begin_command(netlink, netlink->family,
			       VDPA_CMD_DEV_CONFIG_GET);
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, name);
	err = end_command(netlink, header, &reply);
	if (err)
		return fail(error, "the kernel does not say what %s is: %s",
			    name, said(netlink, err));

	get_number(a[VDPA_ATTR_DEV_ID], sizeof(uint32_t), &number);
	state->type = number;
	if (a[VDPA_ATTR_DEV_NET_CFG_MACADDR] &&
	    mnl_attr_get_payload_len(a[VDPA_ATTR_DEV_NET_CFG_MACADDR]) ==
	    sizeof(attributes->mac)) {
		attributes->has_mac = true;
		memcpy(attributes->mac, mnl_attr_get_payload(a[VDPA_ATTR_DEV_NET_CFG_MACADDR]),
		       sizeof(attributes->mac));
	}
	attributes->has_mtu = get_number(a[VDPA_ATTR_DEV_NET_CFG_MTU],
					 sizeof(uint16_t), &number);
	attributes->mtu = number;
	/* A device without MQ says nothing of its one pair. */
	if (!get_number(a[VDPA_ATTR_DEV_NET_CFG_MAX_VQP], sizeof(uint16_t),
			&number))
		number = 1;
	attributes->has_max_vqp = state->type == VIRTIO_ID_NET;
	attributes->max_vqp = number;
	attributes->has_features = get_number(a[VDPA_ATTR_DEV_FEATURES],
					      sizeof(uint64_t), &number);
	attributes->features = number;
	state->has_negotiated =
		get_number(a[VDPA_ATTR_DEV_NEGOTIATED_FEATURES],
			   sizeof(uint64_t), &state->negotiated);
	return 0;
}

int netlink_limits(struct netlink *netlink, const char *function,
		   struct vdpa_limits *limits, struct error *error)
{
	const struct nlattr *a[VDPA_ATTR_MAX] = {};
	struct reply reply = { a, VDPA_ATTR_MAX };
	struct nlmsghdr *header;
	uint64_t number;
	int err;

	header = begin_command(netlink, netlink->family, VDPA_CMD_MGMTDEV_GET);
	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_BUS_NAME, "pci");
	mnl_attr_put_strz(header, VDPA_ATTR_MGMTDEV_DEV_NAME, function);
	err = end_command(netlink, header, &reply);
	if (err)
		return fail(error, "the kernel does not say what %s can be: %s",
			    function, said(netlink, err));
	get_number(a[VDPA_ATTR_DEV_SUPPORTED_FEATURES], sizeof(uint64_t),
		   &limits->features);
	get_number(a[VDPA_ATTR_DEV_MGMTDEV_MAX_VQS], sizeof(uint32_t), &number);
	limits->queues = number;
	return 0;
}

uint32_t netlink_type(struct netlink *netlink, const char *name)
{
	const struct nlattr *a[VDPA_ATTR_MAX] = {};
	struct reply reply = { a, VDPA_ATTR_MAX };
	struct nlmsghdr *header;
	uint64_t number;

	header = begin_command(netlink, netlink->family, VDPA_CMD_DEV_GET);
	mnl_attr_put_strz(header, VDPA_ATTR_DEV_NAME, name);
	if (end_command(netlink, header, &reply))
		return 0;
	get_number(a[VDPA_ATTR_DEV_ID], sizeof(uint32_t), &number);
	return number;
}

static struct nlmsghdr *begin_param(struct netlink *netlink, uint8_t command,
				    const char *function)
{
	struct nlmsghdr *header;

	header = begin_command(netlink, netlink->devlink, command);
	mnl_attr_put_strz(header, DEVLINK_ATTR_BUS_NAME, "pci");
	mnl_attr_put_strz(header, DEVLINK_ATTR_DEV_NAME, function);
	mnl_attr_put_strz(header, DEVLINK_ATTR_PARAM_NAME, "relay");
	return header;
}

static int find_devlink(struct netlink *netlink)
{
	if (netlink->devlink)
		return 0;
	return find_family(netlink, DEVLINK_GENL_NAME, &netlink->devlink);
}

/* The attribute of this number within another; NULL where there is none. */
static const struct nlattr *within(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attribute;

	if (!nest)
		return NULL;
	mnl_attr_for_each_nested(attribute, nest)
		if (mnl_attr_get_type(attribute) == type)
			return attribute;
	return NULL;
}

int netlink_relay_get(struct netlink *netlink, const char *function,
		      char relay[static RELAY_SIZE], struct error *error)
{
	const struct nlattr *a[DEVLINK_ATTR_MAX + 1] = {};
	struct reply reply = { a, DEVLINK_ATTR_MAX + 1 };
	const struct nlattr *value;
	int err;

	err = find_devlink(netlink);
	if (!err)
		err = end_command(netlink,
				  begin_param(netlink, DEVLINK_CMD_PARAM_GET,
					      function), &reply);
	if (err)
		return fail(error, "the kernel does not say the relay of %s: %s",
			    function, said(netlink, err));
	value = within(a[DEVLINK_ATTR_PARAM],
		       DEVLINK_ATTR_PARAM_VALUES_LIST);
	value = within(within(value, DEVLINK_ATTR_PARAM_VALUE),
		       DEVLINK_ATTR_PARAM_VALUE_DATA);
	if (!value || mnl_attr_validate(value, MNL_TYPE_NUL_STRING) < 0 ||
	    mnl_attr_get_payload_len(value) > RELAY_SIZE)
		return fail(error, "the kernel does not say the relay of %s",
			    function);
	snprintf(relay, RELAY_SIZE, "%s", mnl_attr_get_str(value));
	return 0;
}

int netlink_relay_set(struct netlink *netlink, const char *function,
		      const char *relay, struct error *error)
{
	struct nlmsghdr *header;
	int err;

	err = find_devlink(netlink);
	if (!err) {
		header = begin_param(netlink, DEVLINK_CMD_PARAM_SET, function);
		mnl_attr_put_u8(header, DEVLINK_ATTR_PARAM_TYPE,
				MNL_TYPE_STRING);
		mnl_attr_put_u8(header, DEVLINK_ATTR_PARAM_VALUE_CMODE,
				DEVLINK_PARAM_CMODE_RUNTIME);
		mnl_attr_put_strz(header, DEVLINK_ATTR_PARAM_VALUE_DATA, relay);
		err = end_command(netlink, header, NULL);
	}
	if (!err)
		return 0;
	return fail(error, "the relay of %s cannot be %s: %s", function, relay,
		    said(netlink, err));
}
