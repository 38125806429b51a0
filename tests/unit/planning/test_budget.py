"""Budgets in invocations, money and time."""

import pytest

from tuner.planning.budget import Budget, Spent


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


def test_without_limits_nothing_runs_out() -> None:
    assert Budget(None).ran_out(Spent(10**6, 1e6, 1e6)) is None
    assert Budget(None).affordable(Spent(), 1.0, 1.0) == 1_000_000


def test_the_tightest_limit_decides_what_is_affordable() -> None:
    budget = Budget(invocations=40, cost_usd=1.0, seconds=100.0)
    assert budget.affordable(Spent(30, 0.0, 0.0), 0.01, 1.0) == 10
    assert budget.affordable(Spent(0, 0.95, 0.0), 0.01, 1.0) == 5
    assert budget.affordable(Spent(0, 0.0, 97.0), 0.01, 1.0) == 3
    assert budget.affordable(Spent(50, 2.0, 200.0), 0.01, 1.0) == 0
