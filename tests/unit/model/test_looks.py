"""Looking often raises no more false alarms than looking once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from tuner.model.looks import Looks, planned, spent


@pytest.mark.parametrize("tail", [0.05, 0.01])
def test_all_looks_together_keep_the_error_that_was_promised(tail: float) -> None:
    looks = planned(200)
    walks = np.random.default_rng(1).standard_normal((40_000, 200)).cumsum(axis=1)
    crossed = np.zeros(len(walks), dtype=bool)
    for calls in looks.calls:
        bound = -special.ndtri(looks.tail(calls, tail))
        crossed |= walks[:, calls - 1] / np.sqrt(calls) > bound
    assert crossed.mean() == pytest.approx(tail, rel=0.12)


def test_the_last_look_costs_little_more_than_a_single_one() -> None:
    bound = -special.ndtri(planned(200).tail(200, 0.001))
    assert bound < -special.ndtri(0.001) * 1.05


def test_looks_are_planned_from_the_first_to_the_most() -> None:
    assert planned(200).calls == (20, 32, 50, 80, 126, 200)
    assert planned(10).calls == (10,)
    assert planned(200, looks=1).calls == (200,)
    looks = planned(200)
    assert (looks.next(0), looks.next(20), looks.next(60), looks.next(200)) == (20, 32, 80, None)
    with pytest.raises(ValueError, match="have to rise"):
        Looks((20, 20))


def test_between_two_looks_the_level_is_that_of_the_one_before() -> None:
    looks = planned(200)
    assert looks.tail(19, 0.01) == 0.0
    assert looks.tail(49, 0.01) == looks.tail(32, 0.01)
    assert looks.tail(999, 0.01) == looks.tail(200, 0.01)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(1e-6, 0.2))
def test_spending_rises_from_nothing_to_all(one: float, other: float, tail: float) -> None:
    low, high = sorted((one, other))
    assert spent(0.0, tail) == 0.0
    assert spent(1.0, tail) == pytest.approx(tail)
    assert spent(low, tail) <= spent(high, tail)
