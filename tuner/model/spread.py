"""Standard errors of a sample's quantiles and mean, in logarithms.

Standard errors are those that a bootstrap would give, without its chance: of a quantile by
Maritz and Jarrett (Biometrika 1978), the exact bootstrap variance of an order statistic, here at
the fractional rank that numpy's default interpolates at; of a mean by the delta method. Each call's
influence is kept, so that calls of one interleaved round can be taken as one draw, and the level
that calls of neighbouring rounds have in common can be taken out. Limit: values have to be above
zero, and a quantile needs :func:`least_count` calls before its error means much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import ArrayLike
from scipy import special

from tuner.model import FloatArray, IntArray

#: A quantile wants so many calls beyond it: with fewer, simulated intervals miss too often.
BEYOND = 5
#: The fewest calls from which any spread is told.
FEWEST = 8


@dataclass(frozen=True)
class LogEstimate:
    """One figure of a sample: ``value`` in its own unit, ``log_error`` of its logarithm.

    ``influence`` (one per call) is what each call adds to the logarithm; its squares sum to
    ``log_error`` squared.
    """

    value: float
    log_error: float
    influence: FloatArray


def least_count(quantile: float | None) -> int:
    """Calls below which nothing is said about a quantile (0 to 1) or, for ``None``, a mean."""
    if quantile is None:
        return FEWEST
    beyond = min(quantile, 1.0 - quantile)
    return max(FEWEST, math.ceil(BEYOND / beyond - 1e-9)) if beyond > 0 else 2**31


def estimate(values: ArrayLike, quantile: float | None) -> LogEstimate | None:
    """A quantile (between 0 and 1) or, for ``None``, the mean of values above zero.

    ``None`` where there are fewer than :func:`least_count`.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size < least_count(quantile):
        return None
    return _mean(data) if quantile is None else _quantile(data, quantile)


def _mean(data: FloatArray) -> LogEstimate:
    n, mean = data.size, float(data.mean())
    influence = (data / mean - 1.0) / math.sqrt(n * (n - 1))
    return LogEstimate(mean, float(np.sqrt(np.square(influence).sum())), influence)


def _quantile(data: FloatArray, q: float) -> LogEstimate:
    data = untied(data)
    ordered = np.sort(data)
    ranked = np.log(ordered)
    n = ranked.size
    weights = _order_weights(n, q)
    centre = float(weights @ ranked)
    error = math.sqrt(max(float(weights @ np.square(ranked - centre)), 0.0))
    value = interpolated(ordered, q)
    above = (data > value).astype(np.float64)
    influence = above - above.mean()
    length = float(np.sqrt(np.square(influence).sum()))
    return LogEstimate(value, error, influence * (error / length if length > 0 else 0.0))


def interpolated(ordered: FloatArray, q: float) -> float:
    """numpy's default quantile of values in order, without its overhead."""
    rank = (ordered.size - 1) * q
    low = min(int(rank), max(ordered.size - 2, 0))
    high = min(low + 1, ordered.size - 1)
    return float(ordered[low] + (rank - low) * (ordered[high] - ordered[low]))


def untied(data: FloatArray) -> FloatArray:
    """Values that were rounded to steps, spread evenly over the step each stands for.

    The median of whole milliseconds jumps by one while its bootstrap sees no spread; spread out,
    it moves smoothly (the mid-distribution quantile of Ma, Genton and Parzen 2011). The step is
    the least distance of two values, so what was not rounded stays as it is.
    """
    kinds, index, counts = np.unique(data, return_inverse=True, return_counts=True)
    if kinds.size in (1, data.size):
        return data
    step = float(np.diff(kinds).min())
    order = np.argsort(index, kind="stable")
    place = np.empty(data.size)
    place[order] = np.arange(data.size) - np.repeat(np.cumsum(counts) - counts, counts)
    moved = data + step * ((place + 0.5) / counts[index] - 0.5)
    return np.where(moved > 0, moved, data)


_WEIGHTS: dict[tuple[int, float], FloatArray] = {}


def _order_weights(n: int, q: float) -> FloatArray:
    """Probability that a bootstrap sample's quantile is each of the ``n`` order statistics."""
    key = (n, q)
    if key not in _WEIGHTS:
        if len(_WEIGHTS) > 256:
            _WEIGHTS.clear()
        rank = (n - 1) * q + 1.0
        steps = special.betainc(rank, n - rank + 1.0, np.arange(n + 1) / n)
        _WEIGHTS[key] = np.diff(steps)
    return _WEIGHTS[key]


@dataclass(frozen=True)
class Variance:
    """Variance of a sum of logarithms, and the number of blocks of rounds behind it."""

    value: float
    blocks: int


@dataclass(frozen=True)
class RoundPart:
    """A logarithm that is added by its ``weight``, with the round of each call."""

    estimate: LogEstimate
    rounds: IntArray
    weight: float


def variance_over_rounds(parts: Sequence[RoundPart], blocks: int | None = None) -> Variance:
    """Variance of a sum of logarithms whose calls were made in common rounds.

    What a round did to all of them cancels, and calls that were slow one after another count as
    the one event that they were. ``blocks`` joins neighbouring rounds into at most so many, for
    moods of a machine that last longer than a round. The variance seen over blocks is itself
    uncertain: it may lie below that of independent calls only by what it does for sure.
    """
    alone = sum((part.weight * part.estimate.log_error) ** 2 for part in parts)
    _, index = np.unique(np.concatenate([p.rounds for p in parts]), return_inverse=True)
    count = int(index.max()) + 1
    if blocks is not None and count > blocks:
        index = index * blocks // count
        count = blocks
    if count < FEWEST or alone <= 0.0:
        return Variance(alone, count)
    signed = np.concatenate([p.weight * p.estimate.influence for p in parts])
    squares = np.square(np.bincount(index, weights=signed, minlength=count))
    ratio = float(squares.sum()) * count / (count - 1) / alone
    doubt = ratio * float(squares.std() / max(squares.mean(), 1e-300)) / math.sqrt(count)
    return Variance(alone * max(ratio, min(1.0, ratio + doubt)), count)


#: Rounds on each side of a round that share its level: seven or nine calls a side make a steady
#: median, and moods of a busy machine last about as long (``tests/bench/verdicts``).
REACH = 4


def levelled(
    values: tuple[FloatArray, FloatArray], rounds: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray]:
    """Take both sides' common level of the time out of their values, in the same unit.

    Where a machine or a network has moods that last longer than a round, most of the scatter of
    either side is theirs. The level is the mean of both sides' own, so their ratio stays what it
    was. Limit: the tail of a distribution is often its moods, so this is for its middle only.
    Unchanged where fewer than ``2 * REACH + 1`` rounds have calls of both sides.
    """
    logs = (np.log(values[0]), np.log(values[1]))
    common = np.intersect1d(*rounds)
    if common.size < 2 * REACH + 1:
        return values
    both = [_smooth(_by_round(logs[i], rounds[i], common)) for i in (0, 1)]
    level = (both[0] + both[1]) / 2.0
    level -= level.mean()
    moved = [np.exp(logs[i] - np.interp(rounds[i], common, level)) for i in (0, 1)]
    return moved[0], moved[1]


def _by_round(logs: FloatArray, rounds: IntArray, common: IntArray) -> FloatArray:
    """Mean of the calls of each common round."""
    place = np.searchsorted(common, rounds)
    inside = (place < common.size) & (common[np.minimum(place, common.size - 1)] == rounds)
    sums = np.bincount(place[inside], weights=logs[inside], minlength=common.size)
    return np.asarray(sums / np.bincount(place[inside], minlength=common.size))


def _smooth(series: FloatArray) -> FloatArray:
    """Running median over ``2 * REACH + 1``, mirrored at the ends."""
    padded = np.pad(series, REACH, mode="reflect")
    return np.asarray(np.median(sliding_window_view(padded, 2 * REACH + 1), axis=1))
