"""Charts over time: a load by seconds, and the history of a suite by runs."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

from tuner.report.elements import SHARES, measured, verdict_word
from tuner.report.history_series import Point, Series, anchor, levels_text
from tuner.report.style import Axis, altair, by_name, color, finished, hint, over, rows
from tuner.units import format_ms

_HEIGHT = 260
_Moments = Sequence[Mapping[str, Any]]
#: Series with their key in a moment, colour and dash.
_RATES: Sequence[tuple[Any, ...]] = (
    ("due", "asked", "muted", [4, 3]),
    ("succeeded", "ok", "good", [1, 0]),
    ("throttled", "throttled", "warn", [6, 2]),
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
_TIMES = (("p50", "p50_ms", "accent", [1, 0]), ("p99", "p99_ms", "second", [6, 3]))


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
    """Calls per second over the load: due, succeeded (or ``good``), throttled, failed."""
    named = [(good if key == "ok" else name, key, *style) for name, key, *style in _RATES]
    present = [each for each in named if any(moment[each[1]] for moment in moments)]
    return _lines(moments, present, "Calls per second", lambda value: f"{value:,.1f}/s")


def traffic_chart(moments: _Moments) -> dict[str, Any]:
    """Calls, cold starts and throttles a second of a forecast."""
    present = [each for each in _FORECAST if any(moment[each[1]] for moment in moments)]
    return _lines(moments, present, "Calls per second", lambda value: f"{value:,.3g}/s")


def time_chart(moments: _Moments) -> dict[str, Any]:
    """Latency of calls that succeeded over the load."""
    return _lines(moments, _TIMES, "Latency (ms)", format_ms)


def queue_chart(moments: _Moments) -> dict[str, Any]:
    """Events accepted, started and retried in each second, and those in the queue at its end."""
    present = [each for each in _QUEUE if any(moment[each[1]] for moment in moments)]
    return _lines(moments, present, "Events", lambda value: f"{value:,.0f}")


def flight_chart(moments: _Moments) -> dict[str, Any]:
    """Requests in flight, with a mark where sandboxes were started."""
    alt, x = altair(), _seconds()
    known = [(m["second"], m["in_flight"] or 0.0) for m in moments]
    flight = [
        {"second": second, "value": value, "text": f"{second} s: {value:.1f} in flight"}
        for second, value in known
    ]
    y = alt.Y("value:Q", title="In flight")
    area = rows(flight).mark_area(color=color("accent"), opacity=0.25, line={"strokeWidth": 2})
    layers = [area.encode(x, y, tooltip=hint())]
    cold = [
        {"second": m["second"], "text": f"{m['cold']:,.3g} cold starts a second"}
        for m in moments
        if m["cold"]
    ]
    if cold:
        ticks = rows(cold).mark_tick(color=color("second"), thickness=2, height=10, y="height")
        layers.append(ticks.encode(x, tooltip=hint()))
    return finished(alt.layer(*layers), _HEIGHT)


def _seconds() -> Any:
    return altair().X("second:Q", title="Seconds", axis=altair().Axis(grid=False, tickMinStep=1))


def _lines(moments: _Moments, series: Sequence[Any], title: str, shown: Any) -> dict[str, Any]:
    alt = altair()
    values = [
        {
            "second": moment["second"],
            "series": name,
            "value": moment[key],
            "text": f"{moment['second']} s: {name} {shown(moment[key])}",
        }
        for name, key, _, _ in series
        for moment in moments
        if moment[key] is not None
    ]
    chart = rows(values)
    y = alt.Y("value:Q", title=title)
    hue = by_name("Color", "series", {each[0]: color(each[2]) for each in series})
    dash = by_name("StrokeDash", "series", {each[0]: each[3] for each in series})
    line = chart.mark_line(strokeWidth=2).encode(_seconds(), y, color=hue, strokeDash=dash)
    dots = chart.mark_point(filled=True, size=18, opacity=1)
    layers = [line, dots.encode(_seconds(), y, color=hue, tooltip=hint())]
    return finished(alt.layer(*layers), _HEIGHT)


_HISTORY_HEIGHT = 220
#: Pixels between the first or last run and the chart's edge, where its menu is.
_EDGE = 24
#: Verdicts with their colour and shape; the page's key explains them.
_MARKS = (
    ("same", "muted", "circle"),
    ("cannot tell", "warn", "square"),
    ("improved", "good", "triangle-down"),
    ("regressed", "bad", "triangle-up"),
)
#: Beyond so many runs marks are small, so that they do not cover each other.
_MANY = 150
#: The width of a change's label, as a share of the chart's, on a phone.
_LABEL = 0.16


def history_chart(series: Series, case: int) -> dict[str, Any]:
    """The Vega-Lite specification; a click on a mark leads to the run's row."""
    alt = altair()
    axis = alt.Axis(grid=False, tickCount=5, format=_days(series))
    x = alt.X("at:T", title=None, axis=axis, scale=alt.Scale(padding=_EDGE))
    y = over("Y", "value", _axis_title(series.measure), _range(series))
    values = [_point(point, series, case) for point in series.points]
    found = {value["verdict"] for value in values}
    hues = {name: color(hue) for name, hue, _ in _MARKS if name in found}
    shapes = {name: shape for name, _, shape in _MARKS if name in found}
    plain: dict[str, Any] = {"sort": list(hues), "legend": None}
    size = 16 if len(values) > _MANY else 44
    marks = alt.Chart(alt.NamedData("runs")).mark_point(filled=True, size=size, opacity=0.85)
    dots = marks.encode(
        x,
        y,
        color=by_name("Color", "verdict", hues, **plain),
        shape=by_name("Shape", "verdict", shapes, **plain),
        href=alt.Href("href:N"),
        tooltip=hint(),
    )
    spec = finished(alt.layer(*_changes(series), _levels(series, x, y), dots), _HISTORY_HEIGHT)
    # Handed in afterwards: Altair would look at every value, which takes most of a second.
    spec["datasets"] = {**spec.get("datasets", {}), "runs": values}
    return spec


def _axis_title(measure: str) -> str:
    if measure == "cost_per_million":
        return "USD per million"
    return f"{measure} ({'share' if measure in SHARES else 'ms'})"


def _range(series: Series) -> Axis:
    """All values with some room, also where they are one."""
    values = [point.value for point in series.points]
    low, high = min(values), max(values)
    room = 0.08 * (high - low) or 0.05 * high or 1.0
    return Axis(max(0.0, low - room), high + room, log=False)


def _days(series: Series) -> str:
    """Days, or hours too where all runs are within a few."""
    long = series.points[-1].at - series.points[0].at > timedelta(days=4)
    return "%Y-%m-%d" if long else "%m-%d %H:%M"


def _levels(series: Series, x: Any, y: Any) -> Any:
    alt = altair()
    ends = [
        {"at": series.points[i].at.isoformat(), "value": level, "level": number}
        for number, level in enumerate(series.levels)
        for i in (series.edges[number], series.edges[number + 1] - 1)
    ]
    line = rows(ends).mark_line(color=color("accent"), strokeWidth=2.5)
    return line.encode(x, y, detail=alt.Detail("level:N"))


def _changes(series: Series) -> list[Any]:
    """A rule where a level begins, with the change at its top where there is room for it."""
    alt = altair()
    if not series.changes:
        return []
    found = [
        {
            "at": step.first.at.isoformat(),
            "change": label,
            "end": end,
            "text": f"{step.text}: {levels_text(series, step)}",
        }
        for step, (label, end) in zip(series.changes, _labels(series), strict=True)
    ]
    at, rule = alt.X("at:T", title=None), {"color": color("second"), "strokeDash": [4, 3]}
    layers = [rows(found).mark_rule(**rule).encode(at, tooltip=hint())]
    for end in (False, True):
        labelled = [each for each in found if each["end"] is end and each["change"]]
        if not labelled:  # Vega warns of data without an extent
            continue
        side = {"align": "right", "dx": -4} if end else {"align": "left", "dx": 4}
        look = {"color": color("second"), "baseline": "top", "dy": 2, "fontWeight": 600}
        words = rows(labelled).mark_text(**look, **side)
        layers.append(words.encode(at, y=alt.value(0), text="change:N"))
    return layers


def _labels(series: Series) -> list[tuple[str, bool]]:
    """The label of each change, "" where another is too near, and whether it stands left of it."""
    begin = series.points[0].at.timestamp()
    span = max(series.points[-1].at.timestamp() - begin, 1.0)
    found: list[tuple[str, bool]] = []
    free = 0.0
    for step in series.changes:
        at = (step.first.at.timestamp() - begin) / span
        end = at > 1 - _LABEL
        low = at - _LABEL if end else at
        fits = low >= free
        found.append((step.text if fits else "", end))
        free = max(free, low + _LABEL) if fits else free
    return found


def _point(point: Point, series: Series, case: int) -> dict[str, Any]:
    commit = f", {point.commit[:7]}" if point.commit else ""
    place = f"; {point.configuration}" if point.configuration else ""
    return {
        "at": point.at.isoformat(),
        "value": point.value,
        "verdict": point.verdict,
        "href": f"#{anchor(case, point.bench)}",
        "text": f"{point.at:%Y-%m-%d %H:%M}{commit}: {series.measure} "
        f"{measured(series.measure, point.value)}, {verdict_word(point.verdict)}{place}",
    }
