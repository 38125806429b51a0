"""The index of a folder of reports: each function with its latest answer and how its figures moved,
then every run, then the other pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tuner.report.elements import Answer, Cell, Link, Row, Section, Table, View
from tuner.units import UNKNOWN, counted, format_cost, format_ms

#: Runs whose figures are drawn, and runs that are listed at once.
_DRAWN, _FIRST = 24, 25
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Entry:
    """A stored run. ``usd`` is what its recommendation costs per million calls, ``p95_ms`` what
    callers of a load waited; ``href`` is its page, if there is one."""

    run: str
    started_at: float  # seconds since 1970
    command: str
    target: str
    answer: str
    state: str
    usd: float | None = None
    p95_ms: float | None = None
    href: str | None = None


def index_view(entries: Sequence[Entry], others: Sequence[str], where: str) -> View:
    """Word it. ``entries`` are the newest first; ``others`` are names of further pages."""
    targets = dict.fromkeys(each.target for each in entries)
    headline = counted(len(entries), "run") if entries else "No run yet"
    rest = f"of {counted(len(targets), 'function')}" if entries else "tuner sweep TARGET makes one"
    return View(
        name="Reports",
        subtitle=where,
        title="Reports of tuner",
        question="What is here",
        answer=Answer(headline, rest, "good"),
        sections=tuple(_sections(entries, list(targets), others)),
    )


def _sections(
    entries: Sequence[Entry], targets: Sequence[str], others: Sequence[str]
) -> Iterator[Section]:
    if targets:
        yield Section("By function", note=_NOTE, tables=(_by_target(entries, targets),))
    if entries:
        rows = tuple(map(_run, entries))
        columns = ("Run", "Started (UTC)", "Command", "Function", "Answer")
        first = Table("Runs", columns, rows[:_FIRST], prose=("Function", "Answer"))
        more = rows[_FIRST:]
        folded = f"{len(more):,} older"
        rest = Table("Older runs", columns, more, prose=first.prose, folded=folded)
        yield Section("Runs", tables=(first, *((rest,) if more else ())))
    if others:
        rows = tuple(Row(name, (Cell("", links=(Link("open", name),)),)) for name in others)
        yield Section("Other pages", tables=(Table("Other pages", ("Page", ""), rows),))


_NOTE = (
    "Each bar is a run, the oldest first, between the least and the most: cost of the recommended "
    "size for sweeps, p95 for loads."
)


def _by_target(entries: Sequence[Entry], targets: Sequence[str]) -> Table:
    columns = ("Function", "Latest answer", "Over time", "Latest", "Runs")
    rows = tuple(_target([e for e in entries if e.target == target]) for target in targets)
    return Table("By function", columns, rows, prose=("Latest answer",))


def _target(runs: Sequence[Entry]) -> Row:
    newest = runs[0]
    costs = [each.usd for each in reversed(runs) if each.usd is not None]
    waits = [each.p95_ms for each in reversed(runs) if each.p95_ms is not None]
    bars = costs or waits
    latest = format_cost(costs[-1]) if costs else format_ms(waits[-1]) if waits else UNKNOWN
    what = "per million calls" if costs else "p95" if waits else ""
    cells = (
        Cell("", links=(_link(newest, newest.answer),)),
        Cell(sparkline(bars[-_DRAWN:]), "" if len(bars) < 2 else _span(bars[-_DRAWN:], costs)),
        Cell(latest, what),
        Cell(f"{len(runs):,}"),
    )
    return Row(newest.target, cells)


def _span(bars: Sequence[float], costs: Sequence[float]) -> str:
    write = format_cost if costs else format_ms
    return f"{write(min(bars))} to {write(max(bars))}"


def _run(each: Entry) -> Row:
    started = datetime.fromtimestamp(each.started_at, UTC).strftime("%Y-%m-%d %H:%M")
    state = "" if each.state == "done" else each.state
    link = _link(each, each.answer)
    return Row(
        each.run,
        (Cell(started), Cell(each.command), Cell(each.target), Cell("", state, links=(link,))),
    )


def _link(each: Entry, label: str) -> Link:
    hint = f"tuner report {each.run} writes its page"
    return Link(label or UNKNOWN, each.href, hint)


def sparkline(values: Sequence[float]) -> str:
    """Values as bars of text, from the least to the most; equal ones are in the middle."""
    if not values:
        return ""
    low, high = min(values), max(values)
    if high <= low:
        return _BARS[3] * len(values)
    scale = (len(_BARS) - 1) / (high - low)
    return "".join(_BARS[round((value - low) * scale)] for value in values)
