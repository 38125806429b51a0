"""The estimate of a sweep: what it counts, what it bounds, what it warns of."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_function
from tuner.billing.cost import billed_ms, cost_usd
from tuner.billing.prices import prices
from tuner.planning.adaptive import Adaptive
from tuner.planning.estimate import Known, Making, duration_ms, estimate
from tuner.planning.risks import risks
from tuner.planning.work import (
    ColdWork,
    Range,
    adaptive_work,
    clone_calls,
    cold_work,
    grid_work,
    in_place_calls,
    version_calls,
)

RATES = prices("us-east-1", "x86_64")
HOW = Making(Range(1, 2), Range(0.01, 0.02))
SIZES = (128, 256, 512, 1024)
FACTS = a_function()


def test_a_grid_makes_each_size_as_often_as_asked_and_once_to_warm_up() -> None:
    work = grid_work(SIZES, 10, None, ColdWork(0))
    assert work.requests == Range(44, 44)
    assert work.versions == Range(4, 4)


def test_a_limit_on_invocations_limits_the_grid() -> None:
    work = grid_work(SIZES, 10, 20, ColdWork(0))
    assert work.requests.low == 20
    assert work.requests.high <= 24


def test_an_adaptive_sweep_asks_between_its_least_and_its_limit() -> None:
    work = adaptive_work(SIZES, 200, 60, ColdWork(0), Adaptive())
    assert (work.warm.low, work.warm.high) == (14, 61)
    assert work.sizes.low == 4
    assert 4 < work.sizes.high < 60


def test_cold_starts_that_a_budget_may_drop_can_be_none() -> None:
    assert grid_work(SIZES, 1, None, ColdWork(5, limited=True)).cold.low == 0
    assert grid_work(SIZES, 1, None, ColdWork(5)).cold.low > 0


def test_with_known_durations_the_cost_of_a_grid_lies_within_the_range() -> None:
    points = tuple((size, 200.0 * 512 / size) for size in SIZES)
    work = grid_work(SIZES, 10, None, ColdWork(0))
    found = estimate(work, SIZES, Known("a test", points, Range(50, 100)), RATES, HOW)
    true = sum(11 * cost_usd(billed_ms(ms), size, RATES) for size, ms in points)
    assert found.cost_usd.holds(true + 4 * cost_usd(80.0, 512, RATES))
    assert found.cost_usd.high < 12 * found.cost_usd.low
    assert found.logs_usd is not None


def test_without_knowledge_a_call_takes_from_a_millisecond_to_the_timeout() -> None:
    assert duration_ms(512, Known("nothing", timeout_ms=3000.0)) == Range(1.0, 3000.0)


@given(
    at_mb=st.integers(128, 10_240),
    mean_ms=st.floats(0.5, 60_000),
    memory_mb=st.integers(128, 10_240),
    computing=st.floats(0, 1),
)
def test_any_mixture_of_computing_and_waiting_lies_within_the_bounds(
    at_mb: int, mean_ms: float, memory_mb: int, computing: float
) -> None:
    known = Known("one point", ((at_mb, mean_ms),))
    took = mean_ms * (1 - computing) + mean_ms * computing * at_mb / memory_mb
    bounds = duration_ms(memory_mb, known)
    assert 1.0 <= bounds.low <= bounds.high
    assert bounds.holds(min(max(took, 1.0), known.timeout_ms))


@given(st.lists(st.tuples(st.integers(128, 10_240), st.floats(0.1, 1e5)), max_size=8))
def test_points_that_contradict_each_other_still_give_a_range(
    points: list[tuple[int, float]],
) -> None:
    found = estimate(
        grid_work(SIZES, 3, None, ColdWork(2)), SIZES, Known("x", tuple(points)), RATES, HOW
    )
    for span in (found.invocations, found.cost_usd, found.seconds):
        assert 0 <= span.low <= span.high


def test_every_version_is_updated_published_and_deleted() -> None:
    calls = version_calls(grid_work(SIZES, 10, None, ColdWork(0)), alias=True)
    assert calls["PublishVersion"] == calls["DeleteFunction"] == Range(4, 4)
    # and put back once, which may be the update of its own size
    assert calls["UpdateFunctionConfiguration"] == Range(4, 5)
    assert calls["TagResource"] == calls["UntagResource"] == Range(1, 1)
    assert "GetAlias" in calls


@pytest.mark.parametrize(
    ("change", "largest_mb", "code"),
    [
        ({"reserved_concurrency": 0}, 1024, "reserved-zero"),
        ({"reserved_concurrency": 5}, 1024, "reserved"),
        ({"account_concurrency": 10}, 1024, "account-concurrency"),
        ({"snap_start": True}, 1024, "snap-start"),
        ({"log_format": "JSON", "system_log_level": "WARN"}, 1024, "report-hidden"),
        ({}, 4096, "memory-cap"),
        ({}, 1024, "timeout"),
        ({}, 1024, "side-effects"),
    ],
)
def test_each_danger_is_told(change: dict[str, object], largest_mb: int, code: str) -> None:
    found = risks(replace(FACTS, **change), (128, largest_mb), RATES, 10.0)  # type: ignore[arg-type]
    assert code in [advice.code for advice in found]


def test_a_harmless_function_has_only_the_side_effects_to_think_of() -> None:
    found = risks(replace(FACTS, account_concurrency=1000), (512, 1024), RATES, 10.0)
    assert [advice.code for advice in found] == ["side-effects"]


def test_a_copy_is_created_once_and_in_place_nothing_is_published() -> None:
    work = grid_work(SIZES, 10, None, ColdWork(0))
    copied, in_place = clone_calls(work, alias=False), in_place_calls(work, alias=False)
    assert copied["CreateFunction"] == copied["DeleteFunction"] == Range(1, 1)
    assert {"PublishVersion", "DeleteFunction", "CreateFunction"}.isdisjoint(in_place)
    assert in_place["UpdateFunctionConfiguration"].low == 5


def test_cold_starts_alone_take_no_warm_calls() -> None:
    work = cold_work((128, 512, 1024, 2048), ColdWork(5))
    assert work.warm == Range(0, 0)
    assert work.requests.low == 4 * 3
    assert work.requests.holds(4 * 5)
