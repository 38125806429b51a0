"""The load engine that really sends: the tuner's side of the Locust worker process.

Starts the worker when the first batch comes, hands it batches and turns its results into samples.
Nothing is sent twice unless the batch asks for retries, also not after a worker died.
"""

import contextlib
from collections.abc import Callable, Iterator

from tuner.clock import Clock
from tuner.errors import TunerError
from tuner.load import wire
from tuner.load.engine import Batch, Call
from tuner.load.worker_process import WorkerProcess
from tuner.records import Outcome, Sample
from tuner.target.seam import Endpoint


class LocustEngine:
    """Sends batches to ``endpoint`` through one worker process.

    ``origin_s`` is what ``clock.monotonic()`` said at the run's start; sample times count from it.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock, origin_s: float | None = None) -> None:
        self._endpoint = endpoint
        self._origin = clock.monotonic() if origin_s is None else origin_s
        self._worker: WorkerProcess | None = None
        self._running = False
        #: Largest share of one CPU that the worker used in any second; above 0.9 it was the limit.
        self.busiest = 0.0

    def start(self) -> None:
        """Start the worker now rather than with the first batch; it comes up in the background."""
        if self._worker is None:
            self._worker = WorkerProcess()

    def run(self, batch: Batch) -> Iterator[Sample]:
        """Yield a sample per request as it ends; see :class:`tuner.load.engine.Engine`.

        Raises TunerError when the worker cannot be started, dies, or cannot use the batch.
        """
        if not batch.calls:
            return
        call_of = _finder(batch)
        self.start()
        worker = self._worker
        assert worker is not None
        worker.await_ready()
        worker.send(wire.pack_order(self._order(batch)))
        self._running = True
        try:
            for result in self._results(worker):
                yield self._sample(call_of(result.number), batch, result)
        except KeyboardInterrupt:  # somebody is in a hurry: what is in flight is given up
            self.close()
            raise
        finally:
            if self._running:  # closed early: leave nothing in flight behind
                self.stop()
                for _ in self._results(worker):
                    pass

    def stop(self) -> None:
        """Send nothing more of the running batch; its iterator ends after what is in flight."""
        if self._running and self._worker is not None:
            with contextlib.suppress(TunerError):
                self._worker.send(wire.pack(wire.STOP))

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.end()
            self._worker = None
        self._running = False

    def _order(self, batch: Batch) -> wire.Order:
        endpoint, secret = self._endpoint, self._endpoint.credentials()
        ordered = tuple(
            wire.OrderedCall(
                call.number,
                call.variant.qualifier,
                call.variant.memory_mb,
                call.payload,
                call.due_s,
            )
            for call in batch.calls
        )
        return wire.Order(
            endpoint.url,
            endpoint.region,
            endpoint.function,
            secret.access_key,
            secret.secret_key,
            secret.token,
            endpoint.verify_tls,
            batch.lanes,
            batch.timeout_s,
            batch.manner.retry,
            batch.manner.seed,
            batch.manner.repeat,
            batch.manner.think_s,
            batch.manner.cutoff_s,
            tuple(batch.payloads),
            ordered,
        )

    def _results(self, worker: WorkerProcess) -> Iterator[wire.Result]:
        failure: str | None = None
        try:
            while True:
                kind, *fields = worker.receive()
                if kind == wire.RESULT:
                    yield wire.Result(*fields)
                elif kind == wire.BEAT:
                    self.busiest = max(self.busiest, fields[0])
                elif kind == wire.FAILED:
                    failure = str(fields[0])
                elif kind == wire.END:
                    break
        except TunerError:
            self._running = False
            self.close()
            raise
        self._running = False
        if failure:
            raise TunerError("load worker", failure, "Run again with --debug for more.")

    def _sample(self, call: Call, batch: Batch, result: wire.Result) -> Sample:
        origin = self._origin
        first = result.first_byte
        return Sample(
            call=result.number,
            attempt=result.attempt,
            round=batch.round,
            purpose=call.purpose,
            memory_mb=call.variant.memory_mb,
            arch=call.variant.arch,
            qualifier=call.variant.qualifier,
            outcome=Outcome(result.outcome),
            due_s=result.due - origin,
            sent_s=result.sent - origin,
            first_byte_s=None if first is None else first - origin,
            done_s=result.done - origin,
            status=result.status,
            reason=result.reason,
            retry_after_s=result.retry_after_s,
            request_id=result.request_id,
            duration_ms=result.duration_ms,
            billed_ms=result.billed_ms,
            init_ms=result.init_ms,
            restore_ms=result.restore_ms,
            billed_restore_ms=result.billed_restore_ms,
            max_memory_mb=result.max_memory_mb,
            payload=call.payload,
        )


def _finder(batch: Batch) -> Callable[[int], Call]:
    """From a result's number to its call; where calls go round, to the one that it repeats."""
    calls = {call.number: call for call in batch.calls}
    if len(calls) != len(batch.calls):
        raise ValueError("two calls of a batch have the same number")
    if not batch.manner.repeat:
        return calls.__getitem__
    ordered = list(batch.calls)
    first = ordered[0].number
    return lambda number: ordered[(number - first) % len(ordered)]
