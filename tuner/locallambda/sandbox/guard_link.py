"""The service's end of the guard: starts a runtime, learns of its end, kills a sandbox.

All of it is asynchronous and cheap; the guard does the work. Closing the link ends every sandbox.
"""

import asyncio
import contextlib
import dataclasses
import json
import os
import re
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import TunerError
from tuner.locallambda.limits import cgroup
from tuner.locallambda.limits.process_tree import ProcessFamily, kill, members
from tuner.locallambda.sandbox.isolation import Way
from tuner.locallambda.sandbox.launch import LaunchOrder
from tuner.locallambda.sandbox.nodejs.versions import VARIABLES as NODE_VARIABLES
from tuner.locallambda.sandbox.view import View

#: What a process of ours needs of the environment; the rest may be secret.
_NEEDED = re.compile(
    "PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|XDG_.*|DBUS_SESSION_BUS_ADDRESS|LD_LIBRARY_PATH|VIRTUAL_ENV|"
    "PYTHON.*|COVERAGE_.*|" + "|".join(NODE_VARIABLES)
)
START_S = 10.0  # a guard that has not answered by then will not


@dataclass(frozen=True)
class Started:
    """A runtime process, and when it was forked (``time.monotonic()``).

    All of the sandbox descends from ``root``: the runtime or, with process ids of its own, the
    first process.
    """

    pid: int
    root: int
    at: float


def bare_environment() -> dict[str, str]:
    """The environment for a process whose own a handler might get to read."""
    return {key: value for key, value in os.environ.items() if _NEEDED.fullmatch(key)}


class GuardLink:
    """Made by :meth:`start`; for one event loop only."""

    def __init__(self, process: subprocess.Popen[bytes], link: socket.socket) -> None:
        self.pid = process.pid
        self.lost = False  # True once the guard has ended, which ends every sandbox
        self._process = process
        self._link = link
        self._buffer = b""
        self._answers: dict[tuple[str, str], list[asyncio.Future[dict[str, Any]]]] = {}
        self._cgroups: list[Path] = []
        self._families: dict[str, ProcessFamily] = {}
        self._on_exit: dict[str, Callable[[int], None]] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(link.fileno(), self._read)

    @classmethod
    async def start(cls, prefix: Sequence[str] = ()) -> "GuardLink":
        """Start a guard, behind ``prefix`` (such as systemd-run) if given; raises TunerError."""
        ours, theirs = socket.socketpair()
        command = [*prefix, sys.executable, "-P", "-m", "tuner.locallambda.sandbox.guard"]
        with theirs:
            os.set_inheritable(theirs.fileno(), True)
            try:
                process = subprocess.Popen(
                    [*command, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL if prefix else None,
                    pass_fds=[theirs.fileno()],
                    env=bare_environment(),
                    start_new_session=True,  # Ctrl-C is for the service alone
                )
            except OSError as error:
                ours.close()
                raise TunerError("local Lambda", f"cannot start its guard: {error}") from error
        link = cls(process, ours)
        try:
            await asyncio.wait_for(link._ask("ready", {"op": "hello"}), START_S)
        except (TimeoutError, TunerError) as error:
            await link.close()
            raise TunerError("local Lambda", "its guard process did not start") from error
        return link

    def own(self, cgroups: Sequence[Path] = (), directories: Sequence[Path] = ()) -> None:
        """Have these removed, with everything in them, when the service ends."""
        self._cgroups += cgroups
        paths = {"cgroups": [*map(str, cgroups)], "directories": [*map(str, directories)]}
        self._send({"op": "own", **paths})

    async def possible_way(self, view: View, uid: int, needed: Sequence[str]) -> Way:
        """The best way to keep sandboxes apart that works here."""
        asked = {"view": dataclasses.asdict(view), "uid": uid, "needed": [*needed]}
        answer = await self._ask("view", {"op": "try_view", **asked})
        return Way(**answer["way"])

    async def spawn(
        self, order: LaunchOrder, log_fd: int, on_exit: Callable[[int], None]
    ) -> Started:
        """Start a runtime whose output goes to ``log_fd``.

        ``on_exit`` gets its exit code, or minus the signal that ended it.
        """
        answer = self._expect("started", order.key)
        self._on_exit[order.key] = on_exit
        self._send({"op": "spawn", **order.told()}, [log_fd])
        started = await answer
        self._families[order.key] = ProcessFamily(order.key, {started["pid"]}, order.cgroups)
        return Started(started["pid"], started["root"], started["at"])

    async def kill(self, key: str) -> None:
        """Kill every process of a sandbox; returns when none is left."""
        with contextlib.suppress(TunerError):
            await self._ask("killed", {"op": "kill", "key": key})
        family = self._families.pop(key, None)
        while self.lost and family and (pids := members([family])[key]):
            kill(pids)  # in place of a guard that was killed
            await asyncio.sleep(0.005)

    def hold(self, pids: Sequence[int], uid: int | None, *, held: bool) -> None:
        """Let these processes make no file longer, or again; ``uid`` if they are another user's."""
        if not self.lost:
            self._send({"op": "hold", "pids": list(pids), "uid": uid, "held": held})

    async def close(self) -> None:
        if self.lost:  # then it could not tidy up
            for path in self._cgroups:
                cgroup.remove(path)
        else:
            self._lose()
        await asyncio.to_thread(self._process.wait)

    async def _ask(self, event: str, message: dict[str, Any]) -> dict[str, Any]:
        answer = self._expect(event, message.get("key", ""))
        self._send(message)
        return await answer

    def _expect(self, event: str, key: str) -> "asyncio.Future[dict[str, Any]]":
        future: asyncio.Future[dict[str, Any]] = self._loop.create_future()
        self._answers.setdefault((event, key), []).append(future)
        return future

    def _send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        if self.lost:
            raise _guard_ended()
        data = json.dumps(message).encode() + b"\n"
        try:
            sent = 0
            while sent < len(data):
                try:
                    sent += self._put(data[sent:], fds if sent == 0 else ())
                except BlockingIOError:  # libuv makes what it watches non-blocking
                    select.select([], [self._link], [])
        except OSError:
            self._lose()
            raise _guard_ended() from None

    def _put(self, data: bytes, fds: Sequence[int]) -> int:
        return socket.send_fds(self._link, [data], list(fds)) if fds else self._link.send(data)

    def _read(self) -> None:
        try:
            data = self._link.recv(1 << 20, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            self._hear(json.loads(line))

    def _hear(self, message: dict[str, Any]) -> None:
        event, key = message["event"], message.get("key", "")
        if event == "exited":
            self._tell_exit(key, message["code"])
            return
        waiting = self._answers.get((event, key), [])
        answered = waiting[:] if event == "killed" else waiting[:1]
        del waiting[: len(answered)]
        for future in answered:
            if not future.done():  # cancelled by its asker
                future.set_result(message)

    def _tell_exit(self, key: str, code: int) -> None:
        callback = self._on_exit.pop(key, None)
        if callback is not None:
            callback(code)

    def _lose(self) -> None:
        """Drop the link; every runtime is dead or dying with the guard."""
        self.lost = True
        self._loop.remove_reader(self._link.fileno())
        self._link.close()
        error = _guard_ended()
        for waiting in self._answers.values():
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
        self._answers.clear()
        for key in list(self._on_exit):
            self._tell_exit(key, -9)


def _guard_ended() -> TunerError:
    return TunerError("local Lambda", "its guard process has ended", "Start it again.")
