// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libudev.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "sysfs.h"

/* Device IDs of virtio 1.x functions: 0x1040 and the type. */
#define VIRTIO_VENDOR		0x1af4
#define VIRTIO_FIRST_LEGACY	0x1000
#define VIRTIO_FIRST		0x1040
#define VIRTIO_LAST		0x107f

int sysfs_read(char *value, size_t size, const char *format, ...)
{
	va_list args;
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	value[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, value, size - 1);
	if (n < 0)
		n = -errno;
	else
		value[n] = '\0';
	close(fd);
	if (n < 0)
		return n;
	/* The last one: a process's name may have others. */
	if (n && value[n - 1] == '\n')
		value[n - 1] = '\0';
	return 0;
}

int sysfs_read_number(unsigned int *value, const char *format, ...)
{
	va_list args;
	char path[PATH_MAX], text[32];
	int err;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	err = sysfs_read(text, sizeof(text), "%s", path);
	if (!err)
		*value = strtoul(text, NULL, 0);
	return err;
}

int sysfs_write(const char *value, const char *format, ...)
{
	va_list args;
	char path[PATH_MAX];
	int err = 0;
	int fd;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* An attribute is cleared by an empty line; no bytes are no write. */
	if (!*value)
		value = "\n";
	if (write(fd, value, strlen(value)) < 0)
		err = -errno;
	close(fd);
	return err;
}

int sysfs_link(char *name, size_t size, const char *format, ...)
{
	va_list args;
	char path[PATH_MAX], target[PATH_MAX];
	const char *last;
	ssize_t n;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	name[0] = '\0';
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	last = strrchr(target, '/');
	if ((size_t)snprintf(name, size, "%s", last ? last + 1 : target) >=
	    size) {
		name[0] = '\0';
		return -ENAMETOOLONG;
	}
	return 0;
}

bool sysfs_exists(const char *format, ...)
{
	va_list args;
	char path[PATH_MAX];

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	return !access(path, F_OK);
}

bool pci_exists(const char *function)
{
	return sysfs_exists(SYS_PCI "/devices/%s", function);
}

void pci_driver(const char *function, char driver[static DRIVER_SIZE])
{
	sysfs_link(driver, DRIVER_SIZE, SYS_PCI "/devices/%s/driver",
		   function);
}

int pci_vf(const char *pf, unsigned int n, char vf[static ADDRESS_SIZE])
{
	return sysfs_link(vf, ADDRESS_SIZE, SYS_PCI "/devices/%s/virtfn%u",
			  pf, n);
}

/* A routing ID: 8 bits of bus, 5 of slot, 3 of function. */
static bool routing_id(const char *address, unsigned int *domain,
		       unsigned int *id)
{
	unsigned int bus, slot, function;

	if (sscanf(address, "%x:%x:%x.%x", domain, &bus, &slot,
		   &function) != 4)
		return false;
	*id = bus << 8 | slot << 3 | function;
	return true;
}

/* Of the first VF, and from one to the next. */
static int vf_places(const char *pf, unsigned int *domain, unsigned int *first,
		     unsigned int *stride)
{
	unsigned int offset = 0;
	int err;

	if (!routing_id(pf, domain, first))
		return -EINVAL;
	err = sysfs_read_number(&offset, SYS_PCI "/devices/%s/sriov_offset",
				pf);
	*first += offset;
	return err ?: sysfs_read_number(stride,
					SYS_PCI "/devices/%s/sriov_stride", pf);
}

int pci_vf_expected(const char *pf, unsigned int n,
		    char vf[static ADDRESS_SIZE])
{
	unsigned int domain, id, stride;
	int err;

	err = vf_places(pf, &domain, &id, &stride);
	if (err)
		return err;
	id = (id + stride * n) & 0xffff;
	snprintf(vf, ADDRESS_SIZE, "%04x:%02x:%02x.%x", domain, id >> 8,
		 id >> 3 & 31, id & 7);
	return 0;
}

int pci_vf_number(const char *pf, const char *vf)
{
	unsigned int domain, first, stride, vf_domain, id;

	if (vf_places(pf, &domain, &first, &stride) ||
	    !routing_id(vf, &vf_domain, &id) || vf_domain != domain ||
	    id < first)
		return -1;
	/* With one VF there need not be a stride. */
	if (id == first)
		return 0;
	return stride && (id - first) % stride == 0 ?
	       (int)((id - first) / stride) : -1;
}

unsigned int pci_iommu_group_size(const char *function)
{
	struct dirent *entry;
	char path[PATH_MAX];
	unsigned int n = 0;
	DIR *folder;

	snprintf(path, sizeof(path),
		 SYS_PCI "/devices/%s/iommu_group/devices", function);
	folder = opendir(path);
	if (!folder)
		return 0;
	while ((entry = readdir(folder)))
		n += entry->d_name[0] != '.';
	closedir(folder);
	return n;
}

uint32_t pci_virtio_type(const char *function)
{
	unsigned int vendor, device, subsystem;

	if (sysfs_read_number(&vendor, SYS_PCI "/devices/%s/vendor",
			      function) ||
	    sysfs_read_number(&device, SYS_PCI "/devices/%s/device",
			      function) ||
	    sysfs_read_number(&subsystem,
			      SYS_PCI "/devices/%s/subsystem_device", function))
		return 0;
	if (vendor != VIRTIO_VENDOR || device < VIRTIO_FIRST_LEGACY ||
	    device > VIRTIO_LAST)
		return 0;
	return device < VIRTIO_FIRST ? subsystem : device - VIRTIO_FIRST;
}

void virtio_driver(const char *function, char driver[static DRIVER_SIZE])
{
	char pattern[128];
	glob_t found;

	driver[0] = '\0';
	snprintf(pattern, sizeof(pattern),
		 SYS_PCI "/devices/%s/virtio*/driver", function);
	if (!glob(pattern, 0, NULL, &found))
		sysfs_link(driver, DRIVER_SIZE, "%s", found.gl_pathv[0]);
	globfree(&found);
}

int vhost_node(const char *folder, char node[static DRIVER_SIZE], dev_t *devt)
{
	unsigned int major, minor;
	struct dirent *entry;
	int err = -ENOENT;
	DIR *dir;

	node[0] = '\0';
	dir = opendir(folder);
	if (!dir)
		return -errno;
	/* It has neither a bus nor a class: libudev does not know it. */
	while (err && (entry = readdir(dir))) {
		char text[32];

		if (strncmp(entry->d_name, "vhost-vdpa-", 11) ||
		    strlen(entry->d_name) >= DRIVER_SIZE)
			continue;
		err = sysfs_read(text, sizeof(text), "%s/%s/dev", folder,
				 entry->d_name);
		if (!err && sscanf(text, "%u:%u", &major, &minor) != 2)
			err = -EINVAL;
		if (!err) {
			snprintf(node, DRIVER_SIZE, "%s", entry->d_name);
			*devt = makedev(major, minor);
		}
	}
	closedir(dir);
	return err;
}

/* What the kernel's own driver made of the function. */
static void find_child(struct udev *udev, struct udev_device *parent,
		       const char *subsystem, const char *type,
		       char name[static DRIVER_SIZE])
{
	struct udev_enumerate *children = udev_enumerate_new(udev);
	struct udev_list_entry *entry;

	if (!children)
		return;
	udev_enumerate_add_match_parent(children, parent);
	udev_enumerate_add_match_subsystem(children, subsystem);
	udev_enumerate_scan_devices(children);
	udev_list_entry_foreach(entry,
				udev_enumerate_get_list_entry(children)) {
		const char *path = udev_list_entry_get_name(entry);
		struct udev_device *child;
		const char *devtype;

		child = udev_device_new_from_syspath(udev, path);
		if (!child)
			continue;
		devtype = udev_device_get_devtype(child);
		/* A disk, not a partition of it. */
		if (!type || (devtype && !strcmp(devtype, type)))
			snprintf(name, DRIVER_SIZE, "%s",
				 udev_device_get_sysname(child));
		udev_device_unref(child);
	}
	udev_enumerate_unref(children);
}

static void read_device(struct udev *udev, struct udev_device *device,
			struct vdpa_device *vdpa)
{
	struct udev_device *parent = udev_device_get_parent(device);
	const char *driver = udev_device_get_driver(device);
	const char *subsystem;

	/* libudev writes "!" as "/", which the kernel does not have here. */
	vdpa->name = must_copy(strrchr(udev_device_get_syspath(device), '/') + 1);
	snprintf(vdpa->driver, sizeof(vdpa->driver), "%s", driver ?: "");
	vhost_node(udev_device_get_syspath(device), vdpa->node, &vdpa->devt);

	subsystem = parent ? udev_device_get_subsystem(parent) : NULL;
	if (!subsystem || strcmp(subsystem, "pci"))
		return;
	snprintf(vdpa->function, sizeof(vdpa->function), "%s",
		 udev_device_get_sysname(parent));
	if (strcmp(vdpa->driver, "virtio_vdpa"))
		return;
	find_child(udev, parent, "net", NULL, vdpa->netdev);
	find_child(udev, parent, "block", "disk", vdpa->disk);
}

static int by_function(const void *a, const void *b)
{
	const struct vdpa_device *x = a, *y = b;

	return strcmp(x->function, y->function) ?: strcmp(x->name, y->name);
}

int vdpa_devices_read(struct vdpa_devices *devices, struct error *error)
{
	struct udev_enumerate *all = NULL;
	struct udev_list_entry *entry;
	struct udev *udev;

	*devices = (struct vdpa_devices){};
	udev = udev_new();
	if (udev)
		all = udev_enumerate_new(udev);
	if (!all || udev_enumerate_add_match_subsystem(all, "vdpa") < 0 ||
	    udev_enumerate_scan_devices(all) < 0) {
		udev_enumerate_unref(all);
		udev_unref(udev);
		return fail(error, "cannot list the vdpa bus; is /sys mounted?");
	}
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all)) {
		const char *path = udev_list_entry_get_name(entry);
		struct udev_device *device;
		struct vdpa_device vdpa = {};

		device = udev_device_new_from_syspath(udev, path);
		/* It went in the meantime. */
		if (!device)
			continue;
		read_device(udev, device, &vdpa);
		udev_device_unref(device);
		devices->list = must_alloc(devices->list, devices->n + 1,
					   sizeof(vdpa));
		devices->list[devices->n++] = vdpa;
	}
	udev_enumerate_unref(all);
	udev_unref(udev);
	if (devices->n)
		qsort(devices->list, devices->n, sizeof(*devices->list),
		      by_function);
	return 0;
}

void vdpa_devices_free(struct vdpa_devices *devices)
{
	size_t i;

	for (i = 0; i < devices->n; i++)
		free(devices->list[i].name);
	free(devices->list);
	*devices = (struct vdpa_devices){};
}

const struct vdpa_device *vdpa_by_name(const struct vdpa_devices *devices,
				       const char *name)
{
	size_t i;

	for (i = 0; i < devices->n; i++)
		if (!strcmp(devices->list[i].name, name))
			return &devices->list[i];
	return NULL;
}

const struct vdpa_device *vdpa_by_function(const struct vdpa_devices *devices,
					   const char *function)
{
	size_t i;

	for (i = 0; i < devices->n; i++)
		if (!strcmp(devices->list[i].function, function))
			return &devices->list[i];
	return NULL;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char * const *)a, *(char * const *)b);
}

char **pci_functions_of(const char *driver, struct error *error)
{
	struct udev_enumerate *all = NULL;
	struct udev_list_entry *entry;
	char **functions;
	struct udev *udev;
	size_t n = 0;

	udev = udev_new();
	if (udev)
		all = udev_enumerate_new(udev);
	if (!all || udev_enumerate_add_match_subsystem(all, "pci") < 0 ||
	    udev_enumerate_add_match_property(all, "DRIVER", driver) < 0 ||
	    udev_enumerate_scan_devices(all) < 0) {
		udev_enumerate_unref(all);
		udev_unref(udev);
		fail(error, "cannot list the PCI bus; is /sys mounted?");
		return NULL;
	}
	functions = must_alloc(NULL, 1, sizeof(*functions));
	udev_list_entry_foreach(entry, udev_enumerate_get_list_entry(all)) {
		const char *path = udev_list_entry_get_name(entry);

		functions = must_alloc(functions, n + 2, sizeof(*functions));
		functions[n++] = must_copy(strrchr(path, '/') + 1);
	}
	functions[n] = NULL;
	udev_enumerate_unref(all);
	udev_unref(udev);
	qsort(functions, n, sizeof(*functions), by_text);
	return functions;
}
