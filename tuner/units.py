"""Quantities as people write and read them: memory, time, rates, shares, money.

Parsing turns an option's text into numbers with fixed units (MB, seconds, calls per second, USD)
and raises only :class:`tuner.errors.UsageError`. Wording of numbers is here too, so that the
terminal and the report say the same; what a number means is decided elsewhere.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tuner.errors import UsageError
from tuner.records import MEMORY_MAX_MB, MEMORY_MIN_MB

#: AWS computes monthly prices with 730 hours.
SECONDS_PER_MONTH = 730 * 3600

_NUMBER = r"(?:\d{1,15}(?:\.\d{0,15})?|\.\d{1,15})(?:[eE][-+]?\d{1,2})?"
_SIZE = re.compile(r"(\d{1,9})\s*(?:MB?|MiB)?", re.ASCII | re.IGNORECASE)
_SPAN_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)\s*", re.ASCII)
_PLAIN = re.compile(_NUMBER, re.ASCII)
_RATE = re.compile(
    rf"(\d{{1,3}}(?:,\d{{3}}){{1,4}}|{_NUMBER})\s*([kKM]|million)?\s*"
    r"(?:(?i:[rtq]p([smh]))|(?i:calls?|req(?:uest)?s?|invocations?)?\s*(?i:/|per)\s*([a-zA-Z]+))?",
    re.ASCII,
)
_USD = re.compile(rf"(?:\$\s*)?({_NUMBER})\s*(?:usd|\$)?", re.ASCII | re.IGNORECASE)

_SPAN_SECONDS = {
    "ms": 0.001,
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
    **dict.fromkeys(("d", "day", "days"), 86_400.0),
}
_RATE_SECONDS = {
    **_SPAN_SECONDS,
    "week": 7 * 86_400.0,
    **dict.fromkeys(("month", "mo"), float(SECONDS_PER_MONTH)),
    "year": 12.0 * SECONDS_PER_MONTH,
}
_MULTIPLIER = {None: 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "million": 1e6}


@dataclass(frozen=True)
class MemoryRange:
    """Which sizes the user wants: exactly one of the three is set.

    ``sizes_mb`` is sorted and free of duplicates; ``range_mb`` is (lowest, highest), both allowed.
    """

    sizes_mb: tuple[int, ...] = ()
    range_mb: tuple[int, int] | None = None
    recorded: bool = False

    def __str__(self) -> str:
        if self.recorded:
            return "recorded"
        if self.range_mb:
            return f"{self.range_mb[0]}:{self.range_mb[1]}"
        return ",".join(map(str, self.sizes_mb))


def parse_memory(text: str, option: str = "--memory") -> MemoryRange:
    """Read ``128,256,512``, ``128:1536``, ``128:1536:64`` (every 64 MB) or ``recorded``."""
    plain = text.strip()
    if plain.lower() == "recorded":
        return MemoryRange(recorded=True)
    if not plain:
        raise _bad(option, text, "is empty", _MEMORY_FIX)
    if ":" in plain:
        return _memory_range(plain, option)
    return MemoryRange(sizes_mb=tuple(sorted({_size(part, option) for part in plain.split(",")})))


_MEMORY_FIX = "Write sizes in MB like 128,256,512, a range like 128:1536, or recorded."


def _memory_range(text: str, option: str) -> MemoryRange:
    parts = text.split(":")
    if "," in text or len(parts) > 3:
        raise _bad(option, text, "mixes a list and a range", _MEMORY_FIX)
    low, high = _size(parts[0], option), _size(parts[1], option)
    if low > high:
        raise _bad(option, text, "is a reversed range", f"Write {high}:{low}.")
    if len(parts) == 3:
        if not re.fullmatch(r"\s*0*[1-9]\d{0,5}\s*", parts[2], re.ASCII):
            raise _bad(option, parts[2], "is not a step in MB", "Write it like 128:1536:64.")
        return MemoryRange(sizes_mb=tuple(range(low, high + 1, int(parts[2]))))
    return MemoryRange(sizes_mb=(low,)) if low == high else MemoryRange(range_mb=(low, high))


def _size(text: str, option: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    if not match:
        reason = "is empty" if not text.strip() else "is not a whole number of MB"
        raise _bad(option, text, reason, _MEMORY_FIX)
    size = int(match[1])
    limits = f"Lambda takes {MEMORY_MIN_MB} to {MEMORY_MAX_MB} MB."
    if size < MEMORY_MIN_MB:
        raise _bad(option, text, f"is below {MEMORY_MIN_MB} MB", limits)
    if size > MEMORY_MAX_MB:
        raise _bad(option, text, f"is above {MEMORY_MAX_MB} MB", limits)
    return size


def parse_seconds(text: str, option: str = "--max-time") -> float:
    """Read ``10m``, ``90s``, ``250ms``, ``1h30m`` or ``90`` (seconds) as seconds above zero."""
    fix = "Write it like 90s, 10m or 1h30m."
    plain = text.strip().lower()
    if _PLAIN.fullmatch(plain):
        return _positive(float(plain), option, text, fix)
    total, position = 0.0, 0
    while match := _SPAN_PART.match(plain, position):
        if match[2] not in _SPAN_SECONDS:
            raise _bad(option, text, f"has an unknown unit, {match[2][:20]!r}", fix)
        total += float(match[1]) * _SPAN_SECONDS[match[2]]
        position = match.end()
    if position < len(plain) or not plain:
        raise _bad(option, text, "is not a time", fix)
    return _positive(total, option, text, fix)


def parse_rate(text: str, option: str = "--rate") -> float:
    """Read ``20rps``, ``20/s``, ``1200rpm``, ``1,200 calls/min``, ``3M/month`` or ``20`` as calls
    per second above zero.

    A month has 730 hours, as in AWS's own price examples.
    """
    fix = "Write it like 20rps, 20/s, 1200/min or 3M/month."
    match = _RATE.fullmatch(text.strip())
    if not match:
        raise _bad(option, text, "is not a rate", fix)
    unit = match[4] or (match[3] or "s").lower()
    unit = unit if len(unit) == 1 else unit.lower()  # an M alone may be a month or a minute
    if unit not in _RATE_SECONDS or unit == "ms":
        raise _bad(option, text, f"has an unknown unit of time, {unit[:20]!r}", fix)
    rate = float(match[1].replace(",", "")) * _MULTIPLIER[match[2]] / _RATE_SECONDS[unit]
    return _positive(rate, option, text, fix)


def parse_share(value: str | float, option: str = "--cold-share") -> float:
    """Read ``1%`` or ``0.01`` as a share from 0 to 1, both allowed."""
    fix = "Write it like 1% or 0.01."
    plain = str(value).strip()
    number = plain.removesuffix("%").rstrip()
    if not _PLAIN.fullmatch(number):
        raise _bad(option, plain, "is not a share", fix)
    share = float(number) / (100.0 if plain.endswith("%") else 1.0)
    if not 0.0 <= share <= 1.0:
        raise _bad(option, plain, "is above 100 %", fix)
    return share


def parse_usd(value: str | float, option: str = "--max-cost") -> float:
    """Read ``0.05``, ``$0.05`` or ``5 usd`` as US dollars above zero."""
    fix = "Write US dollars like 0.05 or $5."
    match = _USD.fullmatch(str(value).strip())
    if not match:
        raise _bad(option, str(value), "is not an amount of money", fix)
    return _positive(float(match[1]), option, str(value), fix)


def parse_key_values(items: Iterable[str], option: str = "--where") -> dict[str, str]:
    """Read ``KEY=VALUE`` items; the value may be empty and may hold further ``=``."""
    pairs: dict[str, str] = {}
    for item in items:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not key:
            raise _bad(option, item, "is not KEY=VALUE", f"Write it like {option} KEY=VALUE.")
        if key in pairs:
            raise _bad(option, item, f"gives {key!r} a second time", "Give each key once.")
        pairs[key] = value
    return pairs


def _positive(number: float, option: str, text: str, fix: str) -> float:
    if not (math.isfinite(number) and number > 0):
        raise _bad(option, text, "has to be above zero", fix)
    return number


def _bad(option: str, text: str, reason: str, fix: str) -> UsageError:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return UsageError(f"{option} {shown!r}", reason, fix)


#: Shown where a number is not known.
UNKNOWN = "–"


def format_memory(memory_mb: float | None) -> str:
    """``1,120 MB``."""
    return UNKNOWN if memory_mb is None else f"{memory_mb:,.0f} MB"


def format_ms(ms: float | None) -> str:
    """Two or three digits: ``0.83 ms``, ``3.2 ms``, ``24 ms``, ``1.25 s``, ``75 s``."""
    if ms is None or not math.isfinite(ms):
        return UNKNOWN
    if abs(ms) >= 999.5:
        seconds = ms / 1000.0
        return f"{seconds:,.{2 if abs(seconds) < 9.995 else 1 if abs(seconds) < 99.95 else 0}f} s"
    return f"{ms:.{2 if abs(ms) < 0.995 else 1 if abs(ms) < 9.95 else 0}f} ms"


def format_ms_to(ms: float | None, digits: int) -> str:
    """So many digits: of three ``0.834 ms``, ``3.21 ms``, ``24.3 ms``, ``1.25 s``, ``75.2 s``."""
    if ms is None or not math.isfinite(ms):
        return UNKNOWN
    seconds = abs(ms) >= 999.5
    value, unit = (ms / 1000.0, "s") if seconds else (ms, "ms")
    return f"{_to_digits(value, digits)} {unit}"


#: More digits than this are never shown.
_MOST_DIGITS = 6


def format_ms_beside(ms: float | None, limit: float) -> str:
    """A duration with as many digits as it takes to see on which side of a limit it is."""
    return UNKNOWN if ms is None else _until_apart(ms, limit, format_ms, format_ms_to)


def format_share_beside(share: float | None, limit: float) -> str:
    """The same of a share."""
    return UNKNOWN if share is None else _until_apart(share, limit, format_share, format_share)


def _until_apart(
    value: float, other: float, usual: Callable[[float], str], to: Callable[[float, int], str]
) -> str:
    """The text of a value: the usual one, unless it is that of the other value, too."""
    if value == other or usual(value) != usual(other):
        return usual(value)
    for digits in range(3, _MOST_DIGITS):
        if to(value, digits) != to(other, digits):
            return to(value, digits)
    return to(value, _MOST_DIGITS)


def _to_digits(value: float, digits: int) -> str:
    """A number rounded to so many digits, none of those before the point lost."""
    if value == 0.0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    return f"{value:,.{max(0, digits - 1 - math.floor(math.log10(abs(rounded))))}f}"


def format_seconds(seconds: float | None) -> str:
    """How long something took or will take: ``0.4 s``, ``48 s``, ``2 min 5 s``, ``3 h 10 min``."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s".removesuffix(" 0 s")
    return f"{whole // 3600:,} h {whole % 3600 // 60} min".removesuffix(" 0 min")


def write_seconds(seconds: float) -> str:
    """As :func:`parse_seconds` reads it: ``30d``, ``10m``, ``90s``."""
    for unit, length in (("d", 86_400.0), ("h", 3600.0), ("m", 60.0)):
        if seconds and seconds % length == 0.0:
            return f"{seconds / length:.0f}{unit}"
    return f"{seconds:.12g}s"


def format_usd(usd: float | None) -> str:
    """Cents from a dollar on, two digits below: ``$1,234.50``, ``$0.052``, ``$0.000021``."""
    if usd is None or not math.isfinite(usd):
        return UNKNOWN
    sign, size = "-" if usd < 0 else "", abs(usd)
    if size == 0.0:
        return "$0"
    if size < 1e-9:
        return f"{sign}<$0.000000001"
    if size >= 0.995:
        return f"{sign}${size:,.2f}"
    decimals = max(2, 1 - math.floor(math.log10(size)))
    return f"{sign}${size:.{decimals}f}"


def format_cost(usd: float | None, digits: int = 3) -> str:
    """US dollars with three digits, so that sizes can be told apart: ``$0.706``, ``$1,234.50``."""
    if usd is None or not math.isfinite(usd):
        return UNKNOWN
    size = abs(usd)
    if size >= 10.0 or size < 1e-9:
        return format_usd(usd)
    decimals = digits - 1 - math.floor(math.log10(size))
    return f"{'-' if usd < 0 else ''}${size:.{decimals}f}"


def format_costs_of(total: float, parts: Mapping[str, float | None]) -> dict[str, str]:
    """``parts`` of a ``total``, written so that they add up to it as it is written.

    What rounding leaves over is taken by the largest but the first, which other totals may share. A
    part below the last digit of the total keeps its own.
    """
    decimals = len(format_cost(total).partition(".")[2])
    unit = 10.0**-decimals
    whole = {name: round(usd, decimals) for name, usd in parts.items() if usd is not None}
    if whole:
        first, *others = whole
        largest = max(others or [first], key=lambda name: whole[name])
        largest = largest if whole[largest] >= unit * len(whole) else first
        whole[largest] += round(total, decimals) - sum(whole.values())
    return {
        name: f"${whole[name]:,.{decimals}f}" if name in whole and usd >= unit else format_cost(usd)
        for name, usd in ((name, math.nan if usd is None else usd) for name, usd in parts.items())
    }


def format_usd_per_million(usd: float | None, digits: int = 3) -> str:
    """``$2.45 per million``."""
    return UNKNOWN if usd is None else f"{format_cost(usd, digits)} per million"


#: A smaller part than this is not told apart from others.
_LEAST_PERCENT = 0.0001


def format_share(share: float | None, digits: int = 2) -> str:
    """``31 %``, ``1.2 %``, ``0.05 %``; more ``digits`` for shares that look alike."""
    if share is None or not math.isfinite(percent := share * 100.0):
        return UNKNOWN
    if percent == 0.0:
        return "0 %"
    if 0.0 < percent < _LEAST_PERCENT:
        return f"<{_LEAST_PERCENT} %"
    if abs(percent) >= 9.95 and digits == 2:
        return f"{percent:,.0f} %"
    return f"{percent:.{digits}g} %"


def format_probability(chance: float) -> str:
    """``77 % probability``; nothing that was measured is a certainty."""
    if 0.01 <= chance <= 0.99:
        return f"{format_share(float(chance))} probability"
    return f"{'more than 99 %' if chance > 0.5 else 'less than 1 %'} probability"


def format_times(factor: float) -> str:
    """How many times as much: ``2.4x``, ``1,250x``."""
    return f"{factor:,.{1 if factor < 99.95 else 0}f}x"


#: A change of less is told as none.
_SAME = 0.005


def is_same(change: float) -> bool:
    """True for a relative change of next to nothing, seen from here or from there."""
    return min(abs(change), abs(1.0 / (1.0 + change) - 1.0) if change > -1.0 else 1.0) < _SAME


def format_cost_change(change: float | None) -> str:
    """-0.31 is ``31 % cheaper``, 0.2 is ``20 % more expensive``."""
    if change is None or not math.isfinite(change):
        return UNKNOWN
    if is_same(change):
        return "the same cost"
    if change >= 1.0:
        return f"{format_times(1.0 + change)} the cost"
    if change <= -0.995:
        return "more than 99 % cheaper"
    return f"{abs(change) * 100:.0f} % {'cheaper' if change < 0 else 'more expensive'}"


def format_speed_change(change: float | None) -> str:
    """Change of a duration: -0.756 is ``4.1x faster``, -0.2 ``20 % faster``."""
    if change is None or not math.isfinite(change) or change <= -1.0:
        return UNKNOWN
    if is_same(change):
        return "the same speed"
    factor = 1.0 / (1.0 + change) if change < 0 else 1.0 + change
    word = "faster" if change < 0 else "slower"
    # "42 % faster" is the time saved; from twice on, a factor reads better.
    if factor >= 2.0:
        return f"{format_times(factor)} {word}"
    return f"{abs(change) * 100:.0f} % {word}"


def format_change(ratio: float | None) -> str:
    """A change with its sign: 1.12 is ``+12 %``, 0.98 ``-2.0 %``; tenths below ten per cent."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    percent = (ratio - 1.0) * 100.0
    if abs(percent) < 0.05:
        return "0.0 %"
    return f"{percent:+,.{0 if abs(percent) >= 9.95 else 1}f} %"


def counted(count: int, word: str, ending: str = "s") -> str:
    """``1 run``, ``1,200 runs``."""
    return f"{count:,} {word}{'' if count == 1 else ending}"


def listed(words: Iterable[str], last: str = "and") -> str:
    """``p50``, ``p50 and p95``, ``p50, p95 and mean``."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end


def format_rate(per_second: float | None) -> str:
    """``500/s``, ``12.5/s``, ``3/min``, ``2/h``: the unit that leaves a readable number."""
    if per_second is None or not math.isfinite(per_second):
        return UNKNOWN
    for seconds, unit in ((1, "s"), (60, "min")):
        if per_second * seconds >= 1.0 or per_second == 0.0:
            return f"{_short(per_second * seconds)}/{unit}"
    return f"{_short(per_second * 3600)}/h"


def _short(number: float) -> str:
    if number >= 99.95:
        return f"{number:,.0f}"
    return f"{number:.1f}".removesuffix(".0") if number >= 1 else f"{number:.2g}"


def printable(text: str, keep: str = "") -> str:
    """Return foreign text with spaces in place of control characters, all but those to ``keep``."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each in keep else " " for each in text)
