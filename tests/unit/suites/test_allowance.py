"""Money and time that a bench may use."""

from hypothesis import given
from hypothesis import strategies as st

from tuner.clock import VirtualClock
from tuner.planning.budget import Budget
from tuner.suites.allowance import Allowance


def test_without_a_limit_nothing_runs_out() -> None:
    allowance = Allowance(Budget(None), VirtualClock())
    allowance.arrived(1e9)
    assert allowance.ran_out() is None


def test_time_runs_out_by_the_clock_from_when_it_began() -> None:
    clock = VirtualClock()
    clock.advance(50.0)
    allowance = Allowance(Budget(None, seconds=60.0), clock)
    clock.advance(59.0)
    assert allowance.ran_out() is None
    clock.advance(1.0)
    assert allowance.ran_out() == "the limit of 60 s is reached"


@given(st.lists(st.floats(0.0, 1.0), max_size=60), st.floats(0.01, 20.0), st.integers(1, 7))
def test_calls_made_one_by_one_while_there_is_room_never_pass_the_limit_by_more_than_a_dearer_call(
    costs: list[float], limit: float, batch: int
) -> None:
    allowance = Allowance(Budget(None, cost_usd=limit), VirtualClock())
    spent, dearest, unsettled = 0.0, 0.0, []
    for cost in costs:
        if allowance.ran_out():
            break
        allowance.arrived(cost)
        unsettled.append(cost)
        spent += cost
        assert spent <= limit + max(0.0, cost - dearest) + 1e-9
        dearest = max(dearest, cost)
        if len(unsettled) == batch:
            allowance.settle(unsettled)
            unsettled = []


def test_what_a_batch_came_to_replaces_what_was_known_while_it_ran() -> None:
    for limit, out in ((1.7, None), (1.5, "the limit of $1.5 is reached")):
        allowance = Allowance(Budget(None, cost_usd=limit), VirtualClock())
        for _ in range(3):
            allowance.arrived(None)
        assert allowance.ran_out() is None
        allowance.settle([0.4, 0.4, None, 0.4])
        assert allowance.ran_out() == out
