"""Keeps sandboxes ready ahead of calls: starts them for a version or alias, and says how far it is.

On AWS this takes one to two minutes; here as long as the INITs do. What was asked outlives a
restart; the sandboxes are then started anew. A failed INIT ends in FAILED, with none kept.
"""

import asyncio
from collections.abc import Callable

from tuner.locallambda.functions import Deployment, Function, Provisioned, timestamp
from tuner.locallambda.names import FunctionRef
from tuner.locallambda.platformclock import PlatformClock
from tuner.locallambda.pool import Pool
from tuner.locallambda.registry import Registry


class Provisioning:
    """``pool`` gives the sandboxes of a region."""

    def __init__(
        self, registry: Registry, pool: Callable[[str], Pool], clock: PlatformClock
    ) -> None:
        self._registry = registry
        self._pool = pool
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, function: Function, qualifier: str, count: int) -> Provisioned:
        """Keep ``count`` sandboxes of the version behind a qualifier ready, in place of before."""
        self._withdraw(function, qualifier)
        ref = FunctionRef(function.region, function.name)
        number = self._number(function, qualifier)
        deployment = self._registry.deployment(FunctionRef(ref.region, ref.name, number))
        one = Provisioned(count, timestamp(self._clock.wall()), number)
        function.provisioned[qualifier] = one
        task = asyncio.ensure_future(self._come_up(one, deployment))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return one

    def stop(self, function: Function, qualifier: str) -> None:
        """Keep none ready any more; nothing happens if there were none."""
        self._withdraw(function, qualifier)
        function.provisioned.pop(qualifier, None)

    def resume(self, function: Function) -> None:
        """Start what a function had before a restart."""
        for qualifier, one in [*function.provisioned.items()]:
            one.version = ""  # no sandbox of it is there yet
            self.start(function, qualifier, one.asked)

    async def close(self) -> None:
        """Wait for what is coming up, so that no sandbox is started behind the end."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _withdraw(self, function: Function, qualifier: str) -> None:
        before = function.provisioned.get(qualifier)
        version = function.versions.get(before.version) if before else None
        if version is not None:
            self._pool(function.region).withdraw(version.deployment)

    def _number(self, function: Function, qualifier: str) -> str:
        alias = function.aliases.get(qualifier)
        return alias.version if alias else qualifier

    async def _come_up(self, one: Provisioned, deployment: Deployment) -> None:
        pool = self._pool(deployment.function.region)
        if await pool.provision(deployment, one.asked):
            one.status, one.ready = "READY", one.asked
        else:
            one.status, one.reason = "FAILED", "FUNCTION_ERROR_INIT_FAILURE"
