"""A file of traffic: the calls of each period, or the moment of each call.

Rows are calls only if nothing in the file counts; a file that can mean both is refused with the
question. The forms, all found from the content:

- CSV or JSON with ``per_minute`` (or second, hour, day), in order;
- CSV or JSON with a time and a count: ``timestamp,invocations``, ``Timestamp,Sum``. The period is
  that of the times; a period that is not listed had no calls, as CloudWatch leaves it out;
- CSV or JSON with a time and no count: one call a row;
- CloudWatch: get-metric-statistics, get-metric-data, the console's metric CSV, and results of
  Logs Insights with ``bin()``;
- the Azure Functions traces: columns 1 to 1440 (2019), ``end_timestamp`` and ``duration`` (2021).
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import pairwise
from typing import Any

from tuner.billing.arrival_columns import (
    NO_CALLS_FIX,
    PERIODS,
    Columns,
    read_columns,
    several_functions,
)
from tuner.errors import UsageError
from tuner.recording.table import Numbers, is_unknown
from tuner.units import format_seconds

#: Seconds since 1970 reach this in the year 5138; a larger number is milliseconds.
_MILLISECONDS_FROM = 1e11
_MOST_PERIODS = 5_000_000


@dataclass(frozen=True)
class Counts:
    """Calls of each of the equally long periods, in order."""

    period_s: float
    calls: tuple[float, ...]


@dataclass(frozen=True)
class Moments:
    """When each call came, in seconds since 1970, ascending."""

    at_s: tuple[float, ...]


def read_arrivals(content: str, name: str) -> Counts | Moments:
    """Read a file's content; raises UsageError that names the file and the line."""
    columns = read_columns(content, name)
    for key, period_s in PERIODS.items():
        if key in columns.by_name:
            return _in_order(columns, key, period_s)
    times = _times(columns)
    if len(times) > 1:
        reason = f"has the times {times[0]!r} and {times[1]!r}"
        raise columns.refused(reason, "Keep the one that counts.")
    counts = _counting(columns)
    if not times:
        if counts:
            reason = f"has a column {counts!r} but no timestamp: calls of which period?"
            raise columns.refused(reason, "Name it per_minute, per_hour or per_day.")
        raise columns.refused("has neither per_minute nor timestamp")
    if counts:
        return _timed_counts(columns, times[0], counts)
    _refuse_unclear(columns, times[0])
    found = _moments(columns, times[0])
    _refuse_even(columns, times[0], found.at_s)
    return found


_TIMES = ("timestamp", "@timestamp", "time", "datetime", "date", "timestamps", "end_timestamp")
_TIME = re.compile(r"(?:timestamp|time|datetime|date|date time)(?: ?\(.*\))?")
_BIN = re.compile(r"bin\(\s*(\d+)?\s*(ms|s|m|h|d)?[a-z]*\s*\)")
_COUNTS = ("invocations", "sum", "samplecount", "count", "counts", "calls", "requests", "hits")
_CALLS = "(?:invocations?|calls?|requests?)"
#: count(*), Sum of Invocations, request_count, Invocations (Sum), total_calls.
_COUNTED = re.compile(
    rf"count\([^)]*\)|sum\({_CALLS}\)|(?:sum|count|number|num|total)[ _](?:of[ _])?{_CALLS}"
    rf"|{_CALLS}[ _:(]+(?:sum|count|total)\)?|(?:\w+\.)+{_CALLS}"
)
#: Columns that tell of one call, even where they are numbers.
_OF_ONE_CALL = re.compile(
    r"@|.*(duration|latency|elapsed|memory|billed|init|status|code|bytes|size|port)|.*(id|ms)$"
)
_RATE = re.compile(r"(^|[^a-z])([rtq]p[smh]|per|rate)([^a-z]|$)|/ ?s(ec|$)")
_OF_SEVERAL = re.compile(r"avg|average|mean|median|max|min|p\d\d|percentile|stddev|total|rate|per_")


def _times(columns: Columns) -> list[str]:
    named = columns.found(_TIMES)
    named = named or [name for name in columns.by_name if _TIME.fullmatch(name)]
    if named == ["timestamp", "time"] or not named:
        named = named[:1]
    return [name for name in columns.by_name if _BIN.fullmatch(name)] or named


def _counting(columns: Columns) -> str | None:
    found = columns.found(_COUNTS) + [name for name in columns.by_name if _COUNTED.fullmatch(name)]
    if len(found) < 2 or found[0] == "invocations" or found == ["sum", "samplecount"]:
        return found[0] if found else None
    listed = " and ".join(map(repr, found))
    fix = "Rename the one that counts calls to invocations."
    raise columns.refused(f"has the columns {listed}; which one counts calls?", fix)


def _refuse_unclear(columns: Columns, time: str) -> None:
    """Raise for a column that may count the calls of a row."""
    if _BIN.fullmatch(time):
        fix = "Query stats count(*) as invocations by bin(5m)."
        raise columns.refused(f"has {time} but no column that counts calls", fix)
    for name, column in columns.by_name.items():
        if name == time or (_OF_ONE_CALL.match(name) and not _OF_SEVERAL.search(name)):
            continue
        values = [value for _, value in column if not is_unknown(value)]
        if values and all(map(_numeric, values)):
            if _RATE.search(name):
                fix = "Write the calls of each period as invocations, or give a rate like 20rps."
                raise columns.refused(f"has a column {name[:40]!r}, which is a rate", fix)
            fix = "Rename it to invocations if it counts calls; drop it if each row is one call."
            raise columns.refused(f"has a column {name[:40]!r}; are rows calls or counts?", fix)


def _refuse_even(columns: Columns, time: str, at_s: Sequence[float]) -> None:
    """Raise for figures at times whole minutes apart: they may be those of a period each."""
    others = {name: column for name, column in columns.by_name.items() if name != time}
    gaps = {after - before for before, after in pairwise(at_s)}
    even = len(at_s) > 2 and len(gaps) == 1 and at_s[0] % 60 == 0 and at_s[1] % 60 == 0
    if not even or not others or gaps == {0.0} or any(name.startswith("@") for name in others):
        return  # fields with an @ are those of an event of the log
    if all(
        is_unknown(value) or _numeric(value) for column in others.values() for _, value in column
    ):
        reason = (
            f"has times exactly {format_seconds(gaps.pop())} apart; is a row a call or a period?"
        )
        fix = "Keep the column of times alone if each row is one call, or add one of invocations."
        raise columns.refused(reason, fix)


def _numeric(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[+-]?[\d.,  ]*\d[\d.,]*([eE][+-]?\d+)?", value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_order(columns: Columns, key: str, period_s: float) -> Counts:
    numbers = _numbers_of(columns, key)
    calls = tuple(_number(value, place, numbers) for place, value in columns.by_name[key])
    moments = _known_times(columns, len(calls))
    if len(moments) < 2:
        return _counts(columns.name, period_s, calls)
    gap_s = min(after - before for before, after in pairwise(sorted(moments)))
    if round(1000.0 * gap_s) != round(1000.0 * period_s):
        reason = f"has a column {key!r}, but times {format_seconds(gap_s)} apart"
        raise columns.refused(reason, "Name it invocations if it counts the calls of each row.")
    at_ms = (round(1000.0 * moment) for moment in moments)
    return _spread(columns, dict(zip(at_ms, calls, strict=True)), period_s)


def _known_times(columns: Columns, count: int) -> list[float]:
    """The moments beside counts; none where there are no such times."""
    column = columns.by_name.get((_times(columns) or [""])[0], ())
    try:
        moments = [_moment(value, place) for place, value in column]
    except UsageError:
        return []
    return moments if len(moments) == count else []


def _counts(name: str, period_s: float, calls: tuple[float, ...]) -> Counts:
    if not math.fsum(calls) > 0.0:
        raise UsageError(name, "has no calls", NO_CALLS_FIX)
    return Counts(period_s, calls)


def _timed_counts(columns: Columns, time: str, key: str) -> Counts:
    numbers = _numbers_of(columns, key)
    calls: dict[int, float] = {}
    pairs = zip(columns.by_name[time], columns.by_name[key], strict=True)
    for (place, moment), (there, value) in pairs:
        if value in (None, ""):  # a period without data, as if it were not listed
            continue
        at_ms = round(1000.0 * _moment(moment, place))
        if at_ms in calls:
            fix = "Keep the rows of one function, or add up its counts of each time."
            raise UsageError(place, f"has the time {str(moment)[:40]!r} a second time", fix)
        calls[at_ms] = _number(value, there, numbers)
        if calls[at_ms] != int(calls[at_ms]):
            reason = f"{str(value)[:40]!r} is not a whole number of calls"
            raise UsageError(there, reason, f"Does {key!r} count calls? Export Sum, not Average.")
    return _spread(columns, calls, columns.period_s or _binned_s(time))


def _binned_s(time: str) -> float | None:
    match = _BIN.fullmatch(time)
    if not match or not match[2]:
        return None
    seconds = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}[match[2]]
    return int((match[1] or "1")[:9]) * seconds or None


def _spread(columns: Columns, calls: Mapping[int, float], period_s: float | None) -> Counts:
    """The calls of every period from the first time to the last; none where none is listed."""
    moments = sorted(calls)
    period_ms = round(1000.0 * period_s) if period_s else _period_ms(columns, moments)
    count = (moments[-1] - moments[0]) // period_ms + 1 if moments else 0
    if count > _MOST_PERIODS:
        raise columns.refused(f"spans {count:,} periods", "Give a part of it.")
    every = [0.0] * count
    for at_ms, number in calls.items():
        place, rest = divmod(at_ms - moments[0], period_ms)
        if rest:
            reason = f"has times that are not whole periods of {format_seconds(period_ms / 1000)}"
            raise columns.refused(f"{reason} apart", "Write all times in UTC.")
        every[place] += number
    return _counts(columns.name, period_ms / 1000.0, tuple(every))


def _period_ms(columns: Columns, moments: Sequence[int]) -> int:
    """The shortest gap, which has to divide all others."""
    gaps = {after - before for before, after in pairwise(moments)}
    if not gaps:
        reason = "has counts of one time only: calls of which period?"
        raise columns.refused(reason, "Give two periods or more, or a rate like 20rps.")
    period = reduce(math.gcd, gaps)
    if period in gaps and period % 1000 == 0:
        return period
    shown = " and ".join(format_seconds(gap / 1000.0) for gap in sorted(gaps)[:2])
    reason = f"has counts at gaps of {shown}: calls of which period?"
    raise columns.refused(reason, "List every period, with 0 where there were no calls.")


def _moments(columns: Columns, time: str) -> Moments:
    ends = [_moment(value, place) for place, value in columns.by_name[time]]
    if time == "end_timestamp" and "duration" in columns.by_name:  # the Azure trace of 2021
        lasted = [_number(value, place) for place, value in columns.by_name["duration"]]
        ends = [end - took for end, took in zip(ends, lasted, strict=True)]
        functions = {value for _, value in columns.by_name.get("func", ())}
        if len(functions) > 1:
            raise several_functions(len(functions), columns.name)
    if not ends:
        raise columns.refused("has no calls")
    return Moments(tuple(sorted(ends)))


def _numbers_of(columns: Columns, key: str) -> Numbers:
    numbers = Numbers(columns.delimiter, whole=True)
    numbers.learn(value for _, value in columns.by_name[key] if isinstance(value, str))
    return numbers


def _number(value: Any, place: str, numbers: Numbers | None = None) -> float:
    try:
        text = numbers.plain(value) if numbers and isinstance(value, str) else value
        number = float(text) if isinstance(text, int | float | str) else math.nan
    except UsageError as error:
        raise UsageError(place, error.reason, error.fix) from None
    except (ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not 0.0 <= number < 1e12:
        shown = "an empty value" if value in (None, "") else repr(value)[:40]
        raise UsageError(place, f"{shown} is not a number of calls", "Fix or drop the line.")
    return number


def _moment(value: Any, place: str) -> float:
    """Seconds since 1970."""
    text = str(value).strip() if isinstance(value, int | float | str) else ""
    try:
        number = float(text)
    except ValueError:
        number = _iso(text)
    if isinstance(value, bool) or not 0.0 <= number < 1e15:
        shown = repr(value)[:40] if text else "an empty value"
        fix = "Write it like 2026-01-31T09:00:00Z, or as seconds since 1970."
        raise UsageError(place, f"{shown} is not a moment", fix)
    return number / 1000.0 if number >= _MILLISECONDS_FROM else number


def _iso(text: str) -> float:
    if text[4:5] == text[7:8] == "/":  # the console's 2026/01/31
        text = text.replace("/", "-", 2)
    if text.endswith(" UTC"):  # as databases write it
        text = f"{text.removesuffix(' UTC')}Z"
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan
