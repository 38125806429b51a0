"""A suite: which functions are measured how, and which changes matter.

Values only; :mod:`tuner.suites.suite_file` reads them from ``tuner.toml``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.options.options import SweepOptions
from tuner.suites.gate import Gate, Subject
from tuner.suites.sampling import MOST

#: Cold starts a side where a gate asks for them and the case does not say how many.
COLD_STARTS = 40


class Overlap(StrEnum):
    """What a second run of the same suite does while the first is still going on."""

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
        """What is measured."""
        return self.options.target

    @property
    def loaded(self) -> bool:
        """Whether the case is a load rather than single calls."""
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
    """Where a suite's functions are: options that replace those of every case, and targets of
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
                raise UsageError(f"--only {name[:60]!r}", "is no case of the suite", fix)
        found = tuple(
            case
            for case in self.cases
            if (not tags or set(tags) & set(case.tags)) and (not only or case.name in only)
        )
        if not found:
            known = sorted({tag for case in self.cases for tag in case.tags})
            fix = f"There are: {', '.join(known) or 'no tags'}."
            raise UsageError(f"--tag {' '.join(tags)}", "chooses no case", fix)
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
    return replace(case, options=replace(case.options, target=target, **options))
