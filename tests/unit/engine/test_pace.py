"""When calls are due, against the definition: as many as the integral of the rate says."""

import math
from bisect import bisect_right
from itertools import accumulate, pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.engine.profiles.pace import Bursts, Constant, Ramp, Shape, Sine, Steps, evenly, poisson

RATES = st.floats(0, 50)
SPANS = st.floats(0.1, 20)
SHAPES = st.one_of(
    st.builds(Constant, RATES),
    st.builds(Ramp, RATES, RATES, SPANS),
    st.lists(st.tuples(SPANS, RATES), min_size=1, max_size=4).map(lambda s: Steps(tuple(s))),
    st.tuples(RATES, st.floats(0, 1), SPANS).map(lambda v: Sine(v[0], v[0] * v[1], v[2])),
)


@examples(150)
@given(shape=SHAPES, duration=st.floats(0.1, 15))
def test_as_many_calls_are_due_as_the_integral_of_the_rate(shape: Shape, duration: float) -> None:
    times = list(evenly(shape, duration))
    assert abs(len(times) - math.ceil(shape.due_before(duration))) <= 1
    assert all(0 <= a <= b <= duration for a, b in pairwise([0.0, *times]))
    for number, at in enumerate(times[:200]):
        assert shape.due_before(at) == pytest.approx(number, abs=1e-4)


def rate(shape: Shape, at: float) -> float:
    """The definition of each shape, in calls per second at a moment."""
    match shape:
        case Constant(per_s):
            return per_s
        case Ramp(start, end, over):
            return end if at >= over else start + (end - start) * at / over
        case Sine(mean, swing, period):
            return mean - swing * math.cos(math.tau * at / period)
        case Steps(steps):
            ends = list(accumulate(seconds for seconds, _ in steps))
            return steps[min(bisect_right(ends, at), len(steps) - 1)][1]
    raise TypeError(shape)


@examples(150)
@given(shape=SHAPES, at=st.floats(0, 25))
def test_due_before_is_the_integral_of_the_rate(shape: Shape, at: float) -> None:
    steps = 4000
    width = at / steps
    sum_of_rates = sum(rate(shape, (number + 0.5) * width) for number in range(steps)) * width
    # A step's edge falls within one of the slices.
    assert shape.due_before(at) == pytest.approx(sum_of_rates, rel=1e-3, abs=4 * 50 * width + 1e-6)


def test_a_constant_rate_has_equal_gaps_and_starts_at_once() -> None:
    assert list(evenly(Constant(4), 1.0)) == [0.0, 0.25, 0.5, 0.75]


def test_a_pause_sends_nothing_until_the_rate_rises() -> None:
    times = list(evenly(Steps(((1, 2), (3, 0), (1, 2))), 5.0))
    assert times == pytest.approx([0.0, 0.5, 4.0, 4.5], abs=1e-5)


def test_a_burst_is_due_at_one_moment() -> None:
    assert list(evenly(Bursts(3, 2.0), 4.5)) == [0.0] * 3 + [2.0] * 3 + [4.0] * 3


@pytest.mark.parametrize("shape", [Constant(0), Steps(((1, 0),)), Sine(0, 0, 1)])
def test_a_rate_of_zero_sends_nothing(shape: Shape) -> None:
    assert list(evenly(shape, 10)) == []
    assert list(poisson(shape, 10, Random(1))) == []


def test_calls_of_a_load_of_decades_are_found_though_floats_are_far_apart() -> None:
    decades = 2.0**30  # seconds; here neighbouring floats lie 0.2 µs apart
    due = list(evenly(Ramp(0.0, 8 / decades, decades), decades))
    assert due == pytest.approx([decades * math.sqrt(n / 4) for n in range(4)], rel=1e-9)


def test_poisson_arrivals_repeat_with_the_seed_and_differ_without() -> None:
    first = list(poisson(Constant(50), 2, Random(1)))
    assert first == list(poisson(Constant(50), 2, Random(1)))
    assert first != list(poisson(Constant(50), 2, Random(2)))


@pytest.mark.parametrize("shape", [Constant(300), Ramp(100, 500, 20), Sine(300, 250, 5)])
def test_poisson_gaps_are_exponential_when_measured_in_expected_calls(shape: Shape) -> None:
    from scipy.stats import kstest

    times = list(poisson(shape, 20, Random(7)))
    expected = [shape.due_before(at) for at in times]
    gaps = [b - a for a, b in pairwise([0.0, *expected])]
    assert kstest(gaps, "expon").pvalue > 0.01
    assert len(times) == pytest.approx(shape.due_before(20), rel=0.05)
