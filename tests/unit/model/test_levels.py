"""What neighbouring rounds have in common is taken out of both sides, and the ratio stays."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.model.comparison import Measured, Precision, compare
from tuner.model.spread import REACH, levelled


def moods(seed: int, rounds: int) -> np.ndarray:
    """A level that wanders slowly, up and down by some 30 %."""
    steps = np.random.default_rng(seed).standard_normal(rounds + 19)
    return np.exp(0.3 * np.convolve(steps, np.ones(20), "valid") / np.sqrt(20))


@given(st.floats(0.2, 5.0), st.integers(2 * REACH + 1, 60), st.integers(0, 99))
def test_a_factor_of_one_side_is_kept_exactly(factor: float, rounds: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = np.exp(rng.standard_normal((2, rounds)))
    numbers = (np.arange(rounds), np.arange(rounds))
    plain = levelled((one, other), numbers)
    changed = levelled((one, factor * other), numbers)
    before, after = (np.log(c) - np.log(p) for c, p in zip(changed, plain, strict=True))
    assert before == pytest.approx(before[0])
    assert after - before == pytest.approx(np.log(factor))


def test_moods_of_the_machine_widen_the_interval_of_a_median_no_more() -> None:
    rng = np.random.default_rng(1)
    mood = moods(2, 200)
    noise = np.exp(0.05 * rng.standard_normal((2, 200)))
    rounds = np.arange(200)
    calm = compare(Measured.of(noise[0], rounds), Measured.of(noise[1], rounds), 0.5)
    moody = compare(Measured.of(mood * noise[0], rounds), Measured.of(mood * noise[1], rounds), 0.5)
    alone = compare(Measured.of(mood * noise[0]), Measured.of(mood * noise[1]), 0.5)
    assert moody.log_error < 1.4 * calm.log_error
    assert moody.log_error < 0.4 * alone.log_error


def test_intervals_of_calls_at_one_time_hold_what_they_promise() -> None:
    rng = np.random.default_rng(3)
    rounds = np.arange(60)
    held = []
    for seed in range(600):
        mood = moods(seed, 60)
        sides = [mood * np.exp(0.1 * rng.standard_normal(60)) for _ in range(2)]
        effect = compare(
            Measured.of(sides[0], rounds), Measured.of(1.1 * sides[1], rounds), 0.5, Precision(0.05)
        )
        held.append(effect.low < 1.1 < effect.high)
    assert 0.87 < np.mean(held) < 0.97


def test_rounds_that_only_one_side_has_take_the_level_of_their_neighbours() -> None:
    mood = moods(4, 50)
    rounds = np.arange(50)
    fewer = np.delete(rounds, [0, 10, 11, 49])
    moved = levelled((mood, mood[fewer]), (rounds, fewer))
    assert np.std(np.log(moved[0])) < 0.5 * np.std(np.log(mood))
    assert moved[1].size == fewer.size


def test_several_calls_of_a_round_share_its_level() -> None:
    mood = np.repeat(moods(5, 40), 3)
    rounds = np.repeat(np.arange(40), 3)
    moved = levelled((mood, mood), (rounds, rounds))
    assert np.std(np.log(moved[0])) < 0.5 * np.std(np.log(mood))


def test_too_few_rounds_leave_the_values_as_they_are() -> None:
    values = np.array([1.0, 2.0, 3.0])
    same = levelled((values, values), (np.arange(3), np.arange(3)))
    assert same[0] is values
