"""Which samples of a run were started in which way: told by the numbers of their calls.

Kept as a document of the run, so that a stored one can be shown again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.records import Purpose, Sample
from tuner.store.plain import record

DOCUMENT = "startups"


@dataclass(frozen=True)
class StartupFrame:
    """One way to start, measured: calls ``first_call`` and the ``numbers`` - 1 after it.

    ``ready_s`` is how long it took until it could be called, ``paid_s`` for how long sandboxes
    were kept; ``note`` says why it was not measured as planned.
    """

    variant: str  # as --variants has it: "on-demand", "snapstart", "provisioned=5"
    memory_mb: int
    first_call: int
    numbers: int
    ready_s: float | None = None
    paid_s: float | None = None
    note: str | None = None

    @property
    def provisioned(self) -> int:
        """How many sandboxes were kept ready."""
        return int(self.variant.partition("=")[2] or 0)

    @property
    def on_demand(self) -> bool:
        """Whether sandboxes were started by calls, without a snapshot."""
        return self.variant == "on-demand"

    def of(self, samples: Iterable[Sample]) -> list[Sample]:
        """Its samples."""
        last = self.first_call + self.numbers
        return [s for s in samples if self.first_call <= s.call < last]


@dataclass(frozen=True)
class Startups:
    """All ways of a run, in the order in which they were measured."""

    frames: tuple[StartupFrame, ...] = ()


def stored_startups(documents: Mapping[str, Mapping[str, Any]]) -> Startups | None:
    """The ways among a run's documents; ``None`` if it has none, or none that can be read."""
    try:
        return record(Startups, documents[DOCUMENT]) if DOCUMENT in documents else None
    except ValueError:
        return None


def on_demand(samples: Sequence[Sample], startups: Startups | None) -> Sequence[Sample]:
    """The samples that say what cold starts on demand are like: of a comparison those, else all.

    Few warm calls of one size are there for the comparison, and are no ground to choose by.
    """
    if startups is None:
        return samples
    apart = {s.call for frame in startups.frames if not frame.on_demand for s in frame.of(samples)}
    return [s for s in samples if s.call not in apart and s.purpose is Purpose.COLD]
