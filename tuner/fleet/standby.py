"""Provisioned sandboxes of one deployment: set aside, initialised before they are called.

They never expire, and are called in turn, the longest idle first, so that the first calls meet
fresh ones. AWS does not document its order. What is beyond them spills over to sandboxes on demand.
"""

from collections import deque
from dataclasses import dataclass, field

from tuner.fleet.permits import TokenBucket


@dataclass(slots=True)
class Standby:
    """``claimed`` sandboxes of a function; ``idle`` are those that can serve now.

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
