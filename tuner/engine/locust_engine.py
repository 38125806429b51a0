"""The load engine that really sends: the tuner's side of the Locust worker processes.

Starts them when the first batch comes, gives them its order and turns their results into samples.
Nothing is sent twice unless the batch says so, also not after a worker died.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle

from tuner.clock import Clock
from tuner.engine import wire
from tuner.engine.dispatch import Dispatch
from tuner.engine.engine import Batch, Call, Shortfall
from tuner.engine.front import Front
from tuner.engine.processors import Hooks, Processors
from tuner.engine.worker_pool import LocustWorkers, SingleWorker, WorkerPool, Workers
from tuner.errors import TunerError
from tuner.records import Outcome, Sample
from tuner.targets.seam import Credentials, Endpoint

_EVERY_S = 20.0  # botocore renews credentials 10 to 15 minutes before they expire
_AT_ONCE_S = 1.0  # but no more often than this
_EXPIRED = frozenset(
    {"ExpiredTokenException", "ExpiredToken", "RequestExpired", "UnrecognizedClientException"}
)


class CredentialRefresh:
    """``ask`` gives the credentials of now; ``current`` are those that were told last."""

    def __init__(self, ask: Callable[[], Credentials], clock: Clock) -> None:
        self.current = ask()
        self._ask, self._clock = ask, clock
        self._asked_at = clock.monotonic()
        self._found: Credentials | None = None
        self._asking: threading.Thread | None = None

    def changed(self, reason: str | None) -> Credentials | None:
        """New credentials, once. ``reason`` is that of the last answer; never blocks."""
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

    def close(self) -> None:
        """Let go; an answer that is still awaited is of no use."""
        self._asking = None

    def _look(self) -> None:
        try:
            self._found = self._ask()
        except Exception:
            self._found = None  # the load goes on with the old ones, and is refused if they expired


class LocustEngine:
    """Sends batches to ``endpoint`` through one worker process, or as many as ``workers`` says.

    ``origin_s`` is what ``clock.monotonic()`` said at the run's start; sample times count from it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        origin_s: float | None = None,
        workers: Workers | None = None,
        processors: Processors | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._origin = clock.monotonic() if origin_s is None else origin_s
        self._workers = workers or Workers()
        self._processors = processors or Processors()
        self._pool: WorkerPool | None = None
        self._dispatch: Dispatch | None = None
        self._shortfall = Shortfall()

    def start(self) -> None:
        """Start the workers now rather than with the first batch; they come up meanwhile."""
        if self._pool is None:
            self._pool = (
                SingleWorker() if self._workers.alone else LocustWorkers(self._workers, self._clock)
            )

    @property
    def pids(self) -> Sequence[int]:
        """The processes of this machine that send, as far as they are there."""
        return self._pool.pids if self._pool is not None else ()

    def run(self, batch: Batch) -> Iterator[Sample]:
        """Yield a sample per request as it ends; see :class:`tuner.engine.engine.Engine`.

        Raises TunerError when no worker can be started or is left, or none can use the batch.
        """
        self.start()
        assert self._pool is not None
        batch = _in_order(batch)
        dispatch = Dispatch(self._pool, batch, self._clock, self._origin)
        self._shortfall = dispatch.shortfall
        if dispatch.empty:
            return
        if self._processors.any:
            dispatch.hooks = Hooks(self._processors, batch.concurrency)
        keys = CredentialRefresh(self._endpoint.credentials, self._clock)
        self._dispatch = dispatch
        try:
            dispatch.begin(self._order(batch, keys))
            for call, result in dispatch.results():
                if (new := keys.changed(result.reason)) is not None:
                    dispatch.use_keys(new.access_key, new.secret_key, new.token)
                yield self._sample(call, batch, result)
            self._dispatch = None
        except (KeyboardInterrupt, TunerError):  # gone, or somebody is in a hurry: give all up
            dispatch.abandon()
            self.close()
            raise
        finally:
            keys.close()
            if self._dispatch is not None:  # closed early: leave nothing in flight behind
                self._dispatch = None
                dispatch.stop()
                for _ in dispatch.results():
                    pass
            if dispatch.hooks is not None:
                dispatch.hooks.close()
                self._shortfall.processors = dispatch.hooks.counts()

    def stop(self) -> None:
        """Send nothing more of the running batch; its iterator ends after what is in flight."""
        if self._dispatch is not None:
            with contextlib.suppress(TunerError):
                self._dispatch.stop()

    def shortfall(self) -> Shortfall:
        """What the running or last batch could not send."""
        return self._shortfall

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.end()
            self._pool = None
        self._dispatch = None

    def _order(self, batch: Batch, keys: CredentialRefresh) -> wire.Order:
        endpoint, secret, policy = self._endpoint, keys.current, batch.policy
        return wire.Order(
            endpoint.url,
            endpoint.region,
            endpoint.function,
            secret.access_key,
            secret.secret_key,
            secret.token,
            endpoint.verify_tls,
            batch.concurrency,
            batch.timeout_s,
            tuple(batch.payloads),
            policy.retry,
            policy.seed,
            policy.repeat,
            policy.think_s,
            policy.cutoff_s,
            policy.patience_s,
            policy.mode.value,
            _front_request(endpoint),
            None,  # a script is added for each worker
            self._processors.pre is not None,
            self._processors.post is not None,
        )

    def _sample(self, call: Call, batch: Batch, result: wire.Result) -> Sample:
        origin = self._origin
        first = result.first_byte
        return Sample(
            call=call.number,
            attempt=result.attempt,
            round=batch.round,
            purpose=call.purpose,
            setting=call.variant.setting,
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
            payload=None if batch.policy.script else call.payload,
            backoff_ms=result.backoff_ms,
        )


def _front_request(
    endpoint: Endpoint,
) -> tuple[str | None, str, tuple[tuple[str, str], ...]] | None:
    if not isinstance(endpoint, Front):
        return None
    request = endpoint.request
    return request.service, request.method, request.headers


def _in_order(batch: Batch) -> Batch:
    """The batch with its calls as they are dealt: by due time, or round and round."""
    calls = batch.calls
    if not isinstance(calls, Sequence):
        return batch
    if len({call.number for call in calls}) != len(calls):
        raise ValueError("two calls of a batch have the same number")
    if batch.policy.repeat and calls:
        rising = enumerate(cycle(calls), calls[0].number)
        return replace(batch, calls=(replace(call, number=number) for number, call in rising))
    in_order = sorted(calls, key=lambda call: call.due_s or 0.0)
    return replace(batch, calls=in_order, concurrency=min(batch.concurrency, len(in_order)))
