"""Ratios come with intervals that hold what they promise, as a slow bootstrap would have them."""

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.model.comparison import (
    Control,
    Counted,
    Measured,
    Precision,
    compare,
    compare_rates,
)
from tuner.model.limits import mean_limits, quantile_limits, rate_limits
from tuner.model.spread import (
    RoundPart,
    estimate,
    interpolated,
    least_count,
    untied,
    variance_over_rounds,
)


def lognormal(seed: int, *shape: int, spread: float = 0.2) -> np.ndarray:
    return 100.0 * np.exp(spread * np.random.default_rng(seed).standard_normal(shape))


@pytest.mark.parametrize(("quantile", "calls"), [(0.5, 25), (0.5, 120), (0.9, 120), (0.95, 200)])
def test_the_error_of_a_quantile_is_that_of_a_bootstrap(quantile: float, calls: int) -> None:
    values = lognormal(1, calls)
    found = estimate(values, quantile)
    assert found is not None
    drawn = np.random.default_rng(2).choice(values, (20_000, calls))
    slow = np.log(np.quantile(drawn, quantile, axis=1)).std()
    assert found.log_error == pytest.approx(slow, rel=0.12)
    assert found.value == pytest.approx(np.quantile(values, quantile))
    assert np.sqrt(np.square(found.influence).sum()) == pytest.approx(found.log_error)


def test_the_error_of_a_mean_is_that_of_a_bootstrap() -> None:
    values = lognormal(3, 60)
    found = estimate(values, None)
    assert found is not None
    slow = np.log(np.random.default_rng(4).choice(values, (20_000, 60)).mean(axis=1)).std()
    assert found.log_error == pytest.approx(slow, rel=0.05)


def test_nothing_is_said_about_a_quantile_with_too_few_values_beyond_it() -> None:
    assert [least_count(q) for q in (None, 0.5, 0.95, 0.99)] == [8, 10, 100, 500]
    assert estimate(lognormal(1, 99), 0.95) is None
    assert estimate(lognormal(1, 100), 0.95) is not None


@pytest.mark.parametrize(("quantile", "calls"), [(0.5, 40), (0.95, 150), (None, 40)])
def test_intervals_hold_the_true_ratio_as_often_as_they_say(
    quantile: float | None, calls: int
) -> None:
    before, after = lognormal(5, 1500, calls), 1.1 * lognormal(6, 1500, calls)
    effects = [
        compare(Measured.of(a), Measured.of(b), quantile, Precision(0.05))
        for a, b in zip(before, after, strict=True)
    ]
    held = np.mean([e.low < 1.1 < e.high for e in effects])
    assert 0.88 < held < 0.96


def test_rounded_values_raise_no_more_alarms_than_others() -> None:
    draws = np.ceil(lognormal(7, 2, 1500, 50, spread=0.1) / 20.0)
    effects = [
        compare(Measured.of(a), Measured.of(b), 0.5, Precision(0.01))
        for a, b in zip(*draws, strict=True)
    ]
    assert np.mean([e.low > 1 or e.high < 1 for e in effects]) < 0.02


@given(st.lists(st.floats(0.5, 1e6), min_size=2, max_size=40), st.integers(0, 3))
def test_spreading_ties_moves_no_value_beyond_its_step_and_keeps_the_mean(
    values: list[float], digits: int
) -> None:
    data = np.round(np.array(values), digits)
    data = data[data > 0]
    moved = untied(data)
    kinds = np.unique(data)
    step = np.diff(kinds).min() if kinds.size > 1 else 0.0
    assert (np.abs(moved - data) <= step / 2 + 1e-9).all()
    if data.size and (data > step).all():
        assert moved.mean() == pytest.approx(data.mean())


def test_what_a_round_did_to_both_sides_cancels() -> None:
    rng = np.random.default_rng(8)
    weather = np.exp(0.3 * rng.standard_normal(300))
    sides = [weather * np.exp(0.03 * rng.standard_normal(300)) for _ in range(2)]
    rounds = np.arange(300)
    alone = compare(Measured.of(sides[0]), Measured.of(sides[1]), None)
    paired = compare(Measured.of(sides[0], rounds), Measured.of(sides[1], rounds), None)
    assert paired.paired
    assert paired.log_error < 0.6 * alone.log_error
    assert paired.ratio == alone.ratio


def test_rounds_that_did_nothing_make_no_interval_narrower_by_much() -> None:
    narrower = []
    for seed in range(200):
        one, other = (estimate(lognormal(2 * seed + i, 60), 0.5) for i in range(2))
        assert one is not None
        assert other is not None
        rounds = np.arange(60)
        told = variance_over_rounds([RoundPart(one, rounds, -1.0), RoundPart(other, rounds, 1.0)])
        narrower.append(told.value / (one.log_error**2 + other.log_error**2))
    assert np.mean(narrower) > 0.93
    assert np.quantile(narrower, 0.02) > 0.6


@pytest.mark.parametrize("shares", [(0.0, 1.0), (-0.5, 1.5), (0.0, 0.0), (1.0, 1.0)])
def test_an_interval_holds_for_every_share_of_what_the_control_did(
    shares: tuple[float, float],
) -> None:
    before, after = Measured.of(lognormal(1, 200)), Measured.of(1.2 * lognormal(2, 200))
    then, now = Measured.of(lognormal(3, 200)), Measured.of(1.1 * lognormal(4, 200))
    plain = compare(before, after, 0.5)
    wide = compare(before, after, 0.5, control=Control(then, now, shares=shares))
    assert wide.ratio == plain.ratio
    assert wide.control_ratio == pytest.approx(1.1, rel=0.05)
    for share in np.linspace(*shares, 5):
        one = compare(before, after, 0.5, control=Control(then, now, shares=(share, share)))
        assert wide.low <= one.low < one.high <= wide.high
    assert wide.low <= plain.ratio / wide.control_ratio ** shares[1] <= wide.high
    assert plain.log_error <= wide.log_error


def test_the_difference_between_runs_does_not_shrink_with_calls() -> None:
    sides = [Measured.of(lognormal(i, 20_000)) for i in range(2)]
    effect = compare(sides[0], sides[1], 0.5, Precision(0.025, between_runs=0.05))
    assert effect.log_error == pytest.approx(0.05, rel=0.01)


def test_a_maximum_has_a_ratio_and_no_interval() -> None:
    effect = compare(Measured.of(lognormal(1, 50)), Measured.of(lognormal(2, 50)), 1.0)
    assert math.isfinite(effect.ratio)
    assert not effect.known


def test_values_without_meaning_are_left_out_with_their_rounds() -> None:
    side = Measured.of([1.0, math.nan, 0.0, -1.0, 2.0], [1, 2, 3, 4, 5])
    assert side.values.tolist() == [1.0, 2.0]
    assert side.rounds is not None
    assert side.rounds.tolist() == [1, 5]
    with pytest.raises(ValueError, match="2 values have 3 rounds"):
        Measured.of([1.0, 2.0], [1, 2, 3])
    assert math.isnan(compare(Measured.of([]), side, 0.5).ratio)


def test_rates_are_compared_by_the_exact_split_of_their_counts() -> None:
    effect = compare_rates(Counted(0, 100), Counted(6, 100), tail=0.025)
    # All 6 of 6 hits after: Clopper-Pearson's lower limit of the share is 0.025 ** (1 / 6).
    share = 0.025 ** (1 / 6)
    assert effect.low == pytest.approx(share / (1 - share))
    assert effect.high == math.inf
    assert compare_rates(Counted(0, 100), Counted(0, 100)).high == math.inf
    twice = compare_rates(Counted(10, 100), Counted(40, 200))
    assert twice.ratio == pytest.approx(2.0)
    assert twice.low < 2.0 < twice.high


def binomial(n: int, below: int, q: Fraction) -> Fraction:
    """P(at most ``below`` of n), by its definition."""
    return sum((math.comb(n, k) * q**k * (1 - q) ** (n - k) for k in range(below + 1)), Fraction(0))


@pytest.mark.parametrize(
    ("n", "quantile", "tail"), list(product((5, 30, 101), (0.5, 0.9), (0.05, 0.001)))
)
def test_limits_of_a_quantile_have_the_ranks_that_binomial_sums_give(
    n: int, quantile: float, tail: float
) -> None:
    q = Fraction(quantile).limit_denominator(100)
    low, high = quantile_limits(Measured.of(np.arange(1.0, n + 1)), quantile, tail)
    lows = [j for j in range(1, n + 1) if binomial(n, j - 1, q) <= tail]
    highs = [j for j in range(1, n + 1) if 1 - binomial(n, j - 1, q) <= tail]
    assert low == (max(lows) if lows else 0.0)
    assert high == (min(highs) if highs else math.inf)


def test_limits_of_rates_and_means_enclose_them() -> None:
    assert rate_limits(Counted(0, 100), 0.05) == (0.0, pytest.approx(1 - 0.05 ** (1 / 100)))
    assert rate_limits(Counted(100, 100), 0.05)[1] == 1.0
    assert rate_limits(Counted(0, 0), 0.05) == (0.0, 1.0)
    low, high = mean_limits(Measured.of(lognormal(1, 100)), 0.01)
    assert low < lognormal(1, 100).mean() < high
    assert mean_limits(Measured.of([1.0]), 0.01) == (0.0, math.inf)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.floats(0, 1))
def test_the_quick_quantile_is_that_of_numpy(values: list[float], quantile: float) -> None:
    ordered = np.sort(np.array(values))
    expected = pytest.approx(np.quantile(ordered, quantile), abs=1e-9)  # of values up to 1e6
    assert interpolated(ordered, quantile) == expected
