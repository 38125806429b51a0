"""The tables of a sweep: sizes, architectures, cold starts, ways to start, and runners-up."""

from dataclasses import replace

from tuner.decide.result import Recommendation, RunnerUp, SizeRow, StartupRow, Sweep
from tuner.model.quantiles import Stats
from tuner.report.elements import (
    Cell,
    Fact,
    Row,
    Table,
    cost_cell,
    format_chance,
    interval_ms,
    known,
    median_cell,
    money,
    size_named,
    statistic,
)
from tuner.units import UNKNOWN, format_memory, format_ms, format_rate, format_seconds, format_share

SIZE_COLUMNS = (
    "Memory",
    "Warm calls",
    "p50",
    "p95",
    "p99",
    "Billed (mean)",
    "Cost per million",
    "Memory used",
    "Failures",
)
ARCH_COLUMNS = (
    "Architecture",
    "Best size",
    "Cost per million",
    "p50",
    "p95",
    "USD per GB-second",
    "Chance to be best",
)
_PICKED, _NOW = "recommended", "current"
COLD_COLUMNS = ("Memory", "Cold starts", "INIT p50", "INIT p95", "First call p50", "Total p95")


def size_table(sweep: Sweep) -> Table:
    """Every measured size, and the recommended one from the curve if it was not measured."""
    ordered = [row for each in sweep.each for row in _size_rows(each, sweep)]
    narrow = ("Memory", "Warm calls", "p50", "p95", "Cost per million")
    return Table("Warm invocations by memory size", SIZE_COLUMNS, tuple(ordered), narrow)


def _size_rows(sweep: Sweep, compared: Sweep) -> list[Row]:
    several = bool(compared.beside)
    rows = {size.memory_mb: _size_row(size, sweep, several) for size in sweep.sizes}
    pick = sweep.recommendation
    if pick is not None and pick.memory_mb not in rows:
        rows[pick.memory_mb] = _fitted_row(pick, sweep, several)
    if sweep is not compared:  # its architecture was not chosen
        best = {_PICKED: "its best"}
        rows = {
            size: replace(row, marks=tuple(best.get(mark, mark) for mark in row.marks))
            for size, row in rows.items()
        }
    return [rows[memory_mb] for memory_mb in sorted(rows)]


def arch_table(sweep: Sweep) -> Table | None:
    """The best size of every architecture; ``None`` where only one was measured."""
    if not sweep.beside or sweep.run.command == "cold":  # which chooses nothing
        return None
    rows = tuple(_arch_row(each, sweep) for each in sweep.each)
    narrow = ("Architecture", "Best size", "Cost per million", "p95", "Chance to be best")
    return Table("Architectures, each at its best size", ARCH_COLUMNS, rows, narrow)


def _arch_row(each: Sweep, compared: Sweep) -> Row:
    pick, price = each.recommendation, each.price.get("gb_second_usd")
    marks = (_PICKED,) if each is compared and pick is not None else ()
    if each.arch == compared.run.facts.arch and compared.run.facts.memory_mb is not None:
        marks = (*marks, _NOW)
    rate = Cell(f"${price:.10f}" if isinstance(price, float) else UNKNOWN)
    if pick is None:
        why = next((size.reason for size in each.sizes if size.reason), "nothing was measured")
        cells = (Cell(UNKNOWN),) * 4
        return Row(each.arch, (*cells, rate, Cell(UNKNOWN)), marks, "failed", why or "")
    cells = (
        Cell(format_memory(pick.memory_mb)),
        cost_cell(pick.cost_usd_per_million),
        Cell(format_ms(pick.p50_ms)),
        Cell(format_ms(pick.p95_ms)),
    )
    chance = compared.chances.get(each.arch)
    return Row(each.arch, (*cells, rate, Cell(format_chance(chance))), marks)


def cold_table(sweep: Sweep) -> Table | None:
    """Cold starts by size, or ``None`` if none were measured."""
    found = [(size, each) for each in sweep.each for size in each.sizes if size.cold.n]
    if not found:
        return None
    rows = tuple(
        Row(
            size_named(size.memory_mb, each, bool(sweep.beside)),
            (
                Cell(f"{size.cold.n:,}"),
                median_cell(size.cold.init_ms),
                Cell(statistic(size.cold.init_ms, "p95")),
                median_cell(size.cold.duration_ms),
                Cell(statistic(size.cold.total_ms, "p95")),
            ),
            _marks(size.memory_mb, each) if each is sweep else (),
        )
        for size, each in found
    )
    return Table("Cold starts by memory size", COLD_COLUMNS, rows)


def runner_up_table(sweep: Sweep) -> Table | None:
    """Sizes that were not chosen, with the reason; ``None`` if there are none."""
    pick = sweep.recommendation
    if pick is None or not pick.runners_up:
        return None
    rows = tuple(
        Row(
            _runner_up(other, sweep),
            (
                Cell(money(known(other.cost_usd_per_million))),
                Cell(format_ms(other.duration_ms)),
                Cell(other.why_not),
            ),
        )
        for other in pick.runners_up
    )
    columns = ("Memory", "Cost per million", "Mean duration", "Compared with the pick")
    note = "The next best sizes, by the fitted curve:"
    return Table("Runners-up", columns, rows, prose=columns[-1:], note=note)


def _runner_up(other: RunnerUp, sweep: Sweep) -> str:
    text = format_memory(other.memory_mb)
    arch = other.arch or (sweep.arch if sweep.beside else None)
    return f"{text} on {arch}" if arch else text


def failures(size: SizeRow) -> str:
    """``2 throttles, 1 timeout``, or nothing."""
    kinds = (
        (size.throttles, "throttle"),
        (size.timeouts, "timeout"),
        (size.out_of_memory, "out of memory"),
        (size.errors, "error"),
        (size.retries, "retry"),
    )
    return ", ".join(f"{number:,} {_plural(kind, number)}" for number, kind in kinds if number)


def _plural(kind: str, number: int) -> str:
    if number == 1 or kind == "out of memory":
        return kind
    return "retries" if kind == "retry" else f"{kind}s"


def _size_row(size: SizeRow, sweep: Sweep, several: bool) -> Row:
    warm, duration = size.warm, size.warm.duration_ms
    cells = (
        Cell(f"{warm.n:,}"),
        median_cell(duration),
        Cell(
            statistic(duration, "p95"), interval_ms(None if duration is None else duration.p95_ci)
        ),
        Cell(statistic(duration, "p99"), _longest(duration)),
        Cell(statistic(warm.billed_ms, "mean")),
        cost_cell(size.cost_usd_per_million),
        Cell(format_memory(known(warm.max_memory_mb))),
        Cell(failures(size) or "none"),
    )
    reason = size.reason or ("reason unknown" if size.status == "failed" else "")
    head = size_named(size.memory_mb, sweep, several)
    return Row(head, cells, _marks(size.memory_mb, sweep), size.status, reason)


def _fitted_row(pick: Recommendation, sweep: Sweep, several: bool) -> Row:
    unknown = Cell(UNKNOWN)
    cells = (
        unknown,
        Cell(format_ms(pick.p50_ms)),
        Cell(format_ms(pick.p95_ms)),
        Cell(format_ms(pick.p99_ms)),
        unknown,
        cost_cell(pick.cost_usd_per_million),
        unknown,
        unknown,
    )
    head = size_named(pick.memory_mb, sweep, several)
    return Row(head, cells, (_PICKED, "fitted"), "fitted")


def _marks(memory_mb: int, sweep: Sweep) -> tuple[str, ...]:
    pick = sweep.recommendation
    marks = []
    if pick is not None and pick.memory_mb == memory_mb:
        marks.append(_PICKED)
    if sweep.current_mb == memory_mb:
        marks.append(_NOW)
    if memory_mb in sweep.pareto_mb:
        marks.append("Pareto")
    return tuple(marks)


def _longest(stats: Stats | None) -> str:
    return "" if stats is None or known(stats.max) is None else f"max {format_ms(stats.max)}"


STARTUP_COLUMNS = (
    "Start",
    "First calls",
    "First call p50",
    "First call max",
    "INIT or restore",
    "Duration p50",
    "Warm p50",
    "Ready after",
    "Cost per million",
    "Extra per million cold starts",
    "Provisioned, per hour",
)


def startup_table(sweep: Sweep) -> Table | None:
    """Every way that was compared; ``None`` if none was."""
    if not sweep.variants:
        return None
    size = format_memory(sweep.variants[0].memory_mb)
    narrow = ("Start", "First calls", "First call p50", "INIT or restore", "Provisioned, per hour")
    rows = tuple(map(_startup_row, sweep.variants))
    return Table(f"Ways to start at {size}", STARTUP_COLUMNS, rows, narrow)


def startup_facts(sweep: Sweep) -> tuple[Fact, ...]:
    """From which traffic on provisioned sandboxes cost less than starting on demand."""
    rule = "by cost alone, compared with evenly spread calls on demand"
    return tuple(
        Fact(f"{row.name} pays", _pays(row), rule) for row in sweep.variants if row.provisioned
    )


def _startup_row(row: StartupRow) -> Row:
    starts = row.restore_ms or row.init_ms
    spilled = f"{row.spilled} spilled over" if row.spilled else ""
    cells = (
        Cell(f"{row.n:,}", spilled),
        median_cell(row.first_ms),
        Cell(statistic(row.first_ms, "max")),
        Cell(_starts(row, starts)),
        Cell(statistic(row.duration_ms, "p50")),
        Cell(statistic(row.warm_ms, "p50")),
        Cell(UNKNOWN if row.ready_s is None else format_seconds(row.ready_s)),
        Cell(money(None if row.call_usd is None else row.call_usd * 1e6)),
        Cell(money(None if row.start_usd is None else row.start_usd * 1e6)),
        Cell(money(row.kept_usd_per_hour)),
    )
    return Row(row.name, cells, (), row.status, row.reason or "")


def _starts(row: StartupRow, starts: Stats | None) -> str:
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
