"""What a worker does with each message of the tuner, whatever carried it here.

One batch at a time is carried out in a greenlet of its own, so that a stop or new credentials are
heard meanwhile. How messages travel is the business of ``__main__.py`` and ``member.py``.
"""

import os
from collections.abc import Callable
from time import monotonic, process_time
from typing import Any

import gevent
from gevent.event import AsyncResult

from tuner.engine import wire
from tuner.engine.machine import machine_id
from tuner.engine.worker.crew import Crew

_FEW_LANES = 4
#: How long results may gather before they are sent, with more than a few lanes.
LINGER_S = 0.005


class Worker:
    """Serves one tuner. ``send`` queues a message to it and never blocks."""

    def __init__(self, runner: Any, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._crew = Crew(runner, send)
        self._go: AsyncResult = AsyncResult()
        #: How long the carrier may let results gather now, in seconds.
        self.linger_s = 0.0

    def greet(self) -> None:
        """Say that this worker is there, and from now on that it lives."""
        self._send(wire.pack(wire.READY, machine_id(), os.getpid()))
        gevent.spawn(self._beat)

    def take(self, kind: str, fields: list[Any]) -> None:
        """Act on one message; never blocks."""
        crew = self._crew
        if kind == wire.ORDER:
            self._go = AsyncResult()
            crew.clear()
            gevent.spawn(self._carry_out, wire.read_order(fields), self._go)
        elif kind == wire.GO:
            self._go.set(fields[0])
        elif kind == wire.CALLS:
            crew.add(wire.OrderedCall(*call) for call in fields)
        elif kind == wire.LAST:
            crew.last()
        elif kind == wire.STOP:
            self.stop()
        elif kind == wire.KEYS:
            crew.use_keys(*fields)
        elif kind == wire.LIMIT:
            crew.widen(fields[0])
        elif kind == wire.HOOKED:
            crew.hooked(*fields)
        elif kind == wire.PING:
            self._send(wire.pack(wire.PONG, fields[0], monotonic()))

    def stop(self) -> None:
        """Send no more calls; what is in flight ends as usual."""
        self._crew.stop()

    def _carry_out(self, order: wire.Order, go: AsyncResult) -> None:
        self.linger_s = LINGER_S if order.lanes > _FEW_LANES else 0.0
        try:
            self._crew.stand_by(order)
            self._send(wire.pack(wire.SET))
            self._crew.carry_out(go.get())
        except Exception as error:
            self._send(wire.pack(wire.FAILED, f"{type(error).__name__}: {error}"))
        self._send(wire.pack(wire.END))

    def _beat(self) -> None:
        at, used = monotonic(), process_time()
        while True:
            gevent.sleep(wire.BEAT_S)
            now, now_used = monotonic(), process_time()
            self._send(wire.pack(wire.BEAT, (now_used - used) / (now - at)))
            at, used = now, now_used
