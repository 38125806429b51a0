"""How every chart looks: size, type, axes and rules, from the palette's colours."""

from typing import Any

from tuner.report.axis import Axis
from tuner.report.palette import color

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def altair() -> Any:
    """Altair, imported when a chart is first drawn: it costs half a second and 40 MB."""
    import altair as library

    return library


def rows(values: list[dict[str, Any]]) -> Any:
    """A chart over inline data; the text that a pointer shows is in ``text``."""
    alt = altair()
    return alt.Chart(alt.Data(values=values))


def hint() -> Any:
    """The tooltip of a row: its ``text`` and nothing else."""
    return altair().Tooltip("text:N", title=" ")


def scale_of(axis: Axis) -> Any:
    """The scale of an axis."""
    alt = altair()
    domain = [axis.low, axis.high]
    if axis.log:
        return alt.Scale(type="log", domain=domain, nice=False)
    return alt.Scale(type="linear", domain=domain, nice=False, zero=False)


def value_axis(channel: str, field: str, title: str, axis: Axis) -> Any:
    """The channel ``X`` or ``Y`` over ``field``, with about six labelled values."""
    alt = altair()
    title = f"{title}, log scale" if axis.log else title
    labels = alt.Axis(tickCount=6, format=",.6~r")
    encode = {"X": alt.X, "Y": alt.Y}[channel]
    return encode(f"{field}:Q", title=title, scale=scale_of(axis), axis=labels)


def finished(chart: Any, height: int) -> dict[str, Any]:
    """The Vega-Lite specification of an Altair chart, as wide as its container (height in px)."""
    chart = chart.properties(width="container", height=height)
    # Checking against the schema takes most of a report's time; the tests do it for us.
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec["autosize"] = {"type": "fit", "contains": "padding"}
    spec["background"] = "transparent"
    spec["config"] = _config()
    return spec


def _config() -> dict[str, Any]:
    ink, muted = color("ink"), color("muted")
    words = {"labelColor": muted, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12}
    return {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            **words,
            "gridColor": color("grid"),
            "domainColor": color("edge"),
            "tickColor": color("edge"),
            "titleFontWeight": 500,
            "titlePadding": 8,
            "labelOverlap": "greedy",
            "labelSeparation": 6,
        },
        "legend": {
            **words,
            "orient": "top",
            "direction": "horizontal",
            "title": None,
            "symbolDash": [1, 0],
            "symbolStrokeWidth": 0,
            "symbolSize": 90,
        },
        "text": {"fill": ink, "fontSize": 12},
    }
