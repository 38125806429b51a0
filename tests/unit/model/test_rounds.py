"""What a machine does from round to round is told from the scatter of calls, and from sizes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.model.rounds import RoundDrift, between_rounds

ROUNDS, EACH = 6, 5
LEVELS = np.array([5.0, 4.4, 4.0])  # of three sizes, log ms


def drawn(seed: int, drift: float, scatter: float = 0.05) -> RoundDrift:
    """Three sizes in interleaved rounds, on a machine that drifts by so much."""
    rng = np.random.default_rng(seed)
    effects = drift * rng.standard_normal(ROUNDS)
    turn, size, _ = (
        each.ravel() for each in np.indices((ROUNDS, LEVELS.size, EACH), dtype=np.int64)
    )
    logs = LEVELS[size] + effects[turn] + scatter * rng.standard_normal(turn.size)
    return between_rounds(size * 128 + 128, logs, turn)


def test_what_rounds_differ_by_is_told_from_the_scatter_of_calls() -> None:
    found = [drawn(seed, 0.2) for seed in range(100)]
    assert all(each.sure and each.rounds == ROUNDS for each in found)
    assert np.mean([each.sd**2 for each in found]) == pytest.approx(0.04, rel=0.25)


def test_scatter_of_calls_is_no_drift() -> None:
    assert sum(drawn(seed, 0.0).sure for seed in range(500)) <= 8


def test_one_slow_call_is_no_round() -> None:
    sizes, turns = np.tile([128, 256], 20), np.repeat(np.arange(4), 10)
    logs = np.random.default_rng(1).normal(np.where(sizes == 128, 5.0, 4.0), 0.02)
    logs[7] += 2.0
    assert not between_rounds(sizes, logs, turns).sure


def test_sizes_of_a_round_each_say_nothing_of_rounds() -> None:
    sizes, turns = np.repeat([128, 256, 512], 10), np.repeat([0, 1, 2], 10)
    logs = np.repeat([5.0, 4.0, 3.0], 10)
    assert between_rounds(sizes, logs, turns) == RoundDrift(0.0, False, 0)


def test_neighbouring_rounds_of_a_long_run_count_as_one() -> None:
    rng = np.random.default_rng(2)
    turns = np.repeat(np.arange(1000), 2)
    sizes = np.tile([128, 256], 1000)
    moods = np.repeat(0.1 * rng.standard_normal(10), 200)
    logs = moods + 0.05 * rng.standard_normal(turns.size)
    found = between_rounds(sizes, logs, turns)
    assert found.sure
    assert found.rounds == 200
    assert found.sd == pytest.approx(0.1, rel=0.4)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.floats(-5.0, 12.0)), min_size=0))
def test_any_calls_have_a_drift_that_is_finite(calls: list[tuple[int, int, float]]) -> None:
    sizes, turns, logs = (np.array([call[i] for call in calls]) for i in range(3))
    found = between_rounds(sizes.astype(np.int64), logs.astype(float), turns.astype(np.int64))
    assert np.isfinite(found.sd)
    assert found.sure or found.sd == 0.0
    assert 0 <= found.rounds <= 5
