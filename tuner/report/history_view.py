"""The history of a suite as a reader sees it: every word and number of its page.

Made from ``tuner.bench/1`` documents and from where the reports of runs are; templates and charts
only arrange.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.report.elements import Answer, Fact
from tuner.report.history_series import (
    Change,
    Document,
    Series,
    all_series,
    configuration,
    moment,
)
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


@dataclass(frozen=True)
class ChartPlace:
    """A chart and what it says in words."""

    name: str
    title: str
    text: str
    series: Series


@dataclass(frozen=True)
class CaseView:
    """A case: its charts, and its runs with the newest first."""

    name: str
    about: str
    charts: tuple[ChartPlace, ...]
    columns: tuple[str, ...]
    rows: tuple[RunRow, ...]


@dataclass(frozen=True)
class HistoryView:
    """The page of a suite's history."""

    name: str
    subtitle: str
    answer: Answer
    changes: tuple[ChangeRow, ...]
    cases: tuple[CaseView, ...]

    @property
    def title(self) -> str:
        """The page's title."""
        return f"{self.name} over time: {self.answer.headline}"


def history_view(documents: Sequence[Document], reports: Mapping[str, str]) -> HistoryView:
    """Word everything. ``documents`` are of one suite, the oldest first, and not empty;
    ``reports`` has the address of a run's report by the run's id."""
    series = all_series(documents)
    names = list(dict.fromkeys(case["case"] for each in documents for case in each["cases"]))
    changes = sorted(
        ((one, change) for one in series for change in one.changes),
        key=lambda pair: pair[0].points[pair[1].position].at,
        reverse=True,
    )
    last = documents[-1]
    return HistoryView(
        name=last["suite"],
        subtitle=_subtitle(documents),
        answer=_answer(documents, changes),
        changes=tuple(change_row(one, change, names) for one, change in changes),
        cases=tuple(
            _case(i, name, documents, [s for s in series if s.case == name], reports)
            for i, name in enumerate(names)
        ),
    )


def _subtitle(documents: Sequence[Document]) -> str:
    first, last = documents[0], documents[-1]
    days = f"{moment(first['started_at']):%Y-%m-%d} to {moment(last['started_at']):%Y-%m-%d}"
    where = [last["environment"] or "", f"branch {last['branch']}" if last["branch"] else ""]
    count = f"{len(documents):,} run{'' if len(documents) == 1 else 's'}"
    return ", ".join(part for part in (*where, count, days) if part)


def _answer(documents: Sequence[Document], changes: Sequence[tuple[Series, Change]]) -> Answer:
    runs = f"{len(documents):,} run{'' if len(documents) == 1 else 's'}"
    facts = _facts(documents, len(changes))
    if not changes and documents[-1]["verdict"] == "regressed":
        so_far = f"no change of level in {runs} so far"
        return Answer("The last run regressed", so_far, "bad", facts, ())
    if not changes:
        return Answer("No change of level", f"in {runs}", "good", facts, ())
    series, change = changes[0]
    point = series.points[change.position]
    rest = [
        f"{series.measure} of {series.case} at {format_memory(series.memory_mb)}: "
        f"{shown(series.measure, change.before)} → {shown(series.measure, change.after)}",
        f"since {point.at:%Y-%m-%d}{f' ({point.commit[:7]})' if point.commit else ''}",
    ]
    rising = change.after > change.before
    headline = f"{series.measure} {'rose' if rising else 'fell'} {moved(change).lstrip('+−')}"
    return Answer(headline, "; ".join(rest), "bad" if rising else "good", facts, ())


def _facts(documents: Sequence[Document], changes: int) -> tuple[Fact, ...]:
    last = documents[-1]
    regressed = sum(each["verdict"] == "regressed" for each in documents)
    return (
        Fact("Last run", last["verdict"] or "not judged", f"{moment(last['started_at']):%Y-%m-%d}"),
        Fact("Changes of level", f"{changes:,}", f"in {len(documents):,} runs"),
        Fact("Runs that regressed", f"{regressed:,}", "against what each was compared with"),
        Fact("Cases", f"{len(last['cases']):,}", "in the last run"),
    )


def _case(
    number: int,
    name: str,
    documents: Sequence[Document],
    series: Sequence[Series],
    reports: Mapping[str, str],
) -> CaseView:
    remarks: dict[str, list[str]] = {}
    for one in series:
        for change in one.changes:
            said = f"{_column(one)} {moved(change)} from here"
            remarks.setdefault(one.points[change.position].bench, []).append(said)
    values = {
        (one.points[i].bench, _column(one)): shown(one.measure, one.points[i].value)
        for one in series
        for i in range(len(one.points))
    }
    columns = tuple(dict.fromkeys(_column(one) for one in series))
    rows, target = [], ""
    for document in reversed(documents):
        for case in document["cases"]:
            if case["case"] == name:
                target = target or case["target"]
                cells = tuple(values.get((document["bench"], each), UNKNOWN) for each in columns)
                beside = (reports, remarks.get(document["bench"], []))
                rows.append(run_row(number, document, case, cells, beside))
    charts = tuple(_place(number, i, one) for i, one in enumerate(series))
    return CaseView(name, target, charts, columns, tuple(rows))


def _place(number: int, position: int, series: Series) -> ChartPlace:
    title = f"{series.measure} at {format_memory(series.memory_mb)}"
    said = [
        f"{moved(change)} on {series.points[change.position].at:%Y-%m-%d}"
        for change in series.changes
    ]
    text = f"{title} over {len(series.points):,} runs: {', '.join(said) or 'no change of level'}."
    return ChartPlace(f"c{number}-{position}", title, text, series)


def _column(series: Series) -> str:
    return f"{series.measure}, {format_memory(series.memory_mb)}"


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
