"""The sandboxes of one region: started, reused and ended as the fleet decides.

The fleet decides by numbers; here a number becomes a process. No invocation waits for a limit: it
is placed at once or refused. Provisioned sandboxes are started ahead of calls.
"""

import asyncio
import contextlib
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime

from tuner.errors import TunerError
from tuner.fleet import Fleet, Placement, ServedAs
from tuner.locallambda.background import PlatformClock, Tasks
from tuner.locallambda.limits.cpu import cores
from tuner.locallambda.logs import Logs
from tuner.locallambda.registry.function import Deployment
from tuner.locallambda.registry.packages import PackageStore
from tuner.locallambda.responses import ApiError, broken
from tuner.locallambda.sandbox.host import SandboxHost
from tuner.locallambda.sandbox.invocation import Invocation, InvocationResult, SandboxSpec
from tuner.locallambda.sandbox.sandbox import PROVISIONED, Sandbox
from tuner.locallambda.sandbox.wording import lines_for


@dataclass
class Pool:
    """Made by the service, one per region."""

    host: SandboxHost
    fleet: Fleet
    packages: PackageStore
    clock: PlatformClock
    logs: Logs

    def __post_init__(self) -> None:
        self._inits = asyncio.Semaphore(cores())  # INITs ahead at once: each takes a core
        self._sandboxes: dict[int, Sandbox] = {}
        self._tasks = Tasks()

    def place(self, deployment: Deployment, *, rated: bool = True) -> Placement:
        """Reserve a sandbox for one invocation now, or raise the 429 that AWS answers."""
        placement = self.fleet.place(deployment.function.arn, deployment.key, rated=rated)
        if placement.reason is not None:
            extra = {"Type": "User", "Reason": placement.reason.value}
            raise ApiError(429, "TooManyRequestsException", "Rate Exceeded.", **extra)
        return placement

    async def run(
        self, placement: Placement, deployment: Deployment, invocation: Invocation
    ) -> InvocationResult:
        """Serve an invocation in the sandbox that was reserved for it, and release that."""
        assert placement.sandbox is not None
        number, alive = placement.sandbox, False
        try:
            if placement.verdict is ServedAs.COLD:
                sandbox = await self._open(number, deployment)
            else:
                sandbox = self._sandboxes[number]
            spec = sandbox.spec
            lines = lines_for(spec.log_format, spec.system_log_level)
            start = lines.start(invocation.request_id, spec.version, time.time())
            entry = self.logs.begin(spec, self.clock.wall(), start)
            result = await sandbox.invoke(invocation)
            alive = result.alive
            self.logs.end(spec, entry, self.clock.wall(), result.events or result.log)
            return result
        finally:
            if not self.fleet.release(number, alive=alive):
                self._end([number])
                self._refill(deployment)

    async def provision(self, deployment: Deployment, count: int) -> bool:
        """Initialise so many sandboxes ahead of calls, and let them serve when all are ready.

        ``False`` if an INIT failed, which leaves nothing set aside, or if it was withdrawn.
        """
        key = deployment.key
        self.fleet.provision(deployment.function.arn, key, count)
        numbers = [self.fleet.add(key) for _ in range(count)]
        ready = await asyncio.gather(*(self._ahead(number, deployment) for number in numbers))
        late = self.fleet.open(numbers)
        self._end(late)
        if not all(ready) and not late:
            self.withdraw(key)
        return all(ready) and not late

    def withdraw(self, deployment_key: str) -> None:
        """End a deployment's provisioned sandboxes; busy ones end after their call."""
        self._end(self.fleet.withdraw(deployment_key))

    def retire(self, deployment_key: str) -> None:
        """End a deployment's idle sandboxes; busy ones end after their call."""
        self._end(self.fleet.retire(deployment_key))

    def sweep(self) -> None:
        """End the sandboxes whose idle life is over."""
        self._end(self.fleet.expired())

    async def close(self) -> None:
        await self._tasks.end()

    def _refill(self, deployment: Deployment) -> None:
        """Start provisioned sandboxes in place of those that died."""
        for _ in range(self.fleet.missing(deployment.key)):
            number = self.fleet.add(deployment.key)
            self._tasks.start(self._replace(number, deployment))

    async def _replace(self, number: int, deployment: Deployment) -> None:
        if await self._ahead(number, deployment):
            self._end(self.fleet.open([number]))
        else:
            self.fleet.drop(number)
            self._end([number])

    async def _ahead(self, number: int, deployment: Deployment) -> bool:
        """Run the INIT of a provisioned sandbox; ``True`` if it is ready."""
        async with self._inits:
            try:
                sandbox = await self._open(number, deployment, PROVISIONED)
            except ApiError:
                return False
        text, now = sandbox.init_log(), self.clock.wall()
        if text:
            entry = self.logs.begin(sandbox.spec, now, b"")
            self.logs.end(sandbox.spec, entry, now, text)
        return sandbox.initialised

    async def _open(
        self, number: int, deployment: Deployment, initialization: str = "on-demand"
    ) -> Sandbox:
        try:
            sandbox = self._create(deployment, initialization)
            self._sandboxes[number] = sandbox
            await sandbox.start()
        except OSError as error:  # this machine has no more processes, memory or files
            raise broken(f"No sandbox could be started: {error}") from error
        return sandbox

    def _create(self, deployment: Deployment, initialization: str) -> Sandbox:
        configuration, function = deployment.configuration, deployment.function
        today = datetime.fromtimestamp(self.clock.wall(), UTC)
        stream = f"{today:%Y/%m/%d}/[{deployment.version}]{uuid.uuid4().hex}"
        spec = SandboxSpec(
            function_name=function.name,
            version=deployment.version,
            arn=function.arn,
            region=function.region,
            memory_mb=configuration.memory_mb,
            timeout_s=configuration.timeout_s,
            handler=configuration.handler,
            runtime=configuration.runtime,
            environment=configuration.environment or {},
            task_dir=self.packages.task_dir(configuration.folder),
            log_group=configuration.log_group(function.name),
            log_stream=stream,
            log_format=configuration.log_format,
            log_level=configuration.logging.get("ApplicationLogLevel"),
            system_log_level=configuration.logging.get("SystemLogLevel"),
            ephemeral_mb=configuration.ephemeral_mb,
            initialization=initialization,
        )
        try:
            return self.host.create(spec)
        except TunerError as error:
            raise ApiError(
                502, "InvalidRuntimeException", str(error), key="Message", Type="User"
            ) from error

    def _end(self, numbers: list[int]) -> None:
        for number in numbers:
            sandbox = self._sandboxes.pop(number, None)
            if sandbox is not None:
                self._tasks.start(self._stop(sandbox))

    async def _stop(self, sandbox: Sandbox) -> None:
        with contextlib.suppress(OSError):  # its processes are the guard's to end in any case
            await sandbox.stop()
