"""Undoes an applied recommendation, from its record alone.

The same code serves ``tuner apply --undo``, an application that rolls itself back, and
``tuner restore`` after a crash, so it relies on nothing but the record and what Lambda says now.
What somebody else has set since is left alone. Doing it twice is harmless.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.aws.applied import Applied, drop_record, held, read_record, unfinished
from tuner.aws.control import Configuration, ControlPlane, changed_meanwhile, revision_of
from tuner.aws.package import architecture_of, set_architecture
from tuner.aws.restore import check_same, delete_described
from tuner.errors import ChangedUnderneath, NotFound, TargetError

Tell = Callable[[str], None]

#: Seconds in which invocations may still reach the version that an alias has just left, so that it
#: must not be deleted. UpdateAlias is eventually consistent, without a documented bound.
_ALIAS_SETTLES_S = 30.0


@dataclass(frozen=True)
class Undo:
    """One application to undo. ``strict`` makes what somebody else has set since an error; without
    it that is reported and left alone."""

    control: ControlPlane
    done: Applied
    tell: Tell
    strict: bool

    def __call__(self) -> None:
        """Undo alias, memory, architecture and versions; raises :class:`TargetError` for what is
        left. A function that is gone needs nothing more."""
        with self.control.restoring():
            self._undo()

    def _undo(self) -> None:
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
        left = self._delete_versions()
        if left:
            raise TargetError(
                self.done.arn,
                f"published when it was applied and still there: {'; '.join(left)}",
                "Point your aliases at other versions, then try again.",
            )

    def _delete_versions(self) -> list[str]:
        if not self.done.published:
            return []
        # Stand-ins for Lambda list versions by the plain name only, which may be another
        # function's to other credentials.
        name = self.done.arn.rsplit(":", 1)[-1]
        check_same(self.done.arn, self.control.configuration(name))
        return delete_described(self.control, name, set(self.done.published))

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
        if self.strict:
            fix = "Somebody else changed it: set what you want by hand."
            raise ChangedUnderneath(thing, what, fix)
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


def set_memory(
    control: ControlPlane, function: str, now: Configuration, memory_mb: int
) -> Configuration:
    """Set only the memory (MB) of ``$LATEST`` as it was just read, and wait until that is done.

    A change whose answer was lost counts as made. Raises :class:`ChangedUnderneath` for somebody
    else's change.
    """
    description = now.get("Description", "")
    try:
        known = control.update(function, memory_mb, description, revision_of(now))
    except TargetError:
        known = control.settle(function)
        found = (known["MemorySize"], known.get("Description", ""), known["CodeSha256"])
        untouched = revision_of(known) == revision_of(now) != ""
        if untouched or found != (memory_mb, description, now["CodeSha256"]):
            raise
    latest = control.wait(function, known=known)
    if latest["MemorySize"] != memory_mb:
        latest = control.agreed(function, latest)
    if latest["MemorySize"] != memory_mb:
        raise changed_meanwhile(function)
    return latest


def point(
    control: ControlPlane,
    function: str,
    now: Mapping[str, Any],
    version: str,
    weights: Mapping[str, float],
) -> None:
    """Point an alias, as it was just read, at a version, with shares of its traffic on another."""
    name = str(now["Name"])
    try:
        control.update_alias(function, name, version, weights, now.get("RevisionId"))
    except TargetError:
        # The change may have been made, and only its answer lost.
        found = control.get_alias(function, name)
        if found["FunctionVersion"] != version or weights_of(found) != dict(weights):
            raise


def weights_of(alias: Mapping[str, Any]) -> dict[str, float]:
    """Other version -> its share of an alias's traffic."""
    return dict((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {})
