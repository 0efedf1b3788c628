/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * hvdpa: which pages of its owner's memory has a device written?
 *
 * Every device that can answer has a file /dev/hvdpa/NAME, one opener at a
 * time. The commands are shaped like VFIO's DMA logging. Addresses are those
 * that the owner mapped through vhost-vdpa (IOVAs). Documentation/dirty-log.rst
 * says the rest.
 */
#ifndef _UAPI_LINUX_HVDPA_H
#define _UAPI_LINUX_HVDPA_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HVDPA_IOCTL_TYPE	0xB7
#define HVDPA_API_VERSION	1

/* HVDPA_INFO flags: what this device can do. */
#define HVDPA_INFO_LOG		0x00000001	/* START, STOP, REPORT */
#define HVDPA_INFO_DOORBELLS	0x00000002	/* mmap of doorbells */
#define HVDPA_INFO_RUNNING	0x00000004	/* a log is started */
#define HVDPA_INFO_RELAYED	0x00000008	/* a log has the driver relay rings */

/**
 * struct hvdpa_info - HVDPA_INFO: what a device's log can do
 * @argsz: in: size of this struct as the caller knows it; out: as the kernel
 *	   does
 * @flags: out: HVDPA_INFO_*
 * @version: out: HVDPA_API_VERSION
 * @max_ranges: out: the most ranges of a START
 * @page_sizes: out: bit n is set where a START may ask for pages of 1 << n
 *		bytes
 * @max_log_bytes: out: the most bytes that a log may have; one bit for each
 *		   page from the first range's start to the last one's end
 * @reports: out: REPORTs that were answered since the device was added
 * @untrusted: out: those of them that said that all is dirty, because the
 *	       device's own log could not be trusted
 * @nqueues: out: queues of the device, for mmap
 * @reserved: out: 0
 */
struct hvdpa_info {
	__u32 argsz;
	__u32 flags;
	__u32 version;
	__u32 max_ranges;
	__aligned_u64 page_sizes;
	__aligned_u64 max_log_bytes;
	__aligned_u64 reports;
	__aligned_u64 untrusted;
	__u32 nqueues;
	__u32 reserved;
};

#define HVDPA_INFO	_IOWR(HVDPA_IOCTL_TYPE, 0x00, struct hvdpa_info)

/**
 * struct hvdpa_range - addresses that a log is kept of
 * @iova: first address, a multiple of the page size
 * @length: bytes, a multiple of the page size, not 0
 */
struct hvdpa_range {
	__aligned_u64 iova;
	__aligned_u64 length;
};

/**
 * struct hvdpa_log_start - HVDPA_LOG_START: log writes from now on
 * @argsz: in: size of this struct
 * @flags: in: 0
 * @page_size: in: bytes of a page; one of hvdpa_info.page_sizes
 * @num_ranges: in: 1 to hvdpa_info.max_ranges
 * @reserved: in: 0
 * @ranges: in: pointer to so many struct hvdpa_range; none overlaps another
 *
 * Nothing needs to be mapped yet; what is mapped later is logged as well.
 */
struct hvdpa_log_start {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 page_size;
	__u32 num_ranges;
	__u32 reserved;
	__aligned_u64 ranges;
};

#define HVDPA_LOG_START	_IOW(HVDPA_IOCTL_TYPE, 0x01, struct hvdpa_log_start)

/* HVDPA_LOG_STOP: log no more, and forget what was logged. */
#define HVDPA_LOG_STOP	_IO(HVDPA_IOCTL_TYPE, 0x02)

/**
 * struct hvdpa_log_report - HVDPA_LOG_REPORT: read and clear
 * @argsz: in: size of this struct
 * @flags: in: 0; out: HVDPA_REPORT_*
 * @iova: in: first address, a multiple of @page_size
 * @length: in: bytes, a multiple of @page_size, within a range of the START
 * @page_size: in: bytes that a bit of @bitmap stands for; a power of two, at
 *	       least the START's
 * @bitmap: in: pointer to an array of __u64; bit n % 64 of word n / 64 is set
 *	    where page n from @iova was written since the last report of it.
 *	    No bit is cleared.
 */
struct hvdpa_log_report {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 bitmap;
};

/* The device's log could not be trusted; every page is reported as dirty. */
#define HVDPA_REPORT_UNTRUSTED	0x00000001

#define HVDPA_LOG_REPORT \
	_IOWR(HVDPA_IOCTL_TYPE, 0x03, struct hvdpa_log_report)

#endif /* _UAPI_LINUX_HVDPA_H */
