"""Where cgroups are mounted and which one we are in: the reading that both versions share."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mount:
    """One mounted cgroup hierarchy."""

    path: Path
    version: int  # 1 or 2
    options: frozenset[str]  # of a version 1 mount: its controllers among other things


def mounts(table: str) -> list[Mount]:
    """The cgroup mounts in the text of /proc/mounts (format: proc(5), fstab(5))."""
    found = []
    for line in table.splitlines():
        fields = line.split()
        if len(fields) >= 4 and fields[2] in ("cgroup", "cgroup2"):
            place = Path(fields[1].replace("\\040", " "))
            version = 2 if fields[2] == "cgroup2" else 1
            found.append(Mount(place, version, frozenset(fields[3].split(","))))
    return found


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


def current_mounts() -> list[Mount]:
    """The cgroup mounts of this machine; empty where there is no /proc."""
    return mounts(_text("/proc/mounts"))


def current_membership(pid: int | str = "self") -> dict[str, str]:
    """The cgroups of a process; empty where there is no /proc or no such process."""
    return membership(_text(f"/proc/{pid}/cgroup"))


def writable(directory: Path) -> bool:
    """Whether cgroups can be made below ``directory`` and processes put into them."""
    return os.access(directory, os.W_OK) and os.access(directory / "cgroup.procs", os.W_OK)


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


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
