"""Fates of accepted events: begun, retried, ended, or never seen again.

Correlates each accepted event with the platform's own lines in the function's log by request id,
which Lambda keeps over all tries of an event (recorded on AWS, and so does the local Lambda), and
with the platform's records of endings where it tells them. Nothing is guessed: where neither says
how an event ended, its end is unknown. Times are platform seconds since 1970.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from tuner.recording.reportline import Report, parse_report, parse_start
from tuner.records import LogLine
from tuner.targets.observers import EventSettings

#: Statuses of a try that failed. ``success`` proves nothing: a handler's exception has it, too.
_FAILED = frozenset({"timeout", "error", "failure"})
#: Seconds from a failed try to the next (recorded on AWS, and in its guide: one and two minutes).
RETRY_AFTER_S = (60.0, 120.0)
#: Later than this after it was due a retry is taken not to come, and its line not to be missing.
_GRACE_S = 60.0
#: A try that began much earlier than a retry is due is Lambda's delivering twice, which it may.
_EARLY_S = 30.0
#: Log lines have whole milliseconds, so a try may seem to end just before it began.
_TICK_S = 0.002


class End(StrEnum):
    """Endings of an event, as far as they are known."""

    SUCCEEDED = "succeeded"  # so recorded; or not tried again when a failure would have been
    EXHAUSTED = "retries_exhausted"  # the last allowed try failed
    AGED = "age_exceeded"  # older than it may become, and not run well
    SWITCHED_OFF = "switched_off"  # the function's reserved concurrency is 0
    RAN = "ran"  # its last allowed try ended, and nothing tells how
    WAITING = "waiting"  # tried, and may be tried again
    RUNNING = "running"  # its last try has begun, and not ended
    UNSEEN = "unseen"  # never begun: queued or lost


#: Ends that may still change.
OPEN = frozenset({End.WAITING, End.RUNNING, End.UNSEEN})
#: Ends after which Lambda sends an event to the dead-letter queue and the failure destination.
GIVEN_UP = frozenset({End.EXHAUSTED, End.AGED, End.SWITCHED_OFF})
_CONDITIONS = {
    "Success": End.SUCCEEDED,
    "RetriesExhausted": End.EXHAUSTED,
    "EventAgeExceeded": End.AGED,
    "ZeroReservedConcurrency": End.SWITCHED_OFF,
}


@dataclass(frozen=True, slots=True)
class Try:
    """One run of the function for an event; ``ended_s`` and ``report`` are ``None`` before."""

    began_s: float
    ended_s: float | None = None
    report: Report | None = None


@dataclass(slots=True)
class Fate:
    """One accepted event. Lines are kept as they come: late, in any order, more than once."""

    accepted_s: float
    end: End | None = None  # as the platform recorded it
    starts: set[float] = field(default_factory=set)
    reports: dict[tuple[float, float | None], Report] = field(default_factory=dict)

    def tries(self, time_scale: float) -> list[Try]:
        """Its tries in order. Each START goes with the next REPORT; a REPORT without one began
        as long before it as it took."""
        found: list[Try] = []
        left = sorted(self.starts)
        for (at_s, _), report in sorted(self.reports.items(), key=lambda item: item[0][0]):
            begun = [start for start in left if start <= at_s + _TICK_S]
            left = left[len(begun) :]
            found += [Try(start) for start in begun[:-1]]
            # Without INIT: START is written after it.
            took_s = (report.duration_ms or 0.0) / 1000.0 * time_scale
            began_s = begun[-1] if begun else at_s - took_s
            found.append(Try(began_s, at_s, report))
        return sorted([*found, *map(Try, left)], key=lambda one: one.began_s)


class Fates:
    """All accepted events of a load."""

    def __init__(self, settings: EventSettings, time_scale: float = 1.0) -> None:
        self.settings = settings
        self.time_scale = time_scale
        self.events: dict[str, Fate] = {}
        self._open: set[str] = set()

    def accept(self, request_id: str, accepted_s: float) -> None:
        """An event was accepted."""
        self.events[request_id] = Fate(accepted_s)
        self._open.add(request_id)

    def read(self, lines: Iterable[LogLine]) -> float | None:
        """Take in lines of the log; the time of the newest, ``None`` without any."""
        newest: float | None = None
        for line in lines:
            newest = line.at_s if newest is None else max(newest, line.at_s)
            started = parse_start(line.text)
            report = None if started else parse_report(line.text)
            fate = self.events.get(started or (report.request_id if report else None) or "")
            if fate is None:
                continue
            if report is None:
                fate.starts.add(line.at_s)
            else:
                fate.reports[line.at_s, report.duration_ms] = report
        return newest

    def told(self, endings: Mapping[str, str]) -> None:
        """Take in how the platform says that events ended."""
        for request_id, condition in endings.items():
            if request_id in self.events and condition in _CONDITIONS:
                self.events[request_id].end = _CONDITIONS[condition]

    def unsettled(self, now_s: float) -> int:
        """Number of events that may still change."""
        self._open = {each for each in self._open if self.end(self.events[each], now_s) in OPEN}
        return len(self._open)

    def end(self, fate: Fate, now_s: float) -> End:
        """Return how an event has ended by now."""
        tries = fate.tries(self.time_scale)
        if fate.end is not None:
            return fate.end
        if not tries:
            old = now_s - fate.accepted_s > self.settings.age_s + _GRACE_S
            return End.AGED if old else End.UNSEEN
        last = tries[-1]
        if last.ended_s is None or last.report is None:
            return End.RUNNING
        failures = sum(is_retry(*pair) for pair in pairwise(tries))
        return self._after(last.ended_s, last.report, fate, failures, now_s)

    def ends(self, now_s: float) -> Iterator[tuple[Fate, list[Try], End]]:
        """Every event with its tries and its end."""
        for fate in self.events.values():
            yield fate, fate.tries(self.time_scale), self.end(fate, now_s)

    def _after(
        self, ended_s: float, report: Report, fate: Fate, failures: int, now_s: float
    ) -> End:
        """The end of an event whose last try has ended, after so many that failed."""
        failed = report.status in _FAILED
        if failures >= self.settings.retries:
            return End.EXHAUSTED if failed else End.RAN
        due_s = ended_s + RETRY_AFTER_S[min(failures, len(RETRY_AFTER_S) - 1)]
        if due_s - fate.accepted_s > self.settings.age_s:
            return End.AGED if failed else End.RAN
        if failed or now_s <= due_s + _GRACE_S:
            return End.WAITING
        return End.SUCCEEDED


def is_retry(before: Try, after: Try) -> bool:
    """Return whether a try followed another's failure, and was no second delivery."""
    return wait_s(before, after) >= RETRY_AFTER_S[0] - _EARLY_S


def wait_s(before: Try, after: Try) -> float:
    """Seconds from the end of a try, or its beginning if that is not known, to the next."""
    return after.began_s - (before.ended_s or before.began_s)


@dataclass(frozen=True)
class Followed:
    """An event by the log: how long it waited, how often it was tried."""

    dwell_ms: float | None
    tries: int
