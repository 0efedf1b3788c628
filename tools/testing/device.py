# SPDX-License-Identifier: GPL-2.0-only
"""Drivers of a network device and a disk on top of vhost.Owner: rings of both
kinds, that can go on where they stood, and the dirty log of /dev/hvdpa."""
import fcntl
import json
import os
import random
import select
import struct
import time
import tty

from vhost import (ACCESS_PLATFORM, DRIVER_OK, FAILED, FEATURES_OK, PAGE,
                   RING_PACKED, VERSION_1, Memory, Owner)

MQ, CTRL_VQ, EVENT_IDX, INDIRECT, MRG_RXBUF = (1 << 22, 1 << 17, 1 << 29,
                                               1 << 28, 1 << 15)
HEADER = 12
ETHERTYPE = 0x88B5


def monitor(command):
    """Say something to the QEMU that this machine runs in, as lib.sh does;
    its answer."""
    number = random.getrandbits(31)
    port = os.open("/dev/ttyS1", os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(port)
        said = {"execute": "human-monitor-command", "id": number,
                "arguments": {"command-line": command}}
        os.write(port, b'\xff{"execute": "qmp_capabilities"}\n' +
                 json.dumps(said).encode() + b"\n")
        heard = b""
        while f'"id": {number}'.encode() not in heard or not heard.endswith(b"\n"):
            assert select.select([port], [], [], 30)[0], f"{command}: no answer"
            heard += os.read(port, 4096)
    finally:
        os.close(port)
    line = next(line for line in heard.split(b"\n") if f'"id": {number}'.encode() in line)
    answer = json.loads(line)
    assert not answer.get("return", "Error").startswith("Error"), answer
    return answer["return"]


def fault(what, name, value):
    """Break the reference NIC, see lib.sh."""
    monitor(f"qom-set /machine/peripheral/{what} {name} {value}")


def fault_is(what, name):
    """What a number of it is by now."""
    return int(monitor(f"qom-get /machine/peripheral/{what} {name}"))


class SplitRing:
    """A split virtqueue; post() and reap() as a driver does them."""
    packed = False

    def __init__(self, memory, offset, iova, num):
        self.memory, self.num, self.iova = memory, num, iova
        self.desc = offset
        self.avail = offset + PAGE
        self.used = offset + 2 * PAGE
        self.next = self.seen = 0
        self.free = list(range(num))
        self.tokens = {}

    SIZE = 3 * PAGE

    def addresses(self):
        return (self.iova + self.desc, self.iova + self.used,
                self.iova + self.avail)

    def driver_pages(self):
        return {self.desc // PAGE, self.avail // PAGE}

    def device_pages(self):
        return {self.used // PAGE}

    def room(self):
        return len(self.free)

    def post(self, chain, token):
        slots = [self.free.pop() for _ in chain]
        for i, (slot, (address, length, writes)) in enumerate(zip(slots, chain)):
            last = i == len(chain) - 1
            self.memory.put(self.desc + 16 * slot, "<QIHH", address, length,
                            (0 if last else 1) | (2 if writes else 0),
                            0 if last else slots[i + 1])
        self.tokens[slots[0]] = (token, slots)
        self.memory.store16(self.avail + 4 + 2 * (self.next % self.num), slots[0])
        self.next = (self.next + 1) & 0xFFFF
        self.memory.store16(self.avail + 2, self.next)

    def reap(self):
        done = []
        while self.seen != self.memory.load16(self.used + 2):
            head, length = self.memory.get(
                self.used + 4 + 8 * (self.seen % self.num), "<II")
            token, slots = self.tokens.pop(head)
            self.free += slots
            self.seen = (self.seen + 1) & 0xFFFF
            done.append((token, length))
        return done

    def start_at(self, index):
        """Begin with indices other than 0, as a ring that moved here."""
        self.next = self.seen = index
        self.memory.store16(self.avail + 2, index)
        self.memory.store16(self.used + 2, index)
        return index


class PackedRing:
    """A packed virtqueue."""
    packed = True
    SIZE = 3 * PAGE

    def __init__(self, memory, offset, iova, num):
        self.memory, self.num, self.iova = memory, num, iova
        self.desc, self.driver, self.device = (offset, offset + PAGE,
                                               offset + 2 * PAGE)
        self.next = self.seen = 0
        self.next_wrap = self.seen_wrap = 1
        self.left = num
        self.tokens = {}
        self.ids = list(range(num))

    def addresses(self):
        return (self.iova + self.desc, self.iova + self.device,
                self.iova + self.driver)

    def driver_pages(self):
        return {self.driver // PAGE}

    def device_pages(self):
        return {self.desc // PAGE, self.device // PAGE}

    def written_by_driver(self, at):
        """Is the descriptor at this byte one that the driver wrote last?"""
        flags = self.memory.load16(at // 16 * 16 + 14)
        return (flags >> 7 & 1) != (flags >> 15 & 1)

    def room(self):
        return self.left

    def post(self, chain, token):
        number = self.ids.pop()
        head, head_flags = self.next, 0
        for i, (address, length, writes) in enumerate(chain):
            last = i == len(chain) - 1
            flags = (0 if last else 1) | (2 if writes else 0) | (
                1 << 7 if self.next_wrap else 1 << 15)
            at = self.desc + 16 * self.next
            if i:
                self.memory.put(at, "<QIHH", address, length, number, flags)
            else:
                self.memory.put(at, "<QIH", address, length, number)
                head_flags = flags
            self.next += 1
            if self.next == self.num:
                self.next, self.next_wrap = 0, self.next_wrap ^ 1
        self.memory.store16(self.desc + 16 * head + 14, head_flags)
        self.left -= len(chain)
        self.tokens[number] = (token, len(chain))

    def reap(self):
        done = []
        while True:
            at = self.desc + 16 * self.seen
            flags = self.memory.load16(at + 14)
            if not (flags >> 7 & 1) == (flags >> 15 & 1) == self.seen_wrap:
                return done
            length, number = self.memory.get(at + 8, "<IH")
            token, count = self.tokens.pop(number)
            self.ids.append(number)
            self.left += count
            self.seen += count
            if self.seen >= self.num:
                self.seen, self.seen_wrap = self.seen - self.num, self.seen_wrap ^ 1
            done.append((token, length))

    def start_at(self, index):
        """Begin elsewhere: the index, wrap counters at 0 above 0x7fff."""
        wrap = 0 if index & 0x8000 else 1
        self.next = self.seen = index & 0x7FFF
        self.next_wrap = self.seen_wrap = wrap
        # What is there must look neither available nor used.
        for i in range(self.num):
            behind = wrap if i < self.next else wrap ^ 1
            self.memory.store16(self.desc + 16 * i + 14,
                                0x8080 if behind else 0)
        half = self.next | wrap << 15
        return half | half << 16


class Device:
    """A device with its rings in one piece of memory, and buffers after them."""
    IOVA = 0x100000
    OWNER = Owner

    def __init__(self, path, features, queues, num, pages, start=0):
        self.path = path
        self.memory = Memory(pages)
        self.features = features | VERSION_1 | ACCESS_PLATFORM
        kind = PackedRing if features & RING_PACKED else SplitRing
        self.rings = {}
        offset = 0
        for queue in queues:
            self.rings[queue] = kind(self.memory, offset, self.IOVA, num)
            offset += kind.SIZE
        self.buffers = offset
        self.num = num
        self.open(path)
        self.bases = {q: ring.start_at(start) if start else
                      (0x80008000 if ring.packed else 0)
                      for q, ring in self.rings.items()}

    def open(self, path):
        self.owner = self.OWNER(path)
        try:
            self.owner.set_owner()
            self.owner.set_backend_features(self.owner.backend_features())
            self.owner.map(self.IOVA, self.memory)
        except OSError:
            self.owner.close()
            raise

    def close(self):
        self.owner.close()

    def carry(self, path):
        """To another function: memory, and where the rings stand. No kick follows."""
        self.stop()
        self.close()
        self.open(path)
        self.start()

    def start(self):
        owner = self.owner
        assert owner.negotiate(self.features) & FEATURES_OK, "FEATURES_OK"
        for queue, ring in self.rings.items():
            owner.set_num(queue, self.num)
            owner.set_base(queue, self.bases[queue])
            owner.set_addr(queue, *ring.addresses())
            owner.set_kick(queue)
            owner.enable(queue)
        self.before_driver_ok()
        status = owner.drive()
        assert status & DRIVER_OK and not status & FAILED, f"status {status:#x}"

    def before_driver_ok(self):
        """For queues that are not among the rings."""

    def kick(self, queue):
        os.eventfd_write(self.owner.kick_fds[queue], 1)

    def stop(self):
        """Suspend, and remember where the rings stand."""
        self.owner.suspend()
        self.bases = {q: self.owner.base(q) for q in self.rings}

    def restart(self):
        for fd in self.owner.kick_fds.values():
            os.close(fd)
        self.owner.kick_fds = {}
        self.owner.set_status(0)
        self.start()
        for queue in self.rings:
            self.kick(queue)

    def driver_pages(self):
        return set().union(*(r.driver_pages() for r in self.rings.values()))

    def driver_wrote(self, at):
        """Both write to a packed ring; whose is this byte?"""
        return any(ring.packed and ring.desc <= at < ring.desc + 16 * ring.num
                   and ring.written_by_driver(at)
                   for ring in self.rings.values())

    def small_pages(self):
        """Pages of which a report may say that they are dirty and little is."""
        return self.ring_pages() | self.driver_pages()

    def ring_pages(self):
        return set().union(*(r.device_pages() for r in self.rings.values()))


class Net(Device):
    """Frames with a number: sent, received, none twice, none changed."""
    FRAME = 1400

    def __init__(self, path, mac, features=0, pairs=1, num=64, pages=1024,
                 start=0, total_pairs=1, room=PAGE, control_apart=False):
        self.control = 2 * total_pairs if features & CTRL_VQ else None
        queues = list(range(2 * pairs))
        if self.control is not None and not control_apart:
            queues.append(self.control)
        super().__init__(path, features, queues, num, pages, start)
        self.mac, self.pairs, self.room = mac, pairs, room
        place = self.buffers
        self.tx_first = self.command_at = place
        place += PAGE
        self.tx_free = {}
        for pair in range(pairs):
            self.tx_free[pair] = [place + i * PAGE for i in range(num // 2)]
            place += num // 2 * PAGE
        self.rx_first = place
        self.rx_free = {}
        for pair in range(pairs):
            self.rx_free[pair] = [place + i * room for i in range(num)]
            place += num * room
        assert place <= self.memory.size, f"{place} bytes of {self.memory.size}"
        # A switch that does not know where a station is asks everywhere.
        self.hears_all = True
        self.seen = set()
        self.twice = self.bad = 0

    def start(self):
        super().start()
        # A reset device has one pair again.
        if self.pairs > 1:
            assert self.command(4, 0, struct.pack("<H", self.pairs)) == 0

    def driver_pages(self):
        return super().driver_pages() | set(range(self.tx_first // PAGE,
                                                  self.rx_first // PAGE))

    def fill(self):
        for pair in range(self.pairs):
            ring = self.rings[2 * pair]
            while self.rx_free[pair]:
                at = self.rx_free[pair].pop()
                ring.post([(self.IOVA + at, self.room, True)], at)
            self.kick(2 * pair)

    def payload(self, number):
        word = struct.pack("<Q", number * 0x9E3779B97F4A7C15 & (1 << 64) - 1)
        return struct.pack("<Q", number) + word * ((self.FRAME - 22) // 8)

    def send(self, to, numbers, pair=0):
        """Send what has room; the numbers that were sent."""
        ring = self.rings[2 * pair + 1]
        for at, _ in ring.reap():
            self.tx_free[pair].append(at)
        sent = []
        for number in numbers:
            if not self.tx_free[pair] or not ring.room():
                break
            at = self.tx_free[pair].pop()
            # The last bytes of the source address make flows differ.
            frame = (bytes(HEADER) + to + self.mac[:5] +
                     bytes([self.mac[5] + 16 * (number % 8)]) +
                     struct.pack(">H", ETHERTYPE) + self.payload(number))
            self.memory.map[at:at + len(frame)] = frame
            ring.post([(self.IOVA + at, len(frame), False)], at)
            sent.append(number)
        if sent:
            self.kick(2 * pair + 1)
        return sent

    def receive(self):
        """Take what came, give the buffers back; how many came."""
        count = 0
        for pair in range(self.pairs):
            done = self.rings[2 * pair].reap()
            for at, length in done:
                frame = self.memory.map[at + HEADER:at + length]
                if (frame[12:14] == struct.pack(">H", ETHERTYPE) and
                        (self.hears_all or frame[:6] == self.mac)):
                    number, = struct.unpack_from("<Q", frame, 14)
                    self.bad += frame[14:] != self.payload(number)
                    self.twice += number in self.seen
                    self.seen.add(number)
                    count += 1
                self.rx_free[pair].append(at)
            if done:
                ring = self.rings[2 * pair]
                while self.rx_free[pair]:
                    at = self.rx_free[pair].pop()
                    ring.post([(self.IOVA + at, self.room, True)], at)
                self.kick(2 * pair)
        return count

    def command(self, class_, command, data):
        """A command on the control queue; its ack."""
        ring, at = self.rings[self.control], self.command_at
        self.memory.put(at, "<BB", class_, command)
        self.memory.map[at + 8:at + 8 + len(data)] = data
        self.memory.put(at + 256, "<B", 0xFF)
        ring.post([(self.IOVA + at, 2, False),
                   (self.IOVA + at + 8, len(data), False),
                   (self.IOVA + at + 256, 1, True)], at)
        self.kick(self.control)
        end = time.monotonic() + 5
        while not ring.reap():
            assert time.monotonic() < end, "no answer to a control command"
        return self.memory.get(at + 256, "<B")[0]


class Disk(Device):
    """Requests of a few sectors; writes have a version that reads must show."""
    SECTORS = 8
    DEPTH = 12

    def __init__(self, path, features=0, queues=1, num=64, pages=1024, start=0):
        super().__init__(path, features, list(range(queues)), num, pages, start)
        self.slots = {}
        place = self.buffers
        self.headers = place
        place += queues * PAGE
        self.statuses = place
        place += queues * PAGE
        self.data = place
        for queue in range(queues):
            self.slots[queue] = list(range(self.DEPTH))
        self.place = {(q, s): place + (q * self.DEPTH + s) * PAGE
                      for q in range(queues) for s in range(self.DEPTH)}
        self.filled = dict.fromkeys(self.place, False)
        self.posted = self.done = 0
        self.failed = []

    def driver_pages(self):
        return super().driver_pages() | {(self.headers + q * PAGE) // PAGE
                                         for q in self.rings}

    def small_pages(self):
        return super().small_pages() | {(self.statuses + q * PAGE) // PAGE
                                        for q in self.rings}

    def content(self, block, version):
        return struct.pack("<QQ", block, version) * (PAGE // 16)

    def post(self, queue, block, write, version=0):
        """A request for 4 KiB; False where there is no room."""
        ring = self.rings[queue]
        if not self.slots[queue] or ring.room() < 3:
            return False
        slot = self.slots[queue].pop()
        header = self.headers + queue * PAGE + slot * 64
        data = self.place[queue, slot]
        status = self.statuses + queue * PAGE + slot
        self.memory.put(header, "<IIQ", 1 if write else 0, 0, block * 8)
        self.filled[queue, slot] = write
        if write:
            self.memory.map[data:data + PAGE] = self.content(block, version)
        self.memory.put(status, "<B", 0xEE)
        ring.post([(self.IOVA + header, 16, False),
                   (self.IOVA + data, PAGE, not write),
                   (self.IOVA + status, 1, True)],
                  (slot, block, write, version))
        self.posted += 1
        return True

    def finish(self, queue):
        """What has ended: (block, written, version, bytes)."""
        ended = []
        for (slot, block, write, version), _ in self.rings[queue].reap():
            data = self.place[queue, slot]
            status, = self.memory.get(self.statuses + queue * PAGE + slot, "<B")
            if status:
                self.failed.append((block, status))
            ended.append((block, write, version, self.memory.map[data:data + PAGE]))
            self.slots[queue].append(slot)
            self.done += 1
        return ended


class Log:
    """The dirty log of /dev/hvdpa/NAME."""
    UNTRUSTED = 1

    def __init__(self, name):
        self.fd = os.open(f"/dev/hvdpa/{name}", os.O_RDWR | os.O_CLOEXEC)
        self.flags = 0

    def close(self):
        os.close(self.fd)

    def info(self):
        data = bytearray(struct.pack("<I", 56).ljust(56, b"\0"))
        fcntl.ioctl(self.fd, 0xC038B700, data, True)
        return dict(zip(("argsz", "flags", "version", "max_ranges", "page_sizes",
                         "max_log_bytes", "reports", "untrusted", "nqueues"),
                        struct.unpack("<IIIIQQQQI4x", data)))

    def start(self, ranges, page_size=PAGE):
        self.array = bytearray(b"".join(struct.pack("<QQ", *r) for r in ranges))
        import ctypes
        view = (ctypes.c_char * len(self.array)).from_buffer(self.array)
        fcntl.ioctl(self.fd, 0x4020B701,
                    struct.pack("<IIQIIQ", 32, 0, page_size, len(ranges), 0,
                                ctypes.addressof(view)))

    def stop(self):
        fcntl.ioctl(self.fd, 0xB702)

    def report(self, iova, length, page_size=PAGE):
        """The set of dirty page numbers from iova on."""
        import ctypes
        pages = length // page_size
        bitmap = bytearray((pages + 63) // 64 * 8)
        view = (ctypes.c_char * len(bitmap)).from_buffer(bitmap)
        data = bytearray(struct.pack("<IIQQQQ", 40, 0, iova, length, page_size,
                                     ctypes.addressof(view)))
        fcntl.ioctl(self.fd, 0xC028B703, data, True)
        self.flags |= struct.unpack_from("<I", data, 4)[0]
        bits = int.from_bytes(bitmap, "little")
        dirty = set()
        while bits:
            low = bits & -bits
            dirty.add(low.bit_length() - 1)
            bits ^= low
        return dirty
