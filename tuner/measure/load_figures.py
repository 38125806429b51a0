"""Figures of a load: samples in, figures out, without holding the samples.

Latency of a call counts from its due time to the end of its last attempt, backoff included; the
service time of an attempt counts from its sending. Percentiles are of what ended well: a throttle
is answered quickly, and would make a function look fast.
"""

import math
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tuner.engine.engine import FATE_UNKNOWN, Shortfall
from tuner.measure.failures import Cause, Causes
from tuner.measure.heat_map import HeatMap
from tuner.measure.statistics import Latencies, Second, Timeline, most_at_once
from tuner.records import Outcome, Sample
from tuner.sample_table import table_of
from tuner.store.documents import LoadFacts

#: Ended by Lambda before the function ran, so neither billed nor in its concurrency.
_NOT_RUN = frozenset({Outcome.THROTTLED, Outcome.TRANSPORT_ERROR, Outcome.SERVICE_ERROR})


@dataclass(frozen=True)
class Concurrency:
    """Requests in the function at once: on average, at most, and by Little's law.

    ``little`` is the rate of executions times their mean duration with INIT, as REPORT tells it;
    ``mean`` and ``max`` are what the caller saw, network included. Little, "A Proof for the
    Queuing Formula L = λW", Operations Research 9 (1961).
    """

    mean: float
    max: int
    little: float | None


@dataclass(frozen=True)
class LoadFigures:
    """A load in numbers. ``outcomes`` counts calls, ``attempts`` requests; times in ms.

    ``asked`` calls were due, in ``due_s`` (``None``: closed model); ``seconds`` is longer where the
    generator was late. ``latency``, ``service``, ``duration`` and ``time_to_success`` are of calls
    that ended well, ``unexpected`` is the latency of those whose answer was not as expected;
    ``warm`` and ``cold`` are REPORT durations without and with INIT. ``billed_ms`` is ``None`` when
    nothing told it; ``billed`` counts the requests that are paid for.
    """

    seconds: float
    due_s: float
    asked: float | None
    calls: int
    attempts: int
    outcomes: Mapping[str, int]
    throttles: Mapping[str, int]
    dropped: Mapping[str, int]
    latency: Latencies
    unexpected: Latencies
    service: Latencies
    lag: Latencies
    duration: Latencies
    warm: Latencies
    cold: Latencies
    backoff: Latencies
    time_to_success: Latencies
    cold_starts: int | None  # None: no call reported, so there may have been any number
    init_timeouts: int  # cold starts whose INIT was cut and began anew within the call
    concurrency: Concurrency
    billed_ms: float | None
    billed: int
    timeline: tuple[Second, ...]
    heat_map: HeatMap | None  # of latency, by when calls ended; None where none ended well
    causes: tuple[Cause, ...] = ()  # of failed requests, the most frequent first
    #: Calls that ended well with an answer that tells an HTTP front to fail, by its statusCode.
    proxied: Mapping[str, int] = field(default_factory=dict)
    capped_wait_s: float | None = None  # the longest Retry-After that a retry did not wait for

    @property
    def never_sent(self) -> int:
        """Calls that were due and not sent."""
        return sum(self.dropped.values()) - self.unknown

    @property
    def unknown(self) -> int:
        """Calls of lost workers, which may or may not have been sent."""
        return self.dropped.get(FATE_UNKNOWN, 0)

    @property
    def answered_5xx(self) -> int:
        """Calls that ended well with an answer that tells an HTTP front to fail."""
        return sum(self.proxied.values())

    @property
    def asked_rps(self) -> float | None:
        """Calls per second that were due, however many were sent; ``None`` of a closed model."""
        return None if self.asked is None or not self.due_s else self.asked / self.due_s

    @property
    def achieved_rps(self) -> float:
        """Calls per second that were really sent."""
        return self.calls / self.seconds if self.seconds else 0.0

    @property
    def goodput_rps(self) -> float:
        """Calls per second that ended well."""
        return self.outcomes[Outcome.OK] / self.seconds if self.seconds else 0.0

    @property
    def amplification(self) -> float | None:
        """Requests per call."""
        return self.attempts / self.calls if self.calls else None

    def share(self, *outcomes: Outcome) -> float | None:
        """Share of calls that ended so; ``None`` without calls."""
        return sum(self.outcomes[each] for each in outcomes) / self.calls if self.calls else None

    @property
    def throttled_requests(self) -> float | None:
        """Share of requests that were throttled; ``None`` without requests."""
        return sum(self.throttles.values()) / self.attempts if self.attempts else None


@dataclass
class LoadTally:
    """Takes samples as they come; times of figures count from ``start_s`` of the run's clock."""

    start_s: float = 0.0
    attempts: int = 0
    calls: int = 0
    billed_sum_ms: float = 0.0
    billed_known: int = 0
    billed: int = 0
    cold_starts: int = 0
    init_timeouts: int = 0
    last_sent_s: float = 0.0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    throttles: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        names = ("latency", "unexpected", "service", "lag", "duration", "warm", "cold", "backoff")
        self._ms = {name: Latencies() for name in (*names, "time_to_success")}
        # Calls whose last attempt has not ended yet: when each was due, and its latest outcome.
        self._open: dict[int, tuple[float, Outcome]] = {}
        self._timeline = Timeline()
        self._causes = Causes()
        self._sent, self._done = array("d"), array("d")
        self._reported_ms = 0.0
        self._reported = 0
        self._capped_wait_s: float | None = None
        self._proxied: Counter[str] = Counter()

    @property
    def billed_ms(self) -> float | None:
        """Billed ms so far; requests that did not tell count as the mean of those that did."""
        if not self.billed:
            return 0.0
        if not self.billed_known:
            return None
        return self.billed_sum_ms * self.billed / self.billed_known

    def add(self, sample: Sample) -> None:
        """Count one request."""
        self._causes.add(sample)
        sample = _shifted(sample, self.start_s)
        self.attempts += 1
        due_s, _ = self._open.get(sample.call, (sample.due_s, sample.outcome))
        self._open[sample.call] = due_s, sample.outcome
        # Each second's latencies, too, count from when the call was due, not its last attempt.
        self._timeline.add(sample if sample.attempt == 1 else replace(sample, due_s=due_s))
        self.last_sent_s = max(self.last_sent_s, sample.sent_s)
        if sample.attempt == 1:
            self.calls += 1
            self._ms["lag"].record(sample.lag_ms)
        if sample.backoff_ms is not None:
            self._ms["backoff"].record(sample.backoff_ms)
            asked_s = sample.retry_after_s or 0.0
            if asked_s * 1000.0 > sample.backoff_ms + 1.0:
                self._capped_wait_s = max(self._capped_wait_s or 0.0, asked_s)
        if sample.outcome is Outcome.THROTTLED:
            self.throttles[sample.reason or "TooManyRequestsException"] += 1
        if sample.outcome not in _NOT_RUN:
            self._sent.append(sample.sent_s)
            self._done.append(sample.done_s)
            self.billed += 1
            self.report(sample)
        if sample.backoff_ms is None:
            self._last(sample, due_s)

    def report(self, sample: Sample) -> None:
        """Count what REPORT says of a request, also if that became known only later."""
        self.cold_starts += sample.cold
        self.init_timeouts += sample.init_cut
        if sample.billed_ms is not None:
            self.billed_sum_ms += sample.billed_ms
            self.billed_known += 1
        if sample.duration_ms is None:
            return
        init_ms = sample.init_ms or sample.restore_ms or 0.0
        self._reported_ms += sample.duration_ms + init_ms
        self._reported += 1
        if sample.outcome is Outcome.OK:
            self._ms["duration"].record(sample.duration_ms)
            self._ms["cold" if sample.cold else "warm"].record(sample.duration_ms + init_ms)

    def _last(self, sample: Sample, due_s: float) -> None:
        """Count a call by its last attempt."""
        del self._open[sample.call]
        self.outcomes[sample.outcome] += 1
        if sample.answered_5xx:
            self._proxied[sample.reason or ""] += 1
        latency_ms = (sample.done_s - due_s) * 1000.0
        if sample.outcome is Outcome.CHECK_FAILED:
            self._ms["unexpected"].record(latency_ms)
        if sample.outcome is Outcome.OK:
            self._ms["latency"].record(latency_ms)
            self._ms["service"].record(sample.service_ms)
            if sample.attempt > 1:
                self._ms["time_to_success"].record(latency_ms)

    def figures(
        self, planned_s: float, asked: float | None, shortfall: Shortfall, stopped_s: float | None
    ) -> LoadFigures:
        """The load so far. ``planned_s`` is how long calls were due, ``asked`` how many;
        ``stopped_s`` is when it was cut short, which scales nothing but the time."""
        outcomes = self.outcomes + Counter(outcome for _, outcome in self._open.values())
        due_s = planned_s if stopped_s is None else stopped_s
        seconds = max(due_s, self.last_sent_s)
        return LoadFigures(
            seconds=seconds,
            due_s=min(due_s, planned_s),
            asked=asked,
            calls=self.calls,
            attempts=self.attempts,
            outcomes={outcome: outcomes[outcome] for outcome in Outcome},
            throttles=dict(self.throttles),
            dropped=dict(shortfall.dropped),
            **self._ms,
            cold_starts=self.cold_starts if self._reported or not self.billed else None,
            init_timeouts=self.init_timeouts,
            concurrency=self._concurrency(seconds),
            billed_ms=self.billed_ms,
            billed=self.billed,
            timeline=_with_dropped(self._timeline.seconds(), shortfall, self.start_s),
            heat_map=self._timeline.heat_map(),
            causes=self._causes.most(),
            capped_wait_s=self._capped_wait_s,
            proxied=dict(self._proxied),
        )

    def _concurrency(self, seconds: float) -> Concurrency:
        if not self._sent or not seconds:
            return Concurrency(0.0, 0, None)
        sent, done = np.array(self._sent), np.array(self._done)
        inside = np.clip(np.minimum(done, seconds) - np.minimum(sent, seconds), 0.0, None)
        little = self._reported_ms / 1000.0 / seconds if self._reported else None
        return Concurrency(float(inside.sum() / seconds), most_at_once(sent, done), little)


def figures_of(facts: LoadFacts, planned_s: float, samples: Sequence[Sample]) -> LoadFigures:
    """Return one load of a run in numbers, from the samples of its Setting; ``planned_s`` is how
    long calls were due. Of a Setting that was put under its load again, the last time counts."""
    own = table_of(samples).only(lambda kind: kind.setting.asked == facts.setting)
    last = own.round.max(initial=0)
    tally = LoadTally(facts.start_s)
    for sample in own.where(own.round == last):
        tally.add(sample)
    shortfall = Shortfall(Counter(facts.dropped))
    return tally.figures(planned_s, facts.asked, shortfall, facts.stopped_s)


def _shifted(sample: Sample, start_s: float) -> Sample:
    """The sample with times from the load's start; what was due a moment before it is due then."""
    times = sample.due_s, sample.sent_s, sample.done_s
    due_s, sent_s, done_s = (max(0.0, time_s - start_s) for time_s in times)
    return replace(sample, due_s=due_s, sent_s=sent_s, done_s=done_s)


def _with_dropped(
    seconds: list[Second], shortfall: Shortfall, start_s: float
) -> tuple[Second, ...]:
    """Seconds in which calls were due that were never sent have asked for them, too."""
    rows = {row.at_s: row for row in seconds}
    for at_s, count in shortfall.by_second.items():
        second = max(0, math.floor(at_s + 0.5 - start_s))
        row = rows.get(second) or Second(second)
        rows[second] = replace(row, asked=row.asked + count)
    return tuple(rows[second] for second in sorted(rows))
