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
from pathlib import Path

from tuner.locallambda.limits.cgroup import WEIGHT, Cgroup
from tuner.locallambda.limits.process_tree import StandingStill, descendants, listed

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


class CgroupCpu:
    """Groups below one directory of ours, which the guard removes at the end."""

    def __init__(self, directory: Path, version: int) -> None:
        self.method = f"cgroup-v{version}"
        self._directory = directory
        self._version = version
        weight, ordinary = ("cpu.shares", 1024) if version == 1 else ("cpu.weight", 100)
        Cgroup(directory).write(weight, ordinary * WEIGHT)

    def group(self, key: str) -> "CgroupCpuGroup":
        return CgroupCpuGroup(self._directory / key, self._version)

    def close(self) -> None:
        """Do nothing: only the kernel is at work."""


class CgroupCpuGroup(Cgroup):
    """One sandbox's cgroup; in version 2 the memory limit uses the same directory."""

    def __init__(self, directory: Path, version: int) -> None:
        super().__init__(directory)
        self._version = version
        self._still = StandingStill(lambda: listed(self.joins))
        if version == 1:
            self.write("cpu.cfs_period_us", PERIOD_US)

    def attach(self, pid: int) -> None:
        """Do nothing: the runtime has entered by itself."""

    def limit(self, memory_mb: float) -> None:
        if self._version == 1:
            self.write("cpu.cfs_quota_us", quota_us(memory_mb))
        else:
            self.write("cpu.max", f"{quota_us(memory_mb)} {PERIOD_US}")

    def detach(self, pid: int) -> None:
        """Forget what was stopped beside the runtime; of its end the kernel knows."""
        self._still.forget()

    def freeze(self, pid: int, root: int) -> None:
        """Stop all that is in the group, by signals: what version 1 freezes cannot be killed."""
        self._still.stop(pid)

    def thaw(self, pid: int) -> None:
        self._still.go_on(pid)


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
        self._root = 0  # which starts the sandbox's processes, and runs nothing of a handler
        self._still = StandingStill(self._processes)

    def attach(self, pid: int) -> None:
        """Limit this runtime at once if a limit was set for an earlier one."""
        self._pid = pid
        if self._memory_mb is not None:
            self.limit(self._memory_mb)

    def limit(self, memory_mb: float) -> None:
        self._memory_mb = memory_mb
        if self._pid is not None:
            self._send(f"limit {self._pid} {quota_us(memory_mb)}")

    def detach(self, pid: int) -> None:
        """Forget the runtime, whose pid may soon belong to another process, and what was beside."""
        self._still.forget()
        if self._pid == pid:
            self._send(f"release {pid}")
            self._pid = None

    def freeze(self, pid: int, root: int) -> None:
        """Stop all that descends from ``root``, and keep the controller from letting it go on."""
        self._root = root
        self._still.stop(pid)
        self._send(f"freeze {pid}")

    def thaw(self, pid: int) -> None:
        """Let it go on at once; the controller stops it again if it is in debt."""
        self._still.go_on(pid)
        self._send(f"thaw {pid}")

    def remove(self) -> None:
        if self._pid is not None:
            self.detach(self._pid)

    def _processes(self) -> list[int]:
        return [pid for pid in descendants(self._root) if pid != self._root]


#: The CPU limit of one sandbox, which starts without one: its processes enter the files of
#: ``joins`` before they start, ``attach`` and ``detach`` follow its runtimes, ``freeze`` lets one
#: and all beside it stand still until ``thaw``, ``remove`` is last.
CpuGroup = CgroupCpuGroup | DutyCycleGroup
CpuControl = CgroupCpu | DutyCycleCpu
