#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""breaks.py list: a line 'NUMBER<tab>TEST<tab>SUITE' for each way in which the driver
can be broken. breaks.py make NUMBER SOURCES: break the sources so.
breaks.py name|seen NUMBER: what it is, and the results that must fail.

A behaviour has a test that fails without it: this is where that is seen. An entry is
what is broken, the test (kunit: the suite), the results that notice it as an extended
regular expression, the file below drivers/vdpa/hvdpa, and what there becomes what, in pairs."""
import sys

BREAKS = (
    ("a map can be found before its permission is known",
     "kunit hvdpa-access", "no_write_where_a_map_for_reading_begins",
     "dma.c", """	mutex_lock(&dma->lock);
	if (perm != VHOST_ACCESS_RW)
		err = hvdpa_access_restrict(dma, iova, size, perm);
	if (err)
		goto out_unlock;
	err = iommu_map(dma->domain, iova, pa, size, prot, GFP_KERNEL_ACCOUNT);
""", """	err = iommu_map(dma->domain, iova, pa, size, prot, GFP_KERNEL_ACCOUNT);
	mutex_lock(&dma->lock);
	if (err)
		goto out_unlock;
	if (perm != VHOST_ACCESS_RW)
		err = hvdpa_access_restrict(dma, iova, size, perm);
"""),
    ("a kick that came before a pause is all that is looked for after it",
     "control", "what was kicked before a pause is done after it",
     "vring.c", """ ||
	    vring->ops->looks_by_itself)""", ")"),
    ("a device that somebody else reset says where its rings stand",
     "kunit hvdpa-device", "nothing_survives_what_the_owner_did_not_do",
     "device.c", """	if (hv->status & (VIRTIO_CONFIG_S_NEEDS_RESET | VIRTIO_CONFIG_S_FAILED))
		return -EIO;
	return 0;
}

/* The owner finds""", """	return 0;
}

/* The owner finds"""),
    ("vdpa dev add gives DMA to a function that is dead",
     "removal", "a function that is dead gets no DMA from vdpa dev add",
     "mgmt.c", """	if (ep->state == HVDPA_ENDPOINT_LIVE)
		err = hvdpa_endpoint_reset(ep);""", "	err = 0;",
     "	if (ep->state == HVDPA_ENDPOINT_LIVE) {\n", "	if (true) {\n"),
    ("a kernel's consumer runs in the domain of an owner that left",
     "removal", "the domain of an owner that left a dead function is not the next one's",
     "device.c", """	hvdpa_dma_detach(hv);
	return 0;""", "	return 0;"),
    ("a START that fails leaves the hardware's log on",
     "nic-truth", "after a START that failed in the device",
     "log.c", "			hvdpa_log_forget(hv, log);\n			hvdpa_log_end(log);\n",
     "			hvdpa_log_forget(hv, log);\n"),
    ("a consumer that goes is called",
     "kunit hvdpa-irq", "config_is_not_called_once_its_consumer_goes",
     "irq.c", "	hv->config_open = false;\n	hv->config_cb", "	hv->config_cb"),
    ("owners may have devices where MSIs are not isolated",
     "no-intremap", "refused to owners",
     "dma.c", "	if (iommu_group_has_isolated_msi(group))\n",
     "	if (true || iommu_group_has_isolated_msi(group))\n"),
    ("a packed ring that was told nothing starts with wrap counters 0",
     "control", "a packed ring that is told nothing starts at its beginning",
     "vring.c", "		hvdpa_ring_state_initial(&vring->base, packed);\n	return 0;",
     "		hvdpa_ring_state_initial(&vring->base, false);\n	return 0;"),
    ("DRIVER_OK is taken by a device that needs a reset",
     "kunit hvdpa-device", "nothing_survives|driver_ok",
     "device.c", """	lockdep_assert_held(&hv->ep->lock);

	if (hvdpa_device_check(hv))""", """	lockdep_assert_held(&hv->ep->lock);

	if (0)"""),
    ("a batch of commands has the lock until its end",
     "nic-control", "a card that answers slowly keeps nobody waiting",
     "control.c", "		if (time_after(jiffies, end))",
     "		if (false && time_after(jiffies, end))"),
    ("features that contradict each other are offered",
     "kunit hvdpa-features", "what_cannot_stand_alone_is_dropped",
     "features.c", "		features &= ~BIT_ULL(bit);\n", "		return features;\n"),
    ("queue sizes of one owner's features are the next one's",
     "control", "what one owner's features make of queues is not the next one's",
     "vring.c", "	WRITE_ONCE(vring->size, vring->hv->ep->queues[vring->hw_idx].size);\n", ""),
    ("a lost function is touched",
     "kunit hvdpa-function", "dead_function_is_not_touched|gone|owner_is_told_once",
     "endpoint.c", """	if (hvdpa_endpoint_is_lost(ep))
		return -ENODEV;

	transport->set_status(ep, VIRTIO_CONFIG_S_ACKNOWLEDGE);""", """	transport->set_status(ep, VIRTIO_CONFIG_S_ACKNOWLEDGE);"""),
    ("RSS without MQ has its control queue behind the first pair",
     "kunit hvdpa-features", "control_queue_is_after_the_pairs|nqueues_of_net",
     "features.c", """	return features & (BIT_ULL(VIRTIO_NET_F_MQ) |
			   BIT_ULL(VIRTIO_NET_F_RSS)) ? max_pairs : 1;
""", """	return features & BIT_ULL(VIRTIO_NET_F_MQ) ? max_pairs : 1;
"""),
    ("a queue is started by its owner's number",
     "kunit hvdpa-device", "queues_are_enabled_by_the_endpoints_numbers",
     "vring.c", "	err = hvdpa_endpoint_start_queue(ep, vring->hw_idx, &place, &vring->base);\n",
     "	err = hvdpa_endpoint_start_queue(ep, vring->idx, &place, &vring->base);\n"),
    ("used rings are marked before the reset that ends the writes",
     "kunit hvdpa-device", "used_rings_are_marked_once_the_device_is_reset",
     "device.c", """	err = hvdpa_endpoint_reset(hv->ep);
	hvdpa_log_after_reset(hv);
	hvdpa_device_stop_queues(hv);
""", """	hvdpa_log_after_reset(hv);
	err = hvdpa_endpoint_reset(hv->ep);
	hvdpa_device_stop_queues(hv);
"""),
    ("a function is revived in the midst of another's reset",
     "kunit hvdpa-reset", "nobody_else_resets_in_an_error_recovery",
     "function.c", "		resetters &= ~BIT(HVDPA_RESETTER_RECOVERY);\n\treturn resetters;\n",
     "		resetters &= ~BIT(HVDPA_RESETTER_RECOVERY);\n\treturn false && resetters;\n"),
    ("a doorbell is rung while its queue pauses",
     "kunit hvdpa-vring", "kick_while_a_queue_pauses_is_remembered",
     "vring.c", """	WRITE_ONCE(vring->doorbell, NULL);
	if (vring->state == HVDPA_VRING_LIVE)""", """	if (vring->state == HVDPA_VRING_LIVE)"""),
    ("the link of a dead device is up",
     "kunit hvdpa-provision", "device_that_needs_a_reset_has_no_link",
     "provision.c", "	return hv->features & BIT_ULL(VIRTIO_NET_F_STATUS) &&",
     "	return false && hv->features & BIT_ULL(VIRTIO_NET_F_STATUS) &&"),
    ("the commands of a dead netdev have no answer",
     # Who waits for an answer holds the lock of all netdevs, and cannot be killed.
     "net", "a netdev whose function died has no link|ended after 8 results",
     "control.c", "	if (!control || control->broken)\n		return;\n	if (hv->dma_api",
     "	return;\n	if (hv->dma_api"),
    ("a card that does not answer a netdev is waited for",
     "nic-control", "a netdev of a card that does not answer",
     "watch.c", "	hvdpa_direct_kick(vring);\n	hvdpa_watch_later(vring->hv);\n",
     "	hvdpa_direct_kick(vring);\n"),
    ("a relay asks for a kick and looks no more",
     "kunit hvdpa-relay-ring", "owner_that_runs_beside_never_waits",
     "relay_ring.c", "		if (hvdpa_load16(&ring->owner.avail->idx) == ring->taken)\n			break;\n",
     "		break;\n"),
    ("a chain is followed for as long as its ring is",
     "kunit hvdpa-relay-ring", "what_a_chain_has_for_writing_is_found",
     "relay_ring.c", "	u32 left = min(ring->owner.num, HVDPA_RELAY_PIECES_MAX);\n",
     "	u32 left = ring->owner.num;\n"),
    ("a relay marks one buffer in a hundred less",
     "relay", "the dirty log of a network device",
     "relay.c", "	relay->marked = 0;\n",
     "	if (relay->ring.ngiven % 100 == 50)\n		return;\n	relay->marked = 0;\n"),
    ("what a relay has in flight is not named when it stops",
     "kunit hvdpa-relay-ring", "nothing_is_lost_or_used_twice",
     "relay_ring.c", "	return hvdpa_rewrite_slots(&ring->owner, *base, heads, n, writable);\n",
     "	return 0;\n"),
    ("a relay stops one buffer further",
     "relay", "a network device goes on where it stood",
     "relay_ring.c", "	*base = ring->base + ring->seen;\n",
     "	*base = ring->base + ring->seen + 1;\n"),
    ("a map that goes leaves a relay running",
     "relay", "a ring that is unmapped is not touched any more",
     "relay.c", "	hvdpa_relay_halt(data, -EFAULT);\n", "	return;\n"),
    ("a log is trusted whose rings could not be relayed",
     "kunit hvdpa-device", "a_log_whose_rings_are_not_relayed_is_not_trusted",
     "suspend.c", "		hvdpa_log_distrust(hv->log, \"its rings are not relayed\");\n", "		;\n"),
    ("a report does not ask the hardware for what it gathered",
     "nic-log", "a report has all that its owner has seen",
     "migration_cap.c", "	return hvdpa_cap_flush(ep) ?:\n	       hvdpa_cap_log_check(ep, HVDPA_MIGRATION_LOG_ENABLED);\n",
     "	return hvdpa_cap_log_check(ep, HVDPA_MIGRATION_LOG_ENABLED);\n"),
    ("a ring that moved waits for a kick that nobody gives",
     "nic-relay", "a disk is carried from function to function",
     "vring.c", "		hvdpa_vring_owes_kick(vring);\n	return 0;\n", "		;\n	return 0;\n"),
    ("a queue that stood alone waits for a kick that nobody gives",
     "kunit hvdpa-device", "a_queue_that_stood_alone_is_rung_for_when_it_rises",
     "suspend.c", "	hvdpa_vring_owes_kick(vring);\n	hvdpa_vring_go_live(vring);\n",
     "	hvdpa_vring_go_live(vring);\n"),
    ("a device goes on without what was kicked before its pause",
     "nic-state", "what was kicked before a pause, and not heard, is done after it",
     "suspend.c", "		hvdpa_vring_owes_kick(&hv->vrings[i]);\n", ""),
    ("a function reaches memory while it is paused",
     "nic-relay", "what a function writes after it was paused goes nowhere",
     "suspend.c", "	ep->transport->enable_dma(ep, false);\n	hv->paused = true;\n",
     "	hv->paused = true;\n"),
    ("a queue says where it stands, and runs on",
     "relay", "a queue that is disabled says where it stands, and the others run",
     "suspend.c", "	err = hvdpa_endpoint_reset_queue(ep, vring->hw_idx);\n", "	err = 0;\n"),
    ("who asks for a doorbell, and who relays its ring, do not see one another",
     "kunit hvdpa-doorbell", "who_may_map_a_doorbell_is_looked_after",
     "doorbell.c", "		smp_mb();\n	}\n	if (!READ", "	}\n	if (!READ",
     "	smp_mb();\n	return READ_ONCE", "	return READ_ONCE"),
)


def path(number, sources):
    return f"{sources}/drivers/vdpa/hvdpa/{BREAKS[number][3]}"


def change(number, sources, was, becomes):
    with open(path(number, sources), encoding="utf-8") as file:
        text = file.read()
    if text.count(was) != 1:
        sys.exit(f"{BREAKS[number][0]}: {BREAKS[number][3]} has {text.count(was)} times:\n{was}")
    with open(path(number, sources), "w", encoding="utf-8") as file:
        file.write(text.replace(was, becomes))


def main(verb, number=1, sources=None):
    number = int(number) - 1
    if verb == "list":
        for i, entry in enumerate(BREAKS, 1):
            test, _, suite = entry[1].partition(" ")
            print(i, test, suite, sep="\t")
    elif verb == "name":
        print(BREAKS[number][0])
    elif verb == "seen":
        print(BREAKS[number][2])
    elif verb == "make":
        pairs = BREAKS[number][4:]
        for was, becomes in zip(pairs[::2], pairs[1::2]):
            change(number, sources, was, becomes)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
