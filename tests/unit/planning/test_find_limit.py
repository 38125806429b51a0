"""The search for the highest rate."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.planning.ask import Ask, SoFar
from tuner.planning.find_limit import HIGHEST_PER_S, FindLimit, step_s
from tuner.records import Setting


def searched(start: float, limit: float) -> tuple[FindLimit, list[float]]:
    """A search over a function that bears rates up to ``limit``, and the rates that it tried."""
    tried: list[float] = []

    def ask_at(rate_per_s: float) -> Ask:
        tried.append(rate_per_s)
        return Ask({Setting(512): 10}, "")

    search, borne = FindLimit(start, ask_at), list[bool]()
    while isinstance(search.next(SoFar(borne=tuple(borne))), Ask):
        borne.append(tried[-1] <= limit)
    return search, tried


@given(limit=st.floats(2.0, HIGHEST_PER_S / 2.1), start=st.floats(0.1, 2.0))
@settings(deadline=None)
def test_the_limit_is_found_to_nine_percent_in_few_steps(limit: float, start: float) -> None:
    search, tried = searched(start, limit)
    assert search.best is not None
    assert search.worst is not None
    assert search.best <= limit < search.worst
    assert search.worst / search.best == pytest.approx(2 ** (1 / 8))
    assert len(tried) <= 24


def test_a_rate_is_doubled_until_it_is_not_borne_and_then_narrowed_down() -> None:
    search, tried = searched(4.0, 20.0)
    assert tried[:4] == [4.0, 8.0, 16.0, 32.0]
    assert len(tried) == 7
    assert search.rate is None


@given(rate=st.floats(0.01, HIGHEST_PER_S), wanted=st.floats(0.1, 600.0))
def test_no_rate_is_judged_by_a_handful_of_calls(rate: float, wanted: float) -> None:
    lasts = step_s(rate, wanted)
    assert lasts >= wanted
    assert lasts * rate >= 30 - 1e-6
    assert lasts == wanted or lasts * rate == pytest.approx(30)


def test_a_first_rate_that_is_not_borne_ends_the_search() -> None:
    search, tried = searched(5.0, 1.0)
    assert (search.rate, search.best, search.worst, tried) == (None, None, 5.0, [5.0])


def test_what_bears_everything_ends_at_the_generators_limit() -> None:
    search, _ = searched(1.0, 1e9)
    assert search.worst is None
    assert search.best is not None
    assert HIGHEST_PER_S / 2 < search.best <= HIGHEST_PER_S
