"""A load's figures against hand-made samples, its calls against their profile, and its doubts."""

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_function, a_sample, a_variant
from tuner.engine.batches import MOST_LANES, PATIENCE_S, Loading, Payload, Sending, concurrency_for
from tuner.engine.engine import Gap, Shortfall
from tuner.engine.profiles.pace import Bursts, Constant
from tuner.engine.profiles.profile import Phase, Profile
from tuner.measure.load_figures import LoadFigures, LoadTally
from tuner.measure.load_health import load_advice
from tuner.records import FunctionFacts, Outcome, Sample

FACTS = a_function()
RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"


def sample(
    call: int, due_s: float, took_s: float = 0.1, outcome: Outcome = Outcome.OK, late_s: float = 0.0
) -> Sample:
    ran = outcome is Outcome.OK
    return a_sample(
        call=call,
        due_s=due_s,
        sent_s=due_s + late_s,
        took_s=took_s,
        outcome=outcome,
        status=200 if ran else 429,
        reason=None if ran else RESERVED,
        duration_ms=took_s * 900 if ran else None,
        billed_ms=100.0 if ran else None,
    )


def figures(
    *samples: Sample,
    seconds: float = 10.0,
    asked: float | None = None,
    shortfall: Shortfall | None = None,
    start_s: float = 0.0,
) -> LoadFigures:
    tally = LoadTally(start_s)
    for each in samples:
        tally.add(each)
    return tally.figures(seconds, asked, shortfall or Shortfall(), None)


def test_cold_starts_are_unknown_where_no_answer_held_a_report() -> None:
    silent = [replace(sample(number, 0.1), duration_ms=None, billed_ms=None) for number in range(3)]
    assert figures(*silent).cold_starts is None
    throttled = [sample(number, 0.1, outcome=Outcome.THROTTLED) for number in range(3)]
    assert (figures(*throttled).cold_starts, figures(sample(0, 0.1)).cold_starts) == (0, 0)


def test_an_init_that_was_cut_is_counted_and_told() -> None:
    cold = [replace(sample(at, 0.1), init_ms=init) for at, init in enumerate([9_999.7, 9_000.0])]
    found = figures(*cold, sample(2, 0.2))
    assert (found.cold_starts, found.init_timeouts) == (2, 1)
    told = list(load_advice(found, Shortfall(), 100, adaptive=False))
    assert [each.code for each in told] == ["init-timeout"]
    assert "10 s in 1 of 2 cold starts" in told[0].text


def test_rates_outcomes_and_money_are_counted() -> None:
    told = figures(
        *(sample(number, number * 0.1) for number in range(80)),
        *(sample(number, number * 0.1, 0.002, Outcome.THROTTLED) for number in range(80, 100)),
        asked=100.0,
    )
    assert (told.calls, told.attempts, told.asked_rps, told.achieved_rps) == (100, 100, 10.0, 10.0)
    assert told.goodput_rps == 8.0
    assert told.outcomes[Outcome.OK] == 80
    assert told.outcomes[Outcome.TIMEOUT] == 0
    assert told.throttles == {RESERVED: 20}
    assert told.throttled_requests == 0.2
    assert (told.billed, told.billed_ms) == (80, 8000.0)
    assert told.latency.count == 80
    assert told.latency.percentile_ms(50) == pytest.approx(100, rel=1e-3)


def test_latency_counts_from_the_due_time_and_lag_is_its_start() -> None:
    told = figures(sample(0, 1.0, 0.2, late_s=0.3))
    assert told.latency.percentile_ms(50) == pytest.approx(500, rel=1e-3)
    assert told.service.percentile_ms(50) == pytest.approx(200, rel=1e-3)
    assert told.lag.percentile_ms(50) == pytest.approx(300, rel=1e-3)


def test_attempts_of_a_call_make_one_call_whose_latency_holds_the_backoff() -> None:
    first = replace(sample(7, 1.0, 0.01, Outcome.THROTTLED), backoff_ms=490.0)
    second = replace(sample(7, 1.5, 0.1), attempt=2)
    told = figures(first, second)
    assert (told.calls, told.attempts, told.amplification) == (1, 2, 2.0)
    assert told.outcomes[Outcome.OK] == 1
    assert told.outcomes[Outcome.THROTTLED] == 0
    assert told.latency.percentile_ms(50) == pytest.approx(600, rel=1e-3)
    assert told.time_to_success.percentile_ms(50) == pytest.approx(600, rel=1e-3)
    assert told.backoff.percentile_ms(50) == pytest.approx(490, rel=1e-3)
    [second] = [row for row in told.timeline if row.ok]
    assert (second.asked, second.sent, second.throttled) == (1, 2, 1)
    assert second.p50_ms == pytest.approx(600)


def test_a_call_whose_retry_was_never_sent_ends_as_its_last_attempt_did() -> None:
    told = figures(replace(sample(7, 1.0, 0.01, Outcome.THROTTLED), backoff_ms=490.0))
    assert told.outcomes[Outcome.THROTTLED] == told.calls == 1


def test_concurrency_is_of_what_ran_and_agrees_with_littles_law() -> None:
    ran = [sample(number, number * 0.5, 1.0) for number in range(20)]
    throttled = [sample(99, 3.0, 5.0, Outcome.THROTTLED)]
    told = figures(*ran, *throttled)
    assert told.concurrency.max == 2
    assert told.concurrency.mean == pytest.approx(20 * 1.0 / 10.0, rel=0.06)
    assert told.concurrency.little == pytest.approx(20 / 10.0 * 0.9)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0.001, 3)), min_size=1, max_size=30))
def test_the_most_at_once_is_what_counting_at_every_start_gives(
    pairs: list[tuple[float, float]],
) -> None:
    made = [sample(number, due, took) for number, (due, took) in enumerate(pairs)]
    slow = max(sum(b.sent_s <= a.sent_s < b.done_s for b in made) for a in made)
    assert figures(*made).concurrency.max == slow


@given(st.lists(st.floats(0, 4), min_size=1, max_size=40), st.floats(0, 1000))
def test_when_a_load_began_changes_nothing(dues: list[float], start_s: float) -> None:
    here = figures(*(sample(n, due) for n, due in enumerate(sorted(dues))))
    moved = (sample(n, due + start_s) for n, due in enumerate(sorted(dues)))
    there = figures(*moved, start_s=start_s)
    assert here.concurrency.mean == pytest.approx(there.concurrency.mean, abs=1e-6)
    assert sum(row.asked for row in there.timeline) == len(dues)


def test_dropped_calls_were_asked_for_in_their_second() -> None:
    shortfall = Shortfall(Counter({"patience": 3}), Counter({102: 3}))
    told = figures(
        sample(0, 100.0), sample(1, 102.5), shortfall=shortfall, start_s=100.0, asked=5.0
    )
    assert told.dropped == {"patience": 3}
    assert [row.asked for row in told.timeline] == [1, 0, 4]


def test_requests_without_a_billed_duration_count_as_the_mean_of_the_others() -> None:
    told = figures(sample(0, 0.0), replace(sample(1, 1.0), billed_ms=None))
    assert told.billed_ms == 200.0
    assert figures(replace(sample(1, 1.0), billed_ms=None)).billed_ms is None
    assert figures(sample(0, 0.0, outcome=Outcome.THROTTLED)).billed_ms == 0.0


def advice(
    told: LoadFigures, shortfall: Shortfall | None = None, concurrency: int = 50
) -> list[str]:
    return [
        a.code for a in load_advice(told, shortfall or Shortfall(), concurrency, adaptive=False)
    ]


def test_a_generator_that_kept_up_is_not_doubted() -> None:
    assert advice(figures(*(sample(n, n / 10) for n in range(100)), asked=100.0)) == []


def test_a_generator_that_fell_behind_is_said_to() -> None:
    late = figures(*(sample(n, n / 10, late_s=0.2) for n in range(100)), asked=100.0)
    assert advice(late) == ["generator-behind"]
    assert not [*load_advice(late, Shortfall(), 50, adaptive=True)]
    shortfall = Shortfall(Counter({"patience": 10}))
    fewer = figures(*(sample(n, n / 10) for n in range(90)), asked=100.0, shortfall=shortfall)
    assert advice(fewer, shortfall) == ["generator-behind"]


def test_fewer_calls_by_chance_are_not_the_fault_of_the_generator() -> None:
    assert advice(figures(*(sample(n, n / 10) for n in range(90)), asked=100.0)) == []


def test_asked_is_the_rate_that_was_asked_for_however_late_calls_were_sent() -> None:
    late = figures(*(sample(n, n / 20) for n in range(100)), seconds=1.0, asked=100.0)
    assert (late.asked_rps, late.seconds) == (100.0, 4.95)
    assert late.achieved_rps == pytest.approx(100 / 4.95)
    rare = figures(sample(0, 0.0), seconds=3.0, asked=3.0 / 3600.0)
    assert rare.asked_rps == pytest.approx(1.0 / 3600.0)


def test_calls_that_waited_for_a_free_lane_speak_of_the_limit() -> None:
    waited = [sample(n, n / 10, 2.0, late_s=0.0 if n == 0 else 1.0) for n in range(10)]
    shortfall = Shortfall(Counter({"patience": 7}))
    told = figures(*waited, asked=17.0, shortfall=shortfall)
    assert advice(told, shortfall, told.concurrency.max) == ["concurrency-limit"]


def test_a_busy_and_a_lost_worker_are_said() -> None:
    shortfall = Shortfall(gaps=[Gap("a", 3.0, 12)], busiest=0.97)
    assert advice(figures(sample(0, 0.0), asked=1.0), shortfall)[:2] == [
        "generator-busy",
        "worker-lost",
    ]


def test_more_workers_are_no_advice_where_the_machine_has_no_cpu_to_spare() -> None:
    late = figures(*(sample(n, n / 10, late_s=0.2) for n in range(100)), asked=100.0)
    for crowded, words in ((6, "send from another"), (3, "use more --workers")):
        shortfall = Shortfall(busiest=0.97, looks=10, crowded=crowded)
        texts = [each.text for each in load_advice(late, shortfall, 50, adaptive=False)]
        assert len(texts) == 2
        assert all(words in text for text in texts)


def loading(profile: Profile, payloads: tuple[Payload, ...] = (Payload(b"{}"),)) -> Loading:
    return Loading(profile, [a_variant(512)], payloads, Sending(concurrency=9, seed=3))


def test_an_open_loads_calls_come_in_order_and_payloads_by_weight() -> None:
    profile = Profile("x", phases=(Phase(Constant(100.0), 10.0),), arrival="poisson")
    payloads = (Payload(b"1", 3.0), Payload(b"2", 1.0))
    batch = loading(profile, payloads).batch(FACTS)
    calls = list(batch.calls)
    assert [call.number for call in calls] == list(range(len(calls)))
    assert all((a.due_s or 0.0) <= (b.due_s or 0.0) for a, b in pairwise(calls))
    assert np.mean([call.payload for call in calls]) == pytest.approx(0.25, abs=0.05)
    assert (batch.concurrency, batch.policy.patience_s, batch.policy.repeat) == (
        9,
        PATIENCE_S,
        False,
    )
    again = list(loading(profile, payloads).batch(FACTS).calls)
    assert again == calls


def test_a_closed_load_goes_round_until_its_time_is_over() -> None:
    profile = Profile("x", users=4, think_s=0.5, closed_s=20.0)
    policy = loading(profile).batch(FACTS).policy
    assert (policy.repeat, policy.think_s, policy.cutoff_s) == (True, 0.5, 20.0)


def test_the_start_is_found_from_the_first_sample_and_its_due_time() -> None:
    profile = Profile("x", phases=(Phase(Constant(2.0), 10.0),))
    begun = loading(profile)
    list(islice(iter(begun.batch(FACTS).calls), 5))
    assert begun.began(3, 101.5) == 100.0
    assert begun.began(0, 999.0) == 100.0


@pytest.mark.parametrize(
    ("profile", "facts", "most", "concurrency"),
    [
        (Profile("x", phases=(Phase(Constant(20.0), 9.0),)), FACTS, None, 60),
        (Profile("x", phases=(Phase(Constant(1.0), 9.0),)), FACTS, None, 10),
        (Profile("x", phases=(Phase(Constant(9e3), 9.0),)), FACTS, None, MOST_LANES),
        (Profile("x", phases=(Phase(Constant(20.0), 9.0),)), FACTS, 7, 7),
        (Profile("x", phases=(Phase(Bursts(80, 60.0), 9.0),)), FACTS, None, 80),
        (Profile("x", users=12, closed_s=5.0), FACTS, None, 12),
        (Profile("x", users=12, closed_s=5.0), FACTS, 5, 5),
        (
            Profile("x", phases=(Phase(Constant(9e3), 9.0),)),
            replace(FACTS, account_concurrency=400),
            None,
            200,
        ),
        (
            Profile("x", phases=(Phase(Constant(9e3), 9.0),)),
            replace(FACTS, account_concurrency=400, reserved_concurrency=50),
            None,
            MOST_LANES,
        ),
    ],
)
def test_as_many_lanes_are_used_as_the_peak_may_need_and_others_can_spare(
    profile: Profile, facts: FunctionFacts, most: int | None, concurrency: int
) -> None:
    assert concurrency_for(profile, facts, most) == concurrency
