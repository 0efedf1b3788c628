#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""log_cases.py CASE NAME /dev/vhost-vdpa-N [/dev/vhost-vdpa-M]: one case of
nic-log.sh: what /dev/hvdpa/NAME promises and refuses. M is on N's wire."""
import ctypes
import errno
import fcntl
import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from device import Log, Net, fault
from vhost import NEEDS_RESET, PAGE, Memory, readable, refused
from nic_cases import MAC_A, MAC_B, Stream

INFO, START, STOP, REPORT = 0xC038B700, 0x4020B701, 0xB702, 0xC028B703
BIT63, TOP = 1 << 63, (1 << 64) - 1


def pair(a, b):
    ends = Net(a, MAC_A), Net(b, MAC_B)
    for end in ends:
        end.start()
        end.fill()
    return ends


def address(buffer):
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def raw_start(log, ranges=((0, PAGE),), page_size=PAGE, argsz=32, flags=0,
              count=None, reserved=0, pointer=None):
    array = bytearray(b"".join(struct.pack("<QQ", *r) for r in ranges) or b"\0")
    fcntl.ioctl(log.fd, START, struct.pack(
        "<IIQIIQ", argsz, flags, page_size,
        len(ranges) if count is None else count, reserved,
        address(array) if pointer is None else pointer))


def raw_report(log, iova=0, length=PAGE, page_size=PAGE, argsz=40, flags=0,
               pointer=None):
    bitmap = bytearray(1 << 16)
    data = bytearray(struct.pack("<IIQQQQ", argsz, flags, iova, length, page_size,
                                 address(bitmap) if pointer is None else pointer))
    fcntl.ioctl(log.fd, REPORT, data, True)
    return bitmap


def info(name, *_):
    log = Log(name)
    facts = log.info()
    assert facts["argsz"] == 56 and facts["version"] == 1, facts
    assert facts["flags"] & 3 == 3, facts
    assert facts["page_sizes"] == 0x7FFFF000, facts
    assert facts["max_log_bytes"] == 64 << 20 and facts["max_ranges"] == 512
    refused(errno.EINVAL, fcntl.ioctl, log.fd, INFO,
            bytearray(struct.pack("<I", 55).ljust(56, b"\0")), True)
    refused(errno.EFAULT, fcntl.ioctl, log.fd, INFO, 0)
    refused(errno.ENOTTY, fcntl.ioctl, log.fd, 0xB77F, 0)
    refused(errno.ENOTTY, fcntl.ioctl, log.fd, 0xC038AF00, 0)


def start_refusals(name, vhost, _):
    net = Net(vhost, MAC_A)
    last = net.owner.iova_range()[1]
    log = Log(name)
    for kind in ({"argsz": 31}, {"flags": 1}, {"reserved": 1}, {"ranges": ()},
                 {"page_size": 0}, {"page_size": 3 * PAGE}, {"page_size": 2048},
                 {"page_size": 1 << 40},
                 {"ranges": ((1, PAGE),)}, {"ranges": ((0, PAGE + 1),)},
                 {"ranges": ((0, 0),)}, {"ranges": ((TOP - PAGE + 1, 2 * PAGE),)},
                 {"ranges": ((0, TOP - PAGE + 1),)},
                 {"ranges": ((BIT63, BIT63),)},
                 {"ranges": ((last + 1 - PAGE, 2 * PAGE),)},
                 {"ranges": ((last + 1, PAGE),)},
                 {"ranges": ((0, 2 * PAGE), (PAGE, PAGE))},
                 {"ranges": ((PAGE, PAGE), (8 * PAGE, PAGE), (0, 16 * PAGE))},
                 {"ranges": ((0, PAGE),) * 2},
                 {"ranges": ((0, PAGE),), "page_size": 2 * PAGE}):
        refused_kw(errno.EINVAL, raw_start, log, **kind)
    refused_kw(errno.E2BIG, raw_start, log, count=513)
    refused_kw(errno.E2BIG, raw_start, log, ranges=((0, 1 << 42),))
    refused_kw(errno.E2BIG, raw_start, log,
               ranges=((0, PAGE), ((last + 1) // 2, PAGE)))
    refused_kw(errno.EFAULT, raw_start, log, pointer=0)
    refused_kw(errno.EFAULT, raw_start, log, pointer=BIT63)
    refused(errno.EINVAL, log.stop)
    refused_kw(errno.EINVAL, raw_report, log)
    # The largest that fits, and larger pages for what does not.
    raw_start(log, ranges=((0, 1 << 41),))
    refused_kw(errno.EBUSY, raw_start, log)
    log.stop()
    raw_start(log, ranges=((0, 1 << 46),), page_size=1 << 21)
    log.stop()
    refused(errno.EINVAL, log.stop)


def refused_kw(expected, call, *args, **kind):
    def described(*_):
        return call(*args, **kind)
    described.__name__ = f"{call.__name__} {kind}"
    refused(expected, described)


def report_refusals(name, *_):
    log = Log(name)
    raw_start(log, ranges=((16 * PAGE, 16 * PAGE), (64 * PAGE, 16 * PAGE)),
              page_size=2 * PAGE)
    good = {"iova": 16 * PAGE, "length": 4 * PAGE, "page_size": 2 * PAGE}
    raw_report(log, **good)
    for kind in ({"argsz": 39}, {"flags": 1}, {"length": 0}, {"page_size": 0},
                 {"page_size": PAGE}, {"page_size": 3 * PAGE},
                 {"iova": 17 * PAGE}, {"length": 3 * PAGE},
                 {"iova": 0}, {"iova": 30 * PAGE},
                 {"iova": 24 * PAGE, "length": 48 * PAGE},
                 {"iova": 16 * PAGE, "length": 64 * PAGE},
                 {"iova": TOP - 2 * PAGE + 1, "length": 4 * PAGE},
                 {"iova": BIT63, "length": BIT63, "page_size": BIT63}):
        refused_kw(errno.EINVAL, raw_report, log, **{**good, **kind})
    for pointer in (0, BIT63, TOP):
        refused_kw(errno.EFAULT, raw_report, log, **good, pointer=pointer)


def start_anywhere(name, a, b):
    """Before the device runs; kept over resets; after it, in a new START."""
    log = Log(name)
    log.start([(Net.IOVA, 1024 * PAGE)])
    one, two = pair(a, b)
    stream = Stream(one, two)
    for _ in range(5):
        stream.turn()
    stream.settle()
    one.stop()
    one.owner.set_status(0)
    used = {one.rings[0].used // PAGE, one.rings[1].used // PAGE}
    dirty = log.report(one.IOVA, 1024 * PAGE)
    assert used <= dirty and len(dirty) > 8, dirty
    assert not log.report(one.IOVA, 1024 * PAGE), "reported twice"
    # The hardware's part ended with the reset and must have begun anew.
    one.start()
    for queue in one.rings:
        one.kick(queue)
    for _ in range(5):
        stream.turn()
    stream.settle()
    dirty = log.report(one.IOVA, 1024 * PAGE)
    assert used <= dirty and len(dirty) > 8, dirty
    assert not log.flags
    log.stop()
    stream.turn()
    log.start([(Net.IOVA, 1024 * PAGE)])
    assert not log.report(one.IOVA, 1024 * PAGE)


def faulty_bitmap(name, a, b):
    """What could not be handed over is not lost."""
    one, two = pair(a, b)
    log = Log(name)
    log.start([(Net.IOVA, 1024 * PAGE)])
    stream = Stream(one, two)
    for _ in range(5):
        stream.turn()
    stream.settle()
    hole = mmap.mmap(-1, PAGE, prot=mmap.PROT_READ)
    ctypes_hole = ctypes.CDLL(None).mmap
    ctypes_hole.restype = ctypes.c_void_p
    where = ctypes_hole(None, ctypes.c_size_t(PAGE), 0, 0x22, -1, 0)
    for pointer in (0, where):
        refused_kw(errno.EFAULT, raw_report, log, iova=Net.IOVA,
                   length=1024 * PAGE, pointer=pointer)
    dirty = log.report(one.IOVA, 1024 * PAGE)
    assert len(dirty) > 8, dirty
    hole.close()


def bits_stay(name, a, b):
    """A report sets bits and clears none; a part reports that part."""
    one, two = pair(a, b)
    log = Log(name)
    log.start([(Net.IOVA, 1024 * PAGE)])
    stream = Stream(one, two)
    for _ in range(5):
        stream.turn()
    stream.settle()
    one.stop()
    bitmap = bytearray(b"\xA5" * 16)
    first = one.rx_first // PAGE
    data = bytearray(struct.pack("<IIQQQQ", 40, 0, Net.IOVA, 4 * PAGE, PAGE,
                                 address(bitmap)))
    fcntl.ioctl(log.fd, REPORT, data, True)
    assert bitmap[0] & 0xA5 == 0xA5 and bitmap[0] & 0x4, bitmap
    assert bitmap[1:] == b"\xA5" * 15, "wrote beyond what was asked for"
    seen = set()
    for page in range(first - 3, 1024 - 5, 5):
        seen |= {page + n for n in log.report(Net.IOVA + page * PAGE, 5 * PAGE)}
    assert len([p for p in seen if p >= first]) > 8, seen
    assert not log.report(Net.IOVA + first * PAGE, (1024 - first - 16) * PAGE)


def memory_added(name, a, b):
    """Memory that the owner maps after the START is logged as well."""
    one, two = pair(a, b)
    log = Log(name)
    log.start([(0, 1 << 30)])
    more = Memory(16)
    far = 0x20000000
    one.owner.map(far, more)
    ring = one.rings[0]
    while one.rx_free[0]:
        one.rx_free[0].pop()
    # Buffers in the new memory only are left once the old ones are used up.
    stream = Stream(one, two)
    for at in range(0, 4):
        if ring.room():
            ring.post([(far + at * PAGE, PAGE, True)], -1 - at)
    got = 0
    end = time.monotonic() + 10
    number = 0
    while not got:
        number += len(two.send(one.mac, range(number, number + 8)))
        for token, _ in ring.reap():
            got += token < 0
        if ring.room() and not any(t < 0 for t, _ in ring.tokens.values()):
            ring.post([(far, PAGE, True)], -1)
            one.kick(0)
        assert time.monotonic() < end, "nothing arrives in the new memory"
    dirty = log.report(0, 1 << 30)
    assert far // PAGE in dirty, sorted(dirty)[-4:]


def exclusive(name, *_):
    log = Log(name)
    refused(errno.EBUSY, Log, name)
    log.start([(0, 1 << 20)])
    log.close()
    log = Log(name)
    assert not log.info()["flags"] & 4, "a log without a file"
    log.start([(0, 1 << 20)])


def killed(name, a, b):
    """Whoever has the log, or the device, dies in the midst of it."""
    for victim in ("log", "owner"):
        pid = os.fork()
        if not pid:
            one, two = pair(a, b)
            log = Log(name)
            log.start([(Net.IOVA, 1024 * PAGE)])
            stream = Stream(one, two)
            while True:
                stream.turn()
                log.report(Net.IOVA, 1024 * PAGE)
                if victim == "owner":
                    # The log's file stays open in the parent's place.
                    os.set_inheritable(log.fd, True)
        time.sleep(1.5)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        log = Log(name)
        log.start([(Net.IOVA, 1024 * PAGE)])
        log.close()


def reset_untrusted(name, a, b):
    """The hardware says that it lost bits: all is dirty, and counted."""
    one, two = pair(a, b)
    log = Log(name)
    before = log.info()["untrusted"]
    log.start([(Net.IOVA, 1024 * PAGE)])
    fault("nic/vf0", "log-lost", "true")
    Stream(one, two).turn()
    time.sleep(0.2)
    assert len(log.report(Net.IOVA, 1000 * PAGE)) == 1000
    assert len(log.report(Net.IOVA, 1024 * PAGE, 4 * PAGE)) == 256
    assert log.flags == Log.UNTRUSTED
    assert log.info()["untrusted"] == before + 2
    fault("nic/vf0", "log-lost", "false")
    # Only a new START is trusted again.
    assert len(log.report(Net.IOVA, 1024 * PAGE)) == 1024
    log.stop()
    log.start([(Net.IOVA, 1024 * PAGE)])
    log.flags = 0
    log.report(Net.IOVA, 1024 * PAGE)
    assert not log.flags


def all_that_is_seen(name, a, b):
    """A report has all that its owner could see before, though the card gathers bits."""
    one, two = pair(a, b)
    log = Log(name)
    log.start([(Net.IOVA, 1024 * PAGE)])
    used, number = one.rings[0].used // PAGE, 0
    for slow in (0, 30):
        fault("nic/vf0", "slow-log", slow)
        for _ in range(20):
            # Bits that come late by themselves are taken here.
            time.sleep(0.02)
            log.report(Net.IOVA, 1024 * PAGE)
            seen, end = len(one.seen), time.monotonic() + 30
            two.send(one.mac, range(number, number + 1), 0)
            number += 1
            while len(one.seen) == seen:
                assert time.monotonic() < end, "nothing arrives"
                one.receive()
            assert used in log.report(Net.IOVA, 1024 * PAGE), f"slow by {slow} ms"
    assert not log.flags
    log.stop()
    assert not one.owner.status() & NEEDS_RESET
    fault("nic/vf0", "slow-log", 0)


def too_slow(name, a, b):
    """A card that is waited for no longer: its log is not believed, nor left on."""
    one, _ = pair(a, b)
    log = Log(name)
    log.start([(Net.IOVA, 1024 * PAGE)])
    fault("nic/vf0", "slow-log", 60000)
    for _ in range(2):
        assert len(log.report(Net.IOVA, 1024 * PAGE)) == 1024
    assert log.flags == Log.UNTRUSTED
    log.stop()
    assert one.owner.status() & NEEDS_RESET
    one.close()
    one = Net(a, MAC_A)
    one.start()
    refused(errno.ETIMEDOUT, log.start, [(Net.IOVA, 1024 * PAGE)])
    assert one.owner.status() & NEEDS_RESET
    fault("nic/vf0", "slow-log", 0)


def gone_untrusted(name, a, b):
    """A function that no longer answers: all is dirty."""
    one, two = pair(a, b)
    log = Log(name)
    log.start([(Net.IOVA, 1024 * PAGE)])
    Stream(one, two).turn()
    fault("nic/vf0", "all-ones", "true")
    assert len(log.report(Net.IOVA, 1024 * PAGE)) == 1024
    assert log.flags == Log.UNTRUSTED
    refused(errno.ENODEV, one.owner.suspend)
    assert one.owner.status() & NEEDS_RESET
    fault("nic/vf0", "all-ones", "false")


def removed(name, *_):
    """The device goes while reports are under way: ENODEV, from then on."""
    log = Log(name)
    log.start([(0, 1 << 38)])
    doorbell = mmap.mmap(log.fd, PAGE)
    print("ready", flush=True)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            raw_report(log, 0, 1 << 30)
        except OSError as error:
            assert error.errno == errno.ENODEV, error
            break
    else:
        raise AssertionError("not removed")
    for call in (log.info, log.stop, lambda: raw_start(log)):
        refused(errno.ENODEV, call)
    refused(errno.ENODEV, mmap.mmap, log.fd, PAGE)
    pid = os.fork()
    if not pid:
        doorbell[0:2] = b"\0\0"
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGBUS


def revoked(name, a, b):
    """The device is taken from its owner: what it wrote until then is known."""
    one, two = pair(a, b)
    call = one.owner.set_config_call()
    log = Log(name)
    log.start([(Net.IOVA, 1024 * PAGE)])
    stream = Stream(one, two)
    for _ in range(5):
        stream.turn()
    stream.settle()
    print("ready", flush=True)
    assert readable(call, 20), "the owner is not told"
    assert one.owner.status() & NEEDS_RESET
    assert len(log.report(one.IOVA, 1024 * PAGE)) > 8 and not log.flags
    assert not log.report(one.IOVA, 1024 * PAGE) and not log.flags


def stalled(name, *_):
    """The bitmap's page is one that somebody never gives: userfaultfd."""
    libc = ctypes.CDLL(None, use_errno=True)
    uffd = libc.syscall(323, 0o2000000)
    assert uffd >= 0, os.strerror(ctypes.get_errno())
    fcntl.ioctl(uffd, 0xC018AA3F, bytearray(struct.pack("<QQQ", 0xAA, 0, 0)), True)
    page = mmap.mmap(-1, PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    where = address(page)
    fcntl.ioctl(uffd, 0xC020AA00, bytearray(struct.pack("<QQQQ", where, PAGE, 1, 0)),
                True)
    log = Log(name)
    log.start([(0, 1 << 30)])
    thread = threading.Thread(target=raw_report, daemon=True,
                              args=(log, 0, 1 << 26, PAGE, 40, 0, where))
    thread.start()
    time.sleep(0.5)
    assert thread.is_alive(), "the report did not wait"
    print("ready", flush=True)
    time.sleep(20)


def lost_doorbell(name, net, page):
    """While its function is lost a mapped doorbell is a page of nobody's."""
    device = os.path.realpath(f"/sys/bus/vdpa/devices/{name}")
    reporter = [f"pci/{os.path.basename(os.path.dirname(device))}", "reporter", "function"]

    def health(*words):
        subprocess.run(["devlink", "health", words[0], *reporter, *words[1:]], check=True)

    health("set", "auto_recover", "false")
    health("test")
    page[0:2] = struct.pack("<H", 0x55)
    assert page[0:2] == struct.pack("<H", 0x55), "a lost function hears its doorbell"
    health("recover")
    assert page[0:2] == bytes(2), "the doorbell does not come back"
    health("set", "auto_recover", "true")
    assert net.owner.status() & NEEDS_RESET


def doorbells(name, vhost, _):
    net = Net(vhost, MAC_A)
    net.start()
    log = Log(name)
    queues = log.info()["nqueues"]
    page = mmap.mmap(log.fd, PAGE, offset=PAGE)
    before = struct.unpack("<H", page[0:2])
    assert before == (0,), "doorbells read as 0 here"
    # A frame that only the mapped doorbell tells of.
    net.kick = lambda queue: None
    net.send(MAC_B, range(4))
    end = time.monotonic() + 5
    page[0:2] = struct.pack("<H", 1)
    while not net.rings[1].reap():
        assert time.monotonic() < end, "the doorbell does not ring"
    lost_doorbell(name, net, page)
    for length, offset, flags, prot in (
            (PAGE, queues * PAGE, mmap.MAP_SHARED, 3),
            (2 * PAGE, 0, mmap.MAP_SHARED, 3),
            (PAGE, 0, mmap.MAP_PRIVATE, 3),
            (PAGE, 0, mmap.MAP_SHARED, 7),
            (PAGE, 1 << 40, mmap.MAP_SHARED, 3)):
        refused(errno.EINVAL, lambda: mmap.mmap(log.fd, length, flags, prot,
                                                offset=offset))


def no_log(name, *_):
    log = Log(name)
    assert not log.info()["flags"] & 1 and not log.info()["page_sizes"]
    refused_kw(errno.EOPNOTSUPP, raw_start, log)


def traffic(_, a, b):
    """Frames both ways, from when it says that it is ready until its input ends."""
    one, two = pair(a, b)
    stream = Stream(one, two)
    end = time.monotonic() + 20
    while not (one.seen and two.seen):
        stream.turn(4)
        assert time.monotonic() < end, "no frame arrives"
    print("ready", flush=True)
    end = time.monotonic() + 300
    while not readable(sys.stdin, 0.001):
        stream.turn(4)
        assert time.monotonic() < end, "nobody ends it"
    assert not one.bad and not two.bad and one.seen and two.seen


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
