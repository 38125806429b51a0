"""AWS's limits on what an account may have at once, and what they are made of.

Reasons of throttles, permits that refill, provisioned sandboxes of a deployment, and how long an
idle sandbox lives.
"""

import random
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum


class ThrottleReason(StrEnum):
    """The ``Reason`` of a 429, as in AWS's model of TooManyRequestsException."""

    ACCOUNT_CONCURRENCY = "ConcurrentInvocationLimitExceeded"
    ACCOUNT_RATE = "FunctionInvocationRateLimitExceeded"
    RESERVED_CONCURRENCY = "ReservedFunctionConcurrentInvocationLimitExceeded"
    RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """AWS's limits per account and region (Lambda quotas page, "scaling behavior").

    ``burst`` new sandboxes per function at once, refilled over ``burst_period_s`` without
    accruing beyond ``burst``; ``rate_per_concurrency`` synchronous requests per second for each
    unit of concurrency. Which Reason AWS gives for the burst limit is not documented; the
    account's concurrency is assumed.
    """

    account_concurrency: int = 1000
    burst: int = 1000
    burst_period_s: int = 10
    rate_per_concurrency: int = 10


# Share of sandboxes found cold after so many idle seconds: 100 probes per gap, spring 2025,
# keep-alive dataset of the EuroSys 2026 artifact on serverless cold starts.
IDLE_LIFE = ((0.0, 240.0), (0.03, 270.0), (0.08, 300.0), (0.43, 315.0), (0.68, 330.0),
              (0.94, 345.0), (1.0, 360.0))  # fmt: skip


def idle_life(chance: random.Random) -> float:
    """Draw for how many seconds an idle sandbox is kept, as measured on AWS: 4 to 6 minutes."""
    share = chance.random()
    at = max(1, bisect_left(IDLE_LIFE, (share,)))
    (low, start), (high, end) = IDLE_LIFE[at - 1], IDLE_LIFE[at]
    return start + (end - start) * (share - low) / (high - low)


class TokenBucket:
    """Permits that refill continuously up to a capacity, in exact integer arithmetic.

    ``capacity`` permits are refilled over ``period_s`` seconds. Levels are kept in units of one
    permit x period in nanoseconds, so that no interleaving of calls can gain or lose a fraction.
    """

    def __init__(self, capacity: int, period_s: int, now_ns: int) -> None:
        self._capacity = capacity
        self._unit = period_s * 1_000_000_000
        self._level = capacity * self._unit
        self._at = now_ns

    def available(self, now_ns: int) -> bool:
        """True if a whole permit is there at this moment (nanoseconds on the fleet's clock)."""
        elapsed = max(0, now_ns - self._at)
        self._at = max(self._at, now_ns)
        self._level = min(self._capacity * self._unit, self._level + elapsed * self._capacity)
        return self._level >= self._unit

    def take(self) -> None:
        """Use one permit; only after :meth:`available` said yes."""
        self._level -= self._unit


@dataclass(slots=True)
class Standby:
    """Provisioned sandboxes of one deployment: ``claimed`` in all, ``idle`` can serve now.

    They never expire, and are called in turn, the longest idle first, so that the first calls meet
    fresh ones. AWS does not document its order.

    ``rate``: beyond ten requests a second for each of them calls spill over, as on AWS (Lambda
    developer guide, "Understanding function scaling").
    """

    function: str
    claimed: int
    rate: TokenBucket
    idle: deque[int] = field(default_factory=deque)

    def take(self, rated_ns: int | None) -> int | None:
        """The next sandbox; ``rated_ns`` is the time of a call that counts against the rate."""
        if not self.idle or (rated_ns is not None and not self.rate.available(rated_ns)):
            return None
        if rated_ns is not None:
            self.rate.take()
        return self.idle.popleft()
