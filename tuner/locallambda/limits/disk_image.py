"""File systems of a size of their own: ext4 in a file, behind a loop device, made in a millisecond.

Needs root, loop devices that ``LOOP_CONFIGURE`` sets up (Linux 5.8), and mke2fs(8). The file grows
by what is written to it, and its pages are cache, which is nobody's memory. It is mounted once, out
of sight, so that to mount the device elsewhere takes no time.
"""

import ctypes
import errno
import fcntl
import functools
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuner.locallambda.limits.disk import FILE_BYTES
from tuner.locallambda.limits.memory import MIB

#: struct loop_config of linux/loop.h: the file, the block size, the flags, and what stays 0.
_CONFIG, _BLOCK, _AUTOCLEAR = struct.Struct("=II52xI240x"), 512, 4
_GET_FREE, _CONFIGURE = 0x4C82, 0x4C0A
_CONTROL = "/dev/loop-control"
_TRIES = 100  # others may take a device between two calls
_FORMAT = "-q -F -t ext4 -b 4096 -m 0 -O ^has_journal,^resize_inode -E nodiscard"
#: System calls, the same on every architecture, and what fsconfig(2) is to do.
_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432
_SET_FLAG, _SET_STRING, _CREATE, _CLOEXEC = 0, 1, 6, 1
#: Nothing in it outlives a crash of the machine, so nothing waits for the disk.
_OPTIONS = ("discard", "noinit_itable", "nobarrier")


@dataclass(frozen=True)
class DiskImage:
    """An open file system; ``device`` ends once it is closed here and mounted nowhere."""

    device: str
    fds: tuple[int, ...]

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


def make(path: Path, room_mb: int) -> DiskImage:
    """Make a file system that at least so much can be written to (blocking).

    It has an inode for each 16 KB. Beside it is a blank one of this size, made once. Raises OSError
    where that is not possible.
    """
    if not os.access(_CONTROL, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, f"{_CONTROL} is not for this user")
    blank = path.parent.parent / f"blank-{room_mb}.ext4"
    if not blank.exists():
        _format(blank, room_mb)
    _copy(blank, path)
    device, fd = _attach(path)
    try:
        mounted = _mount(device)
    except OSError:
        os.close(fd)
        raise
    os.rmdir("lost+found", dir_fd=mounted)  # AWS's /tmp is empty
    return DiskImage(device, (mounted, fd))


def _format(path: Path, room_mb: int) -> None:
    """Make the blank file system, which appears when it is whole."""
    program = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "mke2fs is not installed")
    files = room_mb * MIB // FILE_BYTES
    draft = path.with_suffix(f".{os.urandom(4).hex()}")
    command = [program, *_FORMAT.split(), "-N", str(files), str(draft), f"{_size_mb(room_mb)}M"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(errno.EIO, f"mke2fs: {done.stderr.strip()}")
    draft.rename(path)


def _size_mb(room_mb: int) -> int:
    """With inodes of 256 bytes, and what ext4 keeps back: a fiftieth, at most 4,096 blocks."""
    return room_mb + -(-room_mb // 64) + min(-(-room_mb // 45), 16) + 2


def _copy(blank: Path, path: Path) -> None:
    """Copy what is not a hole."""
    with blank.open("rb") as source, path.open("xb") as target:
        os.fchmod(target.fileno(), 0o600)
        size = os.fstat(source.fileno()).st_size
        os.truncate(target.fileno(), size)
        for begin, end in _parts(source.fileno(), size):
            os.pwrite(target.fileno(), os.pread(source.fileno(), end - begin, begin), begin)


def _parts(fd: int, size: int) -> Iterator[tuple[int, int]]:
    """Where a file has data."""
    end = 0
    while end < size:
        try:
            begin = os.lseek(fd, end, os.SEEK_DATA)
        except OSError:  # nothing but a hole follows
            return
        end = os.lseek(fd, begin, os.SEEK_HOLE)
        yield begin, end


def _attach(path: Path) -> tuple[str, int]:
    """A loop device for a file, and the descriptor that keeps it."""
    with path.open("r+b") as file:
        settings = _CONFIG.pack(file.fileno(), _BLOCK, _AUTOCLEAR)
        for _ in range(_TRIES):
            control = os.open(_CONTROL, os.O_RDWR | os.O_CLOEXEC)
            try:
                device = f"/dev/loop{fcntl.ioctl(control, _GET_FREE)}"
            finally:
                os.close(control)
            fd = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.ioctl(fd, _CONFIGURE, settings)
            except OSError as error:
                os.close(fd)
                if error.errno != errno.EBUSY:
                    raise
            else:
                return device, fd
    raise OSError(errno.EBUSY, "no loop device is free")


def _mount(device: str) -> int:
    """Mount it in no folder; the descriptor of its root keeps it mounted."""
    context = _call(_FSOPEN, b"ext4", _CLOEXEC)
    try:
        _call(_FSCONFIG, context, _SET_STRING, b"source", device.encode(), 0)
        for option in _OPTIONS:
            _call(_FSCONFIG, context, _SET_FLAG, option.encode(), None, 0)
        _call(_FSCONFIG, context, _CREATE, None, None, 0)
        return _call(_FSMOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)


def _call(number: int, *arguments: int | bytes | None) -> int:
    result: int = _libc().syscall(number, *arguments)
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
