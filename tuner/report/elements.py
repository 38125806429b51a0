"""The elements of pages and of the terminal, and figures as text.

A :class:`View` is all that is said about a run: an answer, warnings, and sections of charts, tables
and facts. Every view is placed by the same template and the same terminal.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.decide.result import Interval
from tuner.model.quantiles import Stats
from tuner.units import (
    UNKNOWN,
    format_change,
    format_cost,
    format_ms,
    format_ms_to,
    format_share,
    format_usd_per_million,
    is_same,
)


@dataclass(frozen=True)
class Fact:
    """One figure with its name and a remark; ``estimated`` as of cells."""

    label: str
    value: str
    note: str = ""
    estimated: bool = False


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
class Link:
    """A link; ``href`` is None if there is nothing to link to, and then ``hint`` says more."""

    label: str
    href: str | None
    hint: str = ""


@dataclass(frozen=True)
class Cell:
    """A value and, in smaller type, its interval and a remark. With ``tone`` it is a mark.

    ``estimated`` values are the curve's, not measured, and look different wherever they are.
    """

    value: str
    detail: str = ""
    remark: str = ""
    tone: str = ""
    links: tuple[Link, ...] = ()
    estimated: bool = False


@dataclass(frozen=True)
class Row:
    """One line: ``marks`` are short labels, ``reason`` explains a size that failed, ``anchor`` is
    the id that links lead to."""

    head: str
    cells: tuple[Cell, ...]
    marks: tuple[str, ...] = ()
    status: str = "ok"
    reason: str = ""
    anchor: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """All marks, with the status where it is not as it should be."""
        return (*self.marks, self.status) if self.status in ("failed", "partial") else self.marks

    @property
    def trouble(self) -> str:
        """The reason for a failure or too little data as a line of its own, or nothing."""
        status = "" if self.status == "ok" else f" {self.status}"
        return f"{self.head}{status}: {self.reason}" if self.reason else ""


@dataclass(frozen=True)
class Table:
    """``columns`` names the head column first; each row has a cell for every other one.

    ``narrow`` are the columns of a terminal that is too narrow for all (empty: all), ``prose``
    those of sentences. ``folded`` is the summary of a table that a page shows when asked to, and
    a terminal never. ``key`` explains marks, below the table of a terminal, which shows what
    stands in small type on a page if ``details``.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    narrow: tuple[str, ...] = ()
    prose: tuple[str, ...] = ()
    note: str = ""
    folded: str = ""
    key: str = ""
    details: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart: ``draw`` gives its Vega-Lite, ``alone`` that of a picture without others beside it
    where that differs, ``text`` is for those who do not see it."""

    name: str
    caption: str
    text: str
    draw: Callable[[], dict[str, Any]]
    tall: bool = False
    alone: Callable[[], dict[str, Any]] | None = None


@dataclass(frozen=True)
class Log:
    """Lines of a function's log, as they are."""

    caption: str
    text: str


@dataclass(frozen=True)
class Section:
    """One subject of a page. ``lead`` is for the terminal, too, and so are tables and facts;
    of ``facts`` only those in ``brief``, unless it is None. ``folded`` is the summary under which
    a page keeps the tables and facts until it is asked for them; figures of a ``column`` share
    their horizontal axis."""

    title: str
    lead: str = ""
    words: tuple[str, ...] = ()
    note: str = ""
    key: tuple[tuple[str, str], ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = ()
    facts: tuple[Fact, ...] = ()
    warnings: tuple[str, ...] = ()
    brief: tuple[str, ...] | None = None
    log: Log | None = None
    folded: str = ""
    column: bool = False
    banners: bool = False

    @property
    def long(self) -> bool:
        """True if it may be split between two printed sheets."""
        return sum(len(table.rows) for table in self.tables) + len(self.facts) > _SHEET


@dataclass(frozen=True)
class Stat:
    """A figure of the verdict: ``value`` there, ``now`` where it is known, and the change."""

    key: str
    label: str
    value: str
    now: str = ""
    change: str = ""
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer in figures that a page lets its reader change.

    ``buttons`` are a name, a size and USD a month each; ``data`` is what the page reckons with.
    """

    current: str
    size: str
    stats: tuple[Stat, ...]
    trust: str
    trust_why: str
    buttons: tuple[tuple[str, str, float], ...]
    pressed: str
    recommended: str
    command: str
    hint: str
    traffic: str
    assumed: bool  # nobody gave the traffic
    cold_share: float
    cold_known: bool
    data: dict[str, Any]


@dataclass(frozen=True)
class View:
    """Everything that is said about one run or history, for a page and for the terminal.

    ``state`` is a remark if the run did not end as planned, ``question`` what the answer answers.
    """

    name: str
    subtitle: str
    title: str
    question: str
    answer: Answer
    sections: tuple[Section, ...]
    state: str = ""
    warnings: tuple[str, ...] = ()
    link: Link | None = None
    verdict: Verdict | None = None

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Every chart, in the order of the page."""
        return tuple(figure for section in self.sections for figure in section.figures)


#: Measures that are shares of all requests.
SHARES = ("throttles", "errors")
#: Rows that fit on a printed sheet, so that a section of no more stays in one piece.
_SHEET = 8
#: How words that mark a row are toned; others are not.
_TONES = {
    **dict.fromkeys(("recommended", "improved"), "recommended"),
    **dict.fromkeys(("failed", "regressed", "refused"), "failed"),
    **dict.fromkeys(("partial", "inconclusive"), "partial"),
}


def estimate(ms: float | None) -> Cell:
    """A duration of the fitted curve: ``~63 ms``."""
    if ms is None or not math.isfinite(ms):
        return Cell(UNKNOWN)
    return Cell(f"~{format_ms(ms)}", estimated=True)


def verdict_word(verdict: str) -> str:
    """A verdict or state of a document as people read it."""
    return {"same": "unchanged", "cannot tell": "inconclusive"}.get(verdict, str(verdict))


def tone(mark: str) -> str:
    """The tone of a mark: recommended, failed, partial or none."""
    return _TONES.get(mark, "")


def known(value: float | None) -> float | None:
    """The number, or ``None`` if it is not finite."""
    return value if value is not None and math.isfinite(value) else None


def between(interval: Interval | None) -> str:
    """A 90 % interval of costs, ``$2.40 to $2.51``, or nothing if it is unknown or has no width."""
    ends = interval and _ends((interval.low, interval.high))
    return f"{format_cost(ends[0])} to {format_cost(ends[1])}" if ends else ""


def interval_ms(bounds: Sequence[float] | None) -> str:
    """``12.3 to 13.1 ms``, or nothing if the interval is unknown or has no width."""
    if (ends := _ends(bounds)) is None:
        return ""
    first, last = map(format_ms, ends)
    return f"{first.removesuffix(last[last.index(' ') :])} to {last}"


def _ends(bounds: Sequence[float | None] | None) -> tuple[float, float] | None:
    """Both ends of an interval; one without width comes from too few calls."""
    low, high = map(known, bounds or (None, None))
    return None if low is None or high is None or low >= high else (low, high)


def statistic(stats: Stats | None, name: str) -> str:
    """One statistic in ms, such as ``p95``."""
    return UNKNOWN if stats is None else format_ms(getattr(stats, name))


def statistic_cell(stats: Stats | None, name: str = "p50") -> Cell:
    """``p50`` or ``p95`` in ms, with its interval."""
    bounds = None if stats is None else getattr(stats, f"{name}_ci")
    return Cell(statistic(stats, name), interval_ms(bounds))


def cost_cell(cost: Interval | None) -> Cell:
    """USD per million, with its interval."""
    return Cell(format_cost(None if cost is None else cost.mean), between(cost))


def state_text(state: str, note: str | None) -> str:
    """A remark on a run that did not end as planned, or nothing."""
    words = {"partial": "Partial data", "running": "Unfinished", "done": ""}
    word = words.get(state, state.capitalize())
    return f"{word}: {note}" if word and note else word


def share(count: float, of: float) -> str:
    """A part of a whole in per cent; a dash where there is no whole."""
    return format_share(count / of) if of else UNKNOWN


def measured(measure: str, value: float | None, digits: int = 3) -> str:
    """A value of a gate's measure, such as ``p95`` or ``cost_per_million``, with its unit."""
    if value is None:
        return UNKNOWN
    if measure == "cost_per_million":
        return format_usd_per_million(value, digits)
    if measure in SHARES:
        return format_share(value, digits - 1)
    return format_ms_to(value, digits)


#: Values that differ by less are shown alike; more digits than this are never shown.
_ALIKE, _MOST_DIGITS = 0.0005, 6


def gate_values(
    measure: str, before: float | None, after: float | None, limit: float | None = None
) -> tuple[str, str]:
    """The values of a gate before and after, with as many digits as it takes to see which is the
    larger, or on which side of its limit the later one is."""
    if limit is not None:
        return "", _beside(measure, after, limit, 0.0)
    return _beside(measure, before, after, _ALIKE), _beside(measure, after, before, _ALIKE)


def _beside(measure: str, value: float | None, other: float | None, alike: float) -> str:
    if value is None or other is None or abs(value - other) <= alike * abs(other):
        return measured(measure, value)
    for digits in range(3, _MOST_DIGITS):
        if measured(measure, value, digits) != measured(measure, other, digits):
            return measured(measure, value, digits)
    return measured(measure, value, _MOST_DIGITS)


def changed(ratio: float) -> str:
    """``-31 %`` where there is 0.69 of what there was; nothing for less than half a per cent."""
    near = not math.isfinite(ratio) or is_same(ratio - 1.0)
    return "" if near else format_change(ratio)


def call_count(calls: float) -> str:
    """Calls of a month: ``52.6 million``, ``730,000``, or unknown."""
    if known(calls) is None:
        return "unknown"
    return f"{calls / 1e6:,.1f} million" if calls >= 1e6 else f"{calls:,.0f}"


def format_chance(chance: float | None) -> str:
    """A probability from draws, which is only as fine as their number: 100 % is never certain."""
    if chance is not None and chance > 0.99:
        return "above 99 %"
    return "below 1 %" if chance is not None and chance < 0.01 else format_share(chance)
