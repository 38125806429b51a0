"""Accumulated figures against plain lists of the same samples."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_sample
from tuner.measure.statistics import Latencies, Timeline
from tuner.records import Outcome, Sample


@given(
    st.lists(st.floats(0.001, 900_000), min_size=1, max_size=300),
    st.sampled_from([0.1, 50.0, 90.0, 97.0, 99.0, 99.99, 100.0]) | st.floats(0.0001, 100.0),
)
def test_percentiles_are_those_of_all_samples_to_three_digits(
    times: list[float], percent: float
) -> None:
    latencies = Latencies()
    for latency in times:
        latencies.record(latency)
    found = latencies.percentile_ms(percent)
    assert latencies.count == len(times)
    assert found is not None
    enough = next(
        each
        for rank, each in enumerate(sorted(times), 1)
        if 100 * rank / len(times) >= percent - 1e-6
    )
    assert found == pytest.approx(enough, rel=1e-3, abs=0.0011)


def test_what_was_never_recorded_has_no_figures() -> None:
    assert Latencies().percentile_ms(50) is None
    assert Latencies().mean_ms() is None


def test_what_is_out_of_range_counts_at_its_end() -> None:
    latencies = Latencies()
    latencies.record(-5.0)
    latencies.record(9e9)
    assert latencies.count == 2
    assert latencies.percentile_ms(1) == pytest.approx(0.001)
    assert latencies.percentile_ms(100) == pytest.approx(3_600_000, rel=1e-3)


def sample(
    due: float, lag: float, took: float, outcome: Outcome, attempt: int, cold: bool
) -> Sample:
    return a_sample(
        due_s=due,
        sent_s=due + lag,
        took_s=took,
        outcome=outcome,
        attempt=attempt,
        init_ms=1.0 if cold else None,
    )


SAMPLES = st.lists(
    st.builds(
        sample,
        st.floats(0, 5),
        st.floats(0, 0.5),
        st.floats(0, 3),
        st.sampled_from(Outcome),
        st.integers(1, 2),
        st.booleans(),
    ),
    max_size=40,
)


@given(SAMPLES)
def test_the_seconds_add_up_to_the_samples(samples: list[Sample]) -> None:
    timeline = Timeline()
    for one in samples:
        timeline.add(one)
    rows = timeline.seconds()
    outcomes = Counter(one.outcome for one in samples)
    assert sum(row.sent for row in rows) == len(samples)
    assert sum(row.asked for row in rows) == sum(one.attempt == 1 for one in samples)
    assert sum(row.ok for row in rows) == outcomes[Outcome.OK]
    assert sum(row.throttled for row in rows) == outcomes[Outcome.THROTTLED]
    assert sum(row.ok + row.throttled + row.errors for row in rows) == len(samples)
    assert sum(row.cold for row in rows) == sum(one.cold for one in samples)
    busy = sum(one.done_s - one.sent_s for one in samples)
    assert sum(row.in_flight for row in rows) == pytest.approx(busy, abs=1e-9)
    assert all(later.at_s == row.at_s + 1 for row, later in pairwise(rows))


@given(SAMPLES)
def test_a_seconds_percentiles_are_of_the_good_answers_that_ended_in_it(
    samples: list[Sample],
) -> None:
    timeline = Timeline()
    for one in samples:
        timeline.add(one)
    for row in timeline.seconds():
        ended = [
            one.latency_ms
            for one in samples
            if int(one.done_s // 1) == row.at_s and one.outcome is Outcome.OK
        ]
        assert (row.p50_ms is None) == (not ended)
        if ended:
            assert row.p99_ms == pytest.approx(np.percentile(ended, 99, method="higher"))


def test_a_pause_is_a_row_of_nothing() -> None:
    timeline = Timeline()
    timeline.add(a_sample(due_s=0.5))
    timeline.add(a_sample(due_s=3.5))
    assert [row.asked for row in timeline.seconds()] == [1, 0, 0, 1]
