"""What it costs to have sandboxes start otherwise than on demand, and from when that pays.

Pure arithmetic in US dollars; ``None`` where a region's price is not known. Rules: AWS Lambda
pricing. Provisioned concurrency is billed from when it is allocated, in steps of five minutes, and
calls to it at a rate of their own; a SnapStart version of Python or .NET for the time that it
exists, three hours at least, and for each restore; Java pays neither.
"""

import math
from dataclasses import dataclass

from tuner.billing.prices import Prices

STEP_S = 300.0
LEAST_CACHE_S = 3 * 3600.0


def free_snapshots(runtime: str | None) -> bool:
    """Whether SnapStart costs nothing for this runtime."""
    return (runtime or "").startswith("java")


def provisioned_per_s(count: int, memory_mb: float, prices: Prices) -> float | None:
    """A second of ``count`` sandboxes kept ready."""
    each = prices.provisioned_capacity_gb_second_usd
    return None if each is None else count * memory_mb / 1024.0 * each


def cached_per_s(memory_mb: float, prices: Prices, runtime: str | None) -> float | None:
    """A second of one published snapshot."""
    if free_snapshots(runtime):
        return 0.0
    each = prices.snap_start_cache_gb_second_usd
    return None if each is None else memory_mb / 1024.0 * each


def restore_usd(memory_mb: float, prices: Prices, runtime: str | None) -> float | None:
    """One restore, beside its part of Billed Duration."""
    if free_snapshots(runtime):
        return 0.0
    each = prices.snap_start_restore_gb_usd
    return None if each is None else memory_mb / 1024.0 * each


def provisioned_call_usd(billed_ms: float, memory_mb: float, prices: Prices) -> float | None:
    """One call in a provisioned sandbox, its request fee included."""
    each = prices.provisioned_duration_gb_second_usd
    if each is None:
        return None
    return billed_ms / 1000.0 * memory_mb / 1024.0 * each + prices.request_usd


def kept_usd(
    count: int, memory_mb: float, paid_s: float | None, prices: Prices, runtime: str | None
) -> float | None:
    """What it cost to keep ``count`` sandboxes for so long, or (0) one snapshot at the least."""
    if count == 0:
        second = cached_per_s(memory_mb, prices, runtime)
        return None if second is None else second * LEAST_CACHE_S
    second = provisioned_per_s(count, memory_mb, prices)
    steps = max(1, math.ceil((paid_s or 0.0) / STEP_S))
    return None if second is None else second * steps * STEP_S


@dataclass(frozen=True)
class BreakEven:
    """From when provisioned sandboxes cost no more than on demand; ``None``: never.

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
