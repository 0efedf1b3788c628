// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act.h"
#include "module.h"
#include "move.h"

#define LOCK	"/run/hvdpactl.lock"

/* What a step found, for the case that it or a later one fails. */
struct found {
	/* of a function, or of a device */
	struct place_before before;
	struct vfs_before vfs;
	/* of a function that gets a device; "" where it stayed */
	char relay[RELAY_SIZE];
	/* There was a netdev or a disk. */
	bool virtio;
	/* The step came so far that there is something to take back. */
	bool changed;
};

struct actor {
	const struct plan *plan;
	/* of each step */
	struct found *found;
	struct netlink *netlink;
	/* Modules that were loaded before the first step. */
	char *modules;
	/* The kernel's log from the first step on; -1 without it. */
	int log;
};

/* What the driver says of a function, in the log, since it was asked last. */
static void driver_said(struct actor *actor, const char *function,
			char *text, size_t size)
{
	char record[8192], mark[64];
	ssize_t n;

	text[0] = '\0';
	snprintf(mark, sizeof(mark), "hvdpa %s: ", function);
	if (actor->log < 0)
		return;
	/* EPIPE: the oldest records are lost; the next read goes on. */
	while ((n = read(actor->log, record, sizeof(record) - 1)) > 0 ||
	       (n < 0 && errno == EPIPE)) {
		const char *line;

		if (n < 0)
			continue;
		record[n] = '\0';
		line = strstr(record, mark);
		/* The driver core's own line has the errno and no reason. */
		if (!line || strstr(line, "probe with driver"))
			continue;
		snprintf(text, size, "; the driver says: %.*s",
			 (int)strcspn(line + strlen(mark), "\n"),
			 line + strlen(mark));
	}
}

static bool has_bind_step(const struct plan *plan, const char *function)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		if (plan->steps[i].kind == STEP_BIND &&
		    !strcmp(plan->steps[i].function, function))
			return true;
	return false;
}

/* Leave what nobody named to the kernel's choice. */
static void probe_others(const struct plan *plan, const struct step *step)
{
	char vf[ADDRESS_SIZE];
	unsigned int i;

	for (i = 0; i < step->vfs && step->probe_others; i++)
		if (!pci_vf(step->function, i, vf) && !has_bind_step(plan, vf))
			sysfs_write(vf, SYS_PCI "/drivers_probe");
}

static int do_vfs(struct actor *actor, const struct step *step,
		  struct found *found, struct error *error)
{
	unsigned int ends[] = { 0, step->vfs ? step->vfs - 1 : 0 };
	char said[2][ADDRESS_SIZE] = {}, vf[ADDRESS_SIZE];
	size_t i;
	int err = 0;

	for (i = 0; i < 2 && step->vfs && !err; i++)
		err = pci_vf_expected(step->function, ends[i], said[i]);
	if (!err) {
		vfs_before(step->function, step->vfs_before, &found->vfs);
		found->changed = true;
		err = vfs_make(step->function, step->vfs);
	}
	for (i = 0; i < 2 && step->vfs && !err; i++) {
		err = pci_vf(step->function, ends[i], vf);
		/*
		 * The plan has addresses that the card said before. One may put
		 * its VFs elsewhere when it knows how many they are.
		 */
		if (err || !strcmp(vf, said[i]))
			continue;
		return fail_at(error, &step->at,
			       "%s puts its VF %u at %s, and said %s before it had any; 'hvdpa-vfs enable %s %u' first",
			       step->function, ends[i], vf, said[i],
			       step->function, step->vfs);
	}
	if (!err) {
		probe_others(actor->plan, step);
		return 0;
	}
	return fail_at(error, &step->at,
		       "%s does not enable %u VFs: %s; the kernel's log says why",
		       step->function, step->vfs, strerror(-err));
}

static int do_stub(const struct step *step, struct error *error)
{
	struct error why;

	/* A PF that nothing drives can have VFs all the same. */
	if (!sysfs_exists(SYS_PCI "/drivers/pci-pf-stub") &&
	    module_load("pci-pf-stub", &why))
		return fail_at(error, &step->at,
			       "%s has no driver, and the kernel no pci-pf-stub; bind it to a driver that makes VFs",
			       step->function);
	if (!pci_bind(step->function, "pci-pf-stub"))
		return 0;
	return fail_at(error, &step->at,
		       "%s has no driver, and pci-pf-stub does not take it; bind it to a driver that makes VFs",
		       step->function);
}

static int do_bind(struct actor *actor, const struct step *step,
		   struct error *error)
{
	char said[512];

	if (!pci_bind(step->function, "hvdpa"))
		return 0;
	driver_said(actor, step->function, said, sizeof(said));
	return fail_at(error, &step->at,
		       "hvdpa refuses %s%s; hvdpa(4) says what it drives",
		       step->function, said);
}

static int do_unbind(const struct step *step, const char *driver,
		     struct error *error)
{
	int err = pci_unbind(step->function);

	if (!err)
		return 0;
	return fail_at(error, &step->at,
		       "%s cannot be unbound from %s: %s; the kernel's log says why",
		       step->function, driver, strerror(-err));
}

static int open_netlink(struct actor *actor, struct error *error)
{
	/* The module may have come with the first step. */
	if (!actor->netlink)
		actor->netlink = netlink_open(error);
	return actor->netlink ? 0 : -1;
}

static const char *virtio_module(const char *function)
{
	return pci_virtio_type(function) == VIRTIO_ID_BLOCK ? "virtio_blk" :
	       "virtio_net";
}

static bool has_virtio(const char *function)
{
	char driver[DRIVER_SIZE];

	virtio_driver(function, driver);
	return *driver;
}

/*
 * A device that virtio_vdpa has is a virtio device, and may be refused once
 * more: by virtio's driver, or by a card that cannot be made what was asked for.
 */
static int virtio_takes(const char *function)
{
	struct error why;

	if (has_virtio(function))
		return 0;
	/* udev, whose part it is, may not have come to it. */
	module_load(virtio_module(function), &why);
	return has_virtio(function) ? 0 : -ENODEV;
}

static int do_consumer(struct actor *actor, const struct step *step,
		       struct error *error)
{
	int err = vdpa_move(step->name, step->consumer);
	char said[512];

	if (err)
		return fail_at(error, &step->at,
			       "%s does not take %s: %s; the kernel's log says why",
			       step->consumer, step->name, strerror(-err));
	if (strcmp(step->consumer, "virtio_vdpa") ||
	    !virtio_takes(step->function))
		return 0;
	driver_said(actor, step->function, said, sizeof(said));
	return fail_at(error, &step->at,
		       "no virtio driver takes %s%s; the kernel's log has more",
		       step->name, said);
}

/* The next device of a function has it; what it was before is kept. */
static int set_relay(struct actor *actor, const struct step *step,
		     struct found *found, struct error *error)
{
	const char *relay = step->attributes.relay;

	if (!*relay)
		return 0;
	if (netlink_relay_get(actor->netlink, step->function, found->relay,
			      error))
		return -1;
	return netlink_relay_set(actor->netlink, step->function, relay, error);
}

static int restore_relay(struct actor *actor, const struct step *step,
			 const struct found *found)
{
	struct error why;

	return *found->relay ? netlink_relay_set(actor->netlink, step->function,
						 found->relay, &why) : 0;
}

static int do_add(struct actor *actor, const struct step *step,
		  struct found *found, struct error *error)
{
	struct error why;
	char said[512];

	if (open_netlink(actor, error))
		return -1;
	if (set_relay(actor, step, found, &why))
		return fail_at(error, &step->at, "%s", why.text);
	if (netlink_add(actor->netlink, step->name, step->function,
			&step->attributes, &why)) {
		restore_relay(actor, step, found);
		driver_said(actor, step->function, said, sizeof(said));
		return fail_at(error, &step->at,
			       "%s%s; hvdpa.conf(5) says which attributes there are",
			       why.text, said);
	}
	found->changed = true;
	return do_consumer(actor, step, error);
}

static int do_del(struct actor *actor, const struct step *step,
		  struct found *found, struct error *error)
{
	struct error why;

	if (open_netlink(actor, error))
		return -1;
	if (netlink_del(actor->netlink, step->name, &why))
		return fail_at(error, &step->at, "%s; the kernel's log says why",
			       why.text);
	found->changed = true;
	return 0;
}

static int do_step(struct actor *actor, const struct step *step,
		   struct found *found, struct error *error)
{
	found->virtio = *step->function && has_virtio(step->function);
	switch (step->kind) {
	case STEP_MODULE:
		return module_load(step->name, error);
	case STEP_VFS:
		return do_vfs(actor, step, found, error);
	case STEP_ADD:
		return do_add(actor, step, found, error);
	case STEP_DEL:
		vdpa_before(step->name, &found->before);
		return do_del(actor, step, found, error);
	case STEP_CONSUMER:
		vdpa_before(step->name, &found->before);
		found->changed = true;
		return do_consumer(actor, step, error);
	case STEP_STUB:
	case STEP_UNSTUB:
	case STEP_BIND:
	case STEP_UNBIND:
		break;
	}

	pci_before(step->function, &found->before);
	found->changed = true;
	if (step->kind == STEP_STUB)
		return do_stub(step, error);
	if (step->kind == STEP_BIND)
		return do_bind(actor, step, error);
	if (do_unbind(step, found->before.driver, error))
		return -1;
	/* A PF that had no driver has none again. */
	if (step->kind == STEP_UNBIND)
		sysfs_write(step->function, SYS_PCI "/drivers_probe");
	return 0;
}

/* The device as it was given, with the consumer that it had. */
static int undo_del(struct actor *actor, const struct step *step,
		    const struct found *found)
{
	struct error why;

	if (netlink_add(actor->netlink, step->name, step->function,
			&step->attributes, &why))
		return -1;
	return vdpa_restore(step->name, &found->before);
}

/* The device goes, or goes back to its consumer; and what was loaded for it. */
static int undo_consumer(struct actor *actor, const struct step *step,
			 const struct found *found)
{
	struct error why;
	int err;

	if (step->kind == STEP_ADD)
		err = netlink_del(actor->netlink, step->name, &why) ?:
		      restore_relay(actor, step, found);
	else
		err = vdpa_restore(step->name, &found->before);
	if (!strcmp(step->consumer, "virtio_vdpa"))
		module_unload(virtio_module(step->function), actor->modules);
	return err;
}

static int undo_step(struct actor *actor, const struct step *step,
		     const struct found *found)
{
	int err;

	switch (step->kind) {
	case STEP_MODULE:
		/* One that somebody uses by now stays, which harms nobody. */
		module_unload(step->name, actor->modules);
		return 0;
	case STEP_STUB:
		err = pci_restore(step->function, &found->before);
		module_unload("pci-pf-stub", actor->modules);
		return err;
	case STEP_UNSTUB:
	case STEP_BIND:
	case STEP_UNBIND:
		return pci_restore(step->function, &found->before);
	case STEP_VFS:
		return vfs_restore(step->function, &found->vfs);
	case STEP_ADD:
	case STEP_CONSUMER:
		return undo_consumer(actor, step, found);
	case STEP_DEL:
		return undo_del(actor, step, found);
	}
	return 0;
}

__printf(2, 3)
static void add_to(struct error *error, const char *format, ...)
{
	size_t used = strlen(error->text);
	va_list args;

	va_start(args, format);
	vsnprintf(error->text + used, sizeof(error->text) - used, format, args);
	va_end(args);
}

/*
 * One step, and what its undoing cannot bring back. A netdev, a disk, a VF is not
 * put back but made anew, as the kernel and udev make it.
 */
static void undo_one(struct actor *actor, const struct step *step,
		     const struct found *found, struct error *error)
{
	bool away = found->virtio && !has_virtio(step->function);
	char *text;

	if (undo_step(actor, step, found) ||
	    (away && virtio_takes(step->function))) {
		text = step_text(step);
		add_to(error, "\n  and this could not be taken back: %s", text);
		free(text);
	} else if (step->kind == STEP_VFS && step->vfs_before) {
		add_to(error,
		       "\n  %s has its %u VFs again, made anew: what was set on them by hand is not",
		       step->function, step->vfs_before);
	} else if (away) {
		add_to(error,
		       "\n  %s has its %s again, made anew: what was set on it by hand is not",
		       step->name ?: step->function,
		       strcmp(virtio_module(step->function), "virtio_blk") ?
		       "netdev" : "disk");
	}
}

/* The last step first, which may be half done. */
static void undo(struct actor *actor, size_t n, struct error *error)
{
	while (n--) {
		const struct step *step = &actor->plan->steps[n];

		if (actor->found[n].changed || step->kind == STEP_MODULE)
			undo_one(actor, step, &actor->found[n], error);
	}
}

/* Links and permissions are made by udev: done is when they are there. */
static void settle(void)
{
	char * const arguments[] = { "udevadm", "settle", "--timeout=30", NULL };
	pid_t pid;

	if (!sysfs_exists("/run/udev/control") ||
	    posix_spawnp(&pid, arguments[0], NULL, NULL, arguments, environ))
		return;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int act_lock(struct error *error)
{
	int fd = open(LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return fail(error, "cannot open " LOCK ": %s; run as root",
			    strerror(errno));
	if (!flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	close(fd);
	return fail(error, "another hvdpactl is at work; wait for it ('fuser " LOCK "')");
}

int act(const struct plan *plan, struct error *error)
{
	struct actor actor = { .plan = plan };
	sigset_t signals, before;
	size_t i;

	actor.found = must_alloc(NULL, plan->n + 1, sizeof(*actor.found));
	memset(actor.found, 0, (plan->n + 1) * sizeof(*actor.found));
	actor.modules = modules_loaded();
	/* Half of a plan is nobody's wish: Ctrl-C comes after it. */
	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, &before);
	actor.log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (actor.log >= 0)
		lseek(actor.log, 0, SEEK_END);

	for (i = 0; i < plan->n; i++)
		if (do_step(&actor, &plan->steps[i], &actor.found[i], error))
			break;
	if (i < plan->n)
		undo(&actor, i + 1, error);
	settle();

	if (actor.log >= 0)
		close(actor.log);
	netlink_close(actor.netlink);
	sigprocmask(SIG_SETMASK, &before, NULL);
	free(actor.modules);
	for (size_t j = 0; j < plan->n; j++)
		free(actor.found[j].vfs.list);
	free(actor.found);
	return i < plan->n ? -1 : 0;
}
