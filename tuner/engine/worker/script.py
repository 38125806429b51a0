"""Users' own locustfiles: their base class :class:`LambdaUser`, and how a worker runs one.

Their calls go the way of all calls of a load: signed, over a kept-alive connection, timed, with the
load's retries and processors, each request a sample of the run and an event of Locust's. Locust's
classes do what they do under Locust (weights, fixed counts, wait times, ``on_start``); the numbers
of their calls, and when everything ends, come from here.
"""

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from time import monotonic
from types import ModuleType
from typing import Any

import gevent
from gevent.event import Event
from locust import LoadTestShape, User
from locust.dispatch import UsersDispatcher
from locust.exception import StopUser
from locust.runners import WorkerNode
from locust.util.load_locustfile import is_user_class

from tuner.engine import wire
from tuner.engine.wire import OrderedCall, Result
from tuner.engine.worker.call_queue import PRE_FAILED, CallQueue
from tuner.engine.worker.job import Due, Job
from tuner.engine.worker.shape import ShapedUsers, shape_in
from tuner.engine.worker.users import InvokeUser, QueueUser, Reply, failed
from tuner.records import Outcome

#: Seconds that users have to finish their own work after their last call was answered.
_GRACE_S = 1.0
_MODULE = "locustfile"
_WORDS = 300
_NAME, _OLD_NAME = "tuner.engine.worker", "tuner.load.worker"


class LocustfileRun:
    """One locustfile for one batch. ``over`` is set when nothing new may be sent any more."""

    def __init__(
        self, runner: Any, queue: CallQueue, order: wire.Order, script: wire.ScriptOrder
    ) -> None:
        self.over = Event()
        self.script = script
        self._runner, self._queue, self._order = runner, queue, order
        #: For calls: numbers that no other worker uses, and the load's own payloads by their index.
        self.numbers, self.payloads = count(script.first, script.step), cycle(script.draws)
        self._busy = 0
        self._quiet = Event()
        self._quiet.set()
        #: Results of calls whose users may still find fault with the answer.
        self.pending: set[PendingResult] = set()
        self._mistakes: Counter[str] = Counter()
        self._shape: LoadTestShape | None = None
        self._classes = self._load()
        runner.environment.user_classes = [QueueUser, *self._classes]
        runner.environment.events.user_error.add_listener(self._note_mistake)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Hold the end of the batch up while a user makes a call, with all its attempts."""
        self._busy += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._busy -= 1
            if not self._busy:
                self._quiet.set()

    def run(self, start: float) -> None:
        """Spawn the users at ``start`` (monotonic), and stop them at the batch's end."""
        gevent.sleep(max(0.0, start - monotonic()))
        environment = self._runner.environment
        environment.events.test_start.fire(environment=environment)
        spawning = gevent.spawn(self._spawn)
        cutoff_s = self._order.policy.cutoff_s
        self.over.wait(None if cutoff_s is None else max(0.0, start + cutoff_s - monotonic()))
        self.over.set()
        spawning.kill()
        self._stop_users()
        for each in list(self.pending):
            each.settle()
        environment.events.test_stop.fire(environment=environment)
        environment.events.user_error.remove_listener(self._note_mistake)
        if self._mistakes:
            self._queue.emit(wire.pack(wire.MISTAKES, *self._mistakes.most_common(20)))

    def _load(self) -> list[type[User]]:
        """Run the file and return its users. Raises what it raises."""
        script = self.script
        if script.folder not in sys.path:
            sys.path.insert(0, script.folder)
        if (here := str(Path.cwd())) not in sys.path:
            sys.path.append(here)  # last, so that nothing there shadows a module of ours
        _keep_old_import(self._note_old_import)
        module = ModuleType(_MODULE)
        module.__file__ = f"{script.folder}/{script.name}"
        sys.modules[_MODULE] = module
        exec(compile(script.source, module.__file__, "exec"), module.__dict__)
        found = [item for item in vars(module).values() if is_user_class(item)]
        self._shape = shape_in(vars(module).values(), script.shaped)
        if not any(issubclass(item, InvokeUser) for item in found):
            raise LookupError(
                "none of its classes is a LambdaUser, whose self.invoke(payload) sends a call "
                f"(from {_NAME} import LambdaUser)"
            )
        return list(dict.fromkeys(found))

    def _spawn(self) -> None:
        if self._shape is not None:
            self._follow(self._shape)
            return
        dispatcher = UsersDispatcher([WorkerNode("here")], self._classes)
        users = self._order.concurrency
        dispatcher.new_dispatch(users, self.script.spawn_per_s or users)
        there: Counter[str] = Counter()
        try:
            for wanted in dispatcher:
                more = Counter(wanted["here"]) - there
                there += more
                self._runner.spawn_users(dict(more))
        except Exception as error:  # a constructor of the user's
            self._queue.emit(wire.pack(wire.FAILED, f"{type(error).__name__}: {error}"))

    def _follow(self, shape: LoadTestShape) -> None:
        """Have as many users as a shape says, and end with it."""
        share = self.script.place, self.script.step
        shaped = ShapedUsers(self._runner, shape, self._classes, share, self._users)
        try:
            shaped.drive(self.over)
        except Exception as error:  # of the user's tick
            self._queue.emit(wire.pack(wire.FAILED, f"{type(error).__name__}: {error}"[:_WORDS]))
        self.over.set()

    def _stop_users(self) -> None:
        """Stop all users: those that wait now, the others when their call is answered."""
        going = [gevent.spawn(user.stop, force=False) for user in self._users()]
        gevent.joinall(going, timeout=_GRACE_S)
        self._quiet.wait(self._order.timeout_s)
        left = gevent.spawn(self._await_gone)
        left.join(timeout=_GRACE_S)
        left.kill()
        gevent.killall([user.greenlet for user in self._users()], timeout=_GRACE_S)

    def _await_gone(self) -> None:
        while any(True for _ in self._users()):
            gevent.sleep(0.01)

    def _users(self) -> Iterator[User]:
        for greenlet in list(self._runner.user_greenlets):
            user = greenlet.args[0] if greenlet.args else None
            if isinstance(user, User) and not isinstance(user, QueueUser):
                yield user

    def _note_old_import(self) -> None:
        text = f"The locustfile imports from {_OLD_NAME}, which is {_NAME} now"
        self._queue.emit(wire.pack(wire.NOTE, f"{text}; write `from {_NAME} import LambdaUser`."))

    def _note_mistake(self, exception: Any, **_: Any) -> None:
        self._mistakes[f"{type(exception).__name__}: {exception}"[:200]] += 1


class PendingResult:
    """The result of a call, reported once its user has no more to say of the answer."""

    def __init__(self, run: LocustfileRun, emit: Callable[[bytes], None], result: Result) -> None:
        self.fault: str | None = None
        self._run, self._emit, self._result = run, emit, result
        run.pending.add(self)

    def settle(self) -> None:
        """Report it, unless that is done."""
        if self in self._run.pending:
            self._run.pending.discard(self)
            self._emit(wire.pack(wire.RESULT, *failed(self._result, self.fault)))


@dataclass(frozen=True)
class Invocation:
    """The end of a call, after its last attempt; ``outcome`` is one of tuner.records.Outcome.

    ``duration_ms`` is REPORT's, where it is known; ``latency_ms`` what this user waited. In a
    ``with`` statement, or until the user's next call, :meth:`failure` may find fault with it; an
    assertion that fails there does so, too.
    """

    outcome: str
    status: int | None
    reason: str | None
    body: bytes
    request_id: str | None
    duration_ms: float | None
    latency_ms: float
    pending: PendingResult | None = field(default=None, repr=False, compare=False)

    def __enter__(self) -> "Invocation":
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, AssertionError):
            self.failure(str(error) or "assertion failed")
        self._settle()
        return isinstance(error, AssertionError)

    def __del__(self) -> None:
        self._settle()

    def failure(self, words: str) -> None:
        """Count the call as failed, for this reason."""
        if self.pending is not None:
            self.pending.fault = str(words) or "failed"

    def success(self) -> None:
        """Take a :meth:`failure` back."""
        if self.pending is not None:
            self.pending.fault = None

    def _settle(self) -> None:
        if self.pending is not None:
            self.pending.settle()

    @property
    def ok(self) -> bool:
        """``True`` if the function answered without an error."""
        return self.outcome == Outcome.OK

    def json(self) -> Any:
        """Return the answer's value. Raises ValueError if it is not JSON."""
        return json.loads(self.body)


class _OldModule(ModuleType):
    """This package by the name under which version 0.1 documented it."""

    def __init__(self, used: Callable[[], None]) -> None:
        super().__init__(_OLD_NAME)
        self._used = used

    def __getattr__(self, name: str) -> Any:
        if name not in ("LambdaUser", "Invocation"):
            raise AttributeError(f"module {_OLD_NAME!r} has no attribute {name!r}")
        self._used()
        vars(self).update(LambdaUser=LambdaUser, Invocation=Invocation)  # said once
        return vars(self)[name]


def _keep_old_import(used: Callable[[], None]) -> None:
    """Let this process import from the old name; elsewhere ``tuner.load`` is a function."""
    old, parent = _OldModule(used), ModuleType("tuner.load")
    sys.modules |= {_OLD_NAME: old, parent.__name__: parent}
    setattr(sys.modules["tuner"], "load", parent)  # noqa: B010 - a function to everybody else
    setattr(parent, "worker", old)  # noqa: B010


class LambdaUser(InvokeUser):
    """Calls the load's function from tasks: ``self.invoke({"order": 1})``."""

    abstract = True
    judges = True
    _last: PendingResult | None = None

    def invoke(self, payload: Any = None) -> Invocation:
        """Call the function and wait for its answer; a failure is returned, never raised.

        ``payload`` is sent as its JSON, bytes as they are; without one it is the next of
        ``--payload``, ``--payloads`` or ``--event``. Once the load is over it ends this user.
        ``with self.invoke() as answer: answer.failure("...")`` counts the call as failed.
        """
        if self._last is not None:
            self._last.settle()
        queue: CallQueue = self.environment.queue
        run, job = queue.run, queue.job
        if not isinstance(run, LocustfileRun) or job is None or run.over.is_set():
            raise StopUser
        with run.call():
            return self._invoke(run, job, payload)

    def _invoke(self, run: LocustfileRun, job: Job, payload: Any) -> Invocation:
        script, index, queue = run.script, 0, self.environment.queue
        own: bytes | None = None
        if payload is None:
            index = next(run.payloads)
        else:
            own = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        call = OrderedCall(next(run.numbers), script.qualifier, script.memory_mb, index, None)
        due = Due(call, None, body=own)
        if job.order.pre and not self._prepare(job, due):
            return Invocation(PRE_FAILED, None, PRE_FAILED, b"", None, None, 0.0)
        began = monotonic()
        reply = self._attempts(run, job, due)
        result = reply.result
        if job.order.post:
            result = failed(result, queue.processors.post(result, reply.body).get().words)
        self._last = PendingResult(run, queue.emit, result)
        return Invocation(
            result.outcome,
            result.status,
            result.reason,
            reply.body,
            result.request_id,
            result.duration_ms,
            (result.done - began) * 1000.0,
            self._last,
        )

    def _attempts(self, run: LocustfileRun, job: Job, due: Due) -> Reply:
        """Send until the retry policy gives up, or the load is over."""
        reply: Reply | None = None
        while True:
            if (hold_s := job.retries.hold_s(monotonic())) and run.over.wait(hold_s):
                if reply is None:
                    raise StopUser
                return reply
            reply = self.send(job, due)
            after = self.report(job, due, reply.result, run.over)
            if after is None:
                return reply
            run.over.wait(max(0.0, (after.at or 0.0) - monotonic()))
            due = after
