"""What the rest of the house asks of a load engine: send these calls, give back samples.

The engine decides nothing about what to measure; it sends what is due, when it is due, and
reports what happened. Two engines exist: the Locust one (``engine/locust_engine.py``), and the
replaying one (``engine/replay_engine.py``) behind ``replay:`` targets.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from tuner.records import Purpose, Sample
from tuner.targets.seam import Variant


class Mode(StrEnum):
    """How the function is invoked, as in the Invoke API's InvocationType."""

    SYNC = "sync"  # wait for the function's answer
    ASYNC = "async"  # "Event": accepted with 202, run later
    DRY_RUN = "dry-run"  # only ask whether the call would be allowed: 204


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation to be made.

    ``due_s`` is seconds after the batch starts (open model), or ``None``: as soon as a user is
    free (closed model; then the call is due when its user took it up).
    """

    number: int  # unique within the run
    variant: Variant
    payload: int  # index into the batch's payloads
    purpose: Purpose
    due_s: float | None = None


@dataclass(frozen=True)
class Script:
    """A locustfile whose users make the calls: its name, text and folder.

    ``spawn_per_s`` is how many users appear per second; ``None``: all at once.
    """

    name: str
    source: str
    folder: str
    spawn_per_s: float | None = None


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How a batch goes on by itself when it is a load.

    ``retry`` names a policy of :mod:`tuner.engine.retry`; each attempt yields a sample. With
    ``repeat`` the model is closed, with ``concurrency`` users: the calls, without due times, go
    round with rising numbers, and a user pauses for ``think_s`` after each. Nothing but retries is
    sent later than ``cutoff_s`` after the start; a batch that repeats needs one, or a
    :meth:`Engine.stop`.
    """

    retry: str = "none"
    seed: int = 0
    repeat: bool = False
    think_s: float = 0.0
    cutoff_s: float | None = None
    patience_s: float | None = None  # a due call that no user took for so long is dropped
    mode: Mode = Mode.SYNC
    script: Script | None = None  # its users, ``concurrency`` of them, call what and when they want


@dataclass(frozen=True)
class Batch:
    """Calls that are sent together.

    ``calls`` is a sequence or, for a long load, an iterator that is in order of due times
    already: it is asked for about two seconds ahead and never held whole. At most ``concurrency``
    are in flight at once; with ``concurrency=1`` and no due times they follow one another.
    ``round`` is copied into every sample. Of a script, ``calls`` say which variant is called, and
    in which order payloads are taken where the script has none of its own.
    """

    calls: Iterable[Call]
    payloads: Sequence[bytes]
    concurrency: int
    round: int
    timeout_s: float  # give up on an answer after this long: the function's timeout plus a margin
    policy: BatchPolicy = BatchPolicy()


@dataclass(frozen=True, slots=True)
class Gap:
    """A worker that was lost in the middle: when (run's clock), with how many calls."""

    worker: str
    at_s: float
    calls: int


@dataclass(frozen=True, slots=True)
class ProcessorCount:
    """How often a processor (``pre`` or ``post``) ran, failed, or ended after its call was due;
    ``reason`` is that of its first failure."""

    kind: str
    name: str
    runs: int = 0
    failed: int = 0
    late: int = 0
    reason: str | None = None


@dataclass
class Shortfall:
    """What a batch asked for and did not get: calls without any sample.

    ``dropped`` counts them by reason, ``by_second`` by the second (run's clock) they were due in.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    by_second: Counter[int] = field(default_factory=Counter)
    gaps: list[Gap] = field(default_factory=list)
    #: Largest share of one CPU that a worker used in any second; above 0.9 it was the limit.
    busiest: float = 0.0
    processors: tuple[ProcessorCount, ...] = ()
    #: Errors of a script's own code, by their words.
    mistakes: Counter[str] = field(default_factory=Counter)
    #: What workers say of a script, in sentences.
    notes: set[str] = field(default_factory=set)


class Engine(Protocol):
    """Sends batches. Not thread-safe; one batch at a time."""

    def run(self, batch: Batch) -> Iterator[Sample]:
        """Yield a sample per request as it ends, in order of ending.

        A request that failed is sent again only as the batch's policy says; each attempt is a
        sample with the same call number, and says in ``backoff_ms`` whether another one follows.
        Closing the iterator early stops sending and waits for what is in flight, whose samples
        are lost then; to have them as well, call :meth:`stop` and iterate to the end.
        Raises :class:`tuner.errors.TunerError` only when the engine itself cannot work.
        """
        ...

    def stop(self) -> None:
        """Send nothing more of the running batch; its iterator ends after what is in flight."""
        ...

    def shortfall(self) -> Shortfall:
        """What the running or last batch could not send."""
        ...

    def close(self) -> None:
        """End every process that the engine started."""
        ...
