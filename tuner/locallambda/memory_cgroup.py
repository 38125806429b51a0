"""Memory limit by a cgroup of either version: the kernel kills what goes over it."""

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.locallambda import cgroup
from tuner.locallambda.memory import MIB, high_water_bytes


@dataclass(frozen=True)
class Files:
    """What the files of one cgroup version are called."""

    limit: str
    swap: str  # written after the limit, if it exists
    swap_total: bool  # whether it holds memory plus swap (version 1) or swap alone
    peak: str
    events: str
    cache: str  # key in memory.stat


V1 = Files(
    limit="memory.limit_in_bytes",
    swap="memory.memsw.limit_in_bytes",
    swap_total=True,
    peak="memory.max_usage_in_bytes",
    events="memory.oom_control",
    cache="total_cache",
)
V2 = Files(
    limit="memory.max",
    swap="memory.swap.max",
    swap_total=False,
    peak="memory.peak",  # since Linux 5.19; without it only the processes are looked at
    events="memory.events",
    cache="file",
)


class CgroupMemory:
    """Groups below one directory."""

    def __init__(self, directory: Path, files: Files) -> None:
        """``directory`` is ours: made by us, removed by the guard."""
        self._directory = directory
        self._files = files
        self.method = "cgroup-v1" if files is V1 else "cgroup-v2"

    def group(self, key: str, memory_mb: int) -> "CgroupMemoryGroup":
        """A new group with its limit set."""
        return CgroupMemoryGroup(self._directory / key, memory_mb * MIB, self._files)


class CgroupMemoryGroup:
    """One sandbox's memory cgroup."""

    def __init__(self, directory: Path, limit: int, files: Files) -> None:
        """Make it and set the limit in bytes; swapping is not allowed, as on Lambda."""
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self._limit = limit
        self._files = files
        (directory / files.limit).write_text(str(limit), encoding="ascii")
        if (directory / files.swap).exists():
            amount = limit if files.swap_total else 0
            (directory / files.swap).write_text(str(amount), encoding="ascii")
        self._peak_fd = self._open(files.peak)
        self._peak = -1
        self._used = 0
        self._killed = 0

    @property
    def joins(self) -> Sequence[str]:
        """The file to enter by."""
        return [str(self._directory / "cgroup.procs")]

    def watch(self, pid: int, kill: Callable[[], None]) -> None:
        """The kernel watches."""

    def rest(self) -> None:
        """The kernel watches."""

    def used_bytes(self, pid: int) -> int:
        """The larger of what the processes held and the group's peak without cached files.

        The second sees children that have ended already. Nothing is read again while the peak
        stands still, unless it stands at the limit, where cache gives way to the processes.
        """
        peak = self._read_peak()
        if peak != self._peak or peak >= self._limit - MIB:
            self._peak = peak
            self._used = max(self._used, high_water_bytes(pid), peak - self._cached())
        return self._used

    def ran_out(self) -> bool:
        """Whether the kernel has killed here since this was last asked."""
        text = self._read(self._files.events)
        before, self._killed = self._killed, cgroup.counter(text, "oom_kill")
        return self._killed > before

    def remove(self) -> None:
        """Remove the empty group; leftovers are the guard's."""
        if self._peak_fd is not None:
            os.close(self._peak_fd)
            self._peak_fd = None
        with contextlib.suppress(OSError):
            self._directory.rmdir()

    def _open(self, name: str) -> int | None:
        try:
            return os.open(self._directory / name, os.O_RDONLY)
        except OSError:
            return None

    def _read_peak(self) -> int:
        if self._peak_fd is None:
            return self._limit  # unknown: look at the processes every time
        return int(os.pread(self._peak_fd, 32, 0))

    def _cached(self) -> int:
        if self._peak_fd is None:
            return self._limit
        return cgroup.counter(self._read("memory.stat"), self._files.cache)

    def _read(self, name: str) -> str:
        try:
            return (self._directory / name).read_text(encoding="ascii")
        except OSError:
            return ""
