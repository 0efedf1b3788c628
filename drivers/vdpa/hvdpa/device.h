/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a vDPA device, and its operations on the vdpa bus.
 */
#ifndef HVDPA_DEVICE_H
#define HVDPA_DEVICE_H

#include "parts.h"

/* vdpa.c: the device as the vdpa bus sees it */

extern const struct vdpa_config_ops hvdpa_vdpa_ops;
void hvdpa_vdpa_ops_fit(struct hvdpa_device *hv);

/* device.c: the life of a device */

int hvdpa_device_check(const struct hvdpa_device *hv);
bool hvdpa_device_set_state(struct hvdpa_device *hv,
			    enum hvdpa_device_state state);
int hvdpa_device_reset(struct hvdpa_device *hv);
void hvdpa_device_init(struct hvdpa_device *hv, struct hvdpa_endpoint *ep);
void hvdpa_device_publish(struct hvdpa_device *hv);
void hvdpa_device_retract(struct hvdpa_device *hv);
void hvdpa_device_revoke(struct hvdpa_device *hv);
void hvdpa_device_release(struct hvdpa_device *hv);
void hvdpa_vring_share_out(struct hvdpa_vring *vring);
void hvdpa_device_share_out(struct hvdpa_device *hv);
int hvdpa_device_start(struct hvdpa_device *hv);
void hvdpa_device_go_live(struct hvdpa_device *hv);
void hvdpa_device_stop_queues(struct hvdpa_device *hv);
void hvdpa_device_failed(struct hvdpa_device *hv);
void hvdpa_device_end_pause(struct hvdpa_device *hv);
void hvdpa_device_set_status(struct hvdpa_device *hv, u8 status);

/* suspend.c: a device stands still, and goes on */

int hvdpa_device_suspend(struct hvdpa_device *hv);
int hvdpa_device_resume(struct hvdpa_device *hv);
void hvdpa_device_rise(struct hvdpa_device *hv);
int hvdpa_device_relay_all(struct hvdpa_device *hv);
int hvdpa_device_stand(struct hvdpa_device *hv, struct hvdpa_vring *vring);
int hvdpa_queue_rise(struct hvdpa_vring *vring);

/* file.c: /dev/hvdpa/NAME */

int hvdpa_file_setup(void);
void hvdpa_file_cleanup(void);
int hvdpa_file_create(struct hvdpa_device *hv);
void hvdpa_file_remove(struct hvdpa_device *hv);
void hvdpa_file_keep_doorbells(struct hvdpa_device *hv, bool away);

/* consumer.c: who owns a device, and what happens when it must let go */

int hvdpa_consumer_check(const struct hvdpa_device *hv);
int hvdpa_consumer_watch(struct hvdpa_device *hv);
void hvdpa_consumer_unwatch(struct hvdpa_device *hv);

#endif /* HVDPA_DEVICE_H */
