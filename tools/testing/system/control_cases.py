#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""control_cases.py CASE DEVICE...: the mediated control queue, from an owner
that has its ring in an address space of its own."""
import argparse
import errno
import mmap
import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from device import (CTRL_VQ, EVENT_IDX, INDIRECT, MQ, Net, PackedRing, SplitRing,
                    fault)
from vhost import (NEEDS_RESET, PAGE, RING_PACKED, RO, RW, Memory, readable,
                   refused, statistics)

CTRL_RX, CTRL_VLAN, CTRL_RX_EXTRA, CTRL_MAC_ADDR = (1 << 18, 1 << 19, 1 << 20,
                                                    1 << 23)
F_MTU, F_MAC = 1 << 3, 1 << 5
RX, MAC, VLAN, ANNOUNCE, MULTI, OFFLOADS = range(6)
OK, ERR = 0, 1
MAC_A, MAC_B, MAC_NEW = (bytes.fromhex(text) for text in (
    "525400aa0001", "525400bb0001", "52540000cc01"))


class Control:
    """A control queue in memory of its own."""
    IOVA = Net.IOVA     # where the other address space has something else
    NUM = 16

    def __init__(self, owner, index, features, asid=1, start=0):
        self.owner, self.index, self.asid = owner, index, asid
        self.features = features
        self.iova = self.IOVA if asid else 0x40000000
        self.memory = Memory(16)
        kind = PackedRing if features & RING_PACKED else SplitRing
        self.ring = kind(self.memory, 0, self.iova, self.NUM)
        self.base = self.ring.start_at(start) if start else (
            0x80008000 if self.ring.packed else 0)
        self.place = 4 * PAGE
        self.ack = 12 * PAGE
        self.table = 14 * PAGE
        owner.map(self.iova, self.memory, asid=asid)

    def setup(self):
        if self.asid:
            self.owner.set_group_asid(1, self.asid)
        self.owner.set_num(self.index, self.NUM)
        self.owner.set_base(self.index, self.base)
        self.owner.set_addr(self.index, *self.ring.addresses())
        self.owner.set_kick(self.index)
        self.owner.set_call(self.index)
        self.owner.enable(self.index)

    def kick(self):
        os.eventfd_write(self.owner.kick_fds[self.index], 1)

    def chain(self, command, split_at=2):
        self.memory.map[self.place:self.place + len(command)] = command
        self.memory.put(self.ack, "<B", 0xEE)
        parts = [(0, min(split_at, len(command)))]
        if len(command) > split_at:
            parts.append((split_at, len(command) - split_at))
        return [(self.iova + self.place + at, length, False)
                for at, length in parts] + [(self.iova + self.ack, 1, True)]

    def indirect(self, chain):
        """The same chain in a table."""
        table = self.table
        for i, (address, length, writes) in enumerate(chain):
            last = i == len(chain) - 1
            flags = 2 if writes else 0
            if self.ring.packed:
                self.memory.put(table + 16 * i, "<QIHH", address, length, 0, flags)
            else:
                self.memory.put(table + 16 * i, "<QIHH", address, length,
                                flags | (0 if last else 1), 0 if last else i + 1)
        return self.iova + table, 16 * len(chain)

    def post(self, chain):
        self.ring.post(chain, "command")
        self.kick()

    def post_indirect(self, chain):
        address, length = self.indirect(chain)
        ring = self.ring
        if ring.packed:
            head = ring.next
            ring.post([(address, length, False)], "command")
            flags = self.memory.load16(ring.desc + 16 * head + 14)
            self.memory.store16(ring.desc + 16 * head + 14, flags | 4)
        else:
            slot = ring.free.pop()
            self.memory.put(ring.desc + 16 * slot, "<QIHH", address, length, 4, 0)
            ring.tokens[slot] = ("command", [slot])
            self.memory.store16(ring.avail + 4 + 2 * (ring.next % ring.num), slot)
            ring.next = (ring.next + 1) & 0xFFFF
            self.memory.store16(ring.avail + 2, ring.next)
        self.kick()

    def answer(self, seconds=5):
        """The ack of what was posted; None where there is none."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            done = self.ring.reap()
            if done:
                assert done == [("command", 1)], done
                return self.memory.get(self.ack, "<B")[0]
            time.sleep(0.002)
        return None

    def run(self, class_, command, data=b"", split_at=2):
        self.post(self.chain(struct.pack("<BB", class_, command) + data, split_at))
        return self.answer()


class Station(Net):
    """A network device whose control queue is apart."""

    def __init__(self, path, mac, features, asid=1, start=0, **more):
        super().__init__(path, mac, features, control_apart=True, **more)
        self.apart = Control(self.owner, self.control, features, asid, start)

    def before_driver_ok(self):
        self.apart.setup()

    def hears(self, other, to, timeout=0.5):
        """Does a frame from another station to this address arrive?"""
        self.seen.clear()
        number = random.getrandbits(32)
        assert other.send(to, [number])
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            self.receive()
            if number in self.seen:
                return True
            time.sleep(0.01)
        return False


BASE = CTRL_VQ | CTRL_RX | CTRL_VLAN | CTRL_RX_EXTRA | CTRL_MAC_ADDR


def features_of(args):
    return (BASE | (RING_PACKED if args.packed else 0) |
            (EVENT_IDX if args.event_idx else 0) |
            (INDIRECT if args.indirect else 0) |
            (MQ if args.pairs > 1 else 0))


def station(args, which=0, **more):
    mac = (MAC_A, MAC_B)[which]
    made = Station(args.device[which], mac, features_of(args),
                   total_pairs=args.pairs, asid=args.asid, **more)
    made.start()
    made.fill()
    return made


def case_commands(args):
    """What a device is told it does; ASID 0 has other bytes at these places."""
    a, b = station(args, 0), station(args, 1)
    assert a.owner.groups() == 2 and a.owner.address_spaces() == 2
    assert a.owner.group_of(a.control) == 1
    assert all(a.owner.group_of(q) == 0 for q in range(2 * args.pairs))
    control = a.apart
    # Where the command is in ASID 1 the data has something else.
    other = a.memory.map[control.place:control.place + 64]
    assert a.hears(b, MAC_NEW), "promiscuous after a reset"
    assert control.run(RX, 0, b"\0") == OK
    assert not a.hears(b, MAC_NEW), "filtered"
    assert control.run(MAC, 1, MAC_NEW) == OK
    assert a.hears(b, MAC_NEW), "the new address"
    assert not a.hears(b, MAC_A), "not another"
    many = bytes.fromhex("01005e000001"), bytes.fromhex("01005e000002")
    table = struct.pack("<I", 0) + struct.pack("<I", 1) + many[0]
    assert control.run(MAC, 0, table) == OK
    assert a.hears(b, many[0]) and not a.hears(b, many[1])
    assert control.run(RX, 1, b"\1") == OK
    assert a.hears(b, many[1]), "all multicast"
    assert control.run(VLAN, 0, struct.pack("<H", 7)) == OK
    assert control.run(VLAN, 1, struct.pack("<H", 7)) == OK
    if args.pairs > 1:
        assert control.run(MULTI, 0, struct.pack("<H", 2)) == OK
        assert control.run(MULTI, 0, struct.pack("<H", args.pairs + 1)) == ERR
    assert a.memory.map[control.place:control.place + 64] == other
    assert readable(a.owner.call_fds[a.control], 1), "the owner is told"
    a.close()
    b.close()


def case_indirect(args):
    a = station(args)
    control = a.apart
    for command, ack in ((struct.pack("<BB", RX, 0) + b"\1", OK),
                         (struct.pack("<BB", RX, 0) + b"\2", ERR)) * 20:
        control.post_indirect(control.chain(command))
        assert control.answer() == ack, command
    for split_at in (1, 2, 3):
        assert control.run(MAC, 1, MAC_NEW, split_at) == OK
    # Headers, addresses and tables across pages, which are apart in memory.
    for before in range(1, 8):
        control.place = 5 * PAGE - before
        control.table = 14 * PAGE - 8 * (before % 4)
        mac = MAC_NEW[:5] + bytes([before])
        assert control.run(MAC, 1, mac) == OK
        assert a.owner.config(0, 6) == mac
        control.post_indirect(control.chain(struct.pack("<BB", MAC, 1) + MAC_A))
        assert control.answer() == OK
        assert a.owner.config(0, 6) == MAC_A
    a.close()


def case_refused(args):
    """Commands that are none get an ERR and change nothing."""
    a, b = station(args, 0), station(args, 1)
    control = a.apart
    assert control.run(RX, 0, b"\0") == OK
    pairs = struct.pack("<H", 0)
    for class_, command, data in (
            (RX, 0, b""), (RX, 0, b"\2"), (RX, 0, b"\0\0"), (RX, 6, b"\0"),
            (MAC, 1, MAC_NEW[:5]), (MAC, 1, MAC_NEW + b"\0"),
            (MAC, 1, b"\1" + MAC_NEW[1:]), (MAC, 1, bytes(6)), (MAC, 2, b""),
            (MAC, 0, b""), (MAC, 0, struct.pack("<I", 1)),
            (MAC, 0, struct.pack("<I", 0xFFFFFFFF) + bytes(4)),
            (MAC, 0, struct.pack("<I", 0x2AAAAAAB) + bytes(64)),
            (MAC, 0, bytes(9)),
            (VLAN, 0, struct.pack("<H", 4096)), (VLAN, 0, b"\1"),
            (VLAN, 2, struct.pack("<H", 1)), (ANNOUNCE, 0, b""),
            (MULTI, 0, pairs), (MULTI, 1, bytes(64)), (MULTI, 2, bytes(64)),
            (OFFLOADS, 0, bytes(8)), (6, 0, bytes(8)), (8, 0, bytes(8)),
            (255, 255, b"")):
        assert control.run(class_, command, data) == ERR, (class_, command, data)
    assert not a.hears(b, MAC_NEW) and a.hears(b, b"\xff" * 6)
    # Longer than any command may be, and than memory is.
    for length in (8192 - 1, 8192, 0x7FFFFFFF, 0xFFFFFFFF):
        chain = control.chain(struct.pack("<BB", MAC, 0) + bytes(8))
        chain[1] = (chain[1][0], length, False)
        control.post(chain)
        assert control.answer() == ERR, length
    # Nothing at all, buffers of no bytes, and bytes that are nowhere.
    for buffers in ([], [(control.iova + control.place, 0, False)] * 3,
                    [(0x7000000, 3, False)], [(0, 3, False)],
                    [((1 << 64) - 2, 3, False)],
                    # across the end of what is mapped
                    [(control.iova + control.memory.size - 1, 3, False)]):
        control.chain(b"")
        control.post(buffers + [(control.iova + control.ack, 1, True)])
        assert control.answer() == ERR, buffers
    # An answer's first byte is where its first buffer with a byte begins.
    control.chain(struct.pack("<BB", RX, 0) + b"\0")
    control.post([(control.iova + control.place, 3, False),
                  (control.iova + control.place, 0, True),
                  (control.iova + control.ack, 1, True)])
    assert control.answer() == OK
    a.close()
    b.close()


def broken_rings(control):
    """Ways to break a ring; each posts and kicks."""
    iova, memory, ring = control.iova, control.memory, control.ring
    good = [(iova + control.place, 3, False), (iova + control.ack, 1, True)]

    def post(chain):
        control.chain(struct.pack("<BB", RX, 0) + b"\1")
        control.post(chain)

    def read_only():
        page = Memory(1)
        control.owner.map(0x5000000, page, perm=RO, asid=control.asid)
        control.kept = page
        post(good[:1] + [(0x5000000, 1, True)])

    def loop():
        control.chain(struct.pack("<BB", RX, 0) + b"\1")
        if ring.packed:
            for i in range(ring.num):
                memory.put(ring.desc + 16 * i, "<QIHH", iova + control.place, 1,
                           0, 1 | 1 << 7)
        else:
            for i in range(ring.num):
                memory.put(ring.desc + 16 * i, "<QIHH", iova + control.place, 1,
                           1, (i + 1) % ring.num)
            memory.store16(ring.avail + 4 + 2 * (ring.next % ring.num), 0)
            memory.store16(ring.avail + 2, ring.next + 1)
        control.kick()

    def table(fill, length):
        control.chain(struct.pack("<BB", RX, 0) + b"\1")
        control.indirect(good)
        at = 14 * PAGE
        fill(at)
        real = control.indirect
        control.indirect = lambda chain: (iova + at, length)
        control.post_indirect(good)
        control.indirect = real

    yield "no answer", lambda: post(good[:1])
    yield "an answer of no bytes", lambda: post(
        good[:1] + [(iova + control.ack, 0, True)])
    yield "an answer that is not mapped", lambda: post(
        good[:1] + [(0x7000000, 1, True)])
    yield "an answer that may not be written", read_only
    yield "a buffer to read after one to write", lambda: post(good[::-1])
    yield "a table of no bytes", lambda: table(lambda at: None, 0)
    yield "a table and a half", lambda: table(lambda at: None, 24)
    yield "a table in a table", lambda: table(
        lambda at: memory.put(at, "<QIHH", iova + at, 32, 0, 4), 32)
    yield "a table that is not mapped", lambda: table(
        lambda at: memory.put(at, "<QIHH", 0, 0, 0, 0), 16 * 4096 * 16)
    if not ring.packed:
        yield "a loop", loop
        yield "an index that jumps", lambda: (
            memory.store16(ring.avail + 2, ring.next + ring.num + 1),
            control.kick())
        yield "a head that is none", lambda: (
            memory.store16(ring.avail + 4 + 2 * (ring.next % ring.num), ring.num),
            memory.store16(ring.avail + 2, ring.next + 1), control.kick())
        yield "a next that is none", lambda: (
            memory.put(ring.desc, "<QIHH", iova + control.place, 3, 1, ring.num),
            memory.store16(ring.avail + 4 + 2 * (ring.next % ring.num), 0),
            memory.store16(ring.avail + 2, ring.next + 1), control.kick())
    else:
        yield "a chain without an end", loop


def case_broken(args):
    """A ring that cannot be followed stops the device; a reset mends it."""
    a = station(args)
    count = sum(1 for _ in broken_rings(a.apart))
    a.close()
    for n in range(count):
        a = station(args)
        config = a.owner.set_config_call()
        assert a.apart.run(RX, 0, b"\0") == OK
        name, breaks = list(broken_rings(a.apart))[n]
        if "table" in name and not args.indirect:
            a.close()
            continue
        breaks()
        assert readable(config, 5), f"{name}: nobody is told"
        assert a.owner.status() & NEEDS_RESET, f"{name}: {a.owner.status():#x}"
        assert a.apart.answer(0.1) is None, name
        print(f"# {name}: NEEDS_RESET")
        a.close()
    a = station(args)
    assert a.apart.run(RX, 0, b"\0") == OK
    a.close()


def case_unmapped(args):
    """A ring that goes away while it is in use."""
    a = station(args)
    assert a.apart.run(RX, 0, b"\0") == OK
    config = a.owner.set_config_call()
    a.owner.unmap(a.apart.iova, a.apart.memory.size, asid=args.asid)
    a.apart.post(a.apart.chain(struct.pack("<BB", RX, 0) + b"\1"))
    assert readable(config, 5) and a.owner.status() & NEEDS_RESET
    a.close()


def case_changing(args):
    """Bytes that change while they are read: judged and executed as one."""
    a = station(args)
    control = a.apart
    import threading
    stop = threading.Event()

    def scribble():
        at, flip = control.place, 0
        while not stop.is_set():
            flip ^= 1
            control.memory.map[at + 2:at + 8] = (MAC_NEW, b"\1" * 6)[flip]

    thread = threading.Thread(target=scribble)
    thread.start()
    answers = []
    for _ in range(300):
        answers.append(control.run(MAC, 1, MAC_NEW))
        # What the card has was judged: bytes read again might be a group's.
        mac = a.owner.config(0, 6)
        assert not mac[0] & 1, f"the card was told {mac.hex()}"
    stop.set()
    thread.join()
    assert set(answers) <= {OK, ERR} and OK in answers, set(answers)
    print(f"# {answers.count(OK)} accepted, {answers.count(ERR)} refused")
    a.close()


def case_asid(args):
    """When a group may be given an address space, and which."""
    a = station(args)
    owner = a.owner
    refused(errno.EBUSY, owner.set_group_asid, 1, 0)
    owner.set_status(0)
    refused(errno.EOPNOTSUPP, owner.set_group_asid, 0, 1)
    refused(errno.EINVAL, owner.set_group_asid, 1, 2)
    refused(errno.EINVAL, owner.set_group_asid, 2, 0)
    owner.set_group_asid(0, 0)
    owner.set_group_asid(1, 1)
    owner.set_group_asid(1, 0)
    # A reset puts the group back: the ring is not in address space 0.
    a.apart.asid = 0
    config = owner.set_config_call()
    a.owner.kick_fds = {}
    a.start()
    a.apart.post(a.apart.chain(struct.pack("<BB", RX, 0) + b"\1"))
    assert readable(config, 5) and owner.status() & NEEDS_RESET
    a.close()


def case_doorbell(args):
    """The control queue's doorbell is never mapped, whichever it is."""
    a = station(args)
    mapped = []
    for queue in range(2 * args.pairs + 1):
        try:
            mmap.mmap(a.owner.fd, PAGE, mmap.MAP_SHARED, mmap.PROT_WRITE,
                      offset=queue * PAGE).close()
            mapped.append(queue)
        except OSError:
            pass
    print(f"# doorbells of {mapped} can be mapped")
    assert 2 not in mapped and a.control not in mapped
    assert 0 in mapped and 1 in mapped
    a.close()


def case_state(args):
    """The ring stands where the driver says, and starts anywhere."""
    a = station(args)
    for _ in range(5):
        assert a.apart.run(RX, 0, b"\0") == OK
    refused(errno.EBUSY, a.owner.base, a.control)
    a.owner.suspend()
    ring = a.apart.ring
    half = ring.next | (ring.next_wrap << 15 if ring.packed else 0)
    expected = half | half << 16 if ring.packed else half
    assert a.owner.base(a.control) == expected, hex(a.owner.base(a.control))
    # A command that comes meanwhile waits.
    a.apart.post(a.apart.chain(struct.pack("<BB", RX, 0) + b"\1"))
    assert a.apart.answer(0.3) is None
    a.owner.resume()
    assert a.apart.answer() == OK
    a.close()
    for start in (5, 0x8000 | 3) if args.packed else (5, 0xFFFE):
        a = station(args, start=start)
        for _ in range(20):
            assert a.apart.run(RX, 0, b"\0") == OK, hex(start)
        a.close()


def case_counters(args):
    """The card counts what the driver tells it, and what it answers."""
    a = station(args)
    before = statistics(args.device[0], a.control)
    for _ in range(10):
        assert a.apart.run(RX, 0, b"\0") == OK
    # The driver refuses this one: the card does not hear of it.
    assert a.apart.run(RX, 0, b"\2") == ERR
    after = statistics(args.device[0], a.control)
    gained = {name: after[name] - before[name] for name in after
              if isinstance(after[name], int)}
    print(f"# {gained}")
    for name, count in (("kicks", 11), ("commands", 11), ("errors", 0),
                        ("commands_accepted", 10), ("commands_refused", 1),
                        ("device_doorbells", 10), ("device_used", 10)):
        assert gained[name] == count, (name, gained)
    a.close()


def unanswered(args, how):
    """A station whose card breaks in this way before a command: the owner is
    told within bounded time, and the command is refused."""
    a = station(args)
    config = a.owner.set_config_call()
    assert a.apart.run(RX, 0, b"\0") == OK
    fault(args.fault, how, "true")
    began = time.monotonic()
    a.apart.post(a.apart.chain(struct.pack("<BB", RX, 0) + b"\1"))
    assert readable(config, 5) and a.owner.status() & NEEDS_RESET
    print(f"# told after {time.monotonic() - began:.1f} s")
    assert a.apart.answer() == ERR
    a.owner.enable(a.apart.index, 0)
    a.apart.post(a.apart.chain(struct.pack("<BB", RX, 0) + b"\1"))
    assert a.apart.answer(0.3) is None, "a queue that is disabled is served"
    a.owner.enable(a.apart.index, 1)
    assert a.apart.answer() == ERR
    return a


def case_deaf(args):
    """A card that does not answer."""
    a = unanswered(args, "deaf")
    fault(args.fault, "deaf", "false")
    a.close()
    a = station(args)
    assert a.apart.run(RX, 0, b"\0") == OK
    a.close()


def case_vanishes(args):
    """The card goes while it has a command."""
    unanswered(args, "vanish").close()


class Wide(Station):
    """All of its queue pairs in use, each with its interrupt."""

    def before_driver_ok(self):
        super().before_driver_ok()
        for queue in self.rings:
            self.owner.set_call(queue)

    def fired(self):
        """Queues that interrupted since the last call."""
        queues = [q for q in self.rings if readable(self.owner.call_fds[q], 0)]
        for queue in queues:
            os.read(self.owner.call_fds[queue], 8)
        return queues


def case_pairs(args):
    """Every queue pair carries frames, and its interrupts arrive."""
    ends = []
    for path, mac in zip(args.device, (MAC_A, MAC_B)):
        end = Wide(path, mac, features_of(args), total_pairs=args.pairs,
                   pairs=args.pairs, pages=160 * args.pairs, asid=args.asid)
        end.pairs = 1       # until the command below
        end.start()
        end.pairs = args.pairs
        if args.pairs > 1:
            assert end.apart.run(MULTI, 0, struct.pack("<H", args.pairs)) == OK
        end.fill()
        ends.append(end)
    a, b = ends
    a.fired(), b.fired()
    used = [statistics(args.device[1], 2 * pair + 1)["device_used"]
            for pair in range(args.pairs)]
    sent = 0
    for pair in range(args.pairs):
        a.seen.clear()
        numbers = list(range(sent, sent + 8))
        assert b.send(MAC_A, numbers, pair) == numbers
        sent += len(numbers)
        end = time.monotonic() + 5
        while not a.seen >= set(numbers) and time.monotonic() < end:
            a.receive()
            time.sleep(0.005)
        assert a.seen >= set(numbers), f"pair {pair}: {len(a.seen)} of 8"
        now = statistics(args.device[1], 2 * pair + 1)
        assert now["device_used"] == used[pair] + 8, f"pair {pair}: {now}"
    time.sleep(0.2)
    sender, receiver = b.fired(), a.fired()
    assert {q // 2 for q in sender if q % 2} == set(range(args.pairs)), sender
    assert any(q % 2 == 0 for q in receiver), receiver
    print(f"# {args.pairs} pairs: {len(sender)} queues sent, "
          f"{len([q for q in receiver if not q % 2])} received")
    a.close()
    b.close()


def case_paused(args):
    """What was kicked before a queue stops is done once it goes on, without
    another kick: virtio_net waits for its answer with the RTNL held."""
    Control.NUM = 256
    count = 60
    a = station(args)
    control, owner = a.apart, a.owner
    stop, go_on = ((owner.suspend, owner.resume) if args.how == "suspend" else
                   (lambda: owner.enable(control.index, 0),
                    lambda: owner.enable(control.index, 1)))
    caught = done = 0
    if args.fault:
        fault(args.fault, "command-delay", "15")
    for delay in (0, 0.0005, 0.002, 0.005):
        chain = control.chain(struct.pack("<BB", RX, 0) + b"\1")
        for _ in range(count):
            control.ring.post(chain, "command")
        control.kick()
        time.sleep(delay)
        stop()
        done = len(control.ring.reap())
        time.sleep(0.1)
        assert not control.ring.reap(), "a queue that is stopped is served"
        caught += done < count
        go_on()
        end = time.monotonic() + 10
        while done < count and time.monotonic() < end:
            done += len(control.ring.reap())
            time.sleep(0.002)
        assert done == count, f"{done} of {count} answered after {delay} s"
    if args.fault:
        fault(args.fault, "command-delay", "0")
    assert caught, "every batch was over before the queue stopped"
    print(f"# {caught} of 4 batches were stopped under way")
    a.close()


# Where the races put the page that an answer is to be written to.
PLACE = 0x50000000


class Race:
    """An answer of the driver's that meets a change of the page it goes to. The
    driver gathers a command of 200 pieces before, which takes it a while."""

    def __init__(self, args):
        Control.NUM = 256
        self.args = args
        self.rng = random.Random(args.seed)
        self.page = Memory(1)
        self.tries = self.written = 0
        self.slowest = 0.004

    def begin(self):
        self.station = station(self.args)
        control = self.control = self.station.apart
        control.memory.map[control.place:control.place + 256] = b"\xff" * 256
        control.ring.post([(control.iova + control.place + i, 1, False)
                           for i in range(200)] + [(PLACE + 64, 1, True)],
                          "command")
        self.page.map[:] = b"\xAA" * PAGE
        self.tries += 1

    def map(self, perm):
        self.station.owner.map(PLACE, self.page, perm, asid=self.args.asid)

    def unmap(self):
        self.station.owner.unmap(PLACE, PAGE, asid=self.args.asid)

    def kick(self):
        """And let the driver come so far, another way each time."""
        end = time.perf_counter() + self.rng.uniform(0, self.slowest)
        self.control.kick()
        while time.perf_counter() < end:
            pass

    def settle(self):
        """Until the driver has answered, or given the device up."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if (self.station.owner.status() & NEEDS_RESET or
                    self.control.ring.reap()):
                return
        raise AssertionError("neither an answer nor NEEDS_RESET")

    def changed(self):
        return self.page.map[:] != b"\xAA" * PAGE

    def end(self, close=True):
        self.written += self.changed()
        if close:
            self.station.close()


def race_read_only(race):
    """A page that is being mapped for reading is not written."""
    race.kick()
    race.map(RO)
    race.settle()
    assert not race.changed(), "a page that was mapped read-only is written"


def race_unmap(race):
    """A page is its owner's alone once it is unmapped."""
    race.map(RW)
    race.kick()
    race.unmap()
    then = race.page.map[:]
    race.settle()
    assert race.page.map[:] == then, "a page is written after its unmap"


def race_permission(race):
    """Nor is it written once it is mapped for reading in place of both."""
    race.map(RW)
    race.kick()
    race.unmap()
    race.map(RO)
    then = race.page.map[:]
    race.settle()
    assert race.page.map[:] == then, "a page is written after it is read-only"


def race_reset(race):
    race.map(RW)
    race.kick()
    race.station.owner.set_status(0)
    then = race.page.map[:]
    time.sleep(0.01)
    assert race.page.map[:] == then, "a page is written after a reset"


def race_close(race):
    race.map(RW)
    race.kick()
    race.station.close()
    then = race.page.map[:]
    time.sleep(0.01)
    assert race.page.map[:] == then, "a page is written after its owner left"


def case_memory_races(args):
    """Each change of an owner's memory against the driver's access to it."""
    for attempt in (race_read_only, race_unmap, race_permission, race_reset,
                    race_close):
        race = Race(args)
        for _ in range(args.count):
            race.begin()
            attempt(race)
            race.end(close=attempt is not race_close)
        print(f"# {attempt.__name__}: {race.tries} tries, the answer was written"
              f" in {race.written}")


def case_slow(args):
    """Whoever waits for the function waits for one command, not for all."""
    Control.NUM = 256
    a = station(args)
    control = a.apart
    chain = control.chain(struct.pack("<BB", RX, 0) + b"\1")
    for _ in range(12):
        control.ring.post(chain, "command")
    fault(args.fault, "command-delay", "900")
    control.kick()
    time.sleep(0.3)
    statistics(args.device[0], 0)
    done = len(control.ring.reap())
    print(f"# {done} of 12 commands were answered when vdpa was")
    assert done < 6, "vdpa waited for a batch of commands"
    fault(args.fault, "command-delay", "0")
    a.close()


def case_no_base(args):
    """A packed ring whose owner says nothing of where it stands starts at its
    beginning."""
    a = Station(args.device[0], MAC_A, features_of(args), asid=args.asid)
    set_base = a.owner.set_base
    a.owner.set_base = lambda index, base: None
    a.start()
    assert a.apart.run(RX, 0, b"\1") == OK
    a.owner.set_base = set_base
    a.close()


def case_sizes(args):
    """What one owner's features make of the queues ends with that owner."""
    a = Station(args.device[0], MAC_A, features_of(args), asid=args.asid)
    owner = a.owner
    first = [owner.vring_size(q) for q in range(owner.vqs())]
    owner.negotiate(owner.features() & ~(MQ | CTRL_VQ | BASE))
    few = [owner.vring_size(q) for q in range(owner.vqs())]
    owner.set_status(0)
    then = [owner.vring_size(q) for q in range(owner.vqs())]
    print(f"# {first}, {few} without MQ")
    assert then == first, f"{then} after a reset, {first} before"
    a.close()


def case_provisioned(args):
    """A device with an address, an MTU and fewer queue pairs than the card."""
    b = station(args, 1)
    wanted = features_of(args) | F_MAC | (F_MTU if args.mtu else 0)
    a = Station(args.device[0], MAC_NEW, wanted, total_pairs=args.pairs,
                asid=args.asid)
    control = a.apart
    config = a.owner.config(0, 12)
    assert config[:6] == MAC_NEW, config[:6].hex()
    if args.pairs > 1:
        assert struct.unpack("<H", config[8:10])[0] == args.pairs, config.hex()
    if args.mtu:
        assert struct.unpack("<H", config[10:12])[0] == args.mtu, config.hex()
    assert a.owner.vqs() == 2 * args.pairs + 1, a.owner.vqs()
    for rounds in range(2):
        a.start()
        a.fill()
        # The first command of this owner: no longer promiscuous.
        assert control.run(RX, 0, b"\0") == OK
        assert a.hears(b, MAC_NEW), "the card has the address"
        assert not a.hears(b, MAC_A), "and no other"
        if args.pairs > 1:
            assert control.run(MULTI, 0, struct.pack("<H", args.pairs)) == OK
            assert control.run(MULTI, 0, struct.pack("<H", args.pairs + 1)) == ERR
        a.owner.set_status(0)
        if not rounds:
            a.close()
            without_control(args, b)
            a = Station(args.device[0], MAC_NEW, wanted,
                        total_pairs=args.pairs, asid=args.asid)
            control = a.apart
    a.close()
    b.close()


def without_control(args, b):
    """An owner that takes no control queue: the card knows all the same."""
    a = Net(args.device[0], MAC_NEW, F_MAC)
    a.start()
    a.fill()
    b.send(MAC_NEW, [7])
    end = time.monotonic() + 5
    while 7 not in a.seen and time.monotonic() < end:
        a.receive()
    assert 7 in a.seen
    a.close()


def case_own_mac(args):
    """The address that an owner writes is its own, and nobody else's."""
    a = station(args)
    card = a.owner.config(0, 6)
    a.owner.set_status(0)
    a.owner.set_config(0, MAC_NEW)
    assert a.owner.config(0, 6) == MAC_NEW, "what was written is read"
    a.owner.set_status(0)
    assert a.owner.config(0, 6) == MAC_NEW, "after a reset too"
    a.owner.set_config(0, b"\1" + MAC_NEW[1:])
    a.owner.set_config(0, MAC_A[:3])
    assert a.owner.config(0, 6) == MAC_NEW, "no multicast, and no part"
    b = station(args, 1)
    a.owner.kick_fds = {}
    a.start()
    a.owner.set_config(0, MAC_A)
    assert a.owner.config(0, 6) == MAC_NEW, "not while it is used"
    assert a.apart.run(RX, 0, b"\0") == OK
    assert a.hears(b, MAC_NEW) and not a.hears(b, MAC_A)
    a.close()
    b.close()
    if os.fork() == 0:
        a = station(args)
        os._exit(0 if a.owner.config(0, 6) == card else 1)
    assert os.wait()[1] == 0, "another process finds the card's"


def case_fuzz(args):
    """Rings and commands of random bytes; whatever is broken can be reset."""
    rng = random.Random(args.seed)
    done = resets = 0
    a = station(args)
    # A command takes a few ms here; a run that is stuck ends all the same.
    end = time.monotonic() + 60 + args.count / 20
    while done < args.count and time.monotonic() < end:
        control = a.apart
        ring, iova = control.ring, control.iova
        addresses = (iova + control.place, iova + control.ack, iova, 0,
                     0x7000000, (1 << 64) - 1, iova + control.memory.size - 1,
                     rng.getrandbits(64))
        good = rng.random() < 0.7
        command = bytes([rng.choice((0, 0, 1, 1, 2, 3, 4, 4, 5, 6, 200)),
                         rng.randrange(8)]) + rng.randbytes(
                             rng.choice((0, 1, 2, 6, 8, 14, 60, 4000)))
        chain = control.chain(command, rng.choice((1, 2, 3, 100)))
        if not good:
            for _ in range(rng.randrange(1, 4)):
                chain[rng.randrange(len(chain))] = (
                    rng.choice(addresses),
                    rng.choice((0, 1, 2, 3, 8, 4096, 0xFFFFFFFF)),
                    rng.random() < 0.3)
        scribbled = rng.random() < 0.02
        if scribbled:
            control.memory.map[0:3 * PAGE] = rng.randbytes(3 * PAGE)
            control.kick()
        elif args.indirect and rng.random() < 0.3:
            control.post_indirect(chain)
        else:
            control.post(chain)
        done += 1
        stop = time.monotonic() + 5
        while True:
            broken = a.owner.status() & NEEDS_RESET
            try:
                answered = ring.reap()
            except KeyError:
                answered = True
            if broken or answered:
                break
            # Random bytes may be a ring with nothing in it.
            if time.monotonic() > (stop - 4.9 if scribbled else stop):
                assert scribbled, f"command {done}: no answer"
                break
            time.sleep(0.0005)
        if broken or scribbled or ring.room() < 4:
            resets += 1
            a.close()
            a = station(args)
    print(f"# seed {args.seed}: {done} commands, {resets} resets")
    assert done == args.count > 0, f"only {done} of {args.count} in time"
    a.close()
    a = station(args)
    assert a.apart.run(RX, 0, b"\0") == OK
    a.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case")
    parser.add_argument("device", nargs="+")
    parser.add_argument("--packed", action="store_true")
    parser.add_argument("--event-idx", action="store_true")
    parser.add_argument("--indirect", action="store_true")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--mtu", type=int, default=0)
    parser.add_argument("--asid", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault")
    parser.add_argument("--count", type=int, default=1500)
    parser.add_argument("--how", default="enable")
    args = parser.parse_args()
    globals()["case_" + args.case](args)


if __name__ == "__main__":
    main()
