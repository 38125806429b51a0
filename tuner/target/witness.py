"""Who else saw a function's invocations: the seam for asking CloudWatch and X-Ray afterwards.

A witness is opened before a run and asked when it is over, never while something is measured.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from tuner.records import Metered, Metric, Traced


class Witness(Protocol):
    """What a platform counted and traced by itself. Questions may raise TunerError.

    ``traced`` says whether the function writes traces; spans are seconds since 1970.
    """

    traced: bool

    def metered(
        self,
        qualifiers: Sequence[str | None],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[str | None, Metered]:
        """What was counted of each version or alias in the minutes of this span."""
        ...

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        """Some of the requests in this span, as they were traced."""
        ...

    def tell(self, text: str) -> None:
        """Show what is being waited for."""
        ...
