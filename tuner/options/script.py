"""A user's own locustfile as a load, as it is asked for: which file, how fast its users appear.

Reads the file's text, which goes to the workers; runs nothing of it. Raises only UsageError.
"""

from collections.abc import Mapping
from pathlib import Path

from tuner.engine.engine import Script
from tuner.errors import UsageError
from tuner.units import parse_rate

#: What a locustfile decides itself, or what needs calls that are known beforehand.
_UNFIT = ("--rate", "--profile-load", "--find-limit", "--think", "--arrival", "--mode async")
_MOST_BYTES = 1_000_000


def read_script(
    file: str | None, spawn_rate: str | None, given: Mapping[str, bool]
) -> Script | None:
    """The locustfile that was asked for; ``given`` tells which of other options are there."""
    if file is None:
        if spawn_rate is not None:
            raise UsageError("--spawn-rate", "is of a locustfile", "Give it with --locustfile.")
        return None
    for option in _UNFIT:
        if given.get(option):
            fix = "Leave it out; --users, --spawn-rate and --duration say how many, and how long."
            raise UsageError(option, "cannot go with --locustfile", fix)
    path, thing = Path(file), f"--locustfile {file}"
    try:
        text = path.read_text(encoding="utf-8")
        compile(text, file, "exec")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise UsageError(thing, f"cannot be read: {why}", "Check the path.") from None
    except (SyntaxError, ValueError) as error:
        raise UsageError(thing, f"is not Python: {error}", "Correct it.") from None
    if len(text) > _MOST_BYTES:
        raise UsageError(thing, f"is longer than {_MOST_BYTES:,} bytes", "Is it the right file?")
    rate = None if spawn_rate is None else parse_rate(spawn_rate, "--spawn-rate")
    return Script(path.name, text, str(path.parent.resolve()), rate)
