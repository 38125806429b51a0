"""Sizes whose means are not known well enough to tell which of them is best.

A mean is as sure as its calls' scatter and, where rounds differ at all sizes alike, as the number
of rounds make it. Where calls cost nothing but time, they are made again until it is sure.
"""

from typing import NamedTuple

import numpy as np

from tuner.decide.goal import Strategy
from tuner.decide.outlook import EXPONENT, Basis, Outlook
from tuner.decide.result import Recommendation
from tuner.model import FloatArray, IntArray
from tuner.model.observations import Observations
from tuner.records import Advice
from tuner.units import format_memory, format_share, listed

#: Standard error (log) of a mean that is steady: two of them are told apart to 3 %.
_STEADY = 0.02
#: Sizes this much worse than the pick (log), and what their errors leave open, are out.
_NEAR, _SURE = 0.03, 1.645
#: A size's own scatter counts beside so many degrees of freedom of all sizes'.
_POOLED = 4.0
#: Rounds that differ by less (log) change no answer.
_ROUNDS_APART = 0.03
#: Sizes that differ by less than this (log) are one alternative.
APART = 0.08
#: The highest confidence in a pick that was measured while other programs used the machine, which
#: slows sizes by different amounts.
SUREST_IF_BUSY = 0.75
#: Sizes that are called again in one round.
MOST_AT_ONCE = 4
#: A size that has a smaller chance than this to meet the objectives is out.
_HARDLY = 0.05


def rounds_apart(basis: Basis | None, pick: Recommendation | None) -> tuple[Advice, ...]:
    """Say that rounds of calls differ at all sizes alike, and what cannot be told because of it;
    nothing of a recording, whose rows have no rounds."""
    if basis is None or pick is None or not basis.rounds_count:
        return ()
    drift, own = basis.observations.drift, basis.seen(pick.memory_mb)
    if drift.sd < _ROUNDS_APART or own is None:
        return ()
    costs = {each.memory_mb: each.cost_usd_per_million for each in pick.runners_up}
    apart = {
        size: abs(float(np.log(cost / own[0]))) for size, cost in costs.items() if cost is not None
    }
    close = {size: each for size, each in apart.items() if each <= drift.sd}
    by = format_share(float(np.expm1(drift.sd)))
    text = (
        f"Rounds of calls differ by {by} at all sizes alike: the machine was "
        "busy, or its speed changed. The cost's interval includes that"
    )
    if close:
        named = listed(map(format_memory, [pick.memory_mb, *close]), "or")
        within = format_share(max(0.01, float(np.expm1(max(close.values())))))
        text += f"; which of {named} is cheapest cannot be told: they were within {within}"
    return (Advice("rounds-apart", f"{text}. Run it again on a calmer machine."),)


def unsteady_mb(outlook: Outlook, basis: Basis) -> list[int]:
    """Sizes (MB) of ``outlook``, all of which were called, to be called again: the pick and those
    that may be better, unless the means of all of them are steady."""
    errors, value = _errors(outlook, basis), _value(outlook, basis)
    value = np.where(outlook.meets >= _HARDLY, value, np.inf)
    best = int(value.argmin())
    if not np.isfinite(value[best]):  # no objective can be met: there is no choice to make sure of
        return []
    reach = _NEAR + _SURE * np.hypot(errors, errors[best])
    logs, racing = np.log(outlook.memory_mb), list[int]()
    for each in np.argsort(value).tolist():
        near = any(abs(logs[each] - logs[other]) <= APART for other in racing)
        if value[each] - value[best] <= reach[each] and not near:
            racing.append(each)
    racing = racing[:MOST_AT_ONCE]
    if len(racing) < 2 or errors[racing].max() <= _STEADY:
        return []
    return sorted(outlook.memory_mb[racing].tolist())


def _value(outlook: Outlook, basis: Basis) -> FloatArray:
    """Log of what sizes are chosen by (sizes,), without its penalty for being too dear."""
    goal = basis.goal
    if goal.strategy is not Strategy.COST:
        return np.asarray(np.log(outlook.score).mean(axis=0))
    valued = np.log(outlook.cost) + EXPONENT * goal.worth * np.log(outlook.duration_ms)
    return np.asarray(valued.mean(axis=0))


class Scatter(NamedTuple):
    """How calls scatter around their size's mean, as a share of it."""

    calls: IntArray  # of each size (sizes,), ascending
    squares: FloatArray  # sum of squares of each size (sizes,)
    pooled: float  # variance of a call, of all sizes together


def scatter_of(seen: Observations) -> Scatter:
    """The scatter of what was seen; of sizes that were called once each, none."""
    size, calls = seen.index, seen.calls
    relative = seen.duration_ms / (np.bincount(size, seen.duration_ms) / calls)[size] - 1.0
    squares = np.bincount(size, relative**2).astype(np.float64)
    return Scatter(calls, squares, float(squares.sum()) / max(1, size.size - calls.size))


def _errors(outlook: Outlook, basis: Basis) -> FloatArray:
    """Standard error (sizes,) of the log of each size's mean, as its calls and rounds have it."""
    seen = basis.observations
    each = scatter_of(seen)
    count = each.calls
    variance = (each.squares + _POOLED * each.pooled) / (count - 1 + _POOLED) / count
    rounds = [np.unique(seen.round[seen.memory_mb == each]).size for each in seen.sizes_mb]
    variance = variance + seen.drift.sd**2 / np.array(rounds)
    return np.asarray(np.sqrt(variance)[np.searchsorted(seen.sizes_mb, outlook.memory_mb)])
