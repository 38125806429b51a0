"""Order statistics with intervals that assume no distribution.

Percentiles interpolate between order statistics (numpy's default, "type 7"). Intervals of
percentiles are ranks with binomial coverage (Hahn and Meeker, "Statistical Intervals", 5.2);
intervals of means are a seeded percentile bootstrap, of many values its expansion. Limit: below
the sample count at which an interval has its coverage, there is none (``None``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from tuner.model import FloatArray, IntArray

COVERAGE = 0.90
_BOOTSTRAP = 400
#: Beyond so many values resampling takes seconds and hundreds of MB, and its own chance exceeds
#: what its expansion leaves out.
_RESAMPLED = 10_000
_Z = NormalDist().inv_cdf((1 + COVERAGE) / 2)


@dataclass(frozen=True)
class Stats:
    """Order statistics of one quantity in its own unit; intervals are 90 %."""

    n: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float
    mean_ci: tuple[float, float] | None = None
    p50_ci: tuple[float, float] | None = None
    p95_ci: tuple[float, float] | None = None


def order_statistics(values: Sequence[float | None] | FloatArray, seed: int = 0) -> Stats | None:
    """Summarise the values that are known and finite, in any order; ``None`` without any."""
    data = np.sort(np.asarray(values, dtype=np.float64).ravel())
    data = data[np.isfinite(data)]
    if not data.size:
        return None
    p50, p90, p95, p99 = (float(v) for v in np.quantile(data, (0.5, 0.9, 0.95, 0.99)))
    return Stats(
        n=int(data.size),
        mean=float(data.mean()),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        max=float(data[-1]),
        mean_ci=mean_interval(data, seed=seed),
        p50_ci=_between_ranks(data, 0.5),
        p95_ci=_between_ranks(data, 0.95),
    )


def mean_interval(values: ArrayLike, *, seed: int = 0) -> tuple[float, float] | None:
    """90 % percentile-bootstrap interval of the mean; ``None`` below three values."""
    data = np.asarray(values, dtype=np.float64).ravel()
    if data.size < 3:
        return None
    if data.size > _RESAMPLED:
        return _expanded(data)
    rng = np.random.default_rng(seed)
    means = rng.choice(data, size=(_BOOTSTRAP, data.size)).mean(axis=1)
    low, high = np.quantile(means, ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2))
    return float(low), float(high)


def _expanded(data: FloatArray) -> tuple[float, float]:
    """What the bootstrap of the mean tends to, to the order 1/n: its Cornish-Fisher expansion
    (Hall, "The Bootstrap and Edgeworth Expansion", 1992, 3.3)."""
    mean = float(data.mean())
    off = data - mean
    error = math.sqrt(float(np.square(off).mean()) / data.size)
    if error == 0.0:
        return mean, mean
    third = float((np.square(off) * off).mean()) / (error**3 * data.size**2)  # skewness / sqrt(n)
    shift = third * (_Z * _Z - 1.0) / 6.0
    return mean + error * (shift - _Z), mean + error * (shift + _Z)


def quantile_interval(values: ArrayLike, q: float) -> tuple[float, float] | None:
    """90 % interval of the ``q`` quantile (0 < q < 1) between two order statistics.

    ``None`` when even the whole sample covers the quantile with less than 90 %.
    """
    return _between_ranks(np.sort(np.asarray(values, dtype=np.float64).ravel()), q)


def _between_ranks(data: FloatArray, q: float) -> tuple[float, float] | None:
    """The same of values in order."""
    ranks = quantile_ranks(int(data.size), q)
    return None if ranks is None else (float(data[ranks[0]]), float(data[ranks[1]]))


def quantile_ranks(n: int, q: float) -> tuple[int, int] | None:
    """Ranks among ``n`` sorted values (0 is the least) that enclose the ``q`` quantile with 90 %.

    Takes no time that grows with ``n``. ``None`` when all of them do so with less than 90 %.
    """
    if not 0 < q < 1:
        raise ValueError("a quantile lies between 0 and 1")
    if n == 0 or 1 - q**n - (1 - q) ** n < COVERAGE:
        return None
    spread = 8.0 * np.sqrt(n * q * (1 - q)) + 16.0
    first = max(0, int(n * q - spread))
    ranks = np.arange(first, min(n, int(n * q + spread) + 1) + 1)
    below = np.cumsum(_binomial(ranks, n, q))  # P(at most so many values are below the quantile)
    tail = (1 - COVERAGE) / 2
    low = first + int(np.searchsorted(below, tail))
    high = first + int(np.searchsorted(below, 1 - tail))
    low, high = max(low - 1, 0), min(high, n - 1)
    while low > first and below[high - first] - below[low - first] < COVERAGE:
        low -= 1  # the upper end could not go as far up as its half of the rest asks for
    return low, high


def chance_below(below: int, n: int, q: float) -> float:
    """Probability that the ``q`` quantile lies below a limit that ``below`` of ``n`` values are
    below: the mid-p of the binomial count (Lancaster, JASA 1961), whatever the distribution."""
    if n == 0:
        return 0.5
    chances = _binomial(np.arange(below + 1), n, q)
    return min(1.0, float(chances.sum() - chances[-1] / 2.0))


def _binomial(counts: IntArray, n: int, q: float) -> FloatArray:
    """Probability of each of consecutive ``counts`` (0 to n) of n trials that succeed with q.

    By the ratio of neighbours, in logarithms. (Importing SciPy's would take longer than the rest
    of an answer from a stored run.)
    """
    first = int(counts[0])
    start = math.lgamma(n + 1) - math.lgamma(first + 1) - math.lgamma(n - first + 1)
    start += first * math.log(q) + (n - first) * math.log1p(-q)
    steps = np.log((n - counts[:-1]) / counts[1:]) + math.log(q) - math.log1p(-q)
    return np.exp(start + np.concatenate([[0.0], np.cumsum(steps)]))
