"""Budgets in invocations, money and time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.clock import VirtualClock
from tuner.planning.budget import Budget, Meter, Spent


@pytest.mark.parametrize(
    ("budget", "spent", "word"),
    [
        (Budget(10), Spent(10), "invocations"),
        (Budget(None, cost_usd=0.01), Spent(5, 0.011), r"\$0.01"),
        (Budget(None, seconds=60.0), Spent(5, 0.0, 61.0), "60 s"),
    ],
)
def test_the_limit_that_was_reached_is_named(budget: Budget, spent: Spent, word: str) -> None:
    assert word.replace("\\", "") in (budget.ran_out(spent) or "")


def test_a_limit_that_nobody_wrote_is_told_as_the_searchs_own() -> None:
    said = Budget(40, usual=True).ran_out(Spent(40)) or ""
    assert said == "the usual 40 calls of a search are used up; --invocations allows more"
    assert Budget(45, whole=60).ran_out(Spent(45)) == "the limit of 60 invocations is reached"


def test_without_limits_nothing_runs_out() -> None:
    assert Budget(None).ran_out(Spent(10**6, 1e6, 1e6)) is None
    assert Budget(None).affordable(Spent(), 1.0, 1.0) == 1_000_000


def test_the_tightest_limit_decides_what_is_affordable() -> None:
    budget = Budget(invocations=40, cost_usd=1.0, seconds=100.0)
    assert budget.affordable(Spent(30, 0.0, 0.0), 0.01, 1.0) == 10
    assert budget.affordable(Spent(0, 0.95, 0.0), 0.01, 1.0) == 5
    assert budget.affordable(Spent(0, 0.0, 97.0), 0.01, 1.0) == 3
    assert budget.affordable(Spent(50, 2.0, 200.0), 0.01, 1.0) == 0


def test_without_a_limit_a_meter_never_runs_out() -> None:
    meter = Meter(lambda: 1e9)
    meter.add(1e9)
    assert meter.ran_out() is None


def test_time_runs_out_by_what_the_clock_tells() -> None:
    clock = VirtualClock()
    meter = Meter(clock.monotonic, Budget(None, seconds=60.0))
    clock.advance(59.0)
    assert meter.ran_out() is None
    clock.advance(1.0)
    assert meter.ran_out() == "the limit of 60 s is reached"


def test_warm_calls_are_counted_by_their_planner_and_not_by_the_meter() -> None:
    meter = Meter(lambda: 0.0, Budget(2))
    meter.add(0.1)
    meter.add(0.1)
    assert meter.ran_out() == "the limit of 2 invocations is reached"
    assert meter.ran_out(count=False) is None


@given(st.lists(st.floats(0.0, 1.0), max_size=60), st.floats(0.01, 20.0))
def test_a_meter_that_looks_ahead_passes_no_limit_but_by_a_dearer_call(
    costs: list[float], limit: float
) -> None:
    meter = Meter(lambda: 0.0, Budget(None, cost_usd=limit), ahead=True)
    spent, dearest = 0.0, 0.0
    for cost in costs:
        if meter.ran_out():
            break
        meter.add(cost)
        spent += cost
        assert spent <= limit + max(0.0, cost - dearest) + 1e-9
        dearest = max(dearest, cost)


def test_what_lacks_its_report_counts_as_the_mean_of_the_others() -> None:
    meter = Meter(lambda: 0.0, Budget(None, cost_usd=1.0))
    for cost in (0.2, None, 0.4, None):
        meter.add(cost, lacking=cost is None)
    assert meter.spent().cost_usd == pytest.approx(1.2)
    assert meter.spent().invocations == 4
    assert meter.ran_out() == "the limit of $1.00 is reached"


def test_a_throttle_costs_nothing_and_what_is_kept_costs_beside_the_calls() -> None:
    meter = Meter(lambda: 0.0)
    meter.add(0.2)
    meter.add(None)
    meter.pay(1.5)
    assert meter.spent().cost_usd == pytest.approx(1.7)
