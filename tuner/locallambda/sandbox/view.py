"""The files that a sandbox sees, by mounts of its own.

The code is /var/task and read-only, /opt has the layers, /tmp is the sandbox's own; homes, /var,
/run with the sockets of services, /dev/shm, the service's files and what else a machine has beside
its system are out of sight, and nothing but /tmp is writable. Runs in a child of the guard between
fork and exec; standard library only.
"""

import contextlib
import ctypes
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tuner.locallambda.sandbox.kernel import c_library, check

TASK_ROOT = "/var/task"
USERS = "/etc/passwd"

_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND = 1, 2, 4, 8, 32, 4096
_REC, _PRIVATE = 16384, 1 << 18
#: Flags of a mount that a remount in a user namespace has to repeat: statvfs(3) -> mount(2).
_LOCKED = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {"fd": "", "stdin": "/0", "stdout": "/1", "stderr": "/2"}
#: What stays of the top of the file system; package managers keep programs in the last two.
_SYSTEM = ("bin", "etc", "lib", "opt", "proc", "sbin", "sys", "usr", "gnu", "nix")
_NOBODYS_GROUP = 1_899_999_999
_MOUNT_SETATTR, _RECURSIVE, _HERE = 442, 0x8000, -100


@dataclass(frozen=True)
class View:
    """The files of a sandbox; ``disk`` is a device with the file system for ``tmp``, ``keep`` are
    directories that stay where they are even if what holds them is hidden, ``var`` what to show by
    these names below /var, a parent first, ``empty`` are directories to show without what is there.
    """

    task: str
    tmp: str
    opt: str | None = None
    keep: Sequence[str] = ()
    hide: Sequence[str] = ()
    var: Mapping[str, str] = field(default_factory=dict)
    empty: Sequence[str] = ()
    users: str | None = None  # a file to show as /etc/passwd
    disk: str | None = None


def show(view: View, kind: str, uid: int, *, own_pids: bool) -> None:
    """Show this process the view only; it is in a mount namespace of its own. Raises OSError.

    ``uid`` is the user to whom /tmp belongs where the kind is "root".
    """
    libc = c_library()
    # Without this the mounts below would show, and be cleaned up, outside the sandbox too.
    check(libc.mount(b"none", b"/", None, _REC | _PRIVATE, None), "mount --make-rprivate")
    if view.disk is not None:
        _mount_disk(libc, view.disk, view.tmp)
    if kind == "root":
        os.chown(view.tmp, uid, uid)
    hidden = _hidden(view, kind)
    kept = _kept(view, hidden)
    sources = {view.task, view.tmp, *view.var.values(), *kept}
    sources |= {path for path in (view.opt, view.users) if path is not None}
    held = {path: os.open(path, os.O_PATH) for path in sources}
    devices = {f"/dev/{name}": os.open(f"/dev/{name}", os.O_PATH) for name in _devices()}
    _make_all_read_only(libc)
    for path in hidden:
        if path == "/tmp":
            _bind(libc, held[view.tmp], path)
            _remount(libc, path, read_only=False)
        elif path == "/opt" and view.opt is not None:
            _bind(libc, held[view.opt], path)
        else:
            check(_tmpfs(libc, path), f"mount {path}")
    for path in kept:
        Path(path).mkdir(parents=True, exist_ok=True)
        _bind(libc, held[path], path)
    for name, path in {"task": view.task, **view.var}.items():
        if not Path(f"/var/{name}").exists():
            Path(f"/var/{name}").mkdir()
        _bind(libc, held[path], f"/var/{name}")
    for path in filter(os.path.isdir, view.empty):
        check(_tmpfs(libc, path), f"mount {path}")
        _remount(libc, path)
    if view.users is not None and Path(USERS).is_file():
        _bind(libc, held[view.users], USERS)
    if kind == "root-only":
        _mask_files_of_root(libc, devices["/dev/null"])
    _fill_dev(libc, devices)
    for path in hidden:
        if path not in ("/tmp", "/opt") or (path == "/opt" and view.opt is None):
            _remount(libc, path)
    _show_processes(libc, kind, own_pids=own_pids)
    for fd in (*held.values(), *devices.values()):
        os.close(fd)


def _hidden(view: View, kind: str) -> list[str]:
    """The directories to cover, none of them below another."""
    asked = {"/tmp", "/var", "/run", "/dev", *view.hide, *_beside_the_system()}
    asked |= {"/opt"} if view.opt is None or _opt_is_free(view) else set()
    asked |= {"/sys/fs/cgroup"} if kind == "user" else set()  # its own limits are this user's
    found: list[str] = []
    for path in sorted({os.path.realpath(one) for one in asked}, key=len):
        inside = any(path.startswith(f"{other}/") for other in found)
        if path != "/" and not inside and Path(path).is_dir():
            found.append(path)
    return found


def _beside_the_system() -> list[str]:
    """Folders at the top where people keep code, data and credentials."""
    with os.scandir("/") as top:
        return [
            one.path
            for one in top
            if one.is_dir(follow_symlinks=False)
            and not any(one.name == name or one.name.startswith("lib") for name in _SYSTEM)
        ]


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


def _mount_disk(libc: ctypes.CDLL, device: str, path: str) -> None:
    done = libc.mount(device.encode(), os.fsencode(path), b"ext4", _NOSUID | _NODEV, None)
    check(done, f"mount {path}")


def _bind(libc: ctypes.CDLL, fd: int, path: str) -> None:
    """Show a file or directory there, as writable as it is here."""
    source, target = f"/proc/self/fd/{fd}".encode(), os.fsencode(path)
    check(libc.mount(source, target, None, _BIND, None), f"mount {path}")


def _remount(libc: ctypes.CDLL, path: str, *, read_only: bool = True) -> None:
    has = os.statvfs(path).f_flag
    flags = sum(there for here, there in _LOCKED.items() if has & here)
    flags |= _REMOUNT | _BIND | (_RDONLY if read_only else 0)
    check(libc.mount(None, os.fsencode(path), None, flags, None), f"remount {path}")


def _make_all_read_only(libc: ctypes.CDLL) -> None:
    """Every mount so far, and so what is bound from them."""
    attributes = (ctypes.c_uint64 * 4)(_RDONLY)  # attr_set of struct mount_attr
    done = libc.syscall(_MOUNT_SETATTR, _HERE, b"/", _RECURSIVE, attributes, 32)
    if done != 0:  # before Linux 5.12
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
            path = line.split()[4].encode().decode("unicode_escape")
            with contextlib.suppress(OSError):  # covered by another
                _remount(libc, path)


def _show_processes(libc: ctypes.CDLL, kind: str, *, own_pids: bool) -> None:
    """Let /proc have the sandbox's processes only, as far as it can."""
    if kind == "user" and not own_pids:
        return  # a new one would show as much
    # Root's group would be spared.
    spared = b",gid=%d" % _NOBODYS_GROUP if kind == "root-only" else b""
    flags = _NOSUID | _NODEV | _NOEXEC
    code = libc.mount(b"proc", b"/proc", b"proc", flags, b"hidepid=2" + spared)
    if own_pids:  # with the numbers that the sandbox's processes know
        check(code, "mount /proc")
    if kind == "root-only":  # root may write there even without capabilities
        for path in ("/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus"):
            if Path(path).exists():
                _bind(libc, os.open(path, os.O_PATH | os.O_CLOEXEC), path)
                _remount(libc, path)


def _mask_files_of_root(libc: ctypes.CDLL, null: int) -> None:
    """Show nothing in the files of /etc that others than root may not read, such as /etc/shadow."""
    for folder, folders, files in os.walk("/etc"):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)  # noqa: PTH118
            mode = os.lstat(path).st_mode
            if stat.S_ISREG(mode) and not mode & stat.S_IROTH:
                _bind(libc, null, path)
            elif stat.S_ISDIR(mode) and not mode & stat.S_IROTH:
                check(_tmpfs(libc, path), f"mount {path}")
                folders.remove(name)
