"""The history of a suite as a reader sees it: lasting changes, then every case with its runs.

Made from ``tuner.bench/1`` documents and from where the reports of runs are.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tuner.report.elements import (
    Answer,
    Cell,
    Fact,
    Figure,
    Link,
    Row,
    Section,
    Table,
    View,
    measured,
    verdict_word,
)
from tuner.report.history_charts import history_chart
from tuner.report.history_series import (
    NEW,
    Change,
    Document,
    Series,
    all_series,
    anchor,
    configuration,
    levels_text,
    moment,
)
from tuner.units import UNKNOWN, counted

_Changes = Sequence[tuple[Series, Change]]
#: The marks of the charts, with their tones.
_KEY = (
    (f"■ {verdict_word('cannot tell')}", "partial"),
    ("▼ improved", "recommended"),
    ("▲ regressed", "failed"),
    (f"● {verdict_word('same')}", ""),
)


def history_view(documents: Sequence[Document], reports: Mapping[str, str]) -> View:
    """Word everything. ``documents`` are of one suite, the oldest first, and not empty;
    ``reports`` has the address of a run's report by the run's id."""
    series = all_series(documents)
    changes = sorted(
        ((one, change) for one in series for change in one.changes),
        key=lambda pair: pair[1].first.at,
        reverse=True,
    )
    said, name = _answer(documents, changes), documents[-1]["suite"]
    return View(
        name=name,
        subtitle=_subtitle(documents),
        title=f"{name} over time: {said.headline}",
        question="The latest lasting change",
        answer=said,
        sections=tuple(_sections(documents, series, changes, reports)),
    )


def _sections(
    documents: Sequence[Document],
    series: Sequence[Series],
    changes: _Changes,
    reports: Mapping[str, str],
) -> Iterator[Section]:
    names = list(dict.fromkeys(case["case"] for each in documents for case in each["cases"]))
    if changes:
        columns = ("Case", "Measure", "Change", "Level", "Commits", "First run")
        rows = tuple(_change_row(one, change, names) for one, change in changes)
        yield Section(
            "Lasting changes",
            note="Where a measure moved and stayed, newest first. The cause lies between the two "
            "commits, or in the platform between the two runs.",
            tables=(Table("Lasting changes", columns, rows),),
        )
    if series:
        note = "Each mark is a run and links to its row; lines are levels, as geometric means."
        yield Section("Runs", note=note, key=_KEY)
    for number, name in enumerate(names):
        own = [one for one in series if one.case == name]
        yield Section(
            name,
            note=_target(name, documents),
            figures=tuple(_figure(number, i, one) for i, one in enumerate(own)),
            tables=(_run_table(name, tuple(_rows(number, name, documents, own, reports)), own),),
        )


def _subtitle(documents: Sequence[Document]) -> str:
    first, last = documents[0], documents[-1]
    days = f"{moment(first['started_at']):%Y-%m-%d} to {moment(last['started_at']):%Y-%m-%d}"
    where = [last["environment"] or "", f"branch {last['branch']}" if last["branch"] else ""]
    return ", ".join(part for part in (*where, counted(len(documents), "run"), days) if part)


def _answer(documents: Sequence[Document], changes: _Changes) -> Answer:
    runs = counted(len(documents), "run")
    facts = _facts(documents, len(changes))
    if not changes and documents[-1]["verdict"] == "regressed":
        return Answer("The last run regressed", f"no lasting change in {runs} yet", "bad", facts)
    if not changes:
        return Answer("No lasting change", f"in {runs}", "good", facts)
    series, change = changes[0]
    point, rising = change.first, change.after > change.before
    since = f"since {point.at:%Y-%m-%d}{f' ({point.commit[:7]})' if point.commit else ''}"
    rest = f"{series.measure} of {series.case} at {series.size}: {levels_text(series, change)}"
    moved = f"{'rose' if rising else 'fell'} by {change.text.lstrip('+-')}"
    moved = "rose from nothing" if change.text == NEW else moved
    tone = "bad" if rising else "good"
    return Answer(f"{series.measure} {moved}", f"{rest}; {since}", tone, facts)


def _facts(documents: Sequence[Document], changes: int) -> tuple[Fact, ...]:
    last = documents[-1]
    regressed = sum(each["verdict"] == "regressed" for each in documents)
    runs = f"in {counted(len(documents), 'run')}"
    verdict = verdict_word(last["verdict"]) if last["verdict"] else "not judged"
    return (
        Fact("Last run", verdict, f"{moment(last['started_at']):%Y-%m-%d}"),
        Fact("Lasting changes", f"{changes:,}", runs),
        Fact("Runs that regressed", f"{regressed:,}", "compared with the baseline of each"),
        Fact("Cases", f"{len(last['cases']):,}", "in the last run"),
    )


def _change_row(series: Series, change: Change, names: Sequence[str]) -> Row:
    before, point = series.points[change.position - 1], change.first
    commits = [each.commit[:7] if each.commit else UNKNOWN for each in (before, point)]
    tone = "failed" if change.after > change.before else "recommended"
    to = f"#{anchor(names.index(series.case), point.bench)}"
    cells = (
        Cell(series.measure),
        Cell(change.text, tone=tone),
        Cell(levels_text(series, change)),
        Cell(" → ".join(commits)),
        Cell("", links=(Link(f"{point.at:%Y-%m-%d %H:%M}", to),)),
    )
    return Row(f"{series.case}, {series.size}", cells)


def _target(name: str, documents: Sequence[Document]) -> str:
    """The target of the newest run of a case."""
    cases = (case for each in reversed(documents) for case in each["cases"])
    return next((str(case["target"]) for case in cases if case["case"] == name), "")


def _run_table(name: str, rows: tuple[Row, ...], series: Sequence[Series]) -> Table:
    columns = ("Run", "Commit", *dict.fromkeys(map(_column, series)), "Reports")
    folded = f"{counted(len(rows), 'run')} of {name}"
    return Table(f"Runs of {name}", columns, rows, prose=("Commit", "Reports"), folded=folded)


def _rows(
    number: int,
    name: str,
    documents: Sequence[Document],
    series: Sequence[Series],
    reports: Mapping[str, str],
) -> Iterator[Row]:
    """The runs of case ``number``, the newest first."""
    remarks = _remarks(series)
    values = {
        (point.bench, _column(one)): measured(one.measure, point.value)
        for one in series
        for point in one.points
    }
    columns = list(dict.fromkeys(map(_column, series)))
    for document in reversed(documents):
        for case in document["cases"]:
            if case["case"] == name:
                bench = document["bench"]
                told = [*remarks.get(bench, []), *([case["reason"]] if case["reason"] else [])]
                cells = (
                    _commit_cell(document, case, told),
                    *(Cell(values.get((bench, column), UNKNOWN)) for column in columns),
                    Cell("", links=_links(case, reports)),
                )
                when = f"{moment(document['started_at']):%Y-%m-%d %H:%M}"
                marks = (verdict_word(case["verdict"] or case["state"]),)
                yield Row(when, cells, marks, anchor=anchor(number, bench))


def _remarks(series: Sequence[Series]) -> dict[str, list[str]]:
    """The changes that begin with a run, by the bench of the run."""
    found: dict[str, list[str]] = {}
    for one in series:
        for change in one.changes:
            said = f"{_column(one)} {change.text} from here"
            found.setdefault(change.first.bench, []).append(said)
    return found


def _commit_cell(document: Document, case: Mapping[str, Any], remarks: Sequence[str]) -> Cell:
    commit = (case["after"] or {}).get("commit") or document["commit"]
    shown = commit[:7] if commit else UNKNOWN
    return Cell(shown, configuration(case["after"]), "; ".join(remarks))


def _links(case: Mapping[str, Any], reports: Mapping[str, str]) -> tuple[Link, ...]:
    """The reports of both sides, or how to write them."""
    return tuple(
        Link(side["label"], reports.get(side["run"]), f"tuner report {side['run']}")
        for side in (case["after"], case["before"])
        if side
    )


def _figure(number: int, position: int, series: Series) -> Figure:
    title = f"{series.measure} at {series.size}"
    said = ", ".join(f"{change.text} on {change.first.at:%Y-%m-%d}" for change in series.changes)
    text = f"{title} over {counted(len(series.points), 'run')}: {said or 'no lasting change'}."
    return Figure(f"c{number}-{position}", title, text, partial(history_chart, series, number))


def _column(series: Series) -> str:
    return f"{series.measure}, {series.size}"
