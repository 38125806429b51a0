"""The cold share against a simulation of the same rules, its slow definition."""

import heapq
import math
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.billing.monthly import erlang_b
from tuner.billing.traffic import (
    cold_share,
    mean_cold_share,
    replayed_cold_share,
)


def simulated(rate: float, service_s: float, idle_s: float, calls: int) -> float:
    """Poisson arrivals, exponential service, the sandbox freed last serves first."""
    rng, now, cold = random.Random(7), 0.0, 0
    busy: list[float] = []
    free: list[float] = []
    for call in range(2 * calls):
        now += rng.expovariate(rate)
        while busy and busy[0] <= now:
            free.append(heapq.heappop(busy))
        if free and now - free[-1] <= idle_s:
            free.pop()
        else:
            free.clear()  # those below were freed even earlier
            cold += call >= calls  # the first half warms the pool up
        heapq.heappush(busy, now + rng.expovariate(1.0 / service_s))
    return cold / calls


@pytest.mark.parametrize(
    ("rate", "service_s"), [(0.001, 0.1), (0.01, 1.0), (0.1, 10.0), (0.02, 60.0), (1.0, 3.0)]
)
def test_the_share_agrees_with_a_simulation(rate: float, service_s: float) -> None:
    share = cold_share(rate, service_s, 320.0)
    # Two standard errors of the simulation's own count, and 6 % for the approximation.
    slack = 0.06 * share + 2.0 * math.sqrt(share / 40_000)
    assert share == pytest.approx(simulated(rate, service_s, 320.0, 40_000), abs=slack)


def test_one_instant_sandbox_gives_the_textbook_formula() -> None:
    assert cold_share(0.005, 0.0, 320.0) == pytest.approx(math.exp(-1.6))


def test_rare_calls_are_all_cold_and_steady_ones_hardly_ever() -> None:
    assert cold_share(0.0, 1.0) == 1.0
    assert cold_share(1 / 86_400, 0.1) > 0.99
    assert cold_share(20.0, 0.1) < 0.001
    assert 0.0 <= cold_share(5000.0, 0.5) < 0.001


def test_quiet_hours_are_weighted_by_their_calls() -> None:
    day = [10.0] * 12 + [0.0005] * 12
    share = mean_cold_share(day, 0.1)
    assert cold_share(10.0, 0.1) < share < 0.001
    assert mean_cold_share([0.0], 0.1) == 1.0
    assert mean_cold_share([0.01], 0.1) == cold_share(0.01, 0.1)


@pytest.mark.parametrize(("service_s", "load"), [(0.2, 12_000.0), (2.0, 12_000.0), (30.0, 9000.0)])
def test_a_huge_pool_goes_on_as_the_sum_would(
    monkeypatch: pytest.MonkeyPatch, service_s: float, load: float
) -> None:
    short = cold_share(load / service_s, service_s)
    monkeypatch.setattr("tuner.billing.traffic._MOST_SUMMED", math.inf)
    assert short == pytest.approx(cold_share(load / service_s, service_s), rel=0.03)


def test_known_calls_are_replayed_by_the_rules_of_the_simulation() -> None:
    """Two at once need two sandboxes; the one freed last serves first; 320 s is its end."""
    assert replayed_cold_share([0, 400, 400, 401, 721.5, 721.6], 1.0, 320.0) == pytest.approx(3 / 5)
    assert replayed_cold_share([0, 100], 1.0, 320.0) is None


def test_erlangs_formula_gives_its_tabulated_values() -> None:
    assert erlang_b(0, 5.0) == 1.0
    assert erlang_b(1, 1.0) == pytest.approx(0.5)
    assert erlang_b(10, 5.0) == pytest.approx(0.018385, abs=1e-6)


def test_a_pool_just_above_the_largest_that_is_summed_has_a_share() -> None:
    """3,000 / 9.875 x 9.875 is above 3,000 in binary: scaling down once more would never end."""
    assert 3000.0 / 9.875 * 9.875 > 3000.0
    just_below = cold_share(303.7, 9.875, 0.0)
    assert cold_share(304.0, 9.875, 0.0) == pytest.approx(just_below, rel=0.001)


@example(304.0, 9.875, 0.0)
@given(st.floats(0, 1e3), st.floats(0, 10), st.floats(0, 1e5))
def test_the_share_is_always_a_share(rate: float, service_s: float, idle_s: float) -> None:
    assert 0.0 <= cold_share(rate, service_s, idle_s) <= 1.0
