"""The tables of a load, from ``tuner.load/1``, of the sizes that a sweep put under load, and of
what failed in either."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from tuner.decide.load_result import least_likely, load_words, verdict_words
from tuner.decide.result import SizeRow, Sweep
from tuner.measure.failures import Cause
from tuner.records import Outcome
from tuner.report.elements import Cell, Log, Row, Section, Table, interval_ms, share
from tuner.units import (
    UNKNOWN,
    counted,
    format_cost,
    format_memory,
    format_ms,
    format_probability,
    format_rate,
    format_share,
    printable,
)

if TYPE_CHECKING:
    from tuner.decide.load_result import SizeUnderLoad


_STATISTICS = ("p50", "p90", "p95", "p99", "p99.9", "max", "mean")
_TIMES = (
    ("latency_ms", "Latency, since due"),
    ("unexpected_ms", "Latency, answer not as expected"),
    ("service_ms", "Service time, since sent"),
    ("lag_ms", "Sent late by"),
    ("duration_ms", "Duration reported by Lambda"),
    ("cold_ms", "Cold start, INIT and first call"),
)
#: The same of events, whose answer says only that they were taken.
_ACCEPTED = {
    "latency_ms": "Accepted, since due",
    "service_ms": "Accepted, since sent",
    "duration_ms": "Duration of all attempts",
    "cold_ms": "Cold start, INIT and first call",
}
_OUTCOMES = {
    "ok": "succeeded",
    "throttled": "throttled",
    "function_error": "function failed",
    "timeout": "function timed out",
    "out_of_memory": "function out of memory",
    "transport_error": "connection failed",
    "service_error": "service failed",
    "check_failed": "answer not as expected",
}
#: How calls of an open model are due.
ARRIVALS = {"constant": "evenly spaced", "poisson": "at random (Poisson)"}


def times_table(document: Mapping[str, Any]) -> Table:
    """Percentiles of every kind of time that was measured, with intervals where they are known."""
    renamed = {} if document.get("events") is None else _ACCEPTED
    bounds = document.get("intervals", {})  # documents of earlier versions have none
    whole = document["outcomes"]["ok"] == document["calls"]  # so each cold start has its time
    cold = document["cold_starts"] if whole else None
    of = {} if cold is None else {"cold_ms": f" (of {cold:,})"}  # mostly a handful
    rows = [
        Row(
            renamed.get(key, title) + of.get(key, ""),
            spread_cells(document[key], _STATISTICS, bounds.get(key, {})),
        )
        for key, title in _TIMES
        if document.get(key)  # documents of earlier versions have no unexpected_ms
    ]
    retried = document["retries"]["time_to_success_ms"]
    if retried:
        rows.append(Row("Latency of calls that were retried", spread_cells(retried, _STATISTICS)))
    whose = "were accepted" if renamed else "succeeded"
    if document.get("unexpected_ms"):
        whose = "were answered"
    caption, columns = f"Times of calls that {whose}", ("Time", *_STATISTICS)
    return Table(caption, columns, tuple(rows), narrow=("Time", "p50", "p95", "p99", "max"))


def spread_cells(
    spread: Mapping[str, Any],
    names: Iterable[str],
    bounds: Mapping[str, Any] = MappingProxyType({}),
) -> tuple[Cell, ...]:
    """The statistics of a time in ms by name, with the intervals that are known."""
    return tuple(Cell(format_ms(spread.get(n)), interval_ms(bounds.get(n))) for n in names)


def outcome_table(document: Mapping[str, Any]) -> Table:
    """Calls by how they ended."""
    accepted = {} if document.get("events") is None else {"ok": "accepted"}
    rows = [
        (words, count)
        for outcome, words in {**_OUTCOMES, **accepted}.items()
        if (count := document["outcomes"].get(outcome, 0)) or outcome == "ok"
    ]
    columns = ("Outcome", "Calls", "Share")
    table = share_table("How calls ended", columns, rows, document["calls"])
    more = {"never sent": document["dropped"], "fate unknown": document.get("unknown", 0)}
    cells = {
        words: (Cell(f"{n:,}"), Cell("not counted as calls")) for words, n in more.items() if n
    }
    return replace(table, rows=(*table.rows, *(Row(*each) for each in cells.items())))


def throttle_table(document: Mapping[str, Any]) -> Table | None:
    """Throttled requests by reason; ``None`` without any."""
    if not document["throttles"]:
        return None
    ordered = sorted(document["throttles"].items(), key=lambda item: -item[1])
    columns = ("Reason", "Requests", "Share")
    table = share_table("Throttled requests by reason", columns, ordered, document["attempts"])
    return replace(table, note="Throttled requests by the reason that Lambda gave:")


def share_table(
    caption: str, columns: tuple[str, ...], rows: Iterable[tuple[str, int]], of: int
) -> Table:
    """Counts by kind, with the share of all."""
    listed = (Row(name, (Cell(f"{count:,}"), Cell(share(count, of)))) for name, count in rows)
    return Table(caption, columns, tuple(listed))


def timeline_table(moments: Sequence[Mapping[str, Any]]) -> Table:
    """A row per moment of the timeline."""
    rows = []
    for moment in moments:
        told = (
            *(_rate(moment[name]) for name in ("asked", "sent", "ok")),
            *(_rate(moment[name]) for name in ("throttled", "errors", "cold")),
            f"{moment['in_flight'] or 0.0:.1f}",
            *(format_ms(moment[name]) for name in ("p50_ms", "p99_ms")),
        )
        rows.append(Row(f"{moment['second']:,} s", tuple(map(Cell, told))))
    rates = ("Due/s", "Sent/s", "Succeeded/s", "Throttled/s", "Failed/s", "Cold/s")
    columns = ("At", *rates, "In flight", "p50", "p99")
    return Table("Second by second", columns, tuple(rows), folded=counted(len(rows), "row"))


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def size_load_table(sweep: Sweep) -> Table | None:
    """Every size that was put under load, ascending; ``None`` if none was."""
    rows = tuple(_size_row(size, size.load, sweep) for size in sweep.sizes if size.load is not None)
    measures = ("Calls", "Succeeded", "p50", "p95", "p99", "Duration p50", "Throttled")
    narrow = ("Memory", "Succeeded", "p50", "p99", "Throttled", "Objectives")
    prose = ("Objectives",)
    columns = ("Memory", *measures, "Cost per million", *prose)
    return Table("Sizes under load", columns, rows, narrow, prose) if rows else None


def load_sentence(sweep: Sweep) -> str:
    """The load that each size was put under, and what came of it; empty if none was."""
    loads = [(size.memory_mb, size.load.met) for size in sweep.sizes if size.load is not None]
    asked = sweep.load
    if asked is None or not loads:
        return ""
    how = "" if asked.arrival is None else f", due {ARRIVALS.get(asked.arrival, asked.arrival)}"
    sizes = "One size was" if len(loads) == 1 else f"{len(loads)} sizes were"
    turns = "" if len(loads) == 1 else ", one after another, with the same calls"
    return f"{sizes} put under load ({load_words(asked)}{how}){turns}. {_outcome(loads)}"


def _outcome(loads: list[tuple[int, bool | None]]) -> str:
    met = [size for size, bore in loads if bore]
    missed = [size for size, bore in loads if bore is False]
    parts = [
        f"{_listed(sizes)} MB {word}"
        for sizes, word in ((met, "met the objectives in these calls"), (missed, "missed them"))
        if sizes
    ]
    if not parts:
        return "No objective is about callers, throttles or errors, so none was judged here."
    return f"{'; '.join(parts)}."


def _size_row(size: SizeRow, load: "SizeUnderLoad", sweep: Sweep) -> Row:
    figures, alone, pick = load.figures, size.warm.duration_ms, sweep.recommendation
    dropped, ran_ms = figures.never_sent, figures.warm.percentile_ms(50.0)
    sent = f"{dropped:,} never sent" if dropped else format_rate(figures.goodput_rps)
    cells = (
        Cell(f"{figures.calls:,}", f"{figures.concurrency.mean:.1f} in flight"),
        Cell(format_share(figures.share(Outcome.OK)), sent),
        *(Cell(format_ms(figures.latency.percentile_ms(q))) for q in (50.0, 95.0, 99.0)),
        Cell(format_ms(ran_ms), "" if alone is None else f"alone {format_ms(alone.p50)}"),
        Cell(format_share(figures.share(Outcome.THROTTLED))),
        Cell(format_cost(load.cost_usd_per_million)),
        Cell(_verdict(load)),
    )
    marks = ("recommended",) if pick is not None and pick.memory_mb == size.memory_mb else ()
    status = "partial" if load.note else "ok"
    return Row(format_memory(size.memory_mb), cells, marks, status, load.note or "")


def _verdict(load: "SizeUnderLoad") -> str:
    if load.met is None:
        return UNKNOWN
    missed = [verdict_words(verdict) for verdict in load.verdicts if not verdict.met]
    if missed or not load.met:
        return f"missed {'; '.join(missed)}".strip()
    chance = least_likely(load.verdicts)
    return "met" if chance is None else f"met with {format_probability(chance)}"


#: Causes that are shown, and lines of one's log.
_SHOWN, _LINES = 3, 15


def as_cause(errors: Mapping[str, Any]) -> Cause:
    """Return a cause from its part of a document, which may have come from elsewhere."""
    message, tail = errors.get("message"), errors.get("log_tail")
    return Cause(
        printable(str(errors["type"])),
        None if message is None else printable(str(message)),
        int(errors["count"]),
        tuple(errors.get("memory_mb", ())),
        None if tail is None else printable(str(tail), keep="\n\t"),
    )


def errors_section(causes: Iterable[Cause]) -> Iterator[Section]:
    """Give the most frequent causes with the log of one, or nothing where nothing failed."""
    ordered = sorted(causes, key=lambda cause: -cause.count)
    if not ordered:
        return
    rows = []
    for cause in ordered[:_SHOWN]:
        at = Cell(f"{_listed(cause.memory_mb)} MB")
        rows.append(Row(cause.type, (Cell(cause.message or ""), Cell(f"{cause.count:,}"), at)))
    columns = ("Error", "Message", "Calls", "At")
    table = Table("Errors", columns, tuple(rows), prose=("Message", "At"))
    left = len(ordered) - _SHOWN
    note = f"{left} more in the JSON." if left > 0 else ""
    told = next((cause for cause in ordered if cause.log_tail), None)
    end = "" if told is None else "\n".join((told.log_tail or "").strip().splitlines()[-_LINES:])
    log = None if told is None else Log(f"Log of one {told.type}", end)
    yield Section("Errors", note=note, tables=(table,), log=log)


def _listed(sizes_mb: Iterable[int]) -> str:
    return ", ".join(f"{size:,}" for size in sizes_mb)
