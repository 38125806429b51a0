"""A search for the highest rate: the rates tried as a table, and the knee as two charts."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tuner.report.elements import Cell, Figure, Row, Section, Table
from tuner.report.load_objectives import client_slos, likely
from tuner.report.style import (
    Axis,
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
from tuner.units import UNKNOWN, format_ms, format_rate, format_share

_HEIGHT = 260
_Y_PX = 48
_Steps = Sequence[Mapping[str, Any]]
#: Rates that differ by so much are on a logarithmic axis.
_LOG_FROM = 8.0
#: The objectives that both curves are held against.
_DRAWN = {0.5: "p50", 0.99: "p99"}


def limit_section(document: Mapping[str, Any]) -> Iterator[Section]:
    """The rates that a search tried; nothing of a plain load."""
    limit = document.get("limit")
    if limit is None:
        return
    steps = sorted(limit["steps"], key=lambda each: float(each["rps"]))
    figures = tuple(_figures(steps, limit, document)) if len(steps) > 1 else ()
    note = (
        "Each rate was a load of its own; the figures below are those of the highest rate that "
        "met the objectives."
    )
    table = _step_table(steps, limit)
    yield Section("Rates tried", note=note, tables=(table,), figures=figures, column=True)


def _step_table(steps: _Steps, limit: Mapping[str, Any]) -> Table:
    found = []
    for step in steps:
        mean, little = step["concurrency"]["mean"], step["concurrency"]["little"]
        missed = ", ".join(step["missed"]) or step["note"] or ""
        told = (
            format_rate(step["goodput_rps"]),
            format_ms(step["p50_ms"]),
            format_ms(step["p99_ms"]),
            format_share(step["throttled"]),
            f"{mean:.1f}",
            UNKNOWN if little is None else f"{little:.1f}",
            f"met{likely(step)}" if step["met"] else f"missed: {missed}",
        )
        marks = ("highest",) if step["rps"] == limit["best_rps"] else ()
        found.append(Row(format_rate(step["rps"]), tuple(map(Cell, told)), marks))
    columns = ("Rate", "Succeeded", "p50", "p99", "Throttled", "In flight", "By Little's law")
    narrow = ("Rate", "p99", "Throttled", "In flight", "Objectives")
    return Table("Rates tried", (*columns, *narrow[-1:]), tuple(found), narrow, narrow[-1:])


def _figures(
    steps: _Steps, limit: Mapping[str, Any], document: Mapping[str, Any]
) -> Iterator[Figure]:
    text = f"{_sustained(limit)} The table below has the values."
    yield Figure(
        "knee",
        "Calls a second that succeeded, over the rate asked for. The dashed line is all of them.",
        f"Rate that succeeded over the rate asked. {text}",
        partial(_goodput_chart, steps, limit),
    )
    if any(step["p50_ms"] is not None for step in steps):
        limits = [
            Limit(slo.limit, slo.text)
            for slo in client_slos(document)
            if (slo.quantile or 0.0) in _DRAWN
        ]
        yield Figure(
            "knee-latency",
            "Latency of calls that succeeded, since each was due. Crosses missed an objective.",
            f"Latency over the rate asked. {text}",
            partial(_latency_chart, steps, limit, limits),
        )


def _sustained(limit: Mapping[str, Any]) -> str:
    best, fails = limit["best_rps"], limit["fails_at_rps"]
    told = "No rate met the objectives" if best is None else f"{format_rate(best)} is sustained"
    return f"{told}." if fails is None else f"{told}, {format_rate(fails)} is not."


def _goodput_chart(steps: _Steps, limit: Mapping[str, Any]) -> dict[str, Any]:
    alt, x = altair(), _rates(steps)
    rates = [step["rps"] for step in steps]
    found = [step["goodput_rps"] for step in steps]
    low = min((each for each in found if each > 0), default=min(rates))
    axis = value_axis([max(each, low) for each in [*rates, *found]])
    y = over("Y", "value", "Succeeded per second", axis, minExtent=_Y_PX, maxExtent=_Y_PX)
    all_of_them = rows([{"rps": rate, "value": rate} for rate in (min(rates), max(rates))])
    ideal = all_of_them.mark_line(color=color("muted"), strokeDash=[4, 3]).encode(x, y)
    points = rows([_point(step, step["goodput_rps"], "succeeded") for step in steps])
    line = points.mark_line(color=color("good"), strokeWidth=2, clip=True).encode(x, y)
    layers = [ideal, line, _dots(points, x, y, color("good")), *_marks(limit)]
    return finished(alt.layer(*layers), _HEIGHT)


def _latency_chart(
    steps: _Steps, limit: Mapping[str, Any], limits: Sequence[Limit]
) -> dict[str, Any]:
    alt, x, names = altair(), _rates(steps), {"p50": "accent", "p99": "second"}
    values = [
        _point(step, step[f"{name}_ms"], name)
        for name in names
        for step in steps
        if step[f"{name}_ms"] is not None
    ]
    axis = value_axis([each["value"] for each in values], [each.value for each in limits])
    y = over("Y", "value", "Latency (ms)", axis, minExtent=_Y_PX, maxExtent=_Y_PX)
    points = rows(values)
    hue = by_name("Color", "series", {name: color(each) for name, each in names.items()})
    dashes = {"p50": [1, 0], "p99": [6, 3]}
    dash = by_name("StrokeDash", "series", dashes)
    line = points.mark_line(strokeWidth=2).encode(x, y, color=hue, strokeDash=dash)
    drawn = [each for each in limits if axis.holds(each.value)]
    layers = [line, _dots(points, x, y, hue), *limit_lines(drawn), *_marks(limit)]
    return finished(alt.layer(*layers), _HEIGHT)


def _rates(steps: _Steps) -> Any:
    alt = altair()
    known = sorted(float(step["rps"]) for step in steps)
    log = known[-1] / known[0] >= _LOG_FROM
    axis = Axis(known[0] / 1.1, known[-1] * 1.1, log)
    labels = alt.Axis(values=known, format=",.3~r", grid=False)
    return over("X", "rps", "Rate asked (calls per second)", axis).axis(labels)


def _point(step: Mapping[str, Any], value: float, series: str) -> dict[str, Any]:
    missed = ", ".join(step["missed"]) or step["note"] or "an objective"
    told = "met the objectives" if step["met"] else f"missed {missed}"
    text = (
        f"{format_rate(step['rps'])} asked: {format_rate(step['goodput_rps'])} succeeded, "
        f"p50 {format_ms(step['p50_ms'])}, p99 {format_ms(step['p99_ms'])}, "
        f"{format_share(step['throttled'])} throttled; {told}"
    )
    met = "met" if step["met"] else "missed"
    return {"rps": step["rps"], "value": value, "series": series, "text": text, "met": met}


def _dots(points: Any, x: Any, y: Any, hue: Any) -> Any:
    """Points, filled where the objectives were met; crosses where not."""
    look = {"filled": True, "opacity": 1, "size": 80, "strokeWidth": 1}
    shapes = {"met": "circle", "missed": "cross"}
    shape = by_name("Shape", "met", shapes, legend=None)
    if isinstance(hue, str):
        dots = points.mark_point(**look, color=hue)
        return dots.encode(x, y, shape=shape, tooltip=hint())
    return points.mark_point(**look).encode(x, y, color=hue, shape=shape, tooltip=hint())


def _marks(limit: Mapping[str, Any]) -> list[Any]:
    """The sustained rate and the lowest that failed, as labelled rules."""
    named = (
        ("best_rps", "sustained", "good", [1, 0], "right", 8),
        ("fails_at_rps", "fails", "bad", [5, 4], "left", 23),
    )
    layers = []
    for key, word, hue, dash, side, top in named:
        if limit[key] is None:
            continue
        text = f"{format_rate(limit[key])} {word}"
        chart = rows([{"rps": limit[key], "text": text}])
        rule = chart.mark_rule(color=color(hue), strokeDash=dash, strokeWidth=1.5)
        at = {"align": side, "dx": -5 if side == "right" else 5, "baseline": "middle"}
        layers.append(rule.encode(x="rps:Q", tooltip=hint()))
        for look in ({"stroke": color("paper"), "strokeWidth": 5}, {"color": color(hue)}):
            words = chart.mark_text(**at, **look)
            layers.append(words.encode(x="rps:Q", y=altair().value(top), text="text:N"))
    return layers
