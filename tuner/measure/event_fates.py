"""What became of events that were only accepted: begun, tried again, ended, or never seen again.

Correlates each accepted event with the platform's own lines in the function's log by request id,
which Lambda keeps over all tries of an event (recorded on AWS, and so does the local Lambda).
Nothing is guessed: a try whose end the log does not tell is of unknown end. It reads no log itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tuner.records import Outcome, Sample
from tuner.reportline import Report, parse_report

_FAILED = frozenset({"timeout", "error", "failure"})
#: AWS tries a failing event this often in all, unless MaximumRetryAttempts says otherwise.
MOST_TRIES = 3


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a log group; ``at_s`` is seconds since 1970, with whole milliseconds."""

    at_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Try:
    """One run of the function for an event. ``failed`` is ``None`` where no line tells it."""

    began_s: float  # since 1970; to some ms, since the log has whole ones
    report: Report
    failed: bool | None


@dataclass(frozen=True, slots=True)
class Fate:
    """One accepted event and its tries in order of time."""

    call: int
    request_id: str
    accepted_s: float  # since 1970
    tries: tuple[Try, ...]

    @property
    def dwell_s(self) -> float | None:
        """How long it waited in Lambda's queue before its first try; ``None``: it had none."""
        return max(0.0, self.tries[0].began_s - self.accepted_s) if self.tries else None


@dataclass(frozen=True)
class Fates:
    """All accepted events of a load."""

    events: Sequence[Fate]
    most_tries: int = MOST_TRIES
    _by_tries: Mapping[int, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        counted: dict[int, int] = {}
        for event in self.events:
            counted[len(event.tries)] = counted.get(len(event.tries), 0) + 1
        object.__setattr__(self, "_by_tries", counted)

    @property
    def started(self) -> int:
        """Events that were tried at least once."""
        return len(self.events) - self.unseen

    @property
    def unseen(self) -> int:
        """Events without any try in the log: still queued, given up, or lost."""
        return self._by_tries.get(0, 0)

    @property
    def retried(self) -> int:
        """Events that were tried more than once."""
        return sum(n for tries, n in self._by_tries.items() if tries > 1)

    @property
    def exhausted(self) -> int:
        """Events whose last allowed try failed: dead-lettered, or dropped without a queue."""
        return sum(
            len(event.tries) >= self.most_tries and event.tries[-1].failed is True
            for event in self.events
        )

    @property
    def unknown(self) -> int:
        """Events whose last allowed try has an end that the log does not tell."""
        return sum(
            len(event.tries) >= self.most_tries and event.tries[-1].failed is None
            for event in self.events
        )

    def dwell_ms(self) -> list[float]:
        """The waits of all events that were tried, in ms."""
        return [event.dwell_s * 1000.0 for event in self.events if event.dwell_s is not None]


def follow(
    samples: Iterable[Sample],
    lines: Iterable[LogLine],
    origin_wall_s: float,
    most_tries: int = MOST_TRIES,
) -> Fates:
    """Join accepted events with the log. ``origin_wall_s`` is the run's second 0 since 1970."""
    accepted = {
        sample.request_id: sample
        for sample in samples
        if sample.outcome is Outcome.OK and sample.request_id is not None
    }
    tries: dict[str, list[Try]] = {request_id: [] for request_id in accepted}
    for line in lines:
        report = parse_report(line.text)
        if report is not None and report.request_id in tries:
            tries[report.request_id].append(_try_of(line, report))
    events = [
        Fate(sample.call, request_id, origin_wall_s + sample.done_s, _settled(tries[request_id]))
        for request_id, sample in accepted.items()
    ]
    return Fates(events, most_tries)


def _try_of(line: LogLine, report: Report) -> Try:
    """REPORT is written at the end, so the try began as long before it as it took."""
    took_ms = (report.duration_ms or 0.0) + (report.init_ms or report.restore_ms or 0.0)
    failed = True if report.status in _FAILED else False if report.status == "success" else None
    return Try(line.at_s - took_ms / 1000.0, report, failed)


def _settled(tries: list[Try]) -> tuple[Try, ...]:
    """In order of time; a try that another one followed has failed, whatever its line says."""
    in_order = sorted(tries, key=lambda one: one.began_s)
    return tuple(
        Try(one.began_s, one.report, True if place < len(in_order) - 1 else one.failed)
        for place, one in enumerate(in_order)
    )
