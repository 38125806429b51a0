"""Functions in files: one JSON document per function, written whole and renamed into place.

Code lies beside them in the package store. A document that cannot be read stops the start with
its reason; it is never deleted.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tuner.errors import TargetError
from tuner.locallambda.configuration import restored
from tuner.locallambda.functions import Alias, Function, Provisioned, Version
from tuner.locallambda.packages import Package, PackageStore

SCHEMA = "tuner.locallambda/1"


def freeze(function: Function) -> dict[str, Any]:
    """A function as JSON."""
    return {
        "schema": SCHEMA,
        "region": function.region,
        "name": function.name,
        "configuration": function.shown.stored(),
        "published": function.published.stored() if function.published else None,
        "modified": function.modified,
        "revision": function.revision,
        "next_version": function.next_version,
        "reserved": function.reserved,
        "tags": function.tags,
        "event_configs": function.event_configs,
        "provisioned": {key: one.asked for key, one in function.provisioned.items()},
        "aliases": [asdict(alias) for alias in function.aliases.values()],
        "versions": [
            {
                "number": version.number,
                "configuration": version.configuration.stored(),
                "revision": version.revision,
                "modified": version.modified,
            }
            for version in function.versions.values()
        ],
    }


def thaw(kept: dict[str, Any]) -> Function:
    """The function that :func:`freeze` wrote; an update that was in progress has settled."""
    if kept.get("schema") != SCHEMA:
        raise ValueError(f"schema is {kept.get('schema')!r}, not {SCHEMA!r}")
    shown = restored(kept["configuration"])
    function = Function(kept["region"], kept["name"], shown, kept["modified"], shown)
    function.state = "Active"
    function.revision = kept["revision"]
    function.next_version = kept["next_version"]
    function.published = restored(kept["published"]) if kept["published"] else None
    function.reserved = kept["reserved"]
    function.tags = kept["tags"]
    function.event_configs = kept["event_configs"]
    for qualifier, asked in kept.get("provisioned", {}).items():
        function.provisioned[qualifier] = Provisioned(asked, function.modified, "")
    function.aliases = {alias["name"]: Alias(**alias) for alias in kept["aliases"]}
    for version in kept["versions"]:
        version["configuration"] = restored(version["configuration"])
        function.versions[version["number"]] = Version(**version)
    return function


class FunctionStore:
    """The data folder of the local Lambda."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._functions = folder / "functions"
        self.packages = PackageStore(folder / "packages")
        try:
            self._functions.mkdir(parents=True, exist_ok=True)
            (folder / "packages").mkdir(exist_ok=True)
        except OSError as error:
            raise TargetError(
                str(folder), f"cannot keep functions there: {error.strerror}", "Name another --data"
            ) from error

    def load(self) -> list[Function]:
        """All functions that were kept; clears packages that none of them uses."""
        functions = []
        for path in sorted(self._functions.glob("*/*.json")):
            try:
                functions.append(thaw(json.loads(path.read_text())))
            except (ValueError, KeyError, TypeError) as error:
                raise TargetError(
                    str(path),
                    f"is not a function that this version kept ({error})",
                    "Move the file away, or name another --data.",
                ) from error
        self.packages.keep_only({package for f in functions for package in packages_of(f)})
        return functions

    def save(self, function: Function) -> None:
        """Write a function; a crash leaves the old document or the new one."""
        path = self._path(function)
        path.parent.mkdir(exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(freeze(function), indent=1))
        draft.replace(path)

    def forget(self, function: Function) -> None:
        """Remove a deleted function's document; its code goes at the next start."""
        self._path(function).unlink(missing_ok=True)

    def _path(self, function: Function) -> Path:
        return self._functions / function.region / f"{function.name}.json"


def packages_of(function: Function) -> set[Package]:
    """Every package that a function or one of its versions refers to."""
    return {
        function.shown.code,
        function.live.code,
        *(version.configuration.code for version in function.versions.values()),
    }
