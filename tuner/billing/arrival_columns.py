"""The columns of a file of traffic, whatever its form; what they mean is told in ``arrivals.py``.

The forms are found from the content: CSV and JSON as rows or lists; get-metric-statistics,
get-metric-data, the console's metric CSV and results of Logs Insights from CloudWatch; the Azure
Functions trace of 2019. What is no metric of invocations is refused.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.errors import UsageError
from tuner.recording.logs import insights_rows
from tuner.recording.table import Row, is_unknown, read_table_text

FIX = (
    "Give CSV with a column per_minute (calls of each minute), timestamp and invocations, or "
    'timestamp (one call a row), or JSON like {"per_minute": [120, 95]}.'
)
NO_CALLS_FIX = "Give at least one period with calls."
#: Columns of counts by their period in seconds.
PERIODS = {"per_minute": 60.0, "per_second": 1.0, "per_hour": 3600.0, "per_day": 86_400.0}

#: The values of a column with the place of each, for errors.
_Column = Sequence[tuple[str, Any]]


@dataclass(frozen=True)
class Columns:
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


def read_columns(content: str, name: str) -> Columns:
    """Read a file's content; raises UsageError that names the file and the line."""
    stripped = content.lstrip("\ufeff \t\r\n")
    return _json(stripped, name) if stripped.startswith(("{", "[")) else _csv(stripped, name)


def _csv(content: str, name: str) -> Columns:
    table = read_table_text(content, name)
    names = [column.lower() for column in table.header]
    rows = list(table.rows)
    if names[:1] == ["full label"]:
        return _console(table.header, rows, name)
    if _has_facts(rows) and not any(map(_NAME_OF_TIME.fullmatch, names)):
        fix = "Set the console's language to English and export it again."
        raise UsageError(name, "begins with lines that are not CloudWatch's in English", fix)
    if "1" in names and "1440" in names:
        return _azure_minutes(names, rows, name)
    return Columns(name, _by_name(names, rows, name), table.delimiter)


def _by_name(names: Sequence[str], rows: Sequence[Row], name: str) -> dict[str, _Column]:
    return {
        column: [(f"{name}, line {line}", cells[place]) for line, cells in rows]
        for place, column in enumerate(names)
        if column
    }


#: As the console writes a time.
_CONSOLE_TIME = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d.*")
_NAME_OF_TIME = re.compile(r".*(time|date|bin\().*")


def _has_facts(rows: Sequence[Row]) -> bool:
    """True if lines of words come before times as the console writes them."""
    first = [cells[0] for _, cells in rows]
    return bool(first) and first[0][:1].isalpha() and any(map(_CONSOLE_TIME.fullmatch, first))


def _console(header: Sequence[str], rows: Sequence[Row], name: str) -> Columns:
    """CloudWatch's own CSV: lines of facts about each metric, then a time and its values."""
    if len(header) > 2:
        raise UsageError(name, f"has {len(header) - 1} metrics", "Export Invocations alone.")
    facts: dict[str, str] = {"full label": header[-1]}
    while rows and not rows[0][1][0][:1].isdigit():
        facts[rows[0][1][0].strip().lower()] = rows[0][1][-1].strip()
        rows = rows[1:]
    if not rows:
        fix = "Export it again, with times like 2026/01/31 09:00:00."
        raise UsageError(name, "has no line that begins with a time", fix)
    _refuse_other_metric(facts.get("metric") or facts.get("label", ""), name)
    if facts.get("statistic", "sum").lower() not in ("sum", "samplecount", "sample count"):
        reason = f"holds the statistic {facts['statistic'][:40]!r}"
        raise UsageError(name, reason, "Export the Sum of Invocations.")
    known = [(line, cells) for line, cells in rows if not is_unknown(cells[1])]
    period = facts.get("period", "")
    return Columns(
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


def _azure_minutes(names: Sequence[str], rows: Sequence[Row], name: str) -> Columns:
    if len(rows) != 1:
        raise several_functions(len(rows), name)
    line, cells = rows[0]
    by_minute = dict(zip(names, cells, strict=True))
    minutes = [by_minute.get(str(minute)) for minute in range(1, 1441)]
    return Columns(name, {"per_minute": [(f"{name}, line {line}", calls) for calls in minutes]})


def several_functions(count: int, name: str) -> UsageError:
    """The error of a trace of several functions."""
    reason = f"has {count:,} functions: whose traffic is it?"
    return UsageError(name, reason, "Keep the rows of one function.")


def _json(content: str, name: str) -> Columns:
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


def _from_lists(document: Mapping[str, Any], name: str, word: str = "") -> Columns:
    """Lists by the names of columns; ``word`` is what their items are, if not named as the list."""
    columns = {
        key.strip().lower(): [
            (f"{name}, {word or key} {number}", value) for number, value in enumerate(values, 1)
        ]
        for key, values in document.items()
        if isinstance(values, list)
    }
    if len({len(column) for column in columns.values()}) > 1 and not set(columns) & set(PERIODS):
        raise UsageError(name, "has lists of different lengths", FIX)
    return Columns(name, columns)


def _from_rows(rows: Sequence[Mapping[str, Any]], name: str) -> Columns:
    keys = dict.fromkeys(key for row in rows for key in row)
    return _from_lists({key: [row.get(key) for row in rows] for key in keys}, name, "row")


def _statistics(document: Mapping[str, Any], name: str) -> Columns:
    """Of ``get-metric-statistics``. SampleCount counts calls whatever is measured."""
    points = document["Datapoints"]
    if not all(isinstance(point, dict) for point in points):
        raise UsageError(name, "has Datapoints that are not objects", FIX)
    kept = ("Timestamp", "Sum", "SampleCount")
    rows = [{key: point[key] for key in kept if key in point} for point in points]
    if not rows:
        raise UsageError(name, "has no calls", NO_CALLS_FIX)
    if not all("Sum" in row or "SampleCount" in row for row in rows):
        fix = "Ask for the Sum of Invocations."
        raise UsageError(name, "has neither Sum nor SampleCount", fix)
    label = str(document.get("Label", ""))
    if _OTHER_METRIC.search(label):
        if not all("SampleCount" in row for row in rows) or "Duration" not in label:
            _refuse_other_metric(label, name)
        rows = [{key: value for key, value in row.items() if key != "Sum"} for row in rows]
    return _from_rows(rows, name)


def _metric_data(document: Mapping[str, Any], name: str) -> Columns:
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


def _insights(document: Mapping[str, Any], name: str) -> Columns:
    rows = insights_rows(document, name)
    if not rows:
        fix = "Run the query again over a time with calls."
        raise UsageError(name, "has no results", fix)
    return _from_rows([{k: v for k, v in row.items() if k != "@ptr"} for row in rows], name)


_DOCUMENTS = {"Datapoints": _statistics, "MetricDataResults": _metric_data, "results": _insights}
