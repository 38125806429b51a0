"""The Locust users that invoke: :class:`LambdaUser` sends one call, :class:`Lane` sends a batch's.

A lane is one greenlet with one kept-alive connection. It takes calls from the :class:`Desk`, which
hands them out when they are due, and reports each to Locust and to the tuner. It never retries.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from ssl import SSLContext
from time import monotonic, time
from typing import Any, NamedTuple

import gevent
from gevent.event import Event
from locust import User, task

from tuner.load.answer import Answer, read_answer, transport_failure
from tuner.load.signing import InvokeSigner
from tuner.load.wire import Order, OrderedCall, Result
from tuner.load.worker.again import Again
from tuner.load.worker.connection import Connection, TransportError
from tuner.records import Outcome


class Job:
    """What all calls of one batch share: where to, signed how, with which bodies."""

    def __init__(
        self, order: Order, signer: InvokeSigner, tls: SSLContext | None, wall: Callable[[], float]
    ) -> None:
        self.url = order.url
        self.function = order.function
        self.timeout_s = order.timeout_s
        self.think_s = order.think_s
        self.repeat = order.repeat
        self.again = Again(order.retry, order.seed, monotonic())
        self.tls = tls
        self.server = (order.url, order.verify)
        self._signer = signer
        self._wall = wall
        self._payloads = [(body, sha256(body).hexdigest()) for body in order.payloads]

    def request(self, call: OrderedCall) -> bytes:
        """The whole request, signed now."""
        body, digest = self._payloads[call.payload]
        return self._signer.head(call.qualifier, digest, len(body), self._wall()) + body


@dataclass(slots=True)
class Due:
    """A call and the moment (monotonic) at which it was due; ``None``: when a lane takes it."""

    call: OrderedCall
    at: float | None
    attempt: int = 1
    waited_s: float = 0.0  # what a retry policy had it wait before this attempt


class Moments(NamedTuple):
    """When a request was due, was sent, began to be answered and ended; CLOCK_MONOTONIC."""

    due: float
    sent: float
    first_byte: float | None
    done: float


class LambdaUser(User):
    """Invokes a Lambda function and reports each request as a Locust event.

    The base for users of one's own: call ``self.invoke(job, call, due)`` in a task.
    """

    abstract = True

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self._connection: Connection | None = None
        self._server: tuple[str, bool | str] | None = None

    def connection(self, job: Job) -> Connection:
        """This user's connection to the job's server, not necessarily open."""
        if self._connection is None or self._server != job.server:
            if self._connection is not None:
                self._connection.close()
            self._connection = Connection(job.url, job.tls)
            self._server = job.server
        return self._connection

    def invoke(self, job: Job, call: OrderedCall, due: float | None) -> Result:
        """Send one call now and wait for its answer; a failure is a result, never raised."""
        taken = monotonic()
        started = time()
        connection = self.connection(job)
        deadline = taken + job.timeout_s
        sent, first, length = taken, None, 0
        try:
            connection.open(deadline)
            exchange = connection.exchange(job.request(call), deadline)
            sent, first, done = exchange.sent, exchange.first, exchange.done
            length = len(exchange.body)
            answer = read_answer(exchange.status, exchange.headers, exchange.body, call.memory_mb)
        except TransportError as fault:
            sent, first, done = fault.sent or taken, fault.first, monotonic()
            answer = transport_failure(fault.words, fault.status)
        moments = Moments(taken if due is None else due, sent, first, done)
        throttled = answer.outcome is Outcome.THROTTLED
        failed = answer.outcome is not Outcome.OK and not throttled
        self.environment.events.request.fire(
            request_type="Throttled" if throttled else "Invoke",
            name=f"{job.function}:{call.qualifier}" if call.qualifier else job.function,
            response_time=(done - moments.due) * 1000.0,
            response_length=length,
            exception=InvocationError(answer) if failed else None,
            start_time=started,
            context={},
        )
        return _result(call, answer, moments)


class InvocationError(Exception):
    """How Locust's statistics group a failure."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.outcome}: {answer.reason}")


def _result(call: OrderedCall, answer: Answer, moments: Moments) -> Result:
    return Result(
        call.number,
        *moments,
        answer.outcome.value,
        answer.status,
        answer.reason,
        answer.retry_after_s,
        answer.request_id,
        answer.duration_ms,
        answer.billed_ms,
        answer.init_ms,
        answer.restore_ms,
        answer.billed_restore_ms,
        answer.max_memory_mb,
    )


class Desk:
    """Where calls that are due meet lanes that are free; the last lane to go idle comes first.

    ``limit`` bounds how many lanes work at once; what is due beyond it waits in ``ready``, and
    its lag tells how long.
    """

    def __init__(self, emit: Callable[[Result], None]) -> None:
        self.emit = emit
        self.job: Job | None = None
        self.limit = 0
        self.ready: deque[Due] = deque()
        self.idle: list[Lane] = []
        self.busy = 0
        self.more: Iterator[Due] | None = None  # what a lane takes when nothing is ready
        self.all_done = Event()
        self.stopped = Event()
        self._waiting: set[Any] = set()  # retries that are not due yet

    @property
    def unfinished(self) -> bool:
        """Whether anything is in flight or yet to be sent."""
        return bool(self.ready or self.busy or self._waiting)

    def offer(self, due: Due) -> None:
        """A call is to be sent now: by an idle lane, or by the next that is done."""
        self.all_done.clear()
        self.ready.append(due)
        if self.idle and self.busy < self.limit:
            self.busy += 1
            self.idle.pop().wake.set()

    def offer_later(self, due: Due) -> None:
        """A call is to be sent at its due time; it counts as unfinished until then."""

        def arrive() -> None:
            self._waiting.discard(waiting)
            self.offer(due)

        waiting = gevent.spawn_later(max(0.0, (due.at or 0.0) - monotonic()), arrive)
        self._waiting.add(waiting)

    def drop_new(self) -> None:
        """Send no further first attempt; retries go on."""
        self.more = None
        self.ready = deque(due for due in self.ready if due.attempt > 1)
        self._finish()

    def abandon(self) -> None:
        """Send nothing more at all."""
        self.stopped.set()
        self.more = None
        self.ready.clear()
        gevent.killall(list(self._waiting))
        self._waiting.clear()
        self._finish()

    def _finish(self) -> None:
        if not self.unfinished:
            self.all_done.set()

    def next(self, lane: "Lane") -> Due:
        """What this lane does next; waits until there is something."""
        if not self.ready and self.more is not None:
            return next(self.more)
        while not self.ready or self.job is None:
            if lane.working:
                lane.working = False
                self.busy -= 1
            self.idle.append(lane)
            self._finish()
            lane.wake.wait()
            lane.wake.clear()
            lane.working = True
        return self.ready.popleft()


class Lane(LambdaUser):
    """Sends what the desk hands out, one after another, for as long as the worker lives."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.wake = Event()
        self.working = False
        self._desk: Desk = environment.desk

    @task
    def serve(self) -> None:
        """Locust calls this once; it ends with the worker."""
        desk = self._desk
        while True:
            due: Due | None = desk.next(self)
            job = desk.job
            assert job is not None
            while due is not None:
                due = self._attempt(job, due)
            if job.think_s:
                desk.stopped.wait(job.think_s)

    def _attempt(self, job: Job, due: Due) -> Due | None:
        """Send one attempt; the next one, if it is this lane that has to make it."""
        hold_s = job.again.hold_s(monotonic())
        if hold_s and self._desk.stopped.wait(hold_s):
            return None
        result = self.invoke(job, due.call, due.at)
        self._desk.emit(result if due.attempt == 1 else result._replace(attempt=due.attempt))
        wait_s = job.again.wait_s(result, due.attempt, due.waited_s)
        if wait_s is None or self._desk.stopped.is_set():
            return None
        after = Due(due.call, result.done + wait_s, due.attempt + 1, wait_s)
        if not job.repeat:  # elsewhere another call may use the lane in the meantime
            self._desk.offer_later(after)
            return None
        return (
            None if self._desk.stopped.wait(max(0.0, result.done + wait_s - monotonic())) else after
        )
