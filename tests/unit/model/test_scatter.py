"""How scatter changes over memory: found where it does, not invented where it does not."""

import numpy as np
import pytest
from scipy import special

from tuner.model.discrepancy import (
    OWN_SCATTER,
    FeatureBasis,
    Scatter,
    _digamma,
    _trigamma,
    draw_scatter,
)

SIZES = np.array([128, 256, 512, 1024, 1536])
ENDS = np.array([128, 1536])
BASIS = FeatureBasis(128, 1536)


def drawn(times: np.ndarray, each: int, seed: int = 1) -> Scatter:
    """From ``each`` calls per size that scatter ``times`` as much as was expected."""
    rng = np.random.default_rng(seed)
    memory = np.repeat(SIZES, each)
    return draw_scatter(memory, rng.standard_normal(memory.size) * np.repeat(times, each), BASIS,
                        400, rng)  # fmt: skip


def test_digamma_and_trigamma_are_those_of_scipy() -> None:
    x = np.array([0.5, 1.0, 1.5, 3.0, 10.0, 500.0])
    assert _digamma(x) == pytest.approx(special.digamma(x), rel=1e-5, abs=1e-6)
    assert _trigamma(x) == pytest.approx(special.polygamma(1, x), rel=1e-4)


def test_sizes_that_scatter_twice_as_much_as_others_are_told_apart() -> None:
    found = drawn(np.array([2.0, 1.6, 1.25, 1.1, 1.0]), 60)
    low, high = np.quantile(found.log_ratio(ENDS), (0.05, 0.95), axis=0)
    assert low[0] > high[1]
    ratio = np.exp(found.mean_log_ratio(ENDS))
    assert ratio[0] / ratio[1] == pytest.approx(2.0, rel=0.25)


def test_equal_scatter_stays_equal_and_is_surer_with_more_calls() -> None:
    few, many = drawn(np.ones(5), 3), drawn(np.ones(5), 200)
    assert np.abs(many.mean_log_ratio(SIZES)).max() < 0.1
    assert many.log_ratio(SIZES).std(axis=0).max() < few.log_ratio(SIZES).std(axis=0).min()


def test_the_average_call_scatters_as_all_do_together() -> None:
    found = drawn(np.array([2.0, 2.0, 1.0, 1.0, 1.0]), 20)
    assert found.log_ratio(SIZES).mean(axis=1) == pytest.approx(0.0, abs=1e-9)


def test_an_outlier_does_not_make_its_size_a_noisy_one() -> None:
    rng = np.random.default_rng(3)
    memory, away = np.repeat(SIZES, 20), rng.standard_normal(100)
    away[0] = 40.0
    found = draw_scatter(memory, away, BASIS, 100, rng)
    assert np.abs(found.mean_log_ratio(SIZES)).max() < 0.25


@pytest.mark.parametrize("each", [1, 2])
def test_calls_that_are_all_alike_or_single_give_finite_curves(each: int) -> None:
    memory = np.repeat(SIZES, each)
    found = draw_scatter(memory, np.zeros(memory.size), BASIS, 50, np.random.default_rng(0))
    assert np.isfinite(found.log_ratio(np.arange(128, 1537))).all()
    assert np.exp(found.log_ratio(SIZES)).max() < 3.0


def test_a_size_scatters_by_something_of_its_own_that_its_calls_show_in_part() -> None:
    times = np.array([1.0, 1.0, 2.0, 1.0, 1.0])
    sizes = np.append(SIZES, 700)  # the last was never called
    chance = np.random.default_rng(2).standard_normal((400, sizes.size))
    few, many = (drawn(times, each).own_log_ratio(sizes, chance) for each in (6, 200))
    assert few[:, 5] == pytest.approx(OWN_SCATTER * chance[:, 5])
    assert many[:, :5].std(axis=0).max() < few[:, :5].std(axis=0).min() < OWN_SCATTER
    whole = many + drawn(times, 200).log_ratio(sizes)
    apart = whole[:, 2].mean() - whole[:, [1, 3]].mean()
    assert apart == pytest.approx(np.log(2.0), abs=0.15)


def test_nothing_called_twice_leaves_all_own_scatter_to_chance() -> None:
    chance = np.ones((400, SIZES.size))
    found = drawn(np.ones(5), 1).own_log_ratio(SIZES, chance)
    assert found == pytest.approx(np.full(found.shape, OWN_SCATTER))
