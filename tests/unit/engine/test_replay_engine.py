"""A recording that answers like a function: the right rows, virtual time, the same every time."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_batch, a_variant, some_calls
from tuner.engine.engine import Batch
from tuner.engine.replay_engine import ReplayEngine
from tuner.errors import UsageError
from tuner.recording import RecordedRow, Recording
from tuner.records import Outcome, Part, Purpose, Sample

MIXED = {
    128: [
        RecordedRow(128, 100.5, 200.0, 99.5, 40.0),
        *(RecordedRow(128, 40.0 + n, 41.0 + n) for n in range(20)),
    ],
    256: [RecordedRow(256, 20.2, None, None, 44.0, 25.0)],
}


def recording(rows: Mapping[int, Sequence[RecordedRow]]) -> Recording:
    return Recording("r.csv", None, (), by_size=rows)


def batch(
    calls: int,
    memory_mb: int = 128,
    purpose: Purpose = Purpose.WARM,
    concurrency: int = 1,
    first: int = 0,
    due: Sequence[float] | None = None,
) -> Batch:
    made = some_calls(calls if due is None else due, a_variant(memory_mb), first, purpose=purpose)
    return a_batch(made, concurrency)


def run(
    wanted: Batch, seed: int = 1, rows: Mapping[int, Sequence[RecordedRow]] = MIXED
) -> list[Sample]:
    return list(ReplayEngine({Part(): recording(rows)}, seed).run(wanted))


def test_warm_calls_draw_warm_rows_with_replacement() -> None:
    samples = run(batch(200))
    assert not any(sample.cold for sample in samples)
    assert {sample.duration_ms for sample in samples} == {40.0 + n for n in range(20)}


def test_cold_calls_draw_rows_with_init() -> None:
    [sample] = run(batch(1, purpose=Purpose.COLD))
    assert (sample.init_ms, sample.duration_ms, sample.billed_ms) == (99.5, 100.5, 200.0)
    assert sample.service_ms == pytest.approx(200.0)


def test_a_size_recorded_cold_only_answers_warm_calls_without_its_init() -> None:
    [sample] = run(batch(1), rows={128: [RecordedRow(128, 100.5, 200.0, 99.5, 40.0, 230.0)]})
    assert (sample.init_ms, sample.duration_ms, sample.billed_ms) == (None, 100.5, 101.0)
    assert sample.service_ms == pytest.approx(100.5)


def test_a_recorded_call_of_no_time_is_billed_a_whole_millisecond() -> None:
    [sample] = run(batch(1), rows={128: [RecordedRow(128, 0.0)]})
    assert (sample.duration_ms, sample.billed_ms) == (0.0, 1.0)


def test_a_size_without_cold_starts_gives_samples_that_are_not_cold() -> None:
    [sample] = run(batch(1, 256, Purpose.COLD))
    assert not sample.cold


def test_what_was_not_recorded_follows_the_billing_rule_or_stays_unknown() -> None:
    [sample] = run(batch(1, 256))
    assert (sample.billed_ms, sample.request_id, sample.status) == (21.0, None, None)
    assert sample.service_ms == pytest.approx(25.0)


def test_a_failed_row_keeps_its_outcome() -> None:
    [sample] = run(batch(1), rows={128: [RecordedRow(128, None, outcome=Outcome.OUT_OF_MEMORY)]})
    assert (sample.outcome, sample.reason, sample.billed_ms) == (
        Outcome.OUT_OF_MEMORY,
        "recorded as out_of_memory",
        None,
    )


def test_a_size_without_rows_names_those_there_are() -> None:
    with pytest.raises(UsageError, match="128, 256"):
        run(batch(1, 512))


@given(st.integers(0, 9), st.permutations(range(12)))
def test_a_call_draws_the_same_row_whatever_comes_before_it(seed: int, order: list[int]) -> None:
    in_order = {sample.call: sample.duration_ms for sample in run(batch(12), seed)}
    engine = ReplayEngine({Part(): recording(MIXED)}, seed)
    for number in order:
        [sample] = engine.run(batch(1, first=number))
        assert sample.duration_ms == in_order[number]


def test_another_seed_draws_other_rows() -> None:
    assert [s.duration_ms for s in run(batch(30), 1)] != [s.duration_ms for s in run(batch(30), 2)]


@given(concurrency=st.integers(1, 5), calls=st.integers(0, 20))
def test_virtual_time_holds_as_many_calls_at_once_as_the_concurrency(
    concurrency: int, calls: int
) -> None:
    samples = run(batch(calls, concurrency=concurrency))
    assert sorted(sample.call for sample in samples) == list(range(calls))
    assert [s.done_s for s in samples] == sorted(s.done_s for s in samples)
    for sample in samples:
        inside = [s for s in samples if s.sent_s <= sample.sent_s < s.done_s]
        assert 1 <= len(inside) <= concurrency


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12), st.integers(1, 4))
def test_calls_with_due_times_are_sent_then_or_when_a_user_is_free(
    due: list[float], concurrency: int
) -> None:
    samples = {
        sample.call: sample for sample in run(batch(len(due), concurrency=concurrency, due=due))
    }
    for number, at in enumerate(due):
        assert samples[number].due_s == at
        assert samples[number].sent_s >= at
    if concurrency >= len(due):
        assert all(sample.lag_ms == 0 for sample in samples.values())


def test_the_next_batch_goes_on_where_the_last_one_ended() -> None:
    engine = ReplayEngine({Part(): recording(MIXED)}, 1, origin_s=5.0)
    [*_, last] = engine.run(batch(3))
    [first] = engine.run(batch(1, first=3))
    assert first.due_s == last.done_s > 5.0


def test_stop_begins_no_further_call() -> None:
    engine = ReplayEngine({Part(): recording(MIXED)}, 1)
    seen = []
    for sample in engine.run(batch(50, concurrency=2)):
        seen.append(sample)
        engine.stop()
    assert 1 <= len(seen) <= 3
    assert len(list(engine.run(batch(2)))) == 2
