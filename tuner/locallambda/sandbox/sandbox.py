"""One sandbox: serves invocations one at a time, in Lambda's way and words.

It outlives its runtime: after a timeout or an exit the next invocation includes a new INIT, with
the same /tmp, as on AWS. Which sandbox serves whom, and when an idle one ends, is decided
elsewhere. Between invocations its processes stand still.
"""

import asyncio
import shutil
import time

from tuner.locallambda.limits.memory import MIB
from tuner.locallambda.sandbox import runtime_api, wording
from tuner.locallambda.sandbox.invocation import (
    Invocation,
    InvocationResult,
    ReportFields,
    SandboxSpec,
)
from tuner.locallambda.sandbox.runtime import Ended, Event, Runtime, SandboxResources
from tuner.locallambda.sandbox.runtime_command import missing_entrypoint
from tuner.locallambda.sandbox.runtime_log import plain
from tuner.locallambda.sandbox.wording import billed_ms, lines_for

INIT_LIMIT_S = 10.0  # AWS, "Understanding the Lambda execution environment lifecycle"
PROVISIONED_INIT_LIMIT_S = 130.0  # the same page: or the function's timeout, if that is longer
PROVISIONED = "provisioned-concurrency"
CRASH_PAUSE_S = 0.5  # between two tries of an INIT that crashes


class Sandbox:
    """Made by :meth:`tuner.locallambda.sandbox.host.SandboxHost.create`."""

    def __init__(self, spec: SandboxSpec, resources: SandboxResources) -> None:
        self.spec = spec
        self.resources = resources
        self._runtime = Runtime(spec, resources)
        self._lines = lines_for(spec.log_format, spec.system_log_level)
        self._init_ms: float | None = None  # of an INIT that no REPORT has shown yet
        self.busy = False
        self.stopped = False

    @property
    def initialised(self) -> bool:
        """True if INIT has ended well, so that no invocation has to wait for it."""
        return self._runtime.waiting

    async def start(self) -> None:
        """Run INIT at full speed, at most 10 s; a fault shows in the first invocation.

        A provisioned sandbox has more time, and its INIT is in no invocation's REPORT.
        """
        await self._runtime.open()
        provisioned = self.spec.initialization == PROVISIONED
        most_s = max(PROVISIONED_INIT_LIMIT_S, self.spec.timeout_s) if provisioned else INIT_LIMIT_S
        if await self._init("init", time.monotonic() + most_s) is None and not provisioned:
            self._init_ms = self._runtime.init_ms
        self.resources.cpu.limit(self.spec.memory_mb)  # a later INIT gets no more than this

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Serve one event; cancelling it kills the runtime, which starts again next time."""
        if self.busy or self.stopped:
            raise RuntimeError("a sandbox serves one invocation at a time, and none once stopped")
        self.busy = True
        try:
            return await self._serve(invocation)
        except asyncio.CancelledError:
            await asyncio.shield(self._runtime.end())
            raise
        finally:
            self.busy = False

    def init_log(self) -> bytes:
        """The log of INIT, which the next invocation's log is then without."""
        return self._runtime.log.take()

    async def stop(self) -> None:
        """End every process of the sandbox and remove its files; may be called twice."""
        if self.stopped:
            return
        self.stopped = True
        await self._runtime.close()
        self.resources.cpu.remove()
        self.resources.memory.remove()
        await asyncio.to_thread(shutil.rmtree, self.resources.directory, ignore_errors=True)

    async def _serve(self, invocation: Invocation) -> InvocationResult:
        begun = time.monotonic()
        init_ms, self._init_ms = self._init_ms, None
        inits = not self._runtime.alive  # then the new INIT is part of the duration
        fault = await self._be_ready(begun + self.spec.timeout_s)
        start = self._lines.start(invocation.request_id, self.spec.version, time.time())
        self._runtime.log.write(start)
        if fault is not None:
            return await self._fail(invocation, fault, begun, init_ms)
        if not inits:
            begun = time.monotonic()
        event = await self._runtime.serve(invocation, begun + self.spec.timeout_s)
        if isinstance(event, runtime_api.Returned | runtime_api.Failed):
            error = "Unhandled" if isinstance(event, runtime_api.Failed) else None
            return self._finish(invocation, event.payload, error, self._report(begun, init_ms))
        return await self._fail(invocation, self._fault(event), begun, init_ms)

    def _fault(self, event: Event | None) -> wording.Fault:
        match event:
            case runtime_api.Failed(payload, error_type, _):
                return wording.Fault(error_type=error_type, body=payload)
            case runtime_api.TooLarge():
                return wording.RESPONSE_TOO_LARGE
            case Ended(code, out_of_memory):
                return wording.exited(code, out_of_memory)
        return wording.timed_out(self.spec.timeout_s)

    async def _be_ready(self, until: float) -> wording.Fault | None:
        """Wait for a runtime that waits for an event; start one if there is none."""
        while not self._runtime.waiting:
            if self._runtime.alive:
                await self._runtime.settle(until)
            else:
                fault = await self._init("invoke", until)
                if fault is not None and fault.crashed and not self.stopped:
                    # Lambda repeats a crashing INIT until the invocation times out.
                    await asyncio.sleep(min(CRASH_PAUSE_S, max(0.0, until - time.monotonic())))
                elif fault is not None:
                    return fault
            if time.monotonic() >= until:
                return wording.timed_out(self.spec.timeout_s)
        return None

    async def _init(self, phase: str, until: float) -> wording.Fault | None:
        """Start a runtime and wait until it asks for an event; after a fault nothing runs."""
        begun = time.monotonic()
        if missing_entrypoint(self.spec):
            fault = wording.NO_ENTRYPOINT
        else:
            event = await self._runtime.start(until)
            if isinstance(event, runtime_api.Ready):
                return None
            fault = self._fault(event)
        await self._runtime.end()
        took_ms = (time.monotonic() - begun) * 1000.0
        line = self._lines.init_failed(took_ms, phase, fault.error_type, time.time())
        self._runtime.log.write(line)
        return fault

    async def _fail(
        self, invocation: Invocation, fault: wording.Fault, begun: float, init_ms: float | None
    ) -> InvocationResult:
        report = self._report(begun, init_ms, fault)
        if fault is not wording.RESPONSE_TOO_LARGE:
            await self._runtime.end()
        self._runtime.log.write(self._lines.failed(invocation.request_id, fault, time.time()))
        payload = fault.payload(invocation.request_id)
        return self._finish(invocation, payload, "Unhandled", report)

    def _finish(
        self, invocation: Invocation, payload: bytes, error: str | None, report: ReportFields
    ) -> InvocationResult:
        self.resources.memory.rest()
        log = self._runtime.log
        log.write(self._lines.end(invocation.request_id, report, time.time()))
        alive = not self.stopped and not self.resources.link.lost
        events = log.take()
        return InvocationResult(payload, error, report, plain(events), alive, events)

    def _report(
        self, begun: float, init_ms: float | None, fault: wording.Fault | None = None
    ) -> ReportFields:
        duration_ms = (time.monotonic() - begun) * 1000.0
        if fault is not None and fault.status == "timeout":  # Lambda stops the clock there
            duration_ms = self.spec.timeout_s * 1000.0
        used_mb = -(-self._runtime.used_bytes() // MIB)
        if fault is not None and fault.error_type == wording.OUT_OF_MEMORY:
            used_mb = self.spec.memory_mb
        return ReportFields(
            duration_ms=duration_ms,
            billed_ms=billed_ms(duration_ms, init_ms),
            memory_mb=self.spec.memory_mb,
            max_memory_mb=used_mb,
            init_ms=init_ms,
            status=fault.status if fault else None,
            error_type=fault.error_type if fault else None,
        )
