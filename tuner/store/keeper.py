"""Stores a load's samples in batches; above a limit a fair choice of all calls, not the first ones.

A call is chosen, with all its attempts, by a hash of its number; when the limit is passed, half of
what is chosen is given up, in the store as well, so that nothing has to be held in memory. Each
call is as likely to be kept as any other, and any two are kept independently of one another.
"""

from random import Random

from tuner.records import Advice, Sample
from tuner.store.queries import everything
from tuner.store.runs import Store

#: Requests that a run keeps at most.
MOST = 500_000
#: Samples are stored so many at a time, or those of a second: a transaction each would be slow.
_AT_ONCE = 500
_EVERY_S = 1.0


class Keeper:
    """Takes every sample of a run, and stores them or a fair choice of them."""

    def __init__(self, store: Store, run: str, seed: int, most: int = MOST) -> None:
        self._store, self._run, self._most = store, run, most
        self._choice = everything(Random(f"{seed}/kept"))
        self._waiting: list[Sample] = []
        self._amended: list[Sample] = []
        self._offered = self._kept = 0

    def keep(self, sample: Sample) -> None:
        """Store this sample soon, if its call is chosen."""
        self._offered += 1
        if not self._choice.takes(sample.call):
            return
        waiting = self._waiting
        waiting.append(sample)
        if len(waiting) >= _AT_ONCE or sample.done_s - waiting[0].done_s >= _EVERY_S:
            self.flush()

    def amend(self, sample: Sample) -> None:
        """Store soon what became known of a sample after it was kept."""
        self._amended.append(sample)
        if len(self._amended) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Store what waits, and give up half of everything as long as it is too much."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._store.add(self._run, waiting)
            self._kept += len(waiting)
        amended, self._amended = self._amended, []
        if amended:
            self._store.amend(self._run, amended)
        while self._kept > self._most and self._choice.below > 1:
            self._choice = self._choice.halved()
            gone = self._store.thin(self._run, self._choice)
            self._kept -= self._kept // 2 if gone is None else gone  # the store may be away

    def advice(self) -> tuple[Advice, ...]:
        """Return warnings about the stored samples; after a last :meth:`flush`."""
        if self._kept == self._offered:
            return ()
        text = (
            f"The store keeps one call in {round(1 / self._choice.share):,}, chosen at random over "
            f"the whole load: {self._kept:,} of {self._offered:,} requests. The figures of this "
            "report count all of them."
        )
        return (Advice("samples-thinned", text),)
