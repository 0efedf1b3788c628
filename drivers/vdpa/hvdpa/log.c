// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages a device has written, from the device's own log.
 *
 * The log is private to the device, in a window of its domain that no owner
 * can map: the device is the only one that sets bits in it, so however it does
 * that, an exchange with 0 loses none. What was taken out and not yet handed
 * over is kept here. Bits that cannot be trusted any more make everything
 * dirty; a report never pretends.
 */
#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "parts.h"
#include "trace.h"

static_assert(BITS_PER_LONG == 64);

static bool hvdpa_ranges_overlap(const struct hvdpa_range *a,
				 const struct hvdpa_range *b)
{
	return a->iova <= b->iova + (b->length - 1) &&
	       b->iova <= a->iova + (a->length - 1);
}

/**
 * hvdpa_log_plan - check the ranges of a START and say what log they need
 * @ranges: the ranges
 * @nranges: how many
 * @page_size: bytes of a page, a power of two
 * @reach: the addresses that the device can be given
 * @from_zero: the first bit has to stand for IOVA 0
 * @window: bytes, first and shift are filled here
 *
 * Return: 0; -EINVAL for a range that is empty, not of whole pages, out of
 * reach, or overlaps another; -E2BIG if the log would be too large.
 */
int hvdpa_log_plan(const struct hvdpa_range *ranges, u32 nranges,
		   u64 page_size, const struct vdpa_iova_range *reach,
		   bool from_zero, struct hvdpa_log_window *window)
{
	u64 first = U64_MAX, last = 0, pages;
	u32 i, j;

	for (i = 0; i < nranges; i++) {
		const struct hvdpa_range *range = &ranges[i];
		u64 end;

		if (!range->length ||
		    !IS_ALIGNED(range->iova | range->length, page_size) ||
		    check_add_overflow(range->iova, range->length - 1, &end) ||
		    range->iova < ALIGN_DOWN(reach->first, page_size) ||
		    end > reach->last)
			return -EINVAL;
		for (j = 0; j < i; j++)
			if (hvdpa_ranges_overlap(range, &ranges[j]))
				return -EINVAL;
		first = min(first, range->iova);
		last = max(last, end);
	}

	if (from_zero)
		first = 0;
	window->shift = ilog2(page_size);
	/* Words of the device's bitmap are words of ours. */
	window->first = first;
	pages = (last - first) / page_size + 1;
	/* A device may read, change and write back 64 bytes at once. */
	window->bytes = DIV_ROUND_UP_ULL(pages, 64 * 8) * 64;
	return window->bytes > HVDPA_LOG_BYTES_MAX ? -E2BIG : 0;
}

/**
 * hvdpa_log_create - make a log that no device writes yet
 * @window: its size and what its bits stand for
 * @ranges: the addresses that were asked for; freed with the log
 * @nranges: how many
 *
 * Return: the log, or NULL without memory; @ranges then stays the caller's.
 */
struct hvdpa_log *hvdpa_log_create(const struct hvdpa_log_window *window,
				   struct hvdpa_range *ranges, u32 nranges)
{
	const gfp_t zeroed = GFP_KERNEL_ACCOUNT | __GFP_ZERO;
	u64 bytes = PAGE_ALIGN(window->bytes);
	struct hvdpa_log *log;

	log = kzalloc(sizeof(*log), GFP_KERNEL_ACCOUNT);
	if (!log)
		return NULL;
	log->window = *window;
	log->written = __vmalloc(bytes, zeroed);
	if (!log->written)
		goto err_free_log;
	log->kept = __vmalloc(bytes, zeroed);
	if (!log->kept)
		goto err_free_written;
	log->chunk = (u64 *)__get_free_page(GFP_KERNEL_ACCOUNT);
	if (!log->chunk)
		goto err_free_kept;
	log->ranges = ranges;
	log->nranges = nranges;
	return log;

err_free_kept:
	vfree(log->kept);
err_free_written:
	vfree(log->written);
err_free_log:
	kfree(log);
	return NULL;
}

/**
 * hvdpa_log_destroy - free a log
 * @log: the log; no device writes it
 */
void hvdpa_log_destroy(struct hvdpa_log *log)
{
	WARN_ON(log->hv);
	free_page((unsigned long)log->chunk);
	kvfree(log->ranges);
	vfree(log->kept);
	vfree(log->written);
	kfree(log);
}

/**
 * hvdpa_log_run - make the device keep its log, if it has one
 * @hv: the device; the endpoint's lock is held
 *
 * Called when a log is started and, since a reset ends the hardware's part of
 * it, before the device runs again.
 *
 * Return: 0, or what the hardware says: it may keep a log then all the same, and
 * must be reset.
 */
int hvdpa_log_run(struct hvdpa_device *hv)
{
	struct hvdpa_log *log = hv->log;
	int err;

	lockdep_assert_held(&hv->ep->lock);

	if (!log || log->on)
		return 0;
	/* In the kernel's own domain there is no window. */
	if (hv->dma_api) {
		hvdpa_log_distrust(log, "another consumer has the device");
		return 0;
	}
	if (log->relayed) {
		log->on = true;
		return 0;
	}
	err = hv->ep->migration->log_start(hv->ep, &log->window);
	log->on = !err;
	return err;
}

/*
 * The device writes its log no more on return: where it does not say so, it is
 * reset, as what it writes to is about to be freed.
 */
static void hvdpa_log_end(struct hvdpa_log *log)
{
	struct hvdpa_device *hv = log->hv;

	if (!log->relayed && hv->ep->migration->log_stop(hv->ep))
		hv->events->failed(hv);
}

/* Relays mark what they write themselves there, and nowhere else on return. */
static void hvdpa_log_tell_relays(struct hvdpa_device *hv, struct hvdpa_log *log)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++)
		if (hv->vrings[i].ops->set_log)
			hv->vrings[i].ops->set_log(&hv->vrings[i], log);
}

/* A log that ends, or did not begin, is not distrusted for what comes then. */
static void hvdpa_log_forget(struct hvdpa_device *hv, struct hvdpa_log *log)
{
	if (hv->log != log)
		return;
	hv->log = NULL;
	hvdpa_log_tell_relays(hv, NULL);
}

/**
 * hvdpa_log_attach - have a device write a log from now on
 * @log: the log
 * @hv: the device; it can log, and none is attached
 *
 * May sleep.
 *
 * Return: 0; -EOPNOTSUPP while virtio-vdpa has the device; what the IOMMU or
 * the hardware says.
 */
int hvdpa_log_attach(struct hvdpa_log *log, struct hvdpa_device *hv)
{
	struct hvdpa_endpoint *ep = hv->ep;
	int err = 0;

	log->window.base = hv->dma.window;
	if (!log->relayed)
		err = hvdpa_dma_map_own(&hv->dma, log->window.base, log->written,
					PAGE_ALIGN(log->window.bytes));
	if (err)
		return err;

	mutex_lock(&ep->lock);
	if (hv->dma_api)
		err = -EOPNOTSUPP;
	else if (hvdpa_endpoint_is_lost(ep))
		err = -ENODEV;
	if (!err) {
		hv->log = log;
		log->hv = hv;
		hvdpa_log_tell_relays(hv, log);
		/* Where nothing runs, the next DRIVER_OK does it. */
		if (hvdpa_device_is_running(hv))
			err = hvdpa_log_run(hv);
		if (err) {
			hvdpa_log_forget(hv, log);
			hvdpa_log_end(log);
		}
	}
	mutex_unlock(&ep->lock);
	trace_hvdpa_log_start(&hv->vdpa, err);
	if (err)
		goto err_detach;
	return 0;

err_detach:
	log->hv = hv;
	hvdpa_log_detach(log);
	return err;
}

/**
 * hvdpa_log_detach - have the device write the log no more
 * @log: the log; its device may be gone already
 */
void hvdpa_log_detach(struct hvdpa_log *log)
{
	struct hvdpa_device *hv = log->hv;

	if (!hv)
		return;
	mutex_lock(&hv->ep->lock);
	hvdpa_log_forget(hv, log);
	if (log->on)
		hvdpa_log_end(log);
	log->on = false;
	mutex_unlock(&hv->ep->lock);
	trace_hvdpa_log_stop(&hv->vdpa, 0);
	if (!log->relayed)
		iommu_unmap(hv->dma.domain, log->window.base,
			    PAGE_ALIGN(log->window.bytes));
	log->hv = NULL;
}

/**
 * hvdpa_log_distrust - everything is dirty from now on
 * @log: the log
 * @reason: for the kernel's log
 *
 * Any context.
 */
void hvdpa_log_distrust(struct hvdpa_log *log, const char *reason)
{
	if (log->untrusted)
		return;
	WRITE_ONCE(log->untrusted, true);
	dev_warn_ratelimited(log->hv->ep->dev,
			     "dirty log: %s: every page is reported as dirty\n", reason);
}

static void hvdpa_log_mark_rings(struct hvdpa_log *log,
				 struct hvdpa_device *hv)
{
	u32 i;

	for (i = 0; i < hv->nvqs; i++) {
		const struct hvdpa_vring *vring = &hv->vrings[i];

		if (hvdpa_vring_is_started(vring) && vring->ops->mark_dirty)
			vring->ops->mark_dirty(vring, log);
	}
}

/**
 * hvdpa_log_sync - have all in the log that the device has written so far
 * @log: the log; its device is there
 *
 * One that is not trusted is not asked again: all is dirty.
 *
 * Return: 0; or the hardware's errno, and the log is not trusted any more.
 */
int hvdpa_log_sync(struct hvdpa_log *log)
{
	struct hvdpa_device *hv = log->hv;
	struct hvdpa_endpoint *ep = hv->ep;
	int err = 0;

	mutex_lock(&ep->lock);
	if (READ_ONCE(log->untrusted))
		goto out_unlock;
	if (hvdpa_endpoint_is_lost(ep))
		err = -ENODEV;
	else if (log->on && !log->relayed)
		err = ep->migration->log_sync(ep);
	if (err)
		hvdpa_log_distrust(log, "the device cannot be asked for it");
	else if (log->on && ep->migration->log_lacks_rings)
		hvdpa_log_mark_rings(log, hv);
out_unlock:
	mutex_unlock(&ep->lock);
	trace_hvdpa_log_sync(&hv->vdpa, err);
	return err;
}

/**
 * hvdpa_log_before_reset - what must be asked before a reset forgets it
 * @hv: the device; the endpoint's lock is held
 *
 * The bits that the device has set stay: a reset does not undo its writes.
 */
void hvdpa_log_before_reset(struct hvdpa_device *hv)
{
	struct hvdpa_log *log = hv->log;

	lockdep_assert_held(&hv->ep->lock);

	if (!log || !log->on)
		return;
	if (log->relayed || READ_ONCE(log->untrusted)) {
		log->on = false;
		return;
	}
	if (hvdpa_endpoint_is_lost(hv->ep) || hv->ep->migration->log_sync(hv->ep))
		hvdpa_log_distrust(log, "the device was reset and did not answer");
	log->rings_due = hv->ep->migration->log_lacks_rings;
	log->on = false;
}

/**
 * hvdpa_log_after_reset - mark what the device may have written until its reset
 * @hv: the device; the endpoint's lock is held; where its rings are is still known
 *
 * Not before the reset: a report between the two would take the marks and leave
 * out what the device wrote after it.
 */
void hvdpa_log_after_reset(struct hvdpa_device *hv)
{
	struct hvdpa_log *log = hv->log;

	lockdep_assert_held(&hv->ep->lock);

	if (!log || !log->rings_due)
		return;
	hvdpa_log_mark_rings(log, hv);
	log->rings_due = false;
}

static u64 hvdpa_log_page(const struct hvdpa_log *log, u64 iova)
{
	return (iova - log->window.first) >> log->window.shift;
}

/**
 * hvdpa_log_covers - are these addresses within one range of the START?
 * @log: the log
 * @iova: first address
 * @length: bytes, not 0; the last address does not wrap
 *
 * Return: true if they are.
 */
bool hvdpa_log_covers(const struct hvdpa_log *log, u64 iova, u64 length)
{
	u32 i;

	for (i = 0; i < log->nranges; i++)
		if (iova >= log->ranges[i].iova &&
		    iova - log->ranges[i].iova < log->ranges[i].length &&
		    length <= log->ranges[i].length -
			      (iova - log->ranges[i].iova))
			return true;
	return false;
}

/**
 * hvdpa_log_mark - say that addresses were written
 * @log: the log
 * @iova: first address
 * @length: bytes; what is outside the log is left out
 */
void hvdpa_log_mark(struct hvdpa_log *log, u64 iova, u64 length)
{
	u64 pages = log->window.bytes * 8;
	u64 page, last;

	if (!length || iova + (length - 1) < log->window.first)
		return;
	page = iova < log->window.first ? 0 : hvdpa_log_page(log, iova);
	last = hvdpa_log_page(log, iova + (length - 1));
	if (page >= pages)
		return;
	last = min(last, pages - 1);
	/* The file's commands, and relays, work on the same words meanwhile. */
	for (; page % 64 && page <= last; page++)
		set_bit(page, log->kept);
	for (; last - page >= 63 && page < last; page += 64)
		WRITE_ONCE(log->kept[page / 64], ~0UL);
	for (; page <= last; page++)
		set_bit(page, log->kept);
}

/**
 * hvdpa_log_harvest - take bits from the device's log
 * @log: the log
 * @iova: first address, within the log
 * @length: bytes, not 0
 *
 * Takes whole words. The device may set bits meanwhile by reading a word and
 * writing it back: it then writes bits again that were taken, and loses none.
 */
void hvdpa_log_harvest(struct hvdpa_log *log, u64 iova, u64 length)
{
	u64 word = hvdpa_log_page(log, iova) / 64;
	u64 last = hvdpa_log_page(log, iova + (length - 1)) / 64;

	for (; word <= last; word++) {
		u64 bits;

		if (!READ_ONCE(log->written[word]))
			continue;
		bits = le64_to_cpu(xchg(&log->written[word], 0));
		atomic_long_or(bits, (atomic_long_t *)&log->kept[word]);
	}
}

static u64 hvdpa_log_take_part(struct hvdpa_log *log, u64 word, u64 mask)
{
	/* Most words are empty, and an atomic operation costs more than a look. */
	if (!(READ_ONCE(log->kept[word]) & mask))
		return 0;
	return atomic_long_fetch_andnot(mask,
					(atomic_long_t *)&log->kept[word]) &
	       mask;
}

/* Take the bits of these pages, 64 at most. */
static u64 hvdpa_log_take_bits(struct hvdpa_log *log, u64 page, u64 count)
{
	u64 word = page / 64;
	u8 shift = page % 64;
	u64 here = min(count, 64 - (u64)shift);
	u64 bits;

	bits = hvdpa_log_take_part(log, word, GENMASK_ULL(shift + here - 1,
							  shift)) >> shift;
	if (count > here)
		bits |= hvdpa_log_take_part(log, word + 1,
					    GENMASK_ULL(count - here - 1, 0)) <<
			here;
	return bits;
}

/**
 * hvdpa_log_take - take kept bits out as a report has them
 * @log: the log
 * @iova: first address, within the log
 * @shift: the report's pages have 1 << this bytes, at least the log's
 * @npages: how many of them
 * @words: so many bits, rounded up to words; written here
 *
 * Return: true if any is set.
 */
bool hvdpa_log_take(struct hvdpa_log *log, u64 iova, u8 shift, u64 npages,
		    u64 *words)
{
	u64 page = hvdpa_log_page(log, iova);
	u64 each = BIT_ULL(shift - log->window.shift);
	bool any = false;
	u64 i, j;

	if (each == 1) {
		/* The common report: words of it are words of the log. */
		for (i = 0; !(page % 64) && npages - i >= 64; i += 64) {
			unsigned long *kept = &log->kept[(page + i) / 64];

			words[i / 64] = READ_ONCE(*kept) ? xchg(kept, 0) : 0;
			any |= words[i / 64];
		}
		for (; i < npages; i += 64) {
			words[i / 64] = hvdpa_log_take_bits(log, page + i,
							    min(npages - i, 64));
			any |= words[i / 64];
		}
		return any;
	}

	memset(words, 0, DIV_ROUND_UP_ULL(npages, 64) * sizeof(*words));

	for (i = 0; i < npages; i++, page += each) {
		u64 bits = 0;

		for (j = 0; j < each; j += 64)
			bits |= hvdpa_log_take_bits(log, page + j,
						    min(each - j, 64));
		if (bits)
			words[i / 64] |= BIT_ULL(i % 64);
		any |= bits;
	}
	return any;
}

/**
 * hvdpa_log_put_back - undo hvdpa_log_take(), for it could not be handed over
 * @log: the log
 * @iova: as given there
 * @shift: as given there
 * @npages: as given there
 * @words: what was taken
 *
 * Pages that are larger than the log's come back as a whole.
 */
void hvdpa_log_put_back(struct hvdpa_log *log, u64 iova, u8 shift, u64 npages,
			const u64 *words)
{
	u64 i;

	for (i = 0; i < npages; i++)
		if (words[i / 64] & BIT_ULL(i % 64))
			hvdpa_log_mark(log, iova + (i << shift),
				       BIT_ULL(shift));
}
