"""Events that were accepted, and what a log says became of them."""

from hypothesis import given
from hypothesis import strategies as st

from tuner.measure.event_fates import Fates, LogLine, follow
from tuner.records import Outcome, Purpose, Sample

ORIGIN = 1_767_225_600.0


def accepted(call: int, done_s: float = 1.0, outcome: Outcome = Outcome.OK) -> Sample:
    return Sample(
        *(call, 1, 0, Purpose.LOAD, 128, "x86_64", None, outcome),
        *(done_s, done_s, done_s, done_s),
        request_id=f"id-{call}",
    )


def report(call: int, at_s: float, ms: float = 100.0, more: str = "") -> LogLine:
    text = (
        f"REPORT RequestId: id-{call}\tDuration: {ms:.2f} ms\tBilled Duration: {ms:.0f} ms\t"
        f"Memory Size: 128 MB\tMax Memory Used: 40 MB\t{more}\n"
    )
    return LogLine(ORIGIN + at_s, text)


def test_an_event_waited_until_as_long_before_its_report_as_it_took() -> None:
    [event] = follow(
        [accepted(7)], [report(7, 3.5, 300.0, "Init Duration: 200.00 ms\t")], ORIGIN
    ).events
    assert event.call == 7
    assert event.dwell_s is not None
    assert abs(event.dwell_s - 2.0) < 1e-6


def test_a_try_that_was_followed_by_another_has_failed_and_the_last_is_as_its_line_says() -> None:
    lines = [
        report(1, 200.0, more="Status: timeout"),
        report(1, 2.0),
        report(1, 70.0),
        report(2, 2.0),
        *(report(3, at, more="") for at in (2.0, 70.0, 200.0)),
    ]
    fates = follow([accepted(call) for call in (1, 2, 3, 4)], lines, ORIGIN)
    first, second, third, fourth = fates.events
    assert [one.failed for one in first.tries] == [True, True, True]
    assert [one.failed for one in second.tries] == [None]
    assert [one.failed for one in third.tries] == [True, True, None]
    assert fourth.tries == ()
    assert (fates.started, fates.unseen, fates.retried) == (3, 1, 2)
    assert (fates.exhausted, fates.unknown) == (1, 1)
    assert len(fates.dwell_ms()) == 3


def test_what_was_not_accepted_and_what_others_sent_is_left_out() -> None:
    lines = [report(1, 2.0), report(99, 2.0), LogLine(ORIGIN + 2.0, "REPORT of sales\n")]
    fates = follow([accepted(1, outcome=Outcome.THROTTLED)], lines, ORIGIN)
    assert fates == Fates([])


@given(
    st.lists(st.tuples(st.integers(0, 5), st.floats(0, 1000))),
    st.lists(st.text(max_size=80)),
)
def test_every_accepted_event_has_one_fate_whatever_the_log_holds(
    tries: list[tuple[int, float]], noise: list[str]
) -> None:
    lines = [report(call, at_s) for call, at_s in tries]
    lines += [LogLine(ORIGIN, text) for text in noise]
    fates = follow([accepted(call) for call in range(4)], lines, ORIGIN)
    assert [event.call for event in fates.events] == [0, 1, 2, 3]
    assert fates.started + fates.unseen == 4
    for event in fates.events:
        assert len(event.tries) == sum(call == event.call for call, _ in tries)
        began = [one.began_s for one in event.tries]
        assert began == sorted(began)
        assert event.dwell_s is None or event.dwell_s >= 0
