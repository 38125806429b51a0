"""Options for how a function is measured: architectures, ways to start, isolation.

Words only: ``--architectures``, ``--variants``, ``--isolation``. The making is beside.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from tuner.errors import UsageError
from tuner.records import ON_DEMAND, SNAP_START, Advice

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
    found: dict[str, str] = {ON_DEMAND: ON_DEMAND}  # by kind, since a number makes no other one
    for word in map(str.strip, text.split(",")):
        start = _read(word)
        kind = start.partition("=")[0]
        if kind in found and kind != ON_DEMAND:
            raise UsageError("--variants", f"names {kind} twice", _FIX)
        found[kind] = start
    return tuple(found.values())


def _read(word: str) -> str:
    if word in (ON_DEMAND, SNAP_START):
        return word
    thing = f"--variants {word[:40]!r}"
    name, equals, number = word.partition("=")
    if name != "provisioned":
        raise UsageError(thing, "is not a way to start", _FIX)
    if not equals or not re.fullmatch(r"[0-9]{1,6}", number, re.ASCII):
        raise UsageError(thing, "needs a number", "Write provisioned=5, for example.")
    if not 1 <= int(number) <= _MOST:
        raise UsageError(thing, f"is not from 1 to {_MOST:,}", _FIX)
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

#: What the reader of a result has to know of its isolation.
NOTES: Mapping[Isolation, tuple[Advice, ...]] = {
    Isolation.VERSIONS: (),
    Isolation.CLONE: (
        Advice(
            "clone",
            "Measured on a temporary copy; reserved and provisioned concurrency of the function "
            "do not apply to it. Expect the same durations, not the same throttling.",
        ),
    ),
    Isolation.IN_PLACE: (
        Advice(
            "in-place",
            "Measured in place, one size after another: a change in the function's environment "
            "during the run looks like a difference between sizes. Repeat with --isolation "
            "versions if the account allows it.",
        ),
    ),
}


def read_isolation(text: str) -> Isolation:
    """Read the option; raises UsageError."""
    try:
        return Isolation(text)
    except ValueError:
        fix = f"There are: {', '.join(Isolation)}."
        raise UsageError(f"--isolation {text[:20]!r}", "is not an isolation mode", fix) from None
