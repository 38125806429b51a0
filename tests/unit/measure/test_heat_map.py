"""Counts in a grid against the latencies that were counted."""

from collections import Counter

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.measure.heat_map import heat_map


@given(
    st.dictionaries(
        st.integers(0, 50_000),
        st.lists(st.floats(0.0, 3_600_000.0), min_size=1, max_size=30),
        min_size=1,
        max_size=30,
    )
)
@example({0: [0.0], 9: [3_600_000.0]})
def test_each_call_is_in_the_one_cell_of_its_second_and_latency(
    latency_ms: dict[int, list[float]],
) -> None:
    heat = heat_map(latency_ms)
    assert heat is not None
    first, edges = min(latency_ms), [*heat.edges_ms]
    assert len(edges) <= 33
    assert edges == sorted(edges)
    expected: Counter[tuple[int, int]] = Counter()
    for second, parts in latency_ms.items():
        column = first + (second - first) // heat.column_s * heat.column_s
        for each in parts:
            above = max(each, 1e-3) * (1.0 + 1e-9)  # an edge is of the row above it
            expected[column, sum(edge <= above for edge in edges[1:-1])] += 1
    assert {(second, row): calls for second, row, calls in heat.cells} == expected
    assert len({second for second, *_ in heat.cells}) <= 120


def test_a_day_of_many_calls_stays_small() -> None:
    chance = np.random.default_rng(1)
    day = {second: [*chance.lognormal(4.0, 2.0, 5)] for second in range(86_400)}
    heat = heat_map(day)
    assert heat is not None
    assert (heat.column_s, sum(calls for *_, calls in heat.cells)) == (720, 432_000)
    assert len(heat.cells) <= 120 * 32


def test_latencies_within_a_few_percent_still_have_rows_of_their_own() -> None:
    heat = heat_map({0: [100.0, 100.0], 1: [113.0]})
    assert heat is not None
    assert [(second, calls) for second, _, calls in heat.cells] == [(0, 2), (1, 1)]
    assert [row for _, row, _ in heat.cells] == [0, 2]
    assert heat_map({}) is None
