"""From durations to US dollars per million invocations, as draws.

Billed duration is rounded up to whole milliseconds; a cold invocation also pays for its INIT
(AWS, since 2025-08-01) and for a first call that is slower than a warm one. Prices come from
:mod:`tuner.billing`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.billing.cost import cost_usd_per_million
from tuner.decide.goal import Goal, Rates
from tuner.model.observations import Observations

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

MILLION = 1e6


@dataclass(frozen=True)
class ColdExtra:
    """What a cold start adds: INIT (ms, flat over memory) and the first call over a warm one."""

    init_ms: float = 0.0
    first_over_warm: float = 1.0


def cold_extra(observations: Observations) -> ColdExtra:
    """Median INIT, and how much longer the first call takes at sizes that were seen both ways."""
    cold = observations.cold
    if not len(cold):
        return ColdExtra()
    ratios = []
    if not observations.first_calls:
        for size in np.unique(cold.memory_mb):
            warm = observations.at(int(size))
            if warm.size:
                first = cold.duration_ms[cold.memory_mb == size]
                ratios.append(float(np.median(first) / np.median(warm)))
    over = max(1.0, float(np.median(ratios))) if ratios else 1.0
    return ColdExtra(float(np.median(cold.init_ms)), over)


def billed_ms(mean_ms: FloatArray) -> FloatArray:
    """Mean billed duration of a mean duration: on average half a millisecond is rounded up."""
    return np.maximum(1.0, mean_ms + 0.5)


def usd_per_million(
    billed: FloatArray, memory_mb: IntArray, goal: Goal, rates: Rates
) -> FloatArray:
    """Cost of billed milliseconds; ``billed`` broadcasts against ``memory_mb``."""
    return cost_usd_per_million(billed, memory_mb, rates, goal.ephemeral_mb)


def drawn_cost(
    mean_ms: FloatArray, memory_mb: IntArray, goal: Goal, rates: Rates, extra: ColdExtra
) -> FloatArray:
    """USD per million for mean durations (draws, sizes), INIT at the goal's cold share included."""
    warm = billed_ms(mean_ms)
    cold = billed_ms(mean_ms * extra.first_over_warm + extra.init_ms)
    return usd_per_million(warm + goal.cold_share * (cold - warm), memory_mb, goal, rates)
