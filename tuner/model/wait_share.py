"""Wait + CPU / share: a function whose CPU time is long against the scheduler's 20 ms periods."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuner.model.family import FloatArray, IntArray, Moments, Scale, cpu_ms, share, wait_ms


@dataclass(frozen=True)
class WaitShare:
    """Parameters: cpu, wait. One busy thread: nothing is gained beyond one vCPU."""

    name: str = "wait and share"
    prior: float = 0.2
    dimensions: int = 2

    @property
    def discrepancies(self) -> Mapping[float, float]:
        """A little more than the staircase's: this is its limit for long functions."""
        return {0.005: 0.4, 0.02: 0.4, 0.06: 0.17, 0.15: 0.03}

    def moments(self, cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> Moments:
        """See :class:`tuner.model.family.Family`."""
        cpu = cpu_ms(cube[:, 0], scale)[:, None] * drift
        mean = wait_ms(cube[:, 1], scale)[:, None] + cpu / np.minimum(1.0, share(memory_mb))
        return Moments(mean, np.zeros_like(mean))

    def parameters(self, point: FloatArray, scale: Scale) -> dict[str, float]:
        """CPU and wait in ms."""
        return {
            "cpu_ms": float(cpu_ms(point[0], scale)),
            "wait_ms": float(wait_ms(point[1], scale)),
        }
