"""Undoes an application, from its record or the function's tags and what Lambda says now.

The same code serves ``tuner apply --undo``, an application that rolls itself back, and
``tuner restore`` after a crash. What somebody else has set since is left alone. Doing it twice is
harmless.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tuner.aws.applied import (
    Applied,
    Tell,
    drop_record,
    from_mark,
    held,
    of_run,
    read_sealed,
    unfinished,
    without_tags,
    write_record,
)
from tuner.aws.changes import point, set_architecture, set_memory
from tuner.aws.configuration import (
    Configuration,
    FailedUpdateError,
    architecture_of,
    failed_update,
    revision_of,
    weights_of,
)
from tuner.aws.control import ControlPlane
from tuner.aws.restore import check_same, delete_described
from tuner.aws.same import refuse_made_anew
from tuner.aws.tags import APPLIED, mark_of, remove_tags
from tuner.errors import ChangedUnderneath, NotFound, TargetError, TunerError

#: Seconds in which invocations may still reach the version that an alias has just left, so that it
#: must not be deleted. UpdateAlias is eventually consistent, without a documented bound.
_ALIAS_SETTLES_S = 30.0


@dataclass(frozen=True)
class Undo:
    """One application to undo. What somebody else has set since is reported and left alone; with
    ``strict`` it is an error as well, once all else is undone."""

    control: ControlPlane
    done: Applied
    tell: Tell
    strict: bool
    #: Keeps fields of the record that have changed: an alias that is back, which whoever moves it
    #: from then on means, and the memory once it is back.
    note: Callable[..., None] = lambda **_: None
    path: Path | None = None  # the record, if there is one
    foreign: list[ChangedUnderneath] = field(default_factory=list)

    def __call__(self) -> None:
        """Undo alias, memory, architecture and versions; raises :class:`TargetError` for what is
        left. A function that is gone needs nothing more."""
        with self.control.restoring(arn=self.done.arn, modified=self.done.modified):
            try:
                self._refuse_made_anew(self.control.settle(self.done.arn))
                moved = self.done.alias is not None and self._alias_back(self.done.alias)
                if moved:
                    self._keep(alias=None)
                if moved and self.done.published and not self.control.session.loopback:
                    self.control.clock.sleep(_ALIAS_SETTLES_S)
                self._memory_back()
                self._architecture_back()
            except NotFound:
                if self.control.exists(self.done.arn):
                    raise
                return
            self._delete_versions()
            self._untag()
            self._end()
        return

    def _untag(self) -> None:
        remove_tags(self.control, self.done.arn, self.done.tags, self.done.tags_until)

    def _end(self) -> None:
        if self.strict and self.foreign:
            raise self.foreign[0]

    def _refuse_made_anew(self, now: Configuration) -> None:
        """Raise ChangedUnderneath if another function may have its name by now."""
        try:
            refuse_made_anew(self.control, self.done, now, self.path)
        except ChangedUnderneath:
            self._untag()  # a request that had no answer may put them on it
            raise

    def _keep(self, **known: Any) -> None:
        with contextlib.suppress(TunerError):  # a full disk must not stop the rest
            self.note(**known)

    def _delete_versions(self) -> None:
        if not self.done.published:
            return
        # Stand-ins for Lambda list versions by the plain name only, which may be another
        # function's to other credentials.
        name = self.done.arn.rsplit(":", 1)[-1]
        check_same(self.done.arn, self.control.configuration(name))
        ours = {text for text in self.done.published if of_run(self.done.run) in text}
        left = delete_described(self.control, name, ours.__contains__)
        if left:
            reason = f"published when it was applied and still there: {'; '.join(left)}"
            fix = "Point your aliases at other versions, then try again."
            raise TargetError(self.done.arn, reason, fix)

    def _alias_back(self, alias: str) -> bool:
        """Move the alias back; ``True`` if it had to be moved. One that somebody has deleted, or
        whose former version is deleted, is left as it is."""
        done, thing = self.done, f"{self.done.arn}:{alias}"
        for _ in self.control.tries():
            now = self._alias_now(alias)
            if now is None:
                self._foreign(thing, "it was deleted")
                return False
            weights = weights_of(now)
            at = now["FunctionVersion"]
            ours = self._pointed(at, weights)
            may_land = not done.complete and now.get("RevisionId", "") == done.alias_revision
            if not ours and not may_land:
                if (at, weights) != (done.before_version, {}):
                    parts = [f"version {at}", *(f"version {each}" for each in weights)]
                    what = f"it points at {' and '.join(parts)}, which this run did not set"
                    self._foreign(thing, what)
                return False
            # One that a request on its way may still move is set to what it has: that makes the
            # RevisionId which the request expects a past one.
            version, shares = (str(done.before_version), {}) if ours else (at, weights)
            try:
                point(self.control, done.arn, now, version, shares)
            except ChangedUnderneath:
                continue
            except NotFound:
                if not self.control.exists(done.arn):
                    raise
                what = f"version {version} was deleted, so it still points at version {at}"
                self._foreign(thing, what)
                return False
            if ours:
                self.tell(f"{alias}: all on version {done.before_version}")
            return ours
        raise self._busy()

    def _pointed(self, at: str, weights: Mapping[str, float]) -> bool:
        """Tell if the alias is as this run has set it: one that was moved whole has no weights, and
        one that was never moved may have got an identical version from somebody else."""
        done = self.done
        if done.complete:
            return (at, weights) == (done.version, {})
        return done.alias_revision is not None and done.version in (at, *weights)

    def _alias_now(self, alias: str) -> Mapping[str, Any] | None:
        """The alias; ``None`` if it is gone and the function is there."""
        try:
            return self.control.get_alias(self.done.arn, alias)
        except NotFound:
            if not self.control.exists(self.done.arn):
                raise
            return None

    def _memory_back(self) -> None:
        done, failed = self.done, None
        for _ in self.control.tries():
            latest = self.control.settle(done.arn)
            if latest["MemorySize"] != done.memory_mb:
                latest = self.control.agreed(done.arn, latest)
            now_mb = latest["MemorySize"]
            # Where a change was begun, reads may be older than it or than the tags before it; any
            # update shows that this one is not.
            expected = revision_of(latest) == done.latest_revision != ""
            changed = done.at_mb != done.before_mb or done.arch is not None
            may_land = not done.complete and (expected or changed)
            begun = done.complete or done.at_mb != done.before_mb or now_mb == done.before_mb
            if now_mb not in (done.memory_mb, done.before_mb) or not begun:
                what = f"it has {now_mb} MB, not the {done.memory_mb} MB that this run set"
                return self._foreign(done.arn, what)
            again = failed is not None and failed_update(latest) is not None
            if now_mb == done.before_mb and not (may_land or again):
                return None
            self._refuse_made_anew(latest)
            try:
                set_memory(self.control, done.arn, latest, done.before_mb)
            except ChangedUnderneath:
                continue
            except FailedUpdateError as error:  # made once more: some reasons pass
                failed = error
                continue
            self._keep(at_mb=done.before_mb)
            if now_mb != done.before_mb:
                self.tell(f"$LATEST: {now_mb} MB -> {done.before_mb} MB")
            return None
        raise failed or self._busy()

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
            self._refuse_made_anew(latest)
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

    def _busy(self) -> TargetError:
        """Not :class:`ChangedUnderneath`, with which all else is undone."""
        reason = "somebody else keeps changing it, so it could not be undone"
        fix = "Wait for the other deployment to finish, then run `tuner restore`."
        return TargetError(self.done.arn, reason, fix)


def restore_applied(path: Path, control: ControlPlane, tell: Tell) -> bool:
    """Undo an interrupted application and remove its record, or remove the tags of a complete one;
    ``False`` if another process holds the record or has removed it meanwhile."""
    with held(path.parent, path.stem) as ours:
        if not ours or path not in unfinished(path.parent):
            return False
        done, sealed_here = read_sealed(path)
        if done.complete and sealed_here:
            with control.restoring():
                write_record(path.parent, without_tags(done, control))
            return True
        proved, known = read_proved(path, control), dict[str, Any]()

        def note(**more: Any) -> None:
            known.update(more)
            write_record(path.parent, replace(proved, **known))

        Undo(control, proved, tell, strict=False, note=note, path=path)()
        drop_record(path.parent, proved)
        return True


def read_proved(path: Path, control: ControlPlane) -> Applied:
    """Read a record; of one that somebody else may have written, what the function itself says of
    that application counts. Raises :class:`TargetError` if it says nothing, or the record that it
    is complete."""
    done, sealed_here = read_sealed(path)
    if sealed_here:
        return done
    with contextlib.suppress(NotFound):
        now = control.configuration(done.arn)
        mark = mark_of(control, now, done.run, APPLIED)
        found = None if mark is None else from_mark(mark, control, now)
        if found is not None and not done.complete:
            return found
    reason = f"nothing on it says that run {done.run} is being applied to it"
    fix = f"You did not write {path} on this machine: undo by hand what it says, then delete it."
    raise TargetError(done.arn, reason, fix)
