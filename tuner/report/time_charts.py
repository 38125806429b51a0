"""Charts over time: a load or a forecast by seconds. Those of one load share their axis of time,
and a pointer reads the whole moment in each of them."""

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from tuner.report.style import (
    Limit,
    altair,
    by_name,
    color,
    finished,
    hint,
    limit_lines,
    over,
    rows,
    value_axis,
)
from tuner.units import format_ms

#: Pixels of a chart with several lines, and of one with a single figure.
_HEIGHT, _LOW = 240, 130
#: What the labels of a vertical axis take, so that charts in one column have one axis of time.
Y_PX = 48
_Moments = Sequence[Mapping[str, Any]]
#: Series with their key in a moment, colour and dash.
_RATES: Sequence[tuple[Any, ...]] = (
    ("due", "asked", "muted", [4, 3]),
    ("sent", "sent", "accent", [1, 2]),
    ("succeeded", "ok", "good", [1, 0]),
    ("throttled (429)", "throttled", "warn", [6, 2]),
    ("failed", "errors", "bad", [2, 2]),
)
_FORECAST = (
    ("calls", "calls", "muted", [4, 3]),
    ("cold starts", "cold", "second", [1, 0]),
    ("throttled", "throttled", "warn", [6, 2]),
)
_QUEUE = (
    ("accepted", "accepted", "muted", [4, 3]),
    ("started", "begun", "good", [1, 0]),
    ("retried", "retried", "warn", [6, 2]),
    ("in the queue", "waiting", "accent", [1, 0]),
)
_TIMES = (
    ("p50", "p50_ms", "accent", [1, 0]),
    ("p95", "p95_ms", "muted", [2, 2]),
    ("p99", "p99_ms", "second", [6, 3]),
)


#: A chart shows at most so many moments; longer loads are drawn in slices of several seconds.
_MOMENTS = 300
#: What a slice shows of its seconds, where it is not the mean.
_OF_SECONDS: Mapping[str, Callable[[list[float]], float]] = {
    "p50_ms": median,
    "p95_ms": max,
    "p99_ms": max,
    "waiting": max,
}


def slices(timeline: _Moments) -> tuple[int, tuple[Mapping[str, Any], ...]]:
    """Seconds that a moment of the charts stands for, and the moments."""
    slice_s = -(-len(timeline) // _MOMENTS) or 1
    starts = range(0, len(timeline), slice_s)
    merged = (_merged(timeline[at : at + slice_s]) for at in starts)
    return slice_s, tuple(timeline if slice_s == 1 else merged)


def _merged(seconds: _Moments) -> Mapping[str, Any]:
    merged: dict[str, Any] = {}
    for name in seconds[0]:
        known = [row[name] for row in seconds if row[name] is not None]
        if name == "second":
            merged[name] = known[0]
        elif name in _OF_SECONDS:
            merged[name] = _OF_SECONDS[name](known) if known else None
        else:
            merged[name] = sum(known) / len(seconds)
    return merged


def rate_chart(moments: _Moments, good: str = "succeeded") -> dict[str, Any]:
    """Calls per second over the load: due, sent where that differs, succeeded (or ``good``),
    throttled, failed."""
    late = any(abs(m["sent"] - m["asked"]) > max(1.0, 0.02 * m["asked"]) for m in moments)
    named = [(good if key == "ok" else name, key, *style) for name, key, *style in _RATES]
    present = [
        each
        for each in named
        if any(moment[each[1]] for moment in moments) and (late or each[1] != "sent")
    ]
    return _lines(moments, present, "Per second", moment_text)


def traffic_chart(moments: _Moments) -> dict[str, Any]:
    """Calls, cold starts and throttles a second of a forecast."""
    present = [each for each in _FORECAST if any(moment[each[1]] for moment in moments)]
    return _lines(moments, present, "Calls per second", _said(present, "{:,.3g}/s"))


def time_chart(moments: _Moments, limits: Sequence[Limit] = ()) -> dict[str, Any]:
    """Latency of calls that succeeded over the load, with the objectives on it."""
    known = [moment[key] for _, key, *_ in _TIMES for moment in moments if moment.get(key)]
    axis = value_axis(known, [limit.value for limit in limits])
    y = over("Y", "value", "Latency (ms)", axis, minExtent=Y_PX, maxExtent=Y_PX)
    drawn = [limit for limit in limits if axis.holds(limit.value)]
    return _lines(moments, _TIMES, y, moment_text, limit_lines(drawn))


def queue_chart(moments: _Moments) -> dict[str, Any]:
    """Events accepted, started and retried in each second, and those in the queue at its end."""
    present = [each for each in _QUEUE if any(moment[each[1]] for moment in moments)]
    return _lines(moments, present, "Events", _said(present, "{:,.0f}"))


def flight_chart(moments: _Moments) -> dict[str, Any]:
    """Requests in flight over the load."""
    flight = [
        {
            "second": moment["second"],
            "value": moment["in_flight"] or 0.0,
            "text": f"{moment['second']} s: {moment['in_flight'] or 0.0:.1f} in flight",
        }
        for moment in moments
    ]
    area = rows(flight).mark_area(color=color("accent"), opacity=0.25, line={"strokeWidth": 2})
    area = area.encode(seconds_axis(moments), _plain("In flight"), tooltip=hint())
    return finished(area, _LOW)


def cold_starts_chart(moments: _Moments) -> dict[str, Any]:
    """Cold starts in each second of a load, as bars."""
    return _bars(moments, "cold", "Cold starts", "second")


def retries_chart(moments: _Moments) -> dict[str, Any]:
    """Requests that were retries in each second of a load, as bars."""
    return _bars(moments, "retried", "Retries", "warn")


def moment_text(moment: Mapping[str, Any]) -> str:
    """A second of a load in one line, for a pointer."""
    told = [
        f"{_count(moment[key])} {name}"
        for name, key in (("due", "asked"), ("sent", "sent"), ("ok", "ok"))
    ]
    more = (("throttled", "throttled"), ("failed", "errors"), ("retried", "retried"), ("cold",) * 2)
    told += [f"{_count(moment[key])} {name}" for name, key in more if moment.get(key)]
    if moment["p50_ms"] is not None:
        told.append(f"p50 {format_ms(moment['p50_ms'])}, p99 {format_ms(moment['p99_ms'])}")
    told.append(f"{moment['in_flight'] or 0.0:.1f} in flight")
    return f"{moment['second']:,} s: {', '.join(told)}"


def _count(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else f"{value:,.1f}"


def _said(series: Sequence[Any], shown: str) -> Callable[[Mapping[str, Any]], str]:
    """Give a moment's figures in one line, for a pointer."""

    def text(moment: Mapping[str, Any]) -> str:
        told = (f"{name} {shown.format(moment[key])}" for name, key, *_ in series)
        return f"{moment['second']:,} s: {', '.join(told)}"

    return text


def _step(moments: _Moments) -> float:
    """Seconds that a moment stands for."""
    if len(moments) < 2:
        return 1
    step: float = moments[1]["second"] - moments[0]["second"]
    return step


def span(moments: _Moments) -> tuple[float, float]:
    """The seconds in which the first moment begins and the last one ends."""
    return (moments[0]["second"], moments[-1]["second"] + _step(moments)) if moments else (0, 1)


def seconds_axis(moments: _Moments) -> Any:
    """The axis of time that charts of one load share."""
    alt, ends = altair(), list(span(moments))
    axis = alt.Axis(grid=False, tickMinStep=1)
    return alt.X("second:Q", title="Seconds", axis=axis, scale=alt.Scale(domain=ends, nice=False))


def _plain(title: str) -> Any:
    """A vertical axis from zero, as wide as those of the other charts of the column."""
    alt = altair()
    axis = alt.Axis(tickCount=5, format=",.6~r", minExtent=Y_PX, maxExtent=Y_PX)
    return alt.Y("value:Q", title=title, axis=axis)


def _bars(moments: _Moments, key: str, title: str, hue: str) -> dict[str, Any]:
    """Counts by second; of a slice its mean, so that slices and seconds compare."""
    values = [
        {
            "second": moment["second"],
            "end": moment["second"] + _step(moments),
            "value": moment[key],
            "text": moment_text(moment),
        }
        for moment in moments
        if moment[key]
    ]
    bars = rows(values).mark_bar(color=color(hue), stroke=color("paper"), strokeWidth=0.5)
    bars = bars.encode(
        seconds_axis(moments), altair().X2("end:Q"), _plain(f"{title}/s"), tooltip=hint()
    )
    return finished(bars, _LOW)


def _lines(
    moments: _Moments,
    series: Sequence[Any],
    y: Any,
    text: Callable[[Mapping[str, Any]], str],
    more: Sequence[Any] = (),
) -> dict[str, Any]:
    alt = altair()
    y = _plain(y) if isinstance(y, str) else y
    values = [
        {"second": moment["second"], "series": name, "value": moment[key], "text": text(moment)}
        for name, key, _, _ in series
        for moment in moments
        if moment.get(key) is not None
    ]
    chart, x = rows(values), seconds_axis(moments)
    # On a phone more than three names have no room in one line.
    legend = alt.Legend(columns=3) if len(series) > 3 else alt.Legend()
    hues = {each[0]: color(each[2]) for each in series}
    hue = by_name("Color", "series", hues, legend=legend)
    dashes = {each[0]: each[3] for each in series}
    dash = by_name("StrokeDash", "series", dashes, legend=legend)
    line = chart.mark_line(strokeWidth=2).encode(x, y, color=hue, strokeDash=dash)
    dots = chart.mark_point(filled=True, size=18, opacity=1)
    layers = [line, dots.encode(x, y, color=hue, tooltip=hint()), *more]
    return finished(alt.layer(*layers), _HEIGHT)
