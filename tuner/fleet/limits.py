"""AWS's limits on what an account may have at once, their reasons, and how long sandboxes idle."""

import random
from bisect import bisect_left
from dataclasses import dataclass
from enum import StrEnum


class ThrottleReason(StrEnum):
    """The ``Reason`` of a 429, as in AWS's model of TooManyRequestsException."""

    ACCOUNT_CONCURRENCY = "ConcurrentInvocationLimitExceeded"
    ACCOUNT_RATE = "FunctionInvocationRateLimitExceeded"
    RESERVED_CONCURRENCY = "ReservedFunctionConcurrentInvocationLimitExceeded"
    RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


@dataclass(frozen=True, slots=True)
class Limits:
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
_IDLE_LIFE = ((0.0, 240.0), (0.03, 270.0), (0.08, 300.0), (0.43, 315.0), (0.68, 330.0),
              (0.94, 345.0), (1.0, 360.0))  # fmt: skip


def idle_life(chance: random.Random) -> float:
    """Draw for how many seconds an idle sandbox is kept, as measured on AWS: 4 to 6 minutes."""
    share = chance.random()
    at = max(1, bisect_left(_IDLE_LIFE, (share,)))
    (low, start), (high, end) = _IDLE_LIFE[at - 1], _IDLE_LIFE[at]
    return start + (end - start) * (share - low) / (high - low)
