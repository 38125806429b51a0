"""Production's traffic: a rate, or the calls that a file lists; its month, and how many start cold.

Text in, numbers out. The forms of a file (it is opened elsewhere):

- CSV with a header. A column ``per_minute`` holds the calls of each minute, in order; or a column
  ``timestamp`` holds the moment of each call, as ISO 8601 (UTC if it says nothing else) or as
  seconds or milliseconds since 1970. Other columns are passed over.
- JSON: ``{"per_minute": [120, 95, ...]}`` or ``{"timestamp": ["2026-01-31T09:00:00Z", ...]}``.

Cold starts follow from Poisson arrivals and a fixed idle time-out; no limit on concurrency, no
scheduled recycling, no bursts. Where they were measured under the real traffic, use that instead.
"""

import csv
import heapq
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

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
    """Production's calls. ``rate_per_s`` is the mean; ``slices_per_s`` the mean of each of
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
        raise UsageError(name, "needs calls at two or more moments", _FIX)
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
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return math.nan


#: Seconds until AWS reaps an idle sandbox: probes of 2025 found 43 % cold after 315 s idle, 68 %
#: after 330 s and all after 360 s (ubc-cirrus-lab/demystifying-serverless-costs, keep_alive/aws).
IDLE_TIMEOUT_S = 320.0

#: Beyond this mean number of busy sandboxes the share is not summed up: it falls as the square
#: root of the load, as the pool's relative fluctuation does (within 3 %: ``tests/unit/billing``).
_MOST_SUMMED = 3000.0

#: States of the pool that are less likely than this are left out.
_NEGLIGIBLE = 1e-12


def cold_share(rate_per_s: float, service_s: float, idle_s: float = IDLE_TIMEOUT_S) -> float:
    """Share of calls, 0 to 1, that find no warm sandbox free.

    ``rate_per_s`` calls a second arrive at random and each occupies a sandbox for ``service_s``;
    the sandbox freed last serves first (the order of Mahmoudi and Khazaei, "Performance Modeling
    of Serverless Computing Platforms", IEEE Transactions on Cloud Computing, 2020). Then a call
    that finds j sandboxes busy takes the one that was put down when the busy ones last fell to
    j, and it is cold if that was more than ``idle_s`` ago:

        share = sum over j of Poisson(j; load) * P(time from j busy to j + 1 > idle_s)

    The mean of that time in M/M/infinity is 1 / (rate * B(j, load)), B being Erlang's loss
    formula. Its tail is taken as exponential with the mean time from a pool at rest, weighted so
    that the mean is kept; for load 0 this is the known exp(-rate * idle_s). A simulation of the
    same rules agrees within a few per cent of the share (``tests/unit/billing``).
    """
    if not rate_per_s > 0.0:
        return 1.0
    load = rate_per_s * max(0.0, service_s)
    if load <= _MOST_SUMMED:
        return _summed(rate_per_s, load, idle_s)
    there = _summed(_MOST_SUMMED / service_s, _MOST_SUMMED, idle_s)
    return there * math.sqrt(_MOST_SUMMED / load)


def _summed(rate_per_s: float, load: float, idle_s: float) -> float:
    """Sum :func:`cold_share` over the states of the pool."""
    share, busy = 0.0, 0
    blocked = at_rest = 1.0  # B(busy, load); mean time from rest to busy + 1, in units of 1/rate
    while blocked > _NEGLIGIBLE:
        tail = math.exp(-rate_per_s * idle_s / at_rest) / (blocked * at_rest)
        share += _poisson(busy, load) * tail
        busy += 1
        blocked = load * blocked / (busy + load * blocked)  # A. K. Erlang's recursion (1917)
        if blocked > _NEGLIGIBLE:
            at_rest = at_rest * (1.0 - blocked) + 1.0 / blocked
    return min(1.0, share)


def _poisson(count: int, mean: float) -> float:
    if mean <= 0.0:
        return 1.0 if count == 0 else 0.0
    return math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))


def mean_cold_share(
    rates_per_s: Sequence[float], service_s: float, idle_s: float = IDLE_TIMEOUT_S
) -> float:
    """Share of cold calls under a rate that changes: equally long slices, each long against
    ``idle_s`` (hours of a day, say), weighted by their calls."""
    calls = math.fsum(rates_per_s)
    if not calls > 0.0:
        return 1.0
    return math.fsum(rate * cold_share(rate, service_s, idle_s) for rate in rates_per_s) / calls


def replayed_cold_share(
    arrivals_s: Sequence[float], service_s: float, idle_s: float = IDLE_TIMEOUT_S
) -> float | None:
    """Share of cold calls among known ones (seconds, ascending), by the same rules, exactly.

    What was warm before the first call is not known, so only calls later than ``idle_s`` after it
    count; ``None`` when there are none.
    """
    busy: list[float] = []  # a heap of the moments at which sandboxes become free
    free: list[float] = []  # when the free ones did, ascending
    cold = counted = 0
    for arrival in arrivals_s:
        while busy and busy[0] <= arrival:
            free.append(heapq.heappop(busy))
        warm = bool(free) and arrival - free[-1] <= idle_s
        if warm:
            free.pop()
        else:
            free.clear()  # the others were free for even longer
        heapq.heappush(busy, arrival + service_s)
        if arrival - arrivals_s[0] > idle_s:
            counted += 1
            cold += not warm
    return cold / counted if counted else None
