"""Calls of the kernel that Python has no function for. Linux; standard library only."""

import ctypes
import functools
import os
import signal
from pathlib import Path

NEWNS, NEWIPC, NEWUSER, NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
PDEATHSIG, DUMPABLE, CAPBSET_DROP, NO_NEW_PRIVS = 1, 4, 24, 38
#: Numbers of system calls, the same on every architecture.
_CLONE3, _LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 435, 444, 446
_LANDLOCK_SCOPES = 3  # abstract sockets, and signals
_KEYCTL, _JOIN_SESSION_KEYRING = {"x86_64": 250, "aarch64": 219}, 1


class _CloneArgs(ctypes.Structure):
    """clone3(2); what is not set here stays 0."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("unused", ctypes.c_uint64 * 3),
        ("exit_signal", ctypes.c_uint64),
        ("more_unused", ctypes.c_uint64 * 3),
    )


@functools.cache
def c_library() -> ctypes.CDLL:
    """The C library; its calls keep Python's lock, so that one of them may fork."""
    return ctypes.PyDLL(None, use_errno=True)


def check(result: int, what: str) -> int:
    """Return what a call returned; raise OSError if that says that it failed."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def prctl(option: int, value: int) -> int:
    code: int = c_library().prctl(option, value, 0, 0, 0)
    return code


def unshare(flags: int) -> None:
    check(c_library().unshare(flags), "unshare")


def fork_into(flags: int) -> int:
    """Fork; the child is in new namespaces (``NEW*``). For processes of one thread only."""
    args = _CloneArgs(flags=flags, exit_signal=signal.SIGCHLD)
    return check(c_library().syscall(_CLONE3, ctypes.byref(args), ctypes.sizeof(args)), "clone3")


def keep_to_itself() -> None:
    """Keep this process from abstract sockets and signals of others: landlock(7).

    Needs no rights, but "no new privileges". Raises OSError before Linux 6.12.
    """
    syscall, rules = c_library().syscall, (ctypes.c_uint64 * 3)(0, 0, _LANDLOCK_SCOPES)
    fd = check(syscall(_LANDLOCK_CREATE, rules, ctypes.sizeof(rules), 0), "landlock")
    try:
        check(syscall(_LANDLOCK_RESTRICT, fd, 0), "landlock")
    finally:
        os.close(fd)


def forget_keys() -> None:
    """Leave the session's keys of keyrings(7), which may hold the user's credentials."""
    number = _KEYCTL.get(os.uname().machine)
    if number is not None:  # a kernel without keys has none to leave
        c_library().syscall(number, _JOIN_SESSION_KEYRING, None)


def map_user(uid: int, gid: int) -> None:
    """Be the same user in a new user namespace."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text, encoding="ascii")
