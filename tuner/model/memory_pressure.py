"""Memory pressure: CPU work that grows as memory gets short, on top of a shrinking CPU share.

``wait + cpu (1 + (pressure / memory)^2) / share``. Garbage collectors and caches do extra work
when little memory is free; the square is the mildest power that the share alone cannot imitate.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuner.model.family import FloatArray, IntArray, Moments, Scale, cpu_ms, share, wait_ms


@dataclass(frozen=True)
class MemoryPressure:
    """Parameters: cpu, wait, and the size (MB) at which the CPU work has doubled."""

    name: str = "memory pressure"
    prior: float = 0.1
    dimensions: int = 3

    @property
    def discrepancies(self) -> Mapping[float, float]:
        """As for wait and share."""
        return {0.005: 0.4, 0.02: 0.4, 0.06: 0.17, 0.15: 0.03}

    def moments(self, cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> Moments:
        """See :class:`tuner.model.family.Family`."""
        size = np.asarray(memory_mb, dtype=np.float64)
        work = 1.0 + (_pressure_mb(cube[:, 2:3], scale) / size) ** 2
        cpu = cpu_ms(cube[:, 0], scale)[:, None] * drift * work
        mean = wait_ms(cube[:, 1], scale)[:, None] + cpu / np.minimum(1.0, share(memory_mb))
        return Moments(mean, np.zeros_like(mean))

    def parameters(self, point: FloatArray, scale: Scale) -> dict[str, float]:
        """CPU without pressure and wait in ms, and where the CPU work has doubled."""
        return {
            "cpu_ms": float(cpu_ms(point[0], scale)),
            "wait_ms": float(wait_ms(point[1], scale)),
            "pressure_mb": float(_pressure_mb(point[2], scale)),
        }


def _pressure_mb(coordinate: FloatArray, scale: Scale) -> FloatArray:
    """From a tenth of the smallest size to three times it."""
    return np.asarray(scale.smallest_mb * 0.1 * 30.0**coordinate, dtype=np.float64)
