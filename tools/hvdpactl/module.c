// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "module.h"
#include "sysfs.h"

bool module_is_loaded(const char *name)
{
	return sysfs_exists("/sys/module/%s", name);
}

/* Under lockdown what is not signed is refused with EPERM. */
static bool is_locked_down(void)
{
	char text[128];

	return !sysfs_read(text, sizeof(text), "/sys/kernel/security/lockdown") &&
	       !strstr(text, "[none]");
}

static int not_loaded(const char *name, int err, struct error *error)
{
	switch (-err) {
	case EKEYREJECTED:
	case ENOKEY:
		break;
	case EPERM:
		if (is_locked_down())
			break;
		return fail(error, "this user may not load the module %s; run as root",
			    name);
	case ENOENT:
	case ENODEV:
		if (!strcmp(name, "hvdpa"))
			return fail(error,
				    "this kernel has no module %s; install hvdpa-dkms and the kernel's headers, 'dkms status' says for which kernels it was built",
				    name);
		return fail(error,
			    "this kernel has no vdpa: there is no module %s; boot one with CONFIG_VDPA, CONFIG_VHOST_VDPA and CONFIG_VIRTIO_VDPA, as Debian's are",
			    name);
	case ENOEXEC:
		return fail(error,
			    "the module %s is for another kernel; 'dkms autoinstall' builds it for this one",
			    name);
	default:
		return fail(error, "the module %s is not loaded: %s; the kernel's log says why",
			    name, strerror(-err));
	}
	return fail(error,
		    "the kernel refuses the module %s: nobody that it trusts has signed it (Secure Boot); 'mokutil --import /var/lib/dkms/mok.pub', reboot, and enroll the key",
		    name);
}

int module_load(const char *name, struct error *error)
{
	struct kmod_list *list = NULL, *item;
	struct kmod_ctx *kmod;
	int err;

	kmod = kmod_new(NULL, NULL);
	if (!kmod)
		return fail(error, "cannot look for modules; is /lib/modules there?");
	/* What libkmod prints by itself is said in other words below. */
	kmod_set_log_priority(kmod, 0);
	err = kmod_module_new_from_lookup(kmod, name, &list);
	if (!err && !list)
		err = -ENOENT;
	kmod_list_foreach(item, list) {
		struct kmod_module *module = kmod_module_get_module(item);

		if (!err)
			err = kmod_module_probe_insert_module(module, 0, NULL,
							      NULL, NULL, NULL);
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	kmod_unref(kmod);
	return err < 0 ? not_loaded(name, err, error) : 0;
}

int module_exists(const char *name, struct error *error)
{
	struct kmod_list *list = NULL;
	struct kmod_ctx *kmod;
	int err;

	kmod = kmod_new(NULL, NULL);
	if (!kmod)
		return fail(error, "cannot look for modules; is /lib/modules there?");
	kmod_set_log_priority(kmod, 0);
	err = kmod_module_new_from_lookup(kmod, name, &list);
	if (!err && !list)
		err = -ENOENT;
	kmod_module_unref_list(list);
	kmod_unref(kmod);
	return err < 0 ? not_loaded(name, err, error) : 0;
}

char *modules_loaded(void)
{
	FILE *stream = fopen("/proc/modules", "re");
	char *names = must_copy("\n"), *line = NULL;
	size_t size = 0;

	while (stream && getline(&line, &size, stream) > 0) {
		char *longer = must_print("%s%.*s\n", names,
					  (int)strcspn(line, " "), line);

		free(names);
		names = longer;
	}
	free(line);
	if (stream)
		fclose(stream);
	return names;
}

static void unload_one(struct kmod_module *module, const char *before)
{
	char *line = must_print("\n%s\n", kmod_module_get_name(module));

	if (!strstr(before, line))
		kmod_module_remove_module(module, O_NONBLOCK);
	free(line);
}

void module_unload(const char *name, const char *before)
{
	struct kmod_list *needed, *item;
	struct kmod_module *module;
	struct kmod_ctx *kmod;

	kmod = kmod_new(NULL, NULL);
	if (!kmod)
		return;
	if (kmod_module_new_from_name(kmod, name, &module))
		goto out;
	unload_one(module, before);
	/* The last of the list needs those before it. */
	needed = kmod_module_get_dependencies(module);
	for (item = needed ? kmod_list_last(needed) : NULL; item;
	     item = kmod_list_prev(needed, item)) {
		struct kmod_module *one = kmod_module_get_module(item);

		unload_one(one, before);
		kmod_module_unref(one);
	}
	kmod_module_unref_list(needed);
	kmod_module_unref(module);
out:
	kmod_unref(kmod);
}
