"""Reads what was written for an option into its value: the readers of ``kinds.py``.

A reader takes what was written (a text, a number, or a value that was read before) and the flag
that a complaint names; it raises only UsageError. Rooms that own a meaning are imported when
something is read, so that `tuner --help` loads none of them.
"""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import UsageError
from tuner.files import read_text
from tuner.units import MemoryRange, parse_key_values, parse_memory, parse_seconds, parse_share

if TYPE_CHECKING:
    from tuner.billing.traffic import Demand
    from tuner.decide.goal import Slo, Strategy
    from tuner.engine.engine import Mode
    from tuner.engine.expect import Expectation
    from tuner.engine.stop_on import StopRule
    from tuner.targets.choices import Isolation


@dataclass(frozen=True)
class ColdShare:
    """The share of production's calls that start cold, 0 to 1; ``None``: as recorded."""

    share: float | None

    def __str__(self) -> str:
        return "recorded" if self.share is None else f"{self.share:g}"


@dataclass(frozen=True)
class Traffic:
    """Production's traffic, and how it was written (a rate, or the name of a file)."""

    written: str
    demand: "Demand"

    def __str__(self) -> str:
        return self.written


def quantity(read: Callable[[str, str], float]) -> Callable[[str | float, str], float]:
    """Let a reader of texts take numbers, too, in the unit that it reads into."""
    return lambda value, flag: read(str(value), flag)


def read_word(value: str, flag: str) -> str:
    """Read a text."""
    if not isinstance(value, str):
        raise UsageError(f"{flag} {value!r:.40}", "is not a text", "Put it in quotes.")
    return value


def read_texts(value: str | Sequence[str] | None, flag: str) -> tuple[str, ...]:
    """Read texts, or one of them."""
    return tuple(read_word(each, flag) for each in _listed(value))


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def read_flag(value: bool, flag: str) -> bool:
    """Read a switch."""
    if not isinstance(value, bool):
        raise UsageError(f"{flag} {value!r:.40}", "is neither true nor false", "Write true.")
    return value


#: No count is larger; such a number is a typing error. Stores hold whole numbers of 64 bits.
_MOST, _MOST_KEPT = 10**9, 2**63 - 1


def read_whole(value: int, flag: str, most: int = _MOST) -> int:
    """Read a whole number of at most so many."""
    try:
        if isinstance(value, bool) or (value != int(value) if isinstance(value, float) else False):
            raise ValueError
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        fix = "Write it like 5."
        raise UsageError(f"{flag} {value!r:.40}", "is not a whole number", fix) from None
    if abs(number) > most:
        raise UsageError(f"{flag} {value!r:.40}", "is too large", f"Give at most {most:,}.")
    return number


def read_number(value: float, flag: str) -> float:
    """Read a number."""
    try:
        if math.isfinite(number := float(value)):
            return number
        raise ValueError
    except (TypeError, ValueError, OverflowError):
        fix = "Write it like 0.5."
        raise UsageError(f"{flag} {value!r:.40}", "is not a number", fix) from None


def read_seed(value: int | None, flag: str) -> int:
    """Read a seed, or draw one."""
    import secrets

    if value is None:
        return secrets.randbelow(2**31)
    seed = read_whole(value, flag, _MOST_KEPT)
    if seed < 0:
        raise UsageError(f"{flag} {seed}", "is below 0", "Give a whole number from 0 on.")
    return seed


def read_pause(value: str | float, flag: str) -> float:
    """Read seconds that may be none."""
    if str(value).strip() in ("0", "0s", "0.0"):
        return 0.0
    return parse_seconds(str(value), flag)


def read_memory(value: str | int | Sequence[int] | MemoryRange, flag: str) -> MemoryRange:
    """Read sizes: a text, one size, or a list of them."""
    if isinstance(value, MemoryRange):
        return value
    text = value if isinstance(value, str) else ",".join(map(str, _listed(value)))
    return parse_memory(text, flag)


def read_one_memory(value: str | int, flag: str) -> int:
    """Read one size in MB."""
    sizes = parse_memory(str(value), flag).sizes_mb
    if len(sizes) != 1:
        raise UsageError(f"{flag} {value!r}", "is not one size", "Name one, such as 512.")
    return sizes[0]


def read_pairs(
    value: str | Sequence[str | tuple[str, str]] | Mapping[str, str], flag: str
) -> tuple[tuple[str, str], ...]:
    """Read ``KEY=VALUE``, several of them, or a mapping."""
    if isinstance(value, Mapping):
        return tuple(value.items())
    given = [each if isinstance(each, str) else "=".join(each) for each in _listed(value)]
    return tuple(parse_key_values(given, flag).items())


def read_slos(value: "str | Sequence[str | Slo]", flag: str) -> "tuple[Slo, ...]":
    """Read objectives."""
    from tuner.decide.goal import parse_slo

    return tuple(parse_slo(e, flag) if isinstance(e, str) else e for e in _listed(value))


def read_rules(value: "str | Sequence[str | StopRule]", flag: str) -> "tuple[StopRule, ...]":
    """Read conditions that cut a load short."""
    from tuner.engine.stop_on import parse_stop_on

    return tuple(parse_stop_on(e, flag) if isinstance(e, str) else e for e in _listed(value))


def read_expectations(
    value: "str | Sequence[str | Expectation]", flag: str
) -> "tuple[Expectation, ...]":
    """Read what answers have to be like."""
    from tuner.engine.expect import parse_expectation

    return tuple(parse_expectation(e, flag) if isinstance(e, str) else e for e in _listed(value))


def read_strategy(value: str, flag: str) -> "Strategy":
    """Read what to choose for."""
    from tuner.decide.goal import parse_strategy

    return parse_strategy(value, flag)


def read_isolation(value: str, _flag: str) -> "Isolation":
    """Read how sizes are made."""
    from tuner.targets import choices

    return choices.read_isolation(value)


def read_arches(value: str | Sequence[str] | None, _flag: str) -> tuple[str, ...]:
    """Read architectures: ``both``, one, a comma list, or a list."""
    from tuner.targets import choices

    if not value:
        return ()
    text = value if isinstance(value, str) else ",".join(value)
    return choices.read_arches(text, choices.ARCHES[0])


def read_variants(value: str | Sequence[str] | None, _flag: str) -> tuple[str, ...]:
    """Read ways to start: a comma list, or a list."""
    from tuner.targets import choices

    if not value:
        return ()
    return choices.read_startups(value if isinstance(value, str) else ",".join(value))


def read_mode(value: str, flag: str) -> "Mode":
    """Read how calls are made."""
    from tuner.engine.engine import Mode
    from tuner.engine.profiles.profile import MODES

    return Mode(choice(flag, value, MODES))


def read_traffic(value: str | float | Traffic, flag: str = "--traffic") -> Traffic:
    """Read production's traffic: a rate like ``20rps``, or a file of minutes or calls."""
    from tuner.billing.traffic import read_demand, steady_demand

    if isinstance(value, Traffic):
        return value
    text = str(value)
    try:
        return Traffic(text, steady_demand(text, flag))
    except UsageError as error:
        # of any length, which Path.exists() raises for
        if not Path(text).suffix and not os.path.exists(text):  # noqa: PTH110
            fix = f"{error.fix.rstrip('.')}; or name a CSV or JSON file."
            raise UsageError(error.thing, error.reason, fix) from None
    return Traffic(text, read_demand(read_text(Path(text), f"{flag} {text}"), f"{flag} {text}"))


def read_cold_share(value: str | float | ColdShare, flag: str) -> ColdShare:
    """Read a share like ``1%``, or ``recorded``."""
    if isinstance(value, ColdShare):
        return value
    if str(value).strip() == "recorded":
        return ColdShare(None)
    return ColdShare(parse_share(value, flag))


def choice(option: str, value: str, known: tuple[str, ...]) -> str:
    """The value if it is known; else a UsageError that lists what is."""
    if value not in known:
        fix = f"Choose {', '.join(known[:-1])} or {known[-1]}."
        raise UsageError(f"{option} {str(value)[:40]!r}", "is not known", fix)
    return value


def hashed(text: str) -> str:
    """Return what a run keeps of a text that may be secret or long."""
    import hashlib

    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
