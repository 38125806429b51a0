"""``--against``: what the candidate is compared with in the same run.

A version or alias of the same function, a package (``.zip``, folder or ``.py``), a git revision of
its code, or another recording.
"""

import tempfile
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from tuner.errors import UsageError
from tuner.options.risk import names_code
from tuner.options.sweep import SweepOptions
from tuner.records import FunctionFacts
from tuner.suites.repository import commit_of, take_out
from tuner.targets.names import Kind, TargetName, parse_target
from tuner.targets.seam import Code
from tuner.targets.templates import template_files

_FIX = "Write a version or alias, a .zip or folder, git:REVISION, or git:REVISION:PATH."


class What(StrEnum):
    """The kinds of the other side."""

    QUALIFIER = "qualifier"
    PATH = "path"
    GIT = "git"
    RECORDING = "recording"


@dataclass(frozen=True)
class Against:
    """The other side as it was written: a qualifier, a path, or a revision with a path."""

    text: str
    what: What
    name: str
    path: str | None = None


def parse_against(text: str, target: str) -> Against:
    """Read it for a target. Raises UsageError for what such a target cannot be compared with."""
    plain, kind = text.strip(), parse_target(target).kind
    if not plain:
        raise UsageError("--against", "is empty", _FIX)
    if kind is Kind.REPLAY:
        if not plain.startswith("replay:"):
            fix = "Write --against replay:FILE."
            raise UsageError(
                f"--against {plain[:60]}", "is not a recording, but the target is", fix
            )
        return Against(plain, What.RECORDING, plain)
    if plain.startswith("git:"):
        revision, _, path = plain[4:].partition(":")
        if kind is Kind.AWS and not path:
            fix = "Write git:REVISION:PATH, where PATH is the folder that is deployed."
            raise UsageError(f"--against {plain[:60]}", "does not say where the code is", fix)
        if not revision or (kind is Kind.DEMO and not path):
            raise UsageError(f"--against {plain[:60]}", "names no code", _FIX)
        return Against(plain, What.GIT, revision, path or None)
    if names_code(plain):
        path = plain.removeprefix("local:")
        return Against(plain, What.PATH, path, path)
    if kind is not Kind.AWS:
        reason = "is neither a path nor a git revision"
        raise UsageError(f"--against {plain[:60]!r}", reason, _FIX)
    return Against(plain, What.QUALIFIER, plain.rpartition(":")[2])


def other_code(
    against: Against, options: SweepOptions, facts: FunctionFacts
) -> tuple[Code, str | None]:
    """The package of a path or a git revision, and its commit. Raises UsageError or NotFound.

    A function on AWS says itself how its code is run.
    """
    if parse_target(options.target).kind is Kind.AWS:
        handler, runtime = options.handler or facts.handler, options.runtime or facts.runtime
        options = options.but(handler=handler, runtime=runtime)
    if against.what is What.PATH:
        return _code(Path(against.name).expanduser(), options), None
    path = Path(against.path or parse_target(options.target).path).expanduser()
    commit = commit_of(against.name, path if path.is_dir() else path.parent)
    with tempfile.TemporaryDirectory(prefix="tuner-git-") as into:
        return _code(take_out(commit, path, Path(into)), options), commit


def _code(path: Path, options: SweepOptions) -> Code:
    from tuner.targets.local import LocalOptions, local_code

    name = TargetName(str(path), Kind.LOCAL, path=str(path))
    if template_files(path, named=True):
        name = replace(name, logical_id=parse_target(options.target).logical_id)
    how = LocalOptions(options.handler, options.runtime, environment=dict(options.env))
    how = replace(how, parameters=dict(options.parameter), node=options.node)
    return local_code(name, how, "other")


def control_code() -> Code:
    """The bundled handler whose work never changes."""
    from importlib.resources import as_file, files

    from tuner.targets.package import read_package

    with as_file(files("tuner.suites") / "control") as folder:
        package = read_package(folder, "app.handler")
    return Code(package.zip_bytes, "control", package.handler, package.runtime)
