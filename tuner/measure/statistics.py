"""Latencies that merge exactly, and a load's row per second.

Accumulates samples and derives figures; it prints nothing and sends nothing. Times are seconds on
the run's clock, latencies milliseconds.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from tuner.records import Outcome, Sample

_LONGEST_US = 3_600_000_000  # an hour; Lambda allows a quarter of one
_DIGITS = 3


class Latencies:
    """An HDR histogram of milliseconds from 1 µs to an hour (or ``longest_ms``), to three
    significant digits.

    Histograms of several workers merge into exactly the one of all their samples
    (hdrhistogram.org).
    """

    def __init__(
        self, encoded: bytes | None = None, *, longest_ms: float = _LONGEST_US / 1000.0
    ) -> None:
        self._longest_us = round(longest_ms * 1000.0)
        self._histogram: Any = HdrHistogram(1, self._longest_us, _DIGITS)
        if encoded is not None:
            self._histogram.decode_and_add(encoded)

    def record(self, latency_ms: float) -> None:
        """Count one; what is beyond the range counts as its end."""
        self._histogram.record_value(min(self._longest_us, max(1, round(latency_ms * 1000.0))))

    def merge(self, other: "Latencies") -> None:
        """Add everything that the other has counted."""
        self._histogram.add(other._histogram)

    @property
    def count(self) -> int:
        """Number of recorded values."""
        return int(self._histogram.get_total_count())

    def percentile_ms(self, percent: float) -> float | None:
        """The latency that so many percent do not exceed; ``None`` of none."""
        if not self.count:
            return None
        return float(self._histogram.get_value_at_percentile(percent)) / 1000.0

    def ranked_ms(self, rank: int) -> float:
        """The latency with so many below it in order; there have to be more than that."""
        return self.percentile_ms((rank + 1) / self.count * 100.0) or 0.0

    def mean_ms(self) -> float | None:
        """The mean, to three digits; ``None`` of none."""
        return float(self._histogram.get_mean_value()) / 1000.0 if self.count else None

    def encode(self) -> bytes:
        """Compressed, in HdrHistogram's own interchange format (V2, base64)."""
        encoded: bytes = self._histogram.encode()
        return encoded


@dataclass(frozen=True, slots=True)
class Second:
    """One second of a load. ``in_flight`` is the mean number; percentiles are of what ended ok.

    ``asked`` counts calls that were due, ``sent`` requests that left, ``ok`` good answers.
    """

    at_s: int
    asked: int
    sent: int
    ok: int
    throttled: int
    errors: int
    cold: int
    in_flight: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


@dataclass(slots=True)
class _Tally:
    asked: int = 0
    sent: int = 0
    throttled: int = 0
    errors: int = 0
    cold: int = 0
    in_flight: float = 0.0
    latency_ms: "array[float]" = field(default_factory=lambda: array("d"))


class Timeline:
    """Samples by second of the run; eight bytes for each, so a million fit easily."""

    def __init__(self) -> None:
        self._seconds: dict[int, _Tally] = {}

    def add(self, sample: Sample) -> None:
        """Count a sample where it was due, where it was sent and where it ended."""
        if sample.attempt == 1:
            self._at(sample.due_s).asked += 1
        self._at(sample.sent_s).sent += 1
        ended = self._at(sample.done_s)
        ended.cold += sample.cold
        if sample.outcome is Outcome.OK:
            ended.latency_ms.append(sample.latency_ms)
        elif sample.outcome is Outcome.THROTTLED:
            ended.throttled += 1
        else:
            ended.errors += 1
        for second in range(int(sample.sent_s // 1), int(sample.done_s // 1) + 1):
            inside = min(sample.done_s, second + 1) - max(sample.sent_s, second)
            self._at(second).in_flight += inside

    def seconds(self) -> list[Second]:
        """A row per second from the first to the last, also for those in which nothing was."""
        if not self._seconds:
            return []
        rows = range(min(self._seconds), max(self._seconds) + 1)
        return [_row(second, self._seconds.get(second) or _Tally()) for second in rows]

    def _at(self, moment_s: float) -> _Tally:
        return self._seconds.setdefault(int(moment_s // 1), _Tally())


def _row(second: int, tally: _Tally) -> Second:
    quantiles: Iterable[float | None] = (None, None, None)
    if tally.latency_ms:
        # A percentile that was really measured: between two values, the higher one.
        found = np.percentile(tally.latency_ms, (50, 95, 99), method="higher")
        quantiles = tuple(float(value) for value in found)
    return Second(
        second,
        tally.asked,
        tally.sent,
        len(tally.latency_ms),
        tally.throttled,
        tally.errors,
        tally.cold,
        tally.in_flight,
        *quantiles,
    )


def most_at_once(began: npt.ArrayLike, ended: npt.ArrayLike) -> int:
    """Return the most intervals that overlap; at equal times those that end come first."""
    times = np.array([ended, began], dtype=np.float64).ravel()
    steps = np.repeat([-1, 1], times.size // 2)
    return int(np.cumsum(steps[np.argsort(times, kind="stable")]).max(initial=0))
