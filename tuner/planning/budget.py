"""How much a sweep may use up, and how much is left. Nothing here looks at a clock."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Spent:
    """What was used so far: invocations, US dollars of the function's bill, seconds."""

    invocations: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Budget:
    """The most that may be used; ``None`` is no limit."""

    invocations: int | None = 40
    cost_usd: float | None = None
    seconds: float | None = None

    def ran_out(self, spent: Spent) -> str | None:
        """Which limit was reached, in words, or ``None``."""
        if self.invocations is not None and spent.invocations >= self.invocations:
            return f"the limit of {self.invocations} invocations is reached"
        if self.cost_usd is not None and spent.cost_usd >= self.cost_usd:
            return f"the limit of ${self.cost_usd:g} is reached"
        if self.seconds is not None and spent.seconds >= self.seconds:
            return f"the limit of {self.seconds:g} s is reached"
        return None

    def part(self, spent: Spent, parts: int) -> "Budget":
        """The budget that leaves one of so many equal parts of what is left."""

        def shared(limit: float | None, used: float) -> float | None:
            return None if limit is None else used + max(0.0, limit - used) / parts

        most = shared(self.invocations, spent.invocations)
        return Budget(
            None if most is None else int(most),
            shared(self.cost_usd, spent.cost_usd),
            shared(self.seconds, spent.seconds),
        )

    def affordable(self, spent: Spent, price_usd: float, seconds: float) -> int:
        """How many more invocations of this price and length fit into what is left."""
        most = 1_000_000.0
        if self.invocations is not None:
            most = min(most, self.invocations - spent.invocations)
        if self.cost_usd is not None and price_usd > 0:
            most = min(most, (self.cost_usd - spent.cost_usd) / price_usd)
        if self.seconds is not None and seconds > 0:
            most = min(most, (self.seconds - spent.seconds) / seconds)
        return max(0, int(most))
