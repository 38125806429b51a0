"""What a bench may use of money and time, counted while calls arrive.

It stops nothing itself: the lab asks it before and between calls.
"""

from collections.abc import Iterable

from tuner.clock import Clock
from tuner.planning.budget import Budget, Spent


class Allowance:
    """Counts from when it is made. Costs are in USD; ``None`` where a call cannot be priced yet."""

    def __init__(self, limit: Budget, clock: Clock) -> None:
        self._limit, self._clock = limit, clock
        self._began_s = clock.monotonic()
        self._spent_usd = self._arriving_usd = self._dearest_usd = 0.0

    def arrived(self, cost_usd: float | None) -> None:
        """A call of a batch that is still under way has ended."""
        self._arriving_usd += cost_usd or 0.0
        self._dearest_usd = max(self._dearest_usd, cost_usd or 0.0)

    def settle(self, costs_usd: Iterable[float | None]) -> None:
        """What the calls of a batch came to in the end, instead of what :meth:`arrived` counted."""
        known = [cost for cost in costs_usd if cost is not None]
        self._spent_usd += sum(known)
        self._dearest_usd = max([self._dearest_usd, *known])
        self._arriving_usd = 0.0

    def ran_out(self) -> str | None:
        """Which limit leaves no room for one more call as dear as the dearest, or ``None``."""
        after = self._spent_usd + self._arriving_usd + self._dearest_usd
        seconds = self._clock.monotonic() - self._began_s
        return self._limit.ran_out(Spent(0, after, seconds))
