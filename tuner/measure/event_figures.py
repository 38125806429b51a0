"""Figures of followed events: fates in; counts, waits and durations out.

Waits are platform milliseconds. What the function did (durations, billing, concurrency) is that of
all tries whose REPORT was found, retries included, since each of them is run and paid for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np

from tuner.measure.event_fates import GIVEN_UP, OPEN, End, Fates, Try
from tuner.measure.load_figures import Concurrency, LoadFigures
from tuner.measure.statistics import Latencies, most_at_once
from tuner.recording.reportline import Report
from tuner.targets.observers import EventSettings

#: Events may wait for six hours, and a local Lambda's hours may pass in minutes.
_LONGEST_MS = 7 * 86_400_000.0
#: An event that began so much before it was accepted shows that two clocks differ.
_SKEW_S = 0.5


@dataclass(frozen=True, slots=True)
class Moment:
    """One second after the load's start: events accepted in it, first tries and retries that
    began in it, and events accepted by its end that had not begun."""

    second: int
    accepted: int
    begun: int
    retried: int
    waiting: int


@dataclass(frozen=True)
class Following:
    """Circumstances of following: the log, Lambda's rules, and how long after the load.

    ``broken`` says why it could not be gone on with, if so.
    """

    place: str
    settings: EventSettings
    time_scale: float = 1.0
    seconds: float = 0.0
    broken: str | None = None


@dataclass(frozen=True)
class EventFigures:
    """All accepted events of a load. ``by_tries`` counts events by how often they were tried;
    ``duplicates`` are tries that were no retries; ``skewed`` events began before they were
    accepted."""

    accepted: int
    ends: Mapping[End, int]
    by_tries: Mapping[int, int]
    retried: int
    duplicates: int
    skewed: int
    dwell: Latencies
    retry_wait: Latencies
    duration: Latencies
    warm: Latencies
    cold: Latencies
    cold_starts: int
    billed: int
    billed_ms: float
    concurrency: Concurrency
    timeline: tuple[Moment, ...]
    following: Following

    @property
    def started(self) -> int:
        """Events that were tried at least once."""
        return self.accepted - self.by_tries.get(0, 0)

    @property
    def tries(self) -> int:
        """All runs of the function for these events."""
        return sum(tries * events for tries, events in self.by_tries.items())

    @property
    def unknown(self) -> int:
        """Events of which it is not known how they end."""
        return sum(self.ends.get(end, 0) for end in OPEN)

    @property
    def given_up(self) -> int:
        """Events that Lambda gave up, and sent where the function says, if it says so."""
        return sum(self.ends.get(end, 0) for end in GIVEN_UP)


@dataclass
class _Sums:
    """Counts on the way through all events."""

    ends: Counter[End] = field(default_factory=Counter)
    by_tries: Counter[int] = field(default_factory=Counter)
    retried: int = 0
    duplicates: int = 0
    skewed: int = 0
    cold_starts: int = 0
    billed: int = 0
    billed_ms: float = 0.0
    reported_s: float = 0.0

    def __post_init__(self) -> None:
        self.ms = {
            name: Latencies(longest_ms=_LONGEST_MS)
            for name in ("dwell", "wait", "duration", "warm", "cold")
        }
        self.ran: list[tuple[float, float]] = []
        self.accepted_s: list[float] = []
        self.begun_s: list[float] = []
        self.retry_s: list[float] = []

    def report(self, report: Report) -> None:
        """Count what one try did and costs."""
        duration_ms = report.duration_ms or 0.0
        init_ms = report.init_ms if report.init_ms is not None else report.restore_ms
        took_ms = duration_ms + (init_ms or 0.0)
        self.billed += 1
        self.billed_ms += report.billed_ms or 0.0
        self.cold_starts += init_ms is not None
        self.reported_s += took_ms / 1000.0
        self.ms["duration"].record(duration_ms)
        self.ms["warm" if init_ms is None else "cold"].record(took_ms)


def event_figures(fates: Fates, following: Following, start_s: float, now_s: float) -> EventFigures:
    """Count everything; ``start_s`` and ``now_s`` are the load's start and now, platform time."""
    sums, scale = _Sums(), fates.time_scale
    for fate, tries, end in fates.ends(now_s):
        sums.ends[end] += 1
        sums.by_tries[len(tries)] += 1
        sums.accepted_s.append(fate.accepted_s)
        if tries:
            _waits(fates, fate.accepted_s, tries, sums)
    return EventFigures(
        accepted=len(fates.events),
        ends={end: sums.ends[end] for end in End},
        by_tries=dict(sorted(sums.by_tries.items())),
        retried=sums.retried,
        duplicates=sums.duplicates,
        skewed=sums.skewed,
        dwell=sums.ms["dwell"],
        retry_wait=sums.ms["wait"],
        duration=sums.ms["duration"],
        warm=sums.ms["warm"],
        cold=sums.ms["cold"],
        cold_starts=sums.cold_starts,
        billed=sums.billed,
        billed_ms=sums.billed_ms,
        concurrency=_concurrency(sums, scale),
        timeline=_timeline(sums, start_s, scale),
        following=following,
    )


def with_events(figures: LoadFigures, events: EventFigures) -> LoadFigures:
    """A load's figures with what the function did for its events in the place of what the answers
    told, which is nothing."""
    return replace(
        figures,
        duration=events.duration,
        warm=events.warm,
        cold=events.cold,
        cold_starts=events.cold_starts,
        concurrency=events.concurrency,
        billed_ms=events.billed_ms,
        billed=events.billed,
    )


def _waits(fates: Fates, accepted_s: float, tries: list[Try], sums: _Sums) -> None:
    dwell_s = tries[0].began_s - accepted_s
    sums.skewed += dwell_s < -_SKEW_S * fates.time_scale
    sums.ms["dwell"].record(max(0.0, dwell_s) * 1000.0)
    sums.begun_s.append(tries[0].began_s)
    retries = 0
    for before, after in pairwise(tries):
        if fates.is_retry(before, after):
            retries += 1
            sums.retry_s.append(after.began_s)
            sums.ms["wait"].record((after.began_s - (before.ended_s or before.began_s)) * 1000.0)
        else:
            sums.duplicates += 1
    sums.retried += retries > 0
    for one in tries:
        if one.report is not None and one.ended_s is not None:
            sums.report(one.report)
            sums.ran.append((one.began_s, one.ended_s))


def _concurrency(sums: _Sums, scale: float) -> Concurrency:
    """From the first START to the last REPORT, as the log has them."""
    if not sums.ran:
        return Concurrency(0.0, 0, None)
    began, ended = (np.array(times) for times in zip(*sums.ran, strict=True))
    span_s = float(ended.max() - began.min())
    if span_s <= 0.0:
        return Concurrency(float(began.size), int(began.size), None)
    little = sums.reported_s * scale / span_s
    return Concurrency(float((ended - began).sum() / span_s), most_at_once(began, ended), little)


def _timeline(sums: _Sums, start_s: float, scale: float) -> tuple[Moment, ...]:
    """By our own seconds, since it is read beside the load's."""
    accepted, begun, retried = (
        Counter(max(0, int((at_s - start_s) / scale)) for at_s in moments)
        for moments in (sums.accepted_s, sums.begun_s, sums.retry_s)
    )
    last = max((*accepted, *begun, *retried), default=-1)
    return tuple(_running_total(range(last + 1), accepted, begun, retried))


def _running_total(
    seconds: Iterable[int], accepted: Counter[int], begun: Counter[int], retried: Counter[int]
) -> Iterable[Moment]:
    waiting = 0
    for second in seconds:
        waiting += accepted[second] - begun[second]
        yield Moment(second, accepted[second], begun[second], retried[second], max(0, waiting))
