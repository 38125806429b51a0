"""The worker's process: ``python -m tuner.load.worker FD``, where FD is its socket to the parent.

It answers orders one at a time until that socket ends, and dies with its parent. It belongs to a
session of its own, so that Ctrl-C in a terminal reaches the parent only.
"""

import gc
import logging
import os
import signal
import socket as plain
import sys
from time import monotonic, process_time
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event

from tuner.load import wire
from tuner.load.worker.crew import Crew

#: How long results may gather before they are sent, with more than a few lanes.
_LINGER_S = 0.005
_FEW_LANES = 4
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Channel:
    """The socket to the parent: messages in, results out without blocking a lane."""

    def __init__(self, connected: Any) -> None:
        self._socket = connected
        self._reader = wire.Reader()
        self._outgoing: list[bytes] = []
        self._waiting = Event()
        self.linger_s = 0.0

    def send(self, message: bytes) -> None:
        """Queue a message; it leaves in order."""
        self._outgoing.append(message)
        self._waiting.set()

    def write_forever(self) -> None:
        """Write what is queued; returns when the parent is gone."""
        while True:
            self._waiting.wait()
            self._waiting.clear()
            outgoing, self._outgoing = self._outgoing, []
            try:
                self._socket.sendall(b"".join(outgoing))
            except OSError:
                return
            if self.linger_s:
                gevent.sleep(self.linger_s)

    def messages(self) -> Any:
        """Messages from the parent, until it closes its end."""
        while True:
            try:
                data = self._socket.recv(1 << 20)
            except OSError:
                return
            if not data:
                return
            yield from self._reader.feed(data)


class Worker:
    """Takes orders from the channel and has the crew carry them out."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._crew = Crew(lambda result: channel.send(wire.pack(wire.RESULT, *result)))

    def serve(self) -> None:
        """Work until the parent closes its end."""
        self._channel.send(wire.pack(wire.READY))
        gevent.spawn(self._beat)
        for kind, *fields in self._channel.messages():
            if kind == wire.ORDER:
                gevent.spawn(self._carry_out, wire.read_order(fields))
            elif kind == wire.STOP:
                self._crew.stop()

    def _carry_out(self, order: wire.Order) -> None:
        self._channel.linger_s = _LINGER_S if order.lanes > _FEW_LANES else 0.0
        try:
            self._crew.carry_out(order)
        except Exception as error:
            self._channel.send(wire.pack(wire.FAILED, f"{type(error).__name__}: {error}"))
        self._channel.send(wire.pack(wire.END))

    def _beat(self) -> None:
        at, used = monotonic(), process_time()
        while True:
            gevent.sleep(wire.BEAT_S)
            now, now_used = monotonic(), process_time()
            self._channel.send(wire.pack(wire.BEAT, (now_used - used) / (now - at)))
            at, used = now, now_used


def _die_with_parent() -> None:
    """End even if something else keeps the parent's end of the socket open (Linux only).

    The signal also comes when only the thread ends that started this process: then live on.
    """
    parent = os.getppid()
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)

    def on_signal(_number: int, _frame: Any) -> None:
        if os.getppid() != parent:
            os._exit(1)

    signal.signal(signal.SIGTERM, on_signal)


def main() -> None:
    """Serve the parent whose socket is the first argument."""
    _die_with_parent()
    logging.getLogger("locust").setLevel(logging.ERROR)
    connected = socket.socket(plain.AF_UNIX, plain.SOCK_STREAM, fileno=int(sys.argv[1]))
    channel = Channel(connected)
    worker = Worker(channel)
    # What is loaded now lives as long as the process. Collections look at the young objects
    # only, seldom, so that none of them shows as a pause in somebody's latency.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    writer = gevent.spawn(channel.write_forever)
    worker.serve()
    writer.kill()
    # Nothing is in flight that anybody waits for, and Locust's greenlets never end by themselves.
    os._exit(0)


if __name__ == "__main__":
    main()
