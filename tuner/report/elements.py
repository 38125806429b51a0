"""What pages and the terminal are made of: facts, answers and tables, and figures as text."""

import math
from dataclasses import dataclass

from tuner.decide.result import Interval, Stats, Sweep
from tuner.units import UNKNOWN, format_memory, format_ms, format_share, format_usd


@dataclass(frozen=True)
class Fact:
    """One figure with its name and a remark."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True)
class Answer:
    """``headline: rest`` is the sentence; ``tone`` is good, warn or bad."""

    headline: str
    rest: str
    tone: str
    facts: tuple[Fact, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The whole answer in one line."""
        return f"{self.headline}: {self.rest}" if self.rest else self.headline


@dataclass(frozen=True)
class Cell:
    """A value and, in smaller type, its interval or a remark."""

    value: str
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """One line: ``marks`` are short labels, ``reason`` explains a size that failed."""

    head: str
    cells: tuple[Cell, ...]
    marks: tuple[str, ...] = ()
    status: str = "ok"
    reason: str = ""


@dataclass(frozen=True)
class Table:
    """``columns`` names the head column first; each row has a cell for every other one."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def known(value: float | None) -> float | None:
    """The number, or ``None`` if it is not finite."""
    return value if value is not None and math.isfinite(value) else None


def money(usd: float | None) -> str:
    """US dollars with three digits, so that sizes can be told apart: ``$0.706``, ``$1,234.50``."""
    if known(usd) is None or usd is None:
        return UNKNOWN
    size = abs(usd)
    if size >= 10.0 or size < 1e-9:
        return format_usd(usd)
    decimals = 2 - math.floor(math.log10(size))
    return f"{'-' if usd < 0 else ''}${size:.{decimals}f}"


def between(interval: Interval | None) -> str:
    """A 90 % interval of costs, ``$2.40 to $2.51``, or nothing if it is unknown or has no width."""
    low, high = (None, None) if interval is None else (known(interval.low), known(interval.high))
    return "" if low is None or high is None or low >= high else f"{money(low)} to {money(high)}"


def interval_ms(bounds: tuple[float, float] | None) -> str:
    """``12.3 to 13.1 ms``, or nothing if the interval is unknown or has no width."""
    low, high = (None, None) if bounds is None else (known(bounds[0]), known(bounds[1]))
    if low is None or high is None or low >= high:  # without width: too few calls for an interval
        return ""
    first, last = format_ms(low), format_ms(high)
    if first.split()[-1] == last.split()[-1]:
        first = first.split()[0]
    return f"{first} to {last}"


def statistic(stats: Stats | None, name: str) -> str:
    """One statistic in ms, such as ``p95``."""
    return UNKNOWN if stats is None else format_ms(getattr(stats, name))


def median_cell(stats: Stats | None) -> Cell:
    """The median in ms, with its interval."""
    return Cell(statistic(stats, "p50"), interval_ms(None if stats is None else stats.p50_ci))


def cost_cell(cost: Interval | None) -> Cell:
    """USD per million, with its interval."""
    return Cell(money(None if cost is None else cost.mean), between(cost))


def size_named(memory_mb: int, sweep: Sweep, compared: bool | None = None) -> str:
    """``512 MB``, with its architecture where it is not the function's own or several are
    ``compared``."""
    several = bool(sweep.beside) if compared is None else compared
    text = format_memory(memory_mb)
    other = sweep.arch not in ("", sweep.run.facts.arch)
    return f"{text} on {sweep.arch}" if several or other else text


def share(count: float, of: float) -> str:
    """A part of a whole in per cent; a dash where there is no whole."""
    return format_share(count / of) if of else UNKNOWN


def counted(count: int, word: str) -> str:
    """``1 run``, ``1,200 runs``."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def format_chance(chance: float | None) -> str:
    """A probability from draws, which is only as fine as their number: 100 % is never certain."""
    if chance is not None and chance > 0.99:
        return "above 99 %"
    return "below 1 %" if chance is not None and chance < 0.01 else format_share(chance)
