"""Putting a function back as it was, from its journal alone.

The same code serves the end of a run and ``tuner restore`` after a crash, so it believes nothing
but the journal and what Lambda says now. It takes back only what carries our mark; what somebody
else has changed meanwhile stays as they left it. Running it twice, or from two machines at once,
is harmless.
"""

from tuner.aws.control import (
    Configuration,
    Control,
    revision_of,
    unqualified,
    uses_snap_start,
)
from tuner.aws.journal import JournalEntry, Opening, claimed, discard
from tuner.aws.provisioned import withdraw_all
from tuner.errors import AccessDenied, ChangedUnderneath, NotFound, TargetError

#: How often somebody else may get in between reading and putting back.
_ATTEMPTS = 5
#: How often, and how many seconds apart, a copy is looked for whose creation was not answered;
#: one of a run that began longer ago has landed long since.
_LOOKS, _BETWEEN_S, _RECENT_S = 5, 1.0, 300.0


def restore_journal(entry: JournalEntry, control: Control) -> bool:
    """Put back what a pending journal says and remove it; ``False`` if another process holds it.

    A function that was deleted meanwhile needs nothing more.
    """
    with claimed(entry) as ours:
        if not ours:
            return False
        restore_function(entry, control)
        discard(entry)
        return True


def restore_function(entry: JournalEntry, control: Control) -> None:
    """``$LATEST`` as it was and our versions gone; raises :class:`TargetError` for what is left.

    Where a copy was measured, it is deleted; the function itself was never changed.
    """
    if entry.opening.clone is not None:
        if clone_exists(control, entry.opening) or _clone_lands(control, entry):
            control.delete_clone(entry.opening.clone)
        return
    try:
        try:
            withdraw_all(entry, control)  # first, since it costs money as long as it is there
        finally:
            restore_latest(entry, control)
        left = delete_versions(entry, control)
    except NotFound:
        if _is_there(entry, control):
            raise
        return
    if left:
        raise TargetError(
            entry.opening.function,
            f"made for the measurement and still there: {'; '.join(left)}",
            "Point aliases of yours at versions of your own, then run `tuner restore`.",
        )


def clone_exists(control: Control, opening: Opening) -> bool:
    """Whether the temporary copy exists and is ours; its name alone does not say so."""
    assert opening.clone is not None, "opened for a copy"
    try:
        now = control.settle(opening.clone)
    except NotFound:
        return False
    return str(now.get("Description", "")).startswith(opening.mark)


def _clone_lands(control: Control, entry: JournalEntry) -> bool:
    """Whether a creation whose answer was lost just now still arrives; nothing makes it stale."""
    clock = control.clock
    recent = clock.wall() - entry.opening.opened_at < _RECENT_S
    if not recent or entry.unanswered("create") is None:
        return False
    for _ in range(_LOOKS):
        clock.sleep(_BETWEEN_S)
        if clone_exists(control, entry.opening):
            return True
    return False


def _is_there(entry: JournalEntry, control: Control) -> bool:
    """Asked by its ARN, since to other credentials a plain name may mean nothing."""
    try:
        control.configuration(entry.opening.arn)
    except NotFound:
        return False
    return True


def restore_latest(entry: JournalEntry, control: Control) -> Configuration:
    """Set memory and description of ``$LATEST`` to what they were; gives the configuration then.

    Whether ``$LATEST`` is ours to put back is told by our mark in its description.
    """
    function, before = entry.opening.function, entry.opening.before
    for _ in range(_ATTEMPTS):
        now = control.settle(function)
        check_same(entry.opening.arn, now)
        if now.get("Description", "").startswith(entry.opening.mark):
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
        "it is being changed by somebody else all the time, so it could not be put back",
        "Wait until the other deployment is done, then run `tuner restore`.",
    )


def delete_versions(entry: JournalEntry, control: Control) -> list[str]:
    """Delete the versions that we published; gives a line for each that could not be deleted."""
    published = {step["description"] for step in entry.written("publish")}
    return delete_described(control, entry.opening.function, published)


def delete_described(control: Control, function: str, descriptions: set[str]) -> list[str]:
    """Delete the versions with these descriptions; gives a line for each that stays.

    A version is ours if it has the very description that we published it with. One that somebody
    else published while our mark was on ``$LATEST`` has another and is left alone.
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
    """Raise :class:`TargetError` if a plain name means another function here than this ARN."""
    found = unqualified(now["FunctionArn"])
    if found != arn:
        raise TargetError(
            arn,
            f"with these credentials and region the name means {found}",
            "Use the credentials that it was changed with.",
        )


def _memory_to_set(entry: JournalEntry, now: Configuration) -> int:
    """The memory from before, unless somebody else has set another one since our own change."""
    ours = {step["description"]: step["memory_mb"] for step in entry.written("set")}
    present: int = now["MemorySize"]
    if ours.get(now["Description"], present) != present:
        return present
    return entry.opening.before.memory_mb


def _snap_start_is_ours(entry: JournalEntry, now: Configuration) -> bool:
    """Whether SnapStart is on because the change that we find has set it. A function that had it
    before is never given it."""
    asked = {s["description"] for s in entry.written("set") if s.get("snap_start")}
    return uses_snap_start(now) and now["Description"] in asked


def _may_still_land(entry: JournalEntry, now: Configuration) -> bool:
    step = entry.unanswered("set")
    return step is not None and step["revision_id"] == revision_of(now) != ""
