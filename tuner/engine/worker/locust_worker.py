"""A worker: what it does with each message of the tuner, and how it gets them.

``python -m tuner.engine.worker.locust_worker FD`` is the only worker of a tuner, whose socket is
FD; it ends with that socket. With ``HOST PORT [alone]`` it joins a master by Locust's protocol, as
workers do that Locust started itself (its Docker image, its operator; ``locustfile.py``). Then it
ends when the master says so or is silent for some seconds: a load without its master must not go
on. It dies with its parent unless ``alone``, as which it ends at once for Ctrl-C.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from time import monotonic, process_time
from typing import Any, NoReturn

import gevent
import psutil
from gevent.event import AsyncResult
from locust import events
from locust.env import Environment

from tuner.engine import wire
from tuner.engine.worker.pacer import Pacer
from tuner.engine.worker.process import (
    Channel,
    Outbox,
    ask_for_prompt_wakeups,
    die_with_parent,
    settle_memory,
)
from tuner.engine.worker.sealed import seal_sockets
from tuner.engine.worker.users import QueueUser
from tuner.engine.worker_process import machine_id

_FEW = 4
#: Seconds for which results may gather before they are sent, with more than a few users.
LINGER_S = 0.005
#: The type of Locust message that carries ours.
MESSAGE = "tuner"
#: What `tuner worker` says at the end of the five minutes for which Locust looks for a master.
_NO_LOAD = """\
tuner: --master {}: no load waits there for workers with this secret
Start `tuner load TARGET --expect-workers N` there, with the same secret, then join again.
"""
_SILENCE_S = 5.0  # the heartbeat of Locust's master comes once a second


class Worker:
    """Carries out the orders of one tuner, one batch at a time, in a greenlet of its own.

    A stop or new credentials are heard meanwhile. ``send`` queues a message and never blocks.
    """

    def __init__(self, runner: Any, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._pacer = pacer = Pacer(runner, send)
        self._go: AsyncResult = AsyncResult()
        #: Seconds for which results may gather now.
        self.linger_s = 0.0
        self._acts: dict[str, Callable[..., object]] = {
            wire.ORDER: self._begin,
            wire.GO: self._start,
            wire.CALLS: pacer.add,
            wire.LAST: pacer.last,
            wire.STOP: pacer.stop,
            wire.KEYS: pacer.use_keys,
            wire.LIMIT: pacer.widen,
            wire.HOOKED: pacer.queue.processors.answer,
            wire.PING: lambda sent: send(wire.pack(wire.PONG, sent, monotonic())),
        }

    def greet(self) -> None:
        """Report that this worker is there, and begin its heartbeat."""
        self._send(wire.pack(wire.VERSION, wire.PROTOCOL))
        self._send(wire.pack(wire.READY, machine_id(), os.getpid()))
        gevent.spawn(self._beat)

    def take(self, kind: str, fields: list[Any]) -> None:
        """Act on one message; never blocks."""
        if (act := self._acts.get(kind)) is not None:
            act(*fields)

    def stop(self) -> None:
        """Send no more calls; what is in flight ends as usual."""
        self._pacer.stop()

    def _begin(self, *fields: Any) -> None:
        self._go = AsyncResult()
        self._pacer.clear()
        gevent.spawn(self._carry_out, fields, self._go)

    def _start(self, at_s: float) -> None:
        self._go.set(at_s)

    def _carry_out(self, fields: Sequence[Any], go: AsyncResult) -> None:
        try:
            order = wire.Order.read(fields)
            self.linger_s = LINGER_S if order.concurrency > _FEW else 0.0
            self._pacer.stand_by(order)
            self._send(wire.pack(wire.SET))
            self._pacer.carry_out(go.get())
        except Exception as error:
            self._send(wire.pack(wire.FAILED, f"{type(error).__name__}: {error}"))
        self._send(wire.pack(wire.END))

    def _beat(self) -> None:
        at, used = monotonic(), process_time()
        psutil.cpu_percent()  # the next counts from now
        while True:
            gevent.sleep(wire.BEAT_S)
            now, now_used = monotonic(), process_time()
            machine = psutil.cpu_percent() / 100.0
            self._send(wire.pack(wire.BEAT, (now_used - used) / (now - at), machine))
            at, used = now, now_used


class JoinedWorker:
    """A worker that gets its messages by way of a Locust worker's runner."""

    def __init__(self, runner: Any) -> None:
        self._runner = runner
        self._reader = wire.Reader()
        self._heard_at = monotonic()
        outbox = Outbox(lambda data: runner.send_message(MESSAGE, data))
        self._worker = worker = Worker(runner, outbox.send)
        runner.register_message(MESSAGE, self._take)
        runner.environment.events.heartbeat_received.add_listener(self._hear)
        gevent.spawn(outbox.write_forever, lambda: worker.linger_s or LINGER_S / 5)
        worker.greet()

    def watch(self) -> None:
        """Make the runner of a process of Locust's own quit when the master is gone."""

        def end() -> None:
            self.wait_for_end()
            self._runner.quit()

        gevent.spawn(end)

    def wait_for_end(self) -> None:
        """Return when the master said so, or is gone, and sending has stopped."""
        # A runner that is told to quit ends all of its greenlets.
        while monotonic() - self._heard_at < _SILENCE_S and len(self._runner.greenlet) > 0:
            gevent.sleep(0.1)
        self._worker.stop()

    def _take(self, msg: Any, **_: Any) -> None:
        self._heard_at = monotonic()
        for kind, *fields in self._reader.feed(msg.data):
            self._worker.take(kind, fields)

    def _hear(self, **_: Any) -> None:
        self._heard_at = monotonic()


def _serve_socket(environment: Any, descriptor: int) -> NoReturn:
    channel = Channel(descriptor)
    worker = Worker(environment.create_local_runner(), channel.send)
    ask_for_prompt_wakeups()
    settle_memory()
    writer = gevent.spawn(channel.write_forever, lambda: worker.linger_s)
    worker.greet()
    for kind, *fields in channel.messages():
        worker.take(kind, fields)
    writer.kill()
    # Nothing that matters is in flight, and Locust's greenlets never end by themselves.
    os._exit(0)


def _serve_master(environment: Any, host: str, port: str) -> NoReturn:
    seal_sockets()
    try:
        member = JoinedWorker(environment.create_worker_runner(host, int(port)))
    except ConnectionError:
        os.write(2, _NO_LOAD.format(f"{host}:{port}").encode())
        os._exit(1)
    ask_for_prompt_wakeups()
    settle_memory()
    member.wait_for_end()
    os._exit(0)


def _leave(_number: int, _frame: object) -> NoReturn:
    os.write(2, b"tuner: interrupted\n")
    os._exit(130)


def main() -> None:
    """Serve the tuner or the master that the arguments name."""
    given = sys.argv[1:]
    if given[2:] == ["alone"]:
        signal.signal(signal.SIGINT, _leave)
        # `tuner worker` has blocked it, lest it end the loading of Locust with a traceback.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    else:
        die_with_parent()
    logging.getLogger("locust").setLevel(logging.ERROR)
    environment = Environment(user_classes=[QueueUser], events=events)
    if len(given) == 1:
        _serve_socket(environment, int(given[0]))
    _serve_master(environment, given[0], given[1])


if __name__ == "__main__":
    main()
