"""A worker's process: its socket to the tuner, its parent, memory and turns on the CPU."""

import gc
import os
import platform
import signal
import socket as plain
import struct
import sys
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event

from tuner.engine import wire


class Outbox:
    """Messages on their way out, in order; ``write`` may block."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._outgoing: list[bytes] = []
        self._waiting = Event()

    def send(self, message: bytes) -> None:
        """Queue a message without blocking."""
        self._outgoing.append(message)
        self._waiting.set()

    def write_forever(self, linger_s: Callable[[], float]) -> None:
        """Write what is queued, after it has gathered so long; return when the tuner is gone."""
        while True:
            self._waiting.wait()
            self._waiting.clear()
            outgoing, self._outgoing = self._outgoing, []
            try:
                self._write(b"".join(outgoing))
            except OSError:
                return
            if wait := linger_s():
                gevent.sleep(wait)


class Channel(Outbox):
    """The Unix socket to the tuner with this file descriptor, read and written by greenlets."""

    def __init__(self, descriptor: int) -> None:
        self._socket: Any = socket.socket(plain.AF_UNIX, plain.SOCK_STREAM, fileno=descriptor)
        self._reader = wire.Reader()
        super().__init__(self._socket.sendall)

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """Yield messages from the tuner, until it closes its end."""
        while True:
            try:
                data = self._socket.recv(1 << 20)
            except OSError:
                return
            if not data:
                return
            yield from self._reader.feed(data)


_PR_SET_PDEATHSIG = 1  # linux/prctl.h
#: Numbers of sched_setattr(2), which the C library does not wrap (asm/unistd.h).
_SCHED_SETATTR = {"x86_64": 314, "aarch64": 274}
_SLICE_NS = 100_000  # the least that Linux takes


def die_with_parent() -> None:
    """End even if something else keeps the parent's end of the socket open (Linux only).

    The signal also comes when only the thread ends that started this process: then live on.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    def on_signal(_number: int, _frame: Any) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGTERM, on_signal)


def settle_memory() -> None:
    """Keep garbage collection out of the latencies; call it when everything is loaded.

    What is loaded now lives as long as the process. Collections look at the young objects only,
    seldom, so that none of them shows as a pause in somebody's latency.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def ask_for_prompt_wakeups() -> None:
    """Ask for short turns on the CPU, and so for earlier ones; it needs no privilege.

    Since 6.12, Linux lets a process name the length of its turns; one with short turns is
    woken sooner on a busy machine, with no larger share. Elsewhere nothing happens. Source:
    Linux kernel documentation, "EEVDF Scheduler".
    """
    number = _SCHED_SETATTR.get(platform.machine())
    if sys.platform != "linux" or number is None or os.sched_getscheduler(0) != os.SCHED_OTHER:
        return
    import ctypes

    nice = os.getpriority(os.PRIO_PROCESS, 0)
    # struct sched_attr: size, policy, flags, nice, priority, runtime, deadline, period
    attributes = struct.pack("=IIQiIQQQ", 48, os.SCHED_OTHER, 0, nice, 0, _SLICE_NS, 0, 0)
    ctypes.CDLL(None).syscall(number, 0, ctypes.create_string_buffer(attributes), 0)
