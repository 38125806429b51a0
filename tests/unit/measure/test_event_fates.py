"""Events that were accepted, and what a log and the platform's records say became of them."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.measure.event_fates import OPEN, End, Fates
from tuner.measure.event_figures import EventFigures, Following, event_figures
from tuner.records import LogLine
from tuner.targets.observers import EventSettings

ORIGIN = 1_767_225_600.0
LATER = 10_000.0


def start(event: int, at_s: float) -> LogLine:
    return LogLine(ORIGIN + at_s, f"START RequestId: id-{event} Version: $LATEST\n")


def report(event: int, at_s: float, ms: float = 100.0, more: str = "") -> LogLine:
    text = (
        f"REPORT RequestId: id-{event}\tDuration: {ms:.2f} ms\tBilled Duration: {ms:.0f} ms\t"
        f"Memory Size: 128 MB\tMax Memory Used: 40 MB\t{more}\n"
    )
    return LogLine(ORIGIN + at_s, text)


def run(event: int, at_s: float, ms: float = 100.0, more: str = "") -> list[LogLine]:
    return [start(event, at_s), report(event, at_s + ms / 1000.0, ms, more)]


def followed(
    events: dict[int, float], lines: list[LogLine], settings: EventSettings | None = None
) -> Fates:
    """Events by number with the second in which each was accepted, and these lines."""
    fates = Fates(settings or EventSettings())
    for event, accepted_s in events.items():
        fates.accept(f"id-{event}", ORIGIN + accepted_s)
    fates.read(lines)
    return fates


def end_of(fates: Fates, event: int, now_s: float = LATER) -> End:
    return fates.end(fates.events[f"id-{event}"], ORIGIN + now_s)


def figures(fates: Fates, now_s: float = LATER) -> EventFigures:
    return event_figures(fates, Following("here", fates.settings), ORIGIN, ORIGIN + now_s)


def test_an_event_waits_from_its_acceptance_to_its_first_start() -> None:
    told = figures(followed({1: 1.0}, [*run(1, 3.5), *run(1, 64.0)]))
    assert told.dwell.percentile_ms(50) == pytest.approx(2500, rel=1e-3)
    assert told.retry_wait.percentile_ms(50) == pytest.approx(60_400, rel=1e-3)


def test_a_report_without_its_start_began_as_long_before_as_it_took() -> None:
    line = report(1, 4.0, 300.0, "Init Duration: 200.00 ms\t")
    told = figures(followed({1: 1.0}, [line]))
    assert told.dwell.percentile_ms(50) == pytest.approx(2700, rel=1e-3)
    assert told.cold_starts == 1


def test_an_event_that_was_not_retried_when_it_was_due_has_succeeded() -> None:
    fates = followed({1: 1.0}, run(1, 2.0))
    assert end_of(fates, 1, 62.0) is End.WAITING
    assert end_of(fates, 1, 121.9) is End.WAITING
    assert end_of(fates, 1, 122.2) is End.SUCCEEDED


def test_the_last_allowed_try_ends_as_its_line_says_or_is_unknown() -> None:
    tries = [*run(1, 2.0), *run(1, 62.2)]
    assert end_of(followed({1: 1.0}, [*tries, *run(1, 183.0)]), 1) is End.RAN
    out = run(1, 183.0, more="Status: timeout")
    assert end_of(followed({1: 1.0}, [*tries, *out]), 1) is End.EXHAUSTED
    once = EventSettings(retries=0)
    assert end_of(followed({1: 1.0}, run(1, 2.0), once), 1, 3.0) is End.RAN


def test_a_failure_that_was_not_tried_again_yet_is_no_success() -> None:
    fates = followed({1: 1.0}, run(1, 2.0, more="Status: error\tError Type: Runtime.ExitError"))
    assert end_of(fates, 1, 9000.0) is End.WAITING


def test_an_event_is_dropped_for_its_age_where_the_rule_leaves_no_other_end() -> None:
    short = EventSettings(age_s=60.0)
    failed = run(1, 2.0, more="Status: timeout")
    assert end_of(followed({1: 1.0}, failed, short), 1, 3.0) is End.AGED
    assert end_of(followed({1: 1.0}, run(1, 2.0), short), 1, 3.0) is End.RAN
    assert end_of(followed({1: 1.0}, [], short), 1, 100.0) is End.UNSEEN
    assert end_of(followed({1: 1.0}, [], short), 1, 122.0) is End.AGED


def test_an_event_that_began_and_has_not_ended_is_running() -> None:
    fates = followed({1: 1.0, 2: 1.0}, [start(1, 2.0)])
    assert (end_of(fates, 1), end_of(fates, 2)) == (End.RUNNING, End.UNSEEN)
    told = figures(fates)
    assert (told.started, told.unknown, told.billed) == (1, 2, 0)


@pytest.mark.parametrize(
    ("condition", "end"),
    [
        ("Success", End.SUCCEEDED),
        ("RetriesExhausted", End.EXHAUSTED),
        ("EventAgeExceeded", End.AGED),
        ("ZeroReservedConcurrency", End.SWITCHED_OFF),
        ("SomethingNew", End.UNSEEN),
    ],
)
def test_what_the_platform_recorded_is_believed(condition: str, end: End) -> None:
    fates = followed({1: 1.0}, [])
    fates.told({"id-1": condition, "id-of-others": "Success"})
    assert end_of(fates, 1, 5.0) is end
    assert len(fates.events) == 1


def test_a_second_delivery_is_no_retry_and_no_sign_of_failure() -> None:
    fates = followed({1: 1.0}, [*run(1, 2.0), *run(1, 2.3)])
    assert end_of(fates, 1, 500.0) is End.SUCCEEDED
    told = figures(fates)
    assert (told.retried, told.duplicates, told.tries, told.billed) == (0, 1, 2, 2)


def test_every_try_is_paid_for_and_runs_beside_others() -> None:
    lines = [*run(1, 2.0, 1000.0), *run(2, 2.5, 1000.0), *run(1, 63.0, 1000.0)]
    told = figures(followed({1: 1.0, 2: 1.0}, lines))
    assert (told.billed, told.billed_ms, told.tries) == (3, 3000.0, 3)
    assert told.by_tries == {1: 1, 2: 1}
    assert told.concurrency.max == 2
    assert told.concurrency.mean == pytest.approx(3.0 / 62.0)
    assert told.concurrency.little == pytest.approx(3.0 / 62.0)


def test_the_queue_is_told_second_by_second() -> None:
    lines = [*run(1, 0.5), *run(2, 2.5), *run(1, 61.0)]
    rows = figures(followed({1: 0.2, 2: 0.3, 3: 1.0}, lines)).timeline
    assert [(row.accepted, row.begun, row.waiting) for row in rows[:3]] == [
        (2, 1, 1),
        (1, 0, 2),
        (0, 1, 1),
    ]
    assert (rows[-1].second, rows[-1].retried, rows[-1].waiting) == (61, 1, 1)


def test_a_beginning_before_the_acceptance_shows_that_clocks_differ() -> None:
    assert figures(followed({1: 3.0}, run(1, 2.0))).skewed == 1
    assert figures(followed({1: 2.01}, run(1, 2.0))).skewed == 0


def test_platform_time_that_runs_faster_is_told_in_its_own_seconds() -> None:
    fates = Fates(EventSettings(), time_scale=60.0)
    fates.accept("id-1", ORIGIN)
    fates.read([report(1, 18.0, 200.0)])  # 0.2 s of ours are 12 of the platform's
    told = event_figures(fates, Following("here", fates.settings, 60.0), ORIGIN, ORIGIN + LATER)
    assert told.dwell.percentile_ms(50) == pytest.approx(6000, rel=1e-3)
    assert [row.begun for row in told.timeline] == [1]


LINES = st.lists(
    st.builds(
        lambda make, event, at_s: make(event, at_s),
        st.sampled_from([start, report]),
        st.integers(0, 5),
        st.floats(0, 1000).map(lambda at_s: round(at_s, 3)),
    ),
    max_size=40,
)


@given(LINES, st.lists(st.text(max_size=60)), st.integers(0, 2**32), st.floats(0, 2000))
def test_lines_in_any_order_and_more_than_once_tell_the_same(
    lines: list[LogLine], noise: list[str], seed: int, now_s: float
) -> None:
    accepted = dict.fromkeys(range(4), 0.0)
    mixed = [*lines, *lines[::2], *(LogLine(ORIGIN, text) for text in noise)]
    Random(seed).shuffle(mixed)
    here, there = followed(accepted, lines), followed(accepted, mixed)
    told = figures(here, now_s)
    assert told.ends == figures(there, now_s).ends
    assert told.billed_ms == figures(there, now_s).billed_ms
    assert sum(told.ends.values()) == sum(told.by_tries.values()) == told.accepted == 4
    for number in range(4):
        tries = here.events[f"id-{number}"].tries(1.0)
        assert tries == there.events[f"id-{number}"].tries(1.0)
        mine = [line for line in lines if f"id-{number}" in line.text.split("\t")[0]]
        reports = {line.at_s for line in mine if line.text.startswith("REPORT")}
        assert len([one for one in tries if one.report]) == len(reports)
        assert len(tries) >= len({line.at_s for line in mine if line.text.startswith("START")})
        assert [one.began_s for one in tries] == sorted(one.began_s for one in tries)


@given(LINES, st.floats(0, 2000))
def test_those_that_are_not_settled_are_those_with_an_open_end(
    lines: list[LogLine], now_s: float
) -> None:
    fates = followed(dict.fromkeys(range(6), 0.0), lines)
    left = fates.unsettled(ORIGIN + now_s)
    assert left == sum(end_of(fates, event, now_s) in OPEN for event in range(6))
