"""What is worth doing beside the size: two lines below the answer, and a table on the page."""

from collections.abc import Iterator
from dataclasses import replace

from tuner.decide.result import Opportunity, Sweep
from tuner.report.elements import Answer, Cell, Row, Section, Table, known
from tuner.units import UNKNOWN, format_cost, format_ms, format_share

#: Lines below the answer; the table has them all.
_LINES = 2
#: A change below this, in cost and in duration, is not the news where INIT is.
_SMALL = 0.1
_NAMES = {
    "init": "INIT",
    "package": "Package",
    "snapstart": "SnapStart",
    "provisioned": "Provisioned concurrency",
    "arm64": "arm64",
    "memory": "Memory",
    "timeout": "Timeout",
    "logs": "Logs",
}


def with_opportunities(said: Answer, sweep: Sweep) -> Answer:
    """The answer with the most urgent of them. INIT is part of the headline, after the size, where
    the size changes little: who waits for it, and for how much, matters more."""
    lines = tuple(each.text for each in sweep.opportunities[:_LINES])
    if not lines:
        return said
    now = sweep.recommendation.versus_current if sweep.recommendation else None
    changes = (now.cost_change, now.duration_change) if now else (None, None)
    small = all(abs(known(change) or 0.0) < _SMALL for change in changes)
    init = next((each for each in sweep.opportunities if each.code == "init"), None)
    if init is None or not small or sweep.opportunities[0].danger:
        return replace(said, reasons=(*said.reasons, *lines))
    reasons = (*lines, *said.reasons)
    if not init.brief:
        return replace(said, reasons=reasons)
    return replace(said, headline=f"{said.headline}; {init.brief}", reasons=reasons)


def opportunities_section(sweep: Sweep) -> Iterator[Section]:
    """All of them in a table, for the page."""
    if not sweep.opportunities:
        return
    columns = ("What", "Up to, per million", "Up to, per month", "Of the bill", "Shorter by", "Why")
    rows = tuple(_row(each) for each in sweep.opportunities)
    yield Section(
        "Beside the size",
        note="What each could save at most, and what that rests on.",
        tables=(Table("", columns, rows, prose=("Why",)),),
        brief=(),
    )


def _row(found: Opportunity) -> Row:
    part = known(found.share_of_bill)
    cells = (
        Cell(format_cost(found.saves_usd_per_million)),
        Cell(format_cost(found.saves_usd_per_month)),
        Cell(UNKNOWN if part is None else format_share(part)),
        Cell(format_ms(found.saves_ms)),
        Cell(found.text, found.basis),
    )
    marks = ("danger",) if found.danger else ()
    return Row(_NAMES.get(found.code, found.code), cells, marks)
