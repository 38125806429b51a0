"""When the next call is due: pure functions of elapsed time, or of a seeded generator.

A :class:`Pace` gives the due times of an open load in seconds after its start, in order, and
never looks at a clock: whether a call was really sent then is the engine's to say. A varying rate
r(t) puts call number n where the integral of r reaches n, so no call is lost between two rates.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import Protocol


class Shape(Protocol):
    """An arrival rate over time."""

    def rate(self, at_s: float) -> float:
        """Calls per second wanted at this moment, never negative."""
        ...

    def due_before(self, at_s: float) -> float:
        """Calls that are due in [0, at_s): the integral of the rate, not rounded."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same rate throughout."""

    per_s: float

    def rate(self, at_s: float) -> float:
        """The one rate."""
        return self.per_s

    def due_before(self, at_s: float) -> float:
        """Rate times time."""
        return self.per_s * at_s


@dataclass(frozen=True)
class Ramp:
    """From one rate to another in a straight line; after ``over_s`` the second holds."""

    from_per_s: float
    to_per_s: float
    over_s: float

    def rate(self, at_s: float) -> float:
        """The rate on the line."""
        part = 1.0 if at_s >= self.over_s else at_s / self.over_s
        return self.from_per_s + (self.to_per_s - self.from_per_s) * part

    def due_before(self, at_s: float) -> float:
        """The area under the line."""
        inside = min(at_s, self.over_s)
        area = inside * (self.from_per_s + self.rate(inside)) / 2 if self.over_s > 0 else 0.0
        return area + self.to_per_s * max(0.0, at_s - self.over_s)


@dataclass(frozen=True)
class Steps:
    """Constant rates one after another: (seconds, rate) each; the last one goes on."""

    steps: tuple[tuple[float, float], ...]

    def rate(self, at_s: float) -> float:
        """The rate of the step that holds now."""
        end = 0.0
        for seconds, per_s in self.steps:
            end += seconds
            if at_s < end:
                return per_s
        return self.steps[-1][1]

    def due_before(self, at_s: float) -> float:
        """The sum over the steps so far."""
        total, start = 0.0, 0.0
        for seconds, per_s in self.steps:
            total += per_s * max(0.0, min(seconds, at_s - start))
            start += seconds
        return total + self.steps[-1][1] * max(0.0, at_s - start)


@dataclass(frozen=True)
class Sine:
    """A day: ``mean_per_s`` with a swing of at most as much; it starts at its lowest point."""

    mean_per_s: float
    swing_per_s: float
    period_s: float

    def rate(self, at_s: float) -> float:
        """The rate on the wave."""
        return self.mean_per_s - self.swing_per_s * math.cos(math.tau * at_s / self.period_s)

    def due_before(self, at_s: float) -> float:
        """The integral of the wave."""
        turn = math.tau / self.period_s
        return self.mean_per_s * at_s - self.swing_per_s * math.sin(turn * at_s) / turn


@dataclass(frozen=True)
class Bursts:
    """``size`` calls at one moment, again after every ``every_s``."""

    size: int
    every_s: float

    def rate(self, at_s: float) -> float:
        """The mean rate; at the moments themselves it has no value."""
        return self.size / self.every_s

    def due_before(self, at_s: float) -> float:
        """All of the bursts so far."""
        return float(self.size * math.ceil(at_s / self.every_s)) if at_s > 0 else 0.0


def evenly(shape: Shape, duration_s: float) -> Iterator[float]:
    """Due times in [0, duration_s) with call n where ``due_before`` reaches n, spaced evenly.

    A rate of zero sends nothing until it rises again.
    """
    if isinstance(shape, Constant):  # exact, and without a search for every call
        if shape.per_s > 0:
            for number in range(math.ceil(shape.per_s * duration_s - 1e-9)):
                yield number / shape.per_s
        return
    if isinstance(shape, Bursts):
        for burst in range(math.ceil(duration_s / shape.every_s)):
            yield from (burst * shape.every_s for _ in range(shape.size))
        return
    total, at_s = shape.due_before(duration_s), 0.0
    for number in count():
        if number >= total - 1e-9:
            return
        at_s = _when(shape, float(number), at_s, duration_s)
        yield at_s


def poisson(shape: Shape, duration_s: float, random: Random) -> Iterator[float]:
    """Due times in [0, duration_s) of an inhomogeneous Poisson process with this rate.

    Unit-rate arrivals mapped through the inverse of the integrated rate (Cinlar, *Introduction to
    Stochastic Processes*, 1975), so the shape may be anything with ``due_before``.
    """
    total, reached, at_s = shape.due_before(duration_s), 0.0, 0.0
    while True:
        reached += random.expovariate(1.0)
        if reached >= total:
            return
        if isinstance(shape, Constant):
            yield reached / shape.per_s
            continue
        at_s = _when(shape, reached, at_s, duration_s)
        yield at_s


def _when(shape: Shape, calls: float, low_s: float, high_s: float) -> float:
    """The moment at which ``due_before`` reaches ``calls``, by bisection to a tenth of a µs."""
    # After 17 years neighbouring floats lie further apart than that, and have no middle.
    while high_s - low_s > 1e-7 and low_s < (middle := (low_s + high_s) / 2) < high_s:
        if shape.due_before(middle) > calls:
            high_s = middle
        else:
            low_s = middle
    return low_s
