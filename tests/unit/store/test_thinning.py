"""Samples become histograms and come back as stand-ins with the same counts and percentiles."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from support.factories import a_sample
from tuner.records import Outcome, Purpose, Sample
from tuner.store.plain import dumps
from tuner.store.thinning import advice, count_of, stand_ins, thinned

Make = Callable[..., Any]

FIGURES = (
    "duration_ms",
    "billed_ms",
    "init_ms",
    "restore_ms",
    "max_memory_mb",
    "backoff_ms",
    "latency_ms",
    "lag_ms",
    "service_ms",
)
QUANTILES = (0, 0.5, 0.9, 0.95, 0.99, 1)

some_ms = st.none() | st.floats(0.01, 900_000)


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """A sample as a run may have it."""
    due = draw(st.floats(0, 1e5))
    sent = due + draw(st.floats(0, 10))
    return a_sample(
        draw(st.sampled_from([128, 512])),
        call=draw(st.integers(0, 10**6)),
        attempt=draw(st.integers(1, 3)),
        round=draw(st.integers(0, 3)),
        purpose=draw(st.sampled_from(Purpose)),
        qualifier=draw(st.none() | st.just("7")),
        outcome=draw(st.sampled_from(Outcome)),
        due_s=due,
        sent_s=sent,
        first_byte_s=draw(st.none() | st.just(sent + 0.001)),
        done_s=sent + draw(st.floats(0.001, 900)),
        reason=draw(st.none() | st.sampled_from("ab")),
        duration_ms=draw(some_ms),
        billed_ms=draw(st.none() | st.integers(1, 2000).map(float)),
        init_ms=draw(some_ms),
        max_memory_mb=draw(st.none() | st.integers(1, 10240).map(float)),
        backoff_ms=draw(some_ms),
    )


def through_json(made: list[Sample]) -> list[Sample]:
    return stand_ins(json.loads(dumps(thinned(made, 1.0))), "a seed")


def numbers(made: list[Sample], name: str) -> np.ndarray[Any, Any]:
    return np.array([value for s in made if (value := getattr(s, name)) is not None])


def alike(sample: Sample) -> tuple[object, ...]:
    """What has to be counted alike before and after."""
    known = tuple(getattr(sample, name) is None for name in FIGURES)
    names = ("purpose", "memory_mb", "outcome", "attempt", "reason", "qualifier", "cold")
    return tuple(getattr(sample, name) for name in names) + known


@given(st.lists(samples(), max_size=8))
@examples(30)
def test_counts_are_exact_and_percentiles_have_three_digits(
    made: list[Sample],
) -> None:
    again = through_json(made)
    assert Counter(map(alike, again)) == Counter(map(alike, made))
    for name in FIGURES:
        before, after = np.sort(numbers(made, name)), np.sort(numbers(again, name))
        if name == "service_ms":  # a difference of two that are kept
            assert before.size == after.size
        else:
            assert after == pytest.approx(before, rel=1e-3, abs=2e-3)


def test_what_is_billed_in_whole_milliseconds_stays_exact(make_sample: Make) -> None:
    made = [make_sample(call=n, billed_ms=float(n)) for n in range(1, 2000)]
    assert sorted(numbers(through_json(made), "billed_ms")) == list(range(1, 2000))


def test_percentiles_of_a_large_run_are_as_measured_in_a_small_document(
    make_sample: Make,
) -> None:
    random = np.random.default_rng(1)
    took = random.lognormal(3, 0.5, 20_000)
    made = [
        make_sample(call=n, duration_ms=float(ms), due_s=n / 50, sent_s=n / 50, done_s=n / 50 + ms)
        for n, ms in enumerate(took)
    ]
    document = thinned(made, 1.0)
    again = stand_ins(document, "seed")
    for name in ("duration_ms", "latency_ms"):
        expected = np.quantile(numbers(made, name), QUANTILES)
        assert np.quantile(numbers(again, name), QUANTILES) == pytest.approx(expected, rel=2e-3)
    assert len(dumps(document)) < 20_000
    order = np.corrcoef(numbers(again, "duration_ms"), np.arange(20_000))[0, 1]
    assert abs(order) < 0.05  # in no order, so that nothing looks like a drift
    assert count_of(document) == 20_000
    assert "20,000 samples of this run were thinned" in advice(document).text


def test_rounds_are_kept_apart_where_each_has_enough_samples(make_sample: Make) -> None:
    many = [make_sample(call=n, round=n % 4) for n in range(1200)]
    assert Counter(s.round for s in through_json(many)) == dict.fromkeys(range(4), 300)
    few = [make_sample(call=n, round=n % 40) for n in range(1200)]
    assert {s.round for s in through_json(few)} == {0}


def test_only_the_commonest_reasons_keep_their_names(make_sample: Make) -> None:
    failed = Outcome.FUNCTION_ERROR
    made = [
        make_sample(call=n, outcome=failed, reason="Common" if n % 2 else f"Id{n}")
        for n in range(1000)
    ]
    reasons = Counter(s.reason for s in through_json(made))
    assert reasons["Common"] == 500
    assert reasons["other reasons"] == 500 - 29


@given(st.data())
@examples(60)
def test_a_damaged_document_is_refused(data: st.DataObject) -> None:
    made = [data.draw(samples()) for _ in range(3)]
    document = json.loads(dumps(thinned(made, 1.0)))
    junk = data.draw(st.none() | st.text(max_size=9) | st.integers() | st.just([]) | st.just({}))
    place, key = data.draw(st.sampled_from(list(_places(document))))
    if place[key] == junk or (key in {"at", "reason", "qualifier", "status", "payload"}):
        return
    place[key] = junk
    try:
        again = stand_ins(document, "seed")
    except ValueError:
        return
    assert all(isinstance(each, Sample) for each in again)


def _places(value: Any) -> Any:
    """Every place in a document where something can be put."""
    each = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in each:
        yield value, key
        if isinstance(inner, (dict, list)):
            yield from _places(inner)
