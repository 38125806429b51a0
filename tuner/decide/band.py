"""The fitted curve as the report draws it: quantile bands and cost over a grid of sizes."""

import numpy as np
from numpy.typing import NDArray

from tuner.decide.cost import cold_extra, drawn_cost
from tuner.decide.goal import Goal, Rates
from tuner.decide.result import CurveBand, ModelCard
from tuner.model.curve import Curve
from tuner.model.observations import Observations

IntArray = NDArray[np.int64]


def model_card(curve: Curve) -> ModelCard:
    """What was fitted, in words and numbers."""
    return ModelCard(curve.family, dict(curve.parameters), curve.fit_error, curve.alternatives)


def band(
    curve: Curve, observations: Observations, goal: Goal, rates: Rates, memory_mb: IntArray
) -> CurveBand:
    """Expected quantiles and mean with the mean's 90 % interval at ``memory_mb`` (ascending)."""
    mean = curve.mean_ms(memory_mb)
    cost = drawn_cost(mean, memory_mb, goal, rates, cold_extra(observations))
    low, high = np.quantile(mean, (0.05, 0.95), axis=0)
    cheap, dear = np.quantile(cost, (0.05, 0.95), axis=0)
    p50, p95, p99 = (np.median(curve.quantile_ms(memory_mb, q), axis=0) for q in (0.5, 0.95, 0.99))
    return CurveBand(
        memory_mb=memory_mb,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
        mean_ms=mean.mean(axis=0),
        mean_low_ms=low,
        mean_high_ms=high,
        cost_usd_per_million=cost.mean(axis=0),
        cost_low=cheap,
        cost_high=dear,
    )
