"""Charts beside the choice: cost against duration, and what a cold start consists of."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tuner.report.chart_style import altair, finished, hint, rows, value_axis
from tuner.report.palette import color
from tuner.report.series_choice import ColdBar, TradeOff

_KINDS = {
    "pick": ("recommended", "good"),
    "now": ("now", "second"),
    "pareto": ("Pareto", "accent"),
    "other": ("other", "muted"),
}


def trade_off_chart(series: TradeOff) -> dict[str, Any]:
    """Vega-Lite of USD per million over mean duration in ms; crosses are 90 % intervals."""
    alt = altair()
    chart = rows([{**asdict(spot), "kind": _KINDS[spot.kind][0]} for spot in series.spots])
    x = value_axis("X", "duration_ms", "Mean warm duration (ms)", series.duration)
    y = value_axis("Y", "cost", "USD per million invocations", series.cost)
    present = {spot.kind for spot in series.spots}
    looks = [look for kind, look in _KINDS.items() if kind in present]
    scale = alt.Scale(domain=[name for name, _ in looks], range=[color(hue) for _, hue in looks])
    legend = alt.Legend(symbolType="circle")
    hue = alt.Color("kind:N", scale=scale, legend=legend)
    across = chart.mark_rule().encode(
        alt.X("duration_low:Q"), alt.X2("duration_high:Q"), y, color=hue
    )
    along = chart.mark_rule().encode(x, alt.Y("cost_low:Q"), alt.Y2("cost_high:Q"), color=hue)
    dots = chart.mark_circle(size=90, opacity=1).encode(x, y, color=hue, tooltip=hint())
    names = chart.mark_text(align="left", dx=8, dy=-8).encode(x, y, text="label:N")
    return finished(alt.layer(across, along, dots, names), 300)


def cold_chart(bars: Sequence[ColdBar]) -> dict[str, Any]:
    """Vega-Lite of the median cold start, INIT and first call, by size."""
    alt = altair()
    order = list(dict.fromkeys(bar.memory for bar in bars))
    parts = list(dict.fromkeys(bar.part for bar in bars))
    hues = {"INIT": color("second"), "first call": color("accent")}
    scale = alt.Scale(domain=parts, range=[hues[part] for part in parts])
    chart = rows([{**asdict(bar), "place": parts.index(bar.part)} for bar in bars])
    chart = chart.mark_bar().encode(
        alt.Y("memory:N", sort=order, title=None),
        alt.X("ms:Q", title="Median cold start (ms)", axis=alt.Axis(tickCount=6, format=",.6~r")),
        color=alt.Color("part:N", scale=scale, legend=alt.Legend(symbolType="square")),
        order=alt.Order("place:O"),
        tooltip=hint(),
    )
    return finished(chart, 90 + 30 * len(order))
