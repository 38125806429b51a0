"""What a sweep usually takes: one figure each, within the forecast's ranges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.billing.prices import prices
from tuner.decide.confirm import MOST, MOST_FREE
from tuner.planning.adaptive import Adaptive
from tuner.planning.estimate import Known, Making, estimate
from tuner.planning.usual import ASSUMED_MS, usual
from tuner.planning.work import (
    ColdWork,
    Range,
    Work,
    adaptive_work,
    cold_work,
    grid_work,
    with_confirmation,
)

SIZES = (128, 512, 1024, 2048)
RATES = prices("us-east-1", "x86_64")
HOW = Making(Range(0.05, 1.5), Range(0.001, 0.1))
WORKS = {
    "adaptive": with_confirmation(adaptive_work(SIZES, 200, 60, ColdWork(5), Adaptive()), MOST),
    "free": with_confirmation(adaptive_work(SIZES, 200, 60, ColdWork(5), Adaptive()), MOST_FREE),
    "limited": adaptive_work(SIZES, 200, 10, ColdWork(0), Adaptive()),
    "grid": grid_work(SIZES, 10, None, ColdWork(0)),
    "cold": cold_work(SIZES, ColdWork(5)),
}


@pytest.mark.parametrize("work", WORKS.values(), ids=WORKS)
@examples(20)
@given(st.floats(1.0, 20_000.0), st.sampled_from(SIZES), st.booleans())
def test_what_is_usual_lies_within_the_range(work: Work, ms: float, at_mb: int, told: bool) -> None:
    known = Known("a test", ((at_mb, ms),) if told else (), Range(20, 400), timeout_ms=30_000.0)
    often, span = (
        usual(work, SIZES, known, RATES, HOW, 512),
        estimate(work, SIZES, known, RATES, HOW),
    )
    assert span.invocations.holds(often.invocations)
    assert span.seconds.holds(often.seconds)
    assert span.cost_usd.holds(often.cost_usd)
    assert (often.assumed_ms is None) is told


def test_a_duration_is_assumed_only_where_none_is_known() -> None:
    unknown = usual(WORKS["grid"], SIZES, Known("nothing"), RATES, HOW, 512)
    assert (unknown.assumed_ms, unknown.memory_mb) == (ASSUMED_MS, 512)
    assumed = Known("nothing", ((512, ASSUMED_MS),), Range(200, 200))
    same = usual(WORKS["grid"], SIZES, assumed, RATES, HOW, 512)
    assert (same.seconds, same.cost_usd) == (unknown.seconds, unknown.cost_usd)
    short = usual(WORKS["grid"], SIZES, Known("nothing", timeout_ms=50.0), RATES, HOW, 512)
    assert short.assumed_ms == 50.0


def test_a_grid_usually_takes_the_calls_that_were_asked_for() -> None:
    assert usual(WORKS["grid"], SIZES, Known("nothing"), RATES, HOW, 512).invocations == 44
