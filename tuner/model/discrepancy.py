"""Gaussian processes over log memory, by features: bends away from a family, and uneven scatter.

``log duration = log family + features(memory) @ b``, ``b ~ N(0, amplitude^2 I)``. The features are
those of a squared-exponential kernel seen from a fixed set of places (Rasmussen and Williams,
"Gaussian Processes for Machine Learning", 8.3.1: subset of regressors), so that fitting costs a
small matrix and a drawn curve is one function however often it is evaluated.

Scatter: work and waiting scatter apart from each other, and hardware moves only the work; so the
scatter changes over memory as their shares do. Its logarithm is such a process around the scatter
that all sizes share, conditioned on what each size shows.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tuner.model import FloatArray, IntArray

#: Length scales in log memory and their share of the variance: broad bends, and bumps about as
#: wide as a step of a staircase.
_SCALES = ((0.8, 0.65), (0.2, 0.35))


@dataclass(frozen=True)
class FeatureBasis:
    """Features over [low_mb, high_mb]; beyond, they fade.

    ``scales`` are length scales in log memory, each with its share of the variance.
    """

    low_mb: float
    high_mb: float
    scales: tuple[tuple[float, float], ...] = _SCALES

    def features(self, memory_mb: IntArray) -> FloatArray:
        """Feature rows (sizes, features) with a prior variance of about 1 inside the range."""
        x = np.log(np.asarray(memory_mb, dtype=np.float64))
        blocks = []
        for length, variance in self.scales:
            places, inverse = _places(self.low_mb, self.high_mb, length)
            blocks.append(np.sqrt(variance) * _kernel(x, places, length) @ inverse)
        return np.hstack(blocks)


@lru_cache(maxsize=16)
def _places(low_mb: float, high_mb: float, length: float) -> tuple[FloatArray, FloatArray]:
    """Places (n,) of a length scale, and the matrix (n, n) that makes their kernel white."""
    low, high = np.log(low_mb), np.log(high_mb)
    count = min(40, max(2, int(np.ceil((high - low) / (0.8 * length))) + 1))
    places = np.linspace(low, max(high, low + 1e-3), count)
    root = np.linalg.cholesky(_kernel(places, places, length) + 1e-6 * np.eye(count))
    return places, np.linalg.inv(root).T


def _kernel(a: FloatArray, b: FloatArray, length: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((a[:, None] - b[None, :]) / length) ** 2), dtype=np.float64)


class Bends:
    """The features conditioned on measured sizes, for every amplitude at once.

    ``features`` is (sizes, p), ``variance`` (sizes,) that of each size's location. One
    eigendecomposition; then a thousand residual rows cost one matrix product.
    """

    def __init__(self, features: FloatArray, variance: FloatArray) -> None:
        self.features, self._variance = features, variance
        inner = features.T @ (features / variance[:, None])
        values, self._vectors = np.linalg.eigh(inner)
        self._values = np.maximum(values, 0.0)
        self._constant = float(np.log(2 * np.pi * variance).sum())

    def log_likelihood(self, residual: FloatArray, amplitudes: FloatArray) -> FloatArray:
        """log N(residual; 0, diag(variance) + a^2 F F') of rows (k, sizes): (k, amplitudes)."""
        scaled = residual / self._variance
        plain = np.sum(residual * scaled, axis=1)
        projected = scaled @ (self.features @ self._vectors)
        explained = projected**2 @ (1.0 / self._precision(amplitudes)).T
        log_det = np.log1p(self._values * amplitudes[:, None] ** 2).sum(axis=1)
        total = plain[:, None] - explained + log_det + self._constant
        return np.asarray(-0.5 * total, dtype=np.float64)

    def draw(
        self, residual: FloatArray, amplitudes: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """Draw a feature weight vector (k, p) from the posterior of each residual row.

        ``amplitudes`` (k,) are those that belong to the rows.
        """
        projected = (residual / self._variance) @ (self.features @ self._vectors)
        precision = self._precision(amplitudes)
        noise = rng.standard_normal(projected.shape) / np.sqrt(precision)
        return np.asarray((projected / precision + noise) @ self._vectors.T, dtype=np.float64)

    def mean(self, residual: FloatArray, amplitudes: FloatArray) -> FloatArray:
        """The mean of what :meth:`draw` draws, (k, p)."""
        projected = (residual / self._variance) @ (self.features @ self._vectors)
        return np.asarray((projected / self._precision(amplitudes)) @ self._vectors.T)

    def _precision(self, amplitudes: FloatArray) -> FloatArray:
        return np.asarray(self._values + 1.0 / amplitudes[:, None] ** 2, dtype=np.float64)


#: How much sizes differ in their scatter (log-sd), and how likely each is. Two equal, independent
#: parts scatter 1/sqrt(2) as much as one of them alone, which makes for 0.2; functions of a few
#: milliseconds that were recorded on AWS scatter three times as much at one size as at another.
_AMPLITUDES, _CHANCES = np.array([0.1, 0.2, 0.4, 0.8]), np.array([0.3, 0.4, 0.2, 0.1])
#: No size is taken to scatter more than so many times (log) as the average, or less.
_MOST_UNEVEN = np.log(2.9)
#: What the scatter of each size has of its own (log-sd), by its sandboxes and hours: of 14 curves
#: recorded on AWS with 100 calls a size or more, the log of p95 over p50 lies 0.1 to 0.8 of itself
#: off a smooth line over memory, at the median 0.5, of which a part is chance of these calls.
OWN_SCATTER = 0.4
#: Length in log memory: shares of work and waiting change over factors of two, not of 1.1.
_SCATTER_SCALES = ((0.8, 1.0),)
#: Weights of Student's t, by which outliers count little (as in :mod:`tuner.model.noise`).
_T_FREEDOM, _ROUNDS = 4.0, 5
#: Calls that are all alike tell no more than that they scatter a hundredth of the expected.
_LEAST_SQUARE = 1e-4


@dataclass(frozen=True)
class Scatter:
    """Log of the scatter over what all sizes share, which is that of the average invocation.

    ``weights`` (draws, p) are those of equally likely curves, ``mean`` (p,) their average;
    ``centre`` (p,) are the features of the average invocation. ``seen_mb`` are the sizes with
    several calls, ``seen`` their own log ratio and ``variance`` that of it.
    """

    basis: FeatureBasis
    centre: FloatArray
    weights: FloatArray
    mean: FloatArray
    seen_mb: IntArray
    seen: FloatArray
    variance: FloatArray

    def log_ratio(self, memory_mb: IntArray) -> FloatArray:
        """Log of the ratio of each draw, (draws, sizes)."""
        return _bounded(self.weights @ self._features(memory_mb).T)

    def mean_log_ratio(self, memory_mb: IntArray) -> FloatArray:
        """Log of the ratio over all draws that there could be, (sizes,)."""
        return _bounded(self._features(memory_mb) @ self.mean)

    def own_log_ratio(self, memory_mb: IntArray, chance: FloatArray) -> FloatArray:
        """What each size scatters by of its own, beyond :meth:`log_ratio` (draws, sizes): as its
        calls show it as far as these go, the rest by ``chance``, standard normal alike."""
        kept, away = np.zeros(memory_mb.size), np.zeros(chance.shape)
        place = np.minimum(np.searchsorted(self.seen_mb, memory_mb), max(self.seen_mb.size - 1, 0))
        if self.seen_mb.size:
            known = self.seen_mb[place] == memory_mb
            own = OWN_SCATTER**2
            kept = np.where(known, own / (own + self.variance[place]), 0.0)
            away = np.where(known, self.seen[place] - self.log_ratio(memory_mb), 0.0)
        return np.asarray(kept * away + OWN_SCATTER * np.sqrt(1.0 - kept) * chance)

    def _features(self, memory_mb: IntArray) -> FloatArray:
        return self.basis.features(memory_mb) - self.centre


def draw_scatter(
    memory_mb: IntArray,
    standardised: FloatArray,
    basis: FeatureBasis,
    count: int,
    rng: np.random.Generator,
) -> Scatter:
    """``count`` draws, given invocations (n,): their sizes, and their distances from their size's
    location over the standard deviation that was expected there. Without repeats the draws are
    the prior's."""
    found = _Uneven(memory_mb, standardised, basis)
    chance = found.chances()
    amplitude = _AMPLITUDES[np.searchsorted(np.cumsum(chance)[:-1], rng.random(count))]
    drawn = found.bends.draw(np.tile(found.log_ratio, (count, 1)), amplitude, rng)
    return Scatter(
        found.basis,
        found.centre,
        drawn,
        found.mean(),
        found.seen_mb,
        found.log_ratio,
        found.variance,
    )


def mean_log_ratio(
    memory_mb: IntArray, standardised: FloatArray, basis: FeatureBasis
) -> FloatArray:
    """Log of how much more each size (ascending) scatters than the average invocation (n,)."""
    found = _Uneven(memory_mb, standardised, basis)
    return _bounded((found.features - found.centre) @ found.mean())


def _bounded(log_ratio: FloatArray) -> FloatArray:
    return np.asarray(np.clip(log_ratio, -_MOST_UNEVEN, _MOST_UNEVEN), dtype=np.float64)


class _Uneven:
    """The process of the scatter, conditioned on what each size shows."""

    def __init__(self, memory_mb: IntArray, standardised: FloatArray, basis: FeatureBasis) -> None:
        self.basis = FeatureBasis(basis.low_mb, basis.high_mb, _SCATTER_SCALES)
        sizes = np.unique(memory_mb)
        index = np.searchsorted(sizes, memory_mb)
        calls = np.bincount(index, minlength=sizes.size)
        self.features = self.basis.features(sizes)
        self.centre = calls @ self.features / calls.sum()
        self.seen_mb = sizes[calls > 1]
        self.log_ratio, self.variance = _of_sizes(standardised, index, calls)
        self.bends = Bends((self.features - self.centre)[calls > 1], self.variance)

    def chances(self) -> FloatArray:
        """Probability of each amplitude, given the sizes."""
        logs = self.bends.log_likelihood(self.log_ratio[None], _AMPLITUDES)[0] + np.log(_CHANCES)
        shares = np.exp(logs - logs.max())
        return np.asarray(shares / shares.sum(), dtype=np.float64)

    def mean(self) -> FloatArray:
        """Expected feature weights (p,)."""
        rows = np.tile(self.log_ratio, (_AMPLITUDES.size, 1))
        return np.asarray(self.chances() @ self.bends.mean(rows, _AMPLITUDES), dtype=np.float64)


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
    """Digamma by recurrence and asymptotic series (Abramowitz and Stegun, 6.3.5, 6.3.18).

    SciPy's takes longer to import than a whole answer takes to compute.
    """
    steps = np.arange(6.0)
    y = x + 6.0
    series = np.log(y) - 1 / (2 * y) - 1 / (12 * y**2) + 1 / (120 * y**4)
    return np.asarray(series - np.sum(1.0 / (x[:, None] + steps), axis=1))


def _trigamma(x: FloatArray) -> FloatArray:
    """Trigamma, as :func:`_digamma` (Abramowitz and Stegun, 6.4.6, 6.4.12)."""
    steps = np.arange(6.0)
    y = x + 6.0
    series = 1 / y + 1 / (2 * y**2) + 1 / (6 * y**3) - 1 / (30 * y**5)
    return np.asarray(series + np.sum(1.0 / (x[:, None] + steps) ** 2, axis=1))
