"""The same view for a terminal: the answer first, then the table, cold starts and warnings.

Rich leaves out colours where there is no terminal or ``NO_COLOR`` is set; nothing that comes from
a function is read as markup.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, ConsoleRenderable
from rich.table import Table as Grid
from rich.text import Text

from tuner.decide.result import Sweep
from tuner.report.elements import Answer, Fact, Row, Table
from tuner.report.load_view import LoadView, load_view
from tuner.report.method import CROSS_CHECK
from tuner.report.sweep_view import SweepView, sweep_view

#: What of the method is shown here.
_SHOWN = ("Invocations", "Time and cost of this run", CROSS_CHECK)

_TONES = {"good": "bold green", "warn": "bold yellow", "bad": "bold red"}

# A rule under the head and nothing else, also where the output takes no more than ASCII.
_BOX = box.SIMPLE_HEAD

#: Columns of the size table that fit into 80 characters.
_NARROW = ("Memory", "Warm calls", "p50", "p95", "Cost per million")

_NARROW_ARCHES = ("Architecture", "Best size", "Cost per million", "p95", "Chance")

#: And of the table of loads.
_NARROW_LOADS = ("Memory", "Answered", "p50", "p99", "Throttled", "Objectives")

#: And of the table of ways to start.
_NARROW_STARTS = ("Start", "First calls", "First call p50", "INIT or restore", "Kept, per hour")


def print_report(sweep: Sweep, console: Console) -> None:
    """Print a sweep: what a person needs to decide, and where the rest is.

    Text that does not go to a terminal keeps its lines whole, for grep.
    """
    view = sweep_view(sweep)
    for part in _parts(view, console.width):
        console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal)
    if sweep.report:
        console.print(Text(f"Report: {sweep.report}"), soft_wrap=True)


def _parts(view: SweepView, width: int) -> Iterator[ConsoleRenderable]:
    if view.state:
        yield Text(view.state, "yellow")
    yield sentence(view.answer)
    yield from (Text(f"  - {reason}") for reason in view.answer.reasons)
    yield from (fact_text(fact, "  ") for fact in view.answer.facts)
    if view.runners_up is not None:
        others = (f"{row.head} ({row.cells[-1].value})" for row in view.runners_up.rows)
        yield Text(f"  Instead: {'; '.join(others)}")
    if view.architectures is not None:
        yield Text("")
        columns = _NARROW_ARCHES if width < 110 else view.architectures.columns
        yield grid(view.architectures, columns, marked=True)
        yield from (Text(each, "red") for each in map(_trouble, view.architectures.rows) if each)
    if view.sizes.rows:
        yield Text("")
        yield grid(view.sizes, _NARROW if width < 110 else view.sizes.columns, marked=True)
        troubles = [each for each in map(_trouble, view.sizes.rows) if each]
        yield from (Text(each, "red") for each in troubles)
        yield from [Text("")] * bool(troubles)
    if view.loads is not None:
        yield Text(view.loads_said)
        yield grid(view.loads, _NARROW_LOADS if width < 110 else view.loads.columns, marked=True)
    if view.cold_starts is not None:
        yield grid(view.cold_starts, view.cold_starts.columns)
    if view.variants is not None:
        yield grid(view.variants, _NARROW_STARTS if width < 150 else view.variants.columns)
        yield from (Text(each, "red") for row in view.variants.rows if (each := _trouble(row)))
        yield from (fact_text(fact, "  ") for fact in view.variant_facts)
        yield Text("")
    if view.month is not None:
        columns = view.month.columns
        yield grid(
            view.month, columns if width >= 110 else (*columns[:2], *columns[-3:]), marked=True
        )
        yield from (fact_text(fact, "  ") for fact in view.month_facts)
        yield Text("")
    for warning in view.warnings:
        yield Text.assemble(("Warning: ", "yellow"), warning.text)
    for fact in view.method:
        if fact.label in _SHOWN:
            yield fact_text(fact)


def sentence(answer: Answer) -> Text:
    """The answer in one line, in the colour of its tone."""
    text = Text(answer.headline, _TONES[answer.tone])
    if answer.rest:
        text.append(f": {answer.rest}", "bold")
    return text


def fact_text(fact: Fact, indent: str = "") -> Text:
    """A fact in one line."""
    text = Text(f"{indent}{fact.label}: {fact.value}")
    if fact.note:
        text.append(f" ({fact.note})", "dim")
    return text


def grid(table: Table, columns: Sequence[str], marked: bool = False) -> Grid:
    """The chosen columns, and what marks a row if ``marked``."""
    grid = Grid(title=table.caption, title_justify="left", title_style="bold", box=_BOX)
    for column in columns:
        first = column == columns[0]
        grid.add_column(column, justify="left" if first else "right", no_wrap=first)
    if marked:
        grid.add_column("")
    chosen = [table.columns.index(column) - 1 for column in columns[1:]]
    for row in table.rows:
        cells = [row.head, *(row.cells[index].value for index in chosen)]
        cells += [_remark(row)] if marked else []
        style = "bold green" if "recommended" in row.marks else ""
        grid.add_row(*map(Text, cells), style="red" if row.status == "failed" else style)
    return grid


def _remark(row: Row) -> str:
    return ", ".join([*row.marks, *([row.status] if row.status in ("failed", "partial") else [])])


def _trouble(row: Row) -> str:
    """Why a size failed or has too little."""
    return f"{row.head} {row.status}: {row.reason}" if row.reason else ""


#: Columns of the table of times that fit into 80 characters.
_NARROW_TIMES = ("Time", "p50", "p95", "p99", "max")
_NARROW_WAITS = ("Wait", "p50", "p95", "p99", "max")
_NARROW_STEPS = ("Rate", "p99", "Throttled", "In flight", "Objectives")


def print_load(document: Mapping[str, Any], console: Console) -> None:
    """Print a load from its ``tuner.load/1``."""
    view = load_view(document)
    for part in _load_parts(view, console.width):
        console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal)
    if document["report"]:
        console.print(Text(f"Report: {document['report']}"), soft_wrap=True)


def _load_parts(view: LoadView, width: int) -> Iterator[ConsoleRenderable]:
    if view.state:
        yield Text(view.state, "yellow")
    yield sentence(view.answer)
    yield from (fact_text(fact, "  ") for fact in view.answer.facts)
    yield Text("")
    yield grid(view.times, _NARROW_TIMES if width < 110 else view.times.columns)
    if view.steps is not None:
        yield grid(view.steps, _NARROW_STEPS if width < 110 else view.steps.columns)
    for table in _load_tables(view):
        narrow = table.columns[0] == "Wait" and width < 110
        yield grid(table, _NARROW_WAITS if narrow else table.columns)
    for warning in view.warnings:
        yield Text.assemble(("Warning: ", "yellow"), warning)
    yield from (fact_text(fact) for fact in view.method if fact.label == CROSS_CHECK)


def _load_tables(view: LoadView) -> Iterator[Table]:
    if view.slos is not None:
        yield view.slos
    if view.events is not None:
        yield view.events.ends
        if view.events.waits is not None:
            yield view.events.waits
    yield view.outcomes
    if view.throttles is not None:
        yield view.throttles
