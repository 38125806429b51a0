"""Restores a function by what it says of itself, where journal and record are lost or may be
another hand's.

Tags say which run has changed it and what was there before; the descriptions of ``$LATEST`` and of
published versions say which sizes are ours. What that leaves open is left alone and told.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace

from tuner.aws.applied import Tell, from_mark
from tuner.aws.clone import clone_name
from tuner.aws.configuration import Configuration, unqualified, uses_snap_start
from tuner.aws.control import ControlPlane
from tuner.aws.journal import (
    MARK,
    Before,
    JournalEntry,
    JournalHeader,
    Step,
    claimed,
    discard,
)
from tuner.aws.policy import CLONE_PREFIX
from tuner.aws.restore import OF_VERSION, SET, check_same, its_of, restore_function, untag
from tuner.aws.tags import APPLIED, MEASURED, Mark, marks
from tuner.aws.undo import Undo
from tuner.errors import AccessDenied, NotFound, TargetError

#: The description of a copy (``clone.py``), where it was not cut off.
_COPY = re.compile(r"copy of (?P<function>\S+) for a measurement")
#: Its name, with the run that made it (``clone.py``).
_COPY_NAME = re.compile(rf"{CLONE_PREFIX}([0-9a-hjkmnp-tv-z]{{26}})-", re.ASCII)


@dataclass(frozen=True)
class Lost:
    """What one run has left on a function: its mark, and the versions that it has published."""

    control: ControlPlane
    function: str  # as the user named it
    mark: Mark
    now: Configuration
    versions: list[Configuration]
    copy: Configuration | None = None  # then nothing else is left

    @property
    def arn(self) -> str:
        """The function, without qualifier."""
        return unqualified(self.now["FunctionArn"])

    @property
    def before_mb(self) -> int | None:
        """The memory before the run; ``None`` if nothing says it."""
        said = [_set_by(self.mark.run, one) for one in (self.now, *self.versions)]
        written = (int(found["before"]) for found in said if found and found["before"])
        return self.mark.memory_mb or next(written, None)

    def back(self, tell: Tell) -> None:
        """Restore it; raises :class:`TargetError` for what is left."""
        if self.copy is not None:
            restore_function(self._copied(self.copy), self.control)
        elif self.mark.kind == APPLIED:
            self._undo(tell)
        else:
            self._restore(tell)

    def _undo(self, tell: Tell) -> None:
        done = from_mark(self.mark, self.control, self.now)
        if done is None:
            raise self._unknown("its tags do not say what was applied")
        Undo(self.control, done, tell, strict=False)()

    def _restore(self, tell: Tell) -> None:
        if self.before_mb is None:
            raise self._unknown("nothing says what memory it had before")
        seen = any(_set_by(self.mark.run, one) for one in (self.now, *self.versions))
        if seen and self.mark.text("description") is None:
            tell(f"{self.arn}: its former description is lost; the run's becomes an empty one")
        latest = [self.now]
        restore_function(self._entry(self.before_mb), self.control, latest.append)
        if unclear := self._unclear():
            changed = "somebody has changed it since, so either may be right"
            raise self._unknown(f"{' and '.join(unclear)}; {changed}")
        if uses_snap_start(latest[-1]) and not self.mark.keys:
            raise self._unknown("SnapStart is on, and nothing says if it was before")

    def _copied(self, copy: Configuration) -> JournalEntry:
        """The journal of a run that has made this copy, as the copy says it."""
        versions: list[Configuration] = []
        with self.control.restoring(), suppress(AccessDenied, NotFound):
            versions += self.control.versions(copy["FunctionName"])
        header = replace(self._header(copy["MemorySize"]), clone=self.arn)
        numbers = [one["Version"] for one in versions if one["Version"] != "$LATEST"]
        made: tuple[Step, ...] = ({"do": "create"}, {"did": True})
        return JournalEntry(header, (*made, *map(_perhaps_provisioned, numbers)))

    def _header(self, before_mb: int) -> JournalHeader:
        session, mark = self.control.session, self.mark
        return JournalHeader(
            mark.run,
            self.function,
            self.arn,
            session.region,
            session.endpoint_url,
            session.profile,
            Before(before_mb, mark.text("description") or "", "", self.now["CodeSha256"]),
            self.control.clock.wall(),
            0,
            session.assume_role,
        )

    def _entry(self, before_mb: int) -> JournalEntry:
        """The journal of the run, as the function says it."""
        header, mark = self._header(before_mb), self.mark
        set_by_it = [one for one in (*self.versions, self.now) if _set_by(mark.run, one)]
        # Of a change that nothing shows, a read may be old: any update is refused then.
        unknown = {
            "memory_mb": before_mb,
            "description": "",
            "revision_id": "",
            "perhaps": True,
            **self._snap_start(),
        }
        sets = [self._set_of(one) for one in set_by_it] or [unknown]
        # What is unclear keeps its tags; of the changes none is said to have been made.
        steps: list[Step] = [] if self._unclear() else [{"did": True, "tagged": mark.keys}]
        steps += [{"do": "set", **each} for each in sets]
        for one in self.versions:
            steps.append({"do": "publish", "description": one["Description"]})
            steps.append(_perhaps_provisioned(one["Version"]))
        return JournalEntry(header, tuple(steps))

    def _set_of(self, one: Configuration) -> Step:
        described, found = one["Description"].removesuffix(OF_VERSION), _set_by(self.mark.run, one)
        assert found is not None, "only those that the run has set"
        return {
            "memory_mb": int(found["size"]),
            "description": described,
            "revision_id": "",
            **self._snap_start(),
        }

    def _snap_start(self) -> Step:
        """Say if SnapStart is to be taken back where it is on: only tags say it was off before."""
        return {"snap_start": bool(self.mark.keys) and "snapstart" not in self.mark.values}

    def _unclear(self) -> list[str]:
        """Say what may be ours or another hand's."""
        if _set_by(self.mark.run, self.now):
            return []
        found, now_mb = [], self.now["MemorySize"]
        if now_mb not in {self.before_mb, *(one["MemorySize"] for one in self.versions)}:
            found.append(f"it has {now_mb} MB, and had {self.before_mb} MB before")
        was_on = "snapstart" in self.mark.values or not self.mark.keys  # only tags say it
        if uses_snap_start(self.now) and not (was_on or self.versions):
            found.append("SnapStart is on, and was off before")
        return found

    def _unknown(self, reason: str) -> TargetError:
        untag = f"aws lambda untag-resource --resource {self.arn} --tag-keys"
        then = f", then `{untag} {' '.join(self.mark.keys)}`." if self.mark.keys else "."
        fix = f"Set memory and description by hand{then}"
        return TargetError(self.arn, f"run {self.mark.run} has changed it: {reason}", fix)


def restore_journal(
    entry: JournalEntry, control: ControlPlane, tell: Tell = lambda _text: None
) -> bool:
    """Restore what a pending journal says and remove it; ``False`` if another process holds it.

    Of one that another hand may have written only what the function itself says of that run counts.
    A function that was deleted meanwhile needs nothing more.
    """
    with claimed(entry) as ours:
        if not ours:
            return False
        if entry.trusted or entry.header.clone is not None:
            restore_function(entry, control)
        elif not _restored_by_itself(entry, control, tell):
            now = control.configuration(entry.header.function)
            reason = f"nothing on it says that run {entry.header.id} has set {its_of(now)}"
            fix = f"Compare it by hand with {entry.path}, then delete that file."
            raise TargetError(entry.header.function, reason, fix)
        discard(entry)
        return True


def _restored_by_itself(entry: JournalEntry, control: ControlPlane, tell: Tell) -> bool:
    """Restore a function by what it says of the run of a journal; ``False`` if that is nothing."""
    header = entry.header
    try:
        found = lost_on(control, header.function)
    except NotFound:
        if control.exists(header.arn):
            raise
        return True
    ours = [one for one in found if one.mark.run == header.id and one.copy is None]
    for one in ours:
        check_same(header.arn, one.now)
        _tell_differences(entry, one, tell)
        one.back(tell)
    if ours:
        untag(entry, control)  # what it says of lost requests can but make this wait
    return bool(ours)


def _tell_differences(entry: JournalEntry, one: Lost, tell: Tell) -> None:
    """Say what a journal says that the function does not."""
    before, described = entry.header.before, one.mark.text("description")
    if one.before_mb not in (None, before.memory_mb):
        counts = f"the function itself says {one.before_mb} MB, which counts"
        tell(f"{one.arn}: {entry.path} says it had {before.memory_mb} MB before; {counts}")
    if described != before.description:
        only = f"says its description was {before.description!r}, and the function does not"
        tell(f"{one.arn}: {entry.path} {only}; set it by hand if that is right")


def lost_on(control: ControlPlane, function: str) -> list[Lost]:
    """Return what runs have left on a function and beside it, by what is there alone; raises
    NotFound if neither the function nor a copy of it is there."""
    copies = copies_of(control, function.rsplit(":", 1)[-1])
    try:
        now = control.settle(function)
    except NotFound:
        if not copies:
            raise
        return copies
    published: dict[str, list[Configuration]] = {}
    for one in control.versions(function):
        described = one.get("Description", "")
        found = SET.match(described)
        if found and described.endswith(OF_VERSION) and one["Version"] != "$LATEST":
            published.setdefault(found["run"], []).append(one)
    runs: dict[str, Mark] = {}
    for mark in marks(control, now):  # of one that is undone there may be two
        earlier = runs.get(mark.run)
        runs[mark.run] = replace(mark, keys=(earlier.keys if earlier else ()) + mark.keys)
    if described := MARK.match(now.get("Description", "")):
        run = described[0].split()[1]
        runs.setdefault(run, Mark(run, MEASURED, {}, ()))
    for run in published:
        runs.setdefault(run, Mark(run, MEASURED, {}, ()))
    left = [
        Lost(control, function, mark, now, published.get(run, []))
        for run, mark in sorted(runs.items())
    ]
    return left + copies


def copies_of(control: ControlPlane, name: str) -> list[Lost]:
    """The temporary copies of a function, as far as functions may be listed."""
    found: list[Lost] = []
    with suppress(AccessDenied, NotFound):
        for one in control.functions():
            named = _COPY_NAME.match(one["FunctionName"])
            run = named[1].upper() if named else ""
            if run and one["FunctionName"] == clone_name(name, run) and _is_copy_of(name, one):
                found.append(Lost(control, name, Mark(run, MEASURED, {}, ()), one, [], one))
    return found


def _is_copy_of(name: str, copy: Configuration) -> bool:
    """Tell if its description says so: names that begin alike are cut to the same one. Where
    somebody has changed that, the name has to be there whole."""
    described = copy.get("Description", "")
    said = _COPY.search(described)
    if not MARK.match(described):
        return str(copy["FunctionName"]).endswith(f"-{name}")
    return said is None or said["function"].rsplit(":", 1)[-1] == name


def _perhaps_provisioned(version: str) -> Step:
    return {"do": "provision", "version": version, "perhaps": True}


def _set_by(run: str, one: Configuration) -> re.Match[str] | None:
    found = SET.match(one.get("Description", ""))
    return found if found and found["run"] == run else None
