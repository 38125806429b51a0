"""Searches the highest rate that a function bears: doubles until it does not, then narrows down.

Decides the rates only; sending and judging are others'. The answer is known to a factor of
2^(1/8), 9 %, after as many doublings as it takes and three steps more.
"""

from dataclasses import dataclass

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
