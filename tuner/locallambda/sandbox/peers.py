"""Tells which process holds the other end of a connection on this machine.

A port on loopback is open to every process; the runtime clients know no secret that they could
send. So the kernel is asked for the socket (sock_diag(7), by its exact ends, in microseconds), and
``/proc`` for who holds it. Works on Linux only.
"""

import contextlib
import functools
import os
import socket
import struct
from pathlib import Path

from tuner.locallambda.limits.process_tree import descendants

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST = 4, 20, 1
_ALL_STATES, _NO_COOKIE = 0xFFFFFFFF, (0xFFFFFFFF, 0xFFFFFFFF)
_HEADER, _ASKED = struct.Struct("=IHHII"), struct.Struct("=BBBBI")
_OWNER_AT = _HEADER.size + 64  # the user, and then the inode
_TIMEOUT_S = 1.0

Address = tuple[str, int]


def belongs_to(pid: int, own: Address, other: Address) -> bool:
    """True if a process, or one below it, holds the socket at ``own`` that leads to ``other``."""
    try:
        found = _owner(own, other)
    except OSError:
        return False
    return found is not None and any(_holds(one, found[1]) for one in descendants(pid))


def may_belong_to(pid: int, first_uid: int | None, own: Address, other: Address) -> bool:
    """As :func:`belongs_to`, and True for a socket on loopback that nobody holds any more.

    With ``first_uid`` the processes are those of this user and higher ones, which is told without
    looking at any of them.
    """
    with contextlib.suppress(OSError):
        found = _owner(own, other)
        if found is None:  # given up after sending, or held on another machine
            return own[0].startswith("127.")
        if first_uid is not None:
            return found[0] >= first_uid
        return any(_holds(one, found[1]) for one in descendants(pid))
    return False


@functools.cache
def can_tell() -> bool:
    """True if this machine tells who holds a socket."""
    with (
        contextlib.suppress(OSError),
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        return belongs_to(os.getpid(), client.getsockname(), server.getsockname())
    return False


def _owner(own: Address, other: Address) -> tuple[int, int] | None:
    """The user and the inode of an IPv4 TCP socket by its two ends. Raises OSError."""
    ports = struct.pack("!HH", own[1], other[1])
    ends = b"".join(socket.inet_aton(host).ljust(16, b"\0") for host, _ in (own, other))
    asked = _ASKED.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _ALL_STATES)
    asked += ports + ends + struct.pack("=III", 0, *_NO_COOKIE)
    head = _HEADER.pack(_HEADER.size + len(asked), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    kind = getattr(socket, "AF_NETLINK", None)
    if kind is None:
        raise OSError("no netlink here")
    with socket.socket(kind, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as link:
        link.settimeout(_TIMEOUT_S)
        link.sendto(head + asked, (0, 0))
        answer = link.recv(4096)
    if _HEADER.unpack_from(answer)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    uid, inode = struct.unpack_from("=II", answer, _OWNER_AT)
    return (uid, inode) if inode else None


def _holds(pid: int, inode: int) -> bool:
    wanted = Path(f"socket:[{inode}]")
    with contextlib.suppress(OSError):
        for fd in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):  # closed meanwhile
                if fd.readlink() == wanted:
                    return True
    return False
