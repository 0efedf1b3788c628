#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""nic_cases.py CASE ARGUMENT...: one case of a test on the reference NIC."""
import argparse
import errno
import mmap
import os
import random
import signal
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from device import CTRL_VQ, EVENT_IDX, INDIRECT, MQ, Device, Disk, Log, Net, fault, monitor
from vhost import (ACCESS_PLATFORM, NEEDS_RESET, PAGE, PROMISED, RING_PACKED, RO,
                   VERSION_1, Owner, readable, refused)

SUSPEND, RESUME = 1 << 4, 1 << 5
CTRL_RX, CTRL_MAC = 1 << 18, 1 << 23

MAC_A, MAC_B = bytes.fromhex("525400aa0001"), bytes.fromhex("525400bb0001")


def features_of(args):
    return ((RING_PACKED if args.packed else 0) |
            (EVENT_IDX if args.event_idx else 0) |
            (MQ | CTRL_VQ if args.pairs > 1 else 0) |
            (CTRL_VQ | CTRL_RX | CTRL_MAC if args.control else 0))


def net_pair(args):
    ends = []
    for path, mac in zip(args.device, (MAC_A, MAC_B)):
        mac = mac[:4] + bytes([args.station]) + mac[5:]
        end = Net(path, mac, features_of(args), pairs=args.pairs,
                  total_pairs=args.total_pairs, start=args.start,
                  pages=1040 * args.pairs)
        end.hears_all = False
        end.start()
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

    def turn_arrives(self, end):
        """A turn; before it, something of the turns until now arrives at end."""
        first, stop = len(end.seen), time.monotonic() + 30
        while sum(self.sent) and len(end.seen) == first:
            assert time.monotonic() < stop, "nothing arrives any more"
            end.receive()
        self.turn()

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
        first, end = len(a.seen), time.monotonic() + 5
        while len(a.seen) == first:
            stream.turn()
            assert time.monotonic() < end, "nothing arrives any more"
    stream.settle()
    for name, end, other in (("a", a, 1), ("b", b, 0)):
        lost = stream.sent[other] - len(end.seen)
        print(f"# {name}: {len(end.seen)} frames of {stream.sent[other]},"
              f" {end.twice} twice, {end.bad} changed")
        assert not end.bad, "a frame was changed"
        # What was on its way at a stop may be lost or sent again.
        on_way = args.rounds * end.pairs * end.num
        assert end.twice <= on_way and lost <= on_way, "not only what was on its way"
    assert moved > args.rounds / 2, "the rings did not move"


def late_while_paused(args):
    """What a function writes a second after it was paused goes nowhere."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    for _ in range(args.rounds):
        first, end = len(a.seen), time.monotonic() + 10
        while len(a.seen) == first:
            stream.turn()
            assert time.monotonic() < end, "nothing arrives any more"
        fault(args.fault, "late-dma", "true")
        a.owner.suspend()
        a.receive()
        before = bytes(a.memory.map)
        time.sleep(2.5)
        assert bytes(a.memory.map) == before, "it was written after the pause"
        fault(args.fault, "late-dma", "false")
        a.owner.resume()
    assert not a.bad + b.bad


def disk_turn(disk, versions, busy, rng, kick=True, blocks=512):
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
        if kick:
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


def disk_wait(disk, versions, busy):
    end = time.monotonic() + 10
    while not disk_reap(disk, versions, busy):
        assert time.monotonic() < end, "no request ended"


def disk_is_whole(disk, versions, busy):
    """All that was begun ends well, and each block is what was written last."""
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


def state_disk(args):
    """The same for a disk, whose requests must end once each."""
    disk = Disk(args.device[0], features_of(args), queues=args.queues,
                start=args.start)
    disk.start()
    rng = random.Random(args.seed)
    versions, busy, left = {}, set(), 0
    for _ in range(args.rounds):
        disk_turn(disk, versions, busy, rng)
        disk_wait(disk, versions, busy)
        disk_turn(disk, versions, busy, rng)
        # Of these the device has not heard: they must wait through the stop.
        # One that reorders may hold the only one back.
        end = time.monotonic() + 0.5
        while not disk_reap(disk, versions, busy) and time.monotonic() < end:
            time.sleep(0.001)
        disk_turn(disk, versions, busy, rng, kick=False)
        disk.stop()
        disk_reap(disk, versions, busy)
        left += len(busy)
        disk.restart()
    disk_is_whole(disk, versions, busy)
    print(f"# {disk.done} requests, {left} waited through a stop")
    assert left, "no request waited through a stop"


def carry_disk(args):
    """The same from function to function, which are on one storage."""
    disk = Disk(args.device[0], features_of(args), queues=args.queues)
    disk.start()
    rng = random.Random(args.seed)
    versions, busy, left = {}, set(), 0
    for n in range(1, args.rounds + 1):
        for _ in range(3):
            disk_turn(disk, versions, busy, rng)
            disk_wait(disk, versions, busy)
        disk_turn(disk, versions, busy, rng, kick=False)
        left += len(busy)
        disk.carry(args.device[n % len(args.device)])
        # What was posted before the move ends, and nobody kicks for it.
        end = time.monotonic() + 20
        while disk.done < disk.posted:
            disk_reap(disk, versions, busy)
            assert time.monotonic() < end, f"move {n}: {len(busy)} wait for a kick"
    disk_is_whole(disk, versions, busy)
    print(f"# {args.rounds} moves, {disk.done} requests, {left} waited through one")
    assert left, "no request waited through a move"


class Promises:
    """Of each block, what was to be written and what is known to be; it outlives who
    writes it."""
    def __init__(self, blocks=512):
        self.map = mmap.mmap(-1, blocks * 16)
        self.blocks = blocks

    def get(self, block):
        return struct.unpack_from("<QQ", self.map, block * 16)

    def put(self, block, intended, known):
        struct.pack_into("<QQ", self.map, block * 16, intended, known)


def write_until_killed(path, promises, seed):
    disk = Disk(path)
    disk.start()
    rng, busy = random.Random(seed), set()
    while True:
        block = rng.randrange(promises.blocks)
        intended, known = promises.get(block)
        if block not in busy and disk.slots[0]:
            promises.put(block, intended + 1, known)
            disk.post(0, block, True, intended + 1)
            busy.add(block)
            disk.kick(0)
        for ended, _, version, _ in disk.finish(0):
            promises.put(ended, version, version)
            busy.discard(ended)


def read_promises(path, promises):
    disk = Disk(path)
    disk.start()
    end = time.monotonic() + 60
    for block in range(promises.blocks):
        assert disk.post(0, block, False)
        disk.kick(0)
        ended = []
        while not ended:
            assert time.monotonic() < end, "reads do not end"
            ended = disk.finish(0)
        (_, _, _, data), = ended
        intended, known = promises.get(block)
        if intended:
            _, version = struct.unpack("<QQ", data[:16])
            assert known <= version <= intended, f"{block}: {known} {version} {intended}"
            assert version in (0, known) or data == disk.content(block, version), "half written"
            promises.put(block, version, version)
    disk.close()


def killed_disk(args):
    """Its owner is killed while it writes; the next one finds all that had ended."""
    promises, rng = Promises(), random.Random(args.seed)
    for n in range(args.rounds):
        path = args.device[n % len(args.device)]
        pid = os.fork()
        if not pid:
            write_until_killed(path, promises, n)
        time.sleep(0.3 + rng.random())
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        # Of the function that it was killed on, and of the next.
        read_promises(args.device[(n + n % 2) % len(args.device)], promises)
    known = sum(promises.get(block)[1] for block in range(promises.blocks))
    print(f"# {args.rounds} owners killed, {known} writes known to have ended")
    assert known > 100, "hardly anything was written"


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
        """One round of a migration: what is reported is copied after."""
        size = self.page_size
        dirty = self.log.report(self.device.IOVA, self.device.memory.size, size)
        self.reports += 1
        self.reported += len(dirty)
        for page in dirty:
            now = self.device.memory.map[page * size:(page + 1) * size]
            if now != self.copy[page * size:(page + 1) * size]:
                self.changed += 1
                self.copy[page * size:(page + 1) * size] = now

    def end(self, settle):
        """Stop the device, copy for the last time; pages that are wrong."""
        self.device.stop()
        self.take()
        # A device that is stopped writes no more.
        time.sleep(settle)
        own = self.device.driver_pages()
        return [page for page in range(self.device.memory.size // PAGE)
                if page not in own and self.differs(page * PAGE)]

    def differs(self, start):
        """Is there a byte that the device wrote and the copy has not?"""
        now = self.device.memory.map[start:start + PAGE]
        copy = self.copy[start:start + PAGE]
        return now != copy and any(
            now[at] != copy[at] and not self.device.driver_wrote(start + at)
            for at in range(PAGE))

    def judge(self, missed):
        rings = len(self.device.small_pages())
        print(f"# {self.reports} reports: {self.reported} pages reported,"
              f" {self.changed} had changed, {len(missed)} missed")
        assert not missed, f"missed pages {missed[:8]}"
        assert self.changed > 100, "hardly anything was written"
        assert self.reported <= 1.5 * self.changed + rings * self.reports, (
            "far more was reported than written")
        assert not self.log.flags, "the log is not trusted"


def fail_a_start(device, log, what, page_size):
    """A START whose last read of a register is all-ones, of other pages."""
    for nth in (1, 2):
        fault(what, "nth-read", nth)
        try:
            log.start([(device.IOVA, 1 << 20)], page_size)
        except OSError as error:
            assert error.errno == errno.ENODEV, error
        else:
            # It read fewer than that: the next read would be the one.
            fault(what, "nth-read", 0)
            log.stop()
        fault(what, "nth-read", 0)


def failed_stop(args):
    """What is freed at a STOP is not written to any more: the device is reset."""
    device = one_net(args)
    log = Log(args.name)
    log.start([(device.IOVA, device.memory.size)])
    fault(args.fail_first, "nth-read", 1)
    log.stop()
    fault(args.fail_first, "nth-read", 0)
    assert device.owner.status() & NEEDS_RESET, hex(device.owner.status())
    device.owner.set_status(0)
    log.start([(device.IOVA, device.memory.size)])
    log.stop()
    device.close()


def truth_net(args):
    a, b = net_pair(args)
    stream = Stream(a, b)
    log = Log(args.name)
    if args.fail_first:
        large = 1 << (log.info()["page_sizes"].bit_length() - 1)
        fail_a_start(a, log, args.fail_first, min(large, 65536))
    copy = Copy(a, log, args.page_size)
    for n in range(args.rounds):
        if n == args.rounds // 5:
            copy.begin()
        stream.turn_arrives(a)
        if n > args.rounds // 5 and n % 5 == 0:
            copy.take()
    copy.judge(copy.end(args.settle))


def truth_disk(args):
    disk = Disk(args.device[0], features_of(args), queues=args.queues)
    disk.start()
    rng = random.Random(args.seed)
    versions, busy = {}, set()
    # Every block is another, so that every read changes its buffer.
    for block in range(512):
        while not disk.post(0, block, True, 1):
            disk_wait(disk, versions, busy)
        disk.kick(0)
        versions[block] = 1
    while disk.done < disk.posted:
        disk_wait(disk, versions, busy)
    copy = Copy(disk, Log(args.name), args.page_size)
    for n in range(args.rounds):
        if n == args.rounds // 5:
            copy.begin()
        disk_turn(disk, versions, busy, rng)
        disk_wait(disk, versions, busy)
        if n > args.rounds // 5 and n % 5 == 0:
            copy.take()
    missed = copy.end(args.settle)
    # A buffer that the driver filled for a write is the driver's page.
    filled = {disk.place[q, slot] // PAGE for q in disk.rings
              for slot in range(disk.DEPTH) if disk.filled[q, slot]}
    copy.judge([page for page in missed if page not in filled])


def resume_net(args):
    """Suspend and resume, with frames on their way; none may be lost."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    for n in range(args.rounds):
        stream.turn()
        a.stop()
        # It stands still: nothing is used while it is suspended.
        stream.turn(4)
        stood = {q: a.owner.base(q) for q in a.rings}
        assert stood == a.bases, f"{stood} after {a.bases}"
        a.owner.resume()
    stream.settle()
    for end, other in ((a, 1), (b, 0)):
        assert not end.bad and not end.twice
        assert len(end.seen) > stream.sent[other] * 0.9, (
            f"{len(end.seen)} of {stream.sent[other]}")


def link_while_suspended(args):
    """A device that stands still sends no interrupt; it is told when it goes on."""
    device = one_net(args)
    call = device.owner.set_config_call()
    device.owner.suspend()
    monitor("set_link nic.0 off")
    told = readable(call, 1)
    device.owner.resume()
    assert readable(call, PROMISED), "the owner is not told"
    monitor("set_link nic.0 on")
    assert not told, "a device that stands still sent an interrupt"


def disk_after_hostile(args):
    """A chain that no memory holds is its owner's loss, and not the next one's."""
    for queue in range(args.queues):
        disk = Disk(args.device[0], features_of(args), queues=args.queues)
        disk.start()
        disk.memory.put(disk.headers, "<IIQ", 0, 0, 0)
        disk.rings[queue].post([(disk.IOVA + disk.headers, 16, False),
                                (disk.IOVA + disk.data, 0xFFFFFFFF, True),
                                (disk.IOVA + disk.statuses, 1, True)], None)
        disk.kick(queue)
        end = time.monotonic() + 5
        while not disk.owner.status() & NEEDS_RESET:
            assert time.monotonic() < end, "the chain was taken"
            time.sleep(0.01)
        disk.owner.close()
    disk = Disk(args.device[0], features_of(args), queues=args.queues)
    disk.start()
    versions, busy = {}, set()
    rng = random.Random(args.seed)
    for _ in range(20):
        disk_turn(disk, versions, busy, rng)
        disk_wait(disk, versions, busy)
    assert not disk.failed, disk.failed[:4]
    print(f"# {disk.done} requests of the next owner ended")


def stands_at_used(args):
    a, b = net_pair(args)
    Stream(a, b).turn()
    a.stop()
    for queue, ring in a.rings.items():
        used, = a.memory.get(ring.used + 2, "H")
        assert a.bases[queue] == used, f"queue {queue}: {a.bases[queue]}, {used}"


def no_suspend(args):
    """With rings of a kind that cannot be relayed, or where none is to be."""
    owner = one_net(args).owner
    offered = owner.backend_features() & (SUSPEND | RESUME)
    assert bool(offered) == args.packed, hex(offered)
    refused(errno.EOPNOTSUPP, owner.suspend)
    refused(errno.EOPNOTSUPP, owner.base, 0)
    owner.set_status(0)
    owner.set_features(owner.features() & (VERSION_1 | ACCESS_PLATFORM | (
        RING_PACKED if args.packed else 0)))
    refused(errno.EOPNOTSUPP, owner.set_base, 0, 5)


def hostile_ring(args):
    """An owner whose ring cannot be relayed any more: its device fails."""
    def jumps(ring):
        ring.memory.store16(ring.avail + 2, ring.next + ring.num + 1)

    def head_beyond(ring):
        ring.memory.store16(ring.avail + 4 + 2 * (ring.next % ring.num), ring.num)
        ring.memory.store16(ring.avail + 2, (ring.next + 1) & 0xFFFF)

    def head_twice(ring):
        ring.post([(Net.IOVA, 64, True)], None)
        head, = ring.memory.get(ring.avail + 4 + 2 * ((ring.next - 1) % ring.num), "H")
        ring.memory.store16(ring.avail + 4 + 2 * (ring.next % ring.num), head)
        ring.memory.store16(ring.avail + 2, (ring.next + 1) & 0xFFFF)

    for broken in (jumps, head_beyond, head_twice):
        device = Net(args.device[0], MAC_A, features_of(args), start=args.start)
        device.start()
        call = device.owner.set_config_call()
        broken(device.rings[0])
        device.kick(0)
        assert readable(call, 5), f"{broken.__name__}: the owner is not told"
        assert device.owner.status() & NEEDS_RESET
        refused(errno.EIO, device.owner.base, 0)
        refused(errno.EIO, device.owner.suspend)
        device.close()


def unmapped_ring(args):
    """Of a ring whose map goes no byte changes any more, at any time of it."""
    rng = random.Random(args.seed)
    for n in range(args.rounds):
        a, b = net_pair(args)
        stream = Stream(a, b)
        stream.turn_arrives(a)
        b.send(a.mac, range(1 << 20, (1 << 20) + 32))
        time.sleep(rng.random() * 0.002)
        a.owner.unmap(a.IOVA, a.memory.size)
        rings = bytes(a.memory.map[:a.buffers])
        b.send(a.mac, range(1 << 21, (1 << 21) + 32))
        for queue in a.rings:
            a.kick(queue)
        time.sleep(0.02)
        assert bytes(a.memory.map[:a.buffers]) == rings, "a ring was written"
        end = time.monotonic() + 5
        while not a.owner.status() & NEEDS_RESET:
            assert time.monotonic() < end, "the device does not need a reset"
            time.sleep(0.01)
        a.close()
        b.close()
        # The log takes ten such lines in five seconds.
        time.sleep(0.5)


def read_only_ring(args):
    """A used ring that may not be written cannot be relayed."""
    device = Net(args.device[0], MAC_A, features_of(args), start=args.start)
    device.owner.unmap(device.IOVA, device.memory.size)
    device.owner.map(device.IOVA, device.memory, RO)
    does_not_start(device, "with a used ring that is read-only")
    device.close()


def stands_elsewhere(args):
    """A ring whose used index is not where it is said to stand."""
    device = Net(args.device[0], MAC_A, features_of(args), start=args.start)
    device.memory.store16(device.rings[0].used + 2, args.start - 1)
    does_not_start(device, "elsewhere than its ring stands")
    device.close()


def relayed_shows(args):
    """debugfs says that a queue is relayed, and its kicks go through the driver."""
    device = Net(args.device[0], MAC_A, features_of(args), start=args.start)
    device.start()
    device.fill()
    with open(f"/sys/kernel/debug/hvdpa/{args.name}/state", encoding="ascii") as file:
        lines = [line for line in file if line.startswith("queue ")]
    for queue in device.rings:
        assert " relayed " in lines[queue], lines[queue]
    # Its doorbell is not to be mapped.
    try:
        mmap.mmap(device.owner.fd, PAGE, mmap.MAP_SHARED, mmap.PROT_WRITE, offset=0)
    except OSError as error:
        assert error.errno == 524, error
    else:
        raise AssertionError("a relayed queue's doorbell was mapped")


def log_refused(args):
    """Indirect tables: refused where they were agreed on, all-dirty where they come."""
    disk = Disk(args.device[0], INDIRECT)
    disk.start()
    log = Log(args.name)
    refused(errno.EOPNOTSUPP, log.start, [(disk.IOVA, disk.memory.size)])
    disk.owner.set_status(0)
    log.start([(disk.IOVA, disk.memory.size)])
    disk.bases = {q: 0 for q in disk.bases}
    disk.start()
    dirty = log.report(disk.IOVA, disk.memory.size)
    assert len(dirty) == disk.memory.size // PAGE and log.flags & Log.UNTRUSTED
    # It works all the same.
    assert disk.post(0, 1, False)
    disk.kick(0)
    disk_wait(disk, {}, {1})
    log.stop()


def keeps_control_state(args):
    """What control commands set is there after suspend and resume."""
    a, b = net_pair(args)
    stream = Stream(a, b)
    assert a.command(0, 0, b"\0") == 0, "promiscuous off"
    # A frame to another station is not heard, before and after.
    other = bytes.fromhex("525400cc0001")
    assert a.command(1, 1, a.mac) == 0, "mac"
    for n in range(args.rounds):
        before, end = len(a.seen), time.monotonic() + 30
        while len(a.seen) == before:
            stream.turn()
            assert time.monotonic() < end, f"turn {n}: nothing arrives any more"
        b.send(other, range((1 << 20) + n * 64, (1 << 20) + n * 64 + 8))
        a.hears_all = True
        stream.settle()
        a.hears_all = False
        heard = [x for x in a.seen if x >= 1 << 20]
        assert not heard, f"turn {n}: {len(heard)} frames of another station"
        a.stop()
        a.owner.resume()


def no_resume(args):
    owner = one_net(args).owner
    assert owner.backend_features() & SUSPEND
    assert not owner.backend_features() & RESUME
    refused(errno.EOPNOTSUPP, owner.resume)


def one_net(args):
    device = Net(args.device[0], MAC_A, features_of(args))
    device.start()
    device.fill()
    return device


def state_refusals(args):
    device = one_net(args)
    owner = device.owner
    # A queue that runs has no state to be read or set.
    refused(errno.EBUSY, owner.base, 0)
    refused(errno.EINVAL, owner.set_base, 0, 5)
    owner.suspend()
    owner.suspend()
    before = owner.base(0)
    refused(errno.EBUSY, owner.set_base, 0, before + 1)
    assert owner.base(0) == before
    owner.resume()
    owner.resume()
    owner.set_status(0)
    # No split ring has an index of more than 16 bits.
    refused(errno.EINVAL, owner.set_base, 0, 0x10000)
    for number in (0, 1, 0x7FFF, 0x8000, 0xFFFF):
        owner.set_base(0, number)
        assert owner.base(0) == number


def foreign_reset(args):
    """Where a suspended device stood is not known after somebody else's reset."""
    device = one_net(args)
    owner = device.owner
    owner.suspend()
    owner.base(0)
    call = owner.set_config_call()
    with open(f"/sys/bus/pci/devices/{args.name}/reset", "w") as file:
        file.write("1")
    assert readable(call, 5) and owner.status() & NEEDS_RESET
    refused(errno.EIO, owner.base, 0)
    refused(errno.EIO, owner.resume)
    refused(errno.EIO, owner.suspend)
    # Nor does a device that needs a reset run for the asking.
    status = owner.status()
    owner.set_status(status | 4)
    assert owner.status() == status
    owner.set_status(0)
    assert owner.status() == 0
    device.close()


def does_not_start(device, how):
    """The status says so, and nothing else is wrong."""
    try:
        device.start()
    except AssertionError as error:
        assert "status" in str(error), error
    else:
        raise AssertionError(f"started {how}")


def start_refusals(args):
    """Where a packed ring cannot stand, no device is made to look."""
    for base in (0x80408040, 0x7FFF7FFF, 0x80018000, 0x80000000):
        device = Net(args.device[0], MAC_A, RING_PACKED)
        device.bases = dict.fromkeys(device.bases, base)
        does_not_start(device, f"at {base:#x} of 64 entries")
        device.close()


def state_garbage(args):
    device = one_net(args)
    fault("nic/vf0", "state-garbage", "0x12345678")
    # Halves that differ cannot be where a drained ring stands.
    device.owner.suspend()
    refused(errno.EIO, device.owner.base, 0)


def forgets_state(args):
    device = Net(args.device[0], MAC_A, features_of(args), start=5)
    does_not_start(device, "elsewhere than it was told")


def stuck_suspend(args):
    device = one_net(args)
    call = device.owner.set_config_call()
    began = time.monotonic()
    refused(errno.ETIMEDOUT, device.owner.suspend)
    took = time.monotonic() - began
    assert took < 5, f"took {took} s"
    assert device.owner.status() & NEEDS_RESET
    assert readable(call, PROMISED), "the owner is not told"
    refused(errno.EIO, device.owner.base, 0)


def gone(args):
    device = one_net(args)
    fault("nic/vf1", "all-ones", "true")
    refused(errno.ENODEV, device.owner.suspend)
    assert device.owner.status() & NEEDS_RESET


def main(cases):
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("device", nargs="*")
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--event-idx", action="store_true")
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--total-pairs", type=int, default=1)
    parser.add_argument("--queues", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--start", type=lambda text: int(text, 0), default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--page-size", type=int, default=PAGE)
    parser.add_argument("--settle", type=float, default=0.1)
    # Pairs on one wire have addresses of their own.
    parser.add_argument("--station", type=int, default=0)
    parser.add_argument("--name")
    # A VF of the reference NIC.
    parser.add_argument("--fault")
    # The VF, for a START that fails before the one that counts.
    parser.add_argument("--fail-first")
    args = parser.parse_args()
    # make check has less time than a test by itself.
    if os.environ.get("HVDPA_SHORT") and args.case.startswith("state_"):
        args.rounds = (args.rounds + 3) // 4
    cases[args.case](args)


if __name__ == "__main__":
    main(globals())
