"""The load engine that really sends: the tuner's side of the Locust worker process.

Starts the worker when the first batch comes, hands it batches and turns its results into samples.
The worker has a session of its own, so Ctrl-C stops nothing that the tuner has not decided to
stop; it ends when its socket does. Nothing is sent twice, also not after a worker died.
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from tuner.clock import Clock
from tuner.errors import TunerError
from tuner.load import wire
from tuner.load.engine import Batch, Call
from tuner.records import Outcome, Sample
from tuner.target.seam import Endpoint

_START_S = 60.0  # importing Locust takes half a second, on a busy small machine many times that
_SILENCE_S = 30.0  # a worker that has not said for so long that it lives is given up
_END_S = 5.0


class LocustEngine:
    """Sends batches to ``endpoint`` through one worker process.

    ``origin_s`` is what ``clock.monotonic()`` said at the run's start; sample times count from it.
    """

    def __init__(self, endpoint: Endpoint, clock: Clock, origin_s: float | None = None) -> None:
        self._endpoint = endpoint
        self._origin = clock.monotonic() if origin_s is None else origin_s
        self._worker: _WorkerProcess | None = None
        self._running = False
        #: Largest share of one CPU that the worker used in any second; above 0.9 it was the limit.
        self.busiest = 0.0

    def start(self) -> None:
        """Start the worker now rather than with the first batch; it comes up in the background."""
        if self._worker is None:
            self._worker = _WorkerProcess()

    def run(self, batch: Batch) -> Iterator[Sample]:
        """Yield a sample per request as it ends; see :class:`tuner.load.engine.Engine`.

        Raises TunerError when the worker cannot be started, dies, or cannot use the batch.
        """
        calls = {call.number: call for call in batch.calls}
        if len(calls) != len(batch.calls):
            raise ValueError("two calls of a batch have the same number")
        if not calls:
            return
        self.start()
        worker = self._worker
        assert worker is not None
        worker.await_ready()
        worker.send(wire.pack_order(self._order(batch)))
        self._running = True
        try:
            for result in self._results(worker):
                yield self._sample(calls[result.number], batch, result)
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
            tuple(batch.payloads),
            ordered,
        )

    def _results(self, worker: "_WorkerProcess") -> Iterator[wire.Result]:
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
            call=call.number,
            attempt=1,
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


class _WorkerProcess:
    """The process and the socket to it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._messages: Iterator[tuple[Any, ...]] = iter(())
        self._reader = wire.Reader()
        self._ready = False
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives with the process
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tuner.load.worker", str(theirs.fileno())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                start_new_session=True,
            )
        except OSError as error:
            ours.close()
            raise TunerError("load worker", f"does not start: {error}") from error
        finally:
            theirs.close()

    def await_ready(self) -> None:
        """Wait until the worker has come up; raises TunerError if it does not."""
        while not self._ready:
            kind, *_ = self.receive(_START_S)
            self._ready = kind == wire.READY

    def send(self, message: bytes) -> None:
        """Write one message; raises TunerError if the worker is gone."""
        self._socket.settimeout(_SILENCE_S)
        try:
            self._socket.sendall(message)
        except OSError:
            raise self._gone() from None

    def receive(self, timeout_s: float = _SILENCE_S) -> tuple[Any, ...]:
        """The next message; raises TunerError if the worker ended or has fallen silent."""
        while True:
            for message in self._messages:
                return message
            self._socket.settimeout(timeout_s)
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                raise TunerError(
                    "load worker",
                    f"has not answered for {timeout_s:.0f} s",
                    "What was measured is kept; resume the run with --resume.",
                ) from None
            except OSError:
                data = b""
            if not data:
                raise self._gone()
            self._messages = self._reader.feed(data)

    def end(self) -> None:
        """Close the socket, which ends the worker; kill it if it does not go."""
        self._socket.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _gone(self) -> TunerError:
        try:
            code: int | None = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            code = None
        self._stderr.seek(0)
        last = self._stderr.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        how = (
            f"was killed by signal {-code}" if code is not None and code < 0 else f"ended ({code})"
        )
        return TunerError(
            "load worker",
            f"{how}{': ' + last[-1] if last else ''}",
            "What was measured is kept; resume the run with --resume.",
        )
