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

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from itertools import pairwise
from typing import Any

from tuner.errors import UsageError
from tuner.recording.logs import insights_rows
from tuner.recording.table import Numbers, Row, is_unknown, read_table_text
from tuner.units import format_seconds

FIX = (
    "Give CSV with a column per_minute (calls of each minute), timestamp and invocations, or "
    'timestamp (one call a row), or JSON like {"per_minute": [120, 95]}.'
)
#: Seconds since 1970 reach this in the year 5138; a larger number is milliseconds.
_MILLISECONDS_FROM = 1e11
_MOST_PERIODS = 5_000_000
_NO_CALLS_FIX = "Give at least one period with calls."


@dataclass(frozen=True)
class Counts:
    """Calls of each of the equally long periods, in order."""

    period_s: float
    calls: tuple[float, ...]


@dataclass(frozen=True)
class Moments:
    """When each call came, in seconds since 1970, ascending."""

    at_s: tuple[float, ...]


#: The values of a column with the place of each, for errors.
_Column = Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class _Columns:
    """A file's columns by their names in small letters; ``delimiter`` is that of CSV."""

    name: str
    by_name: Mapping[str, _Column]
    delimiter: str = ","
    period_s: float | None = None

    def found(self, names: Sequence[str]) -> list[str]:
        """Those of the names that there are."""
        return [name for name in names if name in self.by_name]

    def refused(self, reason: str, fix: str = FIX) -> UsageError:
        """The error of the whole file."""
        return UsageError(self.name, reason, fix)


def read_arrivals(content: str, name: str) -> Counts | Moments:
    """Read a file's content; raises UsageError that names the file and the line."""
    stripped = content.lstrip("\ufeff \t\r\n")
    columns = _json(stripped, name) if stripped.startswith(("{", "[")) else _csv(stripped, name)
    if isinstance(columns, Counts):
        return columns
    for key, period_s in _PERIODS.items():
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
    return _moments(columns, times[0])


_PERIODS = {"per_minute": 60.0, "per_second": 1.0, "per_hour": 3600.0, "per_day": 86_400.0}
_TIMES = ("timestamp", "@timestamp", "time", "datetime", "date", "timestamps", "end_timestamp")
_TIME = re.compile(r"(?:timestamp|time|datetime|date|date time)(?: ?\(.*\))?")
_BIN = re.compile(r"bin\(\s*(\d+)?\s*(ms|s|m|h|d)?[a-z]*\s*\)")
_COUNTS = ("invocations", "sum", "samplecount", "count", "counts", "calls", "requests", "hits")
_CALLS = "(?:invocations?|calls?|requests?)"
#: count(*), Sum of Invocations, request_count, Invocations (Sum), total_calls.
_COUNTED = re.compile(
    rf"count\([^)]*\)|sum\({_CALLS}\)|(?:sum|count|number|num|total)[ _](?:of[ _])?{_CALLS}"
    rf"|{_CALLS}[ _:(]+(?:sum|count|total)\)?"
)
#: Columns that tell of one call, even where they are numbers.
_OF_ONE_CALL = re.compile(
    r"@|.*(duration|latency|elapsed|memory|billed|init|status|code|bytes|size|port)|.*(id|ms)$"
)
_OF_SEVERAL = re.compile(r"avg|average|mean|median|max|min|p\d\d|percentile|stddev|total|rate|per_")


def _times(columns: _Columns) -> list[str]:
    named = columns.found(_TIMES)
    named = named or [name for name in columns.by_name if _TIME.fullmatch(name)]
    if named == ["timestamp", "time"] or not named:
        named = named[:1]
    return [name for name in columns.by_name if _BIN.fullmatch(name)] or named


def _counting(columns: _Columns) -> str | None:
    found = columns.found(_COUNTS) + [name for name in columns.by_name if _COUNTED.fullmatch(name)]
    if len(found) < 2 or found[0] == "invocations" or found == ["sum", "samplecount"]:
        return found[0] if found else None
    listed = " and ".join(map(repr, found))
    fix = "Rename the one that counts calls to invocations."
    raise columns.refused(f"has the columns {listed}; which one counts calls?", fix)


def _refuse_unclear(columns: _Columns, time: str) -> None:
    """Raise for a column that may count the calls of a row."""
    if _BIN.fullmatch(time):
        fix = "Query stats count(*) as invocations by bin(5m)."
        raise columns.refused(f"has {time} but no column that counts calls", fix)
    for name, column in columns.by_name.items():
        if name == time or (_OF_ONE_CALL.match(name) and not _OF_SEVERAL.search(name)):
            continue
        values = [value for _, value in column if not is_unknown(value)]
        if values and all(map(_numeric, values)):
            raise columns.refused(
                f"has a column {name[:40]!r}; are rows calls or counts?",
                "Rename it to invocations if it counts calls; drop it if each row is one call.",
            )


def _numeric(value: Any) -> bool:
    if isinstance(value, str):
        return re.fullmatch(r"[+-]?[\d.,  ]*\d[\d.,]*([eE][+-]?\d+)?", value.strip()) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_order(columns: _Columns, key: str, period_s: float) -> Counts:
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


def _known_times(columns: _Columns, count: int) -> list[float]:
    """The moments beside counts; none where there are no such times."""
    column = columns.by_name.get((_times(columns) or [""])[0], ())
    try:
        moments = [_moment(value, place) for place, value in column]
    except UsageError:
        return []
    return moments if len(moments) == count else []


def _counts(name: str, period_s: float, calls: tuple[float, ...]) -> Counts:
    if not math.fsum(calls) > 0.0:
        raise UsageError(name, "has no calls", _NO_CALLS_FIX)
    return Counts(period_s, calls)


def _timed_counts(columns: _Columns, time: str, key: str) -> Counts:
    numbers = _numbers_of(columns, key)
    calls: dict[int, float] = {}
    pairs = zip(columns.by_name[time], columns.by_name[key], strict=True)
    for (place, moment), (there, value) in pairs:
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


def _spread(columns: _Columns, calls: Mapping[int, float], period_s: float | None) -> Counts:
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


def _period_ms(columns: _Columns, moments: Sequence[int]) -> int:
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


def _moments(columns: _Columns, time: str) -> Moments:
    ends = [_moment(value, place) for place, value in columns.by_name[time]]
    if time == "end_timestamp" and "duration" in columns.by_name:  # the Azure trace of 2021
        lasted = [_number(value, place) for place, value in columns.by_name["duration"]]
        ends = [end - took for end, took in zip(ends, lasted, strict=True)]
        functions = {value for _, value in columns.by_name.get("func", ())}
        if len(functions) > 1:
            raise _several(len(functions), columns.name)
    if not ends:
        raise columns.refused("has no calls")
    return Moments(tuple(sorted(ends)))


def _several(count: int, name: str) -> UsageError:
    reason = f"has {count:,} functions: whose traffic is it?"
    return UsageError(name, reason, "Keep the rows of one function.")


def _csv(content: str, name: str) -> _Columns | Counts:
    table = read_table_text(content, name)
    names = [column.lower() for column in table.header]
    rows = list(table.rows)
    if names[:1] == ["full label"]:
        return _console(table.header, rows, name)
    if "1" in names and "1440" in names:
        return _azure_minutes(names, rows, name)
    return _Columns(name, _by_name(names, rows, name), table.delimiter)


def _by_name(names: Sequence[str], rows: Sequence[Row], name: str) -> dict[str, _Column]:
    return {
        column: [(f"{name}, line {line}", cells[place]) for line, cells in rows]
        for place, column in enumerate(names)
        if column
    }


def _console(header: Sequence[str], rows: Sequence[Row], name: str) -> _Columns:
    """CloudWatch's own CSV: lines of facts about each metric, then a time and its values."""
    if len(header) > 2:
        raise UsageError(name, f"has {len(header) - 1} metrics", "Export Invocations alone.")
    facts: dict[str, str] = {"full label": header[-1]}
    while rows and not rows[0][1][0][:4].isdigit():
        facts[rows[0][1][0].strip().lower()] = rows[0][1][-1].strip()
        rows = rows[1:]
    _refuse_other_metric(facts.get("metric") or facts.get("label", ""), name)
    if facts.get("statistic", "sum").lower() not in ("sum", "samplecount", "sample count"):
        reason = f"holds the statistic {facts['statistic'][:40]!r}"
        raise UsageError(name, reason, "Export the Sum of Invocations.")
    known = [(line, cells) for line, cells in rows if not is_unknown(cells[1])]
    period = facts.get("period", "")
    return _Columns(
        name,
        _by_name(("timestamp", "invocations"), known, name),
        period_s=float(period) if re.fullmatch(r"[1-9]\d{0,6}", period, re.ASCII) else None,
    )


_OTHER_METRIC = re.compile(
    r"error|throttle|duration|concurren|latency|iteratorage|deadletter|dropped|memory|utilization"
    r"|utilisation|claimed",
    re.IGNORECASE,
)


def _refuse_other_metric(label: str, name: str) -> None:
    if _OTHER_METRIC.search(label):
        reason = f"holds the metric {label[:40]!r}, not Invocations"
        raise UsageError(name, reason, "Export the Sum of Invocations.")


def _azure_minutes(names: Sequence[str], rows: Sequence[Row], name: str) -> Counts:
    if len(rows) != 1:
        raise _several(len(rows), name)
    line, cells = rows[0]
    by_minute = dict(zip(names, cells, strict=True))
    place = f"{name}, line {line}"
    calls = [_number(by_minute.get(str(minute)), place) for minute in range(1, 1441)]
    return _counts(name, 60.0, tuple(calls))


def _json(content: str, name: str) -> _Columns:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError(name, "is not JSON", FIX) from None
    if isinstance(document, list) and document and all(isinstance(row, dict) for row in document):
        return _from_rows(document, name)
    if not isinstance(document, dict):
        raise UsageError(name, "is not a JSON object", FIX)
    for key, read in _DOCUMENTS.items():
        if isinstance(document.get(key), list):
            _refuse_part(bool(document.get("NextToken")), name)
            return read(document, name)
    return _from_lists(document, name)


def _refuse_part(part: bool, name: str) -> None:
    if part:
        raise UsageError(name, "holds only a part of the results", "Export all of them.")


def _from_lists(document: Mapping[str, Any], name: str, word: str = "") -> _Columns:
    """Lists by the names of columns; ``word`` is what their items are, if not named as the list."""
    columns = {
        key.strip().lower(): [
            (f"{name}, {word or key} {number}", value) for number, value in enumerate(values, 1)
        ]
        for key, values in document.items()
        if isinstance(values, list)
    }
    if len({len(column) for column in columns.values()}) > 1 and not set(columns) & set(_PERIODS):
        raise UsageError(name, "has lists of different lengths", FIX)
    return _Columns(name, columns)


def _from_rows(rows: Sequence[Mapping[str, Any]], name: str) -> _Columns:
    keys = dict.fromkeys(key for row in rows for key in row)
    return _from_lists({key: [row.get(key) for row in rows] for key in keys}, name, "row")


def _statistics(document: Mapping[str, Any], name: str) -> _Columns:
    """Of ``get-metric-statistics``. SampleCount counts calls whatever is measured."""
    points = document["Datapoints"]
    if not all(isinstance(point, dict) for point in points):
        raise UsageError(name, "has Datapoints that are not objects", FIX)
    kept = ("Timestamp", "Sum", "SampleCount")
    rows = [{key: point[key] for key in kept if key in point} for point in points]
    if not rows:
        raise UsageError(name, "has no calls", _NO_CALLS_FIX)
    if not all("Sum" in row or "SampleCount" in row for row in rows):
        fix = "Ask for the Sum of Invocations."
        raise UsageError(name, "has neither Sum nor SampleCount", fix)
    label = str(document.get("Label", ""))
    if _OTHER_METRIC.search(label):
        if not all("SampleCount" in row for row in rows) or "Duration" not in label:
            _refuse_other_metric(label, name)
        rows = [{key: value for key, value in row.items() if key != "Sum"} for row in rows]
    return _from_rows(rows, name)


def _metric_data(document: Mapping[str, Any], name: str) -> _Columns:
    """Of ``get-metric-data``: the one metric, or the one that is labelled Invocations."""
    results = [each for each in document["MetricDataResults"] if isinstance(each, dict)]
    if not results:
        raise UsageError(name, "has no metric", "Ask for the Sum of Invocations.")
    labels = [str(each.get("Label", "")) for each in results]
    chosen = [number for number, label in enumerate(labels) if label.lower() == "invocations"]
    if len(results) > 1 and len(chosen) != 1:
        listed = ", ".join(labels)[:80]
        fix = "Keep the result of Invocations of one function."
        raise UsageError(name, f"has {len(results)} metrics ({listed}); which counts calls?", fix)
    at = chosen[0] if chosen else 0
    result = results[at]
    _refuse_other_metric(labels[at], name)
    _refuse_part(result.get("StatusCode", "Complete") != "Complete", name)
    times, values = result.get("Timestamps"), result.get("Values")
    if not isinstance(times, list) or not isinstance(values, list):
        raise UsageError(name, "has no Timestamps and Values", FIX)
    return _from_lists({"timestamp": times, "invocations": values}, name)


def _insights(document: Mapping[str, Any], name: str) -> _Columns:
    rows = insights_rows(document, name)
    return _from_rows([{k: v for k, v in row.items() if k != "@ptr"} for row in rows], name)


_DOCUMENTS = {"Datapoints": _statistics, "MetricDataResults": _metric_data, "results": _insights}


def _numbers_of(columns: _Columns, key: str) -> Numbers:
    numbers = Numbers(columns.delimiter)
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
        shown = "nothing" if value in (None, "") else repr(value)[:40]
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
        shown = repr(value)[:40] if text else "nothing"
        fix = "Write it like 2026-01-31T09:00:00Z, or as seconds since 1970."
        raise UsageError(place, f"{shown} is not a moment", fix)
    return number / 1000.0 if number >= _MILLISECONDS_FROM else number


def _iso(text: str) -> float:
    if text[4:5] == text[7:8] == "/":  # the console's 2026/01/31
        text = text.replace("/", "-", 2)
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan
