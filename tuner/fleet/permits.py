"""Permits that refill: what limits of so many per time are made of."""


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
        """Whether a whole permit is there at this moment (nanoseconds on the fleet's clock)."""
        elapsed = max(0, now_ns - self._at)
        self._at = max(self._at, now_ns)
        self._level = min(self._capacity * self._unit, self._level + elapsed * self._capacity)
        return self._level >= self._unit

    def take(self) -> None:
        """Use one permit; only after :meth:`available` said yes."""
        self._level -= self._unit
