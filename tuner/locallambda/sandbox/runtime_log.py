"""Collects a runtime's standard output and error through one pipe.

Everything that a handler wrote before it returned is in the pipe when its response arrives, so a
non-blocking read then has the whole log of that invocation.
"""

import asyncio
import os
import re

#: A handler that writes more than this in one invocation has the rest dropped, so that it cannot
#: fill the service's memory. AWS has no such limit.
LIMIT_BYTES = 16 * 1024 * 1024

_FRAME = re.compile(rb"\xa5\x5a\x00[\x02-\x1f]")
#: A line end that ends no event. No text has this.
WITHIN = b"\xff\xfe\xff\n"


class RuntimeLog:
    """The log of one sandbox; a new pipe for each runtime."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._fd: int | None = None

    def open(self) -> int:
        """Make the pipe; returns its writing end, which the caller has to close."""
        self.close()
        self._fd, writer = os.pipe()
        os.set_blocking(self._fd, False)
        asyncio.get_running_loop().add_reader(self._fd, self._drain)
        return writer

    def write(self, line: bytes) -> None:
        """Add a line of the platform's own after everything written so far."""
        self._drain()
        self._chunks.append(line)

    def take(self) -> bytes:
        """The log since the last call; events may have ``WITHIN``."""
        self._drain()
        log = b"".join(self._chunks)
        self._chunks, self._size = [], 0
        return unframed(log)

    def close(self) -> None:
        """Close the pipe after reading what is in it."""
        self._drain()
        if self._fd is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = None

    def _drain(self) -> None:
        while self._fd is not None:
            try:
                chunk = os.read(self._fd, 65536)
            except BlockingIOError:
                return
            if not chunk:  # every writer has ended
                asyncio.get_running_loop().remove_reader(self._fd)
                os.close(self._fd)
                self._fd = None
                return
            self.receive(chunk)
            if len(chunk) < 65536:
                return

    def receive(self, chunk: bytes) -> None:
        """Add output of the runtime, as far as there is room."""
        room = LIMIT_BYTES - self._size
        self._size += len(chunk)
        if room > 0:
            self._chunks.append(chunk[:room])
            if len(chunk) >= room:
                self._chunks.append(b"\n[the rest of this log was dropped]\n")


def unframed(log: bytes) -> bytes:
    """The text in a log: AWS's clients frame what is one event, as the platform asks them to.

    A frame is 4 bytes of type, 4 of length, 8 of time, and the text. Its inner line ends become
    ``WITHIN``.
    """
    parts, at = [], 0
    while (frame := _FRAME.search(log, at)) and len(log) >= frame.end() + 12:
        text = frame.end() + 12
        end = text + int.from_bytes(log[frame.end() : frame.end() + 4])
        event = log[text:end].removesuffix(b"\n").replace(b"\n", WITHIN)
        parts += [log[at : frame.start()], event, b"\n"]
        at = end
    return b"".join([*parts, log[at:]]) if parts else log


def plain(log: bytes) -> bytes:
    """A log with ordinary line ends."""
    return log.replace(WITHIN, b"\n")
