"""A terminal of a given width around a command's stderr: what it wrote, and what stood there.

Understands what a live view needs: lines, carriage returns, moves up, erased lines, colours.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_PART = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b\][^\x07]*\x07|\r|\n|[^\x1b\r\n]+")


@dataclass
class Screen:
    """The lines of a terminal; ``seen`` is what stood there each time that a line was erased, and
    at the end: what arrives may be cut anywhere. ``arrived_s`` has the text at each time that
    something came, by the monotonic clock."""

    width: int
    lines: list[str] = field(default_factory=lambda: [""])
    row: int = 0
    column: int = 0
    text: str = ""
    seen: list[str] = field(default_factory=list)
    arrived_s: list[tuple[float, str]] = field(default_factory=list)
    _written: bool = False  # since a line was erased

    @property
    def shown(self) -> str:
        """What stands there."""
        return "\n".join(line.rstrip() for line in self.lines).strip("\n")

    def feed(self, text: str) -> None:
        """Write to it. Fails where a line would wrap, or for an escape that it does not know."""
        self.text += text
        self.arrived_s.append((time.monotonic(), self.text))
        for part in _PART.finditer(text):
            self._take(part)

    def _take(self, part: "re.Match[str]") -> None:
        if part[0] == "\r":
            self.column = 0
        elif part[0] == "\n":
            self.row += 1
            self.lines += [""] * (self.row + 1 - len(self.lines))
        elif part[2] == "A":
            self.row = max(0, self.row - int(part[1] or 1))
        elif part[2] == "K":
            assert part[1] == "2"
            if self._written:
                self.seen.append(self.shown)
            self.lines[self.row], self._written = "", False
        elif not part[0].startswith("\x1b"):
            before = self.lines[self.row].ljust(self.column)[: self.column]
            after = self.lines[self.row][self.column + len(part[0]) :]
            self.lines[self.row] = before + part[0] + after
            self.column += len(part[0])
            assert self.column <= self.width, self.lines[self.row]
            self._written = True
        else:
            assert part[2] is None or part[2] in "mhl", part[0]


def on_terminal(
    words: Sequence[str], width: int, env: Mapping[str, str] | None = None, **more: str
) -> tuple[Screen, "subprocess.Popen[str]", str]:
    """Run a command whose stderr is a terminal; return the screen, the process, and its stdout."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    around = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=slave,
        env={**around, "TERM": "xterm-256color", **(env or {})},
        text=True,
        **more,  # type: ignore[call-overload]
    )
    os.close(slave)
    screen = Screen(width)
    try:
        _read(master, screen)
        screen.seen.append(screen.shown)
        assert process.stdout is not None
        out = process.stdout.read()
        process.wait()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)
    return screen, process, out


def _read(master: int, screen: Screen) -> None:
    """Read until nobody holds the other end any more."""
    left = b""
    while True:
        try:
            left += os.read(master, 1 << 16)
        except OSError:  # EIO: closed
            return
        whole = left.decode(errors="ignore")  # a character, or an escape, may be cut in two
        cut = re.search(r"\x1b(\[[?\d;]*)?\Z", whole)
        if left.decode(errors="replace") == whole and cut is None:
            screen.feed(whole)
            left = b""
