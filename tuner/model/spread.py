"""How far a quantile or a mean of a sample may be from the truth, in logarithms.

Standard errors are those that a bootstrap would give, without its chance: of a quantile by
Maritz and Jarrett (Biometrika 1978), the exact bootstrap variance of an order statistic, here at
the fractional rank that numpy's default interpolates at; of a mean by the delta method. Each call's
influence is kept, so that calls of one interleaved round can be taken as one draw. Limit: values
have to be above zero, and a quantile needs :func:`least_count` calls before its error means much.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

FloatArray = NDArray[np.float64]

#: A quantile wants so many calls beyond it: with fewer, simulated intervals miss too often.
BEYOND = 5
#: The fewest calls from which any spread is told.
FEWEST = 8


@dataclass(frozen=True)
class Estimate:
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


def estimate(values: ArrayLike, quantile: float | None) -> Estimate | None:
    """A quantile (between 0 and 1) or, for ``None``, the mean of values above zero.

    ``None`` where there are fewer than :func:`least_count`.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.size < least_count(quantile):
        return None
    return _mean(data) if quantile is None else _quantile(data, quantile)


def _mean(data: FloatArray) -> Estimate:
    n, mean = data.size, float(data.mean())
    influence = (data / mean - 1.0) / math.sqrt(n * (n - 1))
    return Estimate(mean, float(np.sqrt(np.square(influence).sum())), influence)


def _quantile(data: FloatArray, q: float) -> Estimate:
    logs = np.log(data)
    ranked = np.sort(logs)
    n = ranked.size
    weights = _order_weights(n, q)
    centre = float(weights @ ranked)
    error = math.sqrt(max(float(weights @ np.square(ranked - centre)), 0.0))
    value = float(np.quantile(data, q))
    above = (data > value).astype(np.float64) + 0.5 * (data == value)
    influence = above - above.mean()
    length = float(np.sqrt(np.square(influence).sum()))
    return Estimate(value, error, influence * (error / length if length > 0 else 0.0))


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


def paired_variance(
    before: Estimate, after: Estimate, rounds: tuple[ArrayLike, ArrayLike]
) -> float:
    """Variance of the difference of both logarithms when calls were interleaved in rounds.

    ``rounds`` numbers each call of either side. What a round did to both sides cancels. The
    variance over rounds is itself uncertain by sqrt(2 / rounds), so it counts against that of
    independent calls only by what it differs for sure.
    """
    alone = before.log_error**2 + after.log_error**2
    numbers = np.concatenate([np.asarray(rounds[0]).ravel(), np.asarray(rounds[1]).ravel()])
    _, index = np.unique(numbers, return_inverse=True)
    count = int(index.max()) + 1
    if count < FEWEST or alone <= 0.0:
        return alone
    signed = np.concatenate([-before.influence, after.influence])
    sums = np.bincount(index, weights=signed, minlength=count)
    together = float(np.square(sums - sums.mean()).sum()) * count / (count - 1)
    ratio, doubt = together / alone, math.sqrt(2.0 / count)
    if ratio + doubt < 1.0:
        return alone * (ratio + doubt)
    return together if ratio - 2.0 * doubt > 1.0 else alone
