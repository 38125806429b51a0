"""Credentials that change while a load runs: assumed roles and SSO sessions are renewed.

Asks for them now and then in a thread of its own, since an answer may take seconds, and at once
when the service says that they have expired. Who uses them is not known here.
"""

import threading
from collections.abc import Callable

from tuner.clock import Clock
from tuner.targets.seam import Credentials

_EVERY_S = 20.0  # botocore renews credentials 10 to 15 minutes before they expire
_AT_ONCE_S = 1.0  # but no more often than this
_EXPIRED = frozenset(
    {"ExpiredTokenException", "ExpiredToken", "RequestExpired", "UnrecognizedClientException"}
)


class KeyWatch:
    """``ask`` gives the credentials of now; ``current`` are those that were told last."""

    def __init__(self, ask: Callable[[], Credentials], clock: Clock) -> None:
        self.current = ask()
        self._ask, self._clock = ask, clock
        self._asked_at = clock.monotonic()
        self._found: Credentials | None = None
        self._asking: threading.Thread | None = None

    def changed(self, reason: str | None) -> Credentials | None:
        """New credentials, once. ``reason`` is that of the last answer; never blocks."""
        now = self._clock.monotonic()
        if now - self._asked_at >= (_AT_ONCE_S if reason in _EXPIRED else _EVERY_S):
            self._asked_at = now
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._look, daemon=True)
                self._asking.start()
        found, self._found = self._found, None
        if found is None or found == self.current:
            return None
        self.current = found
        return found

    def close(self) -> None:
        """Let go; an answer that is still awaited is of no use."""
        self._asking = None

    def _look(self) -> None:
        try:
            self._found = self._ask()
        except Exception:
            self._found = None  # the load goes on with the old ones, and is refused if they expired
