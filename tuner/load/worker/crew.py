"""Carries out one batch at a time with Locust's own runner, users and statistics.

Locust spawns the lanes, which stay for the next batch with their connections; this module makes
sure that there are enough, connects them before the first call is due, and hands out the calls.
"""

import contextlib
import itertools
from collections.abc import Callable
from ssl import SSLContext
from time import monotonic, time
from typing import Any

import gevent
import gevent.pool
from locust.env import Environment

from tuner.load.signing import InvokeSigner
from tuner.load.wire import Order, Result
from tuner.load.worker.connection import TransportError, tls_context
from tuner.load.worker.lane import Desk, Due, Job, Lane
from tuner.load.worker.timer import Timer
from tuner.target.seam import Credentials

_CONNECT_AT_ONCE = 32
_CONNECT_S = 5.0
_HIRE_S = 30.0


class Crew:
    """The lanes of one worker process and the desk that they serve.

    ``emit`` is called with each result as it comes, and must not block.
    """

    def __init__(self, emit: Callable[[Result], None]) -> None:
        self._desk = Desk(emit)
        environment: Any = Environment(user_classes=[Lane])
        environment.desk = self._desk  # the one thing through which Locust's users see the crew
        self._runner = environment.create_local_runner()
        self._timer = Timer()
        self._tls: dict[bool | str, SSLContext] = {}
        self._stopped = False

    def carry_out(self, order: Order) -> None:
        """Send every call of a batch, unless stopped, and return when all have ended.

        Raises OSError for a CA file that cannot be read.
        """
        self._stopped = False
        desk = self._desk
        desk.limit = order.lanes
        desk.job = self._job(order)
        wanted = order.lanes if order.repeat else min(order.lanes, len(order.calls))
        self._hire(wanted)
        self._connect(desk.job, wanted)
        start = monotonic()
        desk.stopped.clear()
        cutoff = None
        if order.cutoff_s is not None:
            cutoff = gevent.spawn_later(order.cutoff_s, self._cut_off)
        if order.repeat:
            self._begin_round(order)
        else:
            self._offer_all(order, start)
        if desk.unfinished:
            desk.all_done.wait()
        if cutoff is not None:
            cutoff.kill()

    def _offer_all(self, order: Order, start: float) -> None:
        """Hand out each call when it is due."""
        for call in sorted(order.calls, key=lambda call: call.due_s or 0.0):
            at = None if call.due_s is None else start + call.due_s
            if at is not None:
                self._timer.wait_until(at)
            if self._stopped:
                break
            self._desk.offer(Due(call, at))

    def _begin_round(self, order: Order) -> None:
        """Give every lane its first call; further ones they take themselves, round and round."""
        first = order.calls[0].number
        going_round = (
            Due(call._replace(number=number), None)
            for number, call in enumerate(itertools.cycle(order.calls), first)
        )
        for _ in range(order.lanes):
            self._desk.offer(next(going_round))
        if not self._stopped:
            self._desk.more = going_round

    def _cut_off(self) -> None:
        """Nothing new from now on; what is in flight, and its retries, go on."""
        self._stopped = True
        self._timer.wake()
        self._desk.drop_new()

    def stop(self) -> None:
        """Send nothing more of this batch; what is in flight ends as usual."""
        self._stopped = True
        self._timer.wake()
        self._desk.abandon()

    def _job(self, order: Order) -> Job:
        credentials = Credentials(order.access_key, order.secret_key, order.token)
        signer = InvokeSigner(order.url, order.region, order.function, credentials)
        tls = None
        if order.url.startswith("https:"):
            if order.verify not in self._tls:
                self._tls[order.verify] = tls_context(order.verify)
            tls = self._tls[order.verify]
        return Job(order, signer, tls, time)

    def _hire(self, lanes: int) -> None:
        """Have at least so many idle lanes."""
        if self._runner.user_count < lanes:
            self._runner.start(lanes, spawn_rate=lanes)
        give_up = monotonic() + _HIRE_S
        while len(self._desk.idle) < lanes:
            if monotonic() > give_up:
                raise RuntimeError(f"only {len(self._desk.idle)} of {lanes} lanes started")
            gevent.sleep(0.001)

    def _connect(self, job: Job, lanes: int) -> None:
        """Open the connections of the lanes that come first, so that no call waits for that.

        A server that cannot be reached is left for the calls to find out.
        """

        def connect(lane: Lane) -> None:
            with contextlib.suppress(TransportError):
                lane.connection(job).open(monotonic() + min(job.timeout_s, _CONNECT_S))

        pool = gevent.pool.Pool(_CONNECT_AT_ONCE)
        pool.map(connect, self._desk.idle[len(self._desk.idle) - lanes :])
