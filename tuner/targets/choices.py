"""Options for how a function is measured: architectures, ways to start, isolation.

Words only: ``--architectures``, ``--variants``, ``--isolation``. The making is beside.
"""

import re
from enum import StrEnum

from tuner.errors import UsageError
from tuner.records import ON_DEMAND, SNAP_START, Advice, provisioned

ARCHES = ("x86_64", "arm64")
BOTH = "both"


def read_arches(text: str, own: str) -> tuple[str, ...]:
    """``both``, one, or a comma list, the function's ``own`` first where it is among them.

    Raises UsageError.
    """
    words = ARCHES if text.strip() == BOTH else tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in ARCHES:
            fix = "Write both, x86_64, arm64, or a comma-separated list."
            raise UsageError(f"--architectures {text[:40]!r}", "is not known", fix)
    return tuple(sorted(set(words), key=lambda arch: (arch != own, words.index(arch))))


_FIX = "Write on-demand, snapstart and provisioned=N, separated by commas."
_MOST = 10_000


def read_startups(text: str) -> tuple[str, ...]:
    """Read ``--variants``; on demand always comes first, as the others are compared with it.

    Raises UsageError.
    """
    found = [ON_DEMAND]
    for word in (part.strip() for part in text.split(",")):
        start = _read(word)
        if start == ON_DEMAND:
            continue
        if start in found or (provisioned(start) and any(map(provisioned, found))):
            raise UsageError("--variants", f"names {start.partition('=')[0]} twice", _FIX)
        found.append(start)
    return tuple(found)


def _read(word: str) -> str:
    if word in (ON_DEMAND, SNAP_START):
        return word
    name, equals, number = word.partition("=")
    if name != "provisioned":
        raise UsageError(f"--variants {word[:40]!r}", "is not a way to start", _FIX)
    if not equals or not re.fullmatch(r"[0-9]{1,6}", number, re.ASCII):
        raise UsageError(
            f"--variants {word[:40]!r}", "needs a number", "Write provisioned=5, for example."
        )
    if not 1 <= int(number) <= _MOST:
        raise UsageError(f"--variants {word[:40]!r}", f"is not from 1 to {_MOST:,}", _FIX)
    return f"{name}={int(number)}"


class Isolation(StrEnum):
    """``--isolation``."""

    VERSIONS = "versions"
    CLONE = "clone"
    IN_PLACE = "in-place"


DEFAULT = Isolation.VERSIONS

#: Said before a sweep, so that nobody has to guess what will be touched.
WHY = {
    Isolation.VERSIONS: (
        "a version per size is published from $LATEST, which is restored before anything is "
        "measured (the default: sizes are measured in turn, and no permission to create "
        "functions)"
    ),
    Isolation.CLONE: (
        "a temporary copy without triggers is measured; the function itself is never touched"
    ),
    Isolation.IN_PLACE: (
        "memory is set on $LATEST itself, one size after another; callers of $LATEST "
        "meanwhile get that size"
    ),
}


def read_isolation(text: str) -> Isolation:
    """Read the option; raises UsageError."""
    try:
        return Isolation(text)
    except ValueError:
        fix = f"There are: {', '.join(Isolation)}."
        raise UsageError(f"--isolation {text[:20]!r}", "is not an isolation mode", fix) from None


def isolation_notes(isolation: Isolation) -> tuple[Advice, ...]:
    """Return the notes that a result of this isolation needs."""
    if isolation is Isolation.IN_PLACE:
        text = (
            "Measured in place, one size after another: a change in the function's environment "
            "during the run looks like a difference between sizes. Repeat with --isolation "
            "versions if the account allows it."
        )
        return (Advice("in-place", text),)
    if isolation is Isolation.CLONE:
        text = (
            "Measured on a temporary copy; reserved and provisioned concurrency of the function "
            "do not apply to it. Expect the same durations, not the same throttling."
        )
        return (Advice("clone", text),)
    return ()
