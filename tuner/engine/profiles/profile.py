"""A load as it was asked for: phases of an open model, or users of a closed one.

A :class:`Profile` says when calls are due, through ``pace.py``; it sends nothing and reads no
file. Rates are calls per second, times are seconds.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tuner.engine.profiles.pace import Bursts, Constant, Ramp, Shape, Sine, Steps, evenly, poisson

ARRIVALS = ("constant", "poisson")
MODES = ("sync", "async")


@dataclass(frozen=True)
class Moments:
    """Calls at given moments: ascending seconds after the start, in units of ``scale``."""

    at_s: tuple[float, ...]
    scale: float = 1.0

    def rate(self, at_s: float) -> float:
        """Calls in the second around this moment."""
        return self.due_before(at_s + 0.5) - self.due_before(at_s - 0.5)

    def due_before(self, at_s: float) -> float:
        """How many moments have passed."""
        return float(bisect_left(self.at_s, at_s / self.scale))


@dataclass(frozen=True)
class Phase:
    """A shape that holds for so long."""

    shape: Shape
    duration_s: float


@dataclass(frozen=True)
class Profile:
    """A whole load. With ``users`` it is a closed model that lasts ``closed_s``; else ``phases``.

    The rest is what the profile suggests unless the user says otherwise, as written.
    """

    name: str
    about: str = ""
    phases: tuple[Phase, ...] = ()
    arrival: str = "constant"
    users: int = 0
    think_s: float = 0.0
    closed_s: float = 0.0
    retry: str | None = None
    mode: str | None = None
    drain_s: float | None = None
    event: str | None = None
    max_concurrency: int | None = None
    slo: tuple[str, ...] = ()
    stop_on: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """How long calls are due."""
        return self.closed_s if self.users else sum(phase.duration_s for phase in self.phases)

    @property
    def calls(self) -> float | None:
        """How many calls are due, on average where chance decides; ``None`` of a closed model."""
        if self.users:
            return None
        return sum(phase.shape.due_before(phase.duration_s) for phase in self.phases)

    @property
    def peak_per_s(self) -> float | None:
        """The highest rate that is asked for; ``None`` of a closed model."""
        if self.users:
            return None
        return max((_peak(phase) for phase in self.phases), default=0.0)

    def due_times(self, random: Random) -> Iterator[float]:
        """When each call of an open model is due, ascending."""
        start = 0.0
        for phase in self.phases:
            for at_s in _due_in(phase, self.arrival, random):
                yield start + at_s
            start += phase.duration_s

    def scaled(self, peak_per_s: float | None, duration_s: float | None) -> "Profile":
        """The same profile with another highest rate and stretched to another duration."""
        found = self
        if duration_s is not None:
            if found.users:
                return replace(found, closed_s=duration_s)
            factor = duration_s / found.duration_s
            found = replace(found, phases=tuple(_stretched(p, factor) for p in found.phases))
        if peak_per_s is not None and found.peak_per_s:
            factor = peak_per_s / found.peak_per_s
            found = replace(found, phases=tuple(_raised(p, factor) for p in found.phases))
        return found


def _due_in(phase: Phase, arrival: str, random: Random) -> Iterator[float]:
    shape = phase.shape
    if isinstance(shape, Moments):
        yield from (at_s * shape.scale for at_s in shape.at_s)
    elif arrival == "poisson" and not isinstance(shape, Bursts):
        yield from poisson(shape, phase.duration_s, random)
    else:
        yield from evenly(shape, phase.duration_s)


def _peak(phase: Phase) -> float:
    shape = phase.shape
    if isinstance(shape, Ramp):
        return max(shape.from_per_s, shape.to_per_s)
    if isinstance(shape, Steps):
        return max(per_s for _, per_s in shape.steps)
    if isinstance(shape, Sine):
        return shape.mean_per_s + shape.swing_per_s
    if isinstance(shape, Moments):
        return shape.due_before(phase.duration_s + 1.0) / phase.duration_s
    return shape.rate(0.0)


def _stretched(phase: Phase, factor: float) -> Phase:
    shape = phase.shape
    if isinstance(shape, Ramp):
        shape = replace(shape, over_s=shape.over_s * factor)
    elif isinstance(shape, Steps):
        shape = Steps(tuple((seconds * factor, per_s) for seconds, per_s in shape.steps))
    elif isinstance(shape, Sine):
        shape = replace(shape, period_s=shape.period_s * factor)
    elif isinstance(shape, Bursts):
        shape = replace(shape, every_s=shape.every_s * factor)
    elif isinstance(shape, Moments):
        shape = replace(shape, scale=shape.scale * factor)
    return Phase(shape, phase.duration_s * factor)


def _raised(phase: Phase, factor: float) -> Phase:
    shape = phase.shape
    if isinstance(shape, Constant):
        shape = Constant(shape.per_s * factor)
    elif isinstance(shape, Ramp):
        shape = Ramp(shape.from_per_s * factor, shape.to_per_s * factor, shape.over_s)
    elif isinstance(shape, Steps):
        shape = Steps(tuple((seconds, per_s * factor) for seconds, per_s in shape.steps))
    elif isinstance(shape, Sine):
        shape = Sine(shape.mean_per_s * factor, shape.swing_per_s * factor, shape.period_s)
    elif isinstance(shape, Bursts):
        shape = Bursts(max(1, round(shape.size * factor)), shape.every_s)
    return replace(phase, shape=shape)  # recorded moments stay as they are
