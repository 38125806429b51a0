"""Finds the Node.js of this machine that is nearest to what a runtime's name says.

Looks on PATH and into the folders of nvm, volta, fnm, asdf, mise and n. ``--node`` or the variable
TUNER_NODE names the one to use instead.
"""

import contextlib
import functools
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tuner.errors import UsageError

NAMED = "TUNER_NODE"
#: Variables of the managers -> where else they are, and the pattern of their interpreters.
_MANAGERS = {
    "NVM_DIR": ("~/.nvm", "versions/node/*/bin/node"),
    "VOLTA_HOME": ("~/.volta", "tools/image/node/*/bin/node"),
    "FNM_DIR": ("~/.local/share/fnm", "node-versions/*/installation/bin/node"),
    "ASDF_DATA_DIR": ("~/.asdf", "installs/nodejs/*/bin/node"),
    "MISE_DATA_DIR": ("~/.local/share/mise", "installs/node/*/bin/node"),
    "N_PREFIX": ("/usr/local", "n/versions/node/*/bin/node"),
}
VARIABLES = (NAMED, *_MANAGERS)
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})", re.ASCII)
#: The runtimes for code that names none; what AWS has besides is chosen by name.
_USUAL = (20, 22, 24, 26)


class Node(NamedTuple):
    """An interpreter; sorts by version."""

    version: tuple[int, int, int]
    path: str

    @property
    def text(self) -> str:
        return ".".join(map(str, self.version))


def node_for(runtime: str, least: int = 18) -> Node:
    """The interpreter for ``nodejs22.x``: of that version, else the nearest from ``least`` on.

    Raises UsageError with the next step if there is none.
    """
    major = int(re.sub(r"\D", "", runtime.partition(".")[0]))
    found = nearest(installed(), major, least)
    if found is None:
        have = ", ".join(node.text for node in sorted(installed())) or "none"
        reason = f"needs Node.js {max(major, least)}, or another from {least} on; found: {have}"
        fix = f"Install it, or name one: --node /path/to/node, or {NAMED} in the environment."
        raise UsageError(runtime, reason, fix)
    return found


def nearest(nodes: Iterable[Node], major: int, least: int) -> Node | None:
    """The newest of a major version; else of the next newer one there is, or of an older one."""
    fitting = [node for node in nodes if node.version[0] >= least]
    distances = {node: node.version[0] - major for node in fitting}
    newer = [distance for distance in distances.values() if distance >= 0]
    wanted = min(newer) if newer else max(distances.values(), default=0)
    return max((node for node in fitting if distances[node] == wanted), default=None)


def default_runtime() -> str:
    """The runtime for code that names none: that of the Node.js that is first on PATH."""
    here = next(iter(installed()), None)
    known = [major for major in _USUAL if here is None or major <= here.version[0]]
    return f"nodejs{22 if here is None or not known else known[-1]}.x"


@functools.cache
def installed() -> tuple[Node, ...]:
    """Every interpreter that is found; the one that is named, or first on PATH, comes first."""
    named = os.environ.get(NAMED)
    if named:
        return (_named(named),)
    on_path = (shutil.which(name) for name in ("node", "nodejs"))
    asked = (_asked(path) for path in on_path if path is not None)
    return tuple(dict.fromkeys([*(node for node in asked if node), *_managed()]))


@contextlib.contextmanager
def naming(node: str | None) -> Iterator[None]:
    """Have one named meanwhile, for this process and those that it starts; ``None`` names none.

    Raises UsageError if it is no Node.js.
    """
    if node is None:
        yield
        return
    before = os.environ.get(NAMED)
    os.environ[NAMED] = node
    installed.cache_clear()
    try:
        installed()
        yield
    finally:
        os.environ.pop(NAMED)
        os.environ.update({NAMED: before} if before is not None else {})
        installed.cache_clear()


def _named(named: str) -> Node:
    """The interpreter at a path, in a folder, or of a name on PATH."""
    path = Path((os.sep not in named and shutil.which(named)) or named).expanduser().absolute()
    node = _asked(str(path / "bin" / "node" if path.is_dir() else path))
    if node is None:
        fix = "Name the program, or the folder with bin/node."
        raise UsageError(f"the Node.js {named}", "is not one that runs", fix)
    if Path(node.path).parent == Path.home():  # sandboxes see the folder that it is in
        reason = "lies in your home itself, which functions must not see"
        raise UsageError(f"the Node.js {named}", reason, "Put it into a folder of its own.")
    return node


def read_version(text: str) -> tuple[int, int, int] | None:
    """The first version with three numbers in a text."""
    found = _VERSION.search(text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _managed() -> Iterator[Node]:
    for variable, (usual, pattern) in _MANAGERS.items():
        home = Path(os.environ.get(variable) or usual).expanduser()
        for path in sorted(home.glob(pattern)):
            version = read_version(str(path.relative_to(home)))
            if version is not None and os.access(path, os.X_OK):
                yield Node(version, str(path))


def _asked(command: str) -> Node | None:
    """The interpreter behind a command, which may be a shim."""
    ask = "console.log(process.version + ' ' + process.execPath)"
    try:
        done = subprocess.run(
            [command, "-e", ask], cwd="/", timeout=20, check=True, capture_output=True, text=True
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    version, _, path = done.stdout.strip().partition(" ")
    numbers = read_version(version)
    return Node(numbers, path) if numbers and path else None
