"""How the sandboxes of a version come to be: on demand, from a snapshot, or ahead of calls.

Words only: what ``--variants`` says. Making and checking are beside.
"""

import re

from tuner.errors import UsageError
from tuner.records import ON_DEMAND, SNAP_START, provisioned

_FIX = "Write on-demand, snapstart and provisioned=N, with commas between them."
_MOST = 10_000


def read_startups(text: str) -> tuple[str, ...]:
    """What ``--variants`` says; on demand comes first in any case, the others are held against it.

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
            f"--variants {word[:40]!r}", "does not say how many", "Write provisioned=5, say."
        )
    if not 1 <= int(number) <= _MOST:
        raise UsageError(f"--variants {word[:40]!r}", f"is not from 1 to {_MOST:,}", _FIX)
    return f"{name}={int(number)}"
