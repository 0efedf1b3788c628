#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""migration.py WHAT DEVICE...: figures of suspend, state and the dirty log, as
lines of JSON. WHAT is report NAME, stop, or frames NAME."""
import ctypes
import fcntl
import json
import mmap
import os
import struct
import sys
import time

sys.path[:0] = ["/hvdpa/tools/testing", "/hvdpa/tools/testing/system"]
from device import CTRL_VQ, MQ, Device, Log, Net
from nic_cases import MAC_A, MAC_B, Stream, fault
from vhost import PAGE

GIB = 1 << 30


def say(**figure):
    print(json.dumps(figure), flush=True)


def accesses(function):
    """Reads and writes of registers, which the reference NIC counts."""
    with open(f"/sys/bus/pci/devices/{function}/config", "rb", buffering=0) as file:
        return struct.unpack("<II", os.pread(file.fileno(), 8, 0xF0))


def nanoseconds(do, *arguments):
    began = time.perf_counter_ns()
    do(*arguments)
    return time.perf_counter_ns() - began


def one_report(log, length, where):
    data = bytearray(struct.pack("<IIQQQQ", 40, 0, 0, length, PAGE, where))
    return nanoseconds(fcntl.ioctl, log.fd, 0xC028B703, data, True)


def report(path, name):
    net = Net(path, MAC_A)
    net.start()
    bitmap = mmap.mmap(-1, 32 << 20)
    where = ctypes.addressof(ctypes.c_char.from_buffer(bitmap))
    for fill in (0, 1, 100):
        fault("nic/vf0", "fill-log", fill)
        for gib in (1, 128, 1024):
            log = Log(name)
            starts, took, stops = [], [], []
            for _ in range(3):
                starts.append(nanoseconds(log.start, [(0, gib * GIB)]))
                bitmap[:] = bytes(len(bitmap))
                took.append(one_report(log, gib * GIB, where))
                stops.append(nanoseconds(log.stop))
            pages = int.from_bytes(bitmap[:1 << 20], "little").bit_count()
            span = min(gib * GIB // PAGE, 8 << 20)
            log.close()
            say(figure="report", gib=gib, dirty_percent=fill,
                seen_percent=round(100 * pages / span, 2),
                min_us=min(took) / 1000, max_us=max(took) / 1000,
                start_us=min(starts) / 1000, stop_us=min(stops) / 1000)
    fault("nic/vf0", "fill-log", 0)


def stop(path, function):
    for queues in (1, 8, 32):
        device = Device(path, MQ | CTRL_VQ, list(range(queues)), 64,
                        3 * queues + 8)
        device.start()
        rounds = 20
        took = {"suspend": 0, "state": 0, "resume": 0}
        counted = {}
        steps = (("suspend", device.owner.suspend),
                 ("state", lambda: [device.owner.base(q) for q in range(queues)]),
                 ("resume", device.owner.resume))
        for _ in range(rounds):
            for name, step in steps:
                began = time.perf_counter_ns()
                step()
                took[name] += time.perf_counter_ns() - began
        for name, step in steps:
            before = accesses(function)
            step()
            counted[name] = [b - a for a, b in zip(before, accesses(function))]
        device.close()
        say(figure="stop", queues=queues,
            us={name: round(ns / rounds / 1000, 1) for name, ns in took.items()},
            register_reads_writes=counted)


def frames(path, other, name):
    """Frames a second between two programs, log off and on by turns."""
    ends = Net(path, MAC_A), Net(other, MAC_B)
    for end in ends:
        end.start()
        end.fill()
    stream = Stream(*ends)
    log = Log(name)
    rates = {"off": [], "on": []}
    for _ in range(6):
        for state in ("off", "on"):
            if state == "on":
                log.start([(Net.IOVA, 1024 * PAGE)])
            before = sum(len(e.seen) for e in ends)
            began = time.perf_counter()
            for turn in range(150):
                stream.turn()
                if state == "on" and turn % 50 == 0:
                    log.report(Net.IOVA, 1024 * PAGE)
            rate = ((sum(len(e.seen) for e in ends) - before) /
                    (time.perf_counter() - began))
            rates[state].append(round(rate))
            if state == "on":
                log.stop()
    say(figure="frames", per_second=rates,
        ratio=round(sum(rates["on"]) / sum(rates["off"]), 3))


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
