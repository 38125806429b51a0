"""Outlook of each candidate: cost, speed and objectives, as draws of the curve.

Billed duration is rounded up to whole milliseconds; a cold invocation also pays for its INIT
(AWS, since 2025-08-01) and for a first call that is slower than a warm one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tuner.billing.cost import cost_usd
from tuner.billing.prices import Prices
from tuner.decide.goal import Goal, Slo, SloScope, Strategy
from tuner.decide.result import CurveBand, ModelCard
from tuner.model import FloatArray, IntArray
from tuner.model.curve import RUN
from tuner.model.noise import draw_quantile_ms
from tuner.model.observations import Observations
from tuner.model.quantiles import chance_below

if TYPE_CHECKING:  # only its answers are read here
    from tuner.model.curve import Curve


MILLION = 1e6
#: An objective is out of reach where no size is more likely to meet it than not.
MORE_LIKELY = 0.5
#: With a smaller probability than this an objective is said to be missed, not to be unlikely.
NO_CHANCE = 0.01


@dataclass(frozen=True)
class ColdExtra:
    """Extra of a cold start: INIT (ms, flat over memory) and the first call over a warm one."""

    init_ms: float = 0.0
    first_over_warm: float = 1.0

    def over(self, warm_ms: float, cold_ms: float | None) -> float:
        """Milliseconds billed for a cold call over a warm one; ``cold_ms`` is what the size's own
        are billed, ``None`` where it has none and this stands in."""
        if cold_ms is not None:
            return cold_ms - warm_ms
        return self.init_ms + (self.first_over_warm - 1.0) * warm_ms


def cold_extra(observations: Observations) -> ColdExtra:
    """Median INIT, and how much longer the first call takes at sizes that were seen both ways."""
    cold = observations.cold
    if not len(cold):
        return ColdExtra()
    ratios = []
    if not observations.first_calls:
        for size in np.unique(cold.memory_mb):
            warm = observations.at(int(size))
            if warm.size:
                first = cold.duration_ms[cold.memory_mb == size]
                ratios.append(float(np.median(first) / np.median(warm)))
    over = max(1.0, float(np.median(ratios))) if ratios else 1.0
    return ColdExtra(float(np.median(cold.init_ms)), over)


def billed_ms(mean_ms: FloatArray) -> FloatArray:
    """Mean billed duration of a mean duration: on average half a millisecond is rounded up."""
    return np.maximum(1.0, mean_ms + 0.5)


def usd_per_million(
    billed: FloatArray, memory_mb: IntArray, goal: Goal, rates: Prices
) -> FloatArray:
    """Cost of billed milliseconds; ``billed`` broadcasts against ``memory_mb``."""
    return cost_usd(billed, memory_mb, rates, goal.ephemeral_mb) * MILLION


#: So many warm calls of its own a size has had before it is recommended, unless a limit forbids it.
VERIFIED = 10


@dataclass(frozen=True)
class Basis:
    """Everything that a choice rests on: a curve, what was seen, the goal and its prices."""

    curve: "Curve"
    observations: Observations
    goal: Goal
    rates: Prices
    run_sd: float = 0.0  # log-sd of a size's mean from one run of the function to the next
    enough: int = VERIFIED  # warm calls of its own that a size needs to be recommended
    rounds_count: bool = False  # calls of one round share what the machine did meanwhile
    surest: float = 1.0  # no confidence is higher

    @cached_property
    def calls(self) -> dict[int, int]:
        """Warm calls that ended with a duration, by size (MB)."""
        found = self.observations
        return dict(zip(found.sizes_mb.tolist(), found.calls.tolist(), strict=True))

    def seen(self, memory_mb: int) -> tuple[float, float] | None:
        """Mean cost (USD per million) and mean duration (ms) as measured; ``None``: never called.

        Cold starts count at the goal's share, as in the table of sizes.
        """
        if (billed := self.seen_billed_ms(memory_mb)) is None:
            return None
        warm, cold = billed
        mean = np.array([warm + self.goal.cold_share * (cold - warm)])
        cost = usd_per_million(mean, np.array([memory_mb]), self.goal, self.rates)
        return float(cost[0]), self._means_ms[memory_mb][1]

    def seen_billed_ms(self, memory_mb: int) -> tuple[float, float] | None:
        """Mean billed duration of warm and of cold calls as measured; ``None``: never called. A
        size without cold starts of its own has the extra of the others'."""
        if memory_mb not in self._means_ms:
            return None
        warm, _ = self._means_ms[memory_mb]
        return warm, warm + self.extra.over(warm, self._cold_billed_ms(memory_mb))

    def init_billed_ms(self, memory_mb: int) -> float:
        """Mean of what INIT takes of a cold call's billed duration: of the size's own, else of
        all; 0 where no cold start was measured."""
        cold = self.observations.cold
        own = (cold.memory_mb == memory_mb) & ~np.isnan(cold.billed_ms)
        if not own.any():
            return self.extra.init_ms
        beyond = np.maximum(0.0, cold.billed_ms[own] - cold.duration_ms[own])
        return float(np.minimum(cold.init_ms[own], beyond).mean())

    @cached_property
    def _means_ms(self) -> dict[int, tuple[float, float]]:
        """Mean billed duration and mean duration of the warm calls of each size (MB)."""
        found = self.observations
        each = ((size, found.memory_mb == size) for size in found.sizes_mb.tolist())
        return {
            size: (float(found.billed_ms[at].mean()), float(found.duration_ms[at].mean()))
            for size, at in each
        }

    def _cold_billed_ms(self, memory_mb: int) -> float | None:
        """Mean billed duration of the size's own cold starts; ``None`` if it has none."""
        own = self._own_cold_ms(memory_mb)
        return float(own.mean()) if own.size else None

    def _own_cold_ms(self, memory_mb: int) -> FloatArray:
        cold = self.observations.cold
        own = cold.billed_ms[cold.memory_mb == memory_mb]
        return np.asarray(own[~np.isnan(own)], dtype=np.float64)

    def cost_at(self, mean_ms: FloatArray, memory_mb: int) -> FloatArray:
        """USD per million for mean durations (draws,) of one size, with cold starts of its own
        where it has any, as it was measured."""
        warm, cold = self.billed_ms(mean_ms)
        if (own := self._own_cold_ms(memory_mb)).size:
            cold = draw_quantile_ms(own, None, mean_ms.shape[0])
        billed = warm + self.goal.cold_share * (cold - warm)
        return usd_per_million(billed, np.array([memory_mb]), self.goal, self.rates)

    @cached_property
    def extra(self) -> ColdExtra:
        """Extra of a cold start, as it was seen."""
        return cold_extra(self.observations)

    def billed_ms(self, mean_ms: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean billed duration of warm and of cold calls, given the mean duration of warm ones."""
        cold = mean_ms * self.extra.first_over_warm + self.extra.init_ms
        return billed_ms(mean_ms), billed_ms(cold)

    def cost(self, mean_ms: FloatArray, memory_mb: IntArray) -> FloatArray:
        """USD per million for mean durations (draws, sizes), INIT at the goal's cold share."""
        warm, cold = self.billed_ms(mean_ms)
        billed = warm + self.goal.cold_share * (cold - warm)
        return usd_per_million(billed, memory_mb, self.goal, self.rates)


#: How far the CPU demand may drift before the function is tuned again (new code, new payloads).
DRIFTS = (0.95, 1.0, 1.05)
#: ``max`` has no limit in theory; it is taken as the one in a thousand.
MAX_QUANTILE = 0.999


@dataclass(frozen=True)
class Outlook:
    """Durations, costs and the goal's score (less is better) under each drift: (3, draws, sizes),
    where index 1 of the first axis is no drift.

    ``margin`` is the worst objective's value over its limit: at most 1 when all are met (draws,
    sizes).
    """

    memory_mb: IntArray
    drifted_ms: FloatArray
    drifted_cost: FloatArray
    drifted: FloatArray
    margin: FloatArray

    @property
    def duration_ms(self) -> FloatArray:
        """Mean duration without drift (draws, sizes)."""
        return np.asarray(self.drifted_ms[1], dtype=np.float64)

    @property
    def cost(self) -> FloatArray:
        """USD per million without drift (draws, sizes)."""
        return np.asarray(self.drifted_cost[1], dtype=np.float64)

    @property
    def score(self) -> FloatArray:
        """The goal's score without drift."""
        return np.asarray(self.drifted[1], dtype=np.float64)

    @cached_property
    def meets(self) -> FloatArray:
        """Probability (sizes,) that a size meets every objective."""
        return np.asarray(np.mean(self.margin <= 1.0, axis=0), dtype=np.float64)

    def only(self, at: IntArray) -> "Outlook":
        """The outlook of a few candidates, with the scores that they have among all."""
        return Outlook(
            self.memory_mb[at],
            self.drifted_ms[..., at],
            self.drifted_cost[..., at],
            self.drifted[..., at],
            self.margin[:, at],
        )

    def means(self, index: int) -> tuple[float, float]:
        """Mean cost (USD per million) and mean duration (ms) of one candidate, without drift."""
        return float(self.cost[:, index].mean()), float(self.duration_ms[:, index].mean())

    def expected(self) -> FloatArray:
        """Expected score (sizes,) over draws and drift."""
        return np.asarray(self.drifted.mean(axis=(0, 1)), dtype=np.float64)


def look(basis: Basis, memory_mb: IntArray) -> Outlook:
    """Evaluate the candidates ``memory_mb`` (n,)."""
    times = [basis.curve.mean_ms(memory_mb, drift) for drift in DRIFTS]
    costs = [basis.cost(mean, memory_mb) for mean in times]
    scores = [_score(mean, cost, basis.goal) for mean, cost in zip(times, costs, strict=True)]
    margin = np.zeros_like(costs[1])
    for slo in basis.goal.slos:
        margin = np.maximum(margin, _margin(slo, basis, memory_mb, costs[1]))
    return Outlook(memory_mb, np.stack(times), np.stack(costs), np.stack(scores), margin)


#: A size counts as within reach of the best up to this much more (the contract's 5 %).
TOLERANCE = 0.05


def tolerance(goal: Goal) -> float:
    """The same for a goal: where cost decides, what speed may cost if that is more."""
    return max(TOLERANCE, goal.worth) if goal.strategy is Strategy.COST else TOLERANCE


def held_to(outlook: Outlook, goal: Goal) -> tuple[FloatArray, FloatArray]:
    """What sizes are held against each other by (draws, sizes), infinite where an objective is
    missed, and the most (draws,) with which a size is as good as the best.

    Where cost decides, that is the cost, and what speed may cost if that is more than 5 %.
    """
    score = outlook.cost if goal.strategy is Strategy.COST else outlook.score
    met = np.where(outlook.margin <= 1.0, score, np.inf)
    return met, np.asarray(met.min(axis=1) * (1 + tolerance(goal)), dtype=np.float64)


def meets_alone(basis: Basis, memory_mb: IntArray) -> FloatArray:
    """Probability (objectives, sizes) that each objective is met, whatever the others are."""
    cost = basis.cost(basis.curve.mean_ms(memory_mb), memory_mb)
    met = [_margin(slo, basis, memory_mb, cost) <= 1.0 for slo in basis.goal.slos]
    return np.asarray(np.mean(met, axis=1), dtype=np.float64)


def side_by_side(outlooks: Sequence[Outlook], goal: Goal, seed: int) -> Outlook:
    """Join the outlooks of several curves' candidates, in the order given.

    What is believed of one curve says nothing of another, so the draws of all but the first are
    shuffled: which of them stand beside each other is chance.
    """
    rng = np.random.default_rng(seed)
    orders = [np.arange(outlooks[0].margin.shape[0])]
    orders += [rng.permutation(each.margin.shape[0]) for each in outlooks[1:]]

    def joined(name: str) -> FloatArray:
        pairs = zip(outlooks, orders, strict=True)
        return np.concatenate([getattr(o, name)[..., order, :] for o, order in pairs], axis=-1)

    times, costs = joined("drifted_ms"), joined("drifted_cost")
    scores = [_score(mean, cost, goal) for mean, cost in zip(times, costs, strict=True)]
    memory = np.concatenate([each.memory_mb for each in outlooks])
    return Outlook(memory, times, costs, np.stack(scores), joined("margin"))


def _score(mean_ms: FloatArray, cost: FloatArray, goal: Goal) -> FloatArray:
    """Score that the strategy minimises; ``balanced`` as aws-lambda-power-tuning defines it."""
    if goal.strategy is Strategy.COST:
        return worth_of(mean_ms, cost, goal.worth)
    if goal.strategy is Strategy.SPEED:
        return mean_ms
    dear = cost / cost.max(axis=1, keepdims=True)
    slow = mean_ms / mean_ms.max(axis=1, keepdims=True)
    return np.asarray(goal.balance * dear + (1 - goal.balance) * slow, dtype=np.float64)


#: Where cost decides, cost x duration^(2.5 worth) is compared up to what speed may cost, and each
#: log of cost beyond that counts nine times. With a worth of 0.03, the best sizes of 22 curves
#: recorded on AWS leave nowhere a fifth of the duration for 3 % more cost, and cost 0.4 % more than
#: the cheapest on average; 53 curves of month-means cost 0.6 % more, none of them over 3.2 %. Held
#: against weights that are set on all functions but one by ``tests/bench/test_decisions.py``.
EXPONENT, TOO_DEAR = 2.5, 8.0


def worth_of(mean_ms: FloatArray, cost: FloatArray, worth: float) -> FloatArray:
    """Score of sizes (draws, sizes) where speed may cost ``worth`` more than the cheapest size.

    What a size is expected to cost is held against that: not to know a cost is no reason against.
    """
    return _valued(mean_ms, cost, np.asarray(cost.mean(axis=0)), worth)


def worth_each(mean_ms: FloatArray, cost: FloatArray, worth: float) -> FloatArray:
    """The same where each draw is the truth, and its own cheapest size is the one to hold costs
    against: what there is to lose by not knowing."""
    return _valued(mean_ms, cost, cost, worth)


def _valued(mean_ms: FloatArray, cost: FloatArray, known: FloatArray, worth: float) -> FloatArray:
    over = np.log(known / known.min(axis=-1, keepdims=True)) - np.log1p(worth)
    valued = cost * mean_ms ** (EXPONENT * worth)
    return np.asarray(valued * np.exp(TOO_DEAR * np.maximum(over, 0.0)), dtype=np.float64)


def _margin(slo: Slo, basis: Basis, memory_mb: IntArray, cost: FloatArray) -> FloatArray:
    """The objective's quantity over its limit per draw and size, in a run of another hour; above it
    where every answer was a 5xx, as in loads."""
    value = _value(slo, basis, memory_mb, cost)
    if slo.scope not in (SloScope.THROTTLES, SloScope.ERRORS):
        value = value * np.exp(basis.run_sd * basis.curve.luck(memory_mb, RUN))
    least = np.nextafter(1.0, 2.0) if basis.observations.only_5xx else 0.0
    margin = np.asarray(np.maximum(value / slo.limit, least), dtype=np.float64)
    if slo.scope is SloScope.DURATION and slo.quantile is not None:
        _hold_to_calls(margin, slo.limit, slo.quantile, basis.observations, memory_mb)
    return margin


#: From so many calls beyond a quantile on, as expected of a size's number of calls (10 for p95),
#: its own calls count. Set on public curves: objectives on p95 are broken by 5 % of the picks in
#: place of 11 %, which cost 2.3 % more than the least in place of 2.2 %.
_TAIL_CALLS = 0.5


def _hold_to_calls(
    margin: FloatArray, limit: float, q: float, found: Observations, memory_mb: IntArray
) -> None:
    """Raise, in place, the margins of sizes whose own calls break an objective on a quantile: it is
    met with no more than the probability that these calls leave it."""
    for at, size in enumerate(memory_mb.tolist()):
        own = found.at(size)
        below = int(np.count_nonzero(own < limit))
        if own.size * (1.0 - q) < _TAIL_CALLS or below >= q * own.size:
            continue
        most = float(np.quantile(margin[:, at], chance_below(below, own.size, q)))
        if most < 1.0:
            margin[:, at] /= most


def _value(slo: Slo, basis: Basis, memory_mb: IntArray, cost: FloatArray) -> FloatArray:
    """The objective's quantity per draw and size, in the unit of its limit.

    What callers wait beyond the duration, and INIT, which runs at full CPU, are alike at all sizes.
    """
    seen, q = basis.observations, slo.quantile
    if slo.scope is SloScope.COST:
        return cost
    if slo.scope in (SloScope.THROTTLES, SloScope.ERRORS):
        share = seen.throttle_share if slo.scope is SloScope.THROTTLES else seen.error_share
        return np.full_like(cost, share)
    if q is None:
        time = basis.curve.mean_ms(memory_mb)
    else:
        time = basis.curve.quantile_ms(memory_mb, min(q, MAX_QUANTILE))
    if slo.scope is SloScope.CLIENT:
        return time + _beside(seen.client_overhead_ms, q, time)
    if slo.scope is SloScope.COLD:
        return time * basis.extra.first_over_warm + _beside(seen.cold.init_ms, q, time)
    return time


def _beside(values: FloatArray, q: float | None, time: FloatArray) -> FloatArray:
    """Draws (draws, 1) of a quantile, or the mean, of what comes on top of a time."""
    most = None if q is None else min(q, MAX_QUANTILE)
    return draw_quantile_ms(values, most, time.shape[0])[:, None]


#: Half of a 90 % interval in standard deviations.
HALF_90 = 1.645


def interval_ends(
    draws: FloatArray, run_sd: float, fee: float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Both ends of a 90 % interval over draws (the first axis) and what runs differ by.

    The ``fee`` of the requests is known.
    """
    logs = np.log(draws - fee)
    centre, half = logs.mean(axis=0), HALF_90 * np.hypot(logs.std(axis=0), run_sd)
    return fee + np.exp(centre - half), fee + np.exp(centre + half)


def model_card(curve: "Curve") -> ModelCard:
    """Describe the fitted curve in words and numbers."""
    return ModelCard(curve.family, dict(curve.parameters), curve.fit_error, curve.alternatives)


def band(basis: Basis, memory_mb: IntArray) -> CurveBand:
    """Expected quantiles and mean with the mean's 90 % interval at ``memory_mb`` (ascending).

    The interval is of the kind that the pick's cost has: it holds what runs differ by, too.
    """
    mean = basis.curve.mean_ms(memory_mb)
    cost = basis.cost(mean, memory_mb)
    low, high = interval_ends(mean, basis.run_sd)
    cheap, dear = interval_ends(cost, basis.run_sd, MILLION * basis.rates.request_usd)
    p50, p95, p99 = (
        np.exp(np.log(basis.curve.quantile_ms(memory_mb, q)).mean(axis=0))
        for q in (0.5, 0.95, 0.99)
    )
    return CurveBand(
        memory_mb=memory_mb,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        mean_ms=mean.mean(axis=0),
        mean_low_ms=low,
        mean_high_ms=high,
        cost_usd_per_million=cost.mean(axis=0),
        cost_low=cheap,
        cost_high=dear,
    )
