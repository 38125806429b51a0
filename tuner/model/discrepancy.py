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
    """Features over [low_mb, high_mb]; beyond, they fade."""

    low_mb: float
    high_mb: float

    def features(self, memory_mb: IntArray) -> FloatArray:
        """Feature rows (sizes, features) with a prior variance of about 1 inside the range."""
        x = np.log(np.asarray(memory_mb, dtype=np.float64))
        blocks = []
        for length, variance in _SCALES:
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


@dataclass(frozen=True)
class Amplitudes:
    """The same features under several amplitudes, conditioned on measured sizes.

    ``features`` is (sizes, p), ``variance`` (sizes,) that of each size's location. Built once per
    fit; then a thousand residual rows cost one matrix product.
    """

    values: FloatArray
    features: FloatArray
    variance: FloatArray

    def log_likelihood(self, residual: FloatArray) -> FloatArray:
        """log N(residual; 0, diag(variance) + a^2 F F') of rows (k, sizes): (k, amplitudes)."""
        scaled = residual / self.variance
        plain = np.sum(residual * scaled, axis=1)
        projected = scaled @ self.features
        out = np.empty((residual.shape[0], self.values.size))
        for i, value in enumerate(self.values):
            precision = self._precision(value)
            root = np.linalg.cholesky(precision)
            white = np.linalg.solve(root, projected.T)
            log_det = 2 * np.log(np.diag(root)).sum() + self.features.shape[1] * np.log(value**2)
            out[:, i] = -0.5 * (plain - np.sum(white**2, axis=0) + log_det)
        constant = np.log(2 * np.pi * self.variance).sum()
        return np.asarray(out - 0.5 * constant, dtype=np.float64)

    def draw(
        self, residual: FloatArray, amplitude: IntArray, rng: np.random.Generator
    ) -> FloatArray:
        """One feature weight vector (k, p) from the posterior of each residual row."""
        projected = (residual / self.variance) @ self.features
        noise = rng.standard_normal(projected.shape)
        out = np.empty_like(projected)
        for i, value in enumerate(self.values):
            mine = amplitude == i
            if not mine.any():
                continue
            precision = self._precision(value)
            root = np.linalg.cholesky(precision)
            mean = np.linalg.solve(precision, projected[mine].T)
            out[mine] = (mean + np.linalg.solve(root.T, noise[mine].T)).T
        return out

    def _precision(self, value: float) -> FloatArray:
        inner = self.features.T @ (self.features / self.variance[:, None])
        return np.asarray(inner + np.eye(inner.shape[0]) / value**2, dtype=np.float64)
