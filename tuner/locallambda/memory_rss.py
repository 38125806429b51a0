"""Memory limit without cgroups: look at what the sandbox holds every 20 ms, and kill it above.

Coarse: a handler can overshoot for one look. It runs on the service's event loop, and only while
the sandbox works.
"""

import asyncio
from collections.abc import Callable, Sequence

from tuner.locallambda.memory import MIB, high_water_bytes, resident_bytes

LOOK_EVERY_S = 0.02


class RssMemory:
    """Groups that poll."""

    method = "rss"

    def group(self, key: str, memory_mb: int) -> "RssMemoryGroup":
        """A new group with this limit."""
        return RssMemoryGroup(memory_mb * MIB)


class RssMemoryGroup:
    """One sandbox that is looked at."""

    def __init__(self, limit: int) -> None:
        """``limit`` in bytes."""
        self._limit = limit
        self._most = 0
        self._over = False
        self._timer: asyncio.TimerHandle | None = None

    @property
    def joins(self) -> Sequence[str]:
        """There is nothing to enter."""
        return ()

    def watch(self, pid: int, kill: Callable[[], None]) -> None:
        """Look now and then until :meth:`rest`."""
        self.rest()
        loop = asyncio.get_running_loop()

        def look() -> None:
            held = resident_bytes(pid)
            self._most = max(self._most, held)
            if held > self._limit:
                self._over = True
                kill()
            else:
                self._timer = loop.call_later(LOOK_EVERY_S, look)

        self._timer = loop.call_later(LOOK_EVERY_S, look)

    def rest(self) -> None:
        """Stop looking."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def used_bytes(self, pid: int) -> int:
        """The most seen in any look, or by the processes' own high-water marks."""
        self._most = max(self._most, high_water_bytes(pid))
        return self._most

    def ran_out(self) -> bool:
        """Whether it was killed since this was last asked."""
        over, self._over = self._over, False
        return over

    def remove(self) -> None:
        """Nothing is left behind."""
        self.rest()
