"""Opening files that the user names, which may be pipes, and our own, which may not be links.

A name may be of something without an end: a device, a pipe that nobody writes, gigabytes without a
line break. So all that a user names is read here, up to a number of bytes. What is in a folder that
came from somebody else may be a link to another file of the user's, which would be written in place
of ours.
"""

import io
import os
import select
import shutil
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EFBIG, EINVAL, ELOOP, ENODEV, ETIMEDOUT
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from tuner.errors import UsageError, unreadable

#: Seconds for a program to open the other end of a pipe, and to write more once it has.
WRITER_S, SILENT_S = 10.0, 60.0
_LOOK_MS = 100
#: Bytes of a file that is read whole, unless its reader says otherwise: settings and templates have
#: far fewer, payloads may have as many.
SETTINGS_BYTES, MOST_BYTES = 8 * 1024 * 1024, 64 * 1024 * 1024
#: Bytes of what is read line by line, and of a line of it.
STREAM_BYTES, LINE_BYTES = 2 * 1024**3, 64 * 1024 * 1024


class Unfit(OSError):  # noqa: N818 - reads as what is wrong
    """A file that is not read, though it could be: ``fix`` is the next step."""

    def __init__(self, number: int, reason: str, fix: str) -> None:
        super().__init__(number, reason)
        self.fix = fix


def open_bytes(path: Path, *, plain: bool = False) -> io.BufferedReader:
    """Open a file, a pipe or a terminal to read it; only a ``plain`` file where that is said.

    Raises OSError, also for a device and, while it is read, for a pipe that nobody writes.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    file = os.open(path, flags)
    try:
        found = os.fstat(file)
        if stat.S_ISFIFO(found.st_mode) and not plain:
            return io.BufferedReader(_Pipe(file))
        if not (stat.S_ISREG(found.st_mode) or (_ends(file, found) and not plain)):
            raise _other_kind(found.st_mode)
        os.set_blocking(file, True)
        return os.fdopen(file, "rb")
    except OSError:
        os.close(file)
        raise


def read_bytes(path: Path, most: int = MOST_BYTES, *, plain: bool = False) -> bytes:
    """Read a file of at most so many bytes; raises as :func:`open_bytes`, and for a larger one."""
    with open_bytes(path, plain=plain) as stream:
        return read_at_most(stream, most)


def read_at_most(stream: BinaryIO, most: int) -> bytes:
    """Read the rest of a stream; raises OSError where that is more."""
    data = stream.read(most + 1)
    if len(data) > most:
        raise too_large(most)
    return data


def read_text(
    path: Path,
    thing: str | None = None,
    fix: str = "Check the path.",
    most: int = MOST_BYTES,
    *,
    plain: bool = False,
) -> str:
    """Read a file's text, in UTF-8; ``thing`` is what an error calls it.

    Raises UsageError, with ``fix`` where nothing better can be said.
    """
    thing = thing or str(path)
    try:
        return decoded(read_bytes(path, most, plain=plain), thing)
    except (OSError, ValueError) as error:
        raise unreadable(thing, error, fix) from None


def decoded(raw: bytes, name: str) -> str:
    """UTF-8 text without its byte order mark. Raises UsageError that names other encodings."""
    if raw.startswith(b"\x1f\x8b"):
        raise UsageError(name, "is compressed by gzip", "Unpack it first.")
    refuse_utf16(raw, name)
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(name, "is not text in UTF-8", "Save it as UTF-8.") from None


#: Encodings that are not read, with their names and byte order marks.
_WIDE = {
    "utf-32-le": ("UTF-32", b"\xff\xfe\0\0"),
    "utf-32-be": ("UTF-32", b"\0\0\xfe\xff"),
    "utf-16-le": ("UTF-16", b"\xff\xfe"),
    "utf-16-be": ("UTF-16", b"\xfe\xff"),
}


def refuse_utf16(raw: bytes, name: str) -> None:
    """Raise a UsageError if a file that begins so is UTF-16 or UTF-32, as Windows tools write, or
    binary: if it holds zeros that do not belong to characters of ASCII."""
    for encoding, (called, mark) in _WIDE.items():
        if raw.startswith(mark) or _is_ascii(raw[:4], encoding):
            raise UsageError(name, f"is {called}, not UTF-8", "Save it as UTF-8.")
    if b"\0" in raw[:4]:
        raise UsageError(name, "is not text", "Give a text file in UTF-8.")


_BLANKS = str.maketrans("\r\n\t", "   ")


def _is_ascii(head: bytes, encoding: str) -> bool:
    """True if these bytes are characters of ASCII in a wide encoding."""
    try:
        text = head.decode(encoding)
    except UnicodeDecodeError:
        return False
    return bool(text) and text.isascii() and text.translate(_BLANKS).isprintable()


def bounded(stream: Any, most: int = STREAM_BYTES, line: int = LINE_BYTES) -> io.BufferedReader:
    """A stream of bytes that is not read beyond so many, nor beyond a line of so many."""
    return io.BufferedReader(_Bounded(stream, most, line), buffer_size=64 * 1024)


class _Bounded(io.RawIOBase):
    """Bytes of a stream; raises OSError for too many of them, all in all or in one line."""

    def __init__(self, stream: Any, most: int, line: int) -> None:
        self._stream, self._most, self._longest = stream, most, line
        self._read = self._line = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read1(len(buffer))
        self._read += len(data)
        if self._read > self._most:
            raise too_large(self._most)
        begun = data.rfind(b"\n") + 1
        self._line = len(data) - begun + (0 if begun else self._line)
        if self._line > self._longest:
            why = f"it has a line of more than {self._longest // 2**20} MB"
            raise Unfit(EFBIG, why, "Check that it is the right file.")
        buffer[: len(data)] = data
        return len(data)


def too_large(most: int) -> OSError:
    """The error for a file that has more than so many bytes."""
    size = f"{most // 2**30} GB" if most >= 2**30 else f"{most // 2**20} MB"
    return Unfit(EFBIG, f"it is larger than {size}", "Check that it is the right file.")


def _ends(file: int, found: os.stat_result) -> bool:
    """Tell if a device is one that people read from: their terminal, or nothing."""
    return os.isatty(file) or found.st_rdev == os.stat(os.devnull).st_rdev  # noqa: PTH116


def _other_kind(mode: int) -> OSError:
    kind = "folder" if stat.S_ISDIR(mode) else "pipe" if stat.S_ISFIFO(mode) else "device"
    return Unfit(ENODEV, f"it is a {kind}, not a file", "Name a file.")


class _Pipe(io.RawIOBase):
    """What a program writes into a pipe; raises OSError if it never begins, or pauses too long."""

    def __init__(self, file: int) -> None:
        self._file, self._begun = file, False
        self._poll = select.poll()
        self._poll.register(file, select.POLLIN)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        since = time.monotonic()
        while True:
            came = self._poll.poll(_LOOK_MS)  # also when the last writer has closed its end
            try:
                data = os.read(self._file, len(buffer))
            except BlockingIOError:
                patience_s, why = SILENT_S, f"its writer has sent nothing for {SILENT_S:g} s"
            else:
                if data or came or self._begun:
                    self._begun = True
                    buffer[: len(data)] = data
                    return len(data)
                patience_s, why = WRITER_S, "nobody writes to this pipe"
            if time.monotonic() - since > patience_s:
                raise Unfit(ETIMEDOUT, why, "Write it to a file first, and name that.")

    def close(self) -> None:
        if not self.closed:
            os.close(self._file)
        super().close()


def refuse_leaving(path: Path) -> None:
    """Raise OSError if a path within the working directory leads out of it by a link."""
    real = os.path.realpath(path)
    if not path.is_absolute() and not PurePath(real).is_relative_to(os.path.realpath(".")):
        raise Unfit(
            ELOOP, f"it leads by a link to {real}, outside of this folder", "Remove the link."
        )


#: The folder in the working directory that holds stores, journals and records.
OWN = ".tuner"


def own_folder(path: Path) -> None:
    """Make a folder that we keep, and the one that it is in, for this user alone; raises OSError,
    also for one that leads out of the working directory by a link."""
    refuse_leaving(path)
    for folder in (path.parent, path):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.name == OWN:
            out_of_git(folder)


def out_of_git(folder: Path) -> None:
    """Have git leave a folder of ours alone: runs are not source. Raises OSError."""
    with suppress(FileExistsError), (folder / ".gitignore").open("x") as stream:
        stream.write("*\n")


def open_own(path: Path, flags: int) -> int:
    """Open a file that we keep, or make it for this user alone; raises OSError, also for a link or
    what is no plain file."""
    refuse_leaving(path.parent)
    file = os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return file
    os.close(file)
    raise OSError(EINVAL, "it is a link, or no plain file", str(path))


@contextmanager
def written_whole(path: Path, *, ours: bool = False) -> Iterator[Path]:
    """Give the path to write to, so that a file, or what a link leads to, changes whole or not at
    all, and keeps its permissions; a device or a pipe is written to itself. Where the name is
    ``ours`` and not the user's, a link of that name is replaced. Raises OSError."""
    real = path if ours else Path(os.path.realpath(path))
    if not ours and real.exists() and not stat.S_ISREG(real.stat().st_mode):
        yield real
        return
    beside = real.with_name(f"{real.name}.{os.getpid()}-{threading.get_ident()}")
    there = real.exists() and not real.is_symlink()
    try:
        beside.unlink(missing_ok=True)  # a link, which would be written through
        mode = 0o600 if there else 0o666  # what it replaces may be secret
        os.close(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))
        yield beside
        if there:
            shutil.copymode(real, beside)
        beside.replace(real)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
