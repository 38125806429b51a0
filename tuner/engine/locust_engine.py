"""The load engine that really sends, through Locust worker processes.

It starts them with the first batch, orders the batch of them and turns their results into samples.
Nothing is sent twice unless the batch says so, not even after a worker died.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple

from tuner.clock import Clock
from tuner.engine import wire
from tuner.engine.answer import FirstTails
from tuner.engine.dispatch import Dispatch
from tuner.engine.engine import Batch, Call, Shortfall
from tuner.engine.processors import Hooks, Processors
from tuner.engine.request import Front
from tuner.engine.worker_pool import LocustWorkers, SingleWorker, WorkerPool, Workers
from tuner.errors import TunerError
from tuner.records import Outcome, Sample
from tuner.targets.seam import Credentials, Endpoint

#: Different messages of failures that are kept in a run: a load may have a million.
_MOST_MESSAGES = 1000
_EVERY_S = 20.0  # botocore renews credentials 10 to 15 minutes before they expire
_AT_ONCE_S = 1.0  # but no more often than this
_EXPIRED = frozenset(
    {"ExpiredTokenException", "ExpiredToken", "RequestExpired", "UnrecognizedClientException"}
)


class CredentialRefresh:
    """Credentials that change during a load: assumed roles and SSO sessions are renewed.

    ``ask`` gives those of now; it is called in a thread, since it may take seconds, now and then,
    and at once when the service says that they have expired.
    """

    def __init__(self, ask: Callable[[], Credentials], clock: Clock) -> None:
        self.current = ask()
        self._ask, self._clock = ask, clock
        self._asked_at = clock.monotonic()
        self._found: Credentials | None = None
        self._asking: threading.Thread | None = None

    def changed(self, reason: str | None) -> Credentials | None:
        """Return new credentials, once. ``reason`` is that of the last answer; never blocks."""
        now = self._clock.monotonic()
        if now - self._asked_at >= (_AT_ONCE_S if reason in _EXPIRED else _EVERY_S):
            self._asked_at = now
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self._look, daemon=True)
                self._asking.start()
        found, self._found = self._found, None
        if found is None or found == self.current:
            return None
        self.current = found
        return found

    def _look(self) -> None:
        try:
            self._found = self._ask()
        except Exception:
            self._found = None  # the load goes on with the old ones, and is refused if they expired


class LocustEngine:
    """Sends batches through one worker process, or as many as ``workers`` says.

    ``endpoint`` may change between batches. ``origin_s`` is what ``clock.monotonic()`` said at the
    run's start; sample times count from it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        origin_s: float | None = None,
        workers: Workers | None = None,
        processors: Processors | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._clock = clock
        self._origin = clock.monotonic() if origin_s is None else origin_s
        self._workers = workers or Workers()
        self._processors = processors or Processors()
        self._pool: WorkerPool | None = None
        self._dispatch: Dispatch | None = None
        self._shortfall = Shortfall()
        self._tails = FirstTails()
        self._messages: dict[str, str] = {}

    def start(self) -> None:
        """Start the workers now, in the background, rather than with the first batch."""
        if self._pool is None:
            workers = self._workers
            self._pool = SingleWorker() if workers.alone else LocustWorkers(workers, self._clock)

    @property
    def pids(self) -> Sequence[int]:
        """Process ids of the workers on this machine."""
        return self._pool.pids if self._pool is not None else ()

    def run(self, batch: Batch) -> Iterator[Sample]:
        """Yield a sample per request as it ends; see :class:`tuner.engine.engine.Engine`.

        Raises TunerError when no worker can be started or is left, or none can use the batch.
        """
        self.start()
        assert self._pool is not None
        batch = batch.in_order()
        dispatch = Dispatch(self._pool, batch, self._clock, self._origin)
        self._shortfall = dispatch.shortfall
        if dispatch.empty:
            return
        if self._processors.any:
            dispatch.hooks = Hooks(self._processors, batch.concurrency)
        keys = CredentialRefresh(self.endpoint.credentials, self._clock)
        self._dispatch = dispatch
        try:
            dispatch.begin(self._order(batch, keys.current))
            for call, result in dispatch.results():
                if (new := keys.changed(result.reason)) is not None:
                    dispatch.use_keys(astuple(new))
                yield self._sample(call, batch, result)
            self._dispatch = None
            if dispatch.cut_off:  # they still wait for answers
                self.close()
        except (KeyboardInterrupt, TunerError):  # they are gone, or the user is in a hurry
            dispatch.abandon()
            self.close()
            raise
        finally:
            self._finish(dispatch)

    def _finish(self, dispatch: Dispatch) -> None:
        if self._dispatch is not None:  # closed early: leave nothing in flight behind
            self._dispatch = None
            dispatch.stop()
            for _ in dispatch.results():
                pass
        if dispatch.hooks is not None:
            dispatch.hooks.close()
            self._shortfall.processors = dispatch.hooks.counts()

    def stop(self) -> None:
        if self._dispatch is not None:
            with contextlib.suppress(TunerError):
                self._dispatch.stop()

    def shortfall(self) -> Shortfall:
        return self._shortfall

    def close(self) -> None:
        if self._pool is not None:
            self._pool.end()
            self._pool = None
        self._dispatch = None

    def _order(self, batch: Batch, keys: Credentials) -> wire.Order:
        endpoint = self.endpoint
        return wire.Order(
            endpoint.url,
            endpoint.region,
            endpoint.function,
            astuple(keys),
            endpoint.verify_tls,
            batch.concurrency,
            batch.timeout_s,
            tuple(batch.payloads),
            batch.policy._replace(script=None),
            endpoint.request if isinstance(endpoint, Front) else None,
            None,  # a script is added for each worker
            self._processors.pre is not None,
            self._processors.post is not None,
        )

    def _sample(self, call: Call, batch: Batch, result: wire.Result) -> Sample:
        origin, first, tail = self._origin, result.first_byte, result.log_tail
        if tail is not None and not self._tails.wanted(result.outcome, result.reason):
            tail = None  # another worker had a failure of this kind before
        return Sample(
            call.number,
            result.attempt,
            batch.round,
            call.purpose,
            call.variant.setting,
            call.variant.qualifier,
            Outcome(result.outcome),
            result.due - origin,
            result.sent - origin,
            None if first is None else first - origin,
            result.done - origin,
            *result[7:17],  # from status to max_memory_mb
            None if batch.policy.script else call.payload,
            result.backoff_ms,
            None if result.message is None else self._shared(result.message),
            tail,
        )

    def _shared(self, message: str) -> str | None:
        """Return one object for all that are equal; nothing once there are too many."""
        if message not in self._messages and len(self._messages) >= _MOST_MESSAGES:
            return None
        return self._messages.setdefault(message, message)
