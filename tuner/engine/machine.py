"""Which machine this is: processes with the same answer share CLOCK_MONOTONIC."""

import platform
from pathlib import Path
from uuid import getnode

_BOOT = Path("/proc/sys/kernel/random/boot_id")  # Linux, random(4); alike in all its containers


def machine_id() -> str:
    """A text that is the same for every process of this machine since it was started."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return f"{platform.node()}-{getnode()}"
