"""Charts of the history of a suite: a measure by runs, its levels and where they change."""

from datetime import timedelta
from typing import Any

from tuner.report.elements import SHARES, measured, verdict_word
from tuner.report.history_series import Point, Series, anchor, levels_text
from tuner.report.style import Axis, altair, by_name, color, finished, hint, over, rows

_HEIGHT = 220
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
    spec = finished(alt.layer(*_changes(series), _levels(series, x, y), dots), _HEIGHT)
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
