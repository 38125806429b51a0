"""Quantiles of a few values, with how little these tell."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.model.noise import draw_quantile_ms

#: The 95th percentile of a log-normal around 100 ms with a log-sd of 0.2.
TRUE_P95 = 100.0 * np.exp(0.2 * 1.6449)


def test_intervals_of_a_percentile_of_ten_values_hold_the_truth() -> None:
    rng = np.random.default_rng(5)
    held = []
    for _ in range(60):
        drawn = draw_quantile_ms(100.0 * np.exp(0.2 * rng.standard_normal(10)), 0.95, 256)
        low, high = np.quantile(drawn, (0.05, 0.95))
        held.append(low <= TRUE_P95 <= high)
    assert 0.78 <= np.mean(held) <= 0.99


def test_many_values_tell_a_percentile_and_a_mean_closely() -> None:
    values = 100.0 * np.exp(0.2 * np.random.default_rng(1).standard_normal(2000))
    p95, mean = (draw_quantile_ms(values, q, 256) for q in (0.95, None))
    assert p95.mean() == pytest.approx(TRUE_P95, rel=0.04)
    assert mean.mean() == pytest.approx(values.mean(), rel=0.02)
    assert p95.std() < draw_quantile_ms(values[:10], 0.95, 256).std() / 3


@given(st.lists(st.floats(0.0, 1e6), max_size=12), st.sampled_from([None, 0.5, 0.99]))
def test_draws_are_finite_and_the_same_for_the_same_values(
    values: list[float], q: float | None
) -> None:
    drawn, again = (draw_quantile_ms(np.array(values), q, 16) for _ in range(2))
    assert drawn.shape == (16,)
    assert np.isfinite(drawn).all()
    assert (drawn >= 0).all()
    assert (drawn == again).all()
    assert bool(values) or not drawn.any()
