"""The local Lambda as one object: functions, sandboxes, queue and logs wired together.

It knows nothing of HTTP; the calls of ``api`` act on it.
"""

import asyncio
import itertools
import random
import shutil
import tempfile
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.fleet import AccountLimits, Fleet, idle_life
from tuner.locallambda.background import PlatformClock, Tasks
from tuner.locallambda.events import Destinations, EndedEvent, EventQueue, passed_on
from tuner.locallambda.logs import Logs
from tuner.locallambda.pool import Pool
from tuner.locallambda.registry.documents import Documents
from tuner.locallambda.registry.function import Deployment, Function, Provisioned, timestamp
from tuner.locallambda.registry.names import FunctionRef
from tuner.locallambda.registry.registry import Registry
from tuner.locallambda.registry.store import FunctionStore
from tuner.locallambda.sandbox.host import SandboxHost

#: Platform seconds between two checks for what has expired or settled.
SWEEP_S = 5.0
#: Endings of asynchronous events kept for reading.
MAX_ENDINGS = 100_000


@dataclass(frozen=True)
class ServiceOptions:
    """How a local Lambda is set up. ``data`` keeps functions and queue across restarts."""

    data: Path | None = None
    account_concurrency: int = 1000
    time_scale: float = 1.0
    cpu: str = "auto"
    memory: str = "auto"
    seed: int = 1
    sqs_endpoint: str | None = None  # where destinations and dead-letter queues are
    s3_endpoint: str | None = None  # where code is that requests name as objects
    control_from_functions: bool = False  # functions may call more than Invoke


@dataclass
class Service:
    """Made by :func:`open_service`."""

    options: ServiceOptions
    host: SandboxHost
    clock: PlatformClock
    store: FunctionStore
    chance: random.Random
    logs: Logs = field(default_factory=Logs)
    endings: deque[EndedEvent] = field(default_factory=lambda: deque(maxlen=MAX_ENDINGS))
    warned: set[str] = field(default_factory=set)  # settings without effect that were told of
    ended: int = 0  # events that have ended since the start

    def __post_init__(self) -> None:
        self.registry = Registry(self.clock, self.chance, self.store.save, self._replaced)
        self.documents = Documents(self.store.folder)
        data = self.options.data
        self.destinations = Destinations(
            self.clock,
            (self.options.sqs_endpoint or "").rstrip("/"),
            data / "events-ended.jsonl" if data else None,
        )
        self.queue = EventQueue(
            self.registry,
            self.pool,
            self.clock,
            self._ended,
            self.chance,
            data / "queue" if data else None,
        )
        self._provisioning = Tasks()
        self._pools: dict[str, Pool] = {}
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the sandbox host and load what the data folder holds."""
        await self.host.start()
        if self.options.data is None:
            self.host.own(self.store.folder)
        for function in self.store.load(self.documents.packages()):
            self.registry.restore(function)
            if function.reserved is not None:
                self.reserve(function, function.reserved)
            for qualifier, one in [*function.provisioned.items()]:
                one.version = ""  # no sandbox of it is there yet
                self.provision(function, qualifier, one.asked)
        self.queue.resume()
        self._sweeping = asyncio.ensure_future(self._sweep())

    async def close(self) -> None:
        """End everything, and remove the files unless there is a data folder."""
        if self._sweeping is not None:
            self._sweeping.cancel()
        await self.queue.close()
        await self.destinations.close()
        await self._provisioning.end()
        for pool in self._pools.values():
            await pool.close()
        await self.host.close()
        if self.options.data is None:
            shutil.rmtree(self.store.folder, ignore_errors=True)

    def pool(self, region: str) -> Pool:
        """The sandboxes of one region, which has the account's limits for itself."""
        pool = self._pools.get(region)
        if pool is None:
            fleet = Fleet(
                AccountLimits(account_concurrency=self.options.account_concurrency),
                self.clock,
                lambda: idle_life(self.chance),
            )
            pool = Pool(self.host, fleet, self.store.packages, self.clock, self.logs)
            self._pools[region] = pool
        return pool

    def reserve(self, function: Function, concurrency: int | None) -> None:
        self.pool(function.region).fleet.reserve(function.arn, concurrency)

    def provision(self, function: Function, qualifier: str, count: int) -> Provisioned:
        """Keep ``count`` sandboxes of the version behind a qualifier ready, replacing others.

        On AWS this takes one to two minutes; here as long as the INITs do. A failed INIT ends in
        FAILED, with none kept. After a restart the sandboxes are started anew.
        """
        alias = function.aliases.get(qualifier)
        number = alias.version if alias else qualifier
        deployment = self.registry.deployment(FunctionRef(function.region, function.name, number))
        self.withdraw(function, qualifier)
        one = Provisioned(count, timestamp(self.clock.wall()), number)
        function.provisioned[qualifier] = one
        self._provisioning.start(self._provision(one, deployment))
        return one

    def withdraw(self, function: Function, qualifier: str) -> None:
        """Keep no sandboxes ready for a qualifier any more."""
        before = function.provisioned.pop(qualifier, None)
        version = function.versions.get(before.version) if before else None
        if version is not None:
            self.pool(function.region).withdraw(version.deployment)

    def platform(self) -> dict[str, Any]:
        ours = ("time_scale", "account_concurrency")
        return self.host.platform() | {key: getattr(self.options, key) for key in ours}

    def records(self, first: int = 0) -> list[dict[str, Any]]:
        """The records of asynchronous events as AWS sends them to destinations, from the ``first``
        on of all that have ended since the start."""
        left_out = max(0, first - (self.ended - len(self.endings)))
        return [ending.record() for ending in itertools.islice(self.endings, left_out, None)]

    async def _provision(self, one: Provisioned, deployment: Deployment) -> None:
        if await self.pool(deployment.function.region).provision(deployment, one.asked):
            one.status, one.ready = "READY", one.asked
        else:
            one.status, one.reason = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"

    async def _sweep(self) -> None:
        while True:
            await self.clock.pause(SWEEP_S)
            list(self.registry)  # settles what is due, which ends replaced sandboxes
            for pool in self._pools.values():
                pool.sweep()

    def _ended(self, ending: EndedEvent) -> None:
        self.endings.append(ending)
        self.ended += 1
        record = ending.record()
        self.destinations.report(ending, record)
        event = passed_on(ending, record)
        if event is not None:
            self.queue.accept(event)

    def _replaced(self, function: Function, deployment_key: str) -> None:
        self.pool(function.region).retire(deployment_key)


def open_service(options: ServiceOptions) -> Service:
    """A service that is not started."""
    clock = PlatformClock(options.time_scale)
    folder = (options.data or Path(tempfile.mkdtemp(prefix="tuner-lambda-"))).absolute()
    host = SandboxHost(options.cpu, options.memory, hide=[folder])
    return Service(options, host, clock, FunctionStore(folder), random.Random(options.seed))
