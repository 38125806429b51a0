"""The record of an applied recommendation: what was there before, for ``--undo``.

One file per run, readable by its owner only, synced before what it says is done. It holds no
secrets: sizes, versions and where the function is.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from tuner.errors import TargetError, TunerError

SCHEMA = "tuner.applied/1"


@dataclass(frozen=True)
class Applied:
    """What was done, and what was there before: all that ``--undo`` needs."""

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


def record_path(directory: Path, run: str) -> Path:
    """Where the record of a run's application is."""
    return directory / f"{run}.json"


def read_record(path: Path) -> Applied:
    """Read a record; raises :class:`TargetError` if there is none, or it cannot be read."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["schema"] != SCHEMA:
            raise ValueError(f"schema {kept['schema']!r} is not known")
        return Applied(**kept)
    except FileNotFoundError:
        fix = "`tuner apply RUN` applies it first; it is undone from the same directory."
        raise TargetError(path.stem, "was not applied from here", fix) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        fix = "Set the memory by hand."
        raise TargetError(str(path), f"cannot be read ({error})", fix) from error


def write_record(directory: Path, done: Applied) -> None:
    """Write it, whole or not at all; raises :class:`TunerError` if that is not possible."""
    path = record_path(directory, done.run)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_suffix(".new")
        file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            json.dump(asdict(done), stream, indent=1)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(path)
    except OSError as error:
        reason = f"cannot be written ({error.strerror}), so nothing is changed"
        raise TunerError(str(path), reason, "Make the directory writable.") from error
