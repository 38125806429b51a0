"""The host of all sandboxes: makes and ends them, and says how well it stands in for Lambda.

It does not know functions, versions or callers.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import logging
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuner.errors import TunerError
from tuner.locallambda.limits import cpu, disk_image
from tuner.locallambda.sandbox import peers
from tuner.locallambda.sandbox.guard_link import GuardLink
from tuner.locallambda.sandbox.invocation import SandboxSpec
from tuner.locallambda.sandbox.isolation import Way, homes, not_enforced
from tuner.locallambda.sandbox.methods import Methods, choose, measure_share
from tuner.locallambda.sandbox.nodejs import runtime as node_runtime
from tuner.locallambda.sandbox.nodejs import sdk
from tuner.locallambda.sandbox.runtime import SandboxResources
from tuner.locallambda.sandbox.runtime_command import (
    check,
    extensions,
    is_nodejs,
    program,
    stands_in,
)
from tuner.locallambda.sandbox.sandbox import Sandbox
from tuner.locallambda.sandbox.view import View

#: Users that no machine has; systemd's "Users, Groups, UIDs and GIDs" leaves this range free.
FIRST_UID = 1_900_000_000
_log = logging.getLogger(__name__)
_RESTART = "Its cgroup or its guard process is gone: start the local Lambda again."

#: Two sizes are measured at start: a small share and a large one, together below one core.
PROBE_SIZES_MB = (256, 1024)


class SandboxHost:
    """Started once per process, from the thread that runs the event loop."""

    def __init__(self, cpu: str = "auto", memory: str = "auto", hide: Sequence[Path] = ()) -> None:
        """``cpu``: auto, cgroup-v1, cgroup-v2 or duty-cycle. ``memory``: auto, cgroup or rss.

        Sandboxes see neither the users' homes nor what else there is to ``hide``.
        """
        self._names = cpu, memory
        self._methods: Methods | None = None
        self._directory = Path()
        self._way = Way()  # how sandboxes are kept apart
        self._disks = False  # a sandbox's /tmp can be a file system of its own
        self._hide = (*homes(), *map(str, hide))
        self._numbers = itertools.count(1)
        self._sandboxes: dict[str, Sandbox] = {}
        self._shares: list[dict[str, float]] = []
        self._calibration: asyncio.Task[None] | None = None
        self._stand_ins: set[str] = set()
        self._extensions: set[str] = set()  # of layers, which do not start here
        self._node = ""  # the version of Node.js that ran functions
        self._absent: set[str] = set()  # packages that AWS's runtime would have

    async def start(self, calibrate: bool = True) -> None:
        """Choose the methods; the CPU share is measured in the background (about 1 s).

        Raises UsageError for a method that does not work here, TunerError without a guard.
        """
        self._methods = await choose(*self._names)
        # The /tmp of sandboxes is on disk, since the machine's may be in memory.
        disk = "/var/tmp" if os.access("/var/tmp", os.W_OK) else None
        self._directory = Path(tempfile.mkdtemp(prefix="tuner-", dir=disk))
        self._methods.link.own(directories=[self._directory])
        await self._find_way(self._methods.link)
        if calibrate:
            self._calibration = asyncio.create_task(self._calibrate(self._methods))

    async def calibrated(self) -> None:
        """Wait until the applied CPU share is measured."""
        if self._calibration is not None:
            await asyncio.shield(self._calibration)

    def create(self, spec: SandboxSpec) -> Sandbox:
        """A sandbox that is not started yet.

        Raises UsageError for a runtime that cannot run here, TunerError if limits cannot be set.
        """
        methods = self._running()
        program(spec, self._directory, in_view=False)  # raises for what cannot run here
        self._note(spec.runtime, spec.task_dir)
        number = next(self._numbers)
        key = f"{os.getpid()}-{number}"
        try:
            resources = SandboxResources(
                key=key,
                link=methods.link,
                cpu=methods.cpu.group(key),
                memory=methods.memory.group(key, spec.memory_mb),
                directory=self._directory / key,
                way=self._way,
                uid=self._uid(number),
                disks=self._disks,
                hide=self._hide,
            )
        except OSError as error:
            reason = f"cannot limit a sandbox: {error}"
            raise TunerError("local Lambda", reason, _RESTART) from error
        self._sandboxes = {k: s for k, s in self._sandboxes.items() if not s.stopped}
        self._sandboxes[key] = Sandbox(spec, resources)
        return self._sandboxes[key]

    def prepare(self, runtime: str, task_dir: Path) -> None:
        """Fetch what unpacked code needs beside itself (blocking; seconds once).

        Raises UsageError for a runtime that cannot run here.
        """
        check(runtime)
        if is_nodejs(runtime):
            node_runtime.prepare(runtime, sdk.wanted(task_dir))
        self._note(runtime, task_dir)

    def platform(self) -> dict[str, Any]:
        """Methods, cores, and how far the CPU share was off.

        ``cpu_share`` has a row per measured size, in cores; it is empty until measured.
        """
        methods = self._running()
        return {
            "cpu_method": methods.cpu.method,
            "cpu_period_ms": cpu.PERIOD_US / 1000,
            "cpu_share": self._shares,
            "cores": cpu.cores(),
            "largest_exact_mb": cpu.cores() * cpu.ONE_CORE_MB,
            "memory_method": methods.memory.method,
            "own_tmp": "mount namespace" if self._way.kind else "TMPDIR only",
            "tmp_method": "file system" if self._disks else "watched",
            "not_enforced": self._not_enforced(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "stands_in_for": sorted(self._stand_ins),
            **({"node": self._node} if self._node else {}),
            **({"extensions": sorted(self._extensions)} if self._extensions else {}),
            **({"absent_packages": sorted(self._absent)} if self._absent else {}),
        }

    def may_be_caller(self, own: peers.Address, other: peers.Address) -> bool:
        """True unless the connection from ``own`` to ``other`` is held outside of all sandboxes,
        as far as this machine can tell."""
        first = FIRST_UID if self._way.kind == "root" else None
        pid = self._running().link.pid
        return peers.can_tell() and peers.may_belong_to(pid, first, own, other)

    def own(self, directory: Path) -> None:
        """Have a directory removed when this process ends in any way, SIGKILL included."""
        self._running().link.own(directories=[directory])

    async def close(self) -> None:
        if self._methods is None:
            return
        methods, self._methods = self._methods, None
        if self._calibration is not None:
            self._calibration.cancel()
            await asyncio.gather(self._calibration, return_exceptions=True)
        await asyncio.gather(*(sandbox.stop() for sandbox in self._sandboxes.values()))
        methods.cpu.close()
        await methods.link.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    async def _find_way(self, link: GuardLink) -> None:
        """Try how sandboxes can be kept apart, and whether each can have a file system."""
        trial, tmp = self._directory / "trial", self._directory / "trial-tmp"
        trial.mkdir()
        tmp.mkdir()
        needed = [sys.prefix, sys.base_prefix, str(Path(sys.executable).parent)]
        view = View(str(trial), str(tmp), keep=needed, hide=self._hide)
        with contextlib.suppress(OSError):
            image = await asyncio.to_thread(disk_image.make, trial / "tmp.ext4", 512)
            try:
                with_disk = dataclasses.replace(view, disk=image.device)
                self._way = await link.possible_way(with_disk, self._uid(0), needed)
            finally:
                image.close()
        self._disks = self._way.kind is not None
        if not self._disks:
            self._way = await link.possible_way(view, self._uid(0), needed)

    async def _calibrate(self, methods: Methods) -> None:
        probes = [
            measure_share(methods, size, f"{os.getpid()}-probe-{size}") for size in PROBE_SIZES_MB
        ]
        self._shares = [one for one in await asyncio.gather(*probes) if one is not None]

    def _uid(self, number: int) -> int:
        """A user for a sandbox, where it can be given one."""
        return FIRST_UID + os.getpid() % 20_000 * 10_000 + number % 10_000

    def _not_enforced(self) -> list[str]:
        rest = not_enforced(self._way)
        return rest if peers.can_tell() else [*rest, "other programs reach its Runtime API"]

    def _note(self, runtime: str, task_dir: Path) -> None:
        """Keep what differs from AWS for a function."""
        if stands_in(runtime):
            self._stand_ins.add(runtime)
        if new := extensions(task_dir) - self._extensions:
            self._extensions |= new
            named = ", ".join(sorted(new))
            _log.warning("Extensions of layers do not start on the local Lambda: %s", named)
        if is_nodejs(runtime):
            self._node = node_runtime.version(runtime)
            self._absent |= sdk.absent(sdk.wanted(task_dir))

    def _running(self) -> Methods:
        if self._methods is None:
            raise TunerError("local Lambda", "the sandbox host is not started")
        return self._methods
