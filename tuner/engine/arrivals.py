"""Recorded arrivals: a CSV of calls per minute, or of the moments of calls, becomes a shape.

Text in, a shape out. Moments count from the first one; minutes follow one another.
"""

import csv
import io
import math
from datetime import UTC, datetime

from tuner.engine.pace import Steps
from tuner.engine.profile import Moments
from tuner.errors import UsageError

_FIX = "Give CSV with a column per_minute (calls of each minute) or timestamp (one call a row)."
_MILLISECONDS_FROM = 1e11  # seconds since 1970 reach this in the year 5138


def read_arrivals(text: str, name: str) -> tuple[Steps | Moments, float]:
    """The shape and how long it lasts in seconds. Raises UsageError that names the line.

    ``timestamp`` is ISO 8601 (UTC if it says nothing else), or seconds, or milliseconds since 1970.
    """
    reader = csv.DictReader(io.StringIO(text, newline=""))
    columns = [(key or "").strip().lower() for key in reader.fieldnames or ()]
    kind = next((key for key in ("per_minute", "timestamp") if key in columns), None)
    if kind is None:
        raise UsageError(name, "has neither a column per_minute nor timestamp", _FIX)
    read = _count if kind == "per_minute" else _moment
    place = columns.index(kind)
    values = []
    try:
        for row in reader:
            cells = [cell for cell in row.values() if not isinstance(cell, list)]
            values.append(read(str(cells[place] or ""), f"{name}, line {reader.line_num}"))
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num}", f"is not CSV: {error}", _FIX) from None
    if not values or (kind == "per_minute" and not any(values)):
        raise UsageError(name, "has no calls", _FIX)
    if kind == "per_minute":
        return Steps(tuple((60.0, count / 60.0) for count in values)), 60.0 * len(values)
    values.sort()
    moments = tuple(value - values[0] for value in values)
    return Moments(moments), max(1.0, moments[-1] + 1e-6)


def _count(text: str, where: str) -> float:
    try:
        count = float(text)
    except ValueError:
        count = math.nan
    if not (math.isfinite(count) and count >= 0):
        raise UsageError(where, f"{text[:30]!r} is not a number of calls", _FIX)
    return count


def _moment(text: str, where: str) -> float:
    try:
        seconds = float(text)
        if math.isfinite(seconds) and abs(seconds) < 1e15:
            return seconds / 1000.0 if abs(seconds) >= _MILLISECONDS_FROM else seconds
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(where, f"{text[:30]!r} is not a moment", _FIX) from None
