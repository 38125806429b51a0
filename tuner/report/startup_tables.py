"""Ways to start in words: a row for each, and from when provisioned sandboxes pay."""

from tuner.decide.result import Stats, Sweep
from tuner.decide.startups import StartupRow
from tuner.report.answer import Fact, money
from tuner.report.tables import Cell, Row, Table, interval
from tuner.units import UNKNOWN, format_memory, format_ms, format_rate, format_seconds, format_share

COLUMNS = (
    "Start",
    "First calls",
    "First call p50",
    "First call max",
    "INIT or restore",
    "Duration p50",
    "Warm p50",
    "Callable after",
    "Call, per million",
    "Start adds, per million",
    "Kept, per hour",
)


def startup_table(sweep: Sweep) -> Table | None:
    """Every way that was compared; ``None`` if none was."""
    if not sweep.variants:
        return None
    size = format_memory(sweep.variants[0].memory_mb)
    return Table(f"Ways to start at {size}", COLUMNS, tuple(map(_row, sweep.variants)))


def startup_facts(sweep: Sweep) -> tuple[Fact, ...]:
    """What keeping sandboxes ready has to save to pay."""
    return tuple(
        Fact(f"{row.variant} pays", _pays(row), _RULE) for row in sweep.variants if row.provisioned
    )


_RULE = "latency aside, against evenly spread calls on demand"


def _row(row: StartupRow) -> Row:
    starts = row.restore_ms or row.init_ms
    spilled = f"{row.spilled} spilled over" if row.spilled else ""
    cells = (
        Cell(f"{row.n:,}", spilled),
        Cell(_ms(row.first_ms, "p50"), interval(row.first_ms.p50_ci if row.first_ms else None)),
        Cell(_ms(row.first_ms, "max")),
        Cell(_starts(row, starts)),
        Cell(_ms(row.duration_ms, "p50")),
        Cell(_ms(row.warm_ms, "p50")),
        Cell(UNKNOWN if row.ready_s is None else format_seconds(row.ready_s)),
        Cell(money(None if row.call_usd is None else row.call_usd * 1e6)),
        Cell(money(None if row.start_usd is None else row.start_usd * 1e6)),
        Cell(money(row.kept_usd_per_hour)),
    )
    return Row(row.variant, cells, (), row.status, row.reason or "")


def _starts(row: StartupRow, starts: Stats | None) -> str:
    if starts is None:
        return "before the call" if row.provisioned and row.n else UNKNOWN
    return _ms(starts, "p50")


def _ms(stats: Stats | None, name: str) -> str:
    return UNKNOWN if stats is None else format_ms(getattr(stats, name))


def _pays(row: StartupRow) -> str:
    pays = row.pays
    if pays is None:
        return "not computed, since a price or a duration is not known"
    words = []
    if pays.per_second is not None:
        words.append(f"from {format_rate(pays.per_second)}")
    if pays.cold_share is not None:
        words.append(f"from {format_share(pays.cold_share)} cold starts at one call a second")
    return ", or ".join(words) or f"at no rate that {row.provisioned} sandboxes can serve"
