"""A load as it was asked for: phases of an open model, or users of a closed one.

A :class:`Profile` says when calls are due, through ``pace.py``; it sends nothing and reads no
file. Rates are calls per second, times are seconds.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from tuner.engine.profiles.pace import Shape, evenly, poisson

ARRIVALS = ("constant", "poisson")
MODES = ("sync", "async")


@dataclass(frozen=True)
class Phase:
    """A shape that holds for so long."""

    shape: Shape
    duration_s: float

    @property
    def calls(self) -> float:
        """Calls that are due in it, on average where chance decides."""
        return self.shape.due_before(self.duration_s)


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
    shaped: bool = False  # a LoadTestShape says how many users there are, and may end earlier
    retry: str | None = None
    mode: str | None = None
    drain_s: float | None = None
    event: str | None = None
    max_concurrency: int | None = None
    slo: tuple[str, ...] = ()
    stop_on: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Seconds for which calls are due."""
        return self.closed_s if self.users else sum(phase.duration_s for phase in self.phases)

    @property
    def calls(self) -> float | None:
        """Calls that are due, on average where chance decides; ``None`` of a closed model."""
        return None if self.users else sum(phase.calls for phase in self.phases)

    def due_before(self, at_s: float | None) -> float | None:
        """Calls that are due until then, or in all; ``None`` of a closed model."""
        if self.users or at_s is None:
            return self.calls
        due, left_s = 0.0, at_s
        for phase in self.phases:
            due += phase.shape.due_before(min(left_s, phase.duration_s))
            left_s = max(0.0, left_s - phase.duration_s)
        return due

    @property
    def peak_per_s(self) -> float | None:
        """The highest rate that is asked for; ``None`` of a closed model."""
        if self.users:
            return None
        return max((p.shape.peak_per_s(p.duration_s) for p in self.phases), default=0.0)

    def due_times(self, random: Random) -> Iterator[float]:
        """Yield when each call of an open model is due, ascending."""
        start = 0.0
        for phase in self.phases:
            shape, duration_s = phase.shape, phase.duration_s
            by_chance = self.arrival == "poisson" and not shape.fixed
            times = poisson(shape, duration_s, random) if by_chance else evenly(shape, duration_s)
            yield from (start + at_s for at_s in times)
            start += phase.duration_s

    def scaled(self, peak_per_s: float | None, duration_s: float | None) -> "Profile":
        """The same profile with another highest rate and stretched to another duration."""
        found = self
        if duration_s is not None:
            if found.users:
                return replace(found, closed_s=duration_s)
            factor = duration_s / found.duration_s
            phases = tuple(
                Phase(p.shape.stretched(factor), p.duration_s * factor) for p in found.phases
            )
            found = replace(found, phases=phases)
        if peak_per_s is not None and found.peak_per_s:
            factor = peak_per_s / found.peak_per_s
            phases = tuple(replace(p, shape=p.shape.raised(factor)) for p in found.phases)
            found = replace(found, phases=phases)
        return found
