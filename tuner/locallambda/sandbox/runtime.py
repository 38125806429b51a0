"""A sandbox's runtime: its process, what that says through the Runtime API, and how it ends.

One :class:`Runtime` stands for all processes of a sandbox, one after another. It knows nothing of
invocation results or REPORT lines.
"""

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from tuner.locallambda.limits import disk_image
from tuner.locallambda.limits.cpu import CpuGroup
from tuner.locallambda.limits.disk import TmpLimit
from tuner.locallambda.limits.memory import MIB, MemoryGroup
from tuner.locallambda.limits.process_tree import descendants
from tuner.locallambda.sandbox import runtime_api
from tuner.locallambda.sandbox.guard_link import GuardLink
from tuner.locallambda.sandbox.invocation import Invocation, SandboxSpec
from tuner.locallambda.sandbox.isolation import Way, users
from tuner.locallambda.sandbox.launch import LaunchOrder
from tuner.locallambda.sandbox.runtime_command import environment, layers, program, task_root
from tuner.locallambda.sandbox.runtime_log import RuntimeLog
from tuner.locallambda.sandbox.view import View


@dataclass(frozen=True)
class SandboxResources:
    """Everything that the host provides for one sandbox."""

    key: str
    link: GuardLink
    cpu: CpuGroup
    memory: MemoryGroup
    directory: Path  # the sandbox's own, removed with it; beside it is what all share
    way: Way  # how it is kept apart
    uid: int  # its user, where it has one of its own
    disks: bool = False  # its /tmp can be a file system of its own
    hide: tuple[str, ...] = ()  # directories that it must not see

    @property
    def tmp(self) -> Path:
        """The directory that handlers see as /tmp, or by TMPDIR."""
        return self.directory / "tmp"

    @property
    def users(self) -> Path:
        """The file that handlers see as /etc/passwd."""
        return self.directory / "passwd"


@dataclass(frozen=True, slots=True)
class Ended:
    """The runtime process has ended; ``code`` is minus the signal if one ended it."""

    code: int
    out_of_memory: bool


Event = runtime_api.Event | Ended

#: In the log of a sandbox that has made more files than there is room for.
TOO_MANY_FILES = b"[tuner] ended: more files in /tmp than AWS has room for (ENOSPC)\n"

#: Freezing costs two wake-ups, which calls that follow each other at once are spared. AWS tells no
#: time for it.
FREEZE_AFTER_S = 0.005


class Runtime:
    """Starts and ends the process, and turns what it does into events."""

    def __init__(self, spec: SandboxSpec, resources: SandboxResources) -> None:
        self.log = RuntimeLog()
        self.init_ms = 0.0  # from the start of the process to its first request for an event
        self._spec = spec
        self._resources = resources
        streams = not spec.runtime.startswith("python")  # AWS's client for it cannot
        self._api = runtime_api.RuntimeApi(self._on_api_event, streams=streams)
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._tmp = TmpLimit(resources.tmp, spec.ephemeral_mb * MIB, self._hold)
        self._disk: disk_image.DiskImage | None = None  # bounds /tmp instead
        self._pid: int | None = None
        self._root = 0  # the process from which all of the sandbox descends
        self._started_at = 0.0
        self._initialised = False
        self._idle = False  # no invocation and no INIT is under way
        self._frozen = False
        self._freezing: asyncio.TimerHandle | None = None
        self._used_bytes = 0

    @property
    def alive(self) -> bool:
        return self._pid is not None

    @property
    def waiting(self) -> bool:
        return self._api.waiting

    async def open(self) -> None:
        """Listen for a runtime, and make its /tmp and the list of its users."""
        await self._api.open()
        resources = self._resources
        resources.tmp.mkdir(parents=True)
        if resources.disks:
            image = resources.directory / "tmp.ext4"
            with contextlib.suppress(OSError):  # no device is left
                self._disk = await asyncio.to_thread(
                    disk_image.make, image, self._spec.ephemeral_mb
                )
        uid = resources.uid if resources.way.kind == "root" else os.getuid()
        resources.users.write_text(users(uid), encoding="ascii")
        resources.users.chmod(0o644)

    async def close(self) -> None:
        await self.end()
        self._tmp.remove()
        if self._disk is not None:
            await asyncio.to_thread(self._disk.close)  # writes what is left
        await self._api.close()

    async def start(self, until: float) -> Event | None:
        """Start a process; returns ``Ready`` if it asks for an event by then."""
        self._inbox = asyncio.Queue()
        self._stay()
        self._api.begin()
        writer = self.log.open()
        try:
            started = await self._resources.link.spawn(self._order(), writer, self._on_exit)
        finally:
            os.close(writer)
        self._pid, self._root, self._started_at = started.pid, started.root, started.at
        self._api.started(started.pid)
        self._resources.cpu.attach(started.pid)
        self.watch()
        event = await self._next(until)
        self._rest()
        return event

    async def serve(self, invocation: Invocation, until: float) -> Event | None:
        """Give an invocation to the waiting runtime; returns how that ended, if it did by then.

        Between invocations it stands still, as on AWS.
        """
        self._inbox = asyncio.Queue()
        self.watch()
        deadline_ms = (time.time() + until - time.monotonic()) * 1000.0
        self._api.deliver(invocation, int(deadline_ms))
        self._wake()  # after that, so that it wakes once
        while isinstance(event := await self._next(until), runtime_api.Ready):
            pass  # it asks for more without having answered
        self._rest()
        return event

    async def settle(self, until: float) -> None:
        """Wait for a living runtime to ask for an event, or end."""
        self._inbox = asyncio.Queue()
        self._wake()
        await self._next(until)

    async def end(self) -> None:
        """Kill everything that runs in the sandbox, and wait until it is gone."""
        await self._resources.link.kill(self._resources.key)
        self._forget()
        self.log.close()

    def watch(self) -> None:
        """Enforce the limits of memory and /tmp while the runtime works."""
        if self._pid is not None:
            self._resources.memory.watch(self._pid, self._kill)
            if self._disk is None:
                self._tmp.watch(self._processes, self._end_for_files)

    def used_bytes(self) -> int:
        """The most memory that any runtime of this sandbox has held."""
        if self._pid is not None:
            self._used_bytes = max(self._used_bytes, self._resources.memory.used_bytes(self._pid))
        return self._used_bytes

    async def _next(self, until: float) -> Event | None:
        """The next event, or None if there is none by ``until`` (``time.monotonic()``)."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(until - time.monotonic()):
                return await self._inbox.get()
        return None if self._inbox.empty() else self._inbox.get_nowait()

    def _order(self) -> LaunchOrder:
        spec, resources, in_view = self._spec, self._resources, self._resources.way.kind is not None
        made = program(spec, resources.directory.parent, in_view=in_view)
        tmp = None if in_view else str(resources.tmp)
        mark = None if in_view and resources.way.own_pids else resources.key
        return LaunchOrder(
            key=resources.key,
            argv=made.argv,
            env=environment(spec, made, mark, self._api.address, tmp),
            cwd=task_root(spec, in_view=in_view),
            cgroups=sorted({*resources.cpu.joins, *resources.memory.joins}),
            view=View(
                task=str(spec.task_dir),
                tmp=str(resources.tmp),
                opt=layers(spec, made),
                keep=made.keep,
                hide=resources.hide,
                var=made.var,
                empty=made.empty,
                users=str(resources.users),
                disk=self._disk.device if self._disk is not None else None,
            ),
            way=resources.way,
            uid=resources.uid,
            file_bytes=spec.ephemeral_mb * MIB if self._disk is None else None,
        )

    def _on_api_event(self, event: runtime_api.Event) -> None:
        if isinstance(event, runtime_api.Ready) and not self._initialised:
            self._initialised = True
            self.init_ms = (time.monotonic() - self._started_at) * 1000.0
            self._resources.cpu.limit(self._spec.memory_mb)  # INIT is over, and with it full speed
            self.used_bytes()  # known before a handler may end the runtime
        if isinstance(event, runtime_api.Ready) and self._idle:
            self._rest()
        self._inbox.put_nowait(event)

    def _rest(self) -> None:
        """Let the runtime stand still, once it waits for an event that does not come at once."""
        self._idle = True
        self._tmp.rest()
        if self.waiting and not self._frozen and self._freezing is None:
            self._freezing = asyncio.get_running_loop().call_later(FREEZE_AFTER_S, self._freeze)

    def _freeze(self) -> None:
        self._freezing = None
        if self._pid is not None and self._idle and self.waiting:
            self._frozen = True
            self._resources.cpu.freeze(self._pid, self._root)

    def _wake(self) -> None:
        self._stay()
        if self._pid is not None and self._frozen:
            self._resources.cpu.thaw(self._pid)
        self._frozen = False

    def _stay(self) -> None:
        self._idle = False
        if self._freezing is not None:
            self._freezing.cancel()
            self._freezing = None

    def _on_exit(self, code: int) -> None:
        out_of_memory = code == -signal.SIGKILL and self._resources.memory.ran_out()
        self.used_bytes()
        self._forget()
        self._inbox.put_nowait(Ended(code, out_of_memory))

    def _forget(self) -> None:
        self._api.reset()
        self._resources.memory.rest()
        self._initialised = self._frozen = False
        self._stay()
        if self._pid is not None:
            self._resources.cpu.detach(self._pid)
            self._pid = None

    def _processes(self) -> list[int]:
        return list(descendants(self._root)) if self._pid is not None else []

    def _hold(self, pids: list[int], held: bool) -> None:
        uid = self._resources.uid if self._resources.way.kind == "root" else None
        self._resources.link.hold(pids, uid, held=held)

    def _end_for_files(self) -> None:
        if self._pid is not None:
            self.log.write(TOO_MANY_FILES)
            self._kill()

    def _kill(self) -> None:
        if self._pid is not None:
            os.kill(self._pid, signal.SIGKILL)
