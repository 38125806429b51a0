"""CPU below one vCPU, as Lambda hands it out: bandwidth control of the Linux scheduler (CFS).

In every period of 20 ms a sandbox may use 20 ms x MB/1769 of CPU. Use is charged at ticks of 4 ms
only, so work comes in bursts of whole ticks; a debt is paid by standing still until a later period
has refilled the balance above zero. Period and quota: "Demystifying Serverless Costs on Public
Platforms" (EuroSys'26, arXiv 2506.01283); the tick: bursts of 3.95 ms in the same authors' recorded
data. Limit: one busy thread; what shares the sandbox with it is not modelled.

:func:`elapsed_ms` is the definition; :func:`at_sizes` looks its mean and variance up in a table,
averaged over the phase of the start and over how much the demand varies from call to call. The
table is within 2 % of the definition away from an edge.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from tuner.model import FloatArray, IntArray

#: Memory that comes with one full vCPU (AWS, "Configure Lambda function memory").
VCPU_MB = 1769.0
PERIOD_MS = 20.0
TICK_MS = 4.0
_NEVER = 1e-9


def quota_ms(memory_mb: ArrayLike) -> FloatArray:
    """CPU (ms) that a size (MB) may use in each period, at most one whole vCPU."""
    return np.minimum(PERIOD_MS, PERIOD_MS * np.asarray(memory_mb, dtype=np.float64) / VCPU_MB)


@dataclass
class Burst:
    """Behaviour of many sandboxes until they next stand still; all arrays have one shape.

    ``run_ms`` is CPU used in one go, ``gap_ms`` how long it then stands still (0: not at all),
    ``balance_ms`` what is left of the quota when it goes on, always at a period's start.
    """

    run_ms: FloatArray
    gap_ms: FloatArray
    balance_ms: FloatArray


def next_burst(balance_ms: FloatArray, phase_ms: FloatArray | float, quota: FloatArray) -> Burst:
    """Follow a busy sandbox from ``phase_ms`` into a period to the next time it may go on.

    It runs until the first tick at which its charged use has eaten the balance, or to the
    period's end. Shapes broadcast to that of ``balance_ms``.
    """
    ticks = np.ceil((phase_ms + balance_ms) / TICK_MS - _NEVER)
    stop = np.minimum(ticks * TICK_MS, PERIOD_MS)
    run = stop - phase_ms
    left = balance_ms - run
    periods = np.where(left > 0, 1.0, np.floor(-left / quota + _NEVER) + 1.0)
    balance = np.minimum(quota, left + periods * quota)
    gap = np.where(left > 0, 0.0, PERIOD_MS * periods - stop)
    return Burst(run, gap, balance)


def first_wait(
    balance_ms: FloatArray, phase_ms: FloatArray, quota: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Let a start in debt pass: (waited ms, phase ms, balance ms) when it may first run."""
    periods = np.where(balance_ms > 0, 0.0, np.floor(-balance_ms / quota + _NEVER) + 1.0)
    waits = periods > 0
    waited = np.where(waits, periods * PERIOD_MS - phase_ms, 0.0)
    phase = np.where(waits, 0.0, phase_ms)
    return waited, phase, np.minimum(quota, balance_ms + periods * quota)


def elapsed_ms(
    cpu_ms: ArrayLike, memory_mb: ArrayLike, phase_ms: ArrayLike, debt_ms: ArrayLike = 0.0
) -> FloatArray:
    """Wall time (ms) of one busy thread that needs ``cpu_ms`` of CPU at full speed.

    ``phase_ms`` in [0, 20) is how far into a period it starts, ``debt_ms`` what earlier calls
    took from the first quota. All four broadcast; the cost grows with the number of periods.
    """
    cpu, quota, phase, debt = np.broadcast_arrays(
        np.asarray(cpu_ms, dtype=np.float64),
        quota_ms(memory_mb),
        np.asarray(phase_ms, dtype=np.float64),
        np.asarray(debt_ms, dtype=np.float64),
    )
    shape = cpu.shape
    cpu, quota = cpu.ravel(), quota.ravel()
    elapsed, phase, balance = first_wait((quota - debt.ravel()), phase.ravel(), quota)
    elapsed = elapsed + cpu
    left, busy = cpu.copy(), np.arange(cpu.size)
    while busy.size:
        burst = next_burst(balance, phase, quota)
        left = left - burst.run_ms
        more = left > _NEVER
        elapsed[busy] += np.where(more, burst.gap_ms, 0.0)
        busy, left, quota = busy[more], left[more], quota[more]
        balance, phase = burst.balance_ms[more], np.zeros(busy.size)
    return np.asarray(elapsed.reshape(shape), dtype=np.float64)


#: Spread (log-normal sigma) of the CPU demand from call to call that the table knows.
SPREADS = (0.0, 0.03, 0.08, 0.2, 0.4)
#: Whether a call starts with a full quota, or with what a call just before it left over.
STARTS = 2
LONGEST_MS = 120.0  # beyond it, more CPU simply takes its share of wall time
_SHORTEST_MS = 0.5  # well below one tick nothing is ever throttled
_CPU_STEP = 0.02
_PHASES = (np.arange(20) + 0.5) * PERIOD_MS / 20
_CPU_GRID = np.exp(np.arange(np.log(_SHORTEST_MS), np.log(LONGEST_MS) + _CPU_STEP, _CPU_STEP))
_MEMORY_GRID = np.exp(np.linspace(np.log(128.0), np.log(VCPU_MB), 211))


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
        share = quota_ms(self.memory_mb) / PERIOD_MS
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
    quota = np.repeat(quota_ms(_MEMORY_GRID), _PHASES.size)
    phase = np.tile(_PHASES, _MEMORY_GRID.size)
    # A call just before this one ran into a tick that was not charged in full: at most one tick.
    debt = start * TICK_MS * ((np.arange(phase.size) * 0.618034) % 1.0)
    waited, phase, balance = first_wait(quota - debt, phase, quota)
    gaps = np.zeros((_CPU_GRID.size + 1, quota.size))
    gaps[0] = waited
    ran, chains = np.zeros(quota.size), np.arange(quota.size)
    while ran.min() < _CPU_GRID[-1]:
        burst = next_burst(balance, phase, quota)
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
