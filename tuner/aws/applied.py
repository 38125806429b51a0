"""The record of an applied recommendation: what was there before, for ``--undo`` and ``restore``.

One file per run, readable by its owner only, synced before what it says is done. While a
recommendation is being applied its record is not ``complete``; a lock beside it shows whether the
process that applies it still lives. It holds no secrets: sizes, versions and where the function is.
"""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tuner.aws.journal import lock, sync_directory
from tuner.errors import TargetError, TunerError

SCHEMA = "tuner.applied/1"


@dataclass(frozen=True)
class Applied:
    """What was done, and what was there before: all that undoing it needs."""

    run: str
    arn: str
    region: str
    endpoint_url: str
    profile: str | None
    before_mb: int
    memory_mb: int
    alias: str | None = None
    before_version: str | None = None  # what the alias pointed at
    version: str | None = None  # what it points at now
    schema: str = SCHEMA
    assume_role: str | None = None
    #: The descriptions of the versions that were published for it; only we write these.
    published: tuple[str, ...] = ()
    #: RevisionIds, of ``$LATEST`` and of the alias, that the last change expects: a change whose
    #: answer was lost may still land while they are the present ones.
    latest_revision: str | None = None
    alias_revision: str | None = None
    #: Architectures before and after, ``None`` where that was left alone; the code stays the same.
    before_arch: str | None = None
    arch: str | None = None
    code_sha256: str | None = None
    complete: bool = True
    #: What was applied from the same run before; it counts again when this is undone.
    since: "Applied | None" = None


def record_path(directory: Path, run: str) -> Path:
    """The path of the record of a run's application."""
    return directory / f"{run}.json"


def read_record(path: Path) -> Applied:
    """Read a record; raises :class:`TargetError` if there is none, or it cannot be read."""
    try:
        return _parse(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        fix = "Run `tuner apply RUN` first, and `--undo` in the same directory."
        raise TargetError(path.stem, "was not applied from this directory", fix) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        fix = "Set the memory size by hand."
        raise TargetError(str(path), f"cannot be read ({error})", fix) from error


def write_record(directory: Path, done: Applied) -> None:
    """Write a record, whole or not at all; raises :class:`TunerError` if that is not possible."""
    path = record_path(directory, done.run)
    with _writing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_suffix(".new")
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(asdict(done), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
        sync_directory(path.parent)


def drop_record(directory: Path, done: Applied) -> None:
    """Remove a record that was undone; what was applied before it, if anything, counts again."""
    if done.since is not None:
        write_record(directory, done.since)
        return
    path = record_path(directory, done.run)
    with _writing(path):
        path.unlink(missing_ok=True)
        sync_directory(path.parent)


def merged(first: Applied, then: Applied) -> Applied:
    """One record of two applications; undoing it restores what was there before the first."""
    if first.arn != then.arn or first.memory_mb != then.before_mb:
        return then
    if first.arch is not None:
        arch = then.arch or first.arch
        sha = then.code_sha256 or first.code_sha256
        then = replace(then, before_arch=first.before_arch, arch=arch, code_sha256=sha)
    if then.alias is None:
        then = replace(
            then,
            alias=first.alias,
            before_version=first.before_version,
            version=first.version,
        )
    elif first.alias == then.alias and first.version == then.before_version:
        then = replace(then, before_version=first.before_version)
    elif first.alias is not None:
        return replace(then, before_mb=first.before_mb)
    return replace(then, before_mb=first.before_mb, published=first.published + then.published)


def unfinished(directory: Path) -> list[Path]:
    """The records of applications that have not ended, those of running ones included.

    One that cannot be read is among them; reading it says why.
    """
    found = []
    for path in sorted(directory.glob("*.json")) if directory.is_dir() else []:
        try:
            if read_record(path).complete:
                continue
        except TargetError:
            pass
        found.append(path)
    return found


@contextlib.contextmanager
def held(directory: Path, run: str) -> Iterator[bool]:
    """Be the only process that applies or undoes this run; ``False`` if another one does."""
    path = directory / f"{run}.lock"
    with _writing(path):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock(file)
    finally:
        os.close(file)


def _parse(kept: dict[str, Any]) -> Applied:
    if kept["schema"] != SCHEMA:
        raise ValueError(f"schema {kept['schema']!r} is not known")
    since = kept.pop("since", None)
    published = tuple(str(text) for text in kept.pop("published", ()))
    return Applied(**kept, published=published, since=None if since is None else _parse(since))


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"cannot be written ({error.strerror}), so nothing was changed"
        raise TunerError(str(path), reason, "Make the directory writable.") from error
