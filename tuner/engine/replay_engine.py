"""The load engine behind ``replay:`` targets: recorded invocations answer, in no time.

Each call draws one row of its size, with replacement. Time is virtual: samples bear the times that
the calls would have had at the batch's concurrency, but nothing waits. No cold start is made up:
where none was recorded, a call that asks for one gets a warm row, and its sample says so. It
retries nothing.
"""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random

from tuner.billing.cost import billed_ms
from tuner.engine.engine import Batch, Call, Shortfall
from tuner.recording import RecordedRow, Recording
from tuner.records import Outcome, Part, Purpose, Sample
from tuner.targets.seam import Variant


class ReplayEngine:
    """Answers batches from recordings.

    ``seed`` and a call's number decide which row answers it, whatever the order of the calls, so
    that a run that is resumed goes on as it would have. Virtual time starts at ``origin_s``.
    """

    def __init__(
        self, recordings: Mapping[Part, Recording], seed: int, origin_s: float = 0.0
    ) -> None:
        """``recordings`` answer by the architecture and code of what is called."""
        self._recordings = recordings
        self._seed = seed
        self._now = origin_s
        self._stopped = False
        self._rows: dict[tuple[Variant, bool], Sequence[RecordedRow]] = {}

    def run(self, batch: Batch) -> Iterator[Sample]:
        """Yield a sample per call in order of ending; see :class:`tuner.engine.engine.Engine`.

        Raises UsageError for a size that was not recorded.
        """
        self._stopped = False
        batch, start = batch.in_order(), self._now
        free_at = [start] * max(1, batch.concurrency)
        ended: list[tuple[float, int, Sample]] = []
        cutoff = math.inf if batch.policy.cutoff_s is None else start + batch.policy.cutoff_s
        for call in batch.calls:
            if self._stopped or free_at[0] > cutoff:
                break
            free = heapq.heappop(free_at)
            due = free if call.due_s is None else start + call.due_s
            # Calls start in order, so nothing that ends later than this can come before.
            while ended and ended[0][0] <= max(due, free):
                yield self._pass(heapq.heappop(ended)[2])
            if self._stopped:
                break
            sample = self._sample(call, batch.round, due, max(due, free))
            # Files of whole ms say 0, and users that take no time would never come to an end.
            least = sample.sent_s + (0.001 if batch.policy.repeat else 0.0)
            heapq.heappush(free_at, max(sample.done_s, least) + batch.policy.think_s)
            heapq.heappush(ended, (sample.done_s, call.number, sample))
        while ended:
            yield self._pass(heapq.heappop(ended)[2])

    def stop(self) -> None:
        self._stopped = True

    def shortfall(self) -> Shortfall:
        """Return nothing: virtual time waits for every call."""
        return Shortfall()

    def close(self) -> None:
        """Nothing to end."""

    def _pass(self, sample: Sample) -> Sample:
        self._now = max(self._now, sample.done_s)
        return sample

    def _sample(self, call: Call, batch_round: int, due: float, sent: float) -> Sample:
        row = self._draw(call)
        with_init = row.init_ms is not None and call.purpose is Purpose.COLD
        init = row.init_ms if with_init else None
        took_ms = row.client_ms
        if took_ms is None or (row.init_ms is not None and not with_init):
            took_ms = (row.duration_ms or 0.0) + (init or 0.0)
        done = sent + took_ms / 1000.0
        return Sample(
            call=call.number,
            attempt=1,
            round=batch_round,
            purpose=call.purpose,
            setting=call.variant.setting,
            qualifier=call.variant.qualifier,
            outcome=row.outcome,
            due_s=due,
            sent_s=sent,
            first_byte_s=done,
            done_s=done,
            reason=None if row.outcome is Outcome.OK else f"recorded as {row.outcome}",
            duration_ms=row.duration_ms,
            billed_ms=_billed(row, with_init),
            init_ms=init,
            max_memory_mb=row.max_memory_mb,
            payload=call.payload,
        )

    def _draw(self, call: Call) -> RecordedRow:
        rows = self._rows_for(call.variant, call.purpose is Purpose.COLD)
        return Random(f"{self._seed}/{call.variant.memory_mb}/{call.number}").choice(rows)

    def _rows_for(self, variant: Variant, cold: bool) -> Sequence[RecordedRow]:
        """Return the rows of a size with INIT, or those without; all where there are none such."""
        key = (variant, cold)
        if key not in self._rows:
            rows = self._recordings[variant.setting.part].rows(variant.memory_mb)
            fitting = [row for row in rows if (row.init_ms is not None) is cold]
            self._rows[key] = fitting or rows
        return self._rows[key]


def _billed(row: RecordedRow, with_init: bool) -> float | None:
    """Return what was recorded; otherwise what Lambda's rule gives, whole ms of duration."""
    if row.duration_ms is None:
        return row.billed_ms
    if row.init_ms is not None and not with_init:  # a cold row stands in for a warm call
        return billed_ms(row.duration_ms)
    if row.billed_ms is not None:
        return row.billed_ms
    return billed_ms(row.duration_ms, row.init_ms or 0.0)
