"""Control groups of both versions: where they are mounted, and directories of our own in them.

Version 2 needs no root where systemd delegates a subtree: the guard starts in a scope of its own
(``systemd-run --scope -p Delegate=yes``), which belongs to the user. A container or service that
owns its cgroup works too.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

#: Weight of all sandboxes together against any one other process of the machine, as a multiple of
#: the ordinary weight: the quota, not the competition, should decide what a handler gets.
WEIGHT = 10


def membership(text: str) -> dict[str, str]:
    """Controller -> cgroup path, from the text of /proc/PID/cgroup; version 2 is under ""."""
    paths = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, separator, path = rest.partition(":")
        if separator:
            for controller in controllers.split(","):
                paths[controller] = path
    return paths


def mounts(kind: str) -> list[tuple[Path, list[str]]]:
    """The mounts of "cgroup" (version 1) or "cgroup2" on this machine, with their options.

    Those of version 1 include their controllers.
    """
    import psutil

    found = psutil.disk_partitions(all=True) if sys.platform.startswith("linux") else []
    return [(Path(one.mountpoint), one.opts.split(",")) for one in found if one.fstype == kind]


def current_membership(pid: int | str = "self") -> dict[str, str]:
    """The cgroups of a process; empty where there is no /proc or no such process."""
    return membership(_text(Path(f"/proc/{pid}/cgroup")))


def writable(directory: Path) -> bool:
    """True if cgroups can be made below ``directory`` and processes put into them."""
    return os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)


def enter(directory: Path, pid: int) -> None:
    """Put a process into a cgroup, if it can be."""
    with contextlib.suppress(OSError):
        (directory / "cgroup.procs").write_text(str(pid), encoding="ascii")


def remove(directory: Path) -> None:
    """Remove a cgroup and those below it; one that is not empty stays."""
    for folder, _, _ in os.walk(directory, topdown=False):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()


def counter(text: str, name: str) -> int:
    """The value of ``name`` in a flat keyed file such as memory.events; 0 when it has none."""
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name and value.strip().isdigit():
            return int(value)
    return 0


class Cgroup:
    """The cgroup of one sandbox: a directory that exists from construction to :meth:`remove`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(exist_ok=True)
        self._directory = directory
        #: The file that a process writes itself into to enter.
        self.joins: Sequence[str] = [str(directory / "cgroup.procs")]

    def write(self, name: str, value: object) -> None:
        (self._directory / name).write_text(str(value), encoding="ascii")

    def read(self, name: str) -> str:
        """The text of one of its files; empty where there is none."""
        return _text(self._directory / name)

    def remove(self) -> None:
        """Remove the empty group; the guard removes leftovers."""
        with contextlib.suppress(OSError):
            self._directory.rmdir()


def make_v1_directory(controller: str) -> Path | None:
    """A new directory of ours in a version 1 hierarchy; ``None`` if that is not possible."""
    relative = current_membership().get(controller, "/").lstrip("/")
    for mount, options in mounts("cgroup"):
        # In a container the path is the host's and does not exist below the mount.
        parent = mount / relative if (mount / relative).is_dir() else mount
        if controller in options and writable(parent):
            ours = parent / f"tuner-{os.getpid()}-{os.urandom(3).hex()}"
            with contextlib.suppress(OSError):
                ours.mkdir()
                return ours
    return None


def v2_mount_point() -> Path | None:
    """The mount of version 2 with a cpu controller, else ``None``."""
    for path, _ in mounts("cgroup2"):
        if "cpu" in _text(path / "cgroup.controllers").split():
            return path
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
    directory = root / current_membership(guard_pid).get("", "/").lstrip("/")
    try:
        inside = {int(pid) for pid in (directory / "cgroup.procs").read_text("ascii").split()}
        if directory != root or (directory / "cgroup.type").exists():
            if not writable(directory) or not inside <= {guard_pid, os.getpid()}:
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


def limits_memory(subtree: Path) -> bool:
    """True if groups below a version 2 directory can limit memory."""
    return "memory" in _text(subtree / "cgroup.subtree_control").split()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
