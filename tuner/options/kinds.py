"""The kinds of options: how each is written, into which value it is read, and what a run keeps.

For each kind there is a constant, with which an option is declared, and the type of such an
option: ``max_cost: Quantity = option(USD, "Stop before ...")``.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.options import readers as r
from tuner.options.option import Kind, Option
from tuner.units import MemoryRange, parse_rate, parse_seconds, parse_usd, write_seconds

if TYPE_CHECKING:  # these rooms are not loaded for `tuner --help`
    from tuner.decide.goal import Slo, Strategy  # noqa: F401
    from tuner.engine.engine import Mode  # noqa: F401
    from tuner.engine.expect import Expectation  # noqa: F401
    from tuner.engine.stop_on import StopRule  # noqa: F401
    from tuner.targets.choices import Isolation  # noqa: F401

ARCH = ("x86_64", "arm64")
#: What may follow a throttle (tuner.engine.retry).
RETRIES = ("none", "backoff", "decorrelated", "adaptive")

Text = Option[str | None, str | None]
Word = Option[str, str]
Texts = Option[tuple[str, ...], str | Sequence[str] | None]
Flag = Option[bool, bool]
MaybeFlag = Option[bool | None, bool | None]
Count = Option[int, int]
MaybeCount = Option[int | None, int | None]
Number = Option[float, float]
MaybeNumber = Option[float | None, float | None]
Quantity = Option[float | None, str | float | None]
Seconds = Option[float, str | float]
Seed = Option[int, int | None]
File = Option[Path, str | Path]
MaybeFile = Option[Path | None, str | Path | None]
Memory = Option[MemoryRange, str | int | Sequence[int] | MemoryRange]
OneMemory = Option[int | None, str | int | None]
Pairs = Option[
    tuple[tuple[str, str], ...], str | Sequence[str | tuple[str, str]] | Mapping[str, str]
]
Shared = Option[r.ColdShare | None, str | float | r.ColdShare | None]
Travelled = Option[r.Traffic | None, str | float | r.Traffic | None]
Arches = Option[tuple[str, ...], str | Sequence[str] | None]
Slos = Option["tuple[Slo, ...]", "str | Sequence[str | Slo]"]
MaybeSlos = Option["tuple[Slo, ...] | None", "str | Sequence[str | Slo] | None"]
Rules = Option["tuple[StopRule, ...]", "str | Sequence[str | StopRule]"]
Expectations = Option["tuple[Expectation, ...]", "str | Sequence[str | Expectation]"]
Strategies = Option["Strategy", str]
MaybeStrategy = Option["Strategy | None", str | None]
Isolations = Option["Isolation", str]
MaybeMode = Option["Mode | None", str | None]


def _number(value: float) -> str:
    return f"{value:.12g}"


def _texts(values: Sequence[Any]) -> list[str]:
    return [str(each.text) for each in values]


def _list(values: Sequence[str]) -> str | None:
    return ",".join(values) or None


def _pairs(pairs: tuple[tuple[str, str], ...]) -> list[str]:
    return ["=".join(pair) for pair in pairs]


def _path(value: str | Path, _flag: str) -> Path:
    return Path(value)


def one_of(*known: str) -> Kind[str, str]:
    """A word out of a few, the first unless another is written."""
    return Kind(lambda value, flag: r.choice(flag, value, known), known[0], words=known)


def maybe_one_of(*known: str) -> Kind[str | None, str | None]:
    """A word out of a few, or none."""
    return one_of(*known).optional()


WORD = Kind(r.read_word, "")
TEXT = WORD.optional()
TEXTS = Kind(r.read_texts, (), many=True, store=list)
FLAG = Kind(r.read_flag, False, bool)
MAYBE_FLAG = FLAG.optional()
COUNT = Kind(r.read_whole, 0, int)
MAYBE_COUNT = COUNT.optional()
NUMBER = Kind(r.read_number, 0.0, float)
SEED = Kind(r.read_seed, None, int)
USD = Kind(r.quantity(parse_usd), None, store=_number, example="0.05").optional()
WAIT = Kind(r.quantity(parse_seconds), None, store=write_seconds, example="90s")
SECONDS = WAIT.optional()
PAUSE = Kind(r.read_pause, None, store=write_seconds, example="1s").optional()
RATE = Kind(r.quantity(parse_rate), None, store=_number, example="20rps").optional()
FILE = Kind(_path, Path(), Path, store=str)
MAYBE_FILE = FILE.optional()
MEMORY = Kind(r.read_memory, "128:1536", store=str, example="128,512")
ONE_MEMORY = Kind(r.read_one_memory, None, store=str, example="512").optional()
PAIRS = Kind(r.read_pairs, (), many=True, store=_pairs, example="KEY=VALUE")
COLD_SHARE = Kind(r.read_cold_share, None, store=str, example="1%").optional()
TRAFFIC = Kind(r.read_traffic, None, store=str, example="20rps").optional()
ARCHES = Kind(r.read_arches, None, store=_list, words=("both", *ARCH))
VARIANTS = Kind(r.read_variants, None, store=_list, example="snapstart,provisioned=5")
SLOS = Kind(r.read_slos, (), many=True, store=_texts, example="p95<300ms")
RULES = Kind(r.read_rules, (), many=True, store=_texts, example="errors>5%")
EXPECTATIONS = Kind(r.read_expectations, (), many=True, store=_texts, example="status<500")
MODE = Kind(r.read_mode, None, store=str, words=("sync", "async")).optional()
STRATEGY = Kind(r.read_strategy, "cost", store=str, words=("cost", "speed", "balanced"))
ISOLATION = Kind(r.read_isolation, "versions", store=str, words=("versions", "clone", "in-place"))
