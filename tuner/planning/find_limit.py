"""The search for the highest rate that a function sustains: double it until it does not, then
narrow down.

Decides the rates only; sending and judging are others'. The answer is known to a factor of
2^(1/8), 9 %, after as many doublings as it takes and three steps more.
"""

from collections.abc import Callable, Generator

from tuner.planning.ask import Ask, Done, Stepwise

_NARROWINGS = 3
#: Beyond this no more doubling: the generator is not made for it.
HIGHEST_PER_S = 50_000.0
#: A rate is judged by no fewer calls: with a handful, one throttle or none is chance.
FEWEST_CALLS = 30


def step_s(rate_per_s: float, wanted_s: float) -> float:
    """Return how long to try a rate: as long as is wanted, or until enough calls were due."""
    return max(wanted_s, FEWEST_CALLS / rate_per_s)


class FindLimit(Stepwise):
    """Plans a load at one rate after another; ``ask_at`` makes the ask of a rate.

    ``rate`` is the next to be tried, in calls per second; ``None`` when the search is over.
    ``best`` is the highest that was borne, ``worst`` the lowest that was not.
    """

    def __init__(self, first_per_s: float, ask_at: Callable[[float], Ask]) -> None:
        super().__init__()
        self.rate: float | None = first_per_s
        self.best: float | None = None
        self.worst: float | None = None
        self._narrowed, self._ask_at = 0, ask_at

    def steps(self) -> Generator[Ask, None, Done]:
        """Try the next rate as long as there is one."""
        while self.rate is not None:
            yield self._ask_at(self.rate)
            if self.so_far.borne[-1]:
                self.best = self.rate
            else:
                self.worst = self.rate
            self.rate = self._next()
        return Done("the highest rate was found", settled=True)

    def _next(self) -> float | None:
        if self.best is None:
            return None  # not even the first: a lower one is the user's to choose
        if self.worst is None:
            return self.best * 2 if self.best * 2 <= HIGHEST_PER_S else None
        if self._narrowed >= _NARROWINGS:
            return None
        self._narrowed += 1
        return float((self.best * self.worst) ** 0.5)
