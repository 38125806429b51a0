"""Counts of what a run sent, by version or alias; what CloudWatch counted is held against them.

The tally grows with the number of versions, not of requests, but for times in flight and, where
traces are written, for what is compared with them; both are kept of a limited number.
"""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tuner.measure.event_fates import Followed
from tuner.records import Invoked, Outcome, Sample

if TYPE_CHECKING:  # only a load of events has them
    from tuner.measure.event_figures import EventFigures


#: Requests whose times in flight are kept; beyond, concurrency is not compared.
_MOST_TIMES = 1_000_000
#: Requests that can be found again by id.
_MOST_IDS = 50_000
_ERRORS = frozenset({Outcome.FUNCTION_ERROR, Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY})
#: A throttle of the caller's API rate comes before the function is looked at.
_NOT_THE_FUNCTION = "CallerRateLimitExceeded"


@dataclass
class Sent:
    """Requests sent to one version or alias, as far as the answers tell.

    ``ran`` ran for certain and ``errors`` of them failed; ``unsure`` requests got no answer that
    says so. ``durations`` answers told ``duration_ms`` in all. Times are of the run's clock.
    How tries of events failed is not known (``outcomes_known``).
    """

    invoked: Invoked
    memory_mb: int
    ran: int = 0
    unsure: int = 0
    errors: int = 0
    throttles: int = 0
    unsure_throttles: int = 0
    durations: int = 0
    duration_ms: float = 0.0
    outcomes_known: bool = True
    first_s: float = float("inf")
    last_s: float = float("-inf")
    _sent: "array[float]" = field(default_factory=lambda: array("d"))
    _done: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, sample: Sample) -> None:
        """Count one request."""
        outcome = sample.outcome
        self.first_s = min(self.first_s, sample.sent_s)
        self.last_s = max(self.last_s, sample.done_s)
        if outcome in (Outcome.OK, Outcome.CHECK_FAILED) or outcome in _ERRORS:
            self.ran += 1
            self.errors += outcome in _ERRORS
        elif outcome is Outcome.THROTTLED:
            sure = sample.reason is not None and sample.reason != _NOT_THE_FUNCTION
            self.throttles += sure
            self.unsure_throttles += not sure
        elif sample.status is None or sample.status >= 500:
            self.unsure += 1
        self.report(sample)
        if outcome is not Outcome.THROTTLED and len(self._sent) < _MOST_TIMES:
            self._sent.append(sample.sent_s)
            self._done.append(sample.done_s)

    def report(self, sample: Sample) -> None:
        """Count what REPORT told."""
        if sample.duration_ms is not None:
            self.durations += 1
            self.duration_ms += sample.duration_ms

    def most_at_once(self) -> int | None:
        """The most requests in flight; ``None`` where too many were sent to keep their times."""
        if len(self._sent) >= _MOST_TIMES:
            return None
        from tuner.measure.statistics import most_at_once

        return most_at_once(self._sent, self._done)

    def mean_ms(self) -> float | None:
        """Mean duration, if every request that ran told its own."""
        return self.duration_ms / self.durations if 0 < self.durations == self.ran else None


class Tally:
    """Counts of one run, by what was invoked; ``traced`` keeps requests by id as well."""

    def __init__(self, *, traced: bool = False) -> None:
        self.sent: dict[Invoked, Sent] = {}
        self.by_id: dict[str, Sample] = {}
        self.events: dict[str, Followed] = {}
        self.traced = traced

    def add(self, sample: Sample) -> None:
        """Count one request as it ends."""
        invoked = Invoked(sample.arch, sample.qualifier)
        own = self.sent.get(invoked)
        if own is None:
            own = self.sent[invoked] = Sent(invoked, sample.memory_mb)
        own.add(sample)
        self._remember(sample)

    def report(self, sample: Sample) -> None:
        """A request that was counted, with its REPORT, which was found later."""
        if own := self.sent.get(Invoked(sample.arch, sample.qualifier)):
            own.report(sample)
        self._remember(sample)

    def _remember(self, sample: Sample) -> None:
        known = sample.request_id in self.by_id
        if self.traced and sample.request_id and (known or len(self.by_id) < _MOST_IDS):
            self.by_id[sample.request_id] = sample

    def of_events(
        self, events: "EventFigures", followed: Mapping[str, Followed], until_s: float
    ) -> None:
        """Count what became of accepted events up to a moment of the run, in place of what the
        answers told, which is only that they were accepted; a load has one version."""
        if self.traced:
            self.events.update(followed)
        for own in self.sent.values():
            may_run = events.unknown * (1 + events.following.settings.retries)
            own.unsure += may_run if events.following.broken is None else 10**9
            own.ran, own.durations = events.tries, events.duration.count
            own.duration_ms = (events.duration.mean_ms() or 0.0) * events.duration.count
            own.last_s = max(own.last_s, until_s)
            own.outcomes_known = False


def tally_of(samples: Iterable[Sample], *, traced: bool) -> Tally:
    """Count samples that are all at hand."""
    tally = Tally(traced=traced)
    for sample in samples:
        tally.add(sample)
    return tally
