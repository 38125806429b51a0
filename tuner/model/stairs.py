"""Table of what CFS bandwidth control makes of a CPU demand, for fast look-up.

Mean and variance of the wall time of ``cpu_ms`` over memory size, averaged over where in a period
the call starts and over how much the demand itself varies from call to call. The slow definition
is :func:`tuner.model.cfs.elapsed_ms`; the table is within 2 % of it away from an edge.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tuner.model import cfs

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Spread (log-normal sigma) of the CPU demand from call to call that the table knows.
SPREADS = (0.0, 0.03, 0.08, 0.2, 0.4)
#: Whether a call starts with a full quota, or with what a call just before it left over.
STARTS = 2
LONGEST_MS = 120.0  # beyond it, more CPU simply takes its share of wall time
_SHORTEST_MS = 0.5  # well below one tick nothing is ever throttled
_CPU_STEP = 0.02
_PHASES = (np.arange(20) + 0.5) * cfs.PERIOD_MS / 20
_CPU_GRID = np.exp(np.arange(np.log(_SHORTEST_MS), np.log(LONGEST_MS) + _CPU_STEP, _CPU_STEP))
_MEMORY_GRID = np.exp(np.linspace(np.log(128.0), np.log(cfs.VCPU_MB), 211))


@dataclass(frozen=True)
class SizeTable:
    """The table at given sizes: ``mean`` and ``variance`` are (start x spread, cpu, size).

    Mean is wall time per CPU time; variance is that of wall time, relative to CPU time squared,
    beyond what the spread of the demand itself explains.
    """

    memory_mb: FloatArray
    mean: FloatArray
    variance: FloatArray

    def wall_ms(
        self, cpu_ms: FloatArray, start: IntArray, spread: IntArray
    ) -> tuple[FloatArray, FloatArray]:
        """Mean (ms) and variance (ms^2), each (k, sizes), of k demands; ``start``, ``spread`` are
        indices into :data:`STARTS` and :data:`SPREADS`."""
        inside = np.clip(cpu_ms, _CPU_GRID[0], _CPU_GRID[-1])
        place = (np.log(inside) - np.log(_CPU_GRID[0])) / _CPU_STEP
        low = np.minimum(place.astype(np.int64), _CPU_GRID.size - 2)
        part = (place - low)[:, None]
        plane = start * len(SPREADS) + spread
        mean = self.mean[plane, low] * (1 - part) + self.mean[plane, low + 1] * part
        variance = self.variance[plane, low] * (1 - part) + self.variance[plane, low + 1] * part
        beyond = np.maximum(cpu_ms - _CPU_GRID[-1], 0.0)[:, None]
        share = cfs.quota_ms(self.memory_mb) / cfs.PERIOD_MS
        scale = np.minimum(cpu_ms, inside)[:, None]
        return mean * scale + beyond / share, variance * scale**2


def at_sizes(memory_mb: IntArray) -> SizeTable:
    """The table at these sizes (MB); cached for the sizes asked last."""
    return _at_sizes(np.asarray(memory_mb, dtype=np.int64).tobytes())


@lru_cache(maxsize=64)
def _at_sizes(sizes: bytes) -> SizeTable:
    memory = np.frombuffer(sizes, dtype=np.int64).astype(np.float64)
    mean, variance = _table()
    log_step = np.log(_MEMORY_GRID[1] / _MEMORY_GRID[0])
    inside = np.clip(memory, _MEMORY_GRID[0], _MEMORY_GRID[-1])
    place = np.log(inside / _MEMORY_GRID[0]) / log_step
    low = np.minimum(place.astype(np.int64), _MEMORY_GRID.size - 2)
    part = place - low
    return SizeTable(
        memory,
        mean[:, :, low] * (1 - part) + mean[:, :, low + 1] * part,
        variance[:, :, low] * (1 - part) + variance[:, :, low + 1] * part,
    )


@lru_cache(maxsize=1)
def _table() -> tuple[FloatArray, FloatArray]:
    """Mean and variance planes, each (starts x spreads, cpu, memory)."""
    means, variances = [], []
    for start in range(STARTS):
        mean, square = _moments(start)
        for spread in SPREADS:
            first, second = _smoothing(spread, 1) @ mean, _smoothing(spread, 2) @ square
            means.append(first)
            own = np.expm1(spread**2) * first**2
            variances.append(np.maximum(second - first**2 - own, 0.0))
    return np.stack(means), np.stack(variances)


def _moments(start: int) -> tuple[FloatArray, FloatArray]:
    """First and second moment of wall time per CPU time over all phases: (cpu, memory) each."""
    quota = np.repeat(cfs.quota_ms(_MEMORY_GRID), _PHASES.size)
    phase = np.tile(_PHASES, _MEMORY_GRID.size)
    # A call just before this one ran into a tick that was not charged in full: at most one tick.
    debt = start * cfs.TICK_MS * ((np.arange(phase.size) * 0.618034) % 1.0)
    waited, phase, balance = cfs.first_wait(quota - debt, phase, quota)
    gaps = np.zeros((_CPU_GRID.size + 1, quota.size))
    gaps[0] = waited
    ran, chains = np.zeros(quota.size), np.arange(quota.size)
    while ran.min() < _CPU_GRID[-1]:
        burst = cfs.next_burst(balance, phase, quota)
        ran = ran + burst.run_ms
        np.add.at(
            gaps, (np.searchsorted(_CPU_GRID, ran - 1e-9, side="right"), chains), burst.gap_ms
        )
        balance, phase = burst.balance_ms, np.zeros(quota.size)
    ratio = 1.0 + np.cumsum(gaps[:-1], axis=0) / _CPU_GRID[:, None]
    ratio = ratio.reshape(_CPU_GRID.size, _MEMORY_GRID.size, _PHASES.size)
    return ratio.mean(axis=2), (ratio**2).mean(axis=2)


def _smoothing(spread: float, moment: int) -> FloatArray:
    """Matrix that averages the given moment of T(c), kept per unit of c, over c's spread."""
    reach = int(np.ceil(3 * spread / _CPU_STEP))
    steps = np.arange(-reach, reach + 1)
    shift = steps * _CPU_STEP
    weights = np.exp(-0.5 * (shift / spread) ** 2) if spread else np.ones(1)
    weights = weights / weights.sum()
    factors = np.exp(shift) / float(weights @ np.exp(shift))  # the mean demand stays c
    rows = np.arange(_CPU_GRID.size)
    matrix = np.zeros((rows.size, rows.size))
    for step, weight in zip(steps, weights * factors**moment, strict=True):
        np.add.at(matrix, (rows, np.clip(rows + step, 0, rows.size - 1)), weight)
    return matrix
