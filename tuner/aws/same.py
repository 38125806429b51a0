"""Tells a function from another one that somebody has made anew by the same name.

AWS gives no moment of creation. LastModified as our change has left it is proof, and so is a
published version of then: versions never change, and a function made anew counts its own. Tags are
there as long as the function is, unless somebody removes them.
"""

from pathlib import Path

from tuner.aws.applied import Applied, anchor
from tuner.aws.configuration import Configuration, architecture_of, modified_of
from tuner.aws.control import ControlPlane
from tuner.aws.tags import APPLIED, mark_of
from tuner.errors import ChangedUnderneath


def made_anew(control: ControlPlane, done: Applied, now: Configuration) -> bool:
    """Tell if a function, as it was just read, may be another one than was changed.

    One that has our tag, or what it had before, is not; a tag whose request had no answer proves
    nothing, since it may have landed on the other one. Of a complete application nothing but
    memory, and what was published for it, has to be left; an interrupted one is undone unless what
    must be there is gone.
    """
    back = now["MemorySize"] == done.before_mb and done.alias is done.arch is None
    if back or (not done.tags_until and mark_of(control, now, done.run, APPLIED) is not None):
        return False
    return bool(done.complete or done.anchor) and not _surely_same(control, done, now)


def refuse_made_anew(
    control: ControlPlane, done: Applied, now: Configuration, path: Path | None
) -> None:
    """Raise :class:`ChangedUnderneath` for a function that :func:`made_anew` tells, with how to
    undo by hand what was applied; ``path`` is its record, which stays until then."""
    if not made_anew(control, done, now):
        return
    its, name = f"its {now['MemorySize']} MB", done.arn.rsplit(":", 1)[-1]
    by_hand = (
        "`aws lambda update-function-configuration "
        f"--function-name {name} --memory-size {done.before_mb}`"
    )
    if done.arch is not None:
        its += f", {architecture_of(now)}"
        by_hand += f", deploy it for {done.before_arch}"
    if done.alias is not None:
        its += f" and where {done.alias} points"
        by_hand += f", point {done.alias} at version {done.before_version}"
    reason = f"was changed since, or made anew, and no version of then is left: {its}"
    fix = f"If it is the same function, run {by_hand}" + (f"; then delete {path}." if path else ".")
    raise ChangedUnderneath(name, f"{reason} may be somebody else's", fix)


def _surely_same(control: ControlPlane, done: Applied, now: Configuration) -> bool:
    """Tell if something proves it; also where the service does not say when it was modified."""
    if modified_of(now) in ("", done.modified) or not done.modified:
        return True
    name = done.arn.rsplit(":", 1)[-1]
    return any(
        anchor(one) == done.anchor or one.get("Description") in done.published
        for one in control.versions(name)
        if one["Version"].isdigit()
    )
