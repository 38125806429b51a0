"""Resources beside functions, as documents: layers, code-signing configurations, mappings.

One JSON file per kind, written whole; a file that cannot be read stops the start with its reason.
"""

import json
from pathlib import Path
from typing import Any

from tuner.locallambda.registry.files import read_kept, write_whole
from tuner.locallambda.registry.store import SCHEMA

#: Each is a file of this name: region -> id -> document.
KINDS = ("layers", "code-signing-configs", "event-source-mappings")


class Documents:
    """The documents below one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._all: dict[str, dict[str, dict[str, Any]]] = {kind: self._load(kind) for kind in KINDS}

    def of(self, kind: str, region: str) -> dict[str, Any]:
        """The documents of a kind by id, to be changed and then kept."""
        return self._all[kind].setdefault(region, {})

    def keep(self, kind: str) -> None:
        text = json.dumps({"schema": SCHEMA, "regions": self._all[kind]}, indent=1)
        write_whole(self._folder / f"{kind}.json", text)

    def packages(self) -> set[str]:
        """The folders of all layers' packages."""
        return _packages(self._all["layers"])

    def _load(self, kind: str) -> dict[str, dict[str, Any]]:
        path = self._folder / f"{kind}.json"
        if not path.exists():
            return {}
        return read_kept(path, f"stored {kind}", _regions)


def _regions(kept: Any, path: Path) -> dict[str, dict[str, Any]]:
    """The documents of a file by region and id; raises an error of what is missing."""
    if kept["schema"] != SCHEMA:
        raise ValueError(f"schema is {kept['schema']!r:.80}, not {SCHEMA!r}")
    regions: dict[str, dict[str, Any]] = {**kept["regions"]}
    for each in regions.values():
        each.items()
    if path.stem == "layers":
        _packages(regions)
    return regions


def _packages(layers: dict[str, dict[str, Any]]) -> set[str]:
    every = (one for region in layers.values() for one in region.values())
    return {str(version["folder"]) for one in every for version in one["versions"].values()}
