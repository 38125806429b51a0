"""Tells a function from another one that somebody has made anew by the same name.

AWS gives no moment of creation. LastModified as our change has left it is proof, and so is a
published version of then: versions never change, and a function made anew counts its own. Tags are
there as long as the function is, unless somebody removes them.
"""

from tuner.aws.applied import Applied, anchor
from tuner.aws.configuration import Configuration, modified_of
from tuner.aws.control import ControlPlane
from tuner.aws.tags import APPLIED, mark_of


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
