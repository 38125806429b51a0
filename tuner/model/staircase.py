"""Staircase: CPU work under CFS bandwidth control, in one or several pieces between waits.

``wait + pieces x T(cpu / pieces)``, with T the wall time that the scheduler makes of a CPU demand
(:mod:`tuner.model.cfs`). Every piece after a wait finds its quota refilled, but no amount of
pieces can use more CPU than the quotas of the whole duration hold. One busy thread.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuner.model import cfs, stairs
from tuner.model.family import FloatArray, IntArray, Moments, Scale, cpu_ms, wait_ms

_MOST_PIECES = 64.0


@dataclass(frozen=True)
class Staircase:
    """Parameters: cpu, wait, pieces, spread of the demand from call to call, start."""

    name: str = "staircase"
    prior: float = 0.4
    dimensions: int = 5

    @property
    def discrepancies(self) -> Mapping[float, float]:
        """Small: the mechanism leaves little room."""
        return {0.005: 0.5, 0.02: 0.4, 0.06: 0.1}

    def moments(self, cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> Moments:
        """See :class:`tuner.model.family.Family`."""
        cpu = cpu_ms(cube[:, 0], scale) * drift
        wait = wait_ms(cube[:, 1], scale)
        pieces = _pieces(cube[:, 2])
        spread = np.minimum((cube[:, 3] * len(stairs.SPREADS)).astype(np.int64), 4)
        start = (cube[:, 4] >= 0.5).astype(np.int64)
        wall, variance = stairs.at_sizes(memory_mb).wall_ms(cpu / pieces, start, spread)
        mean = wall * pieces[:, None] + wait[:, None]
        share = cfs.quota_ms(memory_mb) / cfs.PERIOD_MS
        least = (cpu[:, None] - cfs.TICK_MS) / share - cfs.PERIOD_MS
        mean = np.maximum(mean, least)
        return Moments(mean, variance * pieces[:, None] / mean**2)

    def parameters(self, point: FloatArray, scale: Scale) -> dict[str, float]:
        """CPU and wait in ms, and in how many pieces the CPU work comes."""
        return {
            "cpu_ms": float(cpu_ms(point[0], scale)),
            "wait_ms": float(wait_ms(point[1], scale)),
            "pieces": float(_pieces(point[2])),
        }


def _pieces(coordinate: FloatArray) -> FloatArray:
    """A third of the prior is one piece; the rest is log-uniform."""
    return np.asarray(np.exp(np.log(_MOST_PIECES) * np.clip(1.5 * coordinate - 0.5, 0, 1)))
