"""Opening files that the user names, which may be pipes, and our own, which may not be links.

A pipe that nobody writes ends in time. What is in a folder that came from somebody else may be a
link to another file of the user's, which would be written in place of ours.
"""

import io
import os
import select
import stat
import time
from contextlib import suppress
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


def beside_of(path: Path) -> Path:
    """Where to write what will take the place of a file whole: beside it, or beside what a link
    leads to; a device or a pipe is written to itself."""
    real = Path(os.path.realpath(path))
    if real.exists() and not stat.S_ISREG(real.stat().st_mode):
        return real
    return real.with_name(real.name + ".part")


def put_in_place(beside: Path, path: Path) -> None:
    """Give what was written beside a file its place; raises OSError."""
    real = Path(os.path.realpath(path))
    if beside != real:
        beside.replace(real)


def drop_part(beside: Path, path: Path) -> None:
    """Remove what was not put in place, if anything; never raises."""
    with suppress(OSError):
        if beside != Path(os.path.realpath(path)):
            beside.unlink(missing_ok=True)
