"""The load engine as everybody else sees it: it takes calls and gives back samples.

It decides nothing about what to measure; it sends what is due, when it is due, and reports what
happened. There are two: ``locust_engine.py``, and ``replay_engine.py`` behind ``replay:`` targets.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import cycle
from typing import NamedTuple, Protocol

from tuner.clock import never
from tuner.records import Purpose, Sample
from tuner.targets.seam import Variant

#: In place of the reason why a call has no sample: a worker that had it was lost, so whether it was
#: sent is not known.
FATE_UNKNOWN = "worker lost"


class Mode(StrEnum):
    """The way of invoking a function, as in the Invoke API's InvocationType."""

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


class Script(NamedTuple):
    """A locustfile whose users make the calls; ``spawn_per_s`` users appear per second, or all.

    One that is ``shaped`` has a LoadTestShape, which says how many users there are.
    """

    name: str
    source: str
    folder: str
    spawn_per_s: float | None = None
    shaped: bool = False


class BatchPolicy(NamedTuple):
    """The ways in which a batch that is a load goes on by itself.

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
    expect: tuple[str, ...] = ()  # what answers have to be like (``expect.py``), or they fail


@dataclass(frozen=True)
class Batch:
    """Calls that are sent together.

    ``calls`` is a sequence or, for a long load, an iterator in order of due times: it is read about
    two seconds ahead and never held whole. At most ``concurrency`` are in flight at once; with
    ``concurrency=1`` and no due times they follow one another. ``round`` is copied into every
    sample. Of a script, ``calls`` give the variant, and the order of payloads where the script has
    none of its own.

    Once ``stop`` is true nothing more is sent, and what is in flight gets ``grace_s`` more seconds,
    all that it takes where that is ``None``.
    """

    calls: Iterable[Call]
    payloads: Sequence[bytes]
    concurrency: int
    round: int
    timeout_s: float  # give up on an answer after this long: the function's timeout plus a margin
    policy: BatchPolicy = field(default_factory=BatchPolicy)
    stop: Callable[[], bool] = never
    grace_s: float | None = None

    def in_order(self) -> "Batch":
        """Return the batch with its calls as they are sent: by due time, or round and round."""
        calls = self.calls
        if not isinstance(calls, Sequence):
            return self
        if len({call.number for call in calls}) != len(calls):
            raise ValueError("two calls of a batch have the same number")
        if self.policy.repeat and calls:
            rising = enumerate(cycle(calls), calls[0].number)
            return replace(self, calls=(replace(call, number=number) for number, call in rising))
        ordered = sorted(calls, key=lambda call: call.due_s or 0.0)
        return replace(self, calls=ordered, concurrency=min(self.concurrency, len(ordered)))


@dataclass(frozen=True, slots=True)
class Gap:
    """A worker that was lost during the load: when (run's clock), with how many calls.

    ``reason`` is why it was dropped, where it did not go by itself.
    """

    worker: str
    at_s: float
    calls: int
    reason: str = ""


@dataclass(slots=True)
class ProcessorCount:
    """Times that a processor (``pre`` or ``post``) ran, failed, or ended after its call was due.

    ``reason`` is that of its first failure.
    """

    kind: str
    name: str
    runs: int = 0
    failed: int = 0
    late: int = 0
    reason: str | None = None
    failed_in_a_row: int = 0


@dataclass
class Shortfall:
    """Calls of a batch that have no sample, and other faults of the generator.

    ``dropped`` counts them by reason, ``by_second`` by the second (run's clock) they were due in.
    ``looks`` counts the times that a worker looked how busy its machine was, ``crowded`` those at
    which hardly any of the machine's CPUs was free.
    """

    dropped: Counter[str] = field(default_factory=Counter)
    by_second: Counter[int] = field(default_factory=Counter)
    gaps: list[Gap] = field(default_factory=list)
    #: Largest share of one CPU that a worker used in any second; above 0.9 it was the limit.
    busiest: float = 0.0
    looks: int = 0
    crowded: int = 0
    processors: tuple[ProcessorCount, ...] = ()
    #: Errors of a script's own code, by their words.
    mistakes: Counter[str] = field(default_factory=Counter)
    #: Sentences for the user about a script.
    notes: set[str] = field(default_factory=set)

    @property
    def machine_busy(self) -> bool:
        """True if the machines that sent had no CPU to spare most of the time."""
        return self.crowded > self.looks / 2


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
        """Return what the running or last batch could not send."""
        ...

    def close(self) -> None:
        """End every process that the engine started."""
        ...
