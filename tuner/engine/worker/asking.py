"""How a worker has the tuner run pre- and post-processors: it asks by message and waits."""

from collections.abc import Callable
from typing import NamedTuple

from gevent.event import AsyncResult

from tuner.engine import wire


class Hooked(NamedTuple):
    """Whether a processor did its work, and the payload that it made, if it did."""

    good: bool
    body: bytes | None


class Asking:
    """The questions that are open. ``emit`` queues a message to the tuner and never blocks."""

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self._emit = emit
        self._open: dict[tuple[str, int], AsyncResult] = {}

    def pre(self, number: int, body: bytes) -> AsyncResult:
        """Have the payload of a call prepared; the result will be a :class:`Hooked`."""
        return self._ask("pre", number, body, None, None)

    def post(self, result: wire.Result, body: bytes) -> AsyncResult:
        """Have the answer of a call looked at; the result will be a :class:`Hooked`."""
        return self._ask("post", result.number, body, result.outcome, result.status)

    def told(self, kind: str, number: int, good: bool, body: bytes | None) -> None:
        """Pass an answer on to who waits for it."""
        asked = self._open.pop((kind, number), None)
        if asked is not None:
            asked.set(Hooked(good, body))

    def _ask(
        self, kind: str, number: int, body: bytes, outcome: str | None, status: int | None
    ) -> AsyncResult:
        asked = self._open[kind, number] = AsyncResult()
        self._emit(wire.pack(wire.HOOK, kind, number, body, outcome, status))
        return asked
