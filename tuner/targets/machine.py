"""What other programs did on this machine while a local function was measured.

A machine that is busy all the time shows no difference between rounds of calls, so it is asked
itself: the time its cores worked, less that of this process, of the local Lambda, and of all that
they started.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tuner.records import MACHINE_BUSY, Advice

#: Cores that others may use: the system's own chores take less on an idle machine.
_OTHERS = 0.25


@dataclass(frozen=True)
class CpuUse:
    """Seconds that the machine's cores worked, those of them that were ours, and when."""

    all_s: float
    own_s: float
    at_s: float


def cpu_use(*beside: psutil.Process) -> CpuUse:
    """Read what was used so far; of processes that have ended, what their parents know. Those
    ``beside`` this one, with their children, are ours."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0) + getattr(times, "guest", 0.0)
    used, ours = 0.0, set[psutil.Process]()
    for root in (psutil.Process(), *beside):
        with contextlib.suppress(psutil.Error):
            ours |= {root, *root.children(recursive=True)}
    for process in ours:
        try:
            used += sum(process.cpu_times()[:4])  # user, system, and those of ended children
        except psutil.Error:  # it has just ended
            continue
    return CpuUse(sum(times) - idle, used, time.monotonic())


class Neighbours:
    """Watches other programs from its making on."""

    def __init__(self, read: Callable[[], CpuUse] = cpu_use) -> None:
        self._read, self._first = read, read()

    def cores(self) -> float:
        """Cores that they used on average so far."""
        now, first = self._read(), self._first
        used = (now.all_s - first.all_s) - (now.own_s - first.own_s)
        return max(0.0, used) / max(now.at_s - first.at_s, 1e-3)

    def advice(self, cores: int) -> tuple[Advice, ...]:
        """The doubt that they raise on a machine of so many cores, if they do."""
        used = self.cores()
        if used < _OTHERS:
            return ()
        text = (
            f"Other programs used {used:.1f} of this machine's {cores} cores, so calls took longer "
            "than they would alone, by how much at which size cannot be told. Close them and run "
            "it again."
        )
        return (Advice(MACHINE_BUSY, text),)
