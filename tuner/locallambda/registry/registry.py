"""All functions of all regions: found, created, changed, published, deleted.

Pure of network and disk: time and chance are arguments, and callbacks learn what has to be kept or
ended.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tuner.clock import Clock
from tuner.locallambda.registry.configuration import Configuration
from tuner.locallambda.registry.function import (
    SETTLE_S,
    Alias,
    Deployment,
    Function,
    Version,
    new_revision,
    timestamp,
)
from tuner.locallambda.registry.names import LATEST, FunctionRef, function_arn
from tuner.locallambda.responses import alias_not_found, conflict, function_not_found, not_ready


@dataclass
class Registry:
    """``keep`` gets each function that has changed, ``replaced`` each deployment that has ended."""

    clock: Clock
    chance: random.Random
    keep: Callable[[Function], None]
    replaced: Callable[[Function, str], None]

    def __post_init__(self) -> None:
        self._functions: dict[tuple[str, str], Function] = {}

    def __iter__(self) -> Iterator[Function]:
        for function in self._functions.values():
            self._settle(function)
            yield function

    def in_region(self, region: str) -> list[Function]:
        return sorted((f for f in self if f.region == region), key=lambda f: f.name)

    def restore(self, function: Function) -> None:
        self._functions[function.region, function.name] = function

    def find(self, ref: FunctionRef) -> Function | None:
        function = self._functions.get((ref.region, ref.name))
        if function is not None:
            self._settle(function)
        return function

    def get(self, ref: FunctionRef, *, as_latest: bool = False) -> Function:
        """The function, or 404; ``as_latest`` words it as Invoke does, with ``:$LATEST``."""
        function = self.find(ref)
        if function is None:
            qualifier = ref.qualifier or (LATEST if as_latest else None)
            raise function_not_found(function_arn(ref.region, ref.name, qualifier))
        return function

    def version(self, function: Function, qualifier: str | None) -> Version | None:
        """The version behind a qualifier, None for $LATEST, or 404."""
        if qualifier in (None, LATEST):
            return None
        alias = function.aliases.get(qualifier or "")
        number = alias.version if alias else qualifier or ""
        version = function.versions.get(number)
        if version is None and number != LATEST:
            raise function_not_found(function.qualified_arn(qualifier or LATEST))
        return version

    def qualified(self, ref: FunctionRef) -> Function:
        """The function that has such a version or alias; 404 in the words for each of them."""
        function = self.find(ref)
        if ref.names_an_alias and (function is None or ref.qualifier not in function.aliases):
            raise alias_not_found(ref.qualified_arn)
        if function is None:
            raise function_not_found(ref.qualified_arn)
        self.version(function, ref.qualifier)
        return function

    def deployment(self, ref: FunctionRef) -> Deployment:
        """The deployment that an invocation runs now; an alias with weights draws one."""
        function = self.get(ref, as_latest=True)
        if function.state != "Active":
            raise not_ready(function.state)
        alias = function.aliases.get(ref.qualifier or "")
        number = self._draw(alias) if alias else ref.qualifier or LATEST
        if number == LATEST:
            return Deployment(function.deployment, function, LATEST, function.live)
        version = function.versions.get(number)
        if version is None:
            raise function_not_found(ref.qualified_arn)
        if version.pending:
            raise not_ready("Pending")
        return Deployment(version.deployment, function, number, version.configuration)

    def create(self, ref: FunctionRef, configuration: Configuration) -> Function:
        """A new function, Pending; 409 if there is one of the name."""
        if self.find(ref) is not None:
            raise conflict(f"Function already exist: {ref.name}")
        function = Function(
            ref.region, ref.name, configuration, timestamp(self.clock.wall()), configuration
        )
        function.settles_at = self.clock.monotonic() + SETTLE_S
        self._functions[ref.region, ref.name] = function
        self.keep(function)
        return function

    def update(self, function: Function, configuration: Configuration) -> None:
        """Start an update; the live configuration serves until it settles."""
        function.shown = configuration
        function.updating = True
        function.revision = new_revision()
        function.modified = timestamp(self.clock.wall())
        function.settles_at = self.clock.monotonic() + SETTLE_S
        self.keep(function)

    def publish(self, function: Function, description: str | None = None) -> Version:
        """A version of the shown configuration; the last one again if nothing has changed.

        A new one moves the RevisionId of $LATEST, as recorded.
        """
        last = function.versions.get(str(function.next_version - 1))
        if last is not None and function.published == function.shown:
            return last
        configuration = function.published = function.shown
        if description is not None:
            configuration = configuration.with_settings({"Description": description})
        number = str(function.next_version)
        function.next_version += 1
        version = Version(number, configuration, new_revision(), timestamp(self.clock.wall()))
        version.pending = function.state != "Active" or function.updating
        function.versions[number] = version
        function.revision = new_revision()
        self.keep(function)
        return version

    def unpublish(self, function: Function, number: str) -> None:
        """Delete a version; a missing one is no error, as on AWS."""
        users = [a.name for a in function.aliases.values() if number in (a.version, *a.weights)]
        if users:
            raise conflict(
                "Unable to delete version because the following aliases reference it: "
                f"[{', '.join(users)}]"
            )
        function.provisioned.pop(number, None)
        version = function.versions.pop(number, None)
        if version is not None:
            self.replaced(function, version.deployment)
            self.keep(function)

    def delete(self, function: Function) -> None:
        """Remove a function with its versions; running calls finish."""
        del self._functions[function.region, function.name]
        for key in (function.deployment, *(v.deployment for v in function.versions.values())):
            self.replaced(function, key)

    def _settle(self, function: Function) -> None:
        replaced = function.settle(self.clock.monotonic())
        if replaced is not None:
            self.replaced(function, replaced)
            self.keep(function)

    def _draw(self, alias: Alias) -> str:
        share = self.chance.random()
        for number, weight in alias.weights.items():
            if share < weight:
                return number
            share -= weight
        return alias.version
