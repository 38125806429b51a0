"""File systems of a size of their own: ext4 in a file, behind a loop device, made in some 10 ms.

Needs root, loop devices that ``LOOP_CONFIGURE`` sets up (Linux 5.8), and mke2fs(8). The file grows
by what is written to it, and its pages are cache, which is nobody's memory. Who mounts a device is
decided elsewhere.
"""

import errno
import fcntl
import os
import shutil
import struct
import subprocess
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


@dataclass(frozen=True)
class DiskImage:
    """An open file system; its device ends once it is closed here and mounted nowhere."""

    device: str
    fd: int

    def close(self) -> None:
        os.close(self.fd)


def make(path: Path, room_mb: int) -> DiskImage:
    """Make a file system that at least so much can be written to (blocking).

    It has an inode for each 16 KB. Raises OSError where that is not possible.
    """
    if not os.access(_CONTROL, os.R_OK | os.W_OK):
        raise PermissionError(errno.EACCES, f"{_CONTROL} is not for this user")
    program = shutil.which("mke2fs", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise FileNotFoundError(errno.ENOENT, "mke2fs is not installed")
    files = room_mb * MIB // FILE_BYTES
    command = [program, *_FORMAT.split(), "-N", str(files), str(path), f"{_size_mb(room_mb)}M"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(errno.EIO, f"mke2fs: {done.stderr.strip()}")
    path.chmod(0o600)
    return _attach(path)


def _size_mb(room_mb: int) -> int:
    """With inodes of 256 bytes, and what ext4 keeps back: a fiftieth, at most 4,096 blocks."""
    return room_mb + -(-room_mb // 64) + min(-(-room_mb // 45), 16) + 2


def _attach(path: Path) -> DiskImage:
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
                return DiskImage(device, fd)
    raise OSError(errno.EBUSY, "no loop device is free")
