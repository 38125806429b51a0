"""How calls are made and, if they are events, for how long they are followed, read from text.

Options come before what the profile suggests. Raises only UsageError; what does not go together
with events is refused here, each with its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tuner.engine.engine import Mode
from tuner.engine.profiles.profile import MODES, Profile
from tuner.errors import UsageError
from tuner.options.profile import choice
from tuner.units import parse_seconds

#: Events are followed for so long after the load at most, unless ``--drain`` says otherwise: a
#: failing event is tried three times within about three and a half minutes.
DRAIN_S = 300.0
#: Lambda keeps an event no longer than six hours.
_LONGEST_S = 21_600.0
#: Why these do not go with events, and what to do.
_UNFIT: Mapping[str, tuple[str, str]] = {
    "replay": ("a recording has no queue of events", "Load a function: demo:io, local:PATH, NAME."),
    "--url": ("is of a front, which waits for the answer", "Leave --url or --mode async out."),
    "--find-limit": ("needs answers, which events have not", "Give --rate or --profile-load."),
    "--max-cost": (
        "cannot end events that were accepted already, and they cost only later",
        "Bound the load with --rate and --duration.",
    ),
}


@dataclass(frozen=True)
class ModeWish:
    """``mode`` is sync or async; ``drain_s`` is how long events are followed at most."""

    mode: Mode = Mode.SYNC
    drain_s: float = DRAIN_S


def read_mode(
    mode: str | None, drain: str | None, profile: Profile, present: Mapping[str, bool]
) -> ModeWish:
    """``present`` tells which of the options (or kinds of target) in ``_UNFIT`` are given."""
    asked = choice("--mode", mode or profile.mode or Mode.SYNC.value, MODES)
    if Mode(asked) is Mode.SYNC:
        if drain is not None:
            raise UsageError("--drain", "is for events", "Give it with --mode async.")
        return ModeWish()
    for name, (reason, fix) in _UNFIT.items():
        if present.get(name):
            thing = "--mode async" if name == "replay" else name
            raise UsageError(thing, reason, fix)
    drain_s = profile.drain_s if drain is None else _seconds(drain)
    return ModeWish(Mode.ASYNC, DRAIN_S if drain_s is None else drain_s)


def _seconds(text: str) -> float:
    seconds = 0.0 if text.strip() in ("0", "0s") else parse_seconds(text, "--drain")
    if seconds > _LONGEST_S:
        raise UsageError(f"--drain {text[:40]}", "is above 6h", "No event lives longer.")
    return seconds
