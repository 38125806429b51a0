"""Objectives held against a load."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_sample
from tuner.decide.goal import parse_slo
from tuner.decide.load_result import FoundLimit, judge, least_likely, limit_advice
from tuner.engine.engine import Shortfall
from tuner.measure.load_figures import LoadFigures, LoadTally
from tuner.measure.statistics import Latencies
from tuner.records import Outcome


def figures(answered: int = 98, throttled: int = 1, failed: int = 1) -> LoadFigures:
    """Calls that take 200 ms from the due time, of which Lambda reports 150; one was cold."""
    outcomes = [Outcome.OK] * answered
    outcomes += [Outcome.THROTTLED] * throttled + [Outcome.FUNCTION_ERROR] * failed
    tally = LoadTally()
    for number, outcome in enumerate(outcomes):
        ran = outcome is Outcome.OK
        due = number / 10
        tally.add(
            a_sample(
                call=number,
                outcome=outcome,
                due_s=due,
                took_s=0.2,
                ran_ms=150.0 if ran else None,
                init_ms=300.0 if number == 0 and ran else None,
            )
        )
    return tally.figures(10.0, 100.0, Shortfall(), None)


@pytest.mark.parametrize(
    ("text", "value", "met"),
    [
        ("p95<160ms", 150.0, True),
        ("p95<150ms", 150.0, False),
        ("client_p99<201ms", 200.0, True),
        ("client_max<190ms", 200.0, False),
        ("cold_p99<500ms", 450.0, True),
        ("mean<1s", 150.0, True),
        ("throttles<2%", 0.01, True),
        ("throttles<1%", 0.01, False),
        ("errors<0.5%", 0.01, False),
        ("cost<5usd/million", 4.0, True),
        ("cost<3usd/million", 4.0, False),
    ],
)
def test_an_objective_is_met_below_its_limit_only(text: str, value: float, met: bool) -> None:
    [verdict] = judge([parse_slo(text)], figures(), cost_usd=0.0004)
    assert verdict.value == pytest.approx(value, rel=2e-3)
    assert verdict.met is met


@pytest.mark.parametrize("percent", [1, 33.3, 50, 93, 95, 97, 98.5, 99, 99.9, 99.99])
def test_an_objective_may_be_on_any_percentile_and_is_judged_by_that_call(percent: float) -> None:
    """Calls of 1, 2, ... 200 ms: the 194th is the least that 97 % do not exceed."""
    tally = LoadTally()
    for number in range(200):
        tally.add(a_sample(call=number, took_s=(number + 1) / 1000, ran_ms=number + 1.0))
    slos = [parse_slo(f"{where}p{percent:g}<100ms") for where in ("", "client_")]
    verdicts = judge(slos, tally.figures(10.0, 100.0, Shortfall(), None), cost_usd=None)
    wanted = next(ms for ms in range(1, 201) if ms >= 2 * percent)
    for verdict in verdicts:
        assert verdict.value == pytest.approx(wanted, rel=2e-3)
        assert verdict.met is (wanted < 100)


def test_an_objective_without_anything_to_judge_by_is_not_met() -> None:
    slos = [parse_slo(text) for text in ("p95<1s", "cold_p50<1s", "cost<5usd/million")]
    verdicts = judge(slos, figures(0, 5, 0), None)
    assert [(each.value, each.met) for each in verdicts] == [(None, False)] * 3


@pytest.mark.parametrize(
    ("crowded", "words"), [(False, "add --workers"), (True, "a machine with free CPUs")]
)
def test_a_limit_of_the_generator_says_what_would_help(crowded: bool, words: str) -> None:
    [told] = limit_advice(FoundLimit(500.0, None, (), generator=True, crowded=crowded))
    assert words in told.text


def test_connections_in_use_are_no_limit_of_the_function() -> None:
    full = FoundLimit(500.0, None, (), generator=True, full=True)
    [told] = limit_advice(full)
    assert told.text == (
        "The limit is at least 500/s: all connections were in use; raise --max-concurrency."
    )
    assert (full.found, full.lacking) == (False, "connections")
    assert full.note == "no limit was found, as all connections were in use"
    [none] = limit_advice(replace(full, best_per_s=None))
    assert none.text.startswith("No limit was found: all connections were in use; ")
    assert none.text.endswith("raise --max-concurrency, or start lower with --rate.")
    found = replace(full, worst_per_s=700.0)
    assert (found.found, found.lacking, found.note) == (True, None, None)


def test_a_search_that_ends_without_a_failure_found_no_limit() -> None:
    highest = FoundLimit(32_000.0, None, ())
    assert highest.note == "no limit was found, as rates above 50,000/s are not tried"
    assert "at least 32,000/s" in limit_advice(highest)[0].text
    [nothing] = limit_advice(replace(highest, best_per_s=None))
    assert nothing.text.startswith("No limit was found: no rate was tried to its end")


def test_few_calls_below_a_limit_tell_little_of_a_percentile() -> None:
    few, many = (judge([parse_slo("client_p95<1s")], figures(n, 0, 0), None)[0] for n in (15, 98))
    assert few.met and many.met
    assert (few.calls, many.calls) == (15, 98)
    assert few.likely == few.probability == pytest.approx(1 - 0.5 * 0.95**15)
    assert many.probability is not None and many.probability > 0.99
    assert many.likely is None
    assert least_likely([few, many]) == few.probability


def test_shares_costs_and_the_longest_call_have_no_probability() -> None:
    texts = ("throttles<5%", "errors<5%", "cost<5usd/million", "max<1s")
    verdicts = judge(map(parse_slo, texts), figures(), 0.0001)
    assert [each.probability for each in verdicts] == [None] * 4


@given(st.lists(st.floats(1.0, 1e4), min_size=1, max_size=80), st.floats(1.0, 1e4))
def test_a_probability_rises_with_the_limit(values: list[float], limit: float) -> None:
    times = Latencies()
    for value in values:
        times.record(value)
    for quantile in (None, 0.5, 0.95):
        chances = [times.chance_below(each, quantile) for each in (limit, 2 * limit)]
        if None in chances:
            assert quantile is None and len(values) < 4
        else:
            assert 0.0 <= chances[0] <= chances[1] <= 1.0  # type: ignore[operator]
