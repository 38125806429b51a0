"""The numbers of the charts beside the choice: cost against duration, and parts of cold starts."""

from dataclasses import dataclass

import numpy as np

from tuner.decide.result import SizeRow, Sweep
from tuner.report.answer import money, size_named
from tuner.report.axis import Axis, value_axis
from tuner.report.series import bounds, positive
from tuner.units import format_ms


@dataclass(frozen=True)
class Spot:
    """One size in the plane of mean duration and cost, with the 90 % intervals of both."""

    kind: str  # "pick", "now", "pareto" or "other"
    label: str  # empty: not written beside the point
    text: str
    duration_ms: float
    duration_low: float
    duration_high: float
    cost: float
    cost_low: float
    cost_high: float


@dataclass(frozen=True)
class TradeOff:
    """Sizes by duration and cost."""

    spots: tuple[Spot, ...]
    duration: Axis
    cost: Axis


@dataclass(frozen=True)
class ColdBar:
    """One part of the median cold start of one size."""

    memory: str
    part: str
    ms: float
    text: str


def trade_off(sweep: Sweep) -> TradeOff:
    """Measured sizes, and the recommended one from the curve if it was not measured."""
    found = [_measured(size, each, sweep) for each in sweep.each for size in each.sizes]
    spots = [spot for spot in [*found, _fitted_pick(sweep)] if spot is not None]
    durations = [each for spot in spots for each in (spot.duration_low, spot.duration_high)]
    costs = [each for spot in spots for each in (spot.cost_low, spot.cost_high)]
    return TradeOff(
        tuple(spots), value_axis(durations, from_zero=False), value_axis(costs, from_zero=False)
    )


def cold_bars(sweep: Sweep) -> tuple[ColdBar, ...]:
    """Median INIT and median first call of every size with cold starts."""
    bars = []
    found = [(size, each) for each in sweep.each for size in each.sizes]
    for size, each in found:
        memory = size_named(size.memory_mb, each, bool(sweep.beside))
        parts = (("INIT", size.cold.init_ms), ("first call", size.cold.duration_ms))
        for part, stats in parts:
            if stats is not None and positive(stats.p50):
                text = f"{memory}, {part}: {format_ms(stats.p50)}"
                bars.append(ColdBar(memory, part, stats.p50, text))
    return tuple(bars)


def _measured(size: SizeRow, each: Sweep, sweep: Sweep) -> Spot | None:
    stats, cost = size.warm.duration_ms, size.cost_usd_per_million
    if stats is None or cost is None or not positive(stats.mean) or not positive(cost.mean):
        return None
    label = size_named(size.memory_mb, each, bool(sweep.beside))
    kind = _kind(size.memory_mb, each)
    if kind == "pick" and each is not sweep:
        kind = "pareto"  # the best of its architecture, which was not chosen
    return Spot(
        kind,
        "" if kind == "other" else label,
        f"{label}: {format_ms(stats.mean)}, {money(cost.mean)} per million",
        stats.mean,
        *bounds(stats.mean_ci, stats.mean),
        cost.mean,
        *bounds((cost.low, cost.high), cost.mean),
    )


def _fitted_pick(sweep: Sweep) -> Spot | None:
    pick, band = sweep.recommendation, sweep.band
    if pick is None or band is None or pick.memory_mb in {size.memory_mb for size in sweep.sizes}:
        return None
    if not len(band.memory_mb):
        return None
    curves = (
        *(band.mean_ms, band.mean_low_ms, band.mean_high_ms),
        *(band.cost_usd_per_million, band.cost_low, band.cost_high),
    )
    mean, low, high, cost, cost_low, cost_high = (
        float(np.interp(pick.memory_mb, band.memory_mb, curve)) for curve in curves
    )
    if not positive(mean) or not positive(cost):
        return None
    label = size_named(pick.memory_mb, sweep)
    text = f"{label}, from the curve: {format_ms(mean)}, {money(cost)} per million"
    ends, cost_ends = bounds((low, high), mean), bounds((cost_low, cost_high), cost)
    return Spot("pick", label, text, mean, *ends, cost, *cost_ends)


def _kind(memory_mb: int, sweep: Sweep) -> str:
    if sweep.recommendation is not None and sweep.recommendation.memory_mb == memory_mb:
        return "pick"
    if sweep.current_mb == memory_mb:
        return "now"
    return "pareto" if memory_mb in sweep.pareto_mb else "other"
