"""Production's traffic: a rate, or the calls that a file lists; what they are worth a month.

Text in, numbers out. The forms of a file (it is opened elsewhere):

- CSV with a header. A column ``per_minute`` holds the calls of each minute, in order; or a column
  ``timestamp`` holds the moment of each call, as ISO 8601 (UTC if it says nothing else) or as
  seconds or milliseconds since 1970. Other columns are passed over.
- JSON: ``{"per_minute": [120, 95, ...]}`` or ``{"timestamp": ["2026-01-31T09:00:00Z", ...]}``.
"""

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tuner.billing.cold_share import mean_cold_share, replayed_cold_share
from tuner.errors import UsageError
from tuner.units import SECONDS_PER_MONTH, format_rate, format_seconds, parse_rate

_FIX = (
    "Give CSV with a column per_minute (calls of each minute) or timestamp (one call a row), "
    'or JSON like {"per_minute": [120, 95]}.'
)
#: Slices of a changing rate, long against the time for which an idle sandbox is kept.
_SLICE_MINUTES = 60
#: Seconds since 1970 reach this in the year 5138; a larger number is milliseconds.
_MILLISECONDS_FROM = 1e11


@dataclass(frozen=True)
class Demand:
    """When production calls. ``rate_per_s`` is the mean; ``slices_per_s`` the mean of each of
    equally long slices; ``arrivals_s`` the calls themselves, ascending, where they are known.

    ``text`` says what it is from, for readers.
    """

    text: str
    rate_per_s: float
    slices_per_s: tuple[float, ...]
    arrivals_s: tuple[float, ...] = field(default=(), repr=False)

    @property
    def month_calls(self) -> float:
        """Calls of a month of 730 hours that goes on like this."""
        return self.rate_per_s * SECONDS_PER_MONTH

    def cold_share(self, service_s: float) -> float:
        """Share of calls, 0 to 1, that start cold when each takes ``service_s``.

        Known calls are replayed; otherwise they are taken to come at random in each slice.
        """
        replayed = replayed_cold_share(self.arrivals_s, service_s)
        return mean_cold_share(self.slices_per_s, service_s) if replayed is None else replayed


def steady_demand(text: str, option: str = "--traffic") -> Demand:
    """Read ``20rps``, ``1200/min`` or ``3M/month``. Raises UsageError."""
    rate = parse_rate(text, option)
    return Demand(format_rate(rate), rate, (rate,))


def read_demand(content: str, name: str) -> Demand:
    """Read a file's content; raises UsageError that names the file and the line."""
    stripped = content.lstrip("\ufeff \t\r\n")
    columns = _json(stripped, name) if stripped.startswith(("{", "[")) else _csv(stripped, name)
    if "per_minute" in columns:
        return _from_minutes(columns["per_minute"], name)
    if "timestamp" in columns:
        return _from_moments(columns["timestamp"], name)
    raise UsageError(name, "has neither per_minute nor timestamp", _FIX)


#: The values of a column with the place of each, for errors.
_Column = Sequence[tuple[str, Any]]


def _json(content: str, name: str) -> Mapping[str, _Column]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise UsageError(name, "is not JSON", _FIX) from None
    if not isinstance(document, dict):
        raise UsageError(name, "is not a JSON object", _FIX)
    return {
        key: [(f"{name}, {key} {number}", value) for number, value in enumerate(values, 1)]
        for key, values in document.items()
        if isinstance(values, list)
    }


def _csv(content: str, name: str) -> Mapping[str, _Column]:
    reader = csv.DictReader(io.StringIO(content, newline=""))
    found: dict[str, list[tuple[str, Any]]] = {}
    try:
        wanted = {key: key.strip().lower() for key in reader.fieldnames or () if key}
        for row in reader:
            for key, column in wanted.items():
                found.setdefault(column, []).append((f"{name}, line {reader.line_num}", row[key]))
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num}", f"is not CSV: {error}", _FIX) from None
    return found or {column: [] for column in wanted.values()}


def _from_minutes(column: _Column, name: str) -> Demand:
    calls = [_number(value, place) for place, value in column]
    total = math.fsum(calls)
    if not total > 0.0:
        raise UsageError(name, "has no calls", "Give at least one minute with calls.")
    slices = tuple(_slices(calls))
    rate = total / len(calls) / 60.0
    span = format_seconds(len(calls) * 60.0)
    return Demand(f"{format_rate(rate)} on average over {span}", rate, slices)


def _slices(calls: Sequence[float]) -> Iterator[float]:
    """Mean calls per second of slices of about an hour, as long as each other within a minute."""
    count = -(-len(calls) // _SLICE_MINUTES)
    edges = [len(calls) * number // count for number in range(count + 1)]
    for start, end in pairwise(edges):
        yield math.fsum(calls[start:end]) / (end - start) / 60.0


def _from_moments(column: _Column, name: str) -> Demand:
    moments = sorted(_moment(value, place) for place, value in column)
    span = moments[-1] - moments[0] if moments else 0.0
    if span < 0.001:
        raise UsageError(name, "needs calls at two moments at least", _FIX)
    rate = (len(moments) - 1) / span
    arrivals = tuple(moment - moments[0] for moment in moments)
    text = f"{format_rate(rate)} on average, {len(moments):,} calls in {format_seconds(span)}"
    return Demand(text, rate, (rate,), arrivals)


def _number(value: Any, place: str) -> float:
    try:
        number = float(value) if isinstance(value, int | float | str) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if isinstance(value, bool) or not 0.0 <= number < 1e12:
        shown = "nothing" if value in (None, "") else repr(value)[:40]
        raise UsageError(place, f"{shown} is not a number of calls", "Mend or drop the line.")
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
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan
