"""The worker processes of a load: one, or several behind a Locust master.

Both kinds of pool pass messages (``wire.py``) to workers by name and back, unread.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any, NamedTuple

from tuner.clock import Clock, never
from tuner.engine import wire
from tuner.engine.credible import fault_of
from tuner.engine.worker_process import KEPT, START_S, WorkerProcess, machine_id
from tuner.errors import Interrupted, TunerError

_PINGS = 8
_ALONE = "1"  # the name of an only worker
#: Workers of other machines have so long to join: images are pulled, nodes are started.
_JOIN_S = 1_800.0
_UNREADABLE = "bytes that are no messages"


@dataclass(frozen=True)
class Workers:
    """The processes that send: ``local`` ones of this machine, and ``expect`` of others.

    Other machines join with ``tuner worker --master HOST:PORT`` on ``host`` and ``port`` (0: any
    that is free), and know the ``secret``. ``web`` is where Locust's UI is shown.
    """

    local: int = 1
    expect: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    web: tuple[str, int] | None = None
    secret: str = field(default="", repr=False)  # empty: one that nobody else knows

    @property
    def alone(self) -> bool:
        """``True`` if one process of this machine is enough."""
        return self.local == 1 and self.expect == 0 and self.web is None


class WorkerMessage(NamedTuple):
    """A message of a worker."""

    worker: str
    kind: str
    fields: Sequence[Any]


class SingleWorker:
    """One worker process, with a socket to it; it comes up in the background.

    Every method raises TunerError once the worker is gone, or of several the last.
    """

    #: Whether messages may come from other machines, whose times are judged, too.
    foreign = False

    def __init__(self) -> None:
        self._process = WorkerProcess("tuner.engine.worker.locust_worker")
        self._ready = False

    @property
    def pids(self) -> Sequence[int]:
        """Process ids of the workers on this machine."""
        return [self._process.pid]

    def ready(self, stop: Callable[[], bool] = never) -> Sequence[str]:
        """Wait until all that are expected are there; return the names of those that live. Raises
        Interrupted if the user wants to stop while other machines are waited for."""
        while not self._ready:
            kind, *_ = self._process.receive(START_S)
            self._ready = kind == wire.READY
        return [_ALONE]

    def lead_s(self, worker: str) -> float:
        """Seconds that a worker's CLOCK_MONOTONIC is ahead of this machine's."""
        return 0.0

    def send(self, worker: str, message: bytes) -> None:
        """Send a message; one for a worker of several that is gone is dropped."""
        self._process.send(message)

    def receive(self) -> WorkerMessage:
        """Return the next message of any worker."""
        kind, *fields = self._process.receive()
        return WorkerMessage(_ALONE, kind, fields)

    def dismiss(self, worker: str) -> None:
        """Hear a worker no more, and let it quit."""
        self._process.end()

    def end(self) -> None:
        """End every process that was started."""
        self._process.end()


class _Joined:
    """A worker that has joined the master; ``lead_s`` comes from the quickest of its pings."""

    def __init__(self) -> None:
        self.reader = wire.Reader()
        self.pid: int | None = None  # of this machine's
        self.protocol = 1
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


class LocustWorkers:
    """As :class:`SingleWorker`: workers of this machine and of others behind a Locust master.

    ``worker/locust_master.py``, a child process, starts the local ones and passes messages on; all
    join it by Locust's own protocol, in the background. Other machines have other clocks: how far
    theirs are ahead is measured when they join. One whose messages cannot be is dismissed.
    """

    foreign = True

    def __init__(self, workers: Workers, clock: Clock) -> None:
        self._workers, self._clock = workers, clock
        self._joined: dict[str, _Joined] = {}
        self._told: deque[WorkerMessage] = deque()
        self._gone: set[int] = set()
        self._dismissed: set[str] = set()
        self._complete = False
        web = "-" if workers.web is None else "{}:{}".format(*workers.web)
        figures = (workers.host, workers.port, workers.local, web)
        secret = workers.secret or token_hex(32)
        self._master = WorkerProcess("tuner.engine.worker.locust_master", *figures, secret=secret)
        #: Where workers of other machines join; 0 until the master has come up.
        self.port = 0

    @property
    def pids(self) -> Sequence[int]:
        return [worker.pid for worker in self._joined.values() if worker.pid is not None]

    def ready(self, stop: Callable[[], bool] = never) -> Sequence[str]:
        """Wait the first time, for workers of other machines half an hour."""
        wanted = self._workers.local + self._workers.expect
        give_up = self._clock.monotonic() + (_JOIN_S if self._workers.expect else START_S)
        while not self._complete:
            self._pump()
            there = sum(worker.ready for worker in self._joined.values())
            self._complete = there >= wanted
            if not self._complete and stop():
                reason = f"stopped while {there} of {wanted} were there"
                raise Interrupted("load workers", reason, "Join all of them, then start again.")
            late = self._clock.monotonic() > give_up
            if not self._complete and (self._gone or late):
                raise self._too_few(there, wanted)
        names = [name for name, worker in self._joined.items() if worker.ready]
        if not names:
            raise TunerError("load workers", "all were lost", KEPT)
        return names

    def lead_s(self, worker: str) -> float:
        return self._joined[worker].lead_s if worker in self._joined else 0.0

    def send(self, worker: str, message: bytes) -> None:
        if worker in self._joined:
            self._master.send(wire.pack(wire.TO, worker, message))

    def receive(self) -> WorkerMessage:
        while not self._told:
            self._pump()
        return self._told.popleft()

    def dismiss(self, worker: str) -> None:
        self._joined.pop(worker, None)
        self._dismissed.add(worker)
        self._master.send(wire.pack(wire.DISMISS, worker))

    def end(self) -> None:
        self._master.end()  # which ends its workers

    def _too_few(self, there: int, wanted: int) -> TunerError:
        reason = f"only {there} of {wanted} started"
        if self._workers.expect and not self._gone:
            fix = "Check that they reach this machine, and have the same secret."
            return TunerError("load workers", reason, fix)
        return TunerError("load workers", reason, "Use fewer --workers.")

    def _pump(self) -> None:
        """Take one message of the master."""
        kind, *fields = self._master.receive()
        if kind == wire.FROM:
            self._hear(*fields)
        elif kind == wire.LEFT:
            self._lose(fields[0])
        elif kind == wire.EXITED:
            self._gone.add(fields[0])
            for name in [n for n, worker in self._joined.items() if worker.pid == fields[0]]:
                self._lose(name)
        elif kind == wire.LISTENING:
            self.port = fields[0]
        elif kind == wire.FAILED:
            raise TunerError("load workers", str(fields[0]), "Use another --bind or --web-port.")
        elif kind == wire.BEAT:  # so that whoever waits for workers can look at the clock
            self._told.append(WorkerMessage("", wire.BEAT, (0.0, 0.0)))

    def _hear(self, name: str, data: bytes) -> None:
        """Take what a worker sent, up to the first message that cannot be."""
        if name in self._dismissed:
            return
        worker, fault = self._joined.setdefault(name, _Joined()), None
        try:
            for message in worker.reader.feed(data):
                if type(message) is not tuple or not message:
                    fault = _UNREADABLE
                else:
                    fault = fault_of(message[0], message[1:])
                if fault is not None:
                    break
                self._take(name, worker, *message)
        except TunerError:
            raise
        except Exception:  # whatever its bytes do to the reader
            fault = _UNREADABLE
        if fault is not None:
            self.dismiss(name)
            self._told.append(WorkerMessage(name, wire.LOST, (f"it sent {fault}",)))

    def _take(self, name: str, worker: _Joined, kind: str, *fields: Any) -> None:
        if kind == wire.VERSION:
            worker.protocol = fields[0]
        elif kind == wire.READY:
            if worker.protocol != wire.PROTOCOL:
                fix = "Install the same version on every machine."
                raise TunerError("load worker", "runs another version of tuner", fix)
            machine, pid = fields
            if machine == machine_id():
                worker.pid, worker.ready = pid, True
            else:
                self._ping(name)
        elif kind == wire.PONG:
            worker.pong(fields[0], fields[1], self._clock.monotonic())
            if not worker.ready:
                self._ping(name)
        else:
            self._told.append(WorkerMessage(name, kind, fields))

    def _ping(self, name: str) -> None:
        self.send(name, wire.pack(wire.PING, self._clock.monotonic()))

    def _lose(self, name: str) -> None:
        if self._joined.pop(name, None) is not None:
            self._told.append(WorkerMessage(name, wire.LOST, ()))


WorkerPool = SingleWorker | LocustWorkers
