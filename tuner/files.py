"""Opening files that the user names, which may be pipes, and our own, which may not be links.

A pipe that nobody writes ends in time. What is in a folder that came from somebody else may be a
link to another file of the user's, which would be written in place of ours.
"""

import io
import os
import select
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL, ETIMEDOUT
from pathlib import Path

#: Seconds for a program to open the other end of a pipe. One that has it open may take its time.
WRITER_S = 10.0
_LOOK_MS = 100


def open_bytes(path: Path) -> io.BufferedReader:
    """Open a file to read it; raises OSError, also for a pipe that nobody writes."""
    if path.exists() and stat.S_ISFIFO(path.stat().st_mode):
        return io.BufferedReader(io.BytesIO(_whole_pipe(path)))
    return path.open("rb")


def read_bytes(path: Path) -> bytes:
    """Read a file; raises as :func:`open_bytes`."""
    with open_bytes(path) as stream:
        return stream.read()


def open_own(path: Path, flags: int) -> int:
    """Open a file that we keep, or make it for this user alone; raises OSError, also for a link or
    what is no plain file."""
    file = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return file
    os.close(file)
    raise OSError(EINVAL, "it is a link, or no plain file", str(path))


def _whole_pipe(path: Path) -> bytes:
    pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(pipe, "rb", buffering=0) as stream:
        first = _first(pipe)
        os.set_blocking(pipe, True)
        return first + (stream.read() or b"")


def _first(pipe: int) -> bytes:
    """What comes first, once there is a writer."""
    poll, until = select.poll(), time.monotonic() + WRITER_S
    poll.register(pipe, select.POLLIN)
    while not poll.poll(_LOOK_MS):
        try:
            early = os.read(pipe, 1)  # nothing at all: nobody has the other end open
        except BlockingIOError:
            return b""
        if early:
            return early
        if time.monotonic() > until:
            raise OSError(ETIMEDOUT, "nobody writes to this pipe")
    return b""


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give the path to write to, so that a file, or what a link leads to, changes whole or not at
    all, and keeps its permissions; a device or a pipe is written to itself. Raises OSError."""
    real = Path(os.path.realpath(path))
    if real.exists() and not stat.S_ISREG(real.stat().st_mode):
        yield real
        return
    beside = real.with_name(real.name + ".part")
    try:
        yield beside
        if real.exists():
            shutil.copymode(real, beside)
        beside.replace(real)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
