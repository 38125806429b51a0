"""The messages between the tuner and its load workers: their contents and their framing.

MessagePack, one message after another, whatever carries the bytes. Times are seconds on
CLOCK_MONOTONIC, which all processes of one machine share.

To a worker: an :class:`Order`, answered by ``SET`` when its users stand by; ``GO`` with the moment
from which due times count; ``CALLS``, as many as are wanted, and ``LAST``; at any time ``STOP``,
``KEYS`` with new credentials, ``LIMIT`` with another number of users, ``PING``, ``HOOKED`` in
answer to a ``HOOK``. From it: ``VERSION`` of these messages, then ``READY`` with the ids of its
machine and process; ``BEAT`` about once a second, with its share of one CPU and that in use of its
machine's, a :class:`Result` per request, ``DROPPED`` calls, of which nothing more comes, ``END``
after the last of a batch, ``FAILED`` with words, ``PONG`` with the time of the ping and its own,
``HOOK`` to have a pre- or post-processor run for a call: kind, number, body, and for a
post-processor outcome and status; ``MISTAKES`` of a locustfile's code, words and how often;
``NOTE``, a sentence for the user.

Between the tuner and a master of several workers: ``TO`` a worker by name and ``FROM`` one, with
the bytes of messages; ``DISMISS``, a worker by name, who is to quit and is heard no more;
``LISTENING`` on a port; ``LEFT``, a worker by name; ``EXITED``, a local one by process id.
What a worker sends is judged (``credible.py``) before it is used.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgpack  # type: ignore[import-untyped,unused-ignore]

from tuner.engine.engine import BatchPolicy

ORDER, GO, CALLS, LAST = "order", "go", "calls", "last"
STOP, KEYS, LIMIT, PING = "stop", "keys", "limit", "ping"
READY, SET, BEAT, RESULT, DROPPED = "ready", "set", "beat", "result", "dropped"
END, FAILED, PONG, VERSION = "end", "failed", "pong", "version"
#: Of these messages; tuner 0.1 spoke another, and its workers named none.
PROTOCOL = 3
HOOK, HOOKED, MISTAKES, NOTE = "hook", "hooked", "mistakes", "note"
#: The reason of a dropped call that counts without a due time, too.
PRE_FAILED = "pre-processor failed"
TO, FROM, LISTENING, LEFT, EXITED = "to", "from", "listening", "left", "exited"
DISMISS = "dismiss"
#: Never sent: stands in place of a message where a worker is gone, with the reason or nothing.
LOST = "lost"
#: Seconds between heartbeats of a worker.
BEAT_S = 1.0
_LARGEST_MESSAGE = 256 * 1024 * 1024  # a thousand payloads of 256 KB; the socket is our own


class OrderedCall(NamedTuple):
    """One call; ``due_s`` is ``None`` for when a user is free, ``function`` for the order's own."""

    number: int
    qualifier: str | None
    memory_mb: int
    payload: int
    due_s: float | None
    function: str | None = None


class Order(NamedTuple):
    """A batch without its calls. Holds secrets: never logged."""

    url: str
    region: str
    function: str
    keys: tuple[str, str, str | None]  # access key, secret key, token
    verify: bool | str
    concurrency: int
    timeout_s: float
    payloads: tuple[bytes, ...]
    policy: BatchPolicy  # without its script
    front: tuple[Any, ...] | None = None  # a RequestForm; None: the Invoke API
    script: "ScriptOrder | None" = None
    pre: bool = False  # a pre-processor makes each call's payload
    post: bool = False

    def __repr__(self) -> str:
        return f"Order({self.concurrency} at once)"

    @classmethod
    def read(cls, fields: Sequence[Any]) -> "Order":
        """Return the order in the fields of an ``ORDER`` message."""
        order = cls._make(fields)
        script = None if order.script is None else ScriptOrder._make(order.script)
        return order._replace(policy=BatchPolicy._make(order.policy), script=script)


class ScriptOrder(NamedTuple):
    """A locustfile for one worker, with ``concurrency`` users.

    Its calls get the numbers ``first``, ``first + step`` ..., and payloads as in ``draws``.
    """

    name: str
    source: str
    folder: str
    spawn_per_s: float | None
    shaped: bool
    qualifier: str | None
    memory_mb: int
    draws: tuple[int, ...]
    first: int
    step: int  # the number of workers
    place: int = 0  # of this one, from 0


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
    message: str | None = None
    log_tail: str | None = None
    backoff_ms: float | None = None


def earlier(result: Result, lead_s: float) -> Result:
    """Return a result by a clock that is ``lead_s`` behind its own."""
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


class Reader:
    """Cuts received bytes into messages of (kind, *fields)."""

    def __init__(self) -> None:
        self._unpacker = msgpack.Unpacker(use_list=False, max_buffer_size=_LARGEST_MESSAGE)

    def feed(self, data: bytes) -> Iterator[tuple[Any, ...]]:
        """Yield the messages that are complete now."""
        self._unpacker.feed(data)
        yield from self._unpacker
