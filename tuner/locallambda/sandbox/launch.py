"""Turns a fresh child of the guard into a runtime: cgroups, limits, its own view, then exec.

Runs between fork and exec in the single-threaded guard; a failure ends the child with exit status
126 or 127, as in a shell, with the reason in the sandbox's log. Standard library only.
"""

import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tuner.locallambda.sandbox import kernel
from tuner.locallambda.sandbox.isolation import Way, confine, counts_processes
from tuner.locallambda.sandbox.view import View

#: Soft and hard limits as a Lambda handler sees them (recorded on python3.12 and later). That of
#: processes counts those of the user, so it is set where the sandbox is a user of its own.
OPEN_FILES = 1024
PROCESSES = 742
LOCKED_BYTES = 65536
STACK_BYTES = 8 * 1024 * 1024

#: The variable that tells AWS's clients where to write their log in frames, and where that is.
FRAMES, FRAMES_FD = "_LAMBDA_TELEMETRY_LOG_FD", 3


@dataclass(frozen=True)
class LaunchOrder:
    """A program to run; it sees ``view`` as far as ``way`` allows that."""

    key: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    cgroups: Sequence[str] = ()  # cgroup.procs files to join
    view: View | None = None
    way: Way = field(default_factory=Way)
    uid: int = 0  # the sandbox's user where ``way`` gives it one
    file_bytes: int | None = None  # the largest file that it may write

    def told(self) -> dict[str, Any]:
        """As JSON has it, for :meth:`read`."""
        return asdict(self)

    @classmethod
    def read(cls, told: dict[str, Any]) -> "LaunchOrder":
        view, way = told.pop("view"), told.pop("way")
        return cls(view=View(**view) if view else None, way=Way(**way), **told)


def become(order: LaunchOrder, log_fd: int, parent: int) -> NoReturn:
    """Replace this fresh child of ``parent`` by the ordered program. Never returns."""
    try:
        _detach(log_fd, framed=FRAMES in order.env)
        for path in order.cgroups:
            Path(path).write_text("0", encoding="ascii")
        _limit(order)
        if order.view is not None and sys.platform.startswith("linux"):
            confine(order.view, order.way, order.uid)
        _die_with_parent(parent)
        os.chdir(order.cwd)
        os.execve(order.argv[0], list(order.argv), dict(order.env))
    except FileNotFoundError as error:
        _give_up(error, 127)
    except BaseException as error:  # a child of the guard must never run the guard's code
        _give_up(error, 126)


def _detach(log_fd: int, *, framed: bool) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    # Python ignores SIGPIPE, the guard some more; ignored signals would survive the exec.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    # A full /tmp is an error of the call for every program, as on AWS, and ends none. Ignoring it
    # would not do: Python lets its children have the default back.
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGXFSZ})
    null = os.open(os.devnull, os.O_RDONLY)
    # Opened anew, since Node.js makes its standard output non-blocking.
    frames = os.open(f"/proc/self/fd/{log_fd}", os.O_WRONLY) if framed else None
    for source, target in ((null, 0), (log_fd, 1), (log_fd, 2)):
        os.dup2(source, target)
    if frames is not None:
        os.dup2(frames, FRAMES_FD)
        os.set_inheritable(FRAMES_FD, True)


def _limit(order: LaunchOrder) -> None:
    limits = {
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_MEMLOCK: LOCKED_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    if order.file_bytes is not None:
        limits[resource.RLIMIT_FSIZE] = order.file_bytes
    if counts_processes(order.way):
        limits[resource.RLIMIT_NPROC] = PROCESSES
    for what, amount in limits.items():
        hard = resource.getrlimit(what)[1]
        ceiling = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (ceiling, ceiling))
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if hard == resource.RLIM_INFINITY or hard >= STACK_BYTES:
        resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, hard))


def _die_with_parent(parent: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    # After the view: a change of credentials clears the setting (prctl(2)).
    kernel.prctl(kernel.PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise ProcessLookupError("the guard is gone")


def _give_up(error: BaseException, status: int) -> NoReturn:
    os.write(2, f"{error}\n".encode("utf-8", "replace"))
    os._exit(status)
