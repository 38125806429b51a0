"""Charts of two runs: duration and cost over memory, both on one axis, with 90 % intervals."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from tuner.model.quantiles import Stats
from tuner.report.elements import Figure, call_count, interval_ms
from tuner.report.style import memory_axis, value_axis
from tuner.report.sweep_charts import cost_chart, latency_chart
from tuner.report.sweep_series import P50, P95, OverMemory, Point
from tuner.suites.result import SideFigures, SizeResult
from tuner.units import format_cost, format_memory, format_ms

_SIDES = ("before", "after")
_Ends = tuple[float, float] | None


def over_memory(sizes: Sequence[SizeResult]) -> tuple[Figure, ...]:
    """Both runs over memory, as far as there is something to draw."""
    latency, cost = list(_durations(sizes)), list(_costs(sizes))
    found = []
    if latency:
        caption = "Warm duration at each size, with its 90 % interval."
        found.append(_figure("latency", caption, latency))
    if cost:
        caption = "USD per million invocations: means of the calls compared, with 90 % intervals."
        found.append(_figure("cost", caption, cost))
    return tuple(found)


def _figure(name: str, caption: str, points: list[Point]) -> Figure:
    draw = latency_chart if name == "latency" else cost_chart
    text = f"{caption} Before and after, beside each other. The tables below have the verdicts."
    return Figure(name, caption, text, partial(draw, _series(points)), tall=True)


def _series(points: list[Point]) -> OverMemory:
    sizes = {round(point.memory_mb) for point in points}
    return OverMemory(
        points=tuple(points),
        lines=tuple(_joined(points)) if len(sizes) > 1 else (),
        marks=(),
        safe_mb=None,
        limits=(),
        memory=memory_axis(sizes, sizes),
        values=value_axis(point.value for point in points),
        apart=True,
    )


def _joined(points: Iterable[Point]) -> Iterator[Point]:
    """Lines through the points; they have no width."""
    for each in points:
        yield Point(each.memory_mb, each.series, each.value, each.value, each.value)


def _durations(sizes: Iterable[SizeResult]) -> Iterator[Point]:
    for size, name, side in _each(sizes):
        stats = side.duration_ms
        if stats is None:
            continue
        row = _row(size, name, side)
        for what, value, ci in ((P50, stats.p50, stats.p50_ci), (P95, stats.p95, stats.p95_ci)):
            if value > 0.0:
                yield Point(size, f"{name} {what}", value, *_ends(ci, value), row, row)


def _costs(sizes: Iterable[SizeResult]) -> Iterator[Point]:
    for size, name, side in _each(sizes):
        if (cost := _per_million(side.cost_usd)) is not None:
            row = _row(size, name, side)
            yield Point(size, f"{name} cost", cost[0], *_ends(cost[1], cost[0]), row, row)


def _each(sizes: Iterable[SizeResult]) -> Iterator[tuple[int, str, SideFigures]]:
    found = [size for size in sizes if size.sides is not None]
    for at, name in enumerate(_SIDES):
        for size in found:
            if size.sides is not None:
                yield size.memory_mb, name, size.sides[at]


def _per_million(cost: Stats | None) -> tuple[float, _Ends] | None:
    """The mean and its interval; ``None`` where nothing was billed."""
    if cost is None or cost.mean <= 0.0:
        return None
    ends = None if cost.mean_ci is None else (cost.mean_ci[0] * 1e6, cost.mean_ci[1] * 1e6)
    return cost.mean * 1e6, ends


def _ends(ci: _Ends, value: float) -> tuple[float, float]:
    """An interval that holds its value; without one it has no width."""
    return (value, value) if ci is None else (min(ci[0], value), max(ci[1], value))


def _row(memory_mb: int, name: str, side: SideFigures) -> str:
    """One side at a size in a line: ``512 MB before: p50 43 ms, p95 45 ms (44 to 46 ms), ...``."""
    told, stats = [], side.duration_ms
    if stats is not None:
        for what, value, ci in ((P50, stats.p50, stats.p50_ci), (P95, stats.p95, stats.p95_ci)):
            between = interval_ms(ci)
            told.append(f"{what} {format_ms(value)}{f' ({between})' if between else ''}")
    if (cost := _per_million(side.cost_usd)) is not None:
        told.append(f"{format_cost(cost[0])} per million")
    told.append(f"{call_count(side.calls)} calls")
    return f"{format_memory(memory_mb)} {name}: {', '.join(told)}"
