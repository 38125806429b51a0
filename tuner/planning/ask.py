"""The words between planners and the loop: what is known so far, calls to make, done."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from tuner.planning.budget import Spent
from tuner.records import Sample, Setting

if TYPE_CHECKING:  # most answers are without a load, and are to come at once
    from tuner.engine.batches import SizeLoad
    from tuner.store.documents import LoadFacts


class How(StrEnum):
    """Ways in which the calls of an ask are sent."""

    WARM = "warm"  # one after another, interleaved; a new setting is warmed up by one call more
    COLD = "cold"  # in bursts on fresh sandboxes, until each setting has started so many
    FIRST = "first"  # at once to a start that is made for them, then as many one after another
    LOAD = "load"  # as the load says; settings share its calls evenly


@dataclass(frozen=True)
class Ask:
    """Call each setting so many times more; ``why`` is one sentence for the reader.

    With ``load``, counts are what its open model will come to (0: not known); each setting is
    called ``alone`` times before it, so that it starts warm.
    """

    counts: Mapping[Setting, int]
    why: str
    how: How = How.WARM
    load: "SizeLoad | None" = None
    alone: int = 0

    @property
    def invocations(self) -> int:
        """Number of invocations in all."""
        return sum(self.counts.values())

    @property
    def sizes(self) -> str:
        """The sizes for people, a few of many: ``128, 512 MB``."""
        sizes = [f"{size:,}" for size in dict.fromkeys(each.memory_mb for each in self.counts)]
        shown = ", ".join(sizes if len(sizes) <= 6 else [*sizes[:3], "...", *sizes[-2:]])
        return f"{shown} MB"


@dataclass(frozen=True)
class Done:
    """Stop. ``settled``: because the decision is made; otherwise because a budget ran out."""

    reason: str
    settled: bool


@dataclass(frozen=True)
class SoFar:
    """Everything that a run has found so far.

    ``failed`` are settings that could not be made callable, and why. ``loads`` are those that have
    ended; ``borne`` says of each rate that a search tried whether it met the objectives.
    """

    samples: Sequence[Sample] = ()
    spent: Spent = field(default_factory=Spent)
    failed: Mapping[Setting, str] = field(default_factory=dict)
    loads: "Sequence[LoadFacts]" = ()
    borne: Sequence[bool] = ()


class Planner(Protocol):
    """Decides what to call next. Pure: it draws no chance but from a seed, and reads no clock."""

    def next(self, so_far: SoFar) -> Ask | Done:
        """Return the next calls to make, or why no more are needed."""
        ...


class Stepwise(Planner):
    """A planner whose asks follow one another as its :meth:`steps` tell; ``so_far`` is current."""

    so_far = SoFar()

    def __init__(self) -> None:
        self._steps = self.steps()

    def steps(self) -> Generator[Ask, None, Done]:
        """Yield the asks in turn; return why that is all."""
        raise NotImplementedError

    def next(self, so_far: SoFar) -> Ask | Done:
        """Go on to the next step."""
        self.so_far = so_far
        try:
            return next(self._steps)
        except StopIteration as ended:
            done: Done = ended.value
            return done
