"""The bill and the choice at another traffic and another share of cold starts.

The terms of it are part of a result, so that a page can answer its reader's questions by itself:
``report/templates/what_if.js`` is the same arithmetic, and a test holds one against the other.
Durations, and which sizes likely meet the objectives, are as they were found.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tuner.billing.cost import FREE_EPHEMERAL_MB
from tuner.billing.prices import Prices
from tuner.decide.choice import named_choices
from tuner.decide.goal import Strategy
from tuner.decide.outlook import (
    EXPONENT,
    MILLION,
    MORE_LIKELY,
    TOO_DEAR,
    Basis,
    Outlook,
    worth_of,
)
from tuner.decide.result import SizeTerms, WhatIf


def what_if(basis: Basis, outlook: Outlook, pick_mb: int, prices: Prices) -> WhatIf | None:
    """The terms of a choice among the sizes that were called; ``None`` unless the pick was."""
    goal, sizes = basis.goal, []
    for size, meets in zip(outlook.memory_mb.tolist(), outlook.meets.tolist(), strict=True):
        seen, billed = basis.seen(size), basis.seen_billed_ms(size)
        if seen is not None and billed is not None:
            likely, calls = meets >= MORE_LIKELY, basis.calls[size]
            times = (seen[1], *billed, basis.init_billed_ms(size))
            sizes.append(SizeTerms(size, calls, *times, likely, calls >= basis.enough))
    if pick_mb not in {size.memory_mb for size in sizes}:
        return None
    found = WhatIf(
        sizes=tuple(sizes),
        month_calls=None if goal.demand is None else goal.demand.month_calls,
        cold_share=goal.cold_share,
        cold_known=len(basis.observations.cold) > 0,
        request_usd=prices.request_usd,
        gb_second_usd=prices.gb_second_usd,
        ephemeral_second_usd=max(0, goal.ephemeral_mb - FREE_EPHEMERAL_MB)
        / 1024.0
        * (prices.ephemeral_gb_second_usd or 0.0),
        tiers=tuple((tier.from_gb_seconds, tier.gb_second_usd) for tier in prices.tiers),
        strategy=goal.strategy.value,
        worth=goal.worth,
        exponent=EXPONENT * goal.worth,
        too_dear=TOO_DEAR,
        balance=goal.balance,
        pick_mb=pick_mb,
        favour=1.0,
    )
    return replace(found, favour=_favour(found))


def usd_per_million(terms: WhatIf, cold_share: float) -> dict[int, float]:
    """Cost of a million calls by size (MB), at the first tier's price."""
    found = {}
    for size in terms.sizes:
        billed = _mean_billed(size, cold_share)
        each = size.memory_mb / 1024.0 * terms.gb_second_usd + terms.ephemeral_second_usd
        found[size.memory_mb] = (billed / 1000.0 * each + terms.request_usd) * MILLION
    return found


def month_usd(terms: WhatIf, calls: float, cold_share: float) -> dict[int, float]:
    """The bill of a month by size (MB), with volume tiers."""
    found = {}
    for size in terms.sizes:
        seconds = calls * _mean_billed(size, cold_share) / 1000.0
        duration = _tiered(terms, seconds * size.memory_mb / 1024.0)
        storage = seconds * terms.ephemeral_second_usd
        found[size.memory_mb] = calls * terms.request_usd + duration + storage
    return found


def chosen(terms: WhatIf, cold_share: float) -> dict[str, int]:
    """The size (MB) of ``recommended``, ``cheapest``, ``balanced`` and ``fastest``.

    Tiers are alike for all sizes, so the traffic does not choose.
    """
    costs = usd_per_million(terms, cold_share)
    known = {size.memory_mb: (costs[size.memory_mb], size.duration_ms) for size in terms.sizes}
    allowed = [size.memory_mb for size in terms.sizes if size.allowed] or list(known)
    called = {size.memory_mb for size in terms.sizes if size.verified}
    sure = [size for size in allowed if size in called] or allowed
    found = named_choices(known, allowed, sure)
    scores = _scores(terms, known)
    scores[terms.pick_mb] /= terms.favour
    recommended = min(dict.fromkeys((terms.pick_mb, *sure)), key=lambda size: scores[size])
    return {"recommended": recommended, **found}


def _favour(terms: WhatIf) -> float:
    """How far the pick's score is from the least: what draws and drift know beyond the means, so
    that the choice starts from the pick."""
    costs = usd_per_million(terms, terms.cold_share)
    known = {size.memory_mb: (costs[size.memory_mb], size.duration_ms) for size in terms.sizes}
    scores = _scores(terms, known)
    return max(1.0, scores[terms.pick_mb] / min(scores.values()))


def _scores(terms: WhatIf, known: Mapping[int, tuple[float, float]]) -> dict[int, float]:
    """Scores of means (USD per million, ms) by the goal's strategy; less is better."""
    cost, time = np.array(list(known.values())).T[:, None, :]
    score = {
        Strategy.COST: worth_of(time, cost, terms.worth),
        Strategy.SPEED: time,
        Strategy.BALANCED: terms.balance * cost / cost.max()
        + (1 - terms.balance) * time / time.max(),
    }[Strategy(terms.strategy)]
    return dict(zip(known, score[0].tolist(), strict=True))


def _mean_billed(size: SizeTerms, cold_share: float) -> float:
    return size.warm_billed_ms + cold_share * (size.cold_billed_ms - size.warm_billed_ms)


def _tiered(terms: WhatIf, gb_seconds: float) -> float:
    """As :func:`tuner.billing.monthly.tiered_usd`, from the terms."""
    usd, start, rate = 0.0, 0.0, terms.gb_second_usd
    for begins, cheaper in terms.tiers:
        if gb_seconds <= begins:
            break
        usd, start, rate = usd + (begins - start) * rate, begins, cheaper
    return usd + (gb_seconds - start) * rate
