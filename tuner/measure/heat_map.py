"""Latencies over time as counts in a grid, which stays small however many there are.

Rows are logarithmic, columns are whole seconds. It draws nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

#: The most rows and columns.
_ROWS, _COLUMNS = 32, 120
#: Rows per power of ten, the finest first; the coarsest holds the 1 µs to an hour of a load.
_PER_DECADE = (40, 20, 10, 5, 2)
_SHORTEST_MS = 1e-3
#: What a logarithm may be off by.
_ROUNDED = 1e-9


@dataclass(frozen=True)
class HeatMap:
    """Calls by when they ended and by their latency.

    A cell is the first of the ``column_s`` seconds of its column, its row, and its calls; row ``n``
    holds latencies from ``edges_ms[n]`` to below ``edges_ms[n + 1]``. Empty cells are left out.
    """

    column_s: int
    edges_ms: tuple[float, ...]
    cells: tuple[tuple[int, int, int], ...]


def heat_map(latency_ms: Mapping[int, Sequence[float]]) -> HeatMap | None:
    """Latencies (ms) by the second in which their call ended; ``None`` without any."""
    if not latency_ms:
        return None
    first, last = min(latency_ms), max(latency_ms)
    column_s = -(-(last + 1 - first) // _COLUMNS)
    columns: dict[int, list[Sequence[float]]] = {}
    for second in sorted(latency_ms):
        start = first + (second - first) // column_s * column_s
        columns.setdefault(start, []).append(latency_ms[second])
    per_decade, lowest, rows = _rows(latency_ms)
    cells = []
    for start, parts in columns.items():
        found = np.floor(_logs(np.concatenate(parts)) * per_decade + _ROUNDED) - lowest
        counts = np.bincount(found.astype(int), minlength=rows)
        cells += [(start, row, int(counts[row])) for row in np.flatnonzero(counts).tolist()]
    edges = tuple(10.0 ** ((lowest + row) / per_decade) for row in range(rows + 1))
    return HeatMap(column_s, edges, tuple(cells))


def _rows(latency_ms: Mapping[int, Sequence[float]]) -> tuple[int, int, int]:
    """Rows per power of ten, the number of the lowest, and how many hold all latencies."""
    low, high = (float(_logs(of(of(part) for part in latency_ms.values()))) for of in (min, max))
    for per_decade in _PER_DECADE:
        lowest = math.floor(low * per_decade + _ROUNDED)
        rows = math.floor(high * per_decade + _ROUNDED) - lowest + 1
        if rows <= _ROWS:
            break
    return per_decade, lowest, rows


def _logs(latency_ms: object) -> "np.ndarray[tuple[int, ...], np.dtype[np.float64]]":
    return np.log10(np.maximum(np.asarray(latency_ms, dtype=np.float64), _SHORTEST_MS))
