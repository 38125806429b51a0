"""Monthly bills at the recommended size, the current one and the runners-up.

From mean billed durations and the traffic to bills, by the arithmetic of ``billing``. A size's own
calls say what is billed, as in the table of sizes; what may vary is in the cost per million.
"""

from dataclasses import dataclass, replace

import numpy as np

from tuner.billing.monthly import (
    BillTerms,
    MonthTraffic,
    PricePlan,
    break_even_utilisation,
    month_cost,
    worthwhile_provisioned,
)
from tuner.billing.prices import Prices
from tuner.decide.outlook import Basis
from tuner.decide.result import MonthAtSize, Monthly, ProvisionedOffer, Recommendation
from tuner.errors import UsageError
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
    basis: Basis, pick: Recommendation, priced: Priced
) -> tuple[Monthly, tuple[Advice, ...]]:
    """Return the bills of a month of the goal's demand, and warnings about their prices.

    Raises UsageError where the goal has no demand.
    """
    goal = basis.goal
    if goal.demand is None:
        raise UsageError("monthly cost", "is unknown without traffic", "Give --traffic.")
    roles = _roles(basis, pick)
    traffics = _traffics(basis, goal.demand.month_calls, tuple(roles))
    own, terms = priced.own, BillTerms(pick.memory_mb, goal.ephemeral_mb)
    at_pick = traffics[pick.memory_mb]
    sizes = tuple(
        _at_size(
            traffics[size], replace(terms, memory_mb=size), basis.init_billed_ms(size), role, priced
        )
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
    return found, (*month_cost(at_pick, terms, own).advice, *_without_init(basis))


def _without_init(basis: Basis) -> tuple[Advice, ...]:
    if len(basis.observations.cold) or not basis.goal.cold_share:
        return ()
    text = "No cold start was measured, so the month's cost excludes INIT. Measure some: --cold 5."
    return (Advice("month-init", text),)


def _roles(basis: Basis, pick: Recommendation) -> dict[int, str]:
    """The sizes to bill, each once: first the pick, then the current size if it can run."""
    roles, current = {pick.memory_mb: "recommended"}, basis.goal.current_mb
    if current is not None and current > basis.observations.infeasible_mb():
        roles.setdefault(current, "current")
    for other in pick.runners_up:
        roles.setdefault(other.memory_mb, "runner-up")
    return roles


def _traffics(basis: Basis, calls: float, sizes: tuple[int, ...]) -> dict[int, MonthTraffic]:
    """Billed as measured, as the table of sizes has it; of a size that was never called as the
    curve has it."""
    mean = basis.curve.mean_ms(np.array(sizes, dtype=np.int64)).mean(axis=0)
    fitted = zip(*(each.tolist() for each in basis.billed_ms(mean)), strict=True)
    seen_cold, found = len(basis.observations.cold) > 0, {}
    for size, estimate in zip(sizes, fitted, strict=True):
        warm, cold = basis.seen_billed_ms(size) or estimate
        share = basis.goal.cold_share
        found[size] = MonthTraffic(calls, warm, cold if seen_cold else None, share)
    return found


def _at_size(
    traffic: MonthTraffic, terms: BillTerms, init_ms: float, role: str, priced: Priced
) -> MonthAtSize:
    """``init_ms`` is what INIT takes of a cold call's billed duration."""
    own = priced.own
    bill = month_cost(traffic, terms, own)
    init_usd = bill.duration_usd * traffic.cold_share * init_ms / traffic.mean_billed_ms
    free = replace(terms, free_tier=True)
    other = None if priced.other is None else month_cost(traffic, terms, priced.other)
    unknown = terms.ephemeral_mb > 512 and own.ephemeral_gb_second_usd is None

    def under(plan: PricePlan) -> float | None:  # a price that is not known is the bill's advice
        planned = month_cost(traffic, replace(terms, plan=plan), own)
        return None if planned.advice else planned.total_usd

    return MonthAtSize(
        memory_mb=terms.memory_mb,
        role=role,
        requests_usd=bill.requests_usd,
        duration_usd=bill.duration_usd - init_usd,
        init_usd=None if traffic.cold_billed_ms is None else init_usd,
        ephemeral_usd=None if unknown else bill.ephemeral_usd,
        total_usd=bill.total_usd,
        free_tier_usd=month_cost(traffic, free, own).total_usd if own.free_tier else None,
        savings_no_upfront_usd=under(PricePlan.SAVINGS_NO_UPFRONT),
        savings_all_upfront_usd=under(PricePlan.SAVINGS_ALL_UPFRONT),
        other_arch_usd=None if other is None else other.total_usd,
    )


def _provisioned(
    traffic: MonthTraffic, terms: BillTerms, prices: Prices
) -> ProvisionedOffer | None:
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
        total_usd=None if with_them is None else with_them.total_usd,
    )
