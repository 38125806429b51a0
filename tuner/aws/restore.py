"""Restores a function from its journal alone.

The same code serves the end of a run and ``tuner restore`` after a crash, so it relies on nothing
but the journal and what Lambda says now. It undoes only what carries our mark, or has the memory
that we set last, and leaves alone what somebody else has changed since. Running it twice, or from
two machines at once, is harmless.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from tuner.aws.configuration import (
    Configuration,
    failed_update,
    revision_of,
    unqualified,
    uses_snap_start,
)
from tuner.aws.control import ControlPlane
from tuner.aws.journal import JournalEntry, JournalHeader, Step, claimed, discard
from tuner.errors import AccessDenied, ChangedUnderneath, NotFound, TargetError

#: How often, and how many seconds apart, to look for a copy whose creation was not answered; that
#: of a run which began longer ago has landed long since.
_LOOKS, _BETWEEN_S, _RECENT_S = 5, 1.0, 300.0


def insist(restore: Callable[[], None], tell: Callable[[str], object]) -> None:
    """Restore although the user interrupts that once; the next interrupt leaves at once."""
    try:
        restore()
    except KeyboardInterrupt:
        tell("Ctrl-C ignored: already restoring the function. Once more leaves it as it is now.")
        restore()
        raise


def said_of_left(function: str, now_mb: int, before_mb: int) -> str:
    """Return the line that says what a function is left at, and how to put it back."""
    if now_mb == before_mb:
        return (
            f"{function} is at {now_mb} MB, as before; run `tuner restore` to remove what is left"
        )
    return f"{function} is at {now_mb} MB; run `tuner restore` to put it back to {before_mb} MB"


def restore_journal(entry: JournalEntry, control: ControlPlane) -> bool:
    """Restore what a pending journal says and remove it; ``False`` if another process holds it.

    A function that was deleted meanwhile needs nothing more.
    """
    with claimed(entry) as ours:
        if not ours:
            return False
        restore_function(entry, control)
        discard(entry)
        return True


def restore_function(
    entry: JournalEntry,
    control: ControlPlane,
    note: Callable[[Configuration], None] = lambda _latest: None,
) -> None:
    """Restore ``$LATEST`` and delete our versions; raises :class:`TargetError` for what is left.

    ``note`` is called once ``$LATEST`` is restored. Where a copy was measured, it is deleted; the
    function itself was never changed.
    """
    function, clone = entry.header.function, entry.header.clone
    with control.restoring():
        if clone is not None:
            if clone_exists(control, entry.header) or _clone_appears(control, entry):
                _withdraw(entry, control)  # first, since it costs money while it is there
                control.delete_clone(clone)
            return
        try:
            try:
                _withdraw(entry, control)  # first, since it costs money while it is there
            finally:
                note(restore_latest(entry, control))
            left = delete_described(control, function, _published(entry))
        except NotFound:
            if control.exists(entry.header.arn):
                raise
            return
        if left:
            reason = f"made for the measurement and still there: {'; '.join(left)}"
            fix = "Point your aliases at other versions, then run `tuner restore`."
            raise TargetError(function, reason, fix)


def _withdraw(entry: JournalEntry, control: ControlPlane) -> None:
    """Remove what the run has provisioned, from versions with the very description that we
    published them with: a function made anew counts its versions anew, too."""
    arn, published = entry.header.clone or entry.header.arn, _published(entry)
    for step in entry.written("provision"):
        with suppress(NotFound):
            found = control.configuration(arn, str(step["version"]))
            if found.get("Description", "") in published:
                control.withdraw(arn, str(step["version"]))


def _published(entry: JournalEntry) -> set[str]:
    return {step["description"] for step in entry.written("publish")}


def clone_exists(control: ControlPlane, header: JournalHeader) -> bool:
    """True if the temporary copy exists and is ours, which its name alone does not say."""
    assert header.clone is not None, "opened for a copy"
    try:
        now = control.settle(header.clone)
    except NotFound:
        return False
    return str(now.get("Description", "")).startswith(header.mark)


def _clone_appears(control: ControlPlane, entry: JournalEntry) -> bool:
    """Wait for a copy whose creation was not answered: nothing makes that request stale."""
    clock = control.clock
    recent = clock.wall() - entry.header.opened_at < _RECENT_S
    if not recent or entry.unconfirmed("create") is None:
        return False
    for _ in range(_LOOKS):
        clock.sleep(_BETWEEN_S)
        if clone_exists(control, entry.header):
            return True
    return False


@dataclass(frozen=True)
class _Wanted:
    """What an update that restores ``$LATEST`` sets."""

    memory_mb: int
    description: str
    snap_start: str | None = None


def restore_latest(entry: JournalEntry, control: ControlPlane) -> Configuration:
    """Restore what we set on ``$LATEST``: memory and description if it has our mark, the memory
    alone if somebody else has set the description since.

    Returns the configuration after that, which is somebody else's where they have changed it.
    """
    function = entry.header.function
    with control.restoring(entry.replaced()):
        for _ in control.tries():
            now = control.settle(function)
            check_same(entry.header.arn, now)
            wanted = _wanted(entry, now)
            if wanted is None and not _as_before(entry, now):  # somebody else's, if no old read
                now = control.agreed(function, now)
                wanted = _wanted(entry, now)
            if wanted is None:
                return now
            size, text, snap = wanted.memory_mb, wanted.description, wanted.snap_start
            try:
                known = control.update(function, size, text, revision_of(now), snap)
            except ChangedUnderneath:
                continue
            latest = control.settle(function, known=known)
            why = failed_update(latest)
            if why is not None:
                reason = f"the update that restores it failed ({why})"
                raise TargetError(function, reason, "Mend what it names, then run `tuner restore`.")
            if latest["MemorySize"] == size or _wanted(entry, latest) is None:
                return latest
    reason = "somebody else keeps changing it, so it could not be restored"
    fix = "Wait for the other deployment to finish, then run `tuner restore`."
    raise ChangedUnderneath(function, reason, fix)


def _wanted(entry: JournalEntry, now: Configuration) -> _Wanted | None:
    """Return what to set; ``None`` if nothing of ``$LATEST`` is ours."""
    before, described = entry.header.before, now.get("Description", "")
    if described.startswith(entry.header.mark):
        snap_start = "None" if _snap_start_is_ours(entry, now) else None
        return _Wanted(_memory_to_set(entry, now), before.description, snap_start)
    last = entry.last_sets()
    if now["MemorySize"] != before.memory_mb and now["MemorySize"] in _sizes(last):
        ours = uses_snap_start(now) and any(step.get("snap_start") for step in last)
        return _Wanted(before.memory_mb, described, "None" if ours else None)
    # A change whose answer was lost may arrive after this look, and an update that failed is made
    # once more. Any update, even one to the same values, makes the RevisionId a past one.
    failed = bool(entry.written("set")) and _as_before(entry, now) and failed_update(now)
    if failed or _may_still_land(entry, now):
        return _Wanted(now["MemorySize"], described)
    return None


def _sizes(steps: list[Step]) -> set[object]:
    return {step["memory_mb"] for step in steps}


def _as_before(entry: JournalEntry, now: Configuration) -> bool:
    before = entry.header.before
    return (now["MemorySize"], now.get("Description", "")) == (before.memory_mb, before.description)


def delete_described(control: ControlPlane, function: str, descriptions: set[str]) -> list[str]:
    """Delete the versions with these descriptions; returns a line for each that could not be.

    A version is ours if it has the very description that we published it with. One that somebody
    else published while our mark was on ``$LATEST`` has another one and is left alone.
    """
    if not descriptions:
        return []
    ours = [
        version["Version"]
        for version in control.versions(function)
        if version["Version"] != "$LATEST" and version.get("Description", "") in descriptions
    ]
    left = []
    for version in ours:
        try:
            control.delete_version(function, version)
        except AccessDenied:
            raise
        except TargetError as error:
            left.append(f"version {version}, {error.reason}")
    return left


def check_same(arn: str, now: Configuration) -> None:
    """Raise :class:`TargetError` if the plain name refers to another function than this ARN."""
    found = unqualified(now["FunctionArn"])
    if found != arn:
        raise TargetError(
            arn,
            f"with these credentials and this region the name refers to {found}",
            "Use the credentials that changed it.",
        )


def _memory_to_set(entry: JournalEntry, now: Configuration) -> int:
    """The memory from before, unless somebody else has set another one since."""
    ours = {step["description"]: step["memory_mb"] for step in entry.written("set")}
    present: int = now["MemorySize"]
    if ours.get(now["Description"], present) != present:
        return present
    return entry.header.before.memory_mb


def _snap_start_is_ours(entry: JournalEntry, now: Configuration) -> bool:
    """True if our change turned SnapStart on; one that had it before never gets it from us."""
    asked = {s["description"] for s in entry.written("set") if s.get("snap_start")}
    return uses_snap_start(now) and now["Description"] in asked


def _may_still_land(entry: JournalEntry, now: Configuration) -> bool:
    step = entry.unconfirmed("set")
    return step is not None and step["revision_id"] == revision_of(now) != ""
