/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of /dev/hvdpa/NAME share.
 */
#ifndef HVDPA_FILE_H
#define HVDPA_FILE_H

#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct address_space;
struct device;
struct file;
struct hvdpa_device;
struct hvdpa_log;
struct vm_area_struct;

/**
 * struct hvdpa_file - a device's file
 * @minor: its number
 * @node: the kernel's part
 * @ref: held by the device, and by the file while it is open
 * @commands: see below
 * @lock: see below
 * @hv: the device; NULL once it is deleted
 * @opened: somebody has it open
 * @doorbells: see below
 * @mapping: of the node that was opened; doorbells are taken away there
 * @away: who has a doorbell mapped finds @spare in its place
 * @spare: a page of nobody's
 * @log: the log that is started, or NULL
 * @reports: REPORTs that were answered
 * @untrusted: those that said that all is dirty
 */
struct hvdpa_file {
	u32 minor;
	struct device *node;
	struct kref ref;
	/* Commands are one after the other. Protects log's contents. */
	struct mutex commands;
	/* Protects hv, opened, log. Taken in commands, in mmap_lock. */
	struct mutex lock;
	struct hvdpa_device *hv;
	bool opened;
	/*
	 * Protects mapping and away, against what is mapped meanwhile. Taken in
	 * lock and in the endpoint's lock; nothing is taken in it.
	 */
	struct mutex doorbells;
	struct address_space *mapping;
	bool away;
	unsigned long spare;
	struct hvdpa_log *log;
	u64 reports;
	u64 untrusted;
};

/* file_doorbells.c: doorbells that are mapped */

void hvdpa_file_set_mapping(struct hvdpa_file *file,
			    struct address_space *mapping);
int hvdpa_file_mmap(struct file *filp, struct vm_area_struct *vma);

#endif /* HVDPA_FILE_H */
