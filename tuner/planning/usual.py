"""What a sweep usually takes, in one figure each, within the forecast's ranges.

A range from least to most is what limits are held against, and too wide to plan by. Calls of a
usual adaptive sweep are estimated from a few sweeps, not fitted; durations lie in the middle of
what is known. Where nothing is, a duration is assumed, and said.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tuner.billing.cost import billed_ms, cost_usd
from tuner.billing.prices import Prices
from tuner.planning.estimate import Known, Making, bounds_ms
from tuner.planning.work import Range, Work

#: Assumed where nothing is known: a mean of production's functions is of this order.
ASSUMED_MS = 100.0
#: INIT where no cold start is known: of a small function in an interpreted language.
_INIT_MS = 200.0
#: Seconds of a sweep's own work: the load engine's start, and each choice of what to ask next.
_START_S, _ASK_S = 2.0, 0.15


@dataclass(frozen=True)
class Usual:
    """One figure each; ``assumed_ms`` is the mean duration at ``memory_mb`` that was assumed."""

    invocations: float
    seconds: float
    cost_usd: float
    assumed_ms: float | None = None
    memory_mb: int | None = None

    def __add__(self, other: "Usual") -> "Usual":
        """Both, one after the other."""
        return replace(
            self,
            invocations=self.invocations + other.invocations,
            seconds=self.seconds + other.seconds,
            cost_usd=self.cost_usd + other.cost_usd,
        )

    def within(self, invocations: float, seconds: float, cost_usd: float) -> "Usual":
        """No more than these."""
        return replace(
            self,
            invocations=min(self.invocations, invocations),
            seconds=min(self.seconds, seconds),
            cost_usd=min(self.cost_usd, cost_usd),
        )


def usual(
    work: Work, sizes_mb: Sequence[int], known: Known, prices: Prices, how: Making, now_mb: int
) -> Usual:
    """Put it together; ``now_mb`` is the size at which a duration is assumed if none is known."""
    assumed = not known.points
    if assumed:
        known = replace(known, points=((now_mb, min(ASSUMED_MS, known.timeout_ms)),))
    asked = [*work.first_mb] or [*sizes_mb]
    call_ms = [min(_middle(bounds_ms(size, known)), known.timeout_ms) for size in asked]
    init_ms = _INIT_MS if assumed else _middle(known.init_ms)
    calls, begun = work.usual + work.cold.middle, work.sizes.low + work.cold.middle
    each_usd = [cost_usd(billed_ms(ms), mb, prices) for ms, mb in zip(call_ms, asked, strict=True)]
    init_usd = cost_usd(init_ms, round(_mean(asked)), prices, calls=0)
    seconds = (
        _START_S
        + calls * (_mean(call_ms) / 1000.0 + _middle(how.request_s))
        + work.load_s.middle
        + begun * init_ms / 1000.0
        + (work.sizes.low + work.cold_versions) * _middle(how.version_s)
        + work.usual / 3.0 * _ASK_S
    )
    loads = work.load.middle
    return Usual(
        invocations=calls + loads,
        seconds=seconds,
        cost_usd=(calls + loads) * _mean(each_usd) + begun * init_usd,
        assumed_ms=known.points[0][1] if assumed else None,
        memory_mb=now_mb if assumed else None,
    )


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _middle(span: Range) -> float:
    """The middle by ratio."""
    return math.sqrt(span.low * span.high)
