"""A view in the terminal: the answer first, then tables, warnings, and where the rest is.

Rich leaves out colours where there is no terminal or ``NO_COLOR`` is set; nothing that comes from
a function is read as markup.
"""

from collections.abc import Iterator

from rich import box
from rich.console import Console, ConsoleRenderable
from rich.table import Table as Grid
from rich.text import Text

from tuner.decide.result import Sweep
from tuner.report.elements import Answer, Cell, Fact, Row, Section, Table, View
from tuner.report.sweep_view import sweep_view

_TONES = {"good": "bold green", "warn": "bold yellow", "bad": "bold red"}

#: Colours of cells that are marks.
_MARKS = {"recommended": "green", "partial": "yellow", "failed": "bold red"}
#: Characters that are more than any table needs.
_WIDEST = 1000
# A rule under the head and nothing else, also where the output takes no more than ASCII.
_BOX = box.SIMPLE_HEAD


def print_report(sweep: Sweep, console: Console) -> None:
    """Print a sweep: what a person needs to decide, and where the rest is."""
    of = run_line(sweep.run.run, sweep.run.command, sweep.run.target)
    print_view(sweep_view(sweep), console, sweep.report, of)


def run_line(run: str, command: str, target: str) -> Text:
    """``Run: ID, sweep of TARGET``: which stored run a view is of."""
    return Text(f"Run: {run}, {command} of {target}")


def print_view(
    view: View, console: Console, report: str | None = None, of: Text | None = None
) -> None:
    """Print a view, and ``of`` which run it is. Text that does not go to a terminal keeps its lines
    whole, for grep."""
    for part in (*_parts(view, console), *([] if of is None else [of])):
        console.print(part, soft_wrap=isinstance(part, Text) and not console.is_terminal)
    if report:
        console.print(Text(f"Report: {report}"), soft_wrap=True)


def _parts(view: View, console: Console) -> Iterator[ConsoleRenderable]:
    if view.state:
        yield Text(view.state, "yellow")
    yield _sentence(view.answer)
    yield from (Text(f"  - {reason}") for reason in view.answer.reasons)
    yield from (_fact(fact, "  ") for fact in view.answer.facts)
    yield Text("")
    for section in view.sections:
        if section.brief is None:
            yield from _section(section, console)
    for warning in view.warnings:
        yield Text.assemble(("Warning: ", "yellow"), warning)
    for section in view.sections:
        yield from (_fact(fact) for fact in section.facts if fact.label in (section.brief or ()))


def _section(section: Section, console: Console) -> Iterator[ConsoleRenderable]:
    if section.lead:
        yield Text(section.lead)
    for table in section.tables:
        if not table.folded:
            yield grid(table, console)
            yield from [Text(table.key, "dim")] if table.key else []
            yield from (Text(row.trouble, "red") for row in table.rows if row.trouble)
    if section.log is not None:
        lines = (f"    {line}" for line in section.log.text.splitlines())
        yield Text("\n".join([f"  {section.log.caption}:", *lines]), "dim")
    yield from (_fact(fact, "  ") for fact in section.facts)
    yield from (Text(f"  {warning}", "yellow") for warning in section.warnings)
    troubles = any(row.trouble for table in section.tables for row in table.rows)
    if section.facts or section.warnings or section.log or troubles:
        yield Text("")


def _sentence(answer: Answer) -> Text:
    """The answer in one line, in the colour of its tone."""
    text = Text(answer.headline, _TONES[answer.tone])
    if answer.rest:
        text.append(f": {answer.rest}", "bold")
    return text


def _fact(fact: Fact, indent: str = "") -> Text:
    """A fact in one line."""
    text = Text(f"{indent}{fact.label}: {fact.value}")
    if fact.note:
        text.append(f" ({fact.note})", "dim")
    return text


def grid(table: Table, console: Console) -> Grid:
    """A table with all its columns, or the narrow ones where all do not fit."""
    whole = _grid(table, table.columns)
    unbounded = console.options.update(width=_WIDEST)
    if not table.narrow or console.measure(whole, options=unbounded).maximum <= console.width:
        return whole
    return _grid(table, table.narrow)


def _grid(table: Table, columns: tuple[str, ...]) -> Grid:
    grid = Grid(title=table.caption, box=_BOX, collapse_padding=True)
    grid.title_justify, grid.title_style = "left", "bold"
    for column in columns:
        first, prose = column == columns[0], column in table.prose
        grid.add_column(column, justify="left" if first or prose else "right", no_wrap=first)
    if any(row.labels for row in table.rows):
        grid.add_column("", overflow="fold")
    chosen = [table.columns.index(column) - 1 for column in columns[1:]]
    for row in table.rows:
        cells = [row.cells[index] for index in chosen]
        texts = [Text(_value(cell, table), _MARKS.get(cell.tone, "")) for cell in cells]
        texts = [Text(row.head), *texts, Text(", ".join(row.labels))]
        grid.add_row(*texts[: len(grid.columns)], style=_style(row))
    return grid


def _value(cell: Cell, table: Table) -> str:
    return f"{cell.value} ({cell.detail})" if table.details and cell.detail else cell.value


def _style(row: Row) -> str:
    good = "bold green" if "recommended" in row.marks else ""
    return "red" if row.status == "failed" else good
