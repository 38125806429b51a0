"""CPU quota by cgroup version 2 (``cpu.max``), without root where systemd delegates a subtree.

The guard is started in a scope of its own (``systemd-run --scope -p Delegate=yes``); what systemd
gives it there belongs to the user. A container or service that owns its cgroup works too.
"""

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tuner.locallambda import cgroup
from tuner.locallambda.cpu import PERIOD_US, WEIGHT, quota_us


def mount_point() -> Path | None:
    """Where version 2 is mounted with a cpu controller, else ``None``."""
    for mount in cgroup.current_mounts():
        if mount.version == 2:
            try:
                controllers = (mount.path / "cgroup.controllers").read_text(encoding="ascii")
            except OSError:
                continue
            if "cpu" in controllers.split():
                return mount.path
    return None


def delegation_command() -> list[str] | None:
    """The command in front of a program that gives it a delegated subtree; ``None`` without one."""
    program = shutil.which("systemd-run")
    if program is None or not Path("/run/systemd/system").is_dir():
        return None
    whose = [] if os.geteuid() == 0 else ["--user"]
    properties = ["-p", "Delegate=yes", "-p", f"CPUWeight={100 * WEIGHT}"]
    return [program, *whose, "--scope", "--quiet", "--collect", *properties, "--"]


def prepare_subtree(root: Path, guard_pid: int) -> Path | None:
    """A directory for sandboxes below the guard's cgroup; ``None`` when that is not ours to change.

    A cgroup that hands controllers to its children may not hold processes itself (cgroups(7), "no
    internal processes"), so those in it, which must be ours alone, move to a leaf.
    """
    directory = root / cgroup.current_membership(guard_pid).get("", "/").lstrip("/")
    try:
        inside = {int(pid) for pid in (directory / "cgroup.procs").read_text("ascii").split()}
        if directory != root or (directory / "cgroup.type").exists():
            if not cgroup.writable(directory) or not inside <= {guard_pid, os.getpid()}:
                return None
            leaf = directory / "tuner-service"
            leaf.mkdir(exist_ok=True)
            for pid in inside:
                (leaf / "cgroup.procs").write_text(str(pid), encoding="ascii")
        controllers = (directory / "cgroup.controllers").read_text("ascii").split()
        if "cpu" not in controllers:
            return None
        sandboxes = directory / f"tuner-{os.getpid()}"
        sandboxes.mkdir(exist_ok=True)
        for controller in {"cpu", "memory"} & set(controllers):
            for place in (directory, sandboxes):
                (place / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
    except OSError:
        return None
    return sandboxes


class CgroupV2Cpu:
    """Groups below one delegated directory."""

    method = "cgroup-v2"

    def __init__(self, directory: Path) -> None:
        """``directory`` has ``cpu`` in its subtree_control."""
        self._directory = directory
        (directory / "cpu.weight").write_text(str(100 * WEIGHT), encoding="ascii")

    def group(self, key: str) -> "CgroupV2Group":
        """A new group without a limit."""
        return CgroupV2Group(self._directory / key)

    def close(self) -> None:
        """Nothing runs beside the kernel."""


class CgroupV2Group:
    """One sandbox's cgroup; the memory limit uses the same directory."""

    def __init__(self, directory: Path) -> None:
        """Make it."""
        directory.mkdir(exist_ok=True)
        self._directory = directory

    @property
    def joins(self) -> Sequence[str]:
        """The file to enter by."""
        return [str(self._directory / "cgroup.procs")]

    def attach(self, pid: int) -> None:
        """The runtime has entered by itself."""

    def limit(self, memory_mb: float) -> None:
        """Set the quota of this size."""
        text = f"{quota_us(memory_mb)} {PERIOD_US}"
        (self._directory / "cpu.max").write_text(text, encoding="ascii")

    def detach(self, pid: int) -> None:
        """The kernel has noticed."""

    def remove(self) -> None:
        """Remove the empty group; leftovers are the guard's."""
        with contextlib.suppress(OSError):
            self._directory.rmdir()
