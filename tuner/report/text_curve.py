"""A few points over memory, drawn with characters for a terminal."""

import math
from collections.abc import Callable, Mapping, Sequence

from tuner.units import format_memory

#: Lines that a curve takes: its title, the points, the axis and its labels.
LINES = 8
_ROWS = LINES - 3
#: The fewest sizes and columns that show a course, and the most columns.
_LEAST_SIZES, _NARROWEST, _WIDEST = 3, 50, 72
#: From this ratio of largest to smallest on, values are placed by their logarithms.
_LOG_FROM = 8.0
#: One mark for each series; and marks and lines where there are only ASCII characters.
_MARKS, _ASCII_MARKS = "●○◆◇", "*o#x"
_LINES, _ASCII_LINES = ("┤", "│", "└", "─"), ("|", "|", "+", "-")

Points = Mapping[str, Sequence[tuple[int, float]]]


def text_curve(
    title: str, points: Points, shown: Callable[[float], str], width: int, ascii_only: bool = False
) -> list[str]:
    """Lines of a curve: memory (MB) and a positive value of each point, by series.

    ``shown`` words a value. Nothing where less than three sizes, or too few columns, are there, or
    more series than marks.
    """
    marks = _ASCII_MARKS if ascii_only else _MARKS
    tick, side, corner, rule = _ASCII_LINES if ascii_only else _LINES
    places = [place for series in points.values() for place in series]
    sizes, values = {memory for memory, _ in places}, [value for _, value in places]
    if len(sizes) < _LEAST_SIZES or width < _NARROWEST or len(points) > len(marks):
        return []
    ends = {_ROWS - 1: shown(min(values)), 0: shown(max(values))}
    if min(values) == max(values):
        ends = {_ROWS // 2: shown(values[0])}
    label = max(map(len, ends.values()))
    columns = min(width, _WIDEST) - label - 2
    grid = [[" "] * columns for _ in range(_ROWS)]
    log = max(values) / min(values) >= _LOG_FROM
    for mark, series in zip(marks, points.values(), strict=False):
        for memory, value in series:
            across = _part(memory, min(sizes), max(sizes), True)
            up = _part(value, min(values), max(values), log)
            grid[round((1.0 - up) * (_ROWS - 1))][round(across * (columns - 1))] = mark
    named = [f"{mark} {name}" for mark, name in zip(marks, points, strict=False) if name]
    lines = [", ".join([f"{title} over memory", *named])]
    for row, cells in enumerate(grid):
        edge = tick if row in ends else side
        lines.append(f"{ends.get(row, ''):>{label}} {edge}{''.join(cells)}".rstrip())
    low, high = format_memory(min(sizes)), format_memory(max(sizes))
    lines.append(f"{'':{label}} {corner}{rule * columns}")
    return [*lines, f"{'':{label}}  {low}{high:>{columns - len(low)}}"]


def _part(value: float, low: float, high: float, log: bool) -> float:
    """How far along from low to high a value is, from 0 to 1; in the middle where both are one."""
    if low == high:
        return 0.5
    return math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
