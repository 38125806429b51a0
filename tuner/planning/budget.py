"""Limits of a run, and what it has used. Nothing here looks at a clock."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuner.billing.cost import usd_of
from tuner.billing.prices import Prices
from tuner.records import Sample
from tuner.sample_table import table_of, total
from tuner.units import format_usd


@dataclass(frozen=True)
class Spent:
    """Use so far: invocations, US dollars of the function's bill, seconds."""

    invocations: int = 0
    cost_usd: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Budget:
    """The most that may be used; ``None`` is no limit.

    ``whole`` are the invocations that the user wrote, where this has a part of them only: it is the
    number that messages name. ``usual`` ones nobody wrote: they limit the search for a size, not
    the calls after it.
    """

    invocations: int | None = 40
    cost_usd: float | None = None
    seconds: float | None = None
    whole: int | None = None
    usual: bool = False

    def ran_out(self, spent: Spent) -> str | None:
        """Name the limit that was reached, or return ``None``."""
        if self.invocations is not None and spent.invocations >= self.invocations:
            if self.usual:
                usual = f"the usual {self.invocations} calls of a search are used up"
                return f"{usual}; --invocations allows more"
            return f"the limit of {self.whole or self.invocations} invocations is reached"
        if self.cost_usd is not None and spent.cost_usd >= self.cost_usd:
            return f"the limit of {format_usd(self.cost_usd)} is reached"
        if self.seconds is not None and spent.seconds >= self.seconds:
            return f"the limit of {self.seconds:g} s is reached"
        return None

    def usual_is_out(self, spent: Spent) -> bool:
        """True if what ran out are calls that nobody limited: the search ends as it always does."""
        return self.usual and self.invocations is not None and spent.invocations >= self.invocations

    def part(self, spent: Spent, parts: int) -> "Budget":
        """The budget that leaves one of so many equal parts of what is left."""

        def shared(limit: float | None, used: float) -> float | None:
            return None if limit is None else used + max(0.0, limit - used) / parts

        most = shared(self.invocations, spent.invocations)
        return replace(
            self,
            invocations=None if most is None else int(most),
            cost_usd=shared(self.cost_usd, spent.cost_usd),
            seconds=shared(self.seconds, spent.seconds),
        )

    def affordable(self, spent: Spent, price_usd: float, seconds: float) -> int:
        """Number of further invocations of this price and length that fit into what is left."""
        most = 1_000_000.0
        if self.invocations is not None:
            most = min(most, self.invocations - spent.invocations)
        if self.cost_usd is not None and price_usd > 0:
            most = min(most, (self.cost_usd - spent.cost_usd) / price_usd)
        if self.seconds is not None and seconds > 0:
            most = min(most, (self.seconds - spent.seconds) / seconds)
        return max(0, int(most))

    def affordable_alike(self, spent: Spent) -> int:
        """As :meth:`affordable`, of calls as dear and long as those so far."""
        made = max(1, spent.invocations)
        return self.affordable(spent, spent.cost_usd / made, spent.seconds / made)


NO_LIMIT = Budget(None)


@dataclass(frozen=True)
class Left:
    """What a limit leaves: further invocations, and seconds; ``None`` is no limit."""

    invocations: int | None = None
    seconds: float | None = None


class Meter:
    """Adds up what a run uses while its samples arrive, and holds it against the limit.

    ``seconds`` tells for how long it has been going on. A request whose report is still lacking
    counts as the mean of the others. With ``ahead``, a limit of money is reached as soon as one
    more call as dear as the dearest would pass it.
    """

    def __init__(
        self, seconds: Callable[[], float], limit: Budget = NO_LIMIT, *, ahead: bool = False
    ) -> None:
        self._seconds, self._limit, self._ahead = seconds, limit, ahead
        self._limited = limit != NO_LIMIT
        self._invocations = self._priced = self._lacking = 0
        self._requests_usd = self._dearest_usd = self._kept_usd = 0.0

    @property
    def limit(self) -> Budget:
        """The limit of the run."""
        return self._limit

    def add(self, cost_usd: float | None, *, lacking: bool = False) -> None:
        """Count one request; ``None``: it is not billed, or ``lacking`` its report."""
        self._invocations += 1
        self._lacking += lacking
        if cost_usd is not None:
            self._priced += 1
            self._requests_usd += cost_usd
            self._dearest_usd = max(self._dearest_usd, cost_usd)

    def pay(self, cost_usd: float) -> None:
        """Count what is not of a request."""
        self._kept_usd += cost_usd

    def spent(self) -> Spent:
        """Return the use so far."""
        usd = self._requests_usd * (1.0 + self._lacking / max(1, self._priced)) + self._kept_usd
        return Spent(self._invocations, usd, self._seconds())

    def left(self) -> Left:
        """Return what the limit leaves of invocations and time."""
        most, until = self._limit.invocations, self._limit.seconds
        return Left(
            None if most is None else max(0, most - self._invocations),
            None if until is None else max(0.0, until - self._seconds()),
        )

    def ran_out(self, *, count: bool = True) -> str | None:
        """Name the limit that was reached, or return ``None``; without ``count``, only money and
        time are limited."""
        if not self._limited:  # asked after each of a load's million calls
            return None
        spent = self.spent()
        cost = spent.cost_usd + (self._dearest_usd if self._ahead else 0.0)
        return self._limit.ran_out(Spent(spent.invocations if count else -1, cost, spent.seconds))


def spent_on(
    samples: Sequence[Sample], prices: Prices, seconds: float, ephemeral_mb: float
) -> Spent:
    """Add up what these requests used, which are priced alike."""
    costs = usd_of(table_of(samples), prices, ephemeral_mb)
    return Spent(costs.size, total(np.nan_to_num(costs)), seconds)
