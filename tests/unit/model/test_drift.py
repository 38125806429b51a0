"""How far runs lie apart is told from their history, without what a change or sampling explains."""

import numpy as np
import pytest

from tuner.model.run_history import between_runs


def drifting(seed: int, runs: int, drift: float) -> np.ndarray:
    """Runs whose difference has the standard deviation ``drift`` in logarithms."""
    steps = np.random.default_rng(seed).standard_normal(runs)
    return 50.0 * np.exp(drift / np.sqrt(2.0) * steps)


def test_the_drift_of_a_long_history_is_told() -> None:
    told = [between_runs(drifting(seed, 200, 0.08)) for seed in range(30)]
    assert np.mean([t for t in told if t is not None]) == pytest.approx(0.08, rel=0.15)


def test_few_runs_state_it_rather_too_high() -> None:
    told = [between_runs(drifting(seed, 8, 0.08)) for seed in range(300)]
    assert np.mean([t is not None and t > 0.08 for t in told]) > 0.6


def test_what_sampling_explains_is_no_drift() -> None:
    noise = np.random.default_rng(1).standard_normal(100)
    history = 50.0 * np.exp(0.03 * noise)
    told = between_runs(history, np.full(100, 0.03))
    plain = between_runs(history)
    assert told is not None
    assert plain is not None
    assert told < 0.4 * plain


def test_one_change_of_level_is_no_drift() -> None:
    history = drifting(1, 60, 0.02)
    history[30:] *= 1.5
    told = between_runs(history)
    assert told is not None
    assert told < 0.03


def test_too_few_runs_tell_nothing() -> None:
    assert between_runs([1.0, 1.1, 1.2, 1.0]) is None
    assert between_runs([]) is None
