"""Order statistics and the coverage of their intervals."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.stats import binom

from tuner.model.quantiles import (
    chance_below,
    mean_interval,
    order_statistics,
    quantile_interval,
    quantile_ranks,
)


def test_no_value_has_no_statistics() -> None:
    assert order_statistics([]) is None
    assert order_statistics([float("nan"), float("inf")]) is None


def test_one_value_is_every_percentile_and_has_no_interval() -> None:
    found = order_statistics([7.0])
    assert found is not None
    assert (found.n, found.mean, found.p50, found.p99, found.max) == (1, 7.0, 7.0, 7.0, 7.0)
    assert found.mean_ci is found.p50_ci is found.p95_ci is None


@given(st.lists(st.floats(0.01, 9e5), min_size=1, max_size=60))
def test_percentiles_are_ordered_and_intervals_hold_their_estimate(values: list[float]) -> None:
    found = order_statistics(values)
    assert found is not None
    assert found.p50 <= found.p90 <= found.p95 <= found.p99 <= found.max == max(values)
    for interval, estimate in ((found.p50_ci, found.p50), (found.p95_ci, found.p95)):
        if interval:
            assert interval[0] <= estimate <= interval[1]


@pytest.mark.parametrize(("q", "n"), [(0.5, 10), (0.5, 25), (0.5, 700), (0.95, 80), (0.95, 600)])
def test_the_interval_of_a_percentile_covers_it_in_90_percent(q: float, n: int) -> None:
    rng = np.random.default_rng(5)
    truth = float(np.exp(np.quantile(rng.standard_normal(200_000), q)))
    inside = 0
    for _ in range(400):
        interval = quantile_interval(np.exp(rng.standard_normal(n)), q)
        assert interval is not None
        inside += interval[0] <= truth <= interval[1]
    assert 0.87 <= inside / 400 <= 0.99


def test_too_few_values_have_no_interval() -> None:
    assert quantile_interval([1.0, 2.0, 3.0], 0.5) is None
    assert quantile_interval(np.arange(20.0), 0.95) is None
    assert mean_interval([1.0, 2.0]) is None


def test_the_interval_of_the_mean_is_seeded() -> None:
    values = np.random.default_rng(1).exponential(5.0, 30)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    low, high = mean_interval(values, seed=3) or (0.0, 0.0)
    assert low < values.mean() < high


@pytest.mark.parametrize("n", [10_001, 20_000])
def test_the_interval_of_a_mean_of_many_values_is_that_of_the_bootstrap(n: int) -> None:
    values = np.random.default_rng(2).pareto(3.0, n)  # far from normal
    low, high = mean_interval(values) or (0.0, 0.0)
    rng = np.random.default_rng(3)
    means = np.array([rng.choice(values, n).mean() for _ in range(2_000)])
    slow_low, slow_high = np.quantile(means, (0.05, 0.95))
    assert abs(low - slow_low) < 0.05 * (high - low) > abs(high - slow_high)
    assert mean_interval(np.full(n, 7.0)) == (7.0, 7.0)


def test_a_quantile_outside_the_open_unit_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        quantile_interval([1.0], 1.0)


@example(22, 0.9)
@given(st.integers(1, 3_000_000), st.sampled_from([0.001, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999]))
def test_ranks_of_an_interval_are_the_narrowest_that_the_binomial_allows(n: int, q: float) -> None:
    ranks = quantile_ranks(n, q)
    if ranks is None:
        assert 1 - q**n - (1 - q) ** n < 0.9
        return
    low, high = ranks
    assert 0 <= low < high < n
    # So many values lie below the quantile: more than low of them, at most high.
    assert binom.cdf(high, n, q) - binom.cdf(low, n, q) >= 0.9 - 1e-9 or low == 0
    assert binom.cdf(low - 1, n, q) < 0.05 + 1e-9
    assert high == n - 1 or binom.sf(high - 1, n, q) > 0.05 - 1e-9


@given(st.integers(1, 400), st.floats(0.01, 0.99), st.data())
def test_the_chance_of_a_quantile_below_a_limit_is_mid_p(
    count: int, q: float, data: st.DataObject
) -> None:
    """Where as many lie below the limit as the quantile says, it is a half on average."""
    below = data.draw(st.integers(0, count))
    exact = binom.cdf(below, count, q) - binom.pmf(below, count, q) / 2
    assert chance_below(below, count, q) == pytest.approx(exact, abs=1e-9)
    weights = binom.pmf(np.arange(count + 1), count, q)
    told = [chance_below(each, count, q) for each in range(count + 1)]
    assert float(weights @ told) == pytest.approx(0.5, abs=1e-9)
