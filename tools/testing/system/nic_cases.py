#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""nic_cases.py CASE ARGUMENT...: one case of a test on the reference NIC."""
import argparse
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from device import CTRL_VQ, EVENT_IDX, MQ, Device, Disk, Log, Net
from vhost import PAGE, RING_PACKED, Owner

MAC_A, MAC_B = bytes.fromhex("525400aa0001"), bytes.fromhex("525400bb0001")


def features_of(args):
    return ((RING_PACKED if args.packed else 0) |
            (EVENT_IDX if args.event_idx else 0) |
            (MQ | CTRL_VQ if args.pairs > 1 else 0))


def net_pair(args):
    ends = []
    for path, mac in zip(args.device, (MAC_A, MAC_B)):
        end = Net(path, mac, features_of(args), pairs=args.pairs,
                  total_pairs=args.total_pairs, start=args.start,
                  pages=1024 * args.pairs)
        end.start()
        if args.pairs > 1:
            assert end.command(4, 0, struct.pack("<H", args.pairs)) == 0
        end.fill()
        ends.append(end)
    return ends


class Stream:
    """Frames both ways, each with its number."""

    def __init__(self, a, b):
        self.ends = (a, b)
        self.sent = [0, 0]

    def turn(self, burst=16):
        for i, (end, other) in enumerate((self.ends, self.ends[::-1])):
            for pair in range(end.pairs):
                first = self.sent[i]
                self.sent[i] += len(end.send(other.mac,
                                             range(first, first + burst), pair))
            end.receive()

    def settle(self):
        end = time.monotonic() + 2
        quiet = 0
        while quiet < 10 and time.monotonic() < end:
            quiet = quiet + 1 if not sum(e.receive() for e in self.ends) else 0
            time.sleep(0.005)


def state_net(args):
    """Suspend under load, read state, reset, set state, run, many times."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    moved = 0
    for n in range(args.rounds):
        for _ in range(3):
            stream.turn()
        before = dict(a.bases)
        a.stop()
        moved += a.bases != before
        a.restart()
        stream.turn()
    stream.settle()
    for name, end, other in (("a", a, 1), ("b", b, 0)):
        lost = stream.sent[other] - len(end.seen)
        print(f"# {name}: {len(end.seen)} frames of {stream.sent[other]},"
              f" {end.twice} twice, {end.bad} changed")
        assert not end.bad, "a frame was changed"
        # What was on its way at a stop may be lost or sent again.
        assert end.twice <= args.rounds, "frames were repeated"
        assert lost < stream.sent[other] / 2 and end.seen, "the net does not flow"
    assert moved > args.rounds / 2, "the rings did not move"


def disk_turn(disk, versions, busy, rng, blocks=512):
    for queue in disk.rings:
        while True:
            block = rng.randrange(blocks)
            if block in busy:
                continue
            write = rng.random() < 0.6
            version = versions.get(block, 0) + write
            if not disk.post(queue, block, write, version):
                break
            busy.add(block)
            if write:
                versions[block] = version
        disk.kick(queue)


def disk_reap(disk, versions, busy):
    count = 0
    for queue in disk.rings:
        for block, write, version, data in disk.finish(queue):
            busy.discard(block)
            count += 1
            if not write and version:
                assert data == disk.content(block, version), (
                    f"block {block}: version {struct.unpack('<QQ', data[:16])},"
                    f" expected {version}")
    return count


def state_disk(args):
    """The same for a disk, whose requests must end once each."""
    disk = Disk(args.device[0], features_of(args), queues=args.queues,
                start=args.start)
    disk.start()
    rng = random.Random(args.seed)
    versions, busy, left = {}, set(), 0
    for _ in range(args.rounds):
        disk_turn(disk, versions, busy, rng)
        disk_reap(disk, versions, busy)
        disk_turn(disk, versions, busy, rng)
        disk.stop()
        disk_reap(disk, versions, busy)
        left += len(busy)
        disk.restart()
    end = time.monotonic() + 20
    while disk.done < disk.posted:
        disk_reap(disk, versions, busy)
        assert time.monotonic() < end, f"{disk.posted - disk.done} never ended"
    assert not disk.failed, f"failed: {disk.failed[:4]}"
    for block, version in versions.items():
        while not disk.post(0, block, False, version):
            disk_reap(disk, versions, busy)
        disk.kick(0)
    while disk.done < disk.posted:
        disk_reap(disk, versions, busy)
        assert time.monotonic() < end + 20, "reads never ended"
    print(f"# {disk.done} requests, {left} waited through a stop")


class Copy:
    """A migration's copy of a device's memory, kept true by the log alone."""

    def __init__(self, device, log, page_size=PAGE):
        self.device, self.log, self.page_size = device, log, page_size
        self.reported = self.changed = self.reports = 0

    def begin(self):
        self.log.start([(self.device.IOVA, self.device.memory.size)],
                       self.page_size)
        self.copy = bytearray(self.device.memory.map[:])

    def take(self):
        """One round of a migration."""
        size = self.page_size
        dirty = self.log.report(self.device.IOVA, self.device.memory.size, size)
        self.reports += 1
        self.reported += len(dirty)
        for page in dirty:
            now = self.device.memory.map[page * size:(page + 1) * size]
            if now != self.copy[page * size:(page + 1) * size]:
                self.changed += 1
                self.copy[page * size:(page + 1) * size] = now

    def end(self, settle=0.1):
        """Stop the device, copy for the last time; pages that are wrong."""
        self.device.stop()
        self.take()
        # A device that is stopped writes no more.
        time.sleep(settle)
        own = self.device.driver_pages()
        memory = self.device.memory.map
        return [page for page in range(self.device.memory.size // PAGE)
                if page not in own and
                memory[page * PAGE:(page + 1) * PAGE] !=
                self.copy[page * PAGE:(page + 1) * PAGE]]

    def judge(self, missed):
        rings = len(self.device.ring_pages()) + len(self.device.driver_pages())
        print(f"# {self.reports} reports: {self.reported} pages reported,"
              f" {self.changed} had changed, {len(missed)} missed")
        assert not missed, f"missed pages {missed[:8]}"
        assert self.changed > 100, "hardly anything was written"
        assert self.reported <= 1.5 * self.changed + rings * self.reports, (
            "far more was reported than written")
        assert not self.log.flags, "the log is not trusted"


def truth_net(args):
    a, b = net_pair(args)
    stream = Stream(a, b)
    copy = Copy(a, Log(args.name), args.page_size)
    for n in range(args.rounds):
        if n == args.rounds // 5:
            copy.begin()
        stream.turn()
        if n > args.rounds // 5 and n % 5 == 0:
            copy.take()
    copy.judge(copy.end())


def truth_disk(args):
    disk = Disk(args.device[0], features_of(args), queues=args.queues)
    disk.start()
    rng = random.Random(args.seed)
    versions, busy = {}, set()
    copy = Copy(disk, Log(args.name), args.page_size)
    for n in range(args.rounds):
        if n == args.rounds // 5:
            copy.begin()
        disk_turn(disk, versions, busy, rng)
        disk_reap(disk, versions, busy)
        if n > args.rounds // 5 and n % 5 == 0:
            copy.take()
    missed = copy.end()
    # A buffer that the driver filled for a write is the driver's page.
    missed = [p for p in missed if
              disk.memory.map[p * PAGE:p * PAGE + PAGE].count(0) == PAGE or
              (p - disk.data // PAGE) % 2 or p < disk.data // PAGE]
    copy.judge(missed)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("device", nargs="*")
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--event-idx", action="store_true")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--total-pairs", type=int, default=1)
    parser.add_argument("--queues", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--start", type=lambda text: int(text, 0), default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page-size", type=int, default=PAGE)
    parser.add_argument("--name")
    args = parser.parse_args()
    globals()[args.case](args)


if __name__ == "__main__":
    main()
