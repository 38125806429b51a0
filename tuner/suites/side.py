"""One side of a comparison: the measurements of a set of invocations, by subject.

Arithmetic on samples in memory only. Durations are those of warm calls that ended well, for
another ending has none worth comparing; throttles and errors are counted over all requests.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from tuner.model.comparison import Counted, Measured
from tuner.records import Outcome, Purpose, Sample
from tuner.suites.gate import Subject

#: No requests at all.
NONE = Counted(0, 0)


def _nothing() -> Measured:
    return Measured(np.array([]))


@dataclass(frozen=True, eq=False)
class Side:
    """The measurements of one version (or run). Milliseconds; cost in USD per invocation."""

    duration_ms: Measured = field(default_factory=_nothing)
    client_ms: Measured = field(default_factory=_nothing)
    cold_ms: Measured = field(default_factory=_nothing)
    init_ms: Measured = field(default_factory=_nothing)
    cost_usd: Measured = field(default_factory=_nothing)
    throttles: Counted = NONE
    errors: Counted = NONE

    @property
    def calls(self) -> int:
        """Invocations made, as far as they are known from what was measured."""
        return max(
            self.throttles.total, self.errors.total, len(self.duration_ms), len(self.init_ms)
        )

    def values(self, subject: Subject) -> Measured:
        """The values of a subject that each call has; ``KeyError`` for shares."""
        return {
            Subject.DURATION: self.duration_ms,
            Subject.CLIENT: self.client_ms,
            Subject.COLD: self.cold_ms,
            Subject.INIT: self.init_ms,
            Subject.COST: self.cost_usd,
        }[subject]

    def counts(self, subject: Subject) -> Counted:
        """Hits among all requests; ``KeyError`` for subjects that are no share."""
        return {Subject.THROTTLES: self.throttles, Subject.ERRORS: self.errors}[subject]


def side_of(samples: Iterable[Sample], cost_usd: Callable[[Sample], float | None]) -> Side:
    """Sort samples into a side; ``cost_usd`` prices one of them (``None``: cannot be priced).

    Warm-up calls are left out, and of the cost those that were made to start cold: how many there
    are is the tester's choice. Any other call that was billed counts in it however it ended.
    """
    kept = [s for s in samples if s.purpose is not Purpose.WARM_UP]
    good = [s for s in kept if s.outcome is Outcome.OK]
    warm = [s for s in good if not s.cold]
    cold = [s for s in good if s.cold]
    throttled = sum(s.outcome is Outcome.THROTTLED for s in kept)
    failed = sum(s.outcome not in (Outcome.OK, Outcome.THROTTLED) for s in kept)
    return Side(
        duration_ms=_measured(warm, lambda s: s.duration_ms),
        client_ms=_measured(warm, lambda s: s.latency_ms),
        cold_ms=_measured(cold, _cold_ms),
        init_ms=_measured(cold, lambda s: s.init_ms if s.init_ms is not None else s.restore_ms),
        cost_usd=_measured([s for s in kept if s.purpose is not Purpose.COLD], cost_usd),
        throttles=Counted(throttled, len(kept)),
        errors=Counted(failed, len(kept)),
    )


def _measured(samples: list[Sample], value: Callable[[Sample], float | None]) -> Measured:
    pairs = [(number, s.round) for s in samples if (number := value(s)) is not None]
    return Measured.of([n for n, _ in pairs], [r for _, r in pairs])


def _cold_ms(sample: Sample) -> float | None:
    started = sample.init_ms if sample.init_ms is not None else sample.restore_ms
    if started is None or sample.duration_ms is None:
        return None
    return started + sample.duration_ms
