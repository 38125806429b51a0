"""What the rest of the house asks of a load engine: send these calls, give back samples.

The engine decides nothing about what to measure; it sends what is due, when it is due, and
reports what happened. Two engines exist: the Locust one (``load/locust_engine.py``), and the
replaying one (``load/replay_engine.py``) behind ``replay:`` targets.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tuner.records import Purpose, Sample
from tuner.target.seam import Variant


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation to be made.

    ``due_s`` is seconds after the batch starts (open model), or ``None``: as soon as a lane is
    free (closed model; then the call is due when its lane took it up).
    """

    number: int  # unique within the run
    variant: Variant
    payload: int  # index into the batch's payloads
    purpose: Purpose
    due_s: float | None = None


@dataclass(frozen=True, slots=True)
class Manner:
    """How a batch goes on by itself when it is a load.

    ``retry`` names a policy of :mod:`tuner.load.policies`; each attempt yields a sample. With
    ``repeat`` each lane is a user of a closed model: the calls, without due times, go round with
    rising numbers, and a user pauses for ``think_s`` after each. Nothing but retries is sent later
    than ``cutoff_s`` after the start; a batch that repeats needs one, or a :meth:`Engine.stop`.
    """

    retry: str = "none"
    seed: int = 0
    repeat: bool = False
    think_s: float = 0.0
    cutoff_s: float | None = None


@dataclass(frozen=True)
class Batch:
    """Calls that are sent together.

    ``lanes`` bounds how many may be in flight at once; with ``lanes=1`` and no due times they
    follow one another. ``round`` is copied into every sample.
    """

    calls: Sequence[Call]
    payloads: Sequence[bytes]
    lanes: int
    round: int
    timeout_s: float  # give up on an answer after this long: the function's timeout plus a margin
    manner: Manner = Manner()


class Engine(Protocol):
    """Sends batches. Not thread-safe; one batch at a time."""

    def run(self, batch: Batch) -> Iterator[Sample]:
        """Yield a sample per request as it ends, in order of ending.

        Retries only as the batch's manner says.

        Closing the iterator early stops sending and waits for what is in flight, whose samples
        are lost then; to have them as well, call :meth:`stop` and iterate to the end.
        Raises :class:`tuner.errors.TunerError` only when the engine itself cannot work.
        """
        ...

    def stop(self) -> None:
        """Send nothing more of the running batch; its iterator ends after what is in flight."""
        ...

    def close(self) -> None:
        """End every process that the engine started."""
        ...
