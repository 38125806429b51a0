"""Traffic as a fluid, held against placing each call."""

import math

import numpy as np
import pytest

from tuner.billing import monthly
from tuner.billing.traffic import cold_share
from tuner.fleet import AccountLimits
from tuner.fleet.fluid import FloatArray, erlang_b, flow, reach, running
from tuner.fleet.simulate import COLD, THROTTLED, Allowed, Drawn, idle_lives, simulate

STEPS = 6000


def steady(per_s: float) -> FloatArray:
    return np.full(STEPS, per_s)


def day(per_s: float) -> FloatArray:
    return per_s * (1.0 + 0.8 * np.sin(np.linspace(0.0, 2.0 * math.pi, STEPS)))


def flash(before: float, after: float) -> FloatArray:
    return np.where(np.arange(STEPS) < STEPS // 2, before, after)


BURST = 10**5
WIDE = Allowed(AccountLimits(10**5, burst=BURST))


@pytest.mark.parametrize(
    ("rates", "span_s", "warm_s", "init_s", "allowed"),
    [
        (steady(1000.0), 900.0, 0.3, 0.5, WIDE),
        (steady(400.0), 900.0, 2.0, 0.5, WIDE),
        (day(300.0), 3600.0, 0.4, 0.5, WIDE),
        (flash(100.0, 2000.0), 400.0, 0.2, 2.0, WIDE),
        (flash(100.0, 8000.0), 120.0, 0.2, 2.0, Allowed(AccountLimits(10_000))),
        (steady(1200.0), 600.0, 1.0, 0.5, Allowed(AccountLimits(1000))),
        (steady(1500.0), 600.0, 0.02, 0.5, Allowed(AccountLimits(100))),
        (steady(600.0), 600.0, 0.2, 0.5, Allowed(AccountLimits(1000), reserved=90)),
        (steady(1000.0), 600.0, 0.2, 0.5, Allowed(AccountLimits(1000), provisioned=150)),
    ],
    ids=["steady", "long calls", "day", "flash", "scaling", "full", "rate", "reserved", "ready"],
)
def test_a_fluid_is_near_to_placing_each_call(
    rates: FloatArray, span_s: float, warm_s: float, init_s: float, allowed: Allowed
) -> None:
    random, step_s = np.random.default_rng(1), span_s / STEPS
    counts = random.poisson(rates * step_s)
    at_s = np.sort((np.repeat(np.arange(STEPS), counts) + random.random(counts.sum())) * step_s)
    seen = random.gamma(2.0, warm_s / 2.0, 400)
    warm, first = (seen[random.integers(0, 400, len(at_s))] for _ in range(2))
    drawn = Drawn(at_s, warm, init_s + first, idle_lives(len(at_s), random))
    exact = simulate(drawn, allowed, span_s)
    shares = np.array([cold_share(rate, warm_s) for rate in np.unique(rates)[::400]])
    renewed = np.interp(rates, np.unique(rates)[::400], shares)
    fluid = flow(rates, step_s, (seen, init_s + seen), allowed, renewed)

    served = exact.codes < THROTTLED
    ends = np.sort((at_s + np.where(exact.codes == COLD, drawn.cold_s, warm))[served])
    looked = np.linspace(0.0, span_s, 1000)
    flying = np.searchsorted(at_s[served], looked) - np.searchsorted(ends, looked)
    assert fluid.in_flight.mean() == pytest.approx(flying.mean(), rel=0.02)
    assert fluid.sandboxes.mean() == pytest.approx(exact.sandboxes.mean(), rel=0.05)
    assert fluid.cold.sum() == pytest.approx(np.sum(exact.codes == COLD), rel=0.15)
    throttled = fluid.over_concurrency + fluid.over_rate + fluid.over_scaling
    assert throttled.sum() == pytest.approx(np.sum(~served), rel=0.05, abs=0.001 * len(at_s))


def test_what_comes_is_served_or_throttled() -> None:
    seen = np.full(10, 0.2)
    limits = Allowed(AccountLimits(100), provisioned=10)
    found = flow(flash(100.0, 2000.0), 0.1, (seen, seen + 1.0), limits, np.zeros(STEPS))
    served = found.warm + found.cold + found.provisioned
    over = found.over_concurrency + found.over_rate + found.over_scaling
    np.testing.assert_allclose(served + over, found.calls, rtol=1e-9, atol=1e-9)
    assert found.sandboxes.max() <= 100.0


def test_calls_in_flight_are_rate_by_duration_whatever_the_step() -> None:
    took = np.array([0.05, 0.2, 3.0])
    for step_s in (0.01, 0.5, 20.0):
        found = running(np.full(2000, 40.0), step_s, took)
        assert found[-1] == pytest.approx(40.0 * took.mean())
    assert running(np.full(100, 40.0), 1.0, took)[0] < 40.0 * took.mean()


@pytest.mark.parametrize("servers", [0, 1, 30, 900])
def test_many_loads_are_blocked_as_one_is(servers: int) -> None:
    loads = np.linspace(0.1, 1.3 * servers + 1.0, 700)
    expected = [monthly.erlang_b(servers, load) for load in loads.tolist()]
    np.testing.assert_allclose(erlang_b(servers, loads), expected, rtol=0.02, atol=2e-5)


def test_very_many_servers_are_blocked_as_their_formula_says() -> None:
    loads = np.array([15_000.0, 20_001.0, 21_000.0])
    expected = [monthly.erlang_b(20_001, load) for load in loads.tolist()]
    np.testing.assert_allclose(erlang_b(20_001, loads), expected, rtol=0.02, atol=1e-9)


def test_more_time_reaches_higher() -> None:
    reached = [reach(times) for times in (0.1, 1.0, 10.0, 1e3, 1e6)]
    assert reached == sorted(reached)
    high = reached[-1]
    passages = 1e6 * high * math.exp(-0.5 * high**2) / math.sqrt(2.0 * math.pi)
    assert math.exp(-passages) == pytest.approx(math.exp(-math.exp(-0.5772)), rel=0.01)
