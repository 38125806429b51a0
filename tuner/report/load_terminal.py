"""A load in the terminal: the answer, its times and outcomes, and the warnings."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console, ConsoleRenderable
from rich.text import Text

from tuner.report.cross_check import CROSS_CHECK
from tuner.report.load_view import LoadView, load_view
from tuner.report.tables import Table
from tuner.report.terminal import fact_text, grid, sentence

#: Columns of the table of times that fit into 80 characters.
_NARROW = ("Time", "p50", "p95", "p99", "max")
_NARROW_WAITS = ("Wait", "p50", "p95", "p99", "max")
_NARROW_STEPS = ("Rate", "p99", "Throttled", "In flight", "Objectives")


def print_load(document: Mapping[str, Any], console: Console) -> None:
    """Print a load from its ``tuner.load/1``."""
    view = load_view(document)
    for part in _parts(view, console.width):
        console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal)
    if document["report"]:
        console.print(Text(f"Report: {document['report']}"), soft_wrap=True)


def _parts(view: LoadView, width: int) -> Iterator[ConsoleRenderable]:
    if view.state:
        yield Text(view.state, "yellow")
    yield sentence(view.answer)
    yield from (fact_text(fact, "  ") for fact in view.answer.facts)
    yield Text("")
    yield grid(view.times, _NARROW if width < 110 else view.times.columns)
    if view.steps is not None:
        yield grid(view.steps, _NARROW_STEPS if width < 110 else view.steps.columns)
    for table in _tables(view):
        narrow = table.columns[0] == "Wait" and width < 110
        yield grid(table, _NARROW_WAITS if narrow else table.columns)
    for warning in view.warnings:
        yield Text.assemble(("Warning: ", "yellow"), warning)
    yield from (fact_text(fact) for fact in view.method if fact.label == CROSS_CHECK)


def _tables(view: LoadView) -> Iterator[Table]:
    if view.slos is not None:
        yield view.slos
    if view.events is not None:
        yield view.events.ends
        if view.events.waits is not None:
            yield view.events.waits
    yield view.outcomes
    if view.throttles is not None:
        yield view.throttles
