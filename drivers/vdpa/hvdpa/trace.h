/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: what an owner asks for and what becomes of it.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM hvdpa

#if !defined(HVDPA_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define HVDPA_TRACE_H

#include <linux/tracepoint.h>
#include <linux/vdpa.h>

TRACE_EVENT(hvdpa_kick,
	    TP_PROTO(const struct vdpa_device *vdpa, u16 idx, bool live),
	    TP_ARGS(vdpa, idx, live),
	    TP_STRUCT__entry(__string(device, dev_name(&vdpa->dev))
			     __field(u16, idx)
			     __field(bool, live)),
	    TP_fast_assign(__assign_str(device);
			   __entry->idx = idx;
			   __entry->live = live;),
	    TP_printk("%s queue=%u %s", __get_str(device), __entry->idx,
		      __entry->live ? "rung" : "remembered"));

TRACE_EVENT(hvdpa_command,
	    TP_PROTO(const struct vdpa_device *vdpa, const u8 *command, u64 len,
		     u8 ack),
	    TP_ARGS(vdpa, command, len, ack),
	    TP_STRUCT__entry(__string(device, dev_name(&vdpa->dev))
			     __field(u64, len)
			     __field(u8, class)
			     __field(u8, cmd)
			     __field(u8, ack)),
	    TP_fast_assign(__assign_str(device);
			   __entry->len = len;
			   __entry->class = len > 0 ? command[0] : 0;
			   __entry->cmd = len > 1 ? command[1] : 0;
			   __entry->ack = ack;),
	    TP_printk("%s class=%u command=%u bytes=%llu ack=%u",
		      __get_str(device), __entry->class, __entry->cmd,
		      __entry->len, __entry->ack));

TRACE_EVENT(hvdpa_map,
	    TP_PROTO(const struct vdpa_device *vdpa, u32 asid, u64 iova, u64 size,
		     u32 perm, int err),
	    TP_ARGS(vdpa, asid, iova, size, perm, err),
	    TP_STRUCT__entry(__string(device, dev_name(&vdpa->dev))
			     __field(u64, iova)
			     __field(u64, size)
			     __field(u32, asid)
			     __field(u32, perm)
			     __field(int, err)),
	    TP_fast_assign(__assign_str(device);
			   __entry->iova = iova;
			   __entry->size = size;
			   __entry->asid = asid;
			   __entry->perm = perm;
			   __entry->err = err;),
	    TP_printk("%s asid=%u iova=%#llx size=%#llx perm=%u err=%d",
		      __get_str(device), __entry->asid, __entry->iova,
		      __entry->size, __entry->perm, __entry->err));

TRACE_EVENT(hvdpa_unmap,
	    TP_PROTO(const struct vdpa_device *vdpa, u32 asid, u64 iova, u64 size,
		     int err),
	    TP_ARGS(vdpa, asid, iova, size, err),
	    TP_STRUCT__entry(__string(device, dev_name(&vdpa->dev))
			     __field(u64, iova)
			     __field(u64, size)
			     __field(u32, asid)
			     __field(int, err)),
	    TP_fast_assign(__assign_str(device);
			   __entry->iova = iova;
			   __entry->size = size;
			   __entry->asid = asid;
			   __entry->err = err;),
	    TP_printk("%s asid=%u iova=%#llx size=%#llx err=%d",
		      __get_str(device), __entry->asid, __entry->iova,
		      __entry->size, __entry->err));

DECLARE_EVENT_CLASS(hvdpa_result,
		    TP_PROTO(const struct vdpa_device *vdpa, int err),
		    TP_ARGS(vdpa, err),
		    TP_STRUCT__entry(__string(device, dev_name(&vdpa->dev))
				     __field(int, err)),
		    TP_fast_assign(__assign_str(device);
				   __entry->err = err;),
		    TP_printk("%s err=%d", __get_str(device), __entry->err));

DEFINE_EVENT(hvdpa_result, hvdpa_suspend,
	     TP_PROTO(const struct vdpa_device *vdpa, int err),
	     TP_ARGS(vdpa, err));
DEFINE_EVENT(hvdpa_result, hvdpa_resume,
	     TP_PROTO(const struct vdpa_device *vdpa, int err),
	     TP_ARGS(vdpa, err));
DEFINE_EVENT(hvdpa_result, hvdpa_reset,
	     TP_PROTO(const struct vdpa_device *vdpa, int err),
	     TP_ARGS(vdpa, err));
DEFINE_EVENT(hvdpa_result, hvdpa_log_start,
	     TP_PROTO(const struct vdpa_device *vdpa, int err),
	     TP_ARGS(vdpa, err));
DEFINE_EVENT(hvdpa_result, hvdpa_log_sync,
	     TP_PROTO(const struct vdpa_device *vdpa, int err),
	     TP_ARGS(vdpa, err));
DEFINE_EVENT(hvdpa_result, hvdpa_log_stop,
	     TP_PROTO(const struct vdpa_device *vdpa, int err),
	     TP_ARGS(vdpa, err));

TRACE_EVENT(hvdpa_status,
	    TP_PROTO(const struct vdpa_device *vdpa, u8 from, u8 to),
	    TP_ARGS(vdpa, from, to),
	    TP_STRUCT__entry(__string(device, dev_name(&vdpa->dev))
			     __field(u8, from)
			     __field(u8, to)),
	    TP_fast_assign(__assign_str(device);
			   __entry->from = from;
			   __entry->to = to;),
	    TP_printk("%s from=%#x to=%#x", __get_str(device), __entry->from,
		      __entry->to));

#endif /* HVDPA_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
