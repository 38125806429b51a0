"""The measured tables, straight from the samples, no curve involved: sizes, and ways to start.

Prices come from ``billing``; ``None`` is not known.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuner.billing.cost import (
    BreakEven,
    billed_ms,
    break_even,
    cached_per_s,
    cost_usd,
    kept_usd,
    provisioned_call_usd,
    provisioned_per_s,
    restore_usd,
)
from tuner.billing.prices import Prices
from tuner.decide.goal import Goal
from tuner.decide.outlook import ColdExtra, cold_extra, usd_per_million
from tuner.decide.result import ColdRow, Interval, SizeRow, StartupRow, WarmRow
from tuner.measure.failures import causes_of, shortened
from tuner.model.observations import Observations
from tuner.model.quantiles import order_statistics
from tuner.records import ON_DEMAND, Advice, FunctionFacts, Outcome, Purpose, Sample, Setting
from tuner.store.documents import StartFacts, Startups
from tuner.units import listed

_ERRORS = (
    *(Outcome.FUNCTION_ERROR, Outcome.TRANSPORT_ERROR, Outcome.SERVICE_ERROR),
    Outcome.CHECK_FAILED,
)
#: Causes that are kept of a size.
_CAUSES = 3
_REASONS = {
    Outcome.OUT_OF_MEMORY: "out of memory",
    Outcome.TIMEOUT: "timed out",
    Outcome.THROTTLED: "throttled",
    Outcome.FUNCTION_ERROR: "the function raised an error",
    Outcome.TRANSPORT_ERROR: "the request got no answer",
    Outcome.SERVICE_ERROR: "Lambda answered with an error",
    Outcome.CHECK_FAILED: "the answer was not as expected",
}


def size_rows(
    samples: Sequence[Sample], observations: Observations, goal: Goal, rates: Prices
) -> tuple[SizeRow, ...]:
    """Return a row per size asked, ascending; warm-up calls count only where they failed.

    ``observations`` are those of the samples."""
    of_size: dict[int, list[Sample]] = defaultdict(list)
    for sample in samples:
        of_size[sample.memory_mb].append(sample)
    terms = _Terms(goal, rates, cold_extra(observations))
    return tuple(_size_row(size, of_size[size], terms) for size in sorted(of_size))


@dataclass(frozen=True)
class _Terms:
    """Terms of pricing; ``cold`` stands in where a size has no cold starts of its own."""

    goal: Goal
    rates: Prices
    cold: ColdExtra


def _size_row(memory_mb: int, samples: list[Sample], terms: _Terms) -> SizeRow:
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
        causes=causes_of(failed, _CAUSES),
    )


def _count(samples: list[Sample], *outcomes: Outcome) -> int:
    return sum(s.outcome in outcomes for s in samples)


def _reason(failed: list[Sample], calls: int) -> str | None:
    """The most frequent way to fail, and how many of the calls it befell."""
    if not failed:
        return None
    ways = [s.outcome for s in failed]
    worst = max(sorted(set(ways)), key=ways.count)
    count, words = ways.count(worst), _REASONS[worst]
    cause = next(iter(causes_of((s for s in failed if s.outcome is worst), 1)), None)
    if cause is not None and worst in _ERRORS and cause.words != worst:
        count, words = cause.count, shortened(cause.words)
    return f"{words} ({count} of {calls} calls)"


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
        init_timeouts=sum(s.init_cut for s in samples),
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
    own_ms = None if cold_ms is None else cold_ms.mean
    extra = terms.cold.over(warm_ms.mean, own_ms) if warm_ms else 0.0
    billed = np.array([main.mean, *(main.mean_ci or ())]) + terms.goal.cold_share * extra
    priced = usd_per_million(billed, np.array([memory_mb]), terms.goal, terms.rates).tolist()
    return Interval(*priced)


_HOUR_S = 3600.0


def startup_rows(
    startups: Startups, samples: Sequence[Sample], facts: FunctionFacts, prices: Prices
) -> tuple[StartupRow, ...]:
    """A row for each way, in the order in which they were measured."""
    of: dict[Setting, list[Sample]] = {}
    for sample in samples:
        of.setdefault(sample.setting.asked, []).append(sample)
    rows = [_startup_row(way, of.get(way.setting, []), facts, prices) for way in startups.each]
    base = next((row for row in rows if row.variant == ON_DEMAND), None)
    return tuple(replace(row, pays=_pays(row, base)) for row in rows)


def startups_usd(startups: Startups, facts: FunctionFacts, prices: Prices) -> float | None:
    """Cost of keeping sandboxes and snapshots for the measurement, calls and restores aside."""
    total = 0.0
    for way in startups.each:
        setting, never_was = way.setting, way.ready_s is None and way.paid_s is None
        if setting.start == ON_DEMAND or never_was:
            continue
        kept, size = setting.provisioned, setting.memory_mb
        part = kept_usd(kept, size, way.paid_s, prices, facts.runtime)
        if part is None:
            return None
        total += part
    return total


def startup_advice(rows: Sequence[StartupRow], prices: Prices) -> tuple[Advice, ...]:
    """Return warnings about the ways that were compared."""
    advice = []
    unknown = [
        row.variant for row in rows if row.variant != ON_DEMAND and row.kept_usd_per_hour is None
    ]
    if unknown:
        text = (
            f"The price of {listed(unknown)} in {prices.region} ({prices.arch}) is unknown "
            "and left out; run `tuner prices --refresh`."
        )
        advice.append(Advice("startup-price", text))
    for row in rows:
        if row.provisioned and row.spilled:
            text = (
                f"{row.spilled} of {row.n} first requests spilled over to on-demand sandboxes "
                f"although {row.provisioned} were provisioned; try again with more."
            )
            advice.append(Advice("spilled-over", text))
    return tuple(advice)


def _startup_row(
    way: StartFacts, samples: Sequence[Sample], facts: FunctionFacts, prices: Prices
) -> StartupRow:
    asked = [s for s in samples if s.purpose is Purpose.COLD]
    ok = [s for s in asked if s.outcome is Outcome.OK]
    first = [s for s in ok if s.cold] if not way.setting.provisioned else ok
    warm = [
        s for s in samples if s.purpose is Purpose.WARM and s.outcome is Outcome.OK and not s.cold
    ]
    failed = len(asked) - len(ok)
    reason = way.note or (f"{failed} of {len(asked)} first calls failed" if failed else None)
    billed = _mean_billed(warm), _mean_billed(first)
    call, start, kept = _priced(way.setting, *billed, facts, prices)
    return StartupRow(
        variant=way.setting.start,
        memory_mb=way.setting.memory_mb,
        status="failed" if not first else "partial" if reason else "ok",
        reason=reason or (None if first else "no call started a sandbox"),
        n=len(first),
        spilled=sum(s.cold for s in first) if way.setting.provisioned else 0,
        ready_s=way.ready_s,
        first_ms=order_statistics([s.service_ms for s in first]),
        init_ms=order_statistics([s.init_ms for s in first]),
        restore_ms=order_statistics([s.restore_ms for s in first]),
        duration_ms=order_statistics([s.duration_ms for s in first]),
        warm_ms=order_statistics([s.duration_ms for s in warm]),
        call_usd=call,
        start_usd=start,
        kept_usd_per_hour=kept,
        provisioned=way.setting.provisioned,
    )


def _priced(
    setting: Setting, usual: float | None, begun: float | None, facts: FunctionFacts, prices: Prices
) -> tuple[float | None, float | None, float | None]:
    """A warm call, what a start adds to it, and an hour of what is kept, by billed ms."""
    size, runtime = setting.memory_mb, facts.runtime
    if setting.provisioned:
        second = provisioned_per_s(setting.provisioned, size, prices)
        call = None if usual is None else provisioned_call_usd(usual, size, prices)
        return call, 0.0, None if second is None else second * _HOUR_S
    call, first = (
        None if each is None else cost_usd(each, size, prices, facts.ephemeral_mb)
        for each in (usual, begun)
    )
    start = None if call is None or first is None else first - call
    if setting.start == ON_DEMAND:
        return call, start, 0.0
    second, restore = cached_per_s(size, prices, runtime), restore_usd(size, prices, runtime)
    whole = None if start is None or restore is None else start + restore
    return call, whole, None if second is None else second * _HOUR_S


def _mean_billed(samples: Sequence[Sample]) -> float | None:
    known = [s.billed_ms for s in samples if s.billed_ms is not None]
    return sum(known) / len(known) if known else None


def _pays(row: StartupRow, base: StartupRow | None) -> BreakEven | None:
    if not row.provisioned or base is None or row.warm_ms is None:
        return None
    if row.kept_usd_per_hour is None or row.call_usd is None or base.call_usd is None:
        return None
    most = row.provisioned * 1000.0 / max(row.warm_ms.mean, 1.0)
    return break_even(
        row.kept_usd_per_hour / _HOUR_S, base.call_usd, row.call_usd, base.start_usd, most
    )
