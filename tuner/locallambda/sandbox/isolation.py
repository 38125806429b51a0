"""What a sandbox may do: an ordinary user's part, as far as the kernel allows to take the rest.

Runs in a child of the guard between fork and exec; standard library only. The sandbox has its own
files (``view.py``), processes (``first_process.py``), System V memory and queues. Where the guard
is root, each sandbox is a user of its own; else it is the same user in a user namespace, which
keeps it from the memory and environment of other processes. The network stays the machine's.
"""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from tuner.locallambda.sandbox import first_process, kernel
from tuner.locallambda.sandbox.view import View, show

#: How a sandbox gets its own view: as root with users of their own, as root that stays, in a user
#: namespace. In order of preference.
KINDS = ("root", "root-only", "user")
_OWN_PROCESS_COUNTS = (5, 14)  # the kernel that counts a user's processes in each user namespace


@dataclass(frozen=True)
class Way:
    """How sandboxes are kept apart here; without a ``kind`` only rights are taken."""

    kind: str | None = None
    own_pids: bool = False  # in a namespace of process ids
    scoped: bool = False  # with neither abstract sockets nor signals of others


def confine(view: View, way: Way, uid: int) -> None:
    """Show this process the view only, and take its rights. Raises OSError.

    ``uid`` is the user to become, which the kind "root" does.
    """
    if way.kind is not None:
        _unshare(way)
        show(view, way.kind, uid, own_pids=way.own_pids)
    _drop_rights(uid if way.kind == "root" else None)
    if way.scoped:
        kernel.keep_to_itself()


def possible_way(view: View, uid: int, needed: Sequence[str]) -> Way:
    """The best way that works here, tried in throw-away children.

    ``needed`` are directories that have to be readable in it.
    """
    if not sys.platform.startswith("linux"):
        return Way()
    kernel.c_library()  # loaded before any fork, so that no sandbox waits for it
    scoped = _works(Way(scoped=True), view, uid, needed)
    ways = [Way(kind, own_pids, scoped) for kind in KINDS for own_pids in (True, False)]
    return next((way for way in ways if _works(way, view, uid, needed)), Way(scoped=scoped))


def users(uid: int) -> str:
    """The users that a sandbox of this one knows, as on AWS (recorded: ``sbx_user1051``)."""
    own = f"sbx_user1051:x:{uid}:{uid}::/home/sbx_user1051:/sbin/nologin\n"
    return own if uid == 0 else f"root:x:0:0:root:/root:/sbin/nologin\n{own}"


def homes() -> list[str]:
    """The directories of users, which hold credentials."""
    return ["/root", "/home", os.path.realpath(Path("~").expanduser())]


def not_enforced(way: Way) -> list[str]:
    """What differs from AWS for a handler, in words for people."""
    missing = []
    if way.kind is None:
        missing += ["its code is writable and not at /var/task", "/tmp is the machine's"]
        missing += ["/dev/shm is there", "it runs as you, with your files"]
    if way.kind == "root-only":
        missing.append("it runs as root without capabilities")
    if not counts_processes(way):
        missing.append("its processes are not counted")
    if not way.own_pids:
        missing.append("it sees the machine's processes")
        if way.kind != "root" and not way.scoped:
            missing.append("it may signal yours")
    if not way.scoped:
        missing.append("it reaches abstract sockets of the machine")
    return missing


def counts_processes(way: Way) -> bool:
    """True if the limit on a user's processes is one on a sandbox's."""
    kernel_version = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])
    return way.kind == "root" or (way.kind == "user" and kernel_version >= _OWN_PROCESS_COUNTS)


def _works(way: Way, view: View, uid: int, needed: Sequence[str]) -> bool:
    def run() -> NoReturn:
        code = 1
        try:
            confine(view, way, uid)
            code = 0 if all(os.access(path, os.R_OK | os.X_OK) for path in needed) else 1
        finally:
            os._exit(code)

    if not way.own_pids:
        child = os.fork()
        if child == 0:
            run()
        return os.waitpid(child, 0)[1] == 0
    reports, null = first_process.Reports(), os.open(os.devnull, os.O_WRONLY)
    try:
        child = first_process.start("trial", str(way.kind), reports, null, run)
        return os.waitpid(child, 0)[1] == 0
    except OSError:
        return False
    finally:
        reports.close()
        os.close(null)


def _unshare(way: Way) -> None:
    alone = way.kind == "user" and not way.own_pids  # else its first process has done so
    uid, gid = os.getuid(), os.getgid()
    kernel.unshare(kernel.NEWNS | kernel.NEWIPC | (kernel.NEWUSER if alone else 0))
    if alone:
        kernel.map_user(uid, gid)


def _drop_rights(uid: int | None) -> None:
    """Take every capability, the ways to get one, and keys."""
    kernel.forget_keys()
    for capability in range(64):
        if kernel.prctl(kernel.CAPBSET_DROP, capability) != 0:
            break  # the kernel knows no more
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    kernel.check(kernel.prctl(kernel.NO_NEW_PRIVS, 1), "no_new_privs")
