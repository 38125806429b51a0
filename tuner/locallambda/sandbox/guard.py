"""The guard: a small process that starts every runtime, and outlives the service to end them all.

It is the parent of all sandboxes, so it can fork them without disturbing the service, reap them,
and find what they leave behind. When the service closes its end of the socket, or dies in any way,
the guard kills every sandbox, removes cgroups and temporary files, and ends. Run with ``-m``; it
speaks JSON lines over the socket on file descriptor ``argv[1]``.
"""

import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from tuner.locallambda.limits import cgroup, disk
from tuner.locallambda.limits.process_tree import ProcessFamily, kill, members
from tuner.locallambda.sandbox import first_process, isolation, launch
from tuner.locallambda.sandbox.view import View

PR_SET_CHILD_SUBREAPER = 36
SA_NOCLDSTOP = 1  # sigaction(2)
RETRY_S = 0.005  # between two checks of processes that are being killed
ALIVE_CHECK_S = 1.0  # how often to check that the service is still our parent


class Guard:
    """The loop of the guard; ``link`` is the socket to the service."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._service = os.getppid()
        self._guarded: dict[str, ProcessFamily] = {}
        self._runtime_keys: dict[int, str] = {}  # of the runtimes that run, by process id
        self._first_keys: dict[int, str] = {}  # of the first processes, where there are some
        self._forked_at: dict[str, float] = {}  # of runtimes that have not said that they run
        self._reports = first_process.Reports()
        self._dying: set[str] = set()
        self._cgroups: list[Path] = []
        self._directories: list[Path] = []
        self._fds: list[int] = []
        self._buffer = b""
        self._ended = False
        self._wake, self._wake_writer = socket.socketpair()

    def run(self) -> None:
        self._listen_to_signals()
        try:
            while not self._ended and os.getppid() == self._service:
                wait = RETRY_S if self._dying else ALIVE_CHECK_S
                sources = [self._link, self._wake, self._reports.reader]
                ready = select.select(sources, [], [], wait)[0]
                if self._wake in ready:
                    self._drain_wake()
                self._hear()
                if self._link in ready:
                    self._read()
                self._reap()
                self._kill_dying()
        finally:
            self._end_all()

    def _listen_to_signals(self) -> None:
        self._wake.setblocking(False)
        self._wake_writer.setblocking(False)
        signal.set_wakeup_fd(self._wake_writer.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        _ignore_stops()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._on_terminate)

    def _on_terminate(self, *_: object) -> None:
        self._ended = True

    def _drain_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake.recv(4096):
                pass

    def _read(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._link, 1 << 20, 16)
        except OSError:
            data, fds = b"", []
        for fd in fds:
            os.set_inheritable(fd, False)
        self._fds += fds
        if not data:
            self._ended = True
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, message: dict[str, Any]) -> None:
        match message.pop("op"):
            case "hello":
                self._tell(event="ready")
            case "own":
                self._cgroups += [Path(path) for path in message["cgroups"]]
                self._directories += [Path(path) for path in message["directories"]]
            case "try_view":
                message["view"] = View(**message["view"])
                way = isolation.possible_way(**message)
                self._tell(event="view", way=dataclasses.asdict(way))
            case "spawn":
                self._spawn(launch.LaunchOrder.read(message))
            case "kill":
                self._dying.add(message["key"])
            case "hold":
                disk.hold(**message)

    def _spawn(self, order: launch.LaunchOrder) -> None:
        log_fd = self._fds.pop(0)
        family = self._family(order.key)
        family.cgroups = order.cgroups
        own_pids = order.way.kind is not None and order.way.own_pids
        parent = first_process.PID if own_pids else os.getpid()

        def run() -> NoReturn:
            launch.become(order, log_fd, parent)

        if own_pids:
            arguments = (order.key, str(order.way.kind), self._reports, log_fd, run)
            pid = first_process.start(*arguments)
            self._first_keys[pid] = order.key
            self._forked_at[order.key] = time.monotonic()
        else:
            pid = os.fork()
            if pid == 0:
                run()
            self._forked_at[order.key] = time.monotonic()
            self._started(order.key, pid)
        os.close(log_fd)

    def _hear(self) -> None:
        """Learn from first processes which runtimes have started, and how they have ended."""
        while (report := self._reports.read()) is not None:
            if report.code is None:
                if report.pid > 0:  # 0: it has ended already and has no number, which its end tells
                    self._started(report.key, report.pid)
                continue
            self._started(report.key, self._first(report.key, report.pid))
            self._exited(report.key, report.code)

    def _first(self, key: str, otherwise: int) -> int:
        """The first process of a sandbox, where it has one."""
        newest = reversed(self._first_keys.items())
        return next((pid for pid, other in newest if other == key), otherwise)

    def _started(self, key: str, pid: int) -> None:
        """Tell of a runtime that was forked; nothing of one that was told of already."""
        began_s = self._forked_at.pop(key, None)
        if began_s is None:
            return
        self._family(key).runtimes.add(pid)
        self._runtime_keys[pid] = key
        self._tell(event="started", key=key, pid=pid, root=self._first(key, pid), at=began_s)

    def _exited(self, key: str, code: int) -> None:
        for pid in [pid for pid, other in self._runtime_keys.items() if other == key]:
            del self._runtime_keys[pid]
            self._tell(event="exited", key=key, pid=pid, code=code)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if pid in self._first_keys:
                self._hear()  # what it has said before it ended
                key = self._first_keys.pop(pid)
                if key in self._first_keys.values():  # the next one runs: this one's end was told
                    continue
                self._started(key, pid)  # if it has started nothing
                self._exited(key, code)
            elif pid in self._runtime_keys:
                self._exited(self._runtime_keys[pid], code)

    def _kill_dying(self) -> None:
        if not self._dying:
            return
        kill(pid for pid, key in self._first_keys.items() if key in self._dying)
        running = {*self._first_keys.values(), *self._runtime_keys.values()}
        for key, pids in members([self._family(key) for key in self._dying]).items():
            kill(pids)
            if not pids and key not in running:
                self._dying.discard(key)
                del self._guarded[key]
                self._tell(event="killed", key=key)

    def _family(self, key: str) -> ProcessFamily:
        return self._guarded.setdefault(key, ProcessFamily(key))

    def _tell(self, **message: object) -> None:
        with contextlib.suppress(OSError):  # the service may be gone; the loop will notice
            self._link.sendall(json.dumps(message).encode() + b"\n")

    def _end_all(self) -> None:
        self._dying = set(self._guarded)
        give_up = time.monotonic() + 5.0
        while self._dying and time.monotonic() < give_up:
            self._kill_dying()
            self._reap()
            time.sleep(RETRY_S if self._dying else 0)
        for path in self._cgroups:
            cgroup.enter(path.parent, os.getpid())  # out of it
            cgroup.remove(path)
        for directory in self._directories:
            shutil.rmtree(directory, ignore_errors=True)


def _ignore_stops() -> None:
    """Hear of children that end only, not of those that stop and go on, as they do at each call.

    Python cannot ask for this. The fields are those of glibc and musl on 64-bit Linux.
    """
    if not sys.platform.startswith("linux") or sys.maxsize < 2**32:
        return
    import ctypes

    class _Action(ctypes.Structure):
        _fields_ = (
            ("handler", ctypes.c_void_p),
            ("mask", ctypes.c_ulong * 16),
            ("flags", ctypes.c_int),
            ("restorer", ctypes.c_void_p),
        )

    action, libc = _Action(), ctypes.CDLL(None, use_errno=True)
    if libc.sigaction(signal.SIGCHLD, None, ctypes.byref(action)) == 0:
        action.flags |= SA_NOCLDSTOP
        libc.sigaction(signal.SIGCHLD, ctypes.byref(action), None)


def _adopt_orphans() -> None:
    """Become the parent of what a sandbox detaches, so that it can be found and reaped."""
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def main() -> None:
    link_fd = int(sys.argv[1])
    os.set_inheritable(link_fd, False)  # it is for the guard alone, not for the sandboxes
    with socket.socket(fileno=link_fd) as link:
        _adopt_orphans()
        Guard(link).run()


if __name__ == "__main__":
    main()
