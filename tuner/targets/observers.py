"""Seams to others that saw a function's invocations: event logs and service metrics.

Both are opened before a run; metrics are asked for when it is over, never while something is
measured. Times of events are platform seconds since 1970: those of Lambda's own clock, which on a
local Lambda with ``--time-scale`` runs faster than ours.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tuner.records import Invoked, LogLine, Metered, Metric, Traced

#: AWS's defaults: a failing event is tried again this often, within so many seconds.
RETRIES = 2
AGE_S = 21_600.0


@dataclass(frozen=True)
class EventSettings:
    """Lambda's rules for events of one function, version or alias; destinations are ARNs."""

    retries: int = RETRIES
    age_s: float = AGE_S
    dead_letters: str | None = None
    on_failure: str | None = None
    on_success: str | None = None


class EventTrail(Protocol):
    """A log in which events can be followed. Its methods may raise TunerError.

    ``late_s`` is how late a line may appear in the log (platform seconds), ``pause_s`` how long
    to wait between two questions (our seconds), ``time_scale`` platform seconds per second.
    """

    settings: EventSettings
    place: str
    late_s: float
    pause_s: float
    time_scale: float

    def moment(self, wall_s: float) -> float:
        """A moment of our wall clock on the platform's."""
        ...

    def lines(self, since_s: float) -> Iterator[LogLine]:
        """START and REPORT lines since a moment, those of one sandbox in order."""
        ...

    def endings(self) -> Mapping[str, str] | None:
        """Request ids of events that have ended since the last question, with the condition in
        AWS's words; ``None`` where the platform does not tell, as AWS itself."""
        ...


class ServiceMetrics(Protocol):
    """Counts and traces of the platform itself. Methods may raise TunerError.

    ``traced`` says whether the function writes traces; spans are seconds since 1970.
    """

    traced: bool

    def metered(
        self,
        places: Sequence[Invoked],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[Invoked, Metered]:
        """Return what was counted of each in the minutes of this span."""
        ...

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        """Some of the requests in this span, as they were traced."""
        ...

    def tell(self, text: str) -> None:
        """Show what is being waited for."""
        ...
