"""Conditions that cut a load short."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_sample
from tuner.engine.stop_on import FEWEST, WINDOW_S, StopCondition, parse_stop_on
from tuner.errors import UsageError
from tuner.records import Outcome


def condition_after(text: str, outcomes: list[Outcome], every_s: float = 0.01) -> StopCondition:
    condition = StopCondition((parse_stop_on(text),))
    for number, outcome in enumerate(outcomes):
        condition.watch(a_sample(done_s=number * every_s, outcome=outcome))
    return condition


def test_a_share_above_the_limit_meets_the_condition_and_says_which() -> None:
    condition = condition_after("errors > 5%", [Outcome.OK] * 90 + [Outcome.TIMEOUT] * 6)
    assert condition.met is not None
    assert condition.met.startswith("errors > 5%: ")


@pytest.mark.parametrize(
    "outcomes",
    [
        [Outcome.OK] * 95 + [Outcome.FUNCTION_ERROR] * 5,
        [Outcome.TIMEOUT] * (FEWEST - 1),
        [Outcome.THROTTLED] * 100,
    ],
)
def test_what_is_rare_little_or_of_another_kind_does_not(outcomes: list[Outcome]) -> None:
    assert condition_after("errors>5%", outcomes).met is None


def test_throttles_have_a_condition_of_their_own() -> None:
    assert condition_after("throttles>20%", [Outcome.OK, Outcome.THROTTLED] * 20).met


def test_what_ended_long_ago_is_forgotten() -> None:
    condition = StopCondition((parse_stop_on("errors>5%"),))
    for _ in range(15):
        condition.watch(a_sample(done_s=0.0, outcome=Outcome.TIMEOUT))
    for number in range(100):
        condition.watch(a_sample(done_s=WINDOW_S + 1.0 + number / 100))
    assert condition.met is None


@given(st.text(max_size=20) | st.sampled_from(["errors>", "errors>5", "throttles>200%", "p95>3"]))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    try:
        rule = parse_stop_on(text)
    except UsageError as error:
        assert "--stop-on" in error.thing
    else:
        assert 0.0 <= rule.share <= 1.0
