"""The look of every chart and page: colours, axes and the frame of a chart.

Charts name colours by what they mean, as CSS variables (``var(--ink)``), so that the page's theme
and its print style reach into the charts; pictures made without a browser get the light ones.
Series differ in shape or dash as well as in colour, and in lightness for those who see no hue.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: Every colour on a light page and on a dark one.
_COLORS = {
    "paper": ("#ffffff", "#11161c"),
    "card": ("#f6f7f9", "#1a2129"),
    "edge": ("#dfe3e8", "#323c47"),
    "grid": ("#e9ecf0", "#252e38"),
    "ink": ("#15202b", "#e8edf2"),
    "muted": ("#5a6673", "#a0acb8"),
    "accent": ("#0b6bcb", "#6cb2ff"),
    "second": ("#b4540a", "#f5a25d"),
    "good": ("#167043", "#57c78b"),
    "good-soft": ("#d9f0e3", "#163425"),
    "warn": ("#835700", "#e5b94b"),
    "warn-soft": ("#fff1cf", "#382c0d"),
    "bad": ("#b42318", "#ff8a7e"),
    "bad-soft": ("#fde4e1", "#451c18"),
    "heat-1": ("#b9d5f2", "#1c3d5f"),
    "heat-2": ("#7fb3e8", "#235a91"),
    "heat-3": ("#3a86d4", "#3681c8"),
    "heat-4": ("#0f58a6", "#76b6fb"),
    "heat-5": ("#082a52", "#dcecff"),
}
#: The colours of counts in a heat map, the fewest first.
HEAT = tuple(f"heat-{step}" for step in range(1, 6))
LIGHT = {name: light for name, (light, _) in _COLORS.items()}
DARK = {name: dark for name, (_, dark) in _COLORS.items()}


def color(name: str) -> str:
    """A colour as charts name it."""
    if name not in LIGHT:
        raise KeyError(name)
    return f"var(--{name})"


def painted(spec: Any, colors: dict[str, str] = LIGHT) -> Any:
    """The same chart with the colours themselves, for a renderer that knows no CSS."""
    if isinstance(spec, dict):
        return {key: painted(value, colors) for key, value in spec.items()}
    if isinstance(spec, list):
        return [painted(value, colors) for value in spec]
    if isinstance(spec, str) and spec.startswith("var(--"):
        return colors[spec.removeprefix("var(--").removesuffix(")")]
    return spec


#: From this ratio of largest to smallest on, a linear axis would hide the small values.
_LOG_FROM = 8.0
#: Sizes are chosen by factors: from this ratio on their axis is logarithmic.
_LOG_MEMORY_FROM = 1.5
#: Room above the values for four lines of labels, as a part of the axis.
_HEADROOM = 0.26


@dataclass(frozen=True)
class Axis:
    """``ticks`` are the labelled values; without any, the renderer chooses them."""

    low: float
    high: float
    log: bool
    ticks: tuple[int, ...] = ()

    def place(self, value: float) -> float:
        """How far along the axis a value is, from 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def holds(self, value: float) -> bool:
        """True if a value can be drawn."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Limit:
    """An objective drawn as a horizontal line."""

    value: float
    text: str


def memory_axis(sizes: Iterable[float], ticks: Iterable[int]) -> Axis:
    """An axis over sizes in MB with a little room at both ends."""
    shown, labelled = sorted(sizes) or [128.0, 10_240.0], tuple(sorted(set(ticks)))
    low, high = shown[0], shown[-1]
    if high / low > _LOG_MEMORY_FROM:
        return Axis(low / 1.08, high * 1.08, True, labelled)
    room = max(8.0, (high - low) * 0.035)
    return Axis(low - room, high + room, False, labelled)


def value_axis(
    values: Iterable[float], limits: Iterable[float] = (), from_zero: bool = True
) -> Axis:
    """An axis over positive values, with room for labels above.

    ``limits`` are included where they are near enough to leave the values their place.
    """
    shown = sorted(values) or [1.0]
    near = [each for each in limits if shown[0] / 2.0 <= each <= shown[-1] * 2.0]
    low, high = min(shown[0], *near, shown[0]), max(shown[-1], *near, shown[-1])
    if high / low >= _LOG_FROM:
        return Axis(low / 1.25, high * (1.25 * high / low) ** (_HEADROOM / (1 - _HEADROOM)), True)
    if from_zero:
        return Axis(0.0, high / (1 - _HEADROOM), False)
    room = (high - low) * 0.12 or high * 0.1
    return Axis(max(0.0, low - room), high + room, False)


FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def altair() -> Any:
    """Altair, imported when a chart is first drawn: it costs half a second and 40 MB."""
    import altair as library

    return library


def rows(values: list[dict[str, Any]]) -> Any:
    """A chart over inline data; the text that a pointer shows is in ``text``."""
    return altair().Chart(altair().Data(values=values))


def hint() -> Any:
    """The tooltip of a row: its ``text`` and nothing else."""
    return altair().Tooltip("text:N", title=" ")


def limit_lines(limits: Iterable[Limit]) -> list[Any]:
    """Objectives as labelled horizontal lines; none is no layer."""
    values = [asdict(limit) for limit in limits]
    if not values:
        return []
    chart = rows(values)
    rule = chart.mark_rule(color=color("bad"), strokeDash=[2, 3], strokeWidth=1.5)
    words = chart.mark_text(align="right", baseline="bottom", dy=-3, fill=color("bad"), x="width")
    return [rule.encode(y="value:Q"), words.encode(y="value:Q", text="text:N")]


def scale_of(axis: Axis) -> Any:
    """The scale of an axis."""
    kind = {"type": "log"} if axis.log else {"type": "linear", "zero": False}
    return altair().Scale(domain=[axis.low, axis.high], nice=False, **kind)


def over(channel: str, field: str, title: str, axis: Axis, **space: Any) -> Any:
    """The channel ``X`` or ``Y`` over ``field``, with about six labelled values; ``space`` is what
    the axis takes beside the plot."""
    alt = altair()
    title = f"{title}, log scale" if axis.log else title
    if axis.log and len(ticks := _log_ticks(axis)) > 1:  # a short axis finds its own
        space["values"] = ticks
    labels = alt.Axis(tickCount=6, format=",.6~r", **space)
    return getattr(alt, channel)(f"{field}:Q", title=title, scale=scale_of(axis), axis=labels)


def _log_ticks(axis: Axis) -> list[float]:
    """1, 2 and 5 of each power of ten; of a long axis the powers alone."""
    powers = range(math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high)) + 1)
    firsts = (1, 2, 5) if len(powers) <= 4 else (1,)
    ticks = [float(f"{first}e{power}") for power in powers for first in firsts]
    return [tick for tick in ticks if axis.holds(tick)]


def by_name(channel: str, field: str, looks: Mapping[str, Any], **legend: Any) -> Any:
    """The channel ``Color``, ``StrokeDash`` or ``Shape`` that gives each name its look.

    ``legend`` are options of the legend; ``legend=None`` leaves it out.
    """
    alt = altair()
    scale = alt.Scale(domain=list(looks), range=list(looks.values()))
    shown = legend or {"legend": alt.Legend()}
    return getattr(alt, channel)(f"{field}:N", scale=scale, **shown)


def finished(chart: Any, height: int) -> dict[str, Any]:
    """The Vega-Lite specification of an Altair chart, as wide as its container (height in px)."""
    chart = chart.properties(width="container", height=height)
    # Checking against the schema takes most of a report's time; the tests do it for us.
    spec: dict[str, Any] = chart.to_dict(validate=False)
    spec["autosize"] = {"type": "fit", "contains": "padding"}
    spec["background"] = "transparent"
    spec["config"] = _config()
    # Vega puts names into expressions, whose parser takes these two for ends of lines.
    text = json.dumps(spec)
    if "\\u2028" in text or "\\u2029" in text:
        spec = json.loads(text.replace("\\u2028", " ").replace("\\u2029", " "))
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
