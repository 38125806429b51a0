"""Outlook of each candidate: cost, speed and objectives, as draws of the curve.

Billed duration is rounded up to whole milliseconds; a cold invocation also pays for its INIT
(AWS, since 2025-08-01) and for a first call that is slower than a warm one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tuner.billing.cost import cost_usd_per_million
from tuner.decide.goal import Goal, Rates, Scope, Slo, Strategy
from tuner.decide.result import CurveBand, ModelCard
from tuner.model import FloatArray, IntArray
from tuner.model.observations import Observations

if TYPE_CHECKING:  # only its answers are read here
    from tuner.model.curve import Curve


MILLION = 1e6


@dataclass(frozen=True)
class ColdExtra:
    """Extra of a cold start: INIT (ms, flat over memory) and the first call over a warm one."""

    init_ms: float = 0.0
    first_over_warm: float = 1.0


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
    billed: FloatArray, memory_mb: IntArray, goal: Goal, rates: Rates
) -> FloatArray:
    """Cost of billed milliseconds; ``billed`` broadcasts against ``memory_mb``."""
    return cost_usd_per_million(billed, memory_mb, rates, goal.ephemeral_mb)


def drawn_cost(
    mean_ms: FloatArray, memory_mb: IntArray, goal: Goal, rates: Rates, extra: ColdExtra
) -> FloatArray:
    """USD per million for mean durations (draws, sizes), INIT at the goal's cold share included."""
    warm = billed_ms(mean_ms)
    cold = billed_ms(mean_ms * extra.first_over_warm + extra.init_ms)
    return usd_per_million(warm + goal.cold_share * (cold - warm), memory_mb, goal, rates)


#: How far the CPU demand may drift before the function is tuned again (new code, new payloads).
DRIFTS = (0.95, 1.0, 1.05)
#: ``max`` has no limit in theory; it is taken as the one in a thousand.
_MAX_QUANTILE = 0.999


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

    def means(self, index: int) -> tuple[float, float]:
        """Mean cost (USD per million) and mean duration (ms) of one candidate, without drift."""
        return float(self.cost[:, index].mean()), float(self.duration_ms[:, index].mean())

    def expected(self) -> FloatArray:
        """Expected score (sizes,) over draws and drift."""
        return np.asarray(self.drifted.mean(axis=(0, 1)), dtype=np.float64)


def look(
    curve: "Curve", observations: Observations, goal: Goal, rates: Rates, memory_mb: IntArray
) -> Outlook:
    """Evaluate the candidates ``memory_mb`` (n,) for a goal."""
    extra = cold_extra(observations)
    durations, costs, scores = [], [], []
    for drift in DRIFTS:
        mean = curve.mean_ms(memory_mb, drift)
        cost = drawn_cost(mean, memory_mb, goal, rates, extra)
        durations.append(mean)
        costs.append(cost)
        scores.append(_score(mean, cost, goal))
    margin = np.zeros_like(costs[1])
    for slo in goal.slos:
        value = _value(slo, curve, observations, memory_mb, costs[1], extra)
        margin = np.maximum(margin, value / slo.limit)
    return Outlook(memory_mb, np.stack(durations), np.stack(costs), np.stack(scores), margin)


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
        return cost
    if goal.strategy is Strategy.SPEED:
        return mean_ms
    dear = cost / cost.max(axis=1, keepdims=True)
    slow = mean_ms / mean_ms.max(axis=1, keepdims=True)
    return np.asarray(goal.balance * dear + (1 - goal.balance) * slow, dtype=np.float64)


def _value(
    slo: Slo,
    curve: "Curve",
    observations: Observations,
    memory_mb: IntArray,
    cost: FloatArray,
    extra: ColdExtra,
) -> FloatArray:
    """The objective's quantity per draw and size, in the unit of its limit."""
    if slo.scope is Scope.COST:
        return cost
    if slo.scope is Scope.THROTTLES:
        return np.full_like(cost, observations.throttle_share)
    if slo.scope is Scope.ERRORS:
        return np.full_like(cost, observations.error_share)
    q = slo.quantile
    if q is None:
        time = curve.mean_ms(memory_mb)
    else:
        time = curve.quantile_ms(memory_mb, min(q, _MAX_QUANTILE))
    if slo.scope is Scope.CLIENT:
        return time + observations.overhead_ms(q)
    if slo.scope is Scope.COLD:
        return time * extra.first_over_warm + observations.cold.init_quantile_ms(q)
    return time


def model_card(curve: "Curve") -> ModelCard:
    """Describe the fitted curve in words and numbers."""
    return ModelCard(curve.family, dict(curve.parameters), curve.fit_error, curve.alternatives)


def band(
    curve: "Curve", observations: Observations, goal: Goal, rates: Rates, memory_mb: IntArray
) -> CurveBand:
    """Expected quantiles and mean with the mean's 90 % interval at ``memory_mb`` (ascending)."""
    mean = curve.mean_ms(memory_mb)
    cost = drawn_cost(mean, memory_mb, goal, rates, cold_extra(observations))
    low, high = np.quantile(mean, (0.05, 0.95), axis=0)
    cheap, dear = np.quantile(cost, (0.05, 0.95), axis=0)
    p50, p95, p99 = (np.median(curve.quantile_ms(memory_mb, q), axis=0) for q in (0.5, 0.95, 0.99))
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
