"""Changes of level are found where they are; noise and single odd runs are none."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tuner.model.run_history import Sensitivity, change_points, farthest_split, t_test


def history(levels: list[tuple[int, float]], seed: int = 1, noise: float = 0.05) -> np.ndarray:
    level = np.concatenate([np.full(runs, value) for runs, value in levels])
    return level * np.exp(noise * np.random.default_rng(seed).standard_normal(level.size))


def energy(left: list[float], right: list[float]) -> float:
    """Q of Matteson and James by its definition."""
    n, m = len(left), len(right)

    def mean(pairs: list[tuple[float, float]]) -> float:
        return sum(abs(a - b) for a, b in pairs) / len(pairs)

    spread = 2 * mean(list(itertools.product(left, right)))
    spread -= mean(list(itertools.combinations(left, 2)))
    spread -= mean(list(itertools.combinations(right, 2)))
    return spread * n * m / (n + m)


@given(st.lists(st.floats(-10, 10), min_size=4, max_size=11))
def test_the_farthest_split_is_that_of_the_slow_definition(values: list[float]) -> None:
    every = {
        (t, k): energy(values[:t], values[t:k])
        for t in range(2, len(values) - 1)
        for k in range(t + 2, len(values) + 1)
    }
    found = farthest_split(np.array(values))
    assert found is not None
    assert every[found] == pytest.approx(max(every.values()), abs=1e-9)


def test_less_than_two_values_on_each_side_have_no_split() -> None:
    assert farthest_split(np.array([1.0, 2.0, 3.0])) is None


@given(
    st.lists(st.floats(1, 2), min_size=2, max_size=20),
    st.lists(st.floats(1, 2), min_size=2, max_size=20),
)
def test_the_t_test_is_that_of_scipy(left: list[float], right: list[float]) -> None:
    a, b = np.array(left), np.array(right)
    if min(a.std(), b.std()) > 1e-3:
        slow = stats.ttest_ind(a, b).pvalue
        assert t_test(a, b) == pytest.approx(slow, rel=1e-6, abs=1e-12)


def test_changes_are_found_with_their_place_and_size() -> None:
    found = change_points(history([(40, 100.0), (30, 115.0), (30, 90.0)]))
    assert [abs(point.index - at) <= 2 for point, at in zip(found, (40, 70), strict=True)]
    assert found[0].ratio == pytest.approx(1.15, rel=0.04)
    assert found[1].ratio == pytest.approx(90 / 115, rel=0.04)
    assert found[0].before == pytest.approx(100.0, rel=0.03)
    assert all(point.p_value <= 0.0003 for point in found)


def test_noise_alone_has_hardly_ever_a_change() -> None:
    alarms = [bool(change_points(history([(100, 100.0)], seed))) for seed in range(60)]
    assert sum(alarms) <= 6


def test_a_single_odd_run_is_no_change() -> None:
    values = history([(60, 100.0)], noise=0.02)
    values[30] = 200.0
    assert change_points(values) == ()


def test_changes_too_small_to_matter_are_merged_away() -> None:
    values = history([(50, 100.0), (50, 106.0)], noise=0.02)
    assert len(change_points(values)) == 1
    assert change_points(values, Sensitivity(least=0.1)) == ()


def test_an_exact_step_without_noise_is_found() -> None:
    (point,) = change_points([5.0] * 10 + [6.0] * 10)
    assert point.index == 10
    assert point.ratio == pytest.approx(1.2)
    assert change_points([5.0] * 30) == ()


def test_runs_without_a_value_are_counted_and_skipped() -> None:
    values = history([(30, 100.0), (30, 130.0)], noise=0.02)
    with_gaps = np.insert(values, [10, 20], math.nan)
    (point,) = change_points(with_gaps)
    assert point.index == 32
    assert change_points([]) == ()
    assert change_points([math.nan, 1.0]) == ()


def test_the_unit_of_a_history_does_not_matter() -> None:
    values = history([(50, 100.0), (50, 120.0)])
    found, scaled = change_points(values), change_points(values / 1e6)
    assert found
    assert [p.index for p in found] == [p.index for p in scaled]
    assert [p.ratio for p in found] == pytest.approx([p.ratio for p in scaled])
