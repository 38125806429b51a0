"""CPU quota by the cpu controller of cgroup version 1 (``cpu.cfs_quota_us``)."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

from tuner.locallambda import cgroup
from tuner.locallambda.cpu import PERIOD_US, WEIGHT, quota_us


def own_directory(controller: str) -> Path | None:
    """Our own cgroup of a version 1 controller if groups can be made in it, else ``None``."""
    for mount in cgroup.current_mounts():
        if mount.version == 1 and controller in mount.options:
            relative = cgroup.current_membership().get(controller, "/").lstrip("/")
            # In a container the path is the host's and does not exist below the mount.
            for place in (mount.path / relative, mount.path):
                if place.is_dir():
                    return place if cgroup.writable(place) else None
    return None


class CgroupV1Cpu:
    """Groups below one directory of the cpu hierarchy."""

    method = "cgroup-v1"

    def __init__(self, directory: Path) -> None:
        """``directory`` is ours: made by us, removed by the guard."""
        self._directory = directory
        (directory / "cpu.shares").write_text(str(1024 * WEIGHT), encoding="ascii")

    def group(self, key: str) -> "CgroupV1Group":
        """A new group without a limit."""
        return CgroupV1Group(self._directory / key)

    def close(self) -> None:
        """Nothing runs beside the kernel."""


class CgroupV1Group:
    """One sandbox's cpu cgroup."""

    def __init__(self, directory: Path) -> None:
        """Make it, with Lambda's period and no quota."""
        directory.mkdir(exist_ok=True)
        self._directory = directory
        self._write("cpu.cfs_period_us", PERIOD_US)

    @property
    def joins(self) -> Sequence[str]:
        """The file to enter by."""
        return [str(self._directory / "cgroup.procs")]

    def attach(self, pid: int) -> None:
        """The runtime has entered by itself."""

    def limit(self, memory_mb: float) -> None:
        """Set the quota of this size."""
        self._write("cpu.cfs_quota_us", quota_us(memory_mb))

    def detach(self, pid: int) -> None:
        """The kernel has noticed."""

    def remove(self) -> None:
        """Remove the empty group; leftovers are the guard's."""
        with contextlib.suppress(OSError):
            self._directory.rmdir()

    def _write(self, name: str, value: int) -> None:
        (self._directory / name).write_text(str(value), encoding="ascii")
