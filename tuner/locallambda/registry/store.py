"""Functions on disk: what survives a restart of the local Lambda.

One JSON document per function, written whole and renamed into place; a document that cannot be
read stops the start with its reason and is never deleted. Code, environments and events are for
this user's eyes only, whatever the umask.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tuner.errors import TargetError
from tuner.locallambda.registry.configuration import restored
from tuner.locallambda.registry.files import check_fields, make_private, read_kept, write_whole
from tuner.locallambda.registry.function import Alias, Function, Provisioned, Version
from tuner.locallambda.registry.packages import PackageStore

SCHEMA = "tuner.locallambda/1"


def freeze(function: Function) -> dict[str, Any]:
    """A function as JSON has it; what is under way counts as settled."""
    kept = asdict(function)
    for key in ("live", "settles_at", "state", "updating", "deployment"):
        del kept[key]
    for version in kept["versions"].values():
        del version["deployment"], version["pending"]
    kept["configuration"] = kept.pop("shown")
    kept["aliases"] = [*kept["aliases"].values()]
    kept["versions"] = [*kept["versions"].values()]
    kept["provisioned"] = {key: one.asked for key, one in function.provisioned.items()}
    return {"schema": SCHEMA, **kept}


def thaw(kept: dict[str, Any]) -> Function:
    """The function that :func:`freeze` wrote."""
    if (schema := kept.pop("schema", None)) != SCHEMA:
        raise ValueError(f"schema is {schema!r}, not {SCHEMA!r}")
    shown = restored(kept.pop("configuration"))
    kept["published"] = restored(kept["published"]) if kept["published"] else None
    for version in kept["versions"]:
        version["configuration"] = restored(version["configuration"])
    kept["versions"] = {one["number"]: Version(**one) for one in kept["versions"]}
    kept["aliases"] = {one["name"]: Alias(**one) for one in kept["aliases"]}
    kept["provisioned"] = {
        qualifier: Provisioned(asked, kept["modified"], "")
        for qualifier, asked in kept.get("provisioned", {}).items()
    }
    return Function(shown=shown, live=shown, state="Active", **kept)


class FunctionStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._functions = folder / "functions"
        self.packages = PackageStore(folder / "packages")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private(self._functions)
            make_private(folder / "packages")
        except OSError as error:
            reason = f"cannot store functions there: {error.strerror}"
            raise TargetError(str(folder), reason, "Choose another --data.") from error

    def load(self, layers: set[str]) -> list[Function]:
        """All stored functions; removes packages that none of them uses and no layer is."""
        functions, used = [], set(layers)
        for path in sorted(self._functions.glob("*/*.json")):
            function, folders = read_kept(path, "a stored function", self._thawed)
            functions.append(function)
            used |= folders
        self.packages.keep_only(used)
        return functions

    def _thawed(self, kept: Any, path: Path) -> tuple[Function, set[str]]:
        function = thaw(kept)
        versions = function.versions.values()
        if self._path(function) != path:
            raise ValueError(f"it is {function.name!r:.80} in {function.region!r:.80}")
        configurations = [function.shown, *(one.configuration for one in versions)]
        parts = (function, *versions, *function.aliases.values(), *function.provisioned.values())
        for made in (*parts, *configurations, *(each.code for each in configurations)):
            check_fields(made)
        return function, packages_of(function)

    def save(self, function: Function) -> None:
        path = self._path(function)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, json.dumps(freeze(function), indent=1))

    def forget(self, function: Function) -> None:
        """Remove a deleted function's document; its code goes at the next start."""
        self._path(function).unlink(missing_ok=True)

    def _path(self, function: Function) -> Path:
        return self._functions / function.region / f"{function.name}.json"


def packages_of(function: Function) -> set[str]:
    """The folders of a function's code, of its layers, and of both together."""
    versions = (version.configuration for version in function.versions.values())
    return {
        folder
        for one in (function.shown, function.live, *versions)
        for folder in (one.folder, one.code.folder, *(layer.folder for layer in one.layers))
    }
