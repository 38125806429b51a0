"""Who goes on: several tuners on one virtual clock, one at a time, in an order that a seed draws.

Each tuner is a thread that holds the baton while it computes, and gives it back when it waits or
calls; whoever waits for the nearest moment gets it. So a run with one seed is always the same.
"""

from collections.abc import Callable
from random import Random
from threading import Semaphore, Thread

from tuner.clock import VirtualClock


class Turns:
    """The baton. ``on_time`` is called whenever time has passed."""

    def __init__(self, clock: VirtualClock, rng: Random, on_time: Callable[[], None]) -> None:
        self.clock = clock
        self._rng, self._on_time = rng, on_time
        self._wake: dict[int, float] = {}
        self._turn: dict[int, Semaphore] = {}
        self._over = Semaphore(0)
        self._errors: list[BaseException] = []

    def wait(self, who: int, seconds: float) -> None:
        """Let this time pass, and whatever others do meanwhile."""
        if len(self._wake) < 2:
            self.clock.advance(max(0.0, seconds))
        else:
            self._wake[who] = self.clock.monotonic() + max(0.0, seconds)
            self._hand_over()
            self._turn[who].acquire()
        self._on_time()

    def run(self, acts: list[tuple[float, Callable[[], None]]]) -> None:
        """Run each from its moment on, until all have ended."""
        if len(acts) == 1:
            acts[0][1]()
            return
        self._wake = {who: begins for who, (begins, _) in enumerate(acts)}
        self._turn = {who: Semaphore(0) for who in self._wake}
        threads = [
            Thread(target=self._whole, args=(who, act), daemon=True)
            for who, (_, act) in enumerate(acts)
        ]
        for thread in threads:
            thread.start()
        self._hand_over()
        self._over.acquire()
        for thread in threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _whole(self, who: int, act: Callable[[], None]) -> None:
        self._turn[who].acquire()
        try:
            act()
        except BaseException as error:
            self._errors.append(error)
        finally:
            del self._wake[who]
            if self._wake:
                self._hand_over()
            else:
                self._over.release()

    def _hand_over(self) -> None:
        nearest = min(self._wake.values())
        who = self._rng.choice([one for one, moment in self._wake.items() if moment == nearest])
        self.clock.advance(max(0.0, nearest - self.clock.monotonic()))
        self._turn[who].release()
