"""The base class for users' own locustfiles: ``from tuner.engine.worker import LambdaUser``.

Its calls go the way that all calls of a load go: signed, over a kept-alive connection, timed, with
the load's retries and processors, each request a sample of the run and an event of Locust's.
"""

import json
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import gevent
from locust.exception import StopUser

from tuner.engine import wire
from tuner.engine.wire import OrderedCall
from tuner.engine.worker.desk import PRE_FAILED, Desk, take_over
from tuner.engine.worker.job import Due, Job
from tuner.engine.worker.lane import Caller, Reply
from tuner.engine.worker.play import Play
from tuner.records import Outcome


@dataclass(frozen=True)
class Invocation:
    """How a call ended, after its last attempt; ``outcome`` is one of tuner.records.Outcome.

    ``duration_ms`` is REPORT's, where it is known; ``latency_ms`` what this user waited.
    """

    outcome: str
    status: int | None
    reason: str | None
    body: bytes
    request_id: str | None
    duration_ms: float | None
    latency_ms: float

    @property
    def ok(self) -> bool:
        """Whether the function answered well."""
        return self.outcome == Outcome.OK

    def json(self) -> Any:
        """The answer's value. Raises ValueError if it is no JSON."""
        return json.loads(self.body)


class LambdaUser(Caller):
    """Calls the load's function from tasks: ``self.invoke({"order": 1})``."""

    abstract = True

    def invoke(self, payload: Any = None) -> Invocation:
        """Call the function and wait for its answer; what fails is told, never raised.

        ``payload`` is sent as its JSON, bytes as they are; without one it is the next of
        ``--payload``, ``--payloads`` or ``--event``. Once the load is over it ends this user.
        """
        desk: Desk = self.environment.desk
        play, job = desk.play, desk.job
        if not isinstance(play, Play) or job is None or play.over.is_set():
            raise StopUser
        play.began()
        try:
            return self._invoke(play, job, payload)
        finally:
            play.ended()

    def _invoke(self, play: Play, job: Job, payload: Any) -> Invocation:
        script, index = play.script, 0
        own: bytes | None = None
        if payload is None:
            index = play.next_payload()
        else:
            own = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        call = OrderedCall(play.next_number(), script.qualifier, script.memory_mb, index, None)
        due, began = Due(call, None, body=own), monotonic()
        asking = self.environment.desk.asking
        if job.order.pre:
            hooked = asking.pre(call.number, job.body(call) if own is None else own).get()
            if not take_over(due, hooked):
                self._emit(wire.DROPPED, call.number, PRE_FAILED)
                return Invocation(PRE_FAILED, None, PRE_FAILED, b"", None, None, 0.0)
            due.body, began = due.body or own, monotonic()
        reply = self._attempts(play, job, due)
        result = reply.result
        if job.order.post:
            asking.post(result, reply.body).get()
        return Invocation(
            result.outcome,
            result.status,
            result.reason,
            reply.body,
            result.request_id,
            result.duration_ms,
            (result.done - began) * 1000.0,
        )

    def _attempts(self, play: Play, job: Job, due: Due) -> Reply:
        """Send until the policy has enough, or the load is over."""
        while True:
            hold_s = job.again.hold_s(monotonic())
            if hold_s:
                gevent.sleep(hold_s)
            reply = self.send(job, due)
            result = reply.result
            wait_s = job.again.wait_s(result, due.attempt, due.waited_s)
            if wait_s is None or play.over.is_set():
                self._emit(wire.RESULT, *result)
                return reply
            self._emit(wire.RESULT, *result._replace(backoff_ms=wait_s * 1000.0))
            play.over.wait(max(0.0, result.done + wait_s - monotonic()))
            at, attempt = result.done + wait_s, due.attempt + 1
            due = replace(due, at=at, attempt=attempt, waited_s=wait_s)

    def _emit(self, kind: str, *fields: Any) -> None:
        self.environment.desk.emit(wire.pack(kind, *fields))
