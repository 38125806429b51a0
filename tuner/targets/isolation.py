"""How sizes are made without disturbing production: three ways, and what each of them means.

Versions are the default. Words only; the making is in ``tuner.aws``.
"""

from enum import StrEnum

from tuner.errors import UsageError
from tuner.records import Advice


class Isolation(StrEnum):
    """``--isolation``."""

    VERSIONS = "versions"
    CLONE = "clone"
    IN_PLACE = "in-place"


DEFAULT = Isolation.VERSIONS

#: Said before a sweep, so that nobody has to guess what will be touched.
WHY = {
    Isolation.VERSIONS: (
        "a version per size is published from $LATEST, which is put back before anything is "
        "measured (the default: sizes are measured in turn, and it needs no right to create "
        "functions)"
    ),
    Isolation.CLONE: (
        "a temporary copy without triggers is measured; the function itself is never touched"
    ),
    Isolation.IN_PLACE: (
        "memory is set on $LATEST itself, one size after another; whoever invokes $LATEST "
        "meanwhile meets it"
    ),
}


def read_isolation(text: str) -> Isolation:
    """Read the option; raises UsageError."""
    try:
        return Isolation(text)
    except ValueError:
        fix = f"There are: {', '.join(Isolation)}."
        raise UsageError(f"--isolation {text[:20]!r}", "is not a way of isolation", fix) from None


def isolation_notes(isolation: Isolation) -> tuple[Advice, ...]:
    """What a reader of the result has to know."""
    if isolation is Isolation.IN_PLACE:
        text = (
            "Measured in place, one size after another: a change in the function's surroundings "
            "meanwhile looks like a difference between sizes. Repeat with --isolation versions "
            "if the account allows it."
        )
        return (Advice("in-place", text),)
    if isolation is Isolation.CLONE:
        text = (
            "Measured on a temporary copy; reserved and provisioned concurrency of the function "
            "do not apply to it. Expect the same durations, not the same throttling."
        )
        return (Advice("clone", text),)
    return ()
