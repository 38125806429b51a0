"""Time as an argument: the wall clock for real runs, a virtual one for tests and simulation.

Nothing above this module reads the time from the air.
"""

import time
from typing import Protocol


def never() -> bool:
    """Nobody wants to stop: the default of whatever asks."""
    return False


class Clock(Protocol):
    """Two readings and a wait; all in seconds."""

    def monotonic(self) -> float:
        """Seconds on a clock that never jumps; only differences mean anything."""
        ...

    def wall(self) -> float:
        """Seconds since 1970-01-01T00:00:00Z."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait; a negative or zero wait returns at once."""
        ...


class WallClock:
    """The machine's own clocks. ``monotonic`` is the same in every process of one machine."""

    def monotonic(self) -> float:
        """Read CLOCK_MONOTONIC."""
        return time.monotonic()

    def wall(self) -> float:
        """Read the system's wall clock."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Sleep for real."""
        if seconds > 0:
            time.sleep(seconds)


class VirtualClock:
    """A clock that moves only when it is told to, or slept on."""

    def __init__(self, start: float = 0.0, epoch: float = 1_767_225_600.0) -> None:
        self._now = start
        self._epoch = epoch - start

    def monotonic(self) -> float:
        """The virtual seconds so far."""
        return self._now

    def wall(self) -> float:
        """The virtual seconds on top of a fixed epoch (2026-01-01 unless told)."""
        return self._epoch + self._now

    def sleep(self, seconds: float) -> None:
        """Advance at once."""
        self.advance(max(0.0, seconds))

    def advance(self, seconds: float) -> None:
        """Move forward; a clock never goes back."""
        if seconds < 0:
            raise ValueError("a clock cannot go back")
        self._now += seconds
