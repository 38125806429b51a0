"""CPU as Lambda hands it out: a quota of 20 ms x MB/1769 in every period of 20 ms.

This file has the arithmetic and the seam; each way to enforce it has a file of its own
(``cpu_cgroup_v1.py``, ``cpu_cgroup_v2.py``, ``cpu_duty_cycle.py``).
"""

import os
from collections.abc import Sequence
from typing import Protocol

#: CFS period and the memory that buys one core, as measured on AWS: "Demystifying Serverless Costs
#: on Public Platforms", EuroSys 2026, arXiv 2506.01283; the latter also in AWS's quota page.
PERIOD_US = 20_000
ONE_CORE_MB = 1769

#: Weight of all sandboxes together against any one other process of the machine, as a multiple of
#: the ordinary weight: the quota, not the competition, should decide what a handler gets.
WEIGHT = 10

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


def shortage(memory_mb: float) -> str | None:
    """A sentence for a size that needs more cores than there are, else ``None``."""
    if share(memory_mb) <= cores():
        return None
    return (
        f"{memory_mb:.0f} MB gets {share(memory_mb):.2f} cores on Lambda, this machine has "
        f"{cores()}: parallel code will look slower here. Sizes up to "
        f"{cores() * ONE_CORE_MB} MB are right."
    )


class CpuGroup(Protocol):
    """The CPU limit of one sandbox. Starts without a limit."""

    @property
    def joins(self) -> Sequence[str]:
        """cgroup.procs files that a process of the sandbox has to enter before it starts."""
        ...

    def attach(self, pid: int) -> None:
        """A runtime has started (again)."""
        ...

    def limit(self, memory_mb: float) -> None:
        """From now on, this size's share."""
        ...

    def detach(self, pid: int) -> None:
        """That runtime has ended."""
        ...

    def remove(self) -> None:
        """The sandbox is gone and empty."""
        ...


class CpuControl(Protocol):
    """One way to enforce the quota."""

    method: str

    def group(self, key: str) -> CpuGroup:
        """A new group for the sandbox ``key``."""
        ...

    def close(self) -> None:
        """End what the control itself started."""
        ...
