"""How long events are followed, on a virtual clock and a log that fills as time goes by."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import pytest

from support.factories import a_sample
from tuner.clock import VirtualClock
from tuner.errors import TargetError
from tuner.experiment.afterwards import EventDrain
from tuner.measure.event_fates import End
from tuner.measure.event_figures import EventFigures
from tuner.measure.load_health import event_advice, incomplete
from tuner.records import LogLine, Outcome, Sample
from tuner.targets.observers import EventSettings, EventTrail


@dataclass
class Filling(EventTrail):
    """A log in which lines appear some seconds after they were written; ``ended`` is what the
    platform records, by the second in which it does."""

    clock: VirtualClock
    log: list[LogLine] = field(default_factory=list)
    appears_s: float = 5.0
    ended: dict[str, tuple[float, str]] | None = None
    fails_after_s: float = 1e9
    settings: EventSettings = field(default_factory=EventSettings)
    place: str = "a log"
    late_s: float = 10.0
    pause_s: float = 5.0
    time_scale: float = 1.0
    asked: list[float] = field(default_factory=list)

    def moment(self, wall_s: float) -> float:
        return wall_s

    def lines(self, since_s: float) -> Iterator[LogLine]:
        now = self.clock.wall()
        self.asked.append(self.clock.monotonic())
        if self.clock.monotonic() > self.fails_after_s:
            raise TargetError("the log", "is gone", "Wait.")
        for line in self.log:
            if since_s <= line.at_s <= now - self.appears_s:
                yield line

    def endings(self) -> Mapping[str, str] | None:
        if self.ended is None:
            return None
        now = self.clock.monotonic()
        return {each: condition for each, (at_s, condition) in self.ended.items() if at_s <= now}


def sample(event: int, outcome: Outcome = Outcome.OK) -> Sample:
    return a_sample(call=event, outcome=outcome, done_s=0.0, request_id=f"id-{event}")


def ran(clock: VirtualClock, event: int, at_s: float, more: str = "") -> list[LogLine]:
    at_s += clock.wall()
    text = f"REPORT RequestId: id-{event}\tDuration: 50.00 ms\tBilled Duration: 50 ms\t{more}\n"
    start = LogLine(at_s, f"START RequestId: id-{event} Version: 1\n")
    return [start, LogLine(at_s + 0.05, text)]


def drained(
    trail: Filling, events: int, limit_s: float = 300.0, stop_after_s: float = 1e9
) -> tuple[EventFigures, float]:
    """What came of so many events, and how long that took."""
    clock = trail.clock
    drain = EventDrain(trail, clock, clock.wall())
    for event in range(events):
        drain.accept(sample(event))
    drain.accept(sample(99, Outcome.THROTTLED))
    drain.run(limit_s, lambda: clock.monotonic() >= stop_after_s, lambda _text: None)
    return drain.figures(0.0), clock.monotonic()


def test_it_ends_when_no_event_can_be_tried_again() -> None:
    clock = VirtualClock()
    trail = Filling(clock, [*ran(clock, 0, 1.0), *ran(clock, 1, 2.0)])
    told, took_s = drained(trail, 2)
    assert told.ends[End.SUCCEEDED] == told.accepted == 2
    assert 122 <= took_s <= 128
    assert (incomplete(told), [*event_advice(told, removed=False)]) == (None, [])


def test_it_ends_at_once_where_the_platform_tells_how_events_ended() -> None:
    clock = VirtualClock()
    ended = {"id-0": (3.0, "Success"), "id-1": (20.0, "RetriesExhausted")}
    told, took_s = drained(Filling(clock, ended=ended), 2)
    assert (told.ends[End.SUCCEEDED], told.ends[End.EXHAUSTED], told.given_up) == (1, 1, 1)
    assert 20 <= took_s <= 26


def test_a_line_that_appears_late_is_read_all_the_same() -> None:
    clock = VirtualClock()
    lines = [*ran(clock, 0, 1.0, "Status: timeout"), *ran(clock, 0, 61.2)]
    told, took_s = drained(Filling(clock, lines, appears_s=9.0), 1)
    assert (told.retried, told.by_tries, told.ends[End.SUCCEEDED]) == (1, {2: 1}, 1)
    assert took_s == pytest.approx(61.2 + 120 + 60, abs=6)


def test_when_time_is_up_the_rest_is_of_unknown_fate_and_that_is_said() -> None:
    clock = VirtualClock()
    trail = Filling(clock, [*ran(clock, 0, 1.0), *ran(clock, 1, 30.0), ran(clock, 2, 1.0)[0]])
    told, took_s = drained(trail, 4, limit_s=40.0)
    assert took_s == pytest.approx(40, abs=0.2)
    assert told.ends[End.WAITING] == 2
    assert (told.ends[End.RUNNING], told.ends[End.UNSEEN], told.unknown) == (1, 1, 4)
    assert incomplete(told) == "4 of 4 events had not ended when time was up"
    [advice] = event_advice(told, removed=True)
    assert advice.code == "events-unknown"
    assert "1 never begun, 2 may be retried, 1 running" in advice.text
    assert "to a version that has been removed" in advice.text


def test_a_user_who_stops_is_heard_soon_and_told_what_is_there() -> None:
    clock = VirtualClock()
    told, took_s = drained(Filling(clock, ran(clock, 0, 1.0)), 2, stop_after_s=12.3)
    assert 12.3 <= took_s <= 12.6
    assert (told.started, told.billed, told.unknown) == (1, 1, 2)


def test_a_user_who_stopped_before_is_told_what_is_there_without_waiting() -> None:
    clock = VirtualClock()
    trail = Filling(clock, ran(clock, 0, -20.0), appears_s=0.0)
    told, took_s = drained(trail, 1, stop_after_s=0.0)
    assert took_s == 0
    assert told.accepted == 1


def test_a_log_that_cannot_be_read_any_more_loses_nothing_that_was_read() -> None:
    clock = VirtualClock()
    trail = Filling(clock, ran(clock, 0, 1.0), fails_after_s=20.0)
    told, _ = drained(trail, 2)
    assert (told.started, told.billed_ms) == (1, 50.0)
    assert incomplete(told) == "its events could not be followed to the end"
    codes = [advice.code for advice in event_advice(told, removed=False)]
    assert codes == ["events-not-followed", "events-unknown"]


def test_a_slow_log_is_asked_less_often() -> None:
    clock = VirtualClock()

    class Slow(Filling):
        def lines(self, since_s: float) -> Iterator[LogLine]:
            clock.advance(10.0)
            return super().lines(since_s)

    trail = Slow(clock)
    drained(trail, 1, limit_s=200.0)
    assert len(trail.asked) <= 200 / 40 + 3


def test_an_unknown_end_is_said_with_what_would_tell_it() -> None:
    clock = VirtualClock()
    once = EventSettings(retries=0)
    trail = Filling(clock, ran(clock, 0, 1.0), settings=once)
    told, took_s = drained(trail, 1)
    assert took_s < 20
    assert told.ends[End.RAN] == 1
    [advice] = event_advice(told, removed=False)
    assert advice.text.endswith("set a failure destination.")
    clock = VirtualClock()
    there = replace(once, on_failure="arn:aws:sqs:eu-west-1:1:failed")
    told, _ = drained(Filling(clock, ran(clock, 0, 1.0), settings=there), 1)
    [advice] = event_advice(told, removed=False)
    assert advice.text.endswith("check the failure destination.")
