"""What a sandbox sees and may do: Lambda's file system and an ordinary user, as the kernel allows.

Runs in a child of the guard between fork and exec; standard library only. The code is /var/task and
read-only, /opt has the layers, /tmp is the sandbox's own; homes, /var, /run with the sockets of
services, /dev/shm and the service's files are out of sight. Where the guard is root, each sandbox
is a user of its own; else it is the same user in a user namespace, which keeps it from the memory
and environment of other processes. Network and process ids stay the machine's.
"""

import ctypes
import functools
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

TASK_ROOT = "/var/task"
USERS = "/etc/passwd"
#: How a sandbox gets its own view: as root with users of their own, as root that stays, in a user
#: namespace. In order of preference.
KINDS = ("root", "root-only", "user")

_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND = 1, 2, 4, 8, 32, 4096
_REC, _PRIVATE = 16384, 1 << 18
#: Flags of a mount that a remount in a user namespace has to repeat: statvfs(3) -> mount(2).
_LOCKED = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
_CAPBSET_DROP, _NO_NEW_PRIVS = 24, 38
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}


@dataclass(frozen=True)
class View:
    """The files of a sandbox; ``keep`` are directories that stay where they are even if what holds
    them is hidden, ``var`` what to show by these names below /var, a parent first."""

    task: str
    tmp: str
    opt: str | None = None
    keep: Sequence[str] = ()
    hide: Sequence[str] = ()
    var: Mapping[str, str] = field(default_factory=dict)
    users: str | None = None  # a file to show as /etc/passwd


def confine(view: View, kind: str | None, uid: int) -> None:
    """Show this process the view only, and take its rights. Raises OSError.

    ``uid`` is the user to become, which ``kind`` "root" does. Without a kind only rights are taken.
    """
    libc = c_library()
    if kind == "root":
        os.chown(view.tmp, uid, uid)
    if kind is not None:
        _unshare(libc, kind)
        _show(libc, view, kind)
    _drop_rights(libc, uid if kind == "root" else None)


def possible_kind(view: View, uid: int, needed: Sequence[str]) -> str | None:
    """The best kind that works here, tried in throw-away children; ``None`` if none does.

    ``needed`` are directories that have to be readable in it.
    """
    if not sys.platform.startswith("linux"):
        return None
    c_library()  # loaded before any fork, so that no sandbox waits for it
    for kind in KINDS:
        child = os.fork()
        if child == 0:
            try:
                confine(view, kind, uid)
                fine = all(os.access(path, os.R_OK | os.X_OK) for path in needed)
                os._exit(0 if fine else 1)
            except BaseException:
                os._exit(1)
        if os.waitpid(child, 0)[1] == 0:
            return kind
    return None


def users(uid: int) -> str:
    """The users that a sandbox of this one knows, as on AWS (recorded: ``sbx_user1051``)."""
    own = f"sbx_user1051:x:{uid}:{uid}::/home/sbx_user1051:/sbin/nologin\n"
    return own if uid == 0 else f"root:x:0:0:root:/root:/sbin/nologin\n{own}"


@functools.cache
def c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def homes() -> list[str]:
    """The directories of users, which hold credentials."""
    return ["/root", "/home", os.path.realpath(Path("~").expanduser())]


def not_enforced(kind: str | None) -> list[str]:
    """What differs from AWS for a handler, in words for people."""
    if kind is None:
        return [
            "its code is writable and not at /var/task",
            "/tmp is the machine's",
            "/dev/shm is there",
            "it runs as you, with your files",
        ]
    return ["it runs as root without capabilities"] if kind == "root-only" else []


def _unshare(libc: ctypes.CDLL, kind: str) -> None:
    uid, gid = os.getuid(), os.getgid()
    _check(libc.unshare(_NEWNS | (_NEWUSER if kind == "user" else 0)), "unshare")
    if kind == "user":
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
    # Without this the mounts below would show, and be cleaned up, outside the sandbox too.
    _check(libc.mount(b"none", b"/", None, _REC | _PRIVATE, None), "mount --make-rprivate")


def _show(libc: ctypes.CDLL, view: View, kind: str) -> None:
    hidden = _hidden(view, kind)
    kept = _kept(view, hidden)
    sources = {view.task, view.tmp, *view.var.values(), *kept}
    sources |= {path for path in (view.opt, view.users) if path is not None}
    held = {path: os.open(path, os.O_PATH) for path in sources}
    devices = {f"/dev/{name}": os.open(f"/dev/{name}", os.O_PATH) for name in _devices()}
    for path in hidden:
        if path == "/tmp":
            _bind(libc, held[view.tmp], path)
        elif path == "/opt" and view.opt is not None:
            _bind(libc, held[view.opt], path, read_only=True)
        else:
            _check(_tmpfs(libc, path), f"mount {path}")
    for path in kept:
        Path(path).mkdir(parents=True, exist_ok=True)
        _bind(libc, held[path], path, read_only=True)
    for name, path in {"task": view.task, **view.var}.items():
        Path(f"/var/{name}").mkdir(exist_ok=True)
        _bind(libc, held[path], f"/var/{name}", read_only=True)
    if view.users is not None and Path(USERS).is_file():
        _bind(libc, held[view.users], USERS, read_only=True)
    _fill_dev(libc, devices)
    for path in hidden:
        if path not in ("/tmp", "/opt") or (path == "/opt" and view.opt is None):
            _remount_read_only(libc, path)
    if kind != "user":  # only the sandbox's own; a kernel before 5.8 shows all
        flags = _NOSUID | _NODEV | _NOEXEC
        libc.mount(b"proc", b"/proc", b"proc", flags, b"hidepid=invisible")
    for fd in (*held.values(), *devices.values()):
        os.close(fd)


def _hidden(view: View, kind: str) -> list[str]:
    """The directories to cover, none of them below another."""
    asked = {"/tmp", "/var", "/run", "/dev", *view.hide}
    asked |= {"/opt"} if _opt_is_free(view) else set()
    asked |= {"/sys/fs/cgroup"} if kind == "user" else set()  # its own limits are this user's
    found: list[str] = []
    for path in sorted({os.path.realpath(one) for one in asked}, key=len):
        inside = any(path.startswith(f"{other}/") for other in found)
        if path != "/" and not inside and Path(path).is_dir():
            found.append(path)
    return found


def _opt_is_free(view: View) -> bool:
    below = [path for one in view.keep for path in (one, os.path.realpath(one))]
    return not any(f"{path}/".startswith("/opt/") for path in below)


def _kept(view: View, hidden: Sequence[str]) -> list[str]:
    """What to show again, by the names by which it is known; parents first."""
    resolver = str(Path(os.path.realpath("/etc/resolv.conf")).parent)
    names = {name for path in (*view.keep, resolver) for name in (path, os.path.realpath(path))}
    below = (name for name in names if any(name.startswith(f"{one}/") for one in hidden))
    return sorted(name for name in below if Path(name).is_dir())


def _devices() -> list[str]:
    return [name for name in _DEVICES if Path(f"/dev/{name}").exists()]


def _fill_dev(libc: ctypes.CDLL, devices: dict[str, int]) -> None:
    for path, fd in devices.items():
        Path(path).touch()
        _bind(libc, fd, path)
    for name, end in _DEVICE_LINKS.items():
        Path(f"/dev/{name}").symlink_to(f"/proc/self/fd{end}")


def _tmpfs(libc: ctypes.CDLL, path: str) -> int:
    code: int = libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", _NOSUID, b"mode=755,size=1m")
    return code


def _bind(libc: ctypes.CDLL, fd: int, path: str, *, read_only: bool = False) -> None:
    source, target = f"/proc/self/fd/{fd}".encode(), os.fsencode(path)
    _check(libc.mount(source, target, None, _BIND, None), f"mount {path}")
    if read_only:
        _remount_read_only(libc, path)


def _remount_read_only(libc: ctypes.CDLL, path: str) -> None:
    has = os.statvfs(path).f_flag
    flags = sum(there for here, there in _LOCKED.items() if has & here)
    flags |= _REMOUNT | _BIND | _RDONLY
    _check(libc.mount(None, os.fsencode(path), None, flags, None), f"remount {path}")


def _drop_rights(libc: ctypes.CDLL, uid: int | None) -> None:
    """Take every capability, and the ways to get one."""
    for capability in range(64):
        if libc.prctl(_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break  # the kernel knows no more
    if uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    _check(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
