"""A sandbox's memory limit, and how much memory its processes really hold. Memory is MiB.

What a Lambda sandbox uses is what its processes hold resident; file pages that the kernel merely
caches for it do not count. With a cgroup the kernel kills what goes over the limit. Without one,
the sandbox is checked every 20 ms while it works and killed above the limit, so that a handler can
overshoot for one check.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.locallambda.limits.cgroup import Cgroup, counter
from tuner.locallambda.limits.process_tree import descendants

MIB = 1024 * 1024
METHODS = ("auto", "cgroup", "rss")
CHECK_EVERY_S = 0.02
#: Fields of /proc/PID/status (proc(5)): the most that was ever resident, and what is now.
MOST, NOW = b"VmHWM:", b"VmRSS:"


@dataclass(frozen=True)
class MemoryFiles:
    """The names of the files of one cgroup version."""

    method: str
    limit: str
    swap: str  # written after the limit, if it exists
    swap_total: bool  # whether it holds memory plus swap (version 1) or swap alone
    peak: str
    events: str
    cache: str  # key in memory.stat


MEMORY_V1 = MemoryFiles(
    method="cgroup-v1",
    limit="memory.limit_in_bytes",
    swap="memory.memsw.limit_in_bytes",
    swap_total=True,
    peak="memory.max_usage_in_bytes",
    events="memory.oom_control",
    cache="total_cache",
)
MEMORY_V2 = MemoryFiles(
    method="cgroup-v2",
    limit="memory.max",
    swap="memory.swap.max",
    swap_total=False,
    peak="memory.peak",  # since Linux 5.19; without it only the processes are looked at
    events="memory.events",
    cache="file",
)


class CgroupMemory:
    """Groups below one directory of ours, which the guard removes at the end."""

    def __init__(self, directory: Path, files: MemoryFiles) -> None:
        self.method = files.method
        self._directory = directory
        self._files = files

    def group(self, key: str, memory_mb: int) -> "CgroupMemoryGroup":
        return CgroupMemoryGroup(self._directory / key, memory_mb * MIB, self._files)


class CgroupMemoryGroup(Cgroup):
    """One sandbox's memory cgroup, over all its runtimes."""

    def __init__(self, directory: Path, limit: int, files: MemoryFiles) -> None:
        """Make it and set the limit in bytes; swapping is not allowed, as on Lambda."""
        super().__init__(directory)
        self._limit = limit
        self._files = files
        self.write(files.limit, limit)
        if (directory / files.swap).exists():
            self.write(files.swap, limit if files.swap_total else 0)
        self._peak_fd: int | None = None
        if (directory / files.peak).exists():
            self._peak_fd = os.open(directory / files.peak, os.O_RDONLY)
        self._peak = -1
        self._used = 0
        self._killed = 0

    def watch(self, pid: int, kill: Callable[[], None]) -> None:
        """Do nothing: the kernel watches."""

    def rest(self) -> None:
        """Do nothing: the kernel watches."""

    def used_bytes(self, pid: int) -> int:
        """The larger of what the processes held and the group's peak without cached files.

        The second sees children that have ended already. Nothing is read again while the peak
        stands still, unless it stands at the limit, where cache gives way to the processes.
        """
        if self._peak_fd is None:  # unknown: look at the processes every time
            self._used = max(self._used, held_bytes(pid, MOST))
            return self._used
        peak = int(os.pread(self._peak_fd, 32, 0))
        if peak != self._peak or peak >= self._limit - MIB:
            self._peak = peak
            cached = counter(self.read("memory.stat"), self._files.cache)
            self._used = max(self._used, held_bytes(pid, MOST), peak - cached)
        return self._used

    def ran_out(self) -> bool:
        """True if the kernel has killed here since the last call."""
        before, self._killed = self._killed, counter(self.read(self._files.events), "oom_kill")
        return self._killed > before

    def remove(self) -> None:
        if self._peak_fd is not None:
            os.close(self._peak_fd)
            self._peak_fd = None
        super().remove()


class RssMemory:
    """Groups that poll, on the service's event loop."""

    method = "rss"

    def group(self, key: str, memory_mb: int) -> "RssMemoryGroup":
        return RssMemoryGroup(memory_mb * MIB)


class RssMemoryGroup:
    """One sandbox that is polled; ``limit`` in bytes."""

    joins: Sequence[str] = ()

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._most = 0
        self._over = False
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, pid: int, kill: Callable[[], None]) -> None:
        """Check now and then until :meth:`rest`."""
        self.rest()
        loop = asyncio.get_running_loop()

        def check() -> None:
            held = held_bytes(pid, NOW)
            self._most = max(self._most, held)
            if held > self._limit:
                self._over = True
                kill()
            else:
                self._timer = loop.call_later(CHECK_EVERY_S, check)

        self._timer = loop.call_later(CHECK_EVERY_S, check)

    def rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def used_bytes(self, pid: int) -> int:
        """The most seen in any check, or by the processes' own high-water marks."""
        self._most = max(self._most, held_bytes(pid, MOST))
        return self._most

    def ran_out(self) -> bool:
        """True if it was killed since the last call."""
        over, self._over = self._over, False
        return over

    def remove(self) -> None:
        self.rest()


#: The memory limit of one sandbox. It works from ``watch`` to ``rest``; ``remove`` comes last.
MemoryGroup = CgroupMemoryGroup | RssMemoryGroup
MemoryControl = CgroupMemory | RssMemory


def held_bytes(pid: int, field: bytes) -> int:
    """Sum over a process and its living descendants of what each holds or has held resident."""
    if not sys.platform.startswith("linux"):
        return _resident_by_psutil(pid)
    return sum(_status_bytes(one, field) for one in descendants(pid))


def _status_bytes(pid: int, field: bytes) -> int:
    """A "kB" field of /proc/PID/status (proc(5)); 0 for a process that has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return 0
    _, found, rest = status.partition(field)
    return int(rest.split(None, 1)[0]) * 1024 if found else 0


def _resident_by_psutil(pid: int) -> int:
    import psutil

    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        return sum(int(process.memory_info().rss) for process in family)
    except psutil.Error:
        return 0
