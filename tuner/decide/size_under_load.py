"""What one size did under load, and whether it bore it: a record that every output shows."""

import math
from dataclasses import dataclass

from tuner.decide.load_result import Verdict
from tuner.measure.load_figures import LoadFigures
from tuner.measure.load_frames import Ending


@dataclass(frozen=True)
class SizeUnderLoad:
    """What one size did under load. ``verdicts`` are on the objectives that a load is judged by.

    ``cost_usd_per_million`` is of requests that ran; ``note`` says why it was cut short.
    """

    memory_mb: int
    figures: LoadFigures
    verdicts: tuple[Verdict, ...]
    cost_usd_per_million: float | None
    ending: Ending
    note: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether it met the objectives; ``None`` without any, or when it was not seen through."""
        if self.ending is Ending.BLOWN:
            return False
        if self.ending is Ending.CUT or not self.verdicts:
            return None
        return all(verdict.met for verdict in self.verdicts)

    @property
    def miss(self) -> float:
        """The worst objective's value over its limit; infinite where nothing could be judged."""
        return max(
            (math.inf if v.value is None else v.value / v.slo.limit for v in self.verdicts),
            default=0.0,
        )
