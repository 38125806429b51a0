"""The host of all sandboxes: chooses how CPU and memory are limited, and says how well it works."""

from typing import Any

from tuner.locallambda.sandbox import Sandbox, SandboxSpec


class SandboxHost:
    """Start it once per process, from the thread that runs the event loop."""

    def __init__(self, cpu: str = "auto", memory: str = "auto") -> None:
        """``cpu``: auto, cgroup-v1, cgroup-v2 or duty-cycle. ``memory``: auto, cgroup or rss."""
        raise NotImplementedError

    async def start(self) -> None:
        """Choose the controls; the share is measured in the background (about 1 s)."""
        raise NotImplementedError

    async def calibrated(self) -> None:
        """Wait until the applied CPU share is measured."""
        raise NotImplementedError

    def create(self, spec: SandboxSpec) -> Sandbox:
        """A sandbox that is not started yet. Raises UsageError for a runtime that cannot run."""
        raise NotImplementedError

    def platform(self) -> dict[str, Any]:
        """How this machine plays Lambda: methods, cores, measured share errors."""
        raise NotImplementedError

    async def close(self) -> None:
        """End every sandbox and remove everything that was made."""
        raise NotImplementedError
