"""The pacer of one worker process: it hands out calls exactly when they are due.

Locust spawns the users that send them, which stay for the next batch with their connections. The
pacer makes sure that there are enough, and connects them before the first call is due.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic, time
from typing import Any

import gevent
import gevent.pool
from gevent.event import Event

from tuner.engine.wire import Order, OrderedCall
from tuner.engine.worker.call_queue import CallQueue
from tuner.engine.worker.connection import TransportError, tls_context
from tuner.engine.worker.job import Due, Job
from tuner.engine.worker.script import LocustfileRun
from tuner.engine.worker.timer import Timer
from tuner.engine.worker.users import QueueUser

_CONNECT_AT_ONCE = 32
_CONNECT_MOST = 200  # a load that needs more users at once connects those as it needs them
_CONNECT_S = 5.0
_LATE_AT_ONCE = 16
_ARRIVE_S = 0.05
_FIRST_S = 1.0
_PREPARE_S = 10.0


class Pacer:
    """Carries out one batch at a time.

    ``runner`` is a Locust runner with :class:`QueueUser` among its user classes; ``emit`` is called
    with each message about calls, and must not block.
    """

    def __init__(self, runner: Any, emit: Callable[[bytes], None]) -> None:
        self.queue = CallQueue(emit)
        self._runner = runner
        runner.environment.queue = self.queue  # the one thing through which Locust's users see us
        self._timer = Timer()
        self._calls: deque[OrderedCall] = deque()
        self._preparing: dict[int, Any] = {}
        self._more = Event()
        self._run: LocustfileRun | None = None
        self._last = False
        self._stopped = False
        self._start = 0.0

    def clear(self) -> None:
        """Forget the last batch, so that calls of the next may come."""
        self._stopped = self._last = False
        self._calls.clear()
        self._preparing.clear()
        self.queue.job = self._run = self.queue.run = None

    def stand_by(self, order: Order) -> None:
        """Spawn and connect the users of a batch. Raises OSError for an unreadable CA file."""
        tls = tls_context(order.verify) if order.url.startswith("https:") else None
        job = Job(order, tls, time)
        self.queue.begin(job)
        if order.script is not None:
            self._run = self.queue.run = LocustfileRun(
                self._runner, self.queue, order, order.script
            )
            return
        self._prepare(self._calls)
        self._spawn(order.concurrency)
        while len(self.queue.idle) < order.concurrency:  # a new user has to run once to be idle
            gevent.sleep(0.001)
        self._connect(job, min(order.concurrency, _CONNECT_MOST))
        if order.pre:
            self._await_first()

    def add(self, *calls: Sequence[Any]) -> None:
        """Add calls to the batch, due no earlier than those before."""
        more = [OrderedCall(*call) for call in calls]
        self._calls.extend(more)
        self._prepare(more)
        self._more.set()

    def last(self) -> None:
        """Expect no more calls."""
        self._last = True
        self._more.set()

    def carry_out(self, start: float) -> None:
        """Send every call that comes, unless stopped; return when all have ended.

        Due times count from ``start`` on CLOCK_MONOTONIC.
        """
        queue, timer = self.queue, self._timer
        if self._run is not None:
            self._run.run(start)
            return
        cutoff = None
        if queue.job is not None and (cutoff_s := queue.job.order.policy.cutoff_s) is not None:
            cutoff = gevent.spawn_later(max(0.0, start + cutoff_s - monotonic()), self._cut_off)
        self._start, queue.pace = start, self._offer_due
        at_once = 0
        while (call := self._first()) is not None:
            if call.due_s is not None and timer.wait_until(start + call.due_s):
                at_once = 0
            if self._stopped:
                break
            at_once += self._offer_due()
            if at_once >= _LATE_AT_ONCE:
                gevent.sleep(0)  # or the users would never run while this is behind
                at_once = 0
        queue.pace = lambda: None
        queue.wait_quiet()
        if cutoff is not None:
            cutoff.kill()

    def stop(self) -> None:
        """Send nothing more of this batch; what is in flight ends as usual."""
        if self._run is not None:
            self._run.over.set()
        self._end_pacing()
        self.queue.stop()

    def _cut_off(self) -> None:
        """Begin no new call; what is in flight goes on, and so do its retries."""
        self._end_pacing()
        self.queue.cut_off()

    def _end_pacing(self) -> None:
        self._stopped = True
        self._more.set()
        self._timer.wake()

    def use_keys(self, access_key: str, secret_key: str, token: str | None) -> None:
        """Sign what is sent from now on with other credentials."""
        if self.queue.job is not None:
            self.queue.job.use_keys(access_key, secret_key, token)

    def widen(self, concurrency: int) -> None:
        """Work with so many users from now on; the new ones connect with their first call.

        Those of a locustfile stay as many as they are.
        """
        if self._run is not None:
            return
        self._spawn(concurrency)
        self.queue.widen(concurrency)

    def _first(self) -> OrderedCall | None:
        """Return the call that is due next, left in place; wait until there is one, or no more."""
        calls, more = self._calls, self._more
        while not self._stopped:
            if calls:
                return calls[0]
            if self._last:
                return None
            more.clear()
            more.wait()
        return None

    def _offer_due(self) -> int:
        """Hand out what is due by now, a few at a time; return how many calls that were.

        Also called by users between two steps of their work, so that a call that falls due while
        answers are read does not wait for all of them.
        """
        calls, offered = self._calls, 0
        while calls and offered < _LATE_AT_ONCE and not self._stopped:
            due_s = calls[0].due_s
            at = None if due_s is None else self._start + due_s
            if at is not None and at > monotonic():
                break
            call = calls.popleft()
            preparing = self._preparing.pop(call.number, None)
            if preparing is None:
                self.queue.offer(Due(call, at))
            else:
                self.queue.offer_prepared(Due(call, at), preparing)
            offered += 1
        return offered

    def _await_first(self) -> None:
        """Let the calls that are due at once be prepared before the load begins."""
        gevent.sleep(_ARRIVE_S)  # they come right after the order
        first = {call.number for call in self._calls if (call.due_s or 0.0) < _FIRST_S}
        preparing = [asked for number, asked in self._preparing.items() if number in first]
        gevent.wait(preparing, timeout=_PREPARE_S)

    def _prepare(self, calls: Iterable[OrderedCall]) -> None:
        """Have payloads prepared before their calls are due; without due times users do it."""
        job = self.queue.job
        if job is None or not job.order.pre:
            return
        for call in calls:
            if call.due_s is not None:
                self._preparing[call.number] = self.queue.processors.pre(
                    call.number, job.body(call)
                )

    def _spawn(self, concurrency: int) -> None:
        """Spawn users until there are so many."""
        missing = concurrency - self._runner.user_count
        if missing > 0:
            self._runner.spawn_users({QueueUser.__name__: missing})

    def _connect(self, job: Job, concurrency: int) -> None:
        """Open the connections of the first users, so that no call waits for that.

        A server that cannot be reached is left for the calls to find out.
        """
        wait_s = min(job.timeout_s, _CONNECT_S)

        def connect(user: Any) -> None:
            with contextlib.suppress(TransportError):
                user.connection(job).open(monotonic() + wait_s)

        pool = gevent.pool.Pool(_CONNECT_AT_ONCE)
        pool.map(connect, self.queue.idle[len(self.queue.idle) - concurrency :])
