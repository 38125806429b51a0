"""The kinds of options: how each is written, and into which value it is read.

A reader takes what was written (a text, a number, or a value that was read before) and the flag
that a complaint names; it raises only UsageError. Rooms that own a meaning are imported when
something is read, so that `tuner --help` loads none of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tuner.errors import UsageError
from tuner.options.option import Kind, Option
from tuner.units import (
    MemoryRange,
    parse_key_values,
    parse_memory,
    parse_rate,
    parse_seconds,
    parse_share,
    parse_usd,
    write_seconds,
)

if TYPE_CHECKING:
    from tuner.billing.traffic import Demand
    from tuner.decide.goal import Slo, Strategy
    from tuner.engine.engine import Mode
    from tuner.engine.stop_on import StopRule
    from tuner.targets.choices import Isolation

T = TypeVar("T")
#: What may follow a throttle (tuner.engine.policies).
RETRIES = ("none", "backoff", "decorrelated", "adaptive")


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


def _as_it_is(value: Any, _flag: str) -> Any:
    return value


def _text(value: str | None, flag: str) -> str | None:
    return None if value is None else _word(value, flag)


def _word(value: str, flag: str) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{flag} {value!r:.40}", "is not a text", "Put it in quotes.")
    return value


def _texts(value: str | Sequence[str] | None, flag: str) -> tuple[str, ...]:
    return tuple(_word(each, flag) for each in _listed(value))


def _listed(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else (value,)


def _flag(value: bool | None, flag: str) -> bool | None:
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"{flag} {value!r:.40}", "is neither true nor false", "Write true.")
    return value


def _switch(value: bool, flag: str) -> bool:
    return bool(_flag(value, flag))


def _whole(value: int, flag: str) -> int:
    try:
        if isinstance(value, bool) or int(value) != float(value):
            raise ValueError
        return int(value)
    except (TypeError, ValueError, OverflowError):
        fix = "Write it like 5."
        raise UsageError(f"{flag} {value!r:.40}", "is not a whole number", fix) from None


def _number(value: float, flag: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        fix = "Write it like 0.5."
        raise UsageError(f"{flag} {value!r:.40}", "is not a number", fix) from None


def _seed(value: int | None, flag: str) -> int:
    import secrets

    return secrets.randbelow(2**31) if value is None else _whole(value, flag)


def _maybe(read: Callable[[Any, str], T]) -> Callable[[Any, str], T | None]:
    """The reader, for an option that may be left out."""

    def maybe(value: Any, flag: str) -> T | None:
        return None if value is None else read(value, flag)

    return maybe


def _measured(read: Callable[[str, str], float]) -> Callable[[Any, str], float | None]:
    """The reader of a quantity, which may also be given as a number in its own unit."""

    def quantity(value: str | float | None, flag: str) -> float | None:
        return None if value is None else read(str(value), flag)

    return quantity


def _pause(value: str | float | None, flag: str) -> float | None:
    """Seconds that may be none."""
    if value is None or str(value).strip() in ("0", "0s", "0.0"):
        return None if value is None else 0.0
    return parse_seconds(str(value), flag)


def _memory(value: str | int | Sequence[int] | MemoryRange, flag: str) -> MemoryRange:
    if isinstance(value, MemoryRange):
        return value
    text = value if isinstance(value, str) else ",".join(map(str, _listed(value)))
    return parse_memory(text, flag)


def _one_memory(value: str | int | None, flag: str) -> int | None:
    if value is None:
        return None
    sizes = parse_memory(str(value), flag).sizes_mb
    if len(sizes) != 1:
        raise UsageError(f"{flag} {value!r}", "is not one size", "Name one, such as 512.")
    return sizes[0]


def _pairs(
    value: str | Sequence[str | tuple[str, str]] | Mapping[str, str], flag: str
) -> tuple[tuple[str, str], ...]:
    if isinstance(value, Mapping):
        return tuple(value.items())
    given = [each if isinstance(each, str) else "=".join(each) for each in _listed(value)]
    return tuple(parse_key_values(given, flag).items())


def _slos(value: Any, flag: str) -> "tuple[Slo, ...]":
    from tuner.decide.goal import parse_slo

    return tuple(parse_slo(e, flag) if isinstance(e, str) else e for e in _listed(value))


def _rules(value: Any, flag: str) -> "tuple[StopRule, ...]":
    from tuner.engine.stop_on import parse_stop_on

    return tuple(parse_stop_on(e, flag) if isinstance(e, str) else e for e in _listed(value))


def _strategy(value: str, flag: str) -> "Strategy":
    from tuner.decide.goal import parse_strategy

    return parse_strategy(value, flag)


def _isolation(value: str, _flag: str) -> "Isolation":
    from tuner.targets.choices import read_isolation

    return read_isolation(value)


def _arches(value: str | Sequence[str] | None, _flag: str) -> tuple[str, ...]:
    from tuner.targets.choices import ARCHES, read_arches

    if not value:
        return ()
    return read_arches(value if isinstance(value, str) else ",".join(value), ARCHES[0])


def _variants(value: "str | Sequence[str] | None", _flag: str) -> "tuple[str, ...]":
    from tuner.targets.choices import read_startups

    if not value:
        return ()
    return read_startups(value if isinstance(value, str) else ",".join(value))


def _mode(value: str | None, flag: str) -> "Mode | None":
    from tuner.engine.engine import Mode
    from tuner.engine.profiles.profile import MODES

    return None if value is None else Mode(choice(flag, value, MODES))


def _traffic(value: str | float | Traffic | None, flag: str) -> Traffic | None:
    if value is None or isinstance(value, Traffic):
        return value
    return Traffic(str(value), read_traffic(str(value), flag))


def read_traffic(text: str, option: str = "--traffic") -> "Demand":
    """Read production's traffic: a rate like ``20rps``, or a file of minutes or calls."""
    from tuner.billing.traffic import read_demand, steady_demand

    try:
        return steady_demand(text, option)
    except UsageError as error:
        if not Path(text).suffix and not Path(text).is_file():
            fix = f"{error.fix.rstrip('.')}; or name a CSV or JSON file."
            raise UsageError(error.thing, error.reason, fix) from None
    return read_demand(read_text(text, option), f"{option} {text}")


def _cold_share(value: str | float | ColdShare | None, flag: str) -> ColdShare | None:
    if value is None or isinstance(value, ColdShare):
        return value
    if str(value).strip() == "recorded":
        return ColdShare(None)
    return ColdShare(parse_share(value, flag))


def read_text(name: str, option: str) -> str:
    """A file that an option names, as text; raises UsageError."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{option} {name}", f"cannot be read: {why}", "Check the path.") from None


def choice(option: str, value: str, known: tuple[str, ...]) -> str:
    """The value if it is known; else a UsageError that lists what is."""
    if value not in known:
        fix = f"Choose {', '.join(known[:-1])} or {known[-1]}."
        raise UsageError(f"{option} {str(value)[:40]!r}", "is not known", fix)
    return value


def one_of(*known: str) -> "Kind[str, str]":
    """A word out of a few."""
    return Kind(lambda value, flag: choice(flag, value, known), known[0])


def maybe_one_of(*known: str) -> "Kind[str | None, str | None]":
    """A word out of a few, or none."""
    return Kind(lambda value, flag: None if value is None else choice(flag, value, known), None)


def hashed(text: str) -> str:
    """What a run keeps of a text that may be secret or long."""
    import hashlib

    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _texts_of(values: Sequence[Any]) -> list[str]:
    return [getattr(each, "text", None) or str(each) for each in values]


def _maybe_number(value: float | None) -> str | None:
    return None if value is None else f"{value:.12g}"


def _maybe_seconds(value: float | None) -> str | None:
    return None if value is None else write_seconds(value)


def _maybe_text(value: Any) -> str | None:
    return None if value is None else str(value)


Text = Option[str | None, str | None]
Word = Option[str, str]
Texts = Option[tuple[str, ...], str | Sequence[str]]
Flag = Option[bool, bool]
MaybeFlag = Option[bool | None, bool | None]
Count = Option[int, int]
MaybeCount = Option[int | None, int | None]
Number = Option[float, float]
MaybeNumber = Option[float | None, float | None]
Quantity = Option[float | None, str | float | None]
Seed = Option[int, int | None]
Seconds = Option[float, str | float]
Memory = Option[MemoryRange, str | int | Sequence[int] | MemoryRange]
OneMemory = Option[int | None, str | int | None]
Pairs = Option[
    tuple[tuple[str, str], ...], str | Sequence[str | tuple[str, str]] | Mapping[str, str]
]
File = Option[Path, str | Path]
MaybeFile = Option[Path | None, str | Path | None]
Shared = Option[ColdShare | None, str | float | ColdShare | None]
Travelled = Option[Traffic | None, str | float | Traffic | None]
#: Quoted: their rooms are not loaded for `tuner --help`.
Slos = Option["tuple[Slo, ...]", "str | Sequence[str | Slo]"]
Rules = Option["tuple[StopRule, ...]", "str | Sequence[str | StopRule]"]
Strategies = Option["Strategy", str]
MaybeStrategy = Option["Strategy | None", str | None]
MaybeSlos = Option["tuple[Slo, ...] | None", "str | Sequence[str | Slo] | None"]
Isolations = Option["Isolation", str]
Arches = Option[tuple[str, ...], str | Sequence[str] | None]
Variants = Option["tuple[str, ...]", "str | Sequence[str] | None"]
MaybeMode = Option["Mode | None", str | None]

TEXT: Kind[str | None, str | None] = Kind(_text, None)
WORD: Kind[str, str] = Kind(_word, "")
TEXTS: Kind[tuple[str, ...], str | Sequence[str]] = Kind(_texts, (), many=True, store=list)
FLAG: Kind[bool, bool] = Kind(_switch, False, bool)
MAYBE_FLAG: Kind[bool | None, bool | None] = Kind(_flag, None, bool)
COUNT: Kind[int, int] = Kind(_whole, 0, int)
MAYBE_COUNT: Kind[int | None, int | None] = Kind(_maybe(_whole), None, int)
NUMBER: Kind[float, float] = Kind(_number, 0.0, float)
MAYBE_NUMBER: Kind[float | None, float | None] = Kind(_maybe(_number), None, float)
SEED: Kind[int, int | None] = Kind(_seed, None, int)
USD: Kind[float | None, str | float | None] = Kind(_measured(parse_usd), None, store=_maybe_number)
SECONDS: Kind[float | None, str | float | None] = Kind(
    _measured(parse_seconds), None, store=_maybe_seconds
)
WAIT: Kind[float, str | float] = Kind(
    lambda value, flag: parse_seconds(str(value), flag), 0.0, store=_maybe_seconds
)
PAUSE: Kind[float | None, str | float | None] = Kind(_pause, None, store=_maybe_seconds)
RATE: Kind[float | None, str | float | None] = Kind(
    _measured(parse_rate), None, store=_maybe_number
)
MEMORY: Kind[MemoryRange, str | int | Sequence[int] | MemoryRange] = Kind(
    _memory, "128:1536", store=str
)
ONE_MEMORY: Kind[int | None, str | int | None] = Kind(_one_memory, None, store=_maybe_text)
PAIRS: Kind[
    tuple[tuple[str, str], ...], str | Sequence[str | tuple[str, str]] | Mapping[str, str]
] = Kind(_pairs, (), many=True, store=lambda pairs: ["=".join(pair) for pair in pairs])
FILE: Kind[Path, str | Path] = Kind(lambda value, _flag: Path(value), Path(), Path, store=str)
MAYBE_FILE: Kind[Path | None, str | Path | None] = Kind(
    _maybe(lambda value, _flag: Path(value)), None, Path, store=_maybe_text
)
COLD_SHARE: Kind[ColdShare | None, str | float | ColdShare | None] = Kind(
    _cold_share, None, store=_maybe_text
)
TRAFFIC: Kind[Traffic | None, str | float | Traffic | None] = Kind(
    _traffic, None, store=_maybe_text
)
SLOS: "Kind[tuple[Slo, ...], str | Sequence[str | Slo]]" = Kind(
    _slos, (), many=True, store=_texts_of
)
RULES: "Kind[tuple[StopRule, ...], str | Sequence[str | StopRule]]" = Kind(
    _rules, (), many=True, store=_texts_of
)
STRATEGY: "Kind[Strategy, str]" = Kind(_strategy, "cost", store=str)
ISOLATION: "Kind[Isolation, str]" = Kind(_isolation, "versions", store=str)
ARCHES: Kind[tuple[str, ...], str | Sequence[str] | None] = Kind(
    _arches, None, store=lambda arches: ",".join(arches) or None
)
VARIANTS: "Kind[tuple[str, ...], str | Sequence[str] | None]" = Kind(
    _variants, None, store=lambda ways: ",".join(ways) or None
)
MODE: "Kind[Mode | None, str | None]" = Kind(_mode, None, store=_maybe_text)
