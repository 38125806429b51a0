"""The measured table: one row per memory size, straight from the samples, no curve involved."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tuner.billing.cost import billed_ms
from tuner.billing.prices import Prices
from tuner.decide.goal import Goal
from tuner.decide.outlook import ColdExtra, cold_extra, usd_per_million
from tuner.decide.result import ColdRow, Interval, SizeRow, WarmRow
from tuner.model.observations import from_samples
from tuner.model.quantiles import order_statistics
from tuner.records import Outcome, Purpose, Sample

_ERRORS = (Outcome.FUNCTION_ERROR, Outcome.TRANSPORT_ERROR, Outcome.SERVICE_ERROR)
_REASONS = {
    Outcome.OUT_OF_MEMORY: "out of memory",
    Outcome.TIMEOUT: "timed out",
    Outcome.THROTTLED: "throttled",
    Outcome.FUNCTION_ERROR: "the function raised an error",
    Outcome.TRANSPORT_ERROR: "the request got no answer",
    Outcome.SERVICE_ERROR: "Lambda answered with an error",
}


def size_rows(samples: Sequence[Sample], goal: Goal, rates: Prices) -> tuple[SizeRow, ...]:
    """Return a row per size asked, ascending; warm-up calls count only where they failed."""
    of_size: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        of_size[sample.memory_mb].append(sample)
    terms = _Terms(goal, rates, cold_extra(from_samples(samples)))
    return tuple(_row(size, of_size[size], terms) for size in sorted(of_size))


@dataclass(frozen=True)
class _Terms:
    """Terms of pricing; ``cold`` stands in where a size has no cold starts of its own."""

    goal: Goal
    rates: Prices
    cold: ColdExtra


def _row(memory_mb: int, samples: list[Sample], terms: _Terms) -> SizeRow:
    counted = [s for s in samples if s.purpose is not Purpose.WARM_UP]
    ok = [s for s in counted if s.outcome is Outcome.OK]
    warm = [s for s in ok if not s.cold]
    cold = [s for s in ok if s.cold]
    failed = [s for s in samples if s.outcome is not Outcome.OK]
    status = "ok" if ok and not failed else "partial" if ok or not failed else "failed"
    return SizeRow(
        memory_mb=memory_mb,
        status=status,
        reason=_reason(failed, len(samples)) or (None if ok else "only a warm-up call was made"),
        warm=_warm(warm),
        cold=_cold(cold),
        throttles=_count(samples, Outcome.THROTTLED),
        retries=sum(s.attempt > 1 for s in samples),
        errors=_count(samples, *_ERRORS),
        timeouts=_count(samples, Outcome.TIMEOUT),
        out_of_memory=_count(samples, Outcome.OUT_OF_MEMORY),
        cost_usd_per_million=_cost(memory_mb, warm, cold, terms),
    )


def _count(samples: list[Sample], *outcomes: Outcome) -> int:
    return sum(s.outcome in outcomes for s in samples)


def _reason(failed: list[Sample], calls: int) -> str | None:
    """The most frequent way to fail, and how many of the calls it befell."""
    if not failed:
        return None
    ways = [s.outcome for s in failed]
    worst = max(sorted(set(ways)), key=ways.count)
    return f"{_REASONS[worst]} ({ways.count(worst)} of {calls} calls)"


def _warm(samples: list[Sample]) -> WarmRow:
    peaks = [s.max_memory_mb for s in samples if s.max_memory_mb is not None]
    return WarmRow(
        n=len(samples),
        duration_ms=order_statistics([s.duration_ms for s in samples]),
        client_ms=order_statistics([s.latency_ms for s in samples]),
        billed_ms=order_statistics([s.billed_ms for s in samples]),
        max_memory_mb=max(peaks, default=None),
    )


def _cold(samples: list[Sample]) -> ColdRow:
    init = [s.init_ms if s.init_ms is not None else s.restore_ms for s in samples]
    total = [
        None if i is None or s.duration_ms is None else i + s.duration_ms
        for i, s in zip(init, samples, strict=True)
    ]
    return ColdRow(
        n=len(samples),
        init_ms=order_statistics(init),
        duration_ms=order_statistics([s.duration_ms for s in samples]),
        total_ms=order_statistics(total),
        client_ms=order_statistics([s.latency_ms for s in samples]),
    )


def _billed(sample: Sample) -> float | None:
    """Billed ms as reported, else by Lambda's rule: Duration and INIT, rounded up."""
    if sample.billed_ms is not None or sample.duration_ms is None:
        return sample.billed_ms
    return billed_ms(sample.duration_ms, sample.init_ms or 0.0)


def _cost(memory_mb: int, warm: list[Sample], cold: list[Sample], terms: _Terms) -> Interval | None:
    """Mean cost with the 90 % interval of the mean; cold starts at the goal's share, those of
    other sizes where this one has none, so that the sizes stay comparable.

    A size that was only measured cold is not priced, unless nobody measured it on purpose: in a
    recording of first invocations they stand in. With fewer than three rows there is no interval.
    """
    warm_ms, cold_ms = (order_statistics([_billed(s) for s in each]) for each in (warm, cold))
    forced = all(s.purpose is Purpose.COLD for s in cold)
    main = warm_ms or (None if forced else cold_ms)
    if main is None:
        return None
    extra = 0.0
    if warm_ms and cold_ms:
        extra = cold_ms.mean - warm_ms.mean
    elif warm_ms:
        extra = terms.cold.init_ms + (terms.cold.first_over_warm - 1.0) * warm_ms.mean
    billed = np.array([main.mean, *(main.mean_ci or ())]) + terms.goal.cold_share * extra
    priced = usd_per_million(billed, np.array([memory_mb]), terms.goal, terms.rates).tolist()
    return Interval(*priced)
