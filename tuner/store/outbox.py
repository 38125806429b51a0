"""What waits of the runs that this process writes into a store which is away.

What happens is logged as a warning, which Python shows on stderr unless told otherwise: once when
a store goes away, once when all of it has arrived or, at the end, still waits.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tuner.errors import StoreAway, StoreError
from tuner.records import RunRecord
from tuner.store.entries import Entry, Finished
from tuner.store.spool import Spool, Writing, deliver, read

_LOG = logging.getLogger("tuner.store")

#: A store that is away is tried again after so many seconds, or ten times what a try takes.
TRY_AGAIN_S = 30.0
_SHARE = 10

_LATER = "the next tuner command in this folder delivers it, or `tuner runs deliver`"


class StoreOutbox:
    """Everything that waits of the runs that this process writes into one store."""

    def __init__(self, where: str, writing: Writing) -> None:
        self._where, self._writing = where, writing
        self._runs: dict[str, RunRecord] = {}
        self._spools: dict[str, Spool] = {}
        self._away: StoreAway | None = None
        self._next_s = 0.0

    def know(self, run: RunRecord) -> None:
        """A run is written by this process from now on."""
        self._runs[run.run] = run

    def holds(self, run: str) -> bool:
        """True if something of this run waits, so that what follows has to wait as well."""
        return run in self._spools

    def begin(self, run: str, error: StoreAway) -> None:
        """Keep what follows of a run; raises ``error`` if that is not possible either."""
        if run not in self._runs:
            raise error
        self._away = error
        with self._both():
            self._spools[run] = begun = Spool(self._where, self._runs[run])
        self._wait(0.0)
        _LOG.warning(
            "%s: %s\nThe run goes on; what it measures waits in %s: %s.",
            self._where, error.reason, begun.path, _LATER,
        )  # fmt: skip

    def put(self, run: str, entry: Entry) -> None:
        """Keep an entry, and try to deliver if it is time to, or the run's end."""
        with self._both():
            self._spools[run].write(entry)
        if isinstance(entry, Finished) or time.monotonic() >= self._next_s:
            self.deliver()

    def deliver(self) -> None:
        """Try to bring everything into the store."""
        began = time.monotonic()
        for run, held in list(self._spools.items()):
            try:
                deliver(read(held.path), self._writing)
            except StoreError:
                self._wait(time.monotonic() - began)
                return
            held.close()
            del self._spools[run]
            _LOG.warning("%s: reachable again; all of run %s is stored.", self._where, run)

    def close(self) -> None:
        """Try a last time, and say what is left."""
        if self._spools and time.monotonic() >= self._next_s - TRY_AGAIN_S + 5.0:
            self.deliver()
        for run, held in self._spools.items():
            held.close()
            _LOG.warning(
                "%s: %s samples of run %s wait in %s\nOnce it can be used, %s.",
                self._where, f"{held.samples:,}", run, held.path, _LATER,
            )  # fmt: skip
        self._spools.clear()

    @contextmanager
    def _both(self) -> Iterator[None]:
        """Say of a file that cannot be written why it was to be written."""
        try:
            yield
        except StoreError as error:
            assert self._away is not None, "nothing waits but for a store that is away"
            reason = f"{self._away.reason}, and {error.thing}: {error.reason}"
            raise StoreError(self._where, reason, self._away.fix) from error

    def _wait(self, took_s: float) -> None:
        self._next_s = time.monotonic() + max(TRY_AGAIN_S, _SHARE * took_s)
