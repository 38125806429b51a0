"""What comparing ways to start would take, shown before it begins; held against ``--max-cost``.

`tuner cold --variants` shows it, and asks when it may cost more than a threshold or a price is not
known; `tuner plan --variants` shows it alone.
"""

import sys
from dataclasses import asdict, dataclass
from typing import Any

import typer

from tuner.aws.price_list import load_table
from tuner.billing.prices import prices
from tuner.cli.known import what_is_known
from tuner.errors import TunerError, UsageError
from tuner.options.meaning import read_limit, read_variants, startup_size
from tuner.options.options import SweepOptions
from tuner.planning.cold import COLD_STARTS
from tuner.planning.startup_plan import StartupPlan, Terms, startup_plans
from tuner.planning.work import Range
from tuner.records import Backend, FunctionFacts
from tuner.units import format_memory, format_seconds, format_usd

#: More than this is asked about first, where somebody can answer.
ASK_ABOVE_USD = 0.50


@dataclass(frozen=True)
class StartupForecast:
    """The plans of all ways at one size."""

    target: str
    facts: FunctionFacts
    memory_mb: int
    ways: tuple[StartupPlan, ...]
    source: str  # what is known of durations
    prices: str

    @property
    def most_usd(self) -> float | None:
        """The most that all may cost together; ``None``: a price is not known."""
        most = [way.most_usd for way in self.ways]
        return None if None in most else sum(usd or 0.0 for usd in most)

    def to_dict(self) -> dict[str, Any]:
        """The document ``tuner.plan/1`` of a comparison."""
        return {
            "schema": "tuner.plan/1",
            "target": self.target,
            "backend": self.facts.backend.value,
            "region": self.facts.region,
            "memory_mb": [self.memory_mb, self.memory_mb],
            "variants": [asdict(way) for way in self.ways],
            "most_usd": self.most_usd,
            "durations_from": self.source,
            "prices_from": self.prices,
        }


def startup_forecast(
    options: SweepOptions,
    facts: FunctionFacts,
    store_url: str | None,
    expected_ms: float | None = None,
) -> StartupForecast:
    """What ``--variants`` of these options would take."""
    size = startup_size(options, facts)
    known = what_is_known(options, facts, store_url, expected_ms)
    own = prices(facts.region, facts.arch, load_table())
    each = options.cold or COLD_STARTS
    terms = Terms(size, each, known, own, facts.runtime)
    ways = startup_plans(read_variants(options), terms)
    return StartupForecast(options.target, facts, size, ways, known.source, own.source)


def show(found: StartupForecast, err: bool = False) -> None:
    """Print it for people."""
    free = "; nothing is billed here" if found.facts.backend is Backend.LOCAL else ""
    size = format_memory(found.memory_mb)
    typer.echo(f"{found.target}: ways to start at {size} in {found.facts.region}{free}", err=err)
    for way in found.ways:
        kept = "at a price that is not known" if way.kept_usd is None else _money(way.kept_usd)
        seconds = f"{format_seconds(way.seconds.low)} to {format_seconds(way.seconds.high)}"
        typer.echo(
            f"  {way.variant:<16}{way.calls.low:.0f} to {way.calls.high:.0f} calls, {seconds}; "
            f"{_money(way.calls_usd)} for calls, {kept} for what is kept",
            err=err,
        )
    typer.echo(f"  based on        {found.source}", err=err)
    typer.echo(f"  prices          {found.prices}", err=err)


def hold_against_limit(found: StartupForecast, options: SweepOptions) -> None:
    """Raise UsageError if ``--max-cost`` could not be kept, before anything is changed."""
    limit = read_limit(options).cost_usd
    if limit is None or found.facts.backend is Backend.LOCAL:
        return
    unknown = [way.variant for way in found.ways if way.most_usd is None]
    if unknown:
        raise UsageError(
            "--max-cost",
            f"cannot be kept: the price of {' and '.join(unknown)} in {found.facts.region} is not "
            "known",
            "Run `tuner prices --refresh`, or leave --max-cost or these out.",
        )
    if (most := found.most_usd or 0.0) > limit:
        raise UsageError(
            f"--max-cost {format_usd(limit)}",
            f"is less than this may cost, {format_usd(most)}",
            "Ask for fewer provisioned sandboxes or less memory, or raise it; `tuner plan "
            "--variants` says what costs how much.",
        )


def confirm(found: StartupForecast, yes: bool) -> None:
    """Ask when it may be dear and somebody can answer; raises TunerError for a no."""
    most = found.most_usd
    if yes or (most is not None and most <= ASK_ABOVE_USD) or not sys.stdin.isatty():
        return
    words = "a price is not known" if most is None else f"it may cost up to {format_usd(most)}"
    if not typer.confirm(f"Begin, although {words}?", True, err=True):
        raise TunerError("cold", "was not begun", "Set a limit with --max-cost, or add --yes.")


def _money(span: Range) -> str:
    if span.low == span.high:
        return format_usd(span.low)
    return f"{format_usd(span.low)} to {format_usd(span.high)}"
