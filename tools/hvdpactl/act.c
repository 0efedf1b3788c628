// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "act.h"
#include "module.h"

#define LOCK	"/run/hvdpactl.lock"

struct actor {
	const struct plan *plan;
	struct netlink *netlink;
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

static int bind_pci(const char *function, const char *driver)
{
	char old[DRIVER_SIZE], now[DRIVER_SIZE];
	int err;

	pci_driver(function, old);
	err = sysfs_write(driver, SYS_PCI "/devices/%s/driver_override",
			  function);
	if (!err && *old)
		err = sysfs_write(function, SYS_PCI "/devices/%s/driver/unbind",
				  function);
	/* The bus has no errno for a driver that refuses: look. */
	if (!err) {
		sysfs_write(function, SYS_PCI "/drivers_probe");
		pci_driver(function, now);
		if (!strcmp(now, driver))
			return 0;
		err = -ENODEV;
	}
	sysfs_write("", SYS_PCI "/devices/%s/driver_override", function);
	if (*old)
		sysfs_write(function, SYS_PCI "/drivers/%s/bind", old);
	return err;
}

/* Back to @driver, or, without one, to nobody. */
static int unbind_pci(const char *function, const char *driver)
{
	int err;

	sysfs_write("", SYS_PCI "/devices/%s/driver_override", function);
	err = sysfs_write(function, SYS_PCI "/devices/%s/driver/unbind",
			  function);
	if (!err && *driver)
		err = sysfs_write(function, SYS_PCI "/drivers/%s/bind",
				  driver);
	return err;
}

static int move_device(const char *name, const char *driver)
{
	char now[DRIVER_SIZE];
	int err;

	err = sysfs_write(driver, SYS_VDPA "/devices/%s/driver_override", name);
	if (err)
		return err;
	sysfs_link(now, sizeof(now), SYS_VDPA "/devices/%s/driver", name);
	if (!strcmp(now, driver))
		return 0;
	if (*now)
		err = sysfs_write(name, SYS_VDPA "/drivers/%s/unbind", now);
	if (!err && *driver)
		err = sysfs_write(name, SYS_VDPA "/drivers/%s/bind", driver);
	if (err && *now) {
		sysfs_write(now, SYS_VDPA "/devices/%s/driver_override", name);
		sysfs_write(name, SYS_VDPA "/drivers/%s/bind", now);
	}
	return err;
}

/* Without it the kernel's own virtio driver takes each VF first. */
static int write_vfs(const char *pf, unsigned int n)
{
	char number[16];
	unsigned int autoprobe = 1;
	int err;

	sysfs_read_number(&autoprobe,
			  SYS_PCI "/devices/%s/sriov_drivers_autoprobe", pf);
	err = sysfs_write("0", SYS_PCI "/devices/%s/sriov_drivers_autoprobe",
			  pf);
	if (err)
		return err;
	snprintf(number, sizeof(number), "%u", n);
	err = sysfs_write("0", SYS_PCI "/devices/%s/sriov_numvfs", pf);
	if (!err && n)
		err = sysfs_write(number, SYS_PCI "/devices/%s/sriov_numvfs",
				  pf);
	sysfs_write(autoprobe ? "1" : "0",
		    SYS_PCI "/devices/%s/sriov_drivers_autoprobe", pf);
	return err;
}

static int restore_vfs(const struct step *step)
{
	unsigned int i;
	int err;

	err = write_vfs(step->function, step->vfs_before);
	for (i = 0; !err && i < step->vfs_before; i++) {
		char vf[ADDRESS_SIZE];

		err = pci_vf(step->function, i, vf);
		if (!err && step->bound_before[i])
			err = bind_pci(vf, "hvdpa");
		else if (!err)
			sysfs_write(vf, SYS_PCI "/drivers_probe");
	}
	return err;
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
		  struct error *error)
{
	unsigned int ends[] = { 0, step->vfs ? step->vfs - 1 : 0 };
	char said[2][ADDRESS_SIZE] = {}, vf[ADDRESS_SIZE];
	size_t i;
	int err = 0;

	for (i = 0; i < 2 && step->vfs && !err; i++)
		err = pci_vf_expected(step->function, ends[i], said[i]);
	if (!err)
		err = write_vfs(step->function, step->vfs);
	for (i = 0; i < 2 && step->vfs && !err; i++) {
		err = pci_vf(step->function, ends[i], vf);
		/*
		 * The plan has addresses that the card said before. One may put
		 * its VFs elsewhere when it knows how many they are.
		 */
		if (err || !strcmp(vf, said[i]))
			continue;
		restore_vfs(step);
		return fail_at(error, &step->at,
			       "%s puts its VF %u at %s, and said %s before it had any; 'hvdpa-vfs enable %s %u' first",
			       step->function, ends[i], vf, said[i],
			       step->function, step->vfs);
	}
	if (!err) {
		probe_others(actor->plan, step);
		return 0;
	}
	restore_vfs(step);
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
	if (!bind_pci(step->function, "pci-pf-stub"))
		return 0;
	return fail_at(error, &step->at,
		       "%s has no driver, and pci-pf-stub does not take it; bind it to a driver that makes VFs",
		       step->function);
}

static int do_bind(struct actor *actor, const struct step *step,
		   struct error *error)
{
	char said[512];

	if (!bind_pci(step->function, "hvdpa"))
		return 0;
	driver_said(actor, step->function, said, sizeof(said));
	return fail_at(error, &step->at,
		       "hvdpa refuses %s%s; hvdpa(4) says what it drives",
		       step->function, said);
}

static int do_unbind(const struct step *step, struct error *error)
{
	int err = unbind_pci(step->function, "");

	if (err)
		return fail_at(error, &step->at,
			       "%s cannot be unbound: %s; the kernel's log says why",
			       step->function, strerror(-err));
	sysfs_write(step->function, SYS_PCI "/drivers_probe");
	return 0;
}

static int open_netlink(struct actor *actor, struct error *error)
{
	/* The module may have come with the first step. */
	if (!actor->netlink)
		actor->netlink = netlink_open(error);
	return actor->netlink ? 0 : -1;
}

/*
 * A device that virtio_vdpa has is a virtio device, and may be refused once
 * more: by virtio's driver, or by a card that cannot be made what was asked for.
 */
static int virtio_takes(const char *function)
{
	char driver[DRIVER_SIZE];
	struct error why;

	virtio_driver(function, driver);
	if (*driver)
		return 0;
	/* udev, whose part it is, may not have come to it. */
	module_load(pci_virtio_type(function) == VIRTIO_ID_BLOCK ?
		    "virtio_blk" : "virtio_net", &why);
	virtio_driver(function, driver);
	return *driver ? 0 : -1;
}

static int do_consumer(struct actor *actor, const struct step *step,
		       struct error *error)
{
	int err = move_device(step->name, step->consumer);
	char said[512];

	if (err)
		return fail_at(error, &step->at,
			       "%s does not take %s: %s; the kernel's log says why",
			       step->consumer, step->name, strerror(-err));
	if (strcmp(step->consumer, "virtio_vdpa") ||
	    !virtio_takes(step->function))
		return 0;
	driver_said(actor, step->function, said, sizeof(said));
	fail_at(error, &step->at,
		"no virtio driver takes %s%s; the kernel's log has more",
		step->name, said);
	if (*step->before)
		move_device(step->name, step->before);
	return -1;
}

static int do_add(struct actor *actor, const struct step *step,
		  struct error *error)
{
	struct error why;
	char said[512];

	if (open_netlink(actor, error))
		return -1;
	if (netlink_add(actor->netlink, step->name, step->function,
			&step->attributes, &why)) {
		driver_said(actor, step->function, said, sizeof(said));
		return fail_at(error, &step->at,
			       "%s%s; hvdpa.conf(5) says which attributes there are",
			       why.text, said);
	}
	if (!do_consumer(actor, step, error))
		return 0;
	netlink_del(actor->netlink, step->name, &why);
	return -1;
}

static int do_step(struct actor *actor, const struct step *step,
		   struct error *error)
{
	struct error why;
	int err;

	switch (step->kind) {
	case STEP_MODULE:
		return module_load(step->name, error);
	case STEP_STUB:
		return do_stub(step, error);
	case STEP_UNSTUB:
		err = unbind_pci(step->function, "");
		if (!err)
			return 0;
		return fail_at(error, &step->at,
			       "%s stays pci-pf-stub's: %s; the kernel's log says why",
			       step->function, strerror(-err));
	case STEP_VFS:
		return do_vfs(actor, step, error);
	case STEP_BIND:
		return do_bind(actor, step, error);
	case STEP_UNBIND:
		return do_unbind(step, error);
	case STEP_ADD:
		return do_add(actor, step, error);
	case STEP_DEL:
		if (open_netlink(actor, error))
			return -1;
		if (!netlink_del(actor->netlink, step->name, &why))
			return 0;
		return fail_at(error, &step->at, "%s; the kernel's log says why",
			       why.text);
	case STEP_CONSUMER:
		return do_consumer(actor, step, error);
	}
	return 0;
}

/* A device as it was, as far as it said what it was. */
static int undo_del(struct actor *actor, const struct step *step)
{
	struct attributes attributes = step->attributes;
	struct error why;

	if (netlink_add(actor->netlink, step->name, step->function, &attributes,
			&why)) {
		/* A card that takes no address says one all the same. */
		attributes.has_mac = false;
		if (netlink_add(actor->netlink, step->name, step->function,
				&attributes, &why))
			return -1;
	}
	return *step->before ? move_device(step->name, step->before) : 0;
}

static int undo_step(struct actor *actor, const struct step *step)
{
	struct error why;

	switch (step->kind) {
	case STEP_MODULE:
		/* One that somebody uses by now stays, which harms nobody. */
		module_unload(step->name);
		return 0;
	case STEP_STUB:
		return unbind_pci(step->function, "");
	case STEP_UNSTUB:
		return bind_pci(step->function, "pci-pf-stub");
	case STEP_VFS:
		return restore_vfs(step);
	case STEP_BIND:
		return unbind_pci(step->function, step->before);
	case STEP_UNBIND:
		return bind_pci(step->function, "hvdpa");
	case STEP_ADD:
		return netlink_del(actor->netlink, step->name, &why);
	case STEP_DEL:
		return undo_del(actor, step);
	case STEP_CONSUMER:
		return move_device(step->name, step->before);
	}
	return 0;
}

/* The last step first; what stays is added to the error. */
static void undo(struct actor *actor, size_t n, struct error *error)
{
	while (n--) {
		const struct step *step = &actor->plan->steps[n];
		size_t used = strlen(error->text);
		char *text;

		if (!undo_step(actor, step))
			continue;
		text = step_text(step);
		snprintf(error->text + used, sizeof(error->text) - used,
			 "\n  and this could not be taken back: %s", text);
		free(text);
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

	/* Half of a plan is nobody's wish: Ctrl-C comes after it. */
	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, &before);
	actor.log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (actor.log >= 0)
		lseek(actor.log, 0, SEEK_END);

	for (i = 0; i < plan->n; i++)
		if (do_step(&actor, &plan->steps[i], error))
			break;
	if (i < plan->n)
		undo(&actor, i, error);
	settle();

	if (actor.log >= 0)
		close(actor.log);
	netlink_close(actor.netlink);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return i < plan->n ? -1 : 0;
}
