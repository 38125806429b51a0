"""The tables of a sweep: sizes, architectures, cold starts, ways to start, and runners-up."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from tuner.decide.result import Choice, Recommendation, SizeRow, StartupRow, Sweep
from tuner.model.quantiles import Stats
from tuner.report.answer import payload_named, size_named
from tuner.report.elements import (
    Cell,
    Fact,
    Row,
    Table,
    changed,
    cost_cell,
    estimate,
    format_chance,
    known,
    statistic,
    statistic_cell,
)
from tuner.units import (
    UNKNOWN,
    format_cost,
    format_memory,
    format_ms,
    format_rate,
    format_seconds,
    format_share,
    listed,
)

T = TypeVar("T")
_PICKED, _NOW = "recommended", "current"
_NONE = Cell(UNKNOWN)
#: Explains the mark of that name.
PARETO = "Pareto: no other size is both cheaper and faster."

#: Columns after the head, each with its cell.
_SIZE: Mapping[str, Callable[[SizeRow], Cell]] = {
    "Warm calls": lambda size: Cell(f"{size.warm.n:,}"),
    "p50": lambda size: statistic_cell(size.warm.duration_ms),
    "p95": lambda size: statistic_cell(size.warm.duration_ms, "p95"),
    "p99": lambda size: Cell(statistic(size.warm.duration_ms, "p99"), _longest(size)),
    "Billed (mean)": lambda size: Cell(statistic(size.warm.billed_ms, "mean")),
    "Cost per million": lambda size: cost_cell(size.cost_usd_per_million),
    "Memory used": lambda size: Cell(format_memory(known(size.warm.max_memory_mb))),
    "Failures": lambda size: Cell(failures(size) or "none"),
}
_COLD: Mapping[str, Callable[[SizeRow], Cell]] = {
    "Cold starts": lambda size: Cell(f"{size.cold.n:,}"),
    "INIT p50": lambda size: statistic_cell(size.cold.init_ms),
    "INIT p95": lambda size: _tail(size.cold.init_ms),
    "First call p50": lambda size: statistic_cell(size.cold.duration_ms),
    "Total p95": lambda size: _tail(size.cold.total_ms),
}
_ARCH: Mapping[str, Callable[[Recommendation], Cell]] = {
    "Best size": lambda pick: Cell(format_memory(pick.memory_mb)),
    "Cost per million": lambda pick: cost_cell(pick.cost_usd_per_million),
    "p50": lambda pick: estimate(pick.p50_ms),
    "p95": lambda pick: estimate(pick.p95_ms),
}
_STARTUP: Mapping[str, Callable[[StartupRow], Cell]] = {
    "First calls": lambda row: Cell(
        f"{row.n:,}", f"{row.spilled} spilled over" if row.spilled else ""
    ),
    "First answer p50": lambda row: statistic_cell(row.first_ms),
    "First answer max": lambda row: Cell(statistic(row.first_ms, "max")),
    "INIT or restore": lambda row: Cell(_starts(row)),
    "Duration p50": lambda row: Cell(statistic(row.duration_ms, "p50")),
    "Warm p50": lambda row: Cell(statistic(row.warm_ms, "p50")),
    "Ready after": lambda row: Cell(format_seconds(row.ready_s)),
    "Cost per million": lambda row: Cell(_per_million(row.call_usd)),
    "Extra per million cold starts": lambda row: Cell(_per_million(row.start_usd)),
    "Provisioned, per hour": lambda row: Cell(format_cost(row.kept_usd_per_hour)),
}


#: Of fewer values the 95th percentile lies beyond all but the largest, which is said instead.
_TAIL_FROM = 20


def _tail(stats: Stats | None) -> Cell:
    """The 95th percentile; of a handful the largest, said to be that. Of how many, another column
    says."""
    few = stats is not None and stats.n < _TAIL_FROM
    return Cell(f"max {statistic(stats, 'max')}" if few else statistic(stats, "p95"))


def _cells(columns: Mapping[str, Callable[[T], Cell]], thing: T) -> tuple[Cell, ...]:
    return tuple(cell(thing) for cell in columns.values())


def size_table(sweep: Sweep) -> Table:
    """Every measured size, and the recommended one from the curve if it was not measured."""
    rows = tuple(row for each in sweep.each for row in _size_rows(each, sweep))
    narrow = ("Memory", "Warm calls", "p50", "p95", "Cost per million")
    seen = ", as this client saw them" if sweep.run.facts.invoke_only else ""
    key = PARETO if any("Pareto" in row.marks for row in rows) else ""
    return Table(
        f"Warm invocations by memory size{seen}", ("Memory", *_SIZE), rows, narrow, key=key
    )


def _size_rows(sweep: Sweep, compared: Sweep) -> list[Row]:
    several = bool(compared.beside)
    rows = {size.memory_mb: _size_row(size, sweep, several) for size in sweep.sizes}
    pick = sweep.recommendation
    if pick is not None and pick.memory_mb not in rows:
        rows[pick.memory_mb] = _fitted_row(pick, sweep, several)
    # Of an architecture that was not chosen the pick is no recommendation.
    best = {_PICKED: "its best"} if sweep is not compared else {}
    return [
        replace(row, marks=tuple(best.get(mark, mark) for mark in row.marks))
        for _, row in sorted(rows.items())
    ]


def _size_row(size: SizeRow, sweep: Sweep, several: bool) -> Row:
    reason = size.reason or ("reason unknown" if size.status == "failed" else "")
    head = size_named(size.memory_mb, sweep, several)
    if sweep.run.facts.invoke_only:
        size = replace(size, warm=replace(size.warm, duration_ms=size.warm.client_ms))
    return Row(head, _cells(_SIZE, size), _marks(size.memory_mb, sweep), size.status, reason)


def _fitted_row(pick: Recommendation, sweep: Sweep, several: bool) -> Row:
    fitted = {
        **{column: cell(pick) for column, cell in _ARCH.items()},
        "p99": estimate(pick.p99_ms),
        "Cost per million": _estimated(cost_cell(pick.cost_usd_per_million)),
    }
    cells = tuple(fitted.get(column, _NONE) for column in _SIZE)
    head = size_named(pick.memory_mb, sweep, several)
    return Row(head, cells, (_PICKED, "fitted"), "fitted")


def _estimated(cell: Cell) -> Cell:
    value = cell.value if cell.value == UNKNOWN else f"~{cell.value}"
    return replace(cell, value=value, estimated=cell.value != UNKNOWN)


def _longest(size: SizeRow) -> str:
    stats = size.warm.duration_ms
    return "" if stats is None or known(stats.max) is None else f"max {format_ms(stats.max)}"


def _marks(memory_mb: int, sweep: Sweep) -> tuple[str, ...]:
    pick = sweep.recommendation
    marks = {
        _PICKED: pick is not None and pick.memory_mb == memory_mb,
        _NOW: sweep.current_mb == memory_mb,
        "Pareto": memory_mb in sweep.pareto_mb,
    }
    return tuple(mark for mark, holds in marks.items() if holds)


def failures(size: SizeRow) -> str:
    """``2 throttles, 1 timeout``, or nothing."""
    kinds = (
        (size.throttles, "throttle", "throttles"),
        (size.timeouts, "timeout", "timeouts"),
        (size.out_of_memory, "out of memory", "out of memory"),
        (size.errors, "error", "errors"),
        (size.retries, "retry", "retries"),
    )
    return ", ".join(f"{n:,} {one if n == 1 else many}" for n, one, many in kinds if n)


def payload_table(sweep: Sweep) -> Table | None:
    """Every size for each class of payloads; ``None`` without several, or warm calls."""
    classes = [payload for each in sweep.each for payload in each.payloads]
    if not classes or sweep.run.command == "cold":
        return None
    rows = tuple(row for each in classes for row in _size_rows(each, sweep))
    return replace(size_table(sweep), caption="By payload", rows=rows)


def payload_sentence(sweep: Sweep) -> str:
    """The best size for each class of payloads, were there no other; nothing where none is."""
    if all(each.recommendation is None for each in sweep.payloads):
        return ""
    found = []
    for each in sweep.payloads:
        best = UNKNOWN if (pick := each.recommendation) is None else format_memory(pick.memory_mb)
        found.append(f"{payload_named(each)} (weight {each.weight:g}): {best}")
    return f"Best size for each payload alone: {'; '.join(found)}. Recommended is one for all."


def arch_table(sweep: Sweep) -> Table | None:
    """The best size of every architecture; ``None`` where only one was measured."""
    if not sweep.beside or sweep.run.command == "cold":  # which chooses nothing
        return None
    rows = tuple(_arch_row(each, sweep) for each in sweep.each)
    columns = ("Architecture", *_ARCH, "USD per GB-second", "Chance to be best")
    narrow = ("Architecture", "Best size", "Cost per million", "p95", "Chance to be best")
    return Table("Architectures, each at its best size", columns, rows, narrow)


def _arch_row(each: Sweep, compared: Sweep) -> Row:
    pick, price = each.recommendation, each.price.get("gb_second_usd")
    marks = (_PICKED,) if each is compared and pick is not None else ()
    if pick is not None and pick.memory_mb == each.current_mb:
        marks = (*marks, _NOW)
    rate = Cell(f"${price:.10f}" if isinstance(price, float) else UNKNOWN)
    if pick is None:
        why = next((size.reason for size in each.sizes if size.reason), "nothing was measured")
        return Row(each.arch, (*(_NONE for _ in _ARCH), rate, _NONE), marks, "failed", why or "")
    chance = Cell(format_chance(compared.chances.get(each.arch)))
    return Row(each.arch, (*_cells(_ARCH, pick), rate, chance), marks)


def cold_table(sweep: Sweep) -> Table | None:
    """Cold starts by size, or ``None`` if none were measured."""
    rows = []
    for each, size in [(one, size) for one in sweep.each for size in one.sizes if size.cold.n]:
        head = size_named(size.memory_mb, each, bool(sweep.beside))
        marks = _marks(size.memory_mb, each) if each is sweep else ()
        marks = tuple(mark for mark in marks if mark != "Pareto")  # which is of warm calls
        rows.append(Row(head, _cells(_COLD, size), marks))
    columns = ("Memory", *_COLD)
    narrow = tuple(column for column in columns if column != "INIT p95")
    return Table("Cold starts by memory size", columns, tuple(rows), narrow) if rows else None


def choice_table(sweep: Sweep) -> Table | None:
    """The cheapest, balanced and fastest size of the chosen architecture, one row a size, and the
    recommended one where it is none of these; ``None`` where there is one size in all."""
    pick = sweep.recommendation
    if pick is None or not pick.choices:
        return None
    named: dict[int, list[str]] = {}
    for choice in pick.choices:
        named.setdefault(choice.memory_mb, []).append(choice.name)
    of = {choice.memory_mb: choice for choice in pick.choices}
    if pick.memory_mb not in of and (own := _own_choice(sweep, pick)) is not None:
        named = {pick.memory_mb: [_PICKED], **named}
        of[pick.memory_mb] = own
    if len(of) < 2:
        return None
    rows = []
    for size, names in named.items():
        choice = of[size]
        cells = (
            Cell(size_named(size, sweep)),
            Cell(format_cost(choice.cost_usd_per_million), _change(choice.cost_change)),
            Cell(format_ms(choice.duration_ms), _change(choice.duration_change)),
            Cell(f"{choice.verified_calls:,}"),
        )
        marks = (_PICKED,) if size == pick.memory_mb and names != [_PICKED] else ()
        rows.append(Row(listed(names).capitalize(), cells, marks))
    columns = ("Choice", "Memory", "Cost per million", "Mean duration", "Calls")
    told = any(cell.detail for row in rows for cell in row.cells)
    now = f", changes against the current {format_memory(sweep.current_mb)}" if told else ""
    where = f" on {sweep.arch}" if sweep.beside else ""
    return Table(f"Choices{where}, as measured{now}", columns, tuple(rows), details=True)


def _own_choice(sweep: Sweep, pick: Recommendation) -> Choice | None:
    """The recommended size as the choices are; ``None`` where it was not measured."""
    row = next((row for row in sweep.sizes if row.memory_mb == pick.memory_mb), None)
    if row is None or row.cost_usd_per_million is None or row.warm.duration_ms is None:
        return None
    now = pick.versus_current
    cost, mean = row.cost_usd_per_million.mean, row.warm.duration_ms.mean
    changes = (None, None) if now is None else (known(now.cost_change), known(now.duration_change))
    if pick.memory_mb == sweep.current_mb:
        changes = None, None
    return Choice(_PICKED, pick.memory_mb, pick.arch, cost, mean, pick.verified_calls, *changes)


def _change(change: float | None) -> str:
    """``-31 %`` against the size now; nothing where that is not known or next to nothing."""
    return "" if change is None else changed(1.0 + change)


def runner_up_table(sweep: Sweep) -> Table | None:
    """Sizes that were not chosen, with the reason; ``None`` if there are none."""
    pick = sweep.recommendation
    if pick is None or not pick.runners_up:
        return None
    rows = []
    for other in pick.runners_up:
        arch = other.arch or (sweep.arch if sweep.beside else None)
        head = format_memory(other.memory_mb) + (f" on {arch}" if arch else "")
        told = format_cost(other.cost_usd_per_million), format_ms(other.duration_ms), other.why_not
        rows.append(Row(head, tuple(map(Cell, told))))
    columns = ("Memory", "Cost per million", "Mean duration", "Compared with the pick")
    note = "The next best sizes, as measured:"
    return Table("Runners-up", columns, tuple(rows), prose=columns[-1:], note=note)


def startup_table(sweep: Sweep) -> Table | None:
    """Every way that was compared; ``None`` if none was."""
    if not sweep.variants:
        return None
    size = format_memory(sweep.variants[0].memory_mb)
    narrow = (
        "Start",
        "First calls",
        "First answer p50",
        "INIT or restore",
        "Provisioned, per hour",
    )
    rows = tuple(
        Row(row.name, _cells(_STARTUP, row), (), row.status, row.reason or "")
        for row in sweep.variants
    )
    return Table(f"Ways to start at {size}", ("Start", *_STARTUP), rows, narrow)


def startup_facts(sweep: Sweep) -> tuple[Fact, ...]:
    """The traffic from which provisioned sandboxes cost less than starting on demand."""
    rule = "by cost alone, compared with evenly spread calls on demand"
    return tuple(
        Fact(f"{row.name} pays", _pays(row), rule) for row in sweep.variants if row.provisioned
    )


def _per_million(usd: float | None) -> str:
    return format_cost(None if usd is None else usd * 1e6)


def _starts(row: StartupRow) -> str:
    starts = row.restore_ms or row.init_ms
    if starts is None:
        return "before the call" if row.provisioned and row.n else UNKNOWN
    return statistic(starts, "p50")


def _pays(row: StartupRow) -> str:
    pays = row.pays
    if pays is None:
        return "unknown: a price or a duration is missing"
    words = []
    if pays.per_second is not None:
        words.append(f"from {format_rate(pays.per_second)}")
    if pays.cold_share is not None:
        words.append(f"from {format_share(pays.cold_share)} cold starts at one call a second")
    return ", or ".join(words) or f"at no rate that {row.provisioned} sandboxes can serve"
