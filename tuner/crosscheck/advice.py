"""Disagreements of CloudWatch or X-Ray with the client: rows and traces in, advice out.

More than was sent is judged at once, fewer only when the figures are whole. A figure that another
one explains is not told twice. Traces are a few of the requests, so nothing is counted from them;
each is compared with the answer to the same request.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from statistics import median
from typing import Any

from tuner.measure.event_fates import Followed
from tuner.records import Advice, Sample, Traced
from tuner.store.documents import CheckedVersion, TraceRow
from tuner.units import format_memory, format_ms

#: Both sides count the same milliseconds; REPORT rounds to hundredths.
_DURATION_SHARE, _DURATION_MS = 0.02, 1.0
#: A sandbox is busy a little longer than its caller waits, so neighbours overlap.
_AT_ONCE_SHARE, _AT_ONCE = 1.25, 2
#: So many versions are named; the others are counted.
_NAMED = 3
#: How one row disagrees, in words; nothing if it agrees.
Gap = Callable[[CheckedVersion], str | None]


def disagreements(
    function: str, rows: Sequence[CheckedVersion], *, settled: bool
) -> Iterator[Advice]:
    """Every disagreement; ``settled`` says that CloudWatch's figures are whole."""
    counts = (row.seen for row in rows)
    if settled and not any(c.invocations or c.throttles or c.errors for c in counts):
        text = (
            f"CloudWatch has no figures of {function} for this run, so nothing could be compared; "
            "check that region and account are those of the function."
        )
        yield Advice("metrics-absent", text)
        return
    several = len({row.arch for row in rows}) > 1
    for code, gap, meaning in (*_GAPS, *(_SETTLED_GAPS if settled else ())):
        found = [(row, words) for row in rows if (words := gap(row)) is not None]
        if found:
            yield Advice(code, f"{_listed(function, found, several)}: {meaning}.")


def _listed(function: str, found: Sequence[tuple[CheckedVersion, str]], several: bool) -> str:
    named = [f"{_name(function, row, several)} {words}" for row, words in found[:_NAMED]]
    more = len(found) - _NAMED
    rest = f", and likewise at {more:,} more" if more > 0 else ""
    return f"CloudWatch counted for {'; for '.join(named)}{rest}"


def _name(function: str, row: CheckedVersion, several: bool) -> str:
    """``several``: of architectures, each of which has its own versions."""
    what = function if row.qualifier is None else f"{function}:{row.qualifier}"
    arch = f", {row.arch}" if several else ""
    return f"{what} ({format_memory(row.memory_mb)}{arch})"


def _counted(
    what: str, *, more: bool, verb: str = "were answered", unless: Gap | None = None
) -> Gap:
    """CloudWatch counted more, or fewer, than there can have been; ``unless`` explains it."""

    def gap(row: CheckedVersion) -> str | None:
        ours, unsure = _sent(row, what)
        theirs = getattr(row.within if more else row.seen, what)
        if ours is None or (unless is not None and unless(row)):
            return None
        if theirs <= ours + unsure if more else theirs >= ours:
            return None
        return f"{theirs:,} {what} where {ours:,} {verb}"

    return gap


def _sent(row: CheckedVersion, what: str) -> tuple[int | None, int]:
    """Return how many there were for certain, if that is known, and how many more there may be."""
    return {
        "invocations": (row.ran, row.unsure),
        "errors": (row.errors, row.unsure),
        "throttles": (row.throttles, row.unsure_throttles),
    }[what]


_more = _counted("invocations", more=True, verb="ran")
_fewer = _counted("invocations", more=False, verb="answered")


def _durations(row: CheckedVersion) -> str | None:
    theirs, ours = row.seen.mean_ms, row.mean_ms
    if theirs is None or ours is None or row.seen.invocations != row.ran:
        return None
    if abs(theirs - ours) <= max(_DURATION_MS, _DURATION_SHARE * ours):
        return None
    return f"a mean duration of {format_ms(theirs)} where REPORT says {format_ms(ours)}"


def _concurrency(row: CheckedVersion) -> str | None:
    theirs, ours = row.within.concurrency, row.at_once
    if theirs is None or ours is None or _more(row):
        return None
    if theirs <= max(ours + _AT_ONCE, _AT_ONCE_SHARE * ours):
        return None
    return f"{theirs:,.0f} at once where {ours:,} were in flight"


#: Code, gap and what it means.
_GAPS: tuple[tuple[str, Gap, str], ...] = (
    (
        "metrics-more",
        _more,
        "something else invokes it too, so throttles, concurrency and durations may be its "
        "doing; find it, measure at another time, or measure a copy (--isolation clone)",
    ),
    (
        "metrics-errors",
        _counted("errors", more=True, unless=_more),
        "calls failed that looked successful here; check the function's log",
    ),
    (
        "metrics-throttles",
        _counted("throttles", more=True),
        "something else was throttled too; check what shares the function's concurrency",
    ),
    (
        "metrics-durations",
        _durations,
        "some of these durations must be wrong; check the function's log",
    ),
    (
        "metrics-concurrency",
        _concurrency,
        "sandboxes were busy longer than calls took, or with other calls; check what "
        "extensions and background work do after a response",
    ),
)
_SETTLED_GAPS: tuple[tuple[str, Gap, str], ...] = (
    (
        "metrics-fewer",
        _fewer,
        "something else answered the rest, or CloudWatch is late; check what "
        "is between this machine and Lambda, and check CloudWatch again later",
    ),
    (
        "metrics-errors",
        _counted("errors", more=False, unless=_fewer),
        "something between this machine and Lambda failed, not the function; check the path",
    ),
    (
        "metrics-throttles",
        _counted("throttles", more=False),
        "something other than this function's concurrency throttled the rest; check the reasons",
    ),
)


#: Two clocks and two roundings may differ by so much.
_SHARE, _MS = 0.10, 5.0
#: INIT that was over so long before the call is none that a caller waited for.
_AHEAD_MS = 1000.0
#: An event's wait, by the log's clock and by X-Ray's, may differ by so much.
_DWELL_MS = 1000.0
#: One odd trace says nothing of durations.
_ENOUGH = 5


@dataclass(frozen=True)
class Pair:
    """One request as it was traced, as it was answered, and of an event what the log told."""

    traced: Traced
    sample: Sample
    event: Followed | None = None

    @property
    def shown_cold(self) -> bool:
        """Return whether the trace shows INIT that belongs to this call."""
        known = self.traced.init_ms is not None or self.traced.restore_ms is not None
        return known and (self.traced.ahead_ms or 0.0) < _AHEAD_MS

    @property
    def initialized_early(self) -> bool:
        """Return whether this call was the first, but its INIT was over before it came."""
        return self.sample.cold and (self.traced.ahead_ms or 0.0) >= _AHEAD_MS


def pairs(
    traces: Sequence[Traced], samples: Mapping[str, Sample], events: Mapping[str, Followed]
) -> list[Pair]:
    """The traces whose requests were sent from here, with what is known of those."""
    return [
        Pair(each, samples[each.request_id], events.get(each.request_id))
        for each in traces
        if each.request_id in samples
    ]


def trace_row(read: int, found: Sequence[Pair]) -> TraceRow:
    """Summarize the traces."""
    added = [ms for pair in found if (ms := _added_ms(pair)) is not None]
    dwell = [p.traced.dwell_ms for p in found if p.traced.dwell_ms is not None]
    return TraceRow(
        read=read,
        matched=len(found),
        with_init=sum(pair.shown_cold for pair in found),
        service_ms=median(added) if added else None,
        dwell_ms=median(dwell) if dwell else None,
    )


def trace_disagreements(
    read: int, found: Sequence[Pair], *, settled: bool, expected: bool
) -> Iterator[Advice]:
    """Every disagreement; ``expected`` says that some request must have been traced."""
    if not read and settled and expected:
        yield Advice("traces-absent", _ABSENT)
    answered = [pair for pair in found if pair.event is None]
    told = [p for p in answered if p.sample.duration_ms is not None and p.traced.ran_ms is not None]
    differ = [(_init_of(p.traced), _init_of(p.sample)) for p in told if _init_differs(p)]
    yield from _say("traces-init", _INIT, differ, told)
    yield from _say("traces-init-ahead", _INIT_AHEAD, [p for p in told if p.initialized_early])
    yield from _traced_durations(answered)
    again = [pair for pair in answered if (pair.traced.attempts or 1) > 1]
    yield from _say("traces-attempts", _SENT_AGAIN, again)
    yield from _events([(p.traced, p.event) for p in found if p.event is not None], settled)


def _events(found: Sequence[tuple[Traced, Followed]], settled: bool) -> Iterator[Advice]:
    tries = [(trace.attempts, event.tries) for trace, event in found if trace.attempts is not None]
    differ = [(theirs, ours) for theirs, ours in tries if theirs != ours]
    yield from _say("traces-attempts", _TRIES, differ if settled else (), tries)
    waits = [
        (trace.dwell_ms, event.dwell_ms)
        for trace, event in found
        if trace.dwell_ms is not None and event.dwell_ms is not None
    ]
    far = [(format_ms(t), format_ms(o)) for t, o in waits if _far(o, t, _DWELL_MS)]
    yield from _say("traces-dwell", _DWELL, far, waits)


def _traced_durations(found: Sequence[Pair]) -> Iterator[Advice]:
    both = [
        (pair.traced.ran_ms, pair.sample.duration_ms)
        for pair in found
        if pair.traced.ran_ms is not None and pair.sample.duration_ms is not None
    ]
    if len(both) < _ENOUGH:
        return
    theirs, ours = (median(times) for times in zip(*both, strict=True))
    if _far(ours, theirs):
        yield from _say("traces-durations", _DURATIONS, [(format_ms(theirs), format_ms(ours))])


def _say(code: str, text: str, found: Sequence[Any], of: Sized = ()) -> Iterator[Advice]:
    """Say how many were found, of how many, and the ``first`` as X-Ray and we see it."""
    if found:
        yield Advice(code, text.format(n=len(found), of=len(of), first=found[0]))


_ABSENT = (
    "X-Ray has no trace of this run although the function's tracing is active; allow its "
    "role xray:PutTraceSegments and xray:PutTelemetryRecords, or switch tracing off."
)
_INIT = (
    "X-Ray and REPORT disagree on INIT in {n:,} of {of:,} traced calls ({first[0]} and "
    "{first[1]}); rely less on cold starts, and check these traces."
)
_INIT_AHEAD = (
    "INIT of {n:,} traced cold starts was over before the call came (Lambda sometimes "
    "initializes early), so callers did not wait for it; add INIT to what they waited."
)
_DURATIONS = (
    "Traced calls took {first[0]} in the median by X-Ray and {first[1]} by REPORT; check what "
    "extensions do after the response."
)
_SENT_AGAIN = (
    "X-Ray shows more attempts of {n:,} calls that were sent once; something between this "
    "machine and Lambda retries. Turn its retries off."
)
_TRIES = (
    "X-Ray and the log disagree on how often {n:,} of {of:,} traced events were tried ({first[0]} "
    "and {first[1]}, say); give a longer --drain, or check these traces."
)
_DWELL = (
    "X-Ray and the log disagree on how long {n:,} of {of:,} traced events waited ({first[0]} and "
    "{first[1]}, say); set this machine's clock."
)


def _init_differs(pair: Pair) -> bool:
    if pair.initialized_early:
        return False
    if pair.sample.cold != pair.shown_cold:
        return True
    ours, theirs = pair.sample.init_ms, pair.traced.init_ms
    return ours is not None and theirs is not None and _far(ours, theirs)


def _init_of(told: Traced | Sample) -> str:
    ms = told.restore_ms if told.init_ms is None else told.init_ms
    return "none" if ms is None else format_ms(ms)


def _far(ours_ms: float, theirs_ms: float, least_ms: float = _MS) -> bool:
    return abs(ours_ms - theirs_ms) > max(least_ms, _SHARE * ours_ms)


def _added_ms(pair: Pair) -> float | None:
    """Return Lambda's own time around a call that ran once and had no INIT."""
    traced = pair.traced
    if traced.service_ms is None or traced.ran_ms is None or pair.shown_cold:
        return None
    if pair.event is not None or traced.attempts is not None or pair.sample.cold:
        return None
    return max(0.0, traced.service_ms - traced.ran_ms)
