"""A suite: which functions are measured how, which changes matter, and one run of it at a time.

:mod:`tuner.suites.suite_file` reads it from ``tuner.toml``. The lock of a running suite is a
file's, so it ends with the process that holds it, however that ends.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tuner.clock import Clock
from tuner.errors import Partial, StoreError, UsageError
from tuner.files import open_own, own_folder
from tuner.options.sweep import SweepOptions
from tuner.suites.gate import Gate, Subject
from tuner.targets.seam import Progress

#: Calls a side at most, unless the suite says otherwise.
MOST = 200
#: Cold starts a side where a gate asks for them and the case does not say how many.
COLD_STARTS = 40


class Overlap(StrEnum):
    """The behaviour of a second run of the same suite while the first is going on."""

    WAIT = "wait"
    LEAVE = "leave"


@dataclass(frozen=True)
class Case:
    """One function with one payload. ``options`` are those of a sweep, as far as they apply.

    Without ``sizes_mb`` the configured memory is measured. ``most`` bounds the warm calls a side,
    ``cold`` is how many cold starts a side are forced (``None``: as the gates ask).
    """

    name: str
    options: SweepOptions
    gates: tuple[Gate, ...]
    sizes_mb: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()
    most: int = MOST
    cold: int | None = None
    against: str | None = None
    control: bool = True

    @property
    def target(self) -> str:
        """The target that is measured."""
        return self.options.target

    @property
    def loaded(self) -> bool:
        """True for a load, false for single calls."""
        return self.options.profile_load is not None or self.options.rate is not None

    @property
    def cold_starts(self) -> int:
        """Cold starts a side that this case forces."""
        if self.cold is not None:
            return self.cold
        asked = any(gate.subject in (Subject.INIT, Subject.COLD) for gate in self.gates)
        return COLD_STARTS if asked else 0


@dataclass(frozen=True)
class Environment:
    """The place of a suite's functions: options that replace those of every case, and targets of
    single cases by their name."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Suite:
    """All cases, and what holds for all of them. ``wait_s`` is how long a second run waits."""

    name: str
    path: Path
    cases: tuple[Case, ...]
    environments: tuple[Environment, ...] = ()
    confidence: float = 0.99
    baseline_branch: str = "main"
    overlap: Overlap = Overlap.WAIT
    wait_s: float = 1800.0
    warn_only: bool = False

    def chosen(self, tags: Sequence[str], only: Sequence[str]) -> tuple[Case, ...]:
        """The cases with any of these tags, and among these names; all without either.

        Raises UsageError where nothing is left or a name is not known.
        """
        names = [case.name for case in self.cases]
        for name in only:
            if name not in names:
                fix = f"There are: {', '.join(names)}."
                raise UsageError(f"--only {name[:60]!r}", "is not a case of the suite", fix)
        found = tuple(
            case
            for case in self.cases
            if (not tags or set(tags) & set(case.tags)) and (not only or case.name in only)
        )
        if not found:
            known = sorted({tag for case in self.cases for tag in case.tags})
            fix = f"There are: {', '.join(known) or 'no tags'}."
            raise UsageError(f"--tag {' '.join(tags)}", "matches no case", fix)
        return found

    def in_environment(self, name: str | None) -> "Suite":
        """The suite with its functions where ``name`` says; raises UsageError if it is unknown."""
        if name is None:
            return self
        found = next((e for e in self.environments if e.name == name), None)
        if found is None:
            known = ", ".join(e.name for e in self.environments) or "none"
            raise UsageError(
                f"--environment {name[:60]!r}", f"is not in {self.path}", f"There are: {known}."
            )
        return replace(self, cases=tuple(_moved(case, found) for case in self.cases))


def _moved(case: Case, where: Environment) -> Case:
    target = where.targets.get(case.name, case.target)
    options: dict[str, Any] = dict(where.options)
    return replace(case, options=case.options.but(target=target, **options))


FOLDER = Path(".tuner")
_LOOK_EVERY_S = 0.5


@contextmanager
def alone(name: str, suite: Suite, clock: Clock, progress: Progress) -> Iterator[None]:
    """Hold the lock of a suite, whose ``name`` has its environment.

    Raises :class:`Partial` if the other run takes too long, or at once if a second run is to leave.
    """
    path = FOLDER / f"bench-{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock"
    try:
        own_folder(FOLDER)
        file = open_own(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        fix = getattr(error, "fix", "Make the directory writable.")
        raise StoreError(str(path), f"cannot be written ({error.strerror})", fix) from error
    try:
        _take(file, name, suite, clock, progress)
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps({"pid": os.getpid(), "suite": name}).encode(), 0)
        yield
    finally:
        os.close(file)


def _take(file: int, name: str, suite: Suite, clock: Clock, progress: Progress) -> None:
    deadline, told = clock.monotonic() + suite.wait_s, False
    leave = suite.overlap is Overlap.LEAVE
    while not _locked(file):
        holder = os.pread(file, 200, 0).decode("utf-8", "replace")
        if leave or clock.monotonic() >= deadline:
            waited = "" if leave else f" after {suite.wait_s:.0f} s"
            raise Partial(
                f"suite {name}",
                f"another run of it is still in progress{waited} {holder}".rstrip(),
                "Nothing was measured. Set overlap and wait in the suite to change this.",
            )
        if not told:
            progress(f"waiting for another run of suite {name} to end")
            told = True
        clock.sleep(_LOOK_EVERY_S)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
