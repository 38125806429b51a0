"""The numbers of a sweep's charts, chosen and cleaned: nothing is infinite, NaN or zero."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuner.decide.goal import SloScope, parse_slo
from tuner.decide.result import CurveBand, SizeRow, Sweep
from tuner.errors import UsageError
from tuner.report.answer import payload_named, safe_range, size_named
from tuner.report.elements import between, known
from tuner.report.style import Axis, Limit, memory_axis, value_axis
from tuner.units import counted, format_cost, format_memory, format_ms

P50, P95 = "p50", "p95"

#: Points of a fitted curve that are drawn; more cannot be told apart on a screen.
_CURVE_POINTS = 240
#: An interval is drawn at most this many times as wide as its value, whichever way.
_WIDEST = 1e3


@dataclass(frozen=True)
class Point:
    """A measured or fitted value with its 90 % interval; ``row`` is what a pointer shows of the
    whole size."""

    memory_mb: float
    series: str
    value: float
    low: float
    high: float
    text: str = ""
    row: str = ""


@dataclass(frozen=True)
class Mark:
    """A size worth pointing at: ``kind`` is pick, now, rival or failed. ``top`` is where its label
    is, in px, and ``side`` the one that is at the size: left, center or right."""

    memory_mb: int
    kind: str
    text: str
    top: int = 0
    side: str = "left"


@dataclass(frozen=True)
class OverMemory:
    """One chart over memory: measured points, lines as fitted points, and what is marked.

    Groups that are ``apart`` stand beside each other at a size, so that intervals do not cover
    each other.
    """

    points: tuple[Point, ...]
    lines: tuple[Point, ...]
    marks: tuple[Mark, ...]
    safe_mb: tuple[int, int] | None
    limits: tuple[Limit, ...]
    memory: Axis
    values: Axis
    apart: bool = False


@dataclass(frozen=True)
class Spot:
    """One size in the plane of mean duration and cost, with the 90 % intervals of both.

    ``front``: no other that was measured is both cheaper and faster.
    """

    kind: str  # "recommended", "current", "Pareto" or "other"
    label: str  # empty: not written beside the point
    text: str
    duration_ms: float
    duration_low: float
    duration_high: float
    cost: float
    cost_low: float
    cost_high: float
    front: bool = False


@dataclass(frozen=True)
class ColdBar:
    """One part of the median cold start of one size."""

    memory: str
    part: str
    ms: float
    text: str


def latency_series(sweep: Sweep) -> OverMemory:
    """Median and 95th percentile of the warm duration, measured and fitted, in ms."""
    return _latency(sweep, sweep.each, tuple(_limits(sweep, SloScope.DURATION)))


def payload_series(sweep: Sweep) -> OverMemory:
    """Median and 95th percentile of the warm duration of each class of payloads, in ms."""
    return _latency(sweep, sweep.payloads)


def cost_series(sweep: Sweep) -> OverMemory:
    """USD per million invocations, measured and fitted, with 90 % intervals."""
    points, lines = [], []
    for each in sweep.each:
        series = f"{_prefix(each, sweep)}cost"
        for size in each.sizes:
            cost = size.cost_usd_per_million
            if cost is not None and _drawable(cost.mean):
                ends = _bounds((cost.low, cost.high), cost.mean)
                named = size_named(size.memory_mb, each, bool(sweep.beside))
                text = f"{named}: {format_cost(cost.mean)} per million"
                whole = row_text(size, named)
                points.append(Point(size.memory_mb, series, cost.mean, *ends, text, whole))
        if (band := each.band) is not None:
            costs = band.cost_usd_per_million, band.cost_low, band.cost_high
            lines += list(_fitted(band, _measured(each), series, *costs))
    return _over_memory(sweep, points, lines, tuple(_limits(sweep, SloScope.COST)))


def trade_off(sweep: Sweep) -> tuple[Spot, ...]:
    """Measured sizes, and the recommended one from the curve if it was not measured."""
    found = [_measured_spot(size, each, sweep) for each in sweep.each for size in each.sizes]
    return tuple(spot for spot in [*found, _fitted_pick(sweep)] if spot is not None)


def cold_bars(sweep: Sweep) -> tuple[ColdBar, ...]:
    """Median INIT and median first call of every size with cold starts."""
    found = [
        (size_named(size.memory_mb, each, bool(sweep.beside)), part, stats.p50)
        for each in sweep.each
        for size in each.sizes
        for part, stats in (("INIT", size.cold.init_ms), ("first call", size.cold.duration_ms))
        if stats is not None and _drawable(stats.p50)
    ]
    return tuple(ColdBar(*bar, f"{bar[0]}, {bar[1]}: {format_ms(bar[2])}") for bar in found)


def _latency(sweep: Sweep, groups: Sequence[Sweep], limits: tuple[Limit, ...] = ()) -> OverMemory:
    """Groups that are compared, each in a hue of its own."""
    points, lines = [], []
    for each in groups:
        prefix, band = _prefix(each, sweep), each.band
        points += list(_latency_points(each, prefix, sweep))
        if band is not None:
            for name, values in ((P50, band.p50_ms), (P95, band.p95_ms)):
                lines += list(_fitted(band, _measured(each), prefix + name, *[values] * 3))
    return _over_memory(sweep, points, lines, limits)


def row_text(size: SizeRow, named: str) -> str:
    """A size in one line: ``512 MB: p50 43 ms, p95 45 ms, $0.516 per million, 10 warm calls``."""
    stats, cost = size.warm.duration_ms, size.cost_usd_per_million
    told = [] if stats is None else [f"p50 {format_ms(stats.p50)}", f"p95 {format_ms(stats.p95)}"]
    if cost is not None:
        interval = between(cost)
        told.append(f"{format_cost(cost.mean)} per million{f' ({interval})' if interval else ''}")
    return f"{named}: {', '.join([*told, counted(size.warm.n, 'warm call')])}"


def _latency_points(each: Sweep, prefix: str, sweep: Sweep) -> Iterator[Point]:
    for size in each.sizes:
        stats = size.warm.duration_ms
        if stats is None:
            continue
        for name, value, ci in ((P50, stats.p50, stats.p50_ci), (P95, stats.p95, stats.p95_ci)):
            if _drawable(value):
                series = prefix + name
                text = f"{format_memory(size.memory_mb)}, {series}: {format_ms(value)}"
                whole = row_text(size, size_named(size.memory_mb, each, bool(sweep.beside)))
                yield Point(size.memory_mb, series, value, *_bounds(ci, value), text, whole)


def _prefix(each: Sweep, compared: Sweep) -> str:
    """The payload or architecture, where there are several, as the names of its series begin."""
    if each.payload:
        return f"{payload_named(each)} "
    return f"{each.arch} " if compared.beside else ""


def _measured(each: Sweep) -> set[int]:
    return {size.memory_mb for size in each.sizes}


def _fitted(
    band: CurveBand, measured: Collection[int], name: str, *curves: NDArray[np.float64]
) -> Iterator[Point]:
    """A curve, its lower and its upper edge (each of the band's length) as points.

    ``measured`` sizes (MB) have values of their own, which are drawn as points; a line through
    them as well would have spikes that belong to no other size.
    """
    count, sizes = len(band.memory_mb), band.memory_mb.tolist()
    between = [index for index in range(count) if sizes[index] not in measured]
    inner = between if len(between) > count / 2 else list(range(count))
    step = max(1, math.ceil(len(inner) / _CURVE_POINTS))
    for index in sorted({*range(min(1, count)), *inner[::step], *range(max(0, count - 1), count)}):
        value, low, high = (float(curve[index]) for curve in curves)
        if _drawable(value):
            ends = _bounds((low, high), value)
            yield Point(float(band.memory_mb[index]), name, value, *ends)


def _bounds(
    interval: tuple[float | None, float | None] | None, value: float
) -> tuple[float, float]:
    """An interval that holds its value and can be drawn; without one, it has no width."""
    low, high = map(known, interval or (None, None))
    if low is None or high is None:
        return value, value
    return max(min(low, value), value / _WIDEST), min(max(high, value), value * _WIDEST)


def _drawable(value: float) -> bool:
    """True if a value (ms or USD) can be drawn on any axis."""
    return 1e-9 < value < 1e12


def _over_memory(
    sweep: Sweep, points: list[Point], lines: list[Point], limits: tuple[Limit, ...]
) -> OverMemory:
    memory = shared_axis(sweep)
    axis = value_axis([each.value for each in (*points, *lines)], [each.value for each in limits])
    return OverMemory(
        points=tuple(points),
        lines=tuple(lines),
        marks=tuple(placed(list(_marks(sweep)), memory)),
        safe_mb=safe_range(sweep),
        limits=tuple(limit for limit in limits if axis.holds(limit.value)),
        memory=memory,
        values=axis,
    )


def shared_axis(sweep: Sweep) -> Axis:
    """The axis of memory that all charts of a sweep have, so that they can stand in one column."""
    rows = [size.memory_mb for each in sweep.each for size in each.sizes]
    drawn = [size for each in sweep.each if each.band is not None for size in each.band.memory_mb]
    marked = [mark.memory_mb for mark in _marks(sweep)]
    return memory_axis([max(1.0, float(size)) for size in (*rows, *drawn, *marked)], rows)


#: Pixels between the labels of two marks, and above the first.
_LABEL_PX, _FIRST_PX = 15, 8
#: Up to this part of the axis a label has room on its right, also on a phone.
_LEFT = 0.35


def placed(marks: list[Mark], memory: Axis) -> Iterator[Mark]:
    """Give each label a line of its own, so that none can meet another."""
    labelled = [mark for mark in marks if mark.kind != "failed"]
    for mark in marks:
        line = labelled.index(mark) if mark in labelled else 0
        place = memory.place(mark.memory_mb)
        side = "left" if place < _LEFT else "right" if place > 1.0 - _LEFT else "center"
        yield replace(mark, top=_FIRST_PX + _LABEL_PX * line, side=side)


def _marks(sweep: Sweep) -> Iterator[Mark]:
    pick, now = sweep.recommendation, sweep.current_mb
    if pick is not None:
        yield Mark(pick.memory_mb, "pick", f"recommended {size_named(pick.memory_mb, sweep)}")
    if now is not None and (pick is None or now != pick.memory_mb):
        yield Mark(now, "now", f"current {format_memory(now)}")
    rivals: dict[int, list[str]] = {}
    for choice in () if pick is None else pick.choices:
        if pick is not None and choice.memory_mb != pick.memory_mb:
            rivals.setdefault(choice.memory_mb, []).append(choice.name)
    for size_mb, names in rivals.items():
        yield Mark(size_mb, "rival", f"{', '.join(names)} {size_named(size_mb, sweep)}")
    for size in sweep.sizes:
        if size.status == "failed":
            why = size.reason or "reason unknown"
            text = f"{size_named(size.memory_mb, sweep)} failed: {why}"
            yield Mark(size.memory_mb, "failed", text)


def _limits(sweep: Sweep, scope: SloScope) -> Iterator[Limit]:
    pick = sweep.recommendation
    for text in () if pick is None else pick.slo:
        try:
            slo = parse_slo(text)
        except UsageError:
            continue
        if slo.scope is scope:
            yield Limit(slo.limit, text)


def _measured_spot(size: SizeRow, each: Sweep, sweep: Sweep) -> Spot | None:
    stats, cost = size.warm.duration_ms, size.cost_usd_per_million
    if stats is None or cost is None or not _drawable(stats.mean) or not _drawable(cost.mean):
        return None
    label = size_named(size.memory_mb, each, bool(sweep.beside))
    kind = _kind(size.memory_mb, each)
    pick = each.recommendation
    named = {choice.memory_mb for choice in pick.choices} if pick is not None else set()
    plain = kind == "other" or (kind == "Pareto" and named and size.memory_mb not in named)
    if kind == "recommended" and each is not sweep:
        kind = "Pareto"  # the best of its architecture, which was not chosen
    return Spot(
        kind,
        "" if plain else label,
        f"{label}: {format_ms(stats.mean)}, {format_cost(cost.mean)} per million",
        *(stats.mean, *_bounds(stats.mean_ci, stats.mean)),
        *(cost.mean, *_bounds((cost.low, cost.high), cost.mean)),
        front=size.memory_mb in each.pareto_mb,
    )


def _fitted_pick(sweep: Sweep) -> Spot | None:
    pick, band = sweep.recommendation, sweep.band
    if pick is None or band is None or not len(band.memory_mb):
        return None
    curves = (
        *(band.mean_ms, band.mean_low_ms, band.mean_high_ms),
        *(band.cost_usd_per_million, band.cost_low, band.cost_high),
    )
    mean, low, high, cost, cost_low, cost_high = (
        float(np.interp(pick.memory_mb, band.memory_mb, curve)) for curve in curves
    )
    measured = pick.memory_mb in {size.memory_mb for size in sweep.sizes}
    if measured or not _drawable(mean) or not _drawable(cost):
        return None
    label = size_named(pick.memory_mb, sweep)
    text = f"{label}, from the fitted curve: {format_ms(mean)}, {format_cost(cost)} per million"
    ends, cost_ends = _bounds((low, high), mean), _bounds((cost_low, cost_high), cost)
    return Spot("recommended", label, text, mean, *ends, cost, *cost_ends)


def _kind(memory_mb: int, sweep: Sweep) -> str:
    if sweep.recommendation is not None and sweep.recommendation.memory_mb == memory_mb:
        return "recommended"
    if sweep.current_mb == memory_mb:
        return "current"
    return "Pareto" if memory_mb in sweep.pareto_mb else "other"
