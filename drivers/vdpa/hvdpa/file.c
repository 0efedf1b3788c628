// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/hvdpa/NAME: the dirty log for whoever migrates, and doorbells that can
 * be mapped for reading as well.
 *
 * The structure here outlives the device while the file is open. A command
 * that copies to user space can take as long as that space's owner likes, so
 * what deletes the device waits for no command: it takes only @lock, under
 * which nothing of user space is touched.
 */
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/kref.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "device.h"
#include "file.h"
#include "relay.h"

/* The most ranges of a START: QEMU and VFIO need fewer than ten. */
#define HVDPA_RANGES_MAX	512

#define HVDPA_MINORS	BIT(MINORBITS)

static dev_t hvdpa_files_devt;
static struct cdev hvdpa_files_cdev;
/* By minor number; a file that is in it is referred to by its device. */
static DEFINE_XARRAY_ALLOC(hvdpa_files);

static void hvdpa_file_free(struct kref *ref)
{
	struct hvdpa_file *file = container_of(ref, struct hvdpa_file, ref);

	mutex_destroy(&file->doorbells);
	mutex_destroy(&file->lock);
	mutex_destroy(&file->commands);
	free_page(file->spare);
	kfree(file);
}

static int hvdpa_file_open(struct inode *inode, struct file *filp)
{
	struct hvdpa_file *file;
	int err = 0;

	xa_lock(&hvdpa_files);
	file = xa_load(&hvdpa_files, iminor(inode));
	if (file)
		kref_get(&file->ref);
	xa_unlock(&hvdpa_files);
	if (!file)
		return -ENODEV;

	mutex_lock(&file->lock);
	if (!file->hv) {
		err = -ENODEV;
	} else if (file->opened) {
		err = -EBUSY;
	} else {
		file->opened = true;
		hvdpa_file_set_mapping(file, filp->f_mapping);
		filp->private_data = file;
	}
	mutex_unlock(&file->lock);
	if (err)
		kref_put(&file->ref, hvdpa_file_free);
	return err;
}

/* The log stops; it is the caller's to free. */
static struct hvdpa_log *hvdpa_file_take_log(struct hvdpa_file *file)
{
	struct hvdpa_log *log;

	mutex_lock(&file->lock);
	log = file->log;
	file->log = NULL;
	if (log)
		hvdpa_log_detach(log);
	mutex_unlock(&file->lock);
	return log;
}

static int hvdpa_file_release(struct inode *inode, struct file *filp)
{
	struct hvdpa_file *file = filp->private_data;
	struct hvdpa_log *log = hvdpa_file_take_log(file);

	if (log)
		hvdpa_log_destroy(log);
	mutex_lock(&file->lock);
	file->opened = false;
	hvdpa_file_set_mapping(file, NULL);
	mutex_unlock(&file->lock);
	kref_put(&file->ref, hvdpa_file_free);
	return 0;
}

/* Relays mark any pages; hardware those that its registers name. */
#define HVDPA_RELAY_PAGE_SIZES	GENMASK_ULL(21, PAGE_SHIFT)

/* Does the hardware keep the log? Where not, relayed rings may. */
static bool hvdpa_file_hardware_logs(const struct hvdpa_device *hv)
{
	return hvdpa_can(hv->ep, HVDPA_LOG) && hv->dma.window;
}

/* Why there is no log; NULL where there is one. */
static const char *hvdpa_file_log_obstacle(const struct hvdpa_device *hv)
{
	return hvdpa_file_hardware_logs(hv) ? NULL :
					      hvdpa_relay_log_obstacle(hv);
}

static u64 hvdpa_file_page_sizes(const struct hvdpa_device *hv)
{
	return hvdpa_file_hardware_logs(hv) ? hv->ep->block.page_sizes :
					      HVDPA_RELAY_PAGE_SIZES;
}

static bool hvdpa_file_has_doorbells(const struct hvdpa_device *hv)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++)
		if (hv->vrings[i].area.size == PAGE_SIZE)
			return true;
	return false;
}

static int hvdpa_file_info(struct hvdpa_file *file, void __user *arg)
{
	struct hvdpa_info info = {};
	struct hvdpa_device *hv;
	u32 argsz;

	if (get_user(argsz, (u32 __user *)arg))
		return -EFAULT;
	if (argsz < sizeof(info))
		return -EINVAL;

	mutex_lock(&file->lock);
	hv = file->hv;
	if (!hv) {
		mutex_unlock(&file->lock);
		return -ENODEV;
	}
	info.argsz = sizeof(info);
	info.version = HVDPA_API_VERSION;
	info.max_ranges = HVDPA_RANGES_MAX;
	info.nqueues = hv->nvqs;
	info.reports = file->reports;
	info.untrusted = file->untrusted;
	if (!hvdpa_file_log_obstacle(hv)) {
		info.flags |= HVDPA_INFO_LOG;
		if (!hvdpa_file_hardware_logs(hv))
			info.flags |= HVDPA_INFO_RELAYED;
		info.page_sizes = hvdpa_file_page_sizes(hv);
		info.max_log_bytes = HVDPA_LOG_BYTES_MAX;
	}
	if (hvdpa_file_has_doorbells(hv))
		info.flags |= HVDPA_INFO_DOORBELLS;
	if (file->log)
		info.flags |= HVDPA_INFO_RUNNING;
	mutex_unlock(&file->lock);

	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/* The owner may agree on other features meanwhile: the reason is asked for once. */
static int hvdpa_file_check_log(const struct hvdpa_device *hv)
{
	const char *obstacle = hvdpa_file_log_obstacle(hv);

	if (!obstacle)
		return 0;
	dev_err_ratelimited(hv->ep->dev, "dirty log: %s: %pe\n", obstacle,
			    ERR_PTR(-EOPNOTSUPP));
	return -EOPNOTSUPP;
}

/* What a START may ask of the device as it is now. */
static int hvdpa_file_plan(struct hvdpa_file *file,
			   const struct hvdpa_log_start *start,
			   const struct hvdpa_range *ranges,
			   struct hvdpa_log_window *window)
{
	struct hvdpa_device *hv;
	int err;

	mutex_lock(&file->lock);
	hv = file->hv;
	err = hv ? hvdpa_file_check_log(hv) : -ENODEV;
	if (err)
		goto out_unlock;
	if (file->log)
		err = -EBUSY;
	else if (!is_power_of_2(start->page_size) ||
		 !(hvdpa_file_page_sizes(hv) & start->page_size))
		err = -EINVAL;
	else
		err = hvdpa_log_plan(ranges, start->num_ranges,
				     start->page_size, &hv->dma.range,
				     hv->ep->migration->log_from_zero, window);
out_unlock:
	mutex_unlock(&file->lock);
	return err;
}

/* From here on what the device writes is in the log. */
static int hvdpa_file_attach(struct hvdpa_device *hv, struct hvdpa_log *log)
{
	int err;

	log->relayed = !hvdpa_file_hardware_logs(hv);
	err = hvdpa_log_attach(log, hv);
	if (err || !log->relayed)
		return err;

	mutex_lock(&hv->ep->lock);
	err = hvdpa_device_relay_all(hv);
	mutex_unlock(&hv->ep->lock);
	if (err)
		hvdpa_log_detach(log);
	return err;
}

static int hvdpa_file_start(struct hvdpa_file *file, void __user *arg)
{
	struct hvdpa_log_window window = {};
	struct hvdpa_log_start start;
	struct hvdpa_range *ranges;
	struct hvdpa_log *log;
	int err;

	if (copy_from_user(&start, arg, sizeof(start)))
		return -EFAULT;
	if (start.argsz < sizeof(start) || start.flags || start.reserved ||
	    !start.num_ranges)
		return -EINVAL;
	if (start.num_ranges > HVDPA_RANGES_MAX)
		return -E2BIG;

	ranges = vmemdup_array_user(u64_to_user_ptr(start.ranges),
				    start.num_ranges, sizeof(*ranges));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);

	err = hvdpa_file_plan(file, &start, ranges, &window);
	if (err)
		goto err_free_ranges;

	log = hvdpa_log_create(&window, ranges, start.num_ranges);
	if (!log) {
		err = -ENOMEM;
		goto err_free_ranges;
	}

	mutex_lock(&file->lock);
	err = file->hv ? hvdpa_file_attach(file->hv, log) : -ENODEV;
	if (!err)
		file->log = log;
	mutex_unlock(&file->lock);
	if (err)
		hvdpa_log_destroy(log);
	return err;

err_free_ranges:
	kvfree(ranges);
	return err;
}

static int hvdpa_file_stop(struct hvdpa_file *file)
{
	struct hvdpa_log *log;

	mutex_lock(&file->lock);
	if (!file->hv || !file->log) {
		int err = file->hv ? -EINVAL : -ENODEV;

		mutex_unlock(&file->lock);
		return err;
	}
	mutex_unlock(&file->lock);

	log = hvdpa_file_take_log(file);
	if (log)
		hvdpa_log_destroy(log);
	return 0;
}

/* Set bits in the user's bitmap and clear none there. */
static int hvdpa_or_to_user(u64 __user *bitmap, const u64 *words, u64 n)
{
	u64 i, word;

	for (i = 0; i < n; i++) {
		if (!words[i])
			continue;
		if (get_user(word, bitmap + i) ||
		    put_user(word | words[i], bitmap + i))
			return -EFAULT;
	}
	return 0;
}

/* A bitmap that no bit is set in must be there all the same. */
static int hvdpa_probe_user(u64 __user *bitmap, u64 n)
{
	u64 word;

	if (get_user(word, bitmap) || put_user(word, bitmap) ||
	    get_user(word, bitmap + n - 1) || put_user(word, bitmap + n - 1))
		return -EFAULT;
	return 0;
}

#define HVDPA_CHUNK_PAGES	(PAGE_SIZE * 8)

static int hvdpa_file_copy_out(struct hvdpa_log *log,
			       const struct hvdpa_log_report *report,
			       bool untrusted)
{
	u64 __user *bitmap = u64_to_user_ptr(report->bitmap);
	u64 npages = report->length / report->page_size;
	u8 shift = ilog2(report->page_size);
	u64 done = 0;
	int err;

	while (done < npages) {
		u64 n = min(npages - done, HVDPA_CHUNK_PAGES);
		u64 iova = report->iova + (done << shift);
		u64 words = DIV_ROUND_UP_ULL(n, 64);

		bool any = hvdpa_log_take(log, iova, shift, n, log->chunk);

		if (untrusted) {
			memset(log->chunk, 0xff, words * sizeof(u64));
			if (n % 64)
				log->chunk[words - 1] = GENMASK_ULL(n % 64 - 1, 0);
			any = true;
		}
		err = any ? hvdpa_or_to_user(bitmap, log->chunk, words) :
			    hvdpa_probe_user(bitmap, words);
		if (err) {
			hvdpa_log_put_back(log, iova, shift, n, log->chunk);
			return err;
		}
		bitmap += words;
		done += n;
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

static int hvdpa_file_report(struct hvdpa_file *file, void __user *arg)
{
	struct hvdpa_log_report report;
	struct hvdpa_log *log;
	bool untrusted;
	int err = 0;
	u64 last;

	if (copy_from_user(&report, arg, sizeof(report)))
		return -EFAULT;
	if (report.argsz < sizeof(report) || report.flags || !report.length ||
	    !is_power_of_2(report.page_size) ||
	    !IS_ALIGNED(report.iova | report.length, report.page_size) ||
	    check_add_overflow(report.iova, report.length - 1, &last))
		return -EINVAL;

	/* Only commands change the log, and this is the one that runs. */
	mutex_lock(&file->lock);
	log = file->log;
	if (!file->hv)
		err = -ENODEV;
	else if (!log || ilog2(report.page_size) < log->window.shift ||
		 !hvdpa_log_covers(log, report.iova, report.length))
		err = -EINVAL;
	if (err) {
		mutex_unlock(&file->lock);
		return err;
	}
	hvdpa_log_sync(log);
	hvdpa_log_harvest(log, report.iova, report.length);
	untrusted = READ_ONCE(log->untrusted);
	mutex_unlock(&file->lock);

	err = hvdpa_file_copy_out(log, &report, untrusted);
	if (err)
		return err;

	mutex_lock(&file->lock);
	file->reports++;
	file->untrusted += untrusted;
	mutex_unlock(&file->lock);

	report.flags = untrusted ? HVDPA_REPORT_UNTRUSTED : 0;
	return copy_to_user(arg, &report, sizeof(report)) ? -EFAULT : 0;
}

static long hvdpa_file_ioctl(struct file *filp, unsigned int cmd,
			     unsigned long arg)
{
	struct hvdpa_file *file = filp->private_data;
	void __user *user = (void __user *)arg;
	int err;

	if (mutex_lock_killable(&file->commands))
		return -EINTR;
	switch (cmd) {
	case HVDPA_INFO:
		err = hvdpa_file_info(file, user);
		break;
	case HVDPA_LOG_START:
		err = hvdpa_file_start(file, user);
		break;
	case HVDPA_LOG_STOP:
		err = hvdpa_file_stop(file);
		break;
	case HVDPA_LOG_REPORT:
		err = hvdpa_file_report(file, user);
		break;
	default:
		err = -ENOTTY;
	}
	mutex_unlock(&file->commands);
	return err;
}

static const struct file_operations hvdpa_file_ops = {
	.owner = THIS_MODULE,
	.open = hvdpa_file_open,
	.release = hvdpa_file_release,
	.unlocked_ioctl = hvdpa_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = hvdpa_file_mmap,
};

static void hvdpa_file_publish(struct hvdpa_device *hv, struct hvdpa_file *file)
{
	mutex_lock(&hv->ep->lock);
	hv->file = file;
	if (file)
		hvdpa_file_keep_doorbells(hv, hvdpa_endpoint_is_lost(hv->ep));
	mutex_unlock(&hv->ep->lock);
}

static char *hvdpa_file_devnode(const struct device *dev, umode_t *mode)
{
	if (mode)
		*mode = 0600;
	return kasprintf(GFP_KERNEL, "hvdpa/%s", dev_name(dev));
}

static const struct class hvdpa_file_class = {
	.name = "hvdpa",
	.devnode = hvdpa_file_devnode,
};

/**
 * hvdpa_file_setup - make what all devices' files share
 *
 * A region of numbers of this driver's: ten thousand files among the kernel's misc
 * devices would slow the opening of each of those.
 *
 * Return: 0 or a negative errno.
 */
int hvdpa_file_setup(void)
{
	int err;

	err = class_register(&hvdpa_file_class);
	if (err)
		return err;
	err = alloc_chrdev_region(&hvdpa_files_devt, 0, HVDPA_MINORS, "hvdpa");
	if (err)
		goto err_unregister_class;
	cdev_init(&hvdpa_files_cdev, &hvdpa_file_ops);
	hvdpa_files_cdev.owner = THIS_MODULE;
	err = cdev_add(&hvdpa_files_cdev, hvdpa_files_devt, HVDPA_MINORS);
	if (err)
		goto err_unregister_region;
	return 0;

err_unregister_region:
	unregister_chrdev_region(hvdpa_files_devt, HVDPA_MINORS);
err_unregister_class:
	class_unregister(&hvdpa_file_class);
	return err;
}

/**
 * hvdpa_file_cleanup - undo hvdpa_file_setup()
 */
void hvdpa_file_cleanup(void)
{
	cdev_del(&hvdpa_files_cdev);
	unregister_chrdev_region(hvdpa_files_devt, HVDPA_MINORS);
	class_unregister(&hvdpa_file_class);
	xa_destroy(&hvdpa_files);
}

static struct hvdpa_file *hvdpa_file_alloc(struct hvdpa_device *hv)
{
	struct hvdpa_file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return NULL;
	kref_init(&file->ref);
	mutex_init(&file->commands);
	mutex_init(&file->lock);
	mutex_init(&file->doorbells);
	file->hv = hv;
	file->spare = get_zeroed_page(GFP_KERNEL_ACCOUNT);
	if (file->spare)
		return file;
	kref_put(&file->ref, hvdpa_file_free);
	return NULL;
}

/**
 * hvdpa_file_create - make /dev/hvdpa/NAME
 * @hv: the device, complete and not registered yet; no other has its name
 *
 * Return: 0 or a negative errno.
 */
int hvdpa_file_create(struct hvdpa_device *hv)
{
	struct hvdpa_file *file = hvdpa_file_alloc(hv);
	int err;

	if (!file)
		return -ENOMEM;
	err = xa_alloc(&hvdpa_files, &file->minor, file,
		       XA_LIMIT(0, HVDPA_MINORS - 1), GFP_KERNEL);
	if (err)
		goto err_put;
	file->node = device_create(&hvdpa_file_class, hv->ep->dev,
				   hvdpa_files_devt + file->minor, NULL, "%s",
				   dev_name(&hv->vdpa.dev));
	if (IS_ERR(file->node)) {
		err = PTR_ERR(file->node);
		goto err_erase;
	}
	hvdpa_file_publish(hv, file);
	return 0;

err_erase:
	xa_erase(&hvdpa_files, file->minor);
err_put:
	kref_put(&file->ref, hvdpa_file_free);
	return err;
}

/**
 * hvdpa_file_remove - undo hvdpa_file_create()
 * @hv: the device
 *
 * Who has it open keeps a file that answers -ENODEV, and doorbells that answer
 * SIGBUS. Waits for no one in user space.
 */
void hvdpa_file_remove(struct hvdpa_device *hv)
{
	struct hvdpa_file *file = hv->file;

	device_unregister(file->node);
	xa_erase(&hvdpa_files, file->minor);
	hvdpa_file_publish(hv, NULL);
	mutex_lock(&file->lock);
	file->hv = NULL;
	mutex_lock(&file->doorbells);
	if (file->mapping)
		unmap_mapping_range(file->mapping, 0, 0, 1);
	mutex_unlock(&file->doorbells);
	/* What a command under way still reads of it is freed with the file. */
	if (file->log)
		hvdpa_log_detach(file->log);
	mutex_unlock(&file->lock);
	kref_put(&file->ref, hvdpa_file_free);
}
