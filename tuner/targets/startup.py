"""How the sandboxes of a version come to be: on demand, from a snapshot, or ahead of calls.

Words only: what ``--variants`` says, and what each kind means. Making and checking are beside.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from tuner.errors import UsageError


class Kind(StrEnum):
    """Ways in which a sandbox starts."""

    ON_DEMAND = "on-demand"
    SNAP_START = "snapstart"
    PROVISIONED = "provisioned"


@dataclass(frozen=True)
class Startup:
    """One way; ``count`` is how many sandboxes are provisioned, 0 for the others."""

    kind: Kind
    count: int = 0

    def __str__(self) -> str:
        return f"{self.kind}={self.count}" if self.count else str(self.kind)


ON_DEMAND = Startup(Kind.ON_DEMAND)
_FIX = "Write on-demand, snapstart and provisioned=N, with commas between them."
_MOST = 10_000


def read_startups(text: str) -> tuple[Startup, ...]:
    """What ``--variants`` says; on demand comes first in any case, the others are held against it.

    Raises UsageError.
    """
    found = [ON_DEMAND]
    for word in (part.strip() for part in text.split(",")):
        startup = _read(word)
        if startup == ON_DEMAND:
            continue
        if any(one.kind is startup.kind for one in found):
            raise UsageError("--variants", f"names {startup.kind} twice", _FIX)
        found.append(startup)
    return tuple(found)


def _read(word: str) -> Startup:
    if word in (Kind.ON_DEMAND, Kind.SNAP_START):
        return Startup(Kind(word))
    name, equals, number = word.partition("=")
    if name != Kind.PROVISIONED:
        raise UsageError(f"--variants {word[:40]!r}", "is not a way to start", _FIX)
    if not equals or not re.fullmatch(r"[0-9]{1,6}", number, re.ASCII):
        raise UsageError(
            f"--variants {word[:40]!r}", "does not say how many", "Write provisioned=5, say."
        )
    if not 1 <= int(number) <= _MOST:
        raise UsageError(f"--variants {word[:40]!r}", f"is not from 1 to {_MOST:,}", _FIX)
    return Startup(Kind.PROVISIONED, int(number))
