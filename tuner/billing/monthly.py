"""A month's bill: duration in its tiers, requests, storage, provisioned concurrency.

Arithmetic on averages, with prices from ``prices.py``; a month has 730 hours, as in AWS's own
examples. What is not known of a region is left out or priced as on demand, and said as advice.
"""

from dataclasses import dataclass
from enum import StrEnum

from tuner.billing.cost import FREE_EPHEMERAL_MB, kept_usd
from tuner.billing.prices import Prices
from tuner.errors import UsageError
from tuner.records import Advice
from tuner.units import SECONDS_PER_MONTH


class PricePlan(StrEnum):
    """Ways to pay for duration."""

    ON_DEMAND = "on-demand"
    SAVINGS_NO_UPFRONT = "savings-no-upfront"
    SAVINGS_ALL_UPFRONT = "savings-all-upfront"


@dataclass(frozen=True)
class MonthTraffic:
    """One month of calls. ``cold_share`` is 0 to 1; durations are billed ms, INIT included in
    ``cold_billed_ms`` (``None``: as a warm one)."""

    invocations: float
    warm_billed_ms: float
    cold_billed_ms: float | None = None
    cold_share: float = 0.0

    @property
    def mean_billed_ms(self) -> float:
        """Billed ms of a call on average."""
        cold = self.warm_billed_ms if self.cold_billed_ms is None else self.cold_billed_ms
        return self.warm_billed_ms + self.cold_share * (cold - self.warm_billed_ms)


@dataclass(frozen=True)
class BillTerms:
    """Setup and payment of the function. ``provisioned`` sandboxes are kept for
    ``provisioned_s`` seconds of the month, in which the traffic comes evenly."""

    memory_mb: int
    ephemeral_mb: int = FREE_EPHEMERAL_MB
    plan: PricePlan = PricePlan.ON_DEMAND
    free_tier: bool = False
    provisioned: int = 0
    provisioned_s: float = SECONDS_PER_MONTH


@dataclass(frozen=True)
class Month:
    """A month's bill in US dollars, by item. ``gb_seconds`` holds all duration; ``spilled`` is
    the share of calls (0 to 1) that found no provisioned sandbox free, ``None`` without any."""

    requests_usd: float
    duration_usd: float
    ephemeral_usd: float
    provisioned_usd: float
    gb_seconds: float
    spilled: float | None = None
    advice: tuple[Advice, ...] = ()

    @property
    def total_usd(self) -> float:
        """All items together."""
        return self.requests_usd + self.duration_usd + self.ephemeral_usd + self.provisioned_usd


def month_cost(traffic: MonthTraffic, terms: BillTerms, prices: Prices) -> Month:
    """The bill of a month. Raises UsageError where provisioned prices are needed but not known.

    With provisioned concurrency, calls beyond it run on demand; their share is Erlang's loss
    formula, for calls that come at random, and only they can be cold.
    """
    gb = terms.memory_mb / 1024.0
    spilled = _spilled(traffic, terms)
    calls = traffic.invocations * (1.0 if spilled is None else spilled)
    on_demand = gb * calls * traffic.mean_billed_ms / 1000.0
    provisioned = gb * (traffic.invocations - calls) * traffic.warm_billed_ms / 1000.0
    seconds = (on_demand + provisioned) / gb
    free = prices.free_tier if terms.free_tier else None
    paid = max(0.0, on_demand - (free.gb_seconds if free else 0.0))
    requests = max(0.0, traffic.invocations - (free.requests if free else 0.0))
    extra_gb = max(0, terms.ephemeral_mb - FREE_EPHEMERAL_MB) / 1024.0
    duration_usd, advice = _duration_usd(paid, terms.plan, prices)
    return Month(
        requests_usd=requests * prices.request_usd,
        duration_usd=duration_usd,
        ephemeral_usd=extra_gb * seconds * (prices.ephemeral_gb_second_usd or 0.0),
        provisioned_usd=_provisioned_usd(provisioned, terms, prices),
        gb_seconds=on_demand + provisioned,
        spilled=spilled,
        advice=advice,
    )


def _duration_usd(
    gb_seconds: float, plan: PricePlan, prices: Prices
) -> tuple[float, tuple[Advice, ...]]:
    savings = {
        PricePlan.SAVINGS_NO_UPFRONT: prices.savings_no_upfront_gb_second_usd,
        PricePlan.SAVINGS_ALL_UPFRONT: prices.savings_all_upfront_gb_second_usd,
    }
    rate = savings.get(plan)
    if rate is not None:
        return gb_seconds * rate, ()
    advice: tuple[Advice, ...] = ()
    if plan in savings:
        text = f"The Savings Plan price of {prices.region} is unknown; priced as on demand."
        advice = (Advice("price-savings", f"{text} Look it up in the AWS console."),)
    # The first tier ends at 6e9 GB-s (x86) everywhere; beyond it some discount is missing.
    elif not prices.tiers and gb_seconds > 6e9:
        text = f"The volume prices of {prices.region} are unknown; the first tier's is used."
        advice = (Advice("price-tiers", f"{text} Run `tuner prices --refresh`."),)
    return tiered_usd(gb_seconds, prices), advice


def tiered_usd(gb_seconds: float, prices: Prices) -> float:
    """US dollars of a month's on-demand duration, each part at its tier's price.

    AWS counts the tiers over all functions of an organisation in a region and architecture.
    """
    usd, start, rate = 0.0, 0.0, prices.gb_second_usd
    for tier in prices.tiers:
        if gb_seconds <= tier.from_gb_seconds:
            break
        usd += (tier.from_gb_seconds - start) * rate
        start, rate = tier.from_gb_seconds, tier.gb_second_usd
    return usd + (gb_seconds - start) * rate


def _spilled(traffic: MonthTraffic, terms: BillTerms) -> float | None:
    if terms.provisioned <= 0:
        return None
    # Provisioned sandboxes are initialised, so a call occupies one for a warm duration.
    busy_s, kept_s = traffic.invocations * traffic.warm_billed_ms / 1000.0, terms.provisioned_s
    return erlang_b(terms.provisioned, busy_s / kept_s) if kept_s > 0 else 1.0


def erlang_b(servers: int, load: float) -> float:
    """Share of calls, 0 to 1, that find all servers busy.

    ``load`` in erlangs (rate times holding time); any distribution of holding times. The usual
    recursion of A. K. Erlang's loss formula (1917).
    """
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked


def _provisioned_usd(gb_seconds: float, terms: BillTerms, prices: Prices) -> float:
    if terms.provisioned <= 0:
        return 0.0
    _, duration = _provisioned_prices(prices)
    kept = kept_usd(terms.provisioned, terms.memory_mb, terms.provisioned_s, prices, None)
    return (kept or 0.0) + gb_seconds * duration


def break_even_utilisation(prices: Prices) -> float:
    """Utilisation, 0 to 1, from which a provisioned sandbox costs no more than on demand.

    capacity + u * duration = u * on-demand; about 0.6 in us-east-1.
    """
    capacity, duration = _provisioned_prices(prices)
    return capacity / (prices.gb_second_usd - duration)


def worthwhile_provisioned(traffic: MonthTraffic, prices: Prices) -> int:
    """Number of provisioned sandboxes that are busy enough to save money (latency aside).

    The n-th of them is busy for load * (B(n - 1) - B(n)) of the time, B being Erlang's loss
    formula; it is worth its price while that is above :func:`break_even_utilisation`.
    """
    load = traffic.invocations * traffic.warm_billed_ms / 1000.0 / SECONDS_PER_MONTH
    least, count, blocked = break_even_utilisation(prices), 0, 1.0
    while least > 0.0:  # it is not where their calls cost more than on demand: then none pays
        onward = load * blocked / (count + 1 + load * blocked)
        if not load * (blocked - onward) >= least:
            break
        count, blocked = count + 1, onward
    return count


def _provisioned_prices(prices: Prices) -> tuple[float, float]:
    capacity = prices.provisioned_capacity_gb_second_usd
    duration = prices.provisioned_duration_gb_second_usd
    if capacity is None or duration is None:
        reason = "has no known price"
        fix = "Run `tuner prices --refresh`, or leave provisioned concurrency out."
        raise UsageError(f"provisioned concurrency in {prices.region} ({prices.arch})", reason, fix)
    return capacity, duration
