"""Follows a load's events: remembers what was accepted, and then reads until all have ended.

It ends early when the user says so or time is up; what it has seen by then is reported, and the
rest is of unknown fate. A log that cannot be read any more ends it, too, and nothing is lost.
"""

from collections.abc import Callable, Iterator

from tuner.clock import Clock
from tuner.errors import TunerError
from tuner.measure.event_fates import Fates, Followed
from tuner.measure.event_figures import EventFigures, Following, event_figures
from tuner.records import Outcome, Sample
from tuner.targets.observers import EventTrail

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
