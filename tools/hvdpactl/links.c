// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vhost-vdpa node has neither a class nor a bus, so the kernel tells udev
 * nothing of it, and no rule can give it a SYMLINK or a GROUP
 * (known-kernel-issues.rst). What is told is that a device of the vdpa bus was
 * bound and unbound; this looks where it is by then.
 *
 * Events of different devices are served side by side, and one that is late
 * must not undo what came after it: whatever the event says, a link becomes
 * what sysfs says while the lock is held. The last event finds the last state.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "links.h"
#include "module.h"
#include "netlink.h"
#include "sysfs.h"

static const char * const classes[] = { "net", "blk" };

const char *class_name(uint32_t type)
{
	if (type == VIRTIO_ID_NET)
		return "net";
	return type == VIRTIO_ID_BLOCK ? "blk" : NULL;
}

/*
 * A virtio function's own number says it. Other parents are asked by netlink,
 * which waits for whoever deletes a device; so udev_links(), which has a lock,
 * is told what udev_class() found.
 */
static const char *class_of(const char *name, const char *parent)
{
	const char *class = class_name(pci_virtio_type(parent));
	const char *told = getenv("VDPA_CLASS");
	struct netlink *netlink;
	struct error why;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(classes) && told && !class; i++)
		if (!strcmp(told, classes[i]))
			class = classes[i];
	if (class || !module_is_loaded("vdpa"))
		return class;
	netlink = netlink_open(&why);
	if (netlink)
		class = class_name(netlink_type(netlink, name));
	netlink_close(netlink);
	return class;
}

/* The event's device and its parent: the last two parts of its path. */
static int event_device(char parent[static NAME_MAX + 1],
			char name[static NAME_MAX + 1], struct error *error)
{
	const char *path = getenv("DEVPATH");
	const char *last, *before;

	last = path ? strrchr(path, '/') : NULL;
	before = last ? memrchr(path, '/', last - path) : NULL;
	if (!before || last - before - 1 > NAME_MAX ||
	    strlen(last) - 1 > NAME_MAX)
		return fail(error,
			    "DEVPATH is no path of a device; this is for udev, see 60-hvdpa.rules");
	snprintf(parent, NAME_MAX + 1, "%.*s", (int)(last - before - 1),
		 before + 1);
	snprintf(name, NAME_MAX + 1, "%s", last + 1);
	return 0;
}

int udev_class(struct error *error)
{
	char parent[NAME_MAX + 1], name[NAME_MAX + 1];
	const char *class;

	if (event_device(parent, name, error))
		return -1;
	class = class_of(name, parent);
	if (class)
		printf("VDPA_CLASS=%s\n", class);
	return 0;
}

/* A link's folder, below that of the lock; made if it is to have a link. */
static int open_folder(int top, const char *class, const char *kind,
		       bool make)
{
	int folder, fd;

	if (make && mkdirat(top, class, 0755) && errno != EEXIST)
		return -errno;
	folder = openat(top, class, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	if (make && mkdirat(folder, kind, 0755) && errno != EEXIST) {
		fd = -errno;
	} else {
		fd = openat(folder, kind, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	close(folder);
	return fd;
}

/* Lead @link to @node, or, without one, remove it. */
static int set_link(int top, const char *class, const char *kind,
		    const char *link, const char *node)
{
	char target[DRIVER_SIZE + 16];
	int err = 0;
	int folder;

	folder = open_folder(top, class, kind, node);
	if (folder < 0)
		return node ? folder : 0;
	if (!node) {
		if (unlinkat(folder, link, 0) && errno != ENOENT)
			err = -errno;
	} else {
		snprintf(target, sizeof(target), "../../../%s", node);
		/* One that leads elsewhere is replaced without a gap. */
		unlinkat(top, ".new", 0);
		if (symlinkat(target, top, ".new") ||
		    renameat(top, ".new", folder, link))
			err = -errno;
	}
	close(folder);
	return err;
}

static int set_links(int top, const char *kind, const char *link,
		     const char *class, const char *node)
{
	size_t i;
	int err = 0;

	for (i = 0; i < ARRAY_SIZE(classes); i++) {
		const char *to = NULL;

		if (*node && class && !strcmp(class, classes[i]))
			to = node;
		err = set_link(top, classes[i], kind, link, to) ?: err;
	}
	return err;
}

static int set_by_name(int top, const char *name, char *node, dev_t *devt)
{
	char path[PATH_MAX], folder[PATH_MAX];
	const char *class = NULL;
	char *parent;

	*node = '\0';
	snprintf(path, sizeof(path), SYS_VDPA "/devices/%s", name);
	if (realpath(path, folder)) {
		vhost_node(folder, node, devt);
		*strrchr(folder, '/') = '\0';
		parent = strrchr(folder, '/');
		if (*node && parent)
			class = class_of(name, parent + 1);
	}
	/* The kernel's names have no slash, but may be dots, or no text. */
	if (!name_is_good(name))
		return 0;
	return set_links(top, "by-name", name, class, node);
}

/* A function with several devices has none that its path could stand for. */
static int set_by_path(int top, const char *function)
{
	char link[ADDRESS_SIZE + 8], node[DRIVER_SIZE] = "";
	const char *class = NULL;
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned int n = 0;
	dev_t devt;
	DIR *folder;

	snprintf(path, sizeof(path), SYS_PCI "/devices/%s", function);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		char subsystem[DRIVER_SIZE], child[PATH_MAX];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' ||
		    sysfs_link(subsystem, sizeof(subsystem),
			       SYS_PCI "/devices/%s/%s/subsystem", function,
			       entry->d_name) ||
		    strcmp(subsystem, "vdpa") || n++)
			continue;
		snprintf(child, sizeof(child), SYS_PCI "/devices/%s/%s",
			 function, entry->d_name);
		if (!vhost_node(child, node, &devt))
			class = class_of(entry->d_name, function);
	}
	if (folder)
		closedir(folder);
	if (n > 1)
		*node = '\0';
	snprintf(link, sizeof(link), "pci-%s", function);
	return set_links(top, "by-path", link, class, node);
}

/* What an administrator's rule says: VDPA_GROUP, VDPA_MODE. */
static int set_permissions(const char *node, dev_t devt)
{
	const char *group = getenv("VDPA_GROUP"), *mode = getenv("VDPA_MODE");
	char path[PATH_MAX], *end;
	unsigned long bits;
	struct stat st;

	snprintf(path, sizeof(path), "/dev/%s", node);
	if (lstat(path, &st) || !S_ISCHR(st.st_mode) || st.st_rdev != devt)
		return 0;
	if (group && *group) {
		const struct group *entry = getgrnam(group);

		if (!entry)
			return -ENOENT;
		if (chown(path, 0, entry->gr_gid))
			return -errno;
	}
	if (mode && *mode) {
		bits = strtoul(mode, &end, 8);
		if (*end || bits > 0777)
			return -EINVAL;
		if (chmod(path, bits))
			return -errno;
	}
	return 0;
}

int udev_links(struct error *error)
{
	char parent[NAME_MAX + 1], name[NAME_MAX + 1], node[DRIVER_SIZE];
	char address[ADDRESS_SIZE];
	dev_t devt;
	int err, top;

	if (event_device(parent, name, error))
		return -1;
	if (mkdir(LINKS, 0755) && errno != EEXIST)
		return fail(error, "cannot make " LINKS ": %s",
			    strerror(errno));
	top = open(LINKS, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (top < 0 || flock(top, LOCK_EX))
		return fail(error, "cannot lock " LINKS ": %s",
			    strerror(errno));
	err = set_by_name(top, name, node, &devt);
	if (!err && parse_address(parent, address))
		err = set_by_path(top, address);
	close(top);
	if (err)
		return fail(error, "cannot make links for %s: %s", name,
			    strerror(-err));
	err = *node ? set_permissions(node, devt) : 0;
	if (!err)
		return 0;
	return fail(error,
		    "cannot give /dev/%s the group '%s' and the mode '%s': %s; correct VDPA_GROUP and VDPA_MODE in the rules of udev",
		    node, getenv("VDPA_GROUP") ?: "", getenv("VDPA_MODE") ?: "",
		    strerror(-err));
}
