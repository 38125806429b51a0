"""CPU as Lambda hands it out: a quota of 20 ms x MB/1769 in every period of 20 ms.

Enforced by a cgroup of either version or, without one, by a duty cycle: SIGSTOP when a sandbox has
used its quota, SIGCONT when it may go on. The duty cycle runs in a process of its own
(``cpu_duty_controller.py``), so that a busy event loop does not lengthen a burst. It is coarser: a
tick may come late, and a process that lives for less than a tick is not counted.
"""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tuner.locallambda.limits.cgroup import WEIGHT, Cgroup

#: CFS period and the memory that buys one core, as measured on AWS: "Demystifying Serverless Costs
#: on Public Platforms", EuroSys 2026, arXiv 2506.01283; the latter also in AWS's quota page.
PERIOD_US = 20_000
ONE_CORE_MB = 1769

METHODS = ("auto", "cgroup-v1", "cgroup-v2", "duty-cycle")


def share(memory_mb: float) -> float:
    """Cores that a sandbox of this size may use; above 1 beyond 1,769 MB."""
    return memory_mb / ONE_CORE_MB


def quota_us(memory_mb: float) -> int:
    """CPU time per period in microseconds; at least the kernel's minimum of 1 ms."""
    return max(1000, round(PERIOD_US * share(memory_mb)))


def cores() -> int:
    """Cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class CpuGroup(Protocol):
    """The CPU limit of one sandbox, which starts without one.

    ``joins``: cgroup.procs files that its processes enter before they start. ``attach`` and
    ``detach`` follow its runtimes; ``limit`` sets the share of a size (MB); ``remove`` comes last.
    """

    @property
    def joins(self) -> Sequence[str]: ...
    def attach(self, pid: int) -> None: ...
    def limit(self, memory_mb: float) -> None: ...
    def detach(self, pid: int) -> None: ...
    def remove(self) -> None: ...


class CpuControl(Protocol):
    """One way to enforce the quota; ``close`` ends what it has started itself."""

    method: str

    def group(self, key: str) -> CpuGroup: ...
    def close(self) -> None: ...


@dataclass(frozen=True)
class CpuFiles:
    """The names of the files of one cgroup version."""

    method: str
    weight: str
    ordinary_weight: int
    quota: str  # file
    quota_text: str
    period: str | None = None  # file, where the period is not written with the quota


CPU_V1 = CpuFiles(
    "cgroup-v1", "cpu.shares", 1024, "cpu.cfs_quota_us", "{quota}", "cpu.cfs_period_us"
)
CPU_V2 = CpuFiles("cgroup-v2", "cpu.weight", 100, "cpu.max", "{quota} {period}")


class CgroupCpu:
    """Groups below one directory of ours, which the guard removes at the end."""

    def __init__(self, directory: Path, files: CpuFiles) -> None:
        self.method = files.method
        self._directory = directory
        self._files = files
        Cgroup(directory).write(files.weight, files.ordinary_weight * WEIGHT)

    def group(self, key: str) -> "CgroupCpuGroup":
        return CgroupCpuGroup(self._directory / key, self._files)

    def close(self) -> None:
        """Do nothing: only the kernel is at work."""


class CgroupCpuGroup(Cgroup):
    """One sandbox's cgroup; in version 2 the memory limit uses the same directory."""

    def __init__(self, directory: Path, files: CpuFiles) -> None:
        super().__init__(directory)
        self._files = files
        if files.period is not None:
            self.write(files.period, PERIOD_US)

    def attach(self, pid: int) -> None:
        """Do nothing: the runtime has entered by itself."""

    def limit(self, memory_mb: float) -> None:
        text = self._files.quota_text.format(quota=quota_us(memory_mb), period=PERIOD_US)
        self.write(self._files.quota, text)

    def detach(self, pid: int) -> None:
        """Do nothing: the kernel has noticed."""


class DutyCycleCpu:
    """The service's side of the duty cycle: tells the controller process what to limit."""

    method = "duty-cycle"

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tuner.locallambda.limits.cpu_duty_controller"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the service alone
        )

    def group(self, key: str) -> "DutyCycleGroup":
        return DutyCycleGroup(self._send)

    def close(self) -> None:
        """End the controller; whatever it had stopped goes on."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _send(self, line: str) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line.encode("ascii") + b"\n")
                self._process.stdin.flush()


class DutyCycleGroup:
    """One sandbox under the controller; ``send`` sends it a line."""

    joins: Sequence[str] = ()

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._pid: int | None = None
        self._memory_mb: float | None = None

    def attach(self, pid: int) -> None:
        """Limit this runtime at once if a limit was set for an earlier one."""
        self._pid = pid
        if self._memory_mb is not None:
            self.limit(self._memory_mb)

    def limit(self, memory_mb: float) -> None:
        """Have the controller watch the runtime."""
        self._memory_mb = memory_mb
        if self._pid is not None:
            self._send(f"limit {self._pid} {quota_us(memory_mb)}")

    def detach(self, pid: int) -> None:
        """Forget the runtime, whose pid may soon belong to another process."""
        if self._pid == pid:
            self._send(f"release {pid}")
            self._pid = None

    def remove(self) -> None:
        if self._pid is not None:
            self.detach(self._pid)
