"""How Lambda hands out CPU below one vCPU: bandwidth control of the Linux scheduler (CFS).

In every period of 20 ms a sandbox may use 20 ms x MB/1769 of CPU. Use is charged at ticks of 4 ms
only, so work comes in bursts of whole ticks; a debt is paid by standing still until a later period
has refilled the balance above zero. Period and quota: "Demystifying Serverless Costs on Public
Platforms" (EuroSys'26, arXiv 2506.01283); the tick: bursts of 3.95 ms in the same authors' recorded
data. Limit: one busy thread; what shares the sandbox with it is not modelled.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

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
    """What many sandboxes do until they next stand still; all arrays have one shape.

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
