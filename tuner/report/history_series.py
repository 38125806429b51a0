"""The history of a suite as series: one value per run for each case, size and measure.

Reads ``tuner.bench/1`` documents and finds where levels change. Numbers only; the view words them
and the chart draws them.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import fmean, geometric_mean
from typing import Any

from tuner.errors import NotFound
from tuner.model.run_history import Sensitivity, change_points
from tuner.report.elements import gate_values
from tuner.store.benches import StoredBench
from tuner.units import format_change, format_memory

Document = Mapping[str, Any]
#: Case, MB, architecture where there are several, and measure.
_Key = tuple[str, int, str | None, str]

#: Smaller changes are real now and then, and matter to nobody.
_LEAST = 0.02
#: A change from nothing, which has no ratio.
NEW = "new"
#: The length of a history that the default sensitivity is made for.
_RUNS = 100


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
    """Another level from ``points[position]``, which is ``first``, on; levels are geometric
    means."""

    position: int
    first: Point
    before: float
    after: float

    @property
    def text(self) -> str:
        """``+12 %``; from nothing, ``new``."""
        return format_change(self.after / self.before) if self.before > 0 else NEW


@dataclass(frozen=True)
class Series:
    """``measure`` of a case at a size over runs, the oldest first. ``levels`` has one more entry
    than ``changes``: the level from each change to the next. ``arch`` is set where a case has
    several."""

    case: str
    memory_mb: int
    arch: str | None
    measure: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]
    levels: tuple[float, ...]

    @property
    def size(self) -> str:
        """``512 MB``, or ``512 MB on arm64``."""
        size = format_memory(self.memory_mb)
        return f"{size} on {self.arch}" if self.arch else size

    @property
    def edges(self) -> tuple[int, ...]:
        """Positions at which levels begin, and the end of the last."""
        return (0, *(change.position for change in self.changes), len(self.points))


def history_of(benches: Sequence[StoredBench], branch: str | None) -> list[StoredBench]:
    """The runs of one branch, the oldest first: of that which has most of them, unless named.

    ``benches`` are of one suite and environment. Raises NotFound where none is left.
    """
    if branch is None and benches:
        branch = Counter(bench.branch for bench in benches).most_common(1)[0][0]
    found = [bench for bench in benches if bench.branch == branch]
    if not found:
        known = ", ".join(sorted({bench.branch for bench in benches if bench.branch}))
        fix = f"There are runs of: {known}." if known else "Run `tuner bench`."
        what = f"branch {branch[:60]}" if branch else "history"
        raise NotFound(what, "there is no run in this store", fix)
    return sorted(found, key=lambda bench: bench.started_at)


def all_series(documents: Iterable[Document]) -> tuple[Series, ...]:
    """Every series, by the order in which cases, sizes and measures first appear."""
    found: dict[_Key, list[Point]] = {}
    for document in documents:
        for case in document["cases"]:
            for key, point in _points(document, case):
                found.setdefault(key, []).append(point)
    return tuple(_series(key, points) for key, points in found.items())


def levels_text(series: Series, change: Change) -> str:
    """``81 ms → 56 ms``."""
    before, after = gate_values(series.measure, change.before, change.after)
    return f"{before} → {after}"


def anchor(case: int, bench: str) -> str:
    """The id of a run's row."""
    return f"c{case}-{bench}"


def moment(text: str) -> datetime:
    """ISO 8601 as the document has it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def configuration(side: Mapping[str, Any] | None) -> str:
    """The configuration that must match, in words: ``us-east-1, x86_64, python3.13``."""
    known = (side or {}).get("configuration") or {}
    shown = ("region", "arch", "runtime", "cpu")
    return ", ".join(str(known[key]) for key in shown if known.get(key) is not None)


def _points(document: Document, case: Mapping[str, Any]) -> Iterable[tuple[_Key, Point]]:
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
            judged = commit, gate["after"], gate["verdict"], configuration(after)
            point = Point(document["bench"], moment(document["started_at"]), *judged)
            yield (case["case"], size["memory_mb"], size.get("arch"), measure), point


def _series(key: _Key, points: Sequence[Point]) -> Series:
    values = [point.value for point in points]
    # A longer history has more places to look in, so each change has to be surer.
    p_value = Sensitivity().p_value * min(1.0, _RUNS / len(values))
    found = change_points(values, Sensitivity(p_value, _LEAST))
    changes = tuple(Change(c.index, points[c.index], c.before, c.after) for c in found)
    # One level is the geometric mean, or the mean where there are values of zero.
    alone = geometric_mean(values) if min(values) > 0 else fmean(values)
    levels = (found[0].before if found else alone, *(each.after for each in found))
    return Series(*key, tuple(points), changes, levels)
