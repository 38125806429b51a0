"""Runs pre- and post-processors for the workers of one batch, in threads of the tuner's process.

A worker asks by message when a call's processor is due, and waits for the answer before it goes
on; so no time of a processor is ever part of a call. Counts what ran and what failed.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from tuner.engine import wire
from tuner.engine.engine import ProcessorCount
from tuner.engine.processors import Processor, ProcessorFailed, Processors
from tuner.errors import TunerError

PRE, POST = "pre", "post"
_MOST_THREADS = 32
_LATE_S = 0.001


@dataclass
class _Kind:
    """One of the two, and what came of it so far."""

    processor: Processor
    runs: int = 0
    failed: int = 0
    in_a_row: int = 0
    late: int = 0
    reason: str | None = None


class Hooks:
    """Of one batch. ``broken`` says why it has to end, once it has."""

    def __init__(self, processors: Processors, lanes: int) -> None:
        self.broken: TunerError | None = None
        self._most = {PRE: processors.most_failures, POST: processors.most_failures}
        given = {PRE: processors.pre, POST: processors.post}
        self._kinds = {kind: _Kind(each) for kind, each in given.items() if each is not None}
        self._pool = ThreadPoolExecutor(max(1, min(_MOST_THREADS, lanes)), "processor")
        self._lock = Lock()

    def take(self, fields: Sequence[Any], reply: Callable[[bytes], None]) -> None:
        """Begin what a ``HOOK`` message asks for; ``reply`` sends the worker its answer, from
        another thread."""
        self._pool.submit(self._run, tuple(fields), reply)

    def came(self, later_s: float) -> None:
        """A call came back that was due so much later than planned: for want of its payload."""
        if PRE in self._kinds and later_s > _LATE_S:
            self._kinds[PRE].late += 1

    def counts(self) -> tuple[ProcessorCount, ...]:
        """What ran so far."""
        return tuple(
            ProcessorCount(kind, it.processor.name, it.runs, it.failed, it.late, it.reason)
            for kind, it in self._kinds.items()
        )

    def close(self) -> None:
        """Begin nothing more; what is running ends by itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, fields: tuple[Any, ...], reply: Callable[[bytes], None]) -> None:
        kind, number, body, outcome, status = fields
        it = self._kinds[kind]
        known = {"TUNER_CALL": str(number)}
        if outcome is not None:
            known |= {
                "TUNER_OUTCOME": outcome,
                "TUNER_STATUS": "" if status is None else str(status),
            }
        failure, made = _done(it.processor, kind, body, known)
        with self._lock:
            self._count(it, kind, failure)
        with suppress(TunerError):  # the worker is gone, which the batch itself notices
            reply(wire.pack(wire.HOOKED, kind, number, failure is None, made))

    def _count(self, it: _Kind, kind: str, failure: str | None) -> None:
        it.runs += 1
        if failure is None:
            it.in_a_row = 0
            return
        it.failed += 1
        it.in_a_row += 1
        it.reason = it.reason or failure
        if it.in_a_row >= self._most[kind] and self.broken is None:
            times = "" if it.in_a_row == 1 else f" {it.in_a_row} times in a row"
            self.broken = TunerError(
                f"{kind}-processor {it.processor.name:.80}",
                f"failed{times}: {failure}",
                "Try it by itself, with the payload on its standard input.",
            )


def _done(
    processor: Processor, kind: str, body: bytes, known: Mapping[str, str]
) -> tuple[str | None, bytes | None]:
    """Why it failed, and the payload that it made, if it did."""
    try:
        made = processor.work(body, known)
        if kind == POST or not made.strip():
            return None, None
        json.loads(made)
    except ProcessorFailed as failed:
        return failed.words, None
    except (ValueError, RecursionError):
        return "gave no JSON", None
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200], None
    return None, made
