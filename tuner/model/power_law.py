"""Floor + power law: the smooth curve for what the scheduler's mechanism does not explain.

Steeper than 1/memory where little memory costs extra work (garbage collection, caches), flatter
where disk or network grow with the size. With a large discrepancy it is the shape-free fallback:
a Gaussian process around a curve that the data hardly have to follow.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuner.model.family import FloatArray, IntArray, Moments, Scale, wait_ms


@dataclass(frozen=True)
class PowerLaw:
    """Parameters: excess over the floor at the smallest size, floor, exponent."""

    name: str = "power law"
    prior: float = 0.15
    dimensions: int = 3
    free: bool = False

    @property
    def discrepancies(self) -> Mapping[float, float]:
        """Small for the curve itself, large for the fallback."""
        if self.free:
            return {0.12: 0.5, 0.3: 0.4, 0.7: 0.1}
        return {0.005: 0.5, 0.02: 0.4, 0.06: 0.1}

    def moments(self, cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> Moments:
        """See :class:`tuner.model.family.Family`."""
        log_size = np.log(np.asarray(memory_mb, dtype=np.float64) / scale.smallest_mb)
        excess = _excess_ms(cube[:, :1], scale) * drift
        mean = wait_ms(cube[:, 1:2], scale) + excess * np.exp(-_exponent(cube[:, 2:3]) * log_size)
        return Moments(mean, np.zeros_like(mean))

    def parameters(self, point: FloatArray, scale: Scale) -> dict[str, float]:
        """Floor and excess in ms, exponent of memory."""
        return {
            "floor_ms": float(wait_ms(point[1], scale)),
            "excess_ms": float(_excess_ms(point[0], scale)),
            "excess_at_mb": scale.smallest_mb,
            "exponent": float(_exponent(point[2])),
        }


def _excess_ms(coordinate: FloatArray, scale: Scale) -> FloatArray:
    low, high = np.log(5e-3 * scale.slowest_ms), np.log(1.5 * scale.slowest_ms)
    return np.asarray(np.exp(low + coordinate * (high - low)), dtype=np.float64)


def _exponent(coordinate: FloatArray) -> FloatArray:
    return np.asarray(0.2 + 2.3 * coordinate, dtype=np.float64)
