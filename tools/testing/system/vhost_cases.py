#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""vhost_cases.py CASE /dev/vhost-vdpa-N [ARGUMENT...]: one case of vhost.sh or
removal.sh, seen from a program that owns a device."""
import errno
import itertools
import mmap
import os
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from vhost import (ACCESS_PLATFORM, ACKNOWLEDGE, DRIVER, DRIVER_OK, FAILED,
                   FEATURES_OK, NEEDS_RESET, PAGE, PROMISED, RING_PACKED, RO, RW,
                   VERSION_1, Memory, Owner, Ring, readable, refused)

# The kernel's own, which is not meant to reach a program and does here.
ENOTSUPP = 524
IOVA = 0x10000
MSI_WINDOW = 0xFEE00000
TRACING = "/sys/kernel/tracing"


def owned(path):
    owner = Owner(path)
    owner.set_owner()
    return owner


def split_features(owner):
    return owner.features() & ~(RING_PACKED | 1 << 29)


def ready_disk(path, enable_late=False):
    """A block device with one running queue in mapped memory."""
    owner = owned(path)
    memory = Memory(16)
    owner.map(IOVA, memory)
    return owner, memory, run_disk(owner, memory, enable_late)


def run_disk(owner, memory, enable_late=False, call=True):
    """From a reset to a running queue."""
    assert owner.negotiate(split_features(owner)) & FEATURES_OK
    ring = Ring(owner, 0, IOVA, memory, call=call)
    if not enable_late:
        owner.enable(0)
    status = owner.drive()
    assert status & DRIVER_OK and not status & FAILED, f"status {status:#x}"
    if enable_late:
        owner.enable(0)
    return ring


def read_sector(ring, memory, data, sector=0, kick=True):
    """Post a read of one sector into the address data."""
    header = 0x1000
    memory.put(header, "<IIQ", 0, 0, sector)
    memory.put(header + 16, "<B", 0xEE)
    ring.post((ring.iova + header, 16, False), (data, 512, True),
              (ring.iova + header + 16, 1, True))
    if kick:
        ring.kick()


def good_read(ring, memory, count):
    memory.put(0x2000, "<512s", b"\xAA" * 512)
    read_sector(ring, memory, ring.iova + 0x2000)
    assert ring.wait(count), f"used index {ring.used_index()}, expected {count}"
    assert memory.get(0x1010, "<B")[0] == 0, "the request failed"
    return memory.get(0x2000, "<512s")[0]


def works(path):
    with open("/run/sector", "rb") as file:
        expected = file.read(512)
    owner, memory, ring = ready_disk(path)
    for count in range(1, 40):
        assert good_read(ring, memory, count) == expected
    assert readable(owner.call_fds[0], PROMISED), "no interrupt"


def endless(path):
    """Requests without an end, also for whoever comes after."""
    _, memory, ring = ready_disk(path)
    good_read(ring, memory, 1)
    print("running", flush=True)
    for count in itertools.count(2):
        good_read(ring, memory, count & 0xFFFF)


def enabled_late(path):
    """QEMU's order: DRIVER_OK, then the queues."""
    _, memory, ring = ready_disk(path, enable_late=True)
    good_read(ring, memory, 1)


def early_kick(path):
    """A kick before DRIVER_OK is remembered, and one before enable."""
    for enable_late in (False, True):
        owner = owned(path)
        memory = Memory(16)
        owner.map(IOVA, memory)
        owner.negotiate(split_features(owner))
        ring = Ring(owner, 0, IOVA, memory)
        if not enable_late:
            owner.enable(0)
        read_sector(ring, memory, IOVA + 0x2000)
        time.sleep(0.2)
        assert ring.used_index() == 0
        owner.drive()
        if enable_late:
            time.sleep(0.2)
            owner.enable(0)
        assert ring.wait(1), "the early kick was lost"
        owner.close()


def late_call(path):
    """An eventfd that comes after DRIVER_OK gets the interrupts, also where
    there was none before; the one that it takes the place of gets no more."""
    owner = owned(path)
    memory = Memory(16)
    owner.map(IOVA, memory)
    ring = run_disk(owner, memory, call=False)
    good_read(ring, memory, 1)
    before = None
    for count in (2, 3):
        # The interrupt of the last read must not pass for the next one's.
        time.sleep(0.3)
        if before:
            os.eventfd_read(before)
        owner.set_call(0)
        good_read(ring, memory, count)
        assert readable(owner.call_fds[0], PROMISED), f"no interrupt for eventfd {count}"
        assert not before or not readable(before, 0.1), "the old one is told"
        before = owner.call_fds[0]


def changing_call(path):
    """The eventfd changes, and the old one is closed, while its interrupt is
    on the way."""
    owner, memory, ring = ready_disk(path)
    for count in range(1, 301):
        read_sector(ring, memory, IOVA + 0x2000)
        before = owner.call_fds[0]
        if count % 3:
            time.sleep(count % 7 * 1e-4)
        owner.set_call(0)
        os.close(before)
        assert ring.wait(count), f"read {count} of 300"
    good_read(ring, memory, 301)
    assert readable(owner.call_fds[0], PROMISED), "no interrupt"


def disabled(path):
    """A queue that is disabled gets no kick; the kick comes when it is enabled."""
    owner, memory, ring = ready_disk(path)
    good_read(ring, memory, 1)
    owner.enable(0, 0)
    read_sector(ring, memory, IOVA + 0x2000)
    time.sleep(0.2)
    assert ring.used_index() == 1, "a disabled queue was kicked"
    owner.enable(0)
    assert ring.wait(2), "the kick was lost"
    good_read(ring, memory, 3)


def second_owner(path):
    owner = owned(path)
    refused(errno.EBUSY, Owner, path)
    owner.close()
    Owner(path).close()


def reset_forgets(path):
    """After a reset the rings are as new, and the maps are as they were."""
    owner, memory, ring = ready_disk(path)
    good_read(ring, memory, 1)
    owner.set_status(0)
    assert owner.status() == 0
    owner.negotiate(split_features(owner))
    assert owner.drive() & DRIVER_OK, "no queue is no error"
    owner.set_status(0)
    owner.negotiate(split_features(owner))
    memory.map[:PAGE] = bytes(PAGE)
    ring = Ring(owner, 0, IOVA, memory)
    owner.enable(0)
    owner.drive()
    good_read(ring, memory, 1)


def unmap_cuts(path):
    """What was unmapped is out of the device's reach at once."""
    owner, memory, ring = ready_disk(path)
    good_read(ring, memory, 1)
    more = Memory(1)
    more.put(0, "<8s", b"untouche")
    owner.map(0x100000, more)
    read_sector(ring, memory, 0x100000)
    assert ring.wait(2)
    assert more.get(0, "<8s")[0] != b"untouche"
    more.put(0, "<8s", b"untouche")
    owner.unmap(0x100000, PAGE)
    read_sector(ring, memory, 0x100000)
    ring.wait(3, 1)
    assert more.get(0, "<8s")[0] == b"untouche"


def outside(path):
    """A descriptor that points outside the mapping, at a page's own physical
    address: without an IOMMU in between, the device would write there."""
    owner, memory, ring = ready_disk(path)
    good_read(ring, memory, 1)
    victim = Memory(1)
    victim.put(0, "<512s", b"V" * 512)
    address = victim.physical()
    assert address, "no physical address; is this root?"
    low, high = IOVA, IOVA + memory.size
    assert not low <= address < high
    read_sector(ring, memory, address)
    ring.wait(2, 1)
    assert victim.get(0, "<512s")[0] == b"V" * 512, "the device wrote outside"


def nothing_mapped(path):
    """An owner that maps nothing and points the rings at physical memory:
    the device must not run on the kernel's own domain."""
    owner = owned(path)
    memory = Memory(16)
    memory.put(0x2000, "<512s", b"V" * 512)
    base = memory.physical()
    owner.negotiate(split_features(owner))
    owner.set_num(0, Ring.NUM)
    owner.set_base(0, 0)
    owner.set_addr(0, base, base + 0x800, base + 0x400)
    owner.set_kick(0)
    owner.enable(0)
    header = memory.physical(0x1000)
    data = memory.physical(0x2000)
    memory.put(0x1000, "<IIQB", 0, 0, 0, 0xEE)
    for i, (where, length, flags) in enumerate(
            ((header, 16, 1), (data, 512, 3), (header + 16, 1, 2))):
        memory.put(16 * i, "<QIHH", where, length, flags, (i + 1) % 3)
    memory.put(0x402, "<HH", 1, 0)
    owner.drive()
    os.eventfd_write(owner.kick_fds[0], 1)
    time.sleep(0.5)
    assert memory.get(0x802, "H")[0] == 0, "the device used the ring"
    assert memory.get(0x2000, "<512s")[0] == b"V" * 512, "the device wrote"


def read_only_map(path):
    """A page mapped for reading is not written to."""
    owner, memory, ring = ready_disk(path)
    page = Memory(1)
    page.put(0, "<512s", b"R" * 512)
    owner.map(0x200000, page, RO)
    read_sector(ring, memory, 0x200000)
    ring.wait(1, 1)
    assert page.get(0, "<512s")[0] == b"R" * 512


def map_in_reset(path, function):
    """The first map of an owner that meets somebody else's reset waits for its end."""
    for delay in (0.0, 0.02, 0.05, 0.1):
        owner = owned(path)
        reset = subprocess.Popen(
            ["sh", "-c", f"echo 1 >/sys/bus/pci/devices/{function}/reset"])
        time.sleep(delay)
        owner.map(IOVA, Memory(16))
        assert reset.wait() == 0
        owner.close()


def doorbell_refusals(path):
    """Only one page, only for writing, only shared, only a queue's."""
    owner = owned(path)
    owner.negotiate(split_features(owner))

    def map_it(length=PAGE, prot=mmap.PROT_WRITE, flags=mmap.MAP_SHARED, page=0):
        return mmap.mmap(owner.fd, length, flags=flags, prot=prot,
                         offset=page * PAGE)

    map_it().close()
    refused(errno.EINVAL, lambda: map_it(length=2 * PAGE))
    refused(errno.EINVAL, lambda: map_it(prot=mmap.PROT_READ))
    refused(errno.EINVAL, lambda: map_it(prot=mmap.PROT_READ | mmap.PROT_WRITE))
    refused(errno.EINVAL, lambda: map_it(flags=mmap.MAP_PRIVATE))
    for page in (owner.vqs(), owner.vqs() + 1, 1000, 65535, 65536):
        refused(errno.EINVAL, lambda page=page: map_it(page=page))


def doorbell_rings(path):
    """The mapped page is the queue's doorbell: a write to it is a kick."""
    owner, memory, ring = ready_disk(path)
    page = mmap.mmap(owner.fd, PAGE, flags=mmap.MAP_SHARED, prot=mmap.PROT_WRITE)
    read_sector(ring, memory, IOVA + 0x2000, kick=False)
    time.sleep(0.2)
    assert ring.used_index() == 0
    struct.pack_into("H", page, 0, 0)
    assert ring.wait(1), "the mapped doorbell rang nothing"


def doorbell_shared_page(path):
    """Doorbells that share a page are not mapped."""
    owner = owned(path)
    for page in range(owner.vqs()):
        refused(ENOTSUPP, lambda page=page: mmap.mmap(
            owner.fd, PAGE, flags=mmap.MAP_SHARED, prot=mmap.PROT_WRITE,
            offset=page * PAGE))


class Calls:
    """How often a function of the kernel is called."""

    def __init__(self, function):
        if not os.path.isdir(f"{TRACING}/events"):
            subprocess.run(["mount", "-t", "tracefs", "none", TRACING], check=True)
        self.event = "called"
        self._write("kprobe_events", f"p:{self.event} {function}")
        self._write(f"events/kprobes/{self.event}/enable", "1")

    def _write(self, name, text):
        # Append without a seek, which these files refuse.
        file = os.open(f"{TRACING}/{name}", os.O_WRONLY | os.O_APPEND)
        try:
            os.write(file, text.encode("ascii") + b"\n")
        finally:
            os.close(file)

    def count(self):
        with open(f"{TRACING}/kprobe_profile", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file
                        if line.split()[0] == self.event)

    def close(self):
        self._write(f"events/kprobes/{self.event}/enable", "0")
        self._write("kprobe_events", f"-:{self.event}")


def refused_interrupt(path, told):
    """A device that is not started has no interrupt that KVM may bypass, and
    none has where KVM is not to be told (N)."""
    registered = Calls("irq_bypass_register_producer")
    try:
        owner, _, _ = ready_disk(path)
        owner.close()
        started = registered.count()
        assert bool(started) == (told == "Y"), f"KVM is told {started} times"
        owner = owned(path)
        owner.set_call(0)
        owner.set_status(ACKNOWLEDGE | DRIVER | DRIVER_OK)
        assert not owner.status() & DRIVER_OK
        owner.close()
        assert registered.count() == started, "it has one"
    finally:
        registered.close()


def one_eventfd(path):
    """Two queues with one eventfd, which one of them gives up."""
    owner = owned(path)
    memory = Memory(16)
    owner.map(IOVA, memory)
    owner.negotiate(split_features(owner))
    ring = Ring(owner, 0, IOVA, memory)
    shared = owner.call_fds[0]
    Ring(owner, 1, IOVA, memory, offset=0x4000, call=False)
    owner.set_call(1, shared)
    owner.enable(0)
    owner.enable(1)
    assert owner.drive() & DRIVER_OK
    good_read(ring, memory, 1)
    owner.set_call(1, -1)
    # The interrupt comes after the used entry.
    assert readable(shared, PROMISED), "no interrupt before"
    os.eventfd_read(shared)
    good_read(ring, memory, 2)
    assert readable(shared, PROMISED), "no interrupt"
    del owner.call_fds[1]
    owner.close()


def flood(path):
    """What is refused again and again does not fill the kernel's log."""
    owner = owned(path)
    memory = Memory(1)
    for _ in range(300):
        refused(errno.EFAULT, owner.map, MSI_WINDOW, memory)
        refused(errno.EINVAL, owner.set_features, VERSION_1)
        owner.set_status(ACKNOWLEDGE | DRIVER | DRIVER_OK)
        owner.set_status(0)


def bad_features(path):
    owner = owned(path)
    offered = owner.features()
    assert offered & VERSION_1 and offered & ACCESS_PLATFORM
    for bit in (37, 38, 39, 40, 41, 43):
        assert not offered & 1 << bit, f"bit {bit} is offered"
        refused(errno.EINVAL, owner.set_features, offered | 1 << bit)
    refused(errno.EINVAL, owner.set_features, offered & ~ACCESS_PLATFORM)
    refused(errno.EINVAL, owner.set_features, offered & ~VERSION_1)
    owner.set_features(offered)


def no_features(path):
    """FEATURES_OK without features, DRIVER_OK without FEATURES_OK."""
    owner = owned(path)
    owner.set_status(ACKNOWLEDGE | DRIVER)
    owner.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK)
    assert not owner.status() & FEATURES_OK
    owner.set_status(ACKNOWLEDGE | DRIVER | DRIVER_OK)
    assert owner.status() & FAILED and not owner.status() & DRIVER_OK
    owner.set_status(0)
    assert owner.status() == 0
    owner.negotiate(split_features(owner))
    refused(errno.EBUSY, owner.set_features, split_features(owner))


def bad_rings(path):
    owner = owned(path)
    owner.negotiate(split_features(owner))
    vqs, largest = owner.vqs(), owner.num_max()
    for call in (lambda: owner.set_num(vqs, 16), lambda: owner.enable(vqs),
                 lambda: owner.set_base(vqs, 0), lambda: owner.base(vqs),
                 lambda: owner.set_addr(vqs, 0, 0, 0), lambda: owner.set_kick(vqs),
                 lambda: owner.group_of(vqs)):
        refused(errno.ENOBUFS, call)
    for number in (0, 3, largest * 2, 65536):
        refused(errno.EINVAL, owner.set_num, 0, number)
    refused(errno.EINVAL, owner.set_addr, 0, 8, 0x2000, 0x3000)
    refused(errno.EINVAL, owner.set_addr, 0, 0x1000, 0x2002, 0x3000)
    refused(errno.EINVAL, owner.set_addr, 0, 0x1000, 0x2000, 0x3001)
    owner.set_base(0, 7)
    assert owner.base(0) == 7
    owner.set_base(0, 0)
    assert owner.base(0) == 0
    # QEMU enables queues that its guest left alone: they just never run.
    owner.enable(0)
    assert owner.drive() & DRIVER_OK
    owner.set_kick(0)
    os.eventfd_write(owner.kick_fds[0], 1)
    owner.set_status(0)


def too_large(path):
    """More entries than this queue has, and fewer than the largest has."""
    owner = owned(path)
    owner.negotiate(split_features(owner))
    assert owner.vring_size(1) < owner.num_max()
    memory = Memory(16)
    owner.map(IOVA, memory)
    owner.set_addr(1, IOVA, IOVA + 0x8000, IOVA + 0x4000)
    owner.set_num(1, owner.num_max())
    owner.enable(1)
    status = owner.drive()
    assert status & FAILED and not status & DRIVER_OK, f"status {status:#x}"
    owner.set_status(0)
    assert owner.status() == 0


def running_state(path):
    """Where a running ring stands cannot be told before it stands."""
    owner, memory, ring = ready_disk(path)
    good_read(ring, memory, 1)
    refused(errno.EBUSY, owner.base, 0)
    assert owner.backend_features() & 1 << 4, "SUSPEND is not offered"
    # The kernel's own refusals of changes while the device runs.
    refused(errno.EINVAL, owner.set_addr, 0, 0, 0, 0)
    refused(errno.EINVAL, owner.set_base, 0, 0)
    good_read(ring, memory, 2)


def packed_state(path):
    """Packed rings start at index 0 with both wrap counters at 1."""
    owner = owned(path)
    assert owner.features() & RING_PACKED
    owner.negotiate(owner.features())
    initial = 1 << 15 | 1 << 31
    # As DPDK says it of a ring that never ran.
    owner.set_base(0, 1 << 15)
    assert owner.base(0) == initial, f"{owner.base(0):#x}"
    owner.set_base(0, initial)
    assert owner.base(0) == initial, f"{owner.base(0):#x}"
    refused(errno.EOPNOTSUPP, owner.set_base, 0, 0)
    refused(errno.EOPNOTSUPP, owner.set_base, 0, initial | 5)


def bad_maps(path):
    """vhost makes EFAULT of every error of a map; the log has the right one
    where the refusal is the driver's."""
    owner = owned(path)
    memory = Memory(2)
    first, last = owner.iova_range()
    assert first == 0 and last > 1 << 32, f"{first:#x}-{last:#x}"
    for iova in (MSI_WINDOW, MSI_WINDOW - PAGE, MSI_WINDOW + 0xFF000):
        refused(errno.EFAULT, owner.map, iova, memory)
    owner.map(MSI_WINDOW - 2 * PAGE, memory)
    owner.map(MSI_WINDOW + 0x100000, memory)
    owner.map(last - 2 * PAGE + 1, memory)
    owner.unmap(last - 2 * PAGE + 1, 2 * PAGE)
    refused(errno.EFAULT, owner.map, last - PAGE + 1, memory)
    refused(errno.EFAULT, owner.map, (1 << 64) - PAGE, memory)
    refused(errno.EFAULT, owner.map, IOVA, memory, RW, 0xFFFFFFFFFFFFF000)
    owner.map(IOVA, memory)
    refused(errno.EFAULT, owner.map, IOVA, memory)
    refused(errno.EFAULT, owner.map, IOVA + PAGE, memory)
    owner.unmap(IOVA, 2 * PAGE)
    owner.unmap(IOVA, 2 * PAGE)
    owner.map(IOVA, memory)


def config_bounds(path):
    owner = owned(path)
    size = owner.config_size()
    assert len(owner.config(0, 8)) == 8
    refused(errno.EINVAL, owner.config, 0, size + 1)
    refused(errno.EINVAL, owner.config, size + 1, 1)


def queue_sizes(path):
    owner = owned(path)
    owner.negotiate(split_features(owner))
    for index in range(owner.vqs()):
        print(f"# queue {index}: {owner.vring_size(index)}")
        assert 0 < owner.vring_size(index) <= owner.num_max()
        assert owner.group_of(index) == 0
    assert owner.groups() == 1
    assert owner.backend_features() & 1 << 6, "no ENABLE_AFTER_DRIVER_OK"
    assert owner.backend_features() & 1 << 8, "no IOTLB_PERSIST"


def sizes_stay(path):
    """A small ring makes no queue smaller, neither while it runs nor after."""
    owner = owned(path)
    memory = Memory(16)
    owner.map(IOVA, memory)
    owner.negotiate(split_features(owner))
    before = owner.num_max(), owner.vring_size(0)
    assert before[1] > Ring.NUM
    owner.set_status(0)
    for _ in range(2):
        memory.map[:PAGE] = bytes(PAGE)
        ring = run_disk(owner, memory)
        good_read(ring, memory, 1)
        assert (owner.num_max(), owner.vring_size(0)) == before
        owner.set_status(0)
        assert (owner.num_max(), owner.vring_size(0)) == before


def hold(path, told, seconds):
    """Hold a running disk; write to the file told what the owner is told;
    then try to go on, and let go."""
    owner, memory, ring = ready_disk(path)
    config_fd = owner.set_config_call()
    good_read(ring, memory, 1)
    print("holding", flush=True)
    assert readable(config_fd, float(seconds)), "no configuration interrupt"
    status = owner.status()
    assert status & NEEDS_RESET, f"status {status:#x}"
    memory.put(0x2000, "<512s", b"Z" * 512)
    read_sector(ring, memory, IOVA + 0x2000)
    assert not ring.wait(2, 0.5), "the device still works"
    assert memory.get(0x2000, "<512s")[0] == b"Z" * 512
    refused(errno.EINVAL, owner.set_status, ACKNOWLEDGE)
    owner.set_status(0)
    assert owner.status() & NEEDS_RESET
    owner.set_status(NEEDS_RESET | ACKNOWLEDGE | DRIVER | FEATURES_OK | DRIVER_OK)
    with open(told, "w", encoding="ascii") as file:
        file.write("told\n")
    time.sleep(0.5)
    owner.close()


def dies(path, seconds, *command):
    """A function that the command takes from its owner, and that comes back
    within so many seconds, for the same owner and its memory as it was."""
    owner, memory, ring = ready_disk(path)
    config_fd = owner.set_config_call()
    good_read(ring, memory, 1)
    # It says that it is there, and begins when it is told to.
    taker = subprocess.Popen(command, stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    assert taker.stdout.readline() == b"ready\n"
    taker.stdin.write(b"go\n")
    taker.stdin.flush()
    assert readable(config_fd, PROMISED), "the owner is not told within a second"
    assert owner.status() & NEEDS_RESET
    memory.put(0x2000, "<512s", b"Z" * 512)
    read_sector(ring, memory, IOVA + 0x2000)
    assert not ring.wait(2, 0.3), "the device still works"
    print("dead", flush=True)
    end = time.monotonic() + float(seconds)
    while owner.status():
        try:
            owner.set_status(0)
        except OSError as error:
            assert error.errno == errno.ENODEV, error
        assert time.monotonic() < end, f"status {owner.status():#x}"
        time.sleep(0.02)
    memory.put(0, "<16384s", bytes(16384))
    ring = run_disk(owner, memory)
    good_read(ring, memory, 1)
    assert taker.wait(30) == 0, f"{command}: {taker.returncode}"
    owner.close()


def device_error(path):
    """A device that gives up says NEEDS_RESET, and works after a reset."""
    owner, memory, ring = ready_disk(path)
    ring.post((IOVA + 0x1000, 16, False))
    memory.put(ring.avail + 4, "H", 0x7777)
    ring.kick()
    end = time.monotonic() + 5
    while time.monotonic() < end and not owner.status() & NEEDS_RESET:
        time.sleep(0.05)
    assert owner.status() & NEEDS_RESET, f"status {owner.status():#x}"
    owner.set_status(0)
    assert owner.status() == 0
    owner.close()
    works(path)


def main(args):
    case = globals().get(args[0])
    if not callable(case):
        print(f"vhost_cases.py: no case {args[0]}", file=sys.stderr)
        return 2
    case(*args[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
