"""Restores a function from its journal alone.

The same code serves the end of a run and ``tuner restore`` after a crash, so it relies on nothing
but the journal and what Lambda says now. It undoes only what carries our mark and leaves alone what
somebody else has changed since. Running it twice, or from two machines at once, is harmless.
"""

from tuner.aws.control import (
    Configuration,
    ControlPlane,
    revision_of,
    unqualified,
    uses_snap_start,
)
from tuner.aws.journal import JournalEntry, JournalHeader, claimed, discard
from tuner.aws.provisioned import withdraw_all
from tuner.errors import AccessDenied, ChangedUnderneath, NotFound, TargetError

#: How often somebody else may get in between reading and restoring.
_ATTEMPTS = 5
#: How often, and how many seconds apart, to look for a copy whose creation was not answered; that
#: of a run which began longer ago has landed long since.
_LOOKS, _BETWEEN_S, _RECENT_S = 5, 1.0, 300.0


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


def restore_function(entry: JournalEntry, control: ControlPlane) -> None:
    """Restore ``$LATEST`` and delete our versions; raises :class:`TargetError` for what is left.

    Where a copy was measured, it is deleted; the function itself was never changed.
    """
    if entry.header.clone is not None:
        if clone_exists(control, entry.header) or _clone_appears(control, entry):
            withdraw_all(entry, control)  # first, since it costs money while it is there
            control.delete_clone(entry.header.clone)
        return
    try:
        try:
            withdraw_all(entry, control)  # first, since it costs money while it is there
        finally:
            restore_latest(entry, control)
        left = delete_versions(entry, control)
    except NotFound:
        if control.exists(entry.header.arn):
            raise
        return
    if left:
        raise TargetError(
            entry.header.function,
            f"made for the measurement and still there: {'; '.join(left)}",
            "Point your aliases at other versions, then run `tuner restore`.",
        )


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


def restore_latest(entry: JournalEntry, control: ControlPlane) -> Configuration:
    """Restore memory and description of ``$LATEST`` if its description has our mark.

    Returns the configuration after that.
    """
    function, before = entry.header.function, entry.header.before
    for _ in range(_ATTEMPTS):
        now = control.settle(function)
        check_same(entry.header.arn, now)
        if now.get("Description", "").startswith(entry.header.mark):
            wanted = _memory_to_set(entry, now), before.description
            snap_start = "None" if _snap_start_is_ours(entry, now) else None
        elif _may_still_land(entry, now):
            # A change whose answer was lost may arrive after this look. Its RevisionId is the
            # present one, so any update, even one to the same values, makes it stale.
            wanted = now["MemorySize"], now.get("Description", "")
            snap_start = None
        else:
            return now
        try:
            known = control.update(function, *wanted, revision_of(now), snap_start)
        except ChangedUnderneath:
            continue
        return control.settle(function, known=known)
    raise ChangedUnderneath(
        function,
        "somebody else keeps changing it, so it could not be restored",
        "Wait for the other deployment to finish, then run `tuner restore`.",
    )


def delete_versions(entry: JournalEntry, control: ControlPlane) -> list[str]:
    """Delete the versions that we published; returns a line for each that could not be deleted."""
    published = {step["description"] for step in entry.written("publish")}
    return delete_described(control, entry.header.function, published)


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
