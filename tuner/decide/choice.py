"""The choice: one size, how sure it is, how far it may be off, and why.

The size with the least expected score over draws and drift, among those that very likely meet
every objective. Reads arrays of :mod:`tuner.decide.outlook`; wording is in ``reasons``.
"""

from dataclasses import dataclass

import numpy as np

from tuner.decide import reasons
from tuner.decide.goal import Goal, Strategy
from tuner.decide.outlook import Basis, Outlook, look
from tuner.decide.result import Interval, Recommendation, VersusCurrent
from tuner.model import FloatArray, IntArray
from tuner.model.observations import Observations

#: A size counts as within reach of the best up to this much more (the contract's 5 %).
TOLERANCE = 0.05
#: A size of the safe range meets the objectives with this probability.
SURE = 0.95
#: An objective is out of reach where no size is more likely to meet it than not.
MORE_LIKELY = 0.5
#: Breaking an objective is as bad as costing this many times the best size's cost more. A size
#: that breaks it with 10 % is taken only when a surely safe one costs 25 % more.
PENALTY = 2.5
#: Misses that differ by less than this are as near as each other.
_AS_NEAR = 0.02
#: Closer scores than this are a tie: the faster of equally cheap sizes, the cheaper of equally
#: fast ones (as aws-lambda-power-tuning resolves exact ties).
_TIE = {Strategy.COST: 0.005, Strategy.SPEED: 0.01, Strategy.BALANCED: 0.0}
#: The function stays at its size unless another one is better by more than this in what is
#: chosen for, or in the other of cost and duration: a change is work, and has risks of its own.
_WORTH_MOVING = 0.01


@dataclass(frozen=True)
class Pick:
    """Index of the chosen size in an outlook. ``meets`` is ``None`` without objectives."""

    index: int
    meets: bool | None
    confidence: float
    safe_mb: tuple[int, int]


def pick(outlook: Outlook, goal: Goal) -> Pick:
    """Choose among the candidates; with unreachable objectives, the nearest miss."""
    index = best(outlook, goal)
    meets = bool(outlook.meets[index] >= MORE_LIKELY) if goal.slos else None
    return Pick(index, meets, confidence_in(outlook, index), _safe_range(outlook, index))


def loss(outlook: Outlook) -> FloatArray:
    """Loss of each choice (draws, sizes): the score over drift, relative to the least expected
    one of the sizes that likely meet the objectives, and a penalty where an objective breaks."""
    score = outlook.drifted.mean(axis=0)
    expected = score.mean(axis=0)
    likely = outlook.meets >= MORE_LIKELY
    base = float(expected[likely].min() if likely.any() else expected.min())
    return np.asarray(score / base + PENALTY * (outlook.margin > 1.0), dtype=np.float64)


def best(outlook: Outlook, goal: Goal) -> int:
    """Index of the size to choose: the least expected loss, or the nearest miss."""
    here = np.flatnonzero(outlook.memory_mb == goal.current_mb)
    return best_or_here(outlook, goal.strategy, int(here[0]) if here.size else None)


def best_or_here(outlook: Outlook, strategy: Strategy, here: int | None) -> int:
    """As :func:`best`, where ``here`` is the index of what there is now, if that may be chosen."""
    if outlook.meets.max() < MORE_LIKELY:
        miss = np.median(outlook.margin, axis=0)
        near = miss <= miss.min() * (1 + _AS_NEAR)
        return int(np.where(near, outlook.expected(), np.inf).argmin())
    expected = loss(outlook).mean(axis=0)
    ties = expected <= expected.min() * (1 + _TIE[strategy])
    other = (outlook.cost if strategy is Strategy.SPEED else outlook.duration_ms).mean(axis=0)
    index = int(np.where(ties, other, np.inf).argmin())
    gain = 1 + _WORTH_MOVING
    if here is not None and all(each[here] <= each[index] * gain for each in (expected, other)):
        return here
    return index


def confidence_in(outlook: Outlook, index: int) -> float:
    """Probability that the pick is within 5 % of the best size that meets the objectives."""
    meets = outlook.margin <= 1.0
    best = np.where(meets, outlook.score, np.inf).min(axis=1)
    good = (outlook.score[:, index] <= best * (1 + TOLERANCE)) & meets[:, index]
    return float(good.mean())


def _safe_range(outlook: Outlook, index: int) -> tuple[int, int]:
    """Sizes around the pick that stay within 5 % of the best, whichever way CPU demand drifts."""
    mean = outlook.drifted.mean(axis=1)
    allowed = outlook.meets >= min(SURE, float(outlook.meets[index]))
    best = np.where(allowed, mean, np.inf).min(axis=1, keepdims=True)
    good = np.all(mean <= best * (1 + TOLERANCE), axis=0) & allowed
    low = high = index
    while low > 0 and good[low - 1]:
        low -= 1
    while high + 1 < good.size and good[high + 1]:
        high += 1
    return int(outlook.memory_mb[low]), int(outlook.memory_mb[high])


def interval(draws: FloatArray) -> Interval:
    """Mean and 90 % interval of draws (d,)."""
    low, high = np.quantile(draws, (0.05, 0.95))
    return Interval(float(draws.mean()), float(low), float(high))


def choose(basis: Basis, candidates_mb: IntArray) -> Recommendation:
    """Recommend one of ``candidates_mb`` (ascending). The current size need not be among them."""
    goal, sizes = basis.goal, possible(candidates_mb, basis.observations)
    outlook = look(basis, sizes)
    chosen = pick(outlook, goal)
    size = int(sizes[chosen.index])
    at = np.array([size], dtype=np.int64)
    p50, p95, p99 = (float(np.median(basis.curve.quantile_ms(at, q))) for q in (0.5, 0.95, 0.99))
    case = reasons.ChoiceCase(basis, outlook, chosen.index, chosen.meets, chosen.confidence)
    return Recommendation(
        memory_mb=size,
        arch=goal.arch,
        strategy=goal.strategy.value,
        slo=tuple(slo.text for slo in goal.slos),
        meets_slo=chosen.meets,
        cost_usd_per_million=interval(outlook.cost[:, chosen.index]),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        confidence=chosen.confidence,
        safe_range_mb=chosen.safe_mb,
        reasons=reasons.reasons(case),
        runners_up=reasons.runners_up(case),
        versus_current=_versus(basis, size),
    )


def possible(candidates_mb: IntArray, observations: Observations) -> IntArray:
    """Candidates that can run the function, as far as is known: never below a size that cannot.

    When small sizes failed, only sizes from the smallest that worked on are safe to name; of the
    larger ones, none at which every call failed.
    """
    too_small = observations.infeasible_mb()
    least = too_small + 1
    if too_small:
        worked = observations.sizes_mb
        above = worked[worked > too_small]
        least = int(above.min()) if above.size else least
    broken = np.isin(candidates_mb, observations.broken_mb())
    left = candidates_mb[(candidates_mb >= least) & ~broken]
    return left if left.size else observations.sizes_mb[-1:]


def _versus(basis: Basis, size: int) -> VersusCurrent | None:
    """The pick against the current size; without a change of cost where that size cannot run."""
    current = basis.goal.current_mb
    if current is None:
        return None
    if current <= basis.observations.infeasible_mb():
        return VersusCurrent(current, None, None)
    both = look(basis, np.array([current, size], dtype=np.int64))
    return VersusCurrent(current, *(np.divide(both.means(1), both.means(0)) - 1.0).tolist())
