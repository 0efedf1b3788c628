#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""shadow.py DEVICE PEER ROUNDS: what a frame costs QEMU with its shadow virtqueues
(x-svq=on), and without them, as lines of JSON: the nanoseconds that its main thread ran,
which are instructions where the machine's clock counts them. DEVICE and PEER are
/dev/vhost-vdpa-N, on one wire.

QEMU runs without a processor (qtest): this program is its guest's driver, whose kicks
come as register writes by a socket. So both figures have a socket's command in them, and
their difference is the shadow virtqueues'."""
import json
import mmap
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, "/hvdpa/tools/testing")
from device import Net, SplitRing
from vhost import DRIVER_OK, FEATURES_OK, Memory

RAM = 64 << 20
SLOT, BAR = 4, 0xE0000000
COMMON, NOTIFY = 1, 2
RX, TX, ENTRIES = 0, 1, 256
BATCH = 64
PATIENCE = 60


class Shared(Memory):
    """The guest's memory, which QEMU and this program share."""
    PATH = "/dev/shm/shadow"

    def __init__(self):
        fd = os.open(self.PATH, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        os.ftruncate(fd, RAM)
        self.size = RAM
        self.map = mmap.mmap(fd, RAM)
        os.close(fd)


class Qemu:
    """A virtio-net-pci function of QEMU's in front of a vhost-vdpa device."""

    def __init__(self, device, shadow):
        self.memory = Shared()
        here, there = socket.socketpair()
        options = f"vhost-vdpa,id=n,vhostdev={device},x-svq={'on' if shadow else 'off'}"
        # With a socket's number for its qtest QEMU need not be waited for.
        self.process = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "qtest", "-nodefaults", "-display", "none",
             "-M", "q35,memory-backend=m", "-m", f"{RAM >> 20}M",
             "-object", f"memory-backend-file,id=m,size={RAM},mem-path={Shared.PATH},share=on",
             "-chardev", f"socket,id=q,fd={there.fileno()}", "-qtest", "chardev:q",
             "-qtest-log", "none",
             "-netdev", options,
             "-device", f"virtio-net-pci,netdev=n,addr={SLOT},disable-legacy=on,romfile="],
            pass_fds=[there.fileno()])
        there.close()
        self.port = here.makefile("rw", encoding="ascii")
        self.socket = here
        self.find()

    def ask(self, *words):
        self.port.write(" ".join(str(word) for word in words) + "\n")
        self.port.flush()
        while True:
            answer = self.port.readline().split()
            assert answer, "QEMU is gone"
            # What interrupts comes in between.
            if answer[0] != "IRQ":
                break
        assert answer[0] == "OK", (words, answer)
        return int(answer[1], 0) if len(answer) > 1 else None

    def config(self, at, value=None):
        """A word of the function's configuration space."""
        self.ask("outl", 0xCF8, 1 << 31 | SLOT << 11 | at & ~3)
        if value is None:
            return self.ask("inl", 0xCFC)
        return self.ask("outl", 0xCFC, value)

    def find(self):
        """The structures of its fourth BAR."""
        self.config(0x20, BAR)
        self.config(0x24, 0)
        self.config(4, 6)
        self.places = {}
        at = self.config(0x34) & 0xFF
        while at:
            head = self.config(at)
            if head & 0xFF == 9:
                kind = head >> 24
                if kind in (COMMON, NOTIFY):
                    self.places[kind] = BAR + self.config(at + 8)
                if kind == NOTIFY:
                    self.multiplier = self.config(at + 16)
            at = head >> 8 & 0xFF

    def common(self, at, size, value=None):
        address = self.places[COMMON] + at
        if value is None:
            return self.ask("read" + size, address)
        return self.ask("write" + size, address, value)

    def status(self, bits):
        self.common(0x14, "b", self.common(0x14, "b") | bits)
        assert self.common(0x14, "b") & bits == bits, f"status {bits:#x}"

    def start(self, rings):
        self.status(1)
        self.status(2)
        # VERSION_1, and nothing else.
        for half, value in ((0, 0), (1, 1)):
            self.common(0x08, "l", half)
            self.common(0x0C, "l", value)
        self.status(FEATURES_OK)
        for queue, ring in rings.items():
            self.common(0x16, "w", queue)
            self.common(0x18, "w", ENTRIES)
            desc, used, avail = ring.addresses()
            for register, value in ((0x20, desc), (0x28, avail), (0x30, used)):
                self.common(register, "l", value)
                self.common(register + 4, "l", 0)
            ring.doorbell = (self.places[NOTIFY] +
                             self.common(0x1E, "w") * self.multiplier)
            self.common(0x1C, "w", 1)
        self.status(DRIVER_OK)

    def kick(self, queue, ring):
        self.ask("writew", ring.doorbell, queue)

    def ran(self):
        """How long its main thread has run."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/schedstat",
                  encoding="ascii") as file:
            return int(file.read().split()[0])

    def close(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        os.unlink(Shared.PATH)


class Guest:
    """What drives QEMU's function: both rings, and a page for each buffer."""
    FIRST = 16 << 20

    def __init__(self, qemu):
        self.qemu = qemu
        self.rings = {queue: SplitRing(qemu.memory, self.FIRST + queue * SplitRing.SIZE,
                                       0, ENTRIES) for queue in (RX, TX)}
        for ring in self.rings.values():
            # It polls: no interrupt of QEMU's is in the figures.
            qemu.memory.store16(ring.avail, 1)
        self.buffers = self.FIRST + 2 * SplitRing.SIZE
        qemu.start(self.rings)

    def wait(self, queue):
        """For a buffer that is used."""
        end = time.monotonic() + PATIENCE
        while not (done := self.rings[queue].reap()):
            assert time.monotonic() < end, f"queue {queue}: nothing is used"
            time.sleep(0.0005)
        return len(done)

    def sent(self, rounds):
        """A frame at a time, to all."""
        memory, ring = self.qemu.memory, self.rings[TX]
        memory.map[self.buffers + 12:self.buffers + 18] = bytes([0xFF] * 6)
        memory.map[self.buffers + 24:self.buffers + 26] = bytes([0x88, 0xB5])
        began = 0
        for n in range(rounds + BATCH):
            if n == BATCH:
                began = self.qemu.ran()
            ring.post([(self.buffers, 72, False)], n)
            self.qemu.kick(TX, ring)
            self.wait(TX)
        return (self.qemu.ran() - began) / rounds

    def received(self, rounds, peer):
        """A frame at a time, with a kick for as many buffers as BATCH has."""
        ring, got, began = self.rings[RX], 0, 0
        for n in range(rounds + BATCH):
            if n == BATCH:
                began = self.qemu.ran()
            if n % BATCH == 0:
                for _ in range(BATCH):
                    ring.post([(self.buffers, 4096, True)], n)
                self.qemu.kick(RX, ring)
                # Where it has to be told of them.
                time.sleep(0.01)
            assert peer.send(bytes([0xFF] * 6), [n])
            got += self.wait(RX)
        assert got == rounds + BATCH, f"{got} frames of {rounds + BATCH}"
        return (self.qemu.ran() - began) / rounds


def main(device, peer, rounds):
    other = Net(peer, bytes.fromhex("525400bb0001"))
    other.start()
    for shadow in (False, True):
        qemu = Qemu(device, shadow)
        guest = Guest(qemu)
        for what, value in (("sent", guest.sent(rounds)),
                            ("received", guest.received(rounds, other))):
            print(json.dumps({"figure": f"qemu.{what}",
                              "parent": "x-svq=on" if shadow else "x-svq=off",
                              "value": round(value)}), flush=True)
        qemu.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
