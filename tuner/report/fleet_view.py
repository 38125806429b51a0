"""A survey of an account as a reader sees it: three sentences, a ranking, and what is at risk."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from tuner.decide.account import Survey, sentences
from tuner.decide.result import Opportunity
from tuner.decide.worth import Assessed
from tuner.report.elements import (
    Answer,
    Cell,
    Fact,
    Row,
    Section,
    Table,
    View,
    call_count,
    format_chance,
)
from tuner.units import (
    UNKNOWN,
    counted,
    format_cost,
    format_memory,
    format_ms,
    format_seconds,
    format_share,
    format_usd,
)

#: Rows that are shown at once, and rows of a page; the JSON and the CSV have all.
_FIRST, _ROWS = 15, 200
_NOTE = (
    "A month at the rate of the span, without free tier. What may be saved is the expected saving "
    "of a sweep and arm64's price; memory size is never recommended from logs of one size."
)


def fleet_view(survey: Survey) -> View:
    """Word everything there is to say about a survey."""
    first, *rest = sentences(survey)
    headline, _, more = first.removesuffix(".").partition("; ")
    span = _span(survey)
    return View(
        name=f"Lambda in {survey.region}",
        subtitle=f"Fleet · {counted(len(survey.functions), 'function')} · {span}",
        title=f"Lambda functions of {survey.region}",
        question="What is worth doing",
        answer=Answer(
            headline,
            more,
            "warn" if survey.endangered else "good",
            tuple(_facts(survey)),
            tuple(rest),
        ),
        state="" if survey.state == "done" else f"{survey.state.capitalize()} data",
        sections=tuple(_sections(survey)),
        warnings=survey.gaps,
    )


def _span(survey: Survey) -> str:
    start, end = (datetime.fromtimestamp(at, UTC).date().isoformat() for at in survey.span_s)
    return f"{start} to {end}"


def _facts(survey: Survey) -> Iterator[Fact]:
    queries = survey.queries
    known = any(each.cost_usd is not None for each in survey.functions)
    cost = f"{format_usd(survey.cost_usd)} a month" if known else UNKNOWN
    yield Fact("Cost", cost, "on demand, without free tier")
    saves = sum(each.saves_usd for each in survey.functions)
    yield Fact("May be saved", f"{format_usd(saves)} a month", "expected, not certain")
    yield Fact(
        "This survey",
        format_usd(queries.usd),
        f"{counted(queries.metrics, 'metric')}, {queries.scanned_bytes / 1e9:,.1f} GB of logs",
    )


def _sections(survey: Survey) -> Iterator[Section]:
    shown = survey.called[:_ROWS]
    if shown:
        more = len(survey.called) - len(shown)
        note = _NOTE + (f" {more:,} more are in the JSON and the CSV." if more > 0 else "")
        yield Section("By what may be saved", note=note, tables=tuple(_some(_ranking(shown))))
    if survey.endangered:
        yield Section("At risk", tables=tuple(_some(_risks(survey.endangered[:_ROWS]))))
    found = [(each, finding) for each in shown for finding in each.found if not finding.danger]
    if found:
        yield Section("What was found", tables=(_findings(found[:_ROWS]),), brief=())
    yield Section("How it was made", facts=tuple(_method(survey)), brief=())


def _some(table: Table) -> Iterator[Table]:
    """A long table as its first rows, and the rest folded."""
    first, rest = table.rows[:_FIRST], table.rows[_FIRST:]
    yield replace(table, rows=first)
    if rest:
        yield replace(table, rows=rest, folded=f"{len(rest):,} more")


def _ranking(found: Sequence[Assessed]) -> Table:
    columns = (
        *("Function", "Next", "May save", "Cost a month", "Calls a month", "Memory", "Used"),
        *("p95", "Cold", "INIT", "Sweep pays"),
    )
    narrow = ("Function", "Next", "May save", "Cost a month")
    return Table("By what may be saved", columns, tuple(map(_row, found)), narrow)


def _row(each: Assessed) -> Row:
    function, prospect = each.use.function, each.prospect
    cells = (
        Cell(_next(each)),
        Cell(format_usd(each.saves_usd) if each.saves_usd else UNKNOWN, estimated=True),
        Cell(format_cost(each.cost_usd), "" if each.with_init else "without INIT"),
        Cell(UNKNOWN if each.calls is None else call_count(each.calls)),
        Cell(format_memory(function.memory_mb)),
        Cell(format_memory(each.used_mb)),
        Cell(format_ms(each.p95_ms)),
        Cell(format_share(each.cold_share)),
        Cell(format_share(each.init_share)),
        Cell(format_chance(prospect.pays) if prospect else UNKNOWN, estimated=True),
    )
    marks = ("danger",) if each.dangers else ()
    return Row(each.name, cells, marks, reason=function.unfit)


def _next(each: Assessed) -> str:
    """The first thing to do, in a word or two."""
    codes = [finding.code for finding in each.found]
    urgent = [finding.code for finding in each.dangers]
    return next((_WORDS[code] for code in urgent + [c for c in _WORDS if c in codes]), "nothing")


_WORDS = {
    "memory": "more memory",
    "timeout": "look at timeouts",
    "throttles": "look at throttles",
    "errors": "look at errors",
    "size": "sweep",
    "history": "sweep",
    "arm64": "try arm64",
    "init": "shorten INIT",
    "logs": "log less",
    "runtime": "newer runtime",
}


def _risks(found: Sequence[Assessed]) -> Table:
    rows = tuple(
        Row(each.name, (Cell(format_cost(each.cost_usd)), Cell(danger.text, danger.basis)))
        for each in found
        for danger in each.dangers
    )
    return Table("At risk", ("Function", "Cost a month", "Why"), rows, prose=("Why",))


def _findings(found: Sequence[tuple[Assessed, Opportunity]]) -> Table:
    rows = tuple(
        Row(each.name, (Cell(format_usd(what.saves_usd_per_month)), Cell(what.text, what.basis)))
        for each, what in found
    )
    columns = ("Function", "Up to, a month", "What")
    return Table("What was found", columns, rows, prose=("What",))


def _method(survey: Survey) -> Iterator[Fact]:
    queries, (start, end) = survey.queries, survey.span_s
    yield Fact("Span", format_seconds(end - start), _span(survey))
    yield Fact("Queries of logs", f"{queries.log_queries:,}", format_usd(queries.scanned_usd))
    yield Fact("Metrics requested", f"{queries.metrics:,}", format_usd(queries.metrics_usd))
    yield Fact("Prices", survey.region, survey.dated)
