"""A run while it works, as a terminal shows it: sizes that fill, or the last seconds of a load, and
what is spent and left.

Taking a sample only notes it. Figures are computed when somebody looks, from a thread of its own,
and of a copy: a sample waits at most while what is known is copied, which takes no milliseconds.
"""

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from rich.console import Console, Group, RenderableType
from rich.text import Text

from tuner.measure.failures import causes_of, shortened
from tuner.planning.ask import Ask
from tuner.planning.budget import Meter
from tuner.records import Outcome, Purpose, Sample, Setting
from tuner.report.elements import Cell, Row, Table
from tuner.report.terminal import grid
from tuner.report.text_curve import LINES, text_curve
from tuner.units import (
    counted,
    format_cost,
    format_memory,
    format_ms,
    format_rate,
    format_seconds,
    format_usd,
)

#: Figures of a load are those of its last seconds, and of at most so many requests.
_WINDOW_S, _MOST = 5.0, 20_000
#: Lines beside the rows of sizes: the step, the head of the table, what is spent, failures.
_OTHER_LINES = 10

#: Parts of a setting that are named where they differ.
_TOLD = ("arch", "start", "code")
_COST = "Cost/million"

Price = Callable[[Sample], float | None]


@dataclass
class _Size:
    """The calls of one size that were made alone."""

    calls: int = 0
    failed: int = 0
    priced: int = 0
    cost_usd: float = 0.0
    durations_ms: list[float] = field(default_factory=list)

    @property
    def cost_per_million(self) -> float | None:
        """USD of a million calls like those that are priced."""
        return self.cost_usd / self.priced * 1e6 if self.priced else None

    def quantile_ms(self, quantile: float) -> float | None:
        """A quantile of the warm durations."""
        return float(np.quantile(self.durations_ms, quantile)) if self.durations_ms else None


@dataclass
class _Curve:
    """Values over memory, by what else sizes differ in."""

    title: str
    shown: Callable[[float], str]
    points: dict[str, list[tuple[int, float]]] = field(default_factory=dict)

    def add(self, name: str, memory_mb: int, value: float | None) -> None:
        """Add what is known and can be drawn."""
        if value is not None and value > 0.0:
            self.points.setdefault(name, []).append((memory_mb, value))


@dataclass(frozen=True)
class _Request:
    """A request of a load, as far as the last seconds are about it."""

    sent_s: float
    done_s: float
    latency_ms: float
    ok: bool


@dataclass
class _State:
    """Everything that is known; what a look shows is made of a copy."""

    ask: Ask | None = None
    meter: Meter | None = None
    price: Price = lambda _sample: None
    calls: int = 0  # of this ask that have ended
    sizes: dict[Setting, _Size] = field(default_factory=dict)
    recent: "deque[_Request]" = field(default_factory=deque)
    began_s: float = math.inf  # of the load, on the run's clock
    whole_s: float = -math.inf  # all requests that ended after this moment are among the recent
    failures: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def copied(self) -> "_State":
        """The same, which nobody changes."""
        sizes = {key: replace(s, durations_ms=[*s.durations_ms]) for key, s in self.sizes.items()}
        counts, first = Counter(self.failures), dict(self.first)
        recent = deque(self.recent)
        return replace(self, sizes=sizes, recent=recent, failures=counts, first=first)

    def note(self, request: _Request) -> None:
        """Keep a request of a load, instead of the oldest one where there are many."""
        self.recent.append(request)
        if len(self.recent) > _MOST:
            self.whole_s = max(self.whole_s, self.recent.popleft().done_s)


class Running:
    """What is known of a run so far. Samples come from one thread, another looks."""

    def __init__(self) -> None:
        self._step, self._counts = "", False
        self._state, self._lock = _State(), threading.Lock()

    def say(self, text: str) -> None:
        """Hear what is being done. Takes no lock: a signal may come in the middle of anything."""
        self._step, self._counts = text, False

    def begins(self, ask: Ask, meter: Meter, price: Price) -> None:
        """Hear of the next calls, of what adds up their use, and of what one costs."""
        with self._lock:
            was, now = self._state, _State(ask, meter, price)
            if meter is was.meter:  # the same run goes on
                now.sizes, now.failures, now.first = was.sizes, was.failures, was.first
            self._state = now
        self._counts = ask.load is None

    def take(self, sample: Sample) -> None:
        """Note a request that has ended."""
        with self._lock:
            state = self._state
            state.calls += sample.attempt == 1
            if sample.outcome is not Outcome.OK:
                _note_failure(state, sample)
            if sample.purpose is Purpose.LOAD:
                state.began_s = min(state.began_s, sample.due_s)
                ok = sample.outcome is Outcome.OK
                state.note(_Request(sample.sent_s, sample.done_s, sample.latency_ms, ok))
            elif sample.purpose is not Purpose.WARM_UP:
                _note_alone(state, sample)

    def shown(self, console: Console) -> RenderableType:
        """Everything that is known now, for this console."""
        with self._lock:
            state = self._state.copied()
        planned = 0 if state.ask is None else state.ask.invocations
        count = f" ({state.calls} of {planned} calls)" if self._counts and planned else ""
        parts: list[RenderableType] = [_line(Text(f"{self._step}{count}", "bold"))]
        if state.sizes:
            table = _table(state, console.height - _OTHER_LINES)
            parts.append(grid(table, console))
            if len(table.rows) + _OTHER_LINES + LINES <= console.height:
                parts.extend(_line(Text(line, "cyan")) for line in _curve(state, console))
        more = (*_of_load(state), *_spent(state), *_failed(state))
        return Group(*parts, *map(_line, more))


def _note_failure(state: _State, sample: Sample) -> None:
    kind = "throttled" if sample.outcome is Outcome.THROTTLED else "failed"
    state.failures[kind] += 1
    if kind not in state.first:
        causes = causes_of([sample], 1)
        state.first[kind] = causes[0].words if causes else sample.reason or ""


def _note_alone(state: _State, sample: Sample) -> None:
    size = state.sizes.setdefault(sample.setting.alone, _Size())
    size.calls += 1
    if sample.outcome is not Outcome.OK:
        size.failed += 1
    elif sample.duration_ms is not None and not sample.cold:
        size.durations_ms.append(sample.duration_ms)
        if (cost := state.price(sample)) is not None:
            size.priced += 1
            size.cost_usd += cost


def _table(state: _State, most: int) -> Table:
    """A row for each size, of many those that are called now and the first others."""
    asked = set() if state.ask is None else {each.alone for each in state.ask.counts}
    shown, told = sorted(state.sizes), _told(state)
    if len(shown) > max(most, 1):
        shown = sorted(sorted(shown, key=lambda each: each not in asked)[: max(most, 1)])
    rows = []
    for each in shown:
        words = (format_memory(each.memory_mb), *(getattr(each, name) for name in told))
        rows.append(_size_row(" ".join(filter(None, words)), state.sizes[each], each in asked))
    return Table("Sizes so far", ("Memory", "Calls", "p50", "p95", _COST), tuple(rows))


def _told(state: _State) -> list[str]:
    """Parts of settings in which these sizes differ."""
    return [name for name in _TOLD if len({getattr(each, name) for each in state.sizes}) > 1]


def _curve(state: _State, console: Console) -> list[str]:
    """Cost over memory so far, or the median duration where nothing is priced."""
    costs, medians = _Curve(_COST, format_cost), _Curve("p50", format_ms)
    for setting in sorted(state.sizes):
        size = state.sizes[setting]
        name = " ".join(filter(None, (getattr(setting, part) for part in _told(state))))
        costs.add(name, setting.memory_mb, size.cost_per_million)
        medians.add(name, setting.memory_mb, size.quantile_ms(0.5))
    best = costs if costs.points else medians
    ascii_only = console.options.ascii_only
    return text_curve(best.title, best.points, best.shown, console.width, ascii_only)


def _of_load(state: _State) -> Iterator[Text]:
    """The last seconds of a load, while one is sent."""
    ask, recent = state.ask, state.recent
    if ask is None or ask.load is None or not recent:
        return
    now_s = max(each.done_s for each in recent)
    gone_s = now_s - state.began_s
    span_s = min(_WINDOW_S, max(gone_s, 0.5), now_s - state.whole_s)
    if span_s <= 0.0:
        return
    window = [each for each in recent if each.done_s > now_s - span_s]
    ok = [each.latency_ms for each in window if each.ok]
    due = _due_per_s(ask, gone_s, span_s)
    asked = "" if due is None else f" of {format_rate(due)} due"
    inside = sum(each.done_s - max(each.sent_s, now_s - span_s) for each in window) / span_s
    p50, p99 = np.quantile(ok, (0.5, 0.99)) if ok else (None, None)
    told = (
        f"{format_rate(len(ok) / span_s)} succeeded{asked}",
        f"p50 {format_ms(p50)}, p99 {format_ms(p99)}",
        f"{inside:.1f} in flight",
    )
    yield Text(f"Last {max(1, round(span_s))} s: {'; '.join(told)}")
    whole_s = ask.load.profile.duration_s
    left_s = max(0.0, whole_s - gone_s)
    left = f"; {format_seconds(round(left_s))} left" if round(left_s) else ""
    yield Text(
        f"Load: {format_seconds(round(whole_s - left_s))} of {format_seconds(whole_s)}{left}"
    )


def _spent(state: _State) -> Iterator[Text]:
    """Calls, money and time so far, and what the limits leave."""
    if state.meter is None:
        return
    spent, limit = state.meter.spent(), state.meter.limit
    left = []
    if limit.cost_usd is not None:
        left.append(format_usd(max(0.0, limit.cost_usd - spent.cost_usd)))
    if limit.seconds is not None:
        left.append(format_seconds(round(max(0.0, limit.seconds - spent.seconds))))
    if limit.invocations is not None:
        left.append(counted(max(0, limit.invocations - spent.invocations), "call"))
    used = (
        counted(spent.invocations, "request"),
        format_usd(spent.cost_usd),
        format_seconds(round(spent.seconds)),
    )
    end = f"; left: {', '.join(left)}" if left else ""
    yield Text(f"Spent: {', '.join(used)}{end}")


def _failed(state: _State) -> Iterator[Text]:
    """Throttled and failed requests, with the first cause of each."""
    for kind, word, hue in (
        ("throttled", "throttled (429)", "yellow"),
        ("failed", "failed", "red"),
    ):
        if count := state.failures[kind]:
            cause = f"; first: {shortened(state.first[kind])}" if state.first[kind] else ""
            yield Text(f"{count:,} {word}{cause}", hue)


def _size_row(name: str, size: _Size, called: bool) -> Row:
    times = (format_ms(size.quantile_ms(quantile)) for quantile in (0.5, 0.95))
    cells = (f"{size.calls:,}", *times, format_cost(size.cost_per_million))
    failed = f"{size.failed:,} failed" if size.failed else ""
    marks = tuple(filter(None, ("calling" if called else "", failed)))
    return Row(name, tuple(map(Cell, cells)), marks)


def _due_per_s(ask: Ask, gone_s: float, span_s: float) -> float | None:
    """Calls that were due a second in the last seconds; ``None`` of users who set the rate."""
    assert ask.load is not None
    profile = ask.load.profile
    until, since = profile.due_before(gone_s), profile.due_before(max(0.0, gone_s - span_s))
    return None if until is None or since is None else (until - since) / span_s


def _line(text: Text) -> Text:
    """One line, cut where the terminal ends."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
