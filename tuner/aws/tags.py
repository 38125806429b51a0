"""Tags that a run puts on a function while it changes it: which run, and what was there before.

With them any machine can restore a function whose journal is lost, and another run sees whose it
is. They are keyed by run, so that two runs that begin at once overwrite nothing of each other.
Best effort: where tags are not allowed or not known, journals and the mark in the description have
to do. Nothing in them is secret: whoever may read the function may read them.
"""

import re
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tuner.aws.configuration import Configuration
from tuner.aws.control import ControlPlane
from tuner.aws.journal import MARK
from tuner.errors import ChangedUnderneath, TargetError

#: Whole values are cut into pieces of this length, the most that a tag may have (Lambda developer
#: guide, "Using tags on Lambda functions").
_LONGEST = 256
_KEY = re.compile(r"(tuner:([0-9A-HJKMNP-TV-Z]{26})(?::undo)?)(?::(\d{1,2}))?", re.ASCII)
#: For so many seconds a request whose answer was lost may land: AWS documents no bound, and on this
#: machine requests are answered at once. And between two looks.
_LINGERS_S, _LINGERS_ON_LOOPBACK_S, _BETWEEN_S = 60.0, 5.0, 1.0

#: The kinds of marks: of a run that measures, and of one that is applied.
MEASURED, APPLIED = "measured", "applied"


@dataclass(frozen=True)
class Mark:
    """What one run says on a function; ``kind`` is one of the above."""

    run: str
    kind: str
    values: Mapping[str, str]
    keys: tuple[str, ...]

    @property
    def since(self) -> str:
        """When the run began, as people read it."""
        return self.values.get("since", "an unknown time")

    @property
    def memory_mb(self) -> int | None:
        """The memory before the run, ``None`` if the tag does not say that."""
        return self._size_mb("memory")

    @property
    def to_mb(self) -> int | None:
        """The memory that is applied, ``None`` if the tag does not say that."""
        return self._size_mb("to")

    def _size_mb(self, name: str) -> int | None:
        said = self.values.get(name, "")
        return int(said) if re.fullmatch(r"\d{3,5}", said, re.ASCII) else None

    def text(self, name: str) -> str | None:
        """A text that was written encoded, ``None`` if it is not there."""
        try:
            return b64decode(self.values[name].encode(), b"-_", validate=True).decode()
        except (KeyError, ValueError):
            return None


def encoded(text: str) -> str:
    """Write any text with the characters that tags may have."""
    return urlsafe_b64encode(text.encode()).decode()


def tags_of(key: str, kind: str, began_s: float, **values: Any) -> dict[str, str]:
    """Return the tags that say this under a key; values that are ``None`` are left out."""
    since = datetime.fromtimestamp(began_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    given = {"since": since, **{name: v for name, v in values.items() if v is not None}}
    whole = "/".join([kind, *(f"{name}={value}" for name, value in given.items())])
    pieces = [whole[at : at + _LONGEST] for at in range(0, len(whole), _LONGEST)]
    return {key + f":{n}" * (n > 0): piece for n, piece in enumerate(pieces)}


def key_of(run: str, *, undone: bool = False) -> str:
    """The key for a run. That of one that is undone is another, since a request to remove what was
    said while it was applied may still land."""
    return f"tuner:{run}:undo" if undone else f"tuner:{run}"


def keys_of(run: str, keys: Iterable[str]) -> set[str]:
    """Those of some keys that say something of a run."""
    return {key for key in keys if (found := _KEY.fullmatch(key)) and found[2] == run}


def marks(control: ControlPlane, now: Configuration) -> list[Mark]:
    """Return the marks of runs on a function that was just read, the oldest first."""
    pieces: dict[str, dict[str, str]] = {}
    for key, value in control.tags(now).items():
        if found := _KEY.fullmatch(key):
            pieces.setdefault(found[1], {})[key] = value
    return [_read(pieces[key]) for key in sorted(pieces)]


def _read(pieces: Mapping[str, str]) -> Mark:
    keys = tuple(sorted(pieces, key=lambda key: (len(key), key)))  # 10 comes after 9
    run = keys[0].split(":")[1]
    kind, *values = "".join(pieces[key] for key in keys).split("/")
    pairs = (value.partition("=") for value in values)
    return Mark(run, kind, {name: said for name, _, said in pairs}, keys)


def mark_of(control: ControlPlane, now: Configuration, run: str, kind: str) -> Mark | None:
    """Return the mark of one run on a function that was just read."""
    found = (mark for mark in marks(control, now) if (mark.run, mark.kind) == (run, kind))
    return next(found, None)


def refuse_marked(
    control: ControlPlane,
    now: Configuration,
    function: str,
    *,
    but: str = "",
    only_changed: bool = False,
) -> None:
    """Raise :class:`ChangedUnderneath` if another run than ``but`` changes a function that was just
    read, or has left it changed; with ``only_changed`` if it is changed right now, which matters to
    a copy of it."""
    found = [] if only_changed else marks(control, now)
    runs = {mark.run: f" (since {mark.since})" for mark in found}
    if described := MARK.match(now.get("Description", "")):
        runs.setdefault(described[0].split()[1], "")
    runs.pop(but, None)
    for run, since in runs.items():
        reason = f"run {run} is changing it{since}, or was interrupted while it did"
        fix = f"Wait for it to end, or restore the function with `tuner restore {function}`."
        raise ChangedUnderneath(function, reason, fix)


@dataclass(frozen=True)
class Tagged:
    """What came of putting tags: their keys, none if that was refused, and the moment (of the wall
    clock) until which a request that had no answer may land."""

    keys: tuple[str, ...]
    until_s: float = 0.0
    error: TargetError | None = None


def put_tags(control: ControlPlane, arn: str, tags: Mapping[str, str]) -> Tagged:
    """Put tags on a function, if that is possible."""
    asked = control.calls["TagResource"]
    keys = tuple(sorted(tags))
    try:
        control.send("TagResource", arn, Resource=arn, Tags=tags)
    except TargetError as error:
        if error.refused:
            return Tagged((), error=error)
        return Tagged(keys, lands_until(control, control.clock.wall()), error)
    once = control.calls["TagResource"] == asked + 1
    return Tagged(keys, 0.0 if once else lands_until(control, control.clock.wall()))


def lands_until(control: ControlPlane, sent_s: float) -> float:
    """The moment until which a request that had no answer may land."""
    lingers_s = _LINGERS_ON_LOOPBACK_S if control.session.loopback else _LINGERS_S
    return sent_s + lingers_s


def remove_tags(control: ControlPlane, arn: str, keys: Iterable[str], until_s: float = 0.0) -> None:
    """Remove tags, until this moment (of the wall clock) again: a request that puts them may land
    as late, and nothing makes it stale."""
    if not (wanted := list(keys)):
        return
    until_s = min(lands_until(control, control.clock.wall()), until_s)  # a file may say any moment
    while True:
        control.untag(arn, wanted)
        if control.clock.wall() >= until_s:
            return
        control.clock.sleep(_BETWEEN_S)
