"""A local Lambda without HTTP, processes or waiting: virtual time, and sandboxes that pretend."""

import asyncio
import base64
import json
import random
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tuner.clock import VirtualClock
from tuner.locallambda.api.invocations import invoke
from tuner.locallambda.api.requests import ApiRequest
from tuner.locallambda.api.routes import find_route, operation_name
from tuner.locallambda.background import PlatformClock
from tuner.locallambda.registry.names import read_reference
from tuner.locallambda.registry.store import FunctionStore
from tuner.locallambda.responses import ApiError, Response
from tuner.locallambda.sandbox.invocation import (
    Invocation,
    InvocationResult,
    ReportFields,
    SandboxSpec,
)
from tuner.locallambda.service import Service, ServiceOptions

REGION = "eu-west-1"
ROLE = "arn:aws:iam::000000000000:role/unit"


@dataclass
class PretendedSandbox:
    """Answers what the test's ``behave`` says, once its ``gate`` is open."""

    spec: SandboxSpec
    host: "PretendedHost"
    served: int = 0
    busy: bool = False
    stopped: bool = False
    initialised: bool = False

    async def start(self) -> None:
        if self.host.fault is not None:
            raise self.host.fault
        if self.spec.initialization == "provisioned-concurrency":
            await self.host.inits.wait()
        self.initialised = self.host.inits_well

    def init_log(self) -> bytes:
        return b"loading\n"

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        assert not self.stopped, "a stopped sandbox was used"
        assert not self.busy, "a sandbox was given a second invocation"
        self.served += 1
        self.busy = True
        await self.host.gate.wait()
        self.busy = False
        payload, error, alive = self.host.behave(self.spec, invocation)
        report = ReportFields(1.0, 1, self.spec.memory_mb, 30)
        told = invocation.request_id.encode()
        log = b"START RequestId: %b Version: $LATEST\nREPORT RequestId: %b\n" % (told, told)
        return InvocationResult(payload, error, report, log, alive)

    async def stop(self) -> None:
        self.stopped = True


class SteppedClock(PlatformClock):
    """Platform time that moves by hand; pauses end in the order of their times."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(1.0, clock)
        self.waiting: list[tuple[float, int, asyncio.Future[None]]] = []

    async def pause(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        self.waiting.append((self.monotonic() + seconds, len(self.waiting), future))
        await future

    def wake(self, until: float) -> float | None:
        """End the next pause that is due by ``until``; gives its time."""
        self.waiting = [entry for entry in self.waiting if not entry[2].done()]
        due = min(self.waiting, default=None, key=lambda entry: entry[:2])
        if due is None or due[0] > until:
            return None
        due[2].set_result(None)
        return due[0]


Behaviour = Callable[[SandboxSpec, Invocation], tuple[bytes, str | None, bool]]


@dataclass
class PretendedHost:
    """Stands where SandboxHost stands."""

    made: list[PretendedSandbox] = field(default_factory=list)
    behave: Behaviour = lambda spec, invocation: (invocation.event, None, True)
    fault: Exception | None = None
    closed: bool = False
    inits_well: bool = True

    def __post_init__(self) -> None:
        self.gate, self.inits = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.inits.set()

    async def start(self) -> None: ...

    async def calibrated(self) -> None: ...

    def prepare(self, runtime: str, task_dir: Path) -> None: ...

    def create(self, spec: SandboxSpec) -> PretendedSandbox:
        self.made.append(PretendedSandbox(spec, self))
        return self.made[-1]

    def platform(self) -> dict[str, Any]:
        return {"cpu_method": "pretended"}

    async def close(self) -> None:
        self.closed = True


@dataclass
class Reply:
    """An answer or an error, as a client reads it."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def error(self) -> str | None:
        return self.headers.get("x-amzn-ErrorType")

    @property
    def text(self) -> str | None:
        return self.body.get("message", self.body.get("Message"))


class Api:
    """Calls the service as the HTTP front does; ``clock`` is virtual and only moves by hand."""

    def __init__(self, loop: asyncio.AbstractEventLoop, folder: Path, make_zip: Any) -> None:
        self.loop, self.folder, self.make_zip = loop, folder, make_zip
        self.clock = VirtualClock()
        self.platform = SteppedClock(self.clock)
        self.open()

    def open(self, account_concurrency: int = 1000) -> None:
        """Start a service on the folder; a second time is a restart."""
        self.host = PretendedHost()
        self.service = Service(
            ServiceOptions(data=self.folder, account_concurrency=account_concurrency),
            self.host,
            self.platform,
            FunctionStore(self.folder),
            random.Random(1),
        )
        self.run(self.service.start())

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def later(self, seconds: float = 1.0) -> None:
        """Let platform time pass, and whatever is ready run."""
        until = self.clock.monotonic() + seconds
        while (due := self.platform.wake(until)) is not None:
            self.clock.advance(max(0.0, due - self.clock.monotonic()))
            self.turn()
        self.clock.advance(max(0.0, until - self.clock.monotonic()))
        self.turn()

    def turn(self) -> None:
        """Run what is ready."""
        for _ in range(10):
            self.run(asyncio.sleep(0))

    def call(
        self, method: str, path: str, body: Any = None, region: str = REGION, **query: str
    ) -> Reply:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body else b""

        async def ask() -> Response:
            handler, words = find_route(method, path)
            keys = tuple(query.get("tagKeys", "").split(",")) if "tagKeys" in query else ()
            call = ApiRequest(
                operation_name(handler), region, "http://here", words, query, raw, keys
            )
            return await handler(self.service, call)

        return self._reply(ask())

    def invoke(
        self, name: str, event: bytes = b"{}", qualifier: str | None = None, **headers: str
    ) -> Reply:
        return self._reply(self.invoking(name, event, qualifier, **headers))

    async def invoking(
        self, name: str, event: bytes = b"{}", qualifier: str | None = None, **headers: str
    ) -> Response:
        """The same, to be run beside others; an ApiError is raised."""
        ref = read_reference(name, REGION, qualifier)
        told = {key.replace("_", "-"): value for key, value in headers.items()}
        return await invoke(self.service, ref, told, event, f"id-{random.random()}")

    def begin(self, *names: str, event: bytes = b"{}") -> list[asyncio.Task[Response]]:
        """Calls that are in their sandboxes until the gate opens."""
        self.host.gate.clear()
        calls = [self.loop.create_task(self.invoking(name, event)) for name in names]
        self.turn()
        return calls

    def _reply(self, work: Coroutine[Any, Any, Response]) -> Reply:
        try:
            answer = self.run(work)
        except ApiError as error:
            answer = error.response()
        body = json.loads(answer.body) if answer.body else None
        return Reply(answer.status, body, dict(answer.headers))

    def zip(self, text: str = "def handler(event, context): pass\n") -> str:
        """A package in base64, as requests carry it."""
        return self.packed({"app.py": text})

    def packed(self, files: dict[str, str]) -> str:
        return base64.b64encode(self.make_zip(files)).decode()

    def create(self, name: str = "f", **more: Any) -> Reply:
        """CreateFunction with what is needed; None leaves a key out."""
        given = {
            "FunctionName": name,
            "Runtime": "python3.13",
            "Handler": "app.handler",
            "Role": ROLE,
            "Code": {"ZipFile": self.zip()},
            **more,
        }
        given = {key: value for key, value in given.items() if value is not None}
        return self.call("POST", "/2015-03-31/functions", given)

    def ready(self, name: str = "f", **more: Any) -> str:
        """A function that is active; gives its path."""
        assert self.create(name, **more).status == 201
        self.later()
        return f"/2015-03-31/functions/{name}"


@pytest.fixture
def api(tmp_path: Path, make_zip: Any) -> Iterator[Api]:
    """A local Lambda for one test."""
    yield from _opened(tmp_path, make_zip)


@pytest.fixture(scope="module")
def api_for_module(tmp_path_factory: pytest.TempPathFactory, make_zip: Any) -> Iterator[Api]:
    """A local Lambda for the tests of one file, which only ask."""
    yield from _opened(tmp_path_factory.mktemp("lambda"), make_zip)


def _opened(folder: Path, make_zip: Any) -> Iterator[Api]:
    loop = asyncio.new_event_loop()
    it = Api(loop, folder / "data", make_zip)
    yield it
    it.run(it.service.close())
    loop.close()
