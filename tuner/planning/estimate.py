"""Forecast of a sweep: money, time and control-plane calls, each from least to most.

Work and what is known of the function's durations in, ranges out. Durations at other sizes are
bounded by two extremes: pure waiting, which memory does not change, and pure computing, which
halves when memory doubles. Nothing is invoked, read or asked here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.billing.cost import billed_ms, cost_usd, logs_usd
from tuner.billing.prices import Prices
from tuner.planning.work import Range, Work

#: START, END and REPORT of one invocation with CloudWatch's 26 bytes for each event; and what a
#: talkative function adds, which nobody knows beforehand.
LOG_BYTES = Range(400, 16_000)
#: A measured mean may be this much off from one day to the next, and a fresh sandbox's too.
_DRIFT = Range(0.6, 1.7)
#: INIT and the first call's own extra. Init durations of "hello world" go from 13 ms (Rust) to
#: 0.5 s (.NET images), of a large web framework to 3 s (maxday/lambda-perf, 2026-08-22; Lambda
#: gives INIT 10 s).
UNKNOWN_INIT_MS = Range(10, 3_000)
#: A sweep's own work: starting the load engine, and choosing what to ask next.
_START_S = Range(0.5, 8)
_ASK_S = Range(0.02, 0.6)


@dataclass(frozen=True)
class Known:
    """Knowledge of the function's time: mean durations (ms) at sizes (MB), and where from.

    Without points every invocation takes from 1 ms to the timeout. ``init_ms`` is INIT and what
    the first call takes beyond a warm one.
    """

    source: str
    points: tuple[tuple[int, float], ...] = ()
    init_ms: Range = UNKNOWN_INIT_MS
    timeout_ms: float = 900_000.0


@dataclass(frozen=True)
class Making:
    """Seconds that it takes to make a version, and that a request is on its way."""

    version_s: Range
    request_s: Range


@dataclass(frozen=True)
class Estimate:
    """The answer. ``cost_usd`` is the function's bill, ``logs_usd`` CloudWatch Logs' (``None``:
    its price is not known)."""

    invocations: Range
    cost_usd: Range
    logs_usd: Range | None
    seconds: Range

    def __add__(self, other: "Estimate") -> "Estimate":
        """Both, one after the other."""
        logs = None
        if self.logs_usd is not None and other.logs_usd is not None:
            logs = self.logs_usd + other.logs_usd
        return Estimate(
            self.invocations + other.invocations,
            self.cost_usd + other.cost_usd,
            logs,
            self.seconds + other.seconds,
        )


def estimate(
    work: Work, sizes_mb: Sequence[int], known: Known, prices: Prices, how: Making
) -> Estimate:
    """Put it together. ``sizes_mb`` are all sizes that may be asked."""
    cheap = min(_call_usd(size, known, prices).low for size in sizes_mb)
    dear = max(_call_usd(size, known, prices).high for size in sizes_mb)
    begun = len(work.first_mb) * work.first
    cost = Range(
        sum(_call_usd(size, known, prices).low for size in work.first_mb) * work.first
        + max(0.0, work.requests.low - begun) * cheap,
        sum(_call_usd(size, known, prices).high for size in work.first_mb) * work.first
        + max(0.0, work.requests.high - begun) * dear,
    )
    cost += _cold_usd(work, sizes_mb, known, prices)
    logs = [logs_usd(work.requests.low * LOG_BYTES.low / 1e9, prices)]
    logs.append(logs_usd(work.requests.high * LOG_BYTES.high / 1e9, prices))
    return Estimate(
        invocations=work.requests,
        cost_usd=cost,
        logs_usd=None if logs[0] is None or logs[1] is None else Range(logs[0], logs[1]),
        seconds=_seconds(work, sizes_mb, known, how),
    )


def duration_ms(memory_mb: int, known: Known) -> Range:
    """Duration of a warm call at this size, as every known point allows."""
    if not known.points:
        return Range(1.0, known.timeout_ms)
    found = bounds_ms(memory_mb, known)
    low, high = found.low * _DRIFT.low, found.high * _DRIFT.high
    return Range(max(1.0, min(low, known.timeout_ms)), max(1.0, min(high, known.timeout_ms)))


def bounds_ms(memory_mb: int, known: Known) -> Range:
    """The same by the known points alone, if nothing drifts."""
    bounds = [_bounds(memory_mb, at_mb, ms) for at_mb, ms in known.points]
    low, high = max(b.low for b in bounds), min(b.high for b in bounds)
    # Points that contradict each other (noise) give low above high.
    return Range(min(low, high), max(low, high))


def _bounds(memory_mb: int, at_mb: int, ms: float) -> Range:
    computing = ms * at_mb / memory_mb
    return Range(min(ms, computing), max(ms, computing))


def _call_usd(memory_mb: int, known: Known, prices: Prices) -> Range:
    took = duration_ms(memory_mb, known)
    return Range(
        cost_usd(billed_ms(took.low), memory_mb, prices),
        cost_usd(billed_ms(took.high), memory_mb, prices),
    )


def _cold_usd(work: Work, sizes_mb: Sequence[int], known: Known, prices: Prices) -> Range:
    """INIT of every sandbox that is started: each size's first, and those forced."""
    begun = work.sizes + work.cold
    low = cost_usd(known.init_ms.low, min(sizes_mb), prices) - prices.request_usd
    high = cost_usd(known.init_ms.high, max(sizes_mb), prices) - prices.request_usd
    return begun * Range(low, high)


def _seconds(work: Work, sizes_mb: Sequence[int], known: Known, how: Making) -> Range:
    times = [duration_ms(size, known) for size in sizes_mb]
    call_s = Range(min(t.low for t in times) / 1000, max(t.high for t in times) / 1000)
    init_s = Range(known.init_ms.low / 1000, known.init_ms.high / 1000)
    inits = work.sizes + work.cold
    return (
        _START_S
        + work.alone * (call_s + how.request_s)
        + work.load_s
        + Range(0, call_s.high if work.load.high else 0.0)  # the last call of a load may be long
        + inits * init_s
        + work.versions * how.version_s
        + work.batches * _ASK_S
    )
