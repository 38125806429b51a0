"""Due times of calls: pure functions of elapsed time, or of a seeded generator.

A :class:`Shape` is an arrival rate over time, in calls per second; due times are seconds after the
start of an open load, in order. Nothing here looks at a clock: whether a call was really sent then
is the engine's to say. A varying rate r(t) puts call number n where the integral of r reaches n, so
no call is lost between two rates.
"""

import math
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count
from random import Random
from typing import ClassVar


@dataclass(frozen=True)
class Shape(ABC):
    """An arrival rate over time."""

    #: The calls have moments of their own, which chance does not move.
    fixed = False
    #: Its fields that are rates, and those that are times.
    rates: ClassVar[tuple[str, ...]] = ()
    times: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def due_before(self, at_s: float) -> float:
        """Calls that are due in [0, at_s): the integral of the rate, not rounded."""

    @abstractmethod
    def peak_per_s(self, duration_s: float) -> float:
        """The highest rate in so many seconds."""

    def stretched(self, factor: float) -> "Shape":
        """The same shape, taking so many times as long."""
        return self._scaled(self.times, factor)

    def raised(self, factor: float) -> "Shape":
        """The same shape with so many times the rate; recorded moments stay as they are."""
        return self._scaled(self.rates, factor)

    def _scaled(self, names: tuple[str, ...], factor: float) -> "Shape":
        return replace(self, **{name: getattr(self, name) * factor for name in names})

    def when(self, calls: float, low_s: float, high_s: float) -> float:
        """The moment between these at which ``due_before`` reaches ``calls``, to 0.1 µs."""
        # After 17 years neighbouring floats lie further apart than that, and have no middle.
        while high_s - low_s > 1e-7 and low_s < (middle := (low_s + high_s) / 2) < high_s:
            if self.due_before(middle) > calls:
                high_s = middle
            else:
                low_s = middle
        return low_s


@dataclass(frozen=True)
class Constant(Shape):
    """The same rate throughout."""

    per_s: float
    rates = ("per_s",)

    def due_before(self, at_s: float) -> float:
        return self.per_s * at_s

    def peak_per_s(self, duration_s: float) -> float:
        return self.per_s

    def when(self, calls: float, low_s: float, high_s: float) -> float:
        """Exact, and without a search for every call."""
        return calls / self.per_s


@dataclass(frozen=True)
class Ramp(Shape):
    """From one rate to another in a straight line; after ``over_s`` the second holds."""

    from_per_s: float
    to_per_s: float
    over_s: float
    rates, times = ("from_per_s", "to_per_s"), ("over_s",)

    def due_before(self, at_s: float) -> float:
        """The area under the line."""
        inside = min(at_s, self.over_s)
        part = inside / self.over_s if self.over_s > 0 else 1.0
        mean_per_s = self.from_per_s + (self.to_per_s - self.from_per_s) * part / 2
        return inside * mean_per_s + self.to_per_s * (at_s - inside)

    def peak_per_s(self, duration_s: float) -> float:
        return max(self.from_per_s, self.to_per_s)


@dataclass(frozen=True)
class Steps(Shape):
    """Constant rates one after another: (seconds, rate) each; the last one goes on."""

    steps: tuple[tuple[float, float], ...]

    def due_before(self, at_s: float) -> float:
        total, start = 0.0, 0.0
        for seconds, per_s in self.steps:
            total += per_s * max(0.0, min(seconds, at_s - start))
            start += seconds
        return total + self.steps[-1][1] * max(0.0, at_s - start)

    def peak_per_s(self, duration_s: float) -> float:
        return max(per_s for _, per_s in self.steps)

    def stretched(self, factor: float) -> Shape:
        return Steps(tuple((seconds * factor, per_s) for seconds, per_s in self.steps))

    def raised(self, factor: float) -> Shape:
        return Steps(tuple((seconds, per_s * factor) for seconds, per_s in self.steps))


@dataclass(frozen=True)
class Sine(Shape):
    """A day: ``mean_per_s`` with a swing of at most as much; it starts at its lowest point."""

    mean_per_s: float
    swing_per_s: float
    period_s: float
    rates, times = ("mean_per_s", "swing_per_s"), ("period_s",)

    def due_before(self, at_s: float) -> float:
        """The integral of mean - swing x cos(2 pi t / period)."""
        turn = math.tau / self.period_s
        return self.mean_per_s * at_s - self.swing_per_s * math.sin(turn * at_s) / turn

    def peak_per_s(self, duration_s: float) -> float:
        return self.mean_per_s + self.swing_per_s


@dataclass(frozen=True)
class Bursts(Shape):
    """``size`` calls at one moment, again after every ``every_s``."""

    size: int
    every_s: float
    times = ("every_s",)
    fixed = True

    def due_before(self, at_s: float) -> float:
        return float(self.size * math.ceil(at_s / self.every_s)) if at_s > 0 else 0.0

    def peak_per_s(self, duration_s: float) -> float:
        """The mean rate."""
        return self.size / self.every_s

    def raised(self, factor: float) -> Shape:
        """Larger bursts of whole calls."""
        return replace(self, size=max(1, round(self.size * factor)))

    def when(self, calls: float, low_s: float, high_s: float) -> float:
        """The moment of the burst that this call is in."""
        return calls // self.size * self.every_s


@dataclass(frozen=True)
class Moments(Shape):
    """Calls at given moments: ascending seconds after the start, in units of ``scale``."""

    at_s: tuple[float, ...]
    scale: float = 1.0
    times = ("scale",)
    fixed = True

    def due_before(self, at_s: float) -> float:
        return float(bisect_left(self.at_s, at_s / self.scale))

    def peak_per_s(self, duration_s: float) -> float:
        return self.due_before(duration_s + 1.0) / duration_s

    def when(self, calls: float, low_s: float, high_s: float) -> float:
        return self.at_s[int(calls)] * self.scale


def evenly(shape: Shape, duration_s: float) -> Iterator[float]:
    """Due times in [0, duration_s) with call n where ``due_before`` reaches n, spaced evenly.

    A rate of zero sends nothing until it rises again.
    """
    total, at_s = shape.due_before(duration_s), 0.0
    for number in count():
        if number >= total - 1e-9:
            return
        at_s = shape.when(number, at_s, duration_s)
        yield at_s


def poisson(shape: Shape, duration_s: float, random: Random) -> Iterator[float]:
    """Due times in [0, duration_s) of an inhomogeneous Poisson process with this rate.

    Unit-rate arrivals mapped through the inverse of the integrated rate (Cinlar, *Introduction to
    Stochastic Processes*, 1975), so the shape may be anything whose rate varies smoothly.
    """
    total, reached, at_s = shape.due_before(duration_s), 0.0, 0.0
    while True:
        reached += random.expovariate(1.0)
        if reached >= total:
            return
        at_s = shape.when(reached, at_s, duration_s)
        yield at_s
