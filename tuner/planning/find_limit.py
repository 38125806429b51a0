"""The search for the highest rate that a function sustains: double it until it does not, then
narrow down.

Decides the rates only; sending and judging are others'. The answer is known to a factor of
2^(1/8), 9 %, after as many doublings as it takes and three steps more.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from tuner.planning.ask import Ask, Done, Stepwise

_NARROWINGS = 3
#: Beyond this no more doubling: the generator is not made for it.
HIGHEST_PER_S = 50_000.0


@dataclass
class KneeSearch:
    """``rate`` is the next to be tried, in calls per second; ``None`` when the search is over.

    ``best`` is the highest that was borne, ``worst`` the lowest that was not.
    """

    rate: float | None
    best: float | None = None
    worst: float | None = None
    _narrowed: int = 0

    def tell(self, borne: bool) -> None:
        """Say whether ``rate`` was borne, and decide the next one."""
        assert self.rate is not None
        if borne:
            self.best = self.rate
        else:
            self.worst = self.rate
        self.rate = self._next()

    def _next(self) -> float | None:
        if self.best is None:
            return None  # not even the first: a lower one is the user's to choose
        if self.worst is None:
            return self.best * 2 if self.best * 2 <= HIGHEST_PER_S else None
        if self._narrowed >= _NARROWINGS:
            return None
        self._narrowed += 1
        return float((self.best * self.worst) ** 0.5)


class FindLimit(Stepwise):
    """Plans a load at one rate after another; ``ask_at`` makes the ask of a rate."""

    def __init__(self, first_per_s: float, ask_at: Callable[[float], Ask]) -> None:
        super().__init__()
        self.search = KneeSearch(first_per_s)
        self._ask_at = ask_at

    def steps(self) -> Generator[Ask, None, Done]:
        """Try the next rate as long as there is one."""
        while self.search.rate is not None:
            yield self._ask_at(self.search.rate)
            self.search.tell(self.so_far.borne[-1])
        return Done("the highest rate was found", settled=True)
