"""The search for the highest rate."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.planning.ask import Ask, SoFar
from tuner.planning.find_limit import HIGHEST_PER_S, FindLimit, KneeSearch
from tuner.records import Setting


@given(limit=st.floats(2.0, HIGHEST_PER_S / 2.1), start=st.floats(0.1, 2.0))
def test_the_knee_is_found_to_nine_percent_in_few_steps(limit: float, start: float) -> None:
    search, tried = KneeSearch(start), 0
    while search.rate is not None:
        search.tell(borne=search.rate <= limit)
        tried += 1
    assert search.best is not None
    assert search.worst is not None
    assert search.best <= limit < search.worst
    assert search.worst / search.best == pytest.approx(2 ** (1 / 8))
    assert tried <= 24


def test_a_first_rate_that_is_not_borne_ends_the_search() -> None:
    search = KneeSearch(5.0)
    search.tell(borne=False)
    assert (search.rate, search.best, search.worst) == (None, None, 5.0)


def test_what_bears_everything_ends_at_the_generators_limit() -> None:
    search = KneeSearch(1.0)
    while search.rate is not None:
        search.tell(borne=True)
    assert search.worst is None
    assert search.best is not None
    assert HIGHEST_PER_S / 2 < search.best <= HIGHEST_PER_S


def test_the_planner_asks_for_one_rate_after_another_until_the_limit_is_narrowed_down() -> None:
    rates: list[float] = []

    def ask_at(rate_per_s: float) -> Ask:
        rates.append(rate_per_s)
        return Ask({Setting(512): 10}, f"{rate_per_s:g}/s")

    planner, borne = FindLimit(4.0, ask_at), list[bool]()
    while isinstance(planner.next(SoFar(borne=tuple(borne))), Ask):
        borne.append(rates[-1] <= 20.0)
    assert rates[:4] == [4.0, 8.0, 16.0, 32.0]
    assert len(rates) == 7
    assert planner.search.best is not None
    assert planner.search.best <= 20.0 < (planner.search.worst or 0.0)
