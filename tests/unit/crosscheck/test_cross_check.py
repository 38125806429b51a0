"""CloudWatch and X-Ray beside what was sent: when they are asked, and what a disagreement says."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from support.factories import a_sample
from tuner.clock import VirtualClock
from tuner.crosscheck.tally import Tally
from tuner.errors import AccessDenied, TargetError, TunerError
from tuner.experiment.cross_check import Inquiry, cross_check
from tuner.measure.event_fates import Followed
from tuner.measure.statistics import Latencies
from tuner.options.calls import WAIT_S, CrossChecked
from tuner.records import Invoked, Metered, Metric, Outcome, Purpose, Sample, Setting, Traced
from tuner.store.documents import CROSS_CHECK, CrossCheck, stored_check
from tuner.store.plain import plain
from tuner.targets.observers import EventSettings

#: Second 0 of the run, in the middle of a minute.
ORIGIN_S = 1_700_000_070.0
MINUTE_S = 1_700_000_040.0


def sample(number: int = 0, **more: Any) -> Sample:
    """A warm call of 100 ms, sent when its number says, a second apart."""
    plain = {
        "call": number,
        "purpose": Purpose.LOAD,
        "qualifier": "7",
        "due_s": float(number),
        "took_s": 0.11,
        "request_id": f"r-{number}",
        "duration_ms": 100.0,
    }
    return a_sample(**{**plain, **more})


def tallied(*samples: Sample, traced: bool = False) -> Tally:
    made = Tally(traced=traced)
    for each in samples or map(sample, range(20)):
        made.add(each)
    return made


def metered(at_s: float = MINUTE_S, **values: float) -> Metered:
    """Figures of one minute, by lower-case names."""
    return Metered({Metric[name.upper()]: ((at_s, value),) for name, value in values.items()})


#: What agrees with 20 samples.
SAME = metered(invocations=20, errors=0, throttles=0, duration=2000, concurrency=1)


@dataclass
class Told:
    """A witness who says what a test wants; ``asked`` are its questions, ``said`` what it told."""

    clock: VirtualClock
    answer: Callable[[], Mapping[str | None, Metered]] = lambda: {"7": SAME}
    shown: Sequence[Traced] = ()
    traced: bool = False
    asked: list[Collection[Metric]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    traces_error: TunerError | None = None

    def metered(
        self,
        places: Sequence[Invoked],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[Invoked, Metered]:
        assert span_s[0] <= ORIGIN_S < span_s[1]
        assert (span_s[0] % 60, span_s[1] % 60) == (0, 0)
        self.asked.append(metrics)
        return {place: self.answer().get(place.qualifier, Metered({})) for place in places}

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        assert span_s[0] < span_s[1]
        if self.traces_error is not None:
            raise self.traces_error
        return self.shown

    def tell(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def clock() -> VirtualClock:
    """Five minutes after the run began: all figures are there."""
    made = VirtualClock(epoch=ORIGIN_S)
    made.sleep(300.0)
    return made


def checked(
    clock: VirtualClock, book: Tally | None = None, wait_s: float = 0.0, **told: Any
) -> CrossCheck:
    witness = Told(clock, **told)
    inquiry = Inquiry("orders", ORIGIN_S, wait_s)
    found = cross_check(witness, book or tallied(), inquiry, clock)
    assert found is not None
    return found


def codes(found: CrossCheck) -> list[str]:
    return [advice.code for advice in found.advice]


def test_what_agrees_is_no_disagreement_and_is_told_with_its_figures(clock: VirtualClock) -> None:
    found = checked(clock)
    assert (found.advice, found.settled, found.traces) == ((), True, None)
    (row,) = found.rows
    assert (row.ran, row.seen.invocations, row.mean_ms, row.seen.mean_ms) == (20, 20, 100, 100)
    assert (row.at_once, row.seen.concurrency) == (1, 1)


@pytest.mark.parametrize(
    ("figures", "code", "says"),
    [
        ({"invocations": 25}, "metrics-more", "for orders:7 (512 MB) 25 invocations where 20 ran"),
        ({"invocations": 18}, "metrics-fewer", "18 invocations where 20 answered"),
        ({"errors": 2}, "metrics-errors", "2 errors where 0 were answered"),
        ({"throttles": 3}, "metrics-throttles", "3 throttles where 0 were answered"),
        ({"duration": 2600}, "metrics-durations", "130 ms where REPORT says 100 ms"),
        ({"concurrency": 4}, "metrics-concurrency", "4 at once where 1 were in flight"),
    ],
)
def test_each_disagreement_names_the_version_both_figures_and_a_next_step(
    clock: VirtualClock, figures: dict[str, float], code: str, says: str
) -> None:
    same = {"invocations": 20, "errors": 0, "throttles": 0, "duration": 2000, "concurrency": 1}
    found = checked(clock, answer=lambda: {"7": metered(**{**same, **figures})})
    (advice,) = found.advice
    assert advice.code == code
    assert says in advice.text
    assert advice.text.endswith(".")
    assert len(advice.text) < 400


def test_errors_and_throttles_that_were_answered_and_not_counted_are_told(
    clock: VirtualClock,
) -> None:
    failed = [
        sample(20, outcome=Outcome.FUNCTION_ERROR),
        sample(21, outcome=Outcome.TIMEOUT),
        sample(22, outcome=Outcome.THROTTLED, status=429, reason="X", duration_ms=None),
    ]
    book = tallied(*map(sample, range(20)), *failed)
    counted = metered(invocations=22, errors=1, throttles=0, duration=2200)
    found = checked(clock, book, answer=lambda: {"7": counted})
    assert codes(found) == ["metrics-errors", "metrics-throttles"]
    assert "1 errors where 2 were answered" in found.advice[0].text
    right = metered(invocations=22, errors=2, throttles=1, duration=2200)
    assert codes(checked(clock, book, answer=lambda: {"7": right})) == []


def test_a_request_without_an_answer_may_have_run_or_not(clock: VirtualClock) -> None:
    lost = sample(20, outcome=Outcome.TRANSPORT_ERROR, status=None, duration_ms=None)
    refused = sample(21, outcome=Outcome.SERVICE_ERROR, status=400, duration_ms=None)
    book = tallied(*map(sample, range(20)), lost, refused)
    for ran in (20, 21):
        counted = metered(invocations=ran, errors=0, throttles=0, duration=2000)
        assert codes(checked(clock, book, answer=lambda c=counted: {"7": c})) == []
    counted = metered(invocations=22, errors=0, throttles=0)
    assert codes(checked(clock, book, answer=lambda: {"7": counted})) == ["metrics-more"]


def test_a_throttle_of_the_callers_api_rate_need_not_be_counted(clock: VirtualClock) -> None:
    throttled = [
        sample(n, outcome=Outcome.THROTTLED, reason="CallerRateLimitExceeded", duration_ms=None)
        for n in (20, 21)
    ]
    book = tallied(*map(sample, range(20)), *throttled)
    for count in (0, 2):
        counted = metered(invocations=20, throttles=count, duration=2000)
        assert codes(checked(clock, book, answer=lambda c=counted: {"7": c})) == []


def test_a_figure_that_cloudwatch_does_not_have_is_not_compared(clock: VirtualClock) -> None:
    empty = Metered({Metric.INVOCATIONS: ((MINUTE_S, 20.0),), Metric.DURATION: ()})
    found = checked(clock, answer=lambda: {"7": empty})
    assert found.advice == ()
    assert (found.rows[0].seen.mean_ms, found.rows[0].seen.concurrency) == (None, None)


def test_a_neighbouring_minute_counts_against_fewer_and_not_for_more(clock: VirtualClock) -> None:
    early = metered(MINUTE_S - 60.0, invocations=20, duration=2000)
    assert codes(checked(clock, answer=lambda: {"7": early})) == []
    more = Metered({Metric.INVOCATIONS: ((MINUTE_S - 60.0, 50.0), (MINUTE_S, 20.0))})
    assert codes(checked(clock, answer=lambda: {"7": more})) == []


def test_figures_that_are_not_whole_yet_say_nothing_of_fewer_but_of_more() -> None:
    clock = VirtualClock(epoch=ORIGIN_S)
    clock.sleep(90.0)
    some = metered(invocations=5, duration=500)
    found = checked(clock, answer=lambda: {"7": some})
    assert (found.settled, found.advice) == (False, ())
    more = metered(invocations=21, duration=2100)
    assert codes(checked(clock, answer=lambda: {"7": more})) == ["metrics-more"]


def test_without_figures_of_any_version_one_advice_is_enough(clock: VirtualClock) -> None:
    book = tallied(*map(sample, range(5)), sample(5, qualifier="8"), sample(6, qualifier=None))
    found = checked(clock, book, answer=dict)
    assert codes(found) == ["metrics-absent"]


def test_many_versions_that_disagree_are_named_by_three_and_counted(clock: VirtualClock) -> None:
    book = tallied(*(sample(n, qualifier=str(n), setting=Setting(128 * (n + 1))) for n in range(5)))
    twice = {str(n): metered(invocations=2, duration=200) for n in range(5)}
    (advice,) = checked(clock, book, answer=lambda: twice).advice
    assert "orders:2 (384 MB) 2 invocations where 1 ran, and likewise at 2 more:" in advice.text


def test_versions_of_two_architectures_that_bear_one_number_are_told_apart(
    clock: VirtualClock,
) -> None:
    arm = Setting(512, "arm64")
    book = tallied(sample(0), sample(1, setting=arm), sample(2, setting=arm))
    told = metered(invocations=2, duration=200)
    found = checked(clock, book, answer=lambda: {"7": told})
    assert [(row.arch, row.ran) for row in found.rows] == [("x86_64", 1), ("arm64", 2)]
    (advice,) = found.advice
    assert "for orders:7 (512 MB, x86_64) 2 invocations where 1 ran" in advice.text


def test_a_run_of_the_last_minute_is_not_asked_about_without_waiting() -> None:
    clock = VirtualClock(epoch=ORIGIN_S)
    clock.sleep(30.0)
    witness = Told(clock)
    assert cross_check(witness, tallied(), Inquiry("orders", ORIGIN_S), clock) is None
    assert witness.asked == []
    assert cross_check(witness, Tally(), Inquiry("orders", ORIGIN_S, WAIT_S), clock) is None


def test_waiting_asks_for_one_figure_until_it_is_there_and_says_how_long() -> None:
    clock = VirtualClock(epoch=ORIGIN_S)
    clock.sleep(20.0)
    witness = Told(clock, answer=lambda: {"7": SAME} if clock.wall() > ORIGIN_S + 75 else {})
    found = cross_check(witness, tallied(), Inquiry("orders", ORIGIN_S, WAIT_S), clock)
    assert found is not None
    assert found.advice == ()
    assert [len(asked) for asked in witness.asked] == [1, 1, 1, 1, 5]
    assert clock.wall() == pytest.approx(ORIGIN_S + 80, abs=1)
    assert "at most 3 min" in witness.said[0]
    assert "Ctrl-C" in witness.said[0]


def test_waiting_ends_after_three_minutes_and_then_fewer_is_reported() -> None:
    clock = VirtualClock(epoch=ORIGIN_S)
    clock.sleep(20.0)
    some = metered(invocations=5, duration=500)
    found = checked(clock, wait_s=WAIT_S, answer=lambda: {"7": some})
    assert clock.wall() == pytest.approx(ORIGIN_S + 19.11 + WAIT_S, abs=1)
    assert found.settled
    assert codes(found) == ["metrics-fewer"]


def test_a_user_who_stops_ends_the_waiting_without_a_word_on_late_figures() -> None:
    clock = VirtualClock(epoch=ORIGIN_S)
    clock.sleep(20.0)
    witness = Told(clock, answer=dict)
    stop = lambda: clock.wall() > ORIGIN_S + 30.0  # noqa: E731 - a name for the question
    inquiry = Inquiry("orders", ORIGIN_S, WAIT_S, stop)
    found = cross_check(witness, tallied(), inquiry, clock)
    assert found is not None
    assert (found.settled, found.advice) == (False, ())
    assert clock.wall() < ORIGIN_S + 31.0


def test_a_missing_right_is_advice_that_names_it_and_never_an_error(clock: VirtualClock) -> None:
    def refuse() -> Mapping[str | None, Metered]:
        raise AccessDenied("orders", "cloudwatch:GetMetricData is not allowed (why)", "Allow it.")

    found = checked(clock, answer=refuse)
    assert (found.rows, codes(found)) == ((), ["cross-check-denied"])
    assert "cloudwatch:GetMetricData is not allowed (why)" in found.advice[0].text
    assert "tuner policy" in found.advice[0].text


def test_what_cannot_be_asked_is_advice(clock: VirtualClock) -> None:
    def fail() -> Mapping[str | None, Metered]:
        raise TargetError("orders", "AWS cannot be reached (gone)", "Check the network.")

    assert codes(checked(clock, answer=fail)) == ["cross-check-failed"]


def traced(number: int = 0, **more: Any) -> Traced:
    times = {"service_ms": 104.0, "ran_ms": 100.0}
    return Traced(request_id=f"r-{number}", **{**times, **more})


def with_traces(
    clock: VirtualClock, *shown: Traced, book: Tally | None = None, **told: Any
) -> CrossCheck:
    book = book or tallied(traced=True, *map(sample, range(20)))  # noqa: B026 - samples come last
    return checked(clock, book, traced=True, shown=shown, **told)


def test_traces_that_agree_tell_what_lambda_itself_adds(clock: VirtualClock) -> None:
    found = with_traces(clock, *map(traced, range(6)), Traced("of somebody else"))
    assert found.advice == ()
    assert found.traces is not None
    assert (found.traces.read, found.traces.matched, found.traces.with_init) == (7, 6, 0)
    assert found.traces.service_ms == pytest.approx(4.0)
    assert stored_check({CROSS_CHECK: plain(found)}) == found


@pytest.mark.parametrize(
    ("ours", "theirs", "code"),
    [
        ({}, {"init_ms": 300.0, "ahead_ms": 1.0}, "traces-init"),
        ({"init_ms": 300.0}, {}, "traces-init"),
        ({"init_ms": 300.0}, {"init_ms": 400.0, "ahead_ms": 1.0}, "traces-init"),
        ({"init_ms": 300.0}, {"init_ms": 301.0, "ahead_ms": 5000.0}, "traces-init-ahead"),
        ({}, {"attempts": 2}, "traces-attempts"),
        ({"init_ms": 300.0}, {"init_ms": 304.0, "ahead_ms": 1.0}, None),
        ({"restore_ms": 300.0}, {"restore_ms": 400.0}, None),
        ({}, {"init_ms": 300.0, "ahead_ms": 60_000.0}, None),  # of provisioned concurrency
    ],
)
def test_init_and_attempts_are_compared_call_by_call(
    clock: VirtualClock, ours: dict[str, Any], theirs: dict[str, Any], code: str | None
) -> None:
    book = tallied(*(sample(n, **(ours if n == 3 else {})) for n in range(20)), traced=True)
    found = with_traces(clock, traced(3, **theirs), book=book)
    assert codes(found) == ([] if code is None else [code])


def test_durations_that_differ_in_the_median_of_several_traces_are_told(
    clock: VirtualClock,
) -> None:
    slow = [traced(number, ran_ms=140.0) for number in range(6)]
    assert codes(with_traces(clock, *slow)) == ["traces-durations"]
    assert codes(with_traces(clock, *slow[:4])) == []
    one_odd = [*map(traced, range(6)), traced(7, ran_ms=900.0)]
    assert codes(with_traces(clock, *one_odd)) == []


def test_no_trace_of_a_traced_function_says_what_its_role_may_lack(clock: VirtualClock) -> None:
    found = with_traces(clock)
    assert codes(found) == ["traces-absent"]
    assert "xray:PutTraceSegments" in found.advice[0].text


def test_traces_that_may_not_be_read_leave_the_figures(clock: VirtualClock) -> None:
    error = AccessDenied("orders", "xray:GetTraceSummaries is not allowed (why)", "Allow it.")
    found = with_traces(clock, traces_error=error)
    assert codes(found) == ["cross-check-denied"]
    assert "X-Ray" in found.advice[0].text
    assert found.rows[0].seen.invocations == 20


def events(tries: int, unknown: int = 0, broken: str | None = None) -> Any:
    """As much of a load's events as a tallied looks at."""
    took = Latencies()
    for _ in range(tries):
        took.record(100.0)
    following = type("F", (), {"settings": EventSettings(), "broken": broken})()
    return type(
        "E", (), {"tries": tries, "unknown": unknown, "duration": took, "following": following}
    )()


def of_events(tries: int, unknown: int = 0, broken: str | None = None) -> Tally:
    accepted = (sample(n, duration_ms=None, status=202) for n in range(10))
    book = tallied(*accepted, traced=True)
    followed = {f"r-{n}": Followed(50.0, 2 if n < 2 else 1) for n in range(10)}
    book.of_events(events(tries, unknown, broken), followed, 60.0)
    return book


@pytest.mark.parametrize(
    ("tries", "unknown", "broken", "counted", "code"),
    [
        (12, 0, None, 12, None),
        (12, 0, None, 15, "metrics-more"),
        (12, 0, None, 9, "metrics-fewer"),
        (12, 2, None, 18, None),
        (12, 2, None, 19, "metrics-more"),
        (3, 0, "the log is gone", 900, None),
    ],
)
def test_of_events_all_tries_count_and_those_of_unknown_fate_may(
    clock: VirtualClock,
    tries: int,
    unknown: int,
    broken: str | None,
    counted: int,
    code: str | None,
) -> None:
    book = of_events(tries, unknown, broken)
    told = metered(invocations=counted, errors=2, throttles=4, duration=100 * counted)
    found = with_traces(clock, traced(9), book=book, answer=lambda: {"7": told})
    assert codes(found) == ([] if code is None else [code])


def test_waits_and_tries_of_events_are_held_against_their_traces(clock: VirtualClock) -> None:
    told = metered(invocations=12, duration=1200)
    right = [traced(0, attempts=2, dwell_ms=60.0), traced(5, attempts=1, dwell_ms=400.0)]
    found = with_traces(clock, *right, book=of_events(12), answer=lambda: {"7": told})
    assert codes(found) == []
    assert found.traces is not None
    assert found.traces.dwell_ms == 230.0
    wrong = [traced(0, attempts=3), traced(5, attempts=1, dwell_ms=9000.0)]
    found = with_traces(clock, *wrong, book=of_events(12), answer=lambda: {"7": told})
    assert codes(found) == ["traces-attempts", "traces-dwell"]


def test_the_option_says_how_patiently_it_is_asked() -> None:
    waits = [CrossChecked(cross_check=asked).patience_s for asked in (None, True, False)]
    assert waits == [0.0, WAIT_S, None]


def test_a_stored_cross_check_that_cannot_be_read_is_none() -> None:
    assert stored_check({}) is None
    assert stored_check({CROSS_CHECK: {"rows": 3}}) is None
