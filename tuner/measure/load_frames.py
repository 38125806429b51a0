"""Loads on one size after another: what each size got, and its figures from the stored samples.

A sweep under load keeps every sample, of purpose ``load``, and a :class:`SizeLoads` beside them as
a document; both together give the same figures at any later time. The curve is fitted to
:func:`calm` samples only: calls that share a function with others may take longer than the size
alone makes them, by queueing at whatever the function uses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tuner.records import Purpose, Sample
from tuner.store.plain import record

#: The document that a run keeps of its loads.
DOCUMENT = "size-loads"


class Ending(StrEnum):
    """How a size's load ended."""

    WHOLE = "whole"
    BLOWN = "blown"  # by the user's own condition, so the size has not borne the load
    CUT = "cut"  # by a budget or the user, which says nothing of the size


@dataclass(frozen=True)
class Frame:
    """One size's load beside its samples: their calls are ``first_call`` and the ``numbers`` on.

    Times are seconds on the run's clock, ``asked`` calls that were due (``None``: closed model),
    ``stopped_s`` when it was cut short, ``dropped`` calls never sent by reason.
    """

    memory_mb: int
    first_call: int
    numbers: int
    start_s: float
    asked: float | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    ending: Ending = Ending.WHOLE
    note: str | None = None
    stopped_s: float | None = None

    def holds(self, sample: Sample) -> bool:
        """Whether the sample is of this load."""
        return (
            sample.purpose is Purpose.LOAD
            and sample.memory_mb == self.memory_mb
            and self.first_call <= sample.call < self.first_call + self.numbers
        )


@dataclass(frozen=True)
class Asked:
    """What every size was asked to bear, for those who read of it; rates per second."""

    profile: str
    about: str
    arrival: str | None  # None: a closed model
    peak_rps: float | None
    users: int | None
    think_s: float | None
    seconds: float
    retry: str
    lanes: int


@dataclass(frozen=True)
class SizeLoads:
    """All loads of a run, in the order in which they were made."""

    asked: Asked
    frames: tuple[Frame, ...] = ()


def stored_loads(documents: Mapping[str, Mapping[str, Any]]) -> SizeLoads | None:
    """The loads among a run's documents; ``None`` if it has none, or none that can be read."""
    try:
        return record(SizeLoads, documents[DOCUMENT]) if DOCUMENT in documents else None
    except ValueError:
        return None


def calm(samples: Sequence[Sample]) -> list[Sample]:
    """The samples that were not measured under load; all of a run that is nothing but a load."""
    return [s for s in samples if s.purpose is not Purpose.LOAD] or list(samples)
