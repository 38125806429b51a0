"""Goals and strategies as users give them."""

import pytest

from tuner.decide.goal import Goal, Strategy, parse_strategy
from tuner.errors import UsageError


@pytest.mark.parametrize("text", ["cost", " Speed ", "BALANCED"])
def test_strategies_are_read(text: str) -> None:
    assert parse_strategy(text) is Strategy(text.strip().lower())


def test_an_unknown_strategy_names_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        parse_strategy("cheapest")
    assert "cost, speed or balanced" in caught.value.fix


@pytest.mark.parametrize("name", ["balance", "cold_share", "confidence"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_shares_outside_zero_to_one_are_refused(name: str, value: float) -> None:
    with pytest.raises(UsageError, match="between 0 and 1"):
        Goal(**{name: value})
