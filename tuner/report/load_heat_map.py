"""Latency over a load as a heat map, from ``tuner.load/1``: how many calls took how long, when.

It shows what percentiles hide: two groups of calls, or a few that wait long among many that do not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from tuner.report.style import (
    HEAT,
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
)
from tuner.report.time_charts import Y_PX, seconds_axis, span
from tuner.units import counted, format_ms, format_share

_HEIGHT = 240
#: Room below and above the cells, as a factor.
_ROOM = 1.25
#: Classes of counts grow by one of these factors, the least that needs no more than so many.
_FACTORS, _CLASSES = (2, 3, 4, 5, 10, 20, 100), len(HEAT)


def heat_map_chart(
    heat: Mapping[str, Any], moments: Sequence[Mapping[str, Any]], limits: Sequence[Limit] = ()
) -> dict[str, Any]:
    """Calls by when they ended and how long they took; the stronger a cell, the more calls."""
    alt, edges, (_, end_s) = altair(), heat["edges_ms"], span(moments)
    axis = Axis(edges[0] / _ROOM, edges[-1] * _ROOM, True)
    classes = _classes(max(count for *_, count in heat["cells"]))
    values = [
        {
            "second": second,
            "end": min(second + heat["column_s"], end_s),
            "low": edges[row],
            "high": edges[row + 1],
            "calls": next(words for least, words in reversed(classes) if count >= least),
            "text": f"{_when(heat, second)}, {_between(heat, row)}: {counted(count, 'call')}",
        }
        for second, row, count in heat["cells"]
    ]
    names = [words for _, words in classes]
    hues = dict(zip(names, map(color, HEAT[-len(names) :]), strict=True))
    hue = by_name("Color", "calls", hues, legend=alt.Legend(columns=3))
    y = over("Y", "low", "Latency (ms)", axis, minExtent=Y_PX, maxExtent=Y_PX)
    place = (seconds_axis(moments), alt.X2("end:Q"), y, alt.Y2("high:Q"))
    cells = rows(values).mark_rect().encode(*place, color=hue, tooltip=hint())
    drawn = [limit for limit in limits if axis.holds(limit.value)]
    return finished(alt.layer(cells, *limit_lines(drawn)), _HEIGHT)


def heat_map_words(heat: Mapping[str, Any]) -> str:
    """What it shows, for those who do not see it: where most calls are, and the slowest."""
    by_row: Counter[int] = Counter()
    for _, row, count in heat["cells"]:
        by_row[row] += count
    most, calls = by_row.most_common(1)[0]
    second, slowest, _ = max(heat["cells"], key=lambda cell: cell[1])
    return (
        f"{format_share(calls / by_row.total())} of {counted(by_row.total(), 'call')} took "
        f"{_between(heat, most)}; the slowest took {_between(heat, slowest)}, at "
        f"{_when(heat, second)}."
    )


def _when(heat: Mapping[str, Any], second: int) -> str:
    last = second + heat["column_s"] - 1
    return f"{second:,} s" if last == second else f"{second:,} to {last:,} s"


def _between(heat: Mapping[str, Any], row: int) -> str:
    low, high = heat["edges_ms"][row : row + 2]
    return f"{format_ms(low)} to {format_ms(high)}"


def _classes(most: int) -> list[tuple[int, str]]:
    """Classes of counts up to ``most``: the least count of each, and its words."""
    factor = next((each for each in _FACTORS if each**_CLASSES > most), _FACTORS[-1])
    starts = [1]
    while len(starts) < _CLASSES and starts[-1] * factor <= most:
        starts.append(starts[-1] * factor)
    words = [
        f"{least:,}" if below - least == 1 else f"{least:,} to {below - 1:,}"
        for least, below in pairwise(starts)
    ]
    last = starts[-1]
    end = counted(last, "call") if most == last else f"{last:,} to {most:,} calls"
    return list(zip(starts, [*words, end], strict=True))
