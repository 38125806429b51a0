"""The tables in words: what was measured at each size, cold starts, and sizes not chosen."""

from dataclasses import dataclass, replace

from tuner.decide.result import Recommendation, RunnerUp, SizeRow, Stats, Sweep
from tuner.report.answer import between, format_chance, known, money, size_named
from tuner.units import UNKNOWN, format_memory, format_ms


@dataclass(frozen=True)
class Cell:
    """A value and, in smaller type, its interval."""

    value: str
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """One line: ``marks`` are short labels, ``reason`` explains a size that failed."""

    head: str
    cells: tuple[Cell, ...]
    marks: tuple[str, ...] = ()
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class Table:
    """``columns`` names the head column first; each row has a cell for every other one."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


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
    "Chance",
)
_PICKED = "recommended"
COLD_COLUMNS = ("Memory", "Cold starts", "INIT p50", "INIT p95", "First call p50", "Total p95")


def size_table(sweep: Sweep) -> Table:
    """Every measured size, and the recommended one from the curve if it was not measured."""
    ordered = [row for each in sweep.each for row in _size_rows(each, sweep)]
    return Table("Warm invocations by memory size", SIZE_COLUMNS, tuple(ordered))


def _size_rows(sweep: Sweep, compared: Sweep) -> list[Row]:
    several = bool(compared.beside)
    rows = {size.memory_mb: _size_row(size, sweep, several) for size in sweep.sizes}
    pick = sweep.recommendation
    if pick is not None and pick.memory_mb not in rows:
        rows[pick.memory_mb] = _fitted_row(pick, sweep, several)
    if sweep is not compared:
        rows = {size: _remarked(row) for size, row in rows.items()}
    return [rows[memory_mb] for memory_mb in sorted(rows)]


def _remarked(row: Row) -> Row:
    """The same row where its architecture was not chosen."""
    return replace(row, marks=tuple("its best" if mark == _PICKED else mark for mark in row.marks))


def arch_table(sweep: Sweep) -> Table | None:
    """The best size of every architecture; ``None`` where only one was measured."""
    if not sweep.beside:
        return None
    rows = tuple(_arch_row(each, sweep) for each in sweep.each)
    return Table("Architectures, each at its best size", ARCH_COLUMNS, rows)


def _arch_row(each: Sweep, compared: Sweep) -> Row:
    pick, price = each.recommendation, each.price.get("gb_second_usd")
    marks = (_PICKED,) if each is compared and pick is not None else ()
    if each.arch == compared.run.facts.arch and compared.run.facts.memory_mb is not None:
        marks = (*marks, "now")
    rate = Cell(f"${price:.10f}" if isinstance(price, float) else UNKNOWN)
    if pick is None:
        why = next((size.reason for size in each.sizes if size.reason), "nothing was measured")
        cells = (Cell(UNKNOWN),) * 4
        return Row(each.arch, (*cells, rate, Cell(UNKNOWN)), marks, "failed", why or "")
    cost = pick.cost_usd_per_million
    cells = (
        Cell(format_memory(pick.memory_mb)),
        _cost_cell(None if cost is None else known(cost.mean), between(cost)),
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
                _middle(size.cold.init_ms),
                Cell(_ms(size.cold.init_ms, "p95")),
                _middle(size.cold.duration_ms),
                Cell(_ms(size.cold.total_ms, "p95")),
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
    return Table("Runners-up", ("Memory", "Cost per million", "Mean duration", "Why not"), rows)


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
    warm, cost = size.warm, size.cost_usd_per_million
    duration = warm.duration_ms
    cells = (
        Cell(f"{warm.n:,}"),
        _middle(duration),
        Cell(_ms(duration, "p95"), interval(None if duration is None else duration.p95_ci)),
        Cell(_ms(duration, "p99"), _longest(duration)),
        Cell(_ms(warm.billed_ms, "mean")),
        _cost_cell(None if cost is None else known(cost.mean), between(cost)),
        Cell(format_memory(known(warm.max_memory_mb))),
        Cell(failures(size) or "none"),
    )
    reason = size.reason or ("no reason is known" if size.status == "failed" else "")
    marks = _marks(size.memory_mb, sweep)
    head = size_named(size.memory_mb, sweep, several)
    return Row(head, cells, marks, size.status, reason)


def _fitted_row(pick: Recommendation, sweep: Sweep, several: bool) -> Row:
    cost, unknown = pick.cost_usd_per_million, Cell(UNKNOWN)
    cells = (
        unknown,
        Cell(format_ms(pick.p50_ms)),
        Cell(format_ms(pick.p95_ms)),
        Cell(format_ms(pick.p99_ms)),
        unknown,
        _cost_cell(None if cost is None else known(cost.mean), between(cost)),
        unknown,
        unknown,
    )
    head = size_named(pick.memory_mb, sweep, several)
    return Row(head, cells, (_PICKED, "from the curve"), "fitted")


def _marks(memory_mb: int, sweep: Sweep) -> tuple[str, ...]:
    pick = sweep.recommendation
    marks = []
    if pick is not None and pick.memory_mb == memory_mb:
        marks.append(_PICKED)
    if sweep.current_mb == memory_mb:
        marks.append("now")
    if memory_mb in sweep.pareto_mb:
        marks.append("Pareto")
    return tuple(marks)


def _middle(stats: Stats | None) -> Cell:
    return Cell(_ms(stats, "p50"), interval(None if stats is None else stats.p50_ci))


def _ms(stats: Stats | None, name: str) -> str:
    return UNKNOWN if stats is None else format_ms(getattr(stats, name))


def _longest(stats: Stats | None) -> str:
    return "" if stats is None or known(stats.max) is None else f"max {format_ms(stats.max)}"


def interval(bounds: tuple[float, float] | None) -> str:
    """``12.3 to 13.1 ms``, or nothing where no interval is known."""
    if bounds is None or known(bounds[0]) is None or known(bounds[1]) is None:
        return ""
    if bounds[0] >= bounds[1]:  # too few calls for an interval
        return ""
    low, high = format_ms(bounds[0]), format_ms(bounds[1])
    if low.split()[-1] == high.split()[-1]:
        low = low.split()[0]
    return f"{low} to {high}"


def _cost_cell(mean: float | None, interval: str) -> Cell:
    return Cell(money(mean), "" if interval == UNKNOWN else interval)
