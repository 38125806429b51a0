"""Looking at growing samples several times without more false alarms.

A fixed error probability is spent over planned looks (Lan and DeMets, Biometrika 1983; the
spending function of Hwang, Shih and DeCani 1990), and each look's share becomes the level of its
interval. Such repeated intervals hold together at all looks (Jennison and Turnbull 1989), so a
verdict may be drawn from any of them. Limit: the error left at a look assumes that the looks
before it were taken as planned; fewer looks only make the promise safer.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from tuner.model import FloatArray

#: Shape of the spending: 0 spends in step with the calls, -4 nearly all at the end. At -2 early
#: looks can still find what is large, and the last costs a tenth more calls than a single look.
SHAPE = -2.0
_GRID = 1201
_WIDEST = 9.0


@dataclass(frozen=True)
class Looks:
    """Planned looks: numbers of calls per side, rising; the last is the most that may be made."""

    calls: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.calls or self.calls[0] < 1 or list(self.calls) != sorted(set(self.calls)):
            raise ValueError(f"looks have to rise from one call on: {self.calls}")

    @property
    def most(self) -> int:
        """Calls per side at the last look."""
        return self.calls[-1]

    def next(self, calls: int) -> int | None:
        """The look after ``calls`` per side; ``None`` after the last."""
        return next((n for n in self.calls if n > calls), None)

    def tail(self, calls: int, tail: float) -> float:
        """The nominal one-sided level for ``calls`` made, so that all looks together keep
        ``tail``. Between two looks it is that of the look before; 0 before the first."""
        past = [n for n in self.calls if n <= calls]
        if not past:
            return 0.0
        return _nominal(tuple(n / self.most for n in self.calls), tail)[len(past) - 1]


def planned(most: int, first: int = 20, looks: int = 6) -> Looks:
    """At most ``looks`` looks up to ``most`` calls per side, each a like factor later."""
    first = max(1, min(first, most))
    steps = np.unique(np.round(np.geomspace(first, most, max(looks, 1))).astype(int))
    return Looks(tuple(int(n) for n in steps[-looks:]) if looks > 1 else (most,))


def spent(share: float, tail: float) -> float:
    """Part of ``tail`` that may be spent when ``share`` (0 to 1) of the calls are made."""
    return tail * math.expm1(-SHAPE * share) / math.expm1(-SHAPE)


@lru_cache(maxsize=256)
def _nominal(shares: tuple[float, ...], tail: float) -> tuple[float, ...]:
    """One-sided nominal level at each look (Armitage, McPherson and Rowe 1969).

    The density of the score that has not crossed yet is carried from look to look on a grid.
    """
    levels: list[float] = []
    grid = np.linspace(-_WIDEST, _WIDEST, _GRID)  # of the score divided by its deviation
    density = np.array([])
    for i, share in enumerate(shares):
        quota = spent(share, tail) - (spent(shares[i - 1], tail) if i else 0.0)
        if i == 0:
            bound = float(-special.ndtri(quota))
            density = np.exp(-0.5 * grid**2) / math.sqrt(2 * math.pi)
        else:
            bound, density = _carried(grid, density, levels, (shares[i - 1], share), quota)
        levels.append(float(special.ndtr(-bound)))
    return tuple(levels)


def _carried(
    grid: FloatArray,
    density: FloatArray,
    levels: Sequence[float],
    shares: tuple[float, float],
    quota: float,
) -> tuple[float, FloatArray]:
    """The next bound, and the density of the standardised score there before it is cut."""
    from scipy.optimize import brentq  # here, as only benches look

    last = float(-special.ndtri(levels[-1]))
    before, now = math.sqrt(shares[0]), math.sqrt(shares[1])
    step = math.sqrt(shares[1] - shares[0])
    width = grid[1] - grid[0]
    # The cell that the bound falls into counts by its part below the bound.
    inside = density * np.clip((last - grid) / width + 0.5, 0.0, 1.0) * width

    def crossing(bound: float) -> float:
        return float(inside @ special.ndtr((before * grid - now * bound) / step))

    bound = float(brentq(lambda bound: crossing(bound) - quota, 0.0, 40.0, xtol=1e-12))
    moves = (now * grid[:, None] - before * grid[None, :]) / step
    kernel = np.exp(-0.5 * moves**2) * (now / step / math.sqrt(2 * math.pi))
    return bound, kernel @ inside
