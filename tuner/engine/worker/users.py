"""Locust users that invoke: :class:`InvokeUser` sends one call, :class:`QueueUser` a queue's.

A user is one greenlet with one kept-alive connection. It takes calls from the queue, which hands
them out when they are due, and reports each to Locust and to the tuner.
"""

import math
from dataclasses import replace
from time import monotonic, time
from typing import Any, NamedTuple

from gevent.event import Event
from locust import User, task

from tuner.engine import wire
from tuner.engine.answer import LONGEST_REASON, Answer, transport_failure
from tuner.engine.retry import LONGEST_WAIT_S
from tuner.engine.wire import OrderedCall, Result
from tuner.engine.worker.call_queue import HELD_BACK, PRE_FAILED, STOPPED, CallQueue, take_over
from tuner.engine.worker.connection import Connection, TransportError
from tuner.engine.worker.job import Due, Job
from tuner.records import Outcome

#: A request up to this size fits into a socket's buffer as a whole (Linux: 16 KB at first).
_AT_A_STROKE = 8_192


class Reply(NamedTuple):
    """The result of one request, and the body of its answer, empty if there was none."""

    result: Result
    body: bytes


class InvokeUser(User):
    """Invokes a Lambda function and reports each request as a Locust event."""

    abstract = True
    #: ``True`` of users whose own code judges answers.
    judges = False

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

    def _prepare(self, job: Job, due: Due) -> bool:
        """Have the payload prepared now; a call for which that fails is dropped: ``False``."""
        queue = self.environment.queue
        body = job.body(due.call) if due.body is None else due.body
        if take_over(due, queue.processors.pre(due.call.number, body).get()):
            return True
        queue.drop(due, PRE_FAILED)
        return False

    def send(self, job: Job, due: Due, sent: float | None = None) -> Reply:
        """Send one call now and wait for its answer; a failure is a result, never raised.

        ``sent`` says when, if its request is on this user's connection already.
        """
        taken = monotonic() if sent is None else sent
        started = time()
        connection = self.connection(job)
        deadline = taken + job.timeout_s
        call = due.call
        first, body = None, b""
        try:
            if sent is None:
                connection.open(deadline)
                exchange = connection.exchange(job.request(call, due.body), deadline)
            else:
                exchange = connection.finish(sent, deadline)
            self.answered()
            sent, first, done = exchange.sent, exchange.first, exchange.done
            body = exchange.body
            if exchange.status in (401, 403):
                job.time.correct(exchange.headers.get("date", ""))
            answer = job.read(exchange.status, exchange.headers, body, call.memory_mb)
            if answer.outcome is Outcome.OK and (body or job.expected):
                answer = job.judged(answer, exchange.status, body, done - sent)
            if answer.log_tail is not None and not job.tails.wanted(answer.outcome, answer.reason):
                answer = answer._replace(log_tail=None)
        except TransportError as fault:
            sent, first, done = fault.sent or taken, fault.first, monotonic()
            answer = transport_failure(fault.words, fault.status)
        due_at = taken if due.at is None else due.at
        reply = Reply(Result(call.number, due.attempt, due_at, sent, first, done, *answer), body)
        self._tell_locust(job, call, reply, answer, started)
        return reply

    def _tell_locust(
        self, job: Job, call: OrderedCall, reply: Reply, answer: Answer, started: float
    ) -> None:
        function, qualifier = call.function or job.function, call.qualifier
        throttled = answer.outcome is Outcome.THROTTLED
        failed = answer.outcome is not Outcome.OK and not throttled
        self.environment.events.request.fire(
            request_type="Throttled" if throttled else "Invoke",
            name=f"{function}:{qualifier}" if qualifier else function,
            response_time=(reply.result.done - reply.result.due) * 1000.0,
            response_length=len(reply.body),
            exception=InvocationError(answer) if failed else None,
            start_time=started,
            context={},
        )

    def report(self, job: Job, due: Due, result: Result, over: Event) -> Due | None:
        """Report an attempt to the tuner; return the next one if the retry policy wants one.

        The last is not reported where somebody may still find fault with its answer.
        """
        wait_s = job.retries.wait_s(result, due.waited_s)
        emit = self.environment.queue.emit
        if wait_s is None or over.is_set():
            if not self.judges and not job.order.post:
                emit(wire.pack(wire.RESULT, *result))
            return None
        emit(wire.pack(wire.RESULT, *result._replace(backoff_ms=wait_s * 1000.0)))
        return replace(due, at=result.done + wait_s, attempt=due.attempt + 1, waited_s=wait_s)

    def answered(self) -> None:
        """Called when an answer is complete and timed, before it is read."""


def failed(result: Result, words: str | None) -> Result:
    """Return the result of an answer that was found wanting, if ``words`` say so."""
    if not words or result.outcome not in (Outcome.OK, Outcome.CHECK_FAILED):
        return result
    return result._replace(outcome=Outcome.CHECK_FAILED.value, reason=words[:LONGEST_REASON])


class InvocationError(Exception):
    """A failure as Locust's statistics group it."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.outcome}: {answer.reason}")


class QueueUser(InvokeUser):
    """Sends what the queue hands out, one after another, for as long as the worker lives."""

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.wake = Event()
        self.working = False
        self._begun: tuple[Due, float] | None = None
        self._queue: CallQueue = environment.queue

    def begin(self, job: Job, due: Due) -> bool:
        """Send a call right now if that takes no waiting; this user is woken to read the answer.

        A connection that does not stand yet, a large payload, one that is not prepared, or a
        policy that holds requests back are left for the user itself.
        """
        connection = self._connection
        if connection is None or self._server != job.server or job.retries.holds:
            return False
        if job.order.pre and not due.prepared:
            return False
        request = job.request(due.call, due.body)
        if len(request) > _AT_A_STROKE:
            return False
        sent = connection.begin(request, monotonic() + job.timeout_s)
        if sent is None:
            return False
        self._begun = due, sent
        return True

    def begun(self) -> Due | None:
        """Return the call that was sent as this user was woken."""
        return None if self._begun is None else self._begun[0]

    def answered(self) -> None:
        """Send what became due in the meantime, before time is spent on this answer."""
        self._queue.pace()

    @task
    def serve(self) -> None:
        """Locust calls this once; it ends with the worker."""
        queue = self._queue
        while True:
            due: Due | None = queue.next(self)
            job = queue.job
            assert job is not None
            while due is not None:
                try:
                    due = self._attempt(job, due)
                except Exception as error:  # or the tuner would never stop waiting for it
                    queue.emit(wire.pack(wire.FAILED, f"{type(error).__name__}: {error}"))
                    due = None
            if job.order.policy.think_s:
                queue.stopped.wait(job.order.policy.think_s)

    def _attempt(self, job: Job, due: Due) -> Due | None:
        """Send one attempt; return the next one if this user has to make it."""
        stopped = self._queue.stopped
        if job.order.pre and not due.prepared:
            if not self._prepare(job, due):
                return None
            if stopped.is_set():
                self._queue.drop(due, STOPPED)
                return None
        if not self._held(job, due):
            return None
        begun, self._begun = self._begun, None
        reply = self.send(job, due, None if begun is None else begun[1])
        after = self.report(job, due, reply.result, stopped)
        if after is None:
            if job.order.post:
                self._process_answer(due, reply)
            return None
        if not job.order.policy.repeat:  # another call may use the user in the meantime
            self._queue.offer_later(after)
            return None
        while (left_s := (after.at or 0.0) - monotonic()) > 0.0:
            if stopped.wait(left_s):
                return None
        return after

    def _held(self, job: Job, due: Due) -> bool:
        """Wait until the retry policy lets a request out; drop it if that takes too long."""
        queue, endless = self._queue, job.order.policy.repeat and due.attempt == 1
        hold_s = job.retries.hold_s(monotonic(), math.inf if endless else LONGEST_WAIT_S)
        if hold_s is None:
            queue.drop(due, HELD_BACK)
            return False
        if hold_s and (queue.ending if endless else queue.stopped).wait(hold_s):
            queue.drop(due, STOPPED)
            return False
        return True

    def _process_answer(self, due: Due, reply: Reply) -> None:
        """Have the answer processed, and report it; without due times, wait for that."""
        queue = self._queue
        asked = queue.processors.post(reply.result, reply.body)

        def report() -> None:
            result = failed(reply.result, asked.get().words)
            queue.emit(wire.pack(wire.RESULT, *result))

        if due.call.due_s is None:
            report()
        else:
            queue.await_post(report)
