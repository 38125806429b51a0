"""Sizes under load in words: what each had to bear, and a row for each that was tried."""

from typing import TYPE_CHECKING

from tuner.decide.load_words import load_words, verdict_words
from tuner.decide.result import SizeRow, Sweep
from tuner.records import Outcome
from tuner.report.answer import known, money
from tuner.report.tables import Cell, Row, Table
from tuner.units import UNKNOWN, format_memory, format_ms, format_rate, format_share

if TYPE_CHECKING:
    from tuner.decide.size_under_load import SizeUnderLoad

COLUMNS = (
    "Memory",
    "Calls",
    "Answered",
    "p50",
    "p95",
    "p99",
    "Duration p50",
    "Throttled",
    "Cost per million",
    "Objectives",
)


def load_table(sweep: Sweep) -> Table | None:
    """Every size that was put under load, ascending; ``None`` if none was."""
    rows = tuple(_row(size, size.load, sweep) for size in sweep.sizes if size.load is not None)
    return Table("Sizes under load", COLUMNS, rows) if rows else None


def load_sentence(sweep: Sweep) -> str:
    """What was asked of each size, and what came of it; empty if nothing was."""
    loads = [size for size in sweep.sizes if size.load is not None]
    if sweep.load is None or not loads:
        return ""
    asked = sweep.load
    arrival = {"constant": "evenly spaced", "poisson": "by chance (Poisson)"}
    how = "" if asked.arrival is None else f", due {arrival.get(asked.arrival, asked.arrival)}"
    sizes = "One size was" if len(loads) == 1 else f"{len(loads)} sizes were"
    turns = "" if len(loads) == 1 else ", one after another with the same calls"
    return f"{sizes} put under load ({load_words(asked)}{how}){turns}. {_outcome(loads)}"


def _outcome(loads: list[SizeRow]) -> str:
    met = [size.memory_mb for size in loads if size.load is not None and size.load.met]
    missed = [s.memory_mb for s in loads if s.load is not None and s.load.met is False]
    parts = [
        f"{', '.join(f'{size:,}' for size in sizes)} MB {word}"
        for sizes, word in ((met, "met the objectives"), (missed, "missed them"))
        if sizes
    ]
    if not parts:
        return "No objective was about callers, throttles or errors, so none was judged by it."
    return f"{'; '.join(parts)}."


def _row(size: SizeRow, load: "SizeUnderLoad", sweep: Sweep) -> Row:
    figures = load.figures
    latency, ran = figures.latency, figures.warm.percentile_ms(50.0)
    alone = size.warm.duration_ms
    dropped = sum(figures.dropped.values())
    throttled = figures.share(Outcome.THROTTLED)
    cells = (
        Cell(f"{figures.calls:,}", f"{figures.concurrency.mean:.1f} in flight"),
        Cell(
            format_share(figures.share(Outcome.OK)),
            f"{dropped:,} never sent" if dropped else format_rate(figures.goodput_rps),
        ),
        *(Cell(format_ms(latency.percentile_ms(q))) for q in (50.0, 95.0, 99.0)),
        Cell(format_ms(ran), "" if alone is None else f"alone {format_ms(alone.p50)}"),
        Cell(format_share(throttled)),
        Cell(money(known(load.cost_usd_per_million))),
        Cell(_verdict(load)),
    )
    pick = sweep.recommendation
    marks = ("recommended",) if pick is not None and pick.memory_mb == size.memory_mb else ()
    status = "partial" if load.note else "ok"
    return Row(format_memory(size.memory_mb), cells, marks, status, load.note or "")


def _verdict(load: "SizeUnderLoad") -> str:
    if load.met is None:
        return UNKNOWN
    missed = [verdict_words(verdict) for verdict in load.verdicts if not verdict.met]
    return f"missed {'; '.join(missed)}".strip() if missed or not load.met else "met"
