"""A function in production: what is known of its times, the traffic, and what becomes of both.

Records alone; ``forecast.py`` makes an :class:`Outcome` of the others, ``remedies.py`` several.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuner.billing.prices import Prices
from tuner.fleet.simulate import Allowed

FloatArray = NDArray[np.float64]

#: Steps of a fluid, and the shortest; moments of charts.
_STEPS, _SHORTEST_S, MOMENTS = 60_000, 0.02, 300
#: What comes before the traffic, and is not counted; longer than an idle sandbox lives.
_LEAD_S, _MOST_LEAD_S = 400.0, 7200.0


@dataclass(frozen=True)
class Subject:
    """A configuration whose times are known: durations of warm calls, INIT, and what a new
    sandbox's first call takes, each in ms as seen; and what it may have."""

    memory_mb: int
    warm_ms: FloatArray
    init_ms: FloatArray
    first_ms: FloatArray
    allowed: Allowed
    prices: Prices
    ephemeral_mb: int = 512
    #: Warm calls behind the times; ``None``: they are given, with their distribution.
    calls: int | None = None
    #: What stands in for cold starts that were not measured, in words.
    assumed: str = ""

    def tells(self, share: float) -> bool:
        """True if so few calls lie beyond a percentile that the measured ones can show it: at
        least one of them does."""
        return self.calls is None or self.calls * (1.0 - share) > 1.0 - 1e-9

    def lead_s(self, per_s: float) -> float:
        """Seconds in which so many calls a second can grow from nothing without a throttle."""
        limits = self.allowed.limits
        wanted = min(per_s * float(self.warm_ms.mean()) / 1000.0, self.allowed.concurrency)
        growing_s = wanted / limits.burst * limits.burst_period_s
        return min(max(_LEAD_S, 2.0 * growing_s), _MOST_LEAD_S)

    @property
    def cold_ms(self) -> FloatArray:
        """INIT and the first call together, pair by pair."""
        count = max(len(self.init_ms), len(self.first_ms))
        return np.asarray(np.resize(self.init_ms, count) + np.resize(self.first_ms, count))


@dataclass(frozen=True)
class Arriving:
    """Calls a second in each of equally long steps; ``at_s`` are the calls themselves, ascending,
    where they are known."""

    per_s: FloatArray
    step_s: float
    at_s: FloatArray | None = None

    @property
    def span_s(self) -> float:
        """Seconds of the whole traffic."""
        return len(self.per_s) * self.step_s

    @property
    def calls(self) -> float:
        """Calls that are expected."""
        known = self.at_s
        return float(self.per_s.sum() * self.step_s) if known is None else float(len(known))

    def lead(self, step_s: float, seconds: float) -> FloatArray:
        """Calls a second before the first step, in steps of ``step_s``: the rate of the first
        grows from nothing, so that sandboxes are there. None where each call is known."""
        count = 0 if self.at_s is not None else math.ceil(seconds / step_s)
        grown = np.minimum(1.0, np.arange(count) * step_s / (0.75 * seconds))
        return np.asarray(self.per_s[0] * grown, dtype=np.float64)

    def times(self, factor: float) -> "Arriving":
        """The same shape with so many times the calls."""
        return self if factor == 1.0 else replace(self, per_s=self.per_s * factor, at_s=None)

    def crowded(self, factor: float, seconds: float) -> "Arriving":
        """The same with a flash crowd at its highest rate: at once so many times the rate."""
        per_s, count = self.per_s.copy(), max(1, round(seconds / self.step_s))
        begin = min(int(per_s.argmax()), max(0, len(per_s) - count))
        if per_s.max() == per_s.min():
            begin = max(0, (len(per_s) - count) // 2)
        per_s[begin : begin + count] *= factor
        return replace(self, per_s=per_s, at_s=None)

    def cut(self) -> "Arriving":
        """The same in steps that are short against the whole span, for charts and fluids."""
        finest = max(self.span_s / _STEPS, _SHORTEST_S)
        parts = max(1, math.ceil(MOMENTS / len(self.per_s)), int(self.step_s / finest))
        return replace(self, per_s=np.repeat(self.per_s, parts), step_s=self.step_s / parts)


@dataclass(frozen=True)
class Moment:
    """A slice of the time: calls and cold starts and throttles in it, concurrency, sandboxes."""

    second: float
    calls: float
    cold: float
    throttled: float
    in_flight: float  # mean
    in_flight_max: float
    sandboxes: float


@dataclass(frozen=True)
class Meters:
    """The bill of the span in US dollars by meter; ``None`` where a price is not known."""

    requests_usd: float
    duration_usd: float
    init_usd: float
    provisioned_usd: float | None
    logs_usd: float | None

    @property
    def total_usd(self) -> float:
        """All meters that are known."""
        meters = (self.requests_usd, self.duration_usd, self.init_usd)
        return sum(meters) + (self.provisioned_usd or 0.0) + (self.logs_usd or 0.0)


@dataclass(frozen=True)
class Outcome:
    """What became of the calls. ``throttles`` are by reason; ``wait_ms`` is INIT and duration of
    calls that were served, without the network; ``placed`` says that each call was."""

    span_s: float
    placed: bool
    calls: float
    warm: float
    cold: float
    provisioned: float
    throttles: dict[str, float]
    concurrency: dict[str, float]
    wait_ms: dict[str, float]
    sandboxes_max: float
    bill: Meters
    timeline: tuple[Moment, ...]

    @property
    def served(self) -> float:
        """Calls that were not throttled."""
        return self.warm + self.cold + self.provisioned

    @property
    def peak_per_s(self) -> float:
        """The highest rate of the moments."""
        most = max((moment.calls for moment in self.timeline), default=0.0)
        return most / self.span_s * len(self.timeline)

    @property
    def throttled_share(self) -> float:
        """Share of calls, 0 to 1, that were throttled."""
        return sum(self.throttles.values()) / self.calls if self.calls else 0.0

    @property
    def cold_share(self) -> float:
        """Share of served calls, 0 to 1, that started a sandbox."""
        return self.cold / self.served if self.served else 0.0
