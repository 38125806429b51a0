"""What a plan answers: invocations to make, or that enough is known."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Ask:
    """Invoke each size (MB) so many times more; ``why`` is one sentence for the reader."""

    counts: Mapping[int, int]
    why: str

    @property
    def invocations(self) -> int:
        """How many invocations are asked for in all."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class Done:
    """Stop. ``settled``: because the decision is made; otherwise because a budget ran out."""

    reason: str
    settled: bool
    #: What would settle it: size (MB) -> invocations; empty when settled or when nothing would.
    missing: Mapping[int, int] | None = None
