"""How much more, or less, single invocations scatter at one size than at another.

Work and waiting scatter apart from each other, and hardware moves only the work; so the scatter
changes over memory as their shares do. Its logarithm is a smooth Gaussian process over log memory
around the scatter that all sizes share, conditioned on what each size shows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.model.discrepancy import Basis, Bends

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Two equal and independent parts scatter 1/sqrt(2) as much as one of them alone: a log-sd of 0.35
#: between sizes that mostly work, mostly wait, or do both, is what a mechanism gives.
_AMPLITUDE = 0.2
#: Length in log memory: shares of work and waiting change over factors of two, not of 1.1.
_SCALES = ((0.8, 1.0),)
#: Weights of Student's t, by which outliers count little (as in :mod:`tuner.model.noise`).
_T_FREEDOM, _ROUNDS = 4.0, 5
#: Calls that are all alike tell no more than that they scatter a hundredth of the expected.
_LEAST_SQUARE = 1e-4


@dataclass(frozen=True)
class Scatter:
    """Log of the scatter over what all sizes share, which is that of the average invocation.

    ``weights`` (draws, p) are those of equally likely curves, ``mean`` (p,) their average;
    ``centre`` (p,) are the features of the average invocation.
    """

    basis: Basis
    centre: FloatArray
    weights: FloatArray
    mean: FloatArray

    def log_ratio(self, memory_mb: IntArray) -> FloatArray:
        """Of each draw, (draws, sizes)."""
        return np.asarray(self.weights @ self._features(memory_mb).T, dtype=np.float64)

    def mean_log_ratio(self, memory_mb: IntArray) -> FloatArray:
        """Over all draws that there could be, (sizes,)."""
        return np.asarray(self._features(memory_mb) @ self.mean, dtype=np.float64)

    def _features(self, memory_mb: IntArray) -> FloatArray:
        return self.basis.features(memory_mb) - self.centre


def draw_scatter(
    memory_mb: IntArray,
    standardised: FloatArray,
    basis: Basis,
    count: int,
    rng: np.random.Generator,
) -> Scatter:
    """``count`` draws, given invocations (n,): their sizes, and their distances from their size's
    location over the standard deviation that was expected there. Without repeats the draws are
    the prior's."""
    basis = Basis(basis.low_mb, basis.high_mb, _SCALES)
    sizes, index, calls = np.unique(memory_mb, return_inverse=True, return_counts=True)
    features = basis.features(sizes)
    centre = calls @ features / calls.sum()
    log_ratio, variance = _of_sizes(standardised, index, calls)
    bends = Bends((features - centre)[calls > 1], variance)
    amplitude = np.full(count, _AMPLITUDE)
    drawn = bends.draw(np.tile(log_ratio, (count, 1)), amplitude, rng)
    return Scatter(basis, centre, drawn, bends.mean(log_ratio[None], amplitude[:1])[0])


def _of_sizes(
    standardised: FloatArray, index: IntArray, calls: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Log scatter of each size with more than one invocation, and the variance of that.

    The logarithm of a chi-squared mean square with k degrees of freedom has mean
    psi(k/2) - log(k/2) and variance psi'(k/2) (Bartlett and Kendall, 1946).
    """
    several = calls > 1
    freedom = calls[several] - 1.0
    square = np.ones(calls.size)
    away = standardised
    for _ in range(_ROUNDS):
        weight = (_T_FREEDOM + 1) / (_T_FREEDOM + away**2 / square[index])
        mass = np.bincount(index, weight, calls.size)
        centre = np.bincount(index, weight * standardised, calls.size) / mass
        away = standardised - centre[index]
        total = np.bincount(index, weight * away**2, calls.size) * calls / mass
        square = np.maximum(total / np.maximum(calls - 1.0, 1.0), _LEAST_SQUARE)
    half = np.asarray(freedom / 2.0, dtype=np.float64)
    log_square = np.log(square[several]) - (_digamma(half) - np.log(half))
    return log_square / 2.0, _trigamma(half) / 4.0


def _digamma(x: FloatArray) -> FloatArray:
    """By recurrence to above 6 and the asymptotic series (Abramowitz and Stegun, 6.3.5, 6.3.18)."""
    steps = np.arange(6.0)
    y = x + 6.0
    series = np.log(y) - 1 / (2 * y) - 1 / (12 * y**2) + 1 / (120 * y**4)
    return np.asarray(series - np.sum(1.0 / (x[:, None] + steps), axis=1))


def _trigamma(x: FloatArray) -> FloatArray:
    """As :func:`_digamma` (Abramowitz and Stegun, 6.4.6, 6.4.12)."""
    steps = np.arange(6.0)
    y = x + 6.0
    series = 1 / y + 1 / (2 * y**2) + 1 / (6 * y**3) - 1 / (30 * y**5)
    return np.asarray(series + np.sum(1.0 / (x[:, None] + steps) ** 2, axis=1))
