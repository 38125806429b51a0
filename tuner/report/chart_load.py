"""Charts of a load over time: rates, latency, and what was in flight."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.report.chart_style import altair, finished, hint, rows
from tuner.report.palette import color
from tuner.units import format_ms

_HEIGHT = 260
_Moments = Sequence[Mapping[str, Any]]
#: Series with their key in a moment, colour and dash.
_RATES: Sequence[tuple[Any, ...]] = (
    ("asked", "asked", "muted", [4, 3]),
    ("answered", "ok", "good", [1, 0]),
    ("throttled", "throttled", "warn", [6, 2]),
    ("failed", "errors", "bad", [2, 2]),
)
_QUEUE = (
    ("accepted", "accepted", "muted", [4, 3]),
    ("begun", "begun", "good", [1, 0]),
    ("retried", "retried", "warn", [6, 2]),
    ("waiting", "waiting", "accent", [1, 0]),
)
_TIMES = (("p50", "p50_ms", "accent", [1, 0]), ("p99", "p99_ms", "second", [6, 3]))


def rate_chart(moments: _Moments, good: str = "answered") -> dict[str, Any]:
    """Calls per second over the load: asked, answered (or ``good``), throttled, failed."""
    named = [(good if key == "ok" else name, key, *style) for name, key, *style in _RATES]
    present = [each for each in named if any(moment[each[1]] for moment in moments)]
    return _lines(moments, present, "Calls per second", lambda value: f"{value:,.1f}/s")


def time_chart(moments: _Moments) -> dict[str, Any]:
    """Latency of answered calls over the load."""
    return _lines(moments, _TIMES, "Latency (ms)", format_ms)


def queue_chart(moments: _Moments) -> dict[str, Any]:
    """Events accepted, begun and retried in each second, and those that waited at its end."""
    present = [each for each in _QUEUE if any(moment[each[1]] for moment in moments)]
    return _lines(moments, present, "Events", lambda value: f"{value:,.0f}")


def flight_chart(moments: _Moments) -> dict[str, Any]:
    """Requests in flight, with a mark where sandboxes were started."""
    alt = altair()
    x = _seconds()
    flight = [
        {"second": m["second"], "value": m["in_flight"] or 0.0, "text": _flight(m)} for m in moments
    ]
    y = alt.Y("value:Q", title="In flight")
    area = rows(flight).mark_area(color=color("accent"), opacity=0.25, line={"strokeWidth": 2})
    layers = [area.encode(x, y, tooltip=hint())]
    begun = [(m["second"], f"{m['cold']:,.3g} cold starts a second") for m in moments if m["cold"]]
    cold = [{"second": second, "text": text} for second, text in begun]
    if cold:
        ticks = rows(cold).mark_tick(color=color("second"), thickness=2, height=10, y="height")
        layers.append(ticks.encode(x, tooltip=hint()))
    return finished(alt.layer(*layers), _HEIGHT)


def _flight(moment: Mapping[str, Any]) -> str:
    return f"{moment['second']} s: {moment['in_flight'] or 0.0:.1f} in flight"


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
    names = [each[0] for each in series]
    hues = alt.Scale(domain=names, range=[color(each[2]) for each in series])
    dashes = alt.Scale(domain=names, range=[each[3] for each in series])
    chart = rows(values)
    y = alt.Y("value:Q", title=title)
    hue = alt.Color("series:N", scale=hues, legend=alt.Legend())
    dash = alt.StrokeDash("series:N", scale=dashes, legend=alt.Legend())
    line = chart.mark_line(strokeWidth=2).encode(_seconds(), y, color=hue, strokeDash=dash)
    dots = chart.mark_point(filled=True, size=18, opacity=1)
    layers = [line, dots.encode(_seconds(), y, color=hue, tooltip=hint())]
    return finished(alt.layer(*layers), _HEIGHT)
