"""The queue between calls that are due and users that are free; retries wait here, too.

It bounds how many users work at once and how long a call waits for one, and knows when a batch has
ended. It sends nothing; its users are anything that can be woken.
"""

from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import Any, NamedTuple, Protocol

import gevent
from gevent.event import AsyncResult, Event

from tuner.engine import wire
from tuner.engine.worker.job import Due, Job


class Hooked(NamedTuple):
    """A processor's answer: whether it succeeded, and the payload that it made.

    Of a post-processor, ``body`` says what is wrong with the answer that it was given, if anything.
    """

    good: bool
    body: bytes | None

    @property
    def words(self) -> str:
        """Text of ``body``."""
        return (self.body or b"").decode("utf-8", "replace")


class ProcessorCalls:
    """Requests to the tuner to run processors; ``emit`` queues a message and never blocks."""

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self._emit = emit
        self._open: dict[tuple[str, int], AsyncResult] = {}

    def pre(self, number: int, body: bytes) -> AsyncResult:
        """Have the payload of a call prepared; the result becomes a :class:`Hooked`."""
        return self._ask("pre", number, body, None, None)

    def post(self, result: wire.Result, body: bytes) -> AsyncResult:
        """Have the answer of a call processed; the result becomes a :class:`Hooked`."""
        return self._ask("post", result.number, body, result.outcome, result.status)

    def answer(self, kind: str, number: int, good: bool, body: bytes | None) -> None:
        """Pass an answer on."""
        asked = self._open.pop((kind, number), None)
        if asked is not None:
            asked.set(Hooked(good, body))

    def _ask(
        self, kind: str, number: int, body: bytes, outcome: str | None, status: int | None
    ) -> AsyncResult:
        asked = self._open[kind, number] = AsyncResult()
        self._emit(wire.pack(wire.HOOK, kind, number, body, outcome, status))
        return asked


NO_CONNECTION, STOPPED, PRE_FAILED = "no free connection", "stopped", wire.PRE_FAILED
HELD_BACK = "held back by the retry policy"


class Sender(Protocol):
    """A user that takes calls."""

    wake: Event
    working: bool

    def begin(self, job: Job, due: Due) -> bool:
        """Send a call right now if that takes no waiting; return whether it is sent."""
        ...

    def begun(self) -> Due | None:
        """Return the call that was sent so, whose answer the user has still to read."""
        ...


class CallQueue:
    """Hands out what is due; the last user to go idle comes first.

    ``limit`` bounds how many users work at once; what is due beyond it waits in ``ready``, and
    its lag tells how long. ``emit`` is called with each message as it comes, and must not block;
    ``pace`` offers what is due by now, for users to call between two steps of their work.
    """

    def __init__(self, emit: Callable[[bytes], None]) -> None:
        self.emit = emit
        self.processors = ProcessorCalls(emit)
        self.run: object = None  # the locustfile whose users call now, if there is one
        self.pace: Callable[[], object] = lambda: None
        self.job: Job | None = None
        self.limit = 0
        self._patience_s: float | None = None
        self.ready: deque[Due] = deque()
        self.idle: list[Sender] = []
        self.stopped = Event()
        self.ending = Event()  # no first attempt may be sent any more
        self._busy = 0
        self._waiting: set[Any] = set()  # greenlets of calls that are offered later
        self._post_running: set[Any] = set()  # greenlets that wait for post-processors
        self._quiet = Event()
        self._quiet.set()

    def offer(self, due: Due) -> None:
        """Have a call sent now: by an idle user, or by the next that is done."""
        self._quiet.clear()
        self._drop_late()
        if not self._begin(due):
            self.ready.append(due)
            self._wake_one()

    def next(self, user: Sender) -> Due:
        """Return the user's next call; wait until there is one."""
        while True:
            self._drop_late()
            if self.ready and self.job and user.working and self._busy <= self.limit:
                return self.ready.popleft()
            if user.working:
                user.working = False
                self._busy -= 1
            self.idle.append(user)
            self._look_whether_quiet()
            user.wake.wait()
            user.wake.clear()
            user.working = True
            if (begun := user.begun()) is not None:
                return begun

    def offer_later(self, due: Due) -> None:
        """Have a further attempt sent at its due time; its call is unfinished until then."""

        def arrive() -> None:
            # No less than that: gevent counts from its loop's last look at the clock.
            while (left_s := (due.at or 0.0) - monotonic()) > 0.0:
                gevent.sleep(left_s)
            self.offer(due)

        self._hold_open(self._waiting, arrive)

    def offer_prepared(self, due: Due, asked: AsyncResult) -> None:
        """Have a call sent as soon as its pre-processor has ended; it is due no sooner."""
        self._quiet.clear()

        def arrive() -> None:
            hooked = asked.get()
            due.at = max(due.at or 0.0, monotonic())
            if take_over(due, hooked):
                self.offer(due)
            else:
                self.drop(due, PRE_FAILED)

        if asked.ready() and take_over(due, asked.get()):
            self.offer(due)
        else:
            self._hold_open(self._waiting, arrive)

    def drop(self, due: Due, reason: str) -> None:
        """Report that nothing more comes of a call; the tuner knows whether it was sent before."""
        self.emit(wire.pack(wire.DROPPED, due.call.number, reason))

    def await_post(self, work: Callable[[], object]) -> None:
        """Keep the batch open until this is done, which waits for a post-processor."""
        self._hold_open(self._post_running, work)

    def widen(self, limit: int) -> None:
        """Let so many users work from now on."""
        self.limit = limit
        for _ in range(len(self.ready)):
            self._wake_one()

    def cut_off(self) -> None:
        """Hand out no further first attempt; report as dropped what was due and not sent."""
        self.ending.set()
        for due in self.ready:
            if due.attempt == 1:
                self.drop(due, STOPPED)
        self.ready = deque(due for due in self.ready if due.attempt > 1)
        self._look_whether_quiet()

    def stop(self) -> None:
        """Hand out nothing more at all."""
        self.stopped.set()
        self.cut_off()
        self.ready.clear()
        gevent.killall(list(self._waiting), block=False)
        self._waiting.clear()
        self._look_whether_quiet()

    def wait_quiet(self) -> None:
        """Return when nothing is in flight, due, or waiting for another attempt."""
        self._quiet.wait()

    def begin(self, job: Job) -> None:
        """Begin a new batch."""
        order = job.order
        self.job = job
        self.limit = order.concurrency
        self._patience_s = order.policy.patience_s
        self.stopped.clear()
        self.ending.clear()

    def _hold_open(self, among: set[Any], work: Callable[[], object]) -> None:
        """Do this in a greenlet, without whose end the batch is not over."""

        def run() -> None:
            work()
            among.discard(greenlet)
            self._look_whether_quiet()

        greenlet = gevent.spawn(run)
        among.add(greenlet)

    def _wake_one(self) -> None:
        if self.idle and self._busy < self.limit:
            self._busy += 1
            self.idle.pop().wake.set()

    def _begin(self, due: Due) -> bool:
        """Send a call on an idle user's connection right now, and wake the user for the answer."""
        job, idle = self.job, self.idle
        if job is None or self.ready or not idle or self._busy >= self.limit:
            return False
        if self.stopped.is_set() or not idle[-1].begin(job, due):
            return False
        self._busy += 1
        idle.pop().wake.set()
        return True

    def _drop_late(self) -> None:
        if self._patience_s is None or not self.ready:
            return
        latest = monotonic() - self._patience_s
        while self.ready:
            first = self.ready[0]
            if first.at is None or first.at > latest or first.attempt > 1:
                return
            self.drop(self.ready.popleft(), NO_CONNECTION)

    def _look_whether_quiet(self) -> None:
        if not self.ready and self._busy == 0 and not self._waiting and not self._post_running:
            self._quiet.set()


def take_over(due: Due, hooked: Hooked) -> bool:
    """Give a call the payload that was made for it; ``False`` if that failed."""
    due.prepared = hooked.good
    due.body = due.body if hooked.body is None else hooked.body
    return hooked.good
