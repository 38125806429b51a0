"""Several threads: CPU work of which a part goes on gaining beyond one vCPU (Amdahl's law).

Up to one vCPU all threads share the quota, so it makes no difference how many there are; beyond
it the parallel part runs on as many vCPUs as there are threads, at most six (10,240 MB).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuner.model.family import FloatArray, IntArray, Moments, Scale, cpu_ms, share, wait_ms

_MOST_THREADS = 6.0


@dataclass(frozen=True)
class Threads:
    """Parameters: cpu, wait, parallel part, threads."""

    name: str = "threads"
    prior: float = 0.15
    dimensions: int = 4

    @property
    def discrepancies(self) -> Mapping[float, float]:
        """As for the single thread."""
        return {0.005: 0.4, 0.02: 0.4, 0.06: 0.17, 0.15: 0.03}

    def moments(self, cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> Moments:
        """See :class:`tuner.model.family.Family`."""
        cpu = _MOST_THREADS ** cube[:, :1] * cpu_ms(cube[:, 0], scale)[:, None] * drift
        parallel = cube[:, 2:3]
        vcpus = np.maximum(1.0, np.minimum(share(memory_mb), _threads(cube[:, 3:4])))
        below_one = np.minimum(1.0, share(memory_mb))
        busy = cpu * (1.0 - parallel + parallel / vcpus) / below_one
        mean = wait_ms(cube[:, 1], scale)[:, None] + busy
        return Moments(mean, np.zeros_like(mean))

    def parameters(self, point: FloatArray, scale: Scale) -> dict[str, float]:
        """CPU of all threads and wait in ms, the share of CPU that is parallel, and threads."""
        return {
            "cpu_ms": float(_MOST_THREADS ** point[0] * cpu_ms(point[0], scale)),
            "wait_ms": float(wait_ms(point[1], scale)),
            "parallel": float(point[2]),
            "threads": float(_threads(point[3])),
        }


def _threads(coordinate: FloatArray) -> FloatArray:
    return np.asarray(2.0 + (_MOST_THREADS - 2.0) * coordinate, dtype=np.float64)
