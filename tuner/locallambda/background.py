"""Platform time, sped up so that a platform minute can last a second, and tasks that run in it.

Everything that AWS's platform does by itself (states, idle expiry, asynchronous retries) runs on
it; handlers, their timeouts and their REPORT lines stay on real time.
"""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any

from tuner.clock import Clock, WallClock
from tuner.errors import UsageError


class PlatformClock:
    """A :class:`tuner.clock.Clock` that runs ``scale`` times as fast as another one."""

    def __init__(self, scale: float = 1.0, clock: Clock | None = None) -> None:
        if not (math.isfinite(scale) and scale > 0):
            raise UsageError("--time-scale", f"{scale} is not a positive number", "Try 60.")
        self.scale = scale
        self._clock = clock or WallClock()
        self._epoch = self._clock.wall() - self.monotonic()

    def monotonic(self) -> float:
        return self._clock.monotonic() * self.scale

    def wall(self) -> float:
        """Platform seconds since 1970, starting from the real date."""
        return self._epoch + self.monotonic()

    def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds / self.scale)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.scale)


class Tasks:
    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._running)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def end(self, *, cancel: bool = False) -> None:
        """Wait for all of them, after cancelling them if ``cancel``."""
        for task in self._running if cancel else ():
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
