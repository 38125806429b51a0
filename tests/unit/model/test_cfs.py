"""The vectorised bandwidth control against its slow definition, a walk in steps of 0.05 ms."""

import numpy as np
import pytest

from tuner.model import cfs

STEP_MS = 0.05


def walked_ms(cpu_ms: float, memory_mb: float, phase_ms: float, debt_ms: float = 0.0) -> float:
    """Slow definition: run or stand still for one step at a time; charge at ticks only."""
    quota = float(cfs.quota_ms(memory_mb))
    steps_per_tick = round(cfs.TICK_MS / STEP_MS)
    steps_per_period = round(cfs.PERIOD_MS / STEP_MS)
    now = start = round(phase_ms / STEP_MS)
    left, uncharged, balance = round(cpu_ms / STEP_MS), 0, quota - debt_ms
    throttled = balance <= 0
    while left > 0:
        if not throttled:
            left -= 1
            uncharged += 1
        now += 1
        if now % steps_per_tick == 0:
            balance -= uncharged * STEP_MS
            uncharged = 0
        if now % steps_per_period == 0:
            balance = min(quota, balance + quota)
        if now % steps_per_tick == 0:
            throttled = balance <= 1e-9
    return (now - start) * STEP_MS


@pytest.mark.parametrize("memory_mb", [128, 201, 442, 514, 760, 1001, 1500, 1769, 3000])
def test_elapsed_time_is_that_of_the_slow_walk(memory_mb: int) -> None:
    rng = np.random.default_rng(memory_mb)
    for cpu in (0.5, 3.0, 5.0, 17.0, 48.0):
        phase = STEP_MS * int(rng.integers(0, 400))
        debt = STEP_MS * int(rng.integers(0, 80))
        fast = float(cfs.elapsed_ms(cpu, memory_mb, phase, debt))
        assert fast == pytest.approx(walked_ms(cpu, memory_mb, phase, debt), abs=2 * STEP_MS)


def test_work_below_one_tick_is_hardly_ever_throttled() -> None:
    phases = np.arange(0, 16, 0.5)
    assert float(np.median(cfs.elapsed_ms(2.0, 128, phases))) == pytest.approx(2.0)


def test_long_work_takes_its_share() -> None:
    elapsed = float(cfs.elapsed_ms(2000.0, 442.25, 0.0))
    assert elapsed == pytest.approx(8000.0, rel=0.01)


def test_quantiles_are_those_measured_on_aws_for_17_ms_at_1000_mb() -> None:
    elapsed = cfs.elapsed_ms(17.6, 1000, np.arange(0, 20, 0.1))
    p5, p50, p95 = np.quantile(elapsed, (0.05, 0.5, 0.95))
    assert (p5, p50, p95) == pytest.approx((17.0, 21.5, 25.6), abs=0.7)


def test_the_table_is_close_to_the_simulation() -> None:
    sizes = np.array([200, 300, 450, 600, 760, 1000, 1300, 1769, 3000])
    table = cfs.at_sizes(sizes)
    phases = (np.arange(80) + 0.5) / 4
    for cpu in (9.0, 17.0, 40.0, 90.0, 300.0):
        exact = cfs.elapsed_ms(cpu, sizes[:, None], phases).mean(axis=1)
        mean, _ = table.wall_ms(np.array([cpu]), np.array([0]), np.array([0]))
        assert mean[0] == pytest.approx(exact, rel=0.04)


def test_a_varying_demand_blurs_the_steps() -> None:
    on_one_step = cfs.at_sizes(np.array([780, 950]))
    demand, start = np.array([17.0, 17.0]), np.zeros(2, dtype=np.int64)
    mean, _ = on_one_step.wall_ms(demand, start, np.array([0, 4]))
    sharp, blurred = (mean[:, 0] - mean[:, 1]).tolist()
    assert sharp < 1.0 < 2.0 < blurred
