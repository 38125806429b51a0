"""Fits recover what made the data, say how sure they are, and survive anything."""

from dataclasses import replace

import numpy as np
import pytest

from tuner.model.cfs import elapsed_ms
from tuner.model.fit import NothingToFit, fit
from tuner.model.observations import ColdCalls, Observations

SIZES = [128, 238, 441, 620, 827, 1100, 1536]


def observe(memory_mb: list[int], duration_ms: np.ndarray) -> Observations:
    none = np.zeros(0)
    return Observations(
        memory_mb=np.array(memory_mb, dtype=np.int64),
        duration_ms=np.asarray(duration_ms, dtype=np.float64),
        billed_ms=np.ceil(duration_ms),
        round=np.zeros(len(memory_mb), dtype=np.int64),
        cold=ColdCalls(none.astype(np.int64), none, none, none),
    )


def simulate(cpu: float, wait: float, cv: float, seed: int, repeats: int = 4) -> Observations:
    rng = np.random.default_rng(seed)
    memory = np.repeat(SIZES, repeats)
    demand = cpu * np.exp(cv * rng.standard_normal(memory.size))
    wall = elapsed_ms(demand, memory, rng.uniform(0, 20, memory.size))
    return observe(memory.tolist(), wait + wall)


def test_a_short_cpu_bound_function_is_a_staircase() -> None:
    curve = fit(simulate(17.0, 0.0, 0.02, seed=1), seed=1, range_mb=(128, 1536))
    assert curve.family == "staircase"
    assert curve.parameters["cpu_ms"] + curve.parameters["wait_ms"] == pytest.approx(17, rel=0.08)


def test_a_long_function_is_wait_and_share() -> None:
    curve = fit(simulate(700.0, 300.0, 0.02, seed=2), seed=1)
    assert dict(curve.alternatives)["power law"] < 0.2
    found = curve.mean_ms(np.array([300, 1769]))
    expected = [300 + 700 * 1769 / 300, 1000]
    assert found.mean(axis=0) == pytest.approx(expected, rel=0.05)


def test_a_waiting_function_is_flat() -> None:
    curve = fit(simulate(1.0, 120.0, 0.02, seed=3), seed=1)
    assert curve.mean_ms(np.array([200, 500, 1500])).mean(axis=0) == pytest.approx(121, rel=0.03)


def test_one_outlier_does_not_bend_the_curve() -> None:
    clean = simulate(400.0, 0.0, 0.02, seed=4)
    spoiled = clean.duration_ms.copy()
    spoiled[5] *= 6
    curve = fit(observe(clean.memory_mb.tolist(), spoiled), seed=1)
    at = np.array([238, 827])
    assert np.exp(curve.evaluate(at).log_ms.mean(axis=0)) == pytest.approx(
        400 * 1769 / at, rel=0.06
    )


def test_what_no_family_explains_is_followed_by_the_shape_free_one() -> None:
    memory = np.repeat([128, 200, 300, 450, 700, 1000, 1536], 5)
    bumpy = np.repeat([100.0, 40.0, 90.0, 30.0, 80.0, 25.0, 70.0], 5)
    curve = fit(observe(memory.tolist(), bumpy), seed=1)
    assert curve.family == "shape-free"
    assert curve.mean_ms(np.array([200, 300])).mean(axis=0) == pytest.approx([40, 90], rel=0.2)


def test_the_same_seed_gives_the_same_curve() -> None:
    data, at = simulate(30.0, 10.0, 0.1, seed=5), np.array([128, 777])
    first, second = fit(data, seed=9), fit(data, seed=9)
    assert np.array_equal(first.mean_ms(at), second.mean_ms(at))
    assert not np.array_equal(first.mean_ms(at), fit(data, seed=10).mean_ms(at))


def test_drift_moves_cpu_time_and_leaves_waiting_alone() -> None:
    curve = fit(simulate(600.0, 0.0, 0.02, seed=6), seed=1)
    at = np.array([500])
    more = curve.mean_ms(at, 1.05).mean() / curve.mean_ms(at).mean()
    assert more == pytest.approx(1.05, abs=0.012)


def test_quantiles_are_ordered_and_p95_is_that_of_the_noise() -> None:
    rng = np.random.default_rng(7)
    memory = np.repeat([128, 512, 1536], 60)
    data = observe(memory.tolist(), 200 * np.exp(0.2 * rng.standard_normal(memory.size)))
    curve, at = fit(data, seed=1), np.array([512])
    p50, p95, p99 = (curve.quantile_ms(at, q).mean() for q in (0.5, 0.95, 0.99))
    assert p50 < p95 < p99
    assert p95 == pytest.approx(200 * np.exp(0.2 * 1.645), rel=0.08)


@pytest.mark.parametrize(
    ("memory", "durations"),
    [
        ([512], [12.0]),
        ([512, 512, 512], [12.0, 12.0, 12.0]),
        ([128, 1536], [0.01, 0.01]),
        ([128, 1536, 10240], [900_000.0, 900_000.0, 899_000.0]),
        ([128] * 50 + [256], [3.0] * 50 + [3.0]),
        ([128, 128, 512, 512], [1.0, 1000.0, 1.0, 1000.0]),
        ([128, 129, 130], [0.01, 900_000.0, 5.0]),
    ],
)
def test_odd_data_still_give_finite_numbers(memory: list[int], durations: list[float]) -> None:
    curve = fit(observe(memory, np.array(durations)), seed=1, range_mb=(128, 10_240))
    at = np.array([128, 700, 10_240])
    for drawn in (curve.mean_ms(at), curve.quantile_ms(at, 0.99), curve.mean_ms(at, 1.05)):
        assert np.isfinite(drawn).all()
        assert (drawn > 0).all()


def test_without_a_duration_there_is_no_curve() -> None:
    with pytest.raises(NothingToFit, match="no invocation"):
        fit(observe([], np.zeros(0)), seed=1)


def test_a_recordings_sizes_may_differ_of_their_own() -> None:
    memory = np.repeat([128, 256, 512, 1024], 30)
    base = 50 + 100 * 1769 / memory
    own = np.where(memory == 512, 1.04, 1.0)
    rng = np.random.default_rng(3)
    data = observe(memory.tolist(), base * own * np.exp(0.02 * rng.standard_normal(memory.size)))
    at = np.array([512])
    recorded = fit(data, seed=1, recorded=True).mean_ms(at).mean()
    assert recorded == pytest.approx((50 + 100 * 1769 / 512) * 1.04, rel=0.015)


def test_of_a_range_no_unmeasured_size_has_luck_of_its_own() -> None:
    memory = np.repeat([128, 256, 512, 1024], 12)
    own = np.where(memory == 512, 1.2, 1.0)
    data = observe(memory.tolist(), (50 + 100 * 1769 / memory) * own)
    curve = fit(data, seed=1, recorded=True, range_mb=(128, 1024))
    beside = np.arange(590, 610)
    assert curve.own_sd > 0
    assert np.allclose(
        curve.evaluate(beside).log_ms, replace(curve, own_sd=0.0).evaluate(beside).log_ms
    )


def test_an_unmeasured_size_of_a_recording_is_less_certain() -> None:
    memory = np.repeat([128, 256, 512, 1024], 30)
    data = observe(memory.tolist(), 50 + 100 * 1769 / memory)
    drawn = fit(data, seed=1, recorded=True, listed=True).evaluate(np.array([512, 600])).log_ms
    assert drawn[:, 0].std() < drawn[:, 1].std()


def test_a_noisy_size_below_a_quiet_one_speaks_for_the_scheduler() -> None:
    rng = np.random.default_rng(8)
    memory = np.repeat(SIZES, 6)
    wall = elapsed_ms(7.0, memory, rng.uniform(0, 20, memory.size))
    curve = fit(
        observe(memory.tolist(), wall * np.exp(0.02 * rng.standard_normal(wall.size))), seed=1
    )
    assert curve.family == "staircase"
    spread = curve.evaluate(np.array([200, 1500])).sd.mean(axis=0)
    assert spread[0] > 1.5 * spread[1]


def rough(own: float, repeats: int = 3) -> Observations:
    """Calls of sizes that each differ from wait and share by something of their own."""
    rng = np.random.default_rng(5)
    sizes = np.round(np.geomspace(128, 1536, 40)).astype(int)
    mean = (300.0 + 700.0 * 1769.0 / sizes) * np.exp(own * rng.standard_normal(sizes.size))
    memory, noise = np.repeat(sizes, repeats), rng.standard_normal(sizes.size * repeats)
    return observe(memory.tolist(), np.repeat(mean, repeats) * np.exp(0.02 * noise))


def test_what_sizes_have_of_their_own_is_learned_from_the_measured_ones() -> None:
    even, odd = (fit(rough(own), seed=1, recorded=True, listed=True) for own in (0.0, 0.12))
    assert even.own_sd < 0.025
    assert 0.06 <= odd.own_sd <= 0.12
    assert odd.fit_error < 0.03  # where a size was measured, the curve is what was measured


def test_what_few_sizes_have_of_their_own_is_left_open() -> None:
    memory = np.repeat([128, 512, 1024], 4)
    curve = fit(
        observe(memory.tolist(), 50 + 100 * 1769 / memory), seed=1, recorded=True, listed=True
    )
    owns = {strand.own_sd for strand in curve.strands}
    assert min(owns) <= 0.015
    assert max(owns) >= 0.06
    assert curve.evaluate(np.array([256])).log_ms.std() > 0.02


def test_slow_calls_that_never_came_hardly_count_in_a_mean() -> None:
    rng = np.random.default_rng(12)
    memory = np.repeat([128, 512, 1024], 20)
    took = 200.0 * np.exp(0.02 * rng.standard_normal(memory.size))
    mean = fit(observe(memory.tolist(), took), seed=1).mean_ms(np.array([512])).mean()
    assert mean == pytest.approx(took.mean(), rel=0.01)
    took[::10] *= 3.0  # a tenth of the calls
    slow = fit(observe(memory.tolist(), took), seed=1).mean_ms(np.array([512])).mean()
    assert slow == pytest.approx(took.mean(), rel=0.06)


def test_a_size_that_scatters_more_is_known_less_well() -> None:
    rng = np.random.default_rng(13)
    memory = np.repeat([128, 256, 512, 1024], 10)
    sd = np.where(memory <= 256, 0.3, 0.03)
    took = (50 + 100 * 1769 / memory) * np.exp(sd * rng.standard_normal(memory.size))
    curve = fit(observe(memory.tolist(), took), seed=1, recorded=True, listed=True)
    variance = curve.strands[0].locations.variance
    assert variance[0] > 4 * variance[-1]


def test_a_size_far_off_every_curve_is_named_and_counts_by_itself() -> None:
    rng = np.random.default_rng(3)
    sizes = [128, 200, 256, 300, 360, 380, 400, 420, 440, 512, 640, 832, 1024, 1536]
    mean = {size: 300.0 + 700.0 * 1769.0 / size for size in sizes} | {400: 6000.0}
    memory = np.repeat(sizes, 12)
    took = np.array([mean[m] for m in memory]) * np.exp(0.02 * rng.standard_normal(memory.size))
    curve = fit(observe(memory.tolist(), took), seed=1, recorded=True)
    assert list(curve.misfits) == [400]
    assert curve.misfits[400] > 1.3
    assert curve.mean_ms(np.array([400])).mean() == pytest.approx(6000.0, rel=0.05)
    even = fit(rough(0.0), seed=1, recorded=True)
    assert not even.misfits
