"""The measured table: what counts, what is priced, and what a failure is called."""

from dataclasses import replace

from support.factories import a_sample
from tuner.billing.prices import prices
from tuner.decide.goal import Goal
from tuner.decide.result import SizeRow
from tuner.decide.rows import size_rows
from tuner.model.observations import from_samples
from tuner.records import Outcome, Purpose, Sample, Setting

RATES = prices("us-east-1", "x86_64")


def sample(
    purpose: Purpose = Purpose.WARM,
    outcome: Outcome = Outcome.OK,
    duration: float | None = 100.0,
    init: float | None = None,
) -> Sample:
    billed = None if duration is None else duration + (init or 0.0)
    figures = {"duration_ms": duration, "billed_ms": billed, "init_ms": init}
    return a_sample(1024, purpose=purpose, outcome=outcome, **figures)


def row(*samples: Sample) -> SizeRow:
    (only,) = size_rows(samples, from_samples(samples), Goal(), RATES)
    return only


def test_a_warm_size_is_priced_by_its_mean_billed_duration_and_the_fee() -> None:
    found = row(*(sample(duration=d) for d in (90.0, 100.0, 110.0)))
    assert (found.status, found.reason, found.warm.n) == ("ok", None, 3)
    assert found.cost_usd_per_million is not None
    assert abs(found.cost_usd_per_million.mean - (100 * 0.0166667e-3 * 1e3 + 0.2)) < 1e-3


def test_a_size_that_was_only_forced_cold_has_cold_figures_and_no_price() -> None:
    found = row(*(sample(Purpose.COLD, init=300.0) for _ in range(3)))
    assert found.cold.n == 3
    assert found.cost_usd_per_million is None


def test_recorded_first_invocations_stand_in_where_nothing_is_warm() -> None:
    found = row(*(sample(Purpose.WARM, init=300.0) for _ in range(3)))
    assert found.cost_usd_per_million is not None


def test_a_size_whose_warm_up_alone_was_made_is_partial_and_says_so() -> None:
    found = row(sample(Purpose.WARM_UP, init=300.0))
    assert (found.status, found.reason) == ("partial", "only a warm-up call was made")


def test_a_killed_size_is_failed_with_its_reason_even_when_only_warmed_up() -> None:
    found = row(sample(Purpose.WARM_UP, Outcome.OUT_OF_MEMORY, duration=None))
    assert (found.status, found.out_of_memory) == ("failed", 1)
    assert found.reason is not None
    assert "out of memory" in found.reason


def test_some_failures_among_answers_make_a_size_partial() -> None:
    found = row(sample(), sample(outcome=Outcome.FUNCTION_ERROR))
    assert (found.status, found.errors) == ("partial", 1)
    assert found.reason == "the function raised an error (1 of 2 calls)"


def test_an_interval_of_the_cost_needs_three_calls() -> None:
    cost = row(sample(duration=90.0), sample(duration=110.0)).cost_usd_per_million
    assert cost is not None
    assert (cost.low, cost.high) == (None, None)
    cost = row(*(sample(duration=d) for d in (90.0, 100.0, 110.0))).cost_usd_per_million
    assert cost is not None
    assert cost.low is not None
    assert cost.high is not None
    assert cost.low < cost.mean < cost.high


def test_a_call_of_no_time_is_billed_a_millisecond() -> None:
    nothing = replace(sample(duration=0.0), billed_ms=None)
    found = row(nothing).cost_usd_per_million
    assert found is not None
    assert abs(found.mean - (0.0166667 + 0.2)) < 1e-9


def test_a_cold_share_is_priced_alike_with_and_without_own_cold_starts() -> None:
    both = [sample(), sample(Purpose.COLD, duration=120.0, init=300.0)]
    warm_only = replace(sample(duration=50.0), setting=Setting(2048))
    goal = Goal(cold_share=0.1)
    each = [*both, warm_only]
    with_cold, without = size_rows(each, from_samples(each), goal, RATES)
    # 1,024 MB: 0.9 x 100 ms + 0.1 x (120 + 300) ms = 132 ms of 1 GB.
    assert with_cold.cost_usd_per_million is not None
    assert abs(with_cold.cost_usd_per_million.mean - (0.132 * 16.6667 + 0.2)) < 1e-9
    # 2,048 MB: 50 ms, and in a tenth of the calls 300 ms INIT and a fifth of 50 ms: 81 ms of 2 GB.
    assert without.cost_usd_per_million is not None
    assert abs(without.cost_usd_per_million.mean - (0.081 * 2 * 16.6667 + 0.2)) < 1e-9
