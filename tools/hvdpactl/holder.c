// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "holder.h"

static bool is_wanted(const struct vdpa_devices *devices, dev_t devt)
{
	size_t i;

	for (i = 0; i < devices->n; i++)
		if (*devices->list[i].node && devices->list[i].devt == devt)
			return true;
	return false;
}

static void add_holder(struct holders *holders, dev_t devt, pid_t pid)
{
	struct holder holder = { .devt = devt, .pid = pid };
	size_t i;

	for (i = 0; i < holders->n; i++)
		if (holders->list[i].devt == devt &&
		    holders->list[i].pid == pid)
			return;
	sysfs_read(holder.command, sizeof(holder.command), "/proc/%d/comm",
		   pid);
	holders->list = must_alloc(holders->list, holders->n + 1,
				   sizeof(holder));
	holders->list[holders->n++] = holder;
}

static void read_process(struct holders *holders,
			 const struct vdpa_devices *devices, pid_t pid)
{
	struct dirent *entry;
	char path[64];
	DIR *files;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	files = opendir(path);
	if (!files)
		return;
	while ((entry = readdir(files))) {
		struct statx st;

		/*
		 * By number, not by name: a container has the node elsewhere.
		 * A file of a server that does not answer is not waited for.
		 */
		if (entry->d_name[0] == '.' ||
		    statx(dirfd(files), entry->d_name, AT_STATX_DONT_SYNC,
			  STATX_TYPE, &st) || !S_ISCHR(st.stx_mode))
			continue;
		if (is_wanted(devices, makedev(st.stx_rdev_major,
					       st.stx_rdev_minor)))
			add_holder(holders, makedev(st.stx_rdev_major,
						    st.stx_rdev_minor), pid);
	}
	closedir(files);
}

void holders_read(struct holders *holders, const struct vdpa_devices *devices)
{
	struct dirent *entry;
	bool any = false;
	DIR *processes;
	size_t i;

	*holders = (struct holders){ .complete = !geteuid() };
	for (i = 0; i < devices->n; i++)
		any |= *devices->list[i].node != '\0';
	processes = any ? opendir("/proc") : NULL;
	if (!processes)
		return;
	while ((entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]))
			read_process(holders, devices, atoi(entry->d_name));
	closedir(processes);
}

void holders_free(struct holders *holders)
{
	free(holders->list);
	*holders = (struct holders){};
}

const struct holder *holder_of(const struct holders *holders, dev_t devt)
{
	size_t i;

	for (i = 0; i < holders->n; i++)
		if (holders->list[i].devt == devt)
			return &holders->list[i];
	return NULL;
}

static bool netdev_is_used(const char *netdev, char *by, size_t size)
{
	unsigned int flags;

	if (sysfs_read_number(&flags, "/sys/class/net/%s/flags", netdev) ||
	    !(flags & IFF_UP))
		return false;
	snprintf(by, size,
		 "its netdev %s is up; 'ip link set %s down' first", netdev,
		 netdev);
	return true;
}

static bool disk_is_used(const char *disk, char *by, size_t size)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", disk);
	/* Who mounts or stacks a disk or a part of it claims it so. */
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		close(fd);
	if (fd >= 0 || errno != EBUSY)
		return false;
	snprintf(by, size, "its disk %s is in use; 'lsblk /dev/%s' says for what, stop that first",
		 disk, disk);
	return true;
}

static bool netdev_is_elsewhere(const char *driver, char *by, size_t size)
{
	char name[DRIVER_SIZE];

	if (sysfs_link(name, sizeof(name), "%s", driver) ||
	    strcmp(name, "virtio_net"))
		return false;
	snprintf(by, size, "its netdev is in another network namespace; take it back first");
	return true;
}

bool function_is_used(const char *function, char *by, size_t size)
{
	/* Of virtio-pci and virtio-vdpa; of drivers that are neither. */
	static const char * const nets[] = { "virtio*/net/*", "net/*" };
	char pattern[PATH_MAX];
	bool any = false, used = false;
	glob_t found;
	size_t i, j;

	for (i = 0; i < 2; i++) {
		snprintf(pattern, sizeof(pattern), SYS_PCI "/devices/%s/%s",
			 function, nets[i]);
		if (glob(pattern, GLOB_NOSORT, NULL, &found))
			continue;
		any = true;
		for (j = 0; j < found.gl_pathc && !used; j++)
			used = netdev_is_used(strrchr(found.gl_pathv[j], '/') +
					      1, by, size);
		globfree(&found);
		if (used)
			return true;
	}
	snprintf(pattern, sizeof(pattern),
		 SYS_PCI "/devices/%s/virtio*/block/*", function);
	if (!glob(pattern, GLOB_NOSORT, NULL, &found)) {
		for (j = 0; j < found.gl_pathc && !used; j++)
			used = disk_is_used(strrchr(found.gl_pathv[j], '/') + 1,
					    by, size);
		globfree(&found);
	}
	/* One that is there, and that this network namespace does not see. */
	snprintf(pattern, sizeof(pattern),
		 SYS_PCI "/devices/%s/virtio*/driver", function);
	if (!used && !any && !glob(pattern, GLOB_NOSORT, NULL, &found)) {
		used = netdev_is_elsewhere(found.gl_pathv[0], by, size);
		globfree(&found);
	}
	return used;
}

bool device_is_used(const struct vdpa_device *device,
		    const struct holders *holders, char *by, size_t size)
{
	const struct holder *holder = NULL;

	if (*device->node)
		holder = holder_of(holders, device->devt);
	if (!holder)
		return *device->function &&
		       function_is_used(device->function, by, size);
	snprintf(by, size, "process %d (%s) has /dev/%s open; stop it first",
		 holder->pid, holder->command, device->node);
	return true;
}
