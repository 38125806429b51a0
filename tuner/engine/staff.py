"""Who carries out a load: one worker process, or several behind a Locust master.

Both pass messages (``load/wire.py``) to workers by name and back; neither knows what they mean.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from tuner.engine import wire
from tuner.engine.worker_process import START_S, WorkerProcess

#: Comes in place of a message when a worker is gone.
LOST = "lost"


@dataclass(frozen=True)
class Workers:
    """How many processes send: ``local`` ones of this machine, and others that are waited for.

    Other machines join with ``tuner worker --master HOST:PORT``; ``host`` is the address on which
    they are awaited. Port 0 takes any that is free. ``web`` is where Locust's UI is shown.
    """

    local: int = 1
    expect: int = 0
    host: str = "127.0.0.1"
    port: int = 0
    web: tuple[str, int] | None = None

    @property
    def alone(self) -> bool:
        """Whether one process of this machine is enough."""
        return self.local == 1 and self.expect == 0 and self.web is None


class Told(NamedTuple):
    """A message and who sent it."""

    worker: str
    kind: str
    fields: Sequence[Any]


class Staff(Protocol):
    """The workers of one engine. Every method may raise TunerError: none of them is left."""

    @property
    def pids(self) -> Sequence[int]:
        """The workers' processes, as far as they are of this machine."""
        ...

    def ready(self) -> Sequence[str]:
        """Wait until all that are expected are there: the names of those that live."""
        ...

    def lead_s(self, worker: str) -> float:
        """By how much a worker's CLOCK_MONOTONIC is ahead of this machine's."""
        ...

    def send(self, worker: str, message: bytes) -> None:
        """Pass a message on; one for a worker that is gone is dropped."""
        ...

    def receive(self) -> Told:
        """The next message of any worker."""
        ...

    def end(self) -> None:
        """End every process that was started."""
        ...


class Lone(Staff):
    """One worker process, with a socket to it. Comes up while others go on."""

    NAME = "1"

    def __init__(self) -> None:
        self._process = WorkerProcess()
        self._ready = False

    @property
    def pids(self) -> Sequence[int]:
        """The worker's process."""
        return [self._process.pid]

    def ready(self) -> Sequence[str]:
        """The one, as soon as it has come up."""
        while not self._ready:
            kind, *_ = self._process.receive(START_S)
            self._ready = kind == wire.READY
        return [self.NAME]

    def lead_s(self, worker: str) -> float:
        """Nothing: it is the same clock."""
        return 0.0

    def send(self, worker: str, message: bytes) -> None:
        """Write to its socket."""
        self._process.send(message)

    def receive(self) -> Told:
        """Read from its socket; its end is an error, as nobody is left."""
        kind, *fields = self._process.receive()
        return Told(self.NAME, kind, fields)

    def end(self) -> None:
        """End it."""
        self._process.end()
