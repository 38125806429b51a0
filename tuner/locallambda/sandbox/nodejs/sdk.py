"""The AWS SDK for JavaScript, of which AWS's runtime has every package and this machine none.

The packages that a function's code names and does not bring are fetched with npm, once for each set
of names. A name that is put together while the code runs is not seen.
"""

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from tuner.errors import TunerError
from tuner.locallambda.sandbox.nodejs.npm import cache_folder, run_npm
from tuner.locallambda.sandbox.nodejs.versions import Node

#: What AWS's runtimes have ("Runtime-included SDK versions"): the clients and what they need.
_NAMED = re.compile(rb"""["'`](@(?:aws-sdk|smithy)/[a-z0-9][a-z0-9-]{0,80})["'`/]""")
_SOURCES = (".js", ".mjs", ".cjs")
_LARGEST = 20_000_000  # bytes of a file that are looked through
_MODULES = "node_modules"
_BROUGHT = re.compile(rf"(?:^|/){_MODULES}/(@(?:aws-sdk|smithy)/[^/]+)/")
#: Sets that npm did not give, and why; asked again by the next process.
_failed: dict[frozenset[str], str] = {}


@functools.cache
def wanted(task: Path) -> frozenset[str]:
    """The packages of the SDK that an unpacked function names and does not bring."""
    paths = [
        f"{os.path.relpath(folder, task)}/{name}".removeprefix("./")
        for folder, _, names in os.walk(task)
        for name in names
    ]
    return wanted_of(paths, lambda path: (task / path).read_bytes())


def wanted_of(paths: Collection[str], read: Callable[[str], bytes]) -> frozenset[str]:
    """The same for the paths of a package; what cannot be read names nothing."""
    named: set[str] = set()
    for path in paths:
        own = f"/{_MODULES}/" not in f"/{path}"
        if (own and path.endswith(_SOURCES)) or (not own and path.endswith("/package.json")):
            with contextlib.suppress(OSError, KeyError):
                data = read(path)
                named.update(names_in(data) if own else _peers(data))
    brought = {found[1] for path in paths if (found := _BROUGHT.search(path))}
    return frozenset(named - brought)


def names_in(code: bytes) -> set[str]:
    """The packages that JavaScript names."""
    return {found.decode() for found in _NAMED.findall(code[:_LARGEST])}


def folder_of(names: frozenset[str]) -> Path | None:
    """The ``node_modules`` with these packages, if it has been made."""
    folder = _folder(names) / _MODULES
    return folder if names and folder.is_dir() else None


def fetch(names: frozenset[str], node: Node) -> str | None:
    """Fetch a set of packages unless it is there; ``None``, or why it could not be had."""
    if not names or folder_of(names) is not None:
        return None
    if names not in _failed:
        reason = _fetched(names, node)
        if reason is None:
            return None
        _failed[names] = reason
    return _failed[names]


def absent(names: frozenset[str]) -> frozenset[str]:
    """The packages of a set that are not here."""
    folder = folder_of(names)
    return names if folder is None else frozenset(n for n in names if not (folder / n).is_dir())


def _fetched(names: frozenset[str], node: Node) -> str | None:
    try:
        home = _folder(names)
        making = Path(tempfile.mkdtemp(prefix="fetching-", dir=home.parent))
    except (TunerError, OSError) as error:
        return str(error)
    try:
        (making / "package.json").write_text("{}", encoding="utf-8")
        failed = _install(names, node, making)
        if failed is None:
            making.chmod(0o755)
            making.rename(home)
    except OSError as error:
        failed = None if home.is_dir() else f"cannot be kept in {home.parent}: {error.strerror}"
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return failed


def _install(names: frozenset[str], node: Node, folder: Path) -> str | None:
    """Install a set without what npm does not have of it."""
    failed: str | None = "npm has none of them"
    left = sorted(names)
    while left:
        asked = [f"{name}@3" if name.startswith("@aws-sdk/") else name for name in left]
        failed = run_npm(node.path, ["install", *asked], folder)
        unknown = [name for name in left if failed and "E404" in failed and f"{name}@" in failed]
        if not unknown:
            break
        left = [name for name in left if name not in unknown]
    return failed


def _folder(names: Iterable[str]) -> Path:
    which = hashlib.sha256(" ".join(sorted(names)).encode()).hexdigest()[:16]
    return cache_folder() / f"sdk-{which}"


def _peers(package: bytes) -> Iterator[str]:
    """The packages of the SDK that the package of a ``package.json`` expects to be there."""
    try:
        told = json.loads(package)
    except (ValueError, RecursionError):
        return
    peers = told.get("peerDependencies") if isinstance(told, dict) else None
    for name in peers if isinstance(peers, dict) else ():
        if _NAMED.fullmatch(f'"{name}"'.encode()):
            yield name
