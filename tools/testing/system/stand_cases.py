#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""stand_cases.py CASE ARGUMENT...: queues that their owner disables, and asks for where
they stand. Arguments as of nic_cases.py."""
import errno
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from device import Disk, Log, fault
from nic_cases import (Stream, disk_is_whole, disk_reap, disk_turn, disk_wait,
                       features_of, main, net_pair)
from vhost import NEEDS_RESET, PROMISED, readable, refused


def used(device, queue):
    return device.memory.load16(device.rings[queue].used + 2)


def disabled_base(args):
    """As DPDK's close, where no queue can be stopped alone: all are disabled, and
    asked."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    for n in range(args.rounds):
        stream.turn_arrives(b)
        queues = list(a.rings)
        for queue in queues[:-1]:
            a.owner.enable(queue, 0)
            refused(errno.EBUSY, a.owner.base, queue)
        a.owner.enable(queues[-1], 0)
        # Hardware goes on until the first of them is asked for.
        bases = [a.owner.base(queue) for queue in queues]
        stream.turn(4)
        for queue in queues:
            assert a.owner.base(queue) == bases[queue] == used(a, queue), \
                f"queue {queue}: {bases[queue]}, {used(a, queue)}"
        for queue in queues:
            a.owner.enable(queue)
    stream.turn_arrives(b)
    stream.settle()
    assert not a.bad + b.bad
    assert len(b.seen) > stream.sent[0] * 0.9, f"{len(b.seen)} of {stream.sent[0]}"


def sends(stream, direction):
    """Four frames; their numbers."""
    sender, receiver = stream.ends[direction], stream.ends[1 - direction]
    first = stream.sent[direction]
    sent = sender.send(receiver.mac, range(first, first + 4))
    stream.sent[direction] += len(sent)
    assert sent, "no room to send"
    return set(sent)


def arrive(end, frames):
    stop = time.monotonic() + 10
    while not frames <= end.seen:
        end.receive()
        assert time.monotonic() < stop, f"{len(frames - end.seen)} of {len(frames)} are missing"


def stands(a, queue, base):
    assert a.owner.base(queue) == base == used(a, queue), \
        f"queue {queue}: {base}, {a.owner.base(queue)}, {used(a, queue)} used"


def disabled_alone(args):
    """Where a queue can be stopped alone the other one goes on, and so does the stopped
    one once it is enabled, with what it was kicked for meanwhile."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    log = Log(args.name) if args.name else None
    for n in range(args.rounds):
        arrive(b, sends(stream, 0))
        arrive(a, sends(stream, 1))
        queue = n % 2
        refused(errno.EBUSY, a.owner.base, queue)
        a.owner.enable(queue, 0)
        base = a.owner.base(queue)
        stands(a, queue, base)
        kept = sends(stream, 0) if queue else set()
        if n % 8 in (2, 3):
            a.owner.suspend()
            stands(a, queue, base)
            if n % 8 == 3:
                a.owner.enable(queue)
            a.owner.resume()
        if log and n == 4:
            log.start([(a.IOVA, a.memory.size)])
        if n % 8 != 3:
            arrive((b, a)[queue], sends(stream, queue))
            assert not kept & b.seen, "a queue that stands is served"
            stands(a, queue, base)
            a.owner.enable(queue)
        # It was kicked before.
        arrive(b, kept)
    arrive(b, sends(stream, 0))
    arrive(a, sends(stream, 1))
    assert not a.bad + b.bad + a.twice + b.twice
    if log:
        assert log.report(a.IOVA, a.memory.size)
        assert not log.flags & log.UNTRUSTED
        log.close()


def disabled_disk(args):
    """The same of a disk with two queues: one stands, and the other ends its requests."""
    disk = Disk(args.device[0], features_of(args), queues=2, start=args.start)
    disk.start()
    rng = random.Random(args.seed)
    versions, busy = {}, set()
    for n in range(args.rounds):
        disk_turn(disk, versions, busy, rng)
        disk_wait(disk, versions, busy)
        queue, other = n % 2, 1 - n % 2
        disk.owner.enable(queue, 0)
        base = disk.owner.base(queue)
        disk_reap(disk, versions, busy)
        disk_turn(disk, versions, busy, rng)
        end = time.monotonic() + 10
        while len(disk.slots[other]) < disk.DEPTH:
            disk_reap(disk, versions, busy)
            assert time.monotonic() < end, "the other queue stands too"
        stands(disk, queue, base)
        disk.owner.enable(queue)
    disk_is_whole(disk, versions, busy)


def asked_unmapped(args):
    """A queue whose ring is gone stands nowhere, and its device is not what it was."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    arrive(b, sends(stream, 0))
    call = a.owner.set_config_call()
    a.owner.enable(1, 0)
    a.owner.unmap(a.IOVA, a.memory.size)
    refused(errno.EFAULT, a.owner.base, 1)
    assert readable(call, PROMISED), "the owner is not told"
    assert a.owner.status() & NEEDS_RESET
    refused(errno.EIO, a.owner.base, 1)


def kicked_before_pause(args):
    """What was kicked, and not heard, is done once the device goes on, from 0 on too."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    fault(args.fault, "deaf", "true")
    frames = sends(stream, 0)
    time.sleep(0.2)
    a.owner.suspend()
    stands(a, 1, 0)
    fault(args.fault, "deaf", "false")
    a.owner.resume()
    arrive(b, frames)


def rises_nowhere(args):
    """A queue that cannot go on when it is enabled: its owner is told."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    arrive(b, sends(stream, 0))
    call = a.owner.set_config_call()
    for queue in a.rings:
        a.owner.enable(queue, 0)
    for queue in a.rings:
        a.owner.base(queue)
    a.owner.unmap(a.IOVA, a.memory.size)
    assert not a.owner.status() & NEEDS_RESET
    # The one that has moved.
    a.owner.enable(1)
    assert readable(call, PROMISED), "the owner is not told"
    assert a.owner.status() & NEEDS_RESET


if __name__ == "__main__":
    main(globals())
