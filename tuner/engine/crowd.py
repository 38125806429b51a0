"""Several workers behind a Locust master, of this machine and of others, as the tuner sees them.

The master is a child process (``tuner.engine.worker.hub``) that starts the local workers and passes
messages on; workers join it with Locust's own protocol. One that ends is told as lost. Workers of
other machines have other clocks: how far theirs is ahead is measured when they join.
"""

from collections import deque
from collections.abc import Sequence
from typing import Any

from tuner.clock import Clock
from tuner.engine import wire
from tuner.engine.machine import machine_id
from tuner.engine.staff import LOST, Staff, Told, Workers
from tuner.engine.worker_process import START_S, WorkerProcess
from tuner.errors import TunerError

_PINGS = 8


class _Member:
    """A worker that has joined; ``lead_s`` comes from the quickest of its pings."""

    def __init__(self) -> None:
        self.reader = wire.Reader()
        self.pid: int | None = None  # of this machine's
        self.ready = False
        self.lead_s = 0.0
        self._quickest_s = float("inf")
        self._pings = 0

    def pong(self, sent_s: float, its_s: float, now_s: float) -> None:
        """Half a round trip after ``sent_s``, its clock said ``its_s`` (Cristian, 1989)."""
        self._pings += 1
        if now_s - sent_s < self._quickest_s:
            self._quickest_s = now_s - sent_s
            self.lead_s = its_s - (sent_s + now_s) / 2
        self.ready = self._pings >= _PINGS


class Crowd(Staff):
    """Starts the master with its construction; all come up while others go on."""

    def __init__(self, workers: Workers, clock: Clock) -> None:
        self._workers, self._clock = workers, clock
        self._members: dict[str, _Member] = {}
        self._told: deque[Told] = deque()
        self._gone: set[int] = set()
        self._complete = False
        web = "-" if workers.web is None else "{}:{}".format(*workers.web)
        figures = (workers.host, workers.port, workers.local, web)
        self._hub = WorkerProcess(("-m", "tuner.engine.worker.hub", *map(str, figures)))
        #: Where workers of other machines join; 0 until the master has come up.
        self.port = 0

    @property
    def pids(self) -> Sequence[int]:
        """The processes of the local workers that have joined and live."""
        return [member.pid for member in self._members.values() if member.pid is not None]

    def ready(self) -> Sequence[str]:
        """Wait for as many as are expected the first time; later for nobody.

        For workers of other machines it waits as long as it takes.
        """
        wanted = self._workers.local + self._workers.expect
        give_up = self._clock.monotonic() + START_S
        while not self._complete:
            self._pump()
            there = sum(member.ready for member in self._members.values())
            self._complete = there >= wanted
            late = not self._workers.expect and self._clock.monotonic() > give_up
            if not self._complete and (self._gone or late):
                raise TunerError(
                    "load workers", f"only {there} of {wanted} came up", "Ask for fewer --workers."
                )
        names = [name for name, member in self._members.items() if member.ready]
        if not names:
            raise TunerError("load workers", "all of them were lost", "Run again.")
        return names

    def lead_s(self, worker: str) -> float:
        """Measured when it joined; zero for one of this machine."""
        return self._members[worker].lead_s if worker in self._members else 0.0

    def send(self, worker: str, message: bytes) -> None:
        """Have the master pass it on."""
        if worker in self._members:
            self._hub.send(wire.pack(wire.TO, worker, message))

    def receive(self) -> Told:
        """What came first."""
        while not self._told:
            self._pump()
        return self._told.popleft()

    def end(self) -> None:
        """End the master, which ends its workers."""
        self._hub.end()

    def _pump(self) -> None:
        """Take one message of the master's."""
        kind, *fields = self._hub.receive()
        if kind == wire.FROM:
            name, data = fields
            member = self._members.setdefault(name, _Member())
            for message in member.reader.feed(data):
                self._take(name, member, *message)
        elif kind == wire.LEFT:
            self._lose(fields[0])
        elif kind == wire.EXITED:
            self._gone.add(fields[0])
            for name in [n for n, member in self._members.items() if member.pid == fields[0]]:
                self._lose(name)
        elif kind == wire.LISTENING:
            self.port = fields[0]
        elif kind == wire.FAILED:
            raise TunerError("load workers", str(fields[0]), "Name another --bind or --web-port.")

    def _take(self, name: str, member: _Member, kind: str, *fields: Any) -> None:
        if kind == wire.READY:
            machine, pid = fields
            if machine == machine_id():
                member.pid, member.ready = pid, True
            else:
                self._ping(name)
        elif kind == wire.PONG:
            member.pong(fields[0], fields[1], self._clock.monotonic())
            if not member.ready:
                self._ping(name)
        else:
            self._told.append(Told(name, kind, fields))

    def _ping(self, name: str) -> None:
        self.send(name, wire.pack(wire.PING, self._clock.monotonic()))

    def _lose(self, name: str) -> None:
        if self._members.pop(name, None) is not None:
            self._told.append(Told(name, LOST, ()))
