"""Axes of the charts: where they begin and end, and whether they are logarithmic."""

from collections.abc import Iterable
from dataclasses import dataclass

#: From this ratio of largest to smallest on, a linear axis would hide the small values.
_LOG_FROM = 8.0
#: Lambda's default range (128 to 1,536 MB) stays linear, its whole range does not.
_LOG_MEMORY_FROM = 16.0


@dataclass(frozen=True)
class Axis:
    """``ticks`` are the labelled values; without any, the renderer chooses them."""

    low: float
    high: float
    log: bool
    ticks: tuple[int, ...] = ()

    @property
    def middle(self) -> float:
        """The value half-way along the axis."""
        return (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2.0

    def holds(self, value: float) -> bool:
        """Whether a value can be drawn."""
        return self.low <= value <= self.high


def memory_axis(sizes: Iterable[float], ticks: Iterable[int]) -> Axis:
    """An axis over sizes in MB with a little room at both ends."""
    shown = sorted(sizes) or [128.0, 10_240.0]
    low, high = shown[0], shown[-1]
    if high / low > _LOG_MEMORY_FROM:
        return Axis(low / 1.08, high * 1.08, True, tuple(sorted(set(ticks))))
    room = max(8.0, (high - low) * 0.035)
    return Axis(low - room, high + room, False, tuple(sorted(set(ticks))))


def value_axis(
    values: Iterable[float], limits: Iterable[float] = (), from_zero: bool = True
) -> Axis:
    """An axis over positive values, with room for labels above.

    ``limits`` are included where they are near enough to leave the values their place.
    """
    shown = sorted(values) or [1.0]
    near = [each for each in limits if shown[0] / 2.0 <= each <= shown[-1] * 2.0]
    low, high = min(shown[0], *near, shown[0]), max(shown[-1], *near, shown[-1])
    if high / low >= _LOG_FROM:
        return Axis(low / 1.25, high * (high / low) ** 0.16, True)
    if from_zero:
        return Axis(0.0, high * 1.18, False)
    room = (high - low) * 0.12 or high * 0.1
    return Axis(max(0.0, low - room), high + room, False)
