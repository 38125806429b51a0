"""The choice: one size, how sure it is, how far it may be off, and why.

The size with the least expected score over draws and drift, among those that very likely meet
every objective. Reads arrays of :mod:`tuner.decide.outlook`; wording is in ``reasons``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.decide import reasons
from tuner.decide.case import ChoiceCase
from tuner.decide.goal import Goal, SloScope, Strategy
from tuner.decide.outlook import (
    HALF_90,
    MILLION,
    MORE_LIKELY,
    TOLERANCE,
    VERIFIED,
    Basis,
    Outlook,
    held_to,
    interval_ends,
    look,
    meets_alone,
    tolerance,
    worth_each,
)
from tuner.decide.result import Choice, Interval, Recommendation, VersusCurrent
from tuner.decide.what_decided import WORTH_MOVING
from tuner.model import BoolArray, FloatArray, IntArray
from tuner.model.observations import Observations

#: A size of the safe range meets the objectives with this probability.
SURE = 0.95
#: Breaking an objective is as bad as costing this many times the best size's cost more. A size
#: that breaks it with 10 % is taken only when a surely safe one costs 40 % more.
PENALTY = 4.0
#: Misses that differ by less than this are as near as each other: as well as means are known that
#: rounds go on for (:mod:`tuner.decide.steady`).
_AS_NEAR = 0.02
#: Closer scores than this are a tie: the faster of equally cheap sizes, the cheaper of equally
#: fast ones (as aws-lambda-power-tuning resolves exact ties).
_TIE = {Strategy.COST: 0.005, Strategy.SPEED: 0.01, Strategy.BALANCED: 0.0}

#: Costs, or durations, that tables show alike.
_ALIKE = 1.0005

_Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Pick:
    """Index of the chosen size in an outlook. ``meets`` is ``None`` without objectives.

    ``chance`` is that of :func:`confidence_in`; the confidence that a recommendation states is no
    larger, as it also counts the pick's own calls and sizes of which nothing is known.
    """

    index: int
    meets: bool | None
    chance: float
    safe_mb: tuple[int, int]


def pick(outlook: Outlook, goal: Goal, basis: Basis | None = None) -> Pick:
    """Choose among the candidates, with a ``basis`` among those that were called there; with
    unreachable objectives, the nearest miss."""
    allowed = np.arange(outlook.memory_mb.size) if basis is None else recommendable(outlook, basis)
    index = int(allowed[best(outlook.only(allowed), goal)])
    meets = bool(outlook.meets[index] >= MORE_LIKELY) if goal.slos else None
    safe = _safe_range(outlook, goal, index)
    return Pick(index, meets, confidence_in(outlook, goal, index), safe)


def recommendable(outlook: Outlook, basis: Basis) -> IntArray:
    """Indices of the candidates that may be recommended.

    1. Where sizes were called often enough and one of them likely meets the objectives, they may.
       Left out are those measured to be dearer and slower than another of them that meets the
       objectives as surely; then, while that leaves one that likely meets them, those whose own
       calls cost, or take in the median or the mean, more than is allowed.
    2. Where none of them likely does, but one that was called less does, or where none was called
       often enough: all that were called.
    3. Where none that was called likely does: those that were called often enough, without those
       measured to be dearer and slower than another that misses the objectives by as little.
    4. Where none was called, as of a question about other sizes: all.
    """
    calls = np.array([basis.calls.get(size, 0) for size in outlook.memory_mb.tolist()])
    often, called = np.flatnonzero(calls >= basis.enough), np.flatnonzero(calls)
    if not np.any(outlook.meets[often] >= MORE_LIKELY):
        if not often.size or np.any(outlook.meets[called] >= MORE_LIKELY):
            return called if called.size else np.arange(calls.size)
        miss = np.median(outlook.margin[:, often], axis=0)
        return _unbeaten(often, outlook, basis, miss <= (1 + _AS_NEAR) * miss[:, None])
    meets = outlook.meets[often]
    left = _unbeaten(often, outlook, basis, meets >= meets[:, None])
    sizes = outlook.memory_mb.tolist()
    kept = [i for i in left.tolist() if not _breaks_in_its_row(basis, sizes[i])]
    likely = [i for i in kept if outlook.meets[i] >= MORE_LIKELY]
    return np.asarray(kept if likely else left, dtype=np.int64)


def _unbeaten(indices: IntArray, outlook: Outlook, basis: Basis, as_good: BoolArray) -> IntArray:
    """Those of these sizes than which no other was measured to be cheaper and faster, or one of
    both and alike in the other, that is ``as_good`` in the objectives (of each row's size: those
    that are)."""
    sizes = outlook.memory_mb[indices]
    seen = np.array([basis.seen(int(size)) for size in sizes])
    stays = np.where(sizes == basis.goal.current_mb, 1 + WORTH_MOVING, 1.0)[:, None, None]
    no_worse, better = seen <= seen[:, None] * _ALIKE, seen * stays * _ALIKE < seen[:, None]
    lower = no_worse.all(axis=2) & better.any(axis=2)
    left = indices[~(lower & as_good).any(axis=1)]
    return left if left.size else indices  # a ring of sizes that are alike two by two


def _breaks_in_its_row(basis: Basis, memory_mb: int) -> bool:
    """True if a size's own calls break an objective on cost, the median, the mean or less: what
    most of its calls show is no tail that a few of them cannot tell."""
    found, means = basis.observations, basis.seen(memory_mb)
    own = found.duration_ms[found.memory_mb == memory_mb]
    for slo in basis.goal.slos:
        value = None
        if slo.scope is SloScope.COST:
            value = means and means[0]
        elif slo.scope is SloScope.DURATION and (slo.quantile is None or slo.quantile <= 0.5):
            value = own.mean() if slo.quantile is None else np.quantile(own, slo.quantile)
        if value is not None and value > slo.limit:
            return True
    return False


def loss(outlook: Outlook) -> FloatArray:
    """Loss of each choice (draws, sizes): the score over drift, relative to the least expected
    one of the sizes that likely meet the objectives, and a penalty where an objective breaks."""
    return _relative(outlook.drifted.mean(axis=0), outlook)


def stakes(outlook: Outlook, goal: Goal) -> FloatArray:
    """The same as it would be if each draw was known to be true: what calls can win."""
    if goal.strategy is not Strategy.COST:
        return loss(outlook)
    pairs = zip(outlook.drifted_ms, outlook.drifted_cost, strict=True)
    scores = [worth_each(mean, cost, goal.worth) for mean, cost in pairs]
    return _relative(np.mean(scores, axis=0), outlook)


def _relative(score: FloatArray, outlook: Outlook) -> FloatArray:
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
    gain = 1 + WORTH_MOVING
    if here is not None and all(each[here] <= each[index] * gain for each in (expected, other)):
        return here
    return index


def confidence_in(outlook: Outlook, goal: Goal, index: int) -> float:
    """Probability that the pick is within 5 % of the best size that meets the objectives.

    Where cost decides, that is within 5 % of the least cost, or what speed may cost if that is
    more.
    """
    score, most = held_to(outlook, goal)
    return float(((score[:, index] <= most) & np.isfinite(most)).mean())


#: So much of the confidence goes where a pick lacks calls of its own, and so much more where it
#: has none: what sandboxes and hours differ by is not seen by few calls. 49 recorded curves with
#: one mean of each size are within 5 % as often as that says or more, 0 to 4 points.
_LACKING, _UNTRIED = 0.015, 0.03


def believed(chance: float, calls: int, enough: int) -> float:
    """A pick's confidence as far as its own ``calls`` bear it, of which ``enough`` are needed."""
    lacking = max(0.0, 1.0 - calls / enough)
    return chance * (1.0 - _LACKING - _UNTRIED * lacking) if lacking else chance


def _distinct(basis: Basis, memory_mb: int) -> int:
    """Calls of a size that a confidence may count: one, where a recording draws the same row each
    time, as of a mean; otherwise all."""
    found = basis.observations
    own = found.duration_ms[found.memory_mb == memory_mb]
    alike = not basis.rounds_count and np.unique(own).size == 1
    return 1 if alike else int(own.size)


def _safe_range(outlook: Outlook, goal: Goal, index: int) -> tuple[int, int]:
    """Sizes around the pick that stay as good as the best in what is chosen for, whichever way CPU
    demand drifts; where that is cost, in cost and in what it is worth."""
    allowed = outlook.meets >= min(SURE, float(outlook.meets[index]))
    good = allowed & _near(outlook.drifted, TOLERANCE, allowed)
    if goal.strategy is Strategy.COST:
        good &= _near(outlook.drifted_cost, tolerance(goal), allowed)
    low = high = index
    while low > 0 and good[low - 1]:
        low -= 1
    while high + 1 < good.size and good[high + 1]:
        high += 1
    return int(outlook.memory_mb[low]), int(outlook.memory_mb[high])


def _near(drifted: FloatArray, within: float, allowed: _Flags) -> _Flags:
    """Sizes whose expectation is within so much of the least ``allowed`` one under each drift."""
    mean = drifted.mean(axis=1)
    least = np.where(allowed, mean, np.inf).min(axis=1, keepdims=True)
    return np.asarray(np.all(mean <= least * (1 + within), axis=0), dtype=np.bool_)


def interval(mean: float, draws: FloatArray, run_sd: float, fee: float = 0.0) -> Interval:
    """The measured mean with its 90 % interval, as wide as draws (d,) and runs differ.

    It lies around the draws: of sizes that look alike the chosen one is likely the lucky one, which
    its own calls do not know and the curve does. The ``fee`` of the requests is known.
    """
    low, high = map(float, interval_ends(draws, run_sd, fee))
    return Interval(mean, min(mean, low), max(mean, high))


def choose(basis: Basis, candidates_mb: IntArray) -> Recommendation:
    """Recommend one of ``candidates_mb`` (ascending). The current size need not be among them."""
    goal, sizes = basis.goal, possible(candidates_mb, basis.observations)
    outlook = look(basis, sizes)
    chosen = pick(outlook, goal, basis)
    size = int(sizes[chosen.index])
    at = np.array([size], dtype=np.int64)
    p50, p95, p99 = (float(np.median(basis.curve.quantile_ms(at, q))) for q in (0.5, 0.95, 0.99))
    calls = basis.calls.get(size, 0)
    untried = untried_mb(candidates_mb, basis.observations)
    chance = chosen.chance
    if untried.size:  # if they work, one of them may be the best
        all_of_them = look(basis, np.concatenate([untried, sizes]))
        chance = min(chance, confidence_in(all_of_them, goal, untried.size + chosen.index))
    confidence = believed(chance, min(calls, _distinct(basis, size)), VERIFIED)
    doubted, confidence = confidence >= basis.surest < 1.0, min(confidence, basis.surest)
    alone = meets_alone(basis, sizes) if chosen.meets is False else None
    gap = tuple(untried.tolist())
    case = ChoiceCase(basis, outlook, chosen.index, chosen.meets, confidence, alone, gap)
    draws = basis.cost_at(outlook.duration_ms[:, chosen.index], size)
    return Recommendation(
        memory_mb=size,
        arch=goal.arch,
        strategy=goal.strategy.value,
        slo=tuple(slo.text for slo in goal.slos),
        meets_slo=chosen.meets,
        meets_probability=float(outlook.meets[chosen.index]) if goal.slos else None,
        cost_usd_per_million=interval(
            case.means(chosen.index)[0], draws, basis.run_sd, MILLION * basis.rates.request_usd
        ),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        confidence=confidence,
        calls_to_tell=0 if doubted else reasons.invocations_to_tell(case),
        safe_range_mb=chosen.safe_mb,
        reasons=reasons.reasons(case),
        runners_up=reasons.runners_up(case),
        versus_current=_versus(basis, size),
        verified_calls=calls,
        choices=choices(basis, outlook),
        missed_slo=() if alone is None else _missed(goal, alone[:, chosen.index]),
        within=tolerance(goal),
    )


def _missed(goal: Goal, chances: FloatArray) -> tuple[str, ...]:
    """The objectives that are rather missed than met."""
    pairs = zip(goal.slos, chances, strict=True)
    return tuple(slo.text for slo, chance in pairs if chance < MORE_LIKELY)


def choices(basis: Basis, outlook: Outlook) -> tuple[Choice, ...]:
    """Return the cheapest, balanced and fastest of the sizes that were called, as measured.

    Of sizes that likely meet the objectives where there are any; the cheapest and the fastest of
    those that were called as often as it takes, unless another one is better by more than 5 %.
    """
    sizes = outlook.memory_mb.tolist()
    seen = {i: basis.seen(size) for i, size in enumerate(sizes) if size in basis.calls}
    known = {i: means for i, means in seen.items() if means is not None}
    if not known:
        return ()
    allowed = [i for i in known if outlook.meets[i] >= MORE_LIKELY] or list(known)
    sure = [i for i in allowed if basis.calls[sizes[i]] >= basis.enough] or allowed
    found = named_choices(known, allowed, sure)
    now = None if basis.goal.current_mb is None else basis.seen(basis.goal.current_mb)
    return tuple(_choice(name, at, known[at], now, basis, sizes) for name, at in found.items())


_Means = Mapping[int, tuple[float, float]]


def named_choices(known: _Means, allowed: Sequence[int], sure: Sequence[int]) -> dict[str, int]:
    """The cheapest, the balanced and the fastest ``allowed`` one, by mean cost and mean duration;
    the cheapest and the fastest of those that are ``sure`` where luck may put another one ahead."""
    return {
        "cheapest": _best(known, allowed, sure, 0),
        "balanced": min(allowed, key=lambda i: _balance(known, allowed, i)),
        "fastest": _best(known, allowed, sure, 1),
    }


def _least(known: _Means, of: Sequence[int], what: int) -> int:
    """The least in cost (0) or duration (1); of those that look alike, the better in the other."""
    least = min(known[i][what] for i in of)
    return min(
        (i for i in of if known[i][what] <= least * _ALIKE), key=lambda i: known[i][1 - what]
    )


def _best(known: _Means, allowed: Sequence[int], sure: Sequence[int], what: int) -> int:
    """The sure one of least cost (0) or duration (1), unless another is ahead by more than luck."""
    best, of_all = _least(known, sure, what), _least(known, allowed, what)
    return best if known[best][what] <= known[of_all][what] * (1 + TOLERANCE) else of_all


def _balance(known: _Means, of: Sequence[int], i: int) -> float:
    """The balanced score of aws-lambda-power-tuning, cost and duration alike."""
    return sum(known[i][what] / max(known[j][what] for j in of) for what in (0, 1))


def _choice(
    name: str,
    at: int,
    means: tuple[float, float],
    now: tuple[float, float] | None,
    basis: Basis,
    sizes: Sequence[int],
) -> Choice:
    change = (None, None) if now is None else _changes(means, now)
    return Choice(name, sizes[at], basis.goal.arch, *means, basis.calls[sizes[at]], *change)


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


def untried_mb(candidates_mb: IntArray, observations: Observations) -> IntArray:
    """Candidates that nothing is known of: above the sizes that cannot run the function, below the
    smallest one that can; they are not recommended, and may be better."""
    too_small, worked = observations.infeasible_mb(), observations.sizes_mb
    if not too_small or not worked.size:
        return candidates_mb[:0]
    broken = np.isin(candidates_mb, observations.broken_mb())
    between = (candidates_mb > too_small) & (candidates_mb < int(worked.min())) & ~broken
    return candidates_mb[between]


def _versus(basis: Basis, size: int) -> VersusCurrent | None:
    """The pick against the current size, as measured; changes are ``None`` unless both were."""
    current = basis.goal.current_mb
    if current is None:
        return None
    now, there = basis.seen(current), basis.seen(size)
    if now is None or there is None:
        return VersusCurrent(current, None, None)
    cost, time = _changes(there, now)
    if current == size:
        return VersusCurrent(current, cost, time)
    low, high = _change_ends(basis, size, current)
    return VersusCurrent(
        *(current, cost, time),
        cost_change_low=(1.0 + cost) * low - 1.0,
        cost_change_high=(1.0 + cost) * high - 1.0,
    )


def _change_ends(basis: Basis, size: int, current: int) -> tuple[float, float]:
    """Both ends of the 90 % interval of the ratio of two sizes' costs, over its centre: by the
    draws that the confidence is counted in, so what runs differ by at all sizes is in neither."""
    both = np.array(sorted((size, current)), dtype=np.int64)
    spread = float(np.diff(np.log(basis.cost(basis.curve.mean_ms(both), both)), axis=1).std())
    return math.exp(-HALF_90 * spread), math.exp(HALF_90 * spread)


def _changes(there: tuple[float, float], now: tuple[float, float]) -> tuple[float, float]:
    """Relative change of cost and of duration."""
    return there[0] / now[0] - 1.0, there[1] / now[1] - 1.0
