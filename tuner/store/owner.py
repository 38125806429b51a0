"""Which process writes a run, and whether it is still there.

A process is known by host, boot, number and start time, since numbers are used again. What runs
on another host cannot be seen from here and counts as alive.
"""

import os
import socket
from dataclasses import dataclass
from pathlib import Path

# psutil derives a start time from the boot time, which moves a little when the clock is set.
_SAME_START_S = 2.0


@dataclass(frozen=True)
class Owner:
    """One process; ``started_at`` is in seconds since the epoch, ``boot`` "" where unknown."""

    pid: int
    started_at: float
    boot: str
    host: str

    def gone(self) -> bool:
        """Whether this process has certainly ended."""
        if self.host != socket.gethostname():
            return False
        if self.boot != _boot():
            return True
        import psutil  # here, as commands that only read need none of it

        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return abs(process.create_time() - self.started_at) > _SAME_START_S
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


def this_process() -> Owner:
    """Describe the process that asks."""
    import psutil

    pid = os.getpid()
    return Owner(pid, psutil.Process(pid).create_time(), _boot(), socket.gethostname())


def _boot() -> str:
    """Read Linux's identity of this boot; other systems have none and rely on start times."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
