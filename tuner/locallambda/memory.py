"""The seam of a sandbox's memory limit, and how much memory its processes really hold.

What a Lambda sandbox uses is what its processes hold resident; file pages that the kernel merely
caches for it do not count. Memory is MiB.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tuner.locallambda.process_tree import descendants

MIB = 1024 * 1024
METHODS = ("auto", "cgroup", "rss")


class MemoryGroup(Protocol):
    """The memory limit of one sandbox, over all its runtimes."""

    @property
    def joins(self) -> Sequence[str]:
        """cgroup.procs files that a process of the sandbox has to enter before it starts."""
        ...

    def watch(self, pid: int, kill: Callable[[], None]) -> None:
        """The sandbox works; a method that cannot stop it at the limit by itself calls ``kill``."""
        ...

    def rest(self) -> None:
        """The sandbox is idle."""
        ...

    def used_bytes(self, pid: int) -> int:
        """The most that was held since this runtime started, as far as is known by now."""
        ...

    def ran_out(self) -> bool:
        """Whether something was killed over the limit since this was last asked."""
        ...

    def remove(self) -> None:
        """The sandbox is gone and empty."""
        ...


class MemoryControl(Protocol):
    """One way to enforce the limit."""

    method: str

    def group(self, key: str, memory_mb: int) -> MemoryGroup:
        """A new group for the sandbox ``key``."""
        ...


def high_water_bytes(pid: int) -> int:
    """Sum over a process and its living descendants of the most that each has held resident."""
    return _sum(pid, b"VmHWM:")


def resident_bytes(pid: int) -> int:
    """Sum over a process and its living descendants of what each holds resident now."""
    return _sum(pid, b"VmRSS:")


def _sum(pid: int, field: bytes) -> int:
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
