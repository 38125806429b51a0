"""The lanes of one worker process, and the pacing that gives them calls when they are due.

Locust spawns the lanes, which stay for the next batch with their connections; this module makes
sure that there are enough, connects them before the first call is due, and hands out the calls.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from ssl import SSLContext
from time import monotonic, time
from typing import Any

import gevent
import gevent.pool
from gevent.event import Event

from tuner.engine.wire import Order, OrderedCall
from tuner.engine.worker.connection import TransportError, tls_context
from tuner.engine.worker.desk import Desk
from tuner.engine.worker.job import Due, Job
from tuner.engine.worker.lane import Lane
from tuner.engine.worker.play import Play
from tuner.engine.worker.timer import Timer

_CONNECT_AT_ONCE = 32
_CONNECT_MOST = 200  # a load that needs more lanes at once connects those as it needs them
_CONNECT_S = 5.0
_LATE_AT_ONCE = 16
_ARRIVE_S = 0.05
_FIRST_S = 1.0
_PREPARE_S = 10.0


class Crew:
    """Carries out one batch at a time.

    ``runner`` is a Locust runner with :class:`Lane` among its user classes; ``emit`` is called
    with each message about calls, and must not block.
    """

    def __init__(self, runner: Any, emit: Callable[[bytes], None]) -> None:
        self._desk = Desk(emit)
        self._runner = runner
        runner.environment.desk = self._desk  # the one thing through which Locust's users see us
        self._timer = Timer()
        self._tls: dict[bool | str, SSLContext] = {}
        self._calls: deque[OrderedCall] = deque()
        self._preparing: dict[int, Any] = {}
        self._more = Event()
        self._order: Order | None = None
        self._play: Play | None = None
        self._last = False
        self._stopped = False
        self._start = 0.0

    def clear(self) -> None:
        """Forget the last batch; calls of the next may come from now on."""
        self._stopped = self._last = False
        self._calls.clear()
        self._preparing.clear()
        self._order = self._play = self._desk.play = None

    def stand_by(self, order: Order) -> None:
        """Hire and connect the lanes for a batch. Raises OSError for an unreadable CA file."""
        self._desk.begin(Job(order, self._tls_of(order), time))
        self._order = order
        if order.script is not None:
            self._play = self._desk.play = Play(self._runner, self._desk, order)
            return
        self._prepare(self._calls)
        self._hire(order.lanes)
        while len(self._desk.idle) < order.lanes:  # a new lane has to run once to be idle
            gevent.sleep(0.001)
        self._connect(min(order.lanes, _CONNECT_MOST))
        if order.pre:
            self._await_first()

    def add(self, calls: Iterator[OrderedCall]) -> None:
        """More calls of the batch, due no earlier than those before."""
        more = list(calls)
        self._calls.extend(more)
        self._prepare(more)
        self._more.set()

    def last(self) -> None:
        """No more calls will come."""
        self._last = True
        self._more.set()

    def carry_out(self, start: float) -> None:
        """Send every call that comes, unless stopped; return when all have ended.

        Due times count from ``start`` on CLOCK_MONOTONIC.
        """
        desk, timer = self._desk, self._timer
        if self._play is not None:
            self._play.run(start)
            return
        cutoff = None
        if self._order is not None and self._order.cutoff_s is not None:
            wait_s = start + self._order.cutoff_s - monotonic()
            cutoff = gevent.spawn_later(max(0.0, wait_s), self._cut_off)
        self._start, desk.pace = start, self._offer_due
        at_once = 0
        while (call := self._first()) is not None:
            if call.due_s is not None and timer.wait_until(start + call.due_s):
                at_once = 0
            if self._stopped:
                break
            at_once += self._offer_due()
            if at_once >= _LATE_AT_ONCE:
                gevent.sleep(0)  # or the lanes would never run while this is behind
                at_once = 0
        desk.pace = lambda: None
        desk.wait_quiet()
        if cutoff is not None:
            cutoff.kill()

    def stop(self) -> None:
        """Send nothing more of this batch; what is in flight ends as usual."""
        if self._play is not None:
            self._play.over.set()
        self._end_pacing()
        self._desk.stop()

    def _cut_off(self) -> None:
        """Nothing new from now on; what is in flight, and its retries, go on."""
        self._end_pacing()
        self._desk.cut_off()

    def _end_pacing(self) -> None:
        self._stopped = True
        self._more.set()
        self._timer.wake()

    def use_keys(self, access_key: str, secret_key: str, token: str | None) -> None:
        """Sign what is sent from now on with other credentials."""
        if self._desk.job is not None:
            self._desk.job.use_keys(access_key, secret_key, token)

    def hooked(self, kind: str, number: int, good: bool, body: bytes | None) -> None:
        """What the tuner says of a processor."""
        self._desk.asking.told(kind, number, good, body)

    def widen(self, lanes: int) -> None:
        """Work with so many lanes from now on; the new ones connect with their first call.

        Users of a locustfile stay as many as they are.
        """
        if self._play is not None:
            return
        self._hire(lanes)
        self._desk.widen(lanes)

    def _first(self) -> OrderedCall | None:
        """The call that is due next, left where it is; waits until there is one, or no more."""
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
        """Hand out what is due by now, some at a time at most; how many calls that were.

        Also called by lanes between two steps of their work, so that a call that falls due while
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
                self._desk.offer(Due(call, at))
            else:
                self._desk.offer_prepared(Due(call, at), preparing)
            offered += 1
        return offered

    def _await_first(self) -> None:
        """Let the calls that are due at once be prepared before the load begins."""
        gevent.sleep(_ARRIVE_S)  # they come right after the order
        first = {call.number for call in self._calls if (call.due_s or 0.0) < _FIRST_S}
        preparing = [asked for number, asked in self._preparing.items() if number in first]
        gevent.wait(preparing, timeout=_PREPARE_S)

    def _prepare(self, calls: Iterable[OrderedCall]) -> None:
        """Have payloads prepared before their calls are due; without due times the lanes do."""
        job = self._desk.job
        if self._order is None or not self._order.pre or job is None:
            return
        for call in calls:
            if call.due_s is not None:
                self._preparing[call.number] = self._desk.asking.pre(call.number, job.body(call))

    def _tls_of(self, order: Order) -> SSLContext | None:
        if not order.url.startswith("https:"):
            return None
        if order.verify not in self._tls:
            self._tls[order.verify] = tls_context(order.verify)
        return self._tls[order.verify]

    def _hire(self, lanes: int) -> None:
        """Have at least so many lanes."""
        missing = lanes - self._runner.user_count
        if missing > 0:
            self._runner.spawn_users({Lane.__name__: missing})

    def _connect(self, lanes: int) -> None:
        """Open the connections of the lanes that come first, so that no call waits for that.

        A server that cannot be reached is left for the calls to find out.
        """
        job = self._desk.job
        assert job is not None
        wait_s = min(job.timeout_s, _CONNECT_S)

        def connect(lane: Any) -> None:
            with contextlib.suppress(TransportError):
                lane.connection(job).open(monotonic() + wait_s)

        pool = gevent.pool.Pool(_CONNECT_AT_ONCE)
        pool.map(connect, self._desk.idle[len(self._desk.idle) - lanes :])
