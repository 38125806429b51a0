"""Charts of a sweep: duration and cost over memory, cost against duration, and cold starts."""

import itertools
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tuner.report.style import (
    altair,
    by_name,
    color,
    finished,
    hint,
    limit_lines,
    over,
    rows,
    scale_of,
    value_axis,
)
from tuner.report.sweep_series import P50, P95, ColdBar, OverMemory, Point, Spot

_HEIGHT = 340
#: Pixels between groups that stand beside each other.
_APART_PX = 9
#: What the labels of a vertical axis take, so that charts in one column have one memory axis.
_Y_PX = 44
#: How a series looks: its hue, the dashes of its line and the shape of its points.
Look = tuple[str, list[int], str]
_FIRST: Look = ("accent", [1, 0], "circle")
_SECOND: Look = ("second", [6, 4], "diamond")
#: Groups take these in turn.
_GROUPS: tuple[Look, ...] = (
    _FIRST,
    _SECOND,
    ("warn", [2, 2], "square"),
    ("muted", [8, 2, 2, 2], "triangle-up"),
)
_LOOKS: dict[str, Look] = {P50: _FIRST, P95: _SECOND, "cost": _FIRST}


def latency_chart(series: OverMemory) -> dict[str, Any]:
    """Vega-Lite of duration in ms over memory in MB."""
    return _chart(series, "Warm duration (ms)", P50, P95)


def cost_chart(series: OverMemory, labels: bool = True) -> dict[str, Any]:
    """Vega-Lite of USD per million invocations over memory in MB; without ``labels`` beside a
    chart that has them."""
    return _chart(series, "USD per million invocations", "cost", labels=labels)


def _looks(series: OverMemory, usual: Sequence[str]) -> dict[str, Look]:
    """Each series' look, in order; where groups such as architectures are compared (``arm64 p50``)
    the hue is the group's, and dashes and shape tell p50 from p95."""
    found = list(dict.fromkeys(each.series for each in (*series.lines, *series.points)))
    if set(found) <= set(usual):
        return {name: _LOOKS[name] for name in usual}
    groups = list(dict.fromkeys(name.rpartition(" ")[0] for name in found))
    of_group = dict(zip(groups, itertools.cycle(_GROUPS), strict=False))
    looks = {}
    for name in found:
        group, _, what = name.rpartition(" ")
        _, dash, shape = of_group[group] if what == "cost" else _LOOKS[what]
        looks[name] = (of_group[group][0], dash, shape)
    return looks


def _chart(series: OverMemory, title: str, *usual: str, labels: bool = True) -> dict[str, Any]:
    alt, looks = altair(), _looks(series, usual)
    x = alt.X(
        "memory_mb:Q",
        title="Memory (MB)",
        scale=scale_of(series.memory),
        axis=alt.Axis(values=list(series.memory.ticks), format=",d", grid=False),
    )
    y = over("Y", "value", title, series.values, minExtent=_Y_PX, maxExtent=_Y_PX)
    hue = _looking("Color", {name: color(hue) for name, (hue, _, _) in looks.items()})
    layers = [
        *_safe(series),
        *_lines(series, x, y, hue, looks),
        *limit_lines(series.limits),
        *_points(series, x, y, hue, looks),
        *_marks(series, labels),
    ]
    spec = finished(alt.layer(*layers), _HEIGHT)
    marks = [asdict(mark) for mark in series.marks if mark.kind != "failed"]
    return {**spec, "datasets": {**spec.get("datasets", {}), MARKS: marks}}


def _looking(channel: str, looks: dict[str, Any]) -> Any:
    """One legend for hue, dash and shape together, and none for a single series."""
    legend = altair().Legend(symbolOpacity=1) if len(looks) > 1 else None
    return by_name(channel, "series", looks, legend=legend)


def _safe(series: OverMemory) -> list[Any]:
    if series.safe_mb is None:
        return []
    low, high = series.safe_mb
    text = f"safe range: {low:,} to {high:,} MB"
    band = rows([{"memory_mb": low, "high": high, "text": text}])
    band = band.mark_rect(fill=color("good"), opacity=0.16)
    return [band.encode(x="memory_mb:Q", x2="high:Q", tooltip=hint())]


def _lines(series: OverMemory, x: Any, y: Any, hue: Any, looks: dict[str, Look]) -> list[Any]:
    alt = altair()
    if not series.lines:
        return []
    chart = rows([asdict(line) for line in series.lines])
    names = list(dict.fromkeys(line.series for line in series.lines))
    dash = _looking("StrokeDash", {name: looks[name][1] for name in names})
    line = chart.mark_line(strokeWidth=2).encode(x, y, color=hue, strokeDash=dash)
    if any(name.endswith(P95) for name in names):
        return [*(_between(series, x, name, looks) for name in names if name.endswith(P50)), line]
    band = chart.mark_area(opacity=0.16, line=False)
    return [band.encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), color=hue), line]


def _between(series: OverMemory, x: Any, median: str, looks: dict[str, Look]) -> Any:
    """The space between the two fitted quantiles."""
    alt = altair()
    upper = f"{median.removesuffix(P50)}{P95}"
    high = {line.memory_mb: line.value for line in series.lines if line.series == upper}
    pairs = [
        {"memory_mb": line.memory_mb, "low": line.value, "high": high[line.memory_mb]}
        for line in series.lines
        if line.series == median and line.memory_mb in high
    ]
    area = rows(pairs).mark_area(fill=color(looks[median][0]), opacity=0.1)
    return area.encode(x, alt.Y("low:Q"), alt.Y2("high:Q"))


def _points(series: OverMemory, x: Any, y: Any, hue: Any, looks: dict[str, Look]) -> list[Any]:
    if not series.points:
        return []
    names = list(dict.fromkeys(point.series for point in series.points))
    shape = _looking("Shape", {name: looks[name][2] for name in names})
    groups = list(dict.fromkeys(name.rpartition(" ")[0] for name in names))
    if not series.apart or len(groups) < 2:
        return _dots(series.points, x, y, hue, shape)
    middle, layers = (len(groups) - 1) / 2, []
    for at, group in enumerate(groups):
        own = [point for point in series.points if point.series.rpartition(" ")[0] == group]
        layers += _dots(own, x, y, hue, shape, (at - middle) * _APART_PX)
    return layers


def _dots(
    points: Sequence[Point], x: Any, y: Any, hue: Any, shape: Any, aside_px: float = 0.0
) -> list[Any]:
    alt, chart = altair(), rows([asdict(point) for point in points])
    place = {"xOffset": aside_px} if aside_px else {}
    interval = chart.mark_rule(strokeWidth=2, **place)
    interval = interval.encode(x, alt.Y("low:Q"), alt.Y2("high:Q"), color=hue)
    look = {"size": 70, "opacity": 1, "stroke": color("paper"), "strokeWidth": 1}
    dots = chart.mark_point(filled=True, **look, **place)
    whole = alt.Tooltip("row:N", title=" ")
    return [interval, dots.encode(x, y, color=hue, shape=shape, tooltip=whole)]


def _marks(series: OverMemory, labels: bool) -> list[Any]:
    """Crosses where a size failed, and rules with labels, whose data a page replaces."""
    failed = [asdict(mark) for mark in series.marks if mark.kind == "failed"]
    layers = []
    if failed:
        cross = rows(failed).mark_point(
            shape="cross", angle=45, filled=True, size=130, color=color("bad"), y="height"
        )
        layers.append(cross.encode(x="memory_mb:Q", tooltip=hint()))
    if len(failed) == len(series.marks):
        return layers
    chart = altair().Chart(altair().NamedData(name=MARKS))
    for kind, (hue, dash) in _MARKED.items():
        look = {"color": color(hue), "strokeDash": dash, "strokeWidth": 1.5}
        rule = chart.transform_filter(f"datum.kind === '{kind}'").mark_rule(**look)
        layers.append(rule.encode(x="memory_mb:Q", tooltip=hint()))
    return [*layers, *_labels(chart)] if labels else layers


def _labels(chart: Any) -> list[Any]:
    """The labels of the marks, on a halo that keeps other rules from crossing them."""
    top, layers = altair().Y("top:Q", scale=None, axis=None), []
    for side, away in (("left", 5), ("center", 0), ("right", -5)):
        here = chart.transform_filter(f"datum.side === '{side}'")
        at = {"align": side, "dx": away, "baseline": "middle"}
        halo = here.mark_text(**at, stroke=color("paper"), strokeWidth=5, strokeJoin="round")
        layers.append(halo.encode(x="memory_mb:Q", y=top, text="text:N"))
        for kind, (hue, _) in _MARKED.items():
            words = here.transform_filter(f"datum.kind === '{kind}'").mark_text(
                **at, color=color(hue)
            )
            layers.append(words.encode(x="memory_mb:Q", y=top, text="text:N"))
    return layers


#: The name of the data that buttons and sliders of a page replace.
MARKS = "marks"
_MARKED = {"pick": ("good", [1, 0]), "now": ("muted", [5, 4]), "rival": ("accent", [2, 3])}


_KINDS = {"recommended": "good", "current": "second", "Pareto": "accent", "other": "muted"}


def trade_off_chart(spots: Sequence[Spot]) -> dict[str, Any]:
    """Vega-Lite of USD per million over mean duration in ms; crosses are 90 % intervals, and the
    line is the Pareto front: nothing measured lies left of it and below."""
    alt = altair()
    chart = rows([asdict(spot) for spot in spots])
    durations = [each for spot in spots for each in (spot.duration_low, spot.duration_high)]
    costs = [each for spot in spots for each in (spot.cost_low, spot.cost_high)]
    x = over("X", "duration_ms", "Mean warm duration (ms)", value_axis(durations, from_zero=False))
    y = over("Y", "cost", "USD per million invocations", value_axis(costs, from_zero=False))
    present = {spot.kind for spot in spots}
    looks = {kind: color(hue) for kind, hue in _KINDS.items() if kind in present}
    hue = by_name("Color", "kind", looks, legend=alt.Legend(symbolType="circle"))
    across = chart.mark_rule().encode(
        alt.X("duration_low:Q"), alt.X2("duration_high:Q"), y, color=hue
    )
    along = chart.mark_rule().encode(x, alt.Y("cost_low:Q"), alt.Y2("cost_high:Q"), color=hue)
    dots = chart.mark_circle(size=90, opacity=1).encode(x, y, color=hue, tooltip=hint())
    names = chart.mark_text(align="left", dx=8, dy=-8).encode(x, y, text="label:N")
    layers = [*_front(spots, x, y), across, along, dots, _ring(x, y), names]
    spec = finished(alt.layer(*layers), 300)
    picked = [asdict(spot) for spot in spots if spot.kind == "recommended"]
    return {**spec, "datasets": {**spec.get("datasets", {}), RING: picked}}


#: The name of the data that buttons and sliders of a page replace: the size that is chosen.
RING = "ring"


def _front(spots: Sequence[Spot], x: Any, y: Any) -> list[Any]:
    """The Pareto front as steps, and where its sizes may as well be."""
    alt = altair()
    found = [asdict(spot) for spot in spots if spot.front]
    if not found:
        return []
    area = rows(found).mark_rect(fill=color("accent"), opacity=0.1)
    area = area.encode(
        *(alt.X("duration_low:Q"), alt.X2("duration_high:Q")),
        *(alt.Y("cost_low:Q"), alt.Y2("cost_high:Q")),
    )
    look = {"color": color("accent"), "opacity": 0.6, "strokeWidth": 1.5}
    line = rows(found).mark_line(**look, interpolate="step-after")
    return [area, line.encode(x, y)]


def _ring(x: Any, y: Any) -> Any:
    chart = altair().Chart(altair().NamedData(name=RING))
    return chart.mark_point(size=260, strokeWidth=2.5, color=color("good")).encode(x, y)


def cold_chart(bars: Sequence[ColdBar]) -> dict[str, Any]:
    """Vega-Lite of the median cold start, INIT and first call, by size."""
    alt = altair()
    order = list(dict.fromkeys(bar.memory for bar in bars))
    parts = list(dict.fromkeys(bar.part for bar in bars))
    hues = {"INIT": color("second"), "first call": color("accent")}
    looks = {part: hues[part] for part in parts}
    chart = rows([{**asdict(bar), "place": parts.index(bar.part)} for bar in bars])
    chart = chart.mark_bar().encode(
        alt.Y("memory:N", sort=order, title=None),
        alt.X("ms:Q", title="Median cold start (ms)", axis=alt.Axis(tickCount=6, format=",.6~r")),
        color=by_name("Color", "part", looks, legend=alt.Legend(symbolType="square")),
        order=alt.Order("place:O"),
        tooltip=hint(),
    )
    return finished(chart, 90 + 30 * len(order))
