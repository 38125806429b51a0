"""The record of an applied recommendation, and undoing it from that record alone.

One file per run, readable by its owner only, synced before what it says is done. While a
recommendation is being applied its record is not ``complete``; a lock beside it shows whether the
process that applies it still lives. It holds no secrets: sizes, versions and where the function is.

The same code serves ``tuner apply --undo``, an application that rolls itself back, and
``tuner restore`` after a crash, so it relies on nothing but the record and what Lambda says now.
What somebody else has set since is left alone. Doing it twice is harmless.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from tuner.aws.changes import point, set_architecture, set_memory, weights_of
from tuner.aws.configuration import architecture_of, changed_meanwhile, revision_of
from tuner.aws.control import ControlPlane
from tuner.aws.journal import lock, sync_directory, write_new
from tuner.aws.restore import check_same, delete_described
from tuner.errors import ChangedUnderneath, NotFound, TargetError, TunerError

SCHEMA = "tuner.applied/1"

Tell = Callable[[str], None]

#: Seconds in which invocations may still reach the version that an alias has just left, so that it
#: must not be deleted. UpdateAlias is eventually consistent, without a documented bound.
_ALIAS_SETTLES_S = 30.0


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
        os.close(write_new(path, json.dumps(asdict(done), indent=1).encode()))


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


def unfinished(directory: Path) -> list[Path]:
    """The records of applications that have not ended, those of running ones included.

    One that cannot be read is among them; reading it says why.
    """
    return [path for path in sorted(directory.glob("*.json")) if not _ended(path)]


def _ended(path: Path) -> bool:
    with contextlib.suppress(TargetError):
        return read_record(path).complete
    return False


@contextlib.contextmanager
def held(directory: Path, run: str) -> Iterator[bool]:
    """Be the only process that applies or undoes this run; ``False`` if another one does."""
    path = directory / f"{run}.lock"
    with _writing(path):
        for folder in (directory.parent, directory):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield lock(file)
    finally:
        os.close(file)


@dataclass(frozen=True)
class Undo:
    """One application to undo. What somebody else has set since is reported and left alone; with
    ``strict`` it is an error as well, once all else is undone."""

    control: ControlPlane
    done: Applied
    tell: Tell
    strict: bool
    foreign: list[ChangedUnderneath] = field(default_factory=list)

    def __call__(self) -> None:
        """Undo alias, memory, architecture and versions; raises :class:`TargetError` for what is
        left. A function that is gone needs nothing more."""
        with self.control.restoring():
            try:
                moved = self.done.alias is not None and self._alias_back(self.done.alias)
                if moved and self.done.published and not self.control.session.loopback:
                    self.control.clock.sleep(_ALIAS_SETTLES_S)
                self._memory_back()
                self._architecture_back()
            except NotFound:
                if self.control.exists(self.done.arn):
                    raise
                return
            self._delete_versions()
            if self.strict and self.foreign:
                raise self.foreign[0]

    def _delete_versions(self) -> None:
        if not self.done.published:
            return
        # Stand-ins for Lambda list versions by the plain name only, which may be another
        # function's to other credentials.
        name = self.done.arn.rsplit(":", 1)[-1]
        check_same(self.done.arn, self.control.configuration(name))
        left = delete_described(self.control, name, set(self.done.published))
        if left:
            reason = f"published when it was applied and still there: {'; '.join(left)}"
            fix = "Point your aliases at other versions, then try again."
            raise TargetError(self.done.arn, reason, fix)

    def _alias_back(self, alias: str) -> bool:
        """Move the alias back; ``True`` if it had to be moved."""
        done = self.done
        for _ in self.control.tries():
            now = self.control.get_alias(done.arn, alias)
            weights = weights_of(now)
            at = now["FunctionVersion"]
            ours = done.version is not None and done.version in (at, *weights)
            may_land = not done.complete and now.get("RevisionId", "") == done.alias_revision
            if not ours and not may_land:
                if at != done.before_version:
                    what = f"it points at version {at}, which this run did not set"
                    self._foreign(f"{done.arn}:{alias}", what)
                return False
            # One that a request on its way may still move is set to what it has: that makes the
            # RevisionId which the request expects a past one.
            version, shares = (str(done.before_version), {}) if ours else (at, weights)
            try:
                point(self.control, done.arn, now, version, shares)
            except ChangedUnderneath:
                continue
            if ours:
                self.tell(f"{alias}: all on version {done.before_version}")
            return ours
        raise self._busy()

    def _memory_back(self) -> None:
        done = self.done
        for _ in self.control.tries():
            latest = self.control.settle(done.arn)
            if latest["MemorySize"] != done.memory_mb:
                latest = self.control.agreed(done.arn, latest)
            now_mb = latest["MemorySize"]
            may_land = not done.complete and revision_of(latest) == done.latest_revision != ""
            if now_mb not in (done.memory_mb, done.before_mb):
                what = f"it has {now_mb} MB, not the {done.memory_mb} MB that this run set"
                return self._foreign(done.arn, what)
            if now_mb == done.before_mb and not may_land:
                return None
            try:
                set_memory(self.control, done.arn, latest, done.before_mb)
            except ChangedUnderneath:
                continue
            if now_mb != done.before_mb:
                self.tell(f"$LATEST: {now_mb} MB -> {done.before_mb} MB")
            return None
        raise self._busy()

    def _architecture_back(self) -> None:
        """Comes after the memory, whose change makes a request that is still on its way stale."""
        done = self.done
        if done.arch is None or done.before_arch is None or done.arch == done.before_arch:
            return None
        for _ in self.control.tries():
            latest = self.control.settle(done.arn)
            now = architecture_of(latest)
            if now == done.before_arch:
                return None
            if latest["CodeSha256"] != done.code_sha256:
                return self._foreign(done.arn, f"other code was deployed since, for {now}")
            try:
                set_architecture(self.control, done.arn, latest, done.before_arch)
            except ChangedUnderneath:
                continue
            return self.tell(f"$LATEST: {now} -> {done.before_arch}")
        raise self._busy()

    def _foreign(self, thing: str, what: str) -> None:
        fix = "Somebody else changed it: set what you want by hand."
        self.foreign.append(ChangedUnderneath(thing, what, fix))
        self.tell(f"{thing}: {what}; left alone")

    def _busy(self) -> ChangedUnderneath:
        reason = "somebody else keeps changing it, so it could not be undone"
        return changed_meanwhile(self.done.arn, reason)


def restore_applied(path: Path, control: ControlPlane, tell: Tell) -> bool:
    """Undo an interrupted application and remove its record; ``False`` if another process holds
    the record or has removed it meanwhile."""
    with held(path.parent, path.stem) as ours:
        if not ours or path not in unfinished(path.parent):
            return False
        done = read_record(path)
        Undo(control, done, tell, strict=False)()
        drop_record(path.parent, done)
        return True


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
