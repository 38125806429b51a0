"""What the model sees of a run's samples."""

import math

import numpy as np

from support.factories import a_sample
from tuner.model.observations import from_samples
from tuner.records import PROXIED, Outcome, Purpose, Sample


def sample(memory_mb: int, duration_ms: float | None, **changes: object) -> Sample:
    return a_sample(memory_mb, duration_ms=duration_ms, **changes)


def test_nothing_gives_empty_arrays() -> None:
    found = from_samples([])
    assert len(found) == 0
    assert found.infeasible_mb() == 0


def test_cold_starts_and_warm_ups_are_kept_out_of_the_warm_durations() -> None:
    found = from_samples(
        [
            sample(128, 5.0),
            sample(128, 6.0),
            sample(128, 50.0, purpose=Purpose.WARM_UP),
            sample(128, 40.0, purpose=Purpose.COLD, init_ms=200.0, billed_ms=240.0),
        ]
    )
    assert found.duration_ms.tolist() == [5.0, 6.0]
    assert found.cold.init_ms.tolist() == [200.0]
    assert found.cold.billed_ms.tolist() == [240.0]


def test_a_recording_of_first_calls_is_modelled_by_them() -> None:
    rows = [sample(128, 40.0 + i, init_ms=200.0, billed_ms=250.0) for i in range(3)]
    found = from_samples([*rows, sample(128, 30.0)])
    assert found.first_calls
    assert len(found) == 4
    assert found.billed_ms.tolist() == [40.0, 41.0, 42.0, 30.0]


def test_unusable_durations_are_dropped_and_counted() -> None:
    bad = (math.nan, math.inf, -3.0, None)
    found = from_samples([sample(128, value) for value in (*bad, 7.0, 0.0)])
    assert found.dropped == 4
    assert found.duration_ms.tolist() == [7.0, 0.01]


def test_a_size_that_is_killed_is_infeasible_and_all_below_it_too() -> None:
    killed = [sample(m, None, outcome=Outcome.OUT_OF_MEMORY) for m in (128, 256)]
    found = from_samples([*killed, sample(512, 9.0)])
    assert found.failures == {128: "runs out of memory", 256: "runs out of memory"}
    assert found.infeasible_mb() == 256


def test_a_rare_timeout_does_not_condemn_a_size() -> None:
    rows = [sample(256, 9.0) for _ in range(9)]
    found = from_samples([*rows, sample(256, None, outcome=Outcome.TIMEOUT)])
    assert found.infeasible_mb() == 0
    assert found.error_share == 0.1


def test_order_of_samples_does_not_matter_to_the_sizes() -> None:
    found = from_samples([sample(512, 3.0), sample(128, 9.0), sample(256, 5.0)])
    assert np.array_equal(found.sizes_mb, [128, 256, 512])
    assert found.at(256).tolist() == [5.0]


def test_answers_of_5xx_are_errors_and_their_durations_are_kept() -> None:
    wrong = [sample(512, 9.0, reason=f"{PROXIED}500") for _ in range(3)]
    found = from_samples([*wrong, sample(512, 9.0)])
    assert found.error_share == 0.75
    assert len(found) == 4
