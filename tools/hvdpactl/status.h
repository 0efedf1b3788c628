/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the functions of hvdpa are and do.
 */
#ifndef HVDPACTL_STATUS_H
#define HVDPACTL_STATUS_H

#include "holder.h"

/* Texts that are NULL are not known, or not there: see where they come from. */
struct function_status {
	const char *function;
	const struct vdpa_device *device;
	const char *class;
	/* of udev, if it made one */
	char *link;
	/* The driver's own files in debugfs, which root can read. */
	bool debugfs;
	char *hardware, *profile;
	char *offered, *negotiated;
	/* "yes", or "no: why" */
	char *migrate;
	/* with --rate: bytes per second, or why there is no number */
	bool has_rate, untrusted;
	double rate;
	char *no_rate;
};

struct status {
	struct vdpa_devices devices;
	struct holders holders;
	char **functions;
	struct function_status *list;
	size_t n;
};

/* Of all functions; a rate takes so many seconds, 0 for none. */
int status_read(struct status *status, double seconds, struct error *error);
void status_free(struct status *status);

/* dirty.c: fill in the rates. */
void status_measure(struct status *status, double seconds);

/* output.c */
void status_print(const struct status *status);
void status_print_json(const struct status *status);

#endif /* HVDPACTL_STATUS_H */
