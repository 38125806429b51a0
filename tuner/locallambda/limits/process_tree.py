"""Finds every process that belongs to a sandbox, also those that a handler left behind.

A cgroup lists its members. Without one they are the runtime's process group, its descendants, and
whatever still carries the sandbox's mark in its environment (as a daemon that detached itself
does). Standard library only; runs inside the guard.
"""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Environment variable that every process of a sandbox inherits.
MARK = "TUNER_SANDBOX"


@dataclass(frozen=True)
class ProcessRow:
    pid: int
    parent: int
    group: int


@dataclass
class ProcessFamily:
    """One sandbox's processes: its mark, its runtimes' pids so far, its cgroups."""

    key: str
    runtimes: set[int] = field(default_factory=set)
    cgroups: Sequence[str] = ()  # paths of cgroup.procs files


def process_table() -> list[ProcessRow]:
    """All processes that can be seen; empty where neither /proc nor ps works."""
    if Path("/proc/self/stat").exists():
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
        return [row for row in map(_row, pids) if row is not None]
    listing = subprocess.run(
        ["ps", "-A", "-o", "pid=,ppid=,pgid="], capture_output=True, text=True, check=False
    )
    fields = (line.split() for line in listing.stdout.splitlines())
    return [ProcessRow(int(a), int(b), int(c)) for a, b, c in fields]


def members(families: Sequence[ProcessFamily]) -> Mapping[str, set[int]]:
    """The living processes of each family, by its key. Zombies do not count."""
    found = {one.key: _alive(listed(one.cgroups)) for one in families if one.cgroups}
    searched = [one for one in families if not one.cgroups]
    if searched:
        table = process_table()
        marks = {row.pid: mark for row in table if (mark := _mark(row.pid)) is not None}
        for family in searched:
            found[family.key] = related(family, table, marks)
    return found


class StandingStill:
    """The processes of one sandbox that are stopped between invocations.

    ``listed`` gives all of them, at least. The runtime's group is stopped as one, and then what has
    left it. Looking again ends, since a process that has been signalled does not fork before the
    signal is delivered (Linux, ``copy_process`` of ``kernel/fork.c``).
    """

    def __init__(self, listed: Callable[[], Iterable[int]]) -> None:
        self._listed = listed
        self._outside: set[int] = set()  # of the runtime's group

    def stop(self, runtime: int) -> None:
        _signal_group(runtime, signal.SIGSTOP)
        while new := {pid for pid in self._listed() if _has_left(pid, runtime)} - self._outside:
            _signal(new, signal.SIGSTOP)
            self._outside |= new

    def go_on(self, runtime: int) -> None:
        _signal_group(runtime, signal.SIGCONT)
        _signal(self._outside, signal.SIGCONT)
        self.forget()

    def forget(self) -> None:
        """Signal none of them again unless it is listed: a pid may soon be another process's."""
        self._outside.clear()


def kill(pids: Iterable[int]) -> None:
    _signal(pids, signal.SIGKILL)


def descendants(pid: int) -> Iterator[int]:
    """A process and all that it has started, as far as the kernel lists children (proc(5))."""
    yield pid
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from descendants(int(child))


def related(
    family: ProcessFamily, table: Iterable[ProcessRow], marks: Mapping[int, str]
) -> set[int]:
    """The processes of the runtime's group, its descendants, and those with the mark."""
    rows = list(table)
    kin = {
        row.pid
        for row in rows
        if row.pid in family.runtimes
        or row.group in family.runtimes
        or marks.get(row.pid) == family.key
    }
    grown = True
    while grown:
        children = {row.pid for row in rows if row.parent in kin} - kin
        kin |= children
        grown = bool(children)
    return kin


def listed(cgroups: Sequence[str]) -> set[int]:
    """The processes in these files of cgroup.procs; none of one that is removed."""
    pids: set[int] = set()
    for path in cgroups:
        with contextlib.suppress(OSError):
            pids.update(int(line) for line in Path(path).read_text(encoding="ascii").split())
    return pids


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        if pid > 0:  # 0 would be the caller's own group
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _has_left(pid: int, group: int) -> bool:
    """True of a living process of another group."""
    try:
        return os.getpgid(pid) != group
    except ProcessLookupError:
        return False


def _row(pid: int) -> ProcessRow | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None  # it ended while we were looking
    # The command name is in parentheses and may hold spaces and parentheses itself (proc(5)).
    state, parent, group = stat.rpartition(")")[2].split()[:3]
    return None if state in "ZX" else ProcessRow(pid, int(parent), int(group))


def _mark(pid: int) -> str | None:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return None  # somebody else's process, or one that has just ended
    for entry in environment.split(b"\0"):
        if entry.startswith(MARK.encode() + b"="):
            return entry.partition(b"=")[2].decode("utf-8", "replace")
    return None


def _alive(pids: Iterable[int]) -> set[int]:
    return {pid for pid in pids if _row(pid) is not None}
