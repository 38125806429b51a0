"""Monthly bills at the recommended size, the current one and the runners-up.

From the curve's mean durations and the traffic to bills, by the arithmetic of ``billing``. The
mean over the curve's draws stands for each duration; what may vary is in the cost per million.
"""

from dataclasses import dataclass, replace

import numpy as np

from tuner.billing.monthly import (
    Month,
    Plan,
    Terms,
    Traffic,
    break_even_utilisation,
    month_cost,
    worthwhile_provisioned,
)
from tuner.billing.prices import Prices
from tuner.decide.goal import Goal
from tuner.decide.outlook import billed_ms, cold_extra
from tuner.decide.result import MonthAtSize, Monthly, ProvisionedOffer, Recommendation
from tuner.errors import UsageError
from tuner.model.curve import Curve
from tuner.model.observations import Observations
from tuner.records import Advice
from tuner.units import SECONDS_PER_MONTH

#: Provisioned concurrency is not counted up beyond this many busy sandboxes.
_MOST_BUSY = 20_000.0


@dataclass(frozen=True)
class Priced:
    """The prices to use, and the other architecture's where they are known."""

    own: Prices
    other: Prices | None = None


def monthly(
    curve: Curve, observations: Observations, pick: Recommendation, goal: Goal, priced: Priced
) -> tuple[Monthly, tuple[Advice, ...]]:
    """The bills of a month of ``goal.demand``, and what has to be known of their prices.

    Raises UsageError where the goal has no demand.
    """
    if goal.demand is None:
        raise UsageError("monthly cost", "is unknown without traffic", "Give --traffic.")
    roles = _roles(pick, goal, observations)
    traffics = _traffics(curve, observations, goal, tuple(roles))
    own, terms = priced.own, Terms(pick.memory_mb, goal.ephemeral_mb)
    at_pick = traffics[pick.memory_mb]
    sizes = tuple(
        _at_size(traffics[size], replace(terms, memory_mb=size), role, priced)
        for size, role in roles.items()
    )
    found = Monthly(
        traffic=goal.demand.text,
        calls=goal.demand.month_calls,
        cold_share=goal.cold_share,
        cold_share_from=goal.cold_share_from,
        arch=own.arch,
        other_arch="x86_64" if own.arch == "arm64" else "arm64",
        sizes=sizes,
        provisioned=_provisioned(at_pick, terms, own),
    )
    return found, (*month_cost(at_pick, terms, own).advice, *_without_init(observations, goal))


def _without_init(observations: Observations, goal: Goal) -> tuple[Advice, ...]:
    if len(observations.cold) or not goal.cold_share:
        return ()
    text = "No cold start was measured, so the month's cost excludes INIT. Measure some: --cold 5."
    return (Advice("month-init", text),)


def _roles(pick: Recommendation, goal: Goal, observations: Observations) -> dict[int, str]:
    """The sizes to bill, each once: first the pick, then the current size if it can run."""
    roles = {pick.memory_mb: "recommended"}
    if goal.current_mb is not None and goal.current_mb > observations.infeasible_mb():
        roles.setdefault(goal.current_mb, "current")
    for other in pick.runners_up:
        roles.setdefault(other.memory_mb, "runner-up")
    return roles


def _traffics(
    curve: Curve, observations: Observations, goal: Goal, sizes: tuple[int, ...]
) -> dict[int, Traffic]:
    extra = cold_extra(observations)
    mean = curve.mean_ms(np.array(sizes, dtype=np.int64))
    warm = billed_ms(mean).mean(axis=0)
    cold = billed_ms(mean * extra.first_over_warm + extra.init_ms).mean(axis=0)
    calls = goal.demand.month_calls if goal.demand else 0.0
    return {
        size: Traffic(
            calls,
            float(warm[i]),
            float(cold[i]) if len(observations.cold) else None,
            goal.cold_share,
        )
        for i, size in enumerate(sizes)
    }


def _at_size(traffic: Traffic, terms: Terms, role: str, priced: Priced) -> MonthAtSize:
    own = priced.own
    bill = month_cost(traffic, terms, own)
    warm = month_cost(replace(traffic, cold_share=0.0), terms, own)
    free = replace(terms, free_tier=True)
    other = None if priced.other is None else month_cost(traffic, terms, priced.other)
    unknown = terms.ephemeral_mb > 512 and own.ephemeral_gb_second_usd is None
    return MonthAtSize(
        memory_mb=terms.memory_mb,
        role=role,
        requests_usd=bill.requests_usd,
        duration_usd=warm.duration_usd,
        init_usd=None if traffic.cold_billed_ms is None else bill.duration_usd - warm.duration_usd,
        ephemeral_usd=None if unknown else bill.ephemeral_usd,
        total_usd=bill.total_usd,
        free_tier_usd=month_cost(traffic, free, own).total_usd if own.free_tier else None,
        savings_no_upfront_usd=_under(Plan.SAVINGS_NO_UPFRONT, traffic, terms, own),
        savings_all_upfront_usd=_under(Plan.SAVINGS_ALL_UPFRONT, traffic, terms, own),
        other_arch_usd=_total(other),
    )


def _total(bill: Month | None) -> float | None:
    return None if bill is None else bill.total_usd


def _under(plan: Plan, traffic: Traffic, terms: Terms, prices: Prices) -> float | None:
    """The total under a plan; ``None`` where its price is not known (which the bill advises)."""
    bill = month_cost(traffic, replace(terms, plan=plan), prices)
    return None if bill.advice else bill.total_usd


def _provisioned(traffic: Traffic, terms: Terms, prices: Prices) -> ProvisionedOffer | None:
    """Tell when it would pay: the first sandbox is busy for load / (1 + load) of the time (Erlang's
    loss formula), and has to be as busy as the break-even."""
    try:
        least = break_even_utilisation(prices)
    except (UsageError, ZeroDivisionError):
        return None
    seconds = traffic.warm_billed_ms / 1000.0
    load = traffic.invocations * seconds / SECONDS_PER_MONTH
    if not 0.0 < least < 1.0 or load > _MOST_BUSY:
        return None
    count = worthwhile_provisioned(traffic, prices)
    with_them = month_cost(traffic, replace(terms, provisioned=count), prices) if count else None
    return ProvisionedOffer(
        break_even=least,
        busy=load / (1.0 + load),
        pays_from_per_second=least / (1.0 - least) / seconds,
        sandboxes=count,
        total_usd=_total(with_them),
    )
