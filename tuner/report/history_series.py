"""The history of a suite as series: one value per run for each case, size and measure.

Reads ``tuner.bench/1`` documents; where a level changes is asked of ``detect``. Numbers only; how
they are called and drawn is the view's and the chart's.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import exp, log
from statistics import fmean
from typing import Any, Protocol

Document = Mapping[str, Any]


class Changed(Protocol):
    """A change of level as :mod:`tuner.model.change_points` finds it."""

    @property
    def index(self) -> int:
        """Position of the first value of the new level."""

    @property
    def before(self) -> float:
        """The level before."""

    @property
    def after(self) -> float:
        """The new level."""


#: Values in order of time -> changes of level, by position.
Detect = Callable[[Sequence[float]], Sequence[Changed]]


@dataclass(frozen=True)
class Point:
    """One run of one case at one size: ``value`` is that of the code under test."""

    bench: str
    at: datetime
    commit: str | None
    value: float
    verdict: str
    configuration: str


@dataclass(frozen=True)
class Change:
    """Another level from ``points[position]`` on; levels are geometric means."""

    position: int
    before: float
    after: float

    @property
    def ratio(self) -> float | None:
        """After over before; None from nothing."""
        return self.after / self.before if self.before > 0 else None


@dataclass(frozen=True)
class Series:
    """``measure`` of a case at a size over runs, the oldest first. ``levels`` has one more entry
    than ``changes``: the level from each change to the next."""

    case: str
    memory_mb: int
    measure: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]
    levels: tuple[float, ...]

    @property
    def edges(self) -> tuple[int, ...]:
        """Positions at which levels begin, and the end of the last."""
        return (0, *(change.position for change in self.changes), len(self.points))


def all_series(documents: Iterable[Document], detect: Detect) -> tuple[Series, ...]:
    """Every series, by the order in which cases, sizes and measures first appear."""
    found: dict[tuple[str, int, str], list[Point]] = {}
    for document in documents:
        for case in document["cases"]:
            for key, point in _points(document, case):
                found.setdefault(key, []).append(point)
    return tuple(_series(*key, points, detect) for key, points in found.items())


def moment(text: str) -> datetime:
    """ISO 8601 as the document has it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def configuration(side: Mapping[str, Any] | None) -> str:
    """What must match, in words: ``us-east-1, x86_64, python3.13``."""
    known = (side or {}).get("configuration") or {}
    shown = ("region", "arch", "runtime", "cpu")
    return ", ".join(str(known[key]) for key in shown if known.get(key) is not None)


def _points(document: Document, case: Mapping[str, Any]) -> Iterable[tuple[Any, Point]]:
    """A measure that two gates judge is one point, with the more serious verdict."""
    after = case["after"]
    commit = (after or {}).get("commit") or document["commit"]
    for size in case["sizes"]:
        told: dict[str, Mapping[str, Any]] = {}
        for gate in size["gates"]:
            if gate["after"] is not None:
                first = told.setdefault(gate["measure"], gate)
                if gate["verdict"] == "regressed" != first["verdict"]:
                    told[gate["measure"]] = gate
        for measure, gate in told.items():
            yield (
                (case["case"], size["memory_mb"], measure),
                Point(
                    bench=document["bench"],
                    at=moment(document["started_at"]),
                    commit=commit,
                    value=gate["after"],
                    verdict=gate["verdict"],
                    configuration=configuration(after),
                ),
            )


def _series(
    case: str, memory_mb: int, measure: str, points: Sequence[Point], detect: Detect
) -> Series:
    values = [point.value for point in points]
    changes = tuple(Change(each.index, each.before, each.after) for each in detect(values))
    levels = tuple(change.after for change in changes)
    first = changes[0].before if changes else _level(values)
    return Series(case, memory_mb, measure, tuple(points), changes, (first, *levels))


def _level(values: Sequence[float]) -> float:
    """The geometric mean; the mean where there are values of zero."""
    return exp(fmean(map(log, values))) if min(values) > 0 else fmean(values)
