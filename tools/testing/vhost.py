# SPDX-License-Identifier: GPL-2.0-only
"""A vhost-vdpa owner, as small as a test can use: ioctls by name, memory,
IOTLB messages and split virtqueues."""
import ctypes
import errno
import fcntl
import json
import mmap
import os
import select
import struct
import subprocess
import time

PAGE = 4096
ACKNOWLEDGE, DRIVER, DRIVER_OK, FEATURES_OK = 1, 2, 4, 8
NEEDS_RESET, FAILED = 0x40, 0x80
VERSION_1, ACCESS_PLATFORM, RING_PACKED = 1 << 32, 1 << 33, 1 << 34
RO, WO, RW = 1, 2, 3


def _io(direction, number, size):
    return direction << 30 | size << 16 | 0xAF << 8 | number


def _ior(number, size):
    return _io(2, number, size)


def _iow(number, size):
    return _io(1, number, size)


def _iowr(number, size):
    return _io(3, number, size)


class Memory:
    """Whole pages of anonymous memory with a known address."""

    def __init__(self, pages):
        self.size = pages * PAGE
        self.map = mmap.mmap(-1, self.size, flags=mmap.MAP_SHARED | mmap.MAP_ANONYMOUS)
        self.map[:] = bytes(self.size)
        self.view = (ctypes.c_char * self.size).from_buffer(self.map)
        self.address = ctypes.addressof(self.view)

    def physical(self, offset=0):
        with open("/proc/self/pagemap", "rb") as file:
            file.seek((self.address + offset) // PAGE * 8)
            entry, = struct.unpack("<Q", file.read(8))
        return (entry & ((1 << 55) - 1)) * PAGE

    def put(self, offset, fmt, *values):
        struct.pack_into(fmt, self.map, offset, *values)

    def get(self, offset, fmt):
        return struct.unpack_from(fmt, self.map, offset)

    # An index that the device reads or writes meanwhile is one access. struct
    # writes zeros first, and reads byte by byte.
    def store16(self, offset, value):
        ctypes.c_uint16.from_buffer(self.map, offset).value = value

    def load16(self, offset):
        return ctypes.c_uint16.from_buffer(self.map, offset).value


class Owner:
    def __init__(self, path):
        self.fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self.kick_fds = {}
        self.call_fds = {}

    def close(self):
        for fd in (self.fd, *self.kick_fds.values(), *self.call_fds.values()):
            os.close(fd)

    def _call(self, request, data=b""):
        buf = bytearray(data)
        fcntl.ioctl(self.fd, request, buf, True)
        return bytes(buf)

    def set_owner(self):
        self._call(_io(0, 0x01, 0))

    def features(self):
        return struct.unpack("<Q", self._call(_ior(0x00, 8), bytes(8)))[0]

    def set_features(self, features):
        self._call(_iow(0x00, 8), struct.pack("<Q", features))

    def backend_features(self):
        return struct.unpack("<Q", self._call(_ior(0x26, 8), bytes(8)))[0]

    def set_backend_features(self, features):
        self._call(_iow(0x25, 8), struct.pack("<Q", features))

    def status(self):
        return self._call(_ior(0x71, 1), bytes(1))[0]

    def set_status(self, status):
        self._call(_iow(0x72, 1), bytes([status]))

    def config(self, offset, length):
        data = struct.pack("<II", offset, length) + bytes(length)
        return self._call(_ior(0x73, 8), data)[8:]

    def set_config(self, offset, data):
        self._call(_iow(0x74, 8), struct.pack("<II", offset, len(data)) + data)

    def config_size(self):
        return struct.unpack("<I", self._call(_ior(0x79, 4), bytes(4)))[0]

    def num_max(self):
        return struct.unpack("<H", self._call(_ior(0x76, 2), bytes(2)))[0]

    def vqs(self):
        return struct.unpack("<I", self._call(_ior(0x80, 4), bytes(4)))[0]

    def groups(self):
        return struct.unpack("<I", self._call(_ior(0x81, 4), bytes(4)))[0]

    def iova_range(self):
        return struct.unpack("<QQ", self._call(_ior(0x78, 16), bytes(16)))

    def _state(self, request, index, number):
        data = self._call(request, struct.pack("<II", index, number))
        return struct.unpack("<II", data)[1]

    def set_num(self, index, number):
        self._state(_iow(0x10, 8), index, number)

    def set_base(self, index, number):
        self._state(_iow(0x12, 8), index, number)

    def base(self, index):
        return self._state(_iowr(0x12, 8), index, 0)

    def enable(self, index, on=1):
        self._state(_iow(0x75, 8), index, on)

    def vring_size(self, index):
        return self._state(_iowr(0x82, 8), index, 0)

    def group_of(self, index):
        return self._state(_iowr(0x7B, 8), index, 0)

    def set_group_asid(self, group, asid):
        self._state(_iow(0x7C, 8), group, asid)

    def address_spaces(self):
        return struct.unpack("<I", self._call(_ior(0x7A, 4), bytes(4)))[0]

    def suspend(self):
        self._call(_io(0, 0x7D, 0))

    def resume(self):
        self._call(_io(0, 0x7E, 0))

    def set_addr(self, index, desc, used, avail):
        self._call(_iow(0x11, 40), struct.pack("<IIQQQQ", index, 0, desc, used, avail, 0))

    def _event(self, number, index, fd=None):
        if fd is None:
            fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._call(_iow(number, 8), struct.pack("<Ii", index, fd))
        return fd

    def set_kick(self, index):
        self.kick_fds[index] = self._event(0x20, index)

    def set_call(self, index, fd=None):
        """With an eventfd of its own, or with this one; -1 is none."""
        self.call_fds[index] = self._event(0x21, index, fd)

    def set_config_call(self):
        fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._call(_iow(0x77, 4), struct.pack("<i", fd))
        return fd

    def _iotlb(self, iova, size, uaddr, perm, kind, asid=0):
        message = struct.pack("<IIQQQBB6x", 2, asid, iova, size, uaddr, perm, kind)
        os.write(self.fd, message.ljust(72, b"\0"))

    def map(self, iova, memory, perm=RW, size=None, asid=0):
        self._iotlb(iova, size or memory.size, memory.address, perm, 2, asid)

    def unmap(self, iova, size, asid=0):
        self._iotlb(iova, size, 0, 0, 3, asid)

    def negotiate(self, features=None):
        self.set_status(ACKNOWLEDGE)
        self.set_status(ACKNOWLEDGE | DRIVER)
        self.set_features(self.features() if features is None else features)
        self.set_status(ACKNOWLEDGE | DRIVER | FEATURES_OK)
        return self.status()

    def drive(self):
        self.set_status(self.status() | DRIVER_OK)
        return self.status()


def statistics(path, queue):
    """What vdpa dev vstats says; the kernel wants a negotiated device for it."""
    number = os.stat(path).st_rdev
    device = os.path.realpath(f"/sys/dev/char/{os.major(number)}:{os.minor(number)}")
    name = os.path.basename(os.path.dirname(device))
    output = subprocess.run(["vdpa", "-j", "dev", "vstats", "show", name, "qidx",
                             str(queue)], check=True, stdout=subprocess.PIPE)
    return json.loads(output.stdout)["vstats"][name]


# An owner is told within a second. A test machine that is short of processors has ten
# times as long.
PROMISED = 10


def readable(fd, seconds):
    return bool(select.select([fd], [], [], seconds)[0])


def errno_name(number):
    return errno.errorcode.get(number, str(number))


def refused(expected, call, *args):
    """The call is refused with this errno, or one of these."""
    expected = expected if isinstance(expected, tuple) else (expected,)
    names = " or ".join(errno_name(number) for number in expected)
    try:
        call(*args)
    except OSError as error:
        assert error.errno in expected, (
            f"{call.__name__}{args}: {errno_name(error.errno)}, expected {names}")
        return
    raise AssertionError(f"{call.__name__}{args}: not refused, expected {names}")


class Ring:
    """A split virtqueue of a few entries at the start of mapped memory."""

    NUM = 16

    def __init__(self, owner, index, iova, memory, offset=0, call=True):
        self.owner, self.index, self.memory = owner, index, memory
        self.desc = offset
        self.avail = offset + 0x400
        self.used = offset + 0x800
        self.iova = iova
        self.next = 0
        owner.set_num(index, self.NUM)
        owner.set_base(index, 0)
        owner.set_addr(index, iova + self.desc, iova + self.used, iova + self.avail)
        owner.set_kick(index)
        if call:
            owner.set_call(index)

    def post(self, *buffers):
        """Make a chain of (address, length, device writes) available."""
        for i, (address, length, writes) in enumerate(buffers):
            last = i == len(buffers) - 1
            flags = (0 if last else 1) | (2 if writes else 0)
            self.memory.put(self.desc + 16 * i, "<QIHH", address, length, flags,
                            0 if last else i + 1)
        self.memory.store16(self.avail + 4 + 2 * (self.next % self.NUM), 0)
        self.next += 1
        self.memory.store16(self.avail + 2, self.next)

    def kick(self):
        os.eventfd_write(self.owner.kick_fds[self.index], 1)

    def used_index(self):
        return self.memory.load16(self.used + 2)

    def wait(self, count, seconds=5):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.used_index() == count:
                return True
            time.sleep(0.01)
        return False
