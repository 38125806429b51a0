"""Who else saw a function's invocations: the seam for asking CloudWatch and X-Ray afterwards.

A witness is opened before a run and asked when it is over, never while something is measured.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tuner.records import Metered, Metric, Place, Traced


class Witness(Protocol):
    """What a platform counted and traced by itself. Questions may raise TunerError.

    ``traced`` says whether the function writes traces; spans are seconds since 1970.
    """

    traced: bool

    def metered(
        self,
        places: Sequence[Place],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[Place, Metered]:
        """What was counted of each place in the minutes of this span."""
        ...

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        """Some of the requests in this span, as they were traced."""
        ...

    def tell(self, text: str) -> None:
        """Show what is being waited for."""
        ...


class Witnesses(Witness):
    """The witnesses of several architectures, each of a function of its own, as one."""

    def __init__(self, of: Mapping[str, Witness]) -> None:
        self.traced = any(witness.traced for witness in of.values())
        self._of = of

    def metered(
        self,
        places: Sequence[Place],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[Place, Metered]:
        """Each from its architecture's."""
        found: dict[Place, Metered] = {}
        for arch, witness in self._of.items():
            theirs = [place for place in places if place.arch == arch]
            found |= witness.metered(theirs, span_s, metrics) if theirs else {}
        return found

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        """Those of all of them."""
        return [each for witness in self._of.values() for each in witness.traces(span_s)]

    def tell(self, text: str) -> None:
        """Once."""
        next(iter(self._of.values())).tell(text)
