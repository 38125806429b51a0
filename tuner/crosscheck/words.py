"""Where CloudWatch and the client disagree, as advice: rows in, words out.

More than was sent is judged at once, fewer only when the figures are whole. A figure that another
one explains is not told twice.
"""

from collections.abc import Callable, Iterator, Sequence

from tuner.crosscheck.record import Row
from tuner.records import Advice
from tuner.units import format_memory, format_ms

#: Both sides count the same milliseconds; REPORT rounds to hundredths.
_DURATION_SHARE, _DURATION_MS = 0.02, 1.0
#: A sandbox is busy a little longer than its caller waits, so neighbours overlap.
_AT_ONCE_SHARE, _AT_ONCE = 1.25, 2
#: So many versions are named; the others are counted.
_NAMED = 3
#: How one row disagrees, in words; nothing if it agrees.
Gap = Callable[[Row], str | None]


def disagreements(function: str, rows: Sequence[Row], *, settled: bool) -> Iterator[Advice]:
    """Every disagreement; ``settled`` says that CloudWatch's figures are whole."""
    if settled and not any(_known(row) for row in rows):
        text = (
            f"CloudWatch has no figures of {function} for this run, so nothing could be compared; "
            "check that region and account are those of the function."
        )
        yield Advice("metrics-absent", text)
        return
    several = len({row.arch for row in rows}) > 1
    for code, gap, meaning in _GAPS:
        found = [(row, words) for row in rows if (words := gap(row)) is not None]
        if found:
            yield Advice(code, f"{_listed(function, found, several)}: {meaning}.")
    if not settled:
        return
    for code, gap, meaning in _SETTLED_GAPS:
        found = [(row, words) for row in rows if (words := gap(row)) is not None]
        if found:
            yield Advice(code, f"{_listed(function, found, several)}: {meaning}.")


def _listed(function: str, found: Sequence[tuple[Row, str]], several: bool) -> str:
    named = [f"{_name(function, row, several)} {words}" for row, words in found[:_NAMED]]
    more = len(found) - _NAMED
    rest = f", and so at {more:,} more" if more > 0 else ""
    return f"CloudWatch counted of {'; of '.join(named)}{rest}"


def _name(function: str, row: Row, several: bool) -> str:
    """``several``: of architectures, each of which has its own versions."""
    what = function if row.qualifier is None else f"{function}:{row.qualifier}"
    arch = f", {row.arch}" if several else ""
    return f"{what} ({format_memory(row.memory_mb)}{arch})"


def _known(row: Row) -> bool:
    return bool(row.seen.invocations or row.seen.throttles or row.seen.errors)


def _more(row: Row) -> str | None:
    if row.within.invocations <= row.ran + row.unsure:
        return None
    return f"{row.within.invocations:,} invocations where {row.ran:,} ran"


def _fewer(row: Row) -> str | None:
    if row.seen.invocations >= row.ran:
        return None
    return f"{row.seen.invocations:,} invocations where {row.ran:,} answered"


def _more_errors(row: Row) -> str | None:
    if row.errors is None or _more(row) or row.within.errors <= row.errors + row.unsure:
        return None
    return f"{row.within.errors:,} errors where {row.errors:,} were answered"


def _fewer_errors(row: Row) -> str | None:
    if row.errors is None or _fewer(row) or row.seen.errors >= row.errors:
        return None
    return f"{row.seen.errors:,} errors where {row.errors:,} were answered"


def _more_throttles(row: Row) -> str | None:
    if row.throttles is None or row.within.throttles <= row.throttles + row.unsure_throttles:
        return None
    return f"{row.within.throttles:,} throttles where {row.throttles:,} were answered"


def _fewer_throttles(row: Row) -> str | None:
    if row.throttles is None or row.seen.throttles >= row.throttles:
        return None
    return f"{row.seen.throttles:,} throttles where {row.throttles:,} were answered"


def _durations(row: Row) -> str | None:
    theirs, ours = row.seen.mean_ms, row.mean_ms
    if theirs is None or ours is None or row.seen.invocations != row.ran:
        return None
    if abs(theirs - ours) <= max(_DURATION_MS, _DURATION_SHARE * ours):
        return None
    return f"a mean duration of {format_ms(theirs)} where REPORT says {format_ms(ours)}"


def _concurrency(row: Row) -> str | None:
    theirs, ours = row.within.concurrency, row.at_once
    if theirs is None or ours is None or _more(row):
        return None
    if theirs <= max(ours + _AT_ONCE, _AT_ONCE_SHARE * ours):
        return None
    return f"{theirs:,.0f} at once where {ours:,} were in flight"


_GAPS: tuple[tuple[str, Gap, str], ...] = (
    (
        "metrics-more",
        _more,
        "something else invokes it meanwhile, so throttles, concurrency and durations may be its "
        "doing; find it, or measure at another time or apart (--isolation clone)",
    ),
    (
        "metrics-errors",
        _more_errors,
        "calls failed that looked well from here; look into the function's log",
    ),
    (
        "metrics-throttles",
        _more_throttles,
        "something else was throttled as well; see who shares the function's concurrency",
    ),
    (
        "metrics-durations",
        _durations,
        "not all of these durations can be right; look into the function's log",
    ),
    (
        "metrics-concurrency",
        _concurrency,
        "sandboxes were busy for longer than calls took, or with others' calls; see what "
        "extensions and background work do after an answer",
    ),
)
_SETTLED_GAPS: tuple[tuple[str, Gap, str], ...] = (
    (
        "metrics-fewer",
        _fewer,
        "something else than this function answered the rest, or CloudWatch is late; check what "
        "stands between here and Lambda, and look into CloudWatch again later",
    ),
    (
        "metrics-errors",
        _fewer_errors,
        "something between here and Lambda failed, rather than the function; look at the path",
    ),
    (
        "metrics-throttles",
        _fewer_throttles,
        "something else than this function's concurrency throttled the rest; look at their reasons",
    ),
)
