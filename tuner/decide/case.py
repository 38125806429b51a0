"""What a reason may draw on, and how two sizes are compared in words."""

from dataclasses import dataclass

import numpy as np

from tuner.decide.goal import Goal
from tuner.decide.outlook import MORE_LIKELY, Basis, Outlook
from tuner.model import FloatArray
from tuner.units import (
    format_cost_change,
    format_ms,
    format_speed_change,
    format_usd_per_million,
    is_same,
)

#: Changes smaller than this are called the same (units.py words them like that).
SAME, EVEN = 0.005, "indistinguishable"


@dataclass(frozen=True)
class ChoiceCase:
    """Everything that a reason may draw on; ``index`` is the pick in ``outlook``."""

    basis: Basis
    outlook: Outlook
    index: int
    meets: bool | None
    confidence: float
    alone: FloatArray | None = None  # chance (objectives, sizes) to meet each, if all are missed
    untried_mb: tuple[int, ...] = ()  # between those that failed and those that worked, ascending

    @property
    def goal(self) -> Goal:
        """The goal of the choice."""
        return self.basis.goal

    @property
    def memory_mb(self) -> int:
        """The picked size."""
        return int(self.outlook.memory_mb[self.index])

    def means(self, index: int) -> tuple[float, float]:
        """Mean cost (USD per million) and mean duration (ms) of a size: as measured where it was
        called, otherwise as the curve has it."""
        seen = self.basis.seen(int(self.outlook.memory_mb[index]))
        return self.outlook.means(index) if seen is None else seen

    @property
    def stays(self) -> bool:
        """True for the current size where another one is expected to be a bit better."""
        expected, likely = self.outlook.expected(), self.outlook.meets >= MORE_LIKELY
        better = bool(np.any(expected[likely] < expected[self.index]))
        return better and self.memory_mb == self.goal.current_mb

    @property
    def told(self) -> str:
        """Mean cost and mean duration of the pick: ``$2.45 per million, 63 ms on average``."""
        cost, time = self.means(self.index)
        return f"{format_usd_per_million(cost)}, {format_ms(time)} on average"


def changes(there: tuple[float, float], here: tuple[float, float]) -> str:
    """Compare two (cost, duration): ``12 % more expensive, 3 % faster``."""
    cost, time = (a / b - 1.0 for a, b in zip(there, here, strict=True))
    parts = [] if is_same(cost) else [format_cost_change(cost)]
    parts += [] if is_same(time) else [format_speed_change(time)]
    return ", ".join(parts) or EVEN
