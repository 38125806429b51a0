"""How the truth may bend away from a family: a Gaussian process over log memory, by features.

``log duration = log family + features(memory) @ b``, ``b ~ N(0, amplitude^2 I)``. The features are
those of a squared-exponential kernel seen from a fixed set of places (Rasmussen and Williams,
"Gaussian Processes for Machine Learning", 8.3.1: subset of regressors), so that fitting costs a
small matrix and a drawn curve is one function however often it is evaluated.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Length scales in log memory and their share of the variance: broad bends, and bumps about as
#: wide as a step of a staircase.
_SCALES = ((0.8, 0.65), (0.2, 0.35))


@dataclass(frozen=True)
class Basis:
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
            places = self._places(length)
            root = np.linalg.cholesky(_kernel(places, places, length) + 1e-6 * np.eye(places.size))
            blocks.append(np.sqrt(variance) * np.linalg.solve(root, _kernel(places, x, length)).T)
        return np.hstack(blocks)

    def _places(self, length: float) -> FloatArray:
        low, high = np.log(self.low_mb), np.log(self.high_mb)
        count = min(40, max(2, int(np.ceil((high - low) / (0.8 * length))) + 1))
        return np.linspace(low, max(high, low + 1e-3), count)


def _kernel(a: FloatArray, b: FloatArray, length: float) -> FloatArray:
    return np.asarray(np.exp(-0.5 * ((a[:, None] - b[None, :]) / length) ** 2), dtype=np.float64)


class Bends:
    """The features conditioned on measured sizes, for every amplitude at once.

    ``features`` is (sizes, p), ``variance`` (sizes,) that of each size's location. One
    eigendecomposition; then a thousand residual rows cost one matrix product.
    """

    def __init__(self, features: FloatArray, variance: FloatArray) -> None:
        self._features, self._variance = features, variance
        inner = features.T @ (features / variance[:, None])
        values, self._vectors = np.linalg.eigh(inner)
        self._values = np.maximum(values, 0.0)
        self._constant = float(np.log(2 * np.pi * variance).sum())

    def log_likelihood(self, residual: FloatArray, amplitudes: FloatArray) -> FloatArray:
        """log N(residual; 0, diag(variance) + a^2 F F') of rows (k, sizes): (k, amplitudes)."""
        scaled = residual / self._variance
        plain = np.sum(residual * scaled, axis=1)
        projected = scaled @ (self._features @ self._vectors)
        explained = projected**2 @ (1.0 / self._precision(amplitudes)).T
        log_det = np.log1p(self._values * amplitudes[:, None] ** 2).sum(axis=1)
        total = plain[:, None] - explained + log_det + self._constant
        return np.asarray(-0.5 * total, dtype=np.float64)

    def draw(
        self, residual: FloatArray, amplitudes: FloatArray, rng: np.random.Generator
    ) -> FloatArray:
        """One feature weight vector (k, p) from the posterior of each residual row.

        ``amplitudes`` (k,) are those that belong to the rows.
        """
        projected = (residual / self._variance) @ (self._features @ self._vectors)
        precision = self._precision(amplitudes)
        noise = rng.standard_normal(projected.shape) / np.sqrt(precision)
        return np.asarray((projected / precision + noise) @ self._vectors.T, dtype=np.float64)

    def mean(self, residual: FloatArray, amplitudes: FloatArray) -> FloatArray:
        """The mean of what :meth:`draw` draws, (k, p)."""
        projected = (residual / self._variance) @ (self._features @ self._vectors)
        return np.asarray((projected / self._precision(amplitudes)) @ self._vectors.T)

    def _precision(self, amplitudes: FloatArray) -> FloatArray:
        return np.asarray(self._values + 1.0 / amplitudes[:, None] ** 2, dtype=np.float64)
