"""The forecast of a comparison of ways to start; it is checked against ``--max-cost``.

`tuner cold --variants` shows it, and asks when it may cost more than a threshold or a price is not
known; `tuner plan --variants` shows it alone.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

from tuner.api.forecast import Forecast
from tuner.api.known import what_is_known
from tuner.billing.prices import prices
from tuner.errors import UsageError
from tuner.experiment.price_list import load_table
from tuner.options.question import measured_arches, startup_size
from tuner.options.sweep import SweepOptions
from tuner.planning.cold import COLD_STARTS
from tuner.planning.starts import StartupPlan, Terms, startup_plans
from tuner.records import Backend, FunctionFacts
from tuner.units import format_usd


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
    """Forecast what ``--variants`` of these options takes."""
    size = startup_size(options, facts)
    known = what_is_known(options, facts, store_url, expected_ms)
    table, each = load_table(), options.cold or COLD_STARTS
    arches, ways = measured_arches(options, facts), list[StartupPlan]()
    for arch in arches:
        own = prices(facts.region, arch, table)
        plans = startup_plans(options.variants, Terms(size, each, known, own, facts.runtime))
        several = f" on {arch}" if len(arches) > 1 else ""
        ways += [replace(plan, variant=f"{plan.variant}{several}") for plan in plans]
    return StartupForecast(options.target, facts, size, tuple(ways), known.source, own.source)


#: What is said before a run begins.
Forecasts = Forecast | StartupForecast


def hold_against_limit(found: Forecasts, limit: float | None) -> None:
    """Raise UsageError if ``--max-cost`` could not be kept, before anything is changed; a sweep
    ends itself before its limit.
    """
    if limit is None or isinstance(found, Forecast) or found.facts.backend is Backend.LOCAL:
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
