#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""fault_cases.py life|relayed /dev/vhost-vdpa-N NAME ["FIRST END"...]: an owner's life in
which each allocation in calls from between two addresses fails once, for each two
of them by itself; without any a life in which none fails."""
import errno
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from device import Disk, Log
from vhost import NEEDS_RESET, PAGE, Memory

DEBUGFS = "/sys/kernel/debug"
KINDS = "failslab", "fail_page_alloc"


def left():
    total = 0
    for kind in KINDS:
        with open(f"{DEBUGFS}/{kind}/times", encoding="ascii") as file:
            total += int(file.read())
    return total


def only_from(first, end):
    for kind in KINDS:
        for name, address in ("start", first), ("end", end):
            with open(f"{DEBUGFS}/{kind}/require-{name}", "w", encoding="ascii") as file:
                file.write(f"0x{address}")


def fail_nth(nth):
    with open("/proc/thread-self/fail-nth", "wb", buffering=0) as file:
        file.write(b"%d" % nth)


def fail_each(name, do, undo, expected, halfway):
    """do() with its first allocation failing, then its second, until none is
    left; then it is done. How many there are, and without how many it fails."""
    nth = failed = 0
    while True:
        nth += 1
        before, error = left(), None
        fail_nth(nth)
        try:
            do()
        except (OSError, AssertionError) as what:
            error = what
        fail_nth(0)
        if left() == before:
            break
        if error:
            failed += 1
            if isinstance(error, OSError):
                assert error.errno == expected, (name, nth, error)
            print(f"#   {name}, allocation {nth}: {error}")
        if halfway or not error:
            undo()
    if error:
        raise error
    return nth - 1, failed


class Faults:
    """What fails: a list of (first, end) addresses of calls."""

    def __init__(self, calls):
        self.calls = calls

    def walk(self, name, do, undo=lambda: None, expected=errno.ENOMEM,
             halfway=False, least=0):
        """do() with each allocation of each of the calls failing once; then it is
        done. undo() takes back what it did nevertheless, and what it did halfway
        if there is such a thing. It must fail so often at least."""
        if not self.calls:
            do()
            return
        total = failed = 0
        for number, (first, end) in enumerate(self.calls):
            if number:
                undo()
            only_from(first, end)
            here, failed_here = fail_each(f"{name}, from {first} on", do, undo,
                                          expected, halfway)
            total += here
            failed += failed_here
        print(f"# {name}: {total} allocations, without {failed} it fails")
        assert failed >= least, f"{name}: this test is empty"


def requests(disk, count=20):
    """The disk works: what is written is what is read."""
    done = disk.done
    for n in range(count):
        while not disk.post(0, n, True, n + 1):
            disk.finish(0)
        disk.kick(0)
    while disk.done < disk.posted:
        disk.finish(0)
    assert disk.done - done == count and not disk.failed


class HighDisk(Disk):
    """There is no table yet for what is below its memory."""
    IOVA = 0x40000000


class Pair:
    """Two pages of a memory that follow one another in the machine's too, so
    that they are mapped as one piece."""
    size = 2 * PAGE

    def __init__(self, memory):
        at = next(at for at in range(0, memory.size - PAGE, PAGE)
                  if memory.physical(at) + PAGE == memory.physical(at + PAGE))
        self.address = memory.address + at


def life(path, name, *calls):
    faults = Faults([pair.split() for pair in calls])
    disk = None

    def opened():
        nonlocal disk
        first = os.dup(0)
        os.close(first)
        disk = None
        try:
            disk = HighDisk(path)
        except OSError:
            os.closerange(first, first + 10)
            raise

    def close():
        if disk:
            disk.close()

    # vhost says EFAULT whatever is wrong with a map; the first map is among
    # what a Disk does when it is opened.
    faults.walk("open, the first map", opened, close, errno.EFAULT,
                halfway=True, least=2)
    owner = disk.owner
    # What lies beside a map that fails stays: requests() has need of it.
    beside = Memory(1)
    faults.walk("a map below the disk's memory",
                lambda: owner.map(disk.IOVA - PAGE, beside),
                lambda: owner.unmap(disk.IOVA - PAGE, beside.size),
                errno.EFAULT, least=1)
    more = Memory(2048)
    # The second page needs another page table: nothing may be left of the first.
    pair, edge = Pair(more), 0x20200000 - PAGE
    faults.walk("a map across two tables", lambda: owner.map(edge, pair),
                lambda: owner.unmap(edge, pair.size), errno.EFAULT,
                least=2)
    owner.unmap(edge, pair.size)
    faults.walk("a map of 8 MiB", lambda: owner.map(0x10000000, more),
                lambda: owner.unmap(0x10000000, more.size), errno.EFAULT,
                least=1)
    faults.walk("an unmap", lambda: owner.unmap(0x10000000, more.size),
                lambda: owner.map(0x10000000, more), errno.EFAULT)

    def start_over():
        for fd in (*owner.kick_fds.values(), *owner.call_fds.values()):
            os.close(fd)
        owner.kick_fds, owner.call_fds = {}, {}
        owner.set_status(0)

    faults.walk("FEATURES_OK to DRIVER_OK", disk.start, start_over,
                halfway=True)
    requests(disk)

    log = None

    def open_log():
        nonlocal log
        log = Log(name)

    faults.walk("open the log", open_log, lambda: log and log.close())
    area = [(disk.IOVA, disk.memory.size)]
    faults.walk("START", lambda: log.start(area), log.stop, least=5)
    requests(disk)
    dirty = set()
    faults.walk("REPORT", lambda: dirty.update(
        log.report(disk.IOVA, disk.memory.size)))
    assert dirty, "nothing is dirty after 20 requests"
    faults.walk("suspend", owner.suspend, owner.resume)
    faults.walk("resume", owner.resume, owner.suspend)
    requests(disk)
    owner.suspend()
    faults.walk("the rings' state", lambda: owner.base(0))
    faults.walk("STOP", log.stop, lambda: log.start(area))
    faults.walk("reset", lambda: owner.set_status(0))
    disk.bases = dict.fromkeys(disk.bases, 0)
    log.close()
    disk.close()
    disk = Disk(path)
    disk.start()
    requests(disk)
    disk.close()


def relayed(path, name, *calls):
    """Of a standard function: what has no memory for a relay runs, or stands, as it did."""
    faults = Faults([pair.split() for pair in calls])
    disk = HighDisk(path, queues=2)
    disk.start()
    owner = disk.owner
    log = Log(name)
    area = [(disk.IOVA, disk.memory.size)]

    def works():
        requests(disk, 3)
        assert not owner.status() & NEEDS_RESET

    def stop():
        log.stop()
        works()

    # It has relayed its rings once; what they have they are given anew.
    faults.walk("START where rings run direct, or relayed", lambda: log.start(area), stop,
                least=5)
    works()
    assert log.report(disk.IOVA, disk.memory.size)
    owner.suspend()
    faults.walk("RESUME of a paused device", owner.resume,
                lambda: (works(), owner.suspend()), least=5)
    works()
    log.close()
    disk.close()


if __name__ == "__main__":
    signal.alarm(300)
    globals()[sys.argv[1]](*sys.argv[2:])
