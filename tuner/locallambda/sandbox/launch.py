"""Turns a fresh child of the guard into a runtime: cgroups, limits, its own /tmp, then exec.

Runs between fork and exec in the single-threaded guard; a failure ends the child with exit status
126 or 127, as in a shell, with the reason in the sandbox's log. Standard library only.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

#: Soft and hard limits as a Lambda handler sees them (recorded on python3.12 and later). NPROC is
#: left out: it counts all processes of the user, not those of the sandbox.
OPEN_FILES = 1024
LOCKED_BYTES = 65536
STACK_BYTES = 8 * 1024 * 1024

PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18


@dataclass(frozen=True)
class LaunchOrder:
    """A program to run; ``tmp`` is mounted over /tmp where ``namespace`` allows it."""

    key: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str
    cgroups: Sequence[str] = ()  # cgroup.procs files to join
    tmp: str | None = None
    namespace: str | None = None  # "root", "user", or None: /tmp stays the machine's
    keep: Sequence[str] = ()  # directories that stay visible even if they are below /tmp
    opt: str | None = None  # mounted over /opt where ``namespace`` allows it


def become(order: LaunchOrder, log_fd: int, guard_pid: int) -> NoReturn:
    """Replace this process by the ordered program. Never returns."""
    try:
        _detach(log_fd)
        for path in order.cgroups:
            Path(path).write_text("0", encoding="ascii")
        if order.tmp is not None and order.namespace is not None:
            own_tmp(order.tmp, order.namespace, order.keep, order.opt)
        _limit()
        _die_with_parent(guard_pid)
        os.chdir(order.cwd)
        os.execve(order.argv[0], list(order.argv), dict(order.env))
    except FileNotFoundError as error:
        _give_up(error, 127)
    except BaseException as error:  # a child of the guard must never run the guard's code
        _give_up(error, 126)


def own_tmp(directory: str, namespace: str, keep: Sequence[str], opt: str | None = None) -> None:
    """Mount ``directory`` over /tmp in a mount namespace of this process, and ``opt`` over /opt if
    there is one. Raises OSError.

    Directories to ``keep`` that are below the machine's /tmp are mounted again at their place.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    flags = CLONE_NEWNS | (CLONE_NEWUSER if namespace == "user" else 0)
    _check(libc.unshare(flags), "unshare")
    if namespace == "user":
        Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1", encoding="ascii")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1", encoding="ascii")
    # Without this the mounts below would show, and be cleaned up, outside the sandbox too.
    _check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate")
    if opt is not None and Path("/opt").is_dir():
        _check(libc.mount(os.fsencode(opt), b"/opt", None, MS_BIND, None), "mount /opt")
    below = sorted(path for path in set(keep) if os.path.realpath(path).startswith("/tmp/"))
    kept = [(path, os.open(path, os.O_PATH)) for path in below]
    _check(libc.mount(os.fsencode(directory), b"/tmp", None, MS_BIND, None), "mount /tmp")
    for path, fd in kept:
        Path(path).mkdir(parents=True, exist_ok=True)
        source = f"/proc/self/fd/{fd}".encode()
        _check(libc.mount(source, os.fsencode(path), None, MS_BIND, None), f"mount {path}")
        os.close(fd)


def possible_namespace(directory: str) -> str | None:
    """The way to replace /tmp here ("root", "user" or ``None``), tried in throw-away children."""
    if not sys.platform.startswith("linux"):
        return None
    for namespace in ("root", "user"):
        child = os.fork()
        if child == 0:
            try:
                own_tmp(directory, namespace, ())
            except BaseException:
                os._exit(1)
            os._exit(0)
        if os.waitpid(child, 0)[1] == 0:
            return namespace
    return None


def _detach(log_fd: int) -> None:
    os.setsid()
    signal.set_wakeup_fd(-1)
    # Python ignores SIGPIPE, the guard some more; ignored signals would survive the exec.
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log_fd, 1), (log_fd, 2)):
        os.dup2(source, target)


def _limit() -> None:
    for what, amount in (
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_MEMLOCK, LOCKED_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        ceiling = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (ceiling, ceiling))
    hard = resource.getrlimit(resource.RLIMIT_STACK)[1]
    if hard == resource.RLIM_INFINITY or hard >= STACK_BYTES:
        resource.setrlimit(resource.RLIMIT_STACK, (STACK_BYTES, hard))


def _die_with_parent(guard_pid: int) -> None:
    if not sys.platform.startswith("linux"):
        return
    # After the namespace: a change of credentials clears the setting (prctl(2)).
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard_pid:
        raise ProcessLookupError("the guard is gone")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _give_up(error: BaseException, status: int) -> NoReturn:
    os.write(2, f"{error}\n".encode("utf-8", "replace"))
    os._exit(status)
