"""The rows of a history's tables in words: changes of level, and the runs of a case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.report.history_series import Change, Document, Series, configuration, moment
from tuner.units import UNKNOWN, format_memory, format_ms, format_share, format_usd_per_million

#: Verdict or state of a case, and the tone that it is shown in.
_TONES = {"regressed": "failed", "failed": "failed", "refused": "failed", "cannot tell": "partial"}


@dataclass(frozen=True)
class RunLink:
    """One side of a comparison: ``href`` is its report, or None where none was written."""

    label: str
    run: str
    href: str | None


@dataclass(frozen=True)
class RunRow:
    """One run of a case; ``values`` stand under the case's columns."""

    anchor: str
    when: str
    commit: str
    configuration: str
    verdict: str
    tone: str
    values: tuple[str, ...]
    links: tuple[RunLink, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class ChangeRow:
    """A change of level: where, by how much, and between which runs."""

    head: str
    measure: str
    change: str
    tone: str
    levels: str
    when: str
    commits: str
    anchor: str


def shown(measure: str, value: float | None) -> str:
    """A value of a measure with its unit."""
    if value is None:
        return UNKNOWN
    if measure == "cost_per_million":
        return format_usd_per_million(value)
    return format_share(value) if measure in ("throttles", "errors") else format_ms(value)


def axis_title(measure: str) -> str:
    """The measure with the unit of its axis."""
    if measure == "cost_per_million":
        return "USD per million"
    return f"{measure} (share)" if measure in ("throttles", "errors") else f"{measure} (ms)"


def moved(change: Change) -> str:
    """``+12 %``; from nothing, ``new``."""
    if change.ratio is None:
        return "new"
    percent = (change.ratio - 1) * 100
    return f"{percent:+.{0 if abs(percent) >= 9.95 else 1}f} %".replace("-", "−")


def anchor(case: int, bench: str) -> str:
    """The id of a run's row."""
    return f"c{case}-{bench}"


def change_row(series: Series, change: Change, names: Sequence[str]) -> ChangeRow:
    """A change of level; ``names`` are the cases in the order of the page."""
    before, point = series.points[change.position - 1], series.points[change.position]
    commits = [each.commit[:7] if each.commit else UNKNOWN for each in (before, point)]
    return ChangeRow(
        head=f"{series.case}, {format_memory(series.memory_mb)}",
        measure=series.measure,
        change=moved(change),
        tone="failed" if change.after > change.before else "recommended",
        levels=f"{shown(series.measure, change.before)} → {shown(series.measure, change.after)}",
        when=f"{point.at:%Y-%m-%d %H:%M}",
        commits=" → ".join(commits),
        anchor=anchor(names.index(series.case), point.bench),
    )


def run_row(
    number: int,
    document: Document,
    case: Mapping[str, Any],
    cells: tuple[str, ...],
    beside: tuple[Mapping[str, str], list[str]],
) -> RunRow:
    """A run of case ``number``; ``beside`` has where reports are, and what to remark."""
    reports, remarks = beside
    sides = [(side["label"], side["run"]) for side in (case["after"], case["before"]) if side]
    commit = (case["after"] or {}).get("commit") or document["commit"]
    verdict = case["verdict"] or case["state"]
    return RunRow(
        anchor=anchor(number, document["bench"]),
        when=f"{moment(document['started_at']):%Y-%m-%d %H:%M}",
        commit=commit[:7] if commit else UNKNOWN,
        configuration=configuration(case["after"]),
        verdict=verdict,
        tone=_TONES.get(verdict, "recommended" if verdict == "improved" else ""),
        values=cells,
        links=tuple(RunLink(label, run, reports.get(run)) for label, run in sides),
        remarks=(*remarks, *([case["reason"]] if case["reason"] else [])),
    )
