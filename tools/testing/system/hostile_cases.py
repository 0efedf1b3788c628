#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""hostile_cases.py CASE NAME OTHER [OPTION...]: one case of nic-hostile.sh: an
owner of NAME, whose function is broken by --fault, while OTHER, on the same
wire, must not suffer."""
import argparse
import collections
import contextlib
import errno
import itertools
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from device import CTRL_VQ, Log, Net, fault, fault_is
from vhost import (DRIVER_OK, FAILED, FEATURES_OK, NEEDS_RESET, PAGE, PROMISED,
                   Memory, Owner, errno_name, readable, refused, statistics)
from nic_cases import MAC_A, MAC_B, Stream

# No call may take longer, whatever the hardware does.
LIMIT = 5
STATE_OF_ALL = DRIVER_OK | FEATURES_OK | 3
CTRL_RX = 1 << 18


class Watched(Owner):
    """An owner that knows how long its slowest call took."""
    slowest = 0, "none"

    @classmethod
    @contextlib.contextmanager
    def timed(cls, name):
        began = time.monotonic()
        try:
            yield
        finally:
            cls.slowest = max(cls.slowest, (time.monotonic() - began, name))

    def __init__(self, path):
        with self.timed("open"):
            super().__init__(path)

    def _call(self, request, data=b""):
        with self.timed(f"ioctl {request:#x}"):
            return super()._call(request, data)

    def _iotlb(self, *message):
        with self.timed("IOTLB message"):
            super()._iotlb(*message)

    def close(self):
        with self.timed("close"):
            super().close()

    @classmethod
    def judge(cls):
        seconds, name = cls.slowest
        print(f"# the slowest call: {name}, {seconds:.2f} s")
        assert seconds < LIMIT, f"{name} took {seconds:.2f} s"


class End(Net):
    OWNER = Watched

    def before_driver_ok(self):
        # A reset forgets whom an interrupt tells.
        for queue in self.rings:
            old = self.owner.call_fds.pop(queue, None)
            self.owner.set_call(queue)
            if old is not None:
                os.close(old)


class Others:
    """Administrators who ask for another device all the while. A process of
    its own: one that is forked has the owner's files open until it executes,
    and an owner that comes then is one too many."""

    def __init__(self, name):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "ask", name, name], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == "ready\n"

    def judge(self):
        output, _ = self.process.communicate(timeout=4 * LIMIT)
        asked, slowest, failed = json.loads(output)
        print(f"# the other device was asked for {asked} times,"
              f" the slowest answer took {slowest:.2f} s")
        assert asked and not failed, f"{asked} answers, {failed}"
        assert slowest < LIMIT


def case_ask(args):
    """Ask until standard input ends, and once at least."""
    path, asked, slowest, failed = path_of(args.name), 0, 0, []
    print("ready", flush=True)
    over = False
    while not over:
        began = time.monotonic()
        try:
            run_tool("vdpa", "dev", "show", args.name)
            statistics(path, 0)
        except (OSError, subprocess.SubprocessError) as error:
            failed.append(str(error))
        asked += 1
        slowest = max(slowest, time.monotonic() - began)
        over = readable(sys.stdin, 0.1)
    print(json.dumps((asked, slowest, failed)))


def run_tool(*command):
    return subprocess.run(command, check=True, timeout=2 * LIMIT, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout


def path_of(name):
    folder = f"/sys/bus/vdpa/devices/{name}"
    number = next(n for n in os.listdir(folder) if n.startswith("vhost-vdpa-"))
    return f"/dev/{number}"


def started(name, mac, **more):
    end = End(path_of(name), mac, **more)
    end.start()
    end.fill()
    return end


def flow(a, b, seconds, most=1 << 30):
    """Frames both ways; how many arrived at each."""
    stream = Stream(a, b)
    before = len(a.seen), len(b.seen)
    # The numbers go on where an earlier flow ended.
    stream.sent = [max(b.seen, default=-1) + 1, max(a.seen, default=-1) + 1]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        stream.turn(4)
        got = [len(x.seen) - n for x, n in zip((a, b), before)]
        if min(got) >= most:
            break
        time.sleep(0.005)
    assert not a.bad and not b.bad, "a frame was changed"
    return got


def interrupts(end):
    return sum(statistics(end.path, queue)["interrupts"] for queue in end.rings)


def fired(end):
    """Did an interrupt reach the owner since the last call?"""
    fds = [end.owner.call_fds[q] for q in end.rings]
    came = [fd for fd in fds if readable(fd, 0)]
    for fd in came:
        os.read(fd, 8)
    return bool(came)


def life_goes_on(a, b):
    """Suspend, state, resume, reset, start there, and frames again."""
    a.stop()
    a.owner.resume()
    assert min(flow(a, b, LIMIT, 5)) >= 5, "nothing arrives after a resume"
    a.stop()
    a.restart()
    assert min(flow(a, b, LIMIT, 5)) >= 5, "nothing arrives after a restart"


def case_works(args):
    """The device is as good as new, and interrupts its owner."""
    a, b = started(args.name, MAC_A), started(args.other, MAC_B)
    assert min(flow(a, b, LIMIT, 20)) >= 20 and fired(a)
    life_goes_on(a, b)
    Watched.judge()


def case_storm(args):
    a, b = started(args.name, MAC_A), started(args.other, MAC_B)
    others = Others(args.other)
    rates = []
    for period in (0, args.period, 0):
        fault(args.fault, "storm", period)
        before, began = interrupts(a), time.monotonic()
        time.sleep(1)
        after, took = interrupts(a), time.monotonic() - began
        rates.append((after - before) / took)
        frames = flow(a, b, 1)
        print(f"# {period} us: {rates[-1]:.0f} interrupts a second of an idle"
              f" device, {frames} frames in 1 s")
        assert min(frames) >= 5, "nothing arrives"
        if period:
            life_goes_on(a, b)
            no_longer_told(a)
    # Not all vectors are queues', and a machine may be slower than a storm.
    least = 1e6 / args.period / 20
    assert rates[1] > least > 2 * max(rates[0], rates[2]), rates
    others.judge()
    Watched.judge()


def no_longer_told(a):
    """Who has reset its device hears nothing of a storm."""
    assert fired(a), "no storm"
    a.stop()
    a.owner.set_status(0)
    fired(a)
    time.sleep(0.3)
    assert not fired(a), "an interrupt of a device that is reset"
    a.restart()


def case_mute(args):
    a, b = started(args.name, MAC_A), started(args.other, MAC_B)
    assert min(flow(a, b, LIMIT, 20)) >= 20 and fired(a)
    fault(args.fault, "mute", "true")
    others = Others(args.other)
    # What was under way before arrives yet.
    time.sleep(0.2)
    fired(a)
    before = interrupts(a)
    frames = flow(a, b, LIMIT, 100)
    assert min(frames) >= 100, f"{frames} frames arrived"
    life_goes_on(a, b)
    assert not fired(a) and interrupts(a) == before, "it is not mute"
    others.judge()
    fault(args.fault, "mute", "false")
    assert min(flow(a, b, LIMIT, 20)) >= 20 and fired(a)
    Watched.judge()


# What a lie of the hardware may look like. EINVAL: vhost wants no status bit
# taken back, and the device seems to have set one.
EXPECTED = {errno.ENODEV, errno.ETIMEDOUT, errno.EIO, errno.EBUSY, errno.EINVAL,
            errno.EOPNOTSUPP}


def live(args, b, troubles, statistics_too):
    """A whole life, as far as it comes; is the function still there?"""
    number = sum(troubles.values())
    a = log = None
    try:
        a = End(path_of(args.name), MAC_A, num=16, pages=64)
        log = Log(args.name)
        memory = a.IOVA, a.memory.size
        with Watched.timed("log start"):
            log.start([memory])
        a.start()
        a.owner.set_config_call()
        a.owner.config(0, a.owner.config_size())
        a.fill()
        a.send(b.mac, range(number, number + 4))
        a.stop()
        if statistics_too:
            statistics(a.path, 0)
        with Watched.timed("log report"):
            log.report(*memory)
        a.owner.resume()
        a.stop()
        a.restart()
        a.owner.status()
        with Watched.timed("log stop"):
            log.stop()
        a.owner.set_status(0)
        troubles["none"] += 1
    except OSError as error:
        assert error.errno in EXPECTED, f"{errno_name(error.errno)}: {error}"
        troubles[errno_name(error.errno)] += 1
        return error.errno not in (errno.ENODEV, errno.ETIMEDOUT)
    except AssertionError as error:
        assert "FEATURES_OK" in str(error) or "status" in str(error), error
        troubles["status"] += 1
    finally:
        for file in (log, a):
            if file:
                file.close()
        b.receive()
    return True


def recover(args):
    with Watched.timed("devlink health recover"):
        try:
            run_tool("devlink", "health", "recover", f"pci/{args.function}",
                     "reporter", "function")
        except subprocess.CalledProcessError:
            return False
    return True


def healthy(args):
    known = json.loads(run_tool("devlink", "-j", "health", "show",
                                f"pci/{args.function}", "reporter", "function"))
    return next(iter(known["health"].values()))[0]["state"] == "healthy"


# How many of 100 reads of registers lie, in how many lives: of all registers,
# or of those for migrations, which owners reach whose start had no noise.
ALL, MIGRATION = 0, 0x800
NOISES = ((0, ALL, 10), (1, ALL, 80), (5, ALL, 80), (20, ALL, 60), (60, ALL, 30),
          (5, MIGRATION, 60), (30, MIGRATION, 60), (0, ALL, 10))


def case_lives(args):
    """Lives of owners, each as far as it comes; then it is as new."""
    b = started(args.other, MAC_B)
    others = Others(args.other)
    for noise, first, lives in NOISES:
        fault(args.fault, "noise-from", first)
        fault(args.fault, "noise", noise)
        troubles, recoveries, began = collections.Counter(), [], time.monotonic()
        if not noise:
            recover(args)
        for n in range(lives * args.share // 100):
            if not live(args, b, troubles, n % 10 == 0):
                recoveries.append(recover(args))
        print(f"# {noise} % from {first:#x}: {dict(troubles)}, recovered {sum(recoveries)} of"
              f" {len(recoveries)}, {time.monotonic() - began:.1f} s", flush=True)
        harmed = sum(troubles.values()) - troubles["none"]
        assert noise or not harmed, "harmed by no noise"
        assert noise < 5 or harmed, "noise that nobody notices"
    others.judge()
    Watched.judge()


def case_steps(args):
    """Of a whole life each read of a register fails once: as a function that is
    gone answers, and as zero."""
    b = started(args.other, MAC_B)
    others = Others(args.other)
    for zero in ("false", "true"):
        fault(args.fault, "nth-zero", zero)
        troubles, good = collections.Counter(), collections.Counter()
        reads = recovered = 0
        # The first are those of a start; a report of the log has hundreds.
        for n in itertools.chain(range(1, 100), itertools.count(100, args.stride)):
            fault(args.fault, "nth-read", n)
            live(args, b, troubles, True)
            over = fault_is(args.fault, "nth-read")
            fault(args.fault, "nth-read", 0)
            if over:
                break
            reads += 1
            if not healthy(args):
                assert recover(args), f"given up for good after read {n}"
                recovered += 1
            live(args, b, good, False)
        print(f"# {'zero' if zero == 'true' else 'all-ones'}: {reads} of {n - 1} reads, {dict(troubles)},"
              f" recovered {recovered} times", flush=True)
        assert list(good) == ["none"], f"the next life: {good}"
        assert n > 100, "hardly anything was read: this test is empty"
        assert sum(troubles.values()) - troubles["none"] > 5, "nobody notices"
    fault(args.fault, "nth-zero", "false")
    others.judge()
    Watched.judge()


def case_stuck_running(args):
    """The status of a device that runs sticks; no reset ends."""
    a, b = started(args.name, MAC_A), started(args.other, MAC_B)
    others = Others(args.other)
    assert not a.owner.status() & NEEDS_RESET
    config = a.owner.set_config_call()
    fault(args.fault, "stuck-status", STATE_OF_ALL | NEEDS_RESET)
    assert a.owner.status() & NEEDS_RESET
    began = time.monotonic()
    refused(errno.ETIMEDOUT, a.owner.set_status, 0)
    assert time.monotonic() - began >= 1, "it was not waited for"
    assert readable(config, PROMISED), "the owner is not told"
    assert a.owner.status() & NEEDS_RESET
    refused(errno.ENODEV, a.owner.set_status, 0)
    assert not recover(args), "recovered while it sticks"
    fault(args.fault, "stuck-status", 0)
    assert recover(args)
    # The owner that has seen it all starts where it stood.
    a.restart()
    assert min(flow(a, b, LIMIT, 20)) >= 20
    others.judge()
    Watched.judge()


def case_stuck_agreeing(args):
    """Status bits that do not come: FEATURES_OK, then DRIVER_OK."""
    for status in (3, 3 | FEATURES_OK):
        a = End(path_of(args.name), MAC_A)
        fault(args.fault, "stuck-status", status)
        try:
            a.start()
        except AssertionError as error:
            print(f"# {status:#x}: {error}")
        else:
            raise AssertionError(f"runs with a status of {status:#x}")
        if status & FEATURES_OK:
            assert a.owner.status() & FAILED
        refused((errno.ETIMEDOUT, errno.ENODEV), a.owner.set_status, 0)
        a.close()
        refused(errno.ENODEV, Owner, a.path)
        fault(args.fault, "stuck-status", 0)
        assert recover(args)
    Watched.judge()


def case_jump(args):
    """Used indices of the owner's rings are too far on; its states are not."""
    a, b = started(args.name, MAC_A), started(args.other, MAC_B)
    others = Others(args.other)
    assert min(flow(a, b, LIMIT, 20)) >= 20
    fault(args.fault, "jump", 100)
    ring = a.rings[1]
    ring.reap()
    assert a.send(b.mac, range(1 << 20, (1 << 20) + 8))
    end = time.monotonic() + LIMIT
    while a.memory.load16(ring.used + 2) - ring.seen & 0xFFFF <= ring.num:
        assert time.monotonic() < end, "no used index jumps"
        time.sleep(0.01)
    a.stop()
    used = a.memory.load16(ring.used + 2)
    assert used - a.bases[1] & 0xFFFF == 1000, f"{used}, state {a.bases[1]}"
    a.owner.set_status(0)
    fault(args.fault, "jump", 0)
    others.judge()
    Watched.judge()


def case_jump_control(args):
    """The driver's own ring: an index that jumps is no answer."""
    more = {"features": CTRL_VQ | CTRL_RX}
    a = started(args.name, MAC_A, **more)
    config = a.owner.set_config_call()
    assert a.command(0, 0, b"\0") == 0
    fault(args.fault, "jump", 100)
    ring, began = a.rings[a.control], time.monotonic()
    ring.post([(a.IOVA + a.command_at, 2, False),
               (a.IOVA + a.command_at + 8, 1, False),
               (a.IOVA + a.command_at + 256, 1, True)], "never")
    a.kick(a.control)
    assert readable(config, LIMIT), "the owner is not told"
    print(f"# told after {time.monotonic() - began:.1f} s")
    assert a.owner.status() & NEEDS_RESET
    a.owner.set_status(0)
    a.close()
    fault(args.fault, "jump", 0)
    a = started(args.name, MAC_A, **more)
    assert a.command(0, 0, b"\0") == 0
    a.close()
    Watched.judge()


def case_stray(args):
    """Writes to an address that the owner has not mapped, a page of somebody
    else's; and to one that it has, which arrive."""
    a, b = started(args.name, MAC_A), started(args.other, MAC_B)
    others = Others(args.other)
    victim = Memory(1)
    victim.map[:] = b"V" * PAGE
    address = victim.physical()
    assert address, "no physical address; is this root?"
    assert not a.IOVA <= address < a.IOVA + a.memory.size
    fault(args.fault, "stray", address)
    assert min(flow(a, b, LIMIT, 20)) >= 20, "nothing arrives meanwhile"
    life_goes_on(a, b)
    a.owner.set_status(0)
    time.sleep(0.3)
    a.close()
    # Nobody's device is confined too.
    time.sleep(0.3)
    assert victim.map[:] == b"V" * PAGE, "it wrote to somebody else's memory"
    a = started(args.name, MAC_A)
    mine = a.memory.size - PAGE
    a.memory.map[mine:] = b"M" * PAGE
    fault(args.fault, "stray", a.IOVA + mine)
    end = time.monotonic() + LIMIT
    while a.memory.map[mine:mine + 8] != b"straydma":
        assert time.monotonic() < end, "it does not write at all"
        time.sleep(0.01)
    assert a.memory.map[mine + 8:] == b"M" * (PAGE - 8)
    fault(args.fault, "stray", 0)
    assert victim.map[:] == b"V" * PAGE
    others.judge()
    Watched.judge()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("case")
    parser.add_argument("name")
    parser.add_argument("other")
    parser.add_argument("--fault")
    parser.add_argument("--function")
    parser.add_argument("--period", type=int, default=100)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--share", type=int, default=100)
    args = parser.parse_args()
    globals()["case_" + args.case](args)


if __name__ == "__main__":
    main()
