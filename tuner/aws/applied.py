"""The record of an applied recommendation: all that undoing it needs (``undo.py``).

One file per run, readable by its owner only, synced before what it says is done. While a
recommendation is being applied its record is not ``complete``; a lock beside it shows whether the
process that applies it still lives. It holds no secrets: sizes, versions and where the function is.
The function's tags say the same while it is being applied, for where the record is lost.
"""

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tuner.aws.configuration import Configuration, modified_of, revision_of, unqualified
from tuner.aws.control import ControlPlane
from tuner.aws.journal import lock, record, sync_directory, write_new
from tuner.aws.seal import sealed, take_seal
from tuner.aws.tags import APPLIED, Mark, encoded, key_of, remove_tags, tags_of
from tuner.errors import TargetError, TunerError
from tuner.files import open_own, own_folder

SCHEMA = "tuner.applied/1"
_RUN = re.compile(r"[0-9A-Za-z]{1,40}", re.ASCII)

Tell = Callable[[str], None]


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
    #: answer was lost may still land while they are the present ones. ``None``: none was begun.
    latest_revision: str | None = None
    alias_revision: str | None = None
    #: LastModified of ``$LATEST`` after the last change that was answered: an earlier one is an old
    #: read.
    modified: str = ""
    #: The newest version before it (``same.py``); empty where none is known.
    anchor: str = ""
    #: Architectures before and after, ``None`` where that was left alone; the code stays the same.
    before_arch: str | None = None
    arch: str | None = None
    code_sha256: str | None = None
    complete: bool = True
    #: The tags that say this on the function while it is being applied, and until when a request
    #: that puts them may land.
    tags: tuple[str, ...] = ()
    tags_until: float = 0.0
    #: The memory that it was left at, as far as is known, and the process that applies it.
    at_mb: int | None = None
    pid: int | None = None
    #: What was applied from the same run before; it counts again when this is undone.
    since: "Applied | None" = None


def record_path(directory: Path, run: str) -> Path:
    """The path of the record of a run's application."""
    return directory / f"{run}.json"


def read_record(path: Path) -> Applied:
    """Read a record; raises :class:`TargetError` if there is none, or it cannot be read."""
    return read_sealed(path)[0]


def read_sealed(path: Path) -> tuple[Applied, bool]:
    """Read a record, and tell if this user has sealed it on this machine; raises as read_record."""
    try:
        with os.fdopen(open_own(path, os.O_RDONLY), encoding="utf-8") as stream:
            return parse_record(stream.read())
    except FileNotFoundError:
        fix = "Run `tuner apply RUN` first, and `--undo` in the same directory."
        raise TargetError(path.stem, "was not applied from this directory", fix) from None
    except (OSError, ValueError, RecursionError) as error:
        fix = "Set the memory size by hand."
        why = getattr(error, "strerror", None) or error
        raise TargetError(str(path), f"cannot be read ({why})", fix) from error


def parse_record(text: str) -> tuple[Applied, bool]:
    """Read a record's text, and tell if it is sealed; raises ValueError or RecursionError."""
    kept = json.loads(text)
    if not isinstance(kept, dict):
        raise ValueError("it is no object")
    ours = take_seal(kept)
    return _parse(kept), ours


def write_record(directory: Path, done: Applied, *, first: bool = False) -> None:
    """Write a record, whole or not at all; raises :class:`TunerError` if that is not possible. With
    the ``first`` of an application nothing was changed yet."""
    path = record_path(directory, done.run)
    with _writing(path, first=first):
        os.close(write_new(path, json.dumps(sealed(asdict(done)), indent=1).encode()))


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
        was, now = first.before_version, first.version
        then = replace(then, alias=first.alias, before_version=was, version=now)
    elif first.alias == then.alias and first.version == then.before_version:
        then = replace(then, before_version=first.before_version)
    elif first.alias is not None:
        return replace(then, before_mb=first.before_mb)
    return replace(then, before_mb=first.before_mb, published=first.published + then.published)


def without_tags(done: Applied, control: ControlPlane) -> Applied:
    """Take from the function what it says of an application that is complete; returns its record.
    Raises :class:`TargetError`."""
    own = key_of(done.run)
    keys = [key for key in done.tags if key == own or key.startswith(f"{own}:")]
    remove_tags(control, done.arn, keys, done.tags_until)
    return replace(done, tags=(), tags_until=0.0, pid=None)


def unfinished(directory: Path) -> list[Path]:
    """The records of applications that have not ended, or whose tags are left, those of running
    ones included.

    One that cannot be read is among them; reading it says why.
    """
    return [path for path in sorted(directory.glob("*.json")) if not _ended(path)]


def _ended(path: Path) -> bool:
    with contextlib.suppress(TargetError):
        done = read_record(path)
        return done.complete and not done.tags
    return False


@contextlib.contextmanager
def held(directory: Path, run: str) -> Iterator[bool]:
    """Be the only process that applies or undoes this run; ``False`` if another one does."""
    path = directory / f"{run}.lock"
    with _writing(path, first=True):
        own_folder(directory)
        file = open_own(path, os.O_RDWR | os.O_CREAT)
    try:
        yield lock(file)
    finally:
        os.close(file)


def of_run(run: str) -> str:
    """What the description of every version says that is published when a run is applied."""
    return f"recommended by run {run} ("


def anchor_of(control: ControlPlane, function: str) -> str:
    """What tells the newest version of a function from all others; empty where there is none, or
    none may be listed."""
    with contextlib.suppress(TargetError):
        found = [one for one in control.versions(function) if one["Version"].isdigit()]
        return max(((int(one["Version"]), anchor(one)) for one in found), default=(0, ""))[1]
    return ""


def anchor(version: Configuration) -> str:
    """What tells a published version from those of a function made anew, which count their own."""
    return f"{version['Version']} {modified_of(version)} {version['CodeSha256']}"


def tags_said(done: Applied, began_s: float, *, undone: bool = False) -> dict[str, str]:
    """The tags that say on the function what is being applied to it, or undone."""
    return tags_of(
        key_of(done.run, undone=undone),
        APPLIED,
        began_s,
        memory=done.before_mb,
        to=done.memory_mb,
        alias=done.alias,
        version=done.before_version,
        made=done.version,
        arch=done.before_arch,
        toarch=done.arch,
        code=done.code_sha256 and encoded(done.code_sha256),
        published=encoded("\n".join(done.published)) if done.published else None,
    )


def from_mark(mark: Mark, control: ControlPlane, now: Configuration) -> Applied | None:
    """What is being applied, as the function's own tags say it; ``None`` if they do not."""
    before_mb, to_mb, session = mark.memory_mb, mark.to_mb, control.session
    if mark.kind != APPLIED or before_mb is None or to_mb is None:
        return None
    values, text = mark.values, mark.text("published")
    arn, made = unqualified(now["FunctionArn"]), values.get("made")
    if text is not None and made is None:
        listed = control.versions(arn.rsplit(":", 1)[-1])
        last = text.split("\n")[-1]
        made = next((one["Version"] for one in listed if one.get("Description") == last), None)
    return Applied(
        mark.run,
        arn,
        session.region,
        session.endpoint_url,
        session.profile,
        before_mb,
        to_mb,
        values.get("alias"),
        values.get("version"),
        made,
        assume_role=session.assume_role,
        published=() if text is None else tuple(text.split("\n")),
        latest_revision=revision_of(now),
        modified=modified_of(now),
        anchor=anchor_of(control, arn.rsplit(":", 1)[-1]),
        alias_revision="",  # whether the alias was moved, tags do not say
        before_arch=values.get("arch"),
        arch=values.get("toarch"),
        code_sha256=mark.text("code"),
        complete=False,
        tags=mark.keys,
    )


def _parse(kept: dict[str, Any]) -> Applied:
    if not isinstance(kept, dict) or kept.get("schema") != SCHEMA:
        raise ValueError("its schema is not known")
    lists = {name: kept.get(name, []) for name in ("published", "tags")}
    for name, texts in lists.items():
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{name} is {texts!r:.80}")
    plain = {name: value for name, value in kept.items() if name not in (*lists, "since")}
    since = kept.get("since")
    done: Applied = replace(
        record(Applied, plain),
        published=tuple(lists["published"]),
        tags=tuple(lists["tags"]),
        since=None if since is None else _parse(since),
    )
    if not _RUN.fullmatch(done.run):  # it becomes the name of a file
        raise ValueError(f"run is {done.run!r:.80}")
    return done


@contextlib.contextmanager
def _writing(path: Path, *, first: bool = False) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"cannot be written ({error.strerror})" + ", so nothing was changed" * first
        fix = getattr(error, "fix", "Make the directory writable.")
        raise TunerError(str(path), reason, fix) from error
