"""The messages between the tuner and its load worker: what is in them and how they are framed.

MessagePack, one message after another on a socket that only the two share. It knows neither side's
work. Times are seconds on CLOCK_MONOTONIC, which all processes of one machine share.

To the worker: :class:`Order`, ``STOP``. From it: ``READY``, ``BEAT`` with its share of one
CPU about once a second, a
:class:`Result` per request, ``END`` after the last of a batch, ``FAILED`` with words.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped,unused-ignore]

ORDER, STOP = "order", "stop"
READY, BEAT, RESULT, END, FAILED = "ready", "beat", "result", "end", "failed"
#: How often a worker says that it lives, in seconds.
BEAT_S = 1.0
_LARGEST_MESSAGE = 256 * 1024 * 1024  # a thousand payloads of 256 KB; the socket is our own


class OrderedCall(NamedTuple):
    """One call: whom to ask, with which payload, and when (``None``: when a lane is free)."""

    number: int
    qualifier: str | None
    memory_mb: int
    payload: int
    due_s: float | None


class Order(NamedTuple):
    """A batch, with everything that a worker needs to send it. Holds secrets: never logged."""

    url: str
    region: str
    function: str
    access_key: str
    secret_key: str
    token: str | None
    verify: bool | str
    lanes: int
    timeout_s: float
    retry: str
    seed: int
    repeat: bool
    think_s: float
    cutoff_s: float | None
    payloads: tuple[bytes, ...]
    calls: tuple[OrderedCall, ...]

    def __repr__(self) -> str:
        return f"Order({len(self.calls)} calls)"


class Result(NamedTuple):
    """One request as the worker saw it; fields as in :class:`tuner.records.Sample`."""

    number: int
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
    attempt: int = 1


def pack(kind: str, *fields: Any) -> bytes:
    """Frame one message."""
    packed: bytes = msgpack.packb((kind, *fields))
    return packed


def pack_order(order: Order) -> bytes:
    """Frame a batch."""
    return pack(ORDER, *order)


def read_order(fields: Sequence[Any]) -> Order:
    """The batch in the fields of an ``ORDER`` message."""
    *head, payloads, calls = fields
    ordered = tuple(OrderedCall(*call) for call in calls)
    return Order._make((*head, tuple(payloads), ordered))


class Reader:
    """Cuts received bytes into messages of (kind, *fields)."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=_LARGEST_MESSAGE)

    def feed(self, data: bytes) -> Iterator[tuple[Any, ...]]:
        """The messages that are complete now."""
        self._unpacker.feed(data)
        yield from self._unpacker
