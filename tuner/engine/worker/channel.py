"""A socket to the tuner as greenlets use it: messages in, and messages out without blocking."""

import socket as plain
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event

from tuner.engine import wire


class Channel:
    """The connected Unix socket with this file descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._socket: Any = socket.socket(plain.AF_UNIX, plain.SOCK_STREAM, fileno=descriptor)
        self._reader = wire.Reader()
        self._outgoing: list[bytes] = []
        self._waiting = Event()

    def send(self, message: bytes) -> None:
        """Queue a message; it leaves in order."""
        self._outgoing.append(message)
        self._waiting.set()

    def write_forever(self, linger_s: Callable[[], float]) -> None:
        """Write what is queued, after it has gathered so long; returns when the tuner is gone."""
        while True:
            self._waiting.wait()
            self._waiting.clear()
            outgoing, self._outgoing = self._outgoing, []
            try:
                self._socket.sendall(b"".join(outgoing))
            except OSError:
                return
            if wait := linger_s():
                gevent.sleep(wait)

    def messages(self) -> Iterator[tuple[Any, ...]]:
        """Messages from the tuner, until it closes its end."""
        while True:
            try:
                data = self._socket.recv(1 << 20)
            except OSError:
                return
            if not data:
                return
            yield from self._reader.feed(data)
