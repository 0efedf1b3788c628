// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/hvdpa/NAME: doorbells that can be mapped for reading as well, and that can be
 * taken away.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "device.h"
#include "file.h"

/**
 * hvdpa_file_set_mapping - say where doorbells may be mapped
 * @file: the file, its lock held
 * @mapping: of the node that was opened, or NULL
 */
void hvdpa_file_set_mapping(struct hvdpa_file *file,
			    struct address_space *mapping)
{
	mutex_lock(&file->doorbells);
	file->mapping = mapping;
	mutex_unlock(&file->doorbells);
}

static vm_fault_t hvdpa_file_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	struct hvdpa_file *file = vma->vm_file->private_data;
	vm_fault_t result = VM_FAULT_SIGBUS;
	phys_addr_t addr;

	mutex_lock(&file->lock);
	if (file->hv) {
		addr = hvdpa_doorbell_area(&file->hv->vrings[vma->vm_pgoff]).addr;
		mutex_lock(&file->doorbells);
		if (file->away)
			addr = virt_to_phys((void *)file->spare);
		result = vmf_insert_pfn(vma, vmf->address & PAGE_MASK,
					PHYS_PFN(addr));
		mutex_unlock(&file->doorbells);
	}
	mutex_unlock(&file->lock);
	return result;
}

static const struct vm_operations_struct hvdpa_file_vm_ops = {
	.fault = hvdpa_file_fault,
};

/**
 * hvdpa_file_mmap - the operation of that name: a doorbell's page, by its queue's number
 * @filp: the file
 * @vma: where it is to be mapped
 *
 * Return: 0; -EINVAL for what is not one shared page of a queue; -EOPNOTSUPP where that
 * has no doorbell to be mapped; -ENODEV if the device is gone.
 */
int hvdpa_file_mmap(struct file *filp, struct vm_area_struct *vma)
{
	struct hvdpa_file *file = filp->private_data;
	int err = 0;

	if (vma->vm_end - vma->vm_start != PAGE_SIZE ||
	    !(vma->vm_flags & VM_SHARED) || vma->vm_flags & VM_EXEC)
		return -EINVAL;

	mutex_lock(&file->lock);
	if (!file->hv)
		err = -ENODEV;
	else if (vma->vm_pgoff >= file->hv->nvqs)
		err = -EINVAL;
	else if (hvdpa_doorbell_area(&file->hv->vrings[vma->vm_pgoff]).size !=
		 PAGE_SIZE)
		err = -EOPNOTSUPP;
	mutex_unlock(&file->lock);
	if (err)
		return err;

	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vm_flags_clear(vma, VM_MAYEXEC);
	vma->vm_page_prot = pgprot_noncached(vma->vm_page_prot);
	vma->vm_ops = &hvdpa_file_vm_ops;
	return 0;
}

/**
 * hvdpa_file_keep_doorbells - take mapped doorbells away, or give them back
 * @hv: the device; the endpoint's lock is held
 * @away: who has one mapped is to ring nothing
 *
 * A write goes to a page of nobody's meanwhile: a signal would end a virtual machine
 * for a function that comes back. May sleep; waits for no one in user space.
 */
void hvdpa_file_keep_doorbells(struct hvdpa_device *hv, bool away)
{
	struct hvdpa_file *file = hv->file;

	lockdep_assert_held(&hv->ep->lock);

	if (!file)
		return;
	mutex_lock(&file->doorbells);
	if (file->away != away && file->mapping)
		unmap_mapping_range(file->mapping, 0, 0, 1);
	file->away = away;
	mutex_unlock(&file->doorbells);
}
