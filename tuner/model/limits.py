"""Between which limits one sample's quantile, mean or rate lies, at any level of confidence.

Quantiles: ranks with binomial coverage, no distribution assumed (Hahn and Meeker, "Statistical
Intervals", 5.2). Rates: Clopper and Pearson (Biometrika 1934). Means: Student's t of the
logarithm by the delta method.
"""

import math

import numpy as np
from scipy import special

from tuner.model.comparison import Counted, Measured, critical
from tuner.model.spread import estimate

Bounds = tuple[float, float]


def quantile_limits(side: Measured, quantile: float, tail: float) -> Bounds:
    """Limits that miss the ``quantile`` (0 < q < 1) with at most ``tail`` at each end.

    0 or infinite where the sample is too small to have that limit.
    """
    n = len(side)
    if not n or tail <= 0:
        return 0.0, math.inf
    ranked = np.sort(side.values)
    at_most = special.bdtr(np.arange(n + 1, dtype=np.float64), n, quantile)
    # Rank j (1..n) is above the quantile with P(at most j - 1 values lie below it).
    low = int(np.searchsorted(at_most[:n], tail, side="right"))
    above = np.flatnonzero(1.0 - at_most[:n] <= tail)
    high = int(above[0]) if above.size else n
    return (
        float(ranked[low - 1]) if low else 0.0,
        float(ranked[high]) if high < n else math.inf,
    )


def rate_limits(counted: Counted, tail: float) -> Bounds:
    """Limits of a rate, from 0 to 1."""
    if not counted.total or tail <= 0:
        return 0.0, 1.0
    hits, total = counted.hits, counted.total
    low = float(special.betaincinv(hits, total - hits + 1, tail)) if hits else 0.0
    high = float(special.betaincinv(hits + 1, total - hits, 1.0 - tail)) if hits < total else 1.0
    return low, high


def mean_limits(side: Measured, tail: float) -> Bounds:
    """Limits of the mean; 0 and infinite where there are too few values."""
    found = estimate(side.values, None)
    if found is None or tail <= 0:
        return 0.0, math.inf
    reach = found.log_error * critical(tail, len(side) - 1)
    return found.value * math.exp(-reach), found.value * math.exp(min(reach, 700.0))
