"""Latencies in little memory, and a load's row per second.

Accumulates samples and derives figures; it prints nothing and sends nothing. Times are seconds on
the run's clock, latencies milliseconds.
"""

import math
from array import array
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from tuner.measure.heat_map import HeatMap, heat_map
from tuner.model.quantiles import chance_below
from tuner.records import Outcome, Sample

_LONGEST_US = 3_600_000_000  # an hour; Lambda allows a quarter of one
_DIGITS = 3
_LEAST_FOR_MEAN = 4
#: What the products of a percentile and a count are off by at most.
_ROUNDED = 1e-6


class Latencies:
    """An HDR histogram of milliseconds from 1 µs to an hour (or ``longest_ms``), to three
    significant digits (hdrhistogram.org)."""

    def __init__(self, longest_ms: float = _LONGEST_US / 1000.0) -> None:
        self._longest_us = round(longest_ms * 1000.0)
        self._histogram: Any = HdrHistogram(1, self._longest_us, _DIGITS)

    def record(self, latency_ms: float) -> None:
        """Count one; what is beyond the range counts as its end."""
        self._histogram.record_value(min(self._longest_us, max(1, round(latency_ms * 1000.0))))

    @property
    def count(self) -> int:
        """Number of recorded values."""
        return int(self._histogram.get_total_count())

    def percentile_ms(self, percent: float) -> float | None:
        """The least recorded latency that so many percent do not exceed; ``None`` of none."""
        if not self.count:
            return None
        rank = math.ceil(percent * self.count / 100.0 - _ROUNDED)
        return self.ranked_ms(max(0, rank - 1))

    def ranked_ms(self, rank: int) -> float:
        """The latency with so many below it in order; there have to be more than that."""
        share = (rank + 1) / self.count * 100.0  # the histogram rounds it to the nearest rank
        return float(self._histogram.get_value_at_percentile(share)) / 1000.0

    def mean_ms(self) -> float | None:
        """The mean, to three digits; ``None`` of none."""
        return float(self._histogram.get_mean_value()) / 1000.0 if self.count else None

    def chance_below(self, limit_ms: float, quantile: float | None) -> float | None:
        """Probability that further values like these have their quantile (0 to 1), or for ``None``
        their mean, below a limit; ``None`` where these cannot tell. It takes them as independent.
        """
        if quantile is None:
            return self._mean_below(limit_ms)
        if not self.count or not 0.0 < quantile < 1.0:
            return None
        below = bisect_left(range(self.count), limit_ms, key=self.ranked_ms)
        return chance_below(below, self.count, quantile)

    def _mean_below(self, limit_ms: float) -> float | None:
        """By Student's t, as a normal of its variance; it has one from four values on."""
        n, mean = self.count, self.mean_ms()
        if mean is None or n < _LEAST_FOR_MEAN:
            return None
        sd = float(self._histogram.get_stddev()) / 1000.0 * math.sqrt(1.0 / (n - 3.0))
        if sd <= 0.0:
            return 1.0 if mean < limit_ms else 0.0
        return NormalDist(mean, sd).cdf(limit_ms)


@dataclass(slots=True)
class Second:
    """One second of a load. ``in_flight`` is the mean number; percentiles are of what ended ok.

    ``asked`` counts calls that were due, ``sent`` requests that left, ``retried`` those of them
    that were no first attempt, ``ok`` good answers.
    """

    at_s: int
    asked: int = 0
    sent: int = 0
    retried: int = 0
    ok: int = 0
    throttled: int = 0
    errors: int = 0
    cold: int = 0
    in_flight: float = 0.0
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None


class Timeline:
    """Samples by second of the run; eight bytes for each, so a million fit easily."""

    def __init__(self) -> None:
        self._seconds: dict[int, Second] = {}
        self._latency_ms: dict[int, array[float]] = defaultdict(lambda: array("d"))

    def add(self, sample: Sample) -> None:
        """Count a sample where it was due, where it was sent and where it ended."""
        if sample.attempt == 1:
            self._at(sample.due_s).asked += 1
        sent = self._at(sample.sent_s)
        sent.sent += 1
        sent.retried += sample.attempt > 1
        ended = self._at(sample.done_s)
        ended.cold += sample.cold
        if sample.outcome is Outcome.OK:
            self._latency_ms[ended.at_s].append(sample.latency_ms)
        elif sample.outcome is Outcome.THROTTLED:
            ended.throttled += 1
        else:
            ended.errors += 1
        for second in range(int(sample.sent_s // 1), int(sample.done_s // 1) + 1):
            inside = min(sample.done_s, second + 1) - max(sample.sent_s, second)
            self._at(second).in_flight += inside

    def seconds(self) -> list[Second]:
        """A row per second from the first to the last, also for those in which nothing was."""
        first, last = min(self._seconds, default=0), max(self._seconds, default=-1)
        return [self._row(second) for second in range(first, last + 1)]

    def heat_map(self) -> HeatMap | None:
        """Latencies of what ended ok over time; ``None`` where nothing did."""
        return heat_map(self._latency_ms)

    def _row(self, second: int) -> Second:
        row, latency_ms = self._seconds.get(second) or Second(second), self._latency_ms.get(second)
        if not latency_ms:
            return replace(row)
        # A percentile that was really measured: between two values, the higher one.
        found = np.percentile(latency_ms, (50, 95, 99), method="higher")
        p50_ms, p95_ms, p99_ms = map(float, found)
        return replace(row, ok=len(latency_ms), p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms)

    def _at(self, moment_s: float) -> Second:
        second = int(moment_s // 1)
        return self._seconds.setdefault(second, Second(second))


def most_at_once(began: npt.ArrayLike, ended: npt.ArrayLike) -> int:
    """Return the most intervals that overlap; at equal times those that end come first."""
    times = np.array([ended, began], dtype=np.float64).ravel()
    steps = np.repeat([-1, 1], times.size // 2)
    return int(np.cumsum(steps[np.argsort(times, kind="stable")]).max(initial=0))
