"""The two sides of a comparison: what their invocations measured, by subject.

Arithmetic on samples in memory only. Durations are those of warm calls that ended well, for
another ending has none worth comparing; throttles and errors are counted over all requests.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tuner.model.comparison import Counted, Measured
from tuner.records import Outcome, Purpose, Sample
from tuner.suites.gate import Subject

#: No requests at all, and no values.
NONE = Counted(0, 0)
NOTHING = Measured(np.array([]))


@dataclass(frozen=True, eq=False)
class Side:
    """The measurements of one version (or run). Milliseconds; cost in USD per invocation."""

    duration_ms: Measured = NOTHING
    client_ms: Measured = NOTHING
    cold_ms: Measured = NOTHING
    init_ms: Measured = NOTHING
    cost_usd: Measured = NOTHING
    throttles: Counted = NONE
    errors: Counted = NONE

    @property
    def calls(self) -> int:
        """Invocations made, as far as they are known from what was measured."""
        return max(
            self.throttles.total, self.errors.total, len(self.duration_ms), len(self.init_ms)
        )

    def values(self, subject: Subject) -> Measured:
        """The values of a subject that each call has."""
        found: Measured = getattr(self, subject)
        return found

    def counts(self, subject: Subject) -> Counted:
        """Hits among all requests, of a subject that is a share."""
        found: Counted = getattr(self, subject)
        return found

    def without_rounds(self) -> "Side":
        """The same, for a comparison with a side to which its rounds mean nothing."""
        values: dict[str, Any] = {
            each: Measured(self.values(each).values) for each in Subject if not each.share
        }
        return replace(self, **values)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sides to compare. ``interleaved`` calls shared their time; those of two runs did not.

    ``control`` is the control function beside ``before`` and beside ``after``.
    """

    before: Side
    after: Side
    interleaved: bool = True
    control: tuple[Side, Side] | None = None

    @property
    def calls(self) -> int:
        """Invocations on the smaller side, or on the growing one where the other is stored."""
        growing = self.after.calls
        return min(self.before.calls, growing) if self.interleaved else growing


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
        cold_ms=_measured(cold, lambda s: _sum(_started_ms(s), s.duration_ms)),
        init_ms=_measured(cold, _started_ms),
        cost_usd=_measured([s for s in kept if s.purpose is not Purpose.COLD], cost_usd),
        throttles=Counted(throttled, len(kept)),
        errors=Counted(failed, len(kept)),
    )


def _measured(samples: list[Sample], value: Callable[[Sample], float | None]) -> Measured:
    pairs = [(number, s.round) for s in samples if (number := value(s)) is not None]
    return Measured.of([n for n, _ in pairs], [r for _, r in pairs])


def _started_ms(sample: Sample) -> float | None:
    return sample.restore_ms if sample.init_ms is None else sample.init_ms


def _sum(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one + other
