"""Figures of followed events: fates in; counts, waits and durations out.

Waits are platform milliseconds. What the function did (durations, billing, concurrency) is that of
all tries whose REPORT was found, retries included, since each of them is run and paid for.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, chain, pairwise

import numpy as np

from tuner.measure.event_fates import GIVEN_UP, OPEN, End, Fate, Fates, Try, is_retry, wait_s
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


def event_figures(fates: Fates, following: Following, start_s: float, now_s: float) -> EventFigures:
    """Count everything; ``start_s`` and ``now_s`` are the load's start and now, platform time."""
    told, scale = list(fates.ends(now_s)), fates.time_scale
    tries, ends = [own for _, own, _ in told], Counter(end for *_, end in told)
    dwells_s = [own[0].began_s - fate.accepted_s for fate, own, _ in told if own]
    again = [[pair for pair in pairwise(own) if is_retry(*pair)] for own in tries]
    retries = [pair for pairs in again for pair in pairs]
    reports = [one.report for own in tries for one in own if one.report is not None]
    took = [(report.duration_ms or 0.0, _start_ms(report)) for report in reports]
    reported_s = sum(ms + (start_ms or 0.0) for ms, start_ms in took) / 1000.0
    return EventFigures(
        accepted=len(told),
        ends={end: ends[end] for end in End},
        by_tries=dict(sorted(Counter(map(len, tries)).items())),
        retried=sum(map(bool, again)),
        duplicates=sum(len(own) - 1 for own in tries if own) - len(retries),
        skewed=sum(dwell_s < -_SKEW_S * scale for dwell_s in dwells_s),
        dwell=_latencies(max(0.0, dwell_s) * 1000.0 for dwell_s in dwells_s),
        retry_wait=_latencies(wait_s(*pair) * 1000.0 for pair in retries),
        duration=_latencies(ms for ms, _ in took),
        warm=_latencies(ms for ms, start_ms in took if start_ms is None),
        cold=_latencies(ms + start_ms for ms, start_ms in took if start_ms is not None),
        cold_starts=sum(start_ms is not None for _, start_ms in took),
        billed=len(reports),
        billed_ms=sum(report.billed_ms or 0.0 for report in reports),
        concurrency=_concurrency(chain.from_iterable(tries), reported_s * scale),
        timeline=_timeline(told, [after.began_s for _, after in retries], start_s, scale),
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


def _start_ms(report: Report) -> float | None:
    return report.init_ms if report.init_ms is not None else report.restore_ms


def _latencies(values_ms: Iterable[float]) -> Latencies:
    found = Latencies(longest_ms=_LONGEST_MS)
    for value_ms in values_ms:
        found.record(value_ms)
    return found


def _concurrency(tries: Iterable[Try], reported_s: float) -> Concurrency:
    """From the first START to the last REPORT, as the log has them."""
    ran = [(one.began_s, one.ended_s) for one in tries if one.ended_s is not None]
    if not ran:
        return Concurrency(0.0, 0, None)
    began, ended = np.array(ran).T
    span_s = float(ended.max() - began.min())
    if span_s <= 0.0:
        return Concurrency(float(began.size), int(began.size), None)
    mean = float((ended - began).sum() / span_s)
    return Concurrency(mean, most_at_once(began, ended), reported_s / span_s)


def _timeline(
    told: Sequence[tuple[Fate, list[Try], End]],
    retries_s: list[float],
    start_s: float,
    scale: float,
) -> tuple[Moment, ...]:
    """By our own seconds, since it is read beside the load's."""
    moments_s = (
        [fate.accepted_s for fate, _, _ in told],
        [tries[0].began_s for _, tries, _ in told if tries],
        retries_s,
    )
    accepted, begun, retried = (
        Counter(max(0, int((at_s - start_s) / scale)) for at_s in moments) for moments in moments_s
    )
    last = max((*accepted, *begun, *retried), default=-1)
    waiting = accumulate(accepted[second] - begun[second] for second in range(last + 1))
    return tuple(
        Moment(second, accepted[second], begun[second], retried[second], max(0, left))
        for second, left in enumerate(waiting)
    )
