"""The first process of a sandbox that has process ids of its own.

The kernel ends a namespace of process ids with its first process. Here that is a fork of the guard
which starts the runtime, reaps what handlers leave behind, and reports the runtime's process id and
its end to the guard. If either of the two ends, so does everything in the sandbox. It runs nothing
of a handler, which can neither signal it nor look into it. Standard library only.
"""

import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tuner.locallambda.sandbox import kernel

PID = 1  # by which the sandbox knows it
_MOST_BYTES = 4096
_CREDENTIALS_BYTES = 12  # struct ucred of unix(7), which begins with the process id


@dataclass(frozen=True)
class Report:
    """What one of a sandbox's processes has sent; ``pid`` is the guard's number of it."""

    key: str
    pid: int
    code: int | None  # of the runtime that has ended; None of one that starts


class Reports:
    """Both ends of the socket on which sandboxes report to the guard."""

    def __init__(self) -> None:
        self.reader, self.writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.reader.setblocking(False)
        # The kernel adds the sender's process id, by the number that the reader knows.
        self.reader.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)

    def send(self, key: str, code: int | None = None) -> None:
        self.writer.send(json.dumps([key, code]).encode())

    def read(self) -> Report | None:
        """The next report, if there is one."""
        try:
            room = socket.CMSG_SPACE(_CREDENTIALS_BYTES)
            data, ((_, _, sender), *_), _, _ = self.reader.recvmsg(_MOST_BYTES, room)
        except BlockingIOError:
            return None
        key, code = json.loads(data)
        return Report(key, int.from_bytes(sender[:4], sys.byteorder), code)

    def close(self) -> None:
        self.reader.close()
        self.writer.close()


def start(key: str, kind: str, reports: Reports, log_fd: int, run: Callable[[], NoReturn]) -> int:
    """Make a sandbox's first process, which forks one for ``run``; returns the id of the first.

    It exits as the runtime does. Raises OSError where the kernel allows no such namespace.
    """
    ids = (os.getuid(), os.getgid()) if kind == "user" else None
    pid = kernel.fork_into(kernel.NEWPID | (kernel.NEWUSER if ids else 0))
    if pid == 0:
        code = 126
        try:
            code = _serve(key, ids, reports, log_fd, run)
        except BaseException as error:  # it must never run the guard's code
            os.write(log_fd, f"{error}\n".encode("utf-8", "replace"))
        finally:
            os._exit(code & 0xFF)
    return pid


def _serve(
    key: str,
    ids: tuple[int, int] | None,
    reports: Reports,
    log_fd: int,
    run: Callable[[], NoReturn],
) -> int:
    """Start the runtime and wait for its end; returns its exit code, or minus a signal."""
    kernel.prctl(kernel.PDEATHSIG, signal.SIGKILL)
    reports.reader.close()  # so that nobody can report once the guard is gone
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):  # the kernel keeps those of handlers away
        signal.signal(number, signal.SIG_DFL)
    if ids is not None:
        kernel.map_user(*ids)
    runtime = os.fork()
    if runtime == 0:
        reports.send(key)
        run()
    kernel.prctl(kernel.DUMPABLE, 0)
    _let_go(keep=reports.writer.fileno())
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == runtime:
            code = os.waitstatus_to_exitcode(status)
            reports.send(key, code)
            return code


def _let_go(keep: int) -> None:
    """Close all files but one: also the log, whose reader waits for the last writer."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    for fd in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if fd not in (0, 1, 2, keep):
            with contextlib.suppress(OSError):  # the listing's own
                os.close(fd)
