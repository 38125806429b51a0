"""Costs of invocations, and of sandboxes that start otherwise than on demand.

Pure arithmetic on numbers or arrays of them; prices come from ``prices.py``, and ``None`` is a
price that is not known. Rules: AWS Lambda pricing (1 GB = 1024 MB, 1 ms steps) and "AWS Lambda
standardizes billing for INIT phase" (2025-04-29): since 2025-08-01 INIT is billed for every
configuration. Provisioned concurrency is billed from when it is allocated, in steps of five
minutes, and calls to it at a rate of their own; a SnapStart version of Python or .NET for the time
that it exists, three hours at least, and for each restore; Java pays neither.
"""

import math
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from tuner.billing.prices import Prices
from tuner.records import Sample
from tuner.sample_table import SampleTable

FloatArray = NDArray[np.float64]
_Number = TypeVar("_Number", float, FloatArray)

#: /tmp up to this size is part of the price of the memory (AWS Lambda pricing).
FREE_EPHEMERAL_MB = 512


def billed_ms(duration_ms: _Number, init_ms: _Number | float = 0.0) -> _Number:
    """Billed Duration: duration plus INIT (or billed restore), rounded up to whole ms, at least 1.

    Broadcasts; NaN stays NaN. Where REPORT gives Billed Duration, use that: the figures that it
    shows are rounded to 0.01 ms, so AWS may bill 1 ms more than this when they end in .00.
    """
    # 100.1 + 99.9 is a little above 200 in binary; REPORT has three decimals at most.
    billed: _Number = _plain(np.maximum(np.ceil(np.round(duration_ms + init_ms, 6)), 1.0))
    return billed


@overload
def cost_usd(
    billed: float, memory_mb: float, prices: Prices, ephemeral_mb: float = ..., calls: int = ...
) -> float: ...
@overload
def cost_usd(
    billed: FloatArray,
    memory_mb: float | NDArray[np.number[Any]],
    prices: Prices,
    ephemeral_mb: float = ...,
) -> FloatArray: ...
def cost_usd(
    billed: Any,
    memory_mb: Any,
    prices: Prices,
    ephemeral_mb: float = FREE_EPHEMERAL_MB,
    calls: int = 1,
) -> float | FloatArray:
    """US dollars of an invocation: first-tier duration, the request fee, /tmp above 512 MB.

    ``billed`` in ms (INIT included), all together where there are several ``calls``; ``memory_mb``
    and ``ephemeral_mb`` in MB; broadcasts. A /tmp price that is not known is left out
    (:func:`tuner.billing.prices.price_advice` says so).
    """
    extra_gb = max(0.0, ephemeral_mb - FREE_EPHEMERAL_MB) / 1024.0
    storage = extra_gb * (prices.ephemeral_gb_second_usd or 0.0)
    # Plain operators: a load has a million floats, for each of which numpy takes long.
    duration = billed / 1000.0 * (memory_mb / 1024.0 * prices.gb_second_usd + storage)
    usd: float | FloatArray = _plain(duration + calls * prices.request_usd)
    return usd


def sample_usd(
    sample: Sample, prices: Prices, ephemeral_mb: float = FREE_EPHEMERAL_MB
) -> float | None:
    """US dollars of one request, by its REPORT or by Lambda's rule for its durations.

    ``None`` where it has neither: a throttle is not billed, and a lost report is not known.
    """
    billed = sample.billed_ms
    if billed is None and sample.duration_ms is not None:
        billed = billed_ms(sample.duration_ms, sample.init_ms or 0.0)
    if billed is None:
        return None
    return cost_usd(billed, sample.memory_mb, prices, ephemeral_mb)


#: One figure of CloudWatch's GetMetricData, which is in no free tier: $0.01 per 1,000 metrics
#: requested (Amazon CloudWatch pricing, us-east-1).
FIGURE_USD = 0.01 / 1000


def billed_of(samples: SampleTable) -> FloatArray:
    """Billed ms of each request as :func:`sample_usd` takes it; NaN where it is not known."""
    reported = samples.billed_ms
    unknown = np.isnan(reported)
    if not unknown.any():
        return reported
    ruled = billed_ms(samples.duration_ms, np.nan_to_num(samples.init_ms))
    return np.where(unknown, ruled, reported)


def usd_of(
    samples: SampleTable, prices: Prices, ephemeral_mb: float = FREE_EPHEMERAL_MB
) -> FloatArray:
    """As :func:`sample_usd`, of each of many requests; NaN where it is not billed or not known."""
    return cost_usd(billed_of(samples), samples.memory_mb, prices, ephemeral_mb)


def logs_usd(gigabytes: float, prices: Prices) -> float | None:
    """US dollars of CloudWatch Logs' first tier; ``None`` where the region's price is not known."""
    return None if prices.logs_gb_usd is None else gigabytes * prices.logs_gb_usd


def _plain(values: Any) -> Any:
    return float(values) if isinstance(values, float) else values


#: Provisioned concurrency is billed in steps, a snapshot for three hours at least; seconds.
_STEP_S = 300.0
_LEAST_CACHE_S = 3 * 3600.0


def provisioned_per_s(count: int, memory_mb: float, prices: Prices) -> float | None:
    """A second of ``count`` sandboxes kept ready."""
    return _of_gb(count * memory_mb, prices.provisioned_capacity_gb_second_usd)


def cached_per_s(memory_mb: float, prices: Prices, runtime: str | None) -> float | None:
    """A second of one published snapshot."""
    each = prices.snap_start_cache_gb_second_usd
    return _of_gb(memory_mb, 0.0 if _free_snapshots(runtime) else each)


def restore_usd(memory_mb: float, prices: Prices, runtime: str | None) -> float | None:
    """One restore, beside its part of Billed Duration."""
    each = prices.snap_start_restore_gb_usd
    return _of_gb(memory_mb, 0.0 if _free_snapshots(runtime) else each)


def _of_gb(memory_mb: float, each_usd: float | None) -> float | None:
    return None if each_usd is None else memory_mb / 1024.0 * each_usd


def _free_snapshots(runtime: str | None) -> bool:
    return (runtime or "").startswith("java")


def provisioned_call_usd(billed_ms: float, memory_mb: float, prices: Prices) -> float | None:
    """One call in a provisioned sandbox, its request fee included."""
    second = _of_gb(memory_mb, prices.provisioned_duration_gb_second_usd)
    return None if second is None else billed_ms / 1000.0 * second + prices.request_usd


def kept_usd(
    count: int, memory_mb: float, paid_s: float | None, prices: Prices, runtime: str | None
) -> float | None:
    """Cost of keeping ``count`` sandboxes for so long, or (0) one snapshot for the minimum time."""
    if count == 0:
        second, seconds = cached_per_s(memory_mb, prices, runtime), _LEAST_CACHE_S
    else:
        second = provisioned_per_s(count, memory_mb, prices)
        seconds = max(1, math.ceil((paid_s or 0.0) / _STEP_S)) * _STEP_S
    return None if second is None else second * seconds


@dataclass(frozen=True)
class BreakEven:
    """Traffic from which provisioned sandboxes cost no more than on demand; ``None``: never.

    ``per_second``: calls a second, spread evenly, none of them cold on demand. ``cold_share``: the
    share of calls that would be cold on demand, at one call a second.
    """

    per_second: float | None
    cold_share: float | None


def break_even(
    kept_per_s: float, call_usd: float, provisioned_usd: float, cold_usd: float | None, most: float
) -> BreakEven:
    """``call_usd`` and ``provisioned_usd`` are a warm call on demand and provisioned, ``cold_usd``
    what a cold start adds to the former; ``most`` calls a second is what the sandboxes can serve.

    kept = rate * (call - provisioned + share * cold), solved for rate and for share.
    """
    saved = call_usd - provisioned_usd
    rate = kept_per_s / saved if saved > 0.0 else math.inf
    share = None
    if cold_usd is not None and most >= 1.0:
        needed = kept_per_s - saved
        share = 0.0 if needed <= 0.0 else needed / cold_usd if cold_usd > 0.0 else math.inf
    return BreakEven(
        rate if rate <= most else None, share if share is not None and share <= 1.0 else None
    )
