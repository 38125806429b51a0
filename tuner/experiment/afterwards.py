"""What the answer of a call did not tell: REPORT lines that came late, and the fates of events.

Samples get their report from elsewhere, if the target can find it. A load's events are remembered
when they are accepted, and then followed until all have ended. That ends early when the user says
so or time is up; what was seen by then is reported, and the rest is of unknown fate. A log that
cannot be read any more ends it, too, and nothing is lost.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from tuner.clock import Clock
from tuner.errors import TunerError
from tuner.measure.event_fates import Fates, Followed
from tuner.measure.event_figures import EventFigures, Following, event_figures
from tuner.records import OTHER_SIZE, Outcome, Sample
from tuner.targets.observers import EventTrail
from tuner.targets.seam import Target

#: What samples and REPORT lines call the same.
_TOLD = (
    *("duration_ms", "billed_ms", "init_ms", "restore_ms"),
    *("billed_restore_ms", "max_memory_mb"),
)


def lacks_report(sample: Sample) -> bool:
    """Return whether a successful invocation lacks its duration, and could be looked up."""
    return (
        sample.outcome is Outcome.OK
        and sample.duration_ms is None
        and sample.request_id is not None
    )


def completed(samples: Sequence[Sample], target: Target) -> Iterator[Sample]:
    """The samples in order, with what the target found of their reports."""
    ids = [sample.request_id for sample in samples if sample.request_id]
    found = target.reports(ids) if ids else {}
    for sample in samples:
        report = found.get(sample.request_id or "")
        if report is None:
            yield sample
            continue
        told = {name: getattr(report, name) for name in _TOLD}
        if report.memory_mb not in (None, sample.memory_mb):
            said = f"it ran at {report.memory_mb} MB, not at {sample.memory_mb} MB"
            told |= {"outcome": Outcome.SERVICE_ERROR, "reason": OTHER_SIZE, "message": said}
        yield replace(sample, **told)


class LateReports:
    """Those samples of a load that lack their report, to be looked up when it is over.

    Beyond ``MOST`` they are not held: the figures of the others stand for them.
    """

    MOST = 20_000

    def __init__(self, target: Target) -> None:
        self._target = target
        self._lacking: list[Sample] = []

    def note(self, sample: Sample) -> None:
        """Keep a sample if it lacks its report."""
        if lacks_report(sample) and len(self._lacking) < self.MOST:
            self._lacking.append(sample)

    def found(self) -> Iterator[Sample]:
        """Those whose report was found, with it."""
        for sample in completed(self._lacking, self._target):
            if sample.duration_ms is not None:
                yield sample


#: Between two looks whether the user wants to stop, seconds.
_LOOK_S = 0.1
#: A question that takes long is asked less often: waits are this many times as long.
_RESTS = 3.0


class EventDrain:
    """The events of one load; ``origin_wall_s`` is second 0 of its samples since 1970."""

    def __init__(self, trail: EventTrail, clock: Clock, origin_wall_s: float) -> None:
        self._trail, self._clock, self._origin_wall_s = trail, clock, origin_wall_s
        self._fates = Fates(trail.settings, trail.time_scale)
        self._since_s = trail.moment(clock.wall()) - trail.late_s
        self._first_s = self._since_s
        self._seconds = 0.0
        self._broken: str | None = None

    def accept(self, sample: Sample) -> None:
        """Remember a request's event if it was accepted."""
        if sample.outcome is Outcome.OK and sample.request_id is not None:
            accepted_s = self._trail.moment(self._origin_wall_s + sample.done_s)
            self._fates.accept(sample.request_id, accepted_s)

    def run(self, limit_s: float, stop: Callable[[], bool], tell: Callable[[str], None]) -> None:
        """Read until every event has ended, ``stop`` says so, or ``limit_s`` seconds are over."""
        began_s, total = self._clock.monotonic(), len(self._fates.events)
        try:
            while True:
                asked_s = self._clock.monotonic()
                left = self._read()
                took_s = self._clock.monotonic() - asked_s
                self._seconds = self._clock.monotonic() - began_s
                if not left or self._seconds >= limit_s or stop():
                    break
                tell(f"following {total:,} events until they have ended")
                pause_s = max(self._trail.pause_s, _RESTS * took_s)
                self._wait(min(pause_s, limit_s - self._seconds), stop)
            if left:  # lines that were late, older than what is read each time
                self._fates.read(self._trail.lines(self._first_s))
        except TunerError as error:
            self._broken = str(error)

    def figures(self, start_s: float) -> EventFigures:
        """Return the figures; ``start_s`` is the load's start on the run's clock."""
        trail = self._trail
        following = Following(
            trail.place, trail.settings, trail.time_scale, self._seconds, self._broken
        )
        begun_s = trail.moment(self._origin_wall_s + start_s)
        return event_figures(self._fates, following, begun_s, trail.moment(self._clock.wall()))

    def followed(self) -> Iterator[tuple[str, Followed]]:
        """Each event by its request id: how long it waited, how often it was tried."""
        for request_id, fate in self._fates.events.items():
            tries = fate.tries(self._fates.time_scale)
            waited_s = tries[0].began_s - fate.accepted_s if tries else None
            dwell_ms = None if waited_s is None else max(0.0, waited_s) * 1000.0
            yield request_id, Followed(dwell_ms, len(tries))

    def _read(self) -> int:
        """Ask once; how many events are left."""
        now_s = self._trail.moment(self._clock.wall())
        endings = self._trail.endings()
        newest_s = self._fates.read(self._trail.lines(self._since_s))
        self._fates.told(endings or {})
        if newest_s is not None:
            self._since_s = max(self._since_s, newest_s - self._trail.late_s)
        return self._fates.unsettled(now_s)

    def _wait(self, seconds: float, stop: Callable[[], bool]) -> None:
        until_s = self._clock.monotonic() + seconds
        while not stop() and (left_s := until_s - self._clock.monotonic()) > 0:
            self._clock.sleep(min(_LOOK_S, left_s))
