"""The messages between the tuner and its load workers: what is in them and how they are framed.

MessagePack, one message after another. It knows neither side's work, and not what carries the
bytes. Times are seconds on CLOCK_MONOTONIC, which all processes of one machine share.

To a worker: an :class:`Order`, answered by ``SET`` when its users stand by; ``GO`` with the moment
from which due times count; ``CALLS``, as many as are wanted, and ``LAST``; at any time ``STOP``,
``KEYS`` with new credentials, ``LIMIT`` with another number of users, ``PING``, ``HOOKED`` in
answer to a ``HOOK``. From it: ``READY`` with the ids of its machine and process, ``BEAT`` with its
share of one CPU about once a second, a :class:`Result` per request, ``DROPPED`` calls, ``END``
after the last of a batch, ``FAILED`` with words, ``PONG`` with the time of the ping and its own,
``HOOK`` to have a pre- or post-processor run for a call: kind, number, body, and for a
post-processor outcome and status; ``MISTAKES`` of a locustfile's code, words and how often;
``NOTE``, a sentence for the user.

Between the tuner and a master of several workers: ``TO`` a worker by name and ``FROM`` one, with
the bytes of messages; ``LISTENING`` on a port; ``LEFT``, a worker by name; ``EXITED``, a local one
by process id.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped,unused-ignore]

ORDER, GO, CALLS, LAST = "order", "go", "calls", "last"
STOP, KEYS, LIMIT, PING = "stop", "keys", "limit", "ping"
READY, SET, BEAT, RESULT, DROPPED = "ready", "set", "beat", "result", "dropped"
END, FAILED, PONG = "end", "failed", "pong"
HOOK, HOOKED, MISTAKES, NOTE = "hook", "hooked", "mistakes", "note"
#: Why a call was not sent, where it counts without a due time as well.
PRE_FAILED = "pre-processor failed"
TO, FROM, LISTENING, LEFT, EXITED = "to", "from", "listening", "left", "exited"
#: How often a worker says that it lives, in seconds.
BEAT_S = 1.0
_LARGEST_MESSAGE = 256 * 1024 * 1024  # a thousand payloads of 256 KB; the socket is our own


class OrderedCall(NamedTuple):
    """One call: whom to ask, with which payload, and when (``None``: when a user is free).

    ``function`` is ``None`` for the order's own.
    """

    number: int
    qualifier: str | None
    memory_mb: int
    payload: int
    due_s: float | None
    function: str | None = None


class Order(NamedTuple):
    """All of a batch but its calls. Holds secrets: never logged."""

    url: str
    region: str
    function: str
    access_key: str
    secret_key: str
    token: str | None
    verify: bool | str
    concurrency: int
    timeout_s: float
    payloads: tuple[bytes, ...]
    retry: str
    seed: int
    repeat: bool
    think_s: float
    cutoff_s: float | None
    patience_s: float | None
    mode: str
    #: Service, method and headers as in ``engine/front.py``; None: it is the Invoke API.
    front: tuple[str | None, str, tuple[tuple[str, str], ...]] | None = None
    script: tuple[Any, ...] | None = None  # a :class:`ScriptOrder`
    pre: bool = False  # whether a pre-processor is asked for each call's payload
    post: bool = False

    def __repr__(self) -> str:
        return f"Order({self.concurrency} at once)"


class ScriptOrder(NamedTuple):
    """A locustfile for one worker, with ``concurrency`` users.

    Its calls bear the numbers ``first``, ``first + step`` ..., and take payloads as ``draws`` say.
    """

    name: str
    source: str
    folder: str
    spawn_per_s: float | None
    qualifier: str | None
    memory_mb: int
    draws: tuple[int, ...]
    first: int
    step: int


class Result(NamedTuple):
    """One request as the worker saw it; fields as in :class:`tuner.records.Sample`."""

    number: int
    attempt: int
    due: float
    sent: float
    first_byte: float | None
    done: float
    outcome: str
    status: int | None
    reason: str | None
    retry_after_s: float | None
    request_id: str | None
    duration_ms: float | None
    billed_ms: float | None
    init_ms: float | None
    restore_ms: float | None
    billed_restore_ms: float | None
    max_memory_mb: float | None
    backoff_ms: float | None = None


def earlier(result: Result, lead_s: float) -> Result:
    """A result by a clock that is ``lead_s`` behind the one that it was timed by."""
    if not lead_s:
        return result
    first = result.first_byte
    return result._replace(
        due=result.due - lead_s,
        sent=result.sent - lead_s,
        first_byte=None if first is None else first - lead_s,
        done=result.done - lead_s,
    )


def pack(kind: str, *fields: Any) -> bytes:
    """Frame one message."""
    packed: bytes = msgpack.packb((kind, *fields))
    return packed


def pack_calls(calls: Iterable[OrderedCall]) -> bytes:
    """Frame some calls."""
    return pack(CALLS, *calls)


def read_order(fields: Sequence[Any]) -> Order:
    """The batch in the fields of an ``ORDER`` message."""
    return Order._make(fields)


class Reader:
    """Cuts received bytes into messages of (kind, *fields)."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=_LARGEST_MESSAGE)

    def feed(self, data: bytes) -> Iterator[tuple[Any, ...]]:
        """The messages that are complete now."""
        self._unpacker.feed(data)
        yield from self._unpacker
