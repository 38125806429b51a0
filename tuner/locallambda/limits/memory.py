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
from typing import NamedTuple

from tuner.locallambda.limits.cgroup import Cgroup, counter
from tuner.locallambda.limits.process_tree import descendants

MIB = 1024 * 1024
METHODS = ("auto", "cgroup", "rss")
CHECK_EVERY_S = 0.02
#: Fields of /proc/PID/status (proc(5)): the most that was ever resident, and what is now.
MOST, NOW = b"VmHWM:", b"VmRSS:"
#: Lines of /proc/PID/io (proc(5)).
MOVED = (b"\nread_bytes:", b"\nwrite_bytes:")


@dataclass(frozen=True)
class MemoryFiles:
    """The names of the files of one cgroup version."""

    limit: str
    swap: str  # written after the limit, if it exists
    peak: str
    events: str
    cache: str  # key in memory.stat


FILES = {
    1: MemoryFiles(
        limit="memory.limit_in_bytes",
        swap="memory.memsw.limit_in_bytes",  # memory plus swap
        peak="memory.max_usage_in_bytes",
        events="memory.oom_control",
        cache="total_cache",
    ),
    2: MemoryFiles(
        limit="memory.max",
        swap="memory.swap.max",  # swap alone
        peak="memory.peak",  # since Linux 5.19; without it only the processes are looked at
        events="memory.events",
        cache="file",
    ),
}


class CgroupMemoryGroup(Cgroup):
    """One sandbox's memory cgroup, over all its runtimes."""

    def __init__(self, directory: Path, version: int, memory_mb: int) -> None:
        """Make it and set the limit; swapping is not allowed, as on Lambda."""
        super().__init__(directory)
        self._limit = memory_mb * MIB
        self._files = files = FILES[version]
        self.write(files.limit, self._limit)
        if (directory / files.swap).exists():
            self.write(files.swap, self._limit if version == 1 else 0)
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

        The second sees children that have ended already. What the processes have read and written
        may have been cached at the peak, though it is not any more. Nothing is read again while
        the peak stands still, unless at the limit, where cache gives way to the processes.
        """
        if self._peak_fd is None:  # unknown: look at the processes every time
            self._used = max(self._used, held_bytes(pid, MOST))
            return self._used
        peak = int(os.pread(self._peak_fd, 32, 0))
        if peak != self._peak or peak >= self._limit - MIB:
            self._peak = peak
            cached = counter(self.read("memory.stat"), self._files.cache)
            cached = max(cached, transferred_bytes(pid))
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


class RssMemoryGroup:
    """One sandbox that is polled, on the service's event loop."""

    joins: Sequence[str] = ()

    def __init__(self, memory_mb: int) -> None:
        self._limit = memory_mb * MIB
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


class MemoryControl(NamedTuple):
    """One way to enforce the limit; ``group`` makes one from a key and a size."""

    method: str
    group: Callable[[str, int], MemoryGroup]


def by_cgroups(directory: Path, version: int) -> MemoryControl:
    """Groups below one directory of ours, which the guard removes at the end."""
    return MemoryControl(
        f"cgroup-v{version}",
        lambda key, memory_mb: CgroupMemoryGroup(directory / key, version, memory_mb),
    )


def held_bytes(pid: int, field: bytes) -> int:
    """Sum over a process and its living descendants of what each holds or has held resident."""
    if not sys.platform.startswith("linux"):
        return _resident_by_psutil(pid)
    return sum(_status_bytes(one, field) for one in descendants(pid))


def transferred_bytes(pid: int) -> int:
    """What a process, its living descendants and ended children have moved from and to disks.

    0 on a kernel that does not count it.
    """
    return sum(_field(f"/proc/{one}/io", name) for one in descendants(pid) for name in MOVED)


def _status_bytes(pid: int, field: bytes) -> int:
    """A "kB" field of /proc/PID/status (proc(5)); 0 for a process that has ended."""
    return _field(f"/proc/{pid}/status", field) * 1024


def _field(path: str, name: bytes) -> int:
    try:
        text = Path(path).read_bytes()
    except OSError:
        return 0
    _, found, rest = text.partition(name)
    return int(rest.split(None, 1)[0]) if found else 0


def _resident_by_psutil(pid: int) -> int:
    import psutil

    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        return sum(int(process.memory_info().rss) for process in family)
    except psutil.Error:
        return 0
