// SPDX-License-Identifier: GPL-2.0-only
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "debugfs.h"
#include "holder.h"
#include "module.h"

/* What is there, as it was when the plan was begun. */
struct world {
	struct vdpa_devices devices;
	struct holders holders;
	struct netlink *netlink;
};

/* A function of a [device]; of one that is yet to come, whose VF it is. */
struct place {
	char function[ADDRESS_SIZE];
	/* "" for one that is there */
	char pf[ADDRESS_SIZE];
};

static bool is_future(const struct place *place)
{
	return *place->pf;
}

const char *consumer_driver(enum consumer consumer)
{
	return consumer == CONSUMER_VHOST ? "vhost_vdpa" : "virtio_vdpa";
}

static struct step *add_step(struct plan *plan, enum step_kind kind,
			     const struct source *at)
{
	struct step *step;

	plan->steps = must_alloc(plan->steps, plan->n + 1, sizeof(*step));
	step = &plan->steps[plan->n++];
	*step = (struct step){ .kind = kind };
	if (at)
		step->at = *at;
	return step;
}

static struct step *add_function_step(struct plan *plan, enum step_kind kind,
				      const struct source *at,
				      const char *function)
{
	struct step *step = add_step(plan, kind, at);

	snprintf(step->function, sizeof(step->function), "%s", function);
	return step;
}

static const struct step *find_step(const struct plan *plan,
				    enum step_kind kind, const char *function)
{
	size_t i;

	for (i = 0; i < plan->n; i++)
		if (plan->steps[i].kind == kind &&
		    !strcmp(plan->steps[i].function, function))
			return &plan->steps[i];
	return NULL;
}

static int world_read(struct world *world, struct error *error)
{
	*world = (struct world){};
	if (vdpa_devices_read(&world->devices, error))
		return -1;
	holders_read(&world->holders, &world->devices);
	/* Without the module there are no devices to be asked about. */
	if (!module_is_loaded("vdpa"))
		return 0;
	world->netlink = netlink_open(error);
	return world->netlink ? 0 : -1;
}

static void world_free(struct world *world)
{
	netlink_close(world->netlink);
	holders_free(&world->holders);
	vdpa_devices_free(&world->devices);
}

static const struct pf_config *find_pf(const struct config *config,
				       const char *address)
{
	size_t i;

	for (i = 0; i < config->npfs; i++)
		if (!strcmp(config->pfs[i].address, address))
			return &config->pfs[i];
	return NULL;
}

static unsigned int count_vfs(const char *pf)
{
	unsigned int n = 0;

	sysfs_read_number(&n, SYS_PCI "/devices/%s/sriov_numvfs", pf);
	return n;
}

/*
 * The VFs of a PF go, and are others afterwards. Those of somebody else stay:
 * neither a device nor another driver's function is taken away.
 */
static struct step *plan_vfs(struct plan *plan, const struct world *world,
			     const struct pf_config *pf, unsigned int now,
			     const struct source *at, struct error *error)
{
	struct step *step;
	unsigned int i;

	for (i = 0; i < now; i++) {
		const struct vdpa_device *device;
		char vf[ADDRESS_SIZE];

		if (pci_vf(pf->address, i, vf))
			continue;
		device = vdpa_by_function(&world->devices, vf);
		if (device && !find_step(plan, STEP_DEL, vf)) {
			char by[256];

			if (device_is_used(device, &world->holders, by,
					   sizeof(by)))
				fail_at(error, at,
					"%s has VFs in use, their number stays: %s of %s: %s",
					pf->address, device->name, vf, by);
			else
				fail_at(error, at,
					"%s has VFs in use, their number stays: %s has the device %s; 'vdpa dev del %s' if nobody needs it",
					pf->address, vf, device->name,
					device->name);
			return NULL;
		}
		if (!device && check_free(vf, at, error))
			return NULL;
	}
	step = add_function_step(plan, STEP_VFS, at, pf->address);
	step->vfs_before = now;
	return step;
}

static int plan_bind(struct plan *plan, const char *function, bool future,
		     const struct source *at, struct error *error)
{
	struct step *step;
	char driver[DRIVER_SIZE] = "";

	if (find_step(plan, STEP_BIND, function))
		return 0;
	if (!future) {
		pci_driver(function, driver);
		if (!strcmp(driver, "hvdpa"))
			return 0;
		if (check_free(function, at, error))
			return -1;
	}
	step = add_function_step(plan, STEP_BIND, at, function);
	snprintf(step->before, sizeof(step->before), "%s", driver);
	return 0;
}

/*
 * A PF that is a device itself. It makes its VFs when hvdpa has it; when it is
 * taken from another driver those that it has are gone.
 */
static int plan_bind_pf(struct plan *plan, const struct config *config,
			const struct pf_config *pf, struct error *error)
{
	const struct device_config *device = NULL;
	char driver[DRIVER_SIZE];
	size_t i;

	for (i = 0; i < config->ndevices; i++)
		if (!strcmp(config->devices[i].function, pf->address))
			device = &config->devices[i];
	pci_driver(pf->address, driver);
	if (!device || !strcmp(driver, "hvdpa"))
		return 0;
	if (count_vfs(pf->address))
		return fail_at(error, &device->function_at,
			       "%s has VFs, which are gone when it is taken from %s; 'hvdpa-vfs disable %s' if nobody needs them",
			       pf->address, driver, pf->address);
	return plan_bind(plan, pf->address, false, &device->function_at, error);
}

static int plan_pf(struct plan *plan, const struct world *world,
		   const struct config *config, const struct pf_config *pf,
		   struct error *error)
{
	unsigned int total, now = 0;
	char driver[DRIVER_SIZE];
	struct step *step;

	if (!pci_exists(pf->address))
		return fail_at(error, &pf->at,
			       "there is no PCI function %s; 'lspci -D' lists those that there are",
			       pf->address);
	if (sysfs_read_number(&total, SYS_PCI "/devices/%s/sriov_totalvfs",
			      pf->address) ||
	    sysfs_read_number(&now, SYS_PCI "/devices/%s/sriov_numvfs",
			      pf->address))
		return fail_at(error, &pf->at,
			       "%s has no SR-IOV; name the card's physical function",
			       pf->address);
	if (pf->vfs > total)
		return fail_at(error, &pf->vfs_at,
			       "%s has %u VFs at most, not %u; write fewer",
			       pf->address, total, pf->vfs);
	if (plan_bind_pf(plan, config, pf, error))
		return -1;
	if (now == pf->vfs)
		return 0;

	pci_driver(pf->address, driver);
	if (!*driver && !find_step(plan, STEP_BIND, pf->address)) {
		if (check_stub(pf->address, &pf->at, error))
			return -1;
		add_function_step(plan, STEP_STUB, &pf->at, pf->address);
	}
	step = plan_vfs(plan, world, pf, now, &pf->vfs_at, error);
	if (!step)
		return -1;
	step->vfs = pf->vfs;
	step->probe_others = !pf->bind_all;
	return 0;
}

static int plan_pf_vfs(struct plan *plan, const struct pf_config *pf,
		       struct error *error)
{
	bool future = find_step(plan, STEP_VFS, pf->address);
	char vf[ADDRESS_SIZE];
	unsigned int i;
	int err;

	for (i = 0; i < pf->vfs && pf->bind_all; i++) {
		err = future ? pci_vf_expected(pf->address, i, vf) :
			       pci_vf(pf->address, i, vf);
		if (err)
			return fail_at(error, &pf->vfs_at,
				       "%s does not say where its VF %u is: %s; look into the kernel's log",
				       pf->address, i, strerror(-err));
		if (plan_bind(plan, vf, future, &pf->vfs_at, error))
			return -1;
	}
	return 0;
}

/* The PF whose VF it will be by a step of the plan; NULL if none. */
static const char *future_pf(const struct plan *plan, const char *function)
{
	size_t i;

	for (i = 0; i < plan->n; i++) {
		const struct step *step = &plan->steps[i];
		int n;

		if (step->kind != STEP_VFS)
			continue;
		n = pci_vf_number(step->function, function);
		if (n >= 0 && (unsigned int)n < step->vfs)
			return step->function;
	}
	return NULL;
}

/* Is it a VF that a step of the plan takes away? */
static bool is_past_vf(const struct plan *plan, const char *function)
{
	char pf[ADDRESS_SIZE];

	return !sysfs_link(pf, sizeof(pf), SYS_PCI "/devices/%s/physfn",
			   function) && find_step(plan, STEP_VFS, pf);
}

static int find_vf(struct place *place, const struct plan *plan,
		   const struct config *config,
		   const struct device_config *device, struct error *error)
{
	const struct pf_config *pf = find_pf(config, device->pf);
	unsigned int n = pf ? pf->vfs : count_vfs(device->pf);
	int err;

	if (!pci_exists(device->pf))
		return fail_at(error, &device->function_at,
			       "there is no PCI function %s; 'lspci -D' lists those that there are",
			       device->pf);
	if (device->vf >= n)
		return fail_at(error, &device->function_at,
			       "%s has %u VFs, %s is to be on number %u of them, and numbers begin at 0; %s",
			       device->pf, n, device->name, device->vf,
			       pf ? "raise vfs in its [pf]" :
			       "make more by a [pf] section");
	if (find_step(plan, STEP_VFS, device->pf))
		snprintf(place->pf, sizeof(place->pf), "%s", device->pf);
	err = is_future(place) ?
	      pci_vf_expected(device->pf, device->vf, place->function) :
	      pci_vf(device->pf, device->vf, place->function);
	if (!err)
		return 0;
	return fail_at(error, &device->function_at,
		       "%s does not say where its VF %u is: %s; look into the kernel's log",
		       device->pf, device->vf, strerror(-err));
}

static int find_place(struct place *place, const struct plan *plan,
		      const struct config *config,
		      const struct device_config *device, struct error *error)
{
	const char *pf;

	if (*device->pf)
		return find_vf(place, plan, config, device, error);

	snprintf(place->function, sizeof(place->function), "%s",
		 device->function);
	pf = future_pf(plan, device->function);
	snprintf(place->pf, sizeof(place->pf), "%s", pf ?: "");
	if (pf || (pci_exists(device->function) &&
		   !is_past_vf(plan, device->function)))
		return 0;
	return fail_at(error, &device->function_at,
		       "there is no PCI function %s%s; 'lspci -D' lists those that there are, a [pf] section makes VFs",
		       device->function, pci_exists(device->function) ?
		       " among the VFs that [pf] leaves" : "");
}

/*
 * What of the device is not as the file says; "" if all is. What was given counts
 * where the device does not show it (an mtu without the feature MTU). An address
 * that is the card's own is none that was given: QEMU's mac= would be put over it.
 */
static void differs(const struct attributes *want,
		    const struct attributes *given,
		    const struct attributes *have, char *why, size_t size)
{
	bool mac = given->has_mac &&
		   !memcmp(want->mac, given->mac, sizeof(want->mac));
	bool mtu = (given->has_mtu && want->mtu == given->mtu) ||
		   (have->has_mtu && want->mtu == have->mtu);
	bool pairs = (given->has_max_vqp && want->max_vqp == given->max_vqp) ||
		     want->max_vqp == have->max_vqp;

	why[0] = '\0';
	if (want->has_mac && !mac && !have->has_mac)
		snprintf(why, size, "it had no mac");
	else if (want->has_mac && !mac)
		snprintf(why, size, "its mac was %02x:%02x:%02x:%02x:%02x:%02x%s",
			 have->mac[0], have->mac[1], have->mac[2],
			 have->mac[3], have->mac[4], have->mac[5],
			 given->has_mac ? "" : ", the card's own");
	else if (want->has_mtu && !mtu && !given->has_mtu && !have->has_mtu)
		snprintf(why, size, "it had no mtu");
	else if (want->has_mtu && !mtu)
		snprintf(why, size, "its mtu was %u",
			 given->has_mtu ? given->mtu : have->mtu);
	else if (want->has_max_vqp && !pairs)
		snprintf(why, size, "its max_vqp was %u",
			 given->has_max_vqp ? given->max_vqp : have->max_vqp);
	else if (want->has_features && want->features != have->features)
		snprintf(why, size, "its device_features were %#llx",
			 (unsigned long long)have->features);
}

static int plan_add(struct plan *plan, const struct world *world,
		    const struct device_config *device, const char *function,
		    struct error *error)
{
	char driver[DRIVER_SIZE];
	struct step *step;

	/* Of others the driver says so when it has them. */
	pci_driver(function, driver);
	if (world->netlink && !strcmp(driver, "hvdpa") &&
	    !is_past_vf(plan, function) &&
	    check_limits(world->netlink, function, device, error))
		return -1;
	step = add_function_step(plan, STEP_ADD, &device->at, function);
	step->name = device->name;
	step->attributes = device->attributes;
	step->consumer = consumer_driver(device->consumer);
	return 0;
}

static int plan_del(struct plan *plan, struct world *world,
		    const struct vdpa_device *device, const struct source *at,
		    const char *name, struct error *error)
{
	struct attributes given;
	struct step *step;
	struct error why;
	char by[256];

	if (device_is_used(device, &world->holders, by, sizeof(by)))
		return fail_at(error, at, "%s is in use and stays as it is: %s",
			       device->name, by);
	/* A step after this one may be refused: then it is made again. */
	if (given_read(device->name, &given, &why))
		return fail_at(error, at, "%s stays as it is: %s",
			       device->name, why.text);
	step = add_function_step(plan, STEP_DEL, at, device->function);
	step->name = name;
	step->attributes = given;
	snprintf(step->before, sizeof(step->before), "%s", device->driver);
	return 0;
}

static int plan_existing(struct plan *plan, struct world *world,
			 const struct vdpa_device *device,
			 const struct device_config *wanted,
			 struct error *error)
{
	const char *consumer = consumer_driver(wanted->consumer);
	struct attributes given;
	struct vdpa_state state;
	char by[256], why[128];
	struct step *step;
	struct error unknown;

	if (netlink_get(world->netlink, device->name, &state, error))
		return -1;
	if (given_read(device->name, &given, &unknown))
		given = state.attributes;
	differs(&wanted->attributes, &given, &state.attributes, why,
		sizeof(why));
	if (!*why && *wanted->attributes.relay) {
		char relay[RELAY_SIZE];

		if (netlink_relay_get(world->netlink, device->function, relay,
				      error))
			return -1;
		if (strcmp(relay, wanted->attributes.relay))
			snprintf(why, sizeof(why), "its relay was %s", relay);
	}
	if (*why) {
		if (plan_del(plan, world, device, &wanted->at, wanted->name,
			     error))
			return -1;
		step = &plan->steps[plan->n - 1];
		snprintf(step->why, sizeof(step->why), "%s", why);
		return plan_add(plan, world, wanted, device->function, error);
	}
	if (!strcmp(device->driver, consumer))
		return 0;
	if (device_is_used(device, &world->holders, by, sizeof(by)))
		return fail_at(error, &wanted->consumer_at,
			       "%s is in use and stays %s's: %s", device->name,
			       device->driver, by);
	step = add_function_step(plan, STEP_CONSUMER, &wanted->consumer_at,
				 device->function);
	step->name = wanted->name;
	step->consumer = consumer;
	snprintf(step->before, sizeof(step->before), "%s", device->driver);
	return 0;
}

static int plan_device(struct plan *plan, struct world *world,
		       const struct device_config *wanted,
		       const struct place *place, struct error *error)
{
	const struct vdpa_device *named, *there;

	named = vdpa_by_name(&world->devices, wanted->name);
	if (named && strcmp(named->function, place->function))
		return fail_at(error, &wanted->at,
			       "%s is the name of a device of %s already; give another name, or 'vdpa dev del %s' if nobody needs it",
			       wanted->name, *named->function ?
			       named->function : "another parent",
			       wanted->name);
	there = vdpa_by_function(&world->devices, place->function);
	if (there && !named)
		return fail_at(error, &wanted->at,
			       "%s has the device %s already, and a function has one; 'vdpa dev del %s' if nobody needs it, or name it %s here",
			       place->function, there->name, there->name,
			       there->name);
	return named ? plan_existing(plan, world, named, wanted, error) :
		       plan_add(plan, world, wanted, place->function, error);
}

static int plan_modules(struct plan *plan, const struct config *config,
			struct error *error)
{
	/* In this order new devices go to vhost first, and no netdev flickers. */
	static const char * const names[] = {
		"vdpa", "vhost_vdpa", "virtio_vdpa", "hvdpa"
	};
	bool needed[] = { true, false, false, true };
	size_t i;

	for (i = 0; i < config->ndevices; i++)
		needed[config->devices[i].consumer == CONSUMER_VHOST ? 1 : 2] =
			true;
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		if (!needed[i] || module_is_loaded(names[i]))
			continue;
		if (module_exists(names[i], error))
			return -1;
		add_step(plan, STEP_MODULE, NULL)->name = names[i];
	}
	return 0;
}

static int plan_places(struct plan *plan, const struct config *config,
		       struct place *places, struct error *error)
{
	size_t i, j;

	for (i = 0; i < config->ndevices; i++) {
		const struct device_config *device = &config->devices[i];

		if (find_place(&places[i], plan, config, device, error) ||
		    check_function(places[i].function, places[i].pf, device,
				   error))
			return -1;
		for (j = 0; j < i; j++)
			if (!strcmp(places[i].function, places[j].function))
				return fail_at(error, &device->function_at,
					       "%s is the function of [device %s] (%s:%u) already; a function has one device",
					       places[i].function,
					       config->devices[j].name,
					       config->devices[j].at.file,
					       config->devices[j].at.line);
	}
	return 0;
}

static int plan_all(struct plan *plan, struct world *world,
		    const struct config *config, struct place *places,
		    struct error *error)
{
	size_t i;

	if (plan_modules(plan, config, error))
		return -1;
	for (i = 0; i < config->npfs; i++)
		if (plan_pf(plan, world, config, &config->pfs[i], error))
			return -1;
	if (plan_places(plan, config, places, error))
		return -1;
	for (i = 0; i < config->ndevices; i++)
		if (plan_bind(plan, places[i].function, is_future(&places[i]),
			      &config->devices[i].function_at, error))
			return -1;
	for (i = 0; i < config->npfs; i++)
		if (plan_pf_vfs(plan, &config->pfs[i], error))
			return -1;
	for (i = 0; i < config->ndevices; i++)
		if (plan_device(plan, world, &config->devices[i], &places[i],
				error))
			return -1;
	return 0;
}

int plan_apply(struct plan *plan, const struct config *config,
	       struct error *error)
{
	struct place *places;
	struct world world;
	int err;

	*plan = (struct plan){};
	places = must_alloc(NULL, config->ndevices + 1, sizeof(*places));
	memset(places, 0, (config->ndevices + 1) * sizeof(*places));
	err = world_read(&world, error);
	if (!err)
		err = plan_all(plan, &world, config, places, error);
	world_free(&world);
	free(places);
	return err;
}

/* Where a named device is; false: nowhere, and there is nothing to take back. */
static bool find_named(const struct device_config *named,
		       char function[static ADDRESS_SIZE])
{
	if (*named->pf)
		return !pci_vf(named->pf, named->vf, function);
	snprintf(function, ADDRESS_SIZE, "%s", named->function);
	return pci_exists(function);
}

static int plan_remove_device(struct plan *plan, struct world *world,
			      const struct device_config *named,
			      struct error *error)
{
	const struct vdpa_device *device;
	char function[ADDRESS_SIZE];

	if (!find_named(named, function))
		return 0;
	device = vdpa_by_name(&world->devices, named->name);
	if (!device)
		return 0;
	if (!strcmp(device->function, function))
		return plan_del(plan, world, device, &named->at, named->name,
				error);
	return fail_at(error, &named->at,
		       "%s is a device of %s and not of %s; 'vdpa dev del %s' if it is to go",
		       named->name, *device->function ? device->function :
		       "another parent", function, named->name);
}

/* A VF that goes need not be given back, nor what has somebody's device. */
static void plan_unbind(struct plan *plan, const struct world *world,
			const struct device_config *named)
{
	char function[ADDRESS_SIZE], driver[DRIVER_SIZE];

	if (!find_named(named, function) || is_past_vf(plan, function))
		return;
	if (vdpa_by_function(&world->devices, function) &&
	    !find_step(plan, STEP_DEL, function))
		return;
	pci_driver(function, driver);
	if (!strcmp(driver, "hvdpa"))
		add_function_step(plan, STEP_UNBIND, &named->at, function);
}

static int plan_remove_pf(struct plan *plan, struct world *world,
			  const struct pf_config *pf, struct error *error)
{
	unsigned int now = count_vfs(pf->address);
	char driver[DRIVER_SIZE];

	if (!now)
		return 0;
	if (!plan_vfs(plan, world, pf, now, &pf->at, error))
		return -1;
	pci_driver(pf->address, driver);
	if (!strcmp(driver, "pci-pf-stub"))
		add_function_step(plan, STEP_UNSTUB, &pf->at, pf->address);
	return 0;
}

int plan_remove(struct plan *plan, const struct config *config,
		struct error *error)
{
	struct world world;
	size_t i;
	int err;

	*plan = (struct plan){};
	err = world_read(&world, error);
	for (i = 0; !err && i < config->ndevices; i++)
		err = plan_remove_device(plan, &world, &config->devices[i],
					 error);
	for (i = 0; !err && i < config->npfs; i++)
		err = plan_remove_pf(plan, &world, &config->pfs[i], error);
	for (i = 0; !err && i < config->ndevices; i++)
		plan_unbind(plan, &world, &config->devices[i]);
	world_free(&world);
	return err;
}

void plan_free(struct plan *plan)
{
	free(plan->steps);
	*plan = (struct plan){};
}
