"""Restores a function from its journal and what Lambda says now.

The same code serves the end of a run and ``tuner restore`` after a crash. It undoes only what
carries our mark, or has the memory that we set last, and leaves alone what somebody else has
changed since. Running it twice, or from two machines at once, is harmless.
"""

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial

from tuner.aws.configuration import (
    Configuration,
    failed_update,
    revision_of,
    unqualified,
    uses_snap_start,
)
from tuner.aws.control import ControlPlane
from tuner.aws.journal import MARK, JournalEntry, JournalHeader
from tuner.aws.tags import MEASURED, keys_of, lands_until, mark_of, remove_tags
from tuner.errors import AccessDenied, ChangedUnderneath, NotFound, TargetError

#: The descriptions of ``$LATEST`` and of versions that a run writes (``versions.py``); earlier
#: versions of tuner did not write the memory before.
SET = re.compile(
    r"tuner (?P<run>\w{26}) \d+: (?P<size>\d+) MB for a measurement(, (?P<before>\d+) MB before)?;"
)
#: How the descriptions of the versions that a run publishes end.
OF_VERSION = " (version)"
#: Seconds between two looks for a copy that appears late.
_BETWEEN_S = 1.0


def insist(restore: Callable[[], None], tell: Callable[[str], object]) -> None:
    """Restore although the user interrupts that once; the next interrupt leaves at once."""
    try:
        restore()
    except KeyboardInterrupt as interrupt:
        heard = interrupt.args[0] if interrupt.args else "Ctrl-C"
        tell(f"{heard} ignored: already restoring the function. Once more leaves it as it is now.")
        restore()
        raise


def said_of_left(function: str, now_mb: int, before_mb: int | None) -> str:
    """Return the line that says what a function is left at, and how to put it back."""
    if before_mb is None:
        unknown = "nothing says what it had before a run that was interrupted"
        return f"{function} is at {now_mb} MB, and {unknown}; run `tuner restore {function}`"
    if now_mb == before_mb:
        return (
            f"{function} is at {now_mb} MB, as before; run `tuner restore` to remove what is left"
        )
    return f"{function} is at {now_mb} MB; run `tuner restore` to put it back to {before_mb} MB"


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
            _delete_clone(entry, control, clone)
            return
        try:
            try:
                _withdraw(entry, control)  # first, since it costs money while it is there
            finally:
                listed = _listed_as_before(entry, control)
                if listed is None:
                    note(restore_latest(entry, control))
            ours = partial(_ours, entry)
            published = entry.written("publish")
            left = delete_described(control, function, ours, listed) if published else []
        except NotFound:
            if control.exists(entry.header.arn):
                raise
            return
        if left:
            reason = f"made for the measurement and still there: {'; '.join(left)}"
            fix = "Point your aliases at other versions, then run `tuner restore`."
            raise TargetError(function, reason, fix)
        untag(entry, control)


def _listed_as_before(entry: JournalEntry, control: ControlPlane) -> Iterable[Configuration] | None:
    """Return the versions of a function that this process has restored, if their list shows
    ``$LATEST`` as before; the list is read anyway, and a read by itself shows no more."""
    if not (entry.running and entry.restored() and entry.written("publish")):
        return None
    listed = list(control.versions(entry.header.function))
    latest = next((one for one in listed if one["Version"] == "$LATEST"), None)
    if latest is None or control.past(latest) or not entry.header.before.holds(latest):
        return None
    check_same(entry.header.arn, latest)
    return listed if _wanted(entry, latest) is None else None


def untag(entry: JournalEntry, control: ControlPlane) -> None:
    """Remove the run's tags, last: they say where there is no journal that something is left."""
    header, keys, until_s = entry.header, set[str](), 0.0
    for step in entry.steps:
        keys.update(map(str, step.get("tagged", ())))
        until_s = max(until_s, step.get("until", 0.0))
    if (lost := entry.unconfirmed("tag")) is not None:
        keys.update(map(str, lost["keys"]))
        until_s = lands_until(control, control.clock.wall())
    remove_tags(control, header.arn, keys_of(header.id, keys), until_s)


def _withdraw(entry: JournalEntry, control: ControlPlane) -> None:
    """Remove what the run has provisioned, from versions with the very description that we
    published them with: a function made anew counts its versions anew, too."""
    arn = entry.header.clone or entry.header.arn
    for step in entry.written("provision"):
        with suppress(TargetError if step.get("perhaps") else NotFound):
            found = control.configuration(arn, str(step["version"]))
            if _ours(entry, found.get("Description", "")):
                control.withdraw(arn, str(step["version"]))


def _ours(entry: JournalEntry, description: str) -> bool:
    """Tell if the run has published a version with this description.

    One that somebody else published while our mark was on ``$LATEST`` has that description as it
    is. A journal alone proves nothing: it may have come with somebody else's files.
    """
    published = {step["description"] for step in entry.written("publish")}
    marked = description.startswith(entry.header.mark)
    return marked and (description in published or description.endswith(OF_VERSION))


def clone_exists(control: ControlPlane, header: JournalHeader, *, named: bool = False) -> bool:
    """True if the temporary copy exists and is ours, which its description says, and its name
    alone with ``named``: where this user's journal says that it was made."""
    assert header.clone is not None, "opened for a copy"
    try:
        now = control.settle(header.clone)
    except NotFound:
        return False
    named = named and header.id.lower() in header.clone
    return named or str(now.get("Description", "")).startswith(header.mark)


def _delete_clone(entry: JournalEntry, control: ControlPlane, clone: str) -> None:
    """Delete the copy, also one that appears late because a request to make it was not answered:
    nothing makes that request stale."""
    # The last request may have been sent long after the run began: answers drip for minutes.
    until = lands_until(control, control.clock.wall()) if _creation_lost(entry) else 0.0
    made = bool(entry.written("create")) and entry.unconfirmed("create") is None
    while True:
        if clone_exists(control, entry.header, named=made and entry.trusted):
            _withdraw(entry, control)  # first, since it costs money while it is there
            control.delete_clone(clone)
        if control.clock.wall() >= until:
            return
        control.clock.sleep(_BETWEEN_S)


def _creation_lost(entry: JournalEntry) -> bool:
    """Tell if a request to make the copy may not have been answered."""
    again = any(step.get("attempts", 1) > 1 for step in entry.steps)
    return again or entry.unconfirmed("create") is not None


def restore_latest(entry: JournalEntry, control: ControlPlane) -> Configuration:
    """Restore what we set on ``$LATEST``: memory and description if it has our mark, the memory
    alone if somebody else has set the description since.

    Returns the configuration after that, which is somebody else's where they have changed it.
    """
    function, before, failed = entry.header.function, entry.header.before, None
    with control.restoring(entry.replaced(), entry.header.arn, entry.modified()):
        for _ in control.tries():
            now = control.settle(function)
            check_same(entry.header.arn, now)
            wanted = _wanted(entry, now)
            if wanted is None and not before.holds(now):  # somebody else's, if no old read
                now = control.agreed(function, now)
                wanted = _wanted(entry, now)
            if wanted is None:
                return now
            size, text, snap_start = wanted
            if size != now["MemorySize"] or snap_start is not None:
                _refuse_made_anew(entry, control, now)
            try:
                known = control.update(function, size, text, revision_of(now), snap_start)
            except ChangedUnderneath:
                continue
            latest = control.settle(function, known=known)
            if (failed := failed_update(latest)) is not None:
                continue  # it is made once more: some reasons pass
            _tell_of_theirs(entry, control, now, size)
            # After an answer, what is not marked is somebody else's, also a size that we had set.
            marked = str(latest.get("Description", "")).startswith(entry.header.mark)
            if latest["MemorySize"] == size or not marked or _wanted(entry, latest) is None:
                return latest
    if failed is not None:
        reason = f"the update that restores it failed ({failed})"
        raise TargetError(function, reason, "Mend what it names, then run `tuner restore`.")
    reason = "somebody else keeps changing it, so it could not be restored"
    fix = "Wait for the other deployment to finish, then run `tuner restore`."
    raise ChangedUnderneath(function, reason, fix)


def _tell_of_theirs(
    entry: JournalEntry, control: ControlPlane, found: Configuration, now_mb: int
) -> None:
    """Say that memory went back where somebody else has set a description since: they may have
    meant the size that we had set."""
    if found.get("Description", "").startswith(entry.header.mark):
        return
    was_mb = found["MemorySize"]
    if was_mb != now_mb:
        control.tell(
            f"{entry.header.function}: somebody else has changed it meanwhile, which stays; only "
            f"its memory went back from {was_mb} MB, which this run had set, to {now_mb} MB. If "
            f"{was_mb} MB is theirs, set it again."
        )


def _wanted(entry: JournalEntry, now: Configuration) -> tuple[int, str, str | None] | None:
    """Return memory, description and SnapStart to set; ``None`` if nothing of ``$LATEST`` is
    ours."""
    before, described, size = entry.header.before, now.get("Description", ""), now["MemorySize"]
    snap_start = "None" if snap_start_is_ours(entry, now) else None
    if described.startswith(entry.header.mark):
        return _memory_to_set(entry, now), before.description, snap_start
    if not MARK.match(described):  # otherwise the size is another run's
        if size != before.memory_mb and size in {step["memory_mb"] for step in entry.last_sets()}:
            return before.memory_mb, described, snap_start
        if snap_start is not None:
            return size, described, snap_start
    # A change whose answer was lost may arrive after this look, and an update that failed is made
    # once more. Any update, even one to the same values, makes the RevisionId a past one. A read
    # that shows it as before with yet another RevisionId may be older than that, and so may any
    # read where it is not known which RevisionId the change expected.
    lost, present = entry.unconfirmed("set"), revision_of(now)
    expected = lost is not None and lost["revision_id"] in (present, "")
    may_land = present != "" and (expected or (lost is not None and before.holds(now)))
    version = entry.unconfirmed("publish")  # it would be left behind
    may_land |= version is not None and version.get("revision_id", "") == present != ""
    failed = bool(entry.written("set")) and before.holds(now) and failed_update(now)
    return (size, described, None) if failed or may_land else None


def _refuse_made_anew(entry: JournalEntry, control: ControlPlane, now: Configuration) -> None:
    """Raise TargetError where a size of ours is all that is left of ours: then somebody may have
    made the function anew with it."""
    header = entry.header
    if not entry.tags_seen() or _marked(entry, control, now):
        return
    now = control.agreed(header.function, now)
    if _marked(entry, control, now):
        return
    if any(_ours(entry, one.get("Description", "")) for one in control.versions(header.function)):
        return
    may = f"{its_of(now)} may be somebody else's"
    reason = f"was made anew, or others have taken its tags and description away: {may}"
    fix = f"Set that by hand (it had {header.before.memory_mb} MB), then delete {entry.path}."
    raise TargetError(header.function, reason, fix)


def its_of(now: Configuration) -> str:
    """What of a function may be ours: ``its 512 MB and SnapStart``."""
    return f"its {now['MemorySize']} MB" + " and SnapStart" * uses_snap_start(now)


def _marked(entry: JournalEntry, control: ControlPlane, now: Configuration) -> bool:
    """Tell if tags or description of ``$LATEST``, as it was just read, name the run."""
    described = str(now.get("Description", "")).startswith(entry.header.mark)
    return described or mark_of(control, now, entry.header.id, MEASURED) is not None


def delete_described(
    control: ControlPlane,
    function: str,
    ours: Callable[[str], bool],
    listed: Iterable[Configuration] | None = None,
) -> list[str]:
    """Delete the versions that are ours, of those that were just ``listed`` if any; returns a line
    for each that could not be deleted."""
    left = []
    for version in list(control.versions(function) if listed is None else listed):
        number = version["Version"]
        if number == "$LATEST" or not ours(version.get("Description", "")):
            continue
        try:
            control.delete_version(function, number)
        except AccessDenied:
            raise
        except TargetError as error:
            left.append(f"version {number}, {error.reason}")
    return left


def check_same(arn: str, now: Configuration) -> None:
    """Raise :class:`TargetError` if the plain name refers to another function than this ARN."""
    found = unqualified(now["FunctionArn"])
    if found != arn:
        reason = f"with these credentials and this region the name refers to {found}"
        raise TargetError(arn, reason, "Use the credentials that changed it.")


def _memory_to_set(entry: JournalEntry, now: Configuration) -> int:
    """The memory from before, unless somebody else has set another one since."""
    ours = {step["description"]: step["memory_mb"] for step in entry.written("set")}
    said, present = SET.match(now["Description"]), int(now["MemorySize"])
    set_mb = ours.get(now["Description"], int(said["size"]) if said else present)
    return entry.header.before.memory_mb if set_mb == present else present


def snap_start_is_ours(entry: JournalEntry, now: Configuration) -> bool:
    """True if our change turned SnapStart on; one that had it before never gets it from us. A
    change that may not have been made has turned it on where our description says that it was."""
    if not uses_snap_start(now):
        return False
    described, sets = now.get("Description", ""), entry.written("set")
    if not described.startswith(entry.header.mark):
        sets = [step for step in entry.last_sets() if not step.get("perhaps")]
    made = [step for step in sets if step["description"] == described]
    return any(step.get("snap_start") for step in made or sets)
