"""One sandbox: a runtime process with its own /tmp, Runtime API, CPU quota and memory limit.

It serves one invocation at a time and outlives the runtime: after a timeout or an exit the next
invocation starts the runtime again inside itself, as on AWS. Who is served by which sandbox, and
when an idle one ends, is decided elsewhere.
"""

from tuner.locallambda.invocation import Invocation, InvocationResult, Report, SandboxSpec

__all__ = ["Invocation", "InvocationResult", "Report", "Sandbox", "SandboxSpec"]


class Sandbox:
    """Made by :meth:`tuner.locallambda.host.SandboxHost.create`."""

    spec: SandboxSpec
    last_used: float  # time.monotonic() when the last invocation ended, or of the start

    @property
    def busy(self) -> bool:
        """Whether an invocation is running."""
        raise NotImplementedError

    async def start(self) -> None:
        """Run INIT at full speed, at most 10 s; a fault shows in the first invocation."""
        raise NotImplementedError

    async def invoke(self, invocation: Invocation) -> InvocationResult:
        """Serve one event. If cancelled, the runtime is killed and starts again next time."""
        raise NotImplementedError

    async def stop(self) -> None:
        """End every process of the sandbox and remove its files. May be called twice."""
        raise NotImplementedError
